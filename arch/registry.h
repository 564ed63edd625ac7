/* SPDX-License-Identifier: Apache-2.0
 *
 * One row per network and dialect: the public facts (weft_arch) and how to build it. The rows are in registry.c;
 * names.c looks them up; adding a network is one file and one row. */
#ifndef WEFT_ARCH_REGISTRY_H
#define WEFT_ARCH_REGISTRY_H

#include "blocks.h"

typedef struct weft_arch_row {
    weft_arch arch;
    weft_net_builder *build;
    int variant; /* what build makes of it: layers, size, width in percent */
    int min_px;  /* below it some layer has no output, or Keras refuses */
} weft_arch_row;

extern const weft_arch_row weft_arch_rows[];
extern const int weft_arch_row_count;

#endif
