/* SPDX-License-Identifier: Apache-2.0
 *
 * Classifying on a card that is as late as it may be: images go there as bytes, a quarter of what floats take, on a
 * stream beside the one that computes, and the answers are those of the CPU. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/weft.h>

#include "base/rng.h"
#include "check/harness.h"
#include "cuda/double/api.h"

enum { IMAGES = 5, BATCH = 2, PHOTO = 40, MOST_CLASSES = 1000,
       SAMPLED = 32 * 32 * 4 * 4 /* floats, and of one channel four */ };

static const double_api *doubles;

static void finish(void)
{
    ck_assert_msg(doubles->complaint()[0] == '\0', "%s", doubles->complaint());
    ck_assert_int_eq(doubles->open_count(), 0);
    ck_assert_uint_eq(doubles->memory_used(), 0);
}

static uint8_t pixels[IMAGES][PHOTO * PHOTO * 3];
static weft_image photos[IMAGES];

static void draw(void)
{
    for (int i = 0; i < IMAGES; i++) {
        for (int k = 0; k < PHOTO * PHOTO * 3; k++)
            pixels[i][k] = (uint8_t)(256 * weft_rng_uniform(5, weft_rng_stream("photos"),
                                                            (uint64_t)(i * PHOTO * PHOTO * 3 + k)));
        photos[i] = (weft_image){ PHOTO, PHOTO, pixels[i] };
    }
}

/* A network, by a recipe whose words follow it, and what its image is on the way. */
typedef struct subject {
    const char *arch, *words;
    int64_t sent; /* bytes of an image */
} subject;

