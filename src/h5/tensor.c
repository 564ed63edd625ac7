/* SPDX-License-Identifier: Apache-2.0
 *
 * What a data set must be to become a tensor: numbers of a known layout, stored inside the file, through no filter but
 * the three that h5py offers, and of a size that the stored bytes can back. */
#include "helper.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_FILTERS = 8, FILTER_NAME = 64 };

/* ---- element types ---- */

static const struct float_kind {
    const char *dtype;
    size_t size;
    size_t exponent, mantissa; /* bits */
    size_t bias;
} float_kinds[] = {
    { "F16", 2, 5, 10, 15 },
    { "BF16", 2, 8, 7, 127 },
    { "F32", 4, 8, 23, 127 },
    { "F64", 8, 11, 52, 1023 },
};

static const char *const signed_names[] = { [1] = "I8", [2] = "I16", [4] = "I32", [8] = "I64" };
static const char *const unsigned_names[] = { [1] = "U8", [2] = "U16", [4] = "U32", [8] = "U64" };

/* The same type in safetensors' byte order. */
static hid_t little_endian(hid_t type)
{
    const hid_t memory = H5Tcopy(type);
    if (memory < 0 || H5Tset_order(memory, H5T_ORDER_LE) < 0)
        refuse_h5("a type cannot be copied");
    return memory;
}

static const char *float_name(hid_t type)
{
    size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
    const size_t size = H5Tget_size(type);
    if (H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0 ||
        H5Tget_norm(type) != H5T_NORM_IMPLIED || H5Tget_offset(type) != 0 || H5Tget_precision(type) != 8 * size)
        return NULL;
    for (size_t i = 0; i < sizeof float_kinds / sizeof float_kinds[0]; i++) {
        const struct float_kind *k = &float_kinds[i];
        if (size == k->size && exponent_bits == k->exponent && mantissa_bits == k->mantissa &&
            H5Tget_ebias(type) == k->bias && mantissa == 0 && exponent == k->mantissa && sign == 8 * size - 1)
            return k->dtype;
    }
    return NULL;
}

static const char *integer_name(hid_t type)
{
    const size_t size = H5Tget_size(type);
    const H5T_sign_t sign = H5Tget_sign(type);
    if (size > 8 || H5Tget_precision(type) != 8 * size || sign == H5T_SGN_ERROR)
        return NULL;
    return sign == H5T_SGN_NONE ? unsigned_names[size] : signed_names[size];
}

/* Keras keeps bfloat16 as two bytes without a meaning and an attribute that says it. */
static const char *opaque_name(hid_t dataset, hid_t type, const char *path)
{
    if (H5Tget_size(type) != 2)
        return NULL;
    const char *dtype = read_string(dataset, path, "dtype", MAX_NAME);
    return dtype && strcmp(dtype, "bfloat16") == 0 ? "BF16" : NULL;
}

static const char *class_name(hid_t type)
{
    static const char *const names[] = {
        [H5T_INTEGER] = "an integer type that weft does not know", [H5T_FLOAT] = "a float type that weft does not know",
        [H5T_TIME] = "a time type",         [H5T_STRING] = "strings",        [H5T_BITFIELD] = "a bit field type",
        [H5T_OPAQUE] = "an opaque type",    [H5T_COMPOUND] = "a compound type", [H5T_REFERENCE] = "references",
        [H5T_ENUM] = "an enumeration type", [H5T_VLEN] = "a variable-length type", [H5T_ARRAY] = "an array type",
    };
    const H5T_class_t kind = H5Tget_class(type);
    if (kind == H5T_STRING && H5Tis_variable_str(type) > 0)
        return "variable-length strings";
    return kind >= 0 && kind < H5T_NCLASSES ? names[kind] : "an unknown type";
}

static void examine_type(tensor *t, const char *path)
{
    const hid_t type = H5Dget_type(t->dataset);
    if (type < 0)
        refuse_h5("%s: its type cannot be read", path);
    t->memory_type = type;
    switch (H5Tget_class(type)) {
    case H5T_FLOAT:
        t->dtype = float_name(type);
        break;
    case H5T_INTEGER:
        t->dtype = integer_name(type);
        break;
    case H5T_OPAQUE:
        t->dtype = opaque_name(t->dataset, type, path);
        break;
    default:
        break;
    }
    if (!t->dtype)
        refuse(UNSUPPORTED, "%s: holds %s; floats or integers were expected", path, class_name(type));
    if (H5Tget_class(type) != H5T_OPAQUE)
        t->memory_type = little_endian(type);
}

/* ---- storage ---- */

static void examine_filters(hid_t creation, const char *path)
{
    static const H5Z_filter_t known[] = { H5Z_FILTER_DEFLATE, H5Z_FILTER_SHUFFLE, H5Z_FILTER_FLETCHER32 };
    const int count = H5Pget_nfilters(creation);
    if (count < 0)
        refuse_h5("%s: its filters cannot be read", path);
    if (count > MAX_FILTERS)
        refuse(BAD, "%s: goes through %d filters; at most %d were expected", path, count, MAX_FILTERS);
    for (int i = 0; i < count; i++) {
        char name[FILTER_NAME] = "";
        unsigned flags, values[1];
        size_t value_count = 0;
        const H5Z_filter_t id = H5Pget_filter2(creation, (unsigned)i, &flags, &value_count, values, sizeof name, name,
                                               NULL);
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            found = found || id == known[k];
        if (!found)
            refuse(UNSUPPORTED, "%s: goes through filter %d (%s); deflate, shuffle or fletcher32 was expected", path,
                   (int)id, name[0] ? name : "without a name");
    }
}

