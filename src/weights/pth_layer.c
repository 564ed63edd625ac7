/* SPDX-License-Identifier: Apache-2.0
 *
 * What the attributes of a pickled module say of its arithmetic: epsilon, stride, padding, dilation, groups, the window
 * of a pool. Numbers and pairs of them are taken; of anything else under these names nothing is known. In anybody's own
 * class, padding may mean something else: PyTorch's convolution is taken, and timm's, which pads as TensorFlow does. */
#include <string.h>

#include "base/compiler.h"
#include "weights/pth.h"

enum { LOOKED_AT = 256 /* attributes; a module has about 20 */ };

const weft_pickle_items *weft_pth_attributes(const weft_pickle_opaque *object)
{
    const weft_pickle_value *state = &object->state;
    if (state->kind == WEFT_PICKLE_TUPLE && state->as.items->count == 2) /* attributes, and those that have slots */
        state = &state->as.items->first->value;
    if (state->kind == WEFT_PICKLE_DICT)
        return state->as.items;
    const weft_pickle_item *const first = object->arguments ? object->arguments->first : NULL; /* torch.fx's */
    return first && first->value.kind == WEFT_PICKLE_DICT ? first->value.as.items : NULL;
}

/* An integer for both, or a tuple or a list of one or two. */
static bool read_pair(const weft_pickle_value *value, int64_t out[2])
{
    int n = 0;
    if (value->kind == WEFT_PICKLE_INT) {
        out[0] = out[1] = value->as.integer;
        return true;
    }
    if ((value->kind != WEFT_PICKLE_TUPLE && value->kind != WEFT_PICKLE_LIST) || value->as.items->count < 1 ||
        value->as.items->count > 2)
        return false;
    for (const weft_pickle_item *item = value->as.items->first; item; item = item->next) {
        if (item->value.kind != WEFT_PICKLE_INT)
            return false;
        out[n++] = item->value.as.integer;
    }
    if (n == 1)
        out[1] = out[0];
    return true;
}

static void read_epsilon(weft_layer_facts *facts, const weft_pickle_value *value)
{
    if (value->kind == WEFT_PICKLE_NUMBER)
        facts->epsilon = value->as.number;
    else if (value->kind == WEFT_PICKLE_INT)
        facts->epsilon = (double)value->as.integer;
    else
        return;
    facts->known |= WEFT_KNOWS_EPSILON;
}

static void read_padding(weft_layer_facts *facts, const weft_pickle_value *value)
{
    if (weft_pickle_is(value, "same")) /* of PyTorch's, which has it for a stride of 1 only */
        facts->known |= WEFT_KNOWS_SAME;
    else if (weft_pickle_is(value, "valid"))
        facts->known |= WEFT_KNOWS_PADDING; /* 0, 0 */
    else if (read_pair(value, facts->padding))
        facts->known |= WEFT_KNOWS_PADDING;
}

static void read_attribute(weft_layer_facts *facts, const weft_pickle_value *key, const weft_pickle_value *value,
                           bool plain)
{
    if (weft_pickle_is(key, "eps"))
        read_epsilon(facts, value);
    else if (weft_pickle_is(key, "stride") && read_pair(value, facts->stride))
        facts->known |= WEFT_KNOWS_STRIDE;
    else if (weft_pickle_is(key, "dilation") && read_pair(value, facts->dilation))
        facts->known |= WEFT_KNOWS_DILATION;
    else if (weft_pickle_is(key, "padding") && plain)
        read_padding(facts, value);
    else if (weft_pickle_is(key, "padding_mode") && value->kind == WEFT_PICKLE_TEXT && plain)
        facts->known |= weft_pickle_is(value, "zeros") ? 0 : WEFT_KNOWS_REFLECTS;
    else if (weft_pickle_is(key, "groups") && value->kind == WEFT_PICKLE_INT) {
        facts->groups = value->as.integer;
        facts->known |= WEFT_KNOWS_GROUPS;
    }
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

weft_layer_facts weft_pth_look_at_layer(const weft_pickle_opaque *object)
{
    const weft_pickle_items *const attributes = weft_pth_attributes(object);
    const bool plain = strcmp(object->name, "torch.nn.modules.conv.Conv2d") == 0;
    weft_layer_facts facts = { 0 };
    int count = 0;
    if (strncmp(object->name, "timm.", 5) == 0 && ends_with(object->name, ".Conv2dSame"))
        facts.known |= WEFT_KNOWS_SAME;
    const weft_pickle_item *item = attributes ? attributes->first : NULL;
    for (; item && count < LOOKED_AT; item = item->next, count++)
        read_attribute(&facts, &item->key, &item->value, plain);
    return facts;
}

static void read_pool_attribute(weft_pool_facts *pool, const weft_pickle_value *key, const weft_pickle_value *value,
                                int *found)
{
    if (weft_pickle_is(key, "kernel_size"))
        *found += read_pair(value, pool->kernel);
    else if (weft_pickle_is(key, "stride"))
        *found += read_pair(value, pool->stride);
    else if (weft_pickle_is(key, "padding"))
        *found += read_pair(value, pool->padding);
    else if (weft_pickle_is(key, "ceil_mode"))
        pool->ceil = value->kind == WEFT_PICKLE_BOOL && value->as.integer;
}

bool weft_pth_look_at_pool(const weft_pickle_opaque *object, weft_pool_facts *out)
{
    static const char *const classes[] = { "torch.nn.modules.pooling.AvgPool2d", "torch.nn.modules.pooling.MaxPool2d" };
    const weft_pickle_items *const attributes = weft_pth_attributes(object);
    const bool maximum = strcmp(object->name, classes[1]) == 0;
    int count = 0, found = 0;
    *out = (weft_pool_facts){ .maximum = maximum };
    if (!attributes || (!maximum && strcmp(object->name, classes[0]) != 0))
        return false;
    for (const weft_pickle_item *item = attributes->first; item && count < LOOKED_AT; item = item->next, count++)
        read_pool_attribute(out, &item->key, &item->value, &found);
    return found == 3;
}

bool weft_pth_is_padding(const char *class_name)
{
    return strncmp(class_name, "torch.nn.modules.padding.", 25) == 0 || ends_with(class_name, "Pad2d");
}
