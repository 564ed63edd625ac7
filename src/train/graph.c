/* SPDX-License-Identifier: Apache-2.0
 *
 * From a network to the graph of one training step: the network's twin, a loss behind each output, the gradients of all
 * parameters that are not frozen, the gate that says whether they are good, and the optimiser's updates, last. */
#include <string.h>

#include "graph/grad.h"
#include "op/activation.h"
#include "op/gate.h"
#include "train/train.h"

static const double MOST_SCALE = 1e30; /* a float has its inverse with all digits */
static const weft_shape SCALAR = { .rank = 1, .dim = { 1 } };

/* ---- the scale of the loss ---- */

weft_loss_scale weft_train_scale(const weft_ctx *ctx, const weft_train_opt *opt)
{
    weft_loss_scale scale = opt->loss_scale;
    if (scale.kind == WEFT_SCALING_AUTO)
        scale.kind = ctx->device->dtype == WEFT_F16 ? WEFT_SCALING_DYNAMIC : WEFT_SCALING_NONE;
    if (scale.factor == 0)
        scale.factor = 65536;
    if (scale.interval == 0)
        scale.interval = 2000;
    return scale;
}

/* The state; the null var: there is no scale. */
static weft_var scale_state(weft_graph *graph, const weft_loss_scale *scale)
{
    static const weft_shape shape = { .rank = 1, .dim = { WEFT_SCALE_NUMBERS } };
    if (scale->kind == WEFT_SCALING_NONE)
        return (weft_var){ 0 };
    const weft_var state = weft_state(graph, WEFT_SCALE_STATE, &shape, WEFT_INIT_ZERO);
    float *const start = weft_arena_array(&graph->arena, WEFT_SCALE_NUMBERS, sizeof *start);
    if (!start)
        return weft_graph_fail(graph, WEFT_NO_MEMORY, "out of memory");
    for (int i = 0; i < WEFT_SCALE_NUMBERS; i++)
        start[i] = i == WEFT_SCALE_FACTOR ? (float)scale->factor : 0;
    if (state.id)
        graph->params[graph->values[state.id].param].spec.values = start;
    return state;
}

/* ---- losses ---- */

/* What the last softmax (or sigmoid, of BCE) of a head reads: the loss has one of its own. */
static weft_var logits_of(const weft_graph *graph, weft_loss loss, weft_var output)
{
    const int32_t maker = graph->values[output.id].maker;
    const weft_gnode *gnode = maker >= 0 ? &graph->nodes[maker] : NULL;
    const bool softmax = gnode && gnode->node.id == WEFT_OP_SOFTMAX && loss != WEFT_LOSS_RBF;
    const bool sigmoid = gnode && gnode->node.id == WEFT_OP_ACTIVATION && loss == WEFT_LOSS_BCE &&
                         ((const weft_activation_opt *)gnode->node.opt)->act == WEFT_ACT_SIGMOID;
    return softmax || sigmoid ? (weft_var){ gnode->in[0] } : output;
}

static weft_var target(weft_graph *graph, const weft_train_opt *opt, weft_var labels, const weft_shape *logits)
{
    const weft_one_hot_opt one_hot = { .name = "target", .classes = logits->dim[1], .smoothing = opt->smoothing };
    return opt->targets ? weft_input(graph, WEFT_TARGETS_INPUT, logits) : weft_one_hot(graph, labels, &one_hot);
}

static weft_var loss_of(weft_graph *graph, const weft_train_opt *opt, weft_var x, weft_var wanted, weft_var scale,
                        double weight)
{
    const weft_rbf_criterion_opt rbf = { "loss", weight, opt->rbf_j };
    const weft_bce_opt bce = { .name = "loss", .weight = weight, .class_weights = opt->class_weights };
    const weft_cross_entropy_opt softmax = { "loss", weight, opt->class_weights };
    const struct {
        weft_op_id op;
        const void *opt;
    } kinds[WEFT_LOSS_COUNT] = {
        [WEFT_LOSS_CROSS_ENTROPY] = { WEFT_OP_CROSS_ENTROPY, &softmax },
        [WEFT_LOSS_BCE] = { WEFT_OP_BCE, &bce },
        [WEFT_LOSS_RBF] = { WEFT_OP_RBF_CRITERION, &rbf },
    };
    const weft_var in[] = { x, wanted, scale };
    return weft_graph_append(graph, kinds[opt->loss].op, kinds[opt->loss].opt, in, scale.id ? 3 : 2);
}

