/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of weight files: the set as readers fill it, the readers and writers of each format, and the digest.
 *
 * A reader is given the whole file in memory and a set that owns that memory; tensors whose bytes lie aligned in it
 * are lent from there, all others are copied. Readers say what is wrong by weft_file_bad (file.h). */
#ifndef WEFT_WEIGHTS_WEIGHTS_H
#define WEFT_WEIGHTS_WEIGHTS_H

#include <weft/weights.h>

#include "base/alloc.h"
#include "weights/file.h"
#include "weights/index.h"
#include "weights/zip.h"

/* What a file says of its network that weft's networks never have, as a sentence: metadata. */
#define WEFT_META_FILE_DIFFERS "file.differs"
/* The first tensor that was left out, for it is of a type that no weights are of: metadata, a sentence. */
#define WEFT_META_UNREAD "file.unread"

/* Limits of what a file may hold (docs: file rules). */
enum {
    WEFT_WEIGHTS_TENSORS = 1000000,
    WEFT_WEIGHTS_NAME = 4096, /* bytes of a tensor's name */
    WEFT_WEIGHTS_META = 4096, /* keys of metadata */
    WEFT_SAFETENSORS_HEADER = 100000000,
};

/* What a file says of a layer beside its tensors: a PyTorch module that was pickled whole. What it does not say, or not
 * as PyTorch's own layers do, is not known. */
enum {
    WEFT_KNOWS_EPSILON = 1,
    WEFT_KNOWS_STRIDE = 2,
    WEFT_KNOWS_PADDING = 4,
    WEFT_KNOWS_DILATION = 8,
    WEFT_KNOWS_GROUPS = 16,
    WEFT_KNOWS_SAME = 32,     /* it pads as TensorFlow does, by the image's size */
    WEFT_KNOWS_REFLECTS = 64, /* it pads with something else than zeros */
};
typedef struct weft_layer_facts {
    unsigned known;
    double epsilon;
    int64_t stride[2], padding[2], dilation[2]; /* height, width; padding on either side */
    int64_t groups;
} weft_layer_facts;

/* The same of a pool, which has no tensors. */
typedef struct weft_pool_facts {
    const char *name;
    bool maximum; /* else the average */
    bool ceil;    /* the last, partial window counts */
    int64_t kernel[2], stride[2], padding[2];
    struct weft_pool_facts *next;
} weft_pool_facts;
enum { WEFT_POOLS = 256 /* that are kept of a file */ };

/* An activation that the file's network has: what ops call it, NULL: none; '"act1" the layer ReLU', the first such. */
typedef struct weft_act_fact {
    const char *act, *layer;
} weft_act_fact;
enum { WEFT_ACTS = 8 };

typedef struct weft_weights_entry {
    weft_weight weight;
    void *owned; /* the tensor's own memory; NULL: lent from the set's block */
    const weft_layer_facts *layer; /* that the tensor is of, in the arena of names; NULL: nothing is known */
} weft_weights_entry;

typedef struct weft_meta {
    char *key; /* one block with text */
    const char *text;
} weft_meta;

struct weft_weights {
    const weft_allocator *allocator;
    weft_arena names;
    weft_index index; /* of entries, by name */
    weft_weights_entry *entries;
    int64_t count, room;
    weft_meta *meta;
    int meta_count, meta_room;
    void *block; /* the file that entries without memory of their own lie in */
    bool lent;   /* one does */
    weft_pool_facts *pools, *last_pool; /* in the file's order, in the arena of names */
    int pool_count; /* WEFT_POOLS: perhaps there are more */
    bool pads;   /* somewhere in the file's network, what pads is a layer of its own */
    weft_act_fact acts[WEFT_ACTS];
};

/* Under this name files keep the metadata; no tensor has it. */
#define WEFT_META_NAME "__metadata__"

/* Elements and bytes of a tensor: rank 0 is a scalar, a dimension of 0 makes it empty. INVALID if the rank or a
 * dimension is out of range or the product overflows. */
weft_status weft_weight_bytes(weft_dtype dtype, const weft_shape *shape, int64_t *count, size_t *bytes);

