/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests of checkpoints. What is behind their digest must be reached, so the input gets the right one: what is read
 * then, written anew, is read as the same. Without it nothing is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "fuzz/fuzz.h"
#include "train/checkpoint.h"

static const size_t floor_bytes = 1 << 20, ratio = 200;
static const char name[] = "manifest.json";

static weft_status read_it(const weft_allocator *allocator, weft_arena *arena, weft_manifest *out)
{
    char path[FUZZ_PATH];
    weft_arena_init(arena, allocator);
    const weft_status status = weft_manifest_read(arena, fuzz_path(name, path), out);
    fuzz_check(status == WEFT_OK || status == WEFT_BAD_DATA, "the status is BAD_DATA");
    fuzz_check(status == WEFT_OK || strncmp(weft_error(), path, strlen(path)) == 0, "the sentence names the file");
    return status;
}

static void write_again(const weft_allocator *allocator, const weft_manifest *read)
{
    char *text = NULL;
    size_t size = 0;
    weft_arena arena;
    weft_manifest again;
    fuzz_check(weft_manifest_write(allocator, read, &text, &size) == WEFT_OK, "it can be written");
    fuzz_write(name, text, size);
    weft_free(allocator, text);
    fuzz_check(read_it(allocator, &arena, &again) == WEFT_OK, "and read again");
    fuzz_check(again.count == read->count && again.facts.step == read->facts.step && again.bytes == read->bytes &&
                   again.facts.seed == read->facts.seed,
               "as the same");
    weft_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_memory memory = { .most = floor_bytes + ratio * size };
    const weft_allocator allocator = fuzz_allocator(&memory);
    char hash[WEFT_SHA256_TEXT], end[WEFT_SHA256_TEXT + 32];
    weft_manifest manifest;
    weft_arena arena;
    weft_bytes_digest(data, size, hash);
    const int length = snprintf(end, sizeof end, ",\n\"digest\":\"%s\"}\n", hash);
    char *const text = malloc(size + sizeof end);
    fuzz_check(text != NULL, "there is memory");
    memcpy(text, data, size);
    memcpy(text + size, end, (size_t)length);
    fuzz_write(name, text, size + (size_t)length);
    free(text);
    if (read_it(&allocator, &arena, &manifest) == WEFT_OK)
        write_again(&allocator, &manifest);
    weft_arena_release(&arena);
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
