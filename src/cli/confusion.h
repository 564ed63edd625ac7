/* SPDX-License-Identifier: Apache-2.0
 *
 * Which classes are taken for which, as a picture. */
#ifndef WEFT_CLI_CONFUSION_H
#define WEFT_CLI_CONFUSION_H

#include <stdint.h>
#include <stdio.h>

typedef struct cli_confusion {
    const char *title;     /* the network */
    int classes;
    const int64_t *counts; /* [classes][classes]: true class, answered class */
    const char *(*name)(const void *user, int index, char buf[32]); /* of a class */
    const void *user;
} cli_confusion;

/* SVG. */
void cli_draw_confusion(const cli_confusion *confusion, FILE *out);

#endif
