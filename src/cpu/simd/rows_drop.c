/* SPDX-License-Identifier: Apache-2.0
 *
 * Dropout: Philox4x32-10 (Salmon et al. 2011) of as many blocks as a vector has lanes, the same words as
 * base/rng.h draws one by one. Sixty-four elements at a time have the four words of sixteen blocks
 * (op/dropout.h). Bound: the multiplications, some two instructions an element. */
#include "cpu/simd/rows_set.h"

enum { LANES = WEFT_LANES, GROUP = 64, BLOCKS = 16, ROUNDS = 10 };

/* High and low halves of the products of all lanes with m. */
WEFT_INLINE void multiply(weft_vi v, uint32_t m, weft_vi *high, weft_vi *low)
{
#if defined(WEFT_V_AVX512)
    const __m512i factor = _mm512_set1_epi64(m);
    const __m512i even = _mm512_mul_epu32((__m512i)v, factor);
    const __m512i odd = _mm512_mul_epu32(_mm512_srli_epi64((__m512i)v, 32), factor);
    *low = (weft_vi)_mm512_mask_blend_epi32(0xaaaa, even, _mm512_slli_epi64(odd, 32));
    *high = (weft_vi)_mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
#elif defined(WEFT_V_AVX2)
    const __m256i factor = _mm256_set1_epi64x(m);
    const __m256i even = _mm256_mul_epu32((__m256i)v, factor);
    const __m256i odd = _mm256_mul_epu32(_mm256_srli_epi64((__m256i)v, 32), factor);
    *low = (weft_vi)_mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
    *high = (weft_vi)_mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
#elif defined(WEFT_V_NEON)
    const uint32x4_t factor = vdupq_n_u32(m), number = (uint32x4_t)v;
    const uint32x4_t near = (uint32x4_t)vmull_u32(vget_low_u32(number), vget_low_u32(factor));
    const uint32x4_t far = (uint32x4_t)vmull_high_u32(number, factor);
    *low = (weft_vi)vuzp1q_u32(near, far);
    *high = (weft_vi)vuzp2q_u32(near, far);
#else
    for (int i = 0; i < LANES; i++) {
        const uint64_t product = (uint64_t)(uint32_t)v[i] * m;
        (*low)[i] = (int32_t)(uint32_t)product;
        (*high)[i] = (int32_t)(uint32_t)(product >> 32);
    }
#endif
}

WEFT_INLINE weft_vi lane_numbers(void)
{
    weft_vi v = { 0 };
    for (int i = 0; i < LANES; i++)
        v[i] = i;
    return v;
}

/* The four words of the blocks from `block` on. */
WEFT_INLINE void draw(const weft_drop *p, uint64_t block, weft_vi word[4])
{
    uint32_t key0 = (uint32_t)p->seed, key1 = (uint32_t)(p->seed >> 32);
    weft_vi c0 = weft_vi_set((int32_t)(uint32_t)block) + lane_numbers(); /* no carry: a multiple of the lanes */
    weft_vi c1 = weft_vi_set((int32_t)(uint32_t)(block >> 32));
    weft_vi c2 = weft_vi_set((int32_t)(uint32_t)p->stream), c3 = weft_vi_set((int32_t)(uint32_t)(p->stream >> 32));
#pragma GCC unroll 10
    for (int i = 0; i < ROUNDS; i++) {
        weft_vi high0, low0, high1, low1;
        multiply(c0, 0xd2511f53u, &high0, &low0);
        multiply(c2, 0xcd9e8d57u, &high1, &low1);
        c0 = high1 ^ c1 ^ weft_vi_set((int32_t)key0);
        c1 = low1;
        c2 = high0 ^ c3 ^ weft_vi_set((int32_t)key1);
        c3 = low0;
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
    word[0] = c0;
    word[1] = c1;
    word[2] = c2;
    word[3] = c3;
}

/* All ones for each of the group's elements that is kept, else 0. */
WEFT_INLINE void draw_group(const weft_drop *p, int64_t group, float keep[GROUP])
{
    const int32_t half = INT32_MIN; /* compares as if without sign */
    const weft_vi least = weft_vi_set((int32_t)(p->threshold ^ (uint32_t)half));
    for (int b = 0; b < BLOCKS; b += LANES) {
        weft_vi word[4];
        draw(p, (uint64_t)(uint32_t)p->step << 32 | (uint64_t)(group * BLOCKS + b), word);
        for (int w = 0; w < 4; w++)
            weft_v_store(keep + w * BLOCKS + b, (weft_v)((word[w] ^ half) >= least));
    }
}

WEFT_INLINE void drop(const float *x, float *y, const float *keep, int64_t count, weft_v scale)
{
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        weft_v_store(y + i, (weft_v)((weft_vi)weft_v_load(keep + i) & (weft_vi)(weft_v_load(x + i) * scale)));
    const int left = (int)(count - i);
    if (left > 0) {
        const weft_vi mask = (weft_vi)weft_v_load_tail(keep + i, left);
        weft_v_store_tail(y + i, (weft_v)(mask & (weft_vi)(weft_v_load_tail(x + i, left) * scale)), left);
    }
}

void weft_rows_drop(const weft_drop *p)
{
    const weft_v scale = weft_v_set(p->scale);
    const int64_t end = p->first + p->rows * p->channels;
    int64_t row = 0, c = 0;
    for (int64_t e = p->first; e < end;) {
        float keep[GROUP];
        const int64_t group = e / GROUP, stop = (group + 1) * GROUP < end ? (group + 1) * GROUP : end;
        draw_group(p, group, keep);
        while (e < stop) {
            const int64_t count = p->channels - c < stop - e ? p->channels - c : stop - e;
            drop(p->x + row * p->x_ld + c, p->y + row * p->y_ld + c, keep + (e - group * GROUP), count, scale);
            e += count;
            c += count;
            row += c == p->channels;
            c = c == p->channels ? 0 : c;
        }
    }
}
