/* SPDX-License-Identifier: Apache-2.0
 *
 * weft_weights_map: a file's tensors under our names and in our layouts. First everything is found and compared, so
 * that all that is wrong is told at once; then tensor by tensor is converted to f32 and laid out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"
#include "weights/weights.h"

/* One call. */
typedef struct job {
    weft_ctx *ctx;
    const weft_weights *in;
    const weft_arch *arch;
    weft_map_opt opt;
    weft_arena arena;
    weft_source source;
    weft_graph *graph;
    weft_resolved resolved;
    weft_tensor_order *order; /* of each parameter that was found */
    int classes;
} job;

/* ---- finding ---- */

static weft_status build(job *j)
{
    const weft_arch_opt opt = { .dialect = j->arch->dialect, .classes = j->classes };
    weft_graph *graph = NULL;
    WEFT_TRY(weft_arch_build(j->ctx, j->arch->name, &opt, &graph));
    weft_graph_destroy(j->graph);
    j->graph = graph;
    return WEFT_OK;
}

static weft_status find_tensors(job *j)
{
    WEFT_TRY(weft_source_open(&j->source, &j->arena, j->in));
    j->classes = j->opt.classes ? j->opt.classes : j->arch->classes;
    WEFT_TRY(build(j));
    WEFT_TRY(weft_resolve_best(&j->arena, j->graph, j->arch, j->opt.origin, &j->source, &j->resolved));
    if (!j->resolved.match)
        return weft_fail(WEFT_NOT_FOUND, "%s has no network that is weft's %s (%s)", weft_origin_name(j->opt.origin),
                         j->arch->name, weft_dialect_name(j->arch->dialect));
    const int classes = j->opt.classes ? 0 : weft_head_classes(&j->resolved);
    if (classes == 0 || classes == j->classes)
        return WEFT_OK;
    j->classes = classes;
    WEFT_TRY(build(j));
    return weft_resolve(&j->arena, j->graph, j->resolved.table, j->resolved.source, &j->resolved);
}

/* The layout of every tensor found; *misshapen: the first parameter that has none, or -1. */
static weft_status find_orders(job *j, int *misshapen)
{
    const weft_style style = weft_origin_style(j->resolved.origin);
    *misshapen = -1;
    j->order = weft_arena_array(&j->arena, (size_t)j->resolved.count, sizeof *j->order);
    if (!j->order)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < j->resolved.count; i++) {
        const weft_match *match = &j->resolved.match[i];
        char layer[WEFT_NAME_MAX];
        int64_t map[3] = { 0 };
        if (match->source < 0)
            continue;
        const weft_shape have = weft_match_shape(match, &j->source.tensors[match->source]);
        if (match->param.shape.rank == 2) {
            const char *slash = strrchr(match->param.name, '/');
            snprintf(layer, sizeof layer, "%.*s", slash ? (int)(slash - match->param.name) : 0, match->param.name);
            weft_flattened_map(j->graph, layer, map);
        }
        if (!weft_tensor_order_find(style, &have, &match->param.shape, map, &j->order[i]) && *misshapen < 0)
            *misshapen = i;
    }
    return WEFT_OK;
}

/* Whether the tensors found may be taken. */
static weft_status judge(job *j, weft_map_report *report, int misshapen)
{
    const bool incomplete =
        report->mapped == 0 || (!j->opt.lenient && (report->missing_count > 0 || report->unused_count > 0));
    if (!incomplete && misshapen < 0)
        return WEFT_OK;
    const weft_finding finding = { .ctx = j->ctx, .arch = j->arch, .arena = &j->arena, .source = &j->source,
                                   .resolved = &j->resolved, .misshapen = misshapen, .incomplete = incomplete };
    return weft_map_refuse(&finding, report);
}

/* ---- converting ---- */

typedef struct buffers {
    float *in, *gamma, *out;
} buffers;

/* Our batch norm has no gamma: (g x - g mean) / sqrt(variance + e) + beta is theirs, so the filters of the convolution
 * before it and the mean take it. */
static weft_status fold_gamma(const job *j, int at, const buffers *b)
{
    const weft_match *match = &j->resolved.match[at], *next = at + 1 < j->resolved.count ? match + 1 : NULL;
    const weft_shape *shape = &match->param.shape;
    int64_t source = -1;
    if (shape->rank == 4 && next)
        source = next->gamma;
    else if (shape->rank == 1 && strcmp(strrchr(match->param.name, '/'), "/mean") == 0)
        source = match->gamma;
    if (source < 0)
        return WEFT_OK;
    const weft_weight *gamma = &j->source.tensors[source];
    if (gamma->count != shape->dim[0])
        return weft_fail(WEFT_BAD_DATA, "tensor '%.120s' has %lld elements, expected %lld", gamma->name,
                         (long long)gamma->count, (long long)shape->dim[0]);
    WEFT_TRY(weft_weight_floats(gamma, b->gamma));
    const int64_t row = weft_shape_count(shape) / shape->dim[0];
    for (int64_t k = 0; k < shape->dim[0]; k++) {
        for (int64_t i = 0; i < row; i++)
            b->out[k * row + i] *= b->gamma[k];
    }
    return WEFT_OK;
}

