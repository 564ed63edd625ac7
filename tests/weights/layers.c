/* SPDX-License-Identifier: Apache-2.0
 *
 * What a module that was pickled whole says of its layers beside their tensors, read and held against weft's. The
 * fixture is make_module_fixtures.py's. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/harness.h"
#include "weights/common.h"
#include "weights/names/map.h"
#include "weights/network.h"
#include "weights/pth.h"

static weft_ctx *ctx;

static void setup(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
}

static void teardown(void)
{
    weft_ctx_destroy(ctx);
}

/* ---- reading ---- */

static void same_facts(const char *what, const weft_layer_facts *is, const weft_layer_facts *expected)
{
    const bool same = is->known == expected->known && is->groups == expected->groups &&
                      (is->epsilon == expected->epsilon || (isnan(is->epsilon) && isnan(expected->epsilon))) &&
                      memcmp(is->stride, expected->stride, sizeof is->stride) == 0 &&
                      memcmp(is->padding, expected->padding, sizeof is->padding) == 0 &&
                      memcmp(is->dilation, expected->dilation, sizeof is->dilation) == 0;
    ck_assert_msg(same, "%s: known %u, epsilon %g, stride %lld %lld, padding %lld %lld", what, is->known, is->epsilon,
                  (long long)is->stride[0], (long long)is->stride[1], (long long)is->padding[0],
                  (long long)is->padding[1]);
}

enum {
    CONV = WEFT_KNOWS_STRIDE | WEFT_KNOWS_DILATION | WEFT_KNOWS_GROUPS,
    PADDED = CONV | WEFT_KNOWS_PADDING,
};

/* As PyTorch itself wrote it. */
START_TEST(facts_of_layers_are_kept)
{
    static const struct {
        const char *tensor;
        weft_layer_facts facts;
    } rows[] = {
        { "0.weight", { .known = PADDED, .stride = { 2, 1 }, .padding = { 1, 0 }, .dilation = { 2, 2 }, .groups = 2 } },
        { "0.bias", { .known = PADDED, .stride = { 2, 1 }, .padding = { 1, 0 }, .dilation = { 2, 2 }, .groups = 2 } },
        { "1.weight", { .known = WEFT_KNOWS_EPSILON, .epsilon = 1e-3 } },
        { "1.running_var", { .known = WEFT_KNOWS_EPSILON, .epsilon = 1e-3 } },
        { "2.weight", { .known = CONV | WEFT_KNOWS_SAME, .stride = { 1, 1 }, .dilation = { 1, 1 }, .groups = 1 } },
        { "3.weight", { .known = PADDED | WEFT_KNOWS_REFLECTS, .stride = { 1, 1 }, .padding = { 1, 1 },
                        .dilation = { 1, 1 }, .groups = 1 } },
    };
    weft_ctx plain = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = weights_fixture(&plain, "layers.pth");
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        int64_t at = 0;
        while (at < set->count && strcmp(set->entries[at].weight.name, rows[i].tensor) != 0)
            at++;
        ck_assert_msg(at < set->count && set->entries[at].layer, "%s", rows[i].tensor);
        same_facts(rows[i].tensor, set->entries[at].layer, &rows[i].facts);
    }
    ck_assert(set->pads && set->pool_count == 2);
    const weft_pool_facts *const first = set->pools, *const second = first->next;
    ck_assert(strcmp(first->name, "5") == 0 && first->maximum && first->ceil && first->kernel[0] == 3 &&
              first->kernel[1] == 3 && first->stride[0] == 2 && first->padding[1] == 1);
    ck_assert(strcmp(second->name, "6") == 0 && !second->maximum && !second->ceil && second->kernel[0] == 2 &&
              second->kernel[1] == 1 && second->stride[0] == 2 && second->stride[1] == 1 && second->padding[0] == 0);
    weft_weights_destroy(set);
}
END_TEST

/* A dictionary of tensors says nothing of layers. */
START_TEST(tensors_alone_have_no_facts)
{
    weft_ctx plain = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = weights_fixture(&plain, "module.pth");
    for (int64_t i = 0; i < set->count; i++)
        ck_assert_ptr_null(set->entries[i].layer);
    ck_assert(!set->pads && !set->pools);
    weft_weights_destroy(set);
}
END_TEST

