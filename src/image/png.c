/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG by libpng: every colour type and depth, interlaced or not, to 8-bit RGB. Alpha and tRNS are dropped, 16-bit
 * samples lose their low byte, small grey samples are spread over 0..255, palettes are looked up here so that an index
 * beyond the palette is found. Gamma and colour profiles are left alone, as Pillow does. A file may end behind the
 * picture. */
#include "image/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <png.h>

#include "base/error.h"

/* deflate cannot pack more than this many bytes into one. */
enum { DEFLATE_RATIO = 1032 };

typedef struct decoder {
    png_structp png;
    png_infop info;
    jmp_buf back;
    const weft_allocator *allocator;
    const weft_image_file *source;
    size_t at; /* bytes read */
    char warning[96];
    weft_image image;
    uint8_t *raw; /* decoded rows before conversion: one, or all of an interlaced file */
    size_t stride;
    bool no_memory;
    bool whole; /* all rows are there and checked: what follows touches no pixel */
    weft_status status;
} decoder;

/* Ends decoding. */
static _Noreturn void refuse(decoder *d, weft_status status)
{
    d->status = status;
    longjmp(d->back, 1);
}

static _Noreturn void on_error(png_structp png, png_const_charp reason)
{
    decoder *d = png_get_error_ptr(png);
    if (d->no_memory)
        refuse(d, weft_fail_in(WEFT_NO_MEMORY, "%s", d->source->path));
    const bool warned = d->warning[0];
    refuse(d, weft_fail(WEFT_BAD_DATA, "%s: byte %zu of %zu: %s%s%s%s; an undamaged PNG file was expected",
                        d->source->path, d->at, d->source->size, reason, warned ? " (" : "", d->warning,
                        warned ? ")" : ""));
}

/* Warnings alone concern what is not the picture (profiles, text, dates); before an error they tell the details. */
static void on_warning(png_structp png, png_const_charp reason)
{
    decoder *d = png_get_error_ptr(png);
    snprintf(d->warning, sizeof d->warning, "%s", reason);
}

static png_voidp take(png_structp png, png_alloc_size_t size)
{
    decoder *d = png_get_mem_ptr(png);
    void *ptr = weft_alloc(d->allocator, size);
    if (!ptr)
        d->no_memory = true;
    return ptr;
}

static void give(png_structp png, png_voidp ptr)
{
    const decoder *d = png_get_mem_ptr(png);
    weft_free(d->allocator, ptr);
}

static void supply(png_structp png, png_bytep to, size_t count)
{
    decoder *d = png_get_io_ptr(png);
    if (d->whole && count > d->source->size - d->at)
        refuse(d, WEFT_OK); /* no end chunk: Pillow reads such files too */
    if (count > d->source->size - d->at)
        refuse(d, weft_fail(WEFT_BAD_DATA, "%s: byte %zu: the PNG file ends here; %zu more bytes were expected",
                            d->source->path, d->source->size, count - (d->source->size - d->at)));
    memcpy(to, d->source->data + d->at, count);
    d->at += count;
}

static void set_up(decoder *d)
{
    d->png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, d, on_error, on_warning, d, take, give);
    d->info = d->png ? png_create_info_struct(d->png) : NULL;
    if (!d->info) {
        if (d->no_memory)
            refuse(d, weft_fail_in(WEFT_NO_MEMORY, "%s", d->source->path));
        refuse(d, weft_fail(WEFT_INTERNAL, "%s: libpng %s cannot be used by a program built for %s", d->source->path,
                            png_get_libpng_ver(NULL), PNG_LIBPNG_VER_STRING));
    }
    png_set_user_limits(d->png, WEFT_PNG_SIDE, WEFT_PNG_SIDE);
    png_set_chunk_malloc_max(d->png, WEFT_PNG_CHUNK);
    png_set_read_fn(d->png, d, supply);
}

/* What decoding will allocate must be backed by the file. */
static void check_size(decoder *d)
{
    const uint64_t bytes = (uint64_t)png_get_rowbytes(d->png, d->info) * png_get_image_height(d->png, d->info);
    if (bytes / DEFLATE_RATIO > d->source->size)
        refuse(d, weft_fail(WEFT_BAD_DATA, "%s: %u x %u pixels are declared, which a PNG file of %zu bytes cannot hold",
                            d->source->path, png_get_image_width(d->png, d->info),
                            png_get_image_height(d->png, d->info), d->source->size));
}

