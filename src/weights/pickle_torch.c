/* SPDX-License-Identifier: Apache-2.0
 *
 * The closed table of globals. Sizes, offsets and strides are checked here, where they enter, against the storage that
 * they claim to lie in. */
#include "weights/pickle_torch.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

enum { TENSOR_ARGUMENTS = 6, PARAMETER_ARGUMENTS = 3, ID_PARTS = 5, MOST = 7 };

struct weft_pickle_global {
    const char *module, *name;
    bool class; /* may be made by NEWOBJ */
    weft_status (*make)(weft_arena *arena, const weft_pickle_items *arguments, weft_pickle_value *out);
    size_t size; /* storages: bytes of an element */
    int dtype;   /* its weft_dtype; -1: weft has none */
};

/* ---- arguments ---- */

/* The first values of a tuple in an array; how many the tuple has. */
static int64_t unpack(const weft_pickle_items *items, weft_pickle_value *values, int room)
{
    int i = 0;
    for (const weft_pickle_item *item = items->first; item && i < room; item = item->next)
        values[i++] = item->value;
    return items->count;
}

static weft_status expect(const weft_pickle_value *value, weft_pickle_kind kind, const char *what)
{
    if (value->kind == kind)
        return WEFT_OK;
    return weft_fail(WEFT_BAD_DATA, "%s should be %s; found %s", what, weft_pickle_kind_name(kind),
                     weft_pickle_kind_name(value->kind));
}

static weft_status expect_count(const weft_pickle_value *value, const char *what)
{
    WEFT_TRY(expect(value, WEFT_PICKLE_INT, what));
    if (value->as.integer >= 0)
        return WEFT_OK;
    return weft_fail(WEFT_BAD_DATA, "%s is %" PRId64 "; 0 or more was expected", what, value->as.integer);
}

static weft_status counts_of(const weft_pickle_value *value, const char *what, int64_t *out, int *rank)
{
    WEFT_TRY(expect(value, WEFT_PICKLE_TUPLE, what));
    if (value->as.items->count > WEFT_MAX_RANK)
        return weft_fail(WEFT_UNSUPPORTED, "a tensor has %" PRId64 " dimensions; at most %d are read",
                         value->as.items->count, WEFT_MAX_RANK);
    *rank = 0;
    for (const weft_pickle_item *item = value->as.items->first; item; item = item->next) {
        WEFT_TRY(expect_count(&item->value, what));
        out[(*rank)++] = item->value.as.integer;
    }
    return WEFT_OK;
}

/* ---- rows ---- */

static weft_status make_dict(weft_arena *arena, const weft_pickle_items *arguments, weft_pickle_value *out)
{
    if (arguments->count != 0)
        return weft_fail(WEFT_BAD_DATA, "an OrderedDict is made of %" PRId64 " arguments; none was expected",
                         arguments->count);
    weft_pickle_items *items = weft_arena_alloc(arena, sizeof *items);
    if (!items)
        return WEFT_NO_MEMORY;
    *out = (weft_pickle_value){ .kind = WEFT_PICKLE_DICT, .as.items = items };
    return WEFT_OK;
}

/* torch.Size((2, 3)) is the tuple. */
static weft_status make_size(weft_arena *arena, const weft_pickle_items *arguments, weft_pickle_value *out)
{
    (void)arena;
    weft_pickle_value value;
    if (unpack(arguments, &value, 1) != 1)
        return weft_fail(WEFT_BAD_DATA, "a torch.Size is made of %" PRId64 " arguments; one was expected",
                         arguments->count);
    WEFT_TRY(expect(&value, WEFT_PICKLE_TUPLE, "the argument of torch.Size"));
    *out = value;
    return WEFT_OK;
}

/* _rebuild_parameter(data, requires_grad, backward_hooks) is the data. */
static weft_status make_parameter(weft_arena *arena, const weft_pickle_items *arguments, weft_pickle_value *out)
{
    (void)arena;
    weft_pickle_value values[PARAMETER_ARGUMENTS];
    if (unpack(arguments, values, PARAMETER_ARGUMENTS) != PARAMETER_ARGUMENTS)
        return weft_fail(WEFT_BAD_DATA, "a parameter is made of %" PRId64 " arguments; %d were expected",
                         arguments->count, PARAMETER_ARGUMENTS);
    WEFT_TRY(expect(&values[0], WEFT_PICKLE_TENSOR, "a parameter's data"));
    *out = values[0];
    return WEFT_OK;
}

/* Elements, and whether the last of them lies in the storage. */
static weft_status check_reach(weft_pickle_tensor *t)
{
    int64_t count = 1, reach = t->offset, far;
    bool fits = true;
    for (int i = 0; i < t->shape.rank; i++) {
        const int64_t dim = t->shape.dim[i];
        fits = fits && !__builtin_mul_overflow(count, dim, &count);
        if (dim > 0)
            fits = fits && !__builtin_mul_overflow(dim - 1, t->stride[i], &far) &&
                   !__builtin_add_overflow(reach, far, &reach);
    }
    if (!fits || count > t->storage->count || (count > 0 && reach >= t->storage->count))
        return weft_fail(WEFT_BAD_DATA, "a tensor reaches beyond its storage of %" PRId64 " elements or repeats them",
                         t->storage->count);
    t->count = count;
    return WEFT_OK;
}

