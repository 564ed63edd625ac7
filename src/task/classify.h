/* SPDX-License-Identifier: Apache-2.0
 *
 * A classifier inside, for evaluation. */
#ifndef WEFT_TASK_CLASSIFY_H
#define WEFT_TASK_CLASSIFY_H

#include <weft/classify.h>

#include "backend/device.h"
#include "base/context.h"
#include "image/image.h"

enum { WEFT_CLASSES_MAX = 1 << 20, WEFT_BATCH_MAX = 65536 };

struct weft_classifier {
    weft_ctx *ctx;
    const weft_arch *arch;
    weft_recipe recipe;
    weft_arena arena;     /* labels */
    weft_label *labels;   /* [classes] */
    int outputs, classes; /* of the network; answered: see weft_classifier_classes */
    weft_readout activation;
    int64_t batch;
    bool distances;       /* what comes out is small for likely classes (LeNet-5 as published) */
    weft_image_opt image;
    weft_model *model;
    uint8_t *bytes;        /* [batch] images, for a device apart, if the recipe's are bytes; NULL: input */
    float *input, *output; /* [batch] images, [batch][outputs] */
    weft_model *floats;    /* of a model of bytes, the same for input; NULL until there is some */
    double *probability;   /* [classes] */
    weft_fault *faults;    /* [2][batch], of one batch and of the next */
};

/* Images to classify, batch by batch: files, images or a data set. On a device apart the next batch is decoded while
 * one is computed. */
typedef struct weft_classifying {
    const char *const *paths;
    const weft_image *images;
    const weft_dataset *set;
    int64_t count;
    int top;
    weft_answer *answers; /* [count][top] if whole, else [batch][top] */
    bool whole;
    bool strict; /* the first fault is an error */
    /* Told of every batch, in order; what it returns ends the rest. NULL: not told. */
    weft_status (*done)(void *user, int64_t first, int64_t count, const weft_answer *answers, const weft_fault *faults);
    void *user;
} weft_classifying;
weft_status weft_classify(weft_classifier *classifier, const weft_classifying *job);

/* Memory for input, and *out a model that takes it. */
weft_status weft_classifier_need_floats(weft_classifier *classifier, weft_model **out);

/* Labels for a network of that many outputs, copied into the arena, and how many (see weft_classifier_classes): opt's,
 * those of opt's file, the text's lines (may be NULL), ImageNet's or none. */
weft_status weft_labels_make(weft_classifier *classifier, const weft_classifier_opt *opt, const char *text,
                             weft_label **labels, int *classes);

#endif
