/* SPDX-License-Identifier: Apache-2.0
 *
 * What the classes of a pickled module's layers say: activations, what becomes of pixels, what makes answers; read of
 * pickles as PyTorch writes them and held against weft's networks. And what a file may have beside a network: counters,
 * masks. The right answers are the frameworks': a state_dict has none of it, a module runs all of it. */
#include <stdio.h>
#include <string.h>

#include "check/harness.h"
#include "weights/common.h"
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

#define BYTES(text) text, sizeof text - 1
#define OBJECT(module, class, attributes) BYTES("\x80\2c" module "\n" class "\n)\x81}(" attributes "ub.")
#define ACT(class, attributes) OBJECT("torch.nn.modules.activation", class, attributes)
#define MEAN "X\4\0\0\0mean"
#define STD "X\3\0\0\0std"
#define HALF "G\x3f\xe0\0\0\0\0\0\0"
#define QUARTER "G\x3f\xd0\0\0\0\0\0\0"
#define SLOPE "X\x0e\0\0\0negative_slope"
#define HUNDREDTH "G\x3f\x84\x7a\xe1\x47\xae\x14\x7b"

static const struct {
    const char *pickle;
    size_t size;
    const char *act;     /* that is kept; NULL: none */
    const char *differs; /* a part of the sentence; NULL: none */
} layers[] = {
    { ACT("ReLU", ""), "relu", NULL },
    { ACT("SiLU", ""), "swish", NULL },
    { ACT("Hardswish", ""), "hard_swish", NULL },
    { ACT("Sigmoid", ""), NULL, NULL }, /* perhaps of the outputs */
    { ACT("GELU", ""), NULL, "has as \"act1\" the layer GELU, an activation that none of weft's" },
    { ACT("LeakyReLU", ""), "leaky_relu", NULL },
    { ACT("LeakyReLU", SLOPE HUNDREDTH), "leaky_relu", NULL },
    { ACT("LeakyReLU", SLOPE QUARTER), NULL, "the layer LeakyReLU of another slope than 0.01" },
    { ACT("LeakyReLU", SLOPE "K\1"), NULL, "of another slope" },
    { OBJECT("timm.layers.activations", "Swish", ""), "swish", NULL },
    { OBJECT("mine", "GELU", ""), NULL, NULL }, /* nobody knows what it does */
    { OBJECT("torch.nn.modules.pooling", "AdaptiveMaxPool2d", ""), NULL, "the layer AdaptiveMaxPool2d" },
    { OBJECT("torch.nn.modules.upsampling", "Upsample", ""), NULL, "the layer Upsample" },
    { OBJECT("torch.nn.modules.dropout", "Dropout", ""), NULL, NULL },
    { OBJECT("torch.nn.modules.linear", "Identity", ""), NULL, NULL },
    { OBJECT("torchvision.transforms.transforms", "Resize", ""), NULL, "Resize of torchvision.transforms" },
    { OBJECT("torchvision.transforms.transforms", "Grayscale", ""), NULL, "Grayscale of torchvision.transforms" },
    { OBJECT("torchvision.transforms.transforms", "ConvertImageDtype", ""), NULL, NULL },
    { OBJECT("torch.ao.nn.quantized.dynamic.modules.linear", "Linear", ""), NULL, "whose weights are quantized" },
    { OBJECT("torchvision.transforms.transforms", "Normalize", ""), NULL, "whose mean and deviation are not read" },
    { OBJECT("mine", "Normalize", MEAN "K\1" STD "K\1"), NULL, "whose mean and deviation are not read" },
    { OBJECT("mine", "Normalize", MEAN "](NNNe" STD "](K\1K\1K\1e"), NULL, "whose mean and deviation are not read" },
};

/* Looks at the layer "act1" that a pickle is; the set is the caller's. */
static weft_pth_classes look(weft_ctx *plain, const char *pickle, size_t size, weft_weights **set)
{
    static uint8_t copy[512];
    const weft_pickle_storage *none = NULL;
    weft_pth_classes classes = { 0 };
    weft_pickle_value root;
    size_t at = 0;
    memcpy(copy, pickle, size);
    const weft_file file = { .path = "case", .data = copy, .size = size };
    weft_pth pth = { .ctx = plain, .file = &file };
    static char sentence[512];
    weft_arena_init(&pth.arena, &plain->allocator);
    CHECK_OK(weft_weights_create(plain, &pth.weights));
    CHECK_OK(weft_pickle_read(&pth.arena, &file, &at, size, &none, &root));
    ck_assert_int_eq(root.kind, WEFT_PICKLE_OPAQUE);
    CHECK_OK(weft_pth_look_at_class(&pth, &classes, root.as.opaque, "act1.", 5));
    if (classes.differs)
        snprintf(sentence, sizeof sentence, "%s", classes.differs);
    classes.differs = classes.differs ? sentence : NULL;
    weft_arena_release(&pth.arena);
    *set = pth.weights;
    return classes;
}

START_TEST(layers_say_what_they_are)
{
    weft_ctx plain = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    const weft_pth_classes classes = look(&plain, layers[_i].pickle, layers[_i].size, &set);
    const char *const act = layers[_i].act, *const part = layers[_i].differs;
    ck_assert_msg(act ? set->acts[0].act && strcmp(set->acts[0].act, act) == 0 : !set->acts[0].act, "row %d: %s", _i,
                  set->acts[0].act ? set->acts[0].act : "none");
    ck_assert_msg(part ? classes.differs && strstr(classes.differs, part) : !classes.differs, "row %d: %s", _i,
                  classes.differs ? classes.differs : "nothing");
    weft_weights_destroy(set);
}
END_TEST

