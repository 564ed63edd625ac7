/* SPDX-License-Identifier: Apache-2.0
 *
 * What tuning on a CPU keeps, and what becomes of it: choices that are forced, since no test can say which kernel is
 * faster here; files that are damaged or another's; and tuning itself, whatever it finds. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/weft.h>

#include "backend/choices.h"
#include "check/harness.h"
#include "program/program.h"

enum { PX = 12, CHANNELS = 32, VALUES = PX * PX * CHANNELS, STEPS = 8, NAME = 64 };

static char folder[] = "/tmp/weft-choices-XXXXXX";
static const char *program;

static weft_ctx *open_with(const weft_ctx_opt *opt)
{
    weft_ctx *ctx = NULL;
    CHECK_OK(weft_ctx_create(opt, &ctx));
    return ctx;
}

static weft_ctx *open_tuned(weft_tuning tuning)
{
    return open_with(&(weft_ctx_opt){ .threads = 1, .tuning = tuning });
}

/* A 3x3 convolution that Winograd takes, and a unit of three layers with a shortcut. */
static weft_graph *draw_graph(weft_ctx *ctx)
{
    weft_graph *g = NULL;
    const weft_shape shape = { 4, { 1, PX, PX, CHANNELS } };
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "image", &shape);
    x = weft_relu(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "a", .out = CHANNELS, .kernel = 3 }));
    weft_var y = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "expand", .out = 64 });
    y = weft_relu6(g, y);
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .name = "depthwise", .kernel = 3, .groups = 64 });
    y = weft_relu6(g, y);
    y = weft_conv2d(g, y, &(weft_conv2d_opt){ .name = "project", .out = CHANNELS });
    weft_output(g, weft_add(g, x, y), "y");
    CHECK_OK(weft_graph_status(g));
    return g;
}

/* The kernels of a network's steps, and what it computes. */
typedef struct result {
    int steps;
    char kernel[STEPS][NAME];
    uint64_t kind[STEPS];
    float y[VALUES];
} result;

static void plan(weft_ctx *ctx, const weft_model_opt *opt, bool run, result *out)
{
    weft_graph *graph = draw_graph(ctx);
    weft_model *model = NULL;
    CHECK_OK(weft_model_create(ctx, graph, opt, &model));
    *out = (result){ .steps = weft_model_step_count(model) };
    ck_assert_int_le(out->steps, STEPS);
    for (int i = 0; i < out->steps; i++) {
        snprintf(out->kernel[i], NAME, "%s", model->steps[i].kernel->name);
        out->kind[i] = weft_node_kind(&model->steps[i].gnode->node);
    }
    if (run) {
        CHECK_OK(weft_model_init(model, 3));
        CHECK_OK(weft_model_feed(model));
        CHECK_OK(weft_model_run(model));
        CHECK_OK(weft_model_get_output(model, 0, out->y, sizeof out->y));
    }
    weft_model_destroy(model);
    weft_graph_destroy(graph);
}

static const weft_model_opt infer = { 0 }, planned = { .plan_only = true };

static int step_with(const result *r, const char *kernel)
{
    for (int i = 0; i < r->steps; i++)
        if (strstr(r->kernel[i], kernel))
            return i;
    return -1;
}

/* The only file in the cache. */
static void find_file(char *path, size_t size)
{
    char command[200];
    snprintf(command, sizeof command, "ls %s/weft/cpu-*", folder);
    FILE *list = popen(command, "r");
    ck_assert(list && fgets(path, (int)size, list));
    pclose(list);
    path[strcspn(path, "\n")] = '\0';
}

static void keep_two(const result *first)
{
    weft_ctx *ctx = open_tuned(WEFT_TUNING_KEPT);
    weft_choices *choices = ctx->device->choices;
    const int winograd = step_with(first, "winograd"), unit = step_with(first, "inverted_residual");
    ck_assert(winograd >= 0 && unit >= 0);
    CHECK_OK(weft_choices_set(choices, first->kind[winograd], "cpu.conv2d.gemm"));
    CHECK_OK(weft_choices_set(choices, first->kind[unit], WEFT_CHOICE_APART));
    CHECK_OK(weft_choices_keep(ctx->device, choices));
    weft_ctx_destroy(ctx);
}

