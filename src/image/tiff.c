/* SPDX-License-Identifier: Apache-2.0
 *
 * TIFF by libtiff: the first picture, in strips or tiles, of grey (1 to 16 bits), palette, RGB, CMYK or YCbCr samples,
 * to 8-bit RGB as Pillow makes it: 16-bit samples lose their low byte, further samples (alpha) are dropped. libtiff's
 * own RGBA reader is not used, since it multiplies by alpha; but for YCbCr that is not JPEG it is. The library's own
 * allocations are not ours to choose; what they may amount to is checked against the size of the file first. */
#include <stdio.h>
#include <string.h>
#include <tiffio.h>

#include "base/error.h"
#include "image/bytes.h"
#include "image/image.h"

enum { RATIO = 8192, SLACK = 65536, REASON = 160, PLANES = 4 }; /* the best packed: an empty page of a fax */

typedef struct decoder {
    const weft_image_file *source;
    size_t at;
    TIFF *tiff;
    char reason[REASON]; /* libtiff's first */
    bool decoding;       /* pixels, no longer tags */
    uint32_t width, height;
    uint16_t bits, samples, photometric, planar, compression;
    uint16_t *map[3]; /* palette */
    bool tiled;
    uint32_t block_width, block_height; /* of a strip or tile */
    size_t block_size, stride;
    uint8_t *block; /* one of each plane, one behind the other */
    weft_image image;
} decoder;

/* ---- the file, in memory ---- */

static tmsize_t read_some(thandle_t handle, void *to, tmsize_t size)
{
    decoder *d = handle;
    const size_t rest = d->source->size - d->at, count = (size_t)size < rest ? (size_t)size : rest;
    memcpy(to, d->source->data + d->at, count);
    d->at += count;
    return (tmsize_t)count;
}

static tmsize_t write_none(thandle_t handle, void *from, tmsize_t size)
{
    (void)handle;
    (void)from;
    (void)size;
    return -1;
}

static toff_t seek(thandle_t handle, toff_t to, int whence)
{
    decoder *d = handle;
    const uint64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? d->at : d->source->size;
    const uint64_t wanted = base + to;
    d->at = wanted < d->source->size ? (size_t)wanted : d->source->size;
    return d->at;
}

static int close_none(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size_of(thandle_t handle)
{
    return ((decoder *)handle)->source->size;
}

static int on_error(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    (void)tiff;
    (void)module;
    decoder *d = user;
    if (!d->reason[0])
        vsnprintf(d->reason, sizeof d->reason, format, args);
    return 1; /* and no global handler after this one */
}

/* Bytes of nobody, or rows behind the picture's last, touch no pixel. Before a restart marker (0xd0 to 0xd7) the first
 * mean that the decoder lost its way. */
static bool harmless(const char *text)
{
    static const char words[] = "extraneous bytes before marker 0x";
    const char *const marker = strstr(text, words);
    return strstr(text, "exceeds expected dimensions") ||
           (marker && (marker[sizeof words - 1] != 'd' || marker[sizeof words] > '7'));
}

/* Most concern tags, not the picture. But what libjpeg and the readers of faxes warn of is pixels that they made up. */
static int on_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list args)
{
    (void)tiff;
    (void)module;
    decoder *d = user;
    static const uint16_t inventive[] = { COMPRESSION_JPEG, COMPRESSION_CCITTRLE, COMPRESSION_CCITTRLEW,
                                          COMPRESSION_CCITTFAX3, COMPRESSION_CCITTFAX4 };
    for (int i = 0; d->decoding && !d->reason[0] && i < WEFT_COUNT(inventive); i++) {
        if (inventive[i] != d->compression)
            continue;
        vsnprintf(d->reason, sizeof d->reason, format, args);
        if (harmless(d->reason))
            d->reason[0] = '\0';
        break;
    }
    return 1;
}

static weft_status fail(const decoder *d, const char *otherwise)
{
    return weft_fail(WEFT_BAD_DATA, "%s: %s; an undamaged TIFF file was expected", d->source->path,
                     d->reason[0] ? d->reason : otherwise);
}

