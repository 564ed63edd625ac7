/* SPDX-License-Identifier: Apache-2.0
 *
 * Drawing parameters as their network's paper says: counter-based, so that neither threads nor devices show. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "program/store.h"

enum { CHUNK = 1 << 16 };

/* Deviation of a normal truncated at two deviations, as a share of the untruncated one's. */
static const double TRUNCATED = 0.87962566103423978;

/* PyTorch's fan-out: the weights of one input, the outputs of all groups counted. */
static double torch_fan_out(const weft_shape *shape)
{
    const double in = (double)(shape->rank > 0 ? shape->dim[shape->rank - 1] : 1);
    return (double)weft_shape_count(shape) / in;
}

static void draw_range(const weft_param_spec *spec, uint64_t seed, uint64_t stream, int64_t first, int64_t count,
                       float *out)
{
    const double in = (double)(spec->fan_in > 0 ? spec->fan_in : 1),
                 fan_out = (double)(spec->fan_out > 0 ? spec->fan_out : 1);
    double bound = 0, deviation = 0, limit = 0;
    switch (spec->init) {
    case WEFT_INIT_DEFAULT:
    case WEFT_INIT_ZERO:
    case WEFT_INIT_ONE:
        for (int64_t i = 0; i < count; i++)
            out[i] = spec->init == WEFT_INIT_ONE ? 1.0f : 0.0f;
        return;
    case WEFT_INIT_HE_NORMAL:
        deviation = sqrt(2 / in) / TRUNCATED;
        limit = 2;
        break;
    case WEFT_INIT_HE_NORMAL_OUT:
        deviation = sqrt(2 / torch_fan_out(&spec->shape));
        break;
    case WEFT_INIT_FAN_OUT_NORMAL:
        deviation = sqrt(2 / fan_out) / TRUNCATED;
        limit = 2;
        break;
    case WEFT_INIT_NORMAL:
        deviation = spec->init_scale;
        break;
    case WEFT_INIT_GLOROT_UNIFORM:
        bound = sqrt(6 / (in + fan_out));
        break;
    case WEFT_INIT_LECUN_UNIFORM:
        bound = 2.4 / in;
        break;
    case WEFT_INIT_UNIFORM_FAN_OUT:
        bound = 1 / sqrt(fan_out);
        break;
    }
    if (bound > 0)
        weft_rng_fill_uniform(seed, stream, first, count, -bound, bound, out);
    else
        weft_rng_fill_normal(seed, stream, first, count, deviation, limit, out);
}

/* One entry, by the pool's threads. */
typedef struct draw {
    const weft_param_spec *spec;
    uint64_t seed, stream;
    int64_t count;
    float *out;
} draw;

static void draw_chunk(void *arg, int64_t item, int thread)
{
    const draw *d = arg;
    const int64_t first = item * CHUNK, n = d->count - first < CHUNK ? d->count - first : CHUNK;
    (void)thread;
    if (d->spec->values)
        memcpy(d->out + first, d->spec->values + first, (size_t)n * sizeof *d->out);
    else
        draw_range(d->spec, d->seed, d->stream, first, n, d->out + first);
}

weft_status weft_store_init(weft_store *store, uint64_t seed)
{
    if (!store)
        return weft_fail(WEFT_INVALID, "weft_store_init: store is NULL");
    for (int32_t i = 0; i < store->count; i++) {
        const weft_entry *entry = &store->entries[i];
        draw d = { &entry->spec, seed, weft_rng_stream(entry->name), weft_shape_count(&entry->spec.shape), NULL };
        WEFT_TRY(weft_store_lend(store, i, false, &d.out));
        weft_pool_run(store->ctx->device->pool, (d.count + CHUNK - 1) / CHUNK, draw_chunk, &d);
        WEFT_TRY(weft_store_give(store, i, d.out));
    }
    return WEFT_OK;
}
