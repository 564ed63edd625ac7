/* SPDX-License-Identifier: Apache-2.0
 *
 * One network of weft driven over stdin and stdout, so that bench/peers/peers.py can let weft and its peers take turns
 * run by run. Public interface only.
 *
 *     weft_runner MODEL [--dialect D] [--px N] [--batch N] [--threads N] [--isa I] [--math fast|strict]
 *                       [--mode infer|train] [--device D] [--precision P] [--weights FILE] [--images FILE]
 *
 *     on start    one JSON line: what was built ("ready": true), or why not ("skip": reason)
 *     "run N"     runs the network N times; answers one line of N pairs, wall/processor time in milliseconds
 *     "output F"  runs the network and writes its output to the file F as fp32; answers "ok"
 *     "quit"      ends (so does the end of the input)
 *
 * Weights are random, or of a file; one that is not of this network is no failure ("random": reason). Images are
 * noise, or the fp32 values of a file, N H W C. The output is that before the softmax.
 *
 * On a GPU the images are there already, those of a step, too: after the first, which brings them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weft/weft.h>

typedef struct settings {
    const char *model, *isa, *device, *weights, *images;
    weft_precision precision;
    weft_dialect dialect;
    weft_math math;
    int64_t batch;
    int px, threads;
    bool trains;
} settings;

/* What runs: a model, or a trainer on one batch. */
typedef struct runner {
    weft_model *model; /* the trainer's, of a step */
    weft_trainer *trainer;
    bool stays; /* what a step reads is on the device */
    float *images;
    int32_t *labels;
    char random[400]; /* why the weights are, where a file was named; "": they are the file's */
} runner;

static double now_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

/* A JSON string, quotes and control characters escaped. */
static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static int skip(void)
{
    fputs("{\"skip\": ", stdout);
    print_text(*weft_error() ? weft_error() : "there is no room for the images, or the file holds fewer");
    puts("}");
    return EXIT_SUCCESS; /* the reason is the answer */
}

/* A whole number from 1 to 1,000,000, or 0. */
static int number(const char *text)
{
    char *end;
    const long value = strtol(text, &end, 10);
    return *text && !*end && value >= 1 && value <= 1000000 ? (int)value : 0;
}

static bool parse(int argc, char **argv, settings *s)
{
    if (argc < 2 || argc % 2)
        return false;
    s->model = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        const char *value = argv[i + 1];
        if (strcmp(argv[i], "--dialect") == 0) {
            s->dialect = weft_dialect_parse(value);
            if (s->dialect == WEFT_DIALECT_COUNT)
                return false;
        } else if (strcmp(argv[i], "--math") == 0) {
            s->math = strcmp(value, "strict") == 0 ? WEFT_MATH_STRICT : WEFT_MATH_FAST;
        } else if (strcmp(argv[i], "--isa") == 0) {
            s->isa = value;
        } else if (strcmp(argv[i], "--device") == 0) {
            s->device = value;
        } else if (strcmp(argv[i], "--weights") == 0) {
            s->weights = value;
        } else if (strcmp(argv[i], "--images") == 0) {
            s->images = value;
        } else if (strcmp(argv[i], "--precision") == 0) {
            while (strcmp(value, weft_precision_name(s->precision)) != 0)
                if (++s->precision == WEFT_PRECISION_COUNT)
                    return false;
        } else if (strcmp(argv[i], "--mode") == 0) {
            s->trains = strcmp(value, "train") == 0;
        } else if (strcmp(argv[i], "--px") == 0) {
            s->px = number(value);
        } else if (strcmp(argv[i], "--batch") == 0) {
            s->batch = number(value);
        } else if (strcmp(argv[i], "--threads") == 0) {
            s->threads = number(value);
        } else {
            return false;
        }
    }
    return true;
}

/* Values of -2..2 from a linear congruential generator: what matters is that nothing is denormal. */
static float *draw_images(int64_t count)
{
    float *data = malloc((size_t)count * sizeof *data);
    uint32_t state = 1;
    for (int64_t i = 0; data && i < count; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) * (4.0f / 16777216.0f) - 2.0f;
    }
    return data;
}

