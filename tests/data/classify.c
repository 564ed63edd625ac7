/* SPDX-License-Identifier: Apache-2.0
 *
 * Classifiers: made from weights, options and metadata; the same answers for any batch and number of threads; bad
 * files; every allocation failing. The network is LeNet-5 with ten made-up classes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "task/classify.h"
#include "data/golden.h"

enum { CLASSES = 10, FILES = 5 };

static const weft_label ten[CLASSES] = {
    { "n00000001", "ant" },  { "n00000002", "bee" }, { "n00000003", "cat" }, { "n00000004", "dog" }, { "", "eel" },
    { "n00000006", "fly" }, { "n00000007", "gnu" }, { "n00000008", "" },    { "", "" },
    { "n00000010", "jay" },
};

static weft_classifier_opt seeded(int64_t batch)
{
    return (weft_classifier_opt){ .arch = "lenet5", .dialect = WEFT_KERAS, .batch = batch, .labels = ten,
                                  .label_count = CLASSES, .random = true, .seed = 3 };
}

static weft_ctx *open_ctx(int threads)
{
    weft_ctx *ctx;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = threads }, &ctx));
    return ctx;
}

static char file_paths[FILES][GOLDEN_TEXT];
static const char *files[FILES];

static void name_files(void)
{
    static const char *const names[FILES] = { "444.jpg", "rgb8.png", "grey.jpg", "cmyk.jpg", "palette4.png" };
    for (int i = 0; i < FILES; i++) {
        golden_path(names[i], file_paths[i]);
        files[i] = file_paths[i];
    }
}

START_TEST(answers_do_not_depend_on_batch_or_threads)
{
    weft_answer first[FILES * CLASSES], answers[FILES * CLASSES];
    name_files();
    for (int threads = 1; threads <= 3; threads++) {
        for (int64_t batch = 1; batch <= FILES + 1; batch++) {
            weft_ctx *ctx = open_ctx(threads);
            const weft_classifier_opt opt = seeded(batch);
            weft_classifier *c;
            CHECK_OK(weft_classifier_create(ctx, NULL, &opt, &c));
            weft_answer *const out = threads == 1 && batch == 1 ? first : answers;
            memset(out, 0x55, sizeof answers);
            CHECK_OK(weft_classify_files(c, files, FILES, CLASSES, out, NULL));
            for (int i = 0; i < FILES * CLASSES; i++) {
                ck_assert_int_eq(out[i].index, first[i].index);
                ck_assert_double_eq_tol(out[i].probability, first[i].probability, 1e-6);
                ck_assert_str_eq(out[i].name, ten[out[i].index].name);
                ck_assert_str_eq(out[i].id, ten[out[i].index].id);
            }
            weft_classifier_destroy(c);
            weft_ctx_destroy(ctx);
        }
    }
}
END_TEST

START_TEST(probabilities_are_a_distribution_in_order)
{
    weft_ctx *ctx = open_ctx(1);
    const weft_classifier_opt opt = seeded(2);
    weft_classifier *c;
    weft_image image;
    name_files();
    CHECK_OK(weft_classifier_create(ctx, NULL, &opt, &c));
    ck_assert_int_eq(weft_classifier_classes(c), CLASSES);
    ck_assert_str_eq(weft_classifier_arch(c)->name, "lenet5");
    ck_assert_ptr_null(weft_classifier_label(c, CLASSES));
    CHECK_OK(weft_image_read(ctx, files[0], NULL, &image));
    const weft_recipe *r = weft_classifier_recipe(c);
    float input[32 * 32], all[CLASSES];
    ck_assert_int_eq(r->px * r->px * r->channels, 32 * 32);
    CHECK_OK(weft_image_to_input(ctx, &image, r, input));
    CHECK_OK(weft_classify_inputs(c, input, 1, all));
    weft_answer answers[CLASSES], by_file[3];
    CHECK_OK(weft_classify_images(c, &image, 1, CLASSES, answers));
    CHECK_OK(weft_classify_files(c, files, 1, 3, by_file, NULL));
    double sum = 0;
    for (int k = 0; k < CLASSES; k++) {
        sum += answers[k].probability;
        ck_assert(k == 0 || answers[k].probability <= answers[k - 1].probability);
        ck_assert_double_eq_tol(answers[k].probability, (double)all[answers[k].index], 1e-7);
        ck_assert(k >= 3 || answers[k].index == by_file[k].index);
    }
    ck_assert_double_eq_tol(sum, 1, 1e-9);
    CHECK_FAILS(WEFT_INVALID, weft_classify_images(c, &image, 1, 11, answers), "the 11 likeliest of 10");
    CHECK_FAILS(WEFT_INVALID, weft_classify_images(c, NULL, 1, 1, answers), "NULL");
    weft_image_free(ctx, &image);
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}
END_TEST

/* LeNet-5 as published answers by distances: the smallest is the likeliest. */
START_TEST(the_smallest_distance_is_the_likeliest)
{
    weft_ctx *ctx = open_ctx(1);
    weft_graph *graph;
    weft_model *model;
    weft_classifier_opt opt = seeded(1);
    weft_classifier *c;
    float input[32 * 32], distance[CLASSES];
    opt.dialect = WEFT_PAPER;
    for (int i = 0; i < 32 * 32; i++)
        input[i] = (float)(i % 37) / 37;
    CHECK_OK(weft_arch_build(ctx, "lenet5", &(weft_arch_opt){ .dialect = WEFT_PAPER }, &graph));
    CHECK_OK(weft_model_create(ctx, graph, NULL, &model));
    CHECK_OK(weft_model_init(model, opt.seed));
    CHECK_OK(weft_model_set_input(model, 0, input, sizeof input));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, distance, sizeof distance));
    int nearest = 0;
    for (int i = 0; i < CLASSES; i++)
        nearest = distance[i] < distance[nearest] ? i : nearest;
    CHECK_OK(weft_classifier_create(ctx, NULL, &opt, &c));
    float p[CLASSES];
    CHECK_OK(weft_classify_inputs(c, input, 1, p));
    for (int i = 0; i < CLASSES; i++)
        ck_assert(p[i] <= p[nearest]);
    weft_classifier_destroy(c);
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(a_bad_file_is_named_and_the_others_go_on)
{
    weft_ctx *ctx = open_ctx(2);
    const weft_classifier_opt opt = seeded(2);
    weft_classifier *c;
    char bad[GOLDEN_TEXT];
    weft_answer good[2], answers[4];
    weft_fault faults[4];
    name_files();
    golden_path("bad-crc.png", bad);
    const char *const four[] = { files[0], bad, "no/such.jpg", files[1] };
    CHECK_OK(weft_classifier_create(ctx, NULL, &opt, &c));
    CHECK_OK(weft_classify_files(c, files, 2, 1, good, NULL));
    CHECK_OK(weft_classify_files(c, four, 4, 1, answers, faults));
    ck_assert(faults[0].status == WEFT_OK && faults[3].status == WEFT_OK && !*faults[3].reason);
    ck_assert(faults[1].status == WEFT_BAD_DATA && strstr(faults[1].reason, "CRC error"));
    ck_assert(faults[2].status == WEFT_NOT_FOUND && strstr(faults[2].reason, "no/such.jpg"));
    ck_assert(answers[0].index == good[0].index && answers[3].index == good[1].index);
    ck_assert(answers[0].probability == good[0].probability && answers[3].probability == good[1].probability);
    ck_assert(answers[1].probability == 0 && !*answers[1].name);
    CHECK_FAILS(WEFT_BAD_DATA, weft_classify_files(c, four, 4, 1, answers, NULL), "bad-crc.png");
    CHECK_OK(weft_classify_files(c, four + 1, 2, 1, answers, faults)); /* nothing to run at all */
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}
END_TEST

