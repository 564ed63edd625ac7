/* SPDX-License-Identifier: Apache-2.0
 *
 * Files as people make them of a network: names with something before them, new classifiers under any name, layers for
 * other images or of another width. Each is torchvision's or Keras' list of names, changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "check/harness.h"
#include "weights/names/map.h"

static weft_ctx *ctx;

static void setup(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
}

static void teardown(void)
{
    weft_ctx_destroy(ctx);
}

enum { DENSE = 512, CLASSES = 10, NAME = 256 };

/* How a file differs from what the framework itself would save. */
typedef struct variant {
    const char *arch;
    weft_dialect dialect;
    const char *before;       /* every name */
    const char *inside[2];    /* inside[0] in a name becomes inside[1] */
    const char *head[2];      /* the classifier's layer is called otherwise: from, to */
    const char *more[3];      /* dense layers that are there too, [out, in] of 64 and the head's inputs */
    const char *counter;      /* a scalar */
    bool children;            /* layers of a ResNet by the number of the network's child that they are in */
    int channels;             /* of the first convolution; 0: 3 */
    int flat;                 /* the classifier has so many times the inputs; 0: 1 */
    int narrow;               /* outputs and inputs of all but 3 and the classes are divided by this; 0: 1 */
} variant;

static void add(weft_weights *file, const char *name, const weft_shape *shape)
{
    CHECK_OK(weft_weights_add(file, name, WEFT_F32, shape, NULL));
}

static void change(char name[NAME], const char *const pair[2])
{
    char *at = pair[0] ? strstr(name, pair[0]) : NULL, rest[NAME];
    if (!at)
        return;
    snprintf(rest, sizeof rest, "%s", at + strlen(pair[0]));
    snprintf(at, NAME - (size_t)(at - name), "%s%s", pair[1], rest);
}

/* As nn.Sequential(*list(resnet.children())[:-1]) has them. */
static void number(char name[NAME])
{
    static const char *const child[][2] = { { "layer1.", "4." }, { "layer2.", "5." }, { "layer3.", "6." },
                                            { "layer4.", "7." }, { "conv1.", "0." },  { "bn1.", "1." } };
    for (int i = 0; i < WEFT_COUNT(child); i++) {
        if (strncmp(name, child[i][0], strlen(child[i][0])) == 0) {
            change(name, child[i]);
            return;
        }
    }
}

static weft_weights *make(const variant *v)
{
    weft_weights *file = NULL;
    weft_name_list *list = NULL;
    CHECK_OK(weft_weights_names(ctx, v->arch, v->dialect, WEFT_ORIGIN_AUTO, &list));
    CHECK_OK(weft_weights_create(ctx, &file));
    bool first = true;
    for (int i = 0; i < list->count; i++) {
        weft_shape shape = list->entries[i].origin_shape;
        char name[NAME], whole[2 * NAME];
        snprintf(name, sizeof name, "%s", list->entries[i].origin_name);
        const bool head = strncmp(list->entries[i].name, "head/", 5) == 0;
        change(name, v->inside);
        if (v->children)
            number(name);
        if (head)
            change(name, v->head);
        for (int d = 0; d < shape.rank; d++) {
            if (shape.dim[d] == 1000)
                shape.dim[d] = CLASSES;
            else if (v->narrow && shape.dim[d] > 7)
                shape.dim[d] /= v->narrow;
        }
        if (head && v->flat && shape.rank == 2)
            shape.dim[v->dialect == WEFT_TORCH ? 1 : 0] *= v->flat;
        if (first && v->channels && shape.rank == 4) {
            shape.dim[v->dialect == WEFT_TORCH ? 1 : 2] = v->channels;
            first = false;
        }
        snprintf(whole, sizeof whole, "%s%s", v->before && !(head && v->head[0]) ? v->before : "", name);
        add(file, whole, &shape);
    }
    for (int i = 0; i < 3 && v->more[i]; i++)
        add(file, v->more[i], &(weft_shape){ 2, { 64, DENSE } });
    if (v->counter)
        CHECK_OK(weft_weights_add(file, v->counter, WEFT_I64, &(weft_shape){ 0 }, NULL));
    weft_name_list_destroy(ctx, list);
    return file;
}

#define RESNET .arch = "resnet18", .dialect = WEFT_TORCH
#define MOBILE .arch = "mobilenetv2", .dialect = WEFT_TORCH
#define KERAS .arch = "mobilenetv2", .dialect = WEFT_KERAS

