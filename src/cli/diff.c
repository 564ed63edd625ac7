/* SPDX-License-Identifier: Apache-2.0
 *
 * weft diff: where two sets of weights of one network part, parameter by parameter and, on one input, block by block;
 * or where weft parts from what another framework computed. A block is a scope of the network ("stage2.1"), its value
 * that of the last node in it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/common.h"
#include "cli/table.h"
#include "cli/text.h"

enum { SCOPE_MAX = 256 };

typedef struct diff_args {
    weft_ctx_opt ctx;
    weft_dialect dialect;
    const char *key, *key_b;
    double tolerance;
    int64_t seed;
    int px;
    bool json;
} diff_args;

/* One side: weights run through the network, or what another framework computed. */
typedef struct side {
    const char *path; /* NULL: seeded weights */
    const char *key;  /* NULL: see weft_read_opt */
    weft_weights *weights; /* in weft's names */
    weft_weights *dump;    /* or activations by scope */
    weft_model *model;
} side;

typedef struct diff {
    const diff_args *args;
    const weft_arch *arch;
    weft_ctx *ctx;
    weft_graph *graph;
    side a, b;
    float *input;
    weft_shape shape;
    cli_table *params, *blocks;
    int64_t compared, different, blocks_off;
    char first_param[SCOPE_MAX], first_block[SCOPE_MAX], first_node[SCOPE_MAX];
} diff;

static const cli_column param_columns[] = {
    { "name", { "", "parameter" }, .flags = CLI_COLUMN_LEFT },
    { "shape", { "", "shape" }, .flags = CLI_COLUMN_LEFT },
    { "l2", { "relative", "L2" }, .digits = 6 },
};
static const cli_column block_columns[] = {
    { "block", { "", "block" }, .flags = CLI_COLUMN_LEFT },
    { "output", { "", "output" }, .flags = CLI_COLUMN_LEFT },
    { "l2", { "relative", "L2" }, .digits = 6 },
    { "first", { "", "" }, .flags = CLI_COLUMN_LEFT | CLI_COLUMN_SPARSE },
};

static cli_exit fail_file(const char *path, weft_status status)
{
    const char *sentence = weft_error();
    return strstr(sentence, path) ? cli_error(cli_exit_of(status), "%s", sentence)
                                  : cli_error(cli_exit_of(status), "%s: %s", path, sentence);
}

/* |a - b| over the larger norm: 0 of two zeros, at most 2; NAN where either side has one. */
static double relative(const float *a, const float *b, int64_t count)
{
    double off = 0, aa = 0, bb = 0;
    for (int64_t i = 0; i < count; i++) {
        const double x = (double)a[i], y = (double)b[i];
        off += (x - y) * (x - y);
        aa += x * x;
        bb += y * y;
    }
    return off == 0 ? 0 : sqrt(off / fmax(aa, bb));
}

static bool exceeds(const diff *d, double l2)
{
    return !(l2 <= d->args->tolerance); /* a NAN too */
}

/* ---- what is compared ---- */

/* Whether a node is in a scope. */
static bool in_scope(const char *node, const char *scope, size_t length)
{
    return strncmp(node, scope, length) == 0 && node[length] == '/';
}

/* Index of the last node in a scope, or of the node of that name; -1. */
static int last_in_scope(const weft_graph *graph, const char *scope)
{
    int last = -1;
    weft_node_info node;
    for (int i = 0; i < weft_graph_node_count(graph); i++)
        if (!weft_graph_node(graph, i, &node) &&
            (in_scope(node.name, scope, strlen(scope)) || strcmp(node.name, scope) == 0))
            last = i;
    return last;
}

/* A file of activations names scopes; "input" may be with them. */
static bool is_dump(const weft_graph *graph, const weft_weights *file)
{
    weft_weight tensor;
    for (int64_t i = 0; i < weft_weights_count(file); i++)
        if (weft_weights_get(file, i, &tensor) ||
            (strcmp(tensor.name, "input") != 0 && last_in_scope(graph, tensor.name) < 0))
            return false;
    return weft_weights_count(file) > 0;
}

static cli_exit build(diff *d, int classes)
{
    const weft_arch_opt opt = {
        .dialect = d->arch->dialect, .batch = 1, .px = d->args->px, .classes = classes, .no_softmax = true
    };
    weft_graph_destroy(d->graph);
    d->graph = NULL;
    CLI_TRY_LIBRARY(weft_arch_build(d->ctx, d->arch->name, &opt, &d->graph));
    return CLI_OK;
}

