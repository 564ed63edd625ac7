/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks by name. A dialect fixes what papers, Keras and torchvision do differently: padding, stride placement,
 * biases, epsilon, LRN convention, which variance batch norm moves, and whether moving statistics count as
 * parameters. */
#ifndef WEFT_ARCH_H
#define WEFT_ARCH_H

#include <weft/ops.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weft_dialect { WEFT_DIALECT_DEFAULT, WEFT_PAPER, WEFT_KERAS, WEFT_TORCH, WEFT_DIALECT_COUNT } weft_dialect;
/* "paper", "keras", "torch"; "default" for 0. */
WEFT_API const char *weft_dialect_name(weft_dialect dialect);
/* WEFT_DIALECT_COUNT if there is none of that name. */
WEFT_API weft_dialect weft_dialect_parse(const char *name);

/* What an input pixel of 0..255 becomes before the network sees it. */
typedef enum weft_preprocess {
    WEFT_PREPROCESS_NONE,  /* 0..255: the network rescales by itself */
    WEFT_PREPROCESS_TF,    /* x / 127.5 - 1 */
    WEFT_PREPROCESS_CAFFE, /* BGR, minus (103.939, 116.779, 123.68) */
    WEFT_PREPROCESS_TORCH, /* x / 255, minus (.485, .456, .406), over (.229, .224, .225) */
    WEFT_PREPROCESS_UNIT   /* x / 255 */
} weft_preprocess;

/* What a paper or a framework's page says; zeros: not published. */
typedef struct weft_published {
    const char *source;             /* who says so: "Keras Applications" */
    double top1, top5;              /* ImageNet validation, percent */
    double size_mb;                 /* of the weight file */
    double cpu_ms, gpu_ms;          /* per batch of 32 */
} weft_published;

/* One network in one dialect. */
typedef struct weft_arch {
    const char *name;  /* "efficientnet-b0" */
    const char *alias; /* "EfficientNetB0" */
    weft_dialect dialect;
    bool is_default;   /* the dialect meant when none is named */
    bool in_table;     /* one of the fifteen of the book's table */
    const char *paper; /* "Tan & Le 2019, arXiv:1905.11946" */
    int px, channels;  /* input [N, px, px, channels] */
    int classes;
    weft_preprocess preprocess;
    int64_t params;    /* published or derived counts: what must come out. params counts statistics where */
    int64_t trainable; /* the dialect does (keras) and not elsewhere */
    int64_t macs;      /* of one image at px */
    int64_t params_aux; /* params when the auxiliary heads are built too; 0: the network has none */
    double aux_weight;  /* of the loss of each of them (weft_train_opt.aux_weight) */
    weft_published published;
} weft_arch;

WEFT_API int weft_arch_count(void);
/* NULL if index is out of range. */
WEFT_API const weft_arch *weft_arch_get(int index);
/* By name or alias, case-insensitive; DEFAULT: its default dialect. NULL if there is none. */
WEFT_API const weft_arch *weft_arch_find(const char *name, weft_dialect dialect);
/* The known name that is nearest to a misspelt one, of the same family if that can be; never NULL. */
WEFT_API const char *weft_arch_nearest(const char *name);
/* A weight file that a framework publishes for a network. Facts for people: weft downloads nothing. */
typedef struct weft_arch_file {
    const char *file;    /* "resnet50-11ad3fa6.pth" */
    const char *address; /* "https://download.pytorch.org/models/resnet50-11ad3fa6.pth" */
    const char *digest;  /* "sha256:" and the first digits of it, or "md5:" and all; NULL: not published */
    double mib;          /* size; 0: not published */
    const char *recipe;  /* words of weft/recipe.h where it is evaluated otherwise than the network's first; or NULL */
    double top1, top5;   /* where they are others than the network's, percent; 0 */
} weft_arch_file;
/* NULL if there are no more; the first is the one that arch->published is about. */
WEFT_API const weft_arch_file *weft_arch_file_get(const weft_arch *arch, int index);
/* Whether `params` of this dialect counts moving statistics. */
WEFT_API bool weft_arch_counts_statistics(const weft_arch *arch);

typedef struct weft_arch_opt {
    weft_dialect dialect; /* DEFAULT */
    int64_t batch;        /* 0: 1 */
    int px;               /* 0: the network's own */
    int classes;          /* 0: the network's own */
    bool no_softmax;      /* logits out (default: probabilities where the network has a softmax) */
    bool aux;             /* also the auxiliary heads that training uses, as outputs 1, 2, ... named "aux1", "aux2" */
} weft_arch_opt;
/* Builds a network into a new graph: NOT_FOUND names the nearest; INVALID a size, or heads, it cannot have. */
WEFT_API weft_status weft_arch_build(weft_ctx *ctx, const char *name, const weft_arch_opt *opt, weft_graph **out);

#ifdef __cplusplus
}
#endif
#endif