/* ---- what is taken ---- */

static const struct {
    variant v;
    const char *prefix, *head; /* of the report */
} taken[] = {
    { { RESNET }, NULL, NULL },
    { { RESNET, .before = "module." }, NULL, NULL },
    { { RESNET, .before = "net." }, "net.", NULL },
    { { RESNET, .before = "backbone.encoder." }, "backbone.encoder.", NULL },
    { { RESNET, .before = "module.", .counter = "n_averaged" }, NULL, NULL },
    { { RESNET, .before = "ema_model.", .counter = "initted" }, "ema_model.", NULL },
    { { RESNET, .before = "ema.module.", .counter = "ema.n_averaged" }, "ema.", NULL },
    { { RESNET, .counter = "total_ops" }, NULL, NULL },
    { { RESNET, .counter = "criterion.weight" }, NULL, NULL },
    { { RESNET, .before = "net.", .counter = "loss.weight" }, "net.", NULL },
    { { RESNET, .before = "backbone.", .counter = "train_loss.pos_weight" }, "backbone.", NULL },
    { { RESNET, .children = true, .before = "feature_extractor.", .head = { "fc", "classifier" } },
      "feature_extractor.",
      "classifier" },
    { { RESNET, .children = true, .before = "0.", .head = { "fc", "2" } }, "0.", "2" },
    { { MOBILE, .inside = { "features.", "" }, .before = "body.", .head = { "classifier.1", "head" } },
      "body.",
      "head" },
    { { MOBILE, .inside = { "features.", "0." }, .before = "net." }, "net.0.", NULL },
    { { RESNET, .before = "backbone.", .head = { "fc", "head.fc" } }, "backbone.", "head.fc" },
    { { MOBILE, .inside = { "features.", "features.module." } }, NULL, NULL },
    { { RESNET, .inside = { "layer1.", "layer1._checkpoint_wrapped_module." } }, NULL, NULL },
    { { RESNET, .before = "_fsdp_wrapped_module.", .inside = { "layer2.", "layer2._fsdp_wrapped_module." } },
      NULL,
      NULL },
    { { MOBILE, .before = "model._orig_mod.", .inside = { "features.", "features.module." } }, NULL, NULL },
    { { RESNET, .head = { "fc", "fc.1" } }, NULL, "fc.1" },
    { { RESNET, .head = { "fc", "fc.1" }, .counter = "seen.images" }, NULL, "fc.1" },
    { { RESNET, .head = { "fc", "last_linear" } }, NULL, "last_linear" },
    { { MOBILE, .head = { "classifier.1", "classifier" } }, NULL, "classifier" },
    { { KERAS, .head = { "predictions", "flowers" } }, NULL, "flowers" },
    { { KERAS, .before = "mobilenetv2_1.00_224/" }, "mobilenetv2_1.00_224/", NULL },
    { { KERAS, .before = "mobilenetv2_1.00_224/", .head = { "predictions", "dense" } },
      "mobilenetv2_1.00_224/",
      "dense" },
};

static void same_text(const char *is, const char *expected)
{
    ck_assert_msg((is == NULL) == (expected == NULL) && (!is || strcmp(is, expected) == 0), "\"%s\", expected \"%s\"",
                  is ? is : "-", expected ? expected : "-");
}

START_TEST(variants_are_taken)
{
    const variant *v = &taken[_i].v;
    weft_weights *file = make(v), *mapped = NULL;
    weft_map_report *report = NULL;
    const weft_arch *arch = NULL;
    CHECK_OK(weft_weights_map(ctx, file, v->arch, v->dialect, NULL, &report, &mapped));
    ck_assert_int_eq(report->missing_count + report->unused_count, 0);
    same_text(report->prefix, taken[_i].prefix);
    same_text(report->head, taken[_i].head);
    ck_assert_str_eq(weft_weights_meta_find(mapped, "weft.classes"), "10");
    CHECK_OK(weft_weights_identify(ctx, file, "best.pth", NULL, WEFT_DIALECT_DEFAULT, &arch, NULL));
    ck_assert_str_eq(arch->name, v->arch);
    ck_assert_int_eq(arch->dialect, v->dialect);
    weft_map_report_destroy(ctx, report);
    weft_weights_destroy(mapped);
    weft_weights_destroy(file);
}
END_TEST

