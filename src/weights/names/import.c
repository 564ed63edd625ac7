/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of anybody's, as a set in our names: read, identified, mapped. The one way for whatever takes such files. */
#include <stdio.h>
#include <string.h>
#include <weft/weights.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/names/map.h"

/* Whether the set is what its metadata say: of each of the graph's parameters it has a tensor of its shape. */
static bool has_params(const weft_weights *in, const weft_graph *graph)
{
    weft_param_info param;
    weft_weight tensor;
    for (int i = 0; i < weft_graph_param_count(graph); i++) {
        if (weft_graph_param(graph, i, &param) != WEFT_OK || weft_weights_find(in, param.name, &tensor) != WEFT_OK ||
            !weft_shape_equal(&tensor.shape, &param.shape))
            return false;
    }
    return true;
}

/* The network of a set that weft wrote itself, which is in our names already; *out NULL: it did not, or somebody has
 * changed it, and it has to be looked at like any other. */
static weft_status ours(weft_ctx *ctx, const weft_weights *in, const weft_arch **out)
{
    const char *const said = weft_weights_meta_find(in, "weft.arch"), *const words = said
        ? weft_weights_meta_find(in, "weft.dialect") : NULL;
    const char *const recipe_said = weft_weights_meta_find(in, "weft.recipe");
    const weft_arch *const arch = words ? weft_arch_find(said, weft_dialect_parse(words)) : NULL;
    const int classes = arch ? weft_classes_said(in) : 0;
    if (classes < 1 || !weft_readout_is_known(weft_weights_meta_find(in, "weft.activation")))
        return WEFT_OK;
    weft_recipe recipe = weft_arch_recipe(arch, 0);
    if (recipe_said && weft_recipe_parse(recipe_said, &recipe) != WEFT_OK)
        return WEFT_OK;
    weft_graph *graph = NULL;
    const weft_arch_opt opt = { .dialect = arch->dialect, .batch = 1, .px = recipe.px, .classes = classes };
    const weft_status status = weft_arch_build(ctx, arch->name, &opt, &graph);
    if (status == WEFT_OK && has_params(in, graph))
        *out = arch;
    weft_graph_destroy(graph);
    return status == WEFT_NO_MEMORY ? status : WEFT_OK;
}

/* Which dictionary of a PyTorch file was read, and which were not, is worth knowing behind the mapping too. */
static weft_status keep_key(const weft_weights *in, weft_weights *out)
{
    static const char *const keys[] = { "torch.key", "torch.other_keys" };
    for (int i = 0; i < WEFT_COUNT(keys); i++) {
        const char *const text = weft_weights_meta_find(in, keys[i]);
        if (text)
            WEFT_TRY(weft_weights_set_meta(out, keys[i], text));
    }
    return WEFT_OK;
}

static bool has_variants(const char *name)
{
    int count = 0;
    for (int d = WEFT_DIALECT_DEFAULT + 1; d < WEFT_DIALECT_COUNT; d++)
        count += weft_arch_find(name, (weft_dialect)d) != NULL;
    return count > 1;
}

/* What the file says of its network, where weft cannot make anything of it; the variants of a network have the same
 * tensors in our names, and other answers. */
static void doubt_metadata(const weft_weights *in, const weft_import_opt *opt, weft_imported *found)
{
    const char *const said = weft_weights_meta_find(in, "weft.arch");
    const char *const dialect = weft_weights_meta_find(in, "weft.dialect");
    const char *const name = found->arch->name, *const variant = weft_dialect_name(found->arch->dialect);
    const bool known = dialect && weft_dialect_parse(dialect) == found->arch->dialect;
    char *const to = found->doubt;
    if (*to || !said)
        return;
    if (!opt->arch && !weft_arch_find(said, WEFT_DIALECT_DEFAULT))
        snprintf(to, sizeof found->doubt, "weft.arch is '%.40s', which is no network that weft knows; the tensors are "
                 "taken as those of %s (%s)", said, name, variant);
    else if (opt->dialect == WEFT_DIALECT_DEFAULT && found->report->origin == WEFT_ORIGIN_WEFT && !known &&
             has_variants(name))
        snprintf(to, sizeof found->doubt, "weft.dialect is '%.20s', which is no variant of %s; the tensors are taken "
                 "as those of %s (%s)", dialect ? dialect : "", name, name, variant);
}

