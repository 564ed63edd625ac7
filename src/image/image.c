/* SPDX-License-Identifier: Apache-2.0
 *
 * Image files: read whole, told apart by their first bytes, handed to the decoder. What the name says does not count:
 * ImageNet has a PNG named .JPEG. */
#include "image/image.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

enum { MAGIC = 12, TEXT = 96 };

static int as_stored(const weft_image_file *source)
{
    (void)source;
    return 1;
}

/* By the first bytes; where the magic has a '?', any byte will do. */
static const struct format {
    const char *name, *magic;
    size_t length;
    weft_status (*decode)(const weft_allocator *allocator, const weft_image_file *source, weft_image *out);
    int (*orientation)(const weft_image_file *source);
    weft_extent (*measure)(const weft_peek *p);
} formats[] = {
    { "JPEG", "\xff\xd8\xff", 3, weft_jpeg_decode, weft_jpeg_orientation, weft_jpeg_measure },
    { "PNG", "\x89PNG\r\n\x1a\n", 8, weft_png_decode, weft_png_orientation, weft_png_measure },
    { "WebP", "RIFF????WEBP", 12, weft_webp_decode, weft_webp_orientation, weft_webp_measure },
    { "TIFF", "II*\0", 4, weft_tiff_decode, weft_tiff_orientation, weft_tiff_measure },
    { "TIFF", "MM\0*", 4, weft_tiff_decode, weft_tiff_orientation, weft_tiff_measure },
    { "TIFF", "II+\0", 4, weft_tiff_decode, as_stored, weft_tiff_measure }, /* BigTIFF */
    { "TIFF", "MM\0+", 4, weft_tiff_decode, as_stored, weft_tiff_measure },
    { "BMP", "BM", 2, weft_bmp_decode, as_stored, weft_bmp_measure },
    { "PNM", "P1", 2, weft_pnm_decode, as_stored, weft_pnm_measure },
    { "PNM", "P2", 2, weft_pnm_decode, as_stored, weft_pnm_measure },
    { "PNM", "P3", 2, weft_pnm_decode, as_stored, weft_pnm_measure },
    { "PNM", "P4", 2, weft_pnm_decode, as_stored, weft_pnm_measure },
    { "PNM", "P5", 2, weft_pnm_decode, as_stored, weft_pnm_measure },
    { "PNM", "P6", 2, weft_pnm_decode, as_stored, weft_pnm_measure },
};

const char weft_image_suffixes[] = ".jpg .jpeg .jpe .jfif .png .webp .tif .tiff .bmp .dib .ppm .pgm .pbm .pnm";

bool weft_names_image(const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = weft_image_suffixes; *at && name[0] != '.'; at += strspn(at, " ")) {
        const size_t suffix = strcspn(at, " ");
        if (length > suffix && strncasecmp(name + length - suffix, at, suffix) == 0)
            return true;
        at += suffix;
    }
    return false;
}

#define WANTED "a JPEG, PNG, WebP, TIFF, BMP or PNM file"

static weft_status unknown(const char *path, const uint8_t *head, size_t size)
{
    const char *const what = weft_image_stranger(head, size);
    if (what)
        return weft_fail(WEFT_BAD_DATA, "%s: is %s; " WANTED " was expected", path, what);
    char text[TEXT] = "";
    for (size_t i = 0; i < size; i++) {
        static const char digits[] = "0123456789abcdef";
        char *to = text + 3 * i;
        to[0] = ' ';
        to[1] = digits[head[i] >> 4];
        to[2] = digits[head[i] & 15];
        to[3] = '\0';
    }
    return weft_fail(WEFT_BAD_DATA, "%s: byte 0: the file begins with%s; " WANTED " was expected", path, text);
}

static bool begins(const uint8_t *head, const char *magic, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (magic[i] != '?' && head[i] != (uint8_t)magic[i])
            return false;
    }
    return true;
}

/* The format by the first bytes. */
static weft_status recognise(const char *path, const uint8_t *head, size_t got, const struct format **out)
{
    const struct format *cut = NULL;
    if (got == 0)
        return weft_fail(WEFT_BAD_DATA, "%s: is empty; " WANTED " was expected", path);
    for (int i = 0; i < WEFT_COUNT(formats); i++) {
        const size_t common = got < formats[i].length ? got : formats[i].length;
        if (!begins(head, formats[i].magic, common))
            continue;
        if (common == formats[i].length) {
            *out = &formats[i];
            return WEFT_OK;
        }
        cut = cut ? cut : &formats[i];
    }
    if (!cut || got == MAGIC)
        return unknown(path, head, got);
    return weft_fail(WEFT_BAD_DATA, "%s: byte %zu: the file ends within the %zu bytes that mark a %s file", path, got,
                     cut->length, cut->name);
}

/* A file's bytes, which the caller frees, also on failure. */
typedef struct content {
    uint8_t *data;
    size_t size; /* in: what the file says */
} content;

static weft_status read_content(const weft_allocator *allocator, int file, const char *path, content *c)
{
    const struct format *format;
    size_t got = 0, rest = 0;
    uint8_t head[MAGIC];
    WEFT_TRY(weft_read_bytes(file, path, head, MAGIC, &got));
    WEFT_TRY(recognise(path, head, got, &format)); /* before memory is taken for the rest */
    c->size = c->size < got ? got : c->size;
    const weft_extent extent = format->measure(&(weft_peek){ .size = c->size, .file = file });
    WEFT_TRY(weft_extent_check(&extent, path, c->size));
    c->data = weft_alloc(allocator, c->size);
    if (!c->data)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    memcpy(c->data, head, got);
    WEFT_TRY(weft_read_bytes(file, path, c->data + got, c->size - got, &rest));
    if (got + rest != c->size)
        return weft_fail(WEFT_IO, "%s: byte %zu: the file became shorter while it was read; %zu bytes were expected",
                         path, got + rest, c->size);
    return WEFT_OK;
}

