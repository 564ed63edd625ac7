/* SPDX-License-Identifier: Apache-2.0
 *
 * weft selftest: whether a device computes what the CPU computes, and how fast, for anyone who has a card. One report
 * file holds all of it, to be sent back; docs/cuda.md says how. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/selftest.h"
#include "cli/table.h"
#include "cli/text.h"

/* ---- the report ---- */

enum { MAX_PIECE = 32 };

/* Driver, libraries, card: each with its version, or why it is not there. */
static json_t *pieces_json(int device)
{
    weft_device_piece piece[MAX_PIECE];
    json_t *list = json_array();
    const int n = weft_device_pieces(device, piece, MAX_PIECE);
    for (int i = 0; i < n && i < MAX_PIECE; i++) {
        json_t *row = json_object();
        cli_set_text(row, "what", piece[i].what);
        cli_set_text(row, "library", piece[i].library);
        json_object_set_new(row, "found", json_boolean(piece[i].found));
        cli_set_text(row, "version", piece[i].version);
        cli_set_text(row, "missing", piece[i].missing);
        json_array_append_new(list, row);
    }
    return list;
}

static void say_pieces(const selftest *s, int device)
{
    weft_device_piece piece[MAX_PIECE];
    const int n = weft_device_pieces(device, piece, MAX_PIECE);
    for (int i = 0; i < n && i < MAX_PIECE; i++)
        if (piece[i].found)
            selftest_say(s, "%s %s", piece[i].what, piece[i].version);
}

static json_t *devices_json(void)
{
    json_t *list = json_array();
    for (int i = 0; i < weft_device_count(); i++) {
        weft_device_info info;
        if (weft_device_get(i, &info))
            continue;
        json_t *device = json_object();
        cli_set_text(device, "name", info.name);
        cli_set_text(device, "description", info.description);
        json_object_set_new(device, "available", json_boolean(info.available));
        cli_set_text(device, "missing", info.missing);
        cli_set_count(device, "memory", (int64_t)info.memory);
        json_object_set_new(device, "pieces", pieces_json(i));
        json_array_append_new(list, device);
    }
    return list;
}

static json_t *report_open(selftest *s)
{
    char date[32];
    json_t *root = cli_json_document();
    cli_set_text(root, "report", "weft selftest");
    cli_set_text(root, "weft", weft_version());
    cli_set_text(root, "date", cli_date(date));
    cli_set_text(root, "device", s->args->ctx.device);
    json_object_set_new(root, "quick", json_boolean(s->args->quick));
    json_object_set_new(root, "complete", json_false());
    json_object_set_new(root, "devices", devices_json());
    s->ops = json_array();
    s->networks = json_array();
    s->training = json_array();
    s->speed = json_array();
    json_object_set_new(root, "ops", s->ops);
    json_object_set_new(root, "networks", s->networks);
    json_object_set_new(root, "training", s->training);
    json_object_set_new(root, "speed", s->speed);
    return root;
}

/* The whole report, in the place of the journal. */
static cli_exit report_write(const json_t *root, const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return cli_error(CLI_CREATE, "cannot create %s: %s", path, strerror(errno));
    cli_json_print(root, file);
    const bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        return cli_error(CLI_IO, "cannot write %s: %s", path, strerror(errno));
    return CLI_OK;
}

/* "weft-selftest-2026-01-31.json" */
static char *report_path(const selftest_args *args)
{
    char date[32];
    if (args->report)
        return cli_copy(args->report);
    return cli_format_text("weft-selftest-%.10s.json", cli_date(date));
}

/* Until the report is whole its file has a line for each begin and end of a case, the devices first: a crash leaves
 * what was found before it, and the name of what did not end. */
static cli_exit journal_open(selftest *s, const json_t *root, const char *path)
{
    s->journal = fopen(path, "w");
    if (!s->journal)
        return cli_error(CLI_CREATE, "cannot create %s: %s", path, strerror(errno));
    json_dumpf(root, s->journal, JSON_COMPACT);
    fputc('\n', s->journal);
    fflush(s->journal);
    return CLI_OK;
}

/* ---- the command ---- */

/* In the order in which they are run when none is named: those that networks are run in come first, so that little is
 * lost where time or the card ends early. */
static const weft_precision usual[] = { WEFT_PRECISION_FP16, WEFT_PRECISION_BF16, WEFT_PRECISION_TF32,
                                        WEFT_PRECISION_FP32 };

