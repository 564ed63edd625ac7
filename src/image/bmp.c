/* SPDX-License-Identifier: Apache-2.0
 *
 * BMP: Windows' device-independent bitmaps of every header since OS/2's, 1 to 32 bits, palettes, bit masks, run
 * lengths, bottom up or top down. Alpha is dropped. Samples of fewer than 8 bits are spread over 0..255 by
 * 255 v / most, rounded down, as Pillow does. */
#include <string.h>

#include "base/error.h"
#include "image/bytes.h"
#include "image/image.h"

enum { FILE_HEADER = 14, CORE = 12, INFO = 40, RUN = 255, COLOURS = 256 };
enum { NONE, RLE8, RLE4, BITFIELDS, ALPHABITFIELDS = 6 };

typedef struct decoder {
    const weft_image_file *source;
    uint32_t header; /* its size, which tells its kind */
    int64_t width, height;
    bool top_down;
    int bits;
    uint32_t compression, colours;
    size_t pixels; /* where they begin */
    uint32_t mask[3]; /* R, G, B */
    uint8_t palette[COLOURS][3];
    weft_image image;
} decoder;

static uint32_t at(const decoder *d, size_t offset, int bytes)
{
    return weft_get(d->source->data + offset, bytes, true);
}

static weft_status ends(const decoder *d)
{
    return weft_fail(WEFT_BAD_DATA, "%s: byte %zu: the BMP file ends here; more was expected", d->source->path,
                     d->source->size);
}

static uint8_t *row_of(const decoder *d, int64_t y)
{
    return d->image.pixels + (size_t)(d->top_down ? y : d->height - 1 - y) * (size_t)d->width * 3;
}

static weft_status read_info(decoder *d)
{
    const int32_t height = (int32_t)at(d, FILE_HEADER + 8, 4), width = (int32_t)at(d, FILE_HEADER + 4, 4);
    d->top_down = height < 0;
    d->height = height < 0 ? -(int64_t)height : height;
    d->width = width;
    d->bits = (int)at(d, FILE_HEADER + 14, 2);
    d->compression = at(d, FILE_HEADER + 16, 4);
    d->colours = at(d, FILE_HEADER + 32, 4);
    return WEFT_OK;
}

static weft_status read_header(decoder *d)
{
    static const uint32_t kinds[] = { CORE, INFO, 52, 56, 64, 108, 124 };
    bool known = false;
    if (d->source->size < FILE_HEADER + 4)
        return ends(d);
    d->pixels = at(d, 10, 4);
    d->header = at(d, FILE_HEADER, 4);
    for (int i = 0; i < WEFT_COUNT(kinds); i++)
        known = known || d->header == kinds[i];
    if (!known)
        return weft_fail(WEFT_BAD_DATA, "%s: byte %d: a header of %u bytes; 12, 40, 52, 56, 64, 108 or 124 were "
                         "expected", d->source->path, FILE_HEADER, d->header);
    if (d->source->size < FILE_HEADER + d->header)
        return ends(d);
    if (d->header != CORE)
        return read_info(d);
    d->width = at(d, FILE_HEADER + 4, 2);
    d->height = at(d, FILE_HEADER + 6, 2);
    d->bits = (int)at(d, FILE_HEADER + 10, 2);
    return WEFT_OK;
}

/* Masks of 16 and 32 bits: those of the file, or 5 bits of each in 16, 8 in 32. */
static weft_status read_masks(decoder *d)
{
    const bool given = d->compression == BITFIELDS || d->compression == ALPHABITFIELDS;
    for (int c = 0; c < 3; c++)
        d->mask[c] = d->bits == 16 ? 31u << 5 * (2 - c) : 255u << 8 * (2 - c);
    if (!given)
        return WEFT_OK;
    if (d->source->size < FILE_HEADER + INFO + 12)
        return ends(d);
    for (int c = 0; c < 3; c++) {
        d->mask[c] = at(d, FILE_HEADER + INFO + 4 * (size_t)c, 4);
        const uint32_t low = d->mask[c] & (~d->mask[c] + 1), ones = low ? d->mask[c] / low : 0;
        if (!ones || (ones & (ones + 1)) || (d->bits == 16 && d->mask[c] > 0xffff))
            return weft_fail(WEFT_BAD_DATA, "%s: byte %d: the mask %08x; bits side by side were expected",
                             d->source->path, FILE_HEADER + INFO + 4 * c, d->mask[c]);
    }
    return WEFT_OK;
}

