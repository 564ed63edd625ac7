/* SPDX-License-Identifier: Apache-2.0
 *
 * The file and the objects in it. libhdf5 sees one block of memory through its core driver, so that no name in a file
 * leads anywhere; objects are opened one link at a time, because a path may hide a soft or external link in its middle
 * (CVE-2026-1669 and what followed it in Keras). */
#include "helper.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* The core driver asks for a copy of the image at every step; these callbacks lend it the one there is. */
static void *the_image;

static void *lend(size_t size, H5FD_file_image_op_t op, void *data)
{
    (void)size, (void)op, (void)data;
    return the_image;
}

static void *keep(void *to, const void *from, size_t size, H5FD_file_image_op_t op, void *data)
{
    (void)op, (void)data;
    return to == from ? to : memcpy(to, from, size);
}

static void *never_resize(void *image, size_t size, H5FD_file_image_op_t op, void *data)
{
    (void)image, (void)size, (void)op, (void)data;
    return NULL;
}

static herr_t take_back(void *image, H5FD_file_image_op_t op, void *data)
{
    (void)image, (void)op, (void)data;
    return 0;
}

hid_t open_image(void *image, size_t size)
{
    enum { STEP = 65536 };
    H5FD_file_image_callbacks_t callbacks = {
        .image_malloc = lend, .image_memcpy = keep, .image_realloc = never_resize, .image_free = take_back,
    };
    the_image = image;
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access < 0 || H5Pset_fapl_core(access, STEP, 0) < 0 || H5Pset_file_image_callbacks(access, &callbacks) < 0 ||
        H5Pset_file_image(access, image, size) < 0)
        refuse_h5("libhdf5 takes no file from memory");
    const hid_t file = H5Fopen("/weights", H5F_ACC_RDONLY, access);
    if (file < 0)
        refuse_h5("is not a whole HDF5 file");
    const hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
    if (root < 0)
        refuse_h5("/: cannot be opened");
    return root;
}

static const char *link_kind(H5L_type_t type)
{
    switch (type) {
    case H5L_TYPE_SOFT:
        return "a soft link";
    case H5L_TYPE_EXTERNAL:
        return "an external link";
    default:
        return "a user-defined link";
    }
}

static void check_link(const char *where, const char *name, H5L_type_t type)
{
    static uint64_t seen;
    if (++seen > MAX_OBJECTS)
        refuse(BAD, "%s/%s: more than %d objects", where, name, MAX_OBJECTS);
    if (type != H5L_TYPE_HARD)
        refuse(BAD, "%s/%s: is %s; Keras writes only hard links", where, name, link_kind(type));
    if (name[0] == '\0' || strchr(name, '/') || strcmp(name, ".") == 0)
        refuse(BAD, "%s: a link with the name \"%s\"", where, name);
    if (strlen(name) > MAX_NAME)
        refuse(BAD, "%s/%.60s...: a name of %zu bytes; at most %d were expected", where, name, strlen(name), MAX_NAME);
}

typedef struct listing {
    link_list list;
    const char *path;
} listing;

static herr_t note_link(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    (void)group;
    listing *l = data;
    check_link(l->path, name, info->type);
    l->list.names = grow(l->list.names, l->list.count, sizeof *l->list.names);
    l->list.names[l->list.count++] = text("%s", name);
    return 0;
}

/* Length of the name without its number ("conv2d_12", "12"); *number is 0 where there is none. */
static size_t stem(const char *name, unsigned long long *number)
{
    size_t length = strlen(name), digits = length;
    while (digits > 0 && isdigit((unsigned char)name[digits - 1]))
        digits--;
    *number = 0;
    if (digits == length || (digits > 0 && name[digits - 1] != '_'))
        return length;
    *number = strtoull(name + digits, NULL, 10);
    return digits > 0 ? digits - 1 : 0;
}

static int by_stem_and_number(const void *a, const void *b)
{
    const char *x = *(char *const *)a, *y = *(char *const *)b;
    unsigned long long p, q;
    const size_t m = stem(x, &p), n = stem(y, &q);
    const int order = memcmp(x, y, m < n ? m : n);
    if (order != 0)
        return order;
    if (m != n)
        return m < n ? -1 : 1;
    return p != q ? (p < q ? -1 : 1) : strcmp(x, y);
}

link_list list_links(hid_t group, const char *path)
{
    listing l = { .path = path };
    if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, note_link, &l) < 0)
        refuse_h5("%s: cannot be listed", path[0] ? path : "/");
    if (l.list.count > 1)
        qsort(l.list.names, (size_t)l.list.count, sizeof *l.list.names, by_stem_and_number);
    return l.list;
}

hid_t open_link(hid_t group, const char *where, const char *name, H5I_type_t want)
{
    H5L_info_t info;
    if (H5Lget_info(group, name, &info, H5P_DEFAULT) < 0)
        refuse_h5("%s/%s: its link cannot be read", where, name);
    check_link(where, name, info.type);
    const hid_t object = H5Oopen(group, name, H5P_DEFAULT);
    if (object < 0)
        refuse_h5("%s/%s: cannot be opened", where, name);
    const H5I_type_t type = H5Iget_type(object);
    if (want != H5I_BADID && type != want)
        refuse(BAD, "%s/%s: is %s; %s was expected", where, name, type == H5I_GROUP ? "a group" :
               type == H5I_DATASET ? "a data set" : "a type", want == H5I_GROUP ? "a group" : "a data set");
    return object;
}

hid_t open_below(hid_t group, const char *where, const char *path, H5I_type_t want)
{
    char name[MAX_NAME + 1];
    char *here = text("%s", where);
    hid_t object = group;
    for (const char *at = path;;) {
        const size_t length = strcspn(at, "/");
        if (length == 0 || length > MAX_NAME)
            refuse(BAD, "%s: \"%.60s\" is no path", where, path);
        memcpy(name, at, length);
        name[length] = '\0';
        if (strcmp(name, ".") == 0)
            refuse(BAD, "%s: \"%.60s\" is no path", where, path);
        const htri_t there = H5Lexists(object, name, H5P_DEFAULT);
        if (there < 0)
            refuse_h5("%s/%s: cannot be looked up", here, name);
        if (!there)
            return H5I_INVALID_HID;
        const bool last = at[length] == '\0';
        const hid_t next = open_link(object, here, name, last ? want : H5I_GROUP);
        if (object != group)
            H5Oclose(object);
        object = next;
        if (last)
            return object;
        here = text("%s/%s", here, name);
        at += length + 1;
    }
}
