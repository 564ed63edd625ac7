/* SPDX-License-Identifier: Apache-2.0
 *
 * dropout at inference: a copy, where the passes left the node in. dropout_train: a draw for each element (simd), or
 * for each image. */
#include "op/dropout.h"

#include <string.h>

#include "base/rng.h"
#include "cpu/copy.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"

static weft_status run(const weft_call *call)
{
    return call->in[0].data == call->out[0].data ? WEFT_OK : weft_copy_same(call);
}

static const weft_kernel copy = {
    .name = "cpu.dropout.copy", .refuse = weft_rows_refuse, .run = run, .inplace = WEFT_INPLACE_IN0,
};

const weft_kernel *const weft_cpu_dropout[] = { &copy, &weft_cpu_dropout_ref, NULL };

/* ---- dropout_train ---- */

typedef struct job {
    const weft_call *call;
    const weft_dropout_train_opt *opt;
    const weft_rows *rows;
    weft_split split;
    int32_t step;
    float scale;
    int64_t of_image, before; /* rows of an image, and of the images before the first */
    bool dense;
    float *scales; /* per image: [channels] */
} job;

static void drop_elements(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[1], *y = &j->call->out[0];
    const int64_t c = j->split.channels;
    int64_t first, count = weft_split_item(&j->split, index, &first);
    (void)thread;
    j->rows->drop(&(weft_drop){ .x = weft_row(x, first), .y = weft_row(y, first), .x_ld = x->ld, .y_ld = y->ld,
                                .rows = j->dense ? 1 : count, .channels = j->dense ? count * c : c,
                                .first = (j->before + first) * c, .seed = j->opt->seed,
                                .stream = j->opt->stream, .step = j->step,
                                .threshold = weft_dropout_threshold(j->opt->rate), .scale = j->scale });
}

static bool is_kept(const job *j, int64_t image)
{
    int word;
    uint32_t words[4];
    weft_rng_block(j->opt->seed, j->opt->stream, weft_dropout_block(j->step, image, &word), words);
    return words[word] >= weft_dropout_threshold(j->opt->rate);
}

/* The rows of an image that are part of the item, image by image. */
static void drop_images(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_view *x = &j->call->in[1], *y = &j->call->out[0];
    const int64_t of_image = j->of_image;
    int64_t first, count = weft_split_item(&j->split, index, &first);
    (void)thread;
    for (int64_t r = first; r < first + count;) {
        const int64_t image = r / of_image, behind = (image + 1) * of_image;
        const int64_t end = behind < first + count ? behind : first + count;
        if (is_kept(j, j->opt->first + image))
            j->rows->affine(&(weft_affine){ .x = weft_row(x, r), .scale = j->scales, .y = weft_row(y, r),
                                            .x_ld = x->ld, .y_ld = y->ld, .rows = end - r,
                                            .channels = j->split.channels });
        else
            for (int64_t i = r; i < end; i++)
                memset(weft_row(y, i), 0, sizeof(float) * (size_t)j->split.channels);
        r = end;
    }
}

static weft_status prepare_train(const weft_node *node, weft_plan *plan)
{
    plan->scratch = sizeof(float) * (size_t)weft_shape_channels(&node->in[1]);
    return WEFT_OK;
}

static weft_status run_train(const weft_call *call)
{
    const weft_dropout_train_opt *o = call->node->opt;
    job j = { .call = call, .opt = o, .rows = weft_rows_of(call->device),
              .split = weft_split_rows(&call->node->in[1]), .step = ((const int32_t *)call->in[0].data)[0],
              .scale = (float)(1 / (1 - o->rate)), .scales = call->scratch };
    const int64_t c = j.split.channels;
    j.of_image = j.split.rows / call->node->out[0].dim[0];
    j.before = o->first * j.of_image;
    j.dense = weft_view_dense(&call->in[1], c) && weft_view_dense(&call->out[0], c);
    for (int64_t i = 0; i < c; i++)
        j.scales[i] = j.scale;
    weft_pool_run(call->device->pool, j.split.items, o->per_image ? drop_images : drop_elements, &j);
    return WEFT_OK;
}

/* Nobody adds here: the pass that would leaves the addition alone where no kernel takes it. */
static const char *refuse_train(const weft_node *node, const weft_device *device)
{
    return node->epi.residual ? "something is to be added" : weft_rows_refuse(node, device);
}

static const weft_kernel rows_train = {
    .name = "cpu.dropout_train.rows", .refuse = refuse_train, .prepare = prepare_train, .run = run_train,
    .inplace = WEFT_INPLACE_IN1,
};

const weft_kernel *const weft_cpu_dropout_train[] = { &rows_train, &weft_cpu_dropout_train_ref, NULL };
