/* SPDX-License-Identifier: Apache-2.0
 *
 * weft dataset stats: the numbers of a set that a recipe wants: mean and deviation, sizes, how uneven classes are. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "cli/dataset.h"
#include "cli/text.h"

enum { SIDE = 224 };

typedef struct stats_args {
    int64_t limit;
    int px;
    bool json;
} stats_args;

typedef struct stats {
    double mean[3], std[3];
    int channels, px;
    int64_t looked_at;
    double width[3], height[3]; /* least, median, most */
    int64_t least, most;        /* images of a class of the training part */
    int rarest, commonest;
} stats;

static void count_classes(const weft_trainset *set, stats *s)
{
    s->least = INT64_MAX;
    for (int i = 0; i < weft_trainset_classes(set); i++) {
        const int64_t n = weft_trainset_class_count(set, WEFT_PART_TRAIN, i);
        if (n < s->least) {
            s->least = n;
            s->rarest = i;
        }
        if (n > s->most) {
            s->most = n;
            s->commonest = i;
        }
    }
}

static void three(double *values, int64_t count, double out[3])
{
    cli_sort_doubles(values, (int)count);
    out[0] = values[0];
    out[1] = cli_quantile(values, (int)count, .5);
    out[2] = values[count - 1];
}

/* Sizes of up to `limit` images of the training part, spread evenly. */
static cli_exit measure_sizes(const dataset *data, int64_t limit, stats *s)
{
    const int64_t all = weft_trainset_count(data->set, WEFT_PART_TRAIN), count = limit && limit < all ? limit : all;
    double *const sizes = cli_alloc((size_t)count * 2, sizeof *sizes);
    weft_status status = WEFT_OK;
    for (int64_t i = 0; !status && i < count; i++) {
        weft_image image = { 0 };
        const int64_t at = (int64_t)((double)i * (double)all / (double)count);
        status = weft_trainset_image(data->set, WEFT_PART_TRAIN, at, &image);
        sizes[i] = image.width;
        sizes[count + i] = image.height;
        weft_image_free(data->ctx, &image);
    }
    if (!status) {
        three(sizes, count, s->width);
        three(sizes + count, count, s->height);
        s->looked_at = count;
    }
    free(sizes);
    return status ? cli_library_error(status) : CLI_OK;
}

static cli_exit measure(const cli_call *call, dataset *data, stats *s)
{
    const stats_args *const args = call->args;
    CLI_TRY(dataset_open(call, data));
    const weft_native_size native = weft_trainset_native(data->set);
    const bool square = native.width && native.width == native.height;
    s->px = args->px ? args->px : square ? native.width : SIDE;
    s->channels = native.channels;
    count_classes(data->set, s);
    if (native.width) {
        for (int i = 0; i < 3; i++) {
            s->width[i] = native.width;
            s->height[i] = native.height;
        }
        s->looked_at = weft_trainset_count(data->set, WEFT_PART_TRAIN);
    } else {
        CLI_TRY(measure_sizes(data, args->limit, s));
    }
    const weft_recipe recipe = { .px = s->px, .resample = WEFT_BILINEAR };
    CLI_TRY_LIBRARY(weft_trainset_measure(data->ctx, data->set, &recipe, native.width ? 0 : args->limit, s->mean,
                                          s->std));
    return CLI_OK;
}

static void print_text(const weft_trainset *set, const stats *s)
{
    char *const title = dataset_title(set), *const rare = cli_visible(weft_trainset_class(set, s->rarest));
    char *const common = cli_visible(weft_trainset_class(set, s->commonest));
    printf("%s\n\n", title);
    printf("%-12s", "mean");
    for (int c = 0; c < s->channels; c++)
        printf(" %.4f", s->mean[c]);
    printf("\n%-12s", "deviation");
    for (int c = 0; c < s->channels; c++)
        printf(" %.4f", s->std[c]);
    printf("   of 0..1, at %d x %d\n", s->px, s->px);
    printf("%-12s %g x %g; least %g x %g, most %g x %g\n", "size", s->width[1], s->height[1], s->width[0], s->height[0],
           s->width[2], s->height[2]);
    printf("%-12s %.1f: '%s' has %" PRId64 " images to train on, '%s' %" PRId64 "\n", "imbalance",
           s->least ? (double)s->most / (double)s->least : (double)INFINITY, common, s->most, rare, s->least);
    free(title);
    free(rare);
    free(common);
}

static void print_json(const weft_trainset *set, const stats *s)
{
    json_t *const root = cli_json_document();
    json_t *const mean = json_array(), *const std = json_array(), *const counts = json_array();
    dataset_put_json(root, set);
    for (int c = 0; c < s->channels; c++) {
        json_array_append_new(mean, json_real(s->mean[c]));
        json_array_append_new(std, json_real(s->std[c]));
    }
    for (int i = 0; i < weft_trainset_classes(set); i++)
        json_array_append_new(counts, json_integer(weft_trainset_class_count(set, WEFT_PART_TRAIN, i)));
    json_object_set_new(root, "mean", mean);
    json_object_set_new(root, "std", std);
    cli_set_count(root, "px", s->px);
    cli_set_count(root, "looked_at", s->looked_at);
    json_object_set_new(root, "width", json_pack("[f, f, f]", s->width[0], s->width[1], s->width[2]));
    json_object_set_new(root, "height", json_pack("[f, f, f]", s->height[0], s->height[1], s->height[2]));
    json_object_set_new(root, "counts", counts);
    cli_set_real(root, "imbalance", s->least ? (double)s->most / (double)s->least : 0);
    cli_json_print(root, stdout);
    json_decref(root);
}

static cli_exit run(const cli_call *call)
{
    const stats_args *const args = call->args;
    dataset data = { 0 };
    stats s = { 0 };
    const cli_exit code = measure(call, &data, &s);
    if (!code)
        (args->json ? print_json : print_text)(data.set, &s);
    dataset_close(&data);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    OPT_COUNT(stats_args, limit, 0, "limit", "N", "2000", 0, OPT_MAX_COUNT,
              "photographs that are looked at, at most, spread evenly over the training part; 0: all"),
    OPT_INT(stats_args, px, 0, "px", "N", "0", 0, 8192,
            "pixels of a side that images are brought to before they are measured; 0: their own, 224 of photographs"),
    ROW_JSON(stats_args),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_dataset_stats = {
    .name = "dataset stats",
    .takes = CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = 1,
    .synopsis = DATASET_SYNOPSIS,
    .brief = "measure mean, deviation, sizes and imbalance of a set",
    .description =
        "Prints the mean and deviation of each channel of the training part, which normalisation wants, the sizes of "
        "the images, and how many times more images the commonest class has than the rarest. " DATASET_OPERAND "Of "
        "photographs a sample is measured; images in memory all are.",
    .examples = "weft dataset stats fashion-mnist|mean and deviation of Zalando's clothes\n"
                "weft dataset stats flowers --limit 0|of every photograph",
    .rows = rows,
    .args_size = sizeof(stats_args),
    .run = run,
};