/* As many names of classes as the tensors have outputs, or two for yes and no. */
static void doubt_labels(const weft_weights *mapped, weft_imported *found)
{
    const char *const labels = weft_weights_meta_find(mapped, "weft.labels");
    const int classes = weft_classes_said(mapped);
    int lines = labels && *labels;
    for (const char *at = labels; at && *at; at++)
        lines += *at == '\n' && at[1];
    if (labels && !*found->doubt && lines != classes && !(classes == 1 && lines == 2))
        snprintf(found->doubt, sizeof found->doubt, "weft.labels has %d names, the tensors are of %d classes", lines,
                 classes);
}

/* What is known of the file by its name, or by what it is. */
static weft_status look_at_name(const char *path, weft_weights *in, weft_imported *found)
{
    const char *const words = weft_published_recipe(path, found->arch);
    const char *const said = weft_weights_meta_find(in, WEFT_META_ARCHITECTURE);
    if (strcmp(found->how, "metadata") != 0 && weft_name_is_longer(path, found->arch))
        snprintf(found->doubt, sizeof found->doubt, "its tensors are those of %s, its name says more: if it is of a "
                 "network that %s is a part or a relative of, answers are wrong", found->arch->name, found->arch->name);
    else if (said && (strcmp(found->how, "tensors") == 0 || strstr(found->how, " name")))
        snprintf(found->doubt, sizeof found->doubt, "config.json says that the network is '%.60s'; the tensors are "
                 "those of %s, and taken so", said, found->arch->name);
    return words ? weft_weights_set_meta(in, "recipe.published", words) : WEFT_OK;
}

weft_status weft_weights_take(weft_ctx *ctx, weft_weights *in, const char *path, const weft_import_opt *opt,
                              weft_imported *found, weft_weights **out)
{
    static const weft_import_opt defaults;
    if (!ctx || !in || !path || !found || !out)
        return weft_fail(WEFT_INVALID, "weft_weights_take: ctx, in, path, found and out must not be NULL");
    opt = opt ? opt : &defaults;
    *found = (weft_imported){ 0 };
    WEFT_TRY(weft_weights_identify(ctx, in, path, opt->arch, opt->dialect, &found->arch, &found->how));
    WEFT_TRY(look_at_name(path, in, found));
    WEFT_TRY(weft_weights_map(ctx, in, found->arch->name, found->arch->dialect, &opt->map, &found->report, out));
    doubt_metadata(in, opt, found);
    doubt_labels(*out, found);
    if (*found->doubt)
        weft_log(ctx, WEFT_LOG_WARN, "%s: %s", path, found->doubt);
    return WEFT_OK;
}

static weft_status import(weft_ctx *ctx, const char *path, const weft_import_opt *opt, weft_weights **in,
                          weft_imported *found, weft_weights **out)
{
    weft_weights *mapped = NULL;
    WEFT_TRY(weft_weights_read_with(ctx, path, &opt->read, in));
    if (!opt->report)
        WEFT_TRY(ours(ctx, *in, &found->arch));
    if (found->arch) {
        found->how = "metadata";
        doubt_labels(*in, found);
        *out = *in;
        *in = NULL;
        return WEFT_OK;
    }
    const weft_status taken = weft_weights_take(ctx, *in, path, opt, found, &mapped);
    if (taken == WEFT_NOT_FOUND && !opt->arch) /* there is a file, but of what? */
        return weft_fail_in(WEFT_BAD_DATA, "%s", path);
    WEFT_TRY(taken);
    const weft_status status = keep_key(*in, mapped);
    if (status == WEFT_OK)
        *out = mapped;
    else
        weft_weights_destroy(mapped);
    return status;
}

weft_status weft_weights_import(weft_ctx *ctx, const char *path, const weft_import_opt *opt, weft_imported *found,
                                weft_weights **out)
{
    static const weft_import_opt defaults;
    weft_weights *in = NULL;
    weft_imported about = { 0 };
    if (!ctx || !path || !out)
        return weft_fail(WEFT_INVALID, "weft_weights_import: ctx, path and out must not be NULL");
    weft_status status = import(ctx, path, opt ? opt : &defaults, &in, &about, out);
    weft_weights_destroy(in);
    if (status != WEFT_OK && !strstr(weft_error(), path))
        status = weft_fail_in(status, "%s", path);
    if (found)
        *found = about;
    else
        weft_map_report_destroy(ctx, about.report);
    return status;
}
