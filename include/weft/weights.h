/* SPDX-License-Identifier: Apache-2.0
 *
 * Weight files. weft_weights is a set of named tensors with string metadata, as a file holds them: safetensors,
 * PyTorch .pth, Keras .h5, .weights.h5 and .keras, NumPy .npz. Files are never trusted: a wrong, truncated or hostile
 * one is BAD_DATA with file, byte offset, what was expected and what was found, and nothing is executed. Mapping turns
 * the names and layouts of torchvision, timm and Keras into weft's own (weft_graph_param), after which
 * weft_model_load takes them. */
#ifndef WEFT_WEIGHTS_H
#define WEFT_WEIGHTS_H

#include <weft/arch.h>
#include <weft/model.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_weights weft_weights;

/* One tensor, lent by its set until that changes or is destroyed. A scalar has rank 0 and count 1. */
typedef struct weft_weight {
    const char *name;
    weft_dtype dtype;
    weft_shape shape;
    int64_t count;    /* elements */
    const void *data; /* dense, last dimension fastest, this machine's byte order */
} weft_weight;

typedef enum weft_format {
    WEFT_FORMAT_AUTO, /* reading: by the first bytes; writing: by the file name */
    WEFT_SAFETENSORS,
    WEFT_NPZ,
    WEFT_PTH,   /* read only */
    /* Keras' files are read by a program of their own, weft-h5: the one that the environment's WEFT_H5_HELPER names, or
     * libexec/weft/weft-h5 beside the library. UNSUPPORTED where there is none. */
    WEFT_H5,    /* read only; legacy .h5 and .weights.h5 */
    WEFT_KERAS_ZIP, /* read only; .keras */
    WEFT_FORMAT_COUNT
} weft_format;
/* "safetensors", "npz", ... */
WEFT_API const char *weft_format_name(weft_format format);

/* An empty set; ctx lends its allocator and must outlive it. */
WEFT_API weft_status weft_weights_create(weft_ctx *ctx, weft_weights **out);
WEFT_API void weft_weights_destroy(weft_weights *weights);

/* Reads a whole file into owned memory; a folder of a hub and an index of several files, too. NOT_FOUND, IO, BAD_DATA
 * (above; also a variant, a dtype or a feature that weft does not read, by name), UNSUPPORTED (weft-h5 is not
 * installed). */
WEFT_API weft_status weft_weights_read(weft_ctx *ctx, const char *path, weft_format format, weft_weights **out);

typedef struct weft_read_opt {
    weft_format format; /* AUTO */
    /* The dictionary of a PyTorch file to read, by its path: "state_dict_ema", "models.1"; "" is the pickled object
     * itself. Or, in a file of any format, what the names of the tensors to read begin with, up to a dot: "ema_model".
     * NULL: the only one that holds the most tensors, or of several the one under a usual name and no running average.
     * Metadata torch.key says which was read, torch.other_keys which others there are. */
    const char *key;
} weft_read_opt;
/* The same with options; opt NULL: all defaults. */
WEFT_API weft_status weft_weights_read_with(weft_ctx *ctx, const char *path, const weft_read_opt *opt,
                                            weft_weights **out);
/* Writes to a temporary file in the same folder, syncs, renames: the old file or the new one, never a part. */
WEFT_API weft_status weft_weights_write(const weft_weights *weights, const char *path, weft_format format);

WEFT_API int64_t weft_weights_count(const weft_weights *weights);
/* In the file's order. INVALID if index is out of range. */
WEFT_API weft_status weft_weights_get(const weft_weights *weights, int64_t index, weft_weight *out);
/* NOT_FOUND with the nearest name. */
WEFT_API weft_status weft_weights_find(const weft_weights *weights, const char *name, weft_weight *out);
/* Copies data (count elements of dtype); data NULL: zeros. INVALID if the name is taken. */
WEFT_API weft_status weft_weights_add(weft_weights *weights, const char *name, weft_dtype dtype,
                                      const weft_shape *shape, const void *data);
