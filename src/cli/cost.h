/* SPDX-License-Identifier: Apache-2.0
 *
 * weft cost, of runs (cost.c) and of steps of training (cost_train.c). */
#ifndef WEFT_CLI_COST_H
#define WEFT_CLI_COST_H

#include <weft/train.h>

#include "cli/command.h"
#include "cli/rows.h"

#define MEGA 1e6
#define GIGA 1e9

typedef struct cost_args {
    weft_ctx_opt ctx;
    int64_t batch;
    weft_dialect dialect;
    cli_size size;
    cli_view view;
    bool steps, train;
} cost_args;

/* The step that is counted: SGD with momentum. */
extern const weft_train_opt cost_training;
/* On the CPU. */
cli_exit cost_train(const cli_call *call);

#endif
