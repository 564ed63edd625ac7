/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that stand beside weights or images: WEFT_FUZZ_FILE is a hub's config.json or preprocessor_config.json, an
 * index of shards, or labels.txt of a folder of images. The input is written there, in a folder of this process, and
 * what reads it reads it: nothing stays allocated, refusals name the file, and a recipe that comes of it is one. */
#include <string.h>
#include <sys/stat.h>
#include <weft/data.h>

#include "base/context.h"
#include "fuzz/fuzz.h"
#include "weights/names/map.h"
#include "weights/weights.h"

enum { IMAGES = 4 };
static const size_t floor_bytes = 24 << 20, ratio = 400; /* room for labels is taken at once */
static const char *const images[IMAGES] = { "images/a.jpg", "images/b 2.png", "images/n01440764_1.JPEG",
                                            "images/c.webp" };

/* One scalar, "w", and images without bytes: nobody looks into them. */
static void begin(void)
{
    static const char tensor[] = "{\"w\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}       ";
    uint8_t file[8 + sizeof tensor - 1 + 4] = { sizeof tensor - 1 };
    char path[FUZZ_PATH];
    memcpy(file + 8, tensor, sizeof tensor - 1);
    fuzz_write("model.safetensors", file, sizeof file);
    fuzz_check(mkdir(fuzz_path("images", path), 0700) == 0, "a folder can be made");
    for (int i = 0; i < IMAGES; i++)
        fuzz_write(images[i], "", 0);
}

static void check(weft_status status, const char *file)
{
    if (status == WEFT_OK)
        return;
    fuzz_check(status == WEFT_BAD_DATA || status == WEFT_NOT_FOUND || status == WEFT_NO_MEMORY || status == WEFT_IO,
               "the status is of a file");
    fuzz_check(status == WEFT_NO_MEMORY || strstr(weft_error(), file) || strstr(weft_error(), fuzz_folder()),
               "the sentence names the file");
}

static void read_weights(weft_ctx *ctx, const char *path)
{
    weft_weights *set = NULL;
    const weft_status status = weft_weights_read(ctx, path, WEFT_FORMAT_AUTO, &set);
    check(status, WEFT_FUZZ_FILE);
    if (status != WEFT_OK)
        return;
    static const char *const networks[] = { "mobilenetv2", "efficientnet-b0" };
    for (int i = 0; i < 2; i++) {
        weft_recipe recipe, again;
        char text[WEFT_RECIPE_TEXT];
        const weft_arch *arch = weft_arch_find(networks[i], WEFT_DIALECT_DEFAULT);
        if (weft_recipe_asked(set, NULL, WEFT_ORIGIN_TIMM, arch, false, &recipe) == WEFT_OK)
            fuzz_check(weft_recipe_parse(weft_recipe_text(&recipe, text, sizeof text), &again) == WEFT_OK,
                       "a recipe that was made is one");
    }
    weft_weights_destroy(set);
}

static void read_labels(weft_ctx *ctx, const char *labels)
{
    char path[FUZZ_PATH];
    const weft_dataset_opt opt = { .layout = WEFT_DATASET_IMAGENET_VAL, .labels = labels };
    weft_dataset *set = NULL;
    const weft_status status = weft_dataset_open(ctx, fuzz_path("images", path), &opt, &set);
    check(status, WEFT_FUZZ_FILE);
    for (int64_t i = 0; status == WEFT_OK && i < weft_dataset_count(set); i++) {
        const char *image;
        int label;
        fuzz_check(weft_dataset_get(set, i, &image, &label) == WEFT_OK, "each image can be had");
        fuzz_check(label >= 0 && label < weft_dataset_classes(set), "its class is one");
    }
    weft_dataset_destroy(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[FUZZ_PATH];
    static bool begun;
    fuzz_memory memory = { .most = floor_bytes + ratio * size };
    weft_ctx ctx = { .allocator = fuzz_allocator(&memory) };
    if (!begun)
        begin();
    begun = true;
    fuzz_write(WEFT_FUZZ_FILE, data, size);
    fuzz_path(WEFT_FUZZ_FILE, path);
    if (strcmp(WEFT_FUZZ_FILE, "labels.txt") == 0)
        read_labels(&ctx, path);
    else
        read_weights(&ctx, strstr(WEFT_FUZZ_FILE, ".index.") ? path : fuzz_folder());
    fuzz_check(memory.live == 0, "nothing stays allocated");
    return 0;
}
