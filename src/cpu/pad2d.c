/* SPDX-License-Identifier: Apache-2.0
 *
 * pad2d: each output line is zeros, or a line of the image between zeros. Items are lines. */
#include <string.h>

#include "cpu/copy.h"
#include "cpu/ref/ref.h"
#include "cpu/rows.h"
#include "op/util.h"

enum { LINES = 8 }; /* of an item */

static void clear(const weft_view *y, int64_t row, int64_t count, int64_t channels)
{
    if (weft_view_dense(y, channels)) {
        memset(weft_row(y, row), 0, sizeof(float) * (size_t)(count * channels));
        return;
    }
    for (int64_t i = 0; i < count; i++)
        memset(weft_row(y, row + i), 0, sizeof(float) * (size_t)channels);
}

static void line(const weft_call *call, int64_t index)
{
    const weft_border_opt *o = call->node->opt;
    const int64_t *in = call->node->in[0].dim, *out = call->node->out[0].dim;
    const weft_view *x = &call->in[0], *y = &call->out[0];
    const int64_t n = index / out[1], h = index % out[1] - o->pad.top, channels = in[3];
    const int64_t row = index * out[2];
    if (h < 0 || h >= in[1]) {
        clear(y, row, out[2], channels);
        return;
    }
    clear(y, row, o->pad.left, channels);
    const weft_copy image = { .from = weft_view_from(x, (n * in[1] + h) * in[2]),
                              .to = weft_view_from(y, row + o->pad.left), .pixels = in[2], .channels = channels };
    weft_copy_line(&image);
    clear(&image.to, in[2], o->pad.right, channels);
}

static void item(void *arg, int64_t index, int thread)
{
    const weft_call *call = arg;
    const int64_t *out = call->node->out[0].dim, lines = out[0] * out[1];
    (void)thread;
    for (int64_t l = index * LINES; l < (index + 1) * LINES && l < lines; l++)
        line(call, l);
}

static weft_status run(const weft_call *call)
{
    const int64_t *out = call->node->out[0].dim;
    weft_call copy = *call;
    weft_pool_run(call->device->pool, (out[0] * out[1] + LINES - 1) / LINES, item, &copy);
    return WEFT_OK;
}

static const weft_kernel rows = { .name = "cpu.pad2d.copy", .refuse = weft_rows_refuse, .run = run };

const weft_kernel *const weft_cpu_pad2d[] = { &rows, &weft_cpu_pad2d_ref, NULL };
