/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory plan: no two values that are alive at once share a byte unless one is meant to lie in the other; nothing
 * lies outside the arena; the peak is what a run touches. */
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"
#include "graph/random_net.h"
#include "op/util.h"
#include "program/program.h"

enum { NETS = 150, NODES = 40 };

/* Every element of every value is a number of its own; a step writes its output's numbers into the words of the arena,
 * and a reader must find its inputs' there. A concatenation, reshape or slice without a step gives its inputs' numbers
 * new names. */
typedef struct replay {
    const weft_model *model;
    int64_t *words;     /* [words of the arena] */
    int64_t **elements; /* [n_values] the numbers of a value's elements, in order */
    int64_t next;
    int64_t faults; /* words outside the arena, or not what the reader expects */
} replay;

static int64_t element_count(const replay *r, int32_t value)
{
    return weft_shape_count(&r->model->graph->values[value].shape);
}

/* The arena word of element i of a value, or -1 if it lies outside. */
static int64_t word_of(const replay *r, int32_t value, int64_t i)
{
    const weft_place *place = &r->model->layout.place[value];
    const int64_t channels = weft_shape_channels(&r->model->graph->values[value].shape);
    const int64_t base = (int64_t)(r->model->layout.storages[place->storage].offset / sizeof(float)) + place->offset;
    const int64_t word = base + i / channels * place->ld + i % channels;
    return word >= 0 && word < (int64_t)(r->model->layout.bytes / sizeof(float)) ? word : -1;
}

static void store_value(replay *r, int32_t value)
{
    for (int64_t i = 0; i < element_count(r, value); i++) {
        const int64_t word = word_of(r, value, i);
        if (word >= 0)
            r->words[word] = r->elements[value][i];
        r->faults += word < 0;
    }
}

/* Parameters and states lie in the store: not a matter of the arena. */
static bool in_store(const replay *r, int32_t value)
{
    return r->model->layout.place[value].storage == WEFT_IN_STORE;
}

static void write_value(replay *r, int32_t value)
{
    if (in_store(r, value))
        return;
    const int64_t count = element_count(r, value);
    free(r->elements[value]);
    r->elements[value] = malloc((size_t)count * sizeof **r->elements);
    for (int64_t i = 0; i < count; i++)
        r->elements[value][i] = ++r->next;
    store_value(r, value);
}

static void read_value(replay *r, int32_t value)
{
    if (in_store(r, value))
        return;
    for (int64_t i = 0; i < element_count(r, value); i++) {
        const int64_t word = word_of(r, value, i);
        r->faults += word < 0 || r->words[word] != r->elements[value][i];
    }
}

/* The output of a slice: some of its input's elements of each row. */
static void rename_part(replay *r, const weft_gnode *gnode)
{
    const weft_slice_opt *o = gnode->node.opt;
    const int64_t rows = weft_shape_rows(&gnode->node.in[0]), channels = weft_shape_channels(&gnode->node.in[0]);
    free(r->elements[gnode->out[0]]);
    int64_t *to = r->elements[gnode->out[0]] = malloc((size_t)element_count(r, gnode->out[0]) * sizeof *to);
    for (int64_t row = 0; row < rows; row++, to += o->count)
        memcpy(to, r->elements[gnode->in[0]] + row * channels + o->first, (size_t)o->count * sizeof *to);
}

/* The output of a concatenation or reshape: its inputs' elements, row by row. */
static void rename_value(replay *r, const weft_gnode *gnode)
{
    const int64_t rows = weft_shape_rows(&gnode->node.in[0]);
    free(r->elements[gnode->out[0]]);
    int64_t *to = r->elements[gnode->out[0]] = malloc((size_t)element_count(r, gnode->out[0]) * sizeof *to);
    for (int64_t row = 0; row < rows; row++)
        for (int k = 0; k < gnode->node.n_in; k++) {
            const int64_t channels = weft_shape_channels(&gnode->node.in[k]);
            memcpy(to, r->elements[gnode->in[k]] + row * channels, (size_t)channels * sizeof *to);
            to += channels;
        }
}

/* A kernel scribbles over its workspace before it reads. */
static void scribble(replay *r, int32_t storage)
{
    if (storage < 0)
        return;
    const weft_storage *s = &r->model->layout.storages[storage];
    memset(r->words + s->offset / sizeof(float), 0xff, s->bytes / sizeof(float) * sizeof *r->words);
}

