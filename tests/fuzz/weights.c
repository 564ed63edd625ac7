/* SPDX-License-Identifier: Apache-2.0
 *
 * Weight files: whatever the bytes are, the parser says OK or BAD_DATA (UNSUPPORTED) with the file's name, stays within
 * a multiple of the input's size, leaves nothing behind, and what it hands out can be read to the last byte. */
#include <string.h>

#include "base/context.h"
#include "fuzz/fuzz.h"
#include "weights/weights.h"

enum { FLOATS = 1 << 16, NAME_COUNT = 64 };
/* Memory that an input may need: a deflated entry up to 1032 times its bytes; a pickle's opcode some 100 bytes. */
static const size_t floor_bytes = 1 << 20, ratio = 1100;

static void read_all(const weft_weights *weights)
{
    static float floats[FLOATS];
    weft_weights_digest(weights); /* touches every byte */
    for (int64_t i = 0; i < weft_weights_count(weights); i++) {
        weft_weight w, again;
        fuzz_check(weft_weights_get(weights, i, &w) == WEFT_OK, "each tensor can be had");
        fuzz_check((uintptr_t)w.data % weft_dtype_size(w.dtype) == 0, "data are aligned");
        if (i < NAME_COUNT)
            fuzz_check(weft_weights_find(weights, w.name, &again) == WEFT_OK && again.data == w.data,
                       "names are found");
        if (w.count <= FLOATS)
            fuzz_check(weft_weight_floats(&w, floats) == WEFT_OK, "elements can be converted");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char path[] = "input";
    fuzz_memory memory = { .most = floor_bytes + ratio * size };
    weft_ctx ctx = { .allocator = fuzz_allocator(&memory) };
    weft_file file = { .path = path, .data = ctx.allocator.alloc(ctx.allocator.user, size + 1, 64), .size = size };
    weft_weights *const untouched = (weft_weights *)&memory, *weights = untouched;
    memcpy(file.data, data, size);
    const weft_status status =
        weft_weights_parse(&ctx, &file, &(weft_read_opt){ .format = WEFT_FUZZ_FORMAT }, &weights);
    if (status == WEFT_OK) {
        read_all(weights);
        if (weft_weights_pick(&ctx, path, NULL, weights) == WEFT_OK)
            read_all(weights);
        weft_weights_destroy(weights);
    } else {
        fuzz_check(status == WEFT_BAD_DATA || status == WEFT_UNSUPPORTED, "the status is BAD_DATA or UNSUPPORTED");
        fuzz_check(strncmp(weft_error(), "input: ", 7) == 0, "the sentence begins with the file's name");
        fuzz_check(weights == untouched, "out is untouched");
    }
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