/* The images of a file, or NULL: it holds fewer. */
static float *read_images(const char *path, int64_t count)
{
    FILE *file = fopen(path, "rb");
    float *data = file ? malloc((size_t)count * sizeof *data) : NULL;
    const size_t got = data ? fread(data, sizeof *data, (size_t)count, file) : 0;
    if (file)
        fclose(file);
    if (got == (size_t)count)
        return data;
    free(data);
    return NULL;
}

/* Random weights, over which those of a file go. */
static weft_status fill(weft_ctx *ctx, const settings *s, runner *r)
{
    const weft_import_opt opt = { .arch = s->model, .dialect = s->dialect };
    weft_weights *weights = NULL;
    weft_status status = weft_model_init(r->model, 0);
    if (status != WEFT_OK || !s->weights)
        return status;
    status = weft_weights_import(ctx, s->weights, &opt, NULL, &weights);
    if (status == WEFT_OK)
        status = weft_model_load(r->model, weights);
    if (status != WEFT_OK)
        snprintf(r->random, sizeof r->random, "%s", weft_error());
    weft_weights_destroy(weights);
    return WEFT_OK;
}

static weft_status build_model(weft_ctx *ctx, const weft_graph *graph, const settings *s, runner *r)
{
    weft_port_info port;
    weft_status status = weft_model_create(ctx, graph, &(weft_model_opt){ .resident = true }, &r->model);
    if (status == WEFT_OK)
        status = fill(ctx, s, r);
    if (status == WEFT_OK)
        status = weft_model_release_params(r->model);
    if (status == WEFT_OK)
        status = weft_model_input(r->model, 0, &port);
    if (status != WEFT_OK)
        return status;
    const int64_t count = weft_shape_count(&port.shape);
    r->images = s->images ? read_images(s->images, count) : draw_images(count);
    if (!r->images)
        return WEFT_NO_MEMORY;
    return weft_model_set_input(r->model, 0, r->images, (size_t)count * sizeof *r->images);
}

static weft_status build_trainer(weft_ctx *ctx, const weft_graph *graph, const settings *s, const weft_arch *arch,
                                 runner *r)
{
    const weft_train_opt opt = { .optimizer = { .momentum = .9, .decay = 1e-4 } };
    const int64_t px = s->px ? s->px : arch->px;
    const weft_status status = weft_trainer_create(ctx, graph, &opt, &r->trainer);
    if (status != WEFT_OK)
        return status;
    r->model = weft_trainer_model(r->trainer);
    r->images = draw_images(s->batch * px * px * arch->channels);
    r->labels = malloc((size_t)s->batch * sizeof *r->labels);
    for (int64_t i = 0; r->labels && i < s->batch; i++)
        r->labels[i] = (int32_t)(i % arch->classes);
    if (!r->images || !r->labels)
        return WEFT_NO_MEMORY;
    const weft_batch batch = { .images = r->images, .labels = r->labels };
    r->stays = strcmp(weft_ctx_device(ctx), "cpu") != 0;
    return r->stays ? weft_trainer_step(r->trainer, &batch, 1e-3, NULL) : WEFT_OK;
}

/* Builds, plans and fills; *counts are the graph's. */
static weft_status build(weft_ctx *ctx, const settings *s, weft_counts *counts, runner *r)
{
    const weft_arch_opt arch_opt = { .dialect = s->dialect, .batch = s->batch, .px = s->px,
                                      .no_softmax = !s->trains };
    weft_graph *graph = NULL;
    weft_status status = weft_arch_build(ctx, s->model, &arch_opt, &graph);
    if (status == WEFT_OK)
        status = weft_graph_counts(graph, counts);
    if (status == WEFT_OK)
        status = s->trains ? build_trainer(ctx, graph, s, weft_arch_find(s->model, s->dialect), r)
                           : build_model(ctx, graph, s, r);
    weft_graph_destroy(graph);
    return status;
}

static void destroy(runner *r)
{
    if (!r->trainer)
        weft_model_destroy(r->model);
    weft_trainer_destroy(r->trainer);
    free(r->images);
    free(r->labels);
}

