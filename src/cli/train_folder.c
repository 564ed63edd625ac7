/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder of a run: settings with their origin, what it ran on, metrics of each epoch, scores of each class. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/confusion.h"
#include "cli/replace.h"
#include "cli/table.h"
#include "cli/text.h"
#include "cli/train.h"

enum { RUNS = 10000 };
static const char HEAD[] = "epoch,step,rate,train_loss,train_top1,val_loss,val_top1,val_top5,images_per_second,waiting,"
                           "seconds\n";

static cli_exit make(const char *path, bool fresh)
{
    if (mkdir(path, 0777) == 0 || (errno == EEXIST && !fresh))
        return CLI_OK;
    return cli_error(CLI_CREATE, "%s: cannot be created: %s", path, strerror(errno));
}

/* "runs/resnet18-1", or the next number that is free. */
static cli_exit default_folder(train_run *r)
{
    CLI_TRY(make("runs", false));
    for (int i = 1; i < RUNS; i++) {
        r->folder = cli_format_text("runs/%s-%d", r->arch->name, i);
        if (mkdir(r->folder, 0777) == 0)
            return CLI_OK;
        if (errno != EEXIST)
            return cli_error(CLI_CREATE, "%s: cannot be created: %s", r->folder, strerror(errno));
        free(r->folder);
        r->folder = NULL;
    }
    return cli_error(CLI_CREATE, "train: runs/ has %d runs of %s: name a folder with --out", RUNS, r->arch->name);
}

cli_exit train_make_folder(train_run *r)
{
    if (!r->args->out)
        CLI_TRY(default_folder(r));
    else {
        r->folder = cli_copy(r->args->out);
        char *const last = cli_format_text("%s/checkpoints", r->folder);
        const bool used = access(last, F_OK) == 0;
        free(last);
        if (used)
            return cli_error(CLI_CREATE, "--out %s: there is a run in it: go on with it by --resume %s, or name "
                             "another folder", r->folder, r->folder);
        CLI_TRY(make(r->folder, false));
    }
    return train_open_folder(r);
}

cli_exit train_open_folder(train_run *r)
{
    r->lock = open(r->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->lock < 0)
        return cli_error(errno == ENOENT ? CLI_NOT_FOUND : CLI_IO, "%s: cannot be opened: %s", r->folder,
                         strerror(errno));
    if (flock(r->lock, LOCK_EX | LOCK_NB))
        return cli_error(CLI_UNAVAILABLE, "%s: another process trains into this folder", r->folder);
    r->checkpoints = cli_format_text("%s/checkpoints", r->folder);
    return make(r->checkpoints, false);
}

cli_exit train_write_file(const train_run *r, const char *name, const char *text)
{
    cli_replacement f = cli_replace_begin(r->folder, name);
    if (f.file)
        fputs(text, f.file);
    const bool begun = f.file;
    if (cli_replace_end(&f, true))
        return CLI_OK;
    return cli_error(begun ? CLI_IO : CLI_CREATE, "%s/%s: cannot be %s: %s", r->folder, name,
                     begun ? "written" : "created", strerror(errno));
}

char *train_environment(const train_run *r)
{
    weft_device_info device = { 0 };
    cli_find_device(weft_ctx_device(r->ctx), &device);
    char ranks[32] = "";
    if (weft_ranks_size(r->ranks) > 1)
        snprintf(ranks, sizeof ranks, "ranks %d\n", weft_ranks_size(r->ranks));
    return cli_format_text("weft %s\ndevice %s: %s\nisa %s\nmath %s\nprecision %s\nthreads %d\n%s", weft_version(),
                           weft_ctx_device(r->ctx), device.description, weft_ctx_isa(r->ctx),
                           r->args->ctx.math == WEFT_MATH_STRICT ? "strict" : "fast",
                           weft_precision_name(weft_ctx_precision(r->ctx)), weft_ctx_threads(r->ctx), ranks);
}

/* ---- metrics ---- */

