/* SPDX-License-Identifier: Apache-2.0
 *
 * Norms of the whole batch. Every rank has as many rows of it, so that the mean of all is the mean of the ranks' means,
 * and the variance of all the mean of their variances and of the squares by which their means differ from that (Chan,
 * Golub & LeVeque 1983). Each rank adds all up, in the order of the ranks, in double: all have the same bits. */
#include "op/batch_norm.h"
#include "ranks/ranks.h"
#include "train/train.h"

/* Of what the ranks have sent, one after the other. */
typedef struct sent {
    const float *all;
    int ranks;
    int64_t rows, channels;
} sent;

static double of_rank(const sent *s, int rank, int64_t row, int64_t c)
{
    return (double)s->all[(rank * s->rows + row) * s->channels + c];
}

static double pair_of(const sent *s, int rank, int64_t row, int64_t c)
{
    return of_rank(s, rank, row, c) + of_rank(s, rank, row + 1, c);
}

static float *at(const weft_merge *m, int64_t row, int64_t c)
{
    return (float *)m->view.data + row * m->view.ld + c;
}

static void put_pair(const weft_merge *m, int64_t row, int64_t c, double value)
{
    *at(m, row, c) = (float)value;
    *at(m, row + 1, c) = (float)(value - (double)(float)value);
}

static void merge_moments(const weft_merge *m, const sent *s)
{
    for (int64_t c = 0; c < m->channels; c++) {
        double mean = 0, variance = 0;
        for (int p = 0; p < s->ranks; p++)
            mean += pair_of(s, p, WEFT_MOMENTS_MEAN, c);
        mean /= s->ranks;
        for (int p = 0; p < s->ranks; p++) {
            const double from = pair_of(s, p, WEFT_MOMENTS_MEAN, c) - mean;
            variance += pair_of(s, p, WEFT_MOMENTS_VARIANCE, c) + from * from;
        }
        put_pair(m, WEFT_MOMENTS_MEAN, c, mean);
        put_pair(m, WEFT_MOMENTS_VARIANCE, c, variance / s->ranks);
    }
}

static void merge_shares(const weft_merge *m, const sent *s)
{
    for (int64_t row = 0; row < m->rows; row++)
        for (int64_t c = 0; c < m->channels; c++) {
            double sum = 0;
            for (int p = 0; p < s->ranks; p++)
                sum += of_rank(s, p, row, c);
            *at(m, row, c) = (float)(sum / s->ranks);
        }
}

static weft_status run(void *user, int index)
{
    const weft_merger *const merger = user;
    const weft_merge *const m = &merger->merges[index];
    const int size = weft_ranks_size(merger->ranks);
    float *const mine = merger->all + size * m->rows * m->channels;
    for (int64_t row = 0; row < m->rows; row++)
        for (int64_t c = 0; c < m->channels; c++)
            mine[row * m->channels + c] = *at(m, row, c);
    WEFT_TRY(weft_ranks_gather(merger->ranks, mine, (size_t)(m->rows * m->channels) * sizeof *mine, merger->all,
                               m->gnode->node.name));
    const sent s = { merger->all, size, m->rows, m->channels };
    if (m->gnode->node.id == WEFT_OP_BATCH_NORM_MOMENTS)
        merge_moments(m, &s);
    else
        merge_shares(m, &s);
    return WEFT_OK;
}

/* ---- making ---- */

/* The floats of the largest. */
static int64_t find(const weft_model *model, weft_merger *merger)
{
    int64_t largest = 0;
    for (int32_t i = 0; i < model->n_steps; i++) {
        const weft_gnode *const gnode = model->steps[i].gnode;
        if (gnode->node.id != WEFT_OP_BATCH_NORM_MOMENTS && gnode->node.id != WEFT_OP_BATCH_NORM_SUMS)
            continue;
        const int k = merger->between.count++;
        const weft_shape *const shape = &gnode->node.out[0];
        merger->before[k] = i + 1;
        merger->merges[k] = (weft_merge){ gnode, weft_model_view(model, gnode->out[0]), weft_shape_rows(shape),
                                          weft_shape_channels(shape) };
        largest = weft_shape_count(shape) > largest ? weft_shape_count(shape) : largest;
    }
    return largest;
}

static weft_status check(const weft_model *model, const weft_merger *merger)
{
    for (int i = 0; i < merger->between.count; i++) {
        const int32_t before = merger->before[i];
        if (!merger->merges[i].view.data || before == model->n_steps || !model->steps[before].together)
            return weft_fail(WEFT_INTERNAL, "ranks: nothing can be done behind '%s'",
                             merger->merges[i].gnode->node.name);
    }
    return WEFT_OK;
}

weft_status weft_merger_make(const weft_model *model, weft_ranks *ranks, weft_merger *out)
{
    const weft_allocator *const allocator = &model->ctx->allocator;
    *out = (weft_merger){ .allocator = allocator, .ranks = ranks };
    out->merges = weft_calloc(allocator, (size_t)model->n_steps, sizeof *out->merges);
    out->before = weft_calloc(allocator, (size_t)model->n_steps, sizeof *out->before);
    if (!out->merges || !out->before)
        return WEFT_NO_MEMORY;
    const int64_t largest = find(model, out);
    out->between = (weft_between){ out->before, out->between.count, false, run, out };
    out->all = weft_calloc(allocator, (size_t)(largest * (weft_ranks_size(ranks) + 1)), sizeof *out->all);
    return out->all ? check(model, out) : WEFT_NO_MEMORY;
}

void weft_merger_release(weft_merger *merger)
{
    if (!merger->allocator)
        return;
    weft_free(merger->allocator, merger->merges);
    weft_free(merger->allocator, merger->before);
    weft_free(merger->allocator, merger->all);
    *merger = (weft_merger){ .allocator = NULL };
}
