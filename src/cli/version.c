/* SPDX-License-Identifier: Apache-2.0
 *
 * weft version, and weft --version. */
#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"

typedef struct version_args {
    bool json;
} version_args;

void cli_print_version(FILE *out, bool json)
{
    if (!json) {
        fprintf(out, "weft %s\n", weft_version());
        return;
    }
    json_t *root = cli_json_document();
    cli_set_text(root, "weft", weft_version());
    cli_set_text(root, "commit", weft_version_commit());
    cli_set_text(root, "compiler", weft_version_compiler());
    cli_json_print(root, out);
    json_decref(root);
}

static cli_exit run(const cli_call *call)
{
    const version_args *args = call->args;
    cli_print_version(stdout, args->json);
    return CLI_OK;
}

static const cli_option rows[] = { ROW_JSON(version_args), OPT_HELP, OPT_END };

const cli_command cli_version = {
    .name = "version",
    .brief = "print the version",
    .description = "Prints the version of the library that the program is linked to.",
    .rows = rows,
    .args_size = sizeof(version_args),
    .run = run,
};