#define BYTES(text) text, sizeof text - 1
#define OBJECT(module, class, attributes) BYTES("\x80\2c" module "\n" class "\n)\x81}(" attributes "ub.")
#define CONV2D(attributes) OBJECT("torch.nn.modules.conv", "Conv2d", attributes)
#define EPS "X\3\0\0\0eps"
#define STRIDE "X\6\0\0\0stride"
#define PADDING "X\7\0\0\0padding"
#define DILATION "X\x08\0\0\0dilation"
#define GROUPS "X\6\0\0\0groups"
#define MODE "X\x0c\0\0\0padding_mode"
#define KERNEL "X\x0b\0\0\0kernel_size"
#define CEIL "X\x09\0\0\0ceil_mode"
#define MOST "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f"
#define LEAST "\x8a\x08\0\0\0\0\0\0\0\x80"
#define BEYOND "\x8a\x09\0\0\0\0\0\0\0\0\1"
#define INFINITE "G\x7f\xf0\0\0\0\0\0\0"
#define NONSENSE "G\x7f\xf8\0\0\0\0\0\0"

/* The object that a pickle of these bytes is. */
static const weft_pickle_opaque *object_of(weft_arena *arena, const char *bytes, size_t size)
{
    static uint8_t copy[1024];
    const weft_pickle_storage *none = NULL;
    weft_pickle_value root;
    size_t at = 0;
    memcpy(copy, bytes, size);
    const weft_file file = { .path = "case", .data = copy, .size = size };
    CHECK_OK(weft_pickle_read(arena, &file, &at, size, &none, &root));
    ck_assert_int_eq(root.kind, WEFT_PICKLE_OPAQUE);
    return root.as.opaque;
}

