/* SPDX-License-Identifier: Apache-2.0
 *
 * What every network would launch and move on a GPU, planned without one. costs.txt holds the counts of every row of
 * the registry (A100, fp16, batch 32); the goals are those that the backend was built for. After a change that is
 * meant: cuda_cost PLUGIN costs.txt --write.
 *
 *   cuda_cost PLUGIN COSTS [--write] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "check/harness.h"

static const char *golden;

static weft_ctx *open_target(const char *target, weft_precision precision)
{
    weft_ctx *ctx = NULL;
    CHECK_OK(weft_ctx_create(
        &(weft_ctx_opt){ .device = "cuda", .target = target, .precision = precision, .threads = 1 }, &ctx));
    return ctx;
}

static weft_model *plan(weft_ctx *ctx, const char *name, weft_dialect dialect, int64_t batch)
{
    weft_graph *graph = NULL;
    weft_model *model = NULL;
    CHECK_OK(weft_arch_build(ctx, name, &(weft_arch_opt){ .dialect = dialect, .batch = batch }, &graph));
    CHECK_OK(weft_model_create(ctx, graph, &(weft_model_opt){ .plan_only = true }, &model));
    weft_graph_destroy(graph);
    return model;
}

static double moved(const weft_run_cost *c)
{
    return c->weights + c->read + c->written;
}

static void measure(const char *name, weft_dialect dialect, weft_run_cost *cost, weft_memory *memory)
{
    weft_ctx *ctx = open_target("a100", WEFT_PRECISION_FP16);
    weft_model *model = plan(ctx, name, dialect, 32);
    CHECK_OK(weft_model_cost(model, cost));
    CHECK_OK(weft_model_memory(model, memory));
    weft_model_destroy(model);
    weft_ctx_destroy(ctx);
}

/* One line of the golden file. */
static void line_of(const weft_arch *arch, char *line, size_t size)
{
    weft_run_cost c;
    weft_memory m;
    measure(arch->name, arch->dialect, &c, &m);
    snprintf(line, size, "%s %s launches %d moved %.0f least %.0f tensor %.0f core %.0f arena %zu plans %d", arch->name,
             weft_dialect_name(arch->dialect), c.launches, moved(&c), c.least_bytes, c.tensor_core, c.core, m.arena,
             c.plans);
}

START_TEST(every_network_costs_what_the_file_says)
{
    char line[256], expected[256], key[128];
    line_of(weft_arch_get(_i), line, sizeof line);
    snprintf(key, sizeof key, "%s %s ", weft_arch_get(_i)->name, weft_dialect_name(weft_arch_get(_i)->dialect));
    FILE *file = fopen(golden, "r");
    ck_assert_msg(file != NULL, "%s cannot be read", golden);
    bool found = false;
    while (!found && fgets(expected, sizeof expected, file))
        found = strncmp(expected, key, strlen(key)) == 0;
    fclose(file);
    ck_assert_msg(found, "%s has no line for %s: run with --write", golden, key);
    expected[strcspn(expected, "\n")] = '\0';
    ck_assert_str_eq(line, expected);
}
END_TEST

START_TEST(no_network_copies_or_casts)
{
    const weft_arch *arch = weft_arch_get(_i);
    weft_run_cost c;
    weft_memory m;
    measure(arch->name, arch->dialect, &c, &m);
    ck_assert_msg(c.copies == 0 && c.casts == 0, "%s: %d copies, %d casts", arch->name, c.copies, c.casts);
    ck_assert_uint_le(c.workspace, 64u << 20);
}
END_TEST

/* Zeros: no goal. An excitation is two launches: as one, in which each block found all gates anew, it took up to ten
 * times as long on an H200 (docs/benchmarks.md). */
static const struct goal {
    const char *name;
    int launches;
    double moved_gb, arena_mb, tensor_share;
} goals[] = {
    { "resnet50", 56, 1.05 * 1.80, 135, .999 },         { "resnet101", 107, 0, 135, .999 },
    { "resnet152", 158, 0, 135, .999 },                 { "vgg16", 22, 1.05 * 2.22, 430, .999 },
    { "alexnet", 14, 0, 45, .99 },                      { "mobilenetv2", 54, 1.05 * .885, 110, .93 },
    { "efficientnet-b0", 86, 1.10 * .90, 110, .90 },    { "efficientnet-b4", 167, 1.10 * 6.6, 450, .92 },
    { "efficientnet-b7", 283, 1.10 * 38.9, 1500, .92 }, { "densenet121", 0, 0, 0, .99 },
    { "inception-v3", 0, 0, 0, .99 },
};

