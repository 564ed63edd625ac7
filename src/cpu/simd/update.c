/* SPDX-License-Identifier: Apache-2.0
 *
 * Optimisers and what goes with them, element by element; the formulas are those of src/op. */
#include "cpu/simd/update.h"

#include "cpu/simd/vmath.h"

enum { LANES = WEFT_LANES };

/* void name(u, n): name_at(u, i, lanes) for all elements. */
#define EACH(name)                                                                                                    \
    static void name(const weft_update *u, int64_t n)                                                                 \
    {                                                                                                                 \
        int64_t i = 0;                                                                                                \
        for (; i + LANES <= n; i += LANES)                                                                            \
            name##_at(u, i, LANES);                                                                                   \
        if (i < n)                                                                                                    \
            name##_at(u, i, (int)(n - i));                                                                            \
    }

WEFT_INLINE weft_v in(const weft_update *u, int k, int64_t i, int lanes)
{
    return weft_v_load_n(u->in[k] + i, lanes);
}

WEFT_INLINE void put(const weft_update *u, int k, int64_t i, int lanes, weft_v v)
{
    weft_v_store_n(u->out[k] + i, v, lanes);
}

/* a * x + y */
WEFT_INLINE weft_v axpy(float a, weft_v x, weft_v y)
{
    return weft_v_fma(weft_v_set(a), x, y);
}

/* flag: Nesterov. */
WEFT_INLINE void sgd_at(const weft_update *u, int64_t i, int lanes)
{
    const weft_v p = in(u, 0, i, lanes), g = axpy(u->decay, p, in(u, 2, i, lanes) * u->scale);
    const weft_v v = axpy(u->momentum, in(u, 1, i, lanes), g);
    put(u, 1, i, lanes, v);
    put(u, 0, i, lanes, axpy(-u->lr, u->flag ? axpy(u->momentum, v, g) : v, p));
}

EACH(sgd)

WEFT_INLINE void rmsprop_at(const weft_update *u, int64_t i, int lanes)
{
    const weft_v p = in(u, 0, i, lanes), g = axpy(u->decay, p, in(u, 3, i, lanes) * u->scale);
    const weft_v s = axpy(u->rho, in(u, 1, i, lanes), g * g * u->rest_rho);
    const weft_v m = axpy(u->momentum, in(u, 2, i, lanes), g * u->lr / weft_v_sqrt(s + u->epsilon));
    put(u, 1, i, lanes, s);
    put(u, 2, i, lanes, m);
    put(u, 0, i, lanes, p - m);
}

EACH(rmsprop)

/* The moments, stored; gives m / (sqrt(v) correct_v + epsilon). */
WEFT_INLINE weft_v moments_at(const weft_update *u, int64_t i, int lanes, weft_v g)
{
    const weft_v m = axpy(u->momentum, in(u, 1, i, lanes), g * u->rest_momentum);
    const weft_v v = axpy(u->rho, in(u, 2, i, lanes), g * g * u->rest_rho);
    put(u, 1, i, lanes, m);
    put(u, 2, i, lanes, v);
    return m / axpy(u->correct_v, weft_v_sqrt(v), weft_v_set(u->epsilon));
}

/* lr is lr / (1 - beta1^t), shrink 1 - lr * decay where that is decoupled, decay 0 there. */
WEFT_INLINE void adam_at(const weft_update *u, int64_t i, int lanes)
{
    const weft_v p = in(u, 0, i, lanes), g = axpy(u->decay, p, in(u, 3, i, lanes) * u->scale);
    put(u, 0, i, lanes, axpy(-u->lr, moments_at(u, i, lanes, g), p * u->shrink));
}

EACH(adam)

/* r = correct_m m / (sqrt(v) correct_v + epsilon) + decay p, from moments that lamb_norms has stored. */
WEFT_INLINE weft_v lamb_step(const weft_update *u, weft_v p, weft_v direction)
{
    return axpy(u->decay, p, direction * u->correct_m);
}

WEFT_INLINE void lamb_at(const weft_update *u, int64_t i, int lanes)
{
    const weft_v m = weft_v_load_n(u->out[1] + i, lanes), v = weft_v_load_n(u->out[2] + i, lanes);
    const weft_v p = in(u, 0, i, lanes);
    const weft_v direction = m / axpy(u->correct_v, weft_v_sqrt(v), weft_v_set(u->epsilon));
    put(u, 0, i, lanes, axpy(-u->lr, lamb_step(u, p, direction), p));
}

EACH(lamb)

/* average += rest_rho (x - average); with flag it is x. */
WEFT_INLINE void ema_at(const weft_update *u, int64_t i, int lanes)
{
    const weft_v x = in(u, 1, i, lanes), a = in(u, 0, i, lanes);
    put(u, 0, i, lanes, u->flag ? x : axpy(u->rest_rho, x - a, a));
}

EACH(ema)

/* sum = gradient scale + (flag ? 0 : sum) */
WEFT_INLINE void accumulate_at(const weft_update *u, int64_t i, int lanes)
{
    const weft_v g = in(u, 1, i, lanes);
    put(u, 0, i, lanes, u->flag ? g * u->scale : axpy(u->scale, g, in(u, 0, i, lanes)));
}

EACH(accumulate)