/* Numbers of any size are facts; what is no number, or are not one or two of them, is none. */
START_TEST(attributes_may_be_anything)
{
    static const struct {
        const char *pickle;
        size_t size;
        weft_layer_facts facts;
    } rows[] = {
        { CONV2D(""), { 0 } },
        { CONV2D(EPS "G\x3f\xe0\0\0\0\0\0\0"), { .known = WEFT_KNOWS_EPSILON, .epsilon = .5 } },
        { CONV2D(EPS "K\1"), { .known = WEFT_KNOWS_EPSILON, .epsilon = 1 } },
        { CONV2D(EPS INFINITE), { .known = WEFT_KNOWS_EPSILON, .epsilon = (double)INFINITY } },
        { CONV2D(EPS NONSENSE), { .known = WEFT_KNOWS_EPSILON, .epsilon = (double)NAN } },
        { CONV2D(EPS BEYOND), { .known = WEFT_KNOWS_EPSILON, .epsilon = (double)NAN } },
        { CONV2D(EPS LEAST), { .known = WEFT_KNOWS_EPSILON, .epsilon = (double)INT64_MIN } },
        { CONV2D(EPS "\x88"), { 0 } },
        { CONV2D(EPS "N"), { 0 } },
        { CONV2D(EPS MODE), { 0 } },
        { CONV2D(EPS "K\1\x85"), { 0 } },
        { CONV2D(EPS "cbuiltins\nfloat\nK\1\x85R"), { 0 } },
        { CONV2D(STRIDE "K\2"), { .known = WEFT_KNOWS_STRIDE, .stride = { 2, 2 } } },
        { CONV2D(STRIDE "K\2\x85"), { .known = WEFT_KNOWS_STRIDE, .stride = { 2, 2 } } },
        { CONV2D(STRIDE "](K\2K\3e"), { .known = WEFT_KNOWS_STRIDE, .stride = { 2, 3 } } },
        { CONV2D(STRIDE MOST LEAST "\x86"), { .known = WEFT_KNOWS_STRIDE, .stride = { INT64_MAX, INT64_MIN } } },
        { CONV2D(STRIDE "J\xff\xff\xff\xff"), { .known = WEFT_KNOWS_STRIDE, .stride = { -1, -1 } } },
        { CONV2D(STRIDE BEYOND), { 0 } },
        { CONV2D(STRIDE INFINITE), { 0 } },
        { CONV2D(STRIDE ")"), { 0 } },
        { CONV2D(STRIDE "K\1K\1K\1\x87"), { 0 } },
        { CONV2D(STRIDE "]2a"), { 0 } }, /* a list of itself */
        { CONV2D(STRIDE "]\x85\x85\x85"), { 0 } },
        { CONV2D(STRIDE "}"), { 0 } },
        { CONV2D(STRIDE "K\2" STRIDE "K\3"), { .known = WEFT_KNOWS_STRIDE, .stride = { 3, 3 } } },
        { CONV2D("K\1K\1" STRIDE "K\2"), { .known = WEFT_KNOWS_STRIDE, .stride = { 2, 2 } } },
        { CONV2D(DILATION "K\2" GROUPS "K\4"),
          { .known = WEFT_KNOWS_DILATION | WEFT_KNOWS_GROUPS, .dilation = { 2, 2 }, .groups = 4 } },
        { CONV2D(GROUPS LEAST), { .known = WEFT_KNOWS_GROUPS, .groups = INT64_MIN } },
        { CONV2D(GROUPS "K\1\x85"), { 0 } },
        { CONV2D(PADDING "K\1"), { .known = WEFT_KNOWS_PADDING, .padding = { 1, 1 } } },
        { CONV2D(PADDING "X\5\0\0\0valid"), { .known = WEFT_KNOWS_PADDING } },
        { CONV2D(PADDING "X\4\0\0\0same"), { .known = WEFT_KNOWS_SAME } },
        { CONV2D(PADDING "X\4\0\0\0some"), { 0 } },
        { CONV2D(MODE "X\5\0\0\0zeros"), { 0 } },
        { CONV2D(MODE "K\1"), { 0 } },
        { CONV2D(MODE "X\7\0\0\0reflect"), { .known = WEFT_KNOWS_REFLECTS } },
        { OBJECT("mine", "Conv2d", PADDING "K\1" STRIDE "K\2"), { .known = WEFT_KNOWS_STRIDE, .stride = { 2, 2 } } },
        { OBJECT("timm.layers.conv2d_same", "Conv2dSame", PADDING "K\0"), { .known = WEFT_KNOWS_SAME } },
        { BYTES("\x80\2cx\ny\n)\x81."), { 0 } },
        { BYTES("\x80\2cx\ny\n)\x81K\1b."), { 0 } },
        { BYTES("\x80\2cx\ny\n)\x81NN\x86" "b."), { 0 } },
        { BYTES("\x80\2cx\ny\n)\x81}" STRIDE "K\2sN\x86" "b."), { .known = WEFT_KNOWS_STRIDE, .stride = { 2, 2 } } },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        char what[32];
        weft_arena arena;
        weft_arena_init(&arena, &weft_malloc_allocator);
        const weft_layer_facts facts = weft_pth_look_at_layer(object_of(&arena, rows[i].pickle, rows[i].size));
        snprintf(what, sizeof what, "row %d", i);
        same_facts(what, &facts, &rows[i].facts);
        weft_arena_release(&arena);
    }
}
END_TEST

#define POOL(class, attributes) OBJECT("torch.nn.modules.pooling", class, attributes)

START_TEST(pools_may_be_anything)
{
    static const struct {
        const char *pickle;
        size_t size;
        bool known;
    } rows[] = {
        { POOL("MaxPool2d", KERNEL "K\3" STRIDE "K\2" PADDING "K\0"), true },
        { POOL("AvgPool2d", KERNEL "K\3" STRIDE MOST PADDING LEAST CEIL "K\7"), true },
        { POOL("MaxPool2d", KERNEL "K\3" STRIDE "N" PADDING "K\0"), false },
        { POOL("MaxPool2d", KERNEL "K\3" STRIDE "K\2" PADDING BEYOND), false },
        { POOL("MaxPool2d", KERNEL "}" STRIDE "K\2" PADDING "K\0"), false },
        { POOL("MaxPool2d", ""), false },
        { POOL("MaxPool1d", KERNEL "K\3" STRIDE "K\2" PADDING "K\0"), false },
        { BYTES("\x80\2ctorch.nn.modules.pooling\nMaxPool2d\n)\x81."), false },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        weft_arena arena;
        weft_pool_facts facts;
        weft_arena_init(&arena, &weft_malloc_allocator);
        ck_assert_int_eq(weft_pth_look_at_pool(object_of(&arena, rows[i].pickle, rows[i].size), &facts), rows[i].known);
        weft_arena_release(&arena);
    }
}
END_TEST