/* torchvision.transforms.Normalize((.25, .5, .25), (.5, .5, .25)) in front of a network: no state_dict has it. */
START_TEST(a_normalize_is_the_recipe)
{
    static const char pickle[] = "\x80\2ctorchvision.transforms.transforms\nNormalize\n)\x81}(" MEAN "](" QUARTER HALF
                                 QUARTER "e" STD HALF HALF QUARTER "\x87ub.";
    weft_ctx plain = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    const weft_pth_classes classes = look(&plain, BYTES(pickle), &set);
    ck_assert_ptr_null(classes.differs);
    ck_assert_str_eq(weft_weights_meta_find(set, "recipe.mean"), "0.25 0.5 0.25");
    ck_assert_str_eq(weft_weights_meta_find(set, "recipe.std"), "0.5 0.5 0.25");
    ck_assert_str_eq(weft_weights_meta_find(set, "recipe.layer"), "act1");
    weft_weights_destroy(set);
}
END_TEST

/* ---- networks ---- */

START_TEST(activations_are_held_against_ours)
{
    static const struct {
        const char *arch;
        weft_act_fact acts[3];
        const char *part; /* NULL: the file is taken */
    } rows[] = {
        { "resnet18", { { "relu", "\"relu\" the layer ReLU" } }, NULL },
        { "resnet18", { { "relu", "\"relu\" the layer ReLU" }, { "swish", "\"layer1.0.relu\" the layer SiLU" } },
          "the module in the file has as \"layer1.0.relu\" the layer SiLU, an activation that weft's network does not "
          "have: the same tensors give other answers in weft's resnet18 (torch)" },
        { "resnet18", { { "relu6", "\"relu\" the layer ReLU6" } }, "the layer ReLU6" },
        { "efficientnet-b0", { { "swish", "\"a\" the layer SiLU" }, { "sigmoid", "\"b\" the layer Sigmoid" } }, NULL },
        { "efficientnet-b0", { { "relu", "\"a\" the layer ReLU" } }, "has as \"a\" the layer ReLU" },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        weft_weights *file = weights_of_network(ctx, rows[i].arch, WEFT_TORCH, WEFT_ORIGIN_TORCHVISION), *out = NULL;
        memcpy(file->acts, rows[i].acts, sizeof rows[i].acts);
        if (rows[i].part)
            CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, rows[i].arch, WEFT_TORCH, NULL, NULL, &out),
                        rows[i].part);
        else
            CHECK_OK(weft_weights_map(ctx, file, rows[i].arch, WEFT_TORCH, NULL, NULL, &out));
        weft_weights_destroy(out);
        weft_weights_destroy(file);
    }
}
END_TEST

/* A metric's counts and a queue's place are no weights; what is made of fractions may be. */
START_TEST(what_counts_is_left_out)
{
    static const struct {
        const char *name;
        weft_dtype dtype;
        bool taken;
    } rows[] = {
        { "train_f1.tp", WEFT_I64, true },  { "queue_ptr", WEFT_I32, true },         { "seen", WEFT_U8, true },
        { "queue", WEFT_F32, false },       { "val_metrics.error.total", WEFT_F32, true },
        { "train_acc.correct", WEFT_F32, true },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        weft_weights *file = weights_of_network(ctx, "resnet18", WEFT_TORCH, WEFT_ORIGIN_TORCHVISION), *out = NULL;
        CHECK_OK(weft_weights_add(file, rows[i].name, rows[i].dtype, &(weft_shape){ 1, { 7 } }, NULL));
        if (rows[i].taken)
            CHECK_OK(weft_weights_map(ctx, file, "resnet18", WEFT_TORCH, NULL, NULL, &out));
        else
            CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, "resnet18", WEFT_TORCH, NULL, NULL, &out),
                        "1 unknown (queue)");
        weft_weights_destroy(out);
        weft_weights_destroy(file);
    }
}
END_TEST

/* ---- masks ---- */

/* Beside weights they are left out; a network that cannot do without is told which they are. */
START_TEST(masks_are_left_out)
{
    static const char *const files[] = { "masked.pth", "masked.safetensors" };
    static const char *const why[] = { "tensor \"mask\" lies in a BoolStorage, whose elements weft does not read",
                                       "tensor \"mask\" is of dtype \"BOOL\", which weft does not read" };
    for (int i = 0; i < WEFT_COUNT(files); i++) {
        weft_ctx plain = weights_ctx(&weft_malloc_allocator);
        weft_weights *set = weights_fixture(&plain, files[i]), *out = NULL;
        ck_assert_int_eq(weft_weights_count(set), 1);
        ck_assert_str_eq(weft_weights_meta_find(set, WEFT_META_UNREAD), why[i]);
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, set, "lenet5", WEFT_KERAS, NULL, NULL, &out), why[i]);
        weft_weights_destroy(set);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_module_classes");
    TCase *reading = tcase_create("reading"), *mapping = tcase_create("mapping");
    tcase_add_loop_test(reading, layers_say_what_they_are, 0, WEFT_COUNT(layers));
    tcase_add_test(reading, a_normalize_is_the_recipe);
    suite_add_tcase(suite, reading);
    tcase_add_checked_fixture(mapping, setup, teardown);
    tcase_set_timeout(mapping, 60);
    tcase_add_test(mapping, activations_are_held_against_ours);
    tcase_add_test(mapping, what_counts_is_left_out);
    tcase_add_test(mapping, masks_are_left_out);
    suite_add_tcase(suite, mapping);
    return check_main(suite, argv[0]);
}
