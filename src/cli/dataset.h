/* SPDX-License-Identifier: Apache-2.0
 *
 * What the commands of weft dataset share. */
#ifndef WEFT_CLI_DATASET_H
#define WEFT_CLI_DATASET_H

#include "cli/command.h"
#include "cli/common.h"
#include "cli/rows.h"
#include "cli/table.h"

typedef struct dataset {
    weft_ctx *ctx;
    weft_trainset *set;
} dataset;

/* Opens the set that the call's only operand names; prints why not, and which files are in no part. dataset_close takes
 * what was never opened. */
cli_exit dataset_open(const cli_call *call, dataset *out);
void dataset_close(dataset *data);
/* "IDX files in /usr/share/datasets/fashion-mnist, 28 x 28 x 1: train 60000, test 10000; 10 classes" Allocated. */
char *dataset_title(const weft_trainset *set);
/* The members path, kind, classes and parts of a document. */
void dataset_put_json(json_t *root, const weft_trainset *set);

#define DATASET_SYNOPSIS "DATA"
#define DATASET_OPERAND \
    "DATA is a folder, a pack (weft dataset pack) or the name of a set that is looked for: mnist, fashion-mnist, " \
    "kmnist, cifar10, cifar100, in the folders of WEFT_DATA and where Debian's packages put them. "

#endif
