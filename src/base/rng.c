/* SPDX-License-Identifier: Apache-2.0
 *
 * Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
 * 1, 2, 3", SC 2011) from Random123; key = seed, counter = (index, stream). Normals by the inverse of the
 * distribution function, algorithm AS 241 (Wichura, Applied Statistics 37, 1988), whose relative error of 1e-16
 * leaves nothing for a refinement step to gain. Only +, -, *, / and sqrt of IEEE doubles are used, no libm function
 * whose last bit could differ, so that a seed means the same bits on every machine. */
#include "base/rng.h"

#include <Random123/philox.h>
#include <math.h>
#include <string.h>

#include "base/compiler.h"

/* Draws handled at once: a multiple of 4, small enough for L1. */
enum { CHUNK = 256 };

uint64_t weft_rng_stream(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

void weft_rng_block(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4])
{
    const philox4x32_ctr_t counter = { { (uint32_t)index, (uint32_t)(index >> 32), (uint32_t)stream,
                                         (uint32_t)(stream >> 32) } };
    const philox4x32_key_t key = { { (uint32_t)seed, (uint32_t)(seed >> 32) } };
    const philox4x32_ctr_t words = philox4x32(counter, key);
    memcpy(out, words.v, 4 * sizeof *out);
}

/* The upper 24 bits, centred: (word / 256 + 1/2) / 2^24. */
WEFT_INLINE double to_uniform(uint32_t word)
{
    return ((double)(int32_t)(word >> 8) + 0.5) * 0x1p-24;
}

double weft_rng_uniform(uint64_t seed, uint64_t stream, uint64_t index)
{
    uint32_t words[4];
    weft_rng_block(seed, stream, index / 4, words);
    return to_uniform(words[index % 4]);
}

/* Uniforms of elements first..first+count of a stream, first a multiple of 4, count <= CHUNK. */
static void draw(uint64_t seed, uint64_t stream, uint64_t first, int count, double u[CHUNK])
{
    uint32_t words[CHUNK];
    for (int i = 0; i < count; i += 4)
        weft_rng_block(seed, stream, (first + (uint64_t)i) / 4, words + i);
    for (int i = 0; i < count; i++)
        u[i] = to_uniform(words[i]);
}

/* Natural logarithm of a normal 0 < x < 1: x = m 2^e with m in [sqrt(1/2), sqrt(2)), then
 * log m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172, to the term in s^21. */
static double log_of(double x)
{
    int e;
    double m = frexp(x, &e); /* exact */
    if (m < 0.70710678118654752) {
        m *= 2;
        e--;
    }
    const double s = (m - 1) / (m + 1), z = s * s;
    double sum = 0;
    for (int k = 21; k >= 3; k -= 2)
        sum = z * (1.0 / k + sum);
    return e * 0.69314718055994531 + 2 * s * (1 + sum);
}

/* The coefficients of AS 241, PPND16, lowest power first: numerator, denominator. */
static const double centre_num[8] = { 3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                      1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                      3.3430575583588128105e4, 2.5090809287301226727e3 };
static const double centre_den[8] = { 1.0,
                                      4.2313330701600911252e1,
                                      6.8718700749205790830e2,
                                      5.3941960214247511077e3,
                                      2.1213794301586595867e4,
                                      3.9307895800092710610e4,
                                      2.8729085735721942674e4,
                                      5.2264952788528545610e3 };
static const double tail_num[8] = { 1.42343711074968357734e0,  4.63033784615654529590e0,  5.76949722146069140550e0,
                                    3.64784832476320460504e0,  1.27045825245236838258e0,  2.41780725177450611770e-1,
                                    2.27238449892691845833e-2, 7.74545014278341407640e-4 };
static const double tail_den[8] = { 1.0,
                                    2.05319162663775882187e0,
                                    1.67638483018380384940e0,
                                    6.89767334985100004550e-1,
                                    1.48103976427480074590e-1,
                                    1.51986665636164571966e-2,
                                    5.47593808499534494600e-4,
                                    1.05075007164441684324e-9 };

WEFT_INLINE double ratio(const double num[8], const double den[8], double r)
{
    double a = num[7], b = den[7];
    for (int k = 6; k >= 0; k--) {
        a = a * r + num[k];
        b = b * r + den[k];
    }
    return a / b;
}

/* The middle 85 %: q = p - 1/2, |q| <= 0.425. */
WEFT_INLINE double centre(double q)
{
    return q * ratio(centre_num, centre_den, 0.180625 - q * q);
}

/* The tails down to p = exp(-25): a 24-bit uniform never gets there. */
static double tail(double p)
{
    const double r = sqrt(-log_of(p < 0.5 ? p : 1 - p)), x = ratio(tail_num, tail_den, r - 1.6);
    return p < 0.5 ? -x : x;
}

static double inverse_normal(double p)
{
    const double q = p - 0.5;
    return fabs(q) <= 0.425 ? centre(q) : tail(p);
}

/* The p whose inverse is -limit, by bisection of our own inverse: the same bits everywhere, which erfc of different
 * C libraries does not promise. 0 beyond five deviations, where 24 bits cannot tell. */
static double lower_mass(double limit)
{
    double low = 1e-10, high = 0.5;
    if (limit >= 5)
        return 0;
    for (int i = 0; i < 64; i++) {
        const double middle = 0.5 * (low + high);
        if (inverse_normal(middle) < -limit)
            low = middle;
        else
            high = middle;
    }
    return high;
}

void weft_rng_fill_uniform(uint64_t seed, uint64_t stream, int64_t first, int64_t count, double low, double high,
                           float *out)
{
    double u[CHUNK];
    int64_t skip = first % 4; /* a block's words that lie before first */
    for (int64_t at = first - skip; count > 0; at += CHUNK) {
        const int n = count + skip < CHUNK ? (int)(count + skip) : CHUNK;
        draw(seed, stream, (uint64_t)at, n, u);
        for (int i = (int)skip; i < n; i++)
            *out++ = (float)(low + (high - low) * u[i]);
        count -= n - skip;
        skip = 0;
    }
}

void weft_rng_fill_normal(uint64_t seed, uint64_t stream, int64_t first, int64_t count, double deviation, double limit,
                          float *out)
{
    const double mass = limit > 0 ? lower_mass(limit) : 0, scale = 1 - 2 * mass;
    double p[CHUNK], x[CHUNK];
    int64_t skip = first % 4;
    for (int64_t at = first - skip; count > 0; at += CHUNK) {
        const int n = count + skip < CHUNK ? (int)(count + skip) : CHUNK;
        draw(seed, stream, (uint64_t)at, n, p);
        for (int i = 0; i < n; i++) { /* straight-line code that vectorises; the tails are put right below */
            p[i] = mass + scale * p[i];
            x[i] = centre(p[i] - 0.5);
        }
        for (int i = 0; i < n; i++) {
            if (fabs(p[i] - 0.5) > 0.425)
                x[i] = tail(p[i]);
        }
        for (int i = (int)skip; i < n; i++)
            *out++ = (float)(deviation * x[i]);
        count -= n - skip;
        skip = 0;
    }
}
