/* SPDX-License-Identifier: Apache-2.0
 *
 * Matrix products: dense layers, and the projections behind an excitation whose weights differ by image. cuDNN's plan
 * comes first, because it is the one that can be checked without a device (ADR 10); then cuBLASLt; then our own. In
 * strict fp32 cuBLASLt is the first, and where floats are made of 16 bits, as logits are, too: cuDNN compiles such a
 * product for longer than it plans the rest of ResNet-50. */
#include "cuda/part/part.h"

enum { ALIGN = 16 };

static void describe(const weft_part_product *p, weft_dnn_graph *graph)
{
    const weft_dnn_dense d = { .name = p->name, .dtype = p->dtype, .batch = p->batch, .n = p->rows, .c = p->c,
                               .k = p->k, .x_ld = p->pitch.x, .y_ld = p->pitch.y,
                               .residual_ld = p->residual ? p->pitch.residual : 0, .x_align = p->pitch.x_align,
                               .y_align = p->pitch.y_align, .residual_align = p->pitch.residual_align,
                               .weight_ld = p->weight_pitch, .weight_align = p->weight_align,
                               .x_turned = p->x_turned, .weight_turned = p->weight_turned,
                               .bias = p->bias, .residual = p->residual, .float_y = p->y_dtype == WEFT_F32,
                               .act = p->act };
    weft_dnn_dense_graph(&d, graph);
}

static weft_status plan_blas(weft_part_product *p, const weft_plan *plan)
{
    const weft_blas_matmul m = { .name = p->name, .dtype = p->dtype, .float_y = p->y_dtype == WEFT_F32,
                                 .strict = plan->device->precision == WEFT_PRECISION_FP32, .batch = p->batch,
                                 .n = p->rows, .c = p->c, .k = p->k, .x_turned = p->x_turned,
                                 .weight_turned = p->weight_turned, .x_ld = p->pitch.x, .y_ld = p->pitch.y,
                                 .weight_ld = p->weight_pitch, .bias = p->bias,
                                 .act = p->act == WEFT_ACT_RELU ? WEFT_BLAS_RELU : WEFT_BLAS_NONE };
    return weft_cuda_blas_plan(plan->device, &m, &p->plan);
}

/* What cuBLASLt's epilogues do. */
static bool blas_takes(const weft_part_product *p)
{
    return (p->y_dtype == p->dtype || p->y_dtype == WEFT_F32) && !p->residual && p->pitch.x_align % 16 == 0 &&
           p->pitch.y_align % 16 == 0 && p->weight_align % 16 == 0 &&
           (p->act == WEFT_ACT_NONE || p->act == WEFT_ACT_RELU);
}

/* Not in strict fp32: of a product with nothing behind it cuDNN has an engine that rounds to TF32 and does not say
 * so (9.14 and 9.19, on an H200); of others it has none. */
static bool by_dnn(const weft_plan *plan)
{
    return plan->device->precision != WEFT_PRECISION_FP32 && (plan->forms & WEFT_FORM_PRODUCT);
}

static bool blas_first(const weft_part_product *p, const weft_plan *plan)
{
    return p->y_dtype != p->dtype && (plan->forms & WEFT_FORM_LOGITS) && blas_takes(p);
}

/* Of cuDNN: described, noted, or built. UNSUPPORTED: it has none, or is not asked. */
static weft_status ask_dnn(weft_part_product *p, const weft_plan *plan)
{
    if (!by_dnn(plan))
        return WEFT_UNSUPPORTED;
    weft_dnn_graph *graph = weft_alloc(plan->device->allocator, sizeof *graph);
    if (!graph)
        return WEFT_NO_MEMORY;
    describe(p, graph);
    const uint64_t hash = weft_dnn_graph_hash(graph);
    const weft_status status = plan->build     ? weft_cuda_plan_for(plan->device, graph, &p->plan)
                               : plan->collect ? weft_cuda_plan_want(plan->device, graph)
                                               : weft_dnn_graph_check(graph);
    weft_free(plan->device->allocator, graph);
    p->hash = status == WEFT_OK ? hash : 0;
    return status;
}

/* Without a device cuBLASLt plans nothing, and is believed to take what its epilogues do. */
static weft_status ask_blas(weft_part_product *p, const weft_plan *plan)
{
    if (!blas_takes(p))
        return WEFT_UNSUPPORTED;
    return plan->build && weft_cuda_of(plan->device)->blas ? plan_blas(p, plan) : WEFT_OK;
}

/* What cuDNN is asked for if cuBLASLt refuses is checked with what it is asked for in any case. */
static weft_status ask_blas_first(weft_part_product *p, const weft_plan *plan)
{
    const weft_status status = plan->build || plan->collect ? WEFT_OK : ask_dnn(p, plan);
    p->hash = 0;
    return status == WEFT_OK || status == WEFT_UNSUPPORTED ? ask_blas(p, plan) : status;
}

