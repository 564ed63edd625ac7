/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests of loaders share. */
#ifndef WEFT_TESTS_DATA_LOADING_H
#define WEFT_TESTS_DATA_LOADING_H

#include <weft/loader.h>

/* A checked fixture: the test's folder, and a context. */
extern weft_ctx *loading_ctx;
void loading_setup(void);
void loading_teardown(void);

weft_trainset *loading_set(const char *path);
weft_loader *loading_begin(const weft_trainset *set, const weft_loader_opt *opt);
/* 64-bit FNV-1a of all that a batch holds. */
uint64_t loading_digest(const weft_loader *loader, const weft_batch *batch, int classes);

#endif