/* The sum of the losses of all heads, and the hits of the first. */
static weft_var losses(weft_graph *graph, const weft_train_opt *opt, weft_var scale, const weft_var *heads, int count)
{
    const weft_var first = logits_of(graph, opt->loss, heads[0]);
    const weft_shape shape = weft_var_shape(graph, first), column = weft_shape_nc(shape.dim[0], 1);
    if (shape.rank != 2)
        return weft_graph_fail(graph, WEFT_INVALID, "the network's first output is no classifier's, [N, classes]");
    const weft_var labels = weft_input_of(graph, WEFT_LABELS_INPUT, WEFT_I32, &column);
    const weft_var wanted = target(graph, opt, labels, &shape);
    weft_var sum = { 0 };
    for (int i = 0; i < count; i++) {
        const double weight = i == 0 ? 1 : opt->aux_weight > 0 ? opt->aux_weight : .3;
        const weft_var one = loss_of(graph, opt, logits_of(graph, opt->loss, heads[i]), wanted, scale, weight);
        sum = i == 0 ? one : weft_add(graph, sum, one);
    }
    weft_output(graph, sum, "loss");
    weft_output(graph, weft_hits(graph, labels, first, &(weft_hits_opt){ .least = opt->loss == WEFT_LOSS_RBF }),
                "hits");
    return sum;
}

/* ---- updates ---- */

typedef struct update {
    weft_graph *graph;
    const weft_optimizer *how;
    const weft_trained_info *info; /* of the parameter */
    const char *path;              /* the node's */
    weft_var lr, go;
} update;

/* A state beside the parameter: "optimizer/<path>/momentum". */
static weft_var state(const update *u, const char *name, weft_init init)
{
    const char *path = weft_arena_text(&u->graph->arena, "%s/%s", u->path, name);
    if (!path)
        return weft_graph_fail(u->graph, WEFT_NO_MEMORY, "out of memory");
    return weft_state(u->graph, path, &u->info->shape, init);
}

static weft_var sgd(const update *u, weft_var parameter, weft_var gradient)
{
    const weft_sgd_opt opt = { .name = u->path, .lr_scale = u->info->lr, .momentum = u->how->momentum,
                               .nesterov = u->how->nesterov, .decay = u->info->decay };
    return weft_sgd(u->graph, parameter, state(u, "momentum", WEFT_INIT_ZERO), gradient, u->lr, u->go, &opt);
}

static weft_var rmsprop(const update *u, weft_var parameter, weft_var gradient)
{
    const weft_rmsprop_opt opt = { .name = u->path, .lr_scale = u->info->lr, .rho = u->how->rho,
                                   .momentum = u->how->momentum, .epsilon = u->how->epsilon,
                                   .decay = u->info->decay };
    const weft_init start = u->how->mean_square_from_zero ? WEFT_INIT_ZERO : WEFT_INIT_ONE;
    return weft_rmsprop(u->graph, parameter, state(u, "mean_square", start), state(u, "momentum", WEFT_INIT_ZERO),
                        gradient, u->lr, u->go, &opt);
}

static weft_var adam(const update *u, weft_var parameter, weft_var gradient)
{
    const weft_adam_opt opt = { .name = u->path, .lr_scale = u->info->lr, .beta1 = u->how->beta1,
                                .beta2 = u->how->beta2, .epsilon = u->how->epsilon, .decay = u->info->decay,
                                .decoupled = u->how->kind == WEFT_ADAMW };
    return weft_adam(u->graph, parameter, state(u, "first", WEFT_INIT_ZERO), state(u, "second", WEFT_INIT_ZERO),
                     gradient, u->lr, u->go, &opt);
}

/* As the authors' code: what does not decay (norms, biases) is not scaled to its size either. */
static weft_var lamb(const update *u, weft_var parameter, weft_var gradient)
{
    const weft_lamb_opt opt = { .name = u->path, .lr_scale = u->info->lr, .beta1 = u->how->beta1,
                                .beta2 = u->how->beta2, .epsilon = u->how->epsilon, .decay = u->info->decay,
                                .fixed_size = u->info->shape.rank < 2 && !u->how->decay_all };
    return weft_lamb(u->graph, parameter, state(u, "first", WEFT_INIT_ZERO), state(u, "second", WEFT_INIT_ZERO),
                     gradient, u->lr, u->go, &opt);
}