static weft_status load(const weft_allocator *allocator, const char *path, content *c)
{
    int file = -1;
    uint64_t length = 0;
    WEFT_TRY(weft_open_regular(path, WANTED, &file, &length));
    c->size = (size_t)length;
    const weft_status status = read_content(allocator, file, path, c);
    close(file);
    return status;
}

weft_status weft_image_cut(const weft_allocator *allocator, weft_wish *wish, weft_image *image)
{
    int size[2];
    wish->choose(wish->user, image->width, image->height, wish->box, size);
    const weft_window w = weft_wish_window(wish, image->width, image->height);
    if (w.width == image->width && w.height == image->height)
        return WEFT_OK;
    weft_image part;
    WEFT_TRY(weft_image_resize_part(allocator, image, NULL, image->width, image->height, &w, WEFT_NEAREST, &part));
    weft_free(allocator, image->pixels);
    *image = part;
    return WEFT_OK;
}

static weft_status decode(const weft_allocator *allocator, const struct format *format, const weft_image_file *source,
                          const weft_image_opt *opt, weft_wish *wish, weft_image *out)
{
    const bool jpeg = wish && format->decode == weft_jpeg_decode;
    const int orientation = opt && opt->upright ? format->orientation(source) : 1;
    weft_image image = { 0 };
    weft_status status = jpeg ? weft_jpeg_decode_part(allocator, source, orientation, wish, &image)
                              : format->decode(allocator, source, &image);
    if (status == WEFT_OK)
        status = weft_image_turn(allocator, source->path, orientation, &image);
    if (status == WEFT_OK && wish && !jpeg)
        status = weft_image_cut(allocator, wish, &image);
    if (status != WEFT_OK) {
        weft_free(allocator, image.pixels);
        return status;
    }
    *out = image;
    return WEFT_OK;
}

weft_status weft_image_fetch(const weft_allocator *allocator, const char *path, uint8_t **data, size_t *size)
{
    content c = { 0 };
    const weft_status status = load(allocator, path, &c);
    if (status != WEFT_OK) {
        weft_free(allocator, c.data);
        return status;
    }
    *data = c.data;
    *size = c.size;
    return WEFT_OK;
}

weft_status weft_image_decode_part(const weft_allocator *allocator, const weft_image_file *source,
                                   const weft_image_opt *opt, weft_wish *wish, weft_image *out)
{
    const struct format *format = NULL;
    WEFT_TRY(recognise(source->path, source->data, source->size < MAGIC ? source->size : MAGIC, &format));
    return decode(allocator, format, source, opt, wish, out);
}

weft_status weft_image_load_part(const weft_allocator *allocator, const char *path, const weft_image_opt *opt,
                                 weft_wish *wish, weft_image *out)
{
    uint8_t *data;
    weft_image_file source = { .path = path };
    WEFT_TRY(weft_image_fetch(allocator, path, &data, &source.size));
    source.data = data;
    const weft_status status = weft_image_decode_part(allocator, &source, opt, wish, out);
    weft_free(allocator, data);
    return status;
}

weft_status weft_image_load(const weft_allocator *allocator, const char *path, const weft_image_opt *opt,
                            weft_image *out)
{
    return weft_image_load_part(allocator, path, opt, NULL, out);
}

weft_status weft_image_read(weft_ctx *ctx, const char *path, const weft_image_opt *opt, weft_image *out)
{
    if (!ctx || !path || !out)
        return weft_fail(WEFT_INVALID, "weft_image_read: ctx, path and out must not be NULL");
    return weft_image_load(weft_ctx_allocator(ctx), path, opt, out);
}

weft_status weft_image_decode(weft_ctx *ctx, const char *name, const void *data, size_t size,
                              const weft_image_opt *opt, weft_image *out)
{
    if (!ctx || !name || (!data && size) || !out)
        return weft_fail(WEFT_INVALID, "weft_image_decode: ctx, name, data and out must not be NULL");
    const weft_image_file source = { .path = name, .data = data, .size = size };
    return weft_image_decode_part(weft_ctx_allocator(ctx), &source, opt, NULL, out);
}

static const struct format *find_format(const void *data, size_t size)
{
    for (int i = 0; data && i < WEFT_COUNT(formats); i++) {
        if (size >= formats[i].length && begins(data, formats[i].magic, formats[i].length))
            return &formats[i];
    }
    return NULL;
}

const char *weft_image_format(const void *data, size_t size)
{
    const struct format *const format = find_format(data, size);
    return format ? format->name : NULL;
}

size_t weft_image_limit(const void *data, size_t size)
{
    const struct format *const format = find_format(data, size);
    if (!format)
        return 0;
    const weft_extent extent = format->measure(&(weft_peek){ .data = data, .size = size });
    return (size_t)weft_extent_limit(&extent);
}

void weft_image_free(weft_ctx *ctx, weft_image *image)
{
    if (!ctx || !image)
        return;
    weft_free(weft_ctx_allocator(ctx), image->pixels);
    *image = (weft_image){ 0 };
}