/* Two files store the same pixels; the second says that they lie on their side. */
START_TEST(photographs_are_turned_upright)
{
    weft_ctx *ctx = open_ctx(1);
    char plain[GOLDEN_TEXT], turned[GOLDEN_TEXT];
    golden_path("orient-1.jpg", plain);
    golden_path("orient-6.jpg", turned);
    const char *const both[] = { plain, turned };
    for (int as_stored = 0; as_stored < 2; as_stored++) {
        weft_classifier_opt opt = seeded(2);
        weft_classifier *c;
        weft_answer answers[2];
        opt.as_stored = as_stored;
        CHECK_OK(weft_classifier_create(ctx, NULL, &opt, &c));
        CHECK_OK(weft_classify_files(c, both, 2, 1, answers, NULL));
        ck_assert((answers[0].probability == answers[1].probability) == as_stored);
        weft_classifier_destroy(c);
    }
    weft_ctx_destroy(ctx);
}
END_TEST

/* ---- weights and what they say ---- */

/* Seeded LeNet-5 weights with these pairs of metadata, in weft's names. */
static weft_weights *weights_with(weft_ctx *ctx, const char *const (*meta)[2])
{
    weft_graph *graph;
    weft_model *model;
    weft_weights *weights;
    CHECK_OK(weft_arch_build(ctx, "lenet5", &(weft_arch_opt){ .dialect = WEFT_KERAS }, &graph));
    CHECK_OK(weft_model_create(ctx, graph, NULL, &model));
    CHECK_OK(weft_model_init(model, 3));
    CHECK_OK(weft_weights_create(ctx, &weights));
    CHECK_OK(weft_model_save(model, weights));
    for (; meta && (*meta)[0]; meta++)
        CHECK_OK(weft_weights_set_meta(weights, (*meta)[0], (*meta)[1]));
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    return weights;
}