static weft_var (*const optimizers[WEFT_OPTIMIZER_COUNT])(const update *u, weft_var parameter, weft_var gradient) = {
    [WEFT_SGD] = sgd, [WEFT_RMSPROP] = rmsprop, [WEFT_ADAM] = adam, [WEFT_ADAMW] = adam, [WEFT_LAMB] = lamb,
};

/* ---- from gradients to updates ---- */

/* What is trained: parameters that have a gradient, with it. */
typedef struct work {
    weft_graph *graph;
    const weft_train_opt *opt;
    const weft_trained_info *infos; /* of the network's parameters */
    int n_infos;
    weft_var *params, *gradients; /* [count] */
    const weft_trained_info **info;
    int count;
    weft_var loss;
    weft_loss_scale scaling;
    weft_var scale;    /* the state, and after the gate what it has become; null: none */
    weft_moves *moves; /* statistics of the forward pass */
} work;

static const weft_trained_info *info_of(const work *w, const char *name)
{
    for (int i = 0; i < w->n_infos; i++)
        if (strcmp(w->infos[i].name, name) == 0)
            return &w->infos[i];
    return NULL;
}

static weft_status find_trained(work *w)
{
    weft_graph *graph = w->graph;
    const size_t n = (size_t)graph->n_params;
    w->params = weft_arena_array(&graph->arena, n, sizeof *w->params);
    w->gradients = weft_arena_array(&graph->arena, n, sizeof *w->gradients);
    w->info = weft_arena_array(&graph->arena, n, sizeof(void *));
    if (!w->params || !w->gradients || !w->info)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < graph->n_params; i++) {
        const weft_trained_info *info = info_of(w, graph->params[i].name);
        if (!info || !info->trained)
            continue;
        w->params[w->count] = (weft_var){ graph->params[i].value };
        w->info[w->count++] = info;
    }
    if (w->count == 0)
        return weft_fail(WEFT_INVALID, "nothing is left to train: all parameters are frozen, or there are none");
    const weft_var none = { 0 };
    WEFT_TRY(weft_graph_grad(graph, &w->loss, &none, 1, w->params, w->count, w->gradients));
    int kept = 0;
    for (int i = 0; i < w->count; i++) { /* what the loss does not depend on stays */
        w->params[kept] = w->params[i];
        w->info[kept] = w->info[i];
        w->gradients[kept] = w->gradients[i];
        kept += w->gradients[i].id != 0;
    }
    w->count = kept;
    return kept ? WEFT_OK : weft_fail(WEFT_INVALID, "the loss depends on no parameter that is trained");
}

static weft_var scalar_state(weft_graph *graph, const char *name)
{
    return weft_state(graph, name, &SCALAR, WEFT_INIT_ZERO);
}

/* The gate of a batch's gradients, which are scaled as the loss is; *norm: of gradients as they are, becomes what it
 * would be of others. */
static weft_gate_vars gate_of_batch(work *w, const char *state, const weft_gate_opt *opt, weft_var *norm)
{
    const weft_var none = { 0 }, count = scalar_state(w->graph, state);
    if (!w->scale.id)
        return weft_gate(w->graph, count, w->loss, *norm, none, opt);
    const weft_scaled_gate_opt how = { .name = opt->name, .clip = opt->clip, .every = opt->every,
                                       .interval = w->scaling.interval,
                                       .fixed = w->scaling.kind == WEFT_SCALING_FIXED };
    const weft_scaled_gate_vars gate = weft_scaled_gate(w->graph, count, w->scale, w->loss, *norm, none, &how);
    w->scale = gate.scale;
    *norm = gate.norm;
    return (weft_gate_vars){ gate.count, gate.go, gate.due };
}

/* Adds the gradients of several batches up, if wanted: they become the means, once a round is complete, and are not
 * scaled any more. *batch: the batch's own gate, whose `due` says whether it is; null vars where every batch is an
 * update. Gives the norm of this batch's gradients. */
