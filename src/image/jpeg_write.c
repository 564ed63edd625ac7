/* SPDX-License-Identifier: Apache-2.0
 *
 * JPEG files in memory, by libjpeg-turbo as it is by default: baseline, chroma halved both ways, ISLOW transform. */
#include "image/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "base/error.h"

enum { FIRST = 1 << 16 }; /* bytes to begin with; then twice as many, and so on */

/* Everything that outlives a jump back lives here, in the caller's frame. */
typedef struct encoder {
    struct jpeg_compress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_destination_mgr output;
    jmp_buf back;
    const weft_allocator *allocator;
    const weft_image *image;
    int quality;
    uint8_t *data;
    size_t room;
    weft_status status;
} encoder;

static _Noreturn void give_up(j_common_ptr info)
{
    encoder *e = info->client_data;
    char reason[JMSG_LENGTH_MAX];
    info->err->format_message(info, reason);
    e->status = info->err->msg_code == JERR_OUT_OF_MEMORY
                    ? weft_fail(WEFT_NO_MEMORY, "out of memory in the JPEG encoder")
                    : weft_fail(WEFT_UNSUPPORTED, "a JPEG file of %d x %d pixels cannot be made: %s", e->image->width,
                                e->image->height, reason);
    longjmp(e->back, 1);
}

static void no_output(j_common_ptr info)
{
    (void)info;
}

/* Room for `room` bytes, of which the first `used` are kept. */
static void make_room(encoder *e, size_t used, size_t room)
{
    uint8_t *const larger = weft_alloc(e->allocator, room);
    if (!larger) {
        e->status = weft_fail_in(WEFT_NO_MEMORY, "JPEG encoder");
        longjmp(e->back, 1);
    }
    if (used)
        memcpy(larger, e->data, used);
    weft_free(e->allocator, e->data);
    e->data = larger;
    e->room = room;
    e->output.next_output_byte = larger + used;
    e->output.free_in_buffer = room - used;
}

static void begin(j_compress_ptr info)
{
    make_room(info->client_data, 0, FIRST);
}

/* Called when all of it is full, whatever the counters say. */
static boolean grow(j_compress_ptr info)
{
    encoder *e = info->client_data;
    make_room(e, e->room, 2 * e->room);
    return TRUE;
}

static void end(j_compress_ptr info)
{
    (void)info;
}

static void encode(encoder *e)
{
    jpeg_create_compress(&e->info);
    e->info.client_data = e;
    e->info.dest = &e->output;
    e->info.image_width = (JDIMENSION)e->image->width;
    e->info.image_height = (JDIMENSION)e->image->height;
    e->info.input_components = 3;
    e->info.in_color_space = JCS_RGB;
    jpeg_set_defaults(&e->info);
    jpeg_set_quality(&e->info, e->quality, TRUE);
    jpeg_start_compress(&e->info, TRUE);
    while (e->info.next_scanline < e->info.image_height) {
        JSAMPROW row = e->image->pixels + (size_t)e->info.next_scanline * (size_t)e->image->width * 3;
        jpeg_write_scanlines(&e->info, &row, 1);
    }
    jpeg_finish_compress(&e->info);
}

/* Apart from its caller, so that nothing of this frame changes between the two returns of setjmp. */
static WEFT_NOINLINE void encode_guarded(encoder *e)
{
    if (setjmp(e->back) == 0)
        encode(e);
}

weft_status weft_jpeg_encode(const weft_allocator *allocator, const weft_image *image, int quality, uint8_t **data,
                             size_t *size)
{
    encoder e = { .allocator = allocator, .image = image, .quality = quality };
    e.info.err = jpeg_std_error(&e.errors);
    e.info.client_data = &e;
    e.errors.error_exit = give_up;
    e.errors.output_message = no_output;
    e.output = (struct jpeg_destination_mgr){ .init_destination = begin, .empty_output_buffer = grow,
                                              .term_destination = end };
    encode_guarded(&e);
    jpeg_destroy_compress(&e.info);
    if (e.status != WEFT_OK) {
        weft_free(allocator, e.data);
        return e.status;
    }
    *data = e.data;
    *size = e.room - e.output.free_in_buffer;
    return WEFT_OK;
}
