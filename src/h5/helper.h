/* SPDX-License-Identifier: Apache-2.0
 *
 * weft-h5: a Keras HDF5 file comes in on descriptor 0, a safetensors stream with a verdict goes out on descriptor 1.
 * libhdf5 may crash on what it reads, so this process has nothing to lose: sandbox.c takes everything away from it
 * before the first byte is looked at. It runs once and ends, so it frees nothing, and failing is one call: refuse().
 *
 * The verdict is the last line of what is sent, after the stream or instead of it: "ok", or a word of verdict_names
 * and a sentence. Without it the parent knows that the helper died. */
#ifndef WEFT_H5_HELPER_H
#define WEFT_H5_HELPER_H

#define H5_USE_110_API 1
#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    IMAGE_FD = 0,
    STREAM_FD = 1,
    MAX_OBJECTS = 1000000,   /* links looked at */
    MAX_DEPTH = 32,          /* of groups */
    MAX_RANK = 8,
    MAX_NAME = 4096,         /* bytes of a path, a tensor's name, a string in an attribute */
    MAX_ATTRIBUTE = 65536,   /* bytes of an attribute; Keras splits longer ones */
    MAX_CONFIG = 16 << 20,   /* bytes of model_config */
    MAX_COMPACT = 65536,     /* bytes of a tensor kept in its object header */
    MAX_EXPANSION = 1000     /* bytes read for a byte stored, beyond EXPANSION_FLOOR */
};
#define EXPANSION_FLOOR ((uint64_t)64 << 20)

typedef enum verdict { BAD, UNSUPPORTED, MEMORY } verdict;

#if defined(__GNUC__)
#define NORETURN __attribute__((noreturn))
#define PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define NORETURN
#define PRINTF(text, first)
#endif

/* ---- verdict.c: the end ---- */

/* Sends the verdict and ends the process. */
NORETURN void refuse(verdict kind, const char *format, ...) PRINTF(2, 3);
/* The same, with what libhdf5 said last. */
NORETURN void refuse_h5(const char *format, ...) PRINTF(1, 2);
void send_bytes(const void *data, uint64_t size);

/* ---- memory.c ---- */

/* Never NULL. */
void *take(uint64_t count, size_t size);
/* Room for one more element in *items, which holds count of them; doubles at powers of two. */
void *grow(void *items, uint64_t count, size_t size);
char *text(const char *format, ...) PRINTF(1, 2);

/* ---- sandbox.c ---- */

/* Closes all descriptors but the two and sets the limits; size is the image's. */
void confine(uint64_t size);
/* No system calls from here on but reading, writing and memory. */
void seal(void);

/* ---- file.c: objects, opened link by link ---- */

hid_t open_image(void *image, size_t size);
typedef struct link_list {
    char **names; /* in natural order: by stem, then by number */
    uint64_t count;
} link_list;
/* The links of a group; refuses those that are not hard links. path is the group's, for sentences. */
link_list list_links(hid_t group, const char *path);
/* Opens what lies at path (components between slashes) below group, of type want; H5I_INVALID_HID if a component is
 * not there. Refuses another type, and links that are not hard ones. where is the group's path. */
hid_t open_below(hid_t group, const char *where, const char *path, H5I_type_t want);
/* The same for one link; H5I_BADID: of any type. */
hid_t open_link(hid_t group, const char *where, const char *name, H5I_type_t want);

/* ---- attribute.c ---- */

typedef struct string_list {
    char **items;
    uint64_t count;
} string_list;
bool has_attribute(hid_t object, const char *name);
/* The strings of an attribute, or of name0, name1, ... where Keras has split it. False if there is none. */
bool read_strings(hid_t object, const char *where, const char *name, string_list *out);
/* The string of a scalar attribute of at most max bytes; NULL if there is none or it holds something else. */
char *read_string(hid_t object, const char *where, const char *name, uint64_t max);

/* ---- tensor.c ---- */

typedef struct tensor {
    char *name;
    hid_t dataset, memory_type;
    const char *dtype; /* safetensors' name */
    uint64_t dim[MAX_RANK];
    int rank;
    uint64_t bytes;
} tensor;

/* What is sent. */
typedef struct model {
    tensor *tensors;
    uint64_t count;
    uint64_t bytes; /* of all */
    uint64_t stored; /* bytes of the file */
    const char *format, *names, *name, *version, *config; /* metadata; NULL: not known */
} model;

/* Examines a data set, which the model then owns, and appends it. */
void add_tensor(model *m, hid_t dataset, const char *path, const char *name);
/* The first name that two tensors have; NULL if there is none. */
const char *duplicate_name(const model *m);

/* ---- stream.c ---- */

void send_model(const model *m);

/* ---- legacy.c, keras3.c: false if the file is not of this kind ---- */

bool read_legacy(hid_t root, model *m);
bool read_keras3(hid_t root, model *m);

#endif
