/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of a network's names in both worlds. */
#ifndef WEFT_CLI_NAMES_H
#define WEFT_CLI_NAMES_H

#include "cli/cli.h"

/* Prints the names of the network's tensors here and as `from` has them. */
cli_exit cli_list_names(const char *network, weft_dialect dialect, weft_origin from, bool json);

#endif