static const subject subjects[] = {
    { "lenet5", "", 32 * 32 },                                        /* grey */
    { "mobilenet-0.25", "px=33 preprocess=torch", 33 * 33 * 3 },      /* its bytes fill no integers */
    { "mobilenet-0.25", "px=32 preprocess=caffe", 32 * 32 * 3 },      /* blue first */
    { "lenet5", "antialias=no", SAMPLED },                            /* samples are no bytes */
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

static weft_classifier *open_classifier(const subject *s, const char *device, weft_precision precision, weft_ctx **ctx)
{
    const weft_ctx_opt how = { .device = device, .precision = precision, .threads = 1 };
    const weft_classifier_opt opt = { .arch = s->arch, .recipe_words = s->words, .batch = BATCH, .random = true,
                                      .seed = 11 };
    weft_classifier *c;
    CHECK_OK(weft_ctx_create(&how, ctx));
    const weft_status status = weft_classifier_create(*ctx, NULL, &opt, &c);
    ck_assert_msg(status == WEFT_OK, "%s: %s", s->arch, weft_error());
    return c;
}

static void close_classifier(weft_classifier *c, weft_ctx *ctx)
{
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}

/* Probabilities of all classes, by class. */
static void by_class(const weft_answer *answers, int classes, double *to)
{
    for (int k = 0; k < classes; k++)
        to[answers[k].index] = answers[k].probability;
}

static weft_answer answers[2][IMAGES * MOST_CLASSES];

static void compare(const subject *s, const weft_answer *a, const weft_answer *b, int classes, double allowed)
{
    static double want[MOST_CLASSES], got[MOST_CLASSES];
    for (int i = 0; i < IMAGES; i++) {
        by_class(a + i * classes, classes, want);
        by_class(b + i * classes, classes, got);
        for (int k = 0; k < classes; k++)
            ck_assert_msg(fabs(want[k] - got[k]) <= allowed, "%s: image %d, class %d: %g, %g on the CPU", s->arch, i, k,
                          got[k], want[k]);
    }
}

START_TEST(images_go_as_bytes)
{
    static const struct {
        weft_precision precision;
        double allowed; /* of probabilities */
    } how[] = { { WEFT_PRECISION_FP32, 1e-4 }, { WEFT_PRECISION_FP16, 1e-2 } };
    const subject *s = &subjects[_i];
    weft_ctx *cpu, *card;
    doubles->reset();
    draw();
    weft_classifier *c = open_classifier(s, "cpu", WEFT_PRECISION_DEFAULT, &cpu);
    const int classes = weft_classifier_classes(c);
    CHECK_OK(weft_classify_images(c, photos, IMAGES, classes, answers[0]));
    for (int p = 0; p < 2; p++) {
        doubles->reset();
        doubles->card()->late = true;
        weft_classifier *d = open_classifier(s, "cuda", how[p].precision, &card);
        const int64_t before = doubles->counts().uploaded;
        CHECK_OK(weft_classify_images(d, photos, IMAGES, classes, answers[1]));
        compare(s, answers[0], answers[1], classes, how[p].allowed);
        const int64_t batches = (IMAGES + BATCH - 1) / BATCH, sent = doubles->counts().uploaded - before;
        const int64_t least = batches * BATCH * s->sent / (s->sent == SAMPLED && p ? 2 : 1);
        ck_assert_msg(sent >= least && sent < least + batches * 1024, "%s: %lld bytes were sent, %lld are enough",
                      s->arch, (long long)sent, (long long)least);
        close_classifier(d, card);
        finish();
    }
    close_classifier(c, cpu);
}
END_TEST

/* Numbers that the caller prepared take their own way, over the same parameters. */
START_TEST(prepared_inputs_give_the_same)
{
    static float inputs[IMAGES * 32 * 32], got[IMAGES * MOST_CLASSES];
    const subject *s = &subjects[0];
    weft_ctx *card;
    doubles->reset();
    draw();
    weft_classifier *c = open_classifier(s, "cuda", WEFT_PRECISION_FP32, &card);
    const int classes = weft_classifier_classes(c);
    for (int i = 0; i < IMAGES; i++)
        CHECK_OK(weft_image_to_input(card, &photos[i], weft_classifier_recipe(c), inputs + i * 32 * 32));
    for (int again = 0; again < 2; again++) {
        double all[MOST_CLASSES];
        CHECK_OK(weft_classify_images(c, photos, IMAGES, classes, answers[0]));
        CHECK_OK(weft_classify_inputs(c, inputs, IMAGES, got));
        for (int i = 0; i < IMAGES; i++) {
            by_class(answers[0] + i * classes, classes, all);
            for (int k = 0; k < classes; k++)
                ck_assert((float)all[k] == got[i * classes + k]);
        }
    }
    close_classifier(c, card);
    finish();
}
END_TEST

/* A model by itself: on the CPU and on the card the bits that the values of the bytes give. */
START_TEST(a_model_takes_bytes)
{
    enum { SIDE = 5, COUNT = BATCH * SIDE * SIDE * 3 };
    static const char *const devices[] = { "cpu", "cuda" };
    float table[3][256], values[COUNT], out[2][BATCH * 4];
    uint8_t bytes[COUNT];
    doubles->reset();
    draw();
    memcpy(bytes, pixels[0], sizeof bytes);
    for (int i = 0; i < 3 * 256; i++)
        table[i / 256][i % 256] = (float)(i % 256 - 100 - i / 256) / 64;
    for (int i = 0; i < COUNT; i++)
        values[i] = table[i % 3][bytes[i]];
    const weft_ctx_opt how = { .device = devices[_i % 2], .precision = WEFT_PRECISION_FP32, .threads = 1 };
    const weft_shape shape = weft_shape_nhwc(1, SIDE, SIDE, 3);
    weft_ctx *ctx;
    weft_graph *g;
    CHECK_OK(weft_ctx_create(&how, &ctx));
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "x", &shape);
    if (_i >= 2) /* it normalises by itself: what comes before is kept in fp32 */
        x = weft_normalize(g, x, &(weft_normalize_opt){ .scale = .5, .mean = { .1, .2, .3 } });
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .out = 4, .kernel = 3 });
    weft_output(g, weft_global_avg_pool2d(g, x), "y");
    for (int by_bytes = 0; by_bytes < 2; by_bytes++) {
        const weft_model_opt opt = { .batch = BATCH, .levels = by_bytes ? table[0] : NULL };
        weft_model *model;
        CHECK_OK(weft_model_create(ctx, g, &opt, &model));
        CHECK_OK(weft_model_seed(model, 3));
        if (by_bytes)
            CHECK_OK(weft_model_set_bytes(model, 0, bytes, sizeof bytes));
        else
            CHECK_OK(weft_model_set_input(model, 0, values, sizeof values));
        CHECK_OK(weft_model_run(model));
        CHECK_OK(weft_model_get_output(model, 0, out[by_bytes], sizeof out[0]));
        CHECK_FAILS(WEFT_INVALID, weft_model_set_bytes(model, by_bytes, bytes, sizeof bytes), "does not take bytes");
        if (by_bytes)
            CHECK_FAILS(WEFT_INVALID, weft_model_set_bytes(model, 0, bytes, sizeof bytes - 1), "5x5x3 need 150");
        weft_model_destroy(model);
    }
    ck_assert_mem_eq(out[0], out[1], sizeof out[0]);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda-classify");
    TCase *all = tcase_create("bytes");
    tcase_add_loop_test(all, images_go_as_bytes, 0, SUBJECTS);
    tcase_add_test(all, prepared_inputs_give_the_same);
    tcase_add_loop_test(all, a_model_takes_bytes, 0, 4);
    suite_add_tcase(s, all);
    return s;
}

int main(int argc, char **argv)
{
    doubles = argc > 1 ? double_open(argv[1]) : NULL;
    if (!doubles) {
        fprintf(stderr, "usage: %s PLUGIN\n", argv[0]);
        return 2;
    }
    return check_main(suite(), "cuda-classify PLUGIN");
}
