/* SPDX-License-Identifier: Apache-2.0
 *
 * WebP by libwebp: still pictures straight into the image, of animations the first frame on its canvas. Alpha is
 * dropped. The library's own allocations are not ours to choose; what they may amount to is checked against the size of
 * the file first. */
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "base/error.h"
#include "image/bytes.h"
#include "image/image.h"

enum { RIFF = 12, CHUNK = 8, RATIO = 1 << 16 /* pixels of a byte: of one colour, lossless files are that small */ };

static const char *reason(VP8StatusCode code)
{
    switch (code) {
    case VP8_STATUS_OUT_OF_MEMORY: return "out of memory";
    case VP8_STATUS_UNSUPPORTED_FEATURE: return "a feature that libwebp does not read";
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA: return "the file ends too early";
    default: return "damaged image data";
    }
}

static weft_status fail(const weft_image_file *source, VP8StatusCode code)
{
    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return weft_fail(WEFT_NO_MEMORY, "%s: out of memory in the WebP decoder", source->path);
    return weft_fail(WEFT_BAD_DATA, "%s: %s; an undamaged WebP file was expected", source->path, reason(code));
}

static weft_status decode_still(const weft_image_file *source, weft_image *image)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config))
        return weft_fail(WEFT_INTERNAL, "%s: libwebp cannot be used by a program built for another version",
                         source->path);
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = image->pixels;
    config.output.u.RGBA.stride = 3 * image->width;
    config.output.u.RGBA.size = (size_t)image->width * (size_t)image->height * 3;
    const VP8StatusCode code = WebPDecode(source->data, source->size, &config);
    return code == VP8_STATUS_OK ? WEFT_OK : fail(source, code);
}

static weft_status decode_first_frame(const weft_image_file *source, weft_image *image)
{
    const WebPData data = { .bytes = source->data, .size = source->size };
    WebPAnimDecoderOptions options;
    uint8_t *canvas = NULL;
    int when;
    if (!WebPAnimDecoderOptionsInit(&options))
        return weft_fail(WEFT_INTERNAL, "%s: libwebp cannot be used by a program built for another version",
                         source->path);
    options.color_mode = MODE_RGBA;
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&data, &options);
    const bool got = decoder && WebPAnimDecoderGetNext(decoder, &canvas, &when);
    for (size_t i = 0; got && i < (size_t)image->width * (size_t)image->height; i++)
        memcpy(image->pixels + 3 * i, canvas + 4 * i, 3);
    WebPAnimDecoderDelete(decoder);
    return got ? WEFT_OK : fail(source, VP8_STATUS_BITSTREAM_ERROR);
}

weft_status weft_webp_decode(const weft_allocator *allocator, const weft_image_file *source, weft_image *out)
{
    if (source->size < RIFF || (uint64_t)weft_get(source->data + 4, 4, true) + CHUNK > source->size)
        return weft_fail(WEFT_BAD_DATA, "%s: byte %zu: the WebP file ends here; more image data was expected",
                         source->path, source->size);
    WebPBitstreamFeatures features;
    const VP8StatusCode code = WebPGetFeatures(source->data, source->size, &features);
    if (code != VP8_STATUS_OK)
        return fail(source, code);
    if ((uint64_t)features.width * (uint64_t)features.height / RATIO > source->size)
        return weft_fail(WEFT_BAD_DATA, "%s: %d x %d pixels are declared, which a WebP file of %zu bytes cannot hold",
                         source->path, features.width, features.height, source->size);
    weft_image image;
    WEFT_TRY(weft_image_alloc(allocator, source->path, features.width, features.height, &image));
    const weft_status status = (features.has_animation ? decode_first_frame : decode_still)(source, &image);
    if (status != WEFT_OK) {
        weft_free(allocator, image.pixels);
        return status;
    }
    *out = image;
    return WEFT_OK;
}

int weft_webp_orientation(const weft_image_file *source)
{
    static const char head[] = "Exif\0"; /* and the literal's own zero */
    size_t at = RIFF;
    while (source->size - at >= CHUNK) {
        const size_t length = weft_get(source->data + at + 4, 4, true), body = at + CHUNK;
        if (length > source->size - body)
            break;
        if (memcmp(source->data + at, "EXIF", 4) == 0) {
            const size_t skip = length >= sizeof head && memcmp(source->data + body, head, sizeof head) == 0
                                    ? sizeof head : 0;
            return weft_exif_orientation(source->data + body + skip, length - skip);
        }
        if (length + length % 2 > source->size - body)
            break;
        at = body + length + length % 2;
    }
    return 1;
}
