/* SPDX-License-Identifier: Apache-2.0
 *
 * The closed table of globals. Sizes, offsets and strides are checked here, where they enter, against the storage that
 * they claim to lie in. */
#include "weights/pickle_torch.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

enum { TENSOR_ARGUMENTS = 6, OLD_TENSOR_ARGUMENTS = 4, ID_PARTS = 5, MOST = 7 };

struct weft_pickle_global {
    const char *module, *name; /* module NULL: not in the table; name is "module.name" */
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
        return weft_fail(WEFT_BAD_DATA, "a tensor has %" PRId64 " dimensions; at most %d are read",
                         value->as.items->count, WEFT_MAX_RANK);
    *rank = 0;
    for (const weft_pickle_item *item = value->as.items->first; item; item = item->next) {
        WEFT_TRY(expect_count(&item->value, what));
        out[(*rank)++] = item->value.as.integer;
    }
    return WEFT_OK;
}

/* ---- rows ---- */

/* Python 2 makes an OrderedDict of a list of pairs [key, value]. */
static weft_status add_pairs(weft_arena *arena, const weft_pickle_items *pairs, weft_pickle_items *dict)
{
    for (const weft_pickle_item *item = pairs->first; item; item = item->next) {
        const weft_pickle_value *pair = &item->value;
        weft_pickle_value parts[2];
        if ((pair->kind != WEFT_PICKLE_LIST && pair->kind != WEFT_PICKLE_TUPLE) ||
            unpack(pair->as.items, parts, 2) != 2)
            return weft_fail(WEFT_BAD_DATA, "an OrderedDict is made of a list; pairs of key and value were expected");
        if (!weft_pickle_add(arena, dict, &parts[0], &parts[1]))
            return WEFT_NO_MEMORY;
    }
    return WEFT_OK;
}

static weft_status make_dict(weft_arena *arena, const weft_pickle_items *arguments, weft_pickle_value *out)
{
    weft_pickle_value pairs = { 0 };
    const int64_t count = unpack(arguments, &pairs, 1);
    if (count > 1 || (count == 1 && pairs.kind != WEFT_PICKLE_LIST))
        return weft_fail(WEFT_BAD_DATA,
                         "an OrderedDict is made of %" PRId64 " arguments; none, or a list of pairs, was "
                         "expected",
                         count);
    weft_pickle_items *items = weft_arena_alloc(arena, sizeof *items);
    if (!items)
        return WEFT_NO_MEMORY;
    if (count == 1)
        WEFT_TRY(add_pairs(arena, pairs.as.items, items));
    *out = (weft_pickle_value){ .kind = WEFT_PICKLE_DICT, .as.items = items };
    return WEFT_OK;
}

