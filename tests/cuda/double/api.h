/* SPDX-License-Identifier: Apache-2.0
 *
 * The plug-in on doubles, as a test sees it: libweft_cuda_double.so is weft's CUDA backend, its own kernels run by the
 * emulator and NVIDIA's libraries by stand-ins. WEFT_CUDA_PLUGIN names it, and every program of weft has a "cuda"
 * device; double_open gives a test the controls behind it. */
#ifndef WEFT_TESTS_CUDA_DOUBLE_API_H
#define WEFT_TESTS_CUDA_DOUBLE_API_H

#include "cuda/double/double.h"

#define DOUBLE_ENTRY "weft_double_entry"

typedef struct double_api {
    void (*reset)(void);
    double_card *(*card)(void);
    void (*inject)(const char *function, int64_t nth, int error);
    int64_t (*fault_calls)(void);
    int64_t (*open_count)(void);
    size_t (*memory_used)(void);
    double_counts (*counts)(void);
    const char *(*complaint)(void); /* of the doubles, or of the emulator; "" if none */
} double_api;

typedef const double_api *(*double_entry_fn)(void);

/* Points WEFT_CUDA_PLUGIN at the plug-in at path, opens it, resets the doubles. NULL if it cannot be opened. */
const double_api *double_open(const char *path);

#endif
