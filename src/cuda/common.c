/* SPDX-License-Identifier: Apache-2.0
 *
 * What the ops of the CUDA backend share: arguments of launchers from calls, packing of parameters, and the cost of a
 * kernel that only moves. */
#include "cuda/cuda.h"

#include <string.h>

static weft_kwindow window_over(const weft_shape *x, const weft_shape *y)
{
    return (weft_kwindow){ .n = (int)x->dim[0], .h = (int)x->dim[1], .w = (int)x->dim[2], .oh = (int)y->dim[1],
                           .ow = (int)y->dim[2], .dilation = 1 };
}

weft_kwindow weft_cuda_conv_window(const weft_node *node)
{
    const weft_conv2d_opt *o = node->opt;
    weft_kwindow w = window_over(&node->in[0], &node->out[0]);
    w.kernel_h = o->kernel_h;
    w.kernel_w = o->kernel_w;
    w.stride_h = o->stride_h;
    w.stride_w = o->stride_w;
    w.dilation = o->dilation;
    w.pad = o->pad;
    return w;
}

weft_kwindow weft_cuda_pool_window(const weft_pool2d_opt *o, const weft_shape *x, const weft_shape *y)
{
    weft_kwindow w = window_over(x, y);
    w.kernel_h = o->kernel_h;
    w.kernel_w = o->kernel_w;
    w.stride_h = o->stride_h;
    w.stride_w = o->stride_w;
    w.pad = o->pad;
    return w;
}

weft_status weft_cuda_need_one_type(const weft_node *node, int first, int last)
{
    for (int i = first; i < last; i++)
        if (node->in_dtype[i] != node->out_dtype[0])
            return weft_fail(WEFT_UNSUPPORTED, "input %d is %s and the output %s: CUDA's kernel wants one type", i,
                             weft_dtype_name(node->in_dtype[i]), weft_dtype_name(node->out_dtype[0]));
    return WEFT_OK;
}

weft_status weft_cuda_launched(const weft_call *call, int error)
{
    if (error == WEFT_CUDA_SUCCESS)
        return WEFT_OK;
    return weft_vendor_cuda_failed(&weft_cuda_of(call->device)->vendor, error, "kernel launch", call->node->op->name);
}

bool weft_cuda_still_works(const weft_cuda *cuda)
{
    (void)cuda->vendor.cudaGetLastError();
    if (cuda->team)
        return weft_cuda_await(cuda, cuda->stream, NULL) == WEFT_OK;
    return cuda->vendor.cudaStreamSynchronize(cuda->stream) == WEFT_CUDA_SUCCESS;
}

void *weft_cuda_stream_of(const weft_call *call)
{
    if (!weft_cuda_of(call->device)->capturing) /* begin has done it, and what is captured is launches alone */
        (void)weft_cuda_enter(call->device);     /* else the launch fails, and says so */
    return weft_cuda_of(call->device)->stream;
}

/* ---- packing: pieces are gathered, and queued together ---- */

void weft_cuda_pack_begin(const weft_device *device)
{
    weft_cuda *cuda = weft_cuda_of(device);
    cuda->gathers = true;
    cuda->n_packs = 0;
}

/* Queues what has been gathered. */
static weft_status queue_packs(const weft_device *device)
{
    weft_cuda *cuda = weft_cuda_of(device);
    const int count = cuda->n_packs;
    cuda->n_packs = 0;
    if (count == 0)
        return WEFT_OK;
    if (!cuda->capturing) /* as weft_cuda_stream_of */
        WEFT_TRY(weft_cuda_enter(device));
    const int error = weft_launch_pack(cuda->packs, count, cuda->stream);
    return error == WEFT_CUDA_SUCCESS ? WEFT_OK
                                      : weft_vendor_cuda_failed(&cuda->vendor, error, "kernel launch", "pack");
}

weft_status weft_cuda_pack_end(const weft_device *device, weft_status status)
{
    weft_cuda *cuda = weft_cuda_of(device);
    cuda->gathers = false;
    return status == WEFT_OK ? queue_packs(device) : status;
}

static weft_status gather(const weft_device *device, const weft_pack_segment *segment)
{
    weft_cuda *cuda = weft_cuda_of(device);
    if (cuda->n_packs == WEFT_PACK_SEGMENTS)
        WEFT_TRY(queue_packs(device));
    cuda->packs[cuda->n_packs++] = *segment;
    return cuda->gathers ? WEFT_OK : queue_packs(device);
}

weft_status weft_cuda_pack(const weft_call *call, const weft_pack_segment *segment)
{
    return gather(call->device, segment);
}

weft_status weft_cuda_pack_flat(const weft_call *call, const weft_view *param, int64_t count, weft_dtype dtype,
                                void *to)
{
    const weft_pack_segment segment = weft_pack_flat(param->data, to, count, dtype);
    return gather(call->device, &segment);
}

int weft_cuda_parts_cost(const weft_node *node, const weft_plan *plan, double parts, weft_kernel_cost *out)
{
    weft_plain_cost(node, plan, &out[0]);
    if (parts == 0)
        return 1;
    out[1] = (weft_kernel_cost){ .what = "parts", .read = parts, .written = out[0].written };
    out[0].what = "pixels";
    out[0].written = parts;
    return 2;
}

int weft_cuda_copy_cost(const weft_node *node, const weft_plan *plan, weft_kernel_cost *out)
{
    weft_plain_cost(node, plan, out);
    out->what = "copy";
    out->copy = true;
    return 1;
}
