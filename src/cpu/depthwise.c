/* SPDX-License-Identifier: Apache-2.0
 *
 * Depthwise convolutions cut into items (depthwise.h): bands of lines of an image, or whole images where there are
 * enough of them. The parts of an item share its input, so they take turns over as many lines as stay in L2. */
#include "cpu/depthwise.h"

#include "cpu/machine.h"
#include "cpu/rows.h"
#include "cpu/simd/act.h"

enum {
    GROUPS_PER_THREAD = 4, /* of images; few: an item fetches ahead only within itself */
    TURN_FLOATS = 1 << 16  /* of input: 256 KB */
};

/* Around the caches from an eighth of L3 on: what its reader then fetches from DRAM costs less than the store misses.
 */
static bool streams(const weft_call *call, const weft_view *residual, bool grids)
{
    const weft_shape *y = &call->node->out[0];
    const weft_view *out = &call->out[0];
    const weft_cpu *cpu = &call->device->cpu;
    const size_t bytes = sizeof(float) * (size_t)weft_shape_count(y);
    return weft_whole_lines(y->dim[3]) && weft_whole_lines(out->ld) && (uintptr_t)out->data % WEFT_CACHE_LINE == 0 &&
           (bytes > cpu->l3 / 8 || (grids && weft_beyond_near_cache(call->device, (double)bytes))) &&
           (!residual || residual->data != out->data);
}

void weft_depthwise_place(const weft_call *call, weft_depthwise_part *part, int64_t step_h, int64_t step_w)
{
    const weft_node *n = call->node;
    const weft_view *residual = n->epi.residual ? &call->in[n->n_in - 1] : NULL;
    const int64_t line = n->out[0].dim[2] * step_h;
    weft_depthwise *k = &part->kernel;
    k->window.x_ld = call->in[0].ld;
    k->window.x_row = k->window.iw * k->window.x_ld;
    k->window.y_ld = step_w * call->out[0].ld;
    k->window.y_row = line * call->out[0].ld;
    k->window.channels = n->in[0].dim[3];
    k->r_ld = residual ? step_w * residual->ld : 0;
    k->r_row = residual ? line * residual->ld : 0;
    k->act = n->epi.act;
    k->stream = streams(call, residual, step_w > 1);
}

typedef struct job {
    const weft_call *call;
    const weft_rows *rows;
    const weft_depthwise_part *part;
    int parts;
    int64_t bands, group; /* items of an image, or images of an item */
    int64_t lines;        /* of a turn; of all: the kernel itself keeps to L2 */
} job;

/* Lines [first, last) of an image by one part, whose next turn has `follow` lines. */
static void turn(const job *j, const weft_depthwise_part *part, int64_t image, int64_t first, int64_t last,
                 int64_t follow, bool warm, float *buffer)
{
    const weft_node *n = j->call->node;
    const int64_t row = image * n->out[0].dim[1] * n->out[0].dim[2] + part->first;
    weft_depthwise p = part->kernel;
    p.first = (int)first;
    p.last = (int)(last < p.window.oh ? last : p.window.oh);
    if (p.first >= p.last)
        return;
    p.x = weft_row(&j->call->in[0], image * p.window.ih * p.window.iw);
    p.y = weft_row(&j->call->out[0], row) + p.first * p.window.y_row;
    if (n->epi.residual)
        p.residual = weft_row(&j->call->in[n->n_in - 1], row);
    p.resident = part != j->part;
    p.warm = warm;
    p.follow = (int)follow;
    p.buffer = buffer;
    j->rows->depthwise(&p);
}

/* One band of lines of an image, or all of some images, each of which fetches the beginning of the next. */
static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const int64_t images = j->call->node->in[0].dim[0], band = index % j->bands, first = index / j->bands * j->group;
    const int64_t end = images - first < j->group ? images : first + j->group, oh = j->part->kernel.window.oh;
    const int64_t top = oh * band / j->bands, bottom = oh * (band + 1) / j->bands;
    float *const buffer = weft_call_thread_scratch(j->call, thread);
    for (int64_t image = first; image < end; image++) {
        for (int64_t line = top; line < bottom; line += j->lines) {
            const int64_t last = bottom - line < j->lines ? bottom : line + j->lines;
            const int64_t rest = bottom - last < j->lines ? bottom - last : j->lines;
            const int64_t follow = last < bottom ? rest : image + 1 < end ? j->lines : 0;
            for (int i = 0; i < j->parts; i++)
                turn(j, &j->part[i], image, line, last, follow, image > first || line > top, buffer);
        }
    }
}

void weft_depthwise_run(const weft_call *call, const weft_depthwise_part *part, int parts, double macs)
{
    const int64_t images = call->node->in[0].dim[0], oh = part->kernel.window.oh;
    const int64_t fit = TURN_FLOATS / part->kernel.window.x_row;
    job j = { .call = call, .rows = weft_rows_of(call->device), .part = part, .parts = parts };
    j.bands = weft_bands(call->device, images, oh, 2 * macs);
    j.lines = parts == 1 || fit > oh ? oh : fit < 1 ? 1 : fit;
    const int64_t group = images / ((int64_t)call->device->threads * GROUPS_PER_THREAD);
    j.group = j.bands > 1 || group < 1 ? 1 : group;
    weft_pool_run(call->device->pool, (images + j.group - 1) / j.group * j.bands, item, &j);
}