/* Element type conversion to float: out[count]. UNSUPPORTED for a type that holds no numbers weft computes with. */
WEFT_API weft_status weft_weight_floats(const weft_weight *weight, float *out);

/* Metadata: text by key. */
WEFT_API int weft_weights_meta_count(const weft_weights *weights);
WEFT_API weft_status weft_weights_meta(const weft_weights *weights, int index, const char **key, const char **text);
/* NULL if there is none. */
WEFT_API const char *weft_weights_meta_find(const weft_weights *weights, const char *key);
/* Replaces; text NULL removes. */
WEFT_API weft_status weft_weights_set_meta(weft_weights *weights, const char *key, const char *text);

/* SHA-256 of bytes, as 64 hex digits and an end. */
WEFT_API void weft_bytes_digest(const void *data, size_t size, char hex[65]);
/* SHA-256 of a regular file, as 64 hex digits and an end. NOT_FOUND, IO, BAD_DATA for what is no regular file. */
WEFT_API weft_status weft_file_digest(const char *path, char hex[65]);
/* As weft_file_digest; BAD_DATA if the name ends in other digits, as torchvision's and timm's do:
 * "resnet50-0676ba61.pth". Eight digits that are a date ("best-20240115.pth") are none. */
WEFT_API weft_status weft_file_verify(const char *path, char hex[65]);

/* ---- names of other frameworks ---- */

typedef enum weft_origin {
    WEFT_ORIGIN_AUTO, /* the one whose names fit best */
    WEFT_ORIGIN_WEFT,
    WEFT_ORIGIN_TORCHVISION,
    WEFT_ORIGIN_TIMM,
    WEFT_ORIGIN_KERAS,
    WEFT_ORIGIN_TRANSFORMERS, /* of Hugging Face */
    WEFT_ORIGIN_COUNT
} weft_origin;
/* "weft", "torchvision", "timm", "keras", "transformers"; "auto" for 0. */
WEFT_API const char *weft_origin_name(weft_origin origin);

/* What mapping found: names lent by the report. */
typedef struct weft_map_report {
    weft_origin origin;
    int64_t mapped;
    int64_t missing_count;         /* of the network, not in the file */
    const char *const *missing;
    int64_t unused_count;          /* of the file, not in the network */
    const char *const *unused;
    int64_t ignored_count;         /* of the file, known not to matter (num_batches_tracked, optimizer state) */
    const char *const *ignored;
    const char *nearest;           /* the network whose tensors fit better; NULL: none does */
    const char *head;              /* the file's layer that was taken as the classifier by its shape, being the only
                                    * one left; NULL: it has its usual name */
    const char *prefix;            /* what stood before most names and was dropped ("backbone."); NULL: nothing */
} weft_map_report;
WEFT_API void weft_map_report_destroy(weft_ctx *ctx, weft_map_report *report);

typedef struct weft_map_opt {
    weft_origin origin; /* AUTO */
    bool lenient;       /* missing and unused tensors are only reported (default: BAD_DATA) */
    int classes;        /* 0: the network's own, or as many as the file's classifier has */
} weft_map_opt;
/* The tensors of `in` under the names and in the layouts of network `arch` in `dialect`, as f32. *report (may be NULL)
 * is set in success and in BAD_DATA; destroy it. The set carries metadata weft.arch, weft.dialect, weft.classes. */
WEFT_API weft_status weft_weights_map(weft_ctx *ctx, const weft_weights *in, const char *arch, weft_dialect dialect,
                                      const weft_map_opt *opt, weft_map_report **report, weft_weights **out);

/* The network that a set is of: as its metadata say (weft.arch, weft.dialect), else as its tensors fit. How the file's
 * name begins (path may be NULL), or its folder's, decides only between networks that the tensors fit. arch and
 * dialect, if not NULL and DEFAULT, are given and only the rest is looked for. *how (may be NULL) is a static text:
 * "named", "metadata", "config.json", "file name", "folder name" or "tensors". NOT_FOUND with the network that fits
 * best. */
