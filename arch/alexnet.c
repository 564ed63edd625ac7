/* SPDX-License-Identifier: Apache-2.0
 *
 * AlexNet: Krizhevsky, Sutskever & Hinton 2012, sections 3 and 5: the two towers of the paper as convolutions with
 * two groups, local response normalisation (k 2, n 5, alpha 1e-4, beta .75) after the first two ReLUs, overlapping
 * pools. The paper's 224 pixels do not give 55x55 maps; 227 do. Its biases of 1 in some layers are not drawn.
 * The variant is the number of groups: 1 joins the towers. torchvision's is the narrower single tower of Krizhevsky
 * 2014, arXiv:1404.5997, without normalisation; its adaptive pool, which does nothing at 224 pixels, is left out. */
#include "blocks.h"

enum { CONVS = 5 };

/* clang-format off */
static const struct {
    const char *name;
    int kernel, stride;
    bool grouped, normalise, pool;
} convs[CONVS] = {
    { "conv1", 11, 4, false, true,  true },
    { "conv2",  5, 1, true,  true,  true },
    { "conv3",  3, 1, false, false, false },
    { "conv4",  3, 1, true,  false, false },
    { "conv5",  3, 1, true,  false, true },
};

static const struct dialect {
    int widths[CONVS], first_pad;
    bool normalise;
    bool dropout_first; /* before the two hidden layers, not after them */
} dialects[WEFT_DIALECT_COUNT] = {
    [WEFT_PAPER] = { { 96, 256, 384, 384, 256 }, 0, true,  false },
    [WEFT_TORCH] = { { 64, 192, 384, 256, 256 }, 2, false, true },
};
/* clang-format on */

void weft_build_alexnet(weft_net *n)
{
    const struct dialect *d = &dialects[n->dialect];
    weft_graph *const g = n->g;
    n->conv_init = n->dense_init = WEFT_INIT_NORMAL;
    n->conv_scale = n->dense_scale = .01;
    weft_var x = weft_net_input(n);
    for (int i = 0; i < CONVS; i++) {
        const int pad = i == 0 ? d->first_pad : convs[i].kernel / 2;
        x = conv_relu(n, x,
                      CONV(.name = convs[i].name, .out = d->widths[i], .kernel = convs[i].kernel,
                           .stride = convs[i].stride, .groups = convs[i].grouped ? n->variant : 1,
                           PADDED(pad_all(pad))));
        if (convs[i].normalise && d->normalise)
            x = weft_lrn(g, x, NULL);
        if (convs[i].pool)
            x = weft_max_pool2d(g, x, POOL(.kernel = 3, .stride = 2, .padding = WEFT_VALID));
    }
    x = weft_flatten(g, x);
    if (d->dropout_first)
        x = weft_dropout(g, x, .5);
    x = weft_net_dense_relu(n, x, "fc6", 4096, .5);
    x = weft_net_dense_relu(n, x, "fc7", 4096, d->dropout_first ? 0 : .5);
    weft_net_output(n, weft_net_head(n, x));
}
