/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernels that tuning kept, a file of the cache folder. The input's first byte says what the rest is: the lines of
 * choices, with the right lines before them; all behind a first line with the right size and checksum; or the file as
 * it stands. What is damaged is as if it were not there; what is taken, kept and loaded again, is the same. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/choices.h"
#include "fuzz/fuzz.h"

enum { PATH = 512 };
static const size_t floor_bytes = 1 << 20, ratio = 400;
static char path[PATH], key[PATH]; /* the line that says for which machine it is */
static weft_device device = { .threads = 1 };

/* Keeps one choice, to learn where the file is. */
static void begin(void)
{
    weft_choices choices;
    char inside[FUZZ_PATH];
    fuzz_check(setenv("XDG_CACHE_HOME", fuzz_folder(), 1) == 0, "there is memory");
    snprintf(device.cpu.model, sizeof device.cpu.model, "a CPU");
    weft_choices_init(&choices, device.allocator);
    fuzz_check(weft_choices_set(&choices, 7, "conv2d.gemm") == WEFT_OK, "there is memory");
    fuzz_check(weft_choices_keep(&device, &choices) == WEFT_OK, "a choice can be kept");
    weft_choices_release(&choices);
    DIR *const dir = opendir(fuzz_path("weft", inside));
    const struct dirent *entry = NULL;
    while (dir && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            snprintf(path, sizeof path, "%.250s/%.250s", inside, entry->d_name);
    }
    if (dir)
        closedir(dir);
    FILE *const file = *path ? fopen(path, "rb") : NULL;
    fuzz_check(file && fgets(key, sizeof key, file) && fgets(key, sizeof key, file) && fclose(file) == 0,
               "the file is there");
}

static uint64_t checksum(const uint8_t *data, size_t size)
{
    uint64_t sum = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ data[i]) * UINT64_C(1099511628211);
    return sum;
}

static void write_file(const uint8_t *data, size_t size, int how)
{
    const size_t before = how == 0 ? strlen(key) : 0, all = before + size;
    uint8_t *const body = malloc(all + 1);
    FILE *const file = fopen(path, "wb");
    fuzz_check(body && file, "the file can be written");
    memcpy(body, key, before);
    memcpy(body + before, data, size);
    if (how < 2)
        fprintf(file, "weft-cpu 1 %zu %016" PRIx64 "\n", all, checksum(body, all));
    fuzz_check(fwrite(body, 1, all, file) == all && fclose(file) == 0, "the file can be written");
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_memory memory = { .most = floor_bytes + ratio * size };
    const weft_allocator allocator = fuzz_allocator(&memory);
    bool ignored = false, again_ignored = false;
    weft_choices choices, again;
    if (!size)
        return 0;
    device.allocator = &allocator;
    if (!*path)
        begin();
    write_file(data + 1, size - 1, data[0] % 3);
    weft_choices_init(&choices, &allocator);
    fuzz_check(weft_choices_load(&device, &choices, &ignored) == WEFT_OK, "nothing in a file is an error");
    fuzz_check(!ignored || choices.count == 0, "what is ignored is not there");
    if (!ignored) {
        weft_choices_init(&again, &allocator);
        fuzz_check(weft_choices_keep(&device, &choices) == WEFT_OK, "it can be kept");
        fuzz_check(weft_choices_load(&device, &again, &again_ignored) == WEFT_OK && !again_ignored &&
                       again.count == choices.count,
                   "and loaded as the same");
        weft_choices_release(&again);
    }
    weft_choices_release(&choices);
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
