/* SPDX-License-Identifier: Apache-2.0
 *
 * weft dataset preview: a picture of what training sees. */
#include <stdlib.h>

#include "cli/dataset.h"
#include "cli/text.h"

enum { SIDE = 224, GAP = 2, PAPER = 255, MOST = 64 };

typedef struct preview_args {
    const char *out, *augment;
    weft_part part;
    int px, rows, columns, epoch;
    int64_t seed;
} preview_args;

/* What is drawn has mean 1/2 and deviation 1/2: what erasing sets to the mean is grey. */
static uint8_t shade(float value)
{
    const float x = value * 127.5f + 128;
    return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

static void draw(const float *values, int px, int channels, uint8_t *to, int width)
{
    for (int y = 0; y < px; y++) {
        for (int x = 0; x < px; x++) {
            for (int c = 0; c < 3; c++)
                to[((size_t)y * (size_t)width + (size_t)x) * 3 + (size_t)c] =
                    shade(values[((size_t)y * (size_t)px + (size_t)x) * (size_t)channels +
                                 (size_t)(channels == 3 ? c : 0)]);
        }
    }
}

static weft_status make(const preview_args *args, weft_loader *loader, weft_image *sheet)
{
    const weft_recipe recipe = weft_loader_recipe(loader);
    const int px = recipe.px, step = px + GAP;
    weft_batch batch;
    CLI_TRY_STATUS(weft_loader_seek(loader, args->epoch * weft_loader_steps(loader)));
    CLI_TRY_STATUS(weft_loader_next(loader, &batch));
    sheet->width = args->columns * step + GAP;
    sheet->height = args->rows * step + GAP;
    const size_t bytes = (size_t)sheet->width * (size_t)sheet->height * 3;
    sheet->pixels = cli_alloc(bytes, 1);
    for (size_t i = 0; i < bytes; i++)
        sheet->pixels[i] = PAPER;
    for (int64_t i = 0; i < weft_loader_filled(loader, NULL); i++) {
        const size_t x = (size_t)GAP + (size_t)(i % args->columns) * (size_t)step;
        const size_t y = (size_t)GAP + (size_t)(i / args->columns) * (size_t)step;
        draw(batch.images + (size_t)i * (size_t)px * (size_t)px * (size_t)recipe.channels, px, recipe.channels,
             sheet->pixels + (y * (size_t)sheet->width + x) * 3, sheet->width);
    }
    return WEFT_OK;
}

static cli_exit preview(const cli_call *call, dataset *data, weft_loader **loader, weft_image *sheet)
{
    const preview_args *const args = call->args;
    CLI_TRY_LIBRARY(weft_augment_check(args->augment));
    CLI_TRY(cli_check_output("out", args->out));
    CLI_TRY(dataset_open(call, data));
    const weft_native_size native = weft_trainset_native(data->set);
    const weft_recipe recipe = { .px = args->px           ? args->px
                                       : native.width && native.width == native.height ? native.width
                                                                                       : SIDE,
                                 .fit = WEFT_FIT_CROP, .share = 1, .resample = WEFT_BILINEAR,
                                 .preprocess = WEFT_PREPROCESS_TF };
    const weft_loader_opt opt = { .part = args->part, .batch = (int64_t)args->rows * args->columns, .recipe = &recipe,
                                  .augment = args->augment, .seed = (uint64_t)args->seed, .ahead = 1 };
    CLI_TRY_LIBRARY(weft_loader_create(data->ctx, data->set, &opt, loader));
    CLI_TRY_LIBRARY(make(args, *loader, sheet));
    const weft_status status = weft_image_write(args->out, sheet);
    if (status)
        return cli_library_error(status);
    cli_put_visible(stdout, args->out);
    printf(": %d x %d images of %d x %d pixels\n", args->columns, args->rows,
           weft_loader_recipe(*loader).px, weft_loader_recipe(*loader).px);
    return CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    dataset data = { 0 };
    weft_loader *loader = NULL;
    weft_image sheet = { 0 };
    const cli_exit code = preview(call, &data, &loader, &sheet);
    free(sheet.pixels);
    weft_loader_destroy(loader);
    dataset_close(&data);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    OPT_WORD(CLI_FILE, preview_args, out, 'o', "out", "FILE", "preview.png", NULL, "the PNG file that is written"),
    OPT_TEXT(preview_args, augment, 0, "augment", "TEXT", NULL, NULL,
             "augmentations with commas between, 'crop-pad 4, flip, erase .25'; see weft help augment"),
    OPT_ENUM(preview_args, part, 0, "part", "NAME", "train", "train|val|test", "of which part: train, val or test"),
    OPT_INT(preview_args, px, 0, "px", "N", "0", 0, 1024,
            "pixels of a side that the network takes; 0: the images' own, 224 of photographs"),
    OPT_INT(preview_args, rows, 0, "rows", "N", "8", 1, MOST, "rows of images"),
    OPT_INT(preview_args, columns, 0, "cols", "N", "8", 1, MOST, "images of a row"),
    OPT_INT(preview_args, epoch, 0, "epoch", "N", "0", 0, 100000, "the first batch of this epoch, from 0"),
    OPT_COUNT(preview_args, seed, 0, "seed", "N", "0", 0, OPT_MAX_COUNT, "seed of order and augmentation"),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_dataset_preview = {
    .name = "dataset preview",
    .takes = CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = 1,
    .synopsis = DATASET_SYNOPSIS,
    .brief = "draw what training sees of a set",
    .description =
        "Writes a PNG picture of the first batch of an epoch as training sees it: shuffled, brought to the network's "
        "size, augmented. " DATASET_OPERAND "What is set to the mean (erase) is grey.",
    .examples = "weft dataset preview fashion-mnist --augment 'crop-pad 2, flip, erase .5' -o seen.png|a look before "
                "training\n"
                "weft dataset preview flowers --augment 'resized-crop, flip, randaugment'|photographs",
    .rows = rows,
    .args_size = sizeof(preview_args),
    .run = run,
};