/* ---- comparing ---- */

/* Says so of the layer with that tensor. */
static void say(weft_weights *set, const char *tensor, const weft_layer_facts *facts)
{
    int64_t at = 0;
    while (at < set->count && strcmp(set->entries[at].weight.name, tensor) != 0)
        at++;
    ck_assert_msg(at < set->count, "%s", tensor);
    set->entries[at].layer = facts;
}

#define RESNET "resnet18", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION
#define TIMM(dialect) "efficientnet-b0", dialect, WEFT_ORIGIN_TIMM
enum { LENIENT = 3 /* a row that differs, and is taken so as well */ };
#define STEM "layer \"conv1\" of the module in the file has "

static const struct {
    const char *arch;
    weft_dialect dialect;
    weft_origin origin;
    const char *tensor;
    weft_layer_facts facts;
    bool pads;        /* the file's network has layers that pad */
    const char *part; /* of what is said; NULL: the file is taken */
} compared[] = {
    { RESNET, "bn1.weight", { .known = WEFT_KNOWS_EPSILON, .epsilon = 1e-5 }, false, NULL },
    { RESNET, "bn1.weight", { .known = WEFT_KNOWS_EPSILON, .epsilon = (double)1e-5f }, false, NULL },
    { RESNET, "bn1.weight", { .known = 0, .epsilon = 1 }, false, NULL },
    { RESNET, "bn1.weight", { .known = WEFT_KNOWS_EPSILON, .epsilon = 1e-3 }, false,
      "layer \"bn1\" of the module in the file has an epsilon of 0.001, weft's has 1e-05: the same tensors give other "
      "answers in weft's resnet18 (torch)" },
    { RESNET, "layer4.1.bn2.weight", { .known = WEFT_KNOWS_EPSILON, .epsilon = (double)NAN }, false,
      "layer \"layer4.1.bn2\" of" },
    { RESNET, "bn1.weight", { .known = WEFT_KNOWS_EPSILON, .epsilon = 0 }, false, "an epsilon of 0, weft's" },
    { RESNET, "bn1.weight", { .known = PADDED }, false, NULL }, /* no convolution */
    { RESNET, "fc.weight", { .known = PADDED | WEFT_KNOWS_EPSILON }, false, NULL },
    { RESNET, "conv1.weight", { .known = PADDED, .stride = { 2, 2 }, .padding = { 3, 3 }, .dilation = { 1, 1 },
                                .groups = 1 }, false, NULL },
    { RESNET, "conv1.weight", { .known = WEFT_KNOWS_STRIDE, .stride = { 2, 1 } }, false,
      STEM "a stride of 2 x 1 (height, width), weft's has 2 x 2" },
    { RESNET, "conv1.weight", { .known = WEFT_KNOWS_STRIDE, .stride = { INT64_MIN, INT64_MAX } }, false,
      STEM "a stride of -9223372036854775808 x 9223372036854775807" },
    { RESNET, "conv1.weight", { .known = WEFT_KNOWS_DILATION, .dilation = { 2, 2 } }, false,
      STEM "a dilation of 2 x 2 (height, width), weft's has 1 x 1" },
    { RESNET, "conv1.weight", { .known = WEFT_KNOWS_GROUPS, .groups = 3 }, false, STEM "3 groups, weft's has 1" },
    { RESNET, "conv1.weight", { .known = WEFT_KNOWS_PADDING, .padding = { 3, 2 } }, false,
      STEM "a padding of 3 x 2 (height, width), weft's has 3, 3, 3, 3 (top, bottom, left, right)" },
    { RESNET, "conv1.weight", { .known = WEFT_KNOWS_PADDING }, false, STEM "a padding of 0 x 0" },
    { RESNET, "conv1.weight", { .known = WEFT_KNOWS_PADDING }, true, NULL },
    { RESNET, "conv1.weight", { .known = WEFT_KNOWS_SAME }, false, STEM "padding that follows the size of the image" },
    { RESNET, "conv1.weight", { .known = WEFT_KNOWS_REFLECTS }, false, STEM "padding that is not zeros" },
    { RESNET, "layer1.0.conv1.weight", { .known = WEFT_KNOWS_SAME }, false, NULL }, /* a stride of 1: the same */
    { RESNET, "layer2.0.downsample.0.weight", { .known = WEFT_KNOWS_REFLECTS | WEFT_KNOWS_SAME }, false, NULL },
    { TIMM(WEFT_KERAS), "conv_stem.weight", { .known = WEFT_KNOWS_SAME }, false, NULL },
    { TIMM(WEFT_KERAS), "conv_stem.weight", { .known = WEFT_KNOWS_PADDING }, false, NULL },
    { TIMM(WEFT_KERAS), "conv_stem.weight", { .known = WEFT_KNOWS_PADDING, .padding = { 1, 1 } }, false,
      "a padding of 1 x 1 (height, width), weft's has 0, 1, 0, 1 (top, bottom, left, right)" },
    { TIMM(WEFT_KERAS), "bn1.weight", { .known = WEFT_KNOWS_EPSILON, .epsilon = 1e-3 }, false, NULL },
    { TIMM(WEFT_TORCH), "conv_stem.weight", { .known = WEFT_KNOWS_SAME }, false, "weft's has 1, 1, 1, 1" },
    { TIMM(WEFT_TORCH), "bn1.weight", { .known = WEFT_KNOWS_EPSILON, .epsilon = 1e-3 }, false, "weft's has 1e-05" },
    /* the mapping makes up for it */
    { "efficientnet-b5", WEFT_TORCH, WEFT_ORIGIN_TIMM, "bn1.weight",
      { .known = WEFT_KNOWS_EPSILON, .epsilon = 1e-5 }, false, NULL },
    { "efficientnet-b5", WEFT_TORCH, WEFT_ORIGIN_TIMM, "bn1.weight",
      { .known = WEFT_KNOWS_EPSILON, .epsilon = 1e-3 }, false, "an epsilon of 0.001, weft's has 1e-05" },
};