#define LENET { "weft.arch", "lenet5" }, { "weft.dialect", "keras" }

START_TEST(a_file_knows_its_network_recipe_and_labels)
{
    static const char *const meta[][2] = {
        LENET,
        { "weft.labels", "n00000001 ant\nbee\n\nn0000003 x\n4\n5\n6\n7\n8\n9\n" },
        { "weft.recipe", "px=32 channels=1 fit=crop share=0.5 preprocess=unit" },
        { NULL, NULL },
    };
    weft_ctx *ctx = open_ctx(1);
    weft_weights *weights = weights_with(ctx, meta);
    weft_classifier *c, *random;
    weft_classifier_opt same = seeded(1);
    weft_answer by_weights, by_seed;
    name_files();
    CHECK_OK(weft_weights_write(weights, "weft-classify-test.safetensors", WEFT_SAFETENSORS));
    weft_weights_destroy(weights);
    CHECK_OK(weft_classifier_open(ctx, "weft-classify-test.safetensors", NULL, &c));
    remove("weft-classify-test.safetensors");
    ck_assert(weft_classifier_recipe(c)->fit == WEFT_FIT_CROP && weft_classifier_recipe(c)->share == .5);
    ck_assert_str_eq(weft_classifier_label(c, 0)->id, "n00000001");
    ck_assert_str_eq(weft_classifier_label(c, 0)->name, "ant");
    ck_assert_str_eq(weft_classifier_label(c, 1)->name, "bee");
    ck_assert_str_eq(weft_classifier_label(c, 2)->name, "");
    ck_assert_str_eq(weft_classifier_label(c, 3)->name, "n0000003 x");
    same.recipe = weft_classifier_recipe(c);
    CHECK_OK(weft_classifier_create(ctx, NULL, &same, &random));
    CHECK_OK(weft_classify_files(c, files, 1, 1, &by_weights, NULL));
    CHECK_OK(weft_classify_files(random, files, 1, 1, &by_seed, NULL));
    ck_assert(by_weights.index == by_seed.index && by_weights.probability == by_seed.probability);
    weft_classifier_destroy(c);
    weft_classifier_destroy(random);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
    static const struct {
        const char *meta[4][2];
        weft_classifier_opt opt;
        weft_status status;
        const char *part;
    } cases[] = {
        { { { NULL, NULL } }, { .batch = 1 }, WEFT_INVALID, "do not say which network" },
        { { LENET }, { .arch = "vgg16" }, WEFT_INVALID, "are of lenet5 (keras), not of vgg16" },
        { { LENET }, { .dialect = WEFT_PAPER }, WEFT_INVALID, "not of lenet5 (paper)" },
        { { LENET }, { .arch = "lenet6" }, WEFT_NOT_FOUND, "did you mean lenet5" },
        { { LENET }, { .labels = ten, .label_count = 9 }, WEFT_BAD_DATA, "9 labels for a network of 10" },
        { { LENET, { "weft.labels", "a\nb" } }, { .batch = 1 }, WEFT_BAD_DATA, "2 labels for a network of 10" },
        { { LENET, { "weft.classes", "ten" } }, { .batch = 1 }, WEFT_BAD_DATA, "weft.classes is 'ten'" },
        { { LENET, { "weft.classes", "11" } }, { .batch = 1 }, WEFT_BAD_DATA, "" },
        { { LENET, { "weft.recipe", "px=32" } }, { .batch = 1 }, WEFT_BAD_DATA, "3 channels, lenet5 takes 1" },
        { { LENET, { "weft.recipe", "px" } }, { .batch = 1 }, WEFT_BAD_DATA, "'px' is not key=value" },
        { { LENET, { "weft.recipe", "px=4096 channels=1" } }, { .batch = 1 }, WEFT_BAD_DATA, "256 at most" },
        { { LENET, { "weft.recipe", "px=64 channels=1" } }, { .batch = 1 }, WEFT_BAD_DATA, "another size of image" },
        { { LENET, { "weft.classes", "10abc" } }, { .batch = 1 }, WEFT_BAD_DATA, "weft.classes is '10abc'" },
        { { LENET, { "weft.classes", " 10" } }, { .batch = 1 }, WEFT_BAD_DATA, "weft.classes is ' 10'" },
        { { LENET, { "weft.classes", "1" }, { "weft.activation", "softmax" } }, { 0 }, WEFT_BAD_DATA, "of one output" },
        { { LENET, { "weft.classes", "1" } }, { .activation = WEFT_READOUT_SOFTMAX }, WEFT_INVALID, "sigmoid was" },
        { { LENET, { "weft.activation", "relu" } }, { .batch = 1 }, WEFT_BAD_DATA, "weft.activation is 'relu'" },
        { { LENET }, { .recipe_words = "px=28 colour=red" }, WEFT_BAD_DATA, "colour=red" },
        { { LENET }, { .classes = "no-such.txt" }, WEFT_NOT_FOUND, "no-such.txt" },
        { { LENET }, { .classes = "/dev/zero" }, WEFT_BAD_DATA, "a file of class names was expected" },
        { { LENET }, { .classes = "." }, WEFT_BAD_DATA, "is a directory" },
        { { LENET }, { .activation = WEFT_READOUT_COUNT }, WEFT_INVALID, "no activation 3" },
        { { LENET }, { .batch = -1 }, WEFT_INVALID, "batch" },
    };
    weft_ctx *ctx = open_ctx(1);
    weft_classifier *c = NULL;
    for (int i = 0; i < WEFT_COUNT(cases); i++) {
        weft_weights *weights = weights_with(ctx, cases[i].meta);
        CHECK_FAILS(cases[i].status, weft_classifier_create(ctx, weights, &cases[i].opt, &c), cases[i].part);
        ck_assert_ptr_null(c);
        weft_weights_destroy(weights);
    }
    CHECK_FAILS(WEFT_INVALID, weft_classifier_create(ctx, NULL, NULL, &c), "NULL");
    CHECK_FAILS(WEFT_NOT_FOUND, weft_classifier_open(ctx, "no.safetensors", NULL, &c), "no.safetensors");
    weft_classifier_destroy(NULL);
    weft_ctx_destroy(ctx);
}
END_TEST