/* _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks[, metadata]) */
static weft_status make_tensor(weft_arena *arena, const weft_pickle_items *arguments, weft_pickle_value *out)
{
    weft_pickle_value values[MOST];
    int strides = 0;
    const int64_t count = unpack(arguments, values, MOST);
    if (count != TENSOR_ARGUMENTS && count != TENSOR_ARGUMENTS + 1)
        return weft_fail(WEFT_BAD_DATA, "a tensor is made of %" PRId64 " arguments; %d or %d were expected", count,
                         TENSOR_ARGUMENTS, TENSOR_ARGUMENTS + 1);
    WEFT_TRY(expect(&values[0], WEFT_PICKLE_STORAGE, "what a tensor lies in"));
    WEFT_TRY(expect_count(&values[1], "a tensor's offset"));
    weft_pickle_tensor t = { .storage = values[0].as.storage, .offset = values[1].as.integer };
    WEFT_TRY(counts_of(&values[2], "a tensor's size", t.shape.dim, &t.shape.rank));
    WEFT_TRY(counts_of(&values[3], "a tensor's stride", t.stride, &strides));
    if (strides != t.shape.rank)
        return weft_fail(WEFT_BAD_DATA, "a tensor has %d sizes and %d strides", t.shape.rank, strides);
    WEFT_TRY(check_reach(&t));
    weft_pickle_tensor *kept = weft_arena_copy(arena, &t, sizeof t);
    if (!kept)
        return WEFT_NO_MEMORY;
    *out = (weft_pickle_value){ .kind = WEFT_PICKLE_TENSOR, .as.tensor = kept };
    return WEFT_OK;
}

#define STORAGE(name, size, dtype) { "torch", name "Storage", false, NULL, size, dtype }
static const weft_pickle_global globals[] = {
    { "collections", "OrderedDict", true, make_dict, 0, 0 },
    { "torch._utils", "_rebuild_tensor_v2", false, make_tensor, 0, 0 },
    { "torch._utils", "_rebuild_parameter", false, make_parameter, 0, 0 },
    { "torch", "Size", true, make_size, 0, 0 },
    STORAGE("Float", 4, WEFT_F32), STORAGE("Half", 2, WEFT_F16), STORAGE("BFloat16", 2, WEFT_BF16),
    STORAGE("Double", 8, WEFT_F64), STORAGE("Byte", 1, WEFT_U8), STORAGE("Int", 4, WEFT_I32),
    STORAGE("Long", 8, WEFT_I64), STORAGE("Bool", 1, -1), STORAGE("Char", 1, -1), STORAGE("Short", 2, -1),
    STORAGE("ComplexFloat", 8, -1), STORAGE("ComplexDouble", 16, -1),
};
#undef STORAGE

const weft_pickle_global *weft_pickle_find_global(const char *module, const char *name)
{
    for (int i = 0; i < WEFT_COUNT(globals); i++) {
        if (strcmp(globals[i].name, name) == 0 && strcmp(globals[i].module, module) == 0)
            return &globals[i];
    }
    return NULL;
}

weft_status weft_pickle_make(weft_arena *arena, const weft_pickle_global *global, const weft_pickle_items *arguments,
                             bool instance, weft_pickle_value *out)
{
    if (!global->make || (instance && !global->class))
        return weft_fail(WEFT_BAD_DATA, "the pickle makes %s of %s.%s", instance ? "an instance" : "a call",
                         global->module, global->name);
    return global->make(arena, arguments, out);
}

weft_status weft_pickle_make_storage(weft_arena *arena, const weft_pickle_items *id, weft_pickle_value *out)
{
    weft_pickle_value parts[ID_PARTS];
    if (unpack(id, parts, ID_PARTS) != ID_PARTS)
        return weft_fail(WEFT_BAD_DATA, "a persistent id has %" PRId64 " parts; %d were expected", id->count, ID_PARTS);
    WEFT_TRY(expect(&parts[0], WEFT_PICKLE_TEXT, "the kind of a persistent id"));
    WEFT_TRY(expect(&parts[1], WEFT_PICKLE_GLOBAL, "the type of a storage"));
    WEFT_TRY(expect(&parts[2], WEFT_PICKLE_TEXT, "the key of a storage"));
    WEFT_TRY(expect(&parts[3], WEFT_PICKLE_TEXT, "the device of a storage"));
    WEFT_TRY(expect_count(&parts[4], "the size of a storage"));
    const weft_pickle_text *kind = parts[0].as.text;
    const weft_pickle_global *type = parts[1].as.global;
    if (kind->length != 7 || memcmp(kind->bytes, "storage", 7) != 0 || type->size == 0)
        return weft_fail(WEFT_BAD_DATA, "a persistent id should be ('storage', type of storage, ...)");
    weft_pickle_storage *storage = weft_arena_alloc(arena, sizeof *storage);
    if (!storage)
        return WEFT_NO_MEMORY;
    *storage = (weft_pickle_storage){ .type = type->name, .supported = type->dtype >= 0, .size = type->size,
                                      .dtype = (weft_dtype)(type->dtype < 0 ? 0 : type->dtype),
                                      .key = *parts[2].as.text, .count = parts[4].as.integer };
    *out = (weft_pickle_value){ .kind = WEFT_PICKLE_STORAGE, .as.storage = storage };
    return WEFT_OK;
}