/* Squares values that are the rule's, as floats of either way to write them. */
static void square(const weft_name_rule *rule, float *values, int64_t count)
{
    int64_t same = 0;
    while (same < count && fabsf(values[same] - rule->fill[same % 3]) <= 1e-6f)
        same++;
    for (int64_t i = 0; same == count && i < count; i++)
        values[i] *= values[i];
}

/* Values that mean something else there: deviations instead of variances, variances with another epsilon. */
static void adjust(const job *j, const weft_match *match, float *values)
{
    const weft_name_table *table = j->resolved.table;
    const int64_t count = weft_shape_count(&match->param.shape);
    for (int r = 0; table && r < table->count; r++) {
        const weft_name_rule *rule = &table->rules[r];
        weft_name_values ignored;
        if (!(rule->flags & (WEFT_NAME_SQUARE | WEFT_NAME_SHIFT)) ||
            !weft_name_match(rule->layer, match->param.name, &ignored))
            continue;
        if (rule->flags & WEFT_NAME_SQUARE)
            square(rule, values, count);
        for (int64_t i = 0; (rule->flags & WEFT_NAME_SHIFT) && i < count; i++)
            values[i] += rule->fill[0];
    }
}

/* A network with such a value answers nothing; a lenient caller may look for himself. */
static weft_status check_finite(const job *j, const weft_weight *tensor, const float *values)
{
    int64_t i = 0;
    while (i < tensor->count && isfinite(values[i]))
        i++;
    if (i == tensor->count || j->opt.lenient)
        return WEFT_OK;
    return weft_fail(WEFT_BAD_DATA, "tensor '%.120s' has the value %g at element %lld; the training that wrote it went "
                     "wrong", tensor->name, (double)values[i], (long long)i);
}

static weft_status convert(job *j, int at, const buffers *b, weft_weights *out)
{
    const weft_match *match = &j->resolved.match[at];
    const int64_t count = weft_shape_count(&match->param.shape);
    if (match->source >= 0) {
        const bool second = match->rule && (match->rule->flags & WEFT_NAME_SECOND);
        WEFT_TRY(weft_weight_floats(&j->source.tensors[match->source], b->in));
        WEFT_TRY(check_finite(j, &j->source.tensors[match->source], b->in));
        weft_tensor_order_apply(&j->order[at], b->in + (second ? count : 0), b->out);
        WEFT_TRY(fold_gamma(j, at, b));
        adjust(j, match, b->out);
    } else if (match->fill) {
        for (int64_t i = 0; i < count; i++)
            b->out[i] = match->fill->fill[i % 3];
    } else {
        return WEFT_OK; /* missing; the caller is lenient */
    }
    return weft_weights_add(out, match->param.name, WEFT_F32, &match->param.shape, b->out);
}

static weft_status convert_all(job *j, weft_weights *out)
{
    int64_t most = 1, widest = 1;
    for (int i = 0; i < j->resolved.count; i++) {
        const weft_shape *shape = &j->resolved.match[i].param.shape;
        const int64_t count = weft_shape_count(shape) * weft_match_parts(&j->resolved.match[i]);
        most = count > most ? count : most;
        widest = shape->dim[0] > widest ? shape->dim[0] : widest;
    }
    const buffers b = {
        .in = weft_arena_array(&j->arena, (size_t)most, sizeof *b.in),
        .gamma = weft_arena_array(&j->arena, (size_t)widest, sizeof *b.gamma),
        .out = weft_arena_array(&j->arena, (size_t)most, sizeof *b.out),
    };
    if (!b.in || !b.gamma || !b.out)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < j->resolved.count; i++)
        WEFT_TRY(convert(j, i, &b, out));
    return WEFT_OK;
}

/* The recipe that the file asks for, where that is not the publisher's. */
static weft_status set_recipe(const job *j, weft_weights *out)
{
    weft_recipe asked;
    char text[WEFT_RECIPE_TEXT], usual[WEFT_RECIPE_TEXT];
    if (weft_weights_meta_find(j->in, "weft.recipe"))
        return WEFT_OK;
    WEFT_TRY(weft_recipe_asked(j->in, &j->source, j->resolved.origin, j->arch, j->opt.lenient, &asked));
    const weft_recipe own = weft_arch_recipe(j->arch, 0);
    weft_recipe_text(&asked, text, sizeof text);
    weft_recipe_text(&own, usual, sizeof usual);
    return strcmp(text, usual) == 0 ? WEFT_OK : weft_weights_set_meta(out, "weft.recipe", text);
}

int weft_classes_said(const weft_weights *in)
{
    const char *const text = weft_weights_meta_find(in, "weft.classes");
    const size_t digits = text ? strspn(text, "0123456789") : 0;
    return digits && digits <= 8 && !text[digits] ? (int)strtol(text, NULL, 10) : 0;
}

bool weft_readout_is_known(const char *text)
{
    return !text || strcmp(text, "softmax") == 0 || strcmp(text, "sigmoid") == 0;
}

