/* SPDX-License-Identifier: Apache-2.0
 *
 * The CNN for Fashion-MNIST of Geron 2022, Hands-On Machine Learning, 3rd edition, chapter 14: five convolutions in
 * three blocks, each followed by a 2x2 max pool without a border (28, 14, 7, 3), and two hidden dense layers. */
#include "blocks.h"

static const struct {
    int convs, width, kernel;
} blocks[] = { { 1, 64, 7 }, { 2, 128, 3 }, { 2, 256, 3 } };

void weft_build_fashion_cnn(weft_net *n)
{
    static const char *const name[] = { "a", "b" };
    n->conv_init = n->dense_init = WEFT_INIT_HE_NORMAL;
    weft_var x = weft_net_input(n);
    for (int i = 0; i < COUNT(blocks); i++) {
        weft_scope_push(n->g, "block%d", i + 1);
        for (int j = 0; j < blocks[i].convs; j++)
            x = conv_relu(n, x, CONV(.name = name[j], .out = blocks[i].width, .kernel = blocks[i].kernel));
        x = weft_max_pool2d(n->g, x, POOL(.kernel = 2, .padding = WEFT_VALID));
        weft_scope_pop(n->g);
    }
    x = weft_flatten(n->g, x);
    x = weft_net_dense_relu(n, x, "fc1", 128, .5);
    x = weft_net_dense_relu(n, x, "fc2", 64, .5);
    n->dense_init = WEFT_INIT_GLOROT_UNIFORM;
    weft_net_output(n, weft_net_head(n, x));
}
