/* SPDX-License-Identifier: Apache-2.0
 *
 * Row kernels of training: sums of batch norm over rows, forwards and backwards, the gradients that follow from them,
 * and slopes of activations. Bound: DRAM. Sums take eight rows at a time and keep their totals in L1. Meanwhile they
 * fetch the next eight, as no hardware foresees an order that jumps from row to row: only so what swish and its like
 * cost is hidden behind the reads. The gradient fetches what lies two kilobytes ahead, as rows_map.c does. */
#include "cpu/simd/rows_set.h"

enum { LANES = WEFT_LANES, DEEP = 8, AHEAD = 512 };

/* ---- slopes ---- */

WEFT_INLINE weft_v keep_where(weft_vi mask, weft_v v)
{
    return (weft_v)(mask & (weft_vi)v);
}

/* The slope of v sigmoid(v): s (1 + v (1 - s)), 1 - s to the last digits, however small. Beyond 87 it has reached 0 or
 * 1, and v itself would bring back what is left of the difference. */
WEFT_INLINE weft_v swish_slope(weft_v v)
{
    const weft_v near = weft_v_clamp(v, weft_v_set(-87.0f), weft_v_set(87.0f));
    weft_v e;
    const weft_v gate = weft_v_reciprocal(weft_v_bend(near, &e));
    return gate * weft_v_fma(near, e * gate, weft_v_set(1.0f));
}

/* dy times the slope of act at v: its result, of swish and hard_swish its argument (op/activation.h). */
WEFT_INLINE weft_v sloped(weft_act act, weft_v dy, weft_v v)
{
    const weft_v zero = weft_v_set(0.0f), one = weft_v_set(1.0f);
    switch (act) {
    case WEFT_ACT_RELU:
        return keep_where(v > zero, dy);
    case WEFT_ACT_RELU6:
        return keep_where((v > zero) & (v < weft_v_set(6.0f)), dy);
    case WEFT_ACT_TANH:
        return dy * weft_v_fma(-v, v, one);
    case WEFT_ACT_SIGMOID:
        return dy * (v * (one - v));
    case WEFT_ACT_SWISH:
        return dy * swish_slope(v);
    case WEFT_ACT_HARD_SIGMOID:
        return keep_where((v > zero) & (v < one), dy / 6.0f);
    case WEFT_ACT_HARD_SWISH: {
        const weft_v rise = (v + v + 3.0f) / 6.0f, bent = weft_v_select(v > weft_v_set(3.0f), one, rise);
        return keep_where(v > weft_v_set(-3.0f), dy * bent);
    }
    case WEFT_ACT_LECUN_TANH:
        return dy * ((1.7159f - v * v / 1.7159f) * (2.0f / 3.0f));
    case WEFT_ACT_LEAKY_RELU:
        return weft_v_select(v > zero, dy, dy * 0.01f);
    case WEFT_ACT_NONE:
    case WEFT_ACT_COUNT:
        break;
    }
    return dy;
}

/* The same at the argument v. */
WEFT_INLINE weft_v sloped_at(weft_act act, weft_v dy, weft_v v)
{
    const bool by_argument = act == WEFT_ACT_SWISH || act == WEFT_ACT_HARD_SWISH;
    return sloped(act, dy, by_argument ? v : weft_v_act(act, v));
}

/* Rows of a switch whose code gets act as a constant, so that only its own arithmetic remains. */
#define FOR_EACH_CLAMP(CODE) CODE(WEFT_ACT_NONE) CODE(WEFT_ACT_RELU) CODE(WEFT_ACT_RELU6)
#define FOR_EACH_BEND(CODE)                                                                        \
    CODE(WEFT_ACT_SWISH) CODE(WEFT_ACT_HARD_SIGMOID) CODE(WEFT_ACT_HARD_SWISH) CODE(WEFT_ACT_LEAKY_RELU)

