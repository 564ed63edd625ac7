/* SPDX-License-Identifier: Apache-2.0
 *
 * The compiler extensions that weft uses, in one place. */
#ifndef WEFT_BASE_COMPILER_H
#define WEFT_BASE_COMPILER_H

#include <stdint.h>

#define WEFT_INLINE static inline __attribute__((always_inline))
#define WEFT_NOINLINE __attribute__((noinline))
#define WEFT_RESTRICT __restrict__
#define WEFT_PRINTF(text, first) __attribute__((format(printf, text, first)))
/* Of a function of integers: compiled for AVX2 as well, which is taken where the CPU has it. The sanitizers' runtimes
 * do not bear what chooses. */
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WEFT_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define WEFT_CLONES
#endif
#define WEFT_UNUSED __attribute__((unused))
#define WEFT_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

enum { WEFT_CACHE_LINE = 64 };

/* Puts the cache line at address back into memory and out of every cache, where a program may do that. */
WEFT_INLINE void weft_flush_line(const void *address)
{
#if defined(__x86_64__)
    __builtin_ia32_clflush(address);
#elif defined(__aarch64__)
    __asm__ volatile("dc civac, %0" : : "r"(address) : "memory");
#else
    (void)address;
#endif
}

/* The same address without const: for what is only read here, handed to what takes both; and for a pass's own copies,
 * which others see const. */
WEFT_INLINE void *weft_mutable(const void *lent)
{
    union {
        const void *lent;
        void *own;
    } address = { lent };
    return address.own;
}

/* The thread's floating-point control word (fpmode.h). Arithmetic that must stay on one side of a change belongs into a
 * function that is called through a pointer, as kernels are: compilers move it across. */
WEFT_INLINE uint64_t weft_fp_read(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_stmxcsr();
#elif defined(__aarch64__)
    uint64_t word;
    __asm__ volatile("mrs %0, fpcr" : "=r"(word));
    return word;
#else
    return 0;
#endif
}

WEFT_INLINE void weft_fp_write(uint64_t word)
{
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((unsigned)word);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(word) : "memory");
#else
    (void)word;
#endif
}

#endif