static weft_var accumulate(work *w, weft_gate_vars *batch)
{
    weft_graph *graph = w->graph;
    const int every = w->opt->accumulate;
    const weft_var none = { 0 };
    *batch = (weft_gate_vars){ none, none, none };
    if (every <= 1)
        return none;
    const weft_gate_opt how = { .name = "optimizer/batch", .every = every };
    weft_var norm = weft_gradient_norm(graph, w->gradients, w->count);
    const weft_gate_vars gate = gate_of_batch(w, WEFT_BATCHES_STATE, &how, &norm);
    for (int i = 0; i < w->count; i++) {
        const char *path = weft_arena_text(&graph->arena, "optimizer/%s/sum", w->info[i]->name);
        if (!path)
            return weft_graph_fail(graph, WEFT_NO_MEMORY, "out of memory");
        const weft_var sum = weft_state(graph, path, &w->info[i]->shape, WEFT_INIT_ZERO);
        const weft_accumulate_opt opt = { .name = path, .every = every };
        w->gradients[i] = weft_accumulate(graph, sum, w->gradients[i], gate.go, &opt);
    }
    *batch = gate;
    return norm;
}

/* go: of gradients that are scaled, else null. */
static weft_var clip(const work *w, int i, weft_var go)
{
    const char *path = weft_arena_text(&w->graph->arena, "optimizer/%s/clip", w->info[i]->name);
    if (!path)
        return weft_graph_fail(w->graph, WEFT_NO_MEMORY, "out of memory");
    const weft_clip_opt opt = { path, w->opt->clip_value };
    return weft_graph_append(w->graph, WEFT_OP_CLIP, &opt, (const weft_var[]){ w->gradients[i], go }, go.id ? 2 : 1);
}

/* The average of a value, "ema/<path>". */
static weft_status average(const work *w, const char *name, weft_var x, weft_var go)
{
    const char *path = weft_arena_text(&w->graph->arena, WEFT_EMA_SCOPE "/%s", name);
    if (!path)
        return WEFT_NO_MEMORY;
    const weft_shape shape = weft_var_shape(w->graph, x);
    const weft_var state = weft_state(w->graph, path, &shape, WEFT_INIT_ZERO);
    weft_ema(w->graph, state, x, go, &(weft_ema_opt){ path, w->opt->ema, w->opt->ema_no_warm_up });
    return WEFT_OK;
}

/* Statistics move with every batch that is good, their averages with every update. */
static weft_status move_statistics(const work *w, weft_var good, weft_var go)
{
    const weft_graph *graph = w->graph;
    const int32_t first = graph->n_nodes;
    WEFT_TRY(weft_graph_move(w->graph, w->moves, good));
    for (int i = 0; i < w->moves->count && w->opt->ema > 0; i++) {
        const char *state = graph->values[graph->nodes[first + i].in[0]].name;
        WEFT_TRY(average(w, state, w->moves->move[i].state, go));
    }
    return WEFT_OK;
}

static weft_status update_all(work *w)
{
    weft_graph *graph = w->graph;
    const weft_train_opt *opt = w->opt;
    const weft_var lr = weft_input(graph, WEFT_LR_INPUT, &SCALAR), none = { 0 };
    const weft_gate_opt how = { .name = "optimizer/gate", .clip = opt->clip_norm };
    weft_gate_vars batch;
    const weft_var batch_norm = accumulate(w, &batch);
    weft_var norm = weft_gradient_norm(graph, w->gradients, w->count);
    const weft_gate_vars gate = batch_norm.id ? weft_gate(graph, scalar_state(graph, WEFT_UPDATES_STATE), w->loss, norm,
                                                          batch.due, &how)
                                              : gate_of_batch(w, WEFT_UPDATES_STATE, &how, &norm);
    const weft_var scaled_by = w->scale.id && !batch_norm.id ? gate.go : none;
    for (int i = 0; i < w->count; i++) {
        const char *path = weft_arena_text(&graph->arena, "optimizer/%s", w->info[i]->name);
        const update u = { graph, &opt->optimizer, w->info[i], path, lr, gate.go };
        if (!path)
            return WEFT_NO_MEMORY;
        const weft_var gradient = opt->clip_value > 0 ? clip(w, i, scaled_by) : w->gradients[i];
        const weft_var after = optimizers[opt->optimizer.kind](&u, w->params[i], gradient);
        if (opt->ema > 0 && after.id)
            WEFT_TRY(average(w, w->info[i]->name, after, gate.go));
    }
    WEFT_TRY(move_statistics(w, batch_norm.id ? batch.go : gate.go, gate.go));
    weft_output(graph, norm, "gradient_norm");
    weft_output(graph, gate.go, "go");
    if (batch_norm.id)
        weft_output(graph, batch_norm, "batch_norm");
    if (w->scale.id)
        weft_output(graph, w->scale, "scale");
    return weft_graph_status(graph);
}

