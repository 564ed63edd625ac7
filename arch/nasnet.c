/* SPDX-License-Identifier: Apache-2.0
 *
 * NASNet-A: Zoph et al. 2017, arXiv:1707.07012, figure 4 and appendix, as in Keras: Mobile (4 @ 1056) and Large
 * (6 @ 4032). Every convolution of the paper comes after a ReLU; weft computes the ReLU of a value once and hands the
 * rectified value on, and folds the 1x1/2 average pools of the adjusting layer into the 1x1 convolutions behind them,
 * which changes no result. */
#include "blocks.h"

static const struct {
    int penultimate, cells, stem;
    bool skip_reduction; /* cells after a reduction look back to the cell before it */
} variants[] = {
    [0] = { 1056, 4, 32, false }, /* Mobile */
    [1] = { 4032, 6, 96, true },  /* Large */
};

/* The two newest cells' outputs, rectified; before is null in the first cell. */
typedef struct history {
    weft_var now, before;
} history;

/* Twice (depthwise, 1x1, batch norm) with a ReLU between; x is rectified already. The stride is the first's. */
static weft_var separable(const weft_net *n, weft_var x, const char *name, int kernel, int stride, int64_t out)
{
    weft_graph *const g = n->g;
    weft_scope_push(g, "%s", name);
    weft_var y = x;
    for (int i = 0; i < 2; i++) {
        const int step = i == 0 ? stride : 1;
        const weft_pad pad = step == 1 ? pad_all(kernel / 2) : weft_net_half_pad(g, y, kernel);
        weft_scope_push(g, i == 0 ? "first" : "second");
        y = weft_net_conv(
            n, y,
            CONV(.name = "depthwise", .kernel = kernel, .stride = step, .groups = weft_channels(g, y), PADDED(pad)));
        y = conv_bn(n, y, CONV(.name = "pointwise", .out = out, .kernel = 1));
        if (i == 0)
            y = weft_relu(g, y);
        weft_scope_pop(g);
    }
    weft_scope_pop(g);
    return y;
}

/* The older input at the size and width of the newer: halved by two 1x1/2 paths, the second a pixel down and right;
 * or projected. The first cell has no older input and takes the newer. */
static weft_var adjust(const weft_net *n, history h, int64_t out)
{
    weft_graph *const g = n->g;
    if (h.before.id == 0)
        return h.now;
    if (weft_height(g, h.before) == weft_height(g, h.now)) {
        if (weft_channels(g, h.before) == out)
            return h.before;
        return conv_bn(n, h.before, CONV(.name = "adjust", .out = out, .kernel = 1));
    }
    weft_scope_push(g, "adjust");
    weft_var paths[2];
    paths[0] = weft_net_conv(n, h.before,
                             CONV(.name = "even", .out = out / 2, .kernel = 1, .stride = 2, .padding = WEFT_VALID));
    const weft_pad edge = { .bottom = weft_height(g, h.before) % 2, .right = weft_width(g, h.before) % 2 };
    const weft_var odd = weft_crop2d(g, h.before, &(weft_pad){ .top = 1, .left = 1 });
    paths[1] = weft_net_conv(n, odd, CONV(.name = "odd", .out = out / 2, .kernel = 1, .stride = 2, PADDED(edge)));
    const weft_var y = weft_net_batch_norm(n, weft_concat(g, paths, 2));
    weft_scope_pop(g);
    return y;
}

static history advance(const weft_net *n, history h, const weft_var *blocks, int count)
{
    return (history){ .now = weft_relu(n->g, weft_concat(n->g, blocks, count)), .before = h.now };
}

/* The sum of two separable units, in the scopes NAME/left and NAME/right. */
static weft_var separable_pair(const weft_net *n, const char *name, weft_var a, int kernel_a, weft_var b, int kernel_b,
                               int stride, int64_t out)
{
    weft_scope_push(n->g, "%s", name);
    const weft_var left = separable(n, a, "left", kernel_a, stride, out);
    const weft_var right = separable(n, b, "right", kernel_b, stride, out);
    const weft_var y = weft_add(n->g, left, right);
    weft_scope_pop(n->g);
    return y;
}

