/* SPDX-License-Identifier: Apache-2.0
 *
 * The weft-h5 helper seen from the library: where it is, one run of it. */
#ifndef WEFT_WEIGHTS_H5_PROCESS_H
#define WEFT_WEIGHTS_H5_PROCESS_H

#include <sys/types.h>
#include <weft/weights.h>

#include "base/compiler.h"

enum { WEFT_H5_LIMIT_MS = 120000, WEFT_H5_PATH = 4096 };

typedef struct weft_h5_job {
    const char *path;   /* of the weight file, for sentences */
    const char *helper; /* the program */
    int file;           /* a regular file (or memfd) whose offset is 0; stays the caller's */
    uint64_t size;      /* its bytes */
    int64_t limit_ms;   /* wall clock */
} weft_h5_job;

/* Runs the helper to its end and parses what it sends. BAD_DATA also if it dies, takes too long or sends rubbish;
 * UNSUPPORTED if it cannot be started. */
weft_status weft_h5_run(weft_ctx *ctx, const weft_h5_job *job, weft_weights **out);

/* The second half of weft_h5_run: takes all that child sends through pipe (a descriptor that this closes), ends and
 * reaps it, and parses what came. Apart, so that tests can fork a child instead of starting a program. */
weft_status weft_h5_collect(weft_ctx *ctx, const weft_h5_job *job, int pipe, pid_t child, weft_weights **out);

/* The program's path into buf: environment WEFT_H5_HELPER, else from where this library (or, linked statically, the
 * program) lies: ../libexec/weft as installed, bin in a build tree. UNSUPPORTED says what to install. */
weft_status weft_h5_find(const char *path, char buf[WEFT_H5_PATH]);

#endif
