/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of classes that training scripts keep beside the weights: class_to_idx {"daisy": 0, ...}, as torchvision's
 * ImageFolder makes it, the same the other way round, or a list of classes. What is no such thing is passed over. */
#include <string.h>

#include "base/error.h"
#include "weights/pth.h"

enum { CLASSES = 1 << 20, TEXT_MAX = 16 << 20 };

/* How the names are kept: numbers by name, names by number, names in order. */
typedef enum order { BY_NAME, BY_NUMBER, IN_ORDER } order;

static const struct {
    const char *in; /* a dictionary of the root; NULL: the root itself */
    const char *key;
    order form;
} rows[] = {
    { NULL, "class_to_idx", BY_NAME },   { NULL, "class_to_index", BY_NAME },   { NULL, "label2id", BY_NAME },
    { NULL, "idx_to_class", BY_NUMBER }, { NULL, "index_to_class", BY_NUMBER }, { NULL, "id2label", BY_NUMBER },
    { NULL, "classes", IN_ORDER },       { NULL, "class_names", IN_ORDER },     { "meta", "CLASSES", IN_ORDER },
};

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

/* Each number below count has a name, once. */
static bool take_names(const weft_pickle_items *items, order form, const weft_pickle_text **names)
{
    int64_t next = 0;
    for (const weft_pickle_item *item = items->first; item; item = item->next, next++) {
        const weft_pickle_value *const name = form == BY_NAME ? &item->key : &item->value;
        const weft_pickle_value *const number = form == BY_NAME ? &item->value : &item->key;
        const bool given = form == IN_ORDER || number->kind == WEFT_PICKLE_INT;
        const int64_t at = form == IN_ORDER || !given ? next : number->as.integer;
        if (name->kind != WEFT_PICKLE_TEXT || !given || at < 0 || at >= items->count || names[at])
            return false;
        names[at] = name->as.text;
    }
    return true;
}

static weft_status set_labels(weft_pth *pth, const weft_pickle_items *items, order form, bool *done)
{
    if (items->count < 1 || items->count > CLASSES)
        return WEFT_OK;
    const weft_pickle_text **names = weft_arena_array(&pth->arena, (size_t)items->count, sizeof *names);
    if (!names)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", pth->file->path);
    if (!take_names(items, form, names))
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
    for (int i = 0; i < WEFT_COUNT(rows) && !done && root->kind == WEFT_PICKLE_DICT; i++) {
        const weft_pickle_value *const in = rows[i].in ? weft_pickle_find(root->as.items, rows[i].in) : root;
        const weft_pickle_value *const found =
            in && in->kind == WEFT_PICKLE_DICT ? weft_pickle_find(in->as.items, rows[i].key) : NULL;
        const bool list = found && (found->kind == WEFT_PICKLE_LIST || found->kind == WEFT_PICKLE_TUPLE);
        if (found && (rows[i].form == IN_ORDER ? list : found->kind == WEFT_PICKLE_DICT))
            WEFT_TRY(set_labels(pth, found->as.items, rows[i].form, &done));
    }
    return WEFT_OK;
}
