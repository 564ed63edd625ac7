/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks as published that learn 64 images by heart: seeded images of the smallest legal size, labels that nothing in
 * them tells, no augmentation, the auxiliary heads of those that have some. An image counts as learnt when the network
 * gets it right in inference, with the moving statistics of its batch norms.
 *
 *   train-overfit [NAME...]     names of the table below, "all"; without, those that the suite has time for. Steps and
 *                               seconds of CPU are printed */
#include "arch/registry.h"
#include "check/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weft/weft.h>

#include "base/rng.h"

/* One batch, so that the statistics that training sees are those that the moving ones come to. */
enum { IMAGES = 64, CLASSES = 8, PATCHES = 8 /* of a side */, LOOK = 10 /* steps between evaluations */ };

/* Of the rate, once training has all of them right: the moving statistics come to where they are. */
#define SETTLED .1

typedef struct subject {
    const char *name;
    weft_dialect dialect;
    bool in_suite;
    int steps; /* at most */
    double lr;
    weft_train_opt opt;
} subject;

#define SGD { .optimizer = { .momentum = .9 }, .seed = 1 }
#define RBF { .optimizer = { .kind = WEFT_ADAM }, .loss = WEFT_LOSS_RBF, .seed = 1 }
#define ADAM { .optimizer = { .kind = WEFT_ADAM }, .seed = 1 }
#define QUICK { .optimizer = { .kind = WEFT_ADAM }, .norm_momentum = .9, .seed = 1 }

/* Moving statistics follow within a hundred steps at a momentum of .9, which all of these have but NASNet: its .9997
 * wants ten thousand. */
