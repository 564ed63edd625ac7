/* SPDX-License-Identifier: Apache-2.0
 *
 * PNG files of 8-bit RGB, whole or not there. */
#include "image/image.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <png.h>

#include "base/compiler.h"
#include "base/error.h"

/* What outlives a jump back lives in the caller's frame. */
typedef struct encoder {
    png_structp png;
    png_infop info;
    jmp_buf back;
    const char *path;
    const weft_image *image;
    FILE *file;
    weft_status status;
} encoder;

static void on_error(png_structp png, png_const_charp message)
{
    encoder *const e = png_get_error_ptr(png);
    e->status = weft_fail(WEFT_IO, "%s: cannot be written: %s", e->path, message);
    longjmp(e->back, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static void put(png_structp png, png_bytep data, size_t size)
{
    encoder *const e = png_get_error_ptr(png);
    if (fwrite(data, 1, size, e->file) != size)
        png_error(png, strerror(errno));
}

static void flush(png_structp png)
{
    (void)png;
}

static void encode(encoder *e)
{
    const weft_image *const image = e->image;
    png_set_write_fn(e->png, e, put, flush);
    png_set_IHDR(e->png, e->info, (png_uint_32)image->width, (png_uint_32)image->height, 8, PNG_COLOR_TYPE_RGB,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(e->png, e->info);
    for (int y = 0; y < image->height; y++)
        png_write_row(e->png, image->pixels + (size_t)y * (size_t)image->width * 3);
    png_write_end(e->png, NULL);
}

/* Apart from its caller, so that nothing of this frame changes between the two returns of setjmp. */
static WEFT_NOINLINE void encode_guarded(encoder *e)
{
    if (setjmp(e->back) == 0)
        encode(e);
}

static weft_status write_open(encoder *e)
{
    e->png = png_create_write_struct(PNG_LIBPNG_VER_STRING, e, on_error, on_warning);
    e->info = e->png ? png_create_info_struct(e->png) : NULL;
    if (!e->info)
        e->status = weft_fail(WEFT_NO_MEMORY, "%s: out of memory in the PNG encoder", e->path);
    else
        encode_guarded(e);
    png_destroy_write_struct(&e->png, &e->info);
    return e->status;
}

weft_status weft_image_write(const char *path, const weft_image *image)
{
    if (!path || !image || !image->pixels || image->width < 1 || image->height < 1)
        return weft_fail(WEFT_INVALID, "weft_image_write: path must not be NULL, and the image not be empty");
    encoder e = { .path = path, .image = image, .file = fopen(path, "wb") };
    if (!e.file)
        return weft_fail(WEFT_IO, "%s: cannot be created: %s", path, strerror(errno));
    weft_status status = write_open(&e);
    if (fclose(e.file) != 0 && status == WEFT_OK)
        status = weft_fail(WEFT_IO, "%s: cannot be written: %s", path, strerror(errno));
    if (status != WEFT_OK)
        unlink(path);
    return status;
}
