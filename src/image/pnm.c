/* SPDX-License-Identifier: Apache-2.0
 *
 * PBM, PGM and PPM (netpbm's pbm(5), pgm(5), ppm(5)), plain and raw. Samples of any maximum become 0..255 as Pillow
 * makes them, rounded to the nearest, a half to the even one; 16-bit grey too, which Pillow would clip. */
#include <math.h>

#include "base/error.h"
#include "image/image.h"

typedef struct reader {
    const weft_image_file *source;
    size_t at;
    int kind; /* 1..6 */
    int channels, most; /* samples of a pixel; the largest one */
} reader;

static weft_status ends(const reader *r)
{
    return weft_fail(WEFT_BAD_DATA, "%s: byte %zu: the PNM file ends here; more image data was expected",
                     r->source->path, r->source->size);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Over white space and comments, which end with their line. */
static void skip(reader *r)
{
    bool comment = false;
    for (; r->at < r->source->size; r->at++) {
        const uint8_t c = r->source->data[r->at];
        if (c == '#')
            comment = true;
        else if (c == '\n' || c == '\r')
            comment = false;
        if (!comment && !is_space(c))
            return;
    }
}

static weft_status number(reader *r, int most, int *out)
{
    skip(r);
    const size_t start = r->at;
    int64_t value = 0;
    for (; r->at < r->source->size; r->at++) {
        const uint8_t c = r->source->data[r->at];
        if (c < '0' || c > '9' || value > most)
            break;
        value = value * 10 + (c - '0');
    }
    if (r->at == r->source->size && r->at == start)
        return ends(r);
    if (r->at == start || value > most)
        return weft_fail(WEFT_BAD_DATA, "%s: byte %zu: a number of 0 to %d was expected", r->source->path, start, most);
    *out = (int)value;
    return WEFT_OK;
}

/* A bit of a plain file needs no space around it; 1 is black. */
static weft_status plain_bit(reader *r, int *out)
{
    skip(r);
    if (r->at == r->source->size)
        return ends(r);
    const uint8_t c = r->source->data[r->at++];
    if (c != '0' && c != '1')
        return weft_fail(WEFT_BAD_DATA, "%s: byte %zu: 0 or 1 was expected", r->source->path, r->at - 1);
    *out = c == '0';
    return WEFT_OK;
}

static weft_status plain_row(reader *r, int width, uint8_t *to)
{
    for (int i = 0; i < width * r->channels; i++) {
        int value = 0;
        WEFT_TRY(r->kind == 1 ? plain_bit(r, &value) : number(r, r->most, &value));
        to[i] = (uint8_t)nearbyint(255. * value / r->most);
    }
    return WEFT_OK;
}

/* A raw row lies there whole: the size was checked. */
static weft_status raw_row(reader *r, int width, uint8_t *to)
{
    const uint8_t *from = r->source->data + r->at;
    const int bytes = r->most > 255 ? 2 : 1;
    for (int i = 0; i < width * r->channels; i++) {
        if (r->kind == 4) {
            to[i] = from[i / 8] >> (7 - i % 8) & 1 ? 0 : 255;
            continue;
        }
        const int value = bytes == 1 ? from[i] : from[2 * i] << 8 | from[2 * i + 1];
        to[i] = (uint8_t)fmin(255, nearbyint(255. * value / r->most));
    }
    r->at += r->kind == 4 ? (size_t)(width + 7) / 8 : (size_t)width * (size_t)(r->channels * bytes);
    return WEFT_OK;
}

/* What the pixels take at least must be in the file before memory is taken for them. */
static weft_status check_size(const reader *r, int64_t width, int64_t height)
{
    const int64_t samples = width * r->channels;
    int64_t row = samples * (r->most > 255 ? 2 : 1);
    if (r->kind == 1)
        row = samples;
    else if (r->kind == 4)
        row = (width + 7) / 8;
    else if (r->kind < 4)
        row = 2 * samples - 1;
    return row * height <= (int64_t)(r->source->size - r->at) ? WEFT_OK : ends(r);
}

static weft_status read_header(reader *r, int *width, int *height)
{
    r->kind = r->source->size < 2 ? 0 : r->source->data[1] - '0';
    if (r->kind < 1 || r->kind > 6)
        return weft_fail(WEFT_BAD_DATA, "%s: byte 0: P1 to P6 was expected", r->source->path);
    r->at = 2;
    r->channels = r->kind % 3 == 0 ? 3 : 1;
    r->most = 1;
    WEFT_TRY(number(r, WEFT_IMAGE_PIXELS, width));
    WEFT_TRY(number(r, WEFT_IMAGE_PIXELS, height));
    if (r->kind % 3 != 1)
        WEFT_TRY(number(r, 65535, &r->most));
    if (r->most < 1)
        return weft_fail(WEFT_BAD_DATA, "%s: the largest sample is 0; 1 to 65535 was expected", r->source->path);
    if (r->at == r->source->size)
        return ends(r);
    if (!is_space(r->source->data[r->at]))
        return weft_fail(WEFT_BAD_DATA, "%s: byte %zu: white space was expected", r->source->path, r->at);
    r->at++;
    return WEFT_OK;
}

static weft_status read_rows(reader *r, const weft_image *image)
{
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->pixels + (size_t)y * (size_t)image->width * 3;
        WEFT_TRY((r->kind < 4 ? plain_row : raw_row)(r, image->width, row));
        for (int x = image->width; r->channels == 1 && x-- > 0;) /* from behind: in place */
            row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = row[x];
    }
    return WEFT_OK;
}

weft_status weft_pnm_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out)
{
    reader r = { .source = source };
    int width = 0, height = 0;
    WEFT_TRY(read_header(&r, &width, &height));
    weft_image image;
    if (width > 0 && height > 0 && width <= WEFT_IMAGE_PIXELS / height)
        WEFT_TRY(check_size(&r, width, height));
    WEFT_TRY(weft_image_alloc(allocator, source->path, width, height, &image));
    const weft_status status = read_rows(&r, &image);
    if (status != WEFT_OK) {
        weft_free(allocator, image.pixels);
        return status;
    }
    *out = image;
    return WEFT_OK;
}
