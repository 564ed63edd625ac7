/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that are no images which weft reads, by their first bytes: what else people have lying about, so that the
 * sentence can name it. A page that a download left in an image's place is the most frequent of them. */
#include <string.h>

#include "base/compiler.h"
#include "image/image.h"

#define PAGE "an HTML page, as a download that failed leaves it"
#define CANNOT "; weft does not decode it"

static const struct {
    const char *what, *magic;
    size_t at, length;
} strangers[] = {
    { "a GIF file" CANNOT, "GIF8", 0, 4 },
    { "an AVIF file" CANNOT, "ftypavi", 4, 7 },
    { "a HEIF file (an iPhone's photograph)" CANNOT, "ftyphe", 4, 6 },
    { "a HEIF file (an iPhone's photograph)" CANNOT, "ftypmif1", 4, 8 },
    { "a HEIF file (an iPhone's photograph)" CANNOT, "ftypmsf1", 4, 8 },
    { "a raw photograph of a Canon" CANNOT, "ftypcrx", 4, 7 },
    { "a QuickTime film", "ftypqt", 4, 6 },
    { "an MP4 film", "ftyp", 4, 4 },
    { "a Matroska or WebM film", "\x1a\x45\xdf\xa3", 0, 4 },
    { "a JPEG XL file" CANNOT, "\xff\x0a", 0, 2 },
    { "a JPEG XL file" CANNOT, "\0\0\0\x0cJXL ", 0, 8 },
    { "a JPEG 2000 file" CANNOT, "\0\0\0\x0cjP", 0, 6 },
    { "a JPEG 2000 file" CANNOT, "\xff\x4f\xff\x51", 0, 4 },
    { "an ICO file (icons)" CANNOT, "\0\0\1\0", 0, 4 },
    { "a Photoshop file" CANNOT, "8BPS", 0, 4 },
    { "a GIMP file" CANNOT, "gimp xcf", 0, 8 },
    { "an OpenEXR file" CANNOT, "\x76\x2f\x31\x01", 0, 4 },
    { "a Radiance file (HDR)" CANNOT, "#?RADIANCE", 0, 10 },
    { "a QOI file" CANNOT, "qoif", 0, 4 },
    { "a PAM file" CANNOT, "P7\n", 0, 3 },
    { "a PFM file" CANNOT, "PF\n", 0, 3 },
    { "a PFM file" CANNOT, "Pf\n", 0, 3 },
    { "a NetCDF or HDF file", "\x89HDF", 0, 4 },
    { "a NumPy array", "\x93NUMPY", 0, 6 },
    { "an SVG drawing" CANNOT, "<svg", 0, 4 },
    { "an XML file, perhaps an SVG drawing" CANNOT, "<?xml", 0, 5 },
    { PAGE, "<!DOCTYPE", 0, 9 },
    { PAGE, "<!doctype", 0, 9 },
    { PAGE, "<html", 0, 5 },
    { PAGE, "<HTML", 0, 5 },
    { "a Git LFS pointer; fetch the file it stands for", "version http", 0, 12 },
    { "a JSON file", "{\"", 0, 2 },
    { "a PDF file", "%PDF", 0, 4 },
    { "a RIFF file (sound or film)", "RIFF", 0, 4 },
    { "compressed by gzip; unpack it first", "\x1f\x8b", 0, 2 },
    { "a zip archive; unpack it first", "PK\3\4", 0, 4 },
    { "an AppleDouble file, which macOS puts beside the real one", "\0\5\x16\7", 0, 4 },
};

const char *weft_image_stranger(const uint8_t *head, size_t size)
{
    for (int i = 0; i < WEFT_COUNT(strangers); i++) {
        if (size >= strangers[i].at + strangers[i].length &&
            memcmp(head + strangers[i].at, strangers[i].magic, strangers[i].length) == 0)
            return strangers[i].what;
    }
    return NULL;
}
