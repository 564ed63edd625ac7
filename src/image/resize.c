/* SPDX-License-Identifier: Apache-2.0
 *
 * Resizing, bit-equal to Pillow's for 8-bit images: a separable filter, stretched by the scale when it shrinks
 * (antialiasing), with weights of 22 fractional bits; first along the rows, rounded to 8 bits, then along the columns,
 * or the other way round for images that lose much more of their height than of their width, as Pillow has it since
 * version 13. Bicubic is Keys 1981 with a = -1/2. The box is kept in single precision and the weights are computed in
 * double, in Pillow's order of operations, since a last bit there can move a pixel. */
#include "image/image.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "image/filter.h"

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

static void taps_release(const weft_allocator *allocator, weft_taps *t)
{
    weft_free(allocator, t->halves);
    weft_free(allocator, t->weight);
    weft_free(allocator, t->first);
}

static int32_t fixed(double weight)
{
    const double scaled = weight * (1 << WEFT_FILTER_FRACTION);
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

/* The same weights as products of pairs want them. */
static void split(const weft_taps *t, int size)
{
    for (int i = 0; i < size; i++) {
        const int32_t *const weight = t->weight + (size_t)i * t->stride;
        weft_halves *const halves = t->halves + (size_t)i * t->pairs;
        for (int k = 0; k < t->count[i]; k++) {
            halves[k / 2].high[k % 2] = (int16_t)(weight[k] >> WEFT_FILTER_LOW);
            halves[k / 2].low[k % 2] = (int16_t)(weight[k] & ((1 << WEFT_FILTER_LOW) - 1));
        }
    }
}

static bool taps_allocate(const weft_allocator *allocator, int size, weft_taps *t)
{
    size_t weights, pairs;
    t->pairs = (t->stride + 1) / 2;
    t->first = weft_calloc(allocator, (size_t)size * 2, sizeof *t->first);
    t->weight = weft_mul_size(t->stride, (size_t)size, &weights) ? weft_calloc(allocator, weights, sizeof *t->weight)
                                                                 : NULL;
    t->halves = weft_mul_size(t->pairs, (size_t)size, &pairs) ? weft_calloc(allocator, pairs, sizeof *t->halves) : NULL;
    return t->first && t->weight && t->halves;
}

static weft_status taps_create(const weft_allocator *allocator, const struct filter *filter, int in_size, float from,
                               float to, int out_size, weft_taps *out)
{
    const double scale = (double)(to - from) / out_size, stretch = scale < 1 ? 1 : scale;
    const double most = ceil(filter->reach * stretch) * 2 + 1;
    weft_taps t = { .stride = most < in_size ? (size_t)most : (size_t)in_size };
    double *real = weft_calloc(allocator, t.stride, sizeof *real);
    if (!real || !taps_allocate(allocator, out_size, &t)) {
        weft_free(allocator, real);
        taps_release(allocator, &t);
        return weft_fail(WEFT_NO_MEMORY, "weft_image_resize: out of memory for %d outputs of %zu weights", out_size,
                         t.stride);
    }
    t.count = t.first + out_size;
    for (int i = 0; i < out_size; i++)
        t.count[i] = weigh(filter, (double)from + (i + 0.5) * scale, stretch, in_size, &t.first[i], real,
                           t.weight + (size_t)i * t.stride);
    split(&t, out_size);
    weft_free(allocator, real);
    *out = t;
    return WEFT_OK;
}

static weft_status new_image(const weft_allocator *allocator, int width, int height, weft_image *out)
{
    return weft_image_alloc(allocator, "weft_image_resize", width, height, out);
}

/* Along the rows: lines [top, top + height) of in become all lines of *out. */
static weft_status pass_rows(const weft_allocator *allocator, const weft_image *in, const weft_taps *t, int width,
                             int top, int height, weft_image *out)
{
    WEFT_TRY(new_image(allocator, width, height, out));
    weft_filter_rows(in->pixels + (size_t)top * (size_t)in->width * 3, in->width, height, t, width, out->pixels);
    return WEFT_OK;
}

/* Along the columns: in begins with line top of the image that t counts in. */
static weft_status pass_columns(const weft_allocator *allocator, const weft_image *in, const weft_taps *t, int top,
                                int height, weft_image *out)
{
    WEFT_TRY(new_image(allocator, in->width, height, out));
    weft_filter_columns(in->pixels, (size_t)in->width * 3, top, t, height, out->pixels);
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
static weft_taps part_of(const weft_taps *t, int from)
{
    return (weft_taps){ .first = t->first + from,
                   .count = t->count + from,
                   .weight = t->weight + (size_t)from * t->stride,
                   .halves = t->halves + (size_t)from * t->pairs,
                   .stride = t->stride,
                   .pairs = t->pairs };
}

/* What resample makes on the way. */
typedef struct interim {
    weft_taps across, down;
    weft_image middle;
} interim;

/* Whether Pillow 13 goes along the columns first: the image, whatever the box, loses height, and more than twice as
 * many lines as columns. Versions before it never do; the two orders differ by a level here and there. */
static bool is_columns_first(const job *j)
{
    return j->height < j->in->height && j->in->height - j->height > 2 * ((int64_t)j->in->width - j->width);
}

/* Of those lines only that the columns need. */
static weft_status rows_first(const weft_allocator *allocator, const job *j, interim *t, weft_image *out)
{
    const weft_window *w = &j->window;
    const weft_taps across = part_of(&t->across, w->x), down = part_of(&t->down, w->y);
    const int top = down.first[0], last = w->height - 1;
    WEFT_TRY(pass_rows(allocator, j->in, &across, w->width, top, down.first[last] + down.count[last] - top,
                       &t->middle));
    return pass_columns(allocator, &t->middle, &down, top, w->height, out);
}

static weft_status columns_first(const weft_allocator *allocator, const job *j, interim *t, weft_image *out)
{
    const weft_window *w = &j->window;
    const weft_taps across = part_of(&t->across, w->x), down = part_of(&t->down, w->y);
    WEFT_TRY(pass_columns(allocator, j->in, &down, 0, w->height, &t->middle));
    return pass_rows(allocator, &t->middle, &across, w->width, 0, w->height, out);
}

/* A pass that would change nothing is left out. */
static weft_status run_passes(const weft_allocator *allocator, const job *j, const struct filter *filter, interim *t,
                              weft_image *out)
{
    const weft_image *in = j->in;
    const weft_window *w = &j->window;
    const bool rows = j->width != in->width || j->box[0] != 0 || j->box[2] != (float)j->width || w->width != j->width;
    const bool columns = j->height != in->height || j->box[1] != 0 || j->box[3] != (float)j->height;
    if (columns)
        WEFT_TRY(taps_create(allocator, filter, in->height, j->box[1], j->box[3], j->height, &t->down));
    if (rows)
        WEFT_TRY(taps_create(allocator, filter, in->width, j->box[0], j->box[2], j->width, &t->across));
    if (rows && columns)
        return (is_columns_first(j) ? columns_first : rows_first)(allocator, j, t, out);
    if (columns) {
        const weft_taps down = part_of(&t->down, w->y);
        return pass_columns(allocator, in, &down, 0, w->height, out);
    }
    if (rows) {
        const weft_taps across = part_of(&t->across, w->x);
        return pass_rows(allocator, in, &across, w->width, w->y, w->height, out);
    }
    return copy(allocator, in, w, out);
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