WEFT_INLINE void slope_rows(const weft_slope *p, weft_act act, bool stream)
{
    const float *dy = p->dy, *v = p->v;
    float *dx = p->dx;
    for (int64_t r = 0; r < p->rows; r++, dy += p->dy_ld, v += p->v_ld, dx += p->dx_ld) {
        int64_t c = 0;
        for (; c + LANES <= p->channels; c += LANES) {
            const weft_v d = sloped(act, weft_v_load(dy + c), weft_v_load(v + c));
            if (stream)
                weft_v_stream(dx + c, d);
            else
                weft_v_store(dx + c, d);
        }
        const int left = (int)(p->channels - c);
        if (left > 0)
            weft_v_store_tail(dx + c, sloped(act, weft_v_load_tail(dy + c, left), weft_v_load_tail(v + c, left)), left);
    }
}

void weft_rows_slope(const weft_slope *p)
{
#define SLOPE(act)                                                                                 \
    case act:                                                                                      \
        if (p->stream)                                                                             \
            slope_rows(p, act, true);                                                              \
        else                                                                                       \
            slope_rows(p, act, false);                                                             \
        break;

    switch (p->act) {
        FOR_EACH_CLAMP(SLOPE)
        FOR_EACH_BEND(SLOPE)
        SLOPE(WEFT_ACT_TANH)
        SLOPE(WEFT_ACT_SIGMOID)
        SLOPE(WEFT_ACT_LECUN_TANH)
    case WEFT_ACT_COUNT:
        break;
    }
#undef SLOPE
    if (p->stream)
        weft_v_fence();
}

/* ---- sums of batch norm ---- */

/* Totals of one vector of channels over `deep` rows: the sum of d = x - shift, and of its squares. */
WEFT_INLINE void add_moments(const weft_sums *p, const float *x, int64_t c, int deep, int lanes)
{
    const weft_v shift = weft_v_load_n(p->shift + c, lanes);
    weft_v sum = weft_v_set(0.0f), square = weft_v_set(0.0f);
#pragma GCC unroll 8
    for (int r = 0; r < deep; r++) {
        __builtin_prefetch(x + (r + deep) * p->x_ld + c);
        const weft_v d = weft_v_load_n(x + r * p->x_ld + c, lanes) - shift;
        sum += d;
        square = weft_v_fma(d, d, square);
    }
    weft_v_store_n(p->sum + c, weft_v_load_n(p->sum + c, lanes) + sum, lanes);
    weft_v_store_n(p->product + c, weft_v_load_n(p->product + c, lanes) + square, lanes);
}

WEFT_INLINE void moments_of(const weft_sums *p, const float *x, int deep)
{
    int64_t c = 0;
    for (; c + LANES <= p->channels; c += LANES)
        add_moments(p, x, c, deep, LANES);
    if (c < p->channels)
        add_moments(p, x, c, deep, (int)(p->channels - c));
}

void weft_rows_moments(const weft_sums *p)
{
    int64_t r = 0;
    for (; r + DEEP <= p->rows; r += DEEP)
        moments_of(p, p->x + r * p->x_ld, DEEP);
    for (; r < p->rows; r++)
        moments_of(p, p->x + r * p->x_ld, 1);
}

/* The gradient before the activation: y is computed as the forward pass does. */
WEFT_INLINE weft_v before_act(weft_act act, weft_v dy, weft_v d, const float *scale, const float *beta, int64_t c,
                              int lanes)
{
    if (act == WEFT_ACT_NONE)
        return dy;
    return sloped_at(act, dy, weft_v_fma(d, weft_v_load_n(scale + c, lanes), weft_v_load_n(beta + c, lanes)));
}

/* The sum of dy, and of dy (x - shift). */
WEFT_INLINE void add_products(const weft_sums *p, weft_act act, const float *x, const float *dy, int64_t c, int deep,
                              int lanes)
{
    const weft_v shift = weft_v_load_n(p->shift + c, lanes);
    weft_v sum = weft_v_set(0.0f), product = weft_v_set(0.0f);
#pragma GCC unroll 8
    for (int r = 0; r < deep; r++) {
        __builtin_prefetch(x + (r + deep) * p->x_ld + c);
        __builtin_prefetch(dy + (r + deep) * p->dy_ld + c);
        const weft_v d = weft_v_load_n(x + r * p->x_ld + c, lanes) - shift;
        const weft_v g = before_act(act, weft_v_load_n(dy + r * p->dy_ld + c, lanes), d, p->scale, p->beta, c, lanes);
        sum += g;
        product = weft_v_fma(g, d, product);
    }
    weft_v_store_n(p->sum + c, weft_v_load_n(p->sum + c, lanes) + sum, lanes);
    weft_v_store_n(p->product + c, weft_v_load_n(p->product + c, lanes) + product, lanes);
}

