/* SPDX-License-Identifier: Apache-2.0
 *
 * The transforms of winograd_dw.h: u = A dy A' and g = G' m G, one vector of channels at a time, columns first, then
 * rows. A is that of winograd.c, turned; of G (conv2d_winograd.c)
 *
 *      1/4 -1/6 -1/6  1/24  1/24 0
 * G' =   0 -1/6  1/6  1/12 -1/12 0
 *        0 -1/6 -1/6   1/6   1/6 1
 *
 * Traffic for each tile and channel: 16 loads and 36 stores on the way in; on the way out, once for each weight, 36
 * loads and 9 stores. */
#include "cpu/simd/winograd_dw.h"

#include "cpu/simd/vmath.h"

enum { IN = WEFT_WINOGRAD_IN, OUT = WEFT_WINOGRAD_OUT, TAPS = 3 };

#define UNROLL _Pragma("GCC unroll 8")

WEFT_INLINE weft_v times(float s, weft_v v, weft_v add)
{
    return weft_v_fma(weft_v_set(s), v, add);
}

/* A times a column of four. */
WEFT_INLINE void gradient_line(const weft_v *d, weft_v *o)
{
    const weft_v a = d[0] + d[2], b = d[1] + d[3], c = times(4, d[2], d[0]), e = times(8, d[3], d[1] + d[1]);
    o[0] = d[0];
    o[1] = a + b;
    o[2] = a - b;
    o[3] = c + e;
    o[4] = c - e;
    o[5] = d[3];
}

/* G' times a column of six. */
WEFT_INLINE void taps_line(const weft_v *m, weft_v *o)
{
    const weft_v p = m[1] + m[2], q = m[2] - m[1], r = m[3] + m[4], s = m[3] - m[4];
    o[0] = times(1 / 4.f, m[0], times(-1 / 6.f, p, r * (1 / 24.f)));
    o[1] = times(1 / 6.f, q, s * (1 / 12.f));
    o[2] = times(1 / 6.f, r - p, m[5]);
}

/* clang-format off */

/* Channels [c, c + n) of a tile; whole: all pixels lie in the map. */
WEFT_INLINE void gradient_vector(const weft_winograd_dy *t, int64_t c, int n, const bool whole)
{
    weft_v rows[IN][OUT];
    UNROLL for (int j = 0; j < OUT; j++) {
        weft_v d[OUT], o[IN];
        UNROLL for (int i = 0; i < OUT; i++) {
            const float *p = t->dy + i * t->line + j * t->pixel + c;
            d[i] = whole ? weft_v_load(p) : i < t->height && j < t->width ? weft_v_load_n(p, n) : weft_v_set(0);
        }
        gradient_line(d, o);
        UNROLL for (int i = 0; i < IN; i++)
            rows[i][j] = o[i];
    }
    UNROLL for (int i = 0; i < IN; i++) {
        weft_v o[IN];
        gradient_line(rows[i], o);
        UNROLL for (int j = 0; j < IN; j++)
            weft_v_store(t->u + (i * IN + j) * t->position + c, o[j]);
    }
}

/* clang-format on */

static void gradient(const weft_winograd_dy *t)
{
    const int64_t even = t->channels / WEFT_LANES * WEFT_LANES;
    int64_t c = 0;
    if (t->height == OUT && t->width == OUT)
        for (; c < even; c += WEFT_LANES)
            gradient_vector(t, c, WEFT_LANES, true);
    for (; c < t->channels; c += WEFT_LANES)
        gradient_vector(t, c, t->channels - c < WEFT_LANES ? (int)(t->channels - c) : WEFT_LANES, false);
}

/* clang-format off */

static void taps(const weft_winograd_dw *t)
{
    for (int64_t c = 0; c < t->channels; c += WEFT_LANES) {
        const int n = t->channels - c < WEFT_LANES ? (int)(t->channels - c) : WEFT_LANES;
        weft_v rows[TAPS][IN];
        UNROLL for (int j = 0; j < IN; j++) {
            weft_v m[IN], o[TAPS];
            UNROLL for (int i = 0; i < IN; i++)
                m[i] = weft_v_load(t->m + (i * IN + j) * t->position + c);
            taps_line(m, o);
            UNROLL for (int i = 0; i < TAPS; i++)
                rows[i][j] = o[i];
        }
        UNROLL for (int i = 0; i < TAPS; i++) {
            weft_v o[TAPS];
            taps_line(rows[i], o);
            UNROLL for (int j = 0; j < TAPS; j++)
                weft_v_store_n(t->dw + (i * TAPS + j) * t->tap + c, o[j], n);
        }
    }
}

/* clang-format on */

const weft_winograd_dw_table WEFT_SIMD_NAME(weft_winograd_dw_) = { gradient, taps };
