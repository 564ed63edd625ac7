/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole networks against torchvision, timm and Keras: logits of two small images, and the shape, mean, norm and a
 * random projection of what every unit computes, by those frameworks in double precision with the seeded weights of
 * weft-weights(5). One file of tests/arch/golden per network and dialect, written by golden/make.py; the frameworks are
 * not needed here. Arguments: the folder, and optionally the files to read.
 *
 * A network must come within 1e-5 (relative L2) as it is built and as it is fused, and within 1e-4 with Winograd; where
 * it does not, the first unit that differs is named. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weights.h>

#include "base/rng.h"
#include "check/files.h"
#include "check/harness.h"
#include "program/program.h"

enum { BATCH = 2, CLASSES = 10, MAX_FILES = 160, MAX_BLOCKS = 128, LEAST_FILES = 74 };

typedef struct block {
    char scope[32];
    int64_t h, w, c;
    double mean, norm, projection;
} block;

typedef struct golden {
    char name[64], dialect[16], origin[32];
    int px, blocks;
    uint64_t seed, names;
    double gain, logits[BATCH * CLASSES];
    block block[MAX_BLOCKS];
} golden;

static const char *folder;
static char *files[MAX_FILES];
static int file_count;

/* ---- reading ---- */

static void read_golden(const char *file, golden *g)
{
    char path[1024], line[512];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s: cannot be opened", path);
    unsigned long long seed;
    *g = (golden){ 0 };
    const int read = fscanf(f, "network %63s %15s px %d seed %llu gain %lf from %31s\n", g->name, g->dialect, &g->px,
                            &seed, &g->gain, g->origin);
    ck_assert_msg(read == 6, "%s: the first line is not a network's", path);
    g->seed = seed;
    for (int image = 0; image < BATCH; image++) {
        ck_assert_int_eq(fscanf(f, " logits"), 0);
        for (int i = 0; i < CLASSES; i++)
            ck_assert_msg(fscanf(f, "%lf", &g->logits[image * CLASSES + i]) == 1, "%s: too few logits", path);
    }
    while (fgets(line, sizeof line, f)) {
        block *b = &g->block[g->blocks];
        long long h, w, c;
        unsigned long long digest;
        if (line[0] == '\n')
            continue;
        if (sscanf(line, "names %llx", &digest) == 1) {
            g->names = digest;
            continue;
        }
        ck_assert_int_lt(g->blocks, MAX_BLOCKS);
        ck_assert_msg(sscanf(line, "block %31s %lld %lld %lld %lf %lf %lf", b->scope, &h, &w, &c, &b->mean, &b->norm,
                             &b->projection) == 7,
                      "%s: \"%s\" is not a block", path, line);
        b->h = h, b->w = w, b->c = c;
        g->blocks++;
    }
    fclose(f);
}

/* ---- running ---- */

typedef struct network {
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
} network;

/* like: a network that has the parameters already; NULL: draws them. */
static void open_network(const golden *g, weft_math math, bool as_built, const network *like, network *n)
{
    const weft_arch_opt opt = {
        .dialect = weft_dialect_parse(g->dialect), .batch = BATCH, .px = g->px, .classes = CLASSES, .no_softmax = true
    };
    const weft_arch *arch = weft_arch_find(g->name, opt.dialect);
    const weft_shape shape = weft_shape_nhwc(BATCH, g->px, g->px, 3);
    ck_assert_msg(arch != NULL, "%s has no %s dialect", g->name, g->dialect);
    const bool raw = arch->preprocess == WEFT_PREPROCESS_NONE;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1, .math = math }, &n->ctx));
    CHECK_OK(weft_arch_build(n->ctx, g->name, &opt, &n->graph));
    weft_store *store = like ? weft_model_store(like->model) : NULL;
    CHECK_OK(weft_model_create(n->ctx, n->graph,
                               &(weft_model_opt){ .no_fusion = as_built, .keep_all = as_built, .store = store },
                               &n->model));
    if (!like)
        CHECK_OK(weft_model_seed_scaled(n->model, g->seed, g->gain));
    const size_t bytes = (size_t)weft_shape_count(&shape) * sizeof(float);
    float *x = malloc(bytes);
    ck_assert_ptr_nonnull(x);
    CHECK_OK(weft_seed_images(g->seed, &shape, raw ? 0 : -1, raw ? 255 : 1, x));
    CHECK_OK(weft_model_set_input(n->model, 0, x, bytes));
    CHECK_OK(weft_model_run(n->model));
    free(x);
}

