/* SPDX-License-Identifier: Apache-2.0
 *
 * Optimisers and what goes with them, many parameters a launch (update.h). A rule says what becomes of one element of
 * each array; the numbers that it needs are found once for each block, from the rate and the gate in device memory. A
 * gate that is shut ends the block.
 *
 * Mapping: a block for CHUNK elements of one segment, a thread for WEFT_PIECE of them at a time, 16 bytes of each array
 * (8 of a gradient in 16 bits) where all arrays begin at a multiple of that; elements behind the last whole piece one
 * by one. Traffic: each array read and written once. Bound by memory: 20 bytes an element for sgd, 28 for adam, 12 for
 * ema, 2 less where gradients have 16 bits. */
#include "cuda/kernel/segment.cuh"

enum { CHUNK = 4096 };

/* ---- rules ----
 * ARRAYS, of which all but the last are written and those from READ on are read; OWN: segments have a rate and a decay
 * of their own. begin: false if the gate is shut. step: one element of each array, in place. */

struct sgd_rule {
    enum { ARRAYS = 3, READ = 0, OWN = 1, SEGMENTS = WEFT_SGD_SEGMENTS };
    const float *lr_of, *go;
    float momentum;
    bool nesterov;
    float scale, lr, decay; /* of the block */

    explicit sgd_rule(const weft_update_args *a)
        : lr_of(a->lr), go(a->go), momentum((float)a->momentum), nesterov(a->nesterov), scale(0), lr(0), decay(0)
    {
    }
    __device__ __forceinline__ bool begin(float lr_scale, float own_decay)
    {
        scale = go[0];
        lr = lr_scale * *lr_of;
        decay = own_decay;
        return scale != 0;
    }
    __device__ __forceinline__ void step(float (&x)[ARRAYS]) const
    {
        const float g = fmaf(decay, x[0], x[2] * scale);
        x[1] = fmaf(momentum, x[1], g);
        x[0] = fmaf(-lr, nesterov ? fmaf(momentum, x[1], g) : x[1], x[0]);
    }
};

struct rmsprop_rule {
    enum { ARRAYS = 4, READ = 0, OWN = 1, SEGMENTS = WEFT_RMSPROP_SEGMENTS };
    const float *lr_of, *go;
    float momentum, rho, rest, epsilon;
    float scale, lr, decay; /* of the block */

    explicit rmsprop_rule(const weft_update_args *a)
        : lr_of(a->lr), go(a->go), momentum((float)a->momentum), rho((float)a->rho), rest((float)(1 - a->rho)),
          epsilon((float)a->epsilon), scale(0), lr(0), decay(0)
    {
    }
    __device__ __forceinline__ bool begin(float lr_scale, float own_decay)
    {
        scale = go[0];
        lr = lr_scale * *lr_of;
        decay = own_decay;
        return scale != 0;
    }
    __device__ __forceinline__ void step(float (&x)[ARRAYS]) const
    {
        const float g = fmaf(decay, x[0], x[3] * scale);
        x[1] = fmaf(rho, x[1], g * g * rest);
        x[2] = fmaf(momentum, x[2], g * lr / sqrtf(x[1] + epsilon));
        x[0] -= x[2];
    }
};

struct adam_rule {
    enum { ARRAYS = 4, READ = 0, OWN = 1, SEGMENTS = WEFT_ADAM_SEGMENTS };
    const float *lr_of, *go;
    weft_moments_rule moments;
    bool decoupled;
    float scale, lr, decay, shrink, correct; /* of the block */

    explicit adam_rule(const weft_update_args *a)
        : lr_of(a->lr), go(a->go), moments(a), decoupled(a->decoupled), scale(0), lr(0), decay(0), shrink(1), correct(0)
    {
    }
    __device__ __forceinline__ bool begin(float lr_scale, float own_decay)
    {
        scale = go[0];
        lr = lr_scale * *lr_of;
        decay = decoupled ? 0.f : own_decay;
        shrink = decoupled ? fmaf(-lr, own_decay, 1.f) : 1.f;
        lr /= moments.short_of(moments.log_first, go[1]);
        correct = moments.correct_root(go[1]);
        return scale != 0;
    }
    __device__ __forceinline__ void step(float (&x)[ARRAYS]) const
    {
        moments.step(fmaf(decay, x[0], x[3] * scale), x[1], x[2]);
        x[0] = fmaf(-lr, moments.direction(x[1], x[2], correct), x[0] * shrink);
    }
};

