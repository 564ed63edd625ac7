/* SPDX-License-Identifier: Apache-2.0
 *
 * Manual pages that people wrote (docs/man/weft-*.5 and .7), built into the program as topics of weft help. */
#ifndef WEFT_CLI_ROFF_H
#define WEFT_CLI_ROFF_H

#include <stdio.h>

typedef struct cli_topic {
    const char *name; /* "weights" of weft-weights.5 */
    const char *page; /* roff */
} cli_topic;

extern const cli_topic cli_topics[]; /* to a NULL name; topics.cmake writes them */

const cli_topic *cli_topic_find(const char *name);
/* What stands behind the dash of the page's NAME. */
const char *cli_topic_brief(const cli_topic *topic, char *buf, size_t size);
/* The page as plain text. */
void cli_topic_print(FILE *out, const cli_topic *topic, int width);

#endif