static weft_status run_once(const runner *r)
{
    const weft_batch batch = { .images = r->images, .labels = r->labels };
    return r->trainer && !r->stays ? weft_trainer_step(r->trainer, &batch, 1e-3, NULL) : weft_model_run(r->model);
}

/* Wall and processor time of each run, in milliseconds. */
static weft_status answer_times(const runner *r, int count)
{
    for (int i = 0; i < count; i++) {
        const double start = now_ms(CLOCK_MONOTONIC), busy = now_ms(CLOCK_PROCESS_CPUTIME_ID);
        const weft_status status = run_once(r);
        if (status != WEFT_OK)
            return status;
        printf("%s%.4f/%.4f", i ? " " : "", now_ms(CLOCK_MONOTONIC) - start, now_ms(CLOCK_PROCESS_CPUTIME_ID) - busy);
    }
    putchar('\n');
    return WEFT_OK;
}

static weft_status answer_output(const runner *r, const char *path)
{
    weft_port_info port;
    weft_status status = weft_model_run(r->model);
    if (status == WEFT_OK)
        status = weft_model_output(r->model, 0, &port);
    if (status != WEFT_OK)
        return status;
    const size_t count = (size_t)weft_shape_count(&port.shape);
    float *values = malloc(count * sizeof *values);
    status = values ? weft_model_get_output(r->model, 0, values, count * sizeof *values) : WEFT_NO_MEMORY;
    FILE *file = status == WEFT_OK ? fopen(path, "wb") : NULL;
    const bool whole = file && fwrite(values, sizeof *values, count, file) == count;
    const bool closed = file && fclose(file) == 0;
    free(values);
    if (status == WEFT_OK)
        puts(whole && closed ? "ok" : "not written");
    return status;
}

static int serve(const runner *r)
{
    char line[4200];
    while (fgets(line, sizeof line, stdin) && strncmp(line, "quit", 4) != 0) {
        int count = 0;
        weft_status status = WEFT_OK;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "run %d", &count) == 1)
            status = answer_times(r, count);
        else if (strncmp(line, "output ", 7) == 0)
            status = answer_output(r, line + 7);
        fflush(stdout);
        if (status == WEFT_OK)
            continue;
        fprintf(stderr, "weft_runner: %s\n", weft_error());
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    settings s = { .batch = 32 };
    if (!parse(argc, argv, &s)) {
        fprintf(stderr, "usage: weft_runner MODEL [--dialect D] [--px N] [--batch N] [--threads N] [--isa I] "
                        "[--math fast|strict] [--mode infer|train] [--device D] [--precision P] [--weights FILE] "
                        "[--images FILE]\n");
        return 2;
    }
    weft_ctx *ctx;
    runner r = { 0 };
    weft_counts counts;
    weft_memory memory = { 0 };
    const weft_ctx_opt opt = { .device = s.device, .precision = s.precision, .threads = s.threads, .isa = s.isa,
                               .math = s.math };
    if (weft_ctx_create(&opt, &ctx) != WEFT_OK)
        return skip();
    if (build(ctx, &s, &counts, &r) != WEFT_OK) {
        skip();
        destroy(&r);
        weft_ctx_destroy(ctx);
        return EXIT_SUCCESS;
    }
    weft_model_memory(r.model, &memory);
    printf("{\"ready\": true, \"version\": \"%s\", \"isa\": \"%s\", \"threads\": %d, \"macs\": %" PRId64
           ", \"params\": %" PRId64 ", \"peak_bytes\": %zu, \"precision\": \"%s\"",
           weft_version(), weft_ctx_isa(ctx), weft_ctx_threads(ctx), counts.macs, counts.trainable, memory.peak,
           weft_precision_name(weft_ctx_precision(ctx)));
    if (r.random[0]) {
        fputs(", \"random\": ", stdout);
        print_text(r.random);
    }
    puts("}");
    fflush(stdout);
    const int result = serve(&r);
    destroy(&r);
    weft_ctx_destroy(ctx);
    return result;
}