static H5D_layout_t examine_storage(hid_t dataset, const char *path)
{
    const hid_t creation = H5Dget_create_plist(dataset);
    if (creation < 0)
        refuse_h5("%s: its storage cannot be examined", path);
    const H5D_layout_t layout = H5Pget_layout(creation);
    if (layout == H5D_VIRTUAL)
        refuse(BAD, "%s: is a virtual data set, which takes its values from other files", path);
    if (H5Pget_external_count(creation) != 0)
        refuse(BAD, "%s: has external storage, outside of the file", path);
    if (layout != H5D_COMPACT && layout != H5D_CONTIGUOUS && layout != H5D_CHUNKED)
        refuse(BAD, "%s: its layout is of unknown kind %d", path, (int)layout);
    examine_filters(creation, path);
    H5Pclose(creation);
    return layout;
}

static void examine_shape(tensor *t, const char *path)
{
    hsize_t dim[H5S_MAX_RANK] = { 0 };
    const hid_t space = H5Dget_space(t->dataset);
    if (space < 0)
        refuse_h5("%s: its shape cannot be read", path);
    const H5S_class_t kind = H5Sget_simple_extent_type(space);
    if (kind != H5S_SIMPLE && kind != H5S_SCALAR)
        refuse(BAD, "%s: has no shape", path);
    t->rank = H5Sget_simple_extent_ndims(space);
    if (t->rank < 0 || t->rank > MAX_RANK)
        refuse(UNSUPPORTED, "%s: has %d dimensions; at most %d were expected", path, t->rank, MAX_RANK);
    if (t->rank > 0 && H5Sget_simple_extent_dims(space, dim, NULL) < 0)
        refuse_h5("%s: its shape cannot be read", path);
    H5Sclose(space);
    t->bytes = H5Tget_size(t->memory_type);
    for (int i = 0; i < t->rank; i++) {
        t->dim[i] = dim[i];
        if (dim[i] == 0)
            refuse(BAD, "%s: dimension %d is 0", path, i);
        if (t->bytes > UINT64_MAX / dim[i])
            refuse(BAD, "%s: its shape has more than 2^64 bytes", path);
        t->bytes *= dim[i];
    }
}

/* Declared bytes against those stored: a few header bytes can declare terabytes. */
static void examine_size(const tensor *t, H5D_layout_t layout, uint64_t file, const char *path)
{
    const uint64_t stored = H5Dget_storage_size(t->dataset);
    if (stored > file)
        refuse(BAD, "%s: says that it stores %llu bytes; the file has %llu", path, (unsigned long long)stored,
               (unsigned long long)file);
    if (layout == H5D_COMPACT && stored > MAX_COMPACT)
        refuse(BAD, "%s: keeps %llu bytes in its header; at most %d were expected", path, (unsigned long long)stored,
               MAX_COMPACT);
    if (layout != H5D_CHUNKED && stored < t->bytes)
        refuse(BAD, "%s: its shape has %llu bytes, of which %llu are stored", path, (unsigned long long)t->bytes,
               (unsigned long long)stored);
    if (t->bytes > EXPANSION_FLOOR && t->bytes / MAX_EXPANSION > stored)
        refuse(BAD, "%s: its shape has %llu bytes, of which %llu are stored; at most %d times as many were expected",
               path, (unsigned long long)t->bytes, (unsigned long long)stored, MAX_EXPANSION);
}

void add_tensor(model *m, hid_t dataset, const char *path, const char *name)
{
    tensor t = { .name = text("%s", name), .dataset = dataset };
    if (m->count >= MAX_OBJECTS)
        refuse(BAD, "more than %d tensors", MAX_OBJECTS);
    const H5D_layout_t layout = examine_storage(dataset, path);
    examine_type(&t, path);
    examine_shape(&t, path);
    examine_size(&t, layout, m->stored, path);
    if (t.bytes > UINT64_MAX - m->bytes)
        refuse(BAD, "%s: the tensors have more than 2^64 bytes", path);
    m->bytes += t.bytes;
    if (m->bytes > EXPANSION_FLOOR && m->bytes / MAX_EXPANSION > m->stored)
        refuse(BAD, "%s: the tensors have more than %d times the bytes of the file", path, MAX_EXPANSION);
    m->tensors = grow(m->tensors, m->count, sizeof *m->tensors);
    m->tensors[m->count++] = t;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *duplicate_name(const model *m)
{
    const char **names = take(m->count, sizeof *names), *twice = NULL;
    for (uint64_t i = 0; i < m->count; i++)
        names[i] = m->tensors[i].name;
    if (m->count > 1)
        qsort(names, (size_t)m->count, sizeof *names, by_name);
    for (uint64_t i = 1; i < m->count && !twice; i++)
        twice = strcmp(names[i - 1], names[i]) == 0 ? names[i] : NULL;
    free(names);
    return twice;
}