/* efficientnet_pytorch numbers units through; those of the first stage, of which deeper networks have more, expand
 * nothing. */
START_TEST(numbered_units_begin_where_the_first_stage_ends)
{
    static const struct {
        const char *arch, *expand;
    } known[] = { { "efficientnet-b0", "_blocks.1._expand_conv" }, { "efficientnet-b1", "_blocks.2._expand_conv" },
                  { "efficientnet-b4", "_blocks.2._expand_conv" }, { "efficientnet-b5", "_blocks.3._expand_conv" },
                  { "efficientnet-b6", "_blocks.3._expand_conv" }, { "efficientnet-b7", "_blocks.4._expand_conv" } };
    const weft_name_table *table;
    weft_name_values values;
    char name[NAME] = "";
    for (int i = 0; (table = weft_name_table_get(i)) != NULL; i++) {
        if (!weft_name_table_fits(table, weft_arch_find(known[_i].arch, WEFT_KERAS)))
            continue;
        for (int r = 0; r < table->count; r++) {
            if (table->rules[r].source && strncmp(table->rules[r].source, "_blocks.", 8) == 0 && !*name &&
                weft_name_match(table->rules[r].layer, "stage2.0/expand/conv2d", &values))
                ck_assert(weft_name_expand(table->rules[r].source, &values, 0, NULL, NULL, name, sizeof name));
        }
    }
    ck_assert_str_eq(name, known[_i].expand);
}
END_TEST

/* ---- what is refused, in a sentence that says what the file is made for ---- */

static const struct {
    variant v;
    const char *part[2];
} refused[] = {
    { { RESNET, .channels = 1 },
      { "made for images of 1 channel, weft's resnet18 (torch) for 3",
        "'conv1.weight' has shape [64, 1, 7, 7], expected [64, 3, 7, 7]" } },
    { { RESNET, .channels = 4 }, { "made for images of 4 channels", "conv1.weight" } },
    { { KERAS, .channels = 1 }, { "made for images of 1 channel", "'Conv1/kernel' has shape [3, 3, 1, 32]" } },
    { { KERAS, .narrow = 2 }, { "is narrower than weft's mobilenetv2 (keras): its width is about 0.5 of that", "" } },
    { { RESNET, .narrow = 4 }, { "its width is about 0.25 of that", "" } },
    { { RESNET, .head = { "fc", "fc.3" }, .more = { "fc.0.weight" } },
      { "several layers (fc.3 [10, 512], fc.0 [64, 512]); weft's resnet18 (torch) has a head of one layer of 512 "
        "inputs",
        "" } },
    { { RESNET, .head = { "fc", "flower" }, .flat = 49 },
      { "has other inputs, as behind a Flatten (flower [10, 25088])", "has a head of one layer of 512 inputs" } },
    { { KERAS, .head = { "predictions", "flower" }, .flat = 9 },
      { "has other inputs, as behind a Flatten (flower [10, 11520])", "" } },
    { { RESNET, .inside = { "1.0.conv1.weight", "1.0.conv1.weight_orig" }, .counter = "layer1.0.conv1.weight_mask" },
      { "1 missing", "; weights are pruned (weight_orig, weight_mask): save them behind torch.nn.utils.prune.rem" } },
    { { RESNET, .head = { "fc.weight", "fc.parametrizations.weight.original0" } },
      { "1 missing", "; weights have parametrizations: save them behind parametrize.remove_parametrizations" } },
    { { RESNET, .more = { "extra.weight" } }, { "0 missing, 1 unknown (extra.weight)", "" } },
};

START_TEST(variants_are_refused_by_what_they_are)
{
    const variant *v = &refused[_i].v;
    weft_weights *file = make(v), *mapped = NULL;
    for (int k = 0; k < 2; k++)
        CHECK_FAILS(WEFT_BAD_DATA, weft_weights_map(ctx, file, v->arch, v->dialect, NULL, NULL, &mapped),
                    refused[_i].part[k]);
    weft_weights_destroy(file);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_map_variants");
    TCase *tcase = tcase_create("variants");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, numbered_units_begin_where_the_first_stage_ends, 0, 6);
    tcase_add_loop_test(tcase, variants_are_taken, 0, WEFT_COUNT(taken));
    tcase_add_loop_test(tcase, variants_are_refused_by_what_they_are, 0, WEFT_COUNT(refused));
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
