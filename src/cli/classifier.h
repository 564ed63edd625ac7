/* SPDX-License-Identifier: Apache-2.0
 *
 * What classify and eval have in common: a classifier as the command line describes it. */
#ifndef WEFT_CLI_CLASSIFIER_H
#define WEFT_CLI_CLASSIFIER_H

#include <jansson.h>

#include "cli/command.h"
#include "cli/rows.h"

/* What their argument structs begin with, and its rows. */
typedef struct cli_classifier_args {
    weft_ctx_opt ctx;
    weft_dialect dialect;
    int64_t batch; /* 0: the command's own */
    int64_t seed;  /* 0: not random */
    const char *weights, *key, *classes;
    cli_recipe recipe;
    weft_readout activation;
} cli_classifier_args;

/* clang-format off */
#define CLASSIFIER_ROWS \
    ROW_ISA(cli_classifier_args), \
    ROW_MATH(cli_classifier_args, "fast"), \
    ROW_DIALECT(cli_classifier_args, WHOSE_VARIANT), \
    OPT_FILE(cli_classifier_args, weights, 'w', "weights", "FILE", NULL, \
             "weights of MODEL: safetensors, .pth, .h5, .weights.h5, .keras or .npz of weft, torchvision, timm or " \
             "Keras"), \
    ROW_BATCH(cli_classifier_args, "0", 0, "images that run together; 0: as many as there are, at most 8 (eval: 32)"), \
    ROW_THREADS(cli_classifier_args, "threads that decode and compute"), \
    ROW_DEVICE(cli_classifier_args, ctx.device, "cpu", DEVICES_THAT_RUN, \
               "cpu, cuda, cuda:1 or auto: cuda where there is one, else cpu"), \
    OPT_COUNT(cli_classifier_args, seed, 0, "seed", "N", NULL, 1, OPT_MAX_COUNT, \
              "instead of --weights: random ones from this seed, for tests and timing; the answers mean nothing"), \
    OPT_FILE(cli_classifier_args, classes, 0, "classes", "FILE", NULL, \
             "names of the classes, one a line (default: the weights', else ImageNet's for 1000)"), \
    ROW_KEY(cli_classifier_args, key, "key", A_CHECKPOINT), \
    ROW_ACTIVATION(cli_classifier_args, "as the weights say, else sigmoid of one output"), \
    ROWS_RECIPE(cli_classifier_args, "as the weights say, else as the publisher does")
/* clang-format on */

/* words[0] names a network (its weights are --weights, or numbers of --seed) or a weight file that knows its own.
 * Prints what is wrong, and loudly that random weights are random. *ctx is opened too; the caller destroys both. */
cli_exit cli_open_classifier(const cli_call *call, int64_t batch, bool as_stored, weft_ctx **ctx,
                             weft_classifier **out);
/* model, dialect, recipe and where the weights are from. */
void cli_describe_classifier(const cli_call *call, const weft_classifier *classifier, json_t *object);
/* Warns of the files of a data set's folders that are not in it, one line a kind. */
void cli_warn_left_out(const weft_dataset *set);
/* "tabby", "n02123045" or "class 7": what there is. */
const char *cli_label_text(const weft_label *label, int index, char buf[32]);

#endif
