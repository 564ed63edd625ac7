/* SPDX-License-Identifier: Apache-2.0
 *
 * Attributes that hold text. Keras 2 writes lists of names as strings of fixed length, Keras 3 (and h5py for every
 * single string) as strings of variable length, which libhdf5 reads from its global heap: the place where damaged files
 * crash it most. Neither the layers' order nor their names are written anywhere else, so they are read, here in the
 * sandbox, but only from the attributes that Keras names; variable-length data sets are never touched. */
#include "helper.h"

#include <stdlib.h>
#include <string.h>

bool has_attribute(hid_t object, const char *name)
{
    const htri_t there = H5Aexists(object, name);
    if (there < 0)
        refuse_h5("attribute %s: cannot be looked up", name);
    return there > 0;
}

/* One string of at most `max` bytes, which may lack a final NUL. */
static char *copy_string(const char *where, const char *name, const char *data, size_t size, uint64_t max)
{
    const size_t length = data ? strnlen(data, size) : 0;
    if (length > max)
        refuse(BAD, "%s: attribute %s holds a string of %zu bytes; at most %llu were expected", where, name, length,
               (unsigned long long)max);
    char *copy = take((uint64_t)length + 1, 1);
    if (length > 0)
        memcpy(copy, data, length);
    return copy;
}

static void read_variable(hid_t attribute, hid_t type, const char *where, const char *name, uint64_t max,
                          string_list *out)
{
    char **lent = take(out->count, sizeof *lent);
    if (H5Aread(attribute, type, lent) < 0)
        refuse_h5("%s: attribute %s cannot be read", where, name);
    for (uint64_t i = 0; i < out->count; i++) {
        out->items[i] = copy_string(where, name, lent[i], SIZE_MAX, max);
        free(lent[i]);
    }
    free(lent);
}

static void read_fixed(hid_t attribute, hid_t type, const char *where, const char *name, uint64_t max,
                       string_list *out)
{
    const size_t size = H5Tget_size(type);
    if (size == 0 || out->count > MAX_ATTRIBUTE / size)
        refuse(BAD, "%s: attribute %s holds %llu strings of %zu bytes; at most %d bytes were expected", where, name,
               (unsigned long long)out->count, size, MAX_ATTRIBUTE);
    char *data = take(out->count, size);
    if (H5Aread(attribute, type, data) < 0)
        refuse_h5("%s: attribute %s cannot be read", where, name);
    for (uint64_t i = 0; i < out->count; i++)
        out->items[i] = copy_string(where, name, data + i * size, size, max);
    free(data);
}

/* False if the attribute holds something else than strings. */
static bool read_all(hid_t object, const char *where, const char *name, uint64_t max, string_list *out)
{
    const hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    const hid_t type = attribute < 0 ? H5I_INVALID_HID : H5Aget_type(attribute);
    const hid_t space = type < 0 ? H5I_INVALID_HID : H5Aget_space(attribute);
    if (space < 0)
        refuse_h5("%s: attribute %s cannot be opened", where, name);
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    bool is_text = true;
    *out = (string_list){ NULL, 0 };
    if (count < 0 || (uint64_t)count > MAX_ATTRIBUTE)
        refuse(BAD, "%s: attribute %s holds %lld elements; at most %d were expected", where, name, (long long)count,
               MAX_ATTRIBUTE);
    if (count > 0) { /* NumPy makes an empty list one of float64 */
        out->count = (uint64_t)count;
        out->items = take(out->count, sizeof *out->items);
        if (H5Tget_class(type) != H5T_STRING)
            is_text = false;
        else if (H5Tis_variable_str(type) > 0)
            read_variable(attribute, type, where, name, max, out);
        else
            read_fixed(attribute, type, where, name, max, out);
    }
    H5Sclose(space);
    H5Tclose(type);
    H5Aclose(attribute);
    return is_text;
}

static void append(string_list *to, const string_list *from)
{
    for (uint64_t i = 0; i < from->count; i++) {
        if (to->count >= MAX_OBJECTS)
            refuse(BAD, "attributes list more than %d names", MAX_OBJECTS);
        to->items = grow(to->items, to->count, sizeof *to->items);
        to->items[to->count++] = from->items[i];
    }
}

bool read_strings(hid_t object, const char *where, const char *name, string_list *out)
{
    char part[64];
    string_list all = { NULL, 0 }, piece;
    bool found = false;
    for (int i = -1;; i++) { /* name, else name0, name1, ... */
        if (i < 0)
            snprintf(part, sizeof part, "%s", name);
        else
            snprintf(part, sizeof part, "%s%d", name, i);
        if (!has_attribute(object, part)) {
            if (i < 0)
                continue;
            break;
        }
        if (!read_all(object, where, part, MAX_NAME, &piece))
            refuse(BAD, "%s: attribute %s does not hold strings", where, part);
        append(&all, &piece);
        found = true;
        if (i < 0)
            break;
    }
    if (found)
        *out = all;
    return found;
}

char *read_string(hid_t object, const char *where, const char *name, uint64_t max)
{
    string_list list;
    if (!has_attribute(object, name) || !read_all(object, where, name, max, &list) || list.count != 1)
        return NULL;
    return list.items[0];
}