/* Whether a CPU has what the choices are about: the reference alone has not. */
static bool has_kernels(const result *r)
{
    return step_with(r, "winograd") >= 0;
}

START_TEST(choices_are_taken)
{
    weft_ctx *ctx = open_tuned(WEFT_TUNING_NONE);
    result first, tuned, again;
    plan(ctx, &infer, true, &first);
    weft_ctx_destroy(ctx);
    if (!has_kernels(&first))
        return;
    keep_two(&first);

    ctx = open_tuned(WEFT_TUNING_KEPT);
    plan(ctx, &infer, true, &tuned);
    ck_assert_int_eq(tuned.steps, first.steps + 2);
    ck_assert_int_ge(step_with(&tuned, "cpu.conv2d.gemm"), 0);
    ck_assert_int_eq(step_with(&tuned, "winograd"), -1);
    ck_assert_int_eq(step_with(&tuned, "inverted_residual"), -1);
    double worst = 0, largest = 0;
    for (int i = 0; i < VALUES; i++) {
        worst = fmax(worst, fabs((double)tuned.y[i] - (double)first.y[i]));
        largest = fmax(largest, fabs((double)first.y[i]));
    }
    ck_assert(largest > 0 && worst < 1e-4 * largest);
    plan(ctx, &infer, true, &again);
    ck_assert(memcmp(tuned.y, again.y, sizeof again.y) == 0);

    /* steps of training, and models that keep every node, are the same everywhere */
    plan(ctx, &(weft_model_opt){ .plan_only = true, .training = true }, false, &again);
    ck_assert_int_ge(step_with(&again, "winograd"), 0);
    weft_ctx_destroy(ctx);

    setenv("WEFT_CPU_NO", "tuned", 1);
    ctx = open_tuned(WEFT_TUNING_KEPT);
    plan(ctx, &planned, false, &again);
    ck_assert_int_eq(again.steps, first.steps);
    weft_ctx_destroy(ctx);
    setenv("WEFT_CPU_NO", "toned", 1);
    CHECK_FAILS(WEFT_INVALID, weft_ctx_create(NULL, &ctx), "WEFT_CPU_NO: 'toned' is not one of tuned");
    unsetenv("WEFT_CPU_NO");

    /* of another number of threads, and of strict math, nothing was kept */
    for (int i = 0; i < 2; i++) {
        ctx = open_with(&(weft_ctx_opt){ .threads = 2 - i, .math = i ? WEFT_MATH_STRICT : WEFT_MATH_FAST });
        ck_assert_int_eq(ctx->device->choices->count, 0);
        weft_ctx_destroy(ctx);
    }
}
END_TEST

static void warned(void *user, weft_log_level level, const char *message)
{
    if (level == WEFT_LOG_WARN && strstr(message, "is ignored") == NULL)
        ck_abort_msg("%s", message);
    *(int *)user += level == WEFT_LOG_WARN;
}

