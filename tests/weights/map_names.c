/* SPDX-License-Identifier: Apache-2.0
 *
 * The real names and shapes of every network of torchvision, timm and transformers that is ours too (names-torch.gz,
 * written by check_torch.py) must all be found: every parameter has a tensor or a fixed value, in a layout that fits;
 * every tensor is taken or known not to matter; and among all networks the right one is nearest. */
#include "weights/names/map.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "check/harness.h"
#include "weights/weights.h"

enum { MAX_NETWORKS = 128, MAX_TENSORS = 4096, LINE = 256 };

typedef struct network {
    char origin[32], arch[64], dialect[16];
    int first, count; /* of tensors */
} network;

static network networks[MAX_NETWORKS];
static int n_networks;
static struct {
    weft_weight *tensors;
    int count;
} all;
static weft_ctx *ctx;

/* The list is read before any test runs. */
static void need(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "weights_map_names: %s\n", what);
    exit(EXIT_FAILURE);
}

/* "64,3,7,7", "-" for a scalar. */
static weft_shape parse_shape(const char *text)
{
    weft_shape shape = { 0 };

    while (*text && *text != '-' && shape.rank < WEFT_MAX_RANK) {
        char *end;

        shape.dim[shape.rank++] = strtoll(text, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
    return shape;
}

static void read_line(const char *line)
{
    char name[LINE], shape[LINE];

    if (line[0] == '=') {
        network *n = &networks[n_networks++];

        need(n_networks < MAX_NETWORKS, "too many networks");
        need(sscanf(line, "= %31s %63s %15s", n->origin, n->arch, n->dialect) == 3, line);
        n->first = all.count;
        return;
    }
    need(n_networks > 0 && sscanf(line, "%255s %255s", name, shape) == 2, line);
    if (all.count % MAX_TENSORS == 0) {
        all.tensors = realloc(all.tensors, (size_t)(all.count + MAX_TENSORS) * sizeof *all.tensors);
        need(all.tensors != NULL, "out of memory");
    }
    char *copy = malloc(strlen(name) + 1);
    need(copy != NULL, "out of memory");
    memcpy(copy, name, strlen(name) + 1);
    weft_weight *tensor = &all.tensors[all.count++];
    *tensor = (weft_weight){ .name = copy, .shape = parse_shape(shape) };
    tensor->count = tensor->shape.rank ? weft_shape_count(&tensor->shape) : 1;
    networks[n_networks - 1].count++;
}

static void read_networks(const char *path)
{
    gzFile file = gzopen(path, "rb");
    char line[2 * LINE];

    need(file != NULL, path);
    while (gzgets(file, line, sizeof line))
        read_line(line);
    need(gzclose(file) == Z_OK, path);
    need(n_networks >= 93, "some networks are missing");
}

/* The network's tensors as a file's; without data. */
static void open_source(const network *n, weft_arena *arena, weft_source *source)
{
    *source = (weft_source){ .arena = arena, .count = n->count, .tensors = &all.tensors[n->first] };
    source->key = weft_arena_array(arena, (size_t)n->count, sizeof *source->key);
    source->sorted = weft_arena_array(arena, (size_t)n->count, sizeof *source->sorted);
    ck_assert(source->key && source->sorted);
    CHECK_OK(weft_source_sort(source));
}

static const weft_arch *arch_of(const network *n)
{
    const weft_arch *arch = weft_arch_find(n->arch, weft_dialect_parse(n->dialect));

    ck_assert_msg(arch != NULL, "no network %s (%s)", n->arch, n->dialect);
    return arch;
}

static weft_origin origin_of(const network *n)
{
    int origin = 0;

    while (strcmp(weft_origin_name((weft_origin)origin), n->origin) != 0)
        ck_assert_int_lt(++origin, WEFT_ORIGIN_COUNT);
    return (weft_origin)origin;
}

static void check_params(const network *n, const weft_graph *graph, const weft_resolved *r, const weft_source *source,
                         bool *used)
{
    for (int i = 0; i < r->count; i++) {
        const weft_match *match = &r->match[i];
        int64_t map[3] = { 0 };
        weft_tensor_order layout;
        char layer[WEFT_NAME_MAX];

        if (match->fill)
            continue;
        ck_assert_msg(match->source >= 0, "%s %s: nothing for %s", n->origin, n->arch, match->param.name);
        used[match->source] = true;
        if (match->gamma >= 0)
            used[match->gamma] = true;
        const weft_weight *tensor = &source->tensors[match->source];
        const weft_shape have = weft_match_shape(match, tensor);
        snprintf(layer, sizeof layer, "%.*s", (int)(strrchr(match->param.name, '/') - match->param.name),
                 match->param.name);
        weft_flattened_map(graph, layer, map);
        ck_assert_msg(weft_tensor_order_find(weft_origin_style(r->origin), &have, &match->param.shape, map, &layout),
                      "%s %s: %s does not fit %s", n->origin, n->arch, tensor->name, match->param.name);
    }
}

START_TEST(every_tensor_has_its_parameter)
{
    const network *n = &networks[_i];
    const weft_arch *arch = arch_of(n);
    weft_arena arena = { .allocator = weft_ctx_allocator(ctx) };
    weft_graph *graph = NULL;
    weft_source source;
    weft_resolved r;

    open_source(n, &arena, &source);
    bool *used = weft_arena_array(&arena, (size_t)n->count, sizeof *used);
    ck_assert_ptr_nonnull(used);
    CHECK_OK(weft_arch_build(ctx, arch->name, &(weft_arch_opt){ .dialect = arch->dialect }, &graph));
    CHECK_OK(weft_resolve_best(&arena, graph, arch, origin_of(n), &source, &r));
    ck_assert_msg(r.match != NULL, "%s has no table for %s", n->origin, n->arch);
    check_params(n, graph, &r, &source, used);
    for (int i = 0; i < n->count; i++)
        ck_assert_msg(used[i] || weft_resolve_ignores(&r, i), "%s %s: nothing takes %s", n->origin,
                      n->arch, source.key[i]);
    weft_graph_destroy(graph);
    weft_arena_release(&arena);
}
END_TEST

/* A table that answers for nothing shows here too: no parameter may take a tensor that another one took whole. */
START_TEST(no_tensor_is_taken_twice)
{
    const network *n = &networks[_i];
    const weft_arch *arch = arch_of(n);
    weft_arena arena = { .allocator = weft_ctx_allocator(ctx) };
    weft_graph *graph = NULL;
    weft_source source;
    weft_resolved r;

    open_source(n, &arena, &source);
    int *halves = weft_arena_array(&arena, (size_t)n->count, sizeof *halves);
    ck_assert_ptr_nonnull(halves);
    CHECK_OK(weft_arch_build(ctx, arch->name, &(weft_arch_opt){ .dialect = arch->dialect }, &graph));
    CHECK_OK(weft_resolve_best(&arena, graph, arch, WEFT_ORIGIN_AUTO, &source, &r));
    for (int i = 0; i < r.count; i++)
        if (r.match[i].source >= 0)
            halves[r.match[i].source] += 2 / weft_match_parts(&r.match[i]);
    for (int i = 0; i < n->count; i++)
        ck_assert_msg(halves[i] == 0 || halves[i] == 2, "%s %s: %s is taken %d/2 times", n->origin, n->arch,
                      source.key[i], halves[i]);
    weft_graph_destroy(graph);
    weft_arena_release(&arena);
}
END_TEST

/* Every file is recognised by its tensors alone, with any number of classes: those of ImageNet become 7. */
START_TEST(every_network_is_known_by_its_tensors)
{
    enum { SURE = 95 }; /* percent, of identify.c */
    const network *n = &networks[_i];
    const weft_arch *arch = arch_of(n);
    weft_arena arena = { .allocator = weft_ctx_allocator(ctx) };
    weft_source source;
    weft_score score;

    for (int other = 0; other < 2; other++) {
        open_source(n, &arena, &source);
        weft_weight *copies = weft_arena_array(&arena, (size_t)n->count, sizeof *copies);
        ck_assert_ptr_nonnull(copies);
        for (int i = 0; i < n->count; i++) {
            copies[i] = source.tensors[i];
            if (other && copies[i].shape.dim[0] == 1000)
                copies[i].shape.dim[0] = 7;
        }
        source.tensors = copies;
        CHECK_OK(weft_score_network(ctx, arch, &source, &score));
        ck_assert_msg(100 * score.fit >= SURE, "%s %s: %g of the tensors agree", n->origin, n->arch, score.fit);
        weft_arena_release(&arena);
    }
}
END_TEST

/* No network of one has parts that look like two networks. */
START_TEST(no_network_is_taken_for_two)
{
    const network *n = &networks[_i];
    static const float nothing; /* nobody looks at the elements */
    weft_weights *set = NULL;

    CHECK_OK(weft_weights_create(ctx, &set));
    for (int i = n->first; i < n->first + n->count; i++)
        CHECK_OK(weft_weights_lend(set, all.tensors[i].name, strlen(all.tensors[i].name), WEFT_F32,
                                   &all.tensors[i].shape, &nothing));
    CHECK_OK(weft_weights_pick(ctx, n->arch, NULL, set));
    ck_assert_int_eq(weft_weights_count(set), n->count);
    weft_weights_destroy(set);
}
END_TEST

/* Named as another network, a file is recognised. */
START_TEST(the_right_network_is_nearest)
{
    static const struct {
        const char *origin, *arch, *named;
    } cases[] = {
        { "torchvision", "resnet101", "resnet50" },      { "torchvision", "vgg16", "vgg19" },
        { "torchvision", "densenet169", "densenet121" }, { "timm", "senet154", "resnet152" },
        { "torchvision", "mobilenetv2", "resnet18" },    { "timm", "efficientnet-lite4", "efficientnet-lite0" },
        { "timm", "cspresnext50", "cspresnet50" },
    };

    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        weft_arena arena = { .allocator = weft_ctx_allocator(ctx) };
        const char *nearest = NULL;
        weft_source source;
        int i = 0;

        while (strcmp(networks[i].origin, cases[c].origin) != 0 || strcmp(networks[i].arch, cases[c].arch) != 0)
            ck_assert_int_lt(++i, n_networks);
        open_source(&networks[i], &arena, &source);
        CHECK_OK(weft_nearest_network(ctx, &arena, &source, weft_arch_find(cases[c].named, WEFT_DIALECT_DEFAULT),
                                      &nearest));
        ck_assert_ptr_nonnull(nearest);
        /* the dialect follows where it is not the default one */
        ck_assert_msg(strncmp(nearest, cases[c].arch, strlen(cases[c].arch)) == 0, "%s as %s: nearest is %s",
                      cases[c].arch, cases[c].named, nearest);
        weft_arena_release(&arena);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("weights_map_names");
    TCase *every = tcase_create("every network"), *nearest = tcase_create("nearest");

    if (weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx) != WEFT_OK)
        return EXIT_FAILURE;
    read_networks(WEFT_TEST_WEIGHTS "/names-torch.gz");
    tcase_add_loop_test(every, every_tensor_has_its_parameter, 0, n_networks);
    tcase_add_loop_test(every, no_tensor_is_taken_twice, 0, n_networks);
    tcase_add_loop_test(every, no_network_is_taken_for_two, 0, n_networks);
    tcase_add_loop_test(every, every_network_is_known_by_its_tensors, 0, n_networks);
    tcase_add_test(nearest, the_right_network_is_nearest);
    suite_add_tcase(s, every);
    suite_add_tcase(s, nearest);
    const int status = check_main(s, "weights_map_names");
    for (int i = 0; i < all.count; i++)
        free((void *)(uintptr_t)all.tensors[i].name);
    free(all.tensors);
    weft_ctx_destroy(ctx);
    return status;
}