/* ---- the graph ---- */

static weft_status complete(weft_graph *graph, const weft_graph *network, const weft_train_opt *opt,
                            const weft_var *heads, weft_moves *moves)
{
    weft_trained_info *infos = weft_arena_array(&graph->arena, (size_t)network->n_params, sizeof *infos);
    if (!infos)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_train_params(network, opt, infos));
    work w = { .graph = graph, .opt = opt, .infos = infos, .n_infos = network->n_params, .moves = moves,
               .scaling = weft_train_scale(graph->ctx, opt) };
    w.scale = scale_state(graph, &w.scaling);
    w.loss = losses(graph, opt, w.scale, heads, network->n_outputs);
    WEFT_TRY(weft_graph_status(graph));
    WEFT_TRY(find_trained(&w));
    graph->parts = opt->sync_norms && weft_ranks_size(opt->ranks) > 1 ? weft_ranks_size(opt->ranks) : 0;
    return update_all(&w);
}

static weft_status check(const weft_graph *network, const weft_train_opt *opt)
{
    if (network->n_outputs == 0)
        return weft_fail(WEFT_INVALID, "the network has no output: mark one with weft_output");
    if ((unsigned)opt->optimizer.kind >= WEFT_OPTIMIZER_COUNT || (unsigned)opt->loss >= WEFT_LOSS_COUNT)
        return weft_fail(WEFT_INVALID, "no such optimiser or loss");
    if (opt->loss == WEFT_LOSS_RBF && opt->class_weights)
        return weft_fail(WEFT_INVALID, "the RBF loss takes no weights of classes");
    if (!(opt->clip_norm >= 0) || !(opt->clip_value >= 0) || (opt->clip_norm > 0 && opt->clip_value > 0))
        return weft_fail(WEFT_INVALID, "clip_norm is %g and clip_value %g, expected one of them, from 0",
                         opt->clip_norm, opt->clip_value);
    if (!(opt->ema >= 0 && opt->ema < 1))
        return weft_fail(WEFT_INVALID, "ema is %g, expected 0 to less than 1", opt->ema);
    if (!(opt->norm_momentum >= 0 && opt->norm_momentum < 1))
        return weft_fail(WEFT_INVALID, "norm_momentum is %g, expected 0 to less than 1", opt->norm_momentum);
    const weft_loss_scale *scale = &opt->loss_scale;
    if ((unsigned)scale->kind >= WEFT_SCALING_COUNT || !(scale->factor >= 0 && scale->factor <= MOST_SCALE) ||
        scale->interval < 0)
        return weft_fail(WEFT_INVALID, "loss_scale is of kind %d, %g, doubled after %d steps: expected one of the "
                         "kinds, a scale up to 1e30 (or 0 for 65536), and 1 or more steps (or 0 for 2000)",
                         (int)scale->kind, scale->factor, scale->interval);
    if (opt->accumulate < 0)
        return weft_fail(WEFT_INVALID, "accumulate is %d, expected 1 or more, or 0 for 1", opt->accumulate);
    return WEFT_OK;
}

weft_status weft_train_graph(weft_ctx *ctx, const weft_graph *network, const weft_train_opt *opt, weft_graph **out)
{
    static const weft_train_opt defaults = { 0 };
    if (!ctx || !network || !out)
        return weft_fail(WEFT_INVALID, "weft_train_graph: ctx, network and out must not be NULL");
    WEFT_TRY(weft_graph_status(network));
    weft_train_opt copy = opt ? *opt : defaults;
    WEFT_TRY(check(network, &copy));
    weft_graph *graph;
    weft_moves moves;
    weft_var *heads = weft_calloc(&ctx->allocator, (size_t)network->n_outputs, sizeof *heads);
    if (!heads)
        return WEFT_NO_MEMORY;
    weft_status status = weft_train_clone(ctx, network, &copy, copy.norm_momentum, heads, &moves, &graph);
    if (status == WEFT_OK) {
        status = complete(graph, network, &copy, heads, &moves);
        if (status == WEFT_OK)
            *out = graph;
        else
            weft_graph_destroy(graph);
    }
    weft_free(&ctx->allocator, heads);
    return status;
}
