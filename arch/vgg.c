/* SPDX-License-Identifier: Apache-2.0
 *
 * VGG-16 and VGG-19: Simonyan & Zisserman 2014, arXiv:1409.1556, columns D and E of table 1. Five blocks of 3x3
 * convolutions, each followed by a 2x2 max pool, then three dense layers. Keras has no dropout; torchvision
 * does, and an adaptive pool that does nothing at 224 pixels and is left out. */
#include "blocks.h"

enum { BLOCKS = 5, HIDDEN = 4096 };

static const struct {
    int layers; /* the number in the name */
    int convs[BLOCKS];
} variants[] = {
    { 16, { 2, 2, 3, 3, 3 } },
    { 19, { 2, 2, 4, 4, 4 } },
};
static const int widths[BLOCKS] = { 64, 128, 256, 512, 512 };

static weft_var block(const weft_net *n, weft_var x, int convs, int width)
{
    static const char *const name[] = { "a", "b", "c", "d" };
    for (int i = 0; i < convs; i++)
        x = conv_relu(n, x, CONV(.name = name[i], .out = width, .kernel = 3));
    return weft_max_pool2d(n->g, x, POOL(.kernel = 2, .padding = WEFT_VALID));
}

void weft_build_vgg(weft_net *n)
{
    const bool torch = n->dialect == WEFT_TORCH;
    weft_var x = weft_net_input(n);
    const int *convs = NULL;
    for (int i = 0; i < COUNT(variants); i++)
        if (variants[i].layers == n->variant)
            convs = variants[i].convs;
    n->conv_init = torch ? WEFT_INIT_HE_NORMAL_OUT : WEFT_INIT_GLOROT_UNIFORM;
    n->dense_init = torch ? WEFT_INIT_NORMAL : WEFT_INIT_GLOROT_UNIFORM;
    n->dense_scale = .01;

    for (int i = 0; i < BLOCKS; i++) {
        weft_scope_push(n->g, "block%d", i + 1);
        x = block(n, x, convs[i], widths[i]);
        weft_scope_pop(n->g);
    }
    x = weft_flatten(n->g, x);
    const double dropout = torch ? .5 : 0;
    x = weft_net_dense_relu(n, x, "fc1", HIDDEN, dropout);
    x = weft_net_dense_relu(n, x, "fc2", HIDDEN, dropout);
    weft_net_output(n, weft_net_head(n, x));
}
