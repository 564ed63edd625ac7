/* SPDX-License-Identifier: Apache-2.0
 *
 * The windows of pools that a file says of its network, held against weft's. Pools have no tensors by which to tell
 * which is which, so the same number of them must be there on both sides, as where all of them are layers; then each of
 * the file's needs one of weft's that is like it, in whatever order. */
#include <stdio.h>

#include "graph/graph.h"
#include "weights/names/map.h"
#include "weights/weights.h"

typedef struct pools {
    const weft_node *ours[WEFT_POOLS]; /* in the network's order */
    bool taken[WEFT_POOLS];
    int count;
} pools;

/* Of maxima, or of averages; false: more than fit. */
static bool find_ours(const weft_graph *graph, bool maximum, pools *out)
{
    *out = (pools){ .count = 0 };
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_node *const node = &graph->nodes[i].node;
        if (node->id != (maximum ? WEFT_OP_MAX_POOL2D : WEFT_OP_AVG_POOL2D))
            continue;
        if (out->count == WEFT_POOLS)
            return false;
        out->ours[out->count++] = node;
    }
    return true;
}

/* How many windows PyTorch has of an image of that size; a window that begins in the padding behind it is none. */
static int64_t windows(int64_t size, int64_t kernel, int64_t stride, int64_t padding, bool ceil)
{
    const int64_t room = size + 2 * padding - kernel, count = (room + (ceil ? stride - 1 : 0)) / stride + 1;
    return ceil && (count - 1) * stride >= size + padding ? count - 1 : count;
}

/* The same windows, where they begin and how many they are, unless something else pads. */
static bool alike(const weft_pool_facts *theirs, const weft_node *node, bool elsewhere)
{
    const weft_pool2d_opt *const ours = node->opt;
    const int64_t *const padding = theirs->padding, *const x = node->in[0].dim, *const y = node->out[0].dim;
    if (theirs->kernel[0] != ours->kernel_h || theirs->kernel[1] != ours->kernel_w ||
        theirs->stride[0] != ours->stride_h || theirs->stride[1] != ours->stride_w)
        return false;
    if (elsewhere && padding[0] == 0 && padding[1] == 0)
        return true;
    return padding[0] == ours->pad.top && padding[1] == ours->pad.left &&
           windows(x[1], ours->kernel_h, ours->stride_h, padding[0], theirs->ceil) == y[1] &&
           windows(x[2], ours->kernel_w, ours->stride_w, padding[1], theirs->ceil) == y[2];
}

static bool take(pools *p, const weft_pool_facts *theirs, bool elsewhere)
{
    for (int i = 0; i < p->count; i++) {
        if (p->taken[i] || !alike(theirs, p->ours[i], elsewhere))
            continue;
        p->taken[i] = true;
        return true;
    }
    return false;
}

static const char *sentence(weft_arena *arena, const weft_pool_facts *theirs, const weft_node *node)
{
    const weft_pool2d_opt *const ours = node->opt;
    const int64_t *const kernel = theirs->kernel, *const stride = theirs->stride, *const padding = theirs->padding;
    char has[200], weft[160];
    snprintf(has, sizeof has, "%lld x %lld, stride %lld x %lld, padding %lld x %lld (height, width)%s",
             (long long)kernel[0], (long long)kernel[1], (long long)stride[0], (long long)stride[1],
             (long long)padding[0], (long long)padding[1], theirs->ceil && !ours->ceil ? " and ceil_mode" : "");
    snprintf(weft, sizeof weft, "%d x %d, stride %d x %d, padding %d, %d, %d, %d (top, bottom, left, right)",
             ours->kernel_h, ours->kernel_w, ours->stride_h, ours->stride_w, ours->pad.top, ours->pad.bottom,
             ours->pad.left, ours->pad.right);
    return weft_arena_text(arena, "the pool \"%s\" of the module in the file has windows of %s, weft's has %s",
                           theirs->name, has, weft);
}

static int count_theirs(const weft_weights *in, bool maximum)
{
    int count = 0;
    for (const weft_pool_facts *pool = in->pools; pool; pool = pool->next)
        count += pool->maximum == maximum;
    return count;
}

/* Of maxima, or of averages. */
static const char *differ(weft_arena *arena, const weft_weights *in, const weft_graph *graph, bool maximum,
                          bool elsewhere, bool *failed)
{
    pools p;
    int at = 0;
    if (!find_ours(graph, maximum, &p) || p.count == 0 || p.count != count_theirs(in, maximum))
        return NULL;
    for (const weft_pool_facts *pool = in->pools; pool; pool = pool->next) {
        if (pool->maximum != maximum)
            continue;
        if (!take(&p, pool, elsewhere)) {
            const char *const said = sentence(arena, pool, p.ours[at]);
            *failed = !said;
            return said;
        }
        at++;
    }
    return NULL;
}

const char *weft_pools_differ(weft_arena *arena, const weft_weights *in, const weft_graph *graph, const weft_arch *arch,
                              bool *failed)
{
    const bool elsewhere = in->pads || arch->dialect == WEFT_KERAS;
    *failed = false;
    if (in->pool_count == WEFT_POOLS)
        return NULL;
    const char *const how = differ(arena, in, graph, true, elsewhere, failed);
    return how || *failed ? how : differ(arena, in, graph, false, elsewhere, failed);
}