/* Figure 4 left. */
static history normal_cell(const weft_net *n, history s, int out)
{
    weft_graph *const g = n->g;
    const weft_var p = adjust(n, s, out), pr = weft_relu(g, p);
    const weft_var h = conv_bn(n, s.now, CONV(.name = "squeeze", .out = out, .kernel = 1)), hr = weft_relu(g, h);
    weft_var blocks[6];
    blocks[0] = p;
    blocks[1] = separable_pair(n, "block1", hr, 5, pr, 3, 1, out);
    blocks[2] = separable_pair(n, "block2", pr, 5, pr, 3, 1, out);
    const weft_pool2d_opt mean = { .name = "mean", .kernel = 3, .stride = 1 };
    const weft_var mean_h = weft_avg_pool2d(g, h, &mean);
    blocks[3] = weft_add(g, mean_h, p);
    const weft_var mean_p = weft_avg_pool2d(g, p, &mean);
    blocks[4] = weft_add(g, mean_p, mean_p);
    blocks[5] = weft_add(g, separable(n, hr, "block5", 3, 1, out), h);
    return advance(n, s, blocks, COUNT(blocks));
}

/* Figure 4 right: every stride is 2. Pools see the zeros of the padding, as values. */
static history reduction_cell(const weft_net *n, history s, int out)
{
    weft_graph *const g = n->g;
    const weft_var p = adjust(n, s, out), pr = s.before.id == 0 ? p : weft_relu(g, p);
    const weft_var h = conv_bn(n, s.now, CONV(.name = "squeeze", .out = out, .kernel = 1)), hr = weft_relu(g, h);
    const weft_pad pad = weft_net_half_pad(g, h, 3);
    const weft_var max = weft_max_pool2d(g, h, POOL(.kernel = 3, .stride = 2, PADDED(pad), .zero_border = true));
    const weft_var mean = weft_avg_pool2d(g, h, POOL(.kernel = 3, .stride = 2, PADDED(pad), .count_border = true));
    const weft_var b1 = separable_pair(n, "block1", hr, 5, pr, 7, 2, out);
    weft_var blocks[4];
    blocks[0] = weft_add(g, max, separable(n, pr, "block2", 7, 2, out));
    blocks[1] = weft_add(g, mean, separable(n, pr, "block3", 5, 2, out));
    const weft_var b1_mean = weft_avg_pool2d(g, b1, POOL(.name = "mean", .kernel = 3, .stride = 1));
    blocks[2] = weft_add(g, blocks[0], b1_mean);
    blocks[3] = weft_add(g, separable(n, weft_relu(g, b1), "block5", 3, 1, out), max);
    return advance(n, s, blocks, COUNT(blocks));
}

void weft_build_nasnet(weft_net *n)
{
    weft_graph *const g = n->g;
    const int cells = variants[n->variant].cells, width = variants[n->variant].penultimate / 24;
    n->bn.momentum = .9997;
    n->conv_init = WEFT_INIT_HE_NORMAL;
    n->dense_init = WEFT_INIT_GLOROT_UNIFORM;
    history s = { .now = weft_net_input(n) };
    s.now = conv_bn_relu(
        n, s.now,
        CONV(.name = "stem", .out = variants[n->variant].stem, .kernel = 3, .stride = 2, .padding = WEFT_VALID));
    for (int i = 0; i < 2; i++) {
        weft_scope_push(g, "stem%d", i + 1);
        s = reduction_cell(n, s, width / (i == 0 ? 4 : 2));
        weft_scope_pop(g);
    }
    for (int stage = 0; stage < 3; stage++) {
        if (stage > 0) {
            const weft_var before = s.before;
            weft_scope_push(g, "reduce%d", stage);
            s = reduction_cell(n, s, width << stage);
            weft_scope_pop(g);
            if (variants[n->variant].skip_reduction)
                s.before = before;
        }
        for (int i = 0; i < cells; i++) {
            weft_scope_push(g, "stage%d.%d", stage + 1, i);
            s = normal_cell(n, s, width << stage);
            weft_scope_pop(g);
        }
    }
    weft_net_output(n, weft_net_pool_head(n, s.now, 0));
}
