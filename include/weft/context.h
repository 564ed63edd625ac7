/* SPDX-License-Identifier: Apache-2.0
 *
 * A context is one device, its threads, an allocator and a log callback. weft keeps no global state: all that
 * varies hangs on a context. A context may be used by one thread at a time, but for weft_ctx_cancel; different contexts
 * are independent. */
#ifndef WEFT_CONTEXT_H
#define WEFT_CONTEXT_H

#include <weft/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_ctx weft_ctx;

/* Numerics of fp32: FAST allows Winograd (relative L2 error of a layer stays within 1e-5); STRICT does not. */
typedef enum weft_math { WEFT_MATH_FAST, WEFT_MATH_STRICT } weft_math;

/* How activations and weights are kept on a CUDA device; sums are always fp32, logits and probabilities too. The CPU
 * computes in FP32. DEFAULT: FP32 on the CPU; on CUDA TF32 where the card has it and math is FAST (BF16 for training),
 * else FP32. */
typedef enum weft_precision {
    WEFT_PRECISION_DEFAULT,
    WEFT_PRECISION_FP32, /* no tensor cores */
    WEFT_PRECISION_TF32, /* fp32 in memory, products of tensor cores with 10 bits of mantissa */
    WEFT_PRECISION_FP16,
    WEFT_PRECISION_BF16,
    WEFT_PRECISION_COUNT
} weft_precision;
/* "default", "fp32", "tf32", "fp16", "bf16". */
WEFT_API const char *weft_precision_name(weft_precision precision);

typedef enum weft_log_level { WEFT_LOG_DEBUG, WEFT_LOG_INFO, WEFT_LOG_WARN, WEFT_LOG_ERROR } weft_log_level;
typedef void (*weft_log_fn)(void *user, weft_log_level level, const char *message);

/* alloc returns memory aligned to at least align bytes (a power of two) or NULL; free takes NULL. */
typedef struct weft_allocator {
    void *(*alloc)(void *user, size_t size, size_t align);
    void (*free)(void *user, void *ptr);
    void *user;
} weft_allocator;

/* Whether the fastest way to compute the same is looked for: on a CUDA device which of the vendor's kernels, and which
 * layers are merged; on the CPU, for inference, which of weft's kernels that err no more than the first choice. Each
 * computes the same bits every time, but not the bits of another. */
typedef enum weft_tuning {
    WEFT_TUNING_KEPT, /* what was found before on this kind of device and kept on disk, else the first choice */
    WEFT_TUNING_NONE, /* the first choice */
    WEFT_TUNING_NOW,  /* models made here try several on the device, for seconds to minutes, and keep the fastest on
                         disk. Nothing else should use the device meanwhile */
    WEFT_TUNING_COUNT
} weft_tuning;

typedef struct weft_ctx_opt {
    const char *device;       /* NULL: "cpu". "cpu", "null", "cuda", "cuda:1", "auto" (cuda if there is one) */
    int threads;              /* 0: the CPUs this process may run on */
    const char *isa;          /* NULL: WEFT_ISA or the best the CPU has. "ref", "avx2", "avx512" cap it */
    weft_math math;           /* FAST */
    weft_precision precision; /* of CUDA devices */
    const char *target;       /* with device "cuda": plan for this GPU ("a100", "h100", a file) instead of opening one;
                                 such a context plans and reports, it does not run. NULL: open the device */
    bool plans;               /* with a target: models made here build the plans that the GPU would build, and keep
                                 them where it looks for them. Needs NVIDIA's libraries, no GPU */
    weft_allocator allocator; /* zeros: malloc */
    weft_log_fn log;          /* NULL: silence */
    void *log_user;
    weft_tuning tuning; /* KEPT */
    bool training;      /* the DEFAULT precision is that of training */
} weft_ctx_opt;

/* Opens a context. opt may be NULL. NO_DEVICE names what is missing; INVALID an unknown device or ISA. */
WEFT_API weft_status weft_ctx_create(const weft_ctx_opt *opt, weft_ctx **out);
WEFT_API void weft_ctx_destroy(weft_ctx *ctx);

WEFT_API const char *weft_ctx_device(const weft_ctx *ctx); /* "cpu" */
WEFT_API const char *weft_ctx_isa(const weft_ctx *ctx);    /* "avx512" */
WEFT_API int weft_ctx_threads(const weft_ctx *ctx);
/* Never DEFAULT. */
WEFT_API weft_precision weft_ctx_precision(const weft_ctx *ctx);
/* Ends what runs on ctx, by a deadline, a closed connection, Ctrl-C. From any thread, and from a signal handler, while
 * ctx is there. From cancelled = true until cancelled = false, runs of its models, classifications, evaluations and
 * steps of training return CANCELLED: those that begin at once; one that is under way soon, in the midst of a layer on
 * the CPU, on a GPU when it is through with what it was sent. What the run would have made is lost, and its inputs are
 * to be set again; all else is as before, and the next run's result is what it would have been. A run that changes the
 * parameters, as a step of training does, is made whole or not at all. */
WEFT_API void weft_ctx_cancel(weft_ctx *ctx, bool cancelled);
WEFT_API bool weft_ctx_is_cancelled(const weft_ctx *ctx);
/* Where the memory of ctx and all its objects comes from; valid until it is destroyed. */
WEFT_API const weft_allocator *weft_ctx_allocator(const weft_ctx *ctx);

/* One device that this build knows, present or not. */
typedef struct weft_device_info {
    char name[32];         /* "cpu", "cuda" */
    char description[160]; /* "AMD EPYC 9R14, 2 threads, avx512" */
    bool available;
    char missing[256]; /* why not, and what to install; "" when available */
    size_t memory;     /* bytes; 0: unknown */
} weft_device_info;

WEFT_API int weft_device_count(void);
/* INVALID if index is out of range. */
WEFT_API weft_status weft_device_get(int index, weft_device_info *out);

/* One piece that a device needs: a driver, a library, a card. */
typedef struct weft_device_piece {
    char what[48];     /* "cuDNN" */
    char library[48];  /* "libcudnn.so.9"; "" if it is none */
    bool found;
    char version[24];  /* "9.19.0"; "" where it says none */
    char missing[256]; /* why it is not there, and what to install; "" when found */
    char path[256];    /* the file that it was loaded from; "" if it is none */
} weft_device_piece;
/* Looks for the pieces of device `index` and stores up to room of them; returns how many there are, 0 for a device that
 * needs none. */
WEFT_API int weft_device_pieces(int index, weft_device_piece *out, int room);

/* What this CPU can do, measured now with ctx's threads (about 0.2 s each): the roofs of every report. */
typedef struct weft_roof {
    double gflops;    /* fp32 fused multiply-add, GFLOP/s (2 per FMA), all threads */
    double bandwidth; /* DRAM copy with streaming stores, GB/s read + written, all threads */
} weft_roof;
WEFT_API weft_status weft_measure_roof(weft_ctx *ctx, weft_roof *out);

/* How undisturbed this CPU is at this moment, with ctx's threads (about 5 ms): for before and after a measurement. A
 * neighbour on the other hyperthread of a core lowers the first, and often not the second. */
typedef struct weft_probe {
    double gflops;     /* fp32, of weft's own matrix product on data that stay in L1 and L2 */
    double fma_gflops; /* of multiply-adds in registers, of the same instruction set, measured beside it */
} weft_probe;
WEFT_API weft_status weft_measure_probe(weft_ctx *ctx, weft_probe *out);

#ifdef __cplusplus
}
#endif
#endif
