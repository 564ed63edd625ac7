/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptions of Keras models: whatever the text is, the readers say OK or BAD_DATA with its name, stay within a
 * multiple of its size, leave nothing behind, and the tensors keep names that a file can hold. */
#include <string.h>

#include "base/context.h"
#include "fuzz/fuzz.h"
#include "weights/keras_config.h"

/* Memory that a text may need: a layer of some thirty bytes has a path of 4096 at most, twice. */
static const size_t floor_bytes = 1 << 20, ratio = 400;

static void check(weft_status status)
{
    if (status == WEFT_OK)
        return;
    fuzz_check(status == WEFT_BAD_DATA, "the status is BAD_DATA");
    fuzz_check(strncmp(weft_error(), "input: ", 7) == 0, "the sentence begins with the text's name");
}

static void arrange(weft_ctx *ctx, const uint8_t *data, size_t size, const char *names)
{
    static const char *const tensors[] = { "dense/0", "conv2d_1/0", "model/dense/1", "m/d/0" };
    weft_weights *set = NULL;
    const weft_shape scalar = { 0 };
    fuzz_check(weft_weights_create(ctx, &set) == WEFT_OK && weft_weights_set_meta(set, "keras.names", names) == WEFT_OK,
               "a set can be made");
    for (int i = 0; i < WEFT_COUNT(tensors); i++)
        fuzz_check(weft_weights_add(set, tensors[i], WEFT_F32, &scalar, NULL) == WEFT_OK, "a tensor can be added");
    const weft_status status = weft_keras_arrange("input", data, size, set);
    check(status);
    for (int64_t i = 0; status == WEFT_OK && i < weft_weights_count(set); i++) {
        weft_weight w;
        fuzz_check(weft_weights_get(set, i, &w) == WEFT_OK, "each tensor can be had");
        fuzz_check(weft_weights_check_name(w.name, strlen(w.name)) == WEFT_OK, "its name is one");
    }
    weft_weights_destroy(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_memory memory = { .most = floor_bytes + ratio * size };
    weft_ctx ctx = { .allocator = fuzz_allocator(&memory) };
    weft_weights *set = NULL;
    fuzz_check(weft_weights_create(&ctx, &set) == WEFT_OK, "a set can be made");
    check(weft_keras_describe("input", data, size, set));
    check(weft_keras_version("input", data, size, set));
    weft_weights_destroy(set);
    arrange(&ctx, data, size, "paths");
    arrange(&ctx, data, size, "attributes");
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
