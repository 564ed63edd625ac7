/* SPDX-License-Identifier: Apache-2.0
 *
 * What classify and eval have in common: a classifier as the command line describes it. */
#ifndef WEFT_CLI_CLASSIFIER_H
#define WEFT_CLI_CLASSIFIER_H

#include <jansson.h>

#include "cli/cli.h"

/* words[0] names a network (its weights are --weights, or numbers of --seed) or a weight file that knows its own.
 * Prints what is wrong, and loudly that random weights are random. *ctx is opened too; the caller destroys both. */
cli_exit cli_open_classifier(const cli_args *args, int64_t batch, bool as_stored, weft_ctx **ctx,
                             weft_classifier **out);
/* model, dialect, recipe and where the weights are from. */
void cli_describe_classifier(const cli_args *args, const weft_classifier *classifier, json_t *object);
/* "tabby", "n02123045" or "class 7": what there is. */
const char *cli_label_text(const weft_label *label, int index, char buf[32]);

#endif