static cli_exit open_side(diff *d, side *s, bool may_be_dump)
{
    weft_weights *file = NULL;
    weft_status status = weft_weights_read_with(d->ctx, s->path, &(weft_read_opt){ .key = s->key }, &file);
    if (status)
        return fail_file(s->path, status);
    cli_tell_import(s->path, file, &(weft_imported){ 0 });
    if (may_be_dump && is_dump(d->graph, file)) {
        s->dump = file;
        return CLI_OK;
    }
    status = weft_weights_map(d->ctx, file, d->arch->name, d->arch->dialect, NULL, NULL, &s->weights);
    weft_weights_destroy(file);
    return status ? fail_file(s->path, status) : CLI_OK;
}

/* The dump's own input, else the seeded images. */
static cli_exit open_input(diff *d)
{
    weft_port_info port;
    weft_weight given;
    CLI_TRY_LIBRARY(weft_graph_input(d->graph, 0, &port));
    d->shape = port.shape;
    d->input = malloc((size_t)weft_shape_count(&d->shape) * sizeof *d->input);
    if (!d->input)
        return cli_error(CLI_MEMORY, "out of memory for the input");
    if (d->b.dump && !weft_weights_find(d->b.dump, "input", &given)) {
        char is[96], should[96];
        if (!weft_shape_equal(&given.shape, &d->shape))
            return cli_error(CLI_DATA, "%s: input is %s, the network's is %s; see --px", d->b.path,
                             weft_shape_text(&given.shape, is, sizeof is),
                             weft_shape_text(&d->shape, should, sizeof should));
        const weft_status status = weft_weight_floats(&given, d->input);
        return status ? fail_file(d->b.path, status) : CLI_OK;
    }
    const bool raw = d->arch->preprocess == WEFT_PREPROCESS_NONE;
    CLI_TRY_LIBRARY(weft_seed_images((uint64_t)d->args->seed, &d->shape, raw ? 0 : -1, raw ? 255 : 1, d->input));
    return CLI_OK;
}

static cli_exit run_side(diff *d, side *s)
{
    if (s->dump)
        return CLI_OK;
    const weft_model_opt opt = { .no_fusion = true, .keep_all = true };
    const size_t bytes = (size_t)weft_shape_count(&d->shape) * sizeof *d->input;
    CLI_TRY_LIBRARY(weft_model_create(d->ctx, d->graph, &opt, &s->model));
    CLI_TRY_LIBRARY(s->weights ? weft_model_load(s->model, s->weights)
                               : weft_model_seed(s->model, (uint64_t)d->args->seed));
    CLI_TRY_LIBRARY(weft_model_set_input(s->model, 0, d->input, bytes));
    CLI_TRY_LIBRARY(weft_model_run(s->model));
    return CLI_OK;
}

static cli_exit open_diff(diff *d, const cli_call *call)
{
    d->a.path = call->words[1];
    d->b.path = call->n_words > 2 ? call->words[2] : NULL;
    d->a.key = d->args->key;
    d->b.key = d->args->key_b;
    if (d->b.key && !d->b.path)
        return cli_error(CLI_USAGE, "diff: --key-b is of the file B, and there is none");
    CLI_TRY(cli_find_arch(call->words[0], d->args->dialect, &d->arch));
    CLI_TRY(cli_open(&d->args->ctx, &d->ctx));
    CLI_TRY(build(d, 0));
    CLI_TRY(open_side(d, &d->a, false));
    int classes = 0;
    if (weft_weights_classes(d->a.weights, 0, &classes))
        return cli_error(CLI_DATA, "%s: %s", d->a.path, weft_error());
    if (classes)
        CLI_TRY(build(d, classes));
    if (d->b.path)
        CLI_TRY(open_side(d, &d->b, true));
    CLI_TRY(open_input(d));
    CLI_TRY(run_side(d, &d->a));
    return run_side(d, &d->b);
}

static void close_diff(diff *d)
{
    side *const sides[] = { &d->a, &d->b };
    for (int i = 0; i < 2; i++) {
        weft_model_destroy(sides[i]->model);
        weft_weights_destroy(sides[i]->weights);
        weft_weights_destroy(sides[i]->dump);
    }
    weft_graph_destroy(d->graph);
    weft_ctx_destroy(d->ctx);
    free(d->input);
    cli_table_destroy(d->params);
    cli_table_destroy(d->blocks);
}

/* ---- parameters ---- */