static void close_network(network *n)
{
    weft_model_destroy(n->model);
    weft_graph_destroy(n->graph);
    weft_ctx_destroy(n->ctx);
}

/* |y - golden| / |golden| over both images. */
static double distance(const golden *g, const network *n)
{
    float y[BATCH * CLASSES];
    double off = 0, size = 0;
    CHECK_OK(weft_model_get_output(n->model, 0, y, sizeof y));
    for (int i = 0; i < BATCH * CLASSES; i++) {
        off += ((double)y[i] - g->logits[i]) * ((double)y[i] - g->logits[i]);
        size += g->logits[i] * g->logits[i];
    }
    return sqrt(off / size);
}

/* The last node of a scope; -1 if it has none. */
static int32_t last_of(const weft_graph *graph, const char *scope)
{
    const size_t length = strlen(scope);
    int32_t last = -1;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const char *name = graph->nodes[i].node.name;
        if (strncmp(name, scope, length) == 0 && name[length] == '/')
            last = i;
    }
    return last;
}

/* The largest of the three fingerprints' distances, as shares of the norm. What is off by d, a vector, has a sum off
 * by at most sqrt(count) |d| and a random projection off by about |d|: four times that for luck. */
static double block_distance(const network *n, const block *b)
{
    const weft_graph *graph = n->model->graph;
    const int32_t node = last_of(graph, b->scope);
    ck_assert_msg(node >= 0, "no node in scope %s", b->scope);
    const int32_t value = graph->nodes[node].out[0];
    const weft_shape *shape = &graph->values[value].shape, want = weft_shape_nhwc(BATCH, b->h, b->w, b->c);
    char is[96], should[96];
    ck_assert_msg(weft_shape_equal(shape, &want), "%s is %s, the framework's is %s", b->scope,
                  weft_shape_text(shape, is, sizeof is), weft_shape_text(&want, should, sizeof should));
    const weft_view view = weft_model_view(n->model, value);
    const uint64_t probe = weft_rng_stream("probe");
    const int64_t count = weft_shape_count(shape);
    double sum = 0, squares = 0, projection = 0;
    uint32_t word[4] = { 0 };
    for (int64_t row = 0, e = 0; row < weft_shape_rows(shape); row++) {
        const float *pixel = (const float *)view.data + row * view.ld;
        for (int64_t c = 0; c < b->c; c++, e++) {
            const double v = (double)pixel[c];
            if (e % 4 == 0)
                weft_rng_block(1, probe, (uint64_t)e / 4, word);
            sum += v;
            squares += v * v;
            projection += word[e % 4] >> 31 ? v : -v;
        }
    }
    const double by_mean = fabs(sum / (double)count - b->mean) * sqrt((double)count) / b->norm;
    const double by_norm = fabs(sqrt(squares) - b->norm) / b->norm;
    const double by_projection = fabs(projection - b->projection) / b->norm / 4;
    return fmax(by_norm, fmax(by_mean, by_projection));
}

/* "stage2.1 (1.3e-4)", or that no block differs. */
static const char *first_off(const golden *g, const network *n, double most, char *text, size_t size)
{
    for (int i = 0; i < g->blocks; i++) {
        const double d = block_distance(n, &g->block[i]);
        if (!(d <= most)) {
            snprintf(text, size, "block %s is the first that is off, by %.3g", g->block[i].scope, d);
            return text;
        }
    }
    snprintf(text, size, "no block before is off");
    return text;
}