WEFT_API weft_status weft_weights_identify(weft_ctx *ctx, const weft_weights *in, const char *path, const char *arch,
                                           weft_dialect dialect, const weft_arch **out, const char **how);

/* How a file of anybody's is taken: the one way for whatever takes such files. */
typedef struct weft_import_opt {
    weft_read_opt read;
    const char *arch;     /* NULL: found by metadata, descriptions beside the file, tensors and names */
    weft_dialect dialect; /* DEFAULT: found */
    weft_map_opt map;
    bool report;          /* map also what weft itself wrote, which else is taken as it is, whatever arch says */
} weft_import_opt;
typedef struct weft_imported {
    const weft_arch *arch;   /* NULL: not found */
    const char *how;         /* it was found; static text, as of weft_weights_identify */
    weft_map_report *report; /* NULL: the tensors were not mapped; destroy it */
    char doubt[200];         /* why the file may be of another network than arch, or what it says is not so; "" */
} weft_imported;
/* Finds the network of a set that was read from path and maps its tensors: what weft_weights_import does with a file
 * that it has read. *found is set in failure, too, as far as things went. `in` learns what is known of the file. */
WEFT_API weft_status weft_weights_take(weft_ctx *ctx, weft_weights *in, const char *path, const weft_import_opt *opt,
                                       weft_imported *found, weft_weights **out);
/* Reads a file, an index of files ("model.safetensors.index.json") or a hub's folder, finds its network and maps its
 * tensors to weft's names: *out carries metadata weft.arch, weft.dialect, weft.classes, and weft.recipe, weft.labels,
 * weft.activation, torch.key, torch.other_keys where the file or a description beside it says so. BAD_DATA also a file
 * whose network is not known. *found (may be NULL) is set in failure too, as far as things went. */
WEFT_API weft_status weft_weights_import(weft_ctx *ctx, const char *path, const weft_import_opt *opt,
                                         weft_imported *found, weft_weights **out);

/* The name that `origin` gives parameter `param` of a network, into buf, and how its layout differs ("oihw",
 * "hwio", ...; see weft-weights(5)). NOT_FOUND if that framework does not have the network or the tensor. */
WEFT_API weft_status weft_weights_origin_name(weft_ctx *ctx, const char *arch, weft_dialect dialect,
                                              weft_origin origin, const char *param, char *buf, size_t size,
                                              const char **layout);

/* All of a network's parameters as an origin names them (AUTO: the framework of the dialect). */
typedef struct weft_name_entry {
    const char *name;        /* ours */
    weft_shape shape;
    const char *origin_name; /* NULL: it does not have this one */
    const char *layout;      /* static text */
    weft_shape origin_shape;
    int part, parts;         /* ours is part 0 or 1 of 2 along its first dimension; of 1: all of it */
} weft_name_entry;
typedef struct weft_name_list {
    weft_origin origin;
    int count;
    const weft_name_entry *entries;
} weft_name_list;
/* NOT_FOUND as above; destroy it before ctx. */
WEFT_API weft_status weft_weights_names(weft_ctx *ctx, const char *arch, weft_dialect dialect, weft_origin origin,
                                        weft_name_list **out);
WEFT_API void weft_name_list_destroy(weft_ctx *ctx, weft_name_list *list);

/* ---- models ---- */

/* Sets every parameter of model from a set in weft's names: BAD_DATA names what is missing, unknown or misshapen. */
WEFT_API weft_status weft_model_load(weft_model *model, const weft_weights *weights);
/* Adds every parameter of model to weights. */
WEFT_API weft_status weft_model_save(const weft_model *model, weft_weights *weights);

#ifdef __cplusplus
}
#endif
#endif
