/* SPDX-License-Identifier: Apache-2.0
 *
 * The orientation that a camera writes into a picture: tag 0x0112 of the first TIFF directory, in the APP1 segment
 * "Exif" of a JPEG file, the eXIf chunk of a PNG file, the EXIF chunk of a WebP file, and TIFF files themselves (Exif
 * 2.32, 4.6.4; PNG 3rd edition, 11.3.4.3). A note about the picture, not the picture: one that is damaged or absent
 * means "as stored", never an error, as in Pillow's ImageOps.exif_transpose. XMP is not read. */
#include "image/image.h"

#include <string.h>

#include "base/error.h"
#include "image/bytes.h"

enum { TAG = 0x0112, ENTRY = 12, SOI = 0xd8, SOS = 0xda, APP1 = 0xe1 };

/* Bytes of a number of that type; 0: it is none. The standard wants a SHORT, and some programs write others. */
static int size_of(uint32_t type)
{
    enum { BYTE = 1, SHORT = 3, LONG = 4 };
    return type == BYTE ? 1 : type == SHORT ? 2 : type == LONG ? 4 : 0;
}

int weft_exif_orientation(const uint8_t *tiff, size_t size)
{
    if (size < 8 || (memcmp(tiff, "II*\0", 4) != 0 && memcmp(tiff, "MM\0*", 4) != 0))
        return 1;
    const bool little = tiff[0] == 'I';
    const size_t at = weft_get(tiff + 4, 4, little);
    if (at > size - 2)
        return 1;
    const size_t entries = weft_get(tiff + at, 2, little), room = (size - at - 2) / ENTRY;
    for (size_t i = 0; i < entries && i < room; i++) {
        const uint8_t *entry = tiff + at + 2 + i * ENTRY;
        if (weft_get(entry, 2, little) != TAG)
            continue;
        const int bytes = size_of(weft_get(entry + 2, 2, little));
        const uint32_t value = bytes ? weft_get(entry + 8, bytes, little) : 0;
        return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int weft_jpeg_orientation(const weft_image_file *source)
{
    static const char head[] = "Exif\0"; /* and the literal's own zero */
    const uint8_t *data = source->data;
    size_t at = 2;
    while (at + 4 <= source->size && data[at] == 0xff && data[at + 1] != SOS) {
        if (data[at + 1] == 0xff) { /* fill byte */
            at++;
            continue;
        }
        const size_t length = weft_get(data + at + 2, 2, false), body = at + 4;
        if (length < 2 || length - 2 > source->size - body)
            break;
        if (data[at + 1] == APP1 && length - 2 >= sizeof head && memcmp(data + body, head, sizeof head) == 0)
            return weft_exif_orientation(data + body + sizeof head, length - 2 - sizeof head);
        at += 2 + length;
    }
    return 1;
}

int weft_png_orientation(const weft_image_file *source)
{
    size_t at = 8;
    while (source->size - at >= 12) {
        const size_t length = weft_get(source->data + at, 4, false);
        if (length > source->size - at - 12)
            break;
        if (memcmp(source->data + at + 4, "eXIf", 4) == 0)
            return weft_exif_orientation(source->data + at + 8, length);
        at += length + 12;
    }
    return 1;
}

/* Where pixel (x, y) of the upright picture is stored: swapped first, then counted from the far end. */
static const struct turn {
    bool swap, from_right, from_bottom;
} turns[] = {
    [1] = { false, false, false }, [2] = { false, true, false }, [3] = { false, true, true },
    [4] = { false, false, true },  [5] = { true, false, false }, [6] = { true, false, true },
    [7] = { true, true, true },    [8] = { true, true, false },
};

weft_status weft_image_turn(const weft_allocator *allocator, const char *path, int orientation, weft_image *image)
{
    if (orientation <= 1 || orientation >= WEFT_COUNT(turns))
        return WEFT_OK;
    const struct turn turn = turns[orientation];
    const int w = image->width, h = image->height;
    weft_image out;
    WEFT_TRY(weft_image_alloc(allocator, path, turn.swap ? h : w, turn.swap ? w : h, &out));
    uint8_t *to = out.pixels;
    for (int y = 0; y < out.height; y++) {
        for (int x = 0; x < out.width; x++, to += 3) {
            const int u = turn.swap ? y : x, v = turn.swap ? x : y;
            const size_t column = (size_t)(turn.from_right ? w - 1 - u : u);
            const size_t row = (size_t)(turn.from_bottom ? h - 1 - v : v);
            memcpy(to, image->pixels + (row * (size_t)w + column) * 3, 3);
        }
    }
    weft_free(allocator, image->pixels);
    *image = out;
    return WEFT_OK;
}