/* defaultdict(factory) */
static weft_status make_default_dict(weft_arena *arena, const weft_pickle_items *arguments, weft_pickle_value *out)
{
    (void)arguments;
    return make_dict(arena, &(weft_pickle_items){ 0 }, out);
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

/* _rebuild_parameter(data, requires_grad, backward_hooks[, state]) is the data; so is Parameter(data, ...), which
 * PyTorch's first releases pickled. */
static weft_status make_parameter(weft_arena *arena, const weft_pickle_items *arguments, weft_pickle_value *out)
{
    (void)arena;
    weft_pickle_value data;
    if (unpack(arguments, &data, 1) < 1)
        return weft_fail(WEFT_BAD_DATA, "a parameter is made of 0 arguments; its data were expected");
    if (data.kind != WEFT_PICKLE_OPAQUE)
        WEFT_TRY(expect(&data, WEFT_PICKLE_TENSOR, "a parameter's data"));
    *out = data;
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

/* _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks[, metadata]), and the same without
 * what follows the strides, of PyTorch before 0.4 */
static weft_status make_tensor(weft_arena *arena, const weft_pickle_items *arguments, weft_pickle_value *out)
{
    weft_pickle_value values[MOST];
    int strides = 0;
    const int64_t count = unpack(arguments, values, MOST);
    if (count != OLD_TENSOR_ARGUMENTS && count != TENSOR_ARGUMENTS && count != TENSOR_ARGUMENTS + 1)
        return weft_fail(WEFT_BAD_DATA, "a tensor is made of %" PRId64 " arguments; %d, %d or %d were expected", count,
                         OLD_TENSOR_ARGUMENTS, TENSOR_ARGUMENTS, TENSOR_ARGUMENTS + 1);
    if (values[0].kind == WEFT_PICKLE_OPAQUE) { /* of a type that is not in the table */
        *out = values[0];
        return WEFT_OK;
    }
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

/* _rebuild_from_type_v2(function, type, arguments, state) of a tensor of a class of its own is what the function
 * makes. */
static weft_status make_from_type(weft_arena *arena, const weft_pickle_items *arguments, weft_pickle_value *out)
{
    weft_pickle_value values[3];
    if (unpack(arguments, values, 3) < 3)
        return weft_fail(WEFT_BAD_DATA, "a tensor of another class is made of %" PRId64 " arguments; 4 were expected",
                         arguments->count);
    WEFT_TRY(expect(&values[0], WEFT_PICKLE_GLOBAL, "what makes a tensor of another class"));
    WEFT_TRY(expect(&values[2], WEFT_PICKLE_TUPLE, "what a tensor of another class is made of"));
    if (values[0].as.global->make == make_from_type)
        return weft_fail(WEFT_BAD_DATA, "a tensor of another class is made of itself");
    return weft_pickle_make(arena, &values[0], values[2].as.items, false, out);
}

#define STORAGE(name, size, dtype) { "torch", name "Storage", false, NULL, size, dtype }
static const weft_pickle_global globals[] = {
    { "collections", "OrderedDict", true, make_dict, 0, 0 },
    { "collections", "defaultdict", true, make_default_dict, 0, 0 },
    { "torch._utils", "_rebuild_tensor_v2", false, make_tensor, 0, 0 },
    { "torch._utils", "_rebuild_tensor", false, make_tensor, 0, 0 },
    { "torch._utils", "_rebuild_parameter", false, make_parameter, 0, 0 },
    { "torch._utils", "_rebuild_parameter_with_state", false, make_parameter, 0, 0 },
    { "torch._tensor", "_rebuild_from_type_v2", false, make_from_type, 0, 0 },
    { "torch.nn.parameter", "Parameter", true, make_parameter, 0, 0 },
    { "torch.autograd.variable", "Variable", true, make_parameter, 0, 0 },
    { "torch", "Size", true, make_size, 0, 0 },
    STORAGE("Float", 4, WEFT_F32), STORAGE("Half", 2, WEFT_F16), STORAGE("BFloat16", 2, WEFT_BF16),
    STORAGE("Double", 8, WEFT_F64), STORAGE("Byte", 1, WEFT_U8), STORAGE("Int", 4, WEFT_I32),
    STORAGE("Long", 8, WEFT_I64), STORAGE("Bool", 1, -1), STORAGE("Char", 1, -1), STORAGE("Short", 2, -1),
    STORAGE("ComplexFloat", 8, -1), STORAGE("ComplexDouble", 16, -1), STORAGE("QInt8", 1, -1),
    STORAGE("QUInt8", 1, -1), STORAGE("QInt32", 4, -1),
};
#undef STORAGE

const weft_pickle_global *weft_pickle_find_global(weft_arena *arena, const char *module, const char *name)
{
    const char *const place = strcmp(module, "torch.cuda") == 0 ? "torch" : module; /* where a storage was */
    for (int i = 0; i < WEFT_COUNT(globals); i++) {
        if (strcmp(globals[i].name, name) == 0 && strcmp(globals[i].module, place) == 0)
            return &globals[i];
    }
    weft_pickle_global *other = weft_arena_alloc(arena, sizeof *other);
    if (!other)
        return NULL;
    other->name = weft_arena_text(arena, "%s.%s", module, name);
    return other->name ? other : NULL;
}

bool weft_pickle_is_array(const weft_pickle_global *global)
{
    return !global->module && weft_pickle_names_array(global->name);
}

static weft_status opaque(weft_arena *arena, const char *name, bool holds, weft_pickle_value *out)
{
    return weft_pickle_make_opaque(arena, name, holds, out) ? WEFT_OK : WEFT_NO_MEMORY;
}

/* What is not known is not called, but what it would have been called with is kept. */
static weft_status make_opaque(weft_arena *arena, const char *name, bool holds, weft_pickle_items *arguments,
                               weft_pickle_value *out)
{
    WEFT_TRY(opaque(arena, name, holds || arguments->holds, out));
    out->as.opaque->arguments = arguments;
    return WEFT_OK;
}

weft_status weft_pickle_make(weft_arena *arena, const weft_pickle_value *callee, weft_pickle_items *arguments,
                             bool instance, weft_pickle_value *out)
{
    if (callee->kind == WEFT_PICKLE_OPAQUE)
        return make_opaque(arena, callee->as.opaque->name, callee->as.opaque->holds, arguments, out);
    const weft_pickle_global *global = callee->as.global;
    if (!global->module)
        return make_opaque(arena, global->name, false, arguments, out);
    if (!global->make || (instance && !global->class))
        return weft_fail(WEFT_BAD_DATA, "the pickle makes %s of %s.%s", instance ? "an instance" : "a call",
                         global->module, global->name);
    return global->make(arena, arguments, out);
}

/* ---- persistent ids ---- */

/* (key, offset, elements): a storage may be a part of another one. */
static weft_status set_view(const weft_pickle_value *view, weft_pickle_storage *storage)
{
    weft_pickle_value parts[3];
    if (view->kind == WEFT_PICKLE_NONE)
        return WEFT_OK;
    WEFT_TRY(expect(view, WEFT_PICKLE_TUPLE, "the view of a storage"));
    if (unpack(view->as.items, parts, 3) != 3)
        return weft_fail(WEFT_BAD_DATA, "the view of a storage has %" PRId64 " parts; 3 were expected",
                         view->as.items->count);
    WEFT_TRY(expect_count(&parts[1], "where a view of a storage begins"));
    WEFT_TRY(expect_count(&parts[2], "the size of a view of a storage"));
    const int64_t first = parts[1].as.integer, count = parts[2].as.integer;
    if (first > storage->whole || count > storage->whole - first)
        return weft_fail(WEFT_BAD_DATA, "a view of a storage ends behind its %" PRId64 " elements", storage->whole);
    storage->first = first;
    storage->count = count;
    return WEFT_OK;
}

static weft_status make_storage(weft_arena *arena, const weft_pickle_value *parts, bool viewed, weft_pickle_value *out)
{
    WEFT_TRY(expect(&parts[1], WEFT_PICKLE_GLOBAL, "the type of a storage"));
    WEFT_TRY(expect(&parts[2], WEFT_PICKLE_TEXT, "the key of a storage"));
    WEFT_TRY(expect(&parts[3], WEFT_PICKLE_TEXT, "the device of a storage"));
    WEFT_TRY(expect_count(&parts[4], "the size of a storage"));
    const weft_pickle_global *type = parts[1].as.global;
    if (!type->module)
        return opaque(arena, type->name, true, out);
    if (type->size == 0)
        return weft_fail(WEFT_BAD_DATA, "a persistent id should be ('storage', type of storage, ...)");
    weft_pickle_storage *storage = weft_arena_alloc(arena, sizeof *storage);
    if (!storage)
        return WEFT_NO_MEMORY;
    const int64_t count = parts[4].as.integer;
    *storage = (weft_pickle_storage){ .type = type->name, .supported = type->dtype >= 0, .size = type->size,
                                      .dtype = (weft_dtype)(type->dtype < 0 ? 0 : type->dtype),
                                      .key = *parts[2].as.text, .count = count, .whole = count };
    if (viewed)
        WEFT_TRY(set_view(&parts[5], storage));
    *out = (weft_pickle_value){ .kind = WEFT_PICKLE_STORAGE, .as.storage = storage };
    return WEFT_OK;
}

weft_status weft_pickle_make_persistent(weft_arena *arena, const weft_pickle_items *id, weft_pickle_value *out)
{
    weft_pickle_value parts[ID_PARTS + 1];
    const int64_t count = unpack(id, parts, ID_PARTS + 1);
    if (count > 1 && weft_pickle_is(&parts[0], "module")) { /* a class, with its text, of torch.save(model) */
        *out = parts[1];
        return WEFT_OK;
    }
    if (count != ID_PARTS && count != ID_PARTS + 1)
        return weft_fail(WEFT_BAD_DATA, "a persistent id has %" PRId64 " parts; %d or %d were expected", count,
                         ID_PARTS, ID_PARTS + 1);
    if (!weft_pickle_is(&parts[0], "storage"))
        return weft_fail(WEFT_BAD_DATA, "a persistent id should be ('storage', type of storage, ...)");
    return make_storage(arena, parts, count > ID_PARTS, out);
}
