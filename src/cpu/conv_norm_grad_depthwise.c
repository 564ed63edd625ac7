/* SPDX-License-Identifier: Apache-2.0
 *
 * conv_norm_grad of a depthwise convolution: after the norm's sums an item takes some images, each in turns of a few
 * lines. Of a turn it computes the norm's gradient into the thread's scratch, which holds an image of it (and of x, if
 * that is to be computed once more), then those
 * lines of dx whose windows are whole, and the sums of dw, all while the lines lie in L2. The norm's gradient never
 * goes to memory. Slices of dw are those of conv2d_dw_depthwise.c, and all sums are made in the order of the three
 * kernels that do the same one after the other: the same bits. Bound: DRAM. */
#include <string.h>

#include "cpu/batch_norm_train.h"
#include "cpu/conv2d.h"
#include "cpu/conv2d_dx.h"
#include "cpu/conv_norm_grad.h"
#include "cpu/depthwise.h"
#include "cpu/rows.h"

enum {
    TURN_FLOATS = 1 << 15,  /* of dy: 128 KB, and as much of y, x and dx */
    IMAGE_BYTES = 16 << 20, /* beyond them a thread's scratch would be out of proportion */
};

static const char *refuse(const weft_node *node, const weft_device *device)
{
    weft_conv_norm_parts p;
    weft_conv_norm_split(node, &p);
    const char *reason = weft_cpu_conv2d_dx_depthwise.refuse(&p.dx, device);
    if (!reason)
        reason = weft_cpu_conv2d_dw_depthwise.refuse(&p.dw, device);
    const double images = (double)node->in[0].dim[0], most = IMAGE_BYTES / sizeof(float) * images;
    if (!reason && ((double)weft_shape_count(&node->in[0]) > most || (double)weft_shape_count(&p.dw_in[0]) > most))
        reason = "an image is over 16 MB";
    return reason;
}

typedef struct state {
    void *dx, *dw;               /* of the two kernels apart */
    int64_t ld;                  /* floats of a pixel in scratch */
    size_t weights_at, scale_at, sums_at; /* bytes of scratch before the packed weights, the scale of a norm computed
                                             once more, the slices' sums */
    int64_t dy_floats;           /* of a thread's scratch, before x */
    bool again;
} state;

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    weft_conv_norm_parts p;
    const int64_t *dy = node->in[0].dim, *x = node->out[WEFT_CONV_NORM_DX].dim;
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    weft_conv_norm_split(node, &p);
    weft_plan dx = { .node = &p.dx, .device = plan->device, .arena = plan->arena };
    weft_plan dw = { .node = &p.dw, .device = plan->device, .arena = plan->arena };
    WEFT_TRY(weft_cpu_conv2d_dx_depthwise.prepare(&p.dx, &dx));
    WEFT_TRY(weft_cpu_conv2d_dw_depthwise.prepare(&p.dw, &dw));
    s->dx = dx.state;
    s->dw = dw.state;
    s->ld = (int64_t)weft_round_up((size_t)dy[3], WEFT_ROWS_LANES);
    s->weights_at = weft_norm_dx_scratch(&p.norm);
    s->again = ((const weft_conv_norm_grad_opt *)node->opt)->again;
    s->scale_at = s->weights_at + weft_round_up(dx.scratch, WEFT_CACHE_LINE);
    s->sums_at = s->scale_at + sizeof(float) * (size_t)s->ld;
    s->dy_floats = dy[1] * dy[2] * s->ld;
    plan->scratch = s->sums_at + dw.scratch;
    plan->thread_scratch = sizeof(float) * (size_t)(s->dy_floats + (s->again ? x[1] * x[2] * s->ld : 0));
    return WEFT_OK;
}

typedef struct job {
    const weft_conv_norm_calls *calls;
    const weft_rows *rows;
    const weft_depthwise_slices *slices;
    weft_norm_dx norm;                              /* all but its rows */
    weft_depthwise_part part[WEFT_DEPTHWISE_PARTS]; /* of dx */
    int parts;
    weft_depthwise_dw dw;
    weft_affine again;    /* of x, all but its rows */
    int64_t lines, items; /* of a turn; in all */
} job;

/* Lines of dx by one part: those whose windows end before line `known` of dy, and that are not done. */
static void put_dx(const job *j, const weft_depthwise_part *part, int64_t image, const float *dy, int64_t known,
                   int *done)
{
    const weft_node *n = j->calls->dx.node;
    const weft_window *w = &part->kernel.window;
    const int64_t row = image * n->out[0].dim[1] * n->out[0].dim[2] + part->first;
    const int64_t whole = known - ((int64_t)(w->kh - 1) * w->dilation - w->top);
    weft_depthwise p = part->kernel;
    p.first = *done;
    p.last = known == w->ih || whole > w->oh ? w->oh : (int)whole;
    if (p.last <= p.first)
        return;
    *done = p.last;
    p.x = dy;
    p.y = weft_row(&j->calls->dx.out[0], row) + p.first * w->y_row;
    if (n->epi.residual)
        p.residual = weft_row(&j->calls->dx.in[2], row);
    p.resident = true;
    j->rows->depthwise(&p);
}

