/* SPDX-License-Identifier: Apache-2.0 */
#include "direct.h"

#include "base/rng.h"
#include "check/harness.h"
#include "emu/control.h"

const weft_dtype direct_types[DIRECT_TYPES] = { WEFT_F32, WEFT_F16, WEFT_BF16 };

void direct_draw(float *to, int64_t count, weft_dtype dtype, uint64_t stream)
{
    ck_assert_int_le(count, DIRECT_ROOM);
    weft_rng_fill_uniform(check_seed(), stream, 0, count, -1, 1, to);
    for (int64_t i = 0; i < count; i++)
        to[i] = (float)typed_round(dtype, (double)to[i]);
}

void direct_make(typed_view *v, weft_dtype dtype, int64_t rows, int64_t channels, int side, const float *values)
{
    ck_assert(typed_view_make(v, dtype, rows, channels, side, side, false, values));
}

void direct_expect(const char *what, typed_view *v, const double *want, double tolerance)
{
    static float got[DIRECT_ROOM];
    int64_t worst = 0;
    ck_assert_msg(emu_fault()[0] == 0, "%s: %s", what, emu_fault());
    ck_assert_msg(typed_view_intact(v), "%s: wrote outside of its channels", what);
    typed_view_get(v, got);
    const double share = typed_compare(v->dtype, tolerance, got, want, v->rows * v->channels, &worst);
    ck_assert_msg(share <= 1, "%s, %s: element %d is %g, %g was expected", what, weft_dtype_name(v->dtype), (int)worst,
                  (double)got[worst], want[worst]);
    typed_view_free(v);
}
