/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks, windows and texts that the ops of src/op share. */
#include "op/util.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

static const char *layout(int rank)
{
    return rank == 4 ? "[N, H, W, C]" : rank == 2 ? "[N, C]" : "a shape";
}

weft_status weft_need_shape(const char *what, const weft_shape *shape, int rank)
{
    char text[128];
    if (shape->rank < 1 || shape->rank > WEFT_MAX_RANK)
        return weft_fail(WEFT_INVALID, "%s has rank %d, expected 1 to %d", what, shape->rank, (int)WEFT_MAX_RANK);
    bool fits = weft_shape_count(shape) > 0;
    for (int i = 0; i < shape->rank; i++)
        fits = fits && shape->dim[i] < WEFT_MAX_DIM;
    if (!fits)
        return weft_fail(WEFT_INVALID, "%s is %s, expected dimensions of 1 to 2^31 - 1 and fewer than 2^63 elements",
                         what, weft_shape_text(shape, text, sizeof text));
    if (rank != 0 && shape->rank != rank)
        return weft_fail(WEFT_INVALID, "%s is %s, expected %s", what, weft_shape_text(shape, text, sizeof text),
                         layout(rank));
    return WEFT_OK;
}

weft_status weft_need_range(const char *what, int64_t value, int64_t low, int64_t high)
{
    if (value < low || value > high)
        return weft_fail(WEFT_INVALID, "%s is %lld, expected %lld to %lld", what, (long long)value, (long long)low,
                         (long long)high);
    return WEFT_OK;
}

weft_status weft_need_init(weft_init *init, double scale, weft_init fallback)
{
    const int i = (int)*init;
    WEFT_TRY(weft_need_range("init", i, WEFT_INIT_DEFAULT, WEFT_INIT_UNIFORM_FAN_OUT));
    if (*init == WEFT_INIT_DEFAULT)
        *init = fallback;
    if (!isfinite(scale) || scale < 0)
        return weft_fail(WEFT_INVALID, "init_scale is %g, expected a finite deviation, 0 or more", scale);
    if (*init == WEFT_INIT_NORMAL && scale == 0)
        return weft_fail(WEFT_INVALID, "init is NORMAL and init_scale 0, expected a deviation above 0");
    return WEFT_OK;
}

weft_status weft_need_pad(const weft_pad *pad)
{
    WEFT_TRY(weft_need_range("pad.top", pad->top, 0, WEFT_MAX_PAD));
    WEFT_TRY(weft_need_range("pad.bottom", pad->bottom, 0, WEFT_MAX_PAD));
    WEFT_TRY(weft_need_range("pad.left", pad->left, 0, WEFT_MAX_PAD));
    return weft_need_range("pad.right", pad->right, 0, WEFT_MAX_PAD);
}

weft_status weft_need_output(const weft_shape *shape)
{
    return weft_need_shape("the output", shape, 0);
}

weft_status weft_resolve_nothing(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    (void)opt;
    (void)in;
    (void)n_in;
    (void)arena;
    return WEFT_OK;
}

weft_status weft_resolve_pair(const char *what, int both, int *h, int *w, int fallback_h, int fallback_w)
{
    if (both != 0 && ((*h != 0 && *h != both) || (*w != 0 && *w != both)))
        return weft_fail(WEFT_INVALID, "%s is %d but %s_h, %s_w are %d, %d: expected the one or the others", what, both,
                         what, what, *h, *w);
    if (*h == 0)
        *h = both != 0 ? both : fallback_h;
    if (*w == 0)
        *w = both != 0 ? both : fallback_w;
    if (*h < 1 || *h > WEFT_MAX_WINDOW || *w < 1 || *w > WEFT_MAX_WINDOW)
        return weft_fail(WEFT_INVALID, "%s is %dx%d, expected 1 to %d each", what, *h, *w, (int)WEFT_MAX_WINDOW);
    return WEFT_OK;
}

