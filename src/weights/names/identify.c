/* SPDX-License-Identifier: Apache-2.0
 *
 * Which network a file is of: what it says itself, else what its tensors are. The name of the file, or of its folder,
 * decides only between networks that the tensors fit: timm's "tf_" files have the names and shapes of our torch dialect
 * and are Keras', which a module that was pickled whole says itself. Where no shapes fit (another width, other images)
 * names do, so that mapping can say what differs. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"
#include "weights/weights.h"

enum { SURE = 95, NEAR = 5 /* percent of the tensors: must agree; may agree less than with the best */, WORD = 64 };

/* What is known before tensors are looked at. */
typedef struct clue {
    const char *name; /* given: NULL: any network */
    weft_dialect dialect;
    const weft_arch *hint; /* by a name of the file; NULL */
    const char *how;       /* which name */
    bool tensorflow;       /* timm's tf_: the Keras dialect, whose names are those of the torch one */
    bool pads_like_it;     /* so says a layer of a pickled module, whatever the name */
} clue;

/* ---- names ---- */

static bool starts(const char *name, const char *with)
{
    while (*with && tolower((unsigned char)*name) == *with)
        name++, with++;
    return !*with;
}

/* The longest beginning of the name, up to a break between words, that is a network's name. */
static const weft_arch *by_name(const char *name, size_t length, bool *tensorflow)
{
    static const char *const families[] = { "tf_", "legacy_", "tv_" }; /* which timm puts before its names */
    char word[WORD];
    snprintf(word, sizeof word, "%.*s", length < WORD ? (int)length : WORD - 1, name);
    char *from = word;
    *tensorflow = starts(word, "tf_");
    for (int i = 0; i < WEFT_COUNT(families); i++) {
        if (starts(from, families[i]))
            from += strlen(families[i]);
    }
    for (size_t end = strlen(from); end > 0; end--) {
        const bool breaks = strchr("-_.", from[end]) != NULL; /* or the end */
        from[end] = '\0';
        const weft_arch *arch = breaks ? weft_arch_find(from, WEFT_DIALECT_DEFAULT) : NULL;
        if (arch)
            return arch;
    }
    return NULL;
}

/* What the file's description beside it, its name and its folder's name say, in this order. */
static void read_names(clue *known, const weft_weights *in, const char *path)
{
    const char *const said = weft_weights_meta_find(in, WEFT_META_ARCHITECTURE);
    const char *slash = path ? strrchr(path, '/') : NULL, *name = slash ? slash + 1 : path;
    if (said)
        known->hint = by_name(said, strlen(said), &known->tensorflow);
    known->how = "config.json";
    if (!known->hint && name) {
        known->hint = by_name(name, strlen(name), &known->tensorflow);
        known->how = "file name";
    }
    if (!known->hint && slash) {
        const char *folder = slash;
        while (folder > path && folder[-1] != '/')
            folder--;
        known->hint = by_name(folder, (size_t)(slash - folder), &known->tensorflow);
        known->how = "folder name";
    }
}

/* ---- tensors ---- */

/* One row of the registry, and how the tensors fit it. */
typedef struct row {
    const weft_arch *arch;
    weft_score score;
} row;

static bool agrees(const clue *known, const weft_arch *arch)
{
    if (known->name && weft_arch_find(known->name, arch->dialect) != arch)
        return false;
    return known->dialect == WEFT_DIALECT_DEFAULT || known->dialect == arch->dialect;
}

/* With a stride, padding by the image's size is TensorFlow's only. */
static bool pads_like_tensorflow(const weft_weights *in)
{
    for (int64_t i = 0; i < in->count; i++) {
        const weft_layer_facts *const facts = in->entries[i].layer;
        if (facts && (facts->known & WEFT_KNOWS_SAME) && (facts->known & WEFT_KNOWS_STRIDE) && facts->stride[0] > 1)
            return true;
    }
    return false;
}

/* Whether a names the network of the hint, in the dialect that it means. */
static int rank(const clue *known, const weft_arch *arch)
{
    const bool hinted = known->hint && strcmp(known->hint->name, arch->name) == 0;
    const bool follows = (hinted && known->tensorflow) || known->pads_like_it;
    return 4 * hinted + 2 * (follows && arch->dialect == WEFT_KERAS) + arch->is_default;
}

