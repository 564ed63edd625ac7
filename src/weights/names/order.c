/* SPDX-License-Identifier: Apache-2.0
 *
 * Layouts. Ours are [K, R, S, C/groups] for filters and [out, in] for dense layers, whose input is flattened as
 * [H, W, C]. Any other is a view of four dimensions whose order changes:
 *
 *   oihw    PyTorch's filters; also of a dense layer of ours that is a convolution there (squeeze-and-excitation, or
 *           as large as the map, which then is the flattened map)
 *   oi      PyTorch's dense layers; as ours
 *   o(chw)  PyTorch's first dense layer behind a map, which flattens [C, H, W]
 *   hwio    Keras' filters
 *   hwcm    Keras' depthwise filters: channel, multiplier
 *   io      Keras' dense layers
 *   vector  one dimension, or none */
#include <string.h>

#include "weights/names/map.h"

typedef struct row {
    weft_style style;
    int have, want; /* ranks */
    const char *name;
    int order[4];
} row;

static const row rows[] = {
    { WEFT_STYLE_TORCH, 4, 4, "oihw", { 0, 2, 3, 1 } },
    { WEFT_STYLE_TORCH, 4, 2, "oihw", { 0, 2, 3, 1 } },
    { WEFT_STYLE_TORCH, 2, 2, "oi", { 0, 1, 2, 3 } },
    { WEFT_STYLE_TORCH, 2, 4, "oi", { 0, 2, 3, 1 } },
    { WEFT_STYLE_KERAS, 4, 4, "hwio", { 3, 0, 1, 2 } },
    { WEFT_STYLE_KERAS, 4, 4, "hwcm", { 2, 3, 0, 1 } },
    { WEFT_STYLE_KERAS, 4, 2, "hwio", { 3, 0, 1, 2 } },
    { WEFT_STYLE_KERAS, 2, 2, "io", { 1, 0, 2, 3 } },
    { WEFT_STYLE_OURS, 4, 4, "ohwi", { 0, 1, 2, 3 } },
    { WEFT_STYLE_OURS, 2, 2, "oi", { 0, 1, 2, 3 } },
};
enum { ROWS = sizeof rows / sizeof *rows };

/* Whether the dimensions a, b, c, d in that order are `want`; "hwcm" joins the first two. */
static bool arrives(const row *r, const int64_t view[4], const weft_shape *want)
{
    const int64_t a = view[r->order[0]], b = view[r->order[1]], c = view[r->order[2]], d = view[r->order[3]];
    if (want->rank == 2)
        return a == want->dim[0] && b * c * d == want->dim[1];
    if (strcmp(r->name, "hwcm") == 0)
        return a * b == want->dim[0] && c == want->dim[1] && d == want->dim[2] && want->dim[3] == 1;
    return a == want->dim[0] && b == want->dim[1] && c == want->dim[2] && d == want->dim[3];
}

static void set(weft_tensor_order *out, const char *name, const int64_t view[4], const int order[4])
{
    out->name = name;
    memcpy(out->view, view, sizeof out->view);
    memcpy(out->order, order, sizeof out->order);
}

static bool is_vector(const weft_shape *shape)
{
    return shape->rank <= 1;
}

static bool same_count(const weft_shape *have, const weft_shape *want)
{
    const int64_t a = have->rank == 0 ? 1 : weft_shape_count(have), b = want->rank == 0 ? 1 : weft_shape_count(want);
    return a == b;
}

bool weft_tensor_order_find(weft_style style, const weft_shape *have, const weft_shape *want, const int64_t map[3],
                      weft_tensor_order *out)
{
    static const int as_is[4] = { 0, 1, 2, 3 }, torch[4] = { 0, 2, 3, 1 };
    const bool flat = map[0] * map[1] > 1;
    int64_t view[4] = { 1, 1, 1, 1 };
    /* sizes of a file are not multiplied before they are known to be ours */
    if (!same_count(have, want))
        return false;
    if ((is_vector(have) && is_vector(want)) || (style == WEFT_STYLE_OURS && weft_shape_equal(have, want))) {
        view[0] = have->rank == 0 ? 1 : weft_shape_count(have);
        set(out, is_vector(want) ? "vector" : want->rank == 4 ? "ohwi" : "oi", view, as_is);
        return true;
    }
    if (style == WEFT_STYLE_TORCH && flat && have->rank == 2 && weft_shape_equal(have, want)) {
        const int64_t chw[4] = { want->dim[0], map[2], map[0], map[1] };
        set(out, "o(chw)", chw, torch);
        return true;
    }
    for (int d = 0; d < have->rank && d < 4; d++)
        view[d] = have->dim[d];
    for (int i = 0; i < ROWS; i++) {
        if (rows[i].style != style || rows[i].have != have->rank || rows[i].want != want->rank ||
            !arrives(&rows[i], view, want))
            continue;
        set(out, rows[i].name, view, rows[i].order);
        return true;
    }
    return false;
}

/* The inverse of a row: ours in the origin's order. */
static void usual_shape(const row *r, const int64_t dims[4], weft_shape *shape)
{
    shape->rank = r->have;
    for (int i = 0; i < 4; i++)
        if (r->order[i] < r->have)
            shape->dim[r->order[i]] = dims[i];
}

const char *weft_tensor_order_usual(weft_style style, const weft_shape *want, bool conv, const int64_t map[3],
                              weft_shape *shape)
{
    const int have = want->rank == 2 && conv ? 4 : want->rank;
    const bool flat = map[0] * map[1] > 1, wide = style == WEFT_STYLE_KERAS && want->rank == 4 && want->dim[0] > 1 &&
                                                  want->dim[3] == 1;
    int64_t dims[4] = { want->dim[0], want->dim[1], 1, 1 };
    *shape = *want;
    if (want->rank != 4 && want->rank != 2)
        return "vector";
    if (style == WEFT_STYLE_TORCH && want->rank == 2 && flat && !conv)
        return "o(chw)";
    if (want->rank == 4)
        memcpy(dims, want->dim, sizeof dims);
    else if (conv && flat)
        memcpy(&dims[1], map, 3 * sizeof *dims);
    else if (conv) /* [out, 1, 1, in] */
        dims[3] = dims[1], dims[1] = 1;
    if (wide && !conv) { /* depthwise, multiplier 1 */
        dims[1] = 1, dims[2] = want->dim[1], dims[3] = want->dim[2];
    }
    for (int i = 0; i < ROWS; i++) {
        const row *r = &rows[i];
        if (r->style != style || r->have != have || r->want != want->rank)
            continue;
        if ((strcmp(r->name, "hwcm") == 0) != (wide && !conv))
            continue;
        usual_shape(r, dims, shape);
        return r->name;
    }
    return "vector";
}

void weft_tensor_order_apply(const weft_tensor_order *layout, const float *in, float *out)
{
    const int *order = layout->order;
    int64_t step[4], size[4];
    for (int i = 0; i < 4; i++) {
        size[i] = layout->view[order[i]];
        step[i] = 1;
        for (int d = order[i] + 1; d < 4; d++)
            step[i] *= layout->view[d];
    }
    for (int64_t a = 0; a < size[0]; a++)
        for (int64_t b = 0; b < size[1]; b++)
            for (int64_t c = 0; c < size[2]; c++) {
                const float *from = in + a * step[0] + b * step[1] + c * step[2];
                for (int64_t d = 0; d < size[3]; d++)
                    *out++ = from[d * step[3]];
            }
}
