/* SPDX-License-Identifier: Apache-2.0
 *
 * The networks that weft selftest compares and times, for those who plan them ahead, too. */
#ifndef WEFT_CLI_SELFTEST_LIST_H
#define WEFT_CLI_SELFTEST_LIST_H

typedef struct selftest_network {
    const char *name;
    int small_px, px; /* 0: not at that size */
} selftest_network;
extern const selftest_network selftest_network_list[];
extern const int selftest_network_count;

enum { SELFTEST_BATCH = 2 }; /* where they are compared */

#endif
