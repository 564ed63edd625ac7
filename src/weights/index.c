/* SPDX-License-Identifier: Apache-2.0
 *
 * The crit-bit tree. A reference to leaf i is ~i, to inner node j is j; name number i > 0 brings inner node i - 1. */
#include "weights/index.h"

#include <string.h>

#include "base/error.h"

struct weft_index_node {
    uint32_t byte;    /* the first in which the two sides differ */
    uint8_t others;   /* all bits but the differing one */
    int64_t child[2];
};

static const char *name_of(const void *items, size_t stride, int64_t i)
{
    const char *name;
    memcpy(&name, (const char *)items + (size_t)i * stride, sizeof name);
    return name;
}

static int side(const weft_index_node *node, const char *name, size_t length)
{
    const int c = node->byte < length ? (unsigned char)name[node->byte] : 0;
    return (1 + (node->others | c)) >> 8;
}

/* The only leaf that can be the name. */
static int64_t candidate(const weft_index *index, const char *name, size_t length)
{
    int64_t at = index->root;
    while (at >= 0)
        at = index->nodes[at].child[side(&index->nodes[at], name, length)];
    return ~at;
}

int64_t weft_index_find(const weft_index *index, const void *items, size_t stride, const char *name)
{
    if (index->count == 0)
        return -1;
    const int64_t leaf = candidate(index, name, strlen(name));
    return strcmp(name_of(items, stride, leaf), name) == 0 ? leaf : -1;
}

static weft_status grow(weft_index *index, const weft_allocator *allocator)
{
    if (index->count < index->room)
        return WEFT_OK;
    const int64_t room = index->room ? 2 * index->room : 64;
    weft_index_node *nodes = weft_calloc(allocator, (size_t)room, sizeof *nodes);
    if (!nodes)
        return WEFT_NO_MEMORY;
    if (index->nodes)
        memcpy(nodes, index->nodes, (size_t)index->room * sizeof *nodes);
    weft_free(allocator, index->nodes);
    index->nodes = nodes;
    index->room = room;
    return WEFT_OK;
}

/* Hangs inner node `fresh`, which has leaf `leaf` on side `own`, where its bit belongs on the way down to name. */
static void hang(weft_index *index, int64_t fresh, int own, int64_t leaf, const char *name, size_t length)
{
    weft_index_node *node = &index->nodes[fresh];
    int64_t *at = &index->root;
    while (*at >= 0) {
        weft_index_node *next = &index->nodes[*at];
        if (next->byte > node->byte || (next->byte == node->byte && next->others > node->others))
            break;
        at = &next->child[side(next, name, length)];
    }
    node->child[own] = ~leaf;
    node->child[1 - own] = *at;
    *at = fresh;
}

weft_status weft_index_add(weft_index *index, const weft_allocator *allocator, const void *items, size_t stride)
{
    const int64_t leaf = index->count;
    const char *name = name_of(items, stride, leaf);
    const size_t length = strlen(name);
    WEFT_TRY(grow(index, allocator));
    if (leaf == 0) {
        index->root = ~leaf;
        index->count = 1;
        return WEFT_OK;
    }
    const char *other = name_of(items, stride, candidate(index, name, length));
    size_t byte = 0;
    while (name[byte] == other[byte] && name[byte])
        byte++;
    unsigned differ = (unsigned char)name[byte] ^ (unsigned char)other[byte];
    if (differ == 0)
        return weft_fail(WEFT_INVALID, "the name \"%.200s\" occurs twice", name);
    while (differ & (differ - 1)) /* leave the highest bit */
        differ &= differ - 1;
    weft_index_node *node = &index->nodes[leaf - 1];
    node->byte = (uint32_t)byte;
    node->others = (uint8_t)(differ ^ 255);
    hang(index, leaf - 1, side(node, name, length), leaf, name, length);
    index->count++;
    return WEFT_OK;
}

void weft_index_release(weft_index *index, const weft_allocator *allocator)
{
    weft_free(allocator, index->nodes);
    *index = (weft_index){ 0 };
}
