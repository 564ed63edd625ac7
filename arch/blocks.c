/* SPDX-License-Identifier: Apache-2.0
 *
 * Units shared by the families of networks. Each names its nodes by scopes, because weight files are mapped to
 * the resulting paths. */
#include "blocks.h"

weft_var weft_net_input(const weft_net *n)
{
    const weft_shape shape = weft_shape_nhwc(n->batch, n->px, n->px, n->channels);
    return weft_input(n->g, "image", &shape);
}

weft_var weft_net_batch_norm(const weft_net *n, weft_var x)
{
    weft_batch_norm_opt bn = n->bn;
    bn.unbiased = n->dialect == WEFT_TORCH; /* torch.nn.BatchNorm2d; Keras moves the one that normalises */
    return weft_batch_norm(n->g, x, &bn);
}

weft_var weft_net_conv(const weft_net *n, weft_var x, const weft_conv2d_opt *conv)
{
    weft_conv2d_opt opt = *conv;
    if (opt.init == WEFT_INIT_DEFAULT) {
        opt.init = n->conv_init;
        opt.init_scale = n->conv_scale;
    }
    return weft_conv2d(n->g, x, &opt);
}

weft_var weft_net_conv_bn_act(const weft_net *n, weft_var x, const weft_conv2d_opt *conv, weft_act act)
{
    weft_conv2d_opt opt = *conv;
    weft_scope_push(n->g, "%s", opt.name);
    opt.name = NULL;
    opt.bias = opt.bias || n->conv_bias;
    weft_var y = weft_net_batch_norm(n, weft_net_conv(n, x, &opt));
    if (act != WEFT_ACT_NONE)
        y = weft_activation(n->g, y, act);
    weft_scope_pop(n->g);
    return y;
}

weft_var weft_net_conv_act(const weft_net *n, weft_var x, const weft_conv2d_opt *conv, weft_act act)
{
    weft_conv2d_opt opt = *conv;
    opt.bias = true;
    weft_scope_push(n->g, "%s", opt.name);
    opt.name = NULL;
    const weft_var y = weft_activation(n->g, weft_net_conv(n, x, &opt), act);
    weft_scope_pop(n->g);
    return y;
}

weft_var weft_net_dense_relu(const weft_net *n, weft_var x, const char *name, int64_t out, double dropout)
{
    const weft_dense_opt opt = { .out = out, .init = n->dense_init, .init_scale = n->dense_scale };
    weft_scope_push(n->g, "%s", name);
    weft_var y = weft_relu(n->g, weft_dense(n->g, x, &opt));
    if (dropout > 0)
        y = weft_dropout(n->g, y, dropout);
    weft_scope_pop(n->g);
    return y;
}

weft_var weft_net_tower(const weft_net *n, weft_var x, const char *name, const weft_conv2d_opt *convs, int count)
{
    weft_scope_push(n->g, "%s", name);
    for (int i = 0; i < count; i++) {
        static const char *const digit[] = { "0", "1", "2", "3", "4", "5", "6", "7" };
        weft_conv2d_opt conv = convs[i];
        conv.name = digit[i];
        x = conv_bn_relu(n, x, &conv);
    }
    weft_scope_pop(n->g);
    return x;
}

weft_var weft_net_head(const weft_net *n, weft_var x)
{
    const weft_dense_opt opt = { .out = n->classes, .init = n->dense_init, .init_scale = n->dense_scale };
    weft_scope_push(n->g, "head");
    const weft_var y = weft_dense(n->g, x, &opt);
    weft_scope_pop(n->g);
    return y;
}

weft_var weft_net_pool_head(const weft_net *n, weft_var x, double dropout)
{
    weft_scope_push(n->g, "head");
    weft_var y = weft_global_avg_pool2d(n->g, x);
    if (dropout > 0)
        y = weft_dropout(n->g, y, dropout);
    weft_scope_pop(n->g);
    return weft_net_head(n, y);
}

void weft_net_output(const weft_net *n, weft_var logits)
{
    if (n->softmax)
        weft_output(n->g, weft_softmax(n->g, logits), "probabilities");
    else
        weft_output(n->g, logits, "logits");
}

void weft_net_aux_output(const weft_net *n, weft_var logits, const char *name)
{
    weft_scope_push(n->g, "%s", name);
    weft_output(n->g, n->softmax ? weft_softmax(n->g, logits) : logits, name);
    weft_scope_pop(n->g);
}

weft_pad weft_net_half_pad(const weft_graph *g, weft_var x, int kernel)
{
    const int half = kernel / 2;
    return (weft_pad){
        .top = half - (weft_height(g, x) % 2 == 0),
        .bottom = half,
        .left = half - (weft_width(g, x) % 2 == 0),
        .right = half,
    };
}

int weft_net_round_width(double width)
{
    int rounded = (int)(width + 4) / 8 * 8;
    if (rounded < 8)
        rounded = 8;
    return rounded < .9 * width ? rounded + 8 : rounded;
}