WEFT_INLINE void products_of(const weft_sums *p, weft_act act, int64_t row, int deep)
{
    const float *x = p->x + row * p->x_ld, *dy = p->dy + row * p->dy_ld;
    int64_t c = 0;
    for (; c + LANES <= p->channels; c += LANES)
        add_products(p, act, x, dy, c, deep, LANES);
    if (c < p->channels)
        add_products(p, act, x, dy, c, deep, (int)(p->channels - c));
}

WEFT_INLINE void products_rows(const weft_sums *p, weft_act act, int deep)
{
    int64_t r = 0;
    for (; r + deep <= p->rows; r += deep)
        products_of(p, act, r, deep);
    for (; r < p->rows; r++)
        products_of(p, act, r, 1);
}

void weft_rows_products(const weft_sums *p)
{
#define PRODUCTS(act)                                                                              \
    case act:                                                                                      \
        products_rows(p, act, weft_act_clamps(act) ? DEEP : DEEP / 2);                             \
        break;

    switch (p->act) {
        FOR_EACH_CLAMP(PRODUCTS)
        FOR_EACH_BEND(PRODUCTS)
    default:
        break;
    }
#undef PRODUCTS
}

/* ---- the gradient ---- */

WEFT_INLINE weft_v norm_dx_at(const weft_norm_dx *p, weft_act act, const float *x, const float *dy,
                              const float *residual, int64_t c, int lanes)
{
    const weft_v d = weft_v_load_n(x + c, lanes) - weft_v_load_n(p->mean + c, lanes);
    const weft_v g = before_act(act, weft_v_load_n(dy + c, lanes), d, p->scale, p->beta, c, lanes);
    weft_v v = weft_v_fma(d, weft_v_load_n(p->tilt + c, lanes), weft_v_load_n(p->lift + c, lanes));
    v = weft_v_fma(g, weft_v_load_n(p->scale + c, lanes), v);
    return residual ? v + weft_v_load_n(residual + c, lanes) : v;
}

WEFT_INLINE void norm_dx_rows(const weft_norm_dx *p, weft_act act, bool stream)
{
    const float *x = p->x, *dy = p->dy, *residual = p->residual;
    float *dx = p->dx;
    for (int64_t r = 0; r < p->rows; r++, x += p->x_ld, dy += p->dy_ld, dx += p->dx_ld) {
        int64_t c = 0;
        for (; c + LANES <= p->channels; c += LANES) {
            const weft_v v = norm_dx_at(p, act, x, dy, residual, c, LANES);
            if (!weft_act_clamps(act)) {
                __builtin_prefetch(x + c + AHEAD);
                __builtin_prefetch(dy + c + AHEAD);
            }
            if (stream)
                weft_v_stream(dx + c, v);
            else
                weft_v_store(dx + c, v);
        }
        const int left = (int)(p->channels - c);
        if (left > 0)
            weft_v_store_tail(dx + c, norm_dx_at(p, act, x, dy, residual, c, left), left);
        if (residual)
            residual += p->r_ld;
    }
}

void weft_rows_norm_dx(const weft_norm_dx *p)
{
#define NORM_DX(act)                                                                               \
    case act:                                                                                      \
        if (p->stream)                                                                             \
            norm_dx_rows(p, act, true);                                                            \
        else                                                                                       \
            norm_dx_rows(p, act, false);                                                           \
        break;

    switch (p->act) {
        FOR_EACH_CLAMP(NORM_DX)
        FOR_EACH_BEND(NORM_DX)
    default:
        break;
    }
#undef NORM_DX
    if (p->stream)
        weft_v_fence();
}
