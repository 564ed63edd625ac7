/* SPDX-License-Identifier: Apache-2.0
 *
 * Every network of the registry, in every dialect, as small as it can be built: differentiated and planned, so that no
 * op on the way lacks a gradient and no parameter its update. With the argument `steps` networks are trained for three
 * steps on one batch, whose loss must fall in each by what the gradient promises: those that are small and the first of
 * each kind and dialect; with `more` those that are left.
 *
 *   train-networks [steps | more] [name]     a pattern as for file names, of all networks; losses are printed */
#include "arch/registry.h"
#include "check/harness.h"

#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "base/rng.h"
#include "program/program.h"

#define DROP 1e-3 /* of the loss in one step: far above its rounding, and so little that it goes down straight */

/* With a gradient longer than STEEP such a step is so short that much of it is lost in the rounding of parameters: it
 * is to be LONGER times as long. Beyond STEEPEST (Inception-v4, seventy norms in a row without a way around them: 4e4)
 * much is lost even so, and the loss is only held to fall. */
#define STEEP 1e3
#define STEEPEST 2e4
#define LONGER 10

/* Multiply-adds of a small network's step, for which each network of a kind is trained in the suite. */
#define SMALL 1e8

/* ENOUGH on a side, and MORE than the least, so that batch norms of the last layers see more than one pixel of each
 * image: else their results are as steep as the batch is small. */
enum { BATCH = 4, CLASSES = 5, ENOUGH = 64, MORE = 32 };

static struct {
    weft_ctx *ctx;
    const char *name;
    bool steps, more;
} test = { .name = NULL };

static bool has_norms(const weft_graph *network)
{
    weft_counts counts;
    CHECK_OK(weft_graph_counts(network, &counts));
    return counts.statistics > 0;
}

/* The network for the smallest image that it, and its auxiliary heads, can have; to be trained, for one with ENOUGH
 * pixels. */
static weft_graph *build(const weft_arch_row *row, int *px)
{
    weft_graph *network = NULL;
    weft_arch_opt small = { .dialect = row->arch.dialect, .batch = BATCH, .px = row->min_px,
                            .aux = row->arch.params_aux != 0, .classes = row->arch.classes == 1000 ? CLASSES : 0 };
    while (weft_arch_build(test.ctx, row->arch.name, &small, &network) == WEFT_INVALID && small.px < row->arch.px)
        small.px += 16;
    ck_assert_msg(network != NULL, "%s: %s", row->arch.name, weft_error());
    if (test.steps && has_norms(network) && small.px + MORE <= row->arch.px) {
        weft_graph_destroy(network);
        small.px = small.px + MORE < ENOUGH ? ENOUGH : small.px + MORE;
        CHECK_OK(weft_arch_build(test.ctx, row->arch.name, &small, &network));
    }
    *px = small.px;
    return network;
}

static weft_trainer *make(const weft_arch_row *row, bool plan_only, int *px)
{
    weft_graph *network = build(row, px);
    weft_trainer *trainer = NULL;
    const weft_train_opt opt = { .seed = check_seed(), .plan_only = plan_only };
    const weft_status status = weft_trainer_create(test.ctx, network, &opt, &trainer);
    ck_assert_msg(status == WEFT_OK, "%s (%s): %s", row->arch.name, weft_dialect_name(row->arch.dialect),
                  weft_error());
    weft_graph_destroy(network);
    return trainer;
}

static bool is_chosen(const weft_arch_row *row)
{
    return !test.name || fnmatch(test.name, row->arch.name, 0) == 0;
}

/* Whether a node that stays changes the parameter. */
static bool is_updated(const weft_graph *graph, int32_t value)
{
    for (int32_t i = 0; i < graph->n_nodes; i++)
        if (!graph->nodes[i].dead && weft_op_kinds[graph->nodes[i].node.id] == WEFT_UPDATE &&
            graph->nodes[i].in[0] == value)
            return true;
    return false;
}

START_TEST(every_parameter_is_trained)
{
    const weft_arch_row *row = &weft_arch_rows[_i];
    if (!is_chosen(row))
        return;
    int px;
    weft_trainer *trainer = make(row, true, &px);
    const weft_graph *graph = weft_trainer_model(trainer)->graph;
    for (int32_t p = 0; p < graph->n_params; p++)
        ck_assert_msg(graph->params[p].spec.statistic || is_updated(graph, graph->params[p].value),
                      "%s (%s): nothing changes %s", row->arch.name, weft_dialect_name(row->arch.dialect),
                      graph->params[p].name);
    weft_memory memory;
    CHECK_OK(weft_model_memory(weft_trainer_model(trainer), &memory));
    ck_assert_uint_gt(memory.arena, 0);
    weft_trainer_destroy(trainer);
}
END_TEST