START_TEST(layers_are_held_against_ours)
{
    weft_weights *file = NULL;
    for (int i = 0; i < WEFT_COUNT(compared); i++) {
        const char *const arch = compared[i].arch, *const part = compared[i].part;
        const weft_dialect dialect = compared[i].dialect;
        weft_map_opt opt = { .origin = compared[i].origin };
        weft_weights *out = NULL;
        if (i == 0 || strcmp(arch, compared[i - 1].arch) != 0 || dialect != compared[i - 1].dialect) {
            weft_weights_destroy(file);
            file = weights_of_network(ctx, arch, dialect, opt.origin);
        }
        say(file, compared[i].tensor, &compared[i].facts);
        file->pads = compared[i].pads;
        if (part)
            CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, arch, dialect, &opt, NULL, &out), part);
        opt.lenient = part != NULL;
        if (!part || i == LENIENT)
            CHECK_OK(weft_weights_map(ctx, file, arch, dialect, &opt, NULL, &out));
        say(file, compared[i].tensor, NULL);
        weft_weights_destroy(out);
    }
    weft_weights_destroy(file);
}
END_TEST

/* timm's tf_ networks have the tensors of the others; pickled whole they tell what they are. */
START_TEST(padding_tells_the_dialect)
{
    const weft_layer_facts same = { .known = WEFT_KNOWS_SAME | WEFT_KNOWS_STRIDE, .stride = { 2, 2 } };
    const weft_layer_facts same_of_torch = { .known = WEFT_KNOWS_SAME | WEFT_KNOWS_STRIDE, .stride = { 1, 1 } };
    const weft_layer_facts *const facts[] = { NULL, &same, &same_of_torch };
    weft_weights *file = weights_of_network(ctx, TIMM(WEFT_TORCH));
    for (int i = 0; i < WEFT_COUNT(facts); i++) {
        const weft_arch *arch = NULL;
        say(file, "conv_stem.weight", facts[i]);
        CHECK_OK(weft_weights_identify(ctx, file, "model.pth", NULL, WEFT_DIALECT_DEFAULT, &arch, NULL));
        ck_assert_str_eq(arch->name, "efficientnet-b0");
        ck_assert_int_eq(arch->dialect, facts[i] == &same ? WEFT_KERAS : WEFT_TORCH);
    }
    weft_weights_destroy(file);
}
END_TEST