weft_status weft_resolve_window(weft_axis axis[2], weft_padding padding, weft_pad *pad)
{
    const int p = (int)padding;
    if (p < WEFT_SAME || p > WEFT_EXPLICIT)
        return weft_fail(WEFT_INVALID, "padding is %d, expected SAME, VALID or EXPLICIT", p);
    if (padding != WEFT_EXPLICIT && (pad->top != 0 || pad->bottom != 0 || pad->left != 0 || pad->right != 0))
        return weft_fail(WEFT_INVALID, "pad is %d,%d,%d,%d with padding %s, expected EXPLICIT", pad->top, pad->bottom,
                         pad->left, pad->right, padding == WEFT_SAME ? "SAME" : "VALID");
    WEFT_TRY(weft_need_pad(pad));
    axis[0].before = pad->top;
    axis[0].after = pad->bottom;
    axis[1].before = pad->left;
    axis[1].after = pad->right;
    weft_axis_resolve(&axis[0], padding);
    weft_axis_resolve(&axis[1], padding);
    *pad = (weft_pad){ axis[0].before, axis[0].after, axis[1].before, axis[1].after };
    return WEFT_OK;
}

weft_status weft_window_out(const weft_axis axis[2], bool ceil, int64_t *oh, int64_t *ow)
{
    *oh = weft_axis_out(&axis[0], ceil);
    *ow = weft_axis_out(&axis[1], ceil);
    if (*oh > 0 && *ow > 0)
        return WEFT_OK;
    return weft_fail(WEFT_INVALID, "the window is %dx%d (dilation %d), expected at most the padded input, %lldx%lld",
                     axis[0].kernel, axis[1].kernel, axis[0].dilation,
                     (long long)(axis[0].in + axis[0].before + axis[0].after),
                     (long long)(axis[1].in + axis[1].before + axis[1].after));
}

double weft_out_count(const weft_node *node)
{
    double count = 1;
    for (int i = 0; i < node->out[0].rank; i++)
        count *= (double)node->out[0].dim[i];
    return count;
}

double weft_weight_count(const weft_node *node)
{
    double sum = 0;
    for (int i = 0; i < node->n_param; i++)
        sum += weft_node_param(node, i)->rank > 1 ? (double)weft_shape_count(weft_node_param(node, i)) : 0;
    return sum;
}

double weft_least_map(const weft_node *node)
{
    return (double)weft_shape_count(&node->in[0]) + weft_out_count(node);
}

double weft_least_product(const weft_node *node)
{
    return weft_least_map(node) + weft_weight_count(node);
}

double weft_epilogue_flops(const weft_node *node)
{
    const int each = (node->epi.residual ? 1 : 0) + (node->epi.act != WEFT_ACT_NONE ? 1 : 0);
    return each * weft_out_count(node);
}

int64_t weft_epilogue_terms(const weft_node *node)
{
    return node->epi.residual ? 1 : 0;
}

void weft_text_add(char *buf, size_t size, size_t *used, const char *format, ...)
{
    if (*used >= size)
        return;
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(buf + *used, size - *used, format, args);
    va_end(args);
    if (n > 0)
        *used = (size_t)n < size - *used ? *used + (size_t)n : size;
}

void weft_text_window(char *buf, size_t size, size_t *used, const weft_axis axis[2])
{
    weft_text_add(buf, size, used, "%dx%d", axis[0].kernel, axis[1].kernel);
    if (axis[0].stride != axis[1].stride)
        weft_text_add(buf, size, used, "/%dx%d", axis[0].stride, axis[1].stride);
    else if (axis[0].stride != 1)
        weft_text_add(buf, size, used, "/%d", axis[0].stride);
}

/* The pads are SAME's, or half the window on each side: nothing to remark. */
static bool usual_pad(const weft_axis *axis)
{
    const int half = (axis->kernel - 1) * axis->dilation / 2;
    weft_axis same = *axis;
    weft_axis_resolve(&same, WEFT_SAME);
    return (axis->before == same.before && axis->after == same.after) || (axis->before == half && axis->after == half);
}

void weft_text_pad(char *buf, size_t size, size_t *used, const weft_axis axis[2])
{
    const weft_axis *h = &axis[0], *w = &axis[1];
    if (usual_pad(h) && usual_pad(w))
        return;
    if (h->before == 0 && h->after == 0 && w->before == 0 && w->after == 0)
        weft_text_add(buf, size, used, " valid");
    else if (h->before == h->after && w->before == w->after && h->before == w->before)
        weft_text_add(buf, size, used, " pad %d", h->before);
    else
        weft_text_add(buf, size, used, " pad %d,%d,%d,%d", h->before, h->after, w->before, w->after);
}
