/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of ops, the activations, and the arithmetic of one spatial axis that convolutions and pools share. */
#include "graph/op.h"

#include <math.h>
#include <string.h>

const weft_op *const weft_op_table[WEFT_OP_COUNT] = {
#define WEFT_OP(id, name, family, kind, devices) [WEFT_OP_##id] = &weft_op_##name,
#include "op/list.def"
#undef WEFT_OP
};

const weft_op_kind weft_op_kinds[WEFT_OP_COUNT] = {
#define WEFT_OP(id, name, family, kind, devices) [WEFT_OP_##id] = WEFT_##kind,
#include "op/list.def"
#undef WEFT_OP
};

enum { IS_ON_ALL = true, IS_ON_CPU = false };
const bool weft_op_on_devices[WEFT_OP_COUNT] = {
#define WEFT_OP(id, name, family, kind, devices) [WEFT_OP_##id] = IS_ON_##devices,
#include "op/list.def"
#undef WEFT_OP
};

weft_op_id weft_op_parse(const char *name)
{
    for (int i = 0; i < WEFT_OP_COUNT; i++)
        if (strcmp(weft_op_table[i]->name, name) == 0)
            return (weft_op_id)i;
    return WEFT_OP_COUNT;
}

const char *weft_act_name(weft_act act)
{
    static const char *const names[WEFT_ACT_COUNT] = {
        [WEFT_ACT_NONE] = "",
        [WEFT_ACT_RELU] = "relu",
        [WEFT_ACT_RELU6] = "relu6",
        [WEFT_ACT_TANH] = "tanh",
        [WEFT_ACT_SIGMOID] = "sigmoid",
        [WEFT_ACT_SWISH] = "swish",
        [WEFT_ACT_HARD_SIGMOID] = "hard_sigmoid",
        [WEFT_ACT_HARD_SWISH] = "hard_swish",
        [WEFT_ACT_LECUN_TANH] = "lecun_tanh",
        [WEFT_ACT_LEAKY_RELU] = "leaky_relu",
    };
    const unsigned i = (unsigned)act;
    return i < WEFT_ACT_COUNT ? names[i] : "";
}

/* x < 0 ? 0 : x and not x > 0 ? x : 0, so that a NaN stays a NaN. */
static double clamp(double x, double high)
{
    return x < 0 ? 0 : x > high ? high : x;
}

double weft_act_eval(weft_act act, double x)
{
    switch (act) {
    case WEFT_ACT_RELU:
        return x < 0 ? 0 : x;
    case WEFT_ACT_RELU6:
        return clamp(x, 6);
    case WEFT_ACT_TANH:
        return tanh(x);
    case WEFT_ACT_SIGMOID:
        return 1 / (1 + exp(-x));
    case WEFT_ACT_SWISH:
        return x / (1 + exp(-x));
    case WEFT_ACT_HARD_SIGMOID:
        return clamp(x + 3, 6) / 6;
    case WEFT_ACT_HARD_SWISH:
        return x * (clamp(x + 3, 6) / 6);
    case WEFT_ACT_LECUN_TANH:
        return 1.7159 * tanh(x * 2 / 3);
    case WEFT_ACT_LEAKY_RELU:
        return x < 0 ? .01 * x : x;
    case WEFT_ACT_NONE:
    case WEFT_ACT_COUNT:
        break;
    }
    return x;
}

/* Pixels that one window spans. */
static int64_t extent(const weft_axis *axis)
{
    return (int64_t)(axis->kernel - 1) * axis->dilation + 1;
}

void weft_axis_resolve(weft_axis *axis, weft_padding padding)
{
    if (padding == WEFT_EXPLICIT)
        return;
    axis->before = axis->after = 0;
    if (padding == WEFT_VALID)
        return;
    const int64_t out = (axis->in - 1) / axis->stride + 1;
    const int64_t total = (out - 1) * axis->stride + extent(axis) - axis->in;
    if (total > 0) {
        axis->before = (int)(total / 2);
        axis->after = (int)(total - total / 2);
    }
}

int64_t weft_axis_out(const weft_axis *axis, bool ceil)
{
    const int64_t room = axis->in + axis->before + axis->after - extent(axis);
    if (!ceil)
        return room < 0 ? 0 : room / axis->stride + 1;
    /* ceil(room / stride) + 1, the quotient rounded up below zero too. */
    const int64_t full = room <= 0 ? 1 - -room / axis->stride : (room - 1) / axis->stride + 2;
    const int64_t inside = (axis->in + axis->before - 1) / axis->stride + 1;
    return full < inside ? full : inside;
}