START_TEST(goals_are_met)
{
    const struct goal *g = &goals[_i];
    weft_run_cost c;
    weft_memory m;
    measure(g->name, WEFT_DIALECT_DEFAULT, &c, &m);
    const double share = c.tensor_core / (c.tensor_core + c.core);
    ck_assert_msg(!g->launches || c.launches <= g->launches, "%s: %d launches, goal %d", g->name, c.launches,
                  g->launches);
    ck_assert_msg(g->moved_gb <= 0 || moved(&c) <= g->moved_gb * 1e9, "%s: moves %.4f GB, goal %.4f", g->name,
                  moved(&c) / 1e9, g->moved_gb);
    ck_assert_msg(g->arena_mb <= 0 || (double)m.arena <= g->arena_mb * 1e6, "%s: arena %.1f MB, goal %.0f", g->name,
                  (double)m.arena / 1e6, g->arena_mb);
    ck_assert_msg(share >= g->tensor_share, "%s: %.3f %% of FLOPs on tensor cores", g->name, 100 * share);
    ck_assert_int_eq(c.copies + c.casts, 0);
}
END_TEST

/* The launches are the steps' own, in order, and add up to the totals. */
START_TEST(launches_add_up)
{
    weft_ctx *ctx = open_target("h100", WEFT_PRECISION_BF16);
    weft_model *model = plan(ctx, "efficientnet-b0", WEFT_KERAS, 4);
    weft_run_cost c, sum = { 0 };
    weft_launch_info l = { .step = 0 };
    CHECK_OK(weft_model_cost(model, &c));
    ck_assert_int_eq(weft_model_launch_count(model), c.launches);
    for (int i = 0; i < c.launches; i++) {
        const int before = l.step;
        CHECK_OK(weft_model_launch(model, i, &l));
        ck_assert_int_ge(l.step, before);
        ck_assert_int_le(l.step, before + 1);
        ck_assert(l.seconds > 0 && l.read > 0 && l.written > 0);
        sum.read += l.read;
        sum.written += l.written;
        sum.weights += l.weights;
        sum.tensor_core += l.tensor_core;
        sum.core += l.core;
        sum.seconds += l.seconds;
    }
    ck_assert_int_eq(l.step, weft_model_step_count(model) - 1);
    ck_assert(sum.read == c.read && sum.written == c.written && sum.weights == c.weights);
    ck_assert(sum.tensor_core == c.tensor_core && sum.core == c.core && sum.seconds == c.seconds);
    CHECK_FAILS(WEFT_INVALID, weft_model_launch(model, c.launches, &l), "launches 0 to");
    weft_model_destroy(model);
    weft_ctx_destroy(ctx);
}
END_TEST

/* Strict fp32 moves twice the bytes of fp16 and uses no tensor core. */
START_TEST(precisions_differ_as_they_must)
{
    double bytes[WEFT_PRECISION_COUNT];
    for (int p = WEFT_PRECISION_FP32; p < WEFT_PRECISION_COUNT; p++) {
        weft_ctx *ctx = open_target("a100", (weft_precision)p);
        weft_model *model = plan(ctx, "resnet18", WEFT_TORCH, 8);
        weft_run_cost c;
        CHECK_OK(weft_model_cost(model, &c));
        ck_assert_int_eq(weft_ctx_precision(ctx), p);
        ck_assert(p == WEFT_PRECISION_FP32 ? c.tensor_core == 0 : c.tensor_core > c.core);
        bytes[p] = moved(&c);
        weft_model_destroy(model);
        weft_ctx_destroy(ctx);
    }
    ck_assert(bytes[WEFT_PRECISION_FP32] == bytes[WEFT_PRECISION_TF32]);
    ck_assert(bytes[WEFT_PRECISION_FP16] == bytes[WEFT_PRECISION_BF16]);
    ck_assert_double_eq_tol(bytes[WEFT_PRECISION_FP32] / bytes[WEFT_PRECISION_FP16], 2, .01);
}
END_TEST

/* Whole steps on an H100 in fp16: all launches, those that only change a type (packs among them), those of packs, bytes
 * at most. */
static const struct {
    const char *name;
    weft_dialect dialect;
    int launches, casts, packs;
    double gigabytes, arena; /* in gigabytes, too */
} training[] = {
    { "resnet50", WEFT_TORCH, 330, 5, 2, 42.9, 5.5 },
    { "efficientnet-b0", WEFT_KERAS, 398, 6, 3, 27.7, 4.2 },
    { "mobilenetv2", WEFT_KERAS, 330, 5, 2, 22.7, 3.5 },
};

START_TEST(steps_of_training)
{
    weft_ctx *ctx = open_target("h100", WEFT_PRECISION_FP16);
    weft_graph *graph = NULL;
    weft_trainer *trainer = NULL;
    weft_run_cost c;
    weft_launch_info l;
    double written = 0;
    int packs = 0;
    weft_memory memory;
    const weft_arch_opt opt = { .dialect = training[_i].dialect, .batch = 128 };
    CHECK_OK(weft_arch_build(ctx, training[_i].name, &opt, &graph));
    CHECK_OK(weft_trainer_create(ctx, graph, &(weft_train_opt){ .optimizer = { .momentum = .9 },
                                                                .plan_only = true }, &trainer));
    const weft_model *model = weft_trainer_model(trainer);
    CHECK_OK(weft_model_cost(model, &c));
    for (int i = 0; i < c.launches; i++) {
        CHECK_OK(weft_model_launch(model, i, &l));
        ck_assert(l.step >= 0 || (i == packs && l.cast && l.read > l.written && l.written > 0));
        packs += l.step < 0;
        written += l.written;
    }
    ck_assert_int_eq(weft_model_launch_count(model), c.launches);
    ck_assert(written == c.written);
    ck_assert_int_eq(c.launches, training[_i].launches);
    ck_assert_int_eq(c.casts, training[_i].casts);
    ck_assert_int_eq(packs, training[_i].packs);
    ck_assert_double_le(moved(&c), 1e9 * training[_i].gigabytes);
    CHECK_OK(weft_model_memory(model, &memory));
    ck_assert_double_le((double)memory.arena, 1e9 * training[_i].arena);
    ck_assert_int_eq(c.copies, 0);
    weft_trainer_destroy(trainer);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
}
END_TEST

