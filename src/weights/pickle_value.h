/* SPDX-License-Identifier: Apache-2.0
 *
 * What a pickle says, as data: values in an arena. What weft does not know of (any class but a few, and whatever is
 * made of it) is an opaque value: its name, what it was made of and what was put into it. */
#ifndef WEFT_WEIGHTS_PICKLE_VALUE_H
#define WEFT_WEIGHTS_PICKLE_VALUE_H

#include <weft/tensor.h>

#include "weights/file.h"

typedef enum weft_pickle_kind {
    WEFT_PICKLE_NONE,
    WEFT_PICKLE_BOOL,
    WEFT_PICKLE_INT,
    WEFT_PICKLE_NUMBER, /* a float; NAN for an integer beyond 64 bits, which is known to be there and not kept */
    WEFT_PICKLE_TEXT,
    WEFT_PICKLE_BYTES, /* known to be there, not kept */
    WEFT_PICKLE_TUPLE,
    WEFT_PICKLE_LIST,
    WEFT_PICKLE_DICT,
    WEFT_PICKLE_GLOBAL,
    WEFT_PICKLE_STORAGE,
    WEFT_PICKLE_TENSOR,
    WEFT_PICKLE_OPAQUE,
    WEFT_PICKLE_MARK,
    WEFT_PICKLE_KINDS
} weft_pickle_kind;

typedef struct weft_pickle_text {
    const char *bytes; /* UTF-8, not ended by a zero byte */
    size_t length;
} weft_pickle_text;

/* The bytes of one or several tensors, known by a key. */
typedef struct weft_pickle_storage {
    const char *type; /* "FloatStorage" */
    bool supported;   /* weft has the type, which is dtype */
    weft_dtype dtype;
    size_t size; /* of an element */
    weft_pickle_text key;
    int64_t count; /* elements */
    int64_t first, whole; /* a view: it begins at this element of what the key names, which has `whole` */
    const struct weft_pickle_storage *next; /* that the pickle named before */
} weft_pickle_storage;

typedef struct weft_pickle_tensor {
    const weft_pickle_storage *storage;
    weft_shape shape;
    int64_t offset, stride[WEFT_MAX_RANK]; /* elements; all inside of the storage */
    int64_t count;                         /* elements, not more than the storage has */
} weft_pickle_tensor;

typedef struct weft_pickle_global weft_pickle_global; /* pickle_torch.h */
typedef struct weft_pickle_items weft_pickle_items;
typedef struct weft_pickle_opaque weft_pickle_opaque;

typedef struct weft_pickle_value {
    weft_pickle_kind kind;
    union {
        int64_t integer; /* BOOL, INT */
        double number;   /* NUMBER */
        const weft_pickle_text *text;
        weft_pickle_items *items; /* TUPLE, LIST, DICT */
        const weft_pickle_global *global;
        weft_pickle_storage *storage;
        const weft_pickle_tensor *tensor;
        weft_pickle_opaque *opaque;
    } as;
} weft_pickle_value;

typedef struct weft_pickle_item {
    weft_pickle_value key, value; /* key: of DICT only */
    struct weft_pickle_item *next;
} weft_pickle_item;
struct weft_pickle_items {
    weft_pickle_item *first, *last;
    int64_t count, tensors; /* values that are tensors, or opaque and made of one */
    bool holds;             /* a tensor, or something made of one, when it was put in */
    bool seen;              /* by a walk over all values, which containers may hold twice, or inside themselves */
};

struct weft_pickle_opaque {
    const char *name;         /* "argparse.Namespace" */
    bool holds, seen;         /* it was made of a tensor; as of items */
    weft_pickle_value state;  /* what its attributes were set to; NONE */
    weft_pickle_items *items; /* what was put in by key; NULL */
    weft_pickle_items *arguments; /* that a call made it of; NULL */
};

/* "a dictionary", "a tensor", ... */
const char *weft_pickle_kind_name(weft_pickle_kind kind);
/* Appends a copy of key (NULL: none) and value; false: out of memory. */
bool weft_pickle_add(weft_arena *arena, weft_pickle_items *items, const weft_pickle_value *key,
                     const weft_pickle_value *value);
/* An opaque value; false: out of memory. */
bool weft_pickle_make_opaque(weft_arena *arena, const char *name, bool holds, weft_pickle_value *out);
/* Whether the name of a global, or of an opaque value, is that of a maker of NumPy arrays. */
bool weft_pickle_names_array(const char *name);
/* Whether it is a tensor, a storage, or was made of one. */
bool weft_pickle_holds(const weft_pickle_value *value);
/* The value is this text. */
bool weft_pickle_is(const weft_pickle_value *value, const char *text);
/* What a dictionary has under a text; NULL: nothing. */
const weft_pickle_value *weft_pickle_find(const weft_pickle_items *dict, const char *key);

#endif
