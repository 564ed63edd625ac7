/* SPDX-License-Identifier: Apache-2.0
 *
 * From a network to the graph of one training step: the network's twin, a loss behind each output, the gradients of all
 * parameters that are not frozen, and the optimiser's updates, last. */
#include <fnmatch.h>

#include "graph/grad.h"
#include "graph/twin.h"
#include "train/train.h"

bool weft_train_is_frozen(const weft_train_opt *opt, const char *path)
{
    for (int i = 0; i < opt->freeze_count; i++)
        if (fnmatch(opt->freeze[i], path, 0) == 0)
            return true;
    return false;
}

/* A node is frozen if its parameters are. */
static bool is_frozen(void *user, const char *path)
{
    return weft_train_is_frozen(user, path);
}

/* ---- losses ---- */

/* What the last softmax of a head reads: the loss has a softmax of its own. */
static weft_var logits_of(const weft_graph *graph, weft_var output)
{
    const int32_t maker = graph->values[output.id].maker;
    const bool softmax = maker >= 0 && graph->nodes[maker].node.id == WEFT_OP_SOFTMAX;
    return softmax ? (weft_var){ graph->nodes[maker].in[0] } : output;
}

static weft_var target(weft_graph *graph, const weft_train_opt *opt, weft_var labels, const weft_shape *logits)
{
    const weft_one_hot_opt one_hot = { .name = "target", .classes = logits->dim[1], .smoothing = opt->smoothing };
    return opt->targets ? weft_input(graph, WEFT_TARGETS_INPUT, logits) : weft_one_hot(graph, labels, &one_hot);
}

/* The sum of the losses of all heads, and the hits of the first. */
static weft_var losses(weft_graph *graph, const weft_train_opt *opt, const weft_var *heads, int count)
{
    const weft_var first = logits_of(graph, heads[0]);
    const weft_shape shape = weft_var_shape(graph, first), column = weft_shape_nc(shape.dim[0], 1);
    if (shape.rank != 2)
        return weft_graph_fail(graph, WEFT_INVALID, "the network's first output is no classifier's, [N, classes]");
    const weft_var labels = weft_input_of(graph, WEFT_LABELS_INPUT, WEFT_I32, &column);
    const weft_var wanted = target(graph, opt, labels, &shape);
    weft_var sum = { 0 };
    for (int i = 0; i < count; i++) {
        const weft_cross_entropy_opt loss = { .name = "loss",
                                              .weight = i == 0 ? 1 : opt->aux_weight > 0 ? opt->aux_weight : .3 };
        const weft_var one = weft_cross_entropy(graph, logits_of(graph, heads[i]), wanted, &loss);
        sum = i == 0 ? one : weft_add(graph, sum, one);
    }
    weft_output(graph, sum, "loss");
    weft_output(graph, weft_hits(graph, labels, first), "hits");
    return sum;
}

/* ---- updates ---- */

typedef struct update {
    weft_graph *graph;
    const weft_optimizer *how;
    weft_var lr;
} update;

static void sgd(const update *u, const char *path, weft_var parameter, weft_var gradient)
{
    const weft_shape shape = weft_var_shape(u->graph, parameter);
    const weft_sgd_opt opt = { .name = path, .momentum = u->how->momentum, .nesterov = u->how->nesterov,
                               .decay = shape.rank > 1 ? u->how->decay : 0 };
    weft_scope_push(u->graph, "%s", path);
    const weft_var momentum = weft_state(u->graph, "momentum", &shape, WEFT_INIT_ZERO);
    weft_scope_pop(u->graph);
    weft_sgd(u->graph, parameter, momentum, gradient, u->lr, &opt);
}

static void (*const optimizers[WEFT_OPTIMIZER_COUNT])(const update *u, const char *path, weft_var parameter,
                                                      weft_var gradient) = { sgd };

/* ---- the graph ---- */

/* Parameters that are trained, as values: in params[n_params]. */
static int trained(const weft_graph *graph, const weft_train_opt *opt, weft_var *params)
{
    int count = 0;
    for (int32_t i = 0; i < graph->n_params; i++)
        if (!graph->params[i].spec.statistic && !weft_train_is_frozen(opt, graph->params[i].name))
            params[count++] = (weft_var){ graph->params[i].value };
    return count;
}

static weft_status complete(weft_graph *graph, const weft_train_opt *opt, const weft_var *heads, int n_heads)
{
    const weft_shape scalar = { .rank = 1, .dim = { 1 } };
    const weft_var loss = losses(graph, opt, heads, n_heads), none = { 0 };
    const weft_var lr = weft_input(graph, WEFT_LR_INPUT, &scalar);
    weft_var *params = weft_arena_array(&graph->arena, (size_t)graph->n_params, sizeof *params);
    weft_var *gradients = weft_arena_array(&graph->arena, (size_t)graph->n_params, sizeof *gradients);
    if (!params || !gradients)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_graph_status(graph));
    const int count = trained(graph, opt, params);
    if (count == 0)
        return weft_fail(WEFT_INVALID, "nothing is left to train: all parameters are frozen, or there are none");
    WEFT_TRY(weft_graph_grad(graph, &loss, &none, 1, params, count, gradients));
    const update u = { graph, &opt->optimizer, lr };
    weft_scope_push(graph, "optimizer");
    for (int i = 0; i < count; i++)
        if (gradients[i].id)
            optimizers[opt->optimizer.kind](&u, graph->values[params[i].id].name, params[i], gradients[i]);
    weft_scope_pop(graph);
    return weft_graph_status(graph);
}

weft_status weft_train_graph_create(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt,
                                    weft_graph **out)
{
    if (network->n_outputs == 0)
        return weft_fail(WEFT_INVALID, "the network has no output: mark one with weft_output");
    weft_train_opt copy = *opt;
    const weft_twin_opt twin = { opt->batch, opt->seed, is_frozen, &copy };
    weft_graph *graph;
    weft_var *heads = weft_calloc(&ctx->allocator, (size_t)network->n_outputs, sizeof *heads);
    if (!heads)
        return WEFT_NO_MEMORY;
    weft_status status = weft_graph_clone_training(ctx, network, &twin, heads, &graph);
    if (status == WEFT_OK) {
        status = complete(graph, opt, heads, network->n_outputs);
        if (status == WEFT_OK)
            *out = graph;
        else
            weft_graph_destroy(graph);
    }
    weft_free(&ctx->allocator, heads);
    return status;
}
