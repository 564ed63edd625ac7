/* SPDX-License-Identifier: Apache-2.0
 *
 * The tensors of the dictionary, or of the module, that was chosen. */
#include <inttypes.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/pth.h"

enum { DEPTH = 32, SHOWN = 80 };

/* What is done. */
typedef struct adding {
    weft_pth *pth;
    int64_t others; /* values that were left out */
    weft_pth_classes classes; /* of a module's layers */
    char name[WEFT_WEIGHTS_NAME + 1]; /* of the module under way, with a dot behind it, and of its tensor */
} adding;

static bool dense(const weft_pickle_tensor *t)
{
    int64_t step = 1;
    for (int i = t->shape.rank - 1; i >= 0; i--) {
        if (t->shape.dim[i] != 1 && t->stride[i] != step)
            return false;
        step *= t->shape.dim[i];
    }
    return true;
}

static int shown(size_t length)
{
    return length < SHOWN ? (int)length : SHOWN;
}

/* Masks and counters: no weights are of these types, so that a network may do without them. */
static bool is_no_weight(const weft_pickle_storage *storage)
{
    static const char *const types[] = { "BoolStorage", "CharStorage", "ShortStorage" };
    bool same = false;
    for (int i = 0; i < WEFT_COUNT(types); i++)
        same = same || strcmp(storage->type, types[i]) == 0;
    return same;
}

/* The first is kept as a sentence, for a network that cannot do without it. */
static weft_status leave_out(weft_pth *pth, const char *name, size_t length, const weft_pickle_storage *storage)
{
    if (weft_weights_meta_find(pth->weights, WEFT_META_UNREAD))
        return WEFT_OK;
    WEFT_TRY(weft_weights_check_name(name, length));
    const char *const text = weft_arena_text(&pth->arena, "tensor \"%.*s\" lies in a %s, whose elements weft does not "
                                             "read", shown(length), name, storage->type);
    return text ? weft_weights_set_meta(pth->weights, WEFT_META_UNREAD, text)
                : weft_fail_in(WEFT_NO_MEMORY, "%.200s", pth->file->path);
}

static weft_status add_tensor(weft_pth *pth, const char *name, size_t length, const weft_pickle_tensor *t)
{
    const weft_pickle_storage *storage = t->storage;
    const uint8_t *bytes = NULL;
    if (!storage->supported && is_no_weight(storage))
        return leave_out(pth, name, length, storage);
    if (!storage->supported)
        return weft_file_bad(pth->file, pth->at, "tensor \"%.*s\" lies in a %s, whose elements weft does not read",
                             shown(length), name, storage->type);
    WEFT_TRY(pth->storage(pth, storage, &bytes));
    if (t->count > 0)
        bytes += (size_t)(storage->first + t->offset) * storage->size;
    const bool lend = t->count == 0 || (dense(t) && (uintptr_t)bytes % storage->size == 0);
    const uint64_t size = (uint64_t)t->count * storage->size;
    if (!lend && size > pth->budget)
        return weft_file_bad(pth->file, pth->at, "tensors that are not dense add up to more than 4 times the file");
    weft_status status = WEFT_OK;
    if (lend) {
        status = weft_weights_lend(pth->weights, name, length, storage->dtype, &t->shape, bytes);
    } else {
        void *to = NULL;
        pth->budget -= size;
        status = weft_weights_room(pth->weights, name, length, storage->dtype, &t->shape, &to);
        if (status == WEFT_OK)
            weft_weight_gather(to, bytes, storage->size, &t->shape, t->stride);
    }
    return status == WEFT_OK ? WEFT_OK : weft_file_bad_in(status, pth->file, pth->at);
}

/* Every tensor of dict, under `before` bytes of a->name and its key. */
static weft_status add_dict(adding *a, const weft_pickle_items *dict, size_t before)
{
    weft_pth *pth = a->pth;
    for (const weft_pickle_item *item = dict->first; item; item = item->next) {
        const bool made = item->value.kind == WEFT_PICKLE_OPAQUE && item->value.as.opaque->holds;
        if (item->value.kind != WEFT_PICKLE_TENSOR && !made) {
            a->others += item->value.kind != WEFT_PICKLE_NONE || before == 0;
            continue;
        }
        if (item->key.kind != WEFT_PICKLE_TEXT)
            return weft_file_bad(pth->file, pth->at, "the key of a tensor is %s; a string was expected",
                                 weft_pickle_kind_name(item->key.kind));
        const weft_pickle_text *key = item->key.as.text;
        if (key->length > WEFT_WEIGHTS_NAME - before)
            return weft_file_bad(pth->file, pth->at, "the name of a tensor has more than %d bytes", WEFT_WEIGHTS_NAME);
        memcpy(a->name + before, key->bytes, key->length);
        const size_t length = before + key->length;
        if (made)
            return weft_file_bad(pth->file, pth->at, "tensor \"%.*s\" is made by %.160s, which weft does not know and "
                                 "never runs; save plain tensors: torch.save(model.state_dict(), path)", shown(length),
                                 a->name, item->value.as.opaque->name);
        WEFT_TRY(add_tensor(pth, a->name, length, item->value.as.tensor));
    }
    return WEFT_OK;
}

