/* SPDX-License-Identifier: Apache-2.0
 *
 * JPEG by libjpeg-turbo: ISLOW transform and fancy upsampling, as Pillow decodes. Every warning but one is an error,
 * and so is a component or a part that no scan has: of a cut file the library otherwise makes a grey picture. Grey and
 * CMYK (also YCCK, inverted as Adobe writes them) become RGB with Pillow's formulas. The library's own allocations are
 * not ours to choose; what they may amount to is checked against the size of the file first. */
#include "image/image.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "base/error.h"
#include "image/bytes.h"

/* Everything that outlives a jump back lives here, in the caller's frame. */
typedef struct decoder {
    struct jpeg_decompress_struct info;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr input;
    struct jpeg_progress_mgr progress;
    jmp_buf back;
    const weft_allocator *allocator;
    const weft_image_file *source;
    weft_image image;
    uint8_t *row; /* of a CMYK or grey file, or a wider one than is wanted */
    weft_status status;
    weft_wish *wish;    /* NULL: all of it */
    int orientation;
    weft_window window; /* of the reduced picture */
    int first;          /* pixel that a row begins with */
    int pass;           /* reduced by this and kept nowhere; 0: decoded */
    unsigned scanned;   /* bit i: a scan had component i */
} decoder;

static size_t offset(const decoder *d)
{
    return d->source->size - d->input.bytes_in_buffer;
}

static _Noreturn void give_up(j_common_ptr info)
{
    decoder *d = info->client_data;
    char reason[JMSG_LENGTH_MAX];
    info->err->format_message(info, reason);
    if (info->err->msg_code == JERR_OUT_OF_MEMORY)
        d->status = weft_fail(WEFT_NO_MEMORY, "%s: out of memory in the JPEG decoder", d->source->path);
    else
        d->status = weft_fail(WEFT_BAD_DATA, "%s: byte %zu of %zu: %s; an undamaged JPEG file was expected",
                              d->source->path, offset(d), d->source->size, reason);
    longjmp(d->back, 1);
}

static _Noreturn void refuse(decoder *d, weft_status status)
{
    d->status = status;
    longjmp(d->back, 1);
}

/* Bytes between two segments that belong to neither touch no pixel, and ImageNet has such files. Before a restart
 * marker they mean that the decoder lost its way. */
static bool harmless(const struct jpeg_error_mgr *err)
{
    const int marker = err->msg_parm.i[1];
    return err->msg_code == JWRN_EXTRANEOUS_DATA && (marker < JPEG_RST0 || marker > JPEG_RST0 + 7);
}

static void on_message(j_common_ptr info, int level)
{
    if (level < 0 && !harmless(info->err))
        give_up(info);
}

static void no_output(j_common_ptr info)
{
    (void)info;
}

static void no_source(j_decompress_ptr info)
{
    (void)info;
}

static boolean at_end(j_decompress_ptr info)
{
    decoder *d = info->client_data;
    refuse(d, weft_fail(WEFT_BAD_DATA, "%s: byte %zu: the JPEG file ends here; more image data was expected",
                        d->source->path, d->source->size));
}

static void skip(j_decompress_ptr info, long count)
{
    decoder *d = info->client_data;
    if (count <= 0)
        return;
    if ((unsigned long)count > d->input.bytes_in_buffer) {
        d->input.bytes_in_buffer = 0;
        at_end(info);
    }
    d->input.next_input_byte += count;
    d->input.bytes_in_buffer -= (size_t)count;
}

/* Whether the scan's data end although much of the picture is to come. Of Huffman codes libjpeg says so; arithmetic
 * coding goes on by zeros, which make a picture of anything. Not of scans that refine, which may have next to no data,
 * nor of a last row of blocks, which ends with the data. */
static bool ends_early(const decoder *d)
{
    const struct jpeg_decompress_struct *const info = &d->info;
    if (!info->arith_code || info->Ss != 0 || info->Ah != 0)
        return false;
    if (info->input_iMCU_row == 0) {
        const JOCTET *const next = d->input.next_input_byte;
        return info->unread_marker == 0 && d->input.bytes_in_buffer > 1 && next[0] == 0xff && next[1] != 0;
    }
    const int marker = info->unread_marker;
    return marker != 0 && (marker < JPEG_RST0 || marker > JPEG_RST0 + 7) &&
           info->input_iMCU_row + 1 < info->total_iMCU_rows;
}

