/* SPDX-License-Identifier: Apache-2.0
 *
 * The device of a test that is built twice: for the CPU, and for the CUDA plug-in on doubles (WEFT_ON_DOUBLES; its path
 * is then the first argument). Contexts count memory, and leave none behind. For one source file of a program. */
#ifndef WEFT_TESTS_GRAPH_DEVICE_H
#define WEFT_TESTS_GRAPH_DEVICE_H

#include <weft/context.h>

#include "check/alloc.h"
#include "check/harness.h"

#ifdef WEFT_ON_DOUBLES
#include "cuda/double/api.h"
static const double_api *doubles;
static const char *const tested_device = "cuda";
#else
static const char *const tested_device = "cpu";
#endif

static check_alloc counter;

static inline weft_ctx *open_ctx(int threads)
{
    weft_ctx *ctx;
    counter = (check_alloc){ 0 };
#ifdef WEFT_ON_DOUBLES
    doubles->reset();
#endif
    const weft_ctx_opt opt = { .device = tested_device, .precision = WEFT_PRECISION_FP32, .threads = threads,
                               .allocator = check_allocator(&counter) };
    CHECK_OK(weft_ctx_create(&opt, &ctx));
    return ctx;
}

static inline void close_ctx(weft_ctx *ctx)
{
    weft_ctx_destroy(ctx);
    ck_assert_int_eq(counter.live, 0);
    ck_assert_int_eq(counter.damaged, 0);
#ifdef WEFT_ON_DOUBLES
    ck_assert_msg(doubles->complaint()[0] == '\0', "%s", doubles->complaint());
    ck_assert_uint_eq(doubles->memory_used(), 0);
#endif
}

/* Whether the program can run: at its beginning. */
static inline bool has_device(int argc, char **argv)
{
#ifdef WEFT_ON_DOUBLES
    doubles = argc > 1 ? double_open(argv[1]) : NULL;
    return doubles != NULL;
#else
    (void)argc;
    (void)argv;
    return true;
#endif
}

#endif
