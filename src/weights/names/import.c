/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of anybody's, as a set in our names: read, identified, mapped. The one way for whatever takes such files. */
#include <stdio.h>
#include <string.h>
#include <weft/weights.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/names/map.h"

/* The network of a set that weft wrote itself, which is in our names already; NULL: it did not. */
static const weft_arch *ours(const weft_weights *in)
{
    const char *const arch = weft_weights_meta_find(in, "weft.arch");
    const char *const dialect = weft_weights_meta_find(in, "weft.dialect");
    if (!arch || !dialect || !weft_weights_meta_find(in, "weft.classes"))
        return NULL;
    return weft_arch_find(arch, weft_dialect_parse(dialect));
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

/* What is known of the file by its name, or by what it is. */
static weft_status look_at_name(weft_ctx *ctx, const char *path, weft_weights *in, weft_imported *found)
{
    const char *const words = weft_published_recipe(path, found->arch);
    if (strcmp(found->how, "metadata") != 0 && weft_name_is_longer(path, found->arch)) {
        snprintf(found->doubt, sizeof found->doubt, "its tensors are those of %s, its name says more: if it is of a "
                 "network that %s is a part or a relative of, answers are wrong", found->arch->name, found->arch->name);
        weft_log(ctx, WEFT_LOG_WARN, "%s: %s", path, found->doubt);
    }
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
    WEFT_TRY(look_at_name(ctx, path, in, found));
    return weft_weights_map(ctx, in, found->arch->name, found->arch->dialect, &opt->map, &found->report, out);
}

static weft_status import(weft_ctx *ctx, const char *path, const weft_import_opt *opt, weft_weights **in,
                          weft_imported *found, weft_weights **out)
{
    weft_weights *mapped = NULL;
    WEFT_TRY(weft_weights_read_with(ctx, path, &opt->read, in));
    if (!opt->report && (found->arch = ours(*in)) != NULL) {
        found->how = "metadata";
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
