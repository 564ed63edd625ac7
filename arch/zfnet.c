/* SPDX-License-Identifier: Apache-2.0
 *
 * ZFNet: Zeiler & Fergus 2013, arXiv:1311.2901, figure 3: AlexNet with a 7x7 first layer of stride 2, a second layer
 * of stride 2, one tower, and normalisation after the pools. For what the paper calls contrast normalisation across
 * maps, AlexNet's with its constants is taken: the paper gives none. */
#include "blocks.h"

/* clang-format off */
static const struct {
    const char *name;
    int out, kernel, stride, pad;
    bool pool, normalise;
    int pool_pad;
} convs[] = {
    { "conv1",  96, 7, 2, 1, true,  true,  1 },
    { "conv2", 256, 5, 2, 0, true,  true,  1 },
    { "conv3", 384, 3, 1, 1, false, false, 0 },
    { "conv4", 384, 3, 1, 1, false, false, 0 },
    { "conv5", 256, 3, 1, 1, true,  false, 0 },
};
/* clang-format on */

void weft_build_zfnet(weft_net *n)
{
    weft_graph *const g = n->g;
    n->conv_init = n->dense_init = WEFT_INIT_NORMAL;
    n->conv_scale = n->dense_scale = .01;
    weft_var x = weft_net_input(n);
    for (int i = 0; i < COUNT(convs); i++) {
        x = conv_relu(n, x,
                      CONV(.name = convs[i].name, .out = convs[i].out, .kernel = convs[i].kernel,
                           .stride = convs[i].stride, PADDED(pad_all(convs[i].pad))));
        if (convs[i].pool)
            x = weft_max_pool2d(g, x, POOL(.kernel = 3, .stride = 2, PADDED(pad_all(convs[i].pool_pad))));
        if (convs[i].normalise)
            x = weft_lrn(g, x, NULL);
    }
    x = weft_flatten(g, x);
    x = weft_net_dense_relu(n, x, "fc6", 4096, .5);
    x = weft_net_dense_relu(n, x, "fc7", 4096, .5);
    weft_net_output(n, weft_net_head(n, x));
}
