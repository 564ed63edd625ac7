/* SPDX-License-Identifier: Apache-2.0
 *
 * The comparison that compare.h describes. */
#include "compare.h"

#include <float.h>
#include <math.h>

double compare_tolerance(const weft_node *node, double error_factor)
{
    const double factor = (error_factor > 0 ? error_factor : 1) * (double)FLT_EPSILON;
    const double terms = node->op->reduction ? (double)node->op->reduction(node) : 1;
    switch (node->op->error_class) {
    case WEFT_ELEMENTWISE:
        return 8 * factor;
    case WEFT_REDUCTION:
        return (8 + 2 * sqrt(terms)) * factor;
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

compare_result compare_output(const weft_node *node, double error_factor, const float *got, const double *want,
                              int64_t count)
{
    const double tolerance = compare_tolerance(node, error_factor), rms = root_mean_square(want, count);
    compare_result worst = { .ok = true, .share = -1 };

    for (int64_t i = 0; i < count; i++) {
        const double g = (double)got[i], w = want[i];
        /* Half the least float for results below the normal range, which no relative bound can hold. */
        const double allowed = tolerance > 0 ? fmax(tolerance * fmax(fabs(w), rms), (double)FLT_TRUE_MIN) : 0;
        double share;
        if (tolerance == 0 || !isfinite(w))
            share = g == (double)(float)w || (isnan(g) && isnan(w)) ? 0 : HUGE_VAL;
        else
            share = isnan(g) ? HUGE_VAL : fabs(g - w) / allowed;
        if (share > worst.share)
            worst = (compare_result){ .index = i, .got = g, .want = w, .allowed = allowed, .share = share };
    }
    worst.ok = worst.share <= 1;
    return worst;
}