static weft_status open_file(decoder *d)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return weft_fail(WEFT_NO_MEMORY, "%s: out of memory in the TIFF decoder", d->source->path);
    TIFFOpenOptionsSetErrorHandlerExtR(options, on_error, d);
    TIFFOpenOptionsSetWarningHandlerExtR(options, on_warning, d);
    d->tiff = TIFFClientOpenExt(d->source->path, "rm", d, read_some, write_none, seek, close_none, size_of, NULL, NULL,
                                options);
    TIFFOpenOptionsFree(options);
    return d->tiff ? WEFT_OK : fail(d, "the first directory cannot be read");
}

/* ---- what is in it ---- */

static weft_status check_samples(const decoder *d)
{
    uint16_t format = SAMPLEFORMAT_UINT;
    TIFFGetFieldDefaulted(d->tiff, TIFFTAG_SAMPLEFORMAT, &format);
    static const struct {
        uint16_t photometric, samples;
        unsigned bits; /* bit n: n bits */
    } kinds[] = {
        { PHOTOMETRIC_MINISBLACK, 1, 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 | 1u << 16 },
        { PHOTOMETRIC_MINISWHITE, 1, 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 | 1u << 16 },
        { PHOTOMETRIC_PALETTE, 1, 1u << 1 | 1u << 2 | 1u << 4 | 1u << 8 },
        { PHOTOMETRIC_RGB, 3, 1u << 8 | 1u << 16 },
        { PHOTOMETRIC_SEPARATED, 4, 1u << 8 | 1u << 16 },
        { PHOTOMETRIC_YCBCR, 3, 1u << 8 },
    };
    for (int i = 0; i < WEFT_COUNT(kinds); i++) {
        if (kinds[i].photometric == d->photometric && d->samples >= kinds[i].samples && d->bits <= 16 &&
            kinds[i].bits >> d->bits & 1 && (format == SAMPLEFORMAT_UINT || format == SAMPLEFORMAT_VOID) &&
            (d->bits >= 8 || d->samples == 1))
            return WEFT_OK;
    }
    return weft_fail(WEFT_BAD_DATA, "%s: %d samples of %d bits, sample format %d, photometric %d; a TIFF file of 8-bit "
                     "or 16-bit grey, RGB or CMYK, a palette or black and white was expected", d->source->path,
                     d->samples, d->bits, format, d->photometric);
}

static weft_status read_tags(decoder *d)
{
    TIFFGetFieldDefaulted(d->tiff, TIFFTAG_BITSPERSAMPLE, &d->bits);
    TIFFGetFieldDefaulted(d->tiff, TIFFTAG_SAMPLESPERPIXEL, &d->samples);
    TIFFGetFieldDefaulted(d->tiff, TIFFTAG_PLANARCONFIG, &d->planar);
    TIFFGetFieldDefaulted(d->tiff, TIFFTAG_COMPRESSION, &d->compression);
    uint32_t kind = 0;
    if (TIFFGetField(d->tiff, TIFFTAG_SUBFILETYPE, &kind) && kind & FILETYPE_REDUCEDIMAGE)
        return weft_fail(WEFT_BAD_DATA, "%s: its first picture is a thumbnail, as in cameras' raw files; a TIFF file "
                         "that begins with the photograph was expected", d->source->path);
    if (!TIFFGetField(d->tiff, TIFFTAG_IMAGEWIDTH, &d->width) ||
        !TIFFGetField(d->tiff, TIFFTAG_IMAGELENGTH, &d->height))
        return fail(d, "the size of the image is missing");
    if (!TIFFGetField(d->tiff, TIFFTAG_PHOTOMETRIC, &d->photometric))
        d->photometric = d->samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK;
    WEFT_TRY(check_samples(d));
    if (d->photometric == PHOTOMETRIC_PALETTE &&
        !TIFFGetField(d->tiff, TIFFTAG_COLORMAP, &d->map[0], &d->map[1], &d->map[2]))
        return fail(d, "the palette is missing");
    const double bytes = (double)d->width * d->height * d->samples * d->bits / 8;
    if (bytes / RATIO > (double)d->source->size + SLACK ||
        (d->compression == COMPRESSION_NONE && bytes > (double)d->source->size))
        return weft_fail(WEFT_BAD_DATA, "%s: %u x %u pixels are declared, which a TIFF file of %zu bytes cannot hold",
                         d->source->path, d->width, d->height, d->source->size);
    return WEFT_OK;
}