#define WINDOW(k, s, p) .maximum = true, .kernel = { k, k }, .stride = { s, s }, .padding = { p, p }
static const struct {
    weft_pool_facts pool[2];
    int count;
    const char *part; /* NULL: the file is taken */
} pooled[] = {
    { { { .name = "maxpool", WINDOW(3, 2, 1) } }, 1, NULL },
    { { { .name = "maxpool", WINDOW(2, 2, 0) } }, 1,
      "the pool \"maxpool\" of the module in the file has windows of 2 x 2, stride 2 x 2, padding 0 x 0 (height, "
      "width), weft's has 3 x 3, stride 2 x 2, padding 1, 1, 1, 1 (top, bottom, left, right): the same tensors" },
    { { { .name = "maxpool", WINDOW(3, 1, 1) } }, 1, "stride 1 x 1" },
    { { { .name = "maxpool", WINDOW(3, 2, 0) } }, 1, "padding 0 x 0" },
    { { { .name = "maxpool", WINDOW(3, INT64_MIN, 0) } }, 1, "stride -9223372036854775808" },
    { { { .name = "maxpool", WINDOW(3, 2, 0), .ceil = true } }, 1, "padding 0 x 0 (height, width) and ceil_mode" },
    { { { .name = "maxpool", WINDOW(3, 2, 1), .ceil = true } }, 1, "padding 1 x 1 (height, width) and ceil_mode" },
    { { { .name = "a", WINDOW(2, 2, 0) }, { .name = "b", WINDOW(3, 2, 1) } }, 2, NULL }, /* which is it? */
    { { { .name = "avgpool", .kernel = { 7, 7 }, .stride = { 1, 1 } } }, 1, NULL }, /* weft's has no windows there */
};

START_TEST(pools_are_held_against_ours)
{
    weft_weights *file = weights_of_network(ctx, RESNET);
    for (int i = 0; i < WEFT_COUNT(pooled); i++) {
        weft_weights *out = NULL;
        weft_pool_facts pool[2] = { pooled[i].pool[0], pooled[i].pool[1] };
        pool[0].next = pooled[i].count == 2 ? &pool[1] : NULL;
        file->pools = &pool[0];
        file->pool_count = pooled[i].count;
        if (pooled[i].part)
            CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, "resnet18", WEFT_TORCH, NULL, NULL, &out),
                        pooled[i].part);
        else
            CHECK_OK(weft_weights_map(ctx, file, "resnet18", WEFT_TORCH, NULL, NULL, &out));
        weft_weights_destroy(out);
    }
    weft_weights_destroy(file);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_layers");
    TCase *comparing = tcase_create("comparing");
    CHECK_CASE(suite, "reading", facts_of_layers_are_kept, tensors_alone_have_no_facts, attributes_may_be_anything,
               pools_may_be_anything);
    tcase_add_checked_fixture(comparing, setup, teardown);
    tcase_set_timeout(comparing, 60);
    tcase_add_test(comparing, layers_are_held_against_ours);
    tcase_add_test(comparing, pools_are_held_against_ours);
    tcase_add_test(comparing, padding_tells_the_dialect);
    suite_add_tcase(suite, comparing);
    return check_main(suite, argv[0]);
}
