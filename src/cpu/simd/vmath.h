/* SPDX-License-Identifier: Apache-2.0
 *
 * Vector arithmetic over WEFT_LANES floats: loads and stores with masked tails, fused multiply-add, exp, log, tanh and
 * the activations. GCC vector extensions; intrinsics only where the language has no word for the instruction. Range
 * reduction after Cody and Waite, polynomials are minimax fits of our own (Remez). Errors, measured over all finite
 * floats against double: exp, tanh 1.5 ulp; sigmoid and swish 4e-7 of the result for |x| <= 4, 7e-7 to 10, 4e-6 to 87,
 * where they fall below 2e-36 and then to 0. NaN goes in, NaN comes out.
 * Included only by files that are compiled once for each instruction set. */
#ifndef WEFT_CPU_SIMD_VMATH_H
#define WEFT_CPU_SIMD_VMATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weft/act.h>

#include "base/compiler.h"
#include "cpu/simd/act.h"

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#elif defined(WEFT_V_NEON) /* by the build: AArch64 has no flag that the portable set would be without */
#include <arm_neon.h>
#endif

#if !defined(WEFT_LANES) || !defined(WEFT_SIMD_ISA)
#error "vmath.h is for the sources of src/cpu/simd"
#endif

/* weft_rows_ -> weft_rows_avx512: symbols of one instruction set. */
#define WEFT_SIMD_JOIN2(name, isa) name##isa
#define WEFT_SIMD_JOIN(name, isa) WEFT_SIMD_JOIN2(name, isa)
#define WEFT_SIMD_NAME(name) WEFT_SIMD_JOIN(name, WEFT_SIMD_ISA)

#if defined(__AVX512F__) && WEFT_LANES == 16
#define WEFT_V_AVX512 1
#elif defined(__AVX2__) && defined(__FMA__) && WEFT_LANES == 8
#define WEFT_V_AVX2 1
#endif

/* Vector registers: what tiles are cut by. */
#if defined(WEFT_V_AVX512) || defined(WEFT_V_NEON)
#define WEFT_V_REGISTERS 32
#else
#define WEFT_V_REGISTERS 16
#endif

typedef float weft_v __attribute__((vector_size(4 * WEFT_LANES)));
typedef int32_t weft_vi __attribute__((vector_size(4 * WEFT_LANES)));
/* The same in memory, at any address. */
typedef float weft_v_mem __attribute__((vector_size(4 * WEFT_LANES), aligned(4), may_alias));

/* ---- memory ---- */

WEFT_INLINE weft_v weft_v_set(float s)
{
    const weft_v zero = {0};
    return s - zero;
}

WEFT_INLINE weft_vi weft_vi_set(int32_t s)
{
    const weft_vi zero = {0};
    return s - zero;
}

WEFT_INLINE weft_v weft_v_load(const float *p)
{
    return *(const weft_v_mem *)p;
}

WEFT_INLINE void weft_v_store(float *p, weft_v v)
{
    *(weft_v_mem *)p = v;
}

/* Past the caches; p aligned to the vector. Follow the last one with weft_v_fence. */
WEFT_INLINE void weft_v_stream(float *p, weft_v v)
{
#if defined(WEFT_V_AVX512)
    _mm512_stream_ps(p, (__m512)v);
#elif defined(WEFT_V_AVX2)
    _mm256_stream_ps(p, (__m256)v);
#else
    weft_v_store(p, v);
#endif
}

WEFT_INLINE void weft_v_fence(void)
{
#if defined(WEFT_V_AVX512) || defined(WEFT_V_AVX2)
    _mm_sfence();
#endif
}

/* The first n lanes, 0 < n <= WEFT_LANES; the others are 0 when loaded and stay untouched when stored. */
#if defined(WEFT_V_AVX2)
WEFT_INLINE __m256i weft_v_mask(int n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane);
}
#endif