static cli_exit compare_param(diff *d, const weft_param_info *p)
{
    const int64_t count = weft_shape_count(&p->shape);
    float *a = malloc(2 * (size_t)count * sizeof *a), *b = a + count;
    char shape[96];
    if (!a)
        return cli_error(CLI_MEMORY, "out of memory for %s", p->name);
    weft_status status = weft_model_get_param(d->a.model, p->name, a, count);
    if (!status)
        status = weft_model_get_param(d->b.model, p->name, b, count);
    const double l2 = status ? 0 : relative(a, b, count);
    free(a);
    if (status)
        return cli_library_error(status);
    d->compared++;
    if (!exceeds(d, l2))
        return CLI_OK;
    if (d->different++ == 0)
        snprintf(d->first_param, sizeof d->first_param, "%s", p->name);
    cli_table_add(d->params);
    cli_put_text(d->params, "name", "%s", p->name);
    cli_put_text(d->params, "shape", "%s", weft_shape_text(&p->shape, shape, sizeof shape));
    cli_put_number(d->params, "l2", l2);
    cli_put_shown(d->params, "l2", "%.3g", l2);
    return CLI_OK;
}

static cli_exit compare_params(diff *d)
{
    for (int i = 0; d->b.model && i < weft_model_param_count(d->a.model); i++) {
        weft_param_info p;
        CLI_TRY_LIBRARY(weft_model_param(d->a.model, i, &p));
        CLI_TRY(compare_param(d, &p));
    }
    return CLI_OK;
}

/* ---- activations ---- */

/* The other side's values of a node: of the same node, or the dump's of the scope. */
static weft_status other_values(const diff *d, const weft_node_info *node, const char *scope, float *out)
{
    const size_t bytes = (size_t)weft_shape_count(&node->out) * sizeof *out;
    weft_weight w;
    if (d->b.model)
        return weft_model_get_node(d->b.model, node->name, out, bytes);
    const weft_status status = weft_weights_find(d->b.dump, scope, &w);
    if (status)
        return status;
    if (!weft_shape_equal(&w.shape, &node->out)) {
        for (size_t i = 0; i < bytes / sizeof *out; i++)
            out[i] = NAN; /* another shape differs altogether */
        return WEFT_OK;
    }
    return weft_weight_floats(&w, out);
}

/* Sets *l2; *l2 < 0: the dump does not have it. */
static cli_exit compare_node(const diff *d, const weft_node_info *node, const char *scope, double *l2)
{
    const int64_t count = weft_shape_count(&node->out);
    float *a = malloc(2 * (size_t)count * sizeof *a), *b = a + count;
    if (!a)
        return cli_error(CLI_MEMORY, "out of memory for %s", node->name);
    weft_status status = other_values(d, node, scope, b);
    const bool absent = status == WEFT_NOT_FOUND && d->b.dump;
    if (!status)
        status = weft_model_get_node(d->a.model, node->name, a, (size_t)count * sizeof *a);
    *l2 = status ? -1 : relative(a, b, count);
    free(a);
    return status && !absent ? cli_library_error(status) : CLI_OK;
}

static void add_block(diff *d, const char *scope, const weft_node_info *node, double l2)
{
    char shape[96];
    cli_table_add(d->blocks);
    cli_put_text(d->blocks, "block", "%s", scope);
    cli_put_text(d->blocks, "output", "%s", weft_shape_text(&node->out, shape, sizeof shape));
    if (isnan(l2)) {
        cli_put_missing(d->blocks, "l2", "not a number, or of another shape");
    } else {
        cli_put_number(d->blocks, "l2", l2);
        cli_put_shown(d->blocks, "l2", "%.3g", l2);
    }
    if (!exceeds(d, l2))
        return;
    if (d->blocks_off++ == 0) {
        snprintf(d->first_block, sizeof d->first_block, "%s", scope);
        cli_put_text(d->blocks, "first", "<- first");
    }
}

/* Blocks in the network's order; among weights, also the first node that is off. */
static cli_exit compare_blocks(diff *d)
{
    const int count = weft_graph_node_count(d->graph);
    for (int i = 0; i < count; i++) {
        weft_node_info node;
        char scope[SCOPE_MAX];
        double l2 = 0;
        if (weft_graph_node(d->graph, i, &node))
            continue;
        snprintf(scope, sizeof scope, "%.*s", (int)strcspn(node.name, "/"), node.name);
        const bool ends = last_in_scope(d->graph, scope) == i;
        if (!ends && (d->b.dump || *d->first_node))
            continue;
        CLI_TRY(compare_node(d, &node, scope, &l2));
        if (l2 < 0)
            continue;
        if (d->b.model && !*d->first_node && exceeds(d, l2))
            snprintf(d->first_node, sizeof d->first_node, "%s", node.name);
        if (ends)
            add_block(d, scope, &node, l2);
    }
    if (cli_table_rows(d->blocks) == 0)
        return cli_error(CLI_DATA, "%s: no block of %s is in it", d->b.path, d->arch->name);
    return CLI_OK;
}

/* ---- the answer ---- */

static json_t *text_or_null(const char *text)
{
    return *text ? cli_json_string(text) : json_null();
}