static void hold(const golden *g, const network *n, weft_math math, bool as_built, double most)
{
    const double d = distance(g, n);
    char first[128] = "";
    if (as_built)
        first_off(g, n, most, first, sizeof first);
    ck_assert_msg(d <= most, "%s (%s) is off %s's logits by %.3g, %.3g allowed; math %d, %s%s", g->name, g->dialect,
                  g->origin, d, most, math, as_built ? "as built: " : "fused", first);
    ck_assert_msg(!as_built || strncmp(first, "block", 5) != 0, "%s (%s): %s, %.3g allowed", g->name, g->dialect, first,
                  most);
    if (getenv("GOLDEN_TABLE"))
        printf("%s %s %s math %d %s %.3g\n", g->name, g->dialect, g->origin, math, as_built ? "built" : "fused", d);
}

START_TEST(as_the_framework)
{
    golden g;
    network built, fused, fast;
    read_golden(files[_i], &g);
    open_network(&g, WEFT_MATH_STRICT, true, NULL, &built);
    hold(&g, &built, WEFT_MATH_STRICT, true, 1e-5);
    open_network(&g, WEFT_MATH_STRICT, false, &built, &fused);
    hold(&g, &fused, WEFT_MATH_STRICT, false, 1e-5);
    close_network(&fused);
    open_network(&g, WEFT_MATH_FAST, false, &built, &fast);
    hold(&g, &fast, WEFT_MATH_FAST, false, 1e-4);
    close_network(&fast);
    close_network(&built);
}
END_TEST

static uint64_t mix(uint64_t hash, const char *text, char end)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return (hash ^ (unsigned char)end) * 0x100000001b3u;
}

/* The framework's network was filled by these names and layouts: a digest (FNV-1a) of all of them. */
START_TEST(names_are_the_framework_s)
{
    golden g;
    weft_ctx *ctx;
    weft_name_list *list;
    uint64_t hash = 0xcbf29ce484222325u;
    int origin = 0;
    read_golden(files[_i], &g);
    const weft_dialect dialect = weft_dialect_parse(g.dialect);
    while (strcmp(weft_origin_name((weft_origin)origin), g.origin) != 0)
        ck_assert_int_lt(++origin, WEFT_ORIGIN_COUNT);
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
    CHECK_OK(weft_weights_names(ctx, g.name, dialect == WEFT_PAPER ? WEFT_TORCH : dialect, (weft_origin)origin, &list));
    for (int i = 0; i < list->count; i++) {
        const weft_name_entry *e = &list->entries[i];
        hash = mix(hash, e->name, '\t');
        hash = mix(hash, e->origin_name ? e->origin_name : "", '\t');
        hash = mix(hash, e->layout ? e->layout : "", '\n');
    }
    weft_name_list_destroy(ctx, list);
    weft_ctx_destroy(ctx);
    ck_assert_msg(hash == g.names, "%s (%s): the names by %s have the digest %016llx, %016llx was held against it",
                  g.name, g.dialect, g.origin, (unsigned long long)hash, (unsigned long long)g.names);
}
END_TEST

/* A golden whose logits hardly depend on the image would hold nothing. */
START_TEST(images_differ)
{
    golden g;
    double off = 0, size = 0;
    read_golden(files[_i], &g);
    for (int i = 0; i < CLASSES; i++) {
        const double a = g.logits[i], b = g.logits[CLASSES + i];
        off += (a - b) * (a - b);
        size += (a * a + b * b) / 2;
    }
    ck_assert_msg(sqrt(off / size) >= .1, "%s: the images' logits differ by %.3g only", files[_i], sqrt(off / size));
}
END_TEST

START_TEST(all_are_there)
{
    ck_assert_msg(file_count >= LEAST_FILES, "%s has %d golden files, %d are expected", folder, file_count,
                  LEAST_FILES);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: %s FOLDER [FILE...]\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    file_count = check_list_files(argc, argv, files, MAX_FILES);
    Suite *suite = suite_create("arch_golden");
    TCase *tcase = tcase_create("golden");
    tcase_set_timeout(tcase, 0);
    if (argc == 2)
        tcase_add_test(tcase, all_are_there);
    tcase_add_loop_test(tcase, images_differ, 0, file_count);
    tcase_add_loop_test(tcase, names_are_the_framework_s, 0, file_count);
    tcase_add_loop_test(tcase, as_the_framework, 0, file_count);
    suite_add_tcase(suite, tcase);
    const int code = check_main(suite, argv[0]);
    for (int i = 0; i < file_count; i++)
        free(files[i]);
    return code;
}
