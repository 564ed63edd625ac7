/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of tensors as a file may have them, one a line, the first byte of which says how the tensor is shaped: of
 * several networks side by side one is left or asked for, prefixes are dropped, a mean and a deviation are found, and
 * whatever was kept is found by its name. */
#include <math.h>
#include <string.h>

#include "base/context.h"
#include "fuzz/fuzz.h"
#include "weights/names/map.h"
#include "weights/weights.h"

/* Views hold a key for each tensor, and of each view a name with "features." before it. */
static const size_t floor_bytes = 2 << 20, ratio = 2000;

static const weft_shape shapes[] = {
    { 0, { 0 } }, { 1, { 1 } }, { 1, { 3 } }, { 3, { 3, 1, 1 } }, { 2, { 4, 2 } }, { 4, { 4, 2, 1, 1 } },
};

static void add_line(weft_weights *set, const uint8_t *line, size_t length)
{
    void *data = NULL;
    if (length < 2)
        return;
    const weft_shape *shape = &shapes[line[0] % WEFT_COUNT(shapes)];
    const weft_status status =
        weft_weights_room(set, (const char *)line + 1, length - 1, WEFT_F32, shape, &data);
    fuzz_check(status == WEFT_OK || status == WEFT_INVALID, "the status is OK or INVALID");
    for (int64_t i = 0; status == WEFT_OK && i < weft_shape_count(shape) && (shape->rank || i < 1); i++)
        ((float *)data)[i] = (float)(i + line[0]) / 64;
}

static void check_all(const weft_weights *set)
{
    for (int64_t i = 0; i < weft_weights_count(set); i++) {
        weft_weight w, again;
        fuzz_check(weft_weights_get(set, i, &w) == WEFT_OK, "each tensor can be had");
        fuzz_check(weft_weights_find(set, w.name, &again) == WEFT_OK && again.data == w.data, "its name finds it");
    }
}

static void look(weft_ctx *ctx, const weft_weights *set)
{
    weft_arena arena;
    weft_source source;
    weft_arena_init(&arena, &ctx->allocator);
    fuzz_check(weft_source_open(&source, &arena, set) == WEFT_OK, "tensors can be looked up");
    for (const weft_source *view = &source; view; view = view->next) {
        for (int64_t i = 0; i < view->count; i++) {
            const int64_t at = weft_source_find(view, view->key[i]);
            fuzz_check(at >= 0 && strcmp(view->key[at], view->key[i]) == 0, "a key finds a tensor of that key");
        }
    }
    if (source.statistics) {
        double mean[3], std[3];
        bool reversed;
        fuzz_check(weft_statistics_read(&source, mean, std, &reversed) == WEFT_OK, "a mean can be read");
        fuzz_check(isfinite(mean[0]) && isfinite(std[2]), "it is of numbers that were there");
    }
    weft_source_derived(&source);
    weft_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_memory memory = { .most = floor_bytes + ratio * size };
    weft_ctx ctx = { .allocator = fuzz_allocator(&memory) };
    weft_weights *set = NULL;
    const char *key = NULL;
    char text[64];
    fuzz_check(weft_weights_create(&ctx, &set) == WEFT_OK, "a set can be made");
    for (size_t at = 0; at < size;) {
        const uint8_t *end = memchr(data + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - (data + at)) : size - at;
        if (at == 0 && length > 1 && length < sizeof text && data[0] >= 0x80) { /* a key */
            memcpy(text, data + 1, length - 1);
            text[length - 1] = '\0';
            key = text;
        } else {
            add_line(set, data + at, length);
        }
        at += length + 1;
    }
    const int64_t count = weft_weights_count(set);
    const weft_status status = weft_weights_pick(&ctx, "input", key, set);
    fuzz_check(status == WEFT_OK || status == WEFT_BAD_DATA, "the status is OK or BAD_DATA");
    fuzz_check(status == WEFT_OK || weft_weights_count(set) == count, "a set that is refused stays whole");
    fuzz_check(status == WEFT_OK || strncmp(weft_error(), "input: ", 7) == 0, "the sentence names the file");
    check_all(set);
    look(&ctx, set);
    weft_weights_destroy(set);
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
