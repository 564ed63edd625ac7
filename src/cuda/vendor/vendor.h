/* SPDX-License-Identifier: Apache-2.0
 *
 * NVIDIA's libraries as one struct of function pointers: vendor->cudaMalloc(&ptr, bytes). They are looked for (find.h)
 * and opened when a CUDA device is first asked for, so that weft starts, and says what is missing, on a machine that
 * has none of them. Tests fill the struct with functions of their own. All calls of the backend go through it; the
 * enumerations that weft needs of CUDA and cuBLASLt are below, those of cuDNN in dnn/api.h. */
#ifndef WEFT_CUDA_VENDOR_VENDOR_H
#define WEFT_CUDA_VENDOR_VENDOR_H

#include "base/error.h"
#include "cuda/vendor/list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NVIDIA's handles. */
typedef struct CUstream_st *weft_cuda_stream;
typedef struct CUevent_st *weft_cuda_event;
typedef struct CUgraph_st *weft_cuda_graph;
typedef struct CUgraphExec_st *weft_cuda_graph_exec;
typedef struct CUgraphNode_st *weft_cuda_graph_node;
typedef struct cudnnContext *weft_cudnn;
typedef void *weft_cudnn_descriptor;
typedef struct cublasLtContext *weft_cublaslt;
typedef void *weft_cublaslt_matmul, *weft_cublaslt_layout, *weft_cublaslt_preference;

/* cudaDeviceProp: what weft reads of it, and room for what a runtime may write. */
typedef struct weft_cuda_properties {
    char name[256];
    uint32_t numbers[8];
    size_t memory; /* bytes */
    uint64_t rest[475];
} weft_cuda_properties;

/* cublasLtMatmulAlgo_t and cublasLtMatmulHeuristicResult_t. */
typedef struct weft_cublaslt_algo {
    uint64_t data[8];
} weft_cublaslt_algo;
typedef struct weft_cublaslt_choice {
    weft_cublaslt_algo algo;
    size_t workspace;
    int state; /* cublasStatus_t */
    float waves;
    int reserved[4];
} weft_cublaslt_choice;

enum { /* cudaError_t: those that weft tells apart */
    WEFT_CUDA_SUCCESS = 0,
    WEFT_CUDA_OUT_OF_MEMORY = 2,
    WEFT_CUDA_STUB_LIBRARY = 34,
    WEFT_CUDA_INSUFFICIENT_DRIVER = 35,
    WEFT_CUDA_NO_DEVICE = 100,
    WEFT_CUDA_NOT_READY = 600
};
enum { /* cudaMemcpyKind, and flags of streams, events, host memory and captures */
    WEFT_CUDA_HOST_TO_DEVICE = 1,
    WEFT_CUDA_DEVICE_TO_HOST = 2,
    WEFT_CUDA_DEVICE_TO_DEVICE = 3,
    WEFT_CUDA_STREAM_NON_BLOCKING = 1,
    WEFT_CUDA_EVENT_DISABLE_TIMING = 2,
    WEFT_CUDA_HOST_DEFAULT = 0,
    WEFT_CUDA_CAPTURE_THREAD_LOCAL = 1
};
enum { /* cudaDeviceAttr */
    WEFT_CUDA_ATTR_CLOCK_KHZ = 13,
    WEFT_CUDA_ATTR_SM_COUNT = 16,
    WEFT_CUDA_ATTR_MEMORY_CLOCK_KHZ = 36,
    WEFT_CUDA_ATTR_MEMORY_BUS_BITS = 37,
    WEFT_CUDA_ATTR_L2_BYTES = 38,
    WEFT_CUDA_ATTR_MAJOR = 75,
    WEFT_CUDA_ATTR_MINOR = 76
};

typedef enum weft_vendor_library {
#define WEFT_VENDOR_ENUM(id, what, soname, package) WEFT_VENDOR_##id,
    WEFT_VENDOR_LIBRARIES(WEFT_VENDOR_ENUM)
#undef WEFT_VENDOR_ENUM
    WEFT_VENDOR_LIBRARY_COUNT
} weft_vendor_library;

