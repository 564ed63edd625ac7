/* SPDX-License-Identifier: Apache-2.0
 *
 * CUDA's words for a C++ compiler without CUDA, so that src/cuda/kernel runs on the CPU and are watched. Included by
 * cuda/kernel/kcompat.cuh when WEFT_EMU is defined; launch.cpp runs what is launched.
 *
 * Blocks run one after the other; the threads of a block are fibers of one OS thread, which change only where a thread
 * waits: at barriers, shuffles, votes and the end of products. Between those a thread runs as fast as compiled code
 * does. That makes three things visible. Which thread waits where when not all arrive (a divergent barrier). Memory
 * errors and, since fibers and barriers are told to ThreadSanitizer, races: under the sanitizers. And what depends on
 * the order of threads: it can be turned round. Shared memory is NaN at the start of each block, and each array a heap
 * block of its own.
 *
 * Not modelled: memory order between blocks, lanes that run apart within a warp outside of the _sync calls, the errors
 * of approximate functions, time. */
#ifndef WEFT_TESTS_CUDA_EMU_H
#define WEFT_TESTS_CUDA_EMU_H

#include "control.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __launch_bounds__(...)
#define __grid_constant__

struct uint2 {
    unsigned x, y;
};
struct uint3 {
    unsigned x, y, z;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};

/* ---- the thread that runs ---- */

struct emu_place {
    uint3 thread, block;
    dim3 threads, blocks;
};
extern emu_place emu_now;
#define threadIdx (emu_now.thread)
#define blockIdx (emu_now.block)
#define blockDim (emu_now.threads)
#define gridDim (emu_now.blocks)

/* ---- waiting for others; `where` is a literal "what at file:line" ---- */

void emu_barrier(const char *where);
void emu_warp_barrier(unsigned mask, const char *where);
/* The payload that lane `source` of the calling thread's warp brought; all lanes of mask come. source < 0: own. */
uint64_t emu_shuffle(unsigned mask, uint64_t payload, int source, const char *where);
unsigned emu_ballot(unsigned mask, bool vote, const char *where);
unsigned emu_lane(void);
/* A lane's part of a product of its warp. A lane does not wait: it goes on to emu_products_end, after which d has the
 * sums of all. */
struct emu_product {
    unsigned a[4], b[2]; /* a: in rows, its row of one of four matrices */
    float *d;
    const char *where;
    bool rows, is_bf16;
};
void emu_multiply(const emu_product *mine);
void emu_products_end(const char *where);

#define EMU_TEXT_OF(x) #x
#define EMU_TEXT(x) EMU_TEXT_OF(x)
#define EMU_AT(what) what " at " __FILE__ ":" EMU_TEXT(__LINE__)
#define __syncthreads() emu_barrier(EMU_AT("__syncthreads"))
#define __syncwarp() emu_warp_barrier(0xffffffffu, EMU_AT("__syncwarp"))
#define __shfl_sync(mask, v, lane) emu_shuffle_of((mask), (v), (int)(lane)&31, EMU_AT("__shfl_sync"))
#define __shfl_xor_sync(mask, v, bits)                                                                                 \
    emu_shuffle_of((mask), (v), (int)(emu_lane() ^ (unsigned)(bits)), EMU_AT("__shfl_xor_sync"))
#define __shfl_down_sync(mask, v, by)                                                                                  \
    emu_shuffle_of((mask), (v), emu_lane() + (unsigned)(by) < 32 ? (int)(emu_lane() + (unsigned)(by)) : -1,            \
                   EMU_AT("__shfl_down_sync"))
#define __ballot_sync(mask, vote) emu_ballot((mask), (vote), EMU_AT("__ballot_sync"))

template <typename T> inline T emu_shuffle_of(unsigned mask, T v, int source, const char *where)
{
    static_assert(sizeof(T) <= sizeof(uint64_t), "shuffles move at most 8 bytes");
    uint64_t payload = 0;
    memcpy(&payload, &v, sizeof v);
    payload = emu_shuffle(mask, payload, source, where);
    memcpy(&v, &payload, sizeof v);
    return v;
}

/* ---- shared memory ---- */

struct emu_array {
    size_t bytes;
    uint64_t launch; /* for which data was made */
    void *data;
    emu_array *next;
};
/* Memory of an array for the running launch, NaN when a block meets it first. */
void *emu_shared(emu_array *array);
void *emu_dynamic(void);

