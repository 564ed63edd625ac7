/* SPDX-License-Identifier: Apache-2.0
 *
 * weft dataset bench: how fast training could be fed. First the loader as training has it, with its threads, by the
 * clock and by what the process worked; then its stages one after the other in one thread, each JPEG file also by
 * libjpeg-turbo alone, in turn. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/bar.h"
#include "cli/dataset.h"
#include "cli/text.h"

enum { SIDE = 224, BATCH = 32 };

typedef struct bench_args {
    const char *augment;
    int px, threads, decode;
    weft_part part;
    double seconds;
    int64_t seed;
    cli_view view;
    cli_progress progress;
} bench_args;

typedef struct bench {
    const bench_args *args;
    dataset data;
    weft_loader *loader;
    cli_table *table;
    cli_bar bar;
    int threads;
    int64_t images;       /* by the loader */
    double elapsed, work; /* seconds by the clock, and of the process */
    weft_loader_costs costs;
} bench;

static const cli_column columns[] = {
    { "stage", { "", "stage" }, .flags = CLI_COLUMN_LEFT },
    { "ms", { "ms of", "an image" }, .digits = 3 },
    { "share", { "share", "%" }, .digits = 1 },
    { "rate", { "images/s", "of a core" }, .digits = 0 },
};

/* NULL: none. */
static const char *augment_of(const bench_args *args)
{
    return strcmp(args->augment, "none") == 0 ? NULL : args->augment;
}

/* ---- measuring ---- */

