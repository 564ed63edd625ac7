/* SPDX-License-Identifier: Apache-2.0
 *
 * How large a picture is by the header of its file, and so how many bytes the file may have: read in a few places, so
 * that a file which is far larger than its picture is refused before it is read. Only the sizes are looked at; whether
 * the rest is right is for the decoder to say, and so is every error: what cannot be measured has no pixels here. */
#include "image/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "image/bytes.h"

enum { STEPS = 4096, TEXT = 1024, TEXT_BITS = 64 /* of a sample in digits */ };

static bool peek(const weft_peek *p, uint64_t at, uint8_t *to, size_t size)
{
    if (at > p->size || size > p->size - at)
        return false;
    if (p->data) {
        memcpy(to, p->data + at, size);
        return true;
    }
    ssize_t got;
    do
        got = pread(p->file, to, size, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)size;
}

/* The first frame header, behind any number of segments. */
weft_extent weft_jpeg_measure(const weft_peek *p)
{
    enum { TEM = 0x01, RST0 = 0xd0, SOI = 0xd8, SOF0 = 0xc0, DHT = 0xc4, JPG = 0xc8, DAC = 0xcc, SOS = 0xda };
    enum { GROWN = 12 }; /* bits of a sample of noise, which does not get smaller */
    uint8_t b[10];
    uint64_t at = 2;
    for (int step = 0; step < STEPS && peek(p, at, b, 4); step++) {
        if (b[0] != 0xff || b[1] == SOS)
            break;
        if (b[1] == 0xff || b[1] == TEM || (b[1] >= RST0 && b[1] <= SOI)) { /* a fill byte; a marker without length */
            at += b[1] == 0xff ? 1 : 2;
            continue;
        }
        const bool frame = (b[1] & 0xf0) == SOF0 && b[1] != DHT && b[1] != JPG && b[1] != DAC;
        if (frame && peek(p, at, b, sizeof b))
            return (weft_extent){ weft_get(b + 7, 2, false), weft_get(b + 5, 2, false), (uint64_t)GROWN * b[9] };
        at += 2 + weft_get(b + 2, 2, false);
    }
    return (weft_extent){ 0 };
}

weft_extent weft_png_measure(const weft_peek *p)
{
    static const uint8_t channels[] = { 1, 0, 3, 1, 2, 0, 4 }; /* by colour type */
    uint8_t b[26];
    if (!peek(p, 0, b, sizeof b) || memcmp(b + 12, "IHDR", 4) != 0 || b[25] >= WEFT_COUNT(channels))
        return (weft_extent){ 0 };
    return (weft_extent){ weft_get(b + 16, 4, false), weft_get(b + 20, 4, false), (uint64_t)b[24] * channels[b[25]] };
}

weft_extent weft_webp_measure(const weft_peek *p)
{
    enum { BITS = 32, SIDE = 0x3fff };
    uint8_t b[30];
    if (!peek(p, 0, b, sizeof b))
        return (weft_extent){ 0 };
    const uint32_t packed = weft_get(b + 21, 4, true);
    if (memcmp(b + 12, "VP8X", 4) == 0)
        return (weft_extent){ weft_get(b + 24, 3, true) + 1, weft_get(b + 27, 3, true) + 1, BITS };
    if (memcmp(b + 12, "VP8L", 4) == 0)
        return (weft_extent){ (packed & SIDE) + 1, (packed >> 14 & SIDE) + 1, BITS };
    if (memcmp(b + 12, "VP8 ", 4) == 0)
        return (weft_extent){ weft_get(b + 26, 2, true) & SIDE, weft_get(b + 28, 2, true) & SIDE, BITS };
    return (weft_extent){ 0 };
}

/* One entry of a TIFF directory that has a number of its own; several numbers lie elsewhere. */
static void take_tag(const uint8_t b[20], bool little, bool big, weft_extent *extent, uint64_t *samples)
{
    enum { WIDTH = 256, HEIGHT = 257, BITS = 258, SAMPLES = 277, SHORT = 3, LONG8 = 16 };
    const uint32_t count = weft_get(b + 4 + (big && !little ? 4 : 0), 4, little);
    const uint32_t type = weft_get(b + 2, 2, little);
    const size_t low = !little && type == LONG8 ? 4 : 0;
    const uint32_t value = weft_get(b + (big ? 12 : 8) + low, type == SHORT ? 2 : 4, little);
    switch (weft_get(b, 2, little)) {
    case WIDTH: extent->width = value; break;
    case HEIGHT: extent->height = value; break;
    case BITS: extent->bits = count == 1 ? value : 16; break;
    case SAMPLES: *samples = value; break;
    default: break;
    }
}