/* How well it fits, in percent: by names and shapes, or by names only. */
static double percent(const row *r, bool shapes)
{
    return 100 * (shapes ? r->score.fit : r->score.names);
}

static bool better(const clue *known, const row *a, const row *b, bool shapes)
{
    const int mine = rank(known, a->arch), its = rank(known, b->arch);
    if (mine / 2 != its / 2) /* by a name */
        return mine > its;
    if (percent(a, shapes) != percent(b, shapes))
        return percent(a, shapes) > percent(b, shapes);
    return mine > its;
}

/* The best of the rows that fit by `least` percent at least, and not much worse than any; NULL: there is none. */
static const row *choose(const clue *known, const row *rows, int count, bool shapes, double least)
{
    const row *best = NULL;
    double highest = least;
    for (int i = 0; i < count; i++)
        highest = fmax(highest, percent(&rows[i], shapes));
    for (int i = 0; i < count; i++) {
        const double value = percent(&rows[i], shapes);
        if (value >= least && value >= highest - NEAR && (!best || better(known, &rows[i], best, shapes)))
            best = &rows[i];
    }
    return best;
}

static weft_status score_all(weft_ctx *ctx, const clue *known, weft_source *source, row *rows, int *count)
{
    *count = 0;
    for (int i = 0; i < weft_arch_count(); i++) {
        const weft_arch *arch = weft_arch_get(i);
        if (!agrees(known, arch))
            continue;
        rows[*count].arch = arch;
        WEFT_TRY(weft_score_network(ctx, arch, source, &rows[*count].score));
        ++*count;
    }
    return WEFT_OK;
}

static weft_status unknown(const weft_source *source, const clue *known, const row *rows, int count)
{
    const char *const derived = weft_source_derived(source);
    const row *best = &rows[0];
    char text[128];
    for (int i = 1; i < count; i++)
        best = rows[i].score.fit > best->score.fit ? &rows[i] : best;
    const bool some = best->score.fit > 0 && !source->unnamed;
    weft_describe_network(best->arch, text, sizeof text);
    return weft_fail(WEFT_NOT_FOUND, "neither metadata nor tensors say which network this is%s%s%s%s%s%s%s%s",
                     known->hint ? ", and they are not those of " : "", known->hint ? known->hint->name : "",
                     known->hint ? ", as a name says" : "", some ? "; they fit " : "", some ? text : "",
                     some ? " best, but not well" : "", derived ? "; " : "", derived ? derived : "");
}

static weft_status identify(weft_ctx *ctx, weft_source *source, const clue *known, const weft_arch **out,
                            const char **how)
{
    int count = 0;
    row *rows = weft_arena_array(source->arena, (size_t)weft_arch_count(), sizeof *rows);
    if (!rows)
        return WEFT_NO_MEMORY;
    WEFT_TRY(score_all(ctx, known, source, rows, &count));
    if (count == 0)
        return weft_fail(WEFT_NOT_FOUND, "%s has no %s dialect", known->name, weft_dialect_name(known->dialect));
    const double least = known->name ? 0 : SURE;
    const row *best = choose(known, rows, count, true, least);
    if (!best || (known->name && best->score.fit <= 0))
        best = choose(known, rows, count, false, least);
    if (!best)
        return unknown(source, known, rows, count);
    *out = best->arch;
    if (!known->name)
        *how = known->hint && strcmp(known->hint->name, best->arch->name) == 0 ? known->how : "tensors";
    return WEFT_OK;
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
    clue known = read_metadata(in, arch, dialect, &by);
    if (known.name && !weft_arch_find(known.name, dialect)) { /* says which name is near */
        weft_graph *graph = NULL;
        return weft_arch_build(ctx, known.name, &(weft_arch_opt){ .dialect = dialect }, &graph);
    }
    read_names(&known, in, path);
    known.pads_like_it = pads_like_tensorflow(in);
    weft_arena arena;
    weft_arena_init(&arena, weft_ctx_allocator(ctx));
    weft_source source;
    weft_status status = weft_source_open(&source, &arena, in);
    if (status == WEFT_OK)
        status = identify(ctx, &source, &known, out, &by);
    weft_arena_release(&arena);
    if (status == WEFT_OK && how)
        *how = by;
    return status;
}