/* ---- pixels ---- */

/* Sample i of a row, to 8 bits, but an index stays what it is. */
static int sample(const decoder *d, const uint8_t *row, size_t i)
{
    if (d->bits == 8)
        return row[i];
    if (d->bits == 16) {
        uint16_t value;
        memcpy(&value, row + 2 * i, 2);
        return value >> 8;
    }
    const int most = (1 << d->bits) - 1, at = (int)(i * d->bits % 8);
    const int value = row[i * d->bits / 8] >> (8 - at - d->bits) & most;
    return d->photometric == PHOTOMETRIC_PALETTE ? value : value * (255 / most);
}

/* One row of a block to `count` pixels. plane: bytes from one plane's row to the next; 0: samples side by side. */
static void convert(const decoder *d, const uint8_t *row, size_t plane, uint32_t count, uint8_t *to)
{
    for (uint32_t x = 0; x < count; x++, to += 3) {
        int v[PLANES] = { 0 };
        for (int s = 0; s < d->samples && s < PLANES; s++)
            v[s] = plane ? sample(d, row + (size_t)s * plane, x) : sample(d, row, (size_t)x * d->samples + (size_t)s);
        switch (d->photometric) {
        case PHOTOMETRIC_MINISWHITE: to[0] = to[1] = to[2] = (uint8_t)(255 - v[0]); break;
        case PHOTOMETRIC_MINISBLACK: to[0] = to[1] = to[2] = (uint8_t)v[0]; break;
        case PHOTOMETRIC_SEPARATED: weft_rgb_of_cmyk(to, v[0], v[1], v[2], v[3]); break;
        case PHOTOMETRIC_PALETTE:
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)(d->map[c][v[0]] >> 8);
            break;
        default:
            for (int c = 0; c < 3; c++)
                to[c] = (uint8_t)v[c];
        }
    }
}

static tmsize_t read_block(decoder *d, uint32_t x, uint32_t y, uint16_t plane)
{
    uint8_t *to = d->block + plane * d->block_size;
    if (d->tiled)
        return TIFFReadTile(d->tiff, to, x, y, 0, plane);
    return TIFFReadEncodedStrip(d->tiff, TIFFComputeStrip(d->tiff, y, plane), to, (tmsize_t)d->block_size);
}

static weft_status read_blocks(decoder *d)
{
    const bool apart = d->planar == PLANARCONFIG_SEPARATE && d->samples > 1;
    const uint16_t planes = apart ? (uint16_t)(d->samples < PLANES ? d->samples : PLANES) : 1;
    for (uint32_t y = 0; y < d->height; y += d->block_height) {
        const uint32_t rows = d->height - y < d->block_height ? d->height - y : d->block_height;
        for (uint32_t x = 0; x < d->width; x += d->block_width) {
            const uint32_t columns = d->width - x < d->block_width ? d->width - x : d->block_width;
            for (uint16_t plane = 0; plane < planes; plane++) {
                const tmsize_t got = read_block(d, x, y, plane);
                if (got < 0 || (size_t)got < d->stride * rows)
                    return fail(d, "the image data end too early");
            }
            for (uint32_t row = 0; row < rows; row++)
                convert(d, d->block + row * d->stride, apart ? d->block_size : 0, columns,
                        d->image.pixels + ((size_t)(y + row) * d->width + x) * 3);
        }
    }
    return WEFT_OK;
}

