/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensors of any float type in fenced memory. */
#include "typed.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* Bits of the significand behind the point, least and largest exponent. */
typedef struct format {
    int fraction, low, high;
} format;

static format format_of(weft_dtype dtype)
{
    return dtype == WEFT_F16    ? (format){ 10, -14, 15 }
           : dtype == WEFT_BF16 ? (format){ 7, -126, 127 }
                                : (format){ 23, -126, 127 };
}

static size_t size_of(weft_dtype dtype)
{
    return dtype == WEFT_F32 ? 4 : 2;
}

/* 2^e and the exponent of a normal number, by their bits: these run for every element, and libm's take their time. */
static double power_of_two(int e)
{
    const uint64_t bits = (uint64_t)(e + DBL_MAX_EXP - 1) << (DBL_MANT_DIG - 1);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int exponent_of(double x) /* of a subnormal number or zero: below every format's */
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return (int)(bits >> (DBL_MANT_DIG - 1) & (2 * DBL_MAX_EXP - 1)) - (DBL_MAX_EXP - 1);
}

double typed_half_ulp(weft_dtype dtype)
{
    return power_of_two(-1 - format_of(dtype).fraction);
}

double typed_least(weft_dtype dtype)
{
    const format f = format_of(dtype);
    return power_of_two(f.low - f.fraction);
}

double typed_round(weft_dtype dtype, double x)
{
    const format f = format_of(dtype);
    if (x == 0 || !isfinite(x))
        return x;
    const int e = exponent_of(x) < f.low ? f.low : exponent_of(x);
    const double y = nearbyint(x * power_of_two(f.fraction - e)) * power_of_two(e - f.fraction);
    return fabs(y) >= power_of_two(f.high + 1) ? copysign(INFINITY, x) : y;
}

void typed_set(weft_dtype dtype, void *data, int64_t i, double x)
{
    if (dtype == WEFT_F32) {
        ((float *)data)[i] = (float)x;
        return;
    }
    const format f = format_of(dtype);
    const double y = fabs(typed_round(dtype, x));
    const unsigned all = (1u << (15 - f.fraction)) - 1; /* exponent of infinities and NaNs */
    unsigned bits;
    if (isnan(y))
        bits = all << f.fraction | 1u << (f.fraction - 1);
    else if (isinf(y))
        bits = all << f.fraction;
    else {
        const int e = exponent_of(y) < f.low ? f.low : exponent_of(y);
        bits = (unsigned)(y * power_of_two(f.fraction - e)); /* with the bit that a normal number does not write */
        if (bits >> f.fraction)
            bits += (unsigned)(e - f.low) << f.fraction;
    }
    ((uint16_t *)data)[i] = (uint16_t)(bits | (signbit(x) ? 0x8000u : 0));
}

float typed_get(weft_dtype dtype, const void *data, int64_t i)
{
    if (dtype == WEFT_F32)
        return ((const float *)data)[i];
    const format f = format_of(dtype);
    const unsigned bits = ((const uint16_t *)data)[i], all = (1u << (15 - f.fraction)) - 1;
    const unsigned e = bits >> f.fraction & all, part = bits & ((1u << f.fraction) - 1);
    double y;
    if (e == all)
        y = part ? (double)NAN : (double)INFINITY;
    else if (e == 0)
        y = part * power_of_two(f.low - f.fraction);
    else
        y = (part + (1u << f.fraction)) * power_of_two((int)e - 1 + f.low - f.fraction);
    return (float)(bits & 0x8000 ? -y : y);
}

bool typed_view_make(typed_view *v, weft_dtype dtype, int64_t rows, int64_t channels, int before, int after, bool edge,
                     const float *values)
{
    const size_t size = size_of(dtype);
    *v = (typed_view){ .dtype = dtype, .rows = rows, .channels = channels, .ld = before + channels + after };
    if (!fence_make(&v->memory, (size_t)(rows * v->ld) * size, edge ? 4 : 64, edge, GAP_BYTE))
        return false;
    memset(v->memory.data, GAP_BYTE, v->memory.bytes);
    v->data = v->memory.data + (size_t)before * size;
    for (int64_t r = 0; r < rows; r++) {
        if (!values)
            memset(v->data + (size_t)(r * v->ld) * size, NAN_BYTE, (size_t)channels * size);
        else
            for (int64_t c = 0; c < channels; c++)
                typed_set(dtype, v->data, r * v->ld + c, (double)values[r * channels + c]);
    }
    return true;
}

void typed_view_free(typed_view *v)
{
    fence_free(&v->memory);
}

weft_kview typed_view_of(const typed_view *v)
{
    return (weft_kview){ v->data, v->ld };
}

void typed_view_get(const typed_view *v, float *values)
{
    for (int64_t r = 0; r < v->rows; r++)
        for (int64_t c = 0; c < v->channels; c++)
            values[r * v->channels + c] = typed_get(v->dtype, v->data, r * v->ld + c);
}

bool typed_view_intact(const typed_view *v)
{
    const size_t size = size_of(v->dtype);
    const unsigned char *at = v->memory.data, *end = v->memory.data + v->memory.bytes;
    for (int64_t r = 0; r <= v->rows; r++) {
        const unsigned char *row = r < v->rows ? v->data + (size_t)(r * v->ld) * size : end;
        for (; at < row; at++)
            if (*at != GAP_BYTE)
                return false;
        at = row + (size_t)v->channels * size;
    }
    return fence_intact(&v->memory);
}

bool typed_view_equal(const typed_view *v, const float *values)
{
    for (int64_t r = 0; r < v->rows; r++)
        for (int64_t c = 0; c < v->channels; c++) {
            const float is = typed_get(v->dtype, v->data, r * v->ld + c);
            const float was = (float)typed_round(v->dtype, (double)values[r * v->channels + c]);
            if (is != was && !(isnan(is) && isnan(was)))
                return false;
        }
    return true;
}

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

double typed_compare(weft_dtype dtype, double tolerance, const float *got, const double *want, int64_t count,
                     int64_t *worst)
{
    const double rms = root_mean_square(want, count), ulp = tolerance > 0 ? typed_half_ulp(dtype) : 0;
    double most = -1;
    for (int64_t i = 0; i < count; i++) {
        const double w = want[i], g = (double)got[i], rounded = typed_round(dtype, w);
        const double allowed = tolerance * fmax(fabs(w), rms) + ulp * fabs(w) + (ulp > 0 ? typed_least(dtype) : 0);
        double share;
        if (g == rounded || (isnan(g) && isnan(w)))
            share = 0;
        else if (tolerance <= 0 || isnan(g) || isnan(w) || isinf(w))
            share = (double)INFINITY;
        else if (isinf(rounded) || isinf(g)) /* at the edge of the format either side will do */
            share = typed_round(dtype, w * (1 + tolerance)) == typed_round(dtype, g * (1 + tolerance)) ? 0 : 2;
        else
            share = fabs(g - w) / allowed;
        if (share > most) {
            most = share;
            *worst = i;
        }
    }
    return most;
}
