/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of SHA-256 by the SHA extensions of x86 (Intel 64 and IA-32 Architectures SDM, volume 2, SHA256RNDS2): they
 * keep the state as two vectors, of A, B, E, F and of C, D, G, H, and do two rounds at a time. Compiled with -msha. */
#include "base/sha256.h"

#if defined(__SHA__) && defined(__SSE4_1__)
#include <cpuid.h>
#include <immintrin.h>

bool weft_sha256_can_x86(void)
{
    unsigned a, b, c, d;
    const unsigned ssse3_sse41 = 1u << 9 | 1u << 19, sha = 1u << 29;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & ssse3_sse41) != ssse3_sse41)
        return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & sha);
}

static __m128i load(const void *at)
{
    return _mm_loadu_si128(at);
}

/* The four words of the schedule behind w[0..3], of four words each. */
static __m128i next_words(const __m128i w[4])
{
    const __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[0], w[1]), _mm_alignr_epi8(w[3], w[2], 4));
    return _mm_sha256msg2_epu32(sum, w[3]);
}

void weft_sha256_blocks_x86(uint32_t state[8], const uint8_t *data, size_t count)
{
    const __m128i big_endian = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    const __m128i badc = _mm_shuffle_epi32(load(state), 0xb1), hgfe = _mm_shuffle_epi32(load(state + 4), 0x1b);
    __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
    for (; count > 0; count--, data += WEFT_SHA256_BLOCK) {
        const __m128i abef_before = abef, cdgh_before = cdgh;
        __m128i w[4];
        for (int i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(load(data + (ptrdiff_t)16 * i), big_endian);
        for (int round = 0; round < 64; round += 4) {
            const __m128i words = _mm_add_epi32(w[0], load(weft_sha256_constants + round));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, words);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(words, 0x0e));
            const __m128i next = next_words(w); /* beyond round 64 nobody reads them */
            w[0] = w[1];
            w[1] = w[2];
            w[2] = w[3];
            w[3] = next;
        }
        abef = _mm_add_epi32(abef, abef_before);
        cdgh = _mm_add_epi32(cdgh, cdgh_before);
    }
    const __m128i abef_turned = _mm_shuffle_epi32(abef, 0x1b), ghcd = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((void *)state, _mm_blend_epi16(abef_turned, ghcd, 0xf0));
    _mm_storeu_si128((void *)(state + 4), _mm_alignr_epi8(ghcd, abef_turned, 8));
}

#else

bool weft_sha256_can_x86(void)
{
    return false;
}

void weft_sha256_blocks_x86(uint32_t state[8], const uint8_t *data, size_t count)
{
    (void)state;
    (void)data;
    (void)count;
}

#endif