/* Before each row of blocks. */
static void check_scan(decoder *d)
{
    for (int i = 0; i < d->info.comps_in_scan; i++)
        d->scanned |= 1u << d->info.cur_comp_info[i]->component_index;
    if (ends_early(d))
        refuse(d, weft_fail(WEFT_BAD_DATA, "%s: byte %zu of %zu: the arithmetic-coded data of scan %d end behind %u of "
                            "%u rows of blocks; an undamaged JPEG file was expected", d->source->path, offset(d),
                            d->source->size, d->info.input_scan_number, d->info.input_iMCU_row,
                            d->info.total_iMCU_rows));
}

static bool scanned_all(const decoder *d, int component)
{
    const int coefficients = d->info.arith_code ? DCTSIZE2 : 1;
    if (!d->info.coef_bits)
        return d->scanned >> component & 1;
    for (int i = 0; i < coefficients; i++) {
        if (d->info.coef_bits[component][i] < 0)
            return false;
    }
    return true;
}

/* After the last scan of several: no component may have been left out. A progressive picture may be coarse, but not one
 * of arithmetic codes, where only what is missing behind it tells a scan that was cut. */
static void check_components(decoder *d)
{
    for (int i = 0; i < d->info.num_components; i++) {
        if (!scanned_all(d, i))
            refuse(d, weft_fail(WEFT_BAD_DATA, "%s: byte %zu of %zu: no scan has all of component %d of %d; an "
                                "undamaged JPEG file was expected", d->source->path, offset(d), d->source->size, i + 1,
                                d->info.num_components));
    }
}

static void on_progress(j_common_ptr info)
{
    decoder *d = info->client_data;
    check_scan(d);
    if (d->info.input_scan_number > WEFT_JPEG_SCANS)
        refuse(d, weft_fail(WEFT_BAD_DATA, "%s: byte %zu: more than %d scans; a JPEG file of fewer was expected",
                            d->source->path, offset(d), WEFT_JPEG_SCANS));
}

/* A Huffman-coded block takes at least a bit: so the file bounds what decoding may allocate. Arithmetic coding can do
 * with less, but only pictures of one colour come near the bound. */
static void check_blocks(decoder *d)
{
    uint64_t blocks = 0;
    for (int i = 0; i < d->info.num_components; i++)
        blocks += (uint64_t)d->info.comp_info[i].width_in_blocks * d->info.comp_info[i].height_in_blocks;
    if (blocks / 8 > d->source->size)
        refuse(d, weft_fail(WEFT_BAD_DATA, "%s: %u x %u pixels are declared, which a JPEG file of %zu bytes cannot "
                            "hold", d->source->path, d->info.image_width, d->info.image_height, d->source->size));
}

static void choose_colours(decoder *d)
{
    switch (d->info.num_components) {
    case 1: d->info.out_color_space = JCS_GRAYSCALE; break;
    case 3: d->info.out_color_space = JCS_RGB; break;
    case 4: d->info.out_color_space = JCS_CMYK; break;
    default:
        refuse(d, weft_fail(WEFT_BAD_DATA, "%s: %d colour components; a JPEG file of 1, 3 or 4 was expected",
                            d->source->path, d->info.num_components));
    }
    d->info.dct_method = JDCT_ISLOW;
    d->info.do_fancy_upsampling = TRUE;
}

/* Adobe stores CMYK inverted. */
static void row_from_cmyk(uint8_t *to, const uint8_t *from, int width)
{
    for (int x = 0; x < width; x++, to += 3, from += 4)
        weft_rgb_of_cmyk(to, 255 - from[0], 255 - from[1], 255 - from[2], 255 - from[3]);
}

static void row_from_grey(uint8_t *to, const uint8_t *from, int width)
{
    for (int x = 0; x < width; x++, to += 3)
        to[0] = to[1] = to[2] = from[x];
}