/* Palette files: what is not there is found when a pixel has it. */
static weft_status read_palette(decoder *d)
{
    const size_t entry = d->header == CORE ? 3 : 4, from = FILE_HEADER + (size_t)d->header;
    const uint32_t most = 1u << d->bits;
    if (d->colours == 0 || d->colours > most)
        d->colours = most;
    if (d->source->size < from + entry * d->colours)
        return ends(d);
    for (uint32_t i = 0; i < d->colours; i++) {
        for (int c = 0; c < 3; c++)
            d->palette[i][c] = d->source->data[from + i * entry + 2 - (size_t)c];
    }
    return WEFT_OK;
}

static weft_status put_index(const decoder *d, uint8_t *row, int64_t x, uint32_t index)
{
    if (index >= d->colours)
        return weft_fail(WEFT_BAD_DATA, "%s: pixel value %u; the palette has %u colours", d->source->path, index,
                         d->colours);
    memcpy(row + 3 * x, d->palette[index], 3);
    return WEFT_OK;
}

/* ---- rows ---- */

static weft_status index_row(const decoder *d, const uint8_t *from, uint8_t *to)
{
    const int64_t in_byte = 8 / d->bits;
    for (int64_t x = 0; x < d->width; x++) {
        const int shift = 8 - d->bits * (int)(x % in_byte + 1);
        WEFT_TRY(put_index(d, to, x, from[x / in_byte] >> shift & ((1u << d->bits) - 1)));
    }
    return WEFT_OK;
}

static weft_status mask_row(const decoder *d, const uint8_t *from, uint8_t *to)
{
    const int bytes = d->bits / 8;
    for (int64_t x = 0; x < d->width; x++) {
        const uint32_t pixel = weft_get(from + x * bytes, bytes, true);
        for (int c = 0; c < 3; c++) {
            const uint32_t low = d->mask[c] & (~d->mask[c] + 1);
            to[3 * x + c] = (uint8_t)((uint64_t)((pixel & d->mask[c]) / low) * 255 / (d->mask[c] / low));
        }
    }
    return WEFT_OK;
}

static weft_status read_rows(decoder *d, size_t stride)
{
    for (int64_t y = 0; y < d->height; y++) {
        const uint8_t *from = d->source->data + d->pixels + (size_t)y * stride;
        WEFT_TRY((d->bits <= 8 ? index_row : mask_row)(d, from, row_of(d, y)));
    }
    return WEFT_OK;
}

/* ---- run lengths ---- */

/* Where the pen is, and what is left of the file. */
typedef struct pen {
    int64_t x, y;
    size_t at;
} pen;

/* A run of one byte's colours, or `count` colours from the file's next bytes. Beyond the edge of a row nothing is
 * drawn. */
static weft_status draw(const decoder *d, pen *p, int count, const uint8_t *from, bool literal)
{
    for (int i = 0; i < count && p->x < d->width; i++, p->x++) {
        const uint8_t byte = d->bits == 8 ? from[literal ? i : 0] : from[literal ? i / 2 : 0];
        const uint32_t index = d->bits == 8 ? byte : i % 2 ? byte & 15u : (uint32_t)byte >> 4;
        WEFT_TRY(put_index(d, row_of(d, p->y), p->x, index));
    }
    return WEFT_OK;
}

