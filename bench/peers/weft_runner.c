/* SPDX-License-Identifier: Apache-2.0
 *
 * One network of weft driven over stdin and stdout, so that bench/peers/peers.py can let weft and its peers take turns
 * run by run. Public interface only.
 *
 *     weft_runner MODEL [--dialect D] [--px N] [--batch N] [--threads N] [--isa I] [--math fast|strict]
 *
 *     on start    one JSON line: what was built ("ready": true), or why not ("skip": reason)
 *     "run N"     runs the network N times; answers one line of N times in milliseconds
 *     "quit"      ends (so does the end of the input) */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weft/weft.h>

typedef struct settings {
    const char *model, *isa;
    weft_dialect dialect;
    weft_math math;
    int64_t batch;
    int px, threads;
} settings;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
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
    print_text(weft_error());
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
static weft_status fill_input(weft_model *model)
{
    weft_port_info port;
    weft_status status = weft_model_input(model, 0, &port);
    if (status != WEFT_OK)
        return status;
    const size_t count = (size_t)weft_shape_count(&port.shape);
    float *data = malloc(count * sizeof *data);
    if (!data)
        return WEFT_NO_MEMORY;
    uint32_t state = 1;
    for (size_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        data[i] = (float)(state >> 8) * (4.0f / 16777216.0f) - 2.0f;
    }
    status = weft_model_set_input(model, 0, data, count * sizeof *data);
    free(data);
    return status;
}

/* Builds, plans and fills the model; *counts are the graph's. */
static weft_status build(weft_ctx *ctx, const settings *s, weft_counts *counts, weft_model **out)
{
    const weft_arch_opt arch_opt = { .dialect = s->dialect, .batch = s->batch, .px = s->px };
    weft_graph *graph = NULL;
    weft_model *model = NULL;
    weft_status status = weft_arch_build(ctx, s->model, &arch_opt, &graph);
    if (status == WEFT_OK)
        status = weft_graph_counts(graph, counts);
    if (status == WEFT_OK)
        status = weft_model_create(ctx, graph, NULL, &model);
    weft_graph_destroy(graph);
    if (status == WEFT_OK)
        status = weft_model_init(model, 0);
    if (status == WEFT_OK)
        status = fill_input(model);
    if (status == WEFT_OK)
        status = weft_model_commit(model);
    if (status != WEFT_OK) {
        weft_model_destroy(model);
        return status;
    }
    *out = model;
    return WEFT_OK;
}

static int serve(weft_model *model)
{
    char line[64];
    while (fgets(line, sizeof line, stdin) && strncmp(line, "quit", 4) != 0) {
        int count = 0;
        if (sscanf(line, "run %d", &count) != 1)
            continue;
        for (int i = 0; i < count; i++) {
            const double start = now_ms();
            if (weft_model_run(model) != WEFT_OK) {
                fprintf(stderr, "weft_runner: %s\n", weft_error());
                return EXIT_FAILURE;
            }
            printf("%s%.4f", i ? " " : "", now_ms() - start);
        }
        putchar('\n');
        fflush(stdout);
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    settings s = { .batch = 32 };
    if (!parse(argc, argv, &s)) {
        fprintf(stderr, "usage: weft_runner MODEL [--dialect D] [--px N] [--batch N] [--threads N] [--isa I] "
                        "[--math fast|strict]\n");
        return 2;
    }
    weft_ctx *ctx;
    weft_model *model;
    weft_counts counts;
    weft_memory memory = { 0 };
    if (weft_ctx_create(&(weft_ctx_opt){ .threads = s.threads, .isa = s.isa, .math = s.math }, &ctx) != WEFT_OK)
        return skip();
    if (build(ctx, &s, &counts, &model) != WEFT_OK) {
        skip();
        weft_ctx_destroy(ctx);
        return EXIT_SUCCESS;
    }
    weft_model_memory(model, &memory);
    printf("{\"ready\": true, \"version\": \"%s\", \"isa\": \"%s\", \"threads\": %d, \"macs\": %" PRId64
           ", \"params\": %" PRId64 ", \"peak_bytes\": %zu}\n",
           weft_version(), weft_ctx_isa(ctx), weft_ctx_threads(ctx), counts.macs, counts.trainable, memory.peak);
    fflush(stdout);
    const int result = serve(model);
    weft_model_destroy(model);
    weft_ctx_destroy(ctx);
    return result;
}
