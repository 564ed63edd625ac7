/* SPDX-License-Identifier: Apache-2.0
 *
 * What max_pool2d and avg_pool2d share: they differ in what they do with a window's pixels, not in where it lies. And
 * what appends the gradients of pools, which all need the size of the image that was pooled. */
#ifndef WEFT_OP_POOL2D_H
#define WEFT_OP_POOL2D_H

#include "op/util.h"

weft_status weft_pool2d_resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena);
weft_status weft_pool2d_infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig);
/* One operation per pixel of each window. */
weft_cost weft_pool2d_cost(const weft_node *node);
/* Pixels of a window. */
int64_t weft_pool2d_reduction(const weft_node *node);
void weft_pool2d_describe(const weft_node *node, char *buf, size_t size);
/* The text of the options alone, for a pool of an image of h x w. */
void weft_pool2d_text(const weft_pool2d_opt *opt, int64_t h, int64_t w, char *buf, size_t size);

/* Windows that both have as cases, each beside what is its own: borders that count, and sizes for its kernels. */
/* clang-format off */
#define WEFT_POOL2D_CASES \
    { WEFT_CASE("2x2", WEFT_NHWC(1, 8, 8, 16)), WEFT_OPT(weft_pool2d_opt, .kernel = 2) }, \
    { WEFT_CASE("2x2_same_odd", WEFT_NHWC(2, 7, 9, 33)), WEFT_OPT(weft_pool2d_opt, .kernel = 2) }, \
    { WEFT_CASE("2x2_valid_odd", WEFT_NHWC(2, 7, 9, 24)), \
      WEFT_OPT(weft_pool2d_opt, .kernel = 2, .padding = WEFT_VALID) }, \
    { WEFT_CASE("2x2_ceil_odd", WEFT_NHWC(1, 7, 9, 24)), \
      WEFT_OPT(weft_pool2d_opt, .kernel = 2, .padding = WEFT_VALID, .ceil = true) }, \
    { WEFT_CASE("2x2_one_channel", WEFT_NHWC(3, 6, 6, 1)), WEFT_OPT(weft_pool2d_opt, .kernel = 2) }, \
    { WEFT_CASE("3x3_asymmetric", WEFT_NHWC(1, 9, 8, 10)), \
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2, .padding = WEFT_EXPLICIT, .pad = { 0, 1, 0, 2 }) }, \
    { WEFT_CASE("4x4_larger_than_input_ceil", WEFT_NHWC(1, 3, 3, 8)), \
      WEFT_OPT(weft_pool2d_opt, .kernel = 4, .stride = 3, .padding = WEFT_VALID, .ceil = true) }, \
    { WEFT_CASE("1x1_stride2", WEFT_NHWC(1, 9, 8, 65)), WEFT_OPT(weft_pool2d_opt, .kernel = 1, .stride = 2) }, \
    { WEFT_CASE("1x3_rectangle", WEFT_NHWC(1, 6, 9, 7)), \
      WEFT_OPT(weft_pool2d_opt, .kernel_h = 1, .kernel_w = 3, .stride_h = 1, .stride_w = 2) }, \
    { WEFT_CASE("3x2_stride_2x1", WEFT_NHWC(1, 9, 6, 15)), \
      WEFT_OPT(weft_pool2d_opt, .kernel_h = 3, .kernel_w = 2, .stride_h = 2, .stride_w = 1) }, \
    { WEFT_CASE("2x2_stride3_gaps_ceil", WEFT_NHWC(1, 10, 9, 12)), \
      WEFT_OPT(weft_pool2d_opt, .kernel = 2, .stride = 3, .padding = WEFT_VALID, .ceil = true) }, \
    { WEFT_CASE("3x3_stride_2x1", WEFT_NHWC(1, 11, 9, 35)), \
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride_h = 2, .stride_w = 1) }, \
    { WEFT_CASE("3x3_stride_3x1_few_channels", WEFT_NHWC(2, 11, 17, 3)), \
      WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride_h = 3, .stride_w = 1) }, \
    { WEFT_CASE("5x2_stride_1x3_pads_ceil", WEFT_NHWC(2, 7, 12, 20)), \
      WEFT_OPT(weft_pool2d_opt, .kernel_h = 5, .kernel_w = 2, .stride_h = 1, .stride_w = 3, .padding = WEFT_EXPLICIT, \
               .pad = { 3, 1, 1, 0 }, .ceil = true) }, \
    { WEFT_CASE("one_pixel", WEFT_NHWC(2, 1, 1, 16)), WEFT_OPT(weft_pool2d_opt, .kernel = 3, .stride = 2) },
/* clang-format on */

/* Options of max_pool2d_dx and avg_pool2d_dx: those of the pool, resolved, and the size of its input. */
typedef struct weft_pool2d_grad_opt {
    weft_pool2d_opt pool; /* its name is the node's */
    int64_t h, w;
} weft_pool2d_grad_opt;

/* Options of global_avg_pool2d_dx: the size of the pool's input. */
typedef struct weft_global_pool2d_grad_opt {
    const char *name;
    int64_t h, w;
} weft_global_pool2d_grad_opt;

#endif
