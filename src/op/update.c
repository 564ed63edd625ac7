/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks and costs that optimisers share. */
#include "op/update.h"

#include <math.h>

weft_status weft_need_vector(const char *what, const weft_shape *shape, int64_t count)
{
    char text[96];
    if (shape->rank == 1 && shape->dim[0] == count)
        return WEFT_OK;
    return weft_fail(WEFT_INVALID, "%s is %s, expected [%lld]", what, weft_shape_text(shape, text, sizeof text),
                     (long long)count);
}

weft_status weft_need_update(const char *const *what, int count, const weft_shape *in)
{
    char is[96], want[96];
    for (int i = 0; i < count; i++) {
        WEFT_TRY(weft_need_shape(what[i], &in[i], 0));
        if (!weft_shape_equal(&in[i], &in[0]))
            return weft_fail(WEFT_INVALID, "%s is %s, expected the parameter's shape %s", what[i],
                             weft_shape_text(&in[i], is, sizeof is), weft_shape_text(&in[0], want, sizeof want));
    }
    WEFT_TRY(weft_need_vector("lr", &in[count], 1));
    return weft_need_vector("go", &in[count + 1], 2);
}

weft_status weft_need_share(const char *what, double value)
{
    if (value >= 0 && value < 1)
        return WEFT_OK;
    return weft_fail(WEFT_INVALID, "%s is %g, expected 0 to less than 1", what, value);
}

weft_status weft_need_positive(const char *what, double *value, double fallback)
{
    if (!isfinite(*value) || *value < 0)
        return weft_fail(WEFT_INVALID, "%s is %g, expected a positive number, or 0 for %g", what, *value, fallback);
    if (*value == 0)
        *value = fallback;
    return WEFT_OK;
}

double weft_least_update(const weft_node *node)
{
    return (2 * node->n_out + 1) * weft_out_count(node);
}