/* Of the layer whose tensors are those from the first on. */
static weft_status keep_facts(weft_pth *pth, const weft_pickle_opaque *object, int64_t first)
{
    weft_weights *const weights = pth->weights;
    weights->pads = weights->pads || weft_pth_is_padding(object->name);
    if (weights->count == first)
        return WEFT_OK;
    const weft_layer_facts facts = weft_pth_look_at_layer(object);
    if (!facts.known)
        return WEFT_OK;
    const weft_layer_facts *kept = weft_arena_copy(&weights->names, &facts, sizeof facts);
    if (!kept)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", pth->file->path);
    for (int64_t i = first; i < weights->count; i++)
        weights->entries[i].layer = kept;
    return WEFT_OK;
}

/* Its name is for sentences: no tensor's, so nobody has looked at it. */
static weft_status keep_pool(const adding *a, const weft_pickle_opaque *object, size_t length)
{
    weft_weights *const weights = a->pth->weights;
    weft_pool_facts facts;
    if (weights->pool_count == WEFT_POOLS || !weft_pth_look_at_pool(object, &facts))
        return WEFT_OK;
    char *const name = weft_arena_text(&weights->names, "%.*s", shown(length ? length - 1 : 0), a->name);
    for (char *at = name; at && *at; at++)
        *at = (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at;
    facts.name = name;
    weft_pool_facts *const kept = name ? weft_arena_copy(&weights->names, &facts, sizeof facts) : NULL;
    if (!kept)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", a->pth->file->path);
    if (weights->last_pool)
        weights->last_pool->next = kept;
    else
        weights->pools = kept;
    weights->last_pool = kept;
    weights->pool_count++;
    return WEFT_OK;
}

/* A module as its state_dict() lists it: parameters, buffers, the modules in it. */
static weft_status add_module(adding *a, const weft_pickle_opaque *object, size_t before, int depth)
{
    weft_pth *pth = a->pth;
    weft_pth_module module;
    if (depth == DEPTH)
        return weft_file_bad(pth->file, pth->at, "modules are nested more than %d deep", DEPTH);
    if (!weft_pth_open_module(object, &module))
        return weft_file_bad(pth->file, pth->at, "\"%.*s\", %.160s, is no module", shown(before), a->name,
                             object->name);
    WEFT_TRY(weft_pth_look_at_class(pth, &a->classes, object, a->name, before));
    const int64_t first = pth->weights->count;
    if (module.parameters)
        WEFT_TRY(add_dict(a, module.parameters, before));
    if (module.buffers)
        WEFT_TRY(add_dict(a, module.buffers, before));
    WEFT_TRY(keep_facts(pth, object, first));
    WEFT_TRY(keep_pool(a, object, before));
    const weft_pickle_item *item = module.modules ? module.modules->first : NULL;
    for (; item; item = item->next) {
        if (item->value.kind != WEFT_PICKLE_OPAQUE)
            continue; /* None */
        const weft_pickle_text *key = item->key.as.text;
        if (item->key.kind != WEFT_PICKLE_TEXT || key->length >= WEFT_WEIGHTS_NAME - before)
            return weft_file_bad(pth->file, pth->at, "the name of a module is no string, or has more than %d bytes",
                                 WEFT_WEIGHTS_NAME);
        memcpy(a->name + before, key->bytes, key->length);
        a->name[before + key->length] = '.';
        WEFT_TRY(add_module(a, item->value.as.opaque, before + key->length + 1, depth + 1));
    }
    return WEFT_OK;
}

weft_status weft_pth_add(weft_pth *pth, const weft_pth_choice *choice)
{
    adding a = { .pth = pth };
    if (choice->module)
        WEFT_TRY(add_module(&a, choice->module, 0, 0));
    else
        WEFT_TRY(add_dict(&a, choice->dict, 0));
    const char *const unread = weft_weights_meta_find(pth->weights, WEFT_META_UNREAD);
    if (unread && pth->weights->count == 0)
        return weft_file_bad(pth->file, pth->at, "%s", unread);
    if (a.classes.activation)
        WEFT_TRY(weft_weights_set_meta(pth->weights, "weft.activation", a.classes.activation));
    if (a.classes.differs)
        WEFT_TRY(weft_weights_set_meta(pth->weights, WEFT_META_FILE_DIFFERS, a.classes.differs));
    if (choice->path[0])
        WEFT_TRY(weft_weights_set_meta(pth->weights, "torch.key", choice->path));
    if (choice->others) {
        WEFT_TRY(weft_weights_set_meta(pth->weights, "torch.other_keys", choice->others));
        weft_log(pth->ctx, WEFT_LOG_WARN, "%s: the tensors under \"%s\" are taken; the file also has: %s",
                 pth->file->path, choice->path, choice->others);
    }
    if (a.others)
        weft_log(pth->ctx, WEFT_LOG_INFO, "%s: %" PRId64 " values that are no tensors were left out", pth->file->path,
                 a.others);
    return WEFT_OK;
}