/* Lines [first, last) of dy of an image, into scratch. */
static void fill(const job *j, int64_t image, int64_t first, int64_t last, float *dy)
{
    const weft_window *w = &j->dw.window;
    const weft_call *norm = &j->calls->norm;
    const int64_t row = (image * w->oh + first) * w->ow;
    weft_norm_dx k = j->norm;
    k.dy = weft_row(&norm->in[0], row);
    k.x = weft_row(&norm->in[1], row);
    k.dx = dy + first * w->y_row;
    k.rows = (last - first) * w->ow;
    j->rows->norm_dx(&k);
}

/* Lines [*done, end) of what was convolved, into scratch. */
static void fill_x(const job *j, int64_t image, int64_t end, float *x, int64_t *done)
{
    const weft_window *w = &j->dw.window;
    weft_affine k = j->again;
    const int64_t last = end < w->ih ? end : w->ih;
    if (last <= *done)
        return;
    k.x = weft_row(&j->calls->again.in[0], (image * w->ih + *done) * w->iw);
    k.y = x + *done * w->x_row;
    k.rows = (last - *done) * w->iw;
    *done = last;
    j->rows->affine(&k);
}

/* All of an image; `slice` is that of its first band. */
static void take(const job *j, int64_t image, int64_t slice, float *dy)
{
    const weft_depthwise_slices *s = j->slices;
    const state *st = j->calls->whole->state;
    int done[WEFT_DEPTHWISE_PARTS] = { 0 };
    int64_t x_done = 0;
    float *const x = dy + st->dy_floats; /* of a norm computed once more */
    weft_depthwise_dw dw = j->dw;
    dw.x = st->again ? x : weft_row(&j->calls->dw.in[0], image * dw.window.ih * dw.window.iw);
    dw.dy = dy;
    for (int64_t band = 0; band < s->bands; band++) {
        const int64_t end = dw.window.oh * (band + 1) / s->bands;
        dw.sums = (float *)j->calls->dw.scratch + (slice + band) * s->taps * s->step;
        for (int64_t line = dw.window.oh * band / s->bands; line < end; line = dw.last) {
            dw.first = (int)line;
            dw.last = (int)(end - line < j->lines ? end : line + j->lines);
            fill(j, image, dw.first, dw.last, dy);
            if (st->again)
                fill_x(j, image, weft_window_reach(&dw.window, dw.last - 1), x, &x_done);
            for (int i = 0; i < j->parts; i++)
                put_dx(j, &j->part[i], image, dy, dw.last, &done[i]);
            j->rows->depthwise_dw(&dw);
        }
    }
}

/* The images of a slice, or one image of several; from the last to the first, as the sums have read that last. */
static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_depthwise_slices *s = j->slices;
    const int64_t at = j->items - 1 - index, first = at * s->group, images = j->calls->dw.node->in[0].dim[0];
    const int64_t last = images - first < s->group ? images : first + s->group;
    float *const sums = (float *)j->calls->dw.scratch + at * s->bands * s->taps * s->step;
    memset(sums, 0, sizeof *sums * (size_t)(s->bands * s->taps * s->step));
    for (int64_t image = first; image < last; image++)
        take(j, image, at * s->bands, weft_call_thread_scratch(j->calls->whole, thread));
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    weft_conv_norm_calls c;
    weft_conv_norm_call(call, s->ld, &c);
    c.dx.state = s->dx;
    c.dw.state = s->dw;
    if (s->again)
        c.dw_in[0] = (weft_view){ NULL, s->ld };
    c.dx.scratch = weft_at(call->scratch, s->weights_at);
    c.dw.scratch = weft_at(call->scratch, s->sums_at);
    job j = { .calls = &c, .rows = weft_rows_of(call->device), .slices = s->dw, .dw = weft_depthwise_dw_of(&c.dw) };
    j.parts = weft_depthwise_dx_parts(&c.dx, j.part);
    j.norm = weft_norm_dx_sums(&c.norm);
    j.norm.dx_ld = s->ld;
    if (s->again) {
        j.again = weft_norm_again(&c.again, weft_at(call->scratch, s->scale_at));
        j.again.y_ld = s->ld;
    }
    const int64_t fit = TURN_FLOATS / j.dw.window.y_row;
    j.lines = fit < 1 ? 1 : fit;
    j.items = j.slices->slices / j.slices->bands;
    weft_pool_run(call->device->pool, j.items, item, &j);
    weft_depthwise_dw_finish(&c.dw);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv_norm_grad_depthwise = {
    .name = "cpu.conv_norm_grad.depthwise", .refuse = refuse, .prepare = prepare, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
