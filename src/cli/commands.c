/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of commands, in the order of 'weft --help'. Whatever is made for all of them (parsing, help, manual pages,
 * completions) comes by this list. */
#include "cli/command.h"

static const cli_command *const commands[] = {
    &cli_bench,   &cli_bench_table, &cli_summary, &cli_models,   &cli_classify,   &cli_eval, &cli_convert, &cli_diff,
    &cli_train,   &cli_dataset, &cli_dataset_check, &cli_dataset_hash, &cli_dataset_stats, &cli_dataset_preview,
    &cli_dataset_pack, &cli_dataset_bench,
    &cli_devices, &cli_explain,     &cli_cost,    &cli_plans,    &cli_tune, &cli_selftest,   &cli_completion,
    &cli_help,    &cli_version,     &cli_worker,  NULL,
};

static const cli_option rows[] = { OPT_HELP, OPT_VERSION, OPT_END };

const cli_command cli_top = {
    .takes = CLI_TAKES_COMMAND,
    .synopsis = "COMMAND [ARGUMENT...]",
    .brief = "convolutional networks, from LeNet-5 to EfficientNet, on this machine",
    .description =
        "weft describes convolutional networks, plans them for a device, runs them and says how fast and how large "
        "they are. Results go to standard output, progress and errors to standard error.\n"
        "\n"
        "What a command prints as JSON is one object. Its schema, 1, goes up when a key goes or means something else; "
        "keys may come without that.",
    .examples = "weft bench table|print the table of the fifteen networks, measured on this machine\n"
                "weft summary resnet50|the layers of a network, with shapes, parameters and multiply-adds\n"
                "weft help bench|what bench can do",
    .rows = rows,
    .commands = commands,
};
