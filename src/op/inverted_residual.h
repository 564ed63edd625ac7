/* SPDX-License-Identifier: Apache-2.0
 *
 * The unit of MobileNetV2 and EfficientNet as one op: up to four stages, each an ordinary op. No builder makes it;
 * the fusion pass does, where a device has a kernel that runs the stages without storing what lies between them. */
#ifndef WEFT_OP_INVERTED_RESIDUAL_H
#define WEFT_OP_INVERTED_RESIDUAL_H

#include "graph/op.h"

typedef struct weft_inverted_residual_opt {
    const char *name;
    weft_conv2d_opt expand;           /* 1x1; out 0: no such stage */
    weft_conv2d_opt depthwise;        /* always there */
    weft_squeeze_excite_opt excite;   /* reduced 0: no such stage */
    weft_conv2d_opt project;          /* 1x1, always there; takes the node's epilogue */
    weft_act expand_act, depthwise_act;
} weft_inverted_residual_opt;

enum { WEFT_MAX_STAGE = 4, WEFT_STAGE_IN = 6 /* x, four parameters, the residual */ };

/* The stages as nodes of their own ops. Shapes point into the struct: it must not be copied. */
typedef struct weft_stages {
    int count;
    weft_node node[WEFT_MAX_STAGE];
    int first_param[WEFT_MAX_STAGE];
    int expand, depthwise, excite, project; /* indices; -1: no such stage */
    weft_shape in[WEFT_MAX_STAGE][WEFT_STAGE_IN], out[WEFT_MAX_STAGE];
} weft_stages;

/* node: a whole inverted residual. The last stage has its residual, if any. */
void weft_stages_split(const weft_node *node, weft_stages *stages);

#endif