static const subject subjects[] = {
    { "lenet5", WEFT_PAPER, true, 400, .004, RBF },
    { "resnet50", WEFT_TORCH, false, 400, .01, SGD },
    { "efficientnet-b0", WEFT_TORCH, false, 400, .002, ADAM },
    { "mobilenetv2", WEFT_TORCH, false, 400, .002, ADAM },
    { "densenet121", WEFT_TORCH, false, 400, .01, SGD },
    { "inception-v3", WEFT_TORCH, false, 400, .01, SGD },
    { "googlenet", WEFT_PAPER, false, 800, .0005, ADAM }, /* the paper's has the heads */
    { "senet154", WEFT_TORCH, false, 400, .01, SGD },
    { "nasnet-mobile", WEFT_KERAS, false, 400, .002, QUICK },
    { "cspresnet50", WEFT_TORCH, false, 400, .01, SGD },
    { "vgg16", WEFT_TORCH, false, 800, .0002, ADAM },
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

static struct {
    weft_ctx *ctx;
    char **names;
    int count;
} wanted;

static bool is_wanted(const subject *s)
{
    for (int i = 0; i < wanted.count; i++)
        if (strcmp(wanted.names[i], s->name) == 0 || strcmp(wanted.names[i], "all") == 0)
            return true;
    return wanted.count == 0 && s->in_suite;
}

static int least_px(const subject *s)
{
    for (int i = 0; i < weft_arch_row_count; i++)
        if (strcmp(weft_arch_rows[i].arch.name, s->name) == 0 && weft_arch_rows[i].arch.dialect == s->dialect)
            return weft_arch_rows[i].min_px;
    ck_abort_msg("%s has no %s dialect", s->name, weft_dialect_name(s->dialect));
    return 0;
}

typedef struct trial {
    const subject *subject;
    weft_graph *network;
    weft_trainer *trainer;
    weft_model *model; /* for inference, on the trainer's store */
    int px;
    size_t each; /* numbers of an image */
    float *images;
    int32_t labels[IMAGES];
} trial;

/* Patches of drawn colours: of white noise, pooling leaves the same grey of every image. */
static void draw_images(const weft_shape *shape, bool raw, float *images)
{
    const int64_t n = shape->dim[0], h = shape->dim[1], w = shape->dim[2], c = shape->dim[3];
    const uint64_t stream = weft_rng_stream("overfit/image");
    for (int64_t i = 0; i < n * h * w * c; i++) {
        const int64_t channel = i % c, x = i / c % w * PATCHES / w, y = i / c / w % h * PATCHES / h;
        const int64_t patch = ((i / c / w / h * PATCHES + y) * PATCHES + x) * c + channel;
        const double u = weft_rng_uniform(1, stream, (uint64_t)patch);
        images[i] = (float)(raw ? 255 * u : 2 * u - 1);
    }
}

static void open_trial(const subject *s, trial *t)
{
    const weft_arch *arch = weft_arch_find(s->name, s->dialect);
    weft_arch_opt build = { .dialect = s->dialect, .batch = IMAGES, .px = least_px(s),
                            .aux = arch->params_aux != 0, .classes = arch->classes == 1000 ? CLASSES : 0 };
    weft_train_opt opt = s->opt;
    opt.aux_weight = arch->aux_weight;
    while (weft_arch_build(wanted.ctx, s->name, &build, &t->network) == WEFT_INVALID && build.px < arch->px)
        build.px += 16; /* auxiliary heads need more */
    ck_assert_msg(t->network != NULL, "%s: %s", s->name, weft_error());
    CHECK_OK(weft_trainer_create(wanted.ctx, t->network, &opt, &t->trainer));
    CHECK_OK(weft_model_create(wanted.ctx, t->network, &(weft_model_opt){ .store = weft_trainer_store(t->trainer) },
                               &t->model));
    const weft_shape shape = weft_shape_nhwc(IMAGES, build.px, build.px, arch->channels);
    t->subject = s;
    t->px = build.px;
    t->each = (size_t)(weft_shape_count(&shape) / IMAGES);
    t->images = malloc(IMAGES * t->each * sizeof *t->images);
    ck_assert_ptr_nonnull(t->images);
    draw_images(&shape, arch->preprocess == WEFT_PREPROCESS_NONE, t->images);
    for (int i = 0; i < IMAGES; i++)
        t->labels[i] = (int32_t)(weft_rng_uniform(1, weft_rng_stream("overfit/label"), (uint64_t)i) * CLASSES);
}

static void close_trial(trial *t)
{
    weft_model_destroy(t->model);
    weft_trainer_destroy(t->trainer);
    weft_graph_destroy(t->network);
    free(t->images);
}

/* Images that inference gets right; of distances the least is the answer. */
static int count_right(const trial *t)
{
    weft_port_info port;
    int right = 0;
    CHECK_OK(weft_model_output(t->model, 0, &port));
    const size_t classes = (size_t)weft_shape_count(&port.shape) / IMAGES, bytes = IMAGES * classes * sizeof(float);
    const float sign = t->subject->opt.loss == WEFT_LOSS_RBF ? -1 : 1;
    float *p = malloc(bytes);
    ck_assert_ptr_nonnull(p);
    CHECK_OK(weft_model_set_input(t->model, 0, t->images, IMAGES * t->each * sizeof(float)));
    CHECK_OK(weft_model_run(t->model));
    CHECK_OK(weft_model_get_output(t->model, 0, p, bytes));
    for (size_t k = 0; k < IMAGES; k++) {
        size_t best = 0;
        for (size_t c = 1; c < classes; c++)
            best = sign * p[k * classes + c] > sign * p[k * classes + best] ? c : best;
        right += (int32_t)best == t->labels[k];
    }
    free(p);
    return right;
}

/* Steps until all are right in inference, or the most. */
static int learn(const trial *t, int *right)
{
    const weft_batch batch = { .images = t->images, .labels = t->labels };
    int steps = 0;
    double lr = t->subject->lr;
    while (*right < IMAGES && steps < t->subject->steps) {
        weft_step_result r;
        CHECK_OK(weft_trainer_step(t->trainer, &batch, lr, &r));
        ck_assert_msg(r.finite, "%s: step %d is not finite", t->subject->name, steps);
        if (r.top1 == IMAGES)
            lr = t->subject->lr * SETTLED;
        if (++steps % LOOK)
            continue;
        *right = count_right(t);
        if (wanted.count)
            fprintf(stderr, "%s: %d steps, loss %.4g, right %d in training, %d in inference\n", t->subject->name, steps,
                    r.loss, (int)r.top1, *right);
    }
    return steps;
}

START_TEST(learns_64_images)
{
    const subject *s = &subjects[_i];
    trial t = { .subject = NULL };
    int right = 0;
    if (!is_wanted(s))
        return;
    const clock_t start = clock();
    open_trial(s, &t);
    const int steps = learn(&t, &right), px = t.px;
    close_trial(&t);
    printf("%s, %d px: %d right after %d steps, %.0f s of CPU\n", s->name, px, right, steps,
           (double)(clock() - start) / CLOCKS_PER_SEC);
    ck_assert_msg(right == IMAGES, "%s: %d of %d images after %d steps", s->name, right, IMAGES, steps);
}
END_TEST

int main(int argc, char **argv)
{
    wanted.names = argv + 1;
    wanted.count = argc - 1;
    if (weft_ctx_create(NULL, &wanted.ctx) != WEFT_OK)
        return 1;
    Suite *suite = suite_create("train-overfit");
    TCase *tcase = tcase_create("networks");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, learns_64_images, 0, SUBJECTS);
    suite_add_tcase(suite, tcase);
    const int status = check_main(suite, argv[0]);
    weft_ctx_destroy(wanted.ctx);
    return status;
}
