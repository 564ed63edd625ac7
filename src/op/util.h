/* SPDX-License-Identifier: Apache-2.0
 *
 * What the ops of src/op share: option structs of ops whose builders take plain arguments, checks that fail with a
 * sentence, windows of convolutions and pools, and the text of their options. */
#ifndef WEFT_OP_UTIL_H
#define WEFT_OP_UTIL_H

#include "base/error.h"
#include "graph/op.h"

/* ---- options of ops that have no public struct ---- */

/* reshape: dim[0] of shape is ignored once resolved, x's is used, so that a model may change the batch. */
typedef struct weft_reshape_opt {
    const char *name;
    weft_shape shape; /* rank 0: flatten, [N, rest] */
} weft_reshape_opt;

/* pad2d adds pad, crop2d cuts it. */
typedef struct weft_border_opt {
    const char *name;
    weft_pad pad;
} weft_border_opt;

/* scale: y = factor x. */
typedef struct weft_scale_opt {
    const char *name;
    double factor;
} weft_scale_opt;

/* slice: channels [first, first + count). */
typedef struct weft_slice_opt {
    const char *name;
    int64_t first, count;
} weft_slice_opt;

/* subsample_dx: the kernel, and the size of what was subsampled. */
typedef struct weft_subsample_dx_opt {
    const char *name;
    int kernel;
    int64_t h, w;
} weft_subsample_dx_opt;

/* ---- kinds of layers ---- */

/* A matrix product over pixels: 1x1, stride 1, one group, nothing padded. opt is resolved. */
WEFT_INLINE bool weft_is_pointwise(const weft_conv2d_opt *opt)
{
    return opt->kernel_h == 1 && opt->kernel_w == 1 && opt->stride_h == 1 && opt->stride_w == 1 && opt->groups == 1 &&
           !opt->pad.top && !opt->pad.bottom && !opt->pad.left && !opt->pad.right;
}

/* ---- checks ---- */

/* Bounds on options, far above any network and low enough that sums of a few of them fit an int. */
enum { WEFT_MAX_WINDOW = 4096, WEFT_MAX_PAD = 1 << 24 };
/* Of one dimension; a product of two fits int64_t. */
#define WEFT_MAX_DIM ((int64_t)1 << 31)

/* Rank and positive dimensions whose product fits: else INVALID, "x is [..], expected [N, H, W, C]". */
weft_status weft_need_shape(const char *what, const weft_shape *shape, int rank);
/* low <= value <= high, else INVALID, "stride is -1, expected 1 to 4096". */
weft_status weft_need_range(const char *what, int64_t value, int64_t low, int64_t high);
/* An initialiser that exists and whose scale makes sense. DEFAULT becomes fallback. */
weft_status weft_need_init(weft_init *init, double scale, weft_init fallback);
/* None of pad's sides is negative or beyond WEFT_MAX_PAD. */
weft_status weft_need_pad(const weft_pad *pad);
/* Output shape: its count fits, else INVALID. */
weft_status weft_need_output(const weft_shape *shape);

/* resolve of an op without options. */
weft_status weft_resolve_nothing(void *opt, const weft_shape *in, int n_in, weft_arena *arena);

/* ---- windows ---- */

/* `both` gives both sides, else each side by itself, 0 meaning its fallback. Rejects both at once (unless equal) and
 * values outside 1..WEFT_MAX_WINDOW. */
weft_status weft_resolve_pair(const char *what, int both, int *h, int *w, int fallback_h, int fallback_w);
/* The two axes (kernel, stride and dilation set, in = x's): padding and pad resolved to explicit pads in *pad.
 * Rejects pads given with SAME or VALID, and unknown paddings. */
weft_status weft_resolve_window(weft_axis axis[2], weft_padding padding, weft_pad *pad);
/* Output size of both axes; INVALID if a window does not fit. */
weft_status weft_window_out(const weft_axis axis[2], bool ceil, int64_t *oh, int64_t *ow);

/* ---- cost and text ---- */

/* Elements of a node's output, as a double. */
double weft_out_count(const weft_node *node);
/* Elements of its weights: parameters of rank 2 and more, biases do not count. */
double weft_weight_count(const weft_node *node);
/* weft_op.least of what reads a map and writes one, and of what has weights besides. */
double weft_least_map(const weft_node *node);
double weft_least_product(const weft_node *node);
/* Additions and activations of the epilogue: one each per output element. */
double weft_epilogue_flops(const weft_node *node);
/* Terms that the epilogue adds to a sum: 1 with a residual. */
int64_t weft_epilogue_terms(const weft_node *node);

/* Appends to buf[*used], cut to fit. */
void weft_text_add(char *buf, size_t size, size_t *used, const char *format, ...) WEFT_PRINTF(4, 5);
/* "3x3", "3x3/2", "1x7", "3x3/2x1". */
void weft_text_window(char *buf, size_t size, size_t *used, const weft_axis axis[2]);
/* " valid", " pad 1", " pad 0,2,1,0" (top, bottom, left, right), unless the pads are SAME's or half the window. */
void weft_text_pad(char *buf, size_t size, size_t *used, const weft_axis axis[2]);

#endif