WEFT_INLINE weft_v weft_v_load_tail(const float *p, int n)
{
#if defined(WEFT_V_AVX512)
    return (weft_v)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif defined(WEFT_V_AVX2)
    return (weft_v)_mm256_maskload_ps(p, weft_v_mask(n));
#elif defined(WEFT_V_NEON)
    const float32x2_t none = vdup_n_f32(0);
    if (n == WEFT_LANES)
        return weft_v_load(p);
    if (n == 1)
        return (weft_v)vcombine_f32(vld1_lane_f32(p, none, 0), none);
    return (weft_v)vcombine_f32(vld1_f32(p), n == 3 ? vld1_lane_f32(p + 2, none, 0) : none);
#else
    weft_v v = {0};
    for (int i = 0; i < n; i++)
        v[i] = p[i];
    return v;
#endif
}

WEFT_INLINE void weft_v_store_tail(float *p, weft_v v, int n)
{
#if defined(WEFT_V_AVX512)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif defined(WEFT_V_AVX2)
    _mm256_maskstore_ps(p, weft_v_mask(n), (__m256)v);
#elif defined(WEFT_V_NEON)
    if (n == WEFT_LANES)
        weft_v_store(p, v);
    else if (n > 1)
        vst1_f32(p, vget_low_f32((float32x4_t)v));
    if (n % 2)
        p[n - 1] = n == 1 ? v[0] : v[2];
#else
    for (int i = 0; i < n; i++)
        p[i] = v[i];
#endif
}

/* n lanes, whole or tail. */
WEFT_INLINE weft_v weft_v_load_n(const float *p, int n)
{
    return n == WEFT_LANES ? weft_v_load(p) : weft_v_load_tail(p, n);
}

WEFT_INLINE void weft_v_store_n(float *p, weft_v v, int n)
{
    if (n == WEFT_LANES)
        weft_v_store(p, v);
    else
        weft_v_store_tail(p, v, n);
}

/* ---- arithmetic ---- */

