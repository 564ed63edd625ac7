/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of micro-kernels by instruction set: the one place that names them. */
#include "cpu/machine.h"

#define SET(isa)                                                                                                       \
    {                                                                                                                  \
        &weft_gemm_##isa, &weft_rows_##isa, weft_winograd_##isa, &weft_outer_##isa, &weft_winograd_dw_##isa,           \
            &weft_winograd_line_##isa, &weft_updates_##isa, &weft_narrow_##isa                                         \
    }

static const weft_simd sets[WEFT_ISA_COUNT] = {
    [WEFT_ISA_PORTABLE] = SET(portable),
#if defined(__x86_64__)
    [WEFT_ISA_AVX2] = SET(avx2),
    [WEFT_ISA_AVX512] = SET(avx512),
#elif defined(__aarch64__)
    [WEFT_ISA_NEON] = SET(neon),
#endif
};

const weft_simd *weft_simd_of(weft_isa isa)
{
    return &sets[isa];
}

const char *weft_simd_refuse(const weft_device *device)
{
    return sets[device->isa].rows ? NULL : "isa ref: only reference kernels";
}

bool weft_beyond_cache(const weft_device *device, double bytes)
{
    /* Measured: the NASNets read one of 50 MB four times, EfficientNet-B0 one of 51 MB once, and both lose if it is not
     * kept. */
    const double most = 64 << 20;
    const double share = (double)device->cpu.l3 * 3 / 4;
    return bytes > (share < most ? share : most); /* a larger L3 is many cores', and no faster to write to */
}

bool weft_beyond_near_cache(const weft_device *device, double bytes)
{
    return bytes > (double)device->cpu.l2 * 4 || weft_beyond_cache(device, bytes); /* 2 to 3 times faster, measured */
}