static void row_from_palette(decoder *d, uint8_t *to, const uint8_t *from)
{
    png_colorp colours = NULL;
    int count = 0;
    png_get_PLTE(d->png, d->info, &colours, &count);
    for (int x = 0; x < d->image.width; x++, to += 3) {
        if (from[x] >= count)
            refuse(d, weft_fail(WEFT_BAD_DATA, "%s: pixel value %d; the palette has %d colours", d->source->path,
                                from[x], count));
        to[0] = colours[from[x]].red;
        to[1] = colours[from[x]].green;
        to[2] = colours[from[x]].blue;
    }
}

/* channels: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha; spread: what takes a grey sample to 0..255. */
static void row_from_samples(uint8_t *to, const uint8_t *from, int width, int channels, int spread)
{
    const int green = channels >= 3 ? 1 : 0;
    for (int x = 0; x < width; x++, to += 3, from += channels) {
        to[0] = (uint8_t)(from[0] * spread);
        to[1] = (uint8_t)(from[green] * spread);
        to[2] = (uint8_t)(from[2 * green] * spread);
    }
}

static void convert(decoder *d, int y, const uint8_t *from)
{
    uint8_t *to = d->image.pixels + (size_t)y * (size_t)d->image.width * 3;
    const int depth = png_get_bit_depth(d->png, d->info); /* of the file */
    if (png_get_color_type(d->png, d->info) == PNG_COLOR_TYPE_PALETTE)
        row_from_palette(d, to, from);
    else
        row_from_samples(to, from, d->image.width, png_get_channels(d->png, d->info),
                         depth < 8 ? 255 / ((1 << depth) - 1) : 1);
}

static void read_rows(decoder *d, int passes)
{
    const bool keep = passes > 1;
    for (int pass = 0; pass < passes; pass++) {
        for (int y = 0; y < d->image.height; y++) {
            uint8_t *row = d->raw + (keep ? (size_t)y * d->stride : 0);
            png_read_row(d->png, row, NULL);
            if (pass == passes - 1)
                convert(d, y, row);
        }
    }
}

static void decode(decoder *d)
{
    set_up(d);
    png_read_info(d->png, d->info);
    check_size(d);
    const weft_status status = weft_image_alloc(d->allocator, d->source->path, png_get_image_width(d->png, d->info),
                                                png_get_image_height(d->png, d->info), &d->image);
    if (status != WEFT_OK)
        refuse(d, status);
    png_set_packing(d->png);  /* 1, 2, 4 bits: a byte each, not scaled */
    png_set_strip_16(d->png); /* the high byte */
    const int passes = png_set_interlace_handling(d->png);
    /* png_read_update_info would overwrite the depth in info, which convert wants as the file has it. */
    png_start_read_image(d->png);
    d->stride = (size_t)d->image.width * png_get_channels(d->png, d->info);
    d->raw = weft_calloc(d->allocator, passes > 1 ? (size_t)d->image.height : 1, d->stride);
    if (!d->raw)
        refuse(d, weft_fail_in(WEFT_NO_MEMORY, "%s", d->source->path));
    read_rows(d, passes);
    d->whole = true;
    png_read_end(d->png, NULL);
    if (d->no_memory) /* of something libpng could do without: but not silently */
        refuse(d, weft_fail_in(WEFT_NO_MEMORY, "%s", d->source->path));
}

/* Apart from its caller, so that nothing of this frame changes between the two returns of setjmp. */
static WEFT_NOINLINE void decode_guarded(decoder *d)
{
    if (setjmp(d->back) == 0)
        decode(d);
}

weft_status weft_png_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out)
{
    decoder d = { .allocator = allocator, .source = source };
    decode_guarded(&d);
    png_destroy_read_struct(&d.png, &d.info, NULL);
    weft_free(allocator, d.raw);
    if (d.status != WEFT_OK) {
        weft_free(allocator, d.image.pixels);
        return d.status;
    }
    *out = d.image;
    return WEFT_OK;
}
