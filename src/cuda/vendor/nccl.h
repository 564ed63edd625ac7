/* SPDX-License-Identifier: Apache-2.0
 *
 * NCCL, by which several cards add up what each of them has: looked for as the others are (find.h), but by itself, and
 * only where several ranks train, for one card needs none. Its functions and enumerators, restated from its manual; a
 * test compares them with NVIDIA's header where there is one. */
#ifndef WEFT_CUDA_VENDOR_NCCL_H
#define WEFT_CUDA_VENDOR_NCCL_H

#include "cuda/vendor/vendor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ncclComm *weft_nccl_comm;

/* ncclUniqueId, which travels by value. */
typedef struct weft_nccl_id {
    char bytes[128];
} weft_nccl_id;

/* ncclConfig_t as of 2.14: NCCL reads as many bytes as size says, and takes its defaults for what came later. */
typedef struct weft_nccl_config {
    size_t size;
    unsigned magic, version;
    int blocking;
} weft_nccl_config;
#define WEFT_NCCL_MAGIC 0xcafebeefu
enum { WEFT_NCCL_CONFIG_VERSION = 21400 };

enum { /* ncclResult_t: those that weft tells apart; ncclRedOp_t; ncclDataType_t */
    WEFT_NCCL_SUCCESS = 0,
    WEFT_NCCL_INVALID_ARGUMENT = 4,
    WEFT_NCCL_REMOTE_ERROR = 6,
    WEFT_NCCL_IN_PROGRESS = 7,
    WEFT_NCCL_SUM = 0,
    WEFT_NCCL_AVG = 4,
    WEFT_NCCL_F16 = 6,
    WEFT_NCCL_F32 = 7,
    WEFT_NCCL_BF16 = 9
};

/* X(library, result, symbol, parameters) */
#define WEFT_NCCL_FUNCTIONS(X)                                                                                         \
    X(NCCL, int, ncclGetVersion, (int *version))                                                                       \
    X(NCCL, const char *, ncclGetErrorString, (int result))                                                            \
    X(NCCL, int, ncclGetUniqueId, (weft_nccl_id * id))                                                                 \
    X(NCCL, int, ncclCommInitRankConfig,                                                                               \
      (weft_nccl_comm * comm, int size, weft_nccl_id id, int rank, weft_nccl_config * config))                         \
    X(NCCL, int, ncclCommFinalize, (weft_nccl_comm comm))                                                              \
    X(NCCL, int, ncclCommDestroy, (weft_nccl_comm comm))                                                               \
    X(NCCL, int, ncclCommAbort, (weft_nccl_comm comm))                                                                 \
    X(NCCL, int, ncclCommGetAsyncError, (weft_nccl_comm comm, int *result))                                            \
    X(NCCL, int, ncclAllReduce,                                                                                        \
      (const void *from, void *to, size_t count, int type, int op, weft_nccl_comm comm, weft_cuda_stream stream))      \
    X(NCCL, int, ncclGroupStart, (void))                                                                               \
    X(NCCL, int, ncclGroupEnd, (void))

typedef struct weft_nccl {
#define WEFT_NCCL_FIELD(library, result, symbol, parameters) result(*symbol) parameters;
    WEFT_NCCL_FUNCTIONS(WEFT_NCCL_FIELD)
#undef WEFT_NCCL_FIELD
    void *library; /* dlopen's handle; NULL in a double */
    int version;   /* 22803 is 2.28.3 */
} weft_nccl;

/* Opens NCCL and fills *out. NO_DEVICE says what is missing, and what to install. */
weft_status weft_nccl_load(weft_nccl *out);
void weft_nccl_close(weft_nccl *nccl);
/* How it is found, for `weft devices`. */
void weft_nccl_probe(weft_vendor_piece *piece);
/* For tests: from now on weft_nccl_load hands out copies of *stand_in; NULL: the real one. */
void weft_nccl_use(const weft_nccl *stand_in);

/* "2.28.3" */
void weft_nccl_version_text(int version, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
