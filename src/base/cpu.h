/* SPDX-License-Identifier: Apache-2.0
 *
 * What this CPU has: instruction sets weft has kernels for, cache sizes, name. Read once. */
#ifndef WEFT_BASE_CPU_H
#define WEFT_BASE_CPU_H

#include <weft/context.h>

/* In rising order; of those of one architecture a kernel set of a lower ISA runs on every higher one. */
typedef enum weft_isa {
    WEFT_ISA_REF,
    WEFT_ISA_PORTABLE,
    WEFT_ISA_NEON, /* AArch64; the next two x86-64 */
    WEFT_ISA_AVX2,
    WEFT_ISA_AVX512,
    WEFT_ISA_COUNT
} weft_isa;

typedef struct weft_cpu {
    weft_isa best;
    size_t l1, l2, l3; /* data cache bytes: per core, per core, shared. Sensible defaults where unknown */
    char model[64];
} weft_cpu;

void weft_cpu_read(weft_cpu *out);
/* "ref", "portable", "neon", "avx2", "avx512" */
const char *weft_isa_name(weft_isa isa);
/* Whether processors of the architecture that this was built for may have it. */
bool weft_isa_is_native(weft_isa isa);
/* WEFT_ISA_COUNT if there is none of that name. */
weft_isa weft_isa_parse(const char *name);

#endif
