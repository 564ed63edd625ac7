/* SPDX-License-Identifier: Apache-2.0
 *
 * Parameters and images by rule, for golden outputs: any language with Philox4x32-10 draws the same bits, so that
 * another framework's network gets the same weights without a file changing hands. weft-weights(5) states the rule,
 * docs/examples/seeded_weights.py is it in NumPy, tests/graph/seed.c holds the two together.
 *
 * The constants are chosen so that signals neither die nor explode on the way through a network, and the logits of two
 * images differ: weights keep the power of a rectified signal (He 2015, arXiv:1502.01852, uniform), statistics and
 * biases are small beside it. What batch norm would hold together but its made-up statistics do not (fifty residual
 * units that each add their branch, five hundred swishes that each lose a little), gain does: the factor of every
 * gamma. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "program/program.h"

enum { CHUNK = 1 << 16 };

/* Bounds of a parameter by how its name ends; the first row that fits. */
static const struct kind {
    const char *end;
    double low, high;
    bool fan_in; /* times sqrt(6 / fan-in), the product of all dimensions but the first */
    bool gain;   /* times the caller's gain */
} kinds[] = {
    { "weight", -1, 1, true, false },
    { "gamma", .75, 1.25, false, true },
    { "beta", -.125, .125, false, false },
    { "mean", -.125, .125, false, false },
    { "variance", .5, 1.5, false, false },
    { "se/expand/bias", 1.5, 2.5, false, false }, /* gates that are mostly open */
    { "bias", -.125, .125, false, false },
    { "count", 0, 0, false, false },
    { "gain", .1875, .3125, false, false }, /* of LeNet-5's sub-sampling, which adds four pixels */
    { "centre", -2, 2, false, false },
};

static bool ends(const char *name, const char *end)
{
    const size_t n = strlen(name), m = strlen(end);
    return n > m && name[n - m - 1] == '/' && strcmp(name + n - m, end) == 0;
}

static const struct kind *kind_of(const char *param)
{
    for (int i = 0; i < WEFT_COUNT(kinds); i++)
        if (ends(param, kinds[i].end))
            return &kinds[i];
    return NULL;
}

typedef struct draw {
    uint64_t seed, stream;
    double low, high;
    int64_t count;
    float *out;
} draw;

static void draw_chunk(void *arg, int64_t item, int thread)
{
    (void)thread;
    const draw *d = arg;
    const int64_t first = item * CHUNK, n = d->count - first < CHUNK ? d->count - first : CHUNK;
    weft_rng_fill_uniform(d->seed, d->stream, first, n, d->low, d->high, d->out + first);
}

static weft_status seed_entry(weft_store *store, int32_t index, uint64_t seed, double gain)
{
    const weft_entry *entry = &store->entries[index];
    const weft_shape *shape = &entry->spec.shape;
    const struct kind *kind = kind_of(entry->name);
    if (!kind)
        return weft_fail(WEFT_UNSUPPORTED, "%s: weft-weights(5) has no rule for a parameter of this name", entry->name);
    draw d = { seed, weft_rng_stream(entry->name), kind->low, kind->high, weft_shape_count(shape), NULL };
    if (kind->fan_in) {
        const double bound = sqrt(6.0 / ((double)d.count / (double)shape->dim[0]));
        d.low *= bound;
        d.high *= bound;
    }
    if (kind->gain) {
        d.low *= gain;
        d.high *= gain;
    }
    WEFT_TRY(weft_store_lend(store, index, false, &d.out));
    weft_pool_run(store->ctx->device->pool, (d.count + CHUNK - 1) / CHUNK, draw_chunk, &d);
    return weft_store_give(store, index, d.out);
}

weft_status weft_model_seed_scaled(weft_model *model, uint64_t seed, double gain)
{
    WEFT_TRY(weft_model_need_params(model, "weft_model_seed"));
    if (!(gain > 0 && gain <= 16))
        return weft_fail(WEFT_INVALID, "weft_model_seed: the gain is %g, expected more than 0 and at most 16", gain);
    for (int32_t i = 0; i < model->n_params; i++)
        WEFT_TRY(seed_entry(model->store, model->entries[i], seed, gain));
    return WEFT_OK;
}

weft_status weft_model_seed(weft_model *model, uint64_t seed)
{
    return weft_model_seed_scaled(model, seed, 1);
}

/* ---- images ---- */

enum { BLOCKS = 8 }; /* coarse squares along each side of an image */

/* u in (-1, 1), element `index` of a stream. */
static double signed_uniform(uint64_t seed, uint64_t stream, int64_t index)
{
    return 2 * weft_rng_uniform(seed, stream, (uint64_t)index) - 1;
}

/* Image n of shape [N, H, W, C]: a colour of its own, coarse squares, fine grain; the first two survive pooling. */
static void draw_image(uint64_t seed, const weft_shape *s, int64_t n, double low, double high, float *out)
{
    const uint64_t grain = weft_rng_stream("image/grain"), square = weft_rng_stream("image/square");
    const int64_t h = s->dim[1], w = s->dim[2], c = s->dim[3];
    int64_t at = n * h * w * c;
    for (int64_t y = 0; y < h; y++) {
        for (int64_t x = 0; x < w; x++) {
            const int64_t block = (n * BLOCKS + y * BLOCKS / h) * BLOCKS + x * BLOCKS / w;
            for (int64_t k = 0; k < c; k++, at++) {
                const double colour = (n + k) % 2 ? 1 : -1;
                const double v = .25 * signed_uniform(seed, grain, at) +
                                 .5 * signed_uniform(seed, square, block * c + k) + .25 * colour;
                *out++ = (float)(low + (high - low) * (.5 + .5 * v));
            }
        }
    }
}

weft_status weft_seed_images(uint64_t seed, const weft_shape *shape, double low, double high, float *out)
{
    char text[96];
    if (!shape || !out || shape->rank != 4 || weft_shape_count(shape) <= 0)
        return weft_fail(WEFT_INVALID, "weft_seed_images: the shape is %s, expected [N, H, W, C], and out not NULL",
                         shape ? weft_shape_text(shape, text, sizeof text) : "NULL");
    for (int64_t n = 0; n < shape->dim[0]; n++)
        draw_image(seed, shape, n, low, high, out + n * (weft_shape_count(shape) / shape->dim[0]));
    return WEFT_OK;
}

weft_status weft_model_feed(weft_model *model)
{
    for (int i = 0; i < weft_model_input_count(model); i++) {
        weft_port_info port;
        WEFT_TRY(weft_model_input(model, i, &port));
        const size_t count = (size_t)weft_shape_count(&port.shape);
        float *data = weft_calloc(&model->ctx->allocator, count, sizeof *data);
        if (!data)
            return WEFT_NO_MEMORY;
        for (size_t k = 0; k < count && port.dtype == WEFT_F32; k++)
            data[k] = .25f; /* products of zeros are cheap */
        const weft_status status = weft_model_set_input(model, i, data, count * sizeof *data);
        weft_free(&model->ctx->allocator, data);
        WEFT_TRY(status);
    }
    return WEFT_OK;
}
