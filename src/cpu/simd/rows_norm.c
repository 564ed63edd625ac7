/* SPDX-License-Identifier: Apache-2.0
 *
 * Softmax of one row (maximum subtracted first) and local response normalisation across channels (Krizhevsky 2012,
 * section 3.3), whose window is summed directly from a row of squares; powers of 1/2, 3/4 and 1 by square roots. */
#include "cpu/simd/rows_set.h"

enum { LANES = WEFT_LANES };

void weft_rows_softmax(const float *x, int64_t n, float *y)
{
    weft_v best = weft_v_set(-__builtin_inff()), sum = weft_v_set(0.0f);
    int64_t c = 0;
    for (; c + LANES <= n; c += LANES)
        best = weft_v_max(best, weft_v_load(x + c));
    float top = weft_v_top(best);
    for (; c < n; c++)
        top = x[c] > top ? x[c] : top;

    for (c = 0; c + LANES <= n; c += LANES) {
        const weft_v e = weft_v_exp(weft_v_load(x + c) - top);
        weft_v_store(y + c, e);
        sum += e;
    }
    const int left = (int)(n - c);
    if (left > 0) {
        weft_v_store_tail(y + c, weft_v_exp(weft_v_load_tail(x + c, left) - top), left);
        sum += weft_v_load_tail(y + c, left);
    }
    const float total = weft_v_sum(sum);
    for (c = 0; c < n; c += LANES) {
        const int lanes = n - c < LANES ? (int)(n - c) : LANES;
        weft_v_store_n(y + c, weft_v_load_n(y + c, lanes) / total, lanes);
    }
}

enum power { POWER_HALF, POWER_THREE_QUARTERS, POWER_ONE, POWER_ANY };

static enum power power_of(float beta)
{
    if (beta == 0.5f)
        return POWER_HALF;
    if (beta == 0.75f)
        return POWER_THREE_QUARTERS;
    return beta == 1.0f ? POWER_ONE : POWER_ANY;
}

/* x * s^-beta */
WEFT_INLINE weft_v damp(weft_v x, weft_v s, float beta, enum power power)
{
    const weft_v root = weft_v_sqrt(s);
    switch (power) {
    case POWER_HALF:
        return x / root;
    case POWER_THREE_QUARTERS:
        return x / (root * weft_v_sqrt(root));
    case POWER_ONE:
        return x / s;
    case POWER_ANY:
        break;
    }
    return x * weft_v_exp(weft_v_log(s) * -beta);
}

WEFT_INLINE void respond(const weft_response *p, const float *x, float *y, enum power power)
{
    float *const squares = p->buffer + p->reach; /* the margins are zero */
    for (int64_t c = 0; c < p->channels; c += LANES) {
        const int lanes = p->channels - c < LANES ? (int)(p->channels - c) : LANES;
        const weft_v v = weft_v_load_n(x + c, lanes);
        weft_v_store_n(squares + c, v * v, lanes);
    }
    for (int64_t c = 0; c < p->channels; c += LANES) {
        const int lanes = p->channels - c < LANES ? (int)(p->channels - c) : LANES;
        weft_v sum = weft_v_load(squares + c - p->reach);
        for (int j = 1 - p->reach; j <= p->reach; j++)
            sum += weft_v_load(squares + c + j);
        const weft_v s = weft_v_fma(sum, weft_v_set(p->alpha), weft_v_set(p->k));
        weft_v_store_n(y + c, damp(weft_v_load_n(x + c, lanes), s, p->beta, power), lanes);
    }
}

void weft_rows_response(const weft_response *p)
{
    const enum power power = power_of(p->beta);
    const int64_t length = p->channels + 2 * (int64_t)p->reach + LANES;
    for (int64_t i = 0; i < length; i++)
        p->buffer[i] = 0.0f;
    for (int64_t r = 0; r < p->rows; r++) {
        const float *x = p->x + r * p->x_ld;
        float *y = p->y + r * p->y_ld;
        if (power == POWER_THREE_QUARTERS)
            respond(p, x, y, POWER_THREE_QUARTERS);
        else
            respond(p, x, y, power);
    }
}

/* What adds to the gradients of its neighbours goes to a padded row, dy t^-beta to dx, then the windows' sums. */
WEFT_INLINE void respond_dx(const weft_response_dx *p, const float *dy, const float *x, const float *residual,
                            float *dx, enum power power)
{
    float *const squares = p->buffer + p->reach;
    float *const parts = squares + p->channels + p->reach + 2 * (int64_t)WEFT_ROWS_LANES + p->reach;
    for (int64_t c = 0; c < p->channels; c += LANES) {
        const int lanes = p->channels - c < LANES ? (int)(p->channels - c) : LANES;
        const weft_v v = weft_v_load_n(x + c, lanes);
        weft_v_store_n(squares + c, v * v, lanes);
    }
    for (int64_t c = 0; c < p->channels; c += LANES) {
        const int lanes = p->channels - c < LANES ? (int)(p->channels - c) : LANES;
        weft_v sum = weft_v_load(squares + c - p->reach);
        for (int j = 1 - p->reach; j <= p->reach; j++)
            sum += weft_v_load(squares + c + j);
        const weft_v t = weft_v_fma(sum, weft_v_set(p->alpha), weft_v_set(p->k));
        const weft_v damped = damp(weft_v_load_n(dy + c, lanes), t, p->beta, power);
        weft_v_store_n(parts + c, damped * weft_v_load_n(x + c, lanes) / t, lanes);
        weft_v_store_n(dx + c, damped, lanes);
    }
    for (int64_t c = 0; c < p->channels; c += LANES) {
        const int lanes = p->channels - c < LANES ? (int)(p->channels - c) : LANES;
        weft_v sum = weft_v_load(parts + c - p->reach);
        for (int j = 1 - p->reach; j <= p->reach; j++)
            sum += weft_v_load(parts + c + j);
        const weft_v less = weft_v_load_n(x + c, lanes) * sum * (-2.0f * p->alpha * p->beta);
        const weft_v v = weft_v_load_n(dx + c, lanes) + less;
        weft_v_store_n(dx + c, residual ? v + weft_v_load_n(residual + c, lanes) : v, lanes);
    }
}

void weft_rows_response_dx(const weft_response_dx *p)
{
    const enum power power = power_of(p->beta);
    const int64_t length = 2 * (p->channels + 2 * (int64_t)p->reach + 2 * (int64_t)WEFT_ROWS_LANES);
    for (int64_t i = 0; i < length; i++)
        p->buffer[i] = 0.0f;
    for (int64_t r = 0; r < p->rows; r++) {
        const float *dy = p->dy + r * p->dy_ld, *x = p->x + r * p->x_ld;
        const float *residual = p->residual ? p->residual + r * p->r_ld : NULL;
        if (power == POWER_THREE_QUARTERS)
            respond_dx(p, dy, x, residual, p->dx + r * p->dx_ld, POWER_THREE_QUARTERS);
        else
            respond_dx(p, dy, x, residual, p->dx + r * p->dx_ld, power);
    }
}
