/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of loaders share. */
#include "data/loading.h"

#include "check/harness.h"
#include "data/tree.h"

weft_ctx *loading_ctx;

void loading_setup(void)
{
    tree_setup();
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &loading_ctx));
}

void loading_teardown(void)
{
    weft_ctx_destroy(loading_ctx);
    tree_teardown();
}

weft_trainset *loading_set(const char *path)
{
    weft_trainset *set = NULL;
    CHECK_OK(weft_trainset_open(loading_ctx, path, NULL, &set));
    return set;
}

weft_loader *loading_begin(const weft_trainset *set, const weft_loader_opt *opt)
{
    weft_loader *loader = NULL;
    CHECK_OK(weft_loader_create(loading_ctx, set, opt, &loader));
    return loader;
}

uint64_t loading_digest(const weft_loader *loader, const weft_batch *batch, int classes)
{
    const weft_shape shape = weft_loader_shape(loader);
    const struct {
        const void *data;
        size_t size;
    } parts[] = { { batch->images, (size_t)weft_shape_count(&shape) * 4 }, { batch->labels, (size_t)shape.dim[0] * 4 },
                  { batch->targets, batch->targets ? (size_t)shape.dim[0] * (size_t)classes * 4 : 0 } };
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int p = 0; p < 3; p++) {
        for (size_t i = 0; i < parts[p].size; i++)
            hash = (hash ^ ((const uint8_t *)parts[p].data)[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}
