/* SPDX-License-Identifier: Apache-2.0
 *
 * Mean and deviation of a training part, of images as an evaluating loader makes them: sums in double, image by image
 * in order, so the same for any number of workers. */
#include "loader/loader.h"

#include <math.h>

#include "base/error.h"

enum { BATCH = 64 };

typedef struct sums {
    double sum[3], square[3];
    int64_t count;
} sums;

static void add(const float *values, int64_t pixels, int channels, sums *s)
{
    for (int c = 0; c < channels; c++) {
        double sum = 0, square = 0;
        for (int64_t i = 0; i < pixels; i++) {
            const double x = (double)values[i * channels + c];
            sum += x;
            square += x * x;
        }
        s->sum[c] += sum;
        s->square[c] += square;
    }
    s->count += pixels;
}

static weft_status measure(weft_loader *loader, int64_t limit, sums *s)
{
    const weft_shape shape = weft_loader_shape(loader);
    const int64_t pixels = shape.dim[1] * shape.dim[2], steps = weft_loader_steps(loader);
    int64_t used = 0;
    const int64_t wanted = (limit + BATCH - 1) / BATCH, taken = limit && wanted < steps ? wanted : steps;
    for (int64_t i = 0; i < taken; i++) {
        weft_batch batch;
        WEFT_TRY(weft_loader_seek(loader, (int64_t)((double)i * (double)steps / (double)taken)));
        WEFT_TRY(weft_loader_next(loader, &batch));
        for (int64_t n = 0; n < weft_loader_filled(loader, NULL) && !(limit && used == limit); n++, used++)
            add(batch.images + n * pixels * shape.dim[3], pixels, (int)shape.dim[3], s);
    }
    return WEFT_OK;
}

weft_status weft_trainset_measure(weft_ctx *ctx, const weft_trainset *set, const weft_recipe *recipe, int64_t limit,
                                  double mean[3], double std[3])
{
    weft_recipe plain = recipe ? *recipe : (weft_recipe){ .resample = WEFT_BILINEAR };
    weft_loader *loader = NULL;
    sums s = { 0 };
    if (!mean || !std)
        return weft_fail(WEFT_INVALID, "weft_trainset_measure: mean and std must not be NULL");
    plain.preprocess = WEFT_PREPROCESS_UNIT;
    for (int c = 0; c < 3; c++)
        plain.mean[c] = plain.std[c] = 0;
    WEFT_TRY(weft_loader_create(ctx, set, &(weft_loader_opt){ .recipe = &plain, .in_order = true, .batch = BATCH },
                                &loader));
    const weft_status status = measure(loader, limit, &s);
    const int channels = weft_loader_recipe(loader).channels;
    weft_loader_destroy(loader);
    WEFT_TRY(status);
    for (int c = 0; c < 3; c++) {
        const int from = c < channels ? c : 0;
        const double m = s.sum[from] / (double)s.count, v = s.square[from] / (double)s.count - m * m;
        mean[c] = m;
        std[c] = sqrt(v > 1e-12 ? v : 1e-12);
    }
    return WEFT_OK;
}