/* Every byte matters; and so does whose it is. */
START_TEST(files_are_not_trusted)
{
    weft_ctx *ctx = open_tuned(WEFT_TUNING_NONE);
    result first;
    char path[300], other[800], text[2048];
    plan(ctx, &planned, false, &first);
    weft_ctx_destroy(ctx);
    if (!has_kernels(&first))
        return;
    keep_two(&first);
    find_file(path, sizeof path);
    FILE *file = fopen(path, "rb");
    const size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    ck_assert(size > 100 && size < sizeof text);
    for (size_t at = 0; at <= size; at++) {
        int warnings = 0;
        file = fopen(path, "wb");
        text[at] ^= at < size;
        fwrite(text, 1, at % 2 && at < size ? at : size, file); /* cut there, or changed */
        text[at] ^= at < size;
        fclose(file);
        ctx = open_with(&(weft_ctx_opt){ .threads = 1, .log = warned, .log_user = &warnings });
        ck_assert_int_eq(ctx->device->choices->count, at == size ? 2 : 0);
        ck_assert_int_eq(warnings, at != size);
        weft_ctx_destroy(ctx);
    }
    /* the file of a machine with two threads, under the name of one with one */
    ctx = open_with(&(weft_ctx_opt){ .threads = 2 });
    CHECK_OK(weft_choices_set(ctx->device->choices, 7, "cpu.conv2d.gemm"));
    snprintf(other, sizeof other, "mv %s %s.away", path, path);
    ck_assert_int_eq(system(other), 0);
    CHECK_OK(weft_choices_keep(ctx->device, ctx->device->choices));
    weft_ctx_destroy(ctx);
    snprintf(other, sizeof other, "rm %s.away; mv %s/weft/cpu-* %s", path, folder, path);
    ck_assert_int_eq(system(other), 0);
    ctx = open_tuned(WEFT_TUNING_KEPT);
    ck_assert_int_eq(ctx->device->choices->count, 0);
    weft_ctx_destroy(ctx);
    unlink(path);
}
END_TEST

/* A choice of a kernel that errs more, of a reference, or of none that there is, does not hold. */
START_TEST(choices_must_be_as_exact)
{
    static const char *const wrong[] = { "cpu.conv2d.ref", "cpu.conv2d.nonsense", WEFT_CHOICE_APART };
    weft_ctx *ctx = open_with(&(weft_ctx_opt){ .threads = 1, .math = WEFT_MATH_STRICT });
    result first, now;
    plan(ctx, &planned, false, &first);
    for (int i = 0; i < WEFT_COUNT(wrong); i++) {
        CHECK_OK(weft_choices_set(ctx->device->choices, first.kind[0], wrong[i]));
        plan(ctx, &planned, false, &now);
        ck_assert_str_eq(now.kernel[0], first.kernel[0]);
    }
    weft_ctx_destroy(ctx);
    static const weft_kernel exact = { .name = "exact" }, rough = { .name = "rough", .error_factor = 12 },
                             plain = { .name = "plain", .reference = true };
    ck_assert(weft_may_stand_for(&exact, &rough, NULL, NULL) && weft_may_stand_for(&rough, &rough, NULL, NULL));
    ck_assert(!weft_may_stand_for(&rough, &exact, NULL, NULL) && !weft_may_stand_for(&plain, &rough, NULL, NULL));
}
END_TEST

START_TEST(clearly_less_is_best)
{
    static const struct {
        double seconds[3];
        int best;
    } rows[] = { { { 1, 2, 3 }, 0 },        { { 1, .98, .99 }, 0 }, { { 1, .5, .6 }, 1 },
                 { { 1, .9, .8 }, 2 },      { { 1, INFINITY, .5 }, 2 },
                 { { INFINITY, INFINITY, INFINITY }, 0 } };
    for (int i = 0; i < WEFT_COUNT(rows); i++)
        ck_assert_int_eq(weft_tune_best(rows[i].seconds, 3), rows[i].best);
    ck_assert_int_eq(weft_tune_best((const double[]){ 1, .1 }, 1), 0);
}
END_TEST

/* What it finds is the machine's affair: but it is on disk, it is what a later context takes, and no worse exact. */
START_TEST(tuning_keeps_what_it_finds)
{
    weft_ctx *ctx = open_tuned(WEFT_TUNING_NOW);
    result now, later;
    char path[300];
    plan(ctx, &infer, true, &now);
    find_file(path, sizeof path);
    weft_ctx_destroy(ctx);
    ctx = open_tuned(WEFT_TUNING_KEPT);
    plan(ctx, &infer, true, &later);
    weft_ctx_destroy(ctx);
    ck_assert_int_eq(now.steps, later.steps);
    ck_assert(memcmp(now.kernel, later.kernel, sizeof now.kernel) == 0);
    ck_assert(memcmp(now.y, later.y, sizeof now.y) == 0);
    unlink(path);

    const weft_ctx_opt opt = { .threads = 1, .tuning = WEFT_TUNING_NOW };
    weft_graph *graph;
    weft_model *model;
    setenv("XDG_CACHE_HOME", "/dev/null", 1);
    ctx = open_with(&opt);
    graph = draw_graph(ctx);
    CHECK_FAILS(WEFT_IO, weft_model_create(ctx, graph, NULL, &model), "/dev/null");
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    setenv("XDG_CACHE_HOME", folder, 1);
}
END_TEST