/* Images of noise around a brightness that the label sets. */
static float *draw_images(const weft_arch_row *row, int px, int32_t labels[BATCH])
{
    const int64_t each = (int64_t)px * px * row->arch.channels;
    float *images = malloc((size_t)(BATCH * each) * sizeof *images);
    ck_assert(images != NULL);
    for (int n = 0; n < BATCH; n++) {
        labels[n] = n % CLASSES;
        weft_rng_fill_uniform(check_seed(), weft_rng_stream(row->arch.name), n * each, each, n - 3, n,
                              images + n * each);
    }
    return images;
}

/* Whether no row before this one has its builder and dialect: depths and widths of one kind of network take the same
 * ops, and minutes. */
static bool is_first_of_its_kind(int index)
{
    for (int i = 0; i < index; i++)
        if (weft_arch_rows[i].build == weft_arch_rows[index].build &&
            weft_arch_rows[i].arch.dialect == weft_arch_rows[index].arch.dialect)
            return false;
    return true;
}

/* Whether the suite trains it each time. */
static bool is_in_short(int index, int px)
{
    const weft_arch *arch = &weft_arch_rows[index].arch;
    const double share = (double)px / arch->px;
    return is_first_of_its_kind(index) || (double)arch->macs * share * share * BATCH < SMALL;
}

/* All steps drop the same elements, so that they see one function. */
static weft_step_result step(weft_trainer *trainer, const weft_batch *batch, double lr)
{
    weft_step_result result;
    weft_trainer_set_position(trainer, 0);
    CHECK_OK(weft_trainer_step(trainer, batch, lr, &result));
    return result;
}

static void hold(const weft_arch_row *row, double before, double after, double drop, double allowed)
{
    const double fell = (before - after) / drop;
    if (test.name)
        printf("%s (%s): loss %.9g, falls by %g of what it should\n", row->arch.name,
               weft_dialect_name(row->arch.dialect), before, fell);
    ck_assert_msg(fabs(fell - 1) < allowed, "%s (%s): loss %g, which fell by %g, expected about %g", row->arch.name,
                  weft_dialect_name(row->arch.dialect), before, before - after, drop);
}

/* A step that stays, which shows the gradient; then three, the first two so short that the loss should fall by `drop`
 * in each. */
static void train(const weft_arch_row *row, weft_trainer *trainer, const weft_batch *batch)
{
    const weft_step_result still = step(trainer, batch, 0);
    const double drop = still.gradient_norm > STEEP ? LONGER * DROP : DROP;
    const double allowed = still.gradient_norm > STEEPEST ? 1 : .5;
    const double lr = drop / (still.gradient_norm * still.gradient_norm);
    double loss = still.loss;
    for (int i = 0; i < 3; i++) {
        const weft_step_result now = step(trainer, batch, i < 2 ? lr : 0);
        if (i == 0)
            ck_assert_msg(now.loss == loss, "%s: loss %.9g, without a change %.9g", row->arch.name, loss, now.loss);
        else
            hold(row, loss, now.loss, drop, allowed);
        loss = now.loss;
    }
}

START_TEST(the_loss_falls)
{
    const weft_arch_row *row = &weft_arch_rows[_i];
    int px;
    int32_t labels[BATCH];
    if (!is_chosen(row))
        return;
    weft_graph_destroy(build(row, &px));
    if (!test.name && is_in_short(_i, px) == test.more)
        return;
    weft_trainer *trainer = make(row, false, &px);
    float *images = draw_images(row, px, labels);
    train(row, trainer, &(weft_batch){ .images = images, .labels = labels });
    free(images);
    weft_trainer_destroy(trainer);
}
END_TEST

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        test.more |= strcmp(argv[i], "more") == 0;
        test.steps |= test.more || strcmp(argv[i], "steps") == 0;
        if (strcmp(argv[i], "more") != 0 && strcmp(argv[i], "steps") != 0)
            test.name = argv[i];
    }
    if (weft_ctx_create(NULL, &test.ctx) != WEFT_OK)
        return 1;
    Suite *suite = suite_create("train-networks");
    TCase *tcase = tcase_create(test.steps ? "steps" : "plans");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, test.steps ? the_loss_falls : every_parameter_is_trained, 0, weft_arch_row_count);
    suite_add_tcase(suite, tcase);
    const int status = check_main(suite, argv[0]);
    weft_ctx_destroy(test.ctx);
    return status;
}
