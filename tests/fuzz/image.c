/* SPDX-License-Identifier: Apache-2.0
 *
 * Images: our decoders, and the glue of libjpeg, libpng, libwebp and libtiff, of which WEFT_FUZZ_DECODE is one. A
 * header of a few bytes may ask for half a gigabyte of pixels; memory is refused from 64 MiB on, so that fuzzing does
 * not spend its time on clearing them. */
#include <string.h>

#include "image/image.h"
#include "fuzz/fuzz.h"

enum { PIXELS = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_memory memory = { .most = (size_t)64 << 20, .refuse = 1 };
    const weft_allocator allocator = fuzz_allocator(&memory);
    const weft_image_file source = { .path = "input", .data = data, .size = size };
    weft_image image = { 0 };
    const size_t limit = weft_image_limit(data, size);
    fuzz_check(limit == 0 || (limit >= WEFT_IMAGE_SMALL && limit <= WEFT_IMAGE_BYTES), "a header bounds its file");
    const weft_status status = WEFT_FUZZ_DECODE(&allocator, &source, &image);
    if (status == WEFT_OK) {
        int sum = 0;
        fuzz_check(image.width > 0 && image.height > 0, "an image has pixels");
        for (int64_t i = 0; i < (int64_t)image.width * image.height * 3 && i < PIXELS; i++)
            sum += image.pixels[i];
        fuzz_check(sum >= 0, "pixels can be read");
        weft_free(&allocator, image.pixels);
    } else {
        fuzz_check(status == WEFT_BAD_DATA || status == WEFT_UNSUPPORTED || status == WEFT_NO_MEMORY,
                   "the status is BAD_DATA, UNSUPPORTED or NO_MEMORY");
        fuzz_check(strncmp(weft_error(), "input: ", 7) == 0, "the sentence begins with the file's name");
        fuzz_check(image.pixels == NULL, "out is untouched");
    }
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