typedef struct weft_vendor {
#define WEFT_VENDOR_FIELD(library, result, symbol, parameters) result(*symbol) parameters;
    WEFT_VENDOR_FUNCTIONS(WEFT_VENDOR_FIELD)
#undef WEFT_VENDOR_FIELD
    void *library[WEFT_VENDOR_LIBRARY_COUNT]; /* dlopen's handles; NULL in a double */
    int runtime, driver;                      /* 13000 is 13.0; 0: no driver */
    int cudnn, cublaslt;                      /* 91900 is 9.19.0; 130100 is 13.1.0 */
} weft_vendor;

/* One piece that a CUDA device needs, and how it was found. */
typedef struct weft_vendor_piece {
    const char *what;    /* "cuDNN" */
    const char *library; /* "libcudnn.so.9" */
    bool found;
    bool optional;     /* a device is one without it */
    char version[24];  /* "9.19.0"; "" where it says none */
    char path[256];    /* the file that it came from; "" if it is none */
    char missing[256]; /* the reason and what to install; "" when found */
} weft_vendor_piece;

enum { WEFT_VENDOR_MAX_PIECE = 16 };
typedef struct weft_vendor_report {
    int count; /* driver first, then the libraries in loading order, then the card */
    weft_vendor_piece piece[WEFT_VENDOR_MAX_PIECE];
    int devices;    /* CUDA devices that the runtime sees */
    char card[64];  /* the first of them; "": it does not say */
    size_t memory;  /* its bytes */
} weft_vendor_report;

/* Opens every library and fills *out. NO_DEVICE names the first piece that is missing and what to install; *out is
 * then zero. cuBLASLt comes before cuDNN, which aborts the process without it. A missing driver or card is no failure
 * here: plans can be made without (dnn.h); weft_vendor_need_device asks for them. */
weft_status weft_vendor_load(weft_vendor *out);
/* The same, piece by piece and never failing, for `weft devices`. Leaves nothing open. */
void weft_vendor_probe(weft_vendor_report *report);
/* Whether there is a driver; if not, *piece says why. Opens nothing else: what to ask before the libraries, which take
 * a tenth of a second and a gigabyte of address space. */
bool weft_vendor_driver(weft_vendor_piece *piece);
/* NO_DEVICE unless a driver, CUDA device `index` and the libraries that cuDNN opens by itself are there: says which is
 * missing, and clears the runtime's sticky error. */
weft_status weft_vendor_need_device(const weft_vendor *vendor, int index);
/* NO_DEVICE unless cuDNN can plan all that it plans on a machine without a GPU: with all of its parts, and a driver, or
 * what stands for one beside the plug-in (libweft_nodevice.so) where there is none. */
weft_status weft_vendor_need_planner(const weft_vendor *vendor);
void weft_vendor_close(weft_vendor *vendor);
/* "libnvrtc.so.13 found, libcudnn_graph.so.9 missing, ...": of the libraries that cuDNN opens by itself. */
char *weft_vendor_parts_text(char *buf, size_t size);

/* For tests: from now on weft_vendor_load hands out copies of *stand_in (NULL: NVIDIA's libraries again). */
void weft_vendor_use(const weft_vendor *stand_in);

/* Fails with "what: cudaMalloc: out of memory (cudaErrorMemoryAllocation, 2)" for an error of the runtime, after taking
 * it off the runtime's sticky slot. NO_MEMORY for out of memory, else INTERNAL. */
weft_status weft_vendor_cuda_failed(const weft_vendor *vendor, int error, const char *call, const char *what);
weft_status weft_vendor_cublaslt_failed(const weft_vendor *vendor, int status, const char *call, const char *what);
weft_status weft_vendor_cudnn_failed(const weft_vendor *vendor, int status, const char *call, const char *what);

/* WEFT_TRY_CUDA(vendor, "arena", cudaMalloc, (&ptr, bytes)): calls and returns on failure. */
#define WEFT_TRY_CUDA(vendor, what, function, arguments)                                                               \
    do {                                                                                                               \
        const int weft_try_cuda_ = (vendor)->function arguments;                                                       \
        if (weft_try_cuda_ != WEFT_CUDA_SUCCESS)                                                                       \
            return weft_vendor_cuda_failed((vendor), weft_try_cuda_, #function, (what));                               \
    } while (0)

#ifdef __cplusplus
}
#endif
#endif