/* One row of what is wanted, of one that may be wider. */
static void take_row(const decoder *d, const uint8_t *row, uint8_t *to)
{
    const int width = d->image.width, components = d->info.num_components;
    const uint8_t *const from = row + (size_t)(d->window.x - d->first) * (size_t)components;
    if (components == 1)
        row_from_grey(to, from, width);
    else if (components == 4)
        row_from_cmyk(to, from, width);
    else if (row != to)
        memcpy(to, from, (size_t)width * 3);
}

static void read_rows(decoder *d)
{
    const JDIMENSION end = (JDIMENSION)(d->window.y + d->window.height);
    if (d->window.y > 0)
        jpeg_skip_scanlines(&d->info, (JDIMENSION)d->window.y);
    while (d->info.output_scanline < end) {
        uint8_t *const to = d->image.pixels + (size_t)((int)d->info.output_scanline - d->window.y) *
                                                  (size_t)d->image.width * 3;
        JSAMPROW row = d->row ? d->row : to;
        if (jpeg_read_scanlines(&d->info, &row, 1) == 1) /* always: the source never suspends */
            take_row(d, row, to);
    }
}

/* What follows the last row that is wanted is not decoded. Whether the file goes on to its end is still asked: entropy
 * coding has no bytes FF D9 but the marker. */
static void finish(decoder *d)
{
    if (d->info.output_scanline == d->info.output_height) {
        jpeg_finish_decompress(&d->info);
        return;
    }
    static const uint8_t marker[2] = { 0xff, JPEG_EOI };
    if (!jpeg_input_complete(&d->info) && d->info.unread_marker != JPEG_EOI &&
        !memmem(d->input.next_input_byte, d->input.bytes_in_buffer, marker, 2))
        at_end(&d->info);
}

/* ---- parts ---- */

/* How much smaller the picture may be decoded, and which part of that is wanted. Reduced by a power of 2: the other
 * eighths that libjpeg-turbo offers have no vector code. Of 500 x 375 pixels, 4:2:0, quality 90, callgrind counts 6.8
 * million instructions for all of it, 15.0, 12.0 and 9.9 at 7/8, 6/8 and 5/8, 5.6 at a half, and 6.5 at 3/8. */
static void choose_part(decoder *d)
{
    enum { MOST = 8 };
    weft_wish *const wish = d->wish;
    const bool turned = d->orientation > 4; /* width and height change places */
    int size[2];
    d->window = (weft_window){ 0, 0, (int)d->info.image_width, (int)d->info.image_height };
    const weft_status status = weft_image_check_size(d->source->path, d->info.image_width, d->info.image_height);
    if (status != WEFT_OK)
        refuse(d, status);
    if (!wish)
        return;
    const int width = turned ? d->window.height : d->window.width, height = turned ? d->window.width : d->window.height;
    wish->choose(wish->user, width, height, wish->box, size);
    const double box_width = wish->box[2] - wish->box[0], box_height = wish->box[3] - wish->box[1];
    unsigned by = wish->exact ? 1 : MOST;
    while (by > 1 && (box_width < (double)by * size[0] || box_height < (double)by * size[1]))
        by /= 2;
    d->info.scale_num = 1;
    d->info.scale_denom = by;
    wish->by = (int)by;
    jpeg_calc_output_dimensions(&d->info);
    d->window = (weft_window){ 0, 0, (int)d->info.output_width, (int)d->info.output_height };
    const int limit[2] = { turned ? d->window.height : d->window.width, turned ? d->window.width : d->window.height };
    for (int i = 0; i < 4; i++) {
        const double at = wish->box[i] / by;
        wish->box[i] = at < limit[i % 2] ? at : limit[i % 2];
    }
    if (d->orientation == 1)
        d->window = weft_wish_window(wish, limit[0], limit[1]);
}

/* Leaves out columns that are not wanted, but for a margin: at the edge of what is decoded chroma is interpolated from
 * less. */