static void say(const char *command, char *text, size_t size)
{
    FILE *said = popen(command, "r");
    ck_assert_ptr_nonnull(said);
    text[fread(text, 1, size - 1, said)] = '\0';
    ck_assert_int_eq(pclose(said), 0);
}

/* weft bench says how much of a plan was tuned, and nothing of one that was not. */
static void check_bench(bool tuned)
{
    static const char said[] = "Run as weft tune found on this machine";
    char command[400], text[16384];
    for (int no = 0; no < 2; no++) {
        snprintf(command, sizeof command, "COLUMNS=400 %s%s bench mobilenetv2 --px 32 --threads 1 --batch 1 "
                 "--min-time 0 --reps 1 --warmup 0", no ? "WEFT_CPU_NO=tuned " : "", program);
        say(command, text, sizeof text);
        ck_assert(!strstr(text, said) == (no || !tuned));
    }
    snprintf(command, sizeof command, "%s bench table mobilenetv2 lenet5 --px 32 --threads 1 --batch 1 --min-time 0 "
             "--reps 1 --warmup 0 -o json", program);
    say(command, text, sizeof text);
    ck_assert(!strstr(text, said) == !tuned);
    ck_assert_ptr_nonnull(strstr(text, "\"tuned\": 0")); /* lenet5 */
}

/* weft explain names the kernel that was found, and the first choice beside it. */
START_TEST(explain_shows_both)
{
    weft_ctx *ctx = open_tuned(WEFT_TUNING_KEPT);
    weft_graph *graph = NULL;
    weft_model *model = NULL;
    char command[400], text[16384], path[300];
    CHECK_OK(weft_arch_build(ctx, "mobilenetv2", &(weft_arch_opt){ .px = 32 }, &graph));
    CHECK_OK(weft_model_create(ctx, graph, &planned, &model));
    const weft_step *unit = NULL;
    for (int i = 0; i < weft_model_step_count(model); i++)
        if (strstr(model->steps[i].kernel->name, "inverted_residual"))
            unit = &model->steps[i];
    if (unit)
        CHECK_OK(weft_choices_set(ctx->device->choices, weft_node_kind(&unit->gnode->node), WEFT_CHOICE_APART));
    CHECK_OK(weft_choices_keep(ctx->device, ctx->device->choices));
    find_file(path, sizeof path);
    snprintf(command, sizeof command, "COLUMNS=400 %s explain mobilenetv2 --px 32 --threads 1", program);
    say(command, text, sizeof text);
    check_bench(unit != NULL);
    if (unit) {
        ck_assert_ptr_nonnull(strstr(text, "first choice"));
        char *const line = strstr(text, "cpu.conv2d.depthwise "); /* no refusal */
        ck_assert_ptr_nonnull(line);
        line[strcspn(line, "\n")] = '\0';
        ck_assert_ptr_nonnull(strstr(line, "cpu.inverted_residual.bands"));
    }
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    unlink(path);
}
END_TEST

int main(int argc, char **argv)
{
    char remove[100];
    program = argc > 1 ? argv[1] : "weft";
    Suite *suite = suite_create("choices");
    if (!mkdtemp(folder))
        return EXIT_FAILURE;
    setenv("XDG_CACHE_HOME", folder, 1);
    unsetenv("WEFT_CPU_NO");
    CHECK_CASE(suite, "choices", choices_are_taken, files_are_not_trusted, choices_must_be_as_exact,
               clearly_less_is_best, tuning_keeps_what_it_finds, explain_shows_both);
    const int failed = check_main(suite, argv[0]);
    snprintf(remove, sizeof remove, "rm -rf %s", folder);
    return system(remove) ? EXIT_FAILURE : failed;
}
