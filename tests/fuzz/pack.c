/* SPDX-License-Identifier: Apache-2.0
 *
 * Packs. What is behind the checksums must be reached, so that the input, but for one whose first byte is odd, gets the
 * right ones of head and index. What is opened has a class and a part for all of its images; each is either handed out
 * or refused by a sentence that names the file, and one of pixels is as large as it says. */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/context.h"
#include "data/dataset.h"
#include "data/pack.h"
#include "fuzz/fuzz.h"

enum { INDEX_CHECKSUM = 40, CHECKSUM = 60 };
static const size_t floor_bytes = 1 << 20, ratio = 40;
static char path[FUZZ_PATH];

/* Makes the checksums right, where there are such. */
static void mend(uint8_t *data, size_t size)
{
    weft_pack_head head;
    if (size < WEFT_PACK_HEAD)
        return;
    weft_pack_get_head(data, &head);
    if (head.index <= size)
        weft_pack_put_word(data + INDEX_CHECKSUM,
                           (uint32_t)crc32(0, data + head.index, (uInt)(size - (size_t)head.index)));
    weft_pack_put_word(data + CHECKSUM, (uint32_t)crc32(0, data, CHECKSUM));
}

static void look(weft_ctx *ctx, const weft_trainset *set, weft_part part)
{
    for (int64_t i = 0; i < weft_trainset_count(set, part); i++) {
        weft_set_photo photo;
        char name[WEFT_SET_NAME];
        const int label = weft_trainset_label(set, part, i);
        fuzz_check(label >= 0 && label < weft_trainset_classes(set), "an image has a class");
        weft_trainset_name(set, part, i, name, sizeof name);
        if (weft_trainset_fetch(set, weft_trainset_item(set, part, i), &photo) == WEFT_OK) {
            fuzz_check(!photo.width || photo.size == (size_t)photo.width * (size_t)photo.height * 3, "pixels fit");
            weft_free(&ctx->allocator, photo.data);
        } else {
            fuzz_check(strstr(weft_error(), path) != NULL, "the sentence names the file");
        }
    }
}

/* A pack that can be trained on can be evaluated on, too. Images of pixels are read; decoders have targets of their
 * own. */
static void look_at_data(weft_ctx *ctx)
{
    weft_dataset *set = NULL;
    fuzz_check(weft_dataset_open(ctx, path, NULL, &set) == WEFT_OK, "a pack is a data set");
    fuzz_check(weft_dataset_count(set) > 0 && weft_dataset_part_name(set), "of a part with images");
    for (int64_t i = 0; i < weft_dataset_count(set); i++) {
        const char *name;
        int label;
        weft_image image = { 0 };
        fuzz_check(weft_dataset_get(set, i, &name, &label) == WEFT_OK, "an image has a name");
        fuzz_check(label >= 0 && label < weft_dataset_classes(set), "and a class");
        if (!set->packed->sources[0].pack->head.raw)
            continue;
        if (weft_dataset_read(set, &ctx->allocator, i, NULL, &image) == WEFT_OK)
            weft_free(&ctx->allocator, image.pixels);
        else
            fuzz_check(strstr(weft_error(), path) != NULL, "the sentence names the file");
    }
    weft_dataset_destroy(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_memory memory = { .most = floor_bytes + ratio * size };
    weft_ctx ctx = { .allocator = fuzz_allocator(&memory) };
    weft_trainset *set = NULL;
    if (!size)
        return 0;
    fuzz_path("a.pack", path);
    uint8_t *const copy = malloc(size);
    fuzz_check(copy != NULL, "there is memory");
    memcpy(copy, data + 1, size - 1);
    if (data[0] % 2 == 0)
        mend(copy, size - 1);
    fuzz_write("a.pack", copy, size - 1);
    free(copy);
    const weft_status status = weft_trainset_open(&ctx, path, NULL, &set);
    if (status == WEFT_OK) {
        for (int part = 0; part < WEFT_PART_COUNT; part++)
            look(&ctx, set, (weft_part)part);
    } else {
        fuzz_check(status == WEFT_BAD_DATA, "the status is BAD_DATA");
        fuzz_check(strstr(weft_error(), path) != NULL, "the sentence names the file");
    }
    weft_trainset_destroy(set);
    if (status == WEFT_OK)
        look_at_data(&ctx);
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