/* A number of classes is what the tensors have; what is none is told where it is read. */
static weft_status check_said(const job *j)
{
    const int classes = weft_classes_said(j->in);
    const char *const activation = weft_weights_meta_find(j->in, "weft.activation");
    if (classes && classes != j->classes)
        return weft_fail(WEFT_BAD_DATA, "weft.classes is %d, the tensors are of %d classes", classes, j->classes);
    if (!weft_readout_is_known(activation))
        return weft_fail(WEFT_BAD_DATA, "weft.activation is '%.40s'; softmax or sigmoid was expected", activation);
    return WEFT_OK;
}

/* What the file says about itself stays, where it is in our words; the network is told. */
static weft_status set_metadata(const job *j, weft_weights *out)
{
    for (int i = 0; i < weft_weights_meta_count(j->in); i++) {
        const char *key, *text;
        WEFT_TRY(weft_weights_meta(j->in, i, &key, &text));
        if (strncmp(key, "weft.", 5) == 0)
            WEFT_TRY(weft_weights_set_meta(out, key, text));
    }
    WEFT_TRY(check_said(j));
    char classes[16];
    snprintf(classes, sizeof classes, "%d", j->classes);
    WEFT_TRY(weft_weights_set_meta(out, "weft.arch", j->arch->name));
    WEFT_TRY(weft_weights_set_meta(out, "weft.dialect", weft_dialect_name(j->arch->dialect)));
    if (!weft_weights_meta_find(j->in, "weft.classes"))
        WEFT_TRY(weft_weights_set_meta(out, "weft.classes", classes));
    return set_recipe(j, out);
}

static weft_status differs(const job *j, const char *who, const char *how)
{
    return weft_fail(WEFT_BAD_DATA,
                     "%s%s: the same tensors give other answers in weft's %s (%s); a lenient mapping, weft convert "
                     "--no-strict, takes them", who, how, j->arch->name, weft_dialect_name(j->arch->dialect));
}

/* What is said of the network beside the file or in it, and is not so of weft's. */
static weft_status check_description(const job *j)
{
    const char *const beside = weft_weights_meta_find(j->in, WEFT_META_DIFFERS);
    const char *const inside = weft_weights_meta_find(j->in, WEFT_META_FILE_DIFFERS);
    if ((!beside && !inside) || j->opt.lenient)
        return WEFT_OK;
    return differs(j, beside ? "the description beside the weights says of the network " : "",
                   beside ? beside : inside);
}

/* The same of layer by layer. */
static weft_status check_layers(job *j)
{
    bool failed = false;
    if (j->opt.lenient)
        return WEFT_OK;
    const char *how = weft_layers_differ(&j->arena, j->in, j->graph, &j->resolved, j->arch, &failed);
    if (!how && !failed)
        how = weft_pools_differ(&j->arena, j->in, j->graph, j->arch, &failed);
    if (!how && !failed)
        how = weft_acts_differ(&j->arena, j->in, j->graph, &failed);
    if (failed)
        return WEFT_NO_MEMORY;
    return how ? differs(j, "", how) : WEFT_OK;
}

static weft_status run(job *j, weft_map_report **report, weft_weights *out)
{
    int misshapen;
    WEFT_TRY(check_description(j));
    WEFT_TRY(find_tensors(j));
    WEFT_TRY(find_orders(j, &misshapen));
    WEFT_TRY(weft_report_create(j->ctx, &j->resolved, report));
    WEFT_TRY(judge(j, *report, misshapen));
    WEFT_TRY(check_layers(j));
    WEFT_TRY(set_metadata(j, out));
    return convert_all(j, out);
}

weft_status weft_weights_map(weft_ctx *ctx, const weft_weights *in, const char *arch, weft_dialect dialect,
                             const weft_map_opt *opt, weft_map_report **report, weft_weights **out)
{
    if (!ctx || !in || !arch || !out)
        return weft_fail(WEFT_INVALID, "weft_weights_map: ctx, in, arch and out must not be NULL");
    job j = {
        .ctx = ctx,
        .in = in,
        .arch = weft_arch_find(arch, dialect),
        .opt = opt ? *opt : (weft_map_opt){ 0 },
    };
    if ((unsigned)j.opt.origin >= WEFT_ORIGIN_COUNT || j.opt.classes < 0)
        return weft_fail(WEFT_INVALID, "weft_weights_map: origin %d, classes %d: no such origin or number",
                         (int)j.opt.origin, j.opt.classes);
    if (!j.arch) /* says which name is near */
        return weft_arch_build(ctx, arch, &(weft_arch_opt){ .dialect = dialect }, &j.graph);
    weft_map_report *found = NULL;
    weft_weights *set = NULL;
    WEFT_TRY(weft_weights_create(ctx, &set));
    weft_arena_init(&j.arena, weft_ctx_allocator(ctx));
    const weft_status status = run(&j, &found, set);
    if (status == WEFT_OK)
        *out = set;
    else
        weft_weights_destroy(set);
    if (report && (status == WEFT_OK || status == WEFT_BAD_DATA) && found)
        *report = found;
    else
        weft_map_report_destroy(ctx, found);
    weft_graph_destroy(j.graph);
    weft_arena_release(&j.arena);
    return status;
}