static void replay_prior(replay *r, const weft_prior *prior)
{
    const weft_step *step = &(prior->packs ? r->model->steps : r->model->derivations)[prior->step];
    const weft_gnode *gnode = step->gnode;
    const int first = weft_node_first_param(&gnode->node);
    if (prior->packs) {
        scribble(r, r->model->layout.pack_scratch[step->index]);
        for (int k = 0; k < gnode->node.n_param; k++)
            read_value(r, gnode->in[first + k]);
        return;
    }
    for (int k = 0; k < gnode->node.n_in; k++)
        read_value(r, gnode->in[k]);
    for (int o = 0; o < gnode->node.n_out; o++)
        write_value(r, gnode->out[o]);
}

/* Whether the node's kernel packs its parameters, so that its run does not read them. */
static bool packs(const weft_model *model, int32_t index)
{
    for (int i = 0; i < model->n_steps; i++)
        if (model->steps[i].index == index)
            return model->steps[i].kernel->pack != NULL;
    return false;
}

static void replay_node(replay *r, int32_t index)
{
    const weft_gnode *gnode = &r->model->graph->nodes[index];
    const weft_memory_layout *layout = &r->model->layout;
    if (gnode->dead || gnode->derives)
        return;
    if (layout->elided[index]) {
        if (gnode->node.op->shares == WEFT_SHARES_PART)
            rename_part(r, gnode);
        else
            rename_value(r, gnode);
        return;
    }
    scribble(r, layout->scratch[index]);
    const int first = weft_node_first_param(&gnode->node);
    for (int k = 0; k < gnode->node.n_in; k++)
        if (k < first || k >= first + gnode->node.n_param || !packs(r->model, index))
            read_value(r, gnode->in[k]);
    if (gnode->node.id == WEFT_OP_CONCAT) { /* a copy: slices that lie in place already stay what they are */
        rename_value(r, gnode);
        store_value(r, gnode->out[0]);
    } else {
        for (int o = 0; o < gnode->node.n_out; o++)
            write_value(r, gnode->out[o]);
    }
}

/* Words that some reader did not find as their writer left them. */
static int64_t replay_model(const weft_model *model)
{
    const weft_graph *graph = model->graph;
    replay r = { .model = model };
    r.words = calloc(model->layout.bytes / sizeof(float) + 1, sizeof *r.words);
    r.elements = calloc((size_t)graph->n_values, sizeof *r.elements);
    for (int32_t i = 0; i < graph->n_inputs; i++)
        write_value(&r, graph->inputs[i]);
    for (int i = 0; i < model->n_priors; i++)
        replay_prior(&r, &model->priors[i]);
    for (int run = 0; run < 2; run++) { /* parameters are derived for the first only */
        for (int32_t i = 0; i < graph->n_nodes; i++)
            replay_node(&r, i);
        for (int32_t i = 0; i < graph->n_outputs; i++)
            read_value(&r, graph->outputs[i].value);
    }
    for (int32_t i = 0; i < graph->n_inputs; i++) /* a second run finds its inputs */
        read_value(&r, graph->inputs[i]);
    for (int32_t v = 0; v < graph->n_values; v++)
        free(r.elements[v]);
    free(r.elements);
    free(r.words);
    return r.faults;
}

START_TEST(live_values_keep_their_bytes)
{
    weft_ctx *ctx;
    CHECK_OK(weft_ctx_create(NULL, &ctx));
    for (uint64_t net = 0; net < NETS; net++) {
        weft_graph *graph;
        CHECK_OK(random_net(ctx, check_seed() * 7777 + net, NODES, &graph));
        for (int variant = 0; variant < 3; variant++) {
            const weft_model_opt opt = { .plan_only = true, .no_fusion = variant == 1, .keep_all = variant == 2 };
            weft_model *model;
            CHECK_OK(weft_model_create(ctx, graph, &opt, &model));
            ck_assert_int_eq(replay_model(model), 0);
            weft_model_destroy(model);
        }
        weft_graph_destroy(graph);
    }
    weft_ctx_destroy(ctx);
}
END_TEST