#define WEFT_SHARED(type, name, count)                                                                                 \
    static emu_array name##_array = { sizeof(type) * (count), 0, nullptr, nullptr };                                   \
    type *const name = static_cast<type *>(emu_shared(&name##_array))
#define WEFT_DYN_SHARED(type, name) type *const name = static_cast<type *>(emu_dynamic())

/* Blocks run one after the other: counting is enough. */
inline bool weft_is_last(unsigned *turn, unsigned blocks)
{
    WEFT_SHARED(unsigned, last, 1);
    __syncthreads();
    if (threadIdx.x == 0 && threadIdx.y == 0 && threadIdx.z == 0) {
        *last = *turn == blocks - 1;
        *turn = *last ? 0 : *turn + 1;
    }
    __syncthreads();
    return *last != 0;
}

/* That a kernel called is known; what it waits for on a card has ended here. */
void weft_begin(void);

inline float weft_fresh(const float *from)
{
    return *from;
}

/* ---- launches ---- */

struct emu_record {
    const char *name;
    int64_t runs;
    emu_record *next;
    explicit emu_record(const char *name_);
};
extern emu_queue_fn *emu_queue;
int emu_run(emu_record *site, dim3 blocks, dim3 threads, size_t dynamic, void (*body)(void *), void *arguments);

/* One for each launch, made before main runs: so that the tests know what there is to reach. */
template <typename F> struct emu_launch_site {
    static emu_record record;
    static const char *name()
    {
        return __PRETTY_FUNCTION__;
    }
    static void call(void *body)
    {
        (*static_cast<F *>(body))();
    }
};
template <typename F> emu_record emu_launch_site<F>::record(emu_launch_site<F>::name());

/* A launch that somebody else runs later: with a copy of its arguments. */
template <typename F> struct emu_job {
    dim3 blocks, threads;
    size_t dynamic;
    F body;
    static void run(void *job)
    {
        emu_job *j = static_cast<emu_job *>(job);
        emu_run(&emu_launch_site<F>::record, j->blocks, j->threads, j->dynamic, emu_launch_site<F>::call, &j->body);
    }
    static void release(void *job)
    {
        delete static_cast<emu_job *>(job);
    }
};

template <typename F> inline int emu_launch(dim3 blocks, dim3 threads, size_t dynamic, void *stream, F body)
{
    if (emu_queue)
        return emu_queue(stream, emu_job<F>::run, new emu_job<F>{ blocks, threads, dynamic, body },
                         emu_job<F>::release);
    return emu_run(&emu_launch_site<F>::record, blocks, threads, dynamic, emu_launch_site<F>::call, &body);
}

#define WEFT_SET_DEVICE(index, overlap) ((void)(index), (void)(overlap), 0)
#define WEFT_LAUNCH(kernel, grid, block, shared, stream, ...)                                                          \
    emu_launch((grid), (block), (shared), (stream), [=] { kernel(__VA_ARGS__); })

/* ---- numbers ---- */

struct weft_f16 {
    unsigned short bits;
};
struct weft_bf16 {
    unsigned short bits;
};

inline float __uint_as_float(unsigned u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

inline unsigned __float_as_uint(float x)
{
    unsigned u;
    memcpy(&u, &x, sizeof u);
    return u;
}

/* Bytes of b:a by the four low digits of choice, of which only 0 to 7 are modelled. */
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned choice)
{
    const uint64_t both = (uint64_t)b << 32 | a;
    unsigned to = 0;
    for (int i = 0; i < 4; i++)
        to |= (unsigned)(both >> (choice >> 4 * i & 7) * 8 & 0xff) << 8 * i;
    return to;
}

/* Accurate here; only the range in which the device's gives up is modelled. */
inline float __fdividef(float a, float b)
{
    if (fabsf(b) > 0x1p126f)
        return isinf(a) || isnan(a) || isnan(b) ? NAN : 0;
    return a / b;
}

inline float weft_to_float(float x)
{
    return x;
}

inline float weft_to_float(weft_bf16 x)
{
    return __uint_as_float((unsigned)x.bits << 16);
}

inline float weft_to_float(weft_f16 x)
{
    const unsigned sign = (unsigned)(x.bits & 0x8000) << 16, rest = x.bits & 0x7fff;
    if (rest >= 0x7c00) /* infinity, NaN */
        return __uint_as_float(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    if (rest < 0x400) /* zero, subnormal */
        return (sign ? -1.f : 1.f) * (float)rest * 0x1p-24f;
    return __uint_as_float(sign | ((rest << 13) + ((127u - 15) << 23)));
}

inline bool emu_is_bf16(weft_bf16)
{
    return true;
}

inline bool emu_is_bf16(weft_f16)
{
    return false;
}

template <typename T> inline void emu_mma(float *d, const unsigned (&a)[4], const unsigned (&b)[2], T t, const char *at)
{
    const emu_product mine = { { a[0], a[1], a[2], a[3] }, { b[0], b[1] }, d, at, false, emu_is_bf16(t) };
    emu_multiply(&mine);
}

template <typename T> inline void emu_mma_rows(float *d, const T *row, const unsigned (&b)[2], T t, const char *at)
{
    emu_product mine = { {}, { b[0], b[1] }, d, at, true, emu_is_bf16(t) };
    if ((uintptr_t)row % 16 != 0)
        row = nullptr; /* dies */
    memcpy(mine.a, row, sizeof mine.a);
    emu_multiply(&mine);
}

#define weft_mma(d, a, b, type) emu_mma((d), (a), (b), type, EMU_AT("weft_mma"))
#define weft_mma_rows(d, row, b, type) emu_mma_rows((d), (row), (b), type, EMU_AT("weft_mma_rows"))
#define weft_mma_end() emu_products_end(EMU_AT("weft_mma_end"))
#define weft_hold_loads() ((void)0)

inline float weft_clamp(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

inline float weft_exp2(float x)
{
    return exp2f(x);
}

inline float weft_reciprocal(float x)
{
    return 1 / x;
}

/* To nearest, ties to even, in both. */
inline weft_bf16 weft_bf16_of(float x)
{
    const unsigned u = __float_as_uint(x);
    weft_bf16 y;
    y.bits = isnan(x) ? 0x7fff : (unsigned short)((u + 0x7fff + (u >> 16 & 1)) >> 16);
    return y;
}

inline weft_f16 weft_f16_of(float x)
{
    const unsigned u = __float_as_uint(x), sign = u >> 16 & 0x8000, size = u & 0x7fffffff;
    weft_f16 y;
    if (size > 0x7f800000)
        y.bits = 0x7fff;
    else if (size >= 0x477ff000) /* rounds to 65536 or more */
        y.bits = (unsigned short)(sign | 0x7c00);
    else if (size < 0x38800000) /* below 2^-14: the rounding of a float at 1/2 ulp 2^-24 does it */
        y.bits = (unsigned short)(sign | (__float_as_uint(__uint_as_float(size) + .5f) - 0x3f000000));
    else
        y.bits = (unsigned short)(sign | ((size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13));
    return y;
}

#endif