/* A classifier of LeNet-5 with that many outputs, and the logits of one input by a model of the same weights. */
static weft_classifier *with_logits(weft_ctx *ctx, weft_classifier_opt *opt, int outputs, const float *input,
                                    float *logits)
{
    weft_graph *graph;
    weft_model *model;
    weft_weights *weights;
    weft_classifier *c;
    char count[16];
    const weft_arch_opt build = { .dialect = WEFT_KERAS, .classes = outputs, .no_softmax = true };
    CHECK_OK(weft_arch_build(ctx, "lenet5", &build, &graph));
    CHECK_OK(weft_model_create(ctx, graph, NULL, &model));
    CHECK_OK(weft_model_init(model, 3));
    CHECK_OK(weft_model_set_input(model, 0, input, 32 * 32 * sizeof *input));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, logits, (size_t)outputs * sizeof *logits));
    CHECK_OK(weft_weights_create(ctx, &weights));
    CHECK_OK(weft_model_save(model, weights));
    snprintf(count, sizeof count, "%d", outputs);
    CHECK_OK(weft_weights_set_meta(weights, "weft.arch", "lenet5"));
    CHECK_OK(weft_weights_set_meta(weights, "weft.dialect", "keras"));
    CHECK_OK(weft_weights_set_meta(weights, "weft.classes", count));
    if (opt->random) /* stands for: as the file says */
        CHECK_OK(weft_weights_set_meta(weights, "weft.activation", "sigmoid"));
    opt->random = false;
    CHECK_OK(weft_classifier_create(ctx, weights, opt, &c));
    weft_weights_destroy(weights);
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    return c;
}

