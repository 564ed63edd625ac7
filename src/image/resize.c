/* SPDX-License-Identifier: Apache-2.0
 *
 * Resizing, bit-equal to Pillow's for 8-bit images: a separable filter, stretched by the scale when it shrinks
 * (antialiasing), with weights of 22 fractional bits; first along the rows, rounded to 8 bits, then along the columns
 * (as all Pillows before 12.2; later ones turn that round for some images that shrink in height only). Bicubic is
 * Keys 1981 with a = -1/2. The box is kept in single precision and the weights are computed in double, in
 * Pillow's order of operations, since a last bit there can move a pixel. */
#include "image/image.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

/* 8 bits of result, 2 for sums beyond 255 and below 0 (the lobes of bicubic). */
enum { FRACTION = 32 - 8 - 2, CHUNK = 768 };

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

static double bicubic(double x)
{
    x = fabs(x);
    if (x < 1)
        return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

static const struct filter {
    double (*weight)(double x);
    double reach;
} filters[] = { [WEFT_BILINEAR] = { bilinear, 1 }, [WEFT_BICUBIC] = { bicubic, 2 } };

/* For each output of one axis: the first input, how many inputs, and their weights. */
typedef struct taps {
    int *first, *count;
    int32_t *weight; /* [size][stride] */
    size_t stride;
} taps;

static void taps_release(const weft_allocator *allocator, taps *t)
{
    weft_free(allocator, t->weight);
    weft_free(allocator, t->first);
}

static int32_t fixed(double weight)
{
    const double scaled = weight * (1 << FRACTION);
    return (int32_t)(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

static int clamp_index(double x, int limit)
{
    return x < 0 ? 0 : x > limit ? limit : (int)x;
}

/* Weights of one output around `centre`; returns how many. real is room for them in double. */
static int weigh(const struct filter *filter, double centre, double stretch, int in_size, int *first, double *real,
                 int32_t *weight)
{
    const double reach = filter->reach * stretch, shrink = 1 / stretch;
    const int low = clamp_index(centre - reach + 0.5, in_size), high = clamp_index(centre + reach + 0.5, in_size);
    double sum = 0;
    for (int i = 0; i < high - low; i++) {
        real[i] = filter->weight((i + low - centre + 0.5) * shrink);
        sum += real[i];
    }
    for (int i = 0; i < high - low; i++)
        weight[i] = fixed(sum != 0 ? real[i] / sum : real[i]);
    *first = low;
    return high - low;
}

static weft_status taps_create(const weft_allocator *allocator, const struct filter *filter, int in_size, float from,
                               float to, int out_size, taps *out)
{
    const double scale = (double)(to - from) / out_size, stretch = scale < 1 ? 1 : scale;
    const double most = ceil(filter->reach * stretch) * 2 + 1;
    const size_t stride = most < in_size ? (size_t)most : (size_t)in_size;
    taps t = { .stride = stride };
    size_t count;
    double *real = weft_calloc(allocator, stride, sizeof *real);
    t.first = weft_calloc(allocator, (size_t)out_size * 2, sizeof *t.first);
    t.weight = weft_mul_size(stride, (size_t)out_size, &count) ? weft_calloc(allocator, count, sizeof *t.weight) : NULL;
    if (!real || !t.first || !t.weight) {
        weft_free(allocator, real);
        taps_release(allocator, &t);
        return weft_fail(WEFT_NO_MEMORY, "weft_image_resize: out of memory for %d outputs of %zu weights", out_size,
                         stride);
    }
    t.count = t.first + out_size;
    for (int i = 0; i < out_size; i++)
        t.count[i] = weigh(filter, (double)from + (i + 0.5) * scale, stretch, in_size, &t.first[i], real,
                           t.weight + (size_t)i * stride);
    weft_free(allocator, real);
    *out = t;
    return WEFT_OK;
}

static uint8_t rounded(int32_t sum)
{
    sum >>= FRACTION;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

static void resize_row(const uint8_t *in, const taps *t, int width, uint8_t *out)
{
    for (int x = 0; x < width; x++) {
        const uint8_t *from = in + (size_t)t->first[x] * 3;
        const int32_t *weight = t->weight + (size_t)x * t->stride;
        int32_t r = 1 << (FRACTION - 1), g = r, b = r;
        for (int i = 0; i < t->count[x]; i++, from += 3) {
            r += from[0] * weight[i];
            g += from[1] * weight[i];
            b += from[2] * weight[i];
        }
        out[3 * x] = rounded(r);
        out[3 * x + 1] = rounded(g);
        out[3 * x + 2] = rounded(b);
    }
}

/* One output row: weighted rows of in, a chunk of bytes at a time so that the sums stay in the first cache. */
static WEFT_CLONES void resize_column(const uint8_t *in, size_t row_bytes, const int32_t *weight, int count,
                                      uint8_t *out)
{
    int32_t sum[CHUNK];
    for (size_t at = 0; at < row_bytes; at += CHUNK) {
        const int n = row_bytes - at < CHUNK ? (int)(row_bytes - at) : CHUNK;
        for (int j = 0; j < n; j++)
            sum[j] = 1 << (FRACTION - 1);
        for (int i = 0; i < count; i++) {
            const uint8_t *from = in + (size_t)i * row_bytes + at;
            const int32_t w = weight[i];
            for (int j = 0; j < n; j++)
                sum[j] += from[j] * w;
        }
        for (int j = 0; j < n; j++)
            out[at + (size_t)j] = rounded(sum[j]);
    }
}

static weft_status new_image(const weft_allocator *allocator, int width, int height, weft_image *out)
{
    return weft_image_alloc(allocator, "weft_image_resize", width, height, out);
}

/* Along the rows: lines [top, top + height) of in become all lines of *out. */
static weft_status pass_rows(const weft_allocator *allocator, const weft_image *in, const taps *t, int width, int top,
                             int height, weft_image *out)
{
    WEFT_TRY(new_image(allocator, width, height, out));
    for (int y = 0; y < height; y++)
        resize_row(in->pixels + (size_t)(top + y) * (size_t)in->width * 3, t, width,
                   out->pixels + (size_t)y * (size_t)width * 3);
    return WEFT_OK;
}

/* Along the columns: in begins with line top of the image that t counts in. */
static weft_status pass_columns(const weft_allocator *allocator, const weft_image *in, const taps *t, int top,
                                int height, weft_image *out)
{
    const size_t row_bytes = (size_t)in->width * 3;
    WEFT_TRY(new_image(allocator, in->width, height, out));
    for (int y = 0; y < height; y++)
        resize_column(in->pixels + (size_t)(t->first[y] - top) * row_bytes, row_bytes,
                      t->weight + (size_t)y * t->stride, t->count[y], out->pixels + (size_t)y * row_bytes);
    return WEFT_OK;
}

/* A part of in as it is. */
static weft_status copy(const weft_allocator *allocator, const weft_image *in, const weft_window *w, weft_image *out)
{
    weft_image image;
    WEFT_TRY(new_image(allocator, w->width, w->height, &image));
    const size_t bytes = (size_t)w->width * 3;
    for (int y = 0; y < w->height; y++)
        memcpy(image.pixels + (size_t)y * bytes,
               in->pixels + ((size_t)(w->y + y) * (size_t)in->width + (size_t)w->x) * 3, bytes);
    *out = image;
    return WEFT_OK;
}

/* What one resize is: the box of the input, the size of the whole result, the part of it that is wanted. */
typedef struct job {
    const weft_image *in;
    float box[4];
    int width, height;
    weft_window window;
} job;

/* The weights of outputs [from, from + count) only. */
static taps part_of(const taps *t, int from)
{
    return (taps){ .first = t->first + from,
                   .count = t->count + from,
                   .weight = t->weight + (size_t)from * t->stride,
                   .stride = t->stride };
}

/* What resample makes on the way. */
typedef struct interim {
    taps across, down;
    weft_image middle;
} interim;

/* Rows first, of those lines only that the columns need; a pass that would change nothing is left out. */
static weft_status run_passes(const weft_allocator *allocator, const job *j, const struct filter *filter, interim *t,
                              weft_image *out)
{
    const weft_image *in = j->in;
    const weft_window *w = &j->window;
    const bool rows = j->width != in->width || j->box[0] != 0 || j->box[2] != (float)j->width || w->width != j->width;
    const bool columns = j->height != in->height || j->box[1] != 0 || j->box[3] != (float)j->height;
    taps part = { 0 };
    int top = w->y, lines = w->height;
    if (columns) {
        WEFT_TRY(taps_create(allocator, filter, in->height, j->box[1], j->box[3], j->height, &t->down));
        part = part_of(&t->down, w->y);
        top = part.first[0];
        lines = part.first[w->height - 1] + part.count[w->height - 1] - top;
    }
    if (rows) {
        WEFT_TRY(taps_create(allocator, filter, in->width, j->box[0], j->box[2], j->width, &t->across));
        const taps wanted = part_of(&t->across, w->x);
        WEFT_TRY(pass_rows(allocator, in, &wanted, w->width, top, lines, columns ? &t->middle : out));
    }
    if (columns)
        return pass_columns(allocator, rows ? &t->middle : in, &part, rows ? top : 0, w->height, out);
    return rows ? WEFT_OK : copy(allocator, in, w, out);
}

static weft_status resample(const weft_allocator *allocator, const job *j, const struct filter *filter, weft_image *out)
{
    interim t = { 0 };
    const weft_status status = run_passes(allocator, j, filter, &t, out);
    weft_free(allocator, t.middle.pixels);
    taps_release(allocator, &t.across);
    taps_release(allocator, &t.down);
    return status;
}

/* The pixel below each output's centre. Positions are summed up step by step, as Pillow does; one that the sum carries
 * beyond the image stays black. */
static weft_status nearest(const weft_allocator *allocator, const job *j, weft_image *out)
{
    const weft_image *in = j->in;
    const weft_window *w = &j->window;
    const double step_x = (double)(j->box[2] - j->box[0]) / j->width;
    const double step_y = (double)(j->box[3] - j->box[1]) / j->height;
    int *column = weft_calloc(allocator, (size_t)j->width, sizeof *column);
    if (!column)
        return weft_fail_in(WEFT_NO_MEMORY, "weft_image_resize");
    weft_image image;
    const weft_status status = new_image(allocator, w->width, w->height, &image);
    if (status != WEFT_OK) {
        weft_free(allocator, column);
        return status;
    }
    double at = (double)j->box[0] + step_x * 0.5;
    for (int x = 0; x < j->width; x++, at += step_x)
        column[x] = at < in->width ? (int)at : -1;
    at = (double)j->box[1] + step_y * 0.5;
    for (int y = 0; y < w->y + w->height; y++, at += step_y) {
        if (y < w->y || at >= in->height)
            continue;
        const uint8_t *from = in->pixels + (size_t)at * (size_t)in->width * 3;
        uint8_t *to = image.pixels + (size_t)(y - w->y) * (size_t)w->width * 3;
        for (int x = 0; x < w->width; x++) {
            if (column[w->x + x] >= 0)
                memcpy(to + 3 * (size_t)x, from + 3 * (size_t)column[w->x + x], 3);
        }
    }
    weft_free(allocator, column);
    *out = image;
    return WEFT_OK;
}

static weft_status check(const weft_image *in, const float box[4], int width, int height, weft_resample how)
{
    if (!in->pixels || in->width < 1 || in->height < 1)
        return weft_fail(WEFT_INVALID, "weft_image_resize: the image is empty");
    if (width < 1 || height < 1 || width > WEFT_IMAGE_PIXELS / height)
        return weft_fail(WEFT_INVALID, "weft_image_resize: size %d x %d; 1 to %d pixels were expected", width, height,
                         WEFT_IMAGE_PIXELS);
    if ((int)how < WEFT_NEAREST || how > WEFT_BICUBIC)
        return weft_fail(WEFT_INVALID, "weft_image_resize: no filter number %d", (int)how);
    /* written so that a NaN fails */
    if (!(box[0] >= 0 && box[1] >= 0 && box[0] < box[2] && box[1] < box[3] && box[2] <= (float)in->width &&
          box[3] <= (float)in->height))
        return weft_fail(WEFT_INVALID, "weft_image_resize: box [%g, %g, %g, %g); one with area within %d x %d was "
                         "expected", (double)box[0], (double)box[1], (double)box[2], (double)box[3],
                         in->width, in->height);
    return WEFT_OK;
}

weft_status weft_image_resize_part(const weft_allocator *allocator, const weft_image *in, const double box[4],
                                   int width, int height, const weft_window *window, weft_resample how,
                                   weft_image *out)
{
    job j = { .in = in,
              .box = { 0, 0, (float)in->width, (float)in->height },
              .width = width,
              .height = height,
              .window = window ? *window : (weft_window){ 0, 0, width, height } };
    for (int i = 0; box && i < 4; i++)
        j.box[i] = (float)box[i];
    WEFT_TRY(check(in, j.box, width, height, how));
    if (width == in->width && height == in->height && j.box[0] == 0 && j.box[1] == 0 && j.box[2] == (float)width &&
        j.box[3] == (float)height)
        return copy(allocator, in, &j.window, out);
    if (how == WEFT_NEAREST)
        return nearest(allocator, &j, out);
    return resample(allocator, &j, &filters[how], out);
}

weft_status weft_image_resize(weft_ctx *ctx, const weft_image *in, const double box[4], int width, int height,
                              weft_resample how, weft_image *out)
{
    if (!ctx || !in || !out)
        return weft_fail(WEFT_INVALID, "weft_image_resize: ctx, in and out must not be NULL");
    return weft_image_resize_part(weft_ctx_allocator(ctx), in, box, width, height, NULL, how, out);
}
