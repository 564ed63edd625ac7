/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of classes that training scripts keep beside the weights: class_to_idx {"daisy": 0, ...}, as torchvision's
 * ImageFolder makes it, or a list of classes. What is no such thing is passed over. */
#include <string.h>

#include "base/error.h"
#include "weights/pth.h"

enum { CLASSES = 1 << 20, TEXT_MAX = 16 << 20 };

static const char *const indexed[] = { "class_to_idx", "class_to_index" }, *const listed[] = { "classes",
                                                                                               "class_names" };

/* Texts by number as lines; false if one is no text, holds a line feed, or they are too many. */
static bool join(const weft_pickle_text *const *names, int64_t count, char *to, size_t room)
{
    size_t used = 0;
    for (int64_t i = 0; i < count; i++) {
        const weft_pickle_text *name = names[i];
        if (!name || memchr(name->bytes, '\n', name->length) || name->length + 1 > room - used)
            return false;
        memcpy(to + used, name->bytes, name->length);
        used += name->length;
        to[used++] = i + 1 < count ? '\n' : '\0';
    }
    return true;
}

/* The names of a dictionary of numbers, each below count once, or of a list. */
static bool take_names(const weft_pickle_items *items, bool keyed, const weft_pickle_text **names)
{
    int64_t next = 0;
    for (const weft_pickle_item *item = items->first; item; item = item->next, next++) {
        const weft_pickle_value *name = keyed ? &item->key : &item->value;
        const int64_t at = keyed ? item->value.as.integer : next;
        if (name->kind != WEFT_PICKLE_TEXT || (keyed && item->value.kind != WEFT_PICKLE_INT) || at < 0 ||
            at >= items->count || names[at])
            return false;
        names[at] = name->as.text;
    }
    return true;
}

static weft_status set_labels(weft_pth *pth, const weft_pickle_items *items, bool keyed, bool *done)
{
    if (items->count < 1 || items->count > CLASSES)
        return WEFT_OK;
    const weft_pickle_text **names = weft_arena_array(&pth->arena, (size_t)items->count, sizeof *names);
    if (!names)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", pth->file->path);
    if (!take_names(items, keyed, names))
        return WEFT_OK;
    size_t room = 0;
    for (int64_t i = 0; i < items->count; i++)
        room += names[i]->length < TEXT_MAX ? names[i]->length + 1 : TEXT_MAX + 1;
    if (room > TEXT_MAX)
        return WEFT_OK;
    char *lines = weft_arena_alloc(&pth->arena, room);
    if (!lines)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", pth->file->path);
    if (!join(names, items->count, lines, room))
        return WEFT_OK;
    *done = true;
    return weft_weights_set_meta(pth->weights, "weft.labels", lines);
}

weft_status weft_pth_labels(weft_pth *pth, const weft_pickle_value *root)
{
    bool done = false;
    if (root->kind != WEFT_PICKLE_DICT)
        return WEFT_OK;
    for (int i = 0; i < WEFT_COUNT(indexed) && !done; i++) {
        const weft_pickle_value *found = weft_pickle_find(root->as.items, indexed[i]);
        if (found && found->kind == WEFT_PICKLE_DICT)
            WEFT_TRY(set_labels(pth, found->as.items, true, &done));
    }
    for (int i = 0; i < WEFT_COUNT(listed) && !done; i++) {
        const weft_pickle_value *found = weft_pickle_find(root->as.items, listed[i]);
        if (found && (found->kind == WEFT_PICKLE_LIST || found->kind == WEFT_PICKLE_TUPLE))
            WEFT_TRY(set_labels(pth, found->as.items, false, &done));
    }
    return WEFT_OK;
}