typedef struct precisions {
    weft_precision list[WEFT_PRECISION_COUNT];
    int count;
    bool chosen; /* one that the device lacks is an error */
} precisions;

static bool find_precision(const char *name, size_t length, weft_precision *out)
{
    for (int p = WEFT_PRECISION_FP32; p < WEFT_PRECISION_COUNT; p++) {
        const char *known = weft_precision_name((weft_precision)p);
        if (strlen(known) == length && strncmp(known, name, length) == 0) {
            *out = (weft_precision)p;
            return true;
        }
    }
    return false;
}

/* "fp16,tf32". A CPU has one, whatever it is called. */
static cli_exit read_precisions(const selftest *s, precisions *out)
{
    *out = (precisions){ .count = 0 };
    if (s->cpu)
        out->list[out->count++] = WEFT_PRECISION_DEFAULT;
    else if (strcmp(s->args->precisions, "default") == 0)
        for (; out->count < (int)(sizeof usual / sizeof *usual); out->count++)
            out->list[out->count] = usual[out->count];
    if (out->count)
        return CLI_OK;
    out->chosen = true;
    for (const char *at = s->args->precisions;; at++) {
        const size_t length = strcspn(at, ",");
        if (out->count == WEFT_PRECISION_COUNT || !find_precision(at, length, &out->list[out->count++]))
            return cli_error(CLI_USAGE, "--precision: '%.*s' is not one of fp32, tf32, fp16, bf16, or is one too many",
                             (int)length, at);
        at += length;
        if (!*at)
            return CLI_OK;
    }
}

static weft_status open_device(const selftest *s, weft_precision precision, weft_ctx **out)
{
    const weft_ctx_opt opt = { .device = s->args->ctx.device, .threads = s->args->ctx.threads,
                               .math = s->cpu ? WEFT_MATH_STRICT : WEFT_MATH_FAST, .precision = precision };
    return weft_ctx_create(&opt, out);
}

/* Every part in one precision. Cards lack some: those are left out, unless they were asked for. */
static cli_exit run_precision(selftest *s, const precisions *all, int index)
{
    static const struct {
        selftest_only only;
        void (*run)(selftest *);
    } parts[] = { { SELFTEST_OPS, selftest_ops },
                  { SELFTEST_NETWORKS, selftest_networks },
                  { SELFTEST_TRAINING, selftest_training },
                  { SELFTEST_SPEED, selftest_speed } };
    const weft_status status = open_device(s, all->list[index], &s->ctx);
    if (status == WEFT_INVALID && !all->chosen) {
        selftest_say(s, "left out: %s", weft_error());
        return CLI_OK;
    }
    if (status)
        return cli_library_error(status);
    s->precision = weft_ctx_precision(s->ctx);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (s->args->only == SELFTEST_ALL || s->args->only == parts[i].only)
            parts[i].run(s);
    weft_ctx_destroy(s->ctx);
    s->ctx = NULL;
    return CLI_OK;
}

static cli_exit run_precisions(selftest *s)
{
    precisions all;
    cli_exit code = read_precisions(s, &all);
    for (int i = 0; !code && i < all.count && !s->stopped[0]; i++)
        code = run_precision(s, &all, i);
    if (!code && s->passed + s->failed + s->measured == 0)
        code = cli_error(CLI_USAGE, "no case has '%s' in its name", s->args->pick ? s->args->pick : "");
    return code;
}

static cli_exit finish(const selftest *s, json_t *root, const char *path)
{
    json_object_set_new(root, "passed", json_integer(s->passed));
    json_object_set_new(root, "failed", json_integer(s->failed));
    json_object_set_new(root, "complete", json_boolean(!s->stopped[0]));
    if (s->stopped[0])
        cli_set_text(root, "stopped", s->stopped);
    const cli_exit code = report_write(root, path);
    if (code)
        return code;
    if (s->args->json)
        cli_json_print(root, stdout);
    if (s->stopped[0])
        selftest_say(s, "stopped after %s: the device computes nothing any more", s->stopped);
    selftest_say(s, "%d of %d tests passed; the report is %s", s->passed, s->passed + s->failed, path);
    if (!s->cpu)
        selftest_say(s, "Please send it: open an issue and attach the file (docs/cuda.md).");
    return s->failed ? CLI_BELOW : CLI_OK;
}

