/* SPDX-License-Identifier: Apache-2.0
 *
 * What it takes to run one kernel on one case outside of a graph: the node, inputs and parameters from a seed, the
 * oracle's answer, fenced memory, and all the ways in which the kernel is run and watched. */
#ifndef WEFT_TESTS_OP_RIG_H
#define WEFT_TESTS_OP_RIG_H

#include <stdio.h>

#include "check/problem.h"

/* How tensors lie in memory: alone and aligned; as channels 3.. of a wider tensor; inputs so, outputs alone; inputs
 * alone, outputs as channels 16.. of a tensor whose rows are whole cache lines; alone with the last byte before an
 * unreadable page. */
typedef enum rig_layout {
    RIG_DENSE, RIG_SLICED, RIG_FROM_SLICES, RIG_INTO_LINES, RIG_EDGE, RIG_LAYOUT_COUNT
} rig_layout;

/* Which caches the device claims to have: this machine's; so little L2 and L3 that outputs are streamed past them, in
 * bands of a few lines; or nearly none, so that every share of work is the smallest there is. */
typedef enum rig_caches { RIG_HOST_CACHES, RIG_SMALL_CACHES, RIG_NO_CACHES } rig_caches;

enum { RIG_APART = -1 };
typedef struct rig_setup {
    rig_layout layout;
    weft_isa isa;
    int threads;
    int alias; /* the input whose memory output 0 shares, or RIG_APART */
    rig_caches caches;
} rig_setup;
const char *rig_setup_text(const rig_setup *setup, char *buf, size_t size);

/* A host device capped at isa. Pools live until rig_close. */
weft_status rig_device(weft_isa isa, int threads, weft_device *out);
void rig_close(void);

/* Runs the kernel twice in this setup. got[o] receives output o, dense. False with a sentence in fault if anything is
 * written that should not be (fences, gaps between rows, inputs, parameters), or the second run differs. The values
 * themselves are not judged. */
bool rig_run(const weft_problem *problem, const weft_kernel *kernel, const rig_setup *setup, float *const *got,
             char *fault, size_t size);

/* Told each fault of a kernel on a problem. */
typedef void (*rig_report)(void *user, const weft_problem *problem, const weft_kernel *kernel, const rig_setup *setup,
                           const char *fault);
/* Runs a kernel in all setups of one ISA: layouts, caches, 1 to 3 threads, in place where the kernel claims it; holds
 * it against the oracle, thread counts and in-place runs against each other to the bit. Returns the number of faults;
 * *share is raised to the largest part of the tolerance used. */
int rig_check(const weft_problem *problem, const weft_kernel *kernel, weft_isa isa, rig_report report, void *user,
              double *share);

#endif
