/* SPDX-License-Identifier: Apache-2.0
 *
 * What weft summary FILE --check looks at. */
#ifndef WEFT_CLI_CHECK_H
#define WEFT_CLI_CHECK_H

#include "cli/rows.h"

/* Prints each tensor's range, what of it is no number, and digests; CLI_NUMERIC if any is not finite. */
cli_exit cli_check_weights(const char *file, const cli_size *size, const cli_view *view);

#endif