/* A step of ResNet-50 in three quarters of the memory that it would take: how much of it is computed twice. */
static double extra_in_less(const char *without)
{
    const weft_arch_opt opt = { .dialect = WEFT_TORCH, .batch = 32 };
    weft_train_opt how = { .optimizer = { .momentum = .9 }, .plan_only = true, .memory = (size_t)1 << 40 };
    weft_recomputed r = { 0 };
    setenv("WEFT_CUDA_NO", without, 1);
    weft_ctx *ctx = open_target("h100", WEFT_PRECISION_FP16);
    unsetenv("WEFT_CUDA_NO");
    for (int limited = 0; limited < 2; limited++) {
        weft_graph *graph = NULL;
        weft_trainer *trainer = NULL;
        CHECK_OK(weft_arch_build(ctx, "resnet50", &opt, &graph));
        CHECK_OK(weft_trainer_create(ctx, graph, &how, &trainer));
        CHECK_OK(weft_model_recomputed(weft_trainer_model(trainer), &r));
        how.memory = r.plain / 4 * 3;
        weft_trainer_destroy(trainer);
        weft_graph_destroy(graph);
    }
    weft_ctx_destroy(ctx);
    return r.extra / r.flops;
}

/* A norm that is one node with the convolution before it is repeated by itself, from the map. */
START_TEST(what_is_fused_is_not_all_repeated)
{
    const double apart = extra_in_less("sums"), fused = extra_in_less("");
    ck_assert(apart > 0 && fused > 0);
    ck_assert_msg(fused < 1.25 * apart + .001, "%g of the step is repeated, %g with norms apart", fused, apart);
}
END_TEST

START_TEST(what_cannot_be_planned_is_said)
{
    weft_ctx *ctx = NULL;
    CHECK_FAILS(WEFT_NOT_FOUND, weft_ctx_create(&(weft_ctx_opt){ .device = "cuda", .target = "a10o" }, &ctx), "a100");
    CHECK_FAILS(WEFT_INVALID, weft_ctx_create(&(weft_ctx_opt){ .device = "cpu", .target = "a100" }, &ctx), "target");
    CHECK_FAILS(
        WEFT_INVALID,
        weft_ctx_create(&(weft_ctx_opt){ .device = "cuda", .target = "t4", .precision = WEFT_PRECISION_BF16 }, &ctx),
        "bf16");
    ck_assert_ptr_null(ctx);
    ctx = open_target("t4", WEFT_PRECISION_DEFAULT);
    ck_assert_int_eq(weft_ctx_precision(ctx), WEFT_PRECISION_FP32); /* Turing has no TF32 */
    weft_ctx_destroy(ctx);
    ctx = open_target("a100", WEFT_PRECISION_DEFAULT);
    ck_assert_int_eq(weft_ctx_precision(ctx), WEFT_PRECISION_TF32);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(write_the_file)
{
    FILE *file = fopen(golden, "w");
    char line[256];
    ck_assert_msg(file != NULL, "%s cannot be written", golden);
    for (int i = 0; i < weft_arch_count(); i++) {
        line_of(weft_arch_get(i), line, sizeof line);
        fprintf(file, "%s\n", line);
    }
    ck_assert_int_eq(fclose(file), 0);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: %s PLUGIN COSTS [--write]\n", argv[0]);
        return 2;
    }
    setenv("WEFT_CUDA_PLUGIN", argv[1], 1);
    golden = argv[2];
    Suite *suite = suite_create("cuda_cost");
    if (argc > 3 && strcmp(argv[3], "--write") == 0) {
        CHECK_CASE(suite, "write", write_the_file);
        return check_main(suite, "cuda_cost");
    }
    TCase *networks = tcase_create("networks");
    tcase_add_loop_test(networks, every_network_costs_what_the_file_says, 0, weft_arch_count());
    tcase_add_loop_test(networks, no_network_copies_or_casts, 0, weft_arch_count());
    tcase_add_loop_test(networks, goals_are_met, 0, (int)(sizeof goals / sizeof *goals));
    tcase_add_loop_test(networks, steps_of_training, 0, (int)(sizeof training / sizeof *training));
    suite_add_tcase(suite, networks);
    CHECK_CASE(suite, "report", launches_add_up, precisions_differ_as_they_must, what_is_fused_is_not_all_repeated,
               what_cannot_be_planned_is_said);
    return check_main(suite, "cuda_cost");
}
