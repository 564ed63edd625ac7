/* SPDX-License-Identifier: Apache-2.0
 *
 * conv2d with several groups (AlexNet's two, ResNeXt's 32): an implicit GEMM per group over a channel slice of the
 * input. Groups with fewer output channels than a vector has lanes are joined, as many as fill it, into one product
 * whose weights are block-diagonal; the zeros cost arithmetic, so narrow groups take the narrower vectors of AVX2 even
 * where AVX-512 is there: 4 channels in 8 lanes is half of the peak, 8 all of it. */
#include <string.h>

#include "cpu/conv2d.h"
#include "cpu/machine.h"

enum { NARROW = 8 };

typedef struct state {
    weft_gemm_windows windows;
    weft_gemm_window part;
    int64_t joined; /* groups of a product */
} state;

const weft_gemm_table *weft_conv2d_join_groups(const weft_device *device, int64_t groups, int64_t out, int64_t *joined)
{
    const bool narrow = device->isa == WEFT_ISA_AVX512 && out <= NARROW;
    const weft_gemm_table *table = weft_simd_of(narrow ? WEFT_ISA_AVX2 : device->isa)->gemm;
    *joined = 1;
    while (*joined * 2 * out <= table->lanes && groups % (*joined * 2) == 0)
        *joined *= 2;
    return table;
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    if (o->groups == 1)
        return "not grouped";
    const char *const reason = weft_gemm_refuse(device);
    return reason ? reason : weft_conv2d_refuse_border(node);
}

static weft_status prepare(const weft_node *node, weft_plan *plan)
{
    const weft_conv2d_opt *o = node->opt;
    state *s = weft_arena_alloc(plan->arena, sizeof *s);
    if (!s)
        return WEFT_NO_MEMORY;
    plan->state = s;
    const int64_t in = node->in[0].dim[3] / o->groups, out = o->out / o->groups;
    const weft_gemm_table *table = weft_conv2d_join_groups(plan->device, o->groups, out, &s->joined);
    weft_conv2d_windows(node, &s->windows, &s->part);
    weft_gemm_windows *w = &s->windows;
    w->products = o->groups / s->joined;
    w->in = in * s->joined;
    w->out = out * s->joined;
    weft_gemm_init(&s->part.gemm, table, w->in * o->kernel_h * o->kernel_w, w->out);
    WEFT_TRY(weft_gemm_bytes(&s->part.gemm, &s->part.bias_at, &s->part.b_step));
    s->part.bias_step = s->part.b_step;
    if (!weft_mul_size(s->part.b_step, (size_t)w->products, &plan->packed))
        return weft_fail(WEFT_INVALID, "packed weights of %lld groups do not fit in memory", (long long)o->groups);
    plan->pack_scratch = sizeof(float) * (size_t)(w->out * o->kernel_h * o->kernel_w * w->in);
    return weft_gemm_windows_plan(w, plan);
}

/* Weights of one product as [out][kh * kw][in], zero where a filter's group is not the channel's. */
static void expand(const state *s, const float *wt, int64_t taps, float *full)
{
    const int64_t all = s->windows.in, in = all / s->joined, out = s->windows.out / s->joined;
    memset(full, 0, sizeof *full * (size_t)(s->windows.out * taps * all));
    for (int64_t k = 0; k < s->windows.out; k++)
        for (int64_t t = 0; t < taps; t++)
            memcpy(full + (k * taps + t) * all + k / out * in, wt + (k * taps + t) * in, sizeof *full * (size_t)in);
}

static weft_status pack(const weft_call *call)
{
    const weft_conv2d_opt *o = call->node->opt;
    const state *s = call->state;
    const weft_gemm_windows *w = &s->windows;
    const int64_t taps = (int64_t)o->kernel_h * o->kernel_w;
    const float *wt = weft_call_param(call, 0), *bias = weft_call_param(call, 1);
    float *full = call->scratch;
    memset(call->packed, 0, call->packed_bytes);
    for (int64_t p = 0; p < w->products; p++) {
        void *const to = weft_at(call->packed, (size_t)p * s->part.b_step);
        expand(s, wt + p * w->out * taps * (w->in / s->joined), taps, full);
        weft_gemm_pack(&s->part.gemm, call->device, full, to);
        weft_gemm_pack_bias(&s->part.gemm, bias ? bias + p * w->out : NULL, weft_at(to, s->part.bias_at));
    }
    return WEFT_OK;
}

static weft_status run(const weft_call *call)
{
    const state *s = call->state;
    weft_gemm_windows_run(&s->windows, call);
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_grouped = {
    .name = "cpu.conv2d.grouped", .refuse = refuse, .prepare = prepare, .pack = pack, .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
