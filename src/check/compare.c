/* SPDX-License-Identifier: Apache-2.0
 *
 * The comparison that compare.h describes. */
#include "check/compare.h"

#include <float.h>
#include <math.h>

enum { HALF_MAX = 65504 };

/* Half the distance of numbers near 1 as a precision keeps them, or as its products see them; 0: floats. */
static double unit_roundoff(weft_precision precision, const weft_node *node)
{
    switch (precision) {
    case WEFT_PRECISION_TF32:
        return node->op->error_class == WEFT_REDUCTION ? 0x1p-11 : 0;
    case WEFT_PRECISION_FP16:
        return 0x1p-11;
    case WEFT_PRECISION_BF16:
        return 0x1p-8;
    case WEFT_PRECISION_DEFAULT:
    case WEFT_PRECISION_FP32:
    case WEFT_PRECISION_COUNT:
        break;
    }
    return 0;
}

double weft_tolerance(const weft_node *node, const weft_exactness *how)
{
    const double factor = how->error_factor > 0 ? how->error_factor : 1;
    const double terms = node->op->reduction ? (double)node->op->reduction(node) : 1;
    const double unit = unit_roundoff(how->precision, node), depth = node->op->depth ? node->op->depth : 1;
    if (unit > 0 && node->op->error_class == WEFT_EXACT)
        return 2 * unit;
    if (unit > 0)
        return factor * depth * (8 * unit + (24 + 8 * sqrt(terms)) * (double)FLT_EPSILON / 2);
    switch (node->op->error_class) {
    case WEFT_ELEMENTWISE:
        return 8 * factor * (double)FLT_EPSILON;
    case WEFT_REDUCTION:
        return (8 + 2 * sqrt(terms)) * factor * (double)FLT_EPSILON;
    case WEFT_EXACT:
        break;
    }
    return 0;
}

/* Infinities and NaNs are left out: they say nothing about the size of the others. */
static double root_mean_square(const double *want, int64_t count)
{
    double sum = 0;
    int64_t finite = 0;
    for (int64_t i = 0; i < count; i++) {
        if (isfinite(want[i])) {
            sum += want[i] * want[i];
            finite++;
        }
    }
    return finite ? sqrt(sum / (double)finite) : 0;
}

weft_comparison weft_compare(const weft_node *node, const weft_exactness *how, const float *got, const double *want,
                             int64_t count)
{
    const double tolerance = weft_tolerance(node, how), rms = root_mean_square(want, count);
    const double most = how->precision == WEFT_PRECISION_FP16 ? HALF_MAX : HUGE_VAL;
    weft_comparison worst = { .ok = true, .share = -1 };

    for (int64_t i = 0; i < count; i++) {
        const double g = (double)got[i], w = want[i];
        /* Half the least float for results below the normal range, which no relative bound can hold. */
        const double allowed = tolerance > 0 ? fmax(tolerance * fmax(fabs(w), rms), (double)FLT_TRUE_MIN) : 0;
        double share;
        if (fabs(w) > most)
            continue;
        if (tolerance == 0 || !isfinite(w))
            share = g == (double)(float)w || (isnan(g) && isnan(w)) ? 0 : HUGE_VAL;
        else
            share = isnan(g) ? HUGE_VAL : fabs(g - w) / allowed;
        if (share > worst.share)
            worst = (weft_comparison){ .index = i, .got = g, .want = w, .allowed = allowed, .share = share };
    }
    worst.ok = worst.share <= 1;
    return worst;
}