static void print_json(const diff *d)
{
    json_t *root = cli_json_document();
    cli_set_text(root, "model", d->arch->name);
    cli_set_text(root, "dialect", weft_dialect_name(d->arch->dialect));
    cli_set_real(root, "tolerance", d->args->tolerance);
    json_object_set_new(root, "equal", json_boolean(d->different + d->blocks_off == 0));
    cli_set_count(root, "parameters_compared", d->compared);
    json_object_set_new(root, "first_parameter", text_or_null(d->first_param));
    json_object_set_new(root, "first_block", text_or_null(d->first_block));
    json_object_set_new(root, "first_node", text_or_null(d->first_node));
    json_object_set_new(root, "parameters", cli_table_json(d->params));
    json_object_set_new(root, "blocks", cli_table_json(d->blocks));
    cli_json_print(root, stdout);
    json_decref(root);
}

static void print_tables(diff *d)
{
    if (d->b.model)
        printf("%lld of %lld parameters differ by more than %g\n", (long long)d->different, (long long)d->compared,
               d->args->tolerance);
    if (d->different)
        cli_table_print_text(d->params, &(cli_view){ 0 }, stdout);
    putchar('\n');
    if (*d->first_block)
        cli_table_note(d->blocks, "%s is the first block off by more than %g%s%s", d->first_block, d->args->tolerance,
                       *d->first_node ? ", in " : "", d->first_node);
    else
        cli_table_note(d->blocks, "no block is off by more than %g", d->args->tolerance);
    cli_table_print_text(d->blocks, &(cli_view){ 0 }, stdout);
}

static cli_exit compare(diff *d, const cli_call *call)
{
    CLI_TRY(open_diff(d, call));
    CLI_TRY(compare_params(d));
    CLI_TRY(compare_blocks(d));
    if (d->args->json)
        print_json(d);
    else
        print_tables(d);
    return d->different + d->blocks_off > 0 ? CLI_BELOW : CLI_OK;
}

static cli_exit run(const cli_call *call)
{
    diff d = { .args = call->args };
    d.params = cli_table_create(param_columns, (int)(sizeof param_columns / sizeof *param_columns));
    d.blocks = cli_table_create(block_columns, (int)(sizeof block_columns / sizeof *block_columns));
    const cli_exit code = compare(&d, call);
    close_diff(&d);
    return code;
}

/* clang-format off */
static const cli_option rows[] = {
    ROW_THREADS(diff_args, "threads"),
    ROW_MATH(diff_args, "strict"),
    ROW_DIALECT(diff_args, WHOSE_VARIANT),
    ROW_KEY(diff_args, key, "key", "A, " A_CHECKPOINT),
    ROW_KEY(diff_args, key_b, "key-b", "B, " A_CHECKPOINT),
    ROW_JSON(diff_args),
    OPT_REAL(diff_args, tolerance, 0, "tolerance", "X", "1e-4", 0, 2,
             "relative L2 difference that still counts as equal"),
    OPT_INT(diff_args, px, 0, "px", "N", "0", 0, 4096, "pixels along each side of the input; 0: the network's own"),
    OPT_COUNT(diff_args, seed, 0, "seed", "N", "1", 0, OPT_MAX_COUNT,
              "seed of the input, and of the weights that stand for B"),
    OPT_HELP,
    OPT_END,
};
/* clang-format on */

const cli_command cli_diff = {
    .name = "diff",
    .takes = CLI_TAKES_MODEL | CLI_TAKES_FILE,
    .min_words = 2,
    .max_words = 3,
    .synopsis = "MODEL A [B]",
    .brief = "find where two weight files of a network part",
    .description =
        "Compares the weight files A and B of network MODEL, of any format and framework, parameter by parameter, "
        "and what the network computes with each of them on one input, block by block. Printed are relative L2 "
        "differences (over the larger norm), the first block and the first layer that differ by more than "
        "--tolerance. Without B, A is compared with the seeded weights of weft-weights(5).\n"
        "\n"
        "B may also hold what another framework computed: an .npz or .safetensors file whose tensors are called like "
        "the blocks of weft summary (stem, stage2.1) and lie as [N, H, W, C], with the tensor input if it was not "
        "the seeded image of weft-weights(5). Blocks that it does not have are passed over.\n"
        "\n"
        "The exit code is 0 if nothing differs by more than --tolerance, 1 if something does.",
    .examples = "weft diff resnet50 mine.safetensors theirs.pth|the same weights?\n"
                "weft diff resnet50 run.pth run.pth --key-b state_dict_ema|how far the averages are\n"
                "weft diff mobilenetv2 mobilenet_v2.h5 activations.npz|where does the port go wrong?",
    .rows = rows,
    .args_size = sizeof(diff_args),
    .run = run,
};