static double share(int64_t part, int64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

static void write_line(const train_run *r, const char *name, const char *head, const char *line)
{
    char *const path = cli_format_text("%s/%s", r->folder, name);
    struct stat facts;
    const bool other = stat(path, &facts) == 0 && !S_ISREG(facts.st_mode); /* a pipe, which opening would wait for */
    FILE *const file = other ? NULL : fopen(path, "a");
    bool failed = !file;
    if (file) {
        fseek(file, 0, SEEK_END);
        if (ftell(file) == 0)
            fputs(head, file);
        fputs(line, file);
        failed = fclose(file) != 0;
    }
    if (failed)
        cli_warn("%s: cannot be written: %s", path, other ? "it is not a regular file" : strerror(errno));
    free(path);
}

void train_log_epoch(const train_run *r, const train_score *train, const train_score *valid, double rate)
{
    const train_state *s = &r->state;
    const double waiting = s->waited + s->between > 0 ? s->waited / (s->waited + s->between) : 0;
    const double speed = train->seconds > 0 ? (double)train->images / train->seconds : 0;
    const double seconds = s->elapsed + cli_now() - r->start;
    char scale[96] = "";
    if (train_is_scaled(r) && r->scale > 0)
        snprintf(scale, sizeof scale, ",\"scale\":%.9g,\"steps_skipped\":%lld", r->scale, (long long)r->skips);
    char *line = cli_format_text("%lld,%lld,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.1f,%.4f,%.1f\n", (long long)s->epochs_done,
                                 (long long)s->step, rate, train->loss, share(train->top1, train->images), valid->loss,
                                 share(valid->top1, valid->images), share(valid->top5, valid->images), speed, waiting,
                                 seconds);
    write_line(r, "metrics.csv", HEAD, line);
    free(line);
    line = cli_format_text("{\"epoch\":%lld,\"step\":%lld,\"rate\":%.9g,\"train_loss\":%.9g,\"train_top1\":%.9g,"
                           "\"val_loss\":%.9g,\"val_top1\":%.9g,\"val_top5\":%.9g,\"images_per_second\":%.1f,"
                           "\"waiting\":%.4f,\"seconds\":%.1f%s}\n", (long long)s->epochs_done, (long long)s->step,
                           rate, train->loss, share(train->top1, train->images), valid->loss,
                           share(valid->top1, valid->images), share(valid->top5, valid->images), speed, waiting,
                           seconds, scale);
    write_line(r, "metrics.jsonl", "", line);
    free(line);
    train_draw_losses(r);
}

/* The step that a line of metrics tells; -1: none. */
static long long step_of(const char *line)
{
    long long epoch, step;
    if (sscanf(line, "%lld,%lld,", &epoch, &step) == 2 ||
        sscanf(line, "{\"epoch\":%lld,\"step\":%lld,", &epoch, &step) == 2)
        return step;
    return -1;
}

static void trim(const train_run *r, const char *name)
{
    char *const path = cli_format_text("%s/%s", r->folder, name);
    FILE *const in = cli_open_if_file(path);
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    free(path);
    if (!in)
        return;
    cli_replacement out = cli_replace_begin(r->folder, name);
    while (out.file && (length = getline(&line, &size, in)) > 0)
        if (line[length - 1] == '\n' && step_of(line) <= r->state.step) /* a half line was cut off by the end */
            fputs(line, out.file);
    free(line);
    fclose(in);
    if (!cli_replace_end(&out, false))
        cli_warn("%s/%s: cannot be written: %s", r->folder, name, strerror(errno));
}

void train_trim_metrics(const train_run *r)
{
    trim(r, "metrics.csv");
    trim(r, "metrics.jsonl");
}

/* ---- classes ---- */

static void write_scores(const train_run *r, FILE *file)
{
    const size_t n = (size_t)r->classes;
    fputs("class,name,images,right,answered,precision,recall,f1\n", file);
    for (size_t i = 0; i < n; i++) {
        int64_t images = 0, answered = 0;
        const int64_t right = r->confusion[i * n + i];
        for (size_t k = 0; k < n; k++) {
            images += r->confusion[i * n + k];
            answered += r->confusion[k * n + i];
        }
        const double precision = share(right, answered), recall = share(right, images);
        fprintf(file, "%zu,", i);
        cli_csv_text(file, weft_trainset_class(r->data, (int)i));
        fprintf(file, ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%.6f,%.6f,%.6f\n", images, right, answered, precision,
                recall, precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0);
    }
}

static void write_pairs(const train_run *r, FILE *file)
{
    const size_t n = (size_t)r->classes;
    fputs("class,name,answered,answered_name,images\n", file);
    for (size_t i = 0; i < n * n; i++) {
        if (!r->confusion[i])
            continue;
        fprintf(file, "%zu,", i / n);
        cli_csv_text(file, weft_trainset_class(r->data, (int)(i / n)));
        fprintf(file, ",%zu,", i % n);
        cli_csv_text(file, weft_trainset_class(r->data, (int)(i % n)));
        fprintf(file, ",%" PRId64 "\n", r->confusion[i]);
    }
}

static const char *class_name(const void *user, int index, char buf[32])
{
    (void)buf;
    return weft_trainset_class(((const train_run *)user)->data, index);
}

static void draw_pairs(const train_run *r, FILE *file)
{
    cli_draw_confusion(&(cli_confusion){ .title = r->arch->name, .classes = r->classes, .counts = r->confusion,
                                         .name = class_name, .user = r }, file);
}

void train_write_classes(const train_run *r)
{
    static const struct {
        const char *name;
        void (*write)(const train_run *r, FILE *file);
    } files[] = { { "classes.csv", write_scores }, { "confusion.csv", write_pairs }, { "confusion.svg", draw_pairs } };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        cli_replacement f = cli_replace_begin(r->folder, files[i].name);
        if (f.file)
            files[i].write(r, f.file);
        if (!cli_replace_end(&f, false))
            cli_warn("%s/%s: cannot be written: %s", r->folder, files[i].name, strerror(errno));
    }
}
