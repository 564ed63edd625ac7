/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing weight files: formats are told apart by their first bytes, archives by what is in them. */
#include "weights/weights.h"

#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/h5.h"
#include "weights/pth.h"
#include "weights/stranger.h"

enum { HEAD = 264 /* as far as tar's mark goes */, SHOWN = 16, TEXT = 3 * SHOWN + 1 };

/* One row per format. Exactly one of the readers is set; a row without any is a format that this build leaves out. */
static const struct format {
    const char *name, *extension, *magic;
    size_t at, length;                 /* of magic */
    const char *member;                /* of an archive: an entry's name ends so */
    weft_status (*read_path)(weft_ctx *ctx, const char *path, weft_weights **out);
    weft_reader *read_file;
    weft_status (*check)(weft_ctx *ctx, const char *path); /* before the whole file is read; NULL: nothing to check */
    weft_status (*write)(const weft_weights *weights, weft_writer *writer);
} formats[WEFT_FORMAT_COUNT] = {
    [WEFT_FORMAT_AUTO] = { .name = "auto" },
    [WEFT_SAFETENSORS] = { .name = "safetensors", .extension = ".safetensors", .magic = "{", .at = 8, .length = 1,
                           .read_file = weft_safetensors_read, .check = weft_safetensors_check,
                           .write = weft_safetensors_write },
    [WEFT_NPZ] = { .name = "npz", .extension = ".npz", .magic = "PK", .length = 2, .member = ".npy",
                   .read_file = weft_npz_read, .write = weft_npz_write },
    [WEFT_PTH] = { .name = "pth", .extension = ".pth", .magic = "PK", .length = 2, .member = "/data.pkl",
                   .read_file = weft_pth_read },
    [WEFT_H5] = { .name = "h5", .extension = ".h5", .magic = "\x89HDF\r\n\x1a\n", .length = 8,
                  .read_path = weft_h5_read },
    [WEFT_KERAS_ZIP] = { .name = "keras", .extension = ".keras", .magic = "PK", .length = 2,
                         .member = "model.weights.h5", .read_path = weft_keras_zip_read },
};

const char *weft_format_name(weft_format format)
{
    return (int)format >= 0 && format < WEFT_FORMAT_COUNT ? formats[format].name : "unknown";
}

/* ---- reading ---- */

static weft_status unknown(const char *path, const uint8_t *head, size_t size)
{
    const char *const what = weft_stranger(head, size);
    if (what)
        return weft_fail(WEFT_BAD_DATA, "%s: byte 0: this is %s", path, what);
    if (size == 0)
        return weft_fail(WEFT_BAD_DATA, "%s: byte 0: the file is empty; a weight file was expected", path);
    char text[TEXT] = "";
    for (size_t i = 0; i < size && i < SHOWN; i++)
        snprintf(text + 3 * i, 4, " %02x", head[i]);
    return weft_fail(WEFT_BAD_DATA, "%s: byte 0: the file begins with%s; a header length and '{' (safetensors), "
                     "50 4b 03 04 (npz, pth, keras) or 89 48 44 46 (h5) was expected", path, text);
}

static bool fits(const struct format *row, const uint8_t *head, size_t size)
{
    return row->magic && size >= row->at + row->length && memcmp(head + row->at, row->magic, row->length) == 0;
}

