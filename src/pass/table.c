/* SPDX-License-Identifier: Apache-2.0
 *
 * The passes, in order, with the modes that each is for; and the record of what each did. */
#include <string.h>

#include "pass/pass.h"

enum {
    EVERY = WEFT_MODE_INFER | WEFT_MODE_LAYERS | WEFT_MODE_TRAIN | WEFT_MODE_PLAIN,
    INFERENCE = WEFT_MODE_INFER | WEFT_MODE_LAYERS,
    FUSING = INFERENCE | WEFT_MODE_TRAIN
};

const weft_pass weft_passes[WEFT_PASS_COUNT] = {
    { "prune", "drop what nobody reads", WEFT_MODE_TRAIN, weft_pass_prune },
    { "simplify", "drop what is nothing at inference, move zero padding into what reads it", INFERENCE,
      weft_pass_simplify },
    { "fold", "batch norm and factors into the weights before them", INFERENCE, weft_pass_fold },
    { "fuse", "additions and activations into the node before them", FUSING, weft_pass_fuse },
    { "halves", "norms of a batch that ranks share as two nodes, with a place between them", WEFT_MODE_TRAIN,
      weft_pass_halve },
    { "gradients", "those of a convolution and the norm behind it as one node", WEFT_MODE_TRAIN,
      weft_pass_fuse_grads },
    { "norms", "those that only a convolution and its gradient read are not stored", WEFT_MODE_TRAIN,
      weft_pass_fuse_norms },
    { "pairs", "the gradients of two norms whose results were added as one node", WEFT_MODE_TRAIN,
      weft_pass_fuse_pairs },
    { "statistics", "a convolution and the norm of what it gives as one node", WEFT_MODE_TRAIN,
      weft_pass_fuse_stats },
    { "measure", "the least traffic of the graph", INFERENCE, weft_pass_measure },
    { "rewrite", "what the device's backend asks for: compose, join, pool", INFERENCE, weft_pass_rewrite },
    { "units", "inverted residual units as one node", WEFT_MODE_INFER, weft_pass_fuse_units },
    { "preacts", "norms that only a convolution reads are computed by it", WEFT_MODE_INFER, weft_pass_fuse_preacts },
    { "types", "the type of every value on the device", EVERY, weft_pass_types },
};

/* ---- the record ---- */

/* A node as it was before a pass. */
typedef struct before {
    weft_op_id id;
    weft_epilogue epi;
    const weft_pool2d_opt *pool;
    weft_shape x; /* its first input */
    int n_in;
    bool dead;
} before;

static before snapshot(const weft_gnode *gnode)
{
    const weft_node *n = &gnode->node;
    return (before){ n->id, n->epi, n->pool, n->in[0], n->n_in, gnode->dead };
}

static bool differs(const before *was, const weft_gnode *gnode)
{
    const weft_node *n = &gnode->node;
    return was->id != n->id || was->epi.act != n->epi.act || was->epi.residual != n->epi.residual ||
           was->pool != n->pool || was->n_in != n->n_in || !weft_shape_equal(&was->x, &n->in[0]);
}

/* "conv2d 3x3/2 64 +residual +relu" */
static const char *describe(weft_graph *graph, const weft_node *node)
{
    char detail[96] = "";
    if (node->op->describe)
        node->op->describe(node, detail, sizeof detail);
    return weft_arena_text(&graph->arena, "%s%s%s%s%s%s%s", node->op->name, *detail ? " " : "", detail,
                           node->epi.residual ? " +residual" : "", node->epi.act != WEFT_ACT_NONE ? " +" : "",
                           weft_act_name(node->epi.act), node->pool ? " +pool" : "");
}

static int32_t count_live(const weft_graph *graph)
{
    int32_t live = 0;
    for (int32_t i = 0; i < graph->n_nodes; i++)
        live += !graph->nodes[i].dead && !graph->nodes[i].derives;
    return live;
}

/* What became of node i since was[n_was]; NULL: nothing. */
static const char *change_of(const weft_graph *graph, const before *was, int32_t n_was, int32_t i)
{
    const weft_gnode *gnode = &graph->nodes[i];
    const bool existed = i < n_was && !was[i].dead;
    if (existed && gnode->dead)
        return "removed";
    if (!existed && !gnode->dead)
        return gnode->derives ? "derived" : "added";
    return existed && differs(&was[i], gnode) ? "changed" : NULL;
}

static weft_status note_changes(weft_graph *graph, const before *was, int32_t n_was, weft_pass_record *record)
{
    size_t count = 0;
    for (int32_t i = 0; i < graph->n_nodes; i++)
        count += change_of(graph, was, n_was, i) != NULL;
    record->changes = weft_arena_array(&graph->arena, count, sizeof *record->changes);
    if (!record->changes)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < graph->n_nodes; i++) {
        const weft_gnode *gnode = &graph->nodes[i];
        const char *what = change_of(graph, was, n_was, i);
        if (!what)
            continue;
        const char *now = gnode->dead ? "" : describe(graph, &gnode->node);
        if (!now)
            return WEFT_NO_MEMORY;
        record->changes[record->n_changes++] = (weft_pass_change){ gnode->node.name, what, now };
    }
    return WEFT_OK;
}

static weft_status run_pass(weft_graph *graph, const weft_pass *pass, weft_pass_record *record)
{
    const int32_t n_was = graph->n_nodes;
    before *was = weft_calloc(&graph->ctx->allocator, (size_t)n_was, sizeof *was);
    if (!was)
        return WEFT_NO_MEMORY;
    for (int32_t i = 0; i < n_was; i++)
        was[i] = snapshot(&graph->nodes[i]);
    weft_status status = pass->run(graph);
    record->after = count_live(graph);
    if (status == WEFT_OK)
        status = note_changes(graph, was, n_was, record);
    weft_free(&graph->ctx->allocator, was);
    return status;
}

weft_status weft_passes_run(weft_graph *graph, weft_mode mode, weft_pass_record *records)
{
    for (int p = 0; p < WEFT_PASS_COUNT; p++) {
        records[p] = (weft_pass_record){ .ran = weft_passes[p].modes & mode };
        records[p].before = records[p].after = count_live(graph);
        if (records[p].ran)
            WEFT_TRY(run_pass(graph, &weft_passes[p], &records[p]));
    }
    return WEFT_OK;
}
