/* SPDX-License-Identifier: Apache-2.0
 *
 * Which parameters are trained, at what share of the learning rate, with what decay. */
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/train.h"

bool weft_train_is_frozen(const weft_train_opt *opt, const char *path)
{
    for (int i = 0; i < opt->freeze_count; i++)
        if (fnmatch(opt->freeze[i], path, 0) == 0)
            return true;
    return false;
}

/* ---- parts of the network ---- */

/* Characters of the scopes that all parameters have in common, with the last '/'. */
static size_t common_scopes(const weft_graph *graph, int count)
{
    const char *first = graph->params[0].name, *slash = strrchr(first, '/');
    size_t common = slash ? (size_t)(slash - first) + 1 : 0;
    for (int i = 1; i < count; i++) {
        size_t same = 0;
        while (same < common && graph->params[i].name[same] == first[same])
            same++;
        while (same > 0 && first[same - 1] != '/')
            same--;
        common = same;
    }
    return common;
}

/* Whether two paths are in the same part: equal up to the first '/' behind the scopes in common. */
static bool same_part(const char *a, const char *b, size_t common)
{
    const size_t n = strcspn(a + common, "/");
    return n == strcspn(b + common, "/") && memcmp(a + common, b + common, n) == 0;
}

/* The learning rate of part k of n, from 0, is decay^(n - 1 - k). Each path's part is that of the first path in it. */
static void decay_layers(const weft_graph *graph, double decay, int count, weft_trained_info *out)
{
    const size_t common = common_scopes(graph, count);
    int parts = 0;
    for (int i = 0; i < count; i++) {
        int k = 0;
        while (k < i && !same_part(graph->params[k].name, graph->params[i].name, common))
            k++;
        out[i].lr = k < i ? out[k].lr : pow(decay, -(double)parts++);
    }
    for (int i = 0; i < count; i++)
        out[i].lr *= pow(decay, (double)(parts - 1));
}

/* ---- options ---- */

static weft_status check(const weft_train_opt *opt)
{
    if (!(opt->layer_decay >= 0 && opt->layer_decay <= 1))
        return weft_fail(WEFT_INVALID, "layer_decay is %g, expected 0 to 1", opt->layer_decay);
    for (int g = 0; g < opt->group_count; g++) {
        const weft_param_group *group = &opt->groups[g];
        if (!group->pattern || !(group->lr >= 0) || !(group->decay >= 0))
            return weft_fail(WEFT_INVALID, "group %d: expected a pattern, lr and decay from 0", g);
    }
    return WEFT_OK;
}

/* Whether a pattern matches a parameter or, if it is to freeze, a node: a norm by its path keeps its statistics. */
static bool is_used(const weft_graph *graph, const char *pattern, bool nodes)
{
    for (int32_t i = 0; i < graph->n_params; i++)
        if (fnmatch(pattern, graph->params[i].name, 0) == 0)
            return true;
    for (int32_t i = 0; i < graph->n_nodes && nodes; i++)
        if (fnmatch(pattern, graph->nodes[i].node.name, 0) == 0)
            return true;
    return false;
}

/* A pattern that matches nothing is a mistake. */
static weft_status check_used(const weft_graph *graph, const weft_train_opt *opt)
{
    for (int k = 0; k < opt->freeze_count + opt->group_count; k++) {
        const bool freezes = k < opt->freeze_count;
        const char *pattern = freezes ? opt->freeze[k] : opt->groups[k - opt->freeze_count].pattern;
        if (!is_used(graph, pattern, freezes))
            return weft_fail(WEFT_INVALID, "pattern '%s' matches no parameter of the network; one is '%s'", pattern,
                             graph->params[0].name);
    }
    return WEFT_OK;
}

weft_status weft_train_params(const weft_graph *graph, const weft_train_opt *opt, weft_trained_info *out)
{
    const int count = graph->n_params;
    WEFT_TRY(check(opt));
    if (count == 0)
        return WEFT_OK;
    WEFT_TRY(check_used(graph, opt));
    for (int i = 0; i < count; i++) {
        const weft_param *param = &graph->params[i];
        const bool decays = opt->optimizer.decay_all || param->spec.shape.rank > 1;
        out[i] = (weft_trained_info){ .name = param->name, .shape = param->spec.shape, .lr = 1,
                                      .trained = !param->spec.statistic && !weft_train_is_frozen(opt, param->name),
                                      .decay = decays ? opt->optimizer.decay : 0 };
    }
    if (opt->layer_decay > 0)
        decay_layers(graph, opt->layer_decay, count, out);
    for (int i = 0; i < count; i++) {
        for (int g = 0; g < opt->group_count; g++) {
            const weft_param_group *group = &opt->groups[g];
            if (fnmatch(group->pattern, out[i].name, 0) != 0)
                continue;
            out[i].lr *= group->lr > 0 ? group->lr : 1;
            out[i].decay = group->no_decay ? 0 : group->decay > 0 ? group->decay : out[i].decay;
        }
        if (!out[i].trained)
            out[i].lr = out[i].decay = 0;
    }
    return WEFT_OK;
}
