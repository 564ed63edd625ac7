/* SPDX-License-Identifier: Apache-2.0
 *
 * LeNet-5: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition", section
 * II.B. The paper's dialect has trainable sub-sampling, the partial connections of table I, the scaled tanh and an
 * RBF output whose answers are distances (the smallest wins): exactly 60,000 trainable parameters. The Keras dialect
 * is the modern reading of textbooks: full connections, average pools, tanh, softmax. */
#include "blocks.h"

enum { S2_MAPS = 6, C3_MAPS = 16 };

/* Table I: which maps of S2 each map of C3 sees; 60 of 96. */
static const uint8_t connections[C3_MAPS][S2_MAPS] = {
    { 1, 1, 1, 0, 0, 0 }, { 0, 1, 1, 1, 0, 0 }, { 0, 0, 1, 1, 1, 0 }, { 0, 0, 0, 1, 1, 1 },
    { 1, 0, 0, 0, 1, 1 }, { 1, 1, 0, 0, 0, 1 }, { 1, 1, 1, 1, 0, 0 }, { 0, 1, 1, 1, 1, 0 },
    { 0, 0, 1, 1, 1, 1 }, { 1, 0, 0, 1, 1, 1 }, { 1, 1, 0, 0, 1, 1 }, { 1, 1, 1, 0, 0, 1 },
    { 1, 1, 0, 1, 1, 0 }, { 0, 1, 1, 0, 1, 1 }, { 1, 0, 1, 1, 0, 1 }, { 1, 1, 1, 1, 1, 1 },
};

static weft_var paper(const weft_net *n, weft_var x)
{
    const weft_act act = WEFT_ACT_LECUN_TANH;
    weft_graph *const g = n->g;
    const weft_partial_conv2d_opt c3 = {
        .name = "c3", .out = C3_MAPS, .kernel = 5, .table = connections[0], .bias = true, .init = n->conv_init
    };
    x = weft_net_conv_act(n, x, CONV(.name = "c1", .out = S2_MAPS, .kernel = 5, .padding = WEFT_VALID), act);
    x = weft_activation(g, weft_subsample(g, x, &(weft_subsample_opt){ .name = "s2" }), act);
    x = weft_partial_conv2d(g, x, &c3);
    x = weft_activation(g, x, act);
    x = weft_activation(g, weft_subsample(g, x, &(weft_subsample_opt){ .name = "s4" }), act);
    x = weft_net_conv_act(n, x, CONV(.name = "c5", .out = 120, .kernel = 5, .padding = WEFT_VALID), act);
    x = weft_dense(g, weft_flatten(g, x), &(weft_dense_opt){ .name = "f6", .out = 84, .init = n->dense_init });
    return weft_rbf(g, weft_activation(g, x, act), &(weft_rbf_opt){ .name = "rbf", .out = n->classes });
}

static weft_var modern(const weft_net *n, weft_var x)
{
    weft_graph *const g = n->g;
    const weft_act act = WEFT_ACT_TANH;
    x = weft_net_conv_act(n, x, CONV(.name = "c1", .out = S2_MAPS, .kernel = 5, .padding = WEFT_VALID), act);
    x = weft_avg_pool2d(g, x, POOL(.name = "s2", .padding = WEFT_VALID));
    x = weft_net_conv_act(n, x, CONV(.name = "c3", .out = C3_MAPS, .kernel = 5, .padding = WEFT_VALID), act);
    x = weft_avg_pool2d(g, x, POOL(.name = "s4", .padding = WEFT_VALID));
    x = weft_net_conv_act(n, x, CONV(.name = "c5", .out = 120, .kernel = 5, .padding = WEFT_VALID), act);
    x = weft_dense(g, weft_flatten(g, x), &(weft_dense_opt){ .name = "f6", .out = 84, .init = n->dense_init });
    return weft_net_head(n, weft_activation(g, x, act));
}

void weft_build_lenet5(weft_net *n)
{
    const bool published = n->dialect == WEFT_PAPER;
    n->conv_init = n->dense_init = published ? WEFT_INIT_LECUN_UNIFORM : WEFT_INIT_GLOROT_UNIFORM;
    weft_var x = weft_net_input(n);
    if (published)
        weft_output(n->g, paper(n, x), "distances");
    else
        weft_net_output(n, modern(n, x));
}
