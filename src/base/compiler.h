/* SPDX-License-Identifier: Apache-2.0
 *
 * The compiler extensions that weft uses, in one place. */
#ifndef WEFT_BASE_COMPILER_H
#define WEFT_BASE_COMPILER_H

#define WEFT_INLINE static inline __attribute__((always_inline))
#define WEFT_NOINLINE __attribute__((noinline))
#define WEFT_RESTRICT __restrict__
#define WEFT_PRINTF(text, first) __attribute__((format(printf, text, first)))
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

#endif
