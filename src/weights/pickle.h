/* SPDX-License-Identifier: Apache-2.0
 *
 * Python pickles of protocol 2, read as data. There is no call operation: where a pickle calls a global, a row of a
 * closed table says what comes out (an OrderedDict, a tensor's description), and any other global is refused by name.
 * So nothing that a file says can run, however it is put together. */
#ifndef WEFT_WEIGHTS_PICKLE_H
#define WEFT_WEIGHTS_PICKLE_H

#include <weft/tensor.h>

#include "weights/file.h"

/* Limits (docs: file rules). */
enum { WEFT_PICKLE_OPS = 1000000, WEFT_PICKLE_BYTES = 64 << 20, WEFT_PICKLE_LONG = 16 };

typedef enum weft_pickle_kind {
    WEFT_PICKLE_NONE,
    WEFT_PICKLE_BOOL,
    WEFT_PICKLE_INT,
    WEFT_PICKLE_NUMBER, /* a float, or an integer beyond 64 bits: known to be there, not kept */
    WEFT_PICKLE_TEXT,
    WEFT_PICKLE_TUPLE,
    WEFT_PICKLE_LIST,
    WEFT_PICKLE_DICT,
    WEFT_PICKLE_GLOBAL,
    WEFT_PICKLE_STORAGE,
    WEFT_PICKLE_TENSOR,
    WEFT_PICKLE_MARK,
    WEFT_PICKLE_KINDS
} weft_pickle_kind;

typedef struct weft_pickle_text {
    const char *bytes; /* UTF-8, not ended by a zero byte */
    size_t length;
} weft_pickle_text;

/* The bytes of one or several tensors: the archive's entry data/<key>. */
typedef struct weft_pickle_storage {
    const char *type; /* "FloatStorage" */
    bool supported;   /* weft has the type, which is dtype */
    weft_dtype dtype;
    size_t size; /* of an element */
    weft_pickle_text key;
    int64_t count; /* elements */
} weft_pickle_storage;

typedef struct weft_pickle_tensor {
    const weft_pickle_storage *storage;
    weft_shape shape;
    int64_t offset, stride[WEFT_MAX_RANK]; /* elements; all inside of the storage */
    int64_t count;                         /* elements, not more than the storage has */
} weft_pickle_tensor;

typedef struct weft_pickle_global weft_pickle_global;
typedef struct weft_pickle_items weft_pickle_items;

typedef struct weft_pickle_value {
    weft_pickle_kind kind;
    union {
        int64_t integer; /* BOOL, INT */
        const weft_pickle_text *text;
        weft_pickle_items *items; /* TUPLE, LIST, DICT */
        const weft_pickle_global *global;
        const weft_pickle_storage *storage;
        const weft_pickle_tensor *tensor;
    } as;
} weft_pickle_value;

typedef struct weft_pickle_item {
    weft_pickle_value key, value; /* key: of DICT only */
    struct weft_pickle_item *next;
} weft_pickle_item;
struct weft_pickle_items {
    weft_pickle_item *first, *last;
    int64_t count;
};

/* "a dictionary", "a tensor", ... */
const char *weft_pickle_kind_name(weft_pickle_kind kind);

/* Reads the pickle in file->data[at..at + size) into arena. BAD_DATA with file and offset; UNSUPPORTED names a global
 * or a protocol. */
weft_status weft_pickle_read(weft_arena *arena, const weft_file *file, size_t at, size_t size, weft_pickle_value *out);

#endif
