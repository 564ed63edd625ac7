/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of pickles. */
#include "weights/pickle_value.h"

#include <string.h>

#include "base/compiler.h"

const char *weft_pickle_kind_name(weft_pickle_kind kind)
{
    static const char *const names[WEFT_PICKLE_KINDS] = {
        "None",     "a truth value", "an integer", "a number",  "a string", "bytes",          "a tuple", "a list",
        "a dictionary", "a global",  "a storage",  "a tensor",  "an object", "a mark",
    };
    return (int)kind >= 0 && kind < WEFT_PICKLE_KINDS ? names[kind] : "nothing";
}

bool weft_pickle_holds(const weft_pickle_value *value)
{
    switch (value->kind) {
    case WEFT_PICKLE_STORAGE:
    case WEFT_PICKLE_TENSOR:
        return true;
    case WEFT_PICKLE_TUPLE:
    case WEFT_PICKLE_LIST:
    case WEFT_PICKLE_DICT:
        return value->as.items->holds;
    case WEFT_PICKLE_OPAQUE:
        return value->as.opaque->holds;
    default:
        return false;
    }
}

bool weft_pickle_make_opaque(weft_arena *arena, const char *name, bool holds, weft_pickle_value *out)
{
    weft_pickle_opaque *opaque = weft_arena_alloc(arena, sizeof *opaque);
    if (!opaque)
        return false;
    *opaque = (weft_pickle_opaque){ .name = name, .holds = holds };
    *out = (weft_pickle_value){ .kind = WEFT_PICKLE_OPAQUE, .as.opaque = opaque };
    return true;
}

bool weft_pickle_add(weft_arena *arena, weft_pickle_items *items, const weft_pickle_value *key,
                     const weft_pickle_value *value)
{
    weft_pickle_item *item = weft_arena_alloc(arena, sizeof *item);
    if (!item)
        return false;
    if (key)
        item->key = *key;
    item->value = *value;
    if (items->last)
        items->last->next = item;
    else
        items->first = item;
    items->last = item;
    items->count++;
    items->tensors +=
        value->kind == WEFT_PICKLE_TENSOR || (value->kind == WEFT_PICKLE_OPAQUE && weft_pickle_holds(value));
    items->holds = items->holds || weft_pickle_holds(value);
    return true;
}

bool weft_pickle_names_array(const char *name)
{
    static const char *const makers[] = { /* before and since NumPy 2; of protocol 5 */
        "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct", "numpy.core.numeric._frombuffer",
        "numpy._core.numeric._frombuffer",
    };
    for (int i = 0; i < WEFT_COUNT(makers); i++) {
        if (strcmp(name, makers[i]) == 0)
            return true;
    }
    return false;
}

bool weft_pickle_is(const weft_pickle_value *value, const char *text)
{
    return value->kind == WEFT_PICKLE_TEXT && value->as.text->length == strlen(text) &&
           memcmp(value->as.text->bytes, text, strlen(text)) == 0;
}

const weft_pickle_value *weft_pickle_find(const weft_pickle_items *dict, const char *key)
{
    for (const weft_pickle_item *item = dict->first; item; item = item->next) {
        if (weft_pickle_is(&item->key, key))
            return &item->value;
    }
    return NULL;
}