static weft_status recognise(const char *path, const uint8_t *head, size_t size, weft_format *format)
{
    for (int i = 0; i < WEFT_FORMAT_COUNT; i++) {
        if (fits(&formats[i], head, size)) {
            *format = (weft_format)i;
            return WEFT_OK;
        }
    }
    if (weft_pth_is_legacy(head, size)) {
        *format = WEFT_PTH;
        return WEFT_OK;
    }
    return unknown(path, head, size);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* What else is kept as an archive, by a member's name. */
static const char *stranger_of(const weft_zip *zip)
{
    static const struct {
        const char *member, *what;
    } rows[] = {
        { "archive_format", "a network of torch.export; save the weights by torch.save(model.state_dict(), path)" },
        { "extern_modules", "a package of torch.package; save the weights by torch.save(model.state_dict(), path)" },
        { "saved_model.pb", "a TensorFlow SavedModel; save the weights by model.save_weights(\"x.weights.h5\")" },
        { "Manifest.json", "a package of Core ML, which weft does not read" },
    };
    for (int64_t i = 0; i < zip->count; i++) {
        for (int k = 0; k < WEFT_COUNT(rows); k++) {
            if (ends_with(zip->entries[i].name, rows[k].member))
                return rows[k].what;
        }
    }
    return NULL;
}

/* Which of the formats that are archives it is: the one that has its member. */
static weft_status recognise_zip(const weft_zip *zip, weft_format *format)
{
    if (zip->count == 0) { /* which only NumPy writes */
        *format = WEFT_NPZ;
        return WEFT_OK;
    }
    for (int64_t i = 0; i < zip->count; i++) {
        for (int k = 0; k < WEFT_FORMAT_COUNT; k++) {
            if (formats[k].member && ends_with(zip->entries[i].name, formats[k].member)) {
                *format = (weft_format)k;
                return WEFT_OK;
            }
        }
    }
    const char *const what = stranger_of(zip);
    if (what)
        return weft_file_bad(&zip->file, 0, "the file is %s", what);
    return weft_file_bad(&zip->file, 0, "a zip archive of %lld entries without *.npy (npz), */data.pkl (pth) or "
                         "model.weights.h5 (keras)", (long long)zip->count);
}

/* The same for an archive in memory. */
static weft_status look_inside(weft_ctx *ctx, const weft_file *file, weft_format *format)
{
    weft_zip zip;
    WEFT_TRY(weft_zip_open(&ctx->allocator, file, &zip));
    const weft_status status = recognise_zip(&zip, format);
    weft_zip_close(&zip);
    return status;
}

/* What an archive is, where that is still to be found out. */
static weft_status settle(weft_ctx *ctx, const weft_file *file, weft_format asked, weft_format *format)
{
    const bool zip = file->size > 1 && memcmp(file->data, "PK", 2) == 0;
    return asked == WEFT_FORMAT_AUTO && zip && formats[*format].member ? look_inside(ctx, file, format) : WEFT_OK;
}

/* A reader of every format that is read from memory. */
static weft_status read_any(weft_ctx *ctx, const weft_file *file, const weft_read_opt *opt, weft_weights *weights)
{
    weft_format format = opt->format;
    if (format == WEFT_FORMAT_AUTO)
        WEFT_TRY(recognise(file->path, file->data, file->size < HEAD ? file->size : HEAD, &format));
    WEFT_TRY(settle(ctx, file, opt->format, &format));
    if (formats[format].read_file)
        return formats[format].read_file(ctx, file, opt, weights);
    return weft_fail(WEFT_UNSUPPORTED, "%s: %s files are not read here", file->path, formats[format].name);
}

weft_status weft_weights_parse(weft_ctx *ctx, const weft_file *file, const weft_read_opt *opt, weft_weights **out)
{
    return weft_weights_fill(ctx, file, read_any, opt, out);
}

weft_status weft_weights_read_file(weft_ctx *ctx, const char *path, const weft_read_opt *opt, weft_weights **out)
{
    uint8_t head[HEAD];
    size_t got = 0;
    weft_format found = opt->format;
    WEFT_TRY(weft_file_head(path, head, HEAD, &got));
    if (found == WEFT_FORMAT_AUTO) /* before memory is taken for a file that is no good */
        WEFT_TRY(recognise(path, head, got, &found));
    if (formats[found].check)
        WEFT_TRY(formats[found].check(ctx, path));
    if (formats[found].member && got >= 2 && memcmp(head, "PK", 2) == 0)
        WEFT_TRY(weft_zip_check(path));
    weft_file file = { 0 };
    weft_status status = WEFT_OK;
    if (!formats[found].read_path) {
        WEFT_TRY(weft_file_load(&ctx->allocator, path, &file));
        status = settle(ctx, &file, opt->format, &found);
    }
    if (status == WEFT_OK && !formats[found].read_path)
        return weft_weights_fill(ctx, &file, read_any, &(weft_read_opt){ .format = found, .key = opt->key }, out);
    weft_free(&ctx->allocator, file.data);
    WEFT_TRY(status);
    return formats[found].read_path(ctx, path, out);
}

/* ---- writing ---- */

weft_status weft_weights_write(const weft_weights *weights, const char *path, weft_format format)
{
    if (!weights || !path || (int)format < 0 || format >= WEFT_FORMAT_COUNT)
        return weft_fail(WEFT_INVALID, "weft_weights_write: weights and path must not be NULL, format must be known");
    for (int i = 1; i < WEFT_FORMAT_COUNT && format == WEFT_FORMAT_AUTO; i++) {
        if (ends_with(path, formats[i].extension))
            format = (weft_format)i;
    }
    if (!formats[format].write)
        return weft_fail(WEFT_UNSUPPORTED, "%s: weft does not write %s files; name it .safetensors or .npz", path,
                         format == WEFT_FORMAT_AUTO ? "such" : formats[format].name);
    weft_writer writer;
    WEFT_TRY(weft_writer_open(weights->allocator, path, &writer));
    const weft_status status = formats[format].write(weights, &writer);
    if (status == WEFT_OK)
        return weft_writer_commit(&writer);
    weft_writer_abort(&writer);
    return status;
}
