/* SPDX-License-Identifier: Apache-2.0
 *
 * GoogLeNet: Szegedy et al. 2014, arXiv:1409.4842, table 1 and figures 2b and 3. The paper dialect builds the two
 * auxiliary heads, which only training uses (each loss counts 0.3), on demand; torchvision's pool differently and are
 * not built. The paper dialect has its biases, 5x5 convolutions and local response normalisation, with the
 * constants of Caffe's replica (the paper gives none); torchvision has batch norm instead, a 2x2 last pool, and 3x3
 * where the paper has 5x5, a known slip that its weights need. */
#include "blocks.h"

/* Maps of the four towers: 1x1; 1x1, 3x3; 1x1, 5x5; the pool's projection. */
/* clang-format off */
static const struct module {
    const char *name;
    int maps_1x1, reduce_3x3, maps_3x3, reduce_5x5, maps_5x5, pool_proj;
    int pool;        /* a max pool follows */
    const char *aux; /* an auxiliary head reads it */
} modules[] = {
    { "3a",  64,  96, 128, 16,  32,  32, 0, NULL },
    { "3b", 128, 128, 192, 32,  96,  64, 3, NULL },
    { "4a", 192,  96, 208, 16,  48,  64, 0, "aux1" },
    { "4b", 160, 112, 224, 24,  64,  64, 0, NULL },
    { "4c", 128, 128, 256, 24,  64,  64, 0, NULL },
    { "4d", 112, 144, 288, 32,  64,  64, 0, "aux2" },
    { "4e", 256, 160, 320, 32, 128, 128, 4, NULL },
    { "5a", 256, 160, 320, 32, 128, 128, 0, NULL },
    { "5b", 384, 192, 384, 48, 128, 128, 0, NULL },
};

static const struct dialect {
    bool batch_norm, lrn;
    int wide, last_pool; /* the kernels of the third tower and of the last pool */
    double dropout;
    weft_init init;
} dialects[WEFT_DIALECT_COUNT] = {
    [WEFT_PAPER] = { false, true,  5, 3, .4, WEFT_INIT_GLOROT_UNIFORM },
    [WEFT_TORCH] = { true,  false, 3, 2, .2, WEFT_INIT_NORMAL },
};
/* clang-format on */

static weft_var conv(const weft_net *n, weft_var x, const char *name, int out, int kernel, int stride)
{
    const weft_conv2d_opt opt = {
        .name = name, .out = out, .kernel = kernel, .stride = stride, PADDED(pad_all(kernel / 2))
    };
    return dialects[n->dialect].batch_norm ? conv_bn_relu(n, x, &opt) : conv_relu(n, x, &opt);
}

static weft_var normalize(const weft_net *n, weft_var x)
{
    if (!dialects[n->dialect].lrn)
        return x;
    return weft_lrn(n->g, x, &(weft_lrn_opt){ .window = 5, .alpha = 1e-4, .k = 1, .alpha_is_per_window = true });
}

/* Counts its last, partial window. */
static weft_var halving_pool(const weft_net *n, weft_var x, int kernel)
{
    return weft_max_pool2d(n->g, x, POOL(.kernel = kernel, .stride = 2, .padding = WEFT_VALID, .ceil = true));
}

static weft_var inception(const weft_net *n, weft_var x, const struct module *m)
{
    weft_var towers[4];
    towers[0] = conv(n, x, "1x1", m->maps_1x1, 1, 1);
    towers[1] = conv(n, x, "3x3_reduce", m->reduce_3x3, 1, 1);
    towers[1] = conv(n, towers[1], "3x3", m->maps_3x3, 3, 1);
    towers[2] = conv(n, x, "5x5_reduce", m->reduce_5x5, 1, 1);
    towers[2] = conv(n, towers[2], "5x5", m->maps_5x5, dialects[n->dialect].wide, 1);
    towers[3] = weft_max_pool2d(n->g, x, POOL(.name = "pool", .kernel = 3, .stride = 1));
    towers[3] = conv(n, towers[3], "pool_proj", m->pool_proj, 1, 1);
    return weft_concat(n->g, towers, COUNT(towers));
}

/* Section 5, "auxiliary classifiers". */
static weft_var auxiliary_head(const weft_net *n, weft_var x, const char *name)
{
    const weft_dense_opt last = { .name = "head", .out = n->classes, .init = n->dense_init };
    weft_scope_push(n->g, "%s", name);
    x = weft_avg_pool2d(n->g, x, POOL(.kernel = 5, .stride = 3, .padding = WEFT_VALID));
    x = weft_flatten(n->g, conv(n, x, "conv", 128, 1, 1));
    x = weft_dense(n->g, weft_net_dense_relu(n, x, "fc", 1024, .7), &last);
    weft_scope_pop(n->g);
    return x;
}

void weft_build_googlenet(weft_net *n)
{
    const struct dialect *d = &dialects[n->dialect];
    weft_var x = weft_net_input(n), aux[COUNT(modules)];
    n->bn.momentum = .9;
    n->conv_init = n->dense_init = d->init;
    n->conv_scale = n->dense_scale = .01;

    weft_scope_push(n->g, "stem");
    x = halving_pool(n, conv(n, x, "a", 64, 7, 2), 3);
    x = normalize(n, x);
    x = conv(n, x, "b", 64, 1, 1);
    x = conv(n, x, "c", 192, 3, 1);
    x = halving_pool(n, normalize(n, x), 3);
    weft_scope_pop(n->g);
    for (int i = 0; i < COUNT(modules); i++) {
        weft_scope_push(n->g, "%s", modules[i].name);
        x = inception(n, x, &modules[i]);
        weft_scope_pop(n->g);
        if (n->aux && modules[i].aux)
            aux[i] = auxiliary_head(n, x, modules[i].aux);
        if (modules[i].pool)
            x = halving_pool(n, x, modules[i].pool == 4 ? d->last_pool : 3);
    }
    weft_net_output(n, weft_net_pool_head(n, x, d->dropout));
    for (int i = 0; n->aux && i < COUNT(modules); i++)
        if (modules[i].aux)
            weft_net_aux_output(n, aux[i], modules[i].aux);
}
