/* SPDX-License-Identifier: Apache-2.0
 *
 * What weft eval's files share: its arguments, the evaluation under way, and what is written about it. */
#ifndef WEFT_CLI_EVAL_H
#define WEFT_CLI_EVAL_H

#include <jansson.h>

#include "cli/bar.h"
#include "cli/classifier.h"
#include "cli/output.h"

typedef struct eval_args {
    cli_classifier_args classifier;
    const char *data;
    weft_dataset_opt set; /* layout, labels, limit */
    const char *bad_images, *csv, *confusion, *predictions;
    cli_progress progress;
    bool json;
} eval_args;

typedef struct eval {
    const cli_call *call;
    const eval_args *args;
    weft_ctx *ctx;
    weft_classifier *classifier;
    weft_dataset *set;
    weft_evaluation result;
    json_t *bad; /* reasons */
    int64_t bad_limit;
    cli_bar bar;
    cli_output csv, confusion, predictions;
} eval;

/* The result on standard output. */
void eval_print_text(const eval *e);
void eval_print_json(const eval *e);
/* CSV: a line for each class, for each pair of classes that occurred, for each image. */
void eval_write_classes(const eval *e, FILE *file);
void eval_write_confusion(const eval *e, FILE *file);
void eval_begin_predictions(FILE *file);
void eval_write_prediction(const eval *e, const weft_prediction *one);

#endif
