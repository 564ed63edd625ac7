/* SPDX-License-Identifier: Apache-2.0
 *
 * Which network a file is of: what it says itself, else how its name begins, else what its tensors are. The dialect
 * is looked for among the network's tensors; timm's "tf_" files have the names of our torch dialect and are Keras'. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"

enum { SURE = 95 }; /* percent of the tensors that must agree when nothing else says the network */

/* What is known before tensors are looked at. */
typedef struct clue {
    const char *name; /* NULL: any network */
    weft_dialect dialect;
    bool tensorflow; /* timm's tf_: the Keras dialect, whose names are those of the torch one */
} clue;

static bool starts(const char *name, const char *with)
{
    while (*with && tolower((unsigned char)*name) == *with)
        name++, with++;
    return !*with;
}

/* The longest beginning of the file's name, up to a break between words, that is a network's name. */
static const weft_arch *by_file_name(const char *path, bool *tensorflow)
{
    static const char *const families[] = { "tf_", "legacy_", "tv_" }; /* which timm puts before its names */
    const char *slash = path ? strrchr(path, '/') : NULL, *name = slash ? slash + 1 : path ? path : "";
    *tensorflow = starts(name, "tf_");
    for (int i = 0; i < WEFT_COUNT(families); i++) {
        if (starts(name, families[i]))
            name += strlen(families[i]);
    }
    char word[64];
    snprintf(word, sizeof word, "%s", name);
    for (size_t length = strlen(word); length > 0; length--) {
        const bool breaks = strchr("-_.", word[length]) != NULL; /* or the end */
        word[length] = '\0';
        const weft_arch *arch = breaks ? weft_arch_find(word, WEFT_DIALECT_DEFAULT) : NULL;
        if (arch)
            return arch;
    }
    return NULL;
}

/* The best row that agrees with the clue; *score < 0: none does. */
static weft_status best_row(weft_ctx *ctx, const clue *known, weft_source *source, const weft_arch **best,
                            double *score)
{
    *score = -1;
    for (int i = 0; i < weft_arch_count(); i++) {
        const weft_arch *arch = weft_arch_get(i);
        if (known->name && weft_arch_find(known->name, arch->dialect) != arch)
            continue;
        if (known->dialect != WEFT_DIALECT_DEFAULT && known->dialect != arch->dialect)
            continue;
        double value = 0;
        WEFT_TRY(weft_score_network(ctx, arch, source, &value));
        if (value > 0 && known->tensorflow && arch->dialect == WEFT_KERAS)
            value += 1;
        if (value > *score || (value >= *score && arch->is_default)) {
            *score = value;
            *best = arch;
        }
    }
    return WEFT_OK;
}

static weft_status identify(weft_ctx *ctx, weft_source *source, clue known, const char *path, const weft_arch **out,
                            const char **how)
{
    const weft_arch *best = NULL, *named = known.name ? NULL : by_file_name(path, &known.tensorflow);
    if (known.name)
        by_file_name(path, &known.tensorflow);
    else if (named)
        known.name = named->name, *how = "file name";
    else
        *how = "tensors";
    double score = 0;
    WEFT_TRY(best_row(ctx, &known, source, &best, &score));
    if (best && (known.name || 100 * score >= SURE)) {
        *out = best;
        return WEFT_OK;
    }
    if (!best)
        return weft_fail(WEFT_NOT_FOUND, "%s has no %s dialect", known.name, weft_dialect_name(known.dialect));
    char text[128];
    weft_describe_network(best, text, sizeof text);
    return weft_fail(WEFT_NOT_FOUND, "neither metadata nor file name nor tensors say which network this is%s%s%s",
                     score > 0 ? "; they fit " : "", score > 0 ? text : "", score > 0 ? " best, but not well" : "");
}

/* What the caller and the file's metadata say. */
static clue read_metadata(const weft_weights *in, const char *arch, weft_dialect dialect, const char **by)
{
    const char *const said = weft_weights_meta_find(in, "weft.arch");
    const char *const said_dialect = weft_weights_meta_find(in, "weft.dialect");
    clue known = { .name = arch, .dialect = dialect };
    if (!arch && said && weft_arch_find(said, WEFT_DIALECT_DEFAULT)) {
        known.name = said;
        *by = "metadata";
    }
    if (dialect == WEFT_DIALECT_DEFAULT && said_dialect && known.name && said &&
        weft_dialect_parse(said_dialect) < WEFT_DIALECT_COUNT &&
        weft_arch_find(known.name, WEFT_DIALECT_DEFAULT) == weft_arch_find(said, WEFT_DIALECT_DEFAULT))
        known.dialect = weft_dialect_parse(said_dialect);
    return known;
}

weft_status weft_weights_identify(weft_ctx *ctx, const weft_weights *in, const char *path, const char *arch,
                                  weft_dialect dialect, const weft_arch **out, const char **how)
{
    const char *by = "named";
    if (!ctx || !in || !out || (unsigned)dialect >= WEFT_DIALECT_COUNT)
        return weft_fail(WEFT_INVALID, "weft_weights_identify: ctx, in and out must not be NULL, dialect a dialect");
    const clue known = read_metadata(in, arch, dialect, &by);
    if (known.name && !weft_arch_find(known.name, dialect)) { /* says which name is near */
        weft_graph *graph = NULL;
        return weft_arch_build(ctx, known.name, &(weft_arch_opt){ .dialect = dialect }, &graph);
    }
    weft_arena arena;
    weft_arena_init(&arena, weft_ctx_allocator(ctx));
    weft_source source;
    weft_status status = weft_source_open(&source, &arena, in);
    if (status == WEFT_OK)
        status = identify(ctx, &source, known, path, out, &by);
    weft_arena_release(&arena);
    if (status == WEFT_OK && how)
        *how = by;
    return status;
}
