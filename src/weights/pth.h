/* SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch's files, inside: both of torch.save's formats give a pickle that describes tensors and the bytes of storages;
 * which of its dictionaries is read (pth_choose.c) and how tensors come out of storages (pth_add.c) is the same. */
#ifndef WEFT_WEIGHTS_PTH_H
#define WEFT_WEIGHTS_PTH_H

#include "weights/pickle.h"
#include "weights/weights.h"

typedef struct weft_pth {
    weft_ctx *ctx;
    const weft_file *file;
    weft_weights *weights;
    const char *key; /* the path of the dictionary to read; NULL: found */
    weft_arena arena;
    uint64_t at;     /* byte of the pickle, for sentences */
    uint64_t budget; /* bytes that may still be copied */
    /* The bytes of all that a storage's key names: `whole` elements, of which a view is a part. */
    weft_status (*storage)(struct weft_pth *pth, const weft_pickle_storage *storage, const uint8_t **out);
    void *source;
} weft_pth;

/* What is read: a dictionary of tensors, or a module, whose dictionaries are its parts. */
typedef struct weft_pth_choice {
    const char *path; /* "state_dict", "models.0"; "": the pickled object itself */
    const char *others; /* paths that could have been meant as well, with commas; NULL: none */
    const weft_pickle_items *dict;
    const weft_pickle_opaque *module; /* NULL: dict it is */
} weft_pth_choice;

/* The dictionaries of a module; NULL where it has none of a kind. False: it is no module. */
typedef struct weft_pth_module {
    const weft_pickle_items *parameters, *buffers, *modules;
} weft_pth_module;
bool weft_pth_open_module(const weft_pickle_opaque *object, weft_pth_module *out);
/* Attributes of an object, if it keeps them as modules do; NULL. */
const weft_pickle_items *weft_pth_attributes(const weft_pickle_opaque *object);
/* What its attributes say of a layer's arithmetic. */
weft_layer_facts weft_pth_look_at_layer(const weft_pickle_opaque *object);
/* If it is one of PyTorch's pools, and says what windows it has: these, without a name. */
bool weft_pth_look_at_pool(const weft_pickle_opaque *object, weft_pool_facts *out);
/* What the classes of a module's layers have said so far; zeros: nothing. */
typedef struct weft_pth_classes {
    const char *activation; /* behind the last dense layer; NULL: none */
    const char *differs;    /* a layer that weft's networks do not have, as a sentence; NULL: none */
    bool sigmoid;           /* one has come since the last dense layer */
} weft_pth_classes;
/* Looks at one layer, of that name with its dot, of length bytes. */
weft_status weft_pth_look_at_class(weft_pth *pth, weft_pth_classes *classes, const weft_pickle_opaque *object,
                                   const char *name, size_t length);
/* Whether a class is one of those that pad and do nothing else. */
bool weft_pth_is_padding(const char *class_name);

weft_status weft_pth_choose(weft_pth *pth, const weft_pickle_value *root, weft_pth_choice *out);
weft_status weft_pth_add(weft_pth *pth, const weft_pth_choice *choice);

/* Names of classes beside the weights become metadata weft.labels. */
weft_status weft_pth_labels(weft_pth *pth, const weft_pickle_value *root);

/* The format before PyTorch 1.6. */
bool weft_pth_is_legacy(const uint8_t *head, size_t size);
weft_status weft_pth_legacy_read(weft_pth *pth);

#endif
