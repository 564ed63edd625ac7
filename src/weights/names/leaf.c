/* SPDX-License-Identifier: Apache-2.0
 *
 * What the frameworks call a layer's parameters. PyTorch says "layer.leaf"; Keras "layer/leaf", or "layer/k" in the
 * files of Keras 3, where k is the parameter's place among the layer's. */
#include <stdio.h>
#include <string.h>

#include "weights/names/map.h"

weft_style weft_origin_style(weft_origin origin)
{
    static const weft_style styles[WEFT_ORIGIN_COUNT] = {
        [WEFT_ORIGIN_WEFT] = WEFT_STYLE_OURS,
        [WEFT_ORIGIN_TORCHVISION] = WEFT_STYLE_TORCH,
        [WEFT_ORIGIN_TIMM] = WEFT_STYLE_TORCH,
        [WEFT_ORIGIN_KERAS] = WEFT_STYLE_KERAS,
        [WEFT_ORIGIN_TRANSFORMERS] = WEFT_STYLE_TORCH,
    };
    return (unsigned)origin < WEFT_ORIGIN_COUNT ? styles[origin] : WEFT_STYLE_OURS;
}

/* Our leaf, theirs: the newest framework's first. */
static const struct leaf {
    weft_style style;
    const char *ours, *theirs;
} leaves[] = {
    { WEFT_STYLE_TORCH, "weight", "weight" },
    { WEFT_STYLE_TORCH, "bias", "bias" },
    { WEFT_STYLE_TORCH, "gamma", "weight" },
    { WEFT_STYLE_TORCH, "beta", "bias" },
    { WEFT_STYLE_TORCH, "mean", "running_mean" },
    { WEFT_STYLE_TORCH, "variance", "running_var" },
    { WEFT_STYLE_KERAS, "weight", "kernel" },
    { WEFT_STYLE_KERAS, "weight", "depthwise_kernel" },
    { WEFT_STYLE_KERAS, "bias", "bias" },
    { WEFT_STYLE_KERAS, "gamma", "gamma" },
    { WEFT_STYLE_KERAS, "beta", "beta" },
    { WEFT_STYLE_KERAS, "mean", "moving_mean" },
    { WEFT_STYLE_KERAS, "variance", "moving_variance" },
    { WEFT_STYLE_KERAS, "mean", "mean" }, /* of Normalization */
    { WEFT_STYLE_KERAS, "variance", "variance" },
    { WEFT_STYLE_KERAS, "count", "count" },
};
enum { LEAVES = sizeof leaves / sizeof *leaves };

/* Leaves that a template names, at another place than ours has them. */
static const struct {
    const char *leaf;
    int position;
} places[] = {
    { "depthwise_kernel", 0 }, /* of SeparableConv2D */
    { "pointwise_kernel", 1 },
};

static bool write_name(char *buf, size_t size, const char *layer, char between, const char *leaf)
{
    const int n = *layer ? snprintf(buf, size, "%s%c%s", layer, between, leaf) : snprintf(buf, size, "%s", leaf);
    return n > 0 && (size_t)n < size;
}

static int place_of(const char *given, int position)
{
    for (int i = 0; given && i < WEFT_COUNT(places); i++) {
        if (strcmp(places[i].leaf, given) == 0)
            return places[i].position;
    }
    return position;
}

bool weft_leaf_candidate(weft_style style, const char *layer, const char *leaf, const char *given, int position, int c,
                         char *buf, size_t size)
{
    const char between = style == WEFT_STYLE_TORCH ? '.' : '/';
    char number[16];
    int i = 0;
    if (style == WEFT_STYLE_OURS)
        return c == 0 && write_name(buf, size, layer, between, leaf);
    if (given && c == 0)
        return write_name(buf, size, layer, between, given);
    if (given)
        i = LEAVES, c--;
    for (; i < LEAVES; i++) {
        if (leaves[i].style == style && strcmp(leaves[i].ours, leaf) == 0 && c-- == 0)
            return write_name(buf, size, layer, between, leaves[i].theirs);
    }
    if (style != WEFT_STYLE_KERAS || c != 0)
        return false;
    snprintf(number, sizeof number, "%d", place_of(given, position));
    return write_name(buf, size, layer, between, number);
}

bool weft_leaf_ignored(weft_style style, const char *key)
{
    static const struct {
        weft_style style;
        const char *pattern;
    } rows[] = {
        { WEFT_STYLE_TORCH, "*.num_batches_tracked" },
        { WEFT_STYLE_TORCH, "n_averaged" }, /* of torch.optim.swa_utils.AveragedModel */
        { WEFT_STYLE_TORCH, "*.n_averaged" },
        { WEFT_STYLE_TORCH, "initted" }, /* of ema_pytorch */
        { WEFT_STYLE_TORCH, "step" },
        { WEFT_STYLE_TORCH, "total_ops" },  /* of thop, a counter of operations */
        { WEFT_STYLE_TORCH, "total_params" },
        { WEFT_STYLE_TORCH, "*.total_ops" },
        { WEFT_STYLE_TORCH, "*.total_params" },
        { WEFT_STYLE_TORCH, "optimizer*" },
        { WEFT_STYLE_TORCH, "loss*" }, /* weights of classes, which a loss registers */
        { WEFT_STYLE_TORCH, "criterion*" },
        { WEFT_STYLE_TORCH, "*_loss.*" },
        { WEFT_STYLE_TORCH, "*.loss.*" },
        { WEFT_STYLE_TORCH, "*.loss_fn.*" },
        { WEFT_STYLE_TORCH, "*.criterion.*" },
        { WEFT_STYLE_TORCH, "*metric*" }, /* states that a metric keeps */
        { WEFT_STYLE_TORCH, "*_acc.*" },
        { WEFT_STYLE_KERAS, "optimizer*" },
        { WEFT_STYLE_KERAS, "*/seed_generator*" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        weft_name_values values;
        if (rows[i].style == style && weft_name_match(rows[i].pattern, key, &values))
            return true;
    }
    return false;
}
