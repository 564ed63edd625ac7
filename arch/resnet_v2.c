/* SPDX-License-Identifier: Apache-2.0
 *
 * ResNet V2-50, 101, 152: He et al. 2016, arXiv:1603.05027, pre-activation units (fig. 1b), as in Keras: the stride
 * sits in a stage's last unit, the projection takes the pre-activated input, and the stem ends in a max pool whose
 * border counts as zeros (its input may be negative). */
#include "blocks.h"

enum { STAGES = 4 };

/* clang-format off */
static const struct {
    int layers;
    int units[STAGES];
} variants[] = {
    { 50, { 3, 4, 6, 3 } },
    { 101, { 3, 4, 23, 3 } },
    { 152, { 3, 8, 36, 3 } },
};
/* clang-format on */

/* x [N, H, W, C] -> [N, ceil(H/stride), ceil(W/stride), 4 * width]. */
static weft_var unit(const weft_net *n, weft_var x, int width, int stride, bool project)
{
    weft_graph *const g = n->g;
    weft_scope_push(g, "preact");
    const weft_var pre = weft_relu(g, weft_net_batch_norm(n, x));
    weft_scope_pop(g);

    weft_var y = conv_bn_relu(n, pre, CONV(.name = "a", .out = width, .kernel = 1));
    y = conv_bn_relu(n, y, CONV(.name = "b", .out = width, .kernel = 3, .stride = stride, PADDED(pad_all(1))));
    y = weft_net_conv(n, y, CONV(.name = "c", .out = 4 * width, .kernel = 1, .bias = true));

    weft_var skip = x;
    if (project)
        skip =
            weft_net_conv(n, pre, CONV(.name = "proj", .out = 4 * width, .kernel = 1, .stride = stride, .bias = true));
    else if (stride != 1)
        skip = weft_max_pool2d(g, x, POOL(.name = "skip", .kernel = 1, .stride = stride, .padding = WEFT_VALID));
    return weft_add(g, y, skip);
}

void weft_build_resnet_v2(weft_net *n)
{
    weft_graph *const g = n->g;
    int v = 0;
    while (variants[v].layers != n->variant)
        v++;
    n->bn.epsilon = 1.001e-5;
    n->conv_init = n->dense_init = WEFT_INIT_GLOROT_UNIFORM;

    weft_var x = weft_net_input(n);
    x = weft_net_conv(n, x,
                      CONV(.name = "stem", .out = 64, .kernel = 7, .stride = 2, PADDED(pad_all(3)), .bias = true));
    x = weft_max_pool2d(g, x, POOL(.kernel = 3, .stride = 2, PADDED(pad_all(1)), .zero_border = true));
    for (int stage = 0; stage < STAGES; stage++) {
        const int units = variants[v].units[stage];
        for (int i = 0; i < units; i++) {
            weft_scope_push(g, "stage%d.%d", stage + 1, i);
            const bool shrinks = i == units - 1 && stage < STAGES - 1;
            x = unit(n, x, 64 << stage, shrinks ? 2 : 1, i == 0);
            weft_scope_pop(g);
        }
    }
    weft_scope_push(g, "post");
    x = weft_relu(g, weft_net_batch_norm(n, x));
    weft_scope_pop(g);
    weft_net_output(n, weft_net_pool_head(n, x, 0));
}