START_TEST(one_output_is_a_sigmoid)
{
    static const weft_label two[] = { { "", "cat" }, { "", "dog" } };
    weft_ctx *ctx = open_ctx(1);
    float input[32 * 32], logit, p[2];
    for (int i = 0; i < 32 * 32; i++)
        input[i] = (float)(i % 37) / 37;
    weft_classifier_opt opt = { .batch = 1 };
    weft_classifier *c = with_logits(ctx, &opt, 1, input, &logit);
    CHECK_OK(weft_classify_inputs(c, input, 1, p));
    ck_assert(weft_classifier_classes(c) == 1 && weft_classifier_readout(c) == WEFT_READOUT_SIGMOID);
    ck_assert(fabs((double)logit) > .001);
    ck_assert_double_eq_tol((double)p[0], 1 / (1 + exp(-(double)logit)), 1e-6);
    weft_classifier_destroy(c);

    opt = (weft_classifier_opt){ .labels = two, .label_count = 2 };
    c = with_logits(ctx, &opt, 1, input, &logit);
    ck_assert_int_eq(weft_classifier_classes(c), 2);
    ck_assert_str_eq(weft_classifier_label(c, 1)->name, "dog");
    CHECK_OK(weft_classify_inputs(c, input, 1, p));
    ck_assert_double_eq_tol((double)p[1], 1 / (1 + exp(-(double)logit)), 1e-6);
    ck_assert_double_eq_tol((double)p[0], 1 - 1 / (1 + exp(-(double)logit)), 1e-6);
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(several_labels_are_sigmoids)
{
    weft_ctx *ctx = open_ctx(1);
    float input[32 * 32], logits[4], p[4];
    for (int i = 0; i < 32 * 32; i++)
        input[i] = (float)(i % 37) / 37;
    for (int by_file = 0; by_file < 2; by_file++) {
        weft_classifier_opt opt = { .activation = by_file ? WEFT_READOUT_DEFAULT : WEFT_READOUT_SIGMOID,
                                    .random = by_file };
        weft_classifier *c = with_logits(ctx, &opt, 4, input, logits);
        CHECK_OK(weft_classify_inputs(c, input, 1, p));
        for (int i = 0; i < 4; i++)
            ck_assert_double_eq_tol((double)p[i], 1 / (1 + exp(-(double)logits[i])), 1e-6);
        weft_classifier_destroy(c);
    }
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(options_set_recipe_and_names)
{
    weft_ctx *ctx = open_ctx(1);
    weft_classifier *c;
    FILE *file = fopen("weft-classify-names.txt", "w");
    ck_assert(file && fputs("\xef\xbb\xbf" "n00000001 ant\r\nbee\nc\nd\ne\nf\ng\nh\ni\nj\n\n", file) >= 0);
    fclose(file);
    weft_classifier_opt opt = seeded(1);
    opt.labels = NULL;
    opt.label_count = 0;
    opt.classes = "weft-classify-names.txt";
    opt.recipe_words = "fit=crop share=0.5 mean=.5 std=.25";
    CHECK_OK(weft_classifier_create(ctx, NULL, &opt, &c));
    remove(opt.classes);
    ck_assert_str_eq(weft_classifier_label(c, 0)->id, "n00000001");
    ck_assert_str_eq(weft_classifier_label(c, 0)->name, "ant");
    ck_assert_str_eq(weft_classifier_label(c, 9)->name, "j");
    const weft_recipe *r = weft_classifier_recipe(c);
    ck_assert(r->fit == WEFT_FIT_CROP && r->share == .5 && r->mean[0] == .5 && r->std[2] == .25 && r->px == 32);
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}
END_TEST

/* A network of which bright pixels make infinities of both signs, and black ones numbers. */
static weft_classifier *bursting(weft_ctx *ctx, int64_t batch)
{
    static const char *const meta[][2] = { LENET, { "weft.recipe", "px=32 channels=1 fit=squash" }, { NULL, NULL } };
    weft_weights *weights = weights_with(ctx, meta), *burst;
    weft_classifier *c;
    CHECK_OK(weft_weights_create(ctx, &burst));
    for (int64_t i = 0; i < weft_weights_count(weights); i++) {
        weft_weight w;
        CHECK_OK(weft_weights_get(weights, i, &w));
        float *data = malloc((size_t)w.count * sizeof *data);
        ck_assert_ptr_nonnull(data);
        CHECK_OK(weft_weight_floats(&w, data));
        for (int64_t k = 0; w.count == 84 * CLASSES && k < w.count; k++) /* of the last layer */
            data[k] = k & 1 ? 3e38f : -3e38f;
        CHECK_OK(weft_weights_add(burst, w.name, WEFT_F32, &w.shape, data));
        free(data);
    }
    for (int i = 0; meta[i][0]; i++)
        CHECK_OK(weft_weights_set_meta(burst, meta[i][0], meta[i][1]));
    CHECK_OK(weft_classifier_create(ctx, burst, &(weft_classifier_opt){ .batch = batch }, &c));
    weft_weights_destroy(weights);
    weft_weights_destroy(burst);
    return c;
}

START_TEST(an_image_without_numbers_is_one_images_fault)
{
    weft_ctx *ctx = open_ctx(1);
    weft_classifier *c = bursting(ctx, 2);
    weft_answer answers[3];
    weft_fault faults[3];
    uint8_t black[3 * 4 * 4] = { 0 };
    const weft_image dark = { .width = 4, .height = 4, .pixels = black };
    name_files();
    CHECK_OK(weft_classify_images(c, &dark, 1, 1, answers));
    CHECK_OK(weft_classify_files(c, files, 3, 1, answers, faults));
    ck_assert(faults[0].status == WEFT_NUMERIC && strstr(faults[0].reason, files[0]) && *answers[0].name == '\0');
    CHECK_FAILS(WEFT_NUMERIC, weft_classify_files(c, files, 1, 1, answers, NULL), "do not fit");
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(imagenet_has_its_thousand_classes_in_order)
{
    for (int i = 0; i < 1000; i++) {
        const weft_label *label = weft_imagenet_label(i);
        ck_assert(strlen(label->id) == 9 && label->id[0] == 'n' && *label->name);
        ck_assert(i == 0 || strcmp(weft_imagenet_label(i - 1)->id, label->id) < 0);
    }
    ck_assert_str_eq(weft_imagenet_label(0)->name, "tench");
    ck_assert_str_eq(weft_imagenet_label(281)->name, "tabby");
    ck_assert_str_eq(weft_imagenet_label(281)->id, "n02123045");
    ck_assert_str_eq(weft_imagenet_label(999)->name, "toilet tissue");
    ck_assert(!weft_imagenet_label(-1) && !weft_imagenet_label(1000));
}
END_TEST

static weft_status classify_step(const weft_allocator *allocator, void *arg)
{
    (void)arg;
    weft_ctx *ctx;
    weft_classifier *c = NULL;
    weft_answer answers[2];
    weft_fault faults[2];
    const weft_ctx_opt opt = { .threads = 1, .allocator = *allocator };
    const weft_classifier_opt how = seeded(2);
    weft_status status = weft_ctx_create(&opt, &ctx);
    if (status != WEFT_OK)
        return status;
    status = weft_classifier_create(ctx, NULL, &how, &c);
    if (status == WEFT_OK)
        status = weft_classify_files(c, files, 2, 1, answers, faults);
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
    return status;
}

START_TEST(every_failing_allocation_is_reported)
{
    name_files();
    ck_assert_int_ge(check_every_failure(classify_step, NULL), 20);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("data: classify");
    CHECK_CASE(suite, "answers", answers_do_not_depend_on_batch_or_threads, probabilities_are_a_distribution_in_order,
               the_smallest_distance_is_the_likeliest, a_bad_file_is_named_and_the_others_go_on,
               photographs_are_turned_upright);
    CHECK_CASE(suite, "weights", a_file_knows_its_network_recipe_and_labels, what_does_not_fit_is_refused,
               options_set_recipe_and_names,
               one_output_is_a_sigmoid, several_labels_are_sigmoids,
               an_image_without_numbers_is_one_images_fault,
               imagenet_has_its_thousand_classes_in_order, every_failing_allocation_is_reported);
    return check_main(suite, argv[0]);
}