static weft_status make_block(decoder *d, const weft_allocator *allocator)
{
    d->tiled = TIFFIsTiled(d->tiff);
    d->block_width = d->width;
    d->block_height = d->height;
    if (d->tiled) {
        TIFFGetField(d->tiff, TIFFTAG_TILEWIDTH, &d->block_width);
        TIFFGetField(d->tiff, TIFFTAG_TILELENGTH, &d->block_height);
    } else {
        TIFFGetFieldDefaulted(d->tiff, TIFFTAG_ROWSPERSTRIP, &d->block_height);
        if (d->block_height > d->height)
            d->block_height = d->height;
    }
    const tmsize_t size = d->tiled ? TIFFTileSize(d->tiff) : TIFFStripSize(d->tiff);
    const tmsize_t stride = d->tiled ? TIFFTileRowSize(d->tiff) : TIFFScanlineSize(d->tiff);
    if (size < 1 || stride < 1 || d->block_width < 1 || d->block_height < 1 ||
        (uint64_t)size > RATIO * ((uint64_t)d->source->size + SLACK))
        return fail(d, "strips or tiles of a size that cannot be");
    d->block_size = (size_t)size;
    d->stride = (size_t)stride;
    const bool apart = d->planar == PLANARCONFIG_SEPARATE;
    d->block = weft_calloc(allocator, apart ? PLANES : 1, d->block_size);
    return d->block ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "%s", d->source->path);
}

/* YCbCr as it is in a TIFF file, with samples shared by pixels, by libtiff's own reader. */
static weft_status read_rgba(decoder *d, const weft_allocator *allocator)
{
    const size_t count = (size_t)d->width * d->height;
    uint32_t *pixels = weft_calloc(allocator, count, sizeof *pixels);
    if (!pixels)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", d->source->path);
    uint16_t orientation = ORIENTATION_TOPLEFT;
    TIFFGetFieldDefaulted(d->tiff, TIFFTAG_ORIENTATION, &orientation);
    const bool got = TIFFReadRGBAImageOriented(d->tiff, d->width, d->height, pixels, orientation, 1);
    for (size_t i = 0; got && i < count; i++) {
        d->image.pixels[3 * i] = (uint8_t)TIFFGetR(pixels[i]);
        d->image.pixels[3 * i + 1] = (uint8_t)TIFFGetG(pixels[i]);
        d->image.pixels[3 * i + 2] = (uint8_t)TIFFGetB(pixels[i]);
    }
    weft_free(allocator, pixels);
    return got ? WEFT_OK : fail(d, "the image data cannot be read");
}

static weft_status decode(decoder *d, const weft_allocator *allocator)
{
    WEFT_TRY(open_file(d));
    WEFT_TRY(read_tags(d));
    WEFT_TRY(weft_image_alloc(allocator, d->source->path, d->width, d->height, &d->image));
    d->decoding = true;
    d->reason[0] = '\0'; /* of tags, which are good enough */
    if (d->photometric == PHOTOMETRIC_YCBCR && d->compression == COMPRESSION_JPEG &&
        d->planar == PLANARCONFIG_CONTIG)
        TIFFSetField(d->tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    else if (d->photometric == PHOTOMETRIC_YCBCR)
        return read_rgba(d, allocator);
    WEFT_TRY(make_block(d, allocator));
    WEFT_TRY(read_blocks(d));
    return d->reason[0] ? fail(d, "") : WEFT_OK; /* some readers complain and go on */
}

weft_status weft_tiff_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out)
{
    decoder d = { .source = source };
    const weft_status status = decode(&d, allocator);
    if (d.tiff)
        TIFFClose(d.tiff);
    weft_free(allocator, d.block);
    if (status != WEFT_OK) {
        weft_free(allocator, d.image.pixels);
        return status;
    }
    *out = d.image;
    return WEFT_OK;
}

int weft_tiff_orientation(const weft_image_file *source)
{
    return weft_exif_orientation(source->data, source->size);
}