weft_status weft_part_product_prepare(weft_part_product *p, const weft_plan *plan)
{
    const bool blas = blas_first(p, plan);
    weft_status status = blas ? ask_blas_first(p, plan) : ask_dnn(p, plan);
    if (status == WEFT_UNSUPPORTED)
        status = blas ? ask_dnn(p, plan) : ask_blas(p, plan);
    p->own = status == WEFT_UNSUPPORTED;
    p->workspace = p->plan ? p->plan->workspace : 0;
    return p->own ? WEFT_OK : status;
}

/* Of the bias in the product's type, before that of floats; these may be the same. */
static size_t typed_bias_bytes(const weft_part_product *p)
{
    return p->dtype == WEFT_F32 ? 0 : weft_round_up((size_t)p->k * weft_dtype_size(p->dtype), ALIGN);
}

size_t weft_part_product_bias_bytes(const weft_part_product *p)
{
    return p->bias ? typed_bias_bytes(p) + weft_round_up((size_t)p->k * sizeof(float), ALIGN) : 0;
}

weft_status weft_part_product_pack(const weft_part_product *p, const weft_call *call, const weft_view *param, char *to,
                                   char *bias)
{
    WEFT_TRY(weft_cuda_pack_flat(call, &param[0], p->k * p->c, p->dtype, to));
    if (!p->bias)
        return WEFT_OK;
    if (typed_bias_bytes(p) > 0)
        WEFT_TRY(weft_cuda_pack_flat(call, &param[1], p->k, p->dtype, bias));
    return weft_cuda_pack_flat(call, &param[1], p->k, WEFT_F32, bias + typed_bias_bytes(p));
}

static weft_status run_dnn(const weft_part_product *p, const weft_part_io *io, const void *weight, const char *bias)
{
    weft_dnn_binding binding[5] = {
        { WEFT_DNN_X, io->x.data }, { WEFT_DNN_WEIGHT, weight }, { WEFT_DNN_Y, io->y.data },
    };
    int n = 3;
    if (p->bias)
        binding[n++] = (weft_dnn_binding){ WEFT_DNN_BIAS, bias };
    if (p->residual)
        binding[n++] = (weft_dnn_binding){ WEFT_DNN_RESIDUAL, io->residual.data };
    return weft_cuda_plan_run(io->call->device, p->plan, binding, n, io->workspace);
}

static weft_status run_blas(const weft_part_product *p, const weft_part_io *io, const void *weight, const char *bias)
{
    const weft_cuda *cuda = weft_cuda_of(io->call->device);
    const char *of_y = bias && p->y_dtype != p->dtype ? bias + typed_bias_bytes(p) : bias;
    const weft_status status =
        weft_blas_plan_run(p->plan->blas, cuda->stream, io->x.data, weight, of_y, io->y.data, io->workspace);
    if (status != WEFT_UNSUPPORTED)
        return status;
    if (!weft_cuda_may_replace(cuda))
        return weft_fail(WEFT_INTERNAL, "%s", weft_error());
    p->plan->refused = true;
    return status;
}

static weft_status run_own(const weft_part_product *p, const weft_part_io *io, const void *weight, const char *bias)
{
    const weft_gemm_args args = {
        .dtype = p->dtype, .y_dtype = p->y_dtype, .x = io->x, .y = io->y, .batch = (int)p->batch, .rows = (int)p->rows,
        .c = (int)p->c, .k = (int)p->k, .wt = weight, .wt_stride = p->batch > 1 ? p->c * p->k : 0,
        .ld_wt = p->weight_pitch ? p->weight_pitch : p->weight_turned ? p->k : p->c,
        .x_turned = p->x_turned, .wt_turned = p->weight_turned,
        .epi = { .bias = bias ? weft_cuda_at(bias, typed_bias_bytes(p)) : NULL,
                 .residual = io->residual, .act = p->act },
    };
    return weft_cuda_launched(io->call, weft_launch_gemm(&args, weft_cuda_stream_of(io->call)));
}

weft_status weft_part_product_run(const weft_part_product *p, const weft_part_io *io, const void *weight,
                                  const char *bias)
{
    if (p->own || p->plan->refused)
        return run_own(p, io, weight, bias);
    const weft_status status = p->plan->blas ? run_blas(p, io, weight, bias) : run_dnn(p, io, weight, bias);
    return status == WEFT_UNSUPPORTED ? run_own(p, io, weight, bias) : status;
}

void weft_part_product_cost(const weft_part_product *p, const weft_device *device, weft_kernel_cost *out)
{
    const double y = (double)p->batch * (double)p->rows * (double)p->k;
    const double x = (double)p->batch * (double)p->rows * (double)p->c, products = 2 * y * (double)p->c;
    const double size = (double)weft_dtype_size(p->dtype), y_size = (double)weft_dtype_size(p->y_dtype);
    const bool fast = device->precision != WEFT_PRECISION_FP32 && !p->own;
    *out = (weft_kernel_cost){ .tensor_core = fast ? products : 0, .core = fast ? 0 : products,
                               .weights = ((double)p->batch * (double)p->c + p->bias) * (double)p->k * size,
                               .read = x * size + p->residual * y * y_size, .written = y * y_size,
                               .workspace = p->workspace, .plan = p->hash };
}
