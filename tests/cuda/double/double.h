/* SPDX-License-Identifier: Apache-2.0
 *
 * Stand-ins for NVIDIA's libraries, so that every line of the backend's host code runs, and computes, on a machine
 * without a GPU. They are functions for weft_vendor (cuda/vendor/vendor.h), not libraries:
 *
 *  - the runtime: device memory is heap memory full of NaNs, so that the sanitizers watch it; streams, events and
 *    graphs keep the rules (what is captured runs when the graph is launched, not before);
 *  - cuDNN: descriptors are bags of attributes, every graph has two engines, and a plan interprets its graph on the
 *    pointers, strides and types that were set;
 *  - cuBLASLt: column-major products with epilogues;
 *  - NCCL: ranks are processes of one machine, that add up in a file which all of them have mapped.
 *
 * They are strict where the real ones are not: memory that the device does not have, copies in the wrong direction,
 * freed handles, unbound or misaligned tensors, missing workspace are errors, and all that is open at the end is
 * counted. Any call can be made to fail. What they cannot tell: see docs/cuda.md. */
#ifndef WEFT_TESTS_CUDA_DOUBLE_H
#define WEFT_TESTS_CUDA_DOUBLE_H

#include <weft/tensor.h>

#include "cuda/vendor/nccl.h"

/* The stand-in card. */
typedef struct double_card {
    int devices;        /* that the runtime sees */
    int major, minor;   /* compute capability */
    size_t memory;      /* bytes of the card */
    int driver, cudnn;  /* versions: 13000, 91900 */
    int memory_khz, bus_bits;
    int company;        /* plans are not finished before so many have been under way at once, or 20 s have passed */
    float engine_ms[2]; /* what a run of a plan of each engine takes, as events tell */
    bool winograd;      /* the first engine of each graph notes that it is Winograd's */
    int slow_products;  /* whose matrix products take a millisecond more: DOUBLE_PLAN, DOUBLE_PRODUCT; 0: nobody's */
    bool silent;        /* cuDNN does not print its properties */
    bool no_products;   /* cuDNN has no engine for matrix products */
    bool nonsense;      /* cuBLASLt names an algorithm that wants more workspace than it was given */
    int only;           /* every call must be for this device, whatever the thread; 0: not watched */
    bool late;          /* work is run when somebody waits for it, and no earlier: what is overwritten meanwhile, is */
    int lost;           /* what every wait gives once a fault has happened, as a lost context does; 0: nothing */
} double_card;

/* Time passes for events. */
void double_pass(float ms);

/* Everything as on a machine with one card of sm_90: forgets faults, counts and what is open. */
void double_reset(void);
/* The card in use, to be changed after double_reset. */
double_card *double_get_card(void);
/* All functions and versions. */
weft_vendor double_vendor(void);
weft_nccl double_nccl(void);

/* The nth call (from 1) of a function, or of "launch", from now on returns error; nth 0: every call. "spoil" makes the
 * nth plan of cuDNN's that runs write a wrong number, or, as error 2, none, and is no error. One fault at a time. */
void double_fail(const char *function, int64_t nth, int error);
/* How often the function that was named last has been called since double_fail. */
int64_t double_fault_calls(void);

/* What is open: allocations, streams, events, graphs, handles, descriptors. */
int64_t double_open_count(void);
size_t double_memory_used(void);
/* Since double_reset: what was run, captured work each time its graph is launched. */
typedef struct double_counts {
    int64_t copies, kernels, plans, products, graph_launches;
    int64_t built, together; /* plans that were built; the most that were at the same time */
    int64_t uploaded;        /* bytes from the host */
    int64_t waits, looks;    /* of the host for a stream, for an event */
} double_counts;
double_counts double_get_counts(void);
/* Numbers that NCCL has added up in this process. */
int64_t double_summed(void);
/* The first broken rule since double_reset; "" if none. */
const char *double_complaint(void);

/* ---- between the parts ---- */

typedef enum double_work { DOUBLE_COPY, DOUBLE_KERNEL, DOUBLE_PLAN, DOUBLE_PRODUCT, DOUBLE_GRAPH } double_work;
/* A matrix product of a kind of work runs: takes its time, if it is slow. */
void double_multiply(double_work kind);
/* Runs the work now, or records it if the stream is being captured. The closure is passed to run and, when it is
 * no longer needed, to release (may be NULL). Returns a cudaError_t. */
int double_queue(weft_cuda_stream stream, double_work kind, void (*run)(void *), void *closure,
                 void (*release)(void *));
/* The same for work that waits for other cards: ready is asked until it says so, and may do its part meanwhile. */
int double_queue_when(weft_cuda_stream stream, double_work kind, bool (*ready)(void *), void (*run)(void *),
                      void *closure, void (*release)(void *));
/* The same for a kernel of weft's: for emu_set_queue (tests/cuda/emu/control.h). */
int double_queue_kernel(void *stream, void (*run)(void *), void *closure, void (*release)(void *));
/* Whether bytes from ptr on are device memory. */
bool double_on_device(const void *ptr, size_t bytes);
/* A call of function: its fault, if it is due now, else 0. */
int double_called(const char *function);
#define DOUBLE_CALLED()                             \
    do {                                            \
        const int double_fault_ = double_called(__func__); \
        if (double_fault_)                          \
            return double_fault_;                   \
    } while (0)
void double_complain(const char *format, ...) WEFT_PRINTF(1, 2);
/* A call that breaks a rule: remembered, and refused as the runtime would, with the error that it gives. */
int double_refuse(const char *what);
/* Gives error, which cudaGetLastError gives, too. */
int double_stick(int error);
/* What every wait gives: the card's error since it was lost, else 0. */
int double_lost(void);
/* Work of a kind was run; bytes came from the host; the host waited. */
void double_count(double_work kind);
/* All that stands in line on a card that is late. */
void double_run_late(void);
void double_uploaded(size_t bytes);
void double_waited(bool for_event);
/* A plan is built: takes its time, and counts. */
void double_build(void);
/* A handle of any kind was made (+1) or destroyed (-1). */
void double_opened(int by);
/* Numbers of a 16-bit or 32-bit type. */
float double_load(weft_dtype dtype, const void *at);
/* count of them side by side. */
void double_load_row(weft_dtype dtype, const void *at, float *out, int64_t count);
void double_store(weft_dtype dtype, void *at, float value);

#define DOUBLE_DECLARE(library, result, symbol, parameters) result double_##symbol parameters;
WEFT_VENDOR_FUNCTIONS(DOUBLE_DECLARE)
WEFT_NCCL_FUNCTIONS(DOUBLE_DECLARE)
#undef DOUBLE_DECLARE

#endif