static double worked(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds of each half of the measurement. */
static double half(const bench *b)
{
    return b->args->seconds / 2;
}

/* Batches as training asks for them, but at once. One is made before the clock starts. */
static weft_status run_loader(bench *b)
{
    weft_batch batch;
    CLI_TRY_STATUS(weft_loader_next(b->loader, &batch));
    const double start = cli_now(), before = worked();
    while (b->elapsed < half(b) || b->images == 0) {
        CLI_TRY_STATUS(weft_loader_next(b->loader, &batch));
        b->images += weft_loader_filled(b->loader, NULL);
        b->elapsed = cli_now() - start;
        b->work = worked() - before;
        cli_bar_show(&b->bar, "batches", b->elapsed / b->args->seconds, 0, false);
    }
    return WEFT_OK;
}

/* Stages, in a loader without threads, beside which nothing of this process runs. */
static weft_status run_stages(bench *b)
{
    const double start = cli_now();
    double spent = 0;
    for (int64_t step = 0; spent < half(b) || step == 0; step++) {
        CLI_TRY_STATUS(weft_loader_probe(b->loader, step, &b->costs));
        spent = cli_now() - start;
        cli_bar_show(&b->bar, "stages", .5 + .5 * spent / half(b), 0, false);
    }
    return WEFT_OK;
}

static int64_t batch_of(const bench *b)
{
    const int64_t count = weft_trainset_count(b->data.set, b->args->part);
    return count < BATCH ? count : BATCH;
}

static weft_status open_loader(bench *b, int workers)
{
    const bench_args *const args = b->args;
    const weft_native_size native = weft_trainset_native(b->data.set);
    const bool square = native.width && native.width == native.height;
    const weft_recipe recipe = { .px = args->px ? args->px : square ? native.width : SIDE,
                                 .channels = native.channels ? native.channels : 3, .fit = WEFT_FIT_CROP, .share = 1,
                                 .resample = WEFT_BILINEAR, .preprocess = WEFT_PREPROCESS_TORCH };
    const weft_loader_opt opt = { .part = args->part, .batch = batch_of(b), .recipe = &recipe, .upright = true,
                                  .exact = args->decode, .augment = augment_of(args), .seed = (uint64_t)args->seed,
                                  .workers = workers };
    weft_loader_destroy(b->loader);
    b->loader = NULL;
    return weft_loader_create(b->data.ctx, b->data.set, &opt, &b->loader);
}

static weft_status measure(bench *b)
{
    CLI_TRY_STATUS(open_loader(b, b->threads));
    CLI_TRY_STATUS(run_loader(b));
    CLI_TRY_STATUS(open_loader(b, -1));
    return run_stages(b);
}

/* ---- saying it ---- */

typedef struct stage {
    const char *name, *bound; /* what holds if it takes the most */
    size_t field;
} stage;

static const stage stages[] = {
    { "read", "reading (a pack, weft dataset pack, is read at the disk's pace)",
      offsetof(weft_loader_costs, read) },
    { "decode", "decoding (weft dataset pack makes images that are smaller, or need none)",
      offsetof(weft_loader_costs, decode) },
    { "resize", "resizing", offsetof(weft_loader_costs, resize) },
    { "augment", "augmentation", offsetof(weft_loader_costs, augment) },
    { "convert", "making numbers of pixels", offsetof(weft_loader_costs, convert) },
};
enum { STAGES = sizeof stages / sizeof *stages };

static double seconds_of(const bench *b, const stage *s)
{
    return *(const double *)(const void *)((const char *)&b->costs + s->field);
}

static double all_seconds(const bench *b)
{
    double sum = 0;
    for (int i = 0; i < STAGES; i++)
        sum += seconds_of(b, &stages[i]);
    return sum;
}

static const stage *slowest(const bench *b)
{
    const stage *most = stages;
    for (int i = 1; i < STAGES; i++)
        most = seconds_of(b, &stages[i]) > seconds_of(b, most) ? &stages[i] : most;
    return most;
}

/* Of libjpeg-turbo's pace, in percent: of decoding alone, and of all that is done to an image; 0: no JPEG files. */
static double share_of_pass(const bench *b, bool all)
{
    const weft_loader_costs *const c = &b->costs;
    if (c->jpegs == 0)
        return 0;
    const double own = all ? all_seconds(b) / (double)c->images : c->jpeg_decode / (double)c->jpegs;
    return own > 0 ? 100 * c->jpeg_pass / (double)c->jpegs / own : 0;
}

static void put_row(const bench *b, const char *name, double seconds, int64_t images, double all)
{
    cli_table_add(b->table);
    cli_put_text(b->table, "stage", "%s", name);
    cli_put_number(b->table, "ms", images ? 1e3 * seconds / (double)images : 0);
    if (all > 0)
        cli_put_number(b->table, "share", 100 * seconds / all);
    if (seconds > 0)
        cli_put_number(b->table, "rate", (double)images / seconds);
}

static void fill(const bench *b)
{
    const double all = all_seconds(b);
    for (int i = 0; i < STAGES; i++)
        put_row(b, stages[i].name, seconds_of(b, &stages[i]), b->costs.images, all);
    put_row(b, "all", all, b->costs.images, all);
    if (b->costs.jpegs)
        put_row(b, "libjpeg-turbo alone", b->costs.jpeg_pass, b->costs.jpegs, 0);
}

static void print_json(const bench *b)
{
    json_t *const root = cli_json_document();
    dataset_put_json(root, b->data.set);
    cli_set_count(root, "px", weft_loader_recipe(b->loader).px);
    cli_set_text(root, "augment", b->args->augment);
    cli_set_text(root, "decode", b->args->decode ? "exact" : "fast");
    cli_set_count(root, "threads", b->threads);
    cli_set_count(root, "images", b->images);
    cli_set_real(root, "seconds", b->elapsed);
    cli_set_real(root, "images_per_second", (double)b->images / b->elapsed);
    cli_set_real(root, "images_per_core", (double)b->images / b->work);
    cli_set_real(root, "cores", b->work / b->elapsed);
    json_object_set_new(root, "stages", cli_table_json(b->table));
    cli_set_count(root, "stage_images", b->costs.images);
    cli_set_count(root, "jpegs", b->costs.jpegs);
    if (b->costs.jpegs) {
        cli_set_real(root, "decode_of_libjpeg", share_of_pass(b, false));
        cli_set_real(root, "all_of_libjpeg", share_of_pass(b, true));
    }
    cli_set_text(root, "bound", slowest(b)->name);
    cli_json_print(root, stdout);
    json_decref(root);
}

static void print_text(const bench *b)
{
    const int px = weft_loader_recipe(b->loader).px;
    char *const title = dataset_title(b->data.set);
    cli_table_head(b->table, "%s", title);
    cli_table_head(b->table, "%.0f images/s by %d thread%s, %.0f for each second that a core worked; %d x %d, '%s', %s",
                   (double)b->images / b->elapsed, b->threads, b->threads == 1 ? "" : "s",
                   (double)b->images / b->work, px, px, b->args->augment,
                   b->args->decode ? "decoded exactly" : "decoded as far as needed");
    cli_table_note(b->table, "%.0f %% of it is %s.", 100 * seconds_of(b, slowest(b)) / all_seconds(b),
                   slowest(b)->bound);
    if (b->costs.jpegs)
        cli_table_note(b->table, "libjpeg-turbo, which hands out whole JPEG files: decoding of what is wanted goes at "
                       "%.0f %% of its pace, the whole at %.0f %%.", share_of_pass(b, false), share_of_pass(b, true));
    if (b->work < .7 * b->elapsed * b->threads)
        cli_table_note(b->table, "The threads had %.1f cores: they waited for the disk, or the machine is busy.",
                       b->work / b->elapsed);
    cli_table_print(b->table, &b->args->view, stdout);
    free(title);
}

/* As many as are asked for, or as this process has CPUs. */
static cli_exit count_threads(bench *b)
{
    weft_ctx *ctx;
    b->threads = b->args->threads;
    if (b->threads)
        return CLI_OK;
    CLI_TRY(cli_open_cpu(0, &ctx));
    b->threads = weft_ctx_threads(ctx);
    weft_ctx_destroy(ctx);
    return CLI_OK;
}

static cli_exit examine(const cli_call *call, bench *b)
{
    CLI_TRY(cli_table_choose(b->table, b->args->view.columns));
    CLI_TRY_LIBRARY(weft_augment_check(augment_of(b->args)));
    CLI_TRY(dataset_open(call, &b->data));
    if (weft_trainset_count(b->data.set, b->args->part) == 0)
        return cli_error(CLI_USAGE, "%s has no images in its part '%s'", weft_trainset_path(b->data.set),
                         weft_part_name(b->args->part));
    CLI_TRY(count_threads(b));
    cli_bar_open(&b->bar, b->args->progress);
    const weft_status status = measure(b);
    cli_bar_clear(&b->bar);
    if (status)
        return cli_library_error(status);
    fill(b);
    (b->args->view.format == CLI_FORMAT_JSON ? print_json : print_text)(b);
    return CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    bench b = { .args = call->args, .table = cli_table_create(columns, (int)(sizeof columns / sizeof *columns)) };
    const cli_exit code = examine(call, &b);
    cli_table_destroy(b.table);
    weft_loader_destroy(b.loader);
    dataset_close(&b.data);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    OPT_INT(bench_args, px, 0, "px", "N", "0", 0, 8192,
            "pixels of a side that the network takes; 0: the images' own, 224 of photographs"),
    OPT_TEXT(bench_args, augment, 0, "augment", "TEXT", "resized-crop .08 1, flip", NULL,
             "augmentations with commas between, or none; see weft help augment"),
    OPT_ENUM(bench_args, decode, 0, "decode", "HOW", "fast", "fast|exact",
             "JPEG files as training decodes them, or whole: as the key of recipes"),
    OPT_ENUM(bench_args, part, 0, "part", "NAME", "train", "train|val|test", "of which part: train, val or test"),
    OPT_INT(bench_args, threads, 't', "threads", "N", "0", 0, 256, "threads that make batches" EACH_CPU),
    OPT_REAL(bench_args, seconds, 0, "seconds", "S", "6", .01, 3600, "of measuring, half of them with all threads"),
    OPT_COUNT(bench_args, seed, 0, "seed", "N", "0", 0, OPT_MAX_COUNT, "seed of order and augmentation"),
    ROW_OUTPUT(bench_args),
    ROW_PROGRESS(bench_args, progress, ""),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_dataset_bench = {
    .name = "dataset bench",
    .takes = CLI_TAKES_FILE,
    .min_words = 1,
    .max_words = 1,
    .synopsis = DATASET_SYNOPSIS,
    .brief = "measure how many images a second training could be fed with",
    .description =
        "Makes batches as training does, without training, and prints images per second by the clock and for each "
        "second that a core worked, which other work on the machine hardly moves. Then it times what an image costs, "
        "stage by stage: reading its file, decoding the part that a crop wants, resizing, augmenting, converting. "
        "What takes the most is what bounds it. " DATASET_OPERAND "In turn with each JPEG file's decoding "
        "libjpeg-turbo alone hands out all rows of the same file, reduced alike: the limit of whoever decodes with it. "
        "Files are read as they are found; the second time most come from memory, not from the disk.",
    .examples = "weft dataset bench imagenet --threads 8|can eight cores feed a card?\n"
                "weft dataset bench flowers --augment 'resized-crop, randaugment' --px 160|what augmentation costs",
    .rows = rows,
    .args_size = sizeof(bench_args),
    .run = run,
};