/* The replay is able to fail: an output moved onto another live value is found. */
START_TEST(replay_finds_an_overlap)
{
    weft_ctx *ctx;
    weft_graph *g;
    weft_model *model;
    CHECK_OK(weft_ctx_create(NULL, &ctx));
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_shape shape = weft_shape_nhwc(1, 4, 4, 4);
    const weft_var x = weft_input(g, "x", &shape);
    weft_output(g, weft_add(g, x, weft_conv2d(g, x, &(weft_conv2d_opt){ .out = 4 })), "y");
    CHECK_OK(weft_model_create(ctx, g, &(weft_model_opt){ .plan_only = true, .no_fusion = true }, &model));
    for (int32_t i = 0; i < model->layout.n_storages; i++)
        model->layout.storages[i].offset = 0;
    ck_assert_int_gt(replay_model(model), 0);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(a_run_touches_the_planned_peak)
{
    weft_ctx *ctx;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 2 }, &ctx));
    for (uint64_t net = 0; net < 20; net++) {
        weft_graph *graph;
        weft_model *planned, *model;
        float *outputs;
        int64_t count;
        weft_memory before, after;
        CHECK_OK(random_net(ctx, check_seed() * 31 + net, NODES, &graph));
        CHECK_OK(weft_model_create(ctx, graph, &(weft_model_opt){ .plan_only = true }, &planned));
        CHECK_OK(weft_model_memory(planned, &before));
        CHECK_OK(weft_model_create(ctx, graph, &(weft_model_opt){ .track = true }, &model));
        CHECK_OK(random_params(model, 1));
        CHECK_OK(random_run(model, 1, &outputs, &count));
        CHECK_OK(weft_model_memory(model, &after));
        ck_assert_uint_eq(before.arena, after.arena);
        ck_assert_uint_eq(before.packed, after.packed);
        ck_assert_uint_le(after.touched, after.arena);
        ck_assert_uint_gt(after.touched, after.arena * 9 / 10); /* the last storage may be scratch that is half used */
        free(outputs);
        weft_model_destroy(model);
        weft_model_destroy(planned);
        weft_graph_destroy(graph);
    }
    weft_ctx_destroy(ctx);
}
END_TEST

/* A slice of what a node computes is no copy, of an input it is one. */
START_TEST(slices_are_free)
{
    weft_ctx *ctx;
    weft_graph *g;
    weft_model *model;
    CHECK_OK(weft_ctx_create(NULL, &ctx));
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_shape shape = weft_shape_nhwc(1, 4, 4, 8);
    const weft_slice_opt opt = { .first = 2, .count = 5 }, again = { .first = 1, .count = 3 };
    const weft_var x = weft_input(g, "x", &shape), y = weft_relu(g, x);
    const weft_var of_x = weft_graph_append(g, WEFT_OP_SLICE, &opt, &x, 1);
    const weft_var of_y = weft_graph_append(g, WEFT_OP_SLICE, &opt, &y, 1);
    const weft_var of_that = weft_graph_append(g, WEFT_OP_SLICE, &again, &of_y, 1);
    weft_output(g, weft_relu(g, of_x), "x");
    weft_output(g, weft_relu(g, of_y), "y");
    weft_output(g, weft_relu(g, of_that), "that");
    CHECK_OK(weft_model_create(ctx, g, &(weft_model_opt){ .plan_only = true }, &model));
    const weft_memory_layout *layout = &model->layout;
    ck_assert(!layout->elided[model->graph->values[of_x.id].maker]);
    ck_assert(layout->elided[model->graph->values[of_y.id].maker]);
    ck_assert_int_eq(layout->place[of_that.id].storage, layout->place[y.id].storage);
    ck_assert_int_eq(layout->place[of_that.id].offset, layout->place[y.id].offset + 3);
    ck_assert_int_eq(layout->place[of_that.id].ld, 8);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(sharing_saves_memory)
{
    weft_ctx *ctx;
    weft_graph *g;
    weft_model *shared, *kept;
    weft_memory a, b;
    CHECK_OK(weft_ctx_create(NULL, &ctx));
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_shape shape = weft_shape_nhwc(1, 16, 16, 16);
    weft_var x = weft_input(g, "x", &shape);
    for (int i = 0; i < 10; i++)
        x = weft_max_pool2d(g, x, &(weft_pool2d_opt){ .kernel = 3, .stride = 1 });
    weft_output(g, x, "y");
    CHECK_OK(weft_model_create(ctx, g, &(weft_model_opt){ .plan_only = true }, &shared));
    CHECK_OK(weft_model_create(ctx, g, &(weft_model_opt){ .plan_only = true, .keep_all = true }, &kept));
    CHECK_OK(weft_model_memory(shared, &a));
    CHECK_OK(weft_model_memory(kept, &b));
    const size_t tensor = 16 * 16 * 16 * sizeof(float);
    ck_assert_uint_eq(a.arena - a.workspace, 3 * tensor); /* the input, and two in turn */
    ck_assert_uint_eq(b.arena - b.workspace, 11 * tensor);
    weft_model_destroy(shared);
    weft_model_destroy(kept);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph-layout");
    CHECK_CASE(suite, "plan", live_values_keep_their_bytes, replay_finds_an_overlap, sharing_saves_memory,
               slices_are_free);
    CHECK_CASE(suite, "run", a_run_touches_the_planned_peak);
    return check_main(suite, "graph-layout");
}