/* average += rest (x - average); the first update gives x as it is. 1 - (1 + t) / (10 + t) = 9 / (10 + t). */
struct ema_rule {
    enum { ARRAYS = 2, READ = 0, OWN = 0, SEGMENTS = WEFT_FLAT_SEGMENTS };
    const float *go;
    float final;
    bool warms;
    float rest; /* of the block */

    explicit ema_rule(const weft_update_args *a)
        : go(a->go), final((float)(1 - a->decay)), warms(!a->no_warm_up), rest(0)
    {
    }
    __device__ __forceinline__ bool begin(float, float)
    {
        const float t = go[1];
        rest = t <= 1 ? 1.f : warms ? fmaxf(final, 9 / (10 + t)) : final;
        return go[0] != 0;
    }
    __device__ __forceinline__ void step(float (&x)[ARRAYS]) const
    {
        x[0] = rest == 1 ? x[1] : fmaf(rest, x[1] - x[0], x[0]);
    }
};

struct accumulate_rule {
    enum { ARRAYS = 2, READ = 0, OWN = 0, SEGMENTS = WEFT_FLAT_SEGMENTS };
    const float *go;
    float every;
    float scale; /* of the block */
    bool begins;

    explicit accumulate_rule(const weft_update_args *a) : go(a->go), every((float)a->every), scale(0), begins(false)
    {
    }
    __device__ __forceinline__ bool begin(float, float)
    {
        scale = go[0];
        begins = fmodf(ceilf(go[1]) - 1, every) == 0;
        return scale != 0;
    }
    __device__ __forceinline__ void step(float (&x)[ARRAYS]) const
    {
        x[0] = begins ? scale * x[1] : fmaf(scale, x[1], x[0]);
    }
};

/* state += rest (x - state), rest rounded once. */
struct follow_rule {
    enum { ARRAYS = 2, READ = 0, OWN = 0, SEGMENTS = WEFT_FLAT_SEGMENTS };
    const float *go; /* NULL: always */
    float rest;

    explicit follow_rule(const weft_update_args *a) : go(a->go), rest((float)(1 - a->momentum))
    {
    }
    __device__ __forceinline__ bool begin(float, float)
    {
        return !go || go[0] != 0;
    }
    __device__ __forceinline__ void step(float (&x)[ARRAYS]) const
    {
        x[0] = fmaf(rest, x[1] - x[0], x[0]);
    }
};

struct clip_rule {
    enum { ARRAYS = 2, READ = 1, OWN = 0, SEGMENTS = WEFT_FLAT_SEGMENTS };
    const float *go; /* NULL: 1 */
    float limit;

    explicit clip_rule(const weft_update_args *a) : go(a->go), limit((float)a->limit)
    {
    }
    __device__ __forceinline__ bool begin(float, float)
    {
        limit /= go ? go[0] : 1.f; /* of a gate that is shut: none */
        return true;
    }
    __device__ __forceinline__ void step(float (&x)[ARRAYS]) const
    {
        x[0] = weft_clamp(x[1], -limit, limit);
    }
};

/* ---- the kernel ---- */

template <int MOST, bool OWN> struct update_rates {
    float lr_scale[MOST], decay[MOST];
};
template <int MOST> struct update_rates<MOST, false> {
};

template <int MOST> __device__ __forceinline__ void rates_of(const update_rates<MOST, true> &r, int s, float (&to)[2])
{
    to[0] = r.lr_scale[s], to[1] = r.decay[s];
}

template <int MOST> __device__ __forceinline__ void rates_of(const update_rates<MOST, false> &, int, float (&to)[2])
{
    to[0] = 1, to[1] = 0;
}

template <int MOST> void set_rates(update_rates<MOST, true> &r, int s, const weft_segment &segment)
{
    r.lr_scale[s] = (float)segment.lr_scale, r.decay[s] = (float)segment.decay;
}

template <int MOST> void set_rates(update_rates<MOST, false> &, int, const weft_segment &)
{
}

template <typename Rule> struct update_table {
    Rule rule;
    void *array[Rule::SEGMENTS][Rule::ARRAYS];
    weft_blocks<Rule::SEGMENTS, CHUNK> blocks;
    unsigned char dtype[Rule::SEGMENTS]; /* of the last array */
    update_rates<Rule::SEGMENTS, Rule::OWN != 0> rates;
};

