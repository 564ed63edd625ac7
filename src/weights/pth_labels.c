/* SPDX-License-Identifier: Apache-2.0
 * Names of classes that training scripts keep beside the weights: class_to_idx {"daisy": 0, ...}, as torchvision's
 * ImageFolder makes it, the same the other way round, or a list of classes; in the checkpoint, in what it has of the
 * training's settings, or as an attribute of a module. What is no such thing is passed over. */
#include <string.h>

#include "base/error.h"
#include "weights/pth.h"

enum { CLASSES = 1 << 20, TEXT_MAX = 16 << 20, DIGITS = 7 };

/* Where they are looked for: keys on the way from the root, the first place that has one. */
static const char *const places[][2] = {
    { NULL, NULL },
    { "meta", NULL }, /* OpenMMLab's, of old and new */
    { "meta", "dataset_meta" },
    { "hyper_parameters", NULL }, /* Lightning's */
    { "datamodule_hyper_parameters", NULL },
    { "hparams", NULL },
    { "config", NULL },
    { "cfg", NULL },
    { "args", NULL },
    { "model", NULL },
};

static const char *const keys[] = {
    "class_to_idx", "class_to_index", "class2idx", "label2id", "label_to_idx", "label2idx", "idx_to_class",
    "index_to_class", "idx2class", "id2label", "idx_to_label", "idx2label", "classes", "CLASSES", "class_names",
    "label_names", "labels", "categories", "names",
};

/* What has keys: a dictionary, one of somebody's class, or the attributes of an object. */
static const weft_pickle_items *keyed(const weft_pickle_value *value)
{
    if (value->kind == WEFT_PICKLE_DICT)
        return value->as.items;
    if (value->kind != WEFT_PICKLE_OPAQUE)
        return NULL;
    return value->as.opaque->items ? value->as.opaque->items : weft_pth_attributes(value->as.opaque);
}

static const weft_pickle_items *open_place(const weft_pickle_value *root, const char *const way[2])
{
    const weft_pickle_items *in = keyed(root);
    for (int i = 0; in && i < 2 && way[i]; i++) {
        const weft_pickle_value *const next = weft_pickle_find(in, way[i]);
        in = next ? keyed(next) : NULL;
    }
    return in;
}

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

/* The number of a class: one, or its digits, as JSON's keys are; -1. */
static int64_t number_of(const weft_pickle_value *value)
{
    int64_t number = 0;
    if (value->kind == WEFT_PICKLE_INT)
        return value->as.integer;
    if (value->kind != WEFT_PICKLE_TEXT || value->as.text->length < 1 || value->as.text->length > DIGITS)
        return -1;
    for (size_t i = 0; i < value->as.text->length; i++) {
        const char digit = value->as.text->bytes[i];
        if (digit < '0' || digit > '9')
            return -1;
        number = 10 * number + (digit - '0');
    }
    return number;
}

/* Each number below count has a name, once. listed: in the order of the items; else number by name, or name by number.
 */
static bool take_names(const weft_pickle_items *items, bool listed, const weft_pickle_text **names)
{
    int64_t next = 0;
    for (const weft_pickle_item *item = items->first; item; item = item->next, next++) {
        const bool by_name = !listed && item->value.kind == WEFT_PICKLE_INT;
        const weft_pickle_value *const name = by_name ? &item->key : &item->value;
        const int64_t at = listed ? next : number_of(by_name ? &item->value : &item->key);
        if (name->kind != WEFT_PICKLE_TEXT || at < 0 || at >= items->count || names[at])
            return false;
        names[at] = name->as.text;
    }
    return true;
}

static weft_status set_labels(weft_pth *pth, const weft_pickle_items *items, bool listed, bool *done)
{
    if (items->count < 1 || items->count > CLASSES)
        return WEFT_OK;
    const weft_pickle_text **names = weft_arena_array(&pth->arena, (size_t)items->count, sizeof *names);
    if (!names)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", pth->file->path);
    if (!take_names(items, listed, names))
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

/* The values of all keys, in one pass: a file may have as many entries as it likes. */
static void find_keys(const weft_pickle_items *in, const weft_pickle_value *found[WEFT_COUNT(keys)])
{
    for (const weft_pickle_item *item = in->first; item; item = item->next) {
        const weft_pickle_kind kind = item->value.kind;
        if (kind != WEFT_PICKLE_DICT && kind != WEFT_PICKLE_LIST && kind != WEFT_PICKLE_TUPLE)
            continue;
        for (int k = 0; k < WEFT_COUNT(keys); k++) {
            if (!found[k] && weft_pickle_is(&item->key, keys[k]))
                found[k] = &item->value;
        }
    }
}

weft_status weft_pth_labels(weft_pth *pth, const weft_pickle_value *root)
{
    bool done = false;
    for (int i = 0; i < WEFT_COUNT(places) && !done; i++) {
        const weft_pickle_items *const in = open_place(root, places[i]);
        const weft_pickle_value *found[WEFT_COUNT(keys)] = { 0 };
        if (in)
            find_keys(in, found);
        for (int k = 0; k < WEFT_COUNT(keys) && !done; k++) {
            if (found[k])
                WEFT_TRY(set_labels(pth, found[k]->as.items, found[k]->kind != WEFT_PICKLE_DICT, &done));
        }
    }
    return WEFT_OK;
}
