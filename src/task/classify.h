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
    float *input, *output; /* [batch] images, [batch][outputs] */
    double *probability;   /* [classes] */
    weft_fault *faults;    /* [batch] */
};

/* Labels for a network of that many outputs, copied into the arena, and how many (see weft_classifier_classes): opt's,
 * those of opt's file, the text's lines (may be NULL), ImageNet's or none. */
weft_status weft_labels_make(weft_classifier *classifier, const weft_classifier_opt *opt, const char *text,
                             weft_label **labels, int *classes);

/* weft_classify_files of images [first, first + count) of a data set. */
weft_status weft_classify_part(weft_classifier *classifier, const weft_dataset *set, int64_t first, int64_t count,
                               int top, weft_answer *answers, weft_fault *faults);

#endif
