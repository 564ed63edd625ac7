/* SPDX-License-Identifier: Apache-2.0
 *
 * What the networks of arch/ share: the net a builder is given, and the units that many families are made of
 * (convolution + batch norm + activation, towers of them, the classifier). A unit is a function from weft_var to
 * weft_var; a family is a table and a loop over units. Nothing here checks errors: the graph keeps the first. */
#ifndef WEFT_ARCH_BLOCKS_H
#define WEFT_ARCH_BLOCKS_H

#include <weft/arch.h>

#define CONV(...) (&(const weft_conv2d_opt){ __VA_ARGS__ })
#define POOL(...) (&(const weft_pool2d_opt){ __VA_ARGS__ })
/* Explicit pads inside CONV and POOL. */
#define PADDED(pads) .padding = WEFT_EXPLICIT, .pad = (pads)
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* One network under construction. The registry fills the first part; the family's builder sets the second, from
 * its dialect's row, before the first layer. */
typedef struct weft_net {
    weft_graph *g;
    weft_dialect dialect;
    int variant; /* the registry's: which member of the family */
    int64_t batch;
    int px, channels, classes;
    bool softmax, aux;

    weft_batch_norm_opt bn; /* of every conv_bn */
    bool conv_bias;         /* a bias although batch norm follows (Keras's ResNets) */
    weft_init conv_init;    /* of every convolution that names none */
    weft_init dense_init;   /* of every dense layer */
    double conv_scale;      /* the deviations, with WEFT_INIT_NORMAL */
    double dense_scale;
} weft_net;

/* A family's builder: adds layers and outputs to n->g. Reads n->variant and n->dialect. */
typedef void weft_net_builder(weft_net *n);
weft_net_builder weft_build_alexnet, weft_build_bn_inception, weft_build_cspnet, weft_build_densenet,
    weft_build_efficientnet, weft_build_fashion_cnn, weft_build_fashion_resnet, weft_build_googlenet,
    weft_build_inception_resnet_v2, weft_build_inception_v3, weft_build_inception_v4, weft_build_lenet5,
    weft_build_mobilenet, weft_build_mobilenet_v2, weft_build_nasnet, weft_build_resnet, weft_build_resnet_v2,
    weft_build_resnext, weft_build_senet, weft_build_vgg, weft_build_xception, weft_build_zfnet;

/* The image: [batch, px, px, channels]. */
weft_var weft_net_input(const weft_net *n);

/* Convolution with the net's initialisation, alone. */
weft_var weft_net_conv(const weft_net *n, weft_var x, const weft_conv2d_opt *conv);
/* Convolution, batch norm, activation, in a scope named conv->name: "NAME/conv2d/weight", "NAME/batch_norm/beta". */
weft_var weft_net_conv_bn_act(const weft_net *n, weft_var x, const weft_conv2d_opt *conv, weft_act act);
/* Convolution with bias, activation: nodes "NAME" and the activation's. */
weft_var weft_net_conv_act(const weft_net *n, weft_var x, const weft_conv2d_opt *conv, weft_act act);
/* Batch norm with the net's options, and the dialect's moving variance. */
weft_var weft_net_batch_norm(const weft_net *n, weft_var x);
/* Dense, ReLU, dropout: a hidden layer of the classifiers of 2012-2014, in a scope of its own. */
weft_var weft_net_dense_relu(const weft_net *n, weft_var x, const char *name, int64_t out, double dropout);

/* count conv_bn_relu units in a row, in the scope "NAME/0", "NAME/1", ...: one branch of an inception module. */
weft_var weft_net_tower(const weft_net *n, weft_var x, const char *name, const weft_conv2d_opt *convs, int count);
#define TOWER(n, x, name, ...)                                                                                         \
    weft_net_tower(n, x, name, (const weft_conv2d_opt[]){ __VA_ARGS__ },                                               \
                   COUNT(((const weft_conv2d_opt[]){ __VA_ARGS__ })))

/* Dense to the classes, in the scope "head"; and with a global average pool and dropout (if not 0) before it. */
weft_var weft_net_head(const weft_net *n, weft_var x);
weft_var weft_net_pool_head(const weft_net *n, weft_var x, double dropout);
/* Softmax unless logits are wanted, and the network's first output. */
void weft_net_output(const weft_net *n, weft_var logits);
/* The same for an auxiliary head; name, such as "aux1", is the output's. */
void weft_net_aux_output(const weft_net *n, weft_var logits, const char *name);

/* The pads that Keras puts before a `valid` convolution of stride 2 so that it sees what "same" would on even
 * sizes, and k/2 on all sides on odd ones: (k/2 - 1, k/2) or (k/2, k/2). */
weft_pad weft_net_half_pad(const weft_graph *g, weft_var x, int kernel);
/* The same number of zeros on all four sides. */
static inline weft_pad pad_all(int pixels)
{
    const weft_pad pad = { pixels, pixels, pixels, pixels };
    return pad;
}
/* width rounded to the nearest multiple of 8, but not below 90 % of it, nor below 8. */
int weft_net_round_width(double width);

static inline weft_var conv_bn(const weft_net *n, weft_var x, const weft_conv2d_opt *conv)
{
    return weft_net_conv_bn_act(n, x, conv, WEFT_ACT_NONE);
}

static inline weft_var conv_bn_relu(const weft_net *n, weft_var x, const weft_conv2d_opt *conv)
{
    return weft_net_conv_bn_act(n, x, conv, WEFT_ACT_RELU);
}

static inline weft_var conv_bn_relu6(const weft_net *n, weft_var x, const weft_conv2d_opt *conv)
{
    return weft_net_conv_bn_act(n, x, conv, WEFT_ACT_RELU6);
}

static inline weft_var conv_relu(const weft_net *n, weft_var x, const weft_conv2d_opt *conv)
{
    return weft_net_conv_act(n, x, conv, WEFT_ACT_RELU);
}

#endif
