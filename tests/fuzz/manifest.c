/* SPDX-License-Identifier: Apache-2.0
 *
 * Manifests of checkpoints. What is behind their digest must be reached, so the input gets the right one: what is read
 * then, written anew, is read as the same. Without it nothing is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/context.h"
#include "fuzz/fuzz.h"
#include "train/checkpoint.h"

static const size_t floor_bytes = 1 << 20, ratio = 200;
static char path[64];

static void remove_it(void)
{
    unlink(path);
}

static void write_file(const void *text, size_t size, const char *end)
{
    FILE *file = fopen(path, "wb");
    fuzz_check(file && fwrite(text, 1, size, file) == size && fputs(end, file) >= 0 && fclose(file) == 0,
               "a file can be written");
}

static weft_status read_it(const weft_allocator *allocator, weft_arena *arena, weft_manifest *out)
{
    weft_arena_init(arena, allocator);
    const weft_status status = weft_manifest_read(arena, path, out);
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
    write_file(text, size, "");
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
    if (!*path) {
        snprintf(path, sizeof path, "/tmp/weft-fuzz-%ld.json", (long)getpid());
        atexit(remove_it);
    }
    weft_bytes_digest(data, size, hash);
    snprintf(end, sizeof end, ",\n\"digest\":\"%s\"}\n", hash);
    write_file(data, size, end);
    if (read_it(&allocator, &arena, &manifest) == WEFT_OK)
        write_again(&allocator, &manifest);
    weft_arena_release(&arena);
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