/* The CPU's slowest and plainest kernels, against which everything is held. */
static cli_exit open_reference(selftest *s)
{
    const weft_ctx_opt opt = { .device = "cpu", .threads = s->args->ctx.threads, .isa = "ref",
                               .math = WEFT_MATH_STRICT };
    const weft_status status = weft_ctx_create(&opt, &s->reference);
    return status ? cli_library_error(status) : CLI_OK;
}

static cli_exit find_device(selftest *s)
{
    weft_device_info info;
    weft_ctx *ctx = NULL;
    const weft_status status = open_device(s, WEFT_PRECISION_DEFAULT, &ctx);
    if (status)
        return cli_library_error(status);
    char name[32];
    snprintf(name, sizeof name, "%s", weft_ctx_device(ctx));
    weft_ctx_destroy(ctx);
    if (strcmp(name, "null") == 0)
        return cli_error(CLI_USAGE, "--device null runs nothing that could be tested");
    s->cpu = strcmp(name, "cpu") == 0;
    const int device = cli_find_device(name, &info);
    if (device >= 0) {
        selftest_say(s, "weft %s selftest of %s: %s", weft_version(), name, info.description);
        say_pieces(s, device);
    }
    return CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    const selftest_args *args = call->args;
    selftest s = { .args = args, .loud = !args->json };
    s.cpu = strcmp(args->ctx.device, "cpu") == 0;
    json_t *root = NULL;
    char *path = report_path(args);
    cli_exit code = find_device(&s);
    if (!code)
        code = open_reference(&s);
    if (!code) {
        root = report_open(&s);
        code = journal_open(&s, root, path);
    }
    if (!code)
        code = run_precisions(&s);
    if (s.journal)
        fclose(s.journal);
    if (!code)
        code = finish(&s, root, path);
    weft_ctx_destroy(s.reference);
    json_decref(root);
    free(path);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    ROW_THREADS(selftest_args, "threads"),
    ROW_DEVICE(selftest_args, ctx.device, "cuda", DEVICES_THAT_RUN,
               "cuda, cuda:1, cpu or auto: cuda where there is one, else cpu"),
    OPT_TEXT(selftest_args, precisions, 'p', "precision", "LIST", "default", "default|fp32|tf32|fp16|bf16",
             "fp32, tf32, fp16 or bf16, or some of them in the order to run: fp16,tf32; default: each that the device "
             "has, fp16 first"),
    OPT_ENUM(selftest_args, only, 0, "only", "PART", "all", "all|ops|networks|training|speed",
             "ops, networks, training or speed: this part alone"),
    OPT_TEXT(selftest_args, pick, 0, "case", "TEXT", NULL, NULL, "only cases with TEXT in their name"),
    OPT_BOOL(selftest_args, quick, 0, "quick", "small shapes and small images only: seconds instead of minutes"),
    OPT_FILE(selftest_args, report, 'o', "output", "FILE", NULL, "the report; default: weft-selftest-DATE.json"),
    OPT_BOOL(selftest_args, json, 0, "json", "print the report instead of the summary, too"),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_selftest = {
    .name = "selftest",
    .synopsis = "",
    .brief = "test a device against the CPU, and measure it",
    .description =
        "Runs every operation on a ladder of shapes and a ladder of networks with seeded weights on the device, in "
        "every precision that it has, and holds the results against the CPU: within what the precision and the "
        "length of the sums allow, and with the same bits in three runs. So it does with the losses of four networks "
        "over ten steps of training. Then measures memory bandwidth, the cost "
        "of a launch, and the networks, whole and kernel by kernel, beside the roofline of their plans.\n"
        "\n"
        "A summary goes to standard output, the name of each case before it runs to standard error, everything to "
        "one report file. Until that is whole it has a JSON line for each begin and end of a case, so that a crash "
        "leaves what came before it and the name of its case. A device that computes nothing any more ends the "
        "test. If you ran this on a GPU, please send the report: open an issue and "
        "attach the file. It names the devices and versions of this machine, and nothing else of it.\n"
        "\n"
        "The exit code is 1 if something differs or fails, 69 if there is no such device, with what is missing. With "
        "--device cpu the CPU's vector kernels are held against its plain loops.",
    .examples = "weft selftest|the GPU, in every precision\n"
                "weft selftest --quick --precision fp16 -o report.json|small shapes, one precision\n"
                "weft selftest --only ops --case conv2d/dw|cases of one kind\n"
                "weft selftest --device cpu --quick|try the command where there is no GPU",
    .rows = rows,
    .args_size = sizeof(selftest_args),
    .run = run,
};