/* V elements of each array, from i on. */
template <typename Rule, int V>
__device__ __forceinline__ void update_piece(const Rule &rule, float *const (&array)[Rule::ARRAYS - 1],
                                             const weft_typed &last, int i)
{
    enum { LAST = Rule::ARRAYS - 1 };
    float x[Rule::ARRAYS][V];
#pragma unroll
    for (int k = Rule::READ; k < LAST; k++)
        weft_load<float, V>(array[k] + i, x[k]);
    last.load<V>(i, x[LAST]);
#pragma unroll
    for (int j = 0; j < V; j++) {
        float one[Rule::ARRAYS] = {};
#pragma unroll
        for (int k = Rule::READ; k < Rule::ARRAYS; k++)
            one[k] = x[k][j];
        rule.step(one);
#pragma unroll
        for (int k = 0; k < LAST; k++)
            x[k][j] = one[k];
    }
#pragma unroll
    for (int k = 0; k < LAST; k++)
        weft_store<float, V>(array[k] + i, x[k]);
}

template <typename Rule, int V>
__global__ void __launch_bounds__(WEFT_BLOCK) update(const __grid_constant__ update_table<Rule> table)
{
    enum { LAST = Rule::ARRAYS - 1 };
    weft_begin();
    const int s = table.blocks.segment(blockIdx.x), count = table.blocks.elements(blockIdx.x, s);
    const int64_t from = table.blocks.from(blockIdx.x, s);
    float rates[2];
    rates_of(table.rates, s, rates);
    Rule rule = table.rule;
    if (!rule.begin(rates[0], rates[1]))
        return;
    float *array[LAST];
    uintptr_t bits = 0;
#pragma unroll
    for (int k = 0; k < LAST; k++) {
        array[k] = static_cast<float *>(table.array[s][k]) + from;
        bits |= (uintptr_t)array[k];
    }
    const weft_typed whole_last = { table.array[s][LAST], table.dtype[s] }, last = whole_last.from(from);
    const int whole = bits % 16 == 0 && last.is_wide() ? count / V * V : 0;
    for (int i = (int)threadIdx.x * V; i < whole; i += WEFT_BLOCK * V)
        update_piece<Rule, V>(rule, array, last, i);
    for (int i = whole + (int)threadIdx.x; i < count; i += WEFT_BLOCK)
        update_piece<Rule, 1>(rule, array, last, i);
}

template <typename Rule> static int launch(const weft_update_args *a, void *stream)
{
    static_assert(sizeof(update_table<Rule>) <= WEFT_ARGUMENT_BYTES, "the table is a kernel's argument");
    update_table<Rule> table = { Rule(a), {}, {}, {}, {} };
    for (int s = 0; s < a->count; s++) {
        const weft_segment &from = a->segments[s];
        if (!weft_is_float(from.dtype) || !table.blocks.add(from.count))
            return WEFT_INVALID_VALUE;
        for (int k = 0; k < Rule::ARRAYS; k++) {
            if (!from.array[k])
                return WEFT_INVALID_VALUE;
            table.array[s][k] = from.array[k];
        }
        table.dtype[s] = (unsigned char)from.dtype;
        set_rates(table.rates, s, from);
    }
    const dim3 grid(table.blocks.first[a->count]);
    return WEFT_LAUNCH((update<Rule, WEFT_PIECE>), grid, dim3(WEFT_BLOCK), 0, stream, table);
}

int weft_launch_update(const weft_update_args *a, void *stream)
{
    static int (*const launches[WEFT_UPDATE_RULES])(const weft_update_args *, void *) = {
        launch<sgd_rule>, launch<rmsprop_rule>,    launch<adam_rule>,
        launch<ema_rule>, launch<accumulate_rule>, launch<follow_rule>, launch<clip_rule>,
    };
    const unsigned rule = (unsigned)a->rule;
    if (rule >= WEFT_UPDATE_RULES || !a->segments || a->count <= 0)
        return WEFT_INVALID_VALUE;
    const bool gated = rule < WEFT_UPDATE_FOLLOW, rated = gated && rule < WEFT_UPDATE_EMA;
    if ((gated && !a->go) || (rated && !a->lr) || (rule == WEFT_UPDATE_ACCUMULATE && a->every <= 0) ||
        (rule == WEFT_UPDATE_CLIP && !(a->limit > 0)))
        return WEFT_INVALID_VALUE;
    return launches[rule](a, stream);
}