/* Within -lr to lr. */
WEFT_INLINE void clip_at(const weft_update *u, int64_t i, int lanes)
{
    put(u, 0, i, lanes, weft_v_clamp(in(u, 0, i, lanes), weft_v_set(-u->lr), weft_v_set(u->lr)));
}

EACH(clip)

/* ---- sums, in double ---- */

typedef double wide __attribute__((vector_size(8 * WEFT_LANES)));

/* By pointer: portable code has no registers to hand such vectors over in. */
WEFT_INLINE double wide_sum(const wide *w)
{
    double s[LANES];
    for (int i = 0; i < LANES; i++)
        s[i] = (*w)[i];
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            s[i] += s[i + half];
    return s[0];
}

WEFT_INLINE void add_square(wide *sum, weft_v v)
{
    const wide w = __builtin_convertvector(v, wide);
    *sum += w * w;
}

static double squares(const float *x, int64_t n)
{
    wide even = { 0 }, odd = { 0 };
    int64_t i = 0;
    for (; i + 2 * LANES <= n; i += 2 * LANES) {
        add_square(&even, weft_v_load(x + i));
        add_square(&odd, weft_v_load(x + i + LANES));
    }
    for (; i < n; i += LANES)
        add_square(&even, weft_v_load_n(x + i, n - i < LANES ? (int)(n - i) : LANES));
    even += odd;
    return wide_sum(&even);
}

static void lamb_norms(const weft_update *u, int64_t n, double sums[2])
{
    wide p2 = { 0 }, r2 = { 0 };
    for (int64_t i = 0; i < n; i += LANES) {
        const int lanes = n - i < LANES ? (int)(n - i) : LANES;
        const weft_v p = in(u, 0, i, lanes), direction = moments_at(u, i, lanes, in(u, 3, i, lanes) * u->scale);
        add_square(&p2, p);
        add_square(&r2, lamb_step(u, p, direction)); /* lanes beyond the tail are 0 / epsilon */
    }
    sums[0] += wide_sum(&p2);
    sums[1] += wide_sum(&r2);
}

/* ---- losses ---- */

/* The largest of x[n]. */
static float largest(const float *x, int64_t n)
{
    weft_v best = weft_v_set(x[0]);
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        best = weft_v_max(best, weft_v_load(x + i));
    float top = weft_v_top(best);
    for (; i < n; i++)
        top = x[i] > top ? x[i] : top;
    return top;
}

/* The target, times the weight of its class. */
WEFT_INLINE weft_v wanted(const weft_loss_row *row, int64_t i, int lanes)
{
    const weft_v t = weft_v_load_n(row->t + i, lanes);
    return row->weights ? t * weft_v_load_n(row->weights + i, lanes) : t;
}

static double cross_entropy(const weft_loss_row *row)
{
    const float top = largest(row->x, row->n);
    weft_v sum = { 0 }, mass = { 0 }, along = { 0 };
    for (int64_t i = 0; i < row->n; i += LANES) {
        const int lanes = row->n - i < LANES ? (int)(row->n - i) : LANES;
        const weft_v over = weft_v_load_n(row->x + i, lanes) - top, t = wanted(row, i, lanes);
        const weft_v e = weft_v_exp(over);
        weft_v_store_n(row->dx + i, e, lanes);
        sum += lanes == LANES ? e : weft_v_load_n(row->dx + i, lanes);
        mass += t;
        along = weft_v_fma(t, over, along);
    }
    const float total = weft_v_sum(sum), all = weft_v_sum(mass);
    const weft_v share = weft_v_set(all / total * row->factor), factor = weft_v_set(row->factor);
    for (int64_t i = 0; i < row->n; i += LANES) {
        const int lanes = row->n - i < LANES ? (int)(row->n - i) : LANES;
        weft_v_store_n(row->dx + i, weft_v_load_n(row->dx + i, lanes) * share - wanted(row, i, lanes) * factor, lanes);
    }
    return (double)all * __builtin_log((double)total) - (double)weft_v_sum(along);
}

/* log(1 + exp(-|x|)) + max(x, 0) - t x, and sigmoid(x) - t, both times the weight of the class. */
static double bce(const weft_loss_row *row)
{
    weft_v sum = { 0 };
    for (int64_t i = 0; i < row->n; i += LANES) {
        const int lanes = row->n - i < LANES ? (int)(row->n - i) : LANES;
        const weft_v x = weft_v_load_n(row->x + i, lanes), t = weft_v_load_n(row->t + i, lanes);
        const weft_v e = weft_v_exp(-weft_v_abs(x)), zero = weft_v_set(0.0f);
        weft_v loss = weft_v_log(e + 1.0f) + weft_v_max(zero, x) - t * x, slope = weft_v_sigmoid(x) - t;
        if (row->weights) {
            loss *= weft_v_load_n(row->weights + i, lanes);
            slope *= weft_v_load_n(row->weights + i, lanes);
        }
        weft_v_store_n(row->dx + i, slope * row->factor, lanes);
        for (int k = lanes; k < LANES; k++)
            loss[k] = 0;
        sum += loss;
    }
    return (double)weft_v_sum(sum);
}

const weft_updates WEFT_SIMD_NAME(weft_updates_) = {
    .sgd = sgd, .rmsprop = rmsprop, .adam = adam, .ema = ema, .accumulate = accumulate, .clip = clip, .lamb = lamb,
    .lamb_norms = lamb_norms, .squares = squares, .cross_entropy = cross_entropy, .bce = bce,
};
