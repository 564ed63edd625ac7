/* SPDX-License-Identifier: Apache-2.0
 *
 * weft dataset pack: a set of photographs in one file, no larger than training has a use for. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bar.h"
#include "cli/dataset.h"
#include "cli/text.h"

typedef struct pack_args {
    int px, threads;
    const char *quality, *bad_images;
    bool as_stored, json;
    cli_progress progress;
} pack_args;

typedef struct pack {
    const pack_args *args;
    dataset data;
    cli_bar bar;
    double start;
} pack;

static void on_bad(void *user, const char *reason)
{
    const pack *const p = user;
    cli_bar_clear(&p->bar);
    cli_warn("left out: %s", reason);
}

static void on_progress(void *user, int64_t done, int64_t count)
{
    cli_bar_count(&((pack *)user)->bar, done, count, "images");
}

static cli_exit read_quality(const char *text, weft_pack_opt *opt)
{
    char *end;
    opt->raw = strcmp(text, "raw") == 0;
    if (opt->raw)
        return CLI_OK;
    const long quality = strtol(text, &end, 10);
    if (end == text || *end || quality < 1 || quality > 100)
        return cli_error(CLI_USAGE, "--quality: '%s' is neither 1 to 100 nor raw", text);
    opt->quality = (int)quality;
    return CLI_OK;
}

static void print_json(const pack *p, const char *path, const weft_pack_opt *opt, const weft_pack_info *info)
{
    json_t *const root = cli_json_document();
    dataset_put_json(root, p->data.set);
    cli_set_text(root, "pack", path);
    cli_set_count(root, "px", opt->px);
    cli_set_text(root, "quality", p->args->quality);
    cli_set_count(root, "images", info->images);
    cli_set_count(root, "left_out", info->left_out);
    cli_set_count(root, "resized", info->resized);
    cli_set_count(root, "copied", info->copied);
    cli_set_count(root, "bytes", info->bytes);
    cli_set_real(root, "seconds", cli_now() - p->start);
    cli_json_print(root, stdout);
    json_decref(root);
}

static void print_text(const pack *p, const char *path, const weft_pack_info *info)
{
    char size[32];
    cli_put_visible(stdout, path);
    printf(": %" PRId64 " images, %s; %" PRId64 " made smaller, %" PRId64 " JPEG files as they were", info->images,
           cli_bytes_text((double)info->bytes, size), info->resized, info->copied);
    if (info->left_out)
        printf(", %" PRId64 " left out", info->left_out);
    printf("; %.0f images/s\n", (double)info->images / (cli_now() - p->start));
}

static cli_exit write_pack(const cli_call *call, pack *p)
{
    const pack_args *const args = p->args;
    const char *const path = call->words[1];
    weft_pack_opt opt = { .px = args->px, .as_stored = args->as_stored, .threads = args->threads, .bad = on_bad,
                          .progress = on_progress, .user = p };
    weft_pack_info info;
    CLI_TRY(read_quality(args->quality, &opt));
    CLI_TRY(cli_bad_limit("bad-images", args->bad_images, &opt.bad_limit));
    CLI_TRY(dataset_open(call, &p->data));
    p->start = cli_now();
    cli_bar_open(&p->bar, args->progress);
    const weft_status status = weft_pack_write(p->data.ctx, p->data.set, path, &opt, &info);
    cli_bar_clear(&p->bar);
    if (status)
        return cli_library_error(status);
    if (args->json)
        print_json(p, path, &opt, &info);
    else
        print_text(p, path, &info);
    return CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    pack p = { .args = call->args };
    const cli_exit code = write_pack(call, &p);
    dataset_close(&p.data);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    OPT_INT(pack_args, px, 0, "px", "N", "256", 1, 8192,
            "what the shorter side of a larger photograph becomes: some more than the network takes"),
    OPT_TEXT(pack_args, quality, 0, "quality", "Q", "90", NULL,
             "of JPEG, 1 to 100, or raw: pixels, some ten times the bytes and nothing to decode"),
    OPT_BOOL(pack_args, as_stored, 0, "as-stored",
             "do not turn photographs as their EXIF orientation says; a pack keeps no EXIF"),
    OPT_TEXT(pack_args, bad_images, 0, "bad-images", "WHAT", "fail", NULL,
             "fail at the first image that cannot be read, or skip:N, which leaves out up to N of them"),
    OPT_INT(pack_args, threads, 't', "threads", "N", "0", 0, 256, "threads that decode and encode" EACH_CPU),
    ROW_JSON(pack_args),
    ROW_PROGRESS(pack_args, progress, ""),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_dataset_pack = {
    .name = "dataset pack",
    .takes = CLI_TAKES_FILE,
    .min_words = 2,
    .max_words = 2,
    .synopsis = DATASET_SYNOPSIS " OUT",
    .brief = "write a set of photographs as one file, resized",
    .description =
        "Writes all parts of a set of photographs to OUT, which every command takes as DATA. Photographs whose shorter "
        "side is longer than --px pixels are made that small, which spares training most of the decoding; JPEG files "
        "that are small enough go in byte by byte. " DATASET_OPERAND "OUT stands there when it is whole; until then it "
        "is OUT.part. Each image in it has a checksum, which is looked at whenever it is read; weft dataset check "
        "looks at all. The same set gives the same file. What is in it stands in weft-pack(5).",
    .examples = "weft dataset pack imagenet imagenet.pack --threads 16|256 pixels of the shorter side, quality 90\n"
                "weft train resnet50 --data imagenet.pack|train on it\n"
                "weft dataset pack flowers flowers.pack --px 160 --quality raw|nothing to decode",
    .rows = rows,
    .args_size = sizeof(pack_args),
    .run = run,
};