/* The first directory, wherever it lies. In BigTIFF counts and offsets have eight bytes. */
weft_extent weft_tiff_measure(const weft_peek *p)
{
    uint8_t b[20];
    weft_extent extent = { .bits = 1 };
    uint64_t samples = 1;
    if (!peek(p, 0, b, 16))
        return (weft_extent){ 0 };
    const bool little = b[0] == 'I', big = b[little ? 2 : 3] == '+';
    const size_t entry = big ? 20 : 12;
    uint64_t at = weft_get(b + (big ? 8 : 4), 4, little);
    if (big)
        at = little ? at | (uint64_t)weft_get(b + 12, 4, little) << 32 : at << 32 | weft_get(b + 12, 4, little);
    if (!peek(p, at, b, big ? 8 : 2))
        return (weft_extent){ 0 };
    const uint32_t entries = weft_get(b + (big && !little ? 6 : 0), 2, little);
    at += big ? 8 : 2;
    for (uint32_t i = 0; i < entries && i < STEPS && peek(p, at, b, entry); i++, at += entry)
        take_tag(b, little, big, &extent, &samples);
    extent.bits *= samples;
    return extent;
}

weft_extent weft_bmp_measure(const weft_peek *p)
{
    enum { CORE = 12 };
    uint8_t b[30];
    if (!peek(p, 0, b, sizeof b))
        return (weft_extent){ 0 };
    if (weft_get(b + 14, 4, true) == CORE)
        return (weft_extent){ weft_get(b + 18, 2, true), weft_get(b + 20, 2, true), weft_get(b + 24, 2, true) };
    const int32_t width = (int32_t)weft_get(b + 18, 4, true), height = (int32_t)weft_get(b + 22, 4, true);
    const uint64_t bits = weft_get(b + 28, 2, true);
    return (weft_extent){ width, height < 0 ? -(int64_t)height : height, bits < 16 ? 16 : bits }; /* run lengths */
}

/* The width and the height, with comments before and between them. */
weft_extent weft_pnm_measure(const weft_peek *p)
{
    char text[TEXT + 1], *at = text + 2;
    const size_t size = p->size < TEXT ? (size_t)p->size : TEXT;
    int64_t side[2] = { 0 };
    if (!peek(p, 0, (uint8_t *)text, size))
        return (weft_extent){ 0 };
    text[size] = '\0';
    for (int i = 0; i < 2; i++) {
        at += strspn(at, " \t\r\n\v\f");
        while (*at == '#') {
            at += strcspn(at, "\r\n");
            at += strspn(at, " \t\r\n\v\f");
        }
        for (; *at >= '0' && *at <= '9' && side[i] <= WEFT_IMAGE_PIXELS; at++)
            side[i] = 10 * side[i] + (*at - '0');
    }
    const int kind = text[1] - '0', channels = kind % 3 == 0 ? 3 : 1;
    return (weft_extent){ side[0], side[1], (uint64_t)channels * (kind <= 3 ? TEXT_BITS : 16) };
}

uint64_t weft_extent_limit(const weft_extent *extent)
{
    const int64_t w = extent->width, h = extent->height;
    if (w < 1 || h < 1 || w > WEFT_IMAGE_PIXELS / h)
        return WEFT_IMAGE_SMALL;
    const uint64_t bits = extent->bits < 1024 ? extent->bits : 1024, raw = (uint64_t)(w * h) * bits / 8;
    const uint64_t limit = WEFT_IMAGE_SMALL + raw + raw / 4;
    return limit < WEFT_IMAGE_BYTES ? limit : WEFT_IMAGE_BYTES;
}

weft_status weft_extent_check(const weft_extent *extent, const char *path, uint64_t size)
{
    char of[96] = "whose header says no size";
    const uint64_t limit = weft_extent_limit(extent);
    if (size <= WEFT_IMAGE_SMALL)
        return WEFT_OK; /* the decoder has more to say */
    if (extent->width > 0 && extent->height > 0) {
        WEFT_TRY(weft_image_check_size(path, extent->width, extent->height));
        snprintf(of, sizeof of, "of %lld x %lld pixels", (long long)extent->width, (long long)extent->height);
    }
    if (size > limit)
        return weft_fail(WEFT_BAD_DATA, "%s: has %llu bytes; at most %llu were expected of an image %s", path,
                         (unsigned long long)size, (unsigned long long)limit, of);
    return WEFT_OK;
}