/* The code 0 n: 0 ends the row, 1 the picture, 2 moves the pen, others are n colours as they are. */
static weft_status escape(const decoder *d, pen *p, int n, bool *done)
{
    if (n == 0) {
        p->x = 0;
        p->y++;
    } else if (n == 1) {
        *done = true;
    } else if (n == 2) {
        if (d->source->size - p->at < 2)
            return ends(d);
        p->x += d->source->data[p->at];
        p->y += d->source->data[p->at + 1];
        p->at += 2;
    } else {
        const size_t bytes = d->bits == 8 ? (size_t)n : (size_t)(n + 1) / 2;
        if (d->source->size - p->at < bytes + bytes % 2)
            return ends(d);
        WEFT_TRY(draw(d, p, n, d->source->data + p->at, true));
        p->at += bytes + bytes % 2;
    }
    return WEFT_OK;
}

static weft_status read_runs(decoder *d)
{
    bool done = false;
    pen p = { .at = d->pixels };
    for (int64_t y = 0; y < d->height; y++) { /* what is not drawn has the first colour */
        for (int64_t x = 0; x < d->width; x++)
            memcpy(row_of(d, y) + 3 * x, d->palette[0], 3);
    }
    while (!done && p.y < d->height) {
        if (d->source->size - p.at < 2)
            return ends(d);
        const int count = d->source->data[p.at], value = d->source->data[p.at + 1];
        p.at += 2;
        if (count)
            WEFT_TRY(draw(d, &p, count, d->source->data + p.at - 1, false));
        else
            WEFT_TRY(escape(d, &p, value, &done));
    }
    return WEFT_OK;
}

/* ---- all ---- */

static weft_status check_kind(const decoder *d)
{
    static const struct {
        int bits;
        uint32_t compression;
    } kinds[] = { { 1, NONE }, { 4, NONE }, { 8, NONE }, { 16, NONE }, { 24, NONE }, { 32, NONE }, { 4, RLE4 },
                  { 8, RLE8 }, { 16, BITFIELDS }, { 32, BITFIELDS }, { 16, ALPHABITFIELDS }, { 32, ALPHABITFIELDS } };
    for (int i = 0; i < WEFT_COUNT(kinds); i++) {
        if (kinds[i].bits == d->bits && kinds[i].compression == d->compression)
            return WEFT_OK;
    }
    return weft_fail(WEFT_BAD_DATA, "%s: %d bits with compression %u; a BMP file of 1 to 32 bits, as they are or in "
                     "run lengths, was expected", d->source->path, d->bits, d->compression);
}

weft_status weft_bmp_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out)
{
    decoder d = { .source = source };
    WEFT_TRY(read_header(&d));
    WEFT_TRY(check_kind(&d));
    WEFT_TRY(d.bits <= 8 ? read_palette(&d) : read_masks(&d));
    const bool runs = d.compression == RLE4 || d.compression == RLE8;
    if (d.pixels < FILE_HEADER || d.pixels > source->size)
        return ends(&d);
    if (d.width > 0 && d.height > 0 && d.width <= WEFT_IMAGE_PIXELS / d.height) {
        const int64_t stride = (d.width * d.bits + 31) / 32 * 4, room = (int64_t)(source->size - d.pixels);
        if (runs ? d.width * d.height / RUN > room : stride * d.height > room)
            return weft_fail(WEFT_BAD_DATA, "%s: %lld x %lld pixels are declared, which a BMP file of %zu bytes cannot "
                             "hold", source->path, (long long)d.width, (long long)d.height, source->size);
    }
    WEFT_TRY(weft_image_alloc(allocator, source->path, d.width, d.height, &d.image));
    const weft_status status = runs ? read_runs(&d) : read_rows(&d, (size_t)((d.width * d.bits + 31) / 32 * 4));
    if (status != WEFT_OK) {
        weft_free(allocator, d.image.pixels);
        return status;
    }
    *out = d.image;
    return WEFT_OK;
}
