/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a weight file may take the place of what is there. */
#ifndef WEFT_CLI_SPARE_H
#define WEFT_CLI_SPARE_H

#include "cli/cli.h"

/* CLI_CREATE if the file at path is to stay as it is. */
cli_exit cli_spare(weft_ctx *ctx, const char *path, const weft_weights *next, bool force);

#endif
