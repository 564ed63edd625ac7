/* SPDX-License-Identifier: Apache-2.0
 *
 * AlexNet: Krizhevsky, Sutskever & Hinton 2012, sections 3 and 5: the two towers of the paper as convolutions with
 * two groups, local response normalisation (k 2, n 5, alpha 1e-4, beta .75) after the first two ReLUs, overlapping
 * pools. The paper's 224 pixels do not give 55x55 maps; 227 do. Its biases of 1 in some layers are not drawn. */
#include "blocks.h"

/* clang-format off */
static const struct {
    const char *name;
    int out, kernel, stride, groups;
    weft_padding padding;
    bool normalise, pool;
} convs[] = {
    { "conv1",  96, 11, 4, 1, WEFT_VALID, true,  true },
    { "conv2", 256,  5, 1, 2, WEFT_SAME,  true,  true },
    { "conv3", 384,  3, 1, 1, WEFT_SAME,  false, false },
    { "conv4", 384,  3, 1, 2, WEFT_SAME,  false, false },
    { "conv5", 256,  3, 1, 2, WEFT_SAME,  false, true },
};
/* clang-format on */

void weft_build_alexnet(weft_net *n)
{
    weft_graph *const g = n->g;
    weft_var x = weft_net_input(n);

    n->conv_init = n->dense_init = WEFT_INIT_NORMAL;
    n->conv_scale = n->dense_scale = .01;
    for (int i = 0; i < COUNT(convs); i++) {
        x = conv_relu(n, x,
                      CONV(.name = convs[i].name, .out = convs[i].out, .kernel = convs[i].kernel,
                           .stride = convs[i].stride, .groups = convs[i].groups, .padding = convs[i].padding));
        if (convs[i].normalise)
            x = weft_lrn(g, x, NULL);
        if (convs[i].pool)
            x = weft_max_pool2d(g, x, POOL(.kernel = 3, .stride = 2, .padding = WEFT_VALID));
    }
    x = weft_flatten(g, x);
    x = weft_net_dense_relu(n, x, "fc6", 4096, .5);
    x = weft_net_dense_relu(n, x, "fc7", 4096, .5);
    weft_net_output(n, weft_net_head(n, x));
}
