/* SPDX-License-Identifier: Apache-2.0
 *
 * Cases of conv2d_dx and conv2d_dw: one list of layers serves both. */
#include "op/case.h"
#include "op/conv2d.h"

/* clang-format off */
/* LAYER(name, n, h, w, c, oh, ow, k, r, s, stride_h, stride_w, dilation, groups, top, bottom, left, right) */
#define LAYERS \
    LAYER("1x1", 2, 5, 7, 6, 5, 7, 10, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("1x1_64_to_256", 2, 7, 7, 64, 7, 7, 256, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("1x1_256_to_64", 1, 9, 7, 256, 9, 7, 64, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("1x1_odd", 3, 5, 3, 33, 5, 3, 17, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("1x1_stride2", 2, 8, 7, 24, 4, 4, 40, 1, 1, 2, 2, 1, 1, 0, 0, 0, 0) \
    LAYER("3x3", 2, 6, 5, 8, 6, 5, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1) \
    LAYER("3x3_odd", 1, 7, 9, 5, 7, 9, 19, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1) \
    LAYER("3x3_64", 2, 12, 12, 64, 12, 12, 64, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1) \
    LAYER("3x3_wide_valid", 3, 10, 11, 40, 8, 9, 72, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("3x3_wide_full", 2, 9, 10, 33, 11, 12, 34, 3, 3, 1, 1, 1, 1, 2, 2, 2, 2) \
    LAYER("3x3_wide_pads_beyond_window", 2, 9, 9, 32, 13, 13, 32, 3, 3, 1, 1, 1, 1, 3, 3, 3, 3) \
    LAYER("3x3_valid", 2, 8, 7, 16, 6, 5, 24, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("3x3_stride2_same", 2, 8, 8, 16, 4, 4, 32, 3, 3, 2, 2, 1, 1, 0, 1, 0, 1) \
    LAYER("3x3_stride2_torch", 2, 9, 8, 32, 5, 4, 48, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1) \
    LAYER("3x3_strides_differ", 1, 9, 8, 8, 5, 8, 16, 3, 3, 2, 1, 1, 1, 1, 1, 1, 1) \
    LAYER("3x3_dilation2", 1, 9, 9, 8, 9, 9, 16, 3, 3, 1, 1, 2, 1, 2, 2, 2, 2) \
    LAYER("3x3_stride3_skips", 1, 10, 11, 4, 3, 3, 8, 3, 3, 3, 4, 1, 1, 0, 0, 0, 0) \
    LAYER("1x7", 1, 6, 9, 16, 6, 9, 24, 1, 7, 1, 1, 1, 1, 0, 0, 3, 3) \
    LAYER("5x5", 2, 7, 7, 12, 7, 7, 20, 5, 5, 1, 1, 1, 1, 2, 2, 2, 2) \
    LAYER("5x5_valid_lenet", 2, 14, 14, 6, 10, 10, 16, 5, 5, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("7x7_stride2_stem", 2, 21, 20, 3, 11, 10, 64, 7, 7, 2, 2, 1, 1, 3, 3, 3, 2) \
    LAYER("11x11_stride4", 1, 31, 31, 3, 6, 6, 24, 11, 11, 4, 4, 1, 1, 0, 0, 0, 0) \
    LAYER("stem_c1", 3, 12, 12, 1, 12, 12, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1) \
    LAYER("groups2", 2, 6, 6, 16, 6, 6, 24, 3, 3, 1, 1, 1, 2, 1, 1, 1, 1) \
    LAYER("groups8_stride2", 2, 7, 7, 32, 4, 4, 32, 3, 3, 2, 2, 1, 8, 1, 1, 1, 1) \
    LAYER("groups4_of_8", 1, 6, 9, 32, 6, 9, 32, 3, 3, 1, 1, 1, 4, 1, 1, 1, 1) \
    LAYER("groups2_of_16_pads", 1, 5, 8, 32, 6, 7, 32, 3, 3, 1, 1, 1, 2, 2, 1, 0, 1) \
    LAYER("groups2_of_32", 2, 4, 9, 64, 4, 9, 64, 3, 3, 1, 1, 1, 2, 1, 1, 1, 1) \
    LAYER("groups3_5x3", 1, 6, 7, 48, 2, 5, 48, 5, 3, 1, 1, 1, 3, 0, 0, 0, 0) \
    LAYER("groups2_48", 1, 6, 5, 48, 6, 5, 64, 3, 3, 1, 1, 1, 2, 1, 1, 1, 1) \
    LAYER("depthwise", 2, 7, 6, 24, 7, 6, 24, 3, 3, 1, 1, 1, 24, 1, 1, 1, 1) \
    LAYER("depthwise_c17", 1, 5, 9, 17, 5, 9, 17, 3, 3, 1, 1, 1, 17, 1, 1, 1, 1) \
    LAYER("depthwise_stride2", 2, 8, 8, 32, 4, 4, 32, 3, 3, 2, 2, 1, 32, 0, 1, 0, 1) \
    LAYER("depthwise_5x5", 1, 9, 8, 40, 9, 8, 40, 5, 5, 1, 1, 1, 40, 2, 2, 2, 2) \
    LAYER("depthwise_5x5_stride2", 1, 9, 8, 16, 5, 4, 16, 5, 5, 2, 2, 1, 16, 2, 2, 1, 2) \
    LAYER("depthwise_7x7", 1, 9, 9, 16, 9, 9, 16, 7, 7, 1, 1, 1, 16, 3, 3, 3, 3) \
    LAYER("depthwise_dilation2", 1, 8, 9, 12, 8, 9, 12, 3, 3, 1, 1, 2, 12, 2, 2, 2, 2) \
    LAYER("depthwise_many_images", 67, 3, 4, 8, 3, 4, 8, 3, 3, 1, 1, 1, 8, 1, 1, 1, 1) \
    LAYER("depthwise_multiplier2", 1, 6, 6, 8, 6, 6, 16, 3, 3, 1, 1, 1, 8, 1, 1, 1, 1) \
    LAYER("5x5_dilation2_stride2", 1, 11, 12, 8, 3, 4, 16, 5, 5, 2, 2, 2, 1, 2, 1, 2, 1) \
    LAYER("3x3_dilation3_stride2", 2, 13, 12, 8, 6, 5, 20, 3, 3, 2, 2, 3, 1, 3, 1, 2, 2) \
    LAYER("3x3_dilation2_stride4", 1, 13, 13, 4, 3, 3, 8, 3, 3, 4, 4, 2, 1, 0, 0, 0, 0) \
    LAYER("pads_beyond_window", 2, 5, 6, 8, 9, 10, 16, 3, 3, 1, 1, 1, 1, 3, 3, 3, 3) \
    LAYER("groups2_of_40", 1, 6, 7, 80, 3, 4, 48, 3, 3, 2, 2, 1, 2, 1, 1, 1, 1) \
    LAYER("depthwise_multiplier3_stride2", 1, 7, 6, 21, 4, 3, 63, 3, 3, 2, 2, 1, 21, 1, 1, 0, 1) \
    LAYER("depthwise_7x7_stride2", 2, 9, 9, 20, 5, 5, 20, 7, 7, 2, 2, 1, 20, 3, 3, 3, 3) \
    LAYER("depthwise_strides_differ", 1, 9, 8, 16, 5, 8, 16, 3, 3, 2, 1, 1, 16, 1, 1, 1, 1) \
    LAYER("depthwise_dilation2_stride2", 1, 11, 10, 20, 6, 5, 20, 3, 3, 2, 2, 2, 20, 2, 2, 2, 2) \
    LAYER("depthwise_window_is_image", 3, 4, 4, 24, 1, 1, 24, 4, 4, 1, 1, 1, 24, 0, 0, 0, 0) \
    LAYER("depthwise_stride2_bands", 1, 36, 32, 240, 18, 16, 240, 3, 3, 2, 2, 1, 240, 0, 1, 0, 1) \
    LAYER("rows_over_threads", 2, 33, 31, 8, 33, 31, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1) \
    LAYER("one_pixel", 4, 1, 1, 32, 1, 1, 24, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("1x1_pixels", 3, 12, 11, 40, 12, 11, 24, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("1x1_wide", 1, 12, 11, 256, 12, 11, 272, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("1x1_wide_stride2", 1, 7, 9, 264, 4, 5, 256, 1, 1, 2, 2, 1, 1, 0, 0, 0, 0) \
    LAYER("1x1_padded", 1, 4, 5, 20, 6, 8, 16, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2) \
    LAYER("3x3_blocks", 1, 7, 7, 96, 7, 7, 128, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1) \
    LAYER("3x3_tiles", 2, 17, 19, 33, 17, 19, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1) \
    LAYER("3x3_tiles_valid", 3, 14, 18, 32, 12, 16, 136, 3, 3, 1, 1, 1, 1, 0, 0, 0, 0) \
    LAYER("3x3_slices", 2, 39, 38, 32, 39, 38, 33, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1) \
    LAYER("3x3_tiles_many", 3, 23, 23, 32, 24, 24, 32, 3, 3, 1, 1, 1, 1, 2, 1, 1, 2) \
    LAYER("3x3_wide_image", 1, 3, 300, 4, 3, 300, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1) \
    LAYER("window_is_image", 3, 4, 4, 8, 1, 1, 20, 4, 4, 1, 1, 1, 1, 0, 0, 0, 0)

#define OPTIONS(h, w, c, k, r, s, sh, sw, d, g, top, bottom, left, right) \
    WEFT_OPT(weft_conv2d_grad_opt, { .out = k, .kernel_h = r, .kernel_w = s, .stride_h = sh, .stride_w = sw, \
             .dilation = d, .groups = g, .padding = WEFT_EXPLICIT, .pad = { top, bottom, left, right } }, h, w, c)

const weft_op_case weft_conv2d_dx_cases[] = {
#define LAYER(label, n, h, w, c, oh, ow, k, r, s, sh, sw, d, g, top, bottom, left, right) \
    { WEFT_CASE(label, WEFT_NHWC(n, oh, ow, k), WEFT_KRSC(k, r, s, (c) / (g))), \
      OPTIONS(h, w, c, k, r, s, sh, sw, d, g, top, bottom, left, right) },
    LAYERS
#undef LAYER
#define LAYER(label, n, h, w, c, oh, ow, k, r, s, sh, sw, d, g, top, bottom, left, right) \
    { WEFT_CASE(label, WEFT_NHWC(n, oh, ow, k), WEFT_KRSC(k, r, s, (c) / (g))), \
      OPTIONS(h, w, c, k, r, s, sh, sw, d, g, top, bottom, left, right), .epi = { .residual = true } },
    LAYER("1x1_residual", 2, 7, 7, 64, 7, 7, 128, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0)
    LAYER("1x1_stride2_residual", 2, 8, 7, 24, 4, 4, 40, 1, 1, 2, 2, 1, 1, 0, 0, 0, 0)
    LAYER("3x3_residual", 2, 8, 8, 32, 8, 8, 32, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1)
    LAYER("3x3_18_tiles_residual", 2, 9, 9, 33, 9, 9, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1)
    LAYER("3x3_wide_residual", 3, 8, 8, 32, 8, 8, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1)
    LAYER("3x3_stride2_residual", 2, 8, 8, 16, 4, 4, 32, 3, 3, 2, 2, 1, 1, 0, 1, 0, 1)
    LAYER("groups8_residual", 2, 7, 7, 32, 7, 7, 32, 3, 3, 1, 1, 1, 8, 1, 1, 1, 1)
    LAYER("depthwise_stride2_residual", 2, 8, 7, 24, 4, 4, 24, 3, 3, 2, 2, 1, 24, 1, 0, 1, 1)
    LAYER("depthwise_residual", 2, 7, 6, 24, 7, 6, 24, 3, 3, 1, 1, 1, 24, 1, 1, 1, 1)
#undef LAYER
    { .name = NULL },
};

const weft_op_case weft_conv2d_dw_cases[] = {
#define LAYER(label, n, h, w, c, oh, ow, k, r, s, sh, sw, d, g, top, bottom, left, right) \
    { WEFT_CASE(label, WEFT_NHWC(n, h, w, c), WEFT_NHWC(n, oh, ow, k)), \
      OPTIONS(h, w, c, k, r, s, sh, sw, d, g, top, bottom, left, right) },
    LAYERS
#undef LAYER
    { .name = NULL },
};
/* clang-format on */