/* INVALID if a tensor cannot be called so: an empty name, or too long, not UTF-8, with control characters. */
weft_status weft_weights_check_name(const char *name, size_t length);
/* A tensor whose dense bytes lie in the set's block: lent if aligned, else copied. INVALID if the name is taken or no
 * good (empty, too long, not UTF-8, control characters), or for weft_weight_bytes' reasons. */
weft_status weft_weights_lend(weft_weights *weights, const char *name, size_t length, weft_dtype dtype,
                              const weft_shape *shape, const void *data);
/* A tensor whose bytes the caller writes to *data at once. */
weft_status weft_weights_room(weft_weights *weights, const char *name, size_t length, weft_dtype dtype,
                              const weft_shape *shape, void **data);

/* Copies a tensor whose element [i, j, ...] is at i * stride[0] + j * stride[1] + ... (elements of `size` bytes) to
 * dense memory. */
void weft_weight_gather(void *to, const void *from, size_t size, const weft_shape *shape, const int64_t *stride);

/* The digest kept under the metadata key weft.crc32 of files that weft writes: the sum, modulo 2^32, over all tensors
 * of the CRC-32 of name, a zero byte, dtype and shape as text ("f32[64, 3, 3, 3]"), a zero byte, data. It depends
 * neither on the order of tensors nor on the format. */
#define WEFT_DIGEST_KEY "weft.crc32"
uint32_t weft_weights_digest(const weft_weights *weights);
/* Checks the key where the set has it, and takes it out. BAD_DATA without a file's name. */
weft_status weft_weights_check_digest(weft_weights *weights);

/* Parses a file in memory as weft_weights_read does, and takes file->data, which came from ctx's allocator, whatever
 * happens. For pipes and fuzzers; h5 is not parsed in memory. */
weft_status weft_weights_parse(weft_ctx *ctx, const weft_file *file, const weft_read_opt *opt, weft_weights **out);

/* One file of any format that is read. */
weft_status weft_weights_read_file(weft_ctx *ctx, const char *path, const weft_read_opt *opt, weft_weights **out);
/* All files that an index (model.safetensors.index.json) lists, as one set. */
weft_status weft_shards_read(weft_ctx *ctx, const char *path, const weft_read_opt *opt, weft_weights **out);
/* Whether a dictionary or a prefix is called as a running average is. */
bool weft_is_average(const char *path);
/* Of several networks in one list of tensors (twins.c) only the one that key names stays, or with NULL the one that is
 * no running average. BAD_DATA with the prefixes if none is meant, or a key that names no tensors. */
weft_status weft_weights_pick(weft_ctx *ctx, const char *path, const char *key, weft_weights *weights);
/* What the descriptions beside a file of a hub (config.json, preprocessor_config.json) say of it becomes metadata;
 * there may be none. of_folder: the file is all the weights that its folder has, whatever its name. */
weft_status weft_hub_describe(weft_ctx *ctx, const char *path, bool of_folder, weft_weights *weights);
/* The file in a folder that holds its weights, in file[size]. BAD_DATA if it is not clear which that is. */
weft_status weft_weights_find_in_folder(const char *folder, char *file, size_t size);

/* ---- formats: `weights` is empty but for its block, which is file->data ---- */

typedef weft_status weft_reader(weft_ctx *ctx, const weft_file *file, const weft_read_opt *opt, weft_weights *weights);
weft_reader weft_safetensors_read, weft_npz_read, weft_pth_read;
/* The header, and what it claims of the file's size, before all of it is read. */
weft_status weft_safetensors_check(weft_ctx *ctx, const char *path);
/* A new set of what the reader finds in the file; takes file->data, which came from ctx's allocator, whatever
 * happens. */
weft_status weft_weights_fill(weft_ctx *ctx, const weft_file *file, weft_reader *read, const weft_read_opt *opt,
                              weft_weights **out);
/* HDF5 and .keras are read in a process of their own: h5.h. */

weft_status weft_safetensors_write(const weft_weights *weights, weft_writer *writer);
weft_status weft_npz_write(const weft_weights *weights, weft_writer *writer);

#endif
