/* SPDX-License-Identifier: Apache-2.0
 *
 * A file of anybody's, as a set in our names: read, identified, mapped. The one way for whatever takes such files. */
#include <string.h>
#include <weft/weights.h>

#include "base/error.h"

/* What weft wrote itself is in our names already. */
static bool is_ours(const weft_weights *in, const weft_arch *arch)
{
    const char *const said = weft_weights_meta_find(in, "weft.arch"), *const dialect = weft_weights_meta_find(in,
                                                                                            "weft.dialect");
    return said && strcmp(said, arch->name) == 0 && dialect && strcmp(dialect, weft_dialect_name(arch->dialect)) == 0 &&
           weft_weights_meta_find(in, "weft.classes");
}

static weft_status import(weft_ctx *ctx, const char *path, const weft_import_opt *opt, weft_weights **in,
                          weft_imported *found, weft_weights **out)
{
    weft_map_opt map = opt->map;
    WEFT_TRY(weft_weights_read_with(ctx, path, &opt->read, in));
    WEFT_TRY(weft_weights_identify(ctx, *in, path, opt->arch, opt->dialect, &found->arch, &found->how));
    if (!opt->report && is_ours(*in, found->arch)) {
        *out = *in;
        *in = NULL;
        return WEFT_OK;
    }
    return weft_weights_map(ctx, *in, found->arch->name, found->arch->dialect, &map, &found->report, out);
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