static void crop_columns(decoder *d)
{
    enum { MARGIN = 8 };
    const int right = d->window.x + d->window.width + MARGIN, left = d->window.x - MARGIN;
    JDIMENSION from = left > 0 ? (JDIMENSION)left : 0;
    JDIMENSION count = (right < (int)d->info.output_width ? (JDIMENSION)right : d->info.output_width) - from;
    if (count < d->info.output_width) {
        jpeg_crop_scanline(&d->info, &from, &count);
        d->first = (int)from;
    }
}

/* Row by row over one row. */
static void pass(decoder *d)
{
    d->info.scale_num = 1;
    d->info.scale_denom = (unsigned)d->pass;
    jpeg_start_decompress(&d->info);
    d->row = weft_alloc(d->allocator, (size_t)d->info.output_width * (size_t)d->info.num_components);
    if (!d->row)
        refuse(d, weft_fail_in(WEFT_NO_MEMORY, "%s", d->source->path));
    while (d->info.output_scanline < d->info.output_height)
        jpeg_read_scanlines(&d->info, &d->row, 1);
    jpeg_finish_decompress(&d->info);
}

static void decode(decoder *d)
{
    jpeg_create_decompress(&d->info);
    d->info.client_data = d;
    d->info.src = &d->input;
    d->info.progress = &d->progress;
    jpeg_read_header(&d->info, TRUE);
    /* The blocks are counted at the first scan, which the header ends with. */
    check_blocks(d);
    choose_colours(d);
    if (d->pass) {
        pass(d);
        return;
    }
    choose_part(d);
    const weft_status status = weft_image_alloc(d->allocator, d->source->path, d->window.width, d->window.height,
                                                &d->image);
    if (status != WEFT_OK)
        refuse(d, status);
    check_scan(d);
    jpeg_start_decompress(&d->info);
    if (jpeg_has_multiple_scans(&d->info))
        check_components(d);
    crop_columns(d);
    if (d->info.num_components != 3 || d->info.output_width != (JDIMENSION)d->image.width) {
        d->row = weft_alloc(d->allocator, (size_t)d->info.output_width * (size_t)d->info.num_components);
        if (!d->row)
            refuse(d, weft_fail_in(WEFT_NO_MEMORY, "%s", d->source->path));
    }
    read_rows(d);
    finish(d);
}

/* Apart from its caller, so that nothing of this frame changes between the two returns of setjmp. */
static WEFT_NOINLINE void decode_guarded(decoder *d)
{
    if (setjmp(d->back) == 0)
        decode(d);
}

static weft_status run(decoder *d)
{
    const weft_image_file *const source = d->source;
    d->info.err = jpeg_std_error(&d->errors);
    d->info.client_data = d;
    d->errors.error_exit = give_up;
    d->errors.emit_message = on_message;
    d->errors.output_message = no_output;
    d->input = (struct jpeg_source_mgr){ .next_input_byte = source->data,
                                         .bytes_in_buffer = source->size,
                                         .init_source = no_source,
                                         .fill_input_buffer = at_end,
                                         .skip_input_data = skip,
                                         .resync_to_restart = jpeg_resync_to_restart,
                                         .term_source = no_source };
    d->progress.progress_monitor = on_progress;
    decode_guarded(d);
    jpeg_destroy_decompress(&d->info);
    weft_free(d->allocator, d->row);
    if (d->status != WEFT_OK)
        weft_free(d->allocator, d->image.pixels);
    return d->status;
}

weft_status weft_jpeg_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out)
{
    return weft_jpeg_decode_part(allocator, source, 1, NULL, out);
}

weft_status weft_jpeg_decode_part(const weft_allocator *allocator, const weft_image_file *source, int orientation,
                                  weft_wish *wish, weft_image *out)
{
    decoder d = { .allocator = allocator, .source = source, .orientation = orientation, .wish = wish };
    WEFT_TRY(run(&d));
    *out = d.image;
    return WEFT_OK;
}

weft_status weft_jpeg_pass(const weft_allocator *allocator, const weft_image_file *source, int by)
{
    decoder d = { .allocator = allocator, .source = source, .pass = by };
    return run(&d);
}
