/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels that tuning (program/tune_cpu.c) found faster than the first that does not refuse, on one kind of CPU with so
 * many threads: a name for each kind of node, in memory and in one file of the cache folder. */
#ifndef WEFT_BACKEND_CHOICES_H
#define WEFT_BACKEND_CHOICES_H

#include "backend/kernel.h"

/* In the place of a kernel's name: the layers that would become this node stay apart. */
#define WEFT_CHOICE_APART "apart"

typedef struct weft_choice {
    uint64_t node; /* its kind: weft_node_kind */
    char kernel[56];
} weft_choice;

typedef struct weft_choices {
    const weft_allocator *allocator;
    weft_choice *list;
    int count, room;
} weft_choices;

/* Of all that a kernel is chosen by: op, options, what is fused to it, shapes. */
uint64_t weft_node_kind(const weft_node *node);

void weft_choices_init(weft_choices *choices, const weft_allocator *allocator);
void weft_choices_release(weft_choices *choices);
/* NULL: none. choices may be NULL. */
const char *weft_choices_find(const weft_choices *choices, uint64_t node);
/* kernel NULL: takes the choice away. */
weft_status weft_choices_set(weft_choices *choices, uint64_t node, const char *kernel);

/* What was kept for this kind of CPU, threads, instruction set and math; what is damaged, or another's, is as if it
 * were not there (*ignored says so). */
weft_status weft_choices_load(const weft_device *device, weft_choices *choices, bool *ignored);
/* Writes them, whole or not at all. NOT_FOUND: there is no cache folder; IO. */
weft_status weft_choices_keep(const weft_device *device, const weft_choices *choices);

/* Whether tuning may take a kernel for a node whose first choice is another: no reference, it takes the node, and it
 * errs no more. */
bool weft_may_stand_for(const weft_kernel *kernel, const weft_kernel *first, const weft_node *node,
                        const weft_device *device);
/* The kernel chosen for the node, if there is such a choice and it holds; else weft_select's. */
const weft_kernel *weft_choose(const weft_node *node, const weft_device *device, const weft_choices *choices);

#endif