/* a * b + c, rounded once where the ISA can. */
WEFT_INLINE weft_v weft_v_fma(weft_v a, weft_v b, weft_v c)
{
#if defined(WEFT_V_AVX512)
    return (weft_v)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif defined(WEFT_V_AVX2)
    return (weft_v)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif defined(WEFT_V_NEON)
    return (weft_v)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

#if defined(WEFT_V_NEON)
/* a's lane (a constant) * b + c. The instruction itself: from the intrinsic gcc makes copies of the sums, for which a
 * tile leaves no registers. */
WEFT_INLINE weft_v weft_v_fma_lane(weft_v a, const int lane, weft_v b, weft_v c)
{
    __asm__("fmla %0.4s, %1.4s, %2.s[%3]" : "+w"(c) : "w"(b), "w"(a), "i"(lane));
    return c;
}
#endif

/* A number that all lanes multiply with, and s * b + c of it. NEON's multiplication takes it from a lane, so that it is
 * a load and no more; to fill a vector with it costs many cores as much as a multiplication. */
#if defined(WEFT_V_NEON)
typedef float weft_vs;
#else
typedef weft_v weft_vs;
#endif

WEFT_INLINE weft_vs weft_v_scalar(const float *p)
{
#if defined(WEFT_V_NEON)
    return *p;
#else
    return weft_v_set(*p);
#endif
}

WEFT_INLINE weft_v weft_v_fma_scalar(weft_vs s, weft_v b, weft_v c)
{
#if defined(WEFT_V_NEON)
    __asm__("fmla %0.4s, %1.4s, %2.s[0]" : "+w"(c) : "w"(b), "w"(s));
    return c;
#else
    return weft_v_fma(s, b, c);
#endif
}

/* Lanes of a where the mask (all ones or zeros) is set, else of b. */
WEFT_INLINE weft_v weft_v_select(weft_vi mask, weft_v a, weft_v b)
{
#if defined(WEFT_V_NEON)
    return (weft_v)vbslq_f32((uint32x4_t)mask, (float32x4_t)a, (float32x4_t)b);
#else
    return (weft_v)((mask & (weft_vi)a) | (~mask & (weft_vi)b));
#endif
}

/* The larger; b if either is NaN. */
WEFT_INLINE weft_v weft_v_max(weft_v a, weft_v b)
{
#if defined(WEFT_V_AVX512)
    return (weft_v)_mm512_max_ps((__m512)a, (__m512)b);
#elif defined(WEFT_V_AVX2)
    return (weft_v)_mm256_max_ps((__m256)a, (__m256)b);
#else
    return weft_v_select(a > b, a, b);
#endif
}

/* The smaller; b if either is NaN. */
WEFT_INLINE weft_v weft_v_min(weft_v a, weft_v b)
{
#if defined(WEFT_V_AVX512)
    return (weft_v)_mm512_min_ps((__m512)a, (__m512)b);
#elif defined(WEFT_V_AVX2)
    return (weft_v)_mm256_min_ps((__m256)a, (__m256)b);
#else
    return weft_v_select(a < b, a, b);
#endif
}

/* Within [low, high]; NaN stays. */
WEFT_INLINE weft_v weft_v_clamp(weft_v v, weft_v low, weft_v high)
{
    return weft_v_min(high, weft_v_max(low, v));
}

WEFT_INLINE weft_v weft_v_abs(weft_v v)
{
    return (weft_v)((weft_vi)v & 0x7fffffff);
}

WEFT_INLINE weft_v weft_v_sqrt(weft_v v)
{
#if defined(WEFT_V_AVX512)
    return (weft_v)_mm512_sqrt_ps((__m512)v);
#elif defined(WEFT_V_AVX2)
    return (weft_v)_mm256_sqrt_ps((__m256)v);
#elif defined(WEFT_V_NEON)
    return (weft_v)vsqrtq_f32((float32x4_t)v);
#else
    for (int i = 0; i < WEFT_LANES; i++)
        v[i] = __builtin_sqrtf(v[i]);
    return v;
#endif
}

/* Over the lanes, pairwise: ((0 + 8) + (4 + 12)) + ..., the same order always. */
WEFT_INLINE float weft_v_sum(weft_v v)
{
    float s[WEFT_LANES];
    weft_v_store(s, v);
    for (int half = WEFT_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            s[i] += s[i + half];
    return s[0];
}

/* The largest lane. */
WEFT_INLINE float weft_v_top(weft_v v)
{
    float s[WEFT_LANES];
    weft_v_store(s, v);
    for (int half = WEFT_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            s[i] = s[i] > s[i + half] ? s[i] : s[i + half];
    return s[0];
}

/* ---- functions ---- */

/* exp(x) = 2^n exp(r), |r| <= ln 2 / 2, for -105 <= x <= 89. */
WEFT_INLINE weft_v weft_v_exp_within(weft_v x)
{
    const weft_v shift = weft_v_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer in the low bits */
    const weft_v biased = weft_v_fma(x, weft_v_set(1.44269504f), shift);
    const weft_v n = biased - shift;
    weft_v r = weft_v_fma(n, weft_v_set(-0.693359375f), x);
    r = weft_v_fma(n, weft_v_set(2.12194440e-4f), r);
    weft_v p = weft_v_set(1.395060215e-03f);
    p = weft_v_fma(p, r, weft_v_set(8.368953131e-03f));
    p = weft_v_fma(p, r, weft_v_set(4.166620597e-02f));
    p = weft_v_fma(p, r, weft_v_set(1.666651815e-01f));
    p = weft_v_fma(p, r, weft_v_set(0.5f));
    p = weft_v_fma(p, r * r, r) + 1.0f;
#if defined(WEFT_V_AVX512)
    return (weft_v)_mm512_scalef_ps((__m512)p, (__m512)n);
#else
    /* In two steps, so that overflow and denormals come out right. */
    const weft_vi k = (weft_vi)biased - (weft_vi)shift, half = k >> 1;
    return p * (weft_v)((half + 127) << 23) * (weft_v)((k - half + 127) << 23);
#endif
}

WEFT_INLINE weft_v weft_v_exp(weft_v x)
{
    return weft_v_exp_within(weft_v_clamp(x, weft_v_set(-105.0f), weft_v_set(89.0f)));
}

/* Natural logarithm of positive normal numbers: x = 2^n m, m in [sqrt(1/2), sqrt(2)). */
WEFT_INLINE weft_v weft_v_log(weft_v x)
{
    const weft_vi n = ((weft_vi)x - 0x3f3504f3) >> 23;
    const weft_v f = (weft_v)((weft_vi)x - (n << 23)) - 1.0f;
    const weft_v e = __builtin_convertvector(n, weft_v);
    weft_v p = weft_v_set(-7.866267860e-02f);
    p = weft_v_fma(p, f, weft_v_set(1.289089918e-01f));
    p = weft_v_fma(p, f, weft_v_set(-1.313048452e-01f));
    p = weft_v_fma(p, f, weft_v_set(1.418001205e-01f));
    p = weft_v_fma(p, f, weft_v_set(-1.662427783e-01f));
    p = weft_v_fma(p, f, weft_v_set(2.000233084e-01f));
    p = weft_v_fma(p, f, weft_v_set(-2.500081956e-01f));
    p = weft_v_fma(p, f, weft_v_set(3.333331645e-01f));
    const weft_v ff = f * f;
    weft_v low = weft_v_fma(p * ff, f, e * -2.12194440e-4f);
    low = weft_v_fma(ff, weft_v_set(-0.5f), low);
    return weft_v_fma(e, weft_v_set(0.693359375f), low + f);
}

/* a / b for 1 <= b < 2^126: the reciprocal's 14 bits and one Newton step, far cheaper than a division of 16 lanes. */
WEFT_INLINE weft_v weft_v_quotient(weft_v a, weft_v b)
{
#if defined(WEFT_V_AVX512)
    const weft_v guess = (weft_v)_mm512_rcp14_ps((__m512)b);
    const weft_v q = a * guess;
    return weft_v_fma(weft_v_fma(-b, q, a), guess, q);
#else
    return a / b;
#endif
}

/* 1 / b, likewise. */
WEFT_INLINE weft_v weft_v_reciprocal(weft_v b)
{
#if defined(WEFT_V_AVX512)
    const weft_v guess = (weft_v)_mm512_rcp14_ps((__m512)b);
    return weft_v_fma(weft_v_fma(-b, guess, weft_v_set(1.0f)), guess, guess);
#else
    return 1.0f / b;
#endif
}

/* 2^f as a polynomial: 0 <= f <= 1 where the hardware scales by the integer below, else |f| <= 1/2; 1 at 0. */
WEFT_INLINE weft_v weft_v_exp2_part(weft_v f)
{
#if defined(WEFT_V_AVX512)
    weft_v p = weft_v_set(1.867001178e-03f);
    p = weft_v_fma(p, f, weft_v_set(9.017376229e-03f));
    p = weft_v_fma(p, f, weft_v_set(5.579958484e-02f));
    p = weft_v_fma(p, f, weft_v_set(2.401645780e-01f));
    p = weft_v_fma(p, f, weft_v_set(6.931512952e-01f));
#else
    weft_v p = weft_v_set(1.326953527e-03f);
    p = weft_v_fma(p, f, weft_v_set(9.671292268e-03f));
    p = weft_v_fma(p, f, weft_v_set(5.550710857e-02f));
    p = weft_v_fma(p, f, weft_v_set(2.402224690e-01f));
    p = weft_v_fma(p, f, weft_v_set(6.931470037e-01f));
#endif
    return weft_v_fma(p, f, weft_v_set(1.0f));
}

/* 1 + exp(-x), and exp(-x): what sigmoid, swish and their slopes are made of, and with swish more than the products it
 * finishes, so instructions count: no polynomial in ln 2, no second word of log2(e). Infinity from x = -88 or -89 on
 * down, where what is divided by it leaves the floats; 1 beyond 88. */
WEFT_INLINE weft_v weft_v_bend(weft_v x, weft_v *e)
{
    const weft_v scale = weft_v_set(-1.44269504f);
#if defined(WEFT_V_AVX512)
    const weft_v t = x * scale;
    const weft_v f = (weft_v)_mm512_reduce_ps((__m512)t, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    *e = (weft_v)_mm512_scalef_ps((__m512)weft_v_exp2_part(f), (__m512)t); /* 2^f 2^floor(t) */
    return *e + 1.0f;
#else
    /* As 1.5 * 2^23 + 127 is added, t is rounded to an integer n, and the low bits are the exponent of 2^n: of 0 from
     * -127 on, of infinity from 128 on. */
    const weft_v shift = weft_v_set(12583039.0f), y = weft_v_clamp(x, weft_v_set(-89.0f), weft_v_set(88.0f));
    const weft_v n = weft_v_fma(y, scale, shift), p = weft_v_exp2_part(weft_v_fma(y, scale, shift - n));
    const weft_v power = (weft_v)((weft_vi)n << 23);
    *e = p * power;
    return weft_v_fma(p, power, weft_v_set(1.0f));
#endif
}

/* The divisions below stand for two or three instructions beside those of the polynomials, and leave the ports of the
 * multiplications free: a guess and a Newton step are not faster, neither with 8 lanes nor with 16. */
WEFT_INLINE weft_v weft_v_sigmoid(weft_v x)
{
    weft_v e;
    return 1.0f / weft_v_bend(x, &e);
}

WEFT_INLINE weft_v weft_v_swish(weft_v x)
{
    weft_v e;
    return x / weft_v_bend(x, &e);
}

/* Near 0 an odd polynomial, beyond 0.625 1 - 2 / (exp(2 |x|) + 1) with the sign of x. */
WEFT_INLINE weft_v weft_v_tanh(weft_v x)
{
    const weft_v a = weft_v_abs(x), z = x * x;
    const weft_vi sign = (weft_vi)x & (int32_t)0x80000000;
    weft_v p = weft_v_set(-5.528633483e-03f);
    p = weft_v_fma(p, z, weft_v_set(2.048331685e-02f));
    p = weft_v_fma(p, z, weft_v_set(-5.369296670e-02f));
    p = weft_v_fma(p, z, weft_v_set(1.333089918e-01f));
    p = weft_v_fma(p, z, weft_v_set(-3.333326280e-01f));
    const weft_v near = weft_v_fma(p * z, x, x);
    const weft_v e = weft_v_exp_within(weft_v_min(weft_v_set(80.0f), a + a));
    const weft_v far = 1.0f - weft_v_quotient(weft_v_set(2.0f), e + 1.0f);
    return weft_v_select(a < 0.625f, near, (weft_v)((weft_vi)far | sign));
}

WEFT_INLINE weft_v weft_v_hard_sigmoid(weft_v x)
{
    return weft_v_clamp(x + 3.0f, weft_v_set(0.0f), weft_v_set(6.0f)) / 6.0f;
}

/* An activation; with a constant act only its own arithmetic remains. */
WEFT_INLINE weft_v weft_v_act(weft_act act, weft_v v)
{
    switch (act) {
    case WEFT_ACT_RELU:
        return weft_v_max(weft_v_set(0.0f), v);
    case WEFT_ACT_RELU6:
        return weft_v_clamp(v, weft_v_set(0.0f), weft_v_set(6.0f));
    case WEFT_ACT_TANH:
        return weft_v_tanh(v);
    case WEFT_ACT_SIGMOID:
        return weft_v_sigmoid(v);
    case WEFT_ACT_SWISH:
        return weft_v_swish(v);
    case WEFT_ACT_HARD_SIGMOID:
        return weft_v_hard_sigmoid(v);
    case WEFT_ACT_HARD_SWISH:
        return v * weft_v_hard_sigmoid(v);
    case WEFT_ACT_LECUN_TANH:
        return weft_v_tanh(v * (2.0f / 3.0f)) * 1.7159f;
    case WEFT_ACT_LEAKY_RELU:
        return weft_v_max(v * 0.01f, v);
    case WEFT_ACT_NONE:
    case WEFT_ACT_COUNT:
        break;
    }
    return v;
}

/* The activations that only clamp, without a branch: v between low and high. */
typedef struct weft_v_range {
    weft_v low, high;
} weft_v_range;

/* The range of an act that clamps; of any other act, all numbers. */
WEFT_INLINE weft_v_range weft_v_act_range(weft_act act)
{
    const bool floor = act == WEFT_ACT_RELU || act == WEFT_ACT_RELU6;
    const weft_v_range range = {weft_v_set(floor ? 0.0f : -__builtin_inff()),
                                weft_v_set(act == WEFT_ACT_RELU6 ? 6.0f : __builtin_inff())};
    return range;
}

#endif
