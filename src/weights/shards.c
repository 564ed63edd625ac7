/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights in pieces: {"weight_map": {"<tensor>": "<file beside the index>", ...}}. Each file is read once; the set has
 * the tensors that the index lists, and no others. */
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/json.h"
#include "weights/weights.h"

enum { PATH = 4096, FILES = 256, INDEX_MAX = 16 << 20 };

/* One line of the index. */
typedef struct line {
    const char *tensor; /* first: weft_index */
    int file;
    bool found;
} line;

typedef struct shards {
    weft_ctx *ctx;
    const char *path;
    weft_arena arena;
    weft_json json;
    weft_index index; /* of lines, by tensor */
    line *lines;
    int64_t room;
    const char **files;
    int file_count;
    weft_weights *set;
} shards;

static weft_status no_memory(const shards *s)
{
    return weft_fail_in(WEFT_NO_MEMORY, "%.200s", s->path);
}

/* A name without a folder: an index names no file elsewhere. Most lines name the file of the line before. */
static weft_status number_of_file(shards *s, const char *name, size_t at, int *out)
{
    for (int i = s->file_count - 1; i >= 0; i--) {
        if (strcmp(s->files[i], name) == 0) {
            *out = i;
            return WEFT_OK;
        }
    }
    if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || s->file_count == FILES)
        return weft_file_bad(s->json.file, at,
                             "the index names the file \"%.80s\"; names of at most %d files beside it "
                             "were expected",
                             name, FILES);
    s->files[s->file_count] = name;
    *out = s->file_count++;
    return WEFT_OK;
}

static weft_status add_line(shards *s, const char *tensor, int file, size_t at)
{
    if (s->index.count == s->room) {
        const int64_t room = s->room ? 2 * s->room : 256;
        line *lines = weft_arena_array(&s->arena, (size_t)room, sizeof *lines);
        if (!lines)
            return no_memory(s);
        if (s->lines)
            memcpy(lines, s->lines, (size_t)s->room * sizeof *lines);
        s->lines = lines;
        s->room = room;
    }
    s->lines[s->index.count] = (line){ .tensor = tensor, .file = file };
    const weft_status status = weft_index_add(&s->index, &s->ctx->allocator, s->lines, sizeof *s->lines);
    return status == WEFT_OK ? WEFT_OK : weft_file_bad_in(status, s->json.file, at);
}

static weft_status read_index(shards *s)
{
    static const char *const keys[] = { "weight_map" };
    size_t map = 0;
    WEFT_TRY(weft_json_members(&s->json, keys, &map, 1));
    WEFT_TRY(weft_json_end(&s->json));
    if (!weft_json_is(&s->json, map, '{'))
        return weft_file_bad(s->json.file, 0, "an index of weight files has a \"weight_map\"");
    WEFT_TRY(weft_json_expect(&s->json, '{', "before the weight map"));
    if (weft_json_take(&s->json, '}'))
        return WEFT_OK;
    do {
        const char *tensor, *name;
        size_t length, at, name_at;
        int file = 0;
        WEFT_TRY(weft_json_string(&s->json, "before the name of a tensor", &tensor, &length, &at));
        WEFT_TRY(weft_json_expect(&s->json, ':', "behind the name of a tensor"));
        WEFT_TRY(weft_json_string(&s->json, "before the name of a file", &name, &length, &name_at));
        WEFT_TRY(number_of_file(s, name, name_at, &file));
        WEFT_TRY(add_line(s, tensor, file, at));
    } while (weft_json_take(&s->json, ','));
    return weft_json_expect(&s->json, '}', "behind the weight map");
}

/* The tensors of one file, which the index must have there. */
static weft_status take_tensors(shards *s, const weft_weights *piece, int file, const char *path)
{
    for (int64_t i = 0; i < weft_weights_count(piece); i++) {
        weft_weight w;
        WEFT_TRY(weft_weights_get(piece, i, &w));
        const int64_t at = weft_index_find(&s->index, s->lines, sizeof *s->lines, w.name);
        if (at < 0 || s->lines[at].file != file)
            return weft_fail(WEFT_BAD_DATA, "%s: tensor \"%.80s\" is here, but not by the index %s", path, w.name,
                             s->path);
        s->lines[at].found = true;
        WEFT_TRY(weft_weights_add(s->set, w.name, w.dtype, &w.shape, w.data));
    }
    return WEFT_OK;
}

static weft_status read_piece(shards *s, int file, const weft_read_opt *opt)
{
    const weft_read_opt all = { .format = opt->format }; /* a key is for the tensors of all pieces */
    char path[PATH];
    const char *slash = strrchr(s->path, '/');
    const int folder = slash ? (int)(slash + 1 - s->path) : 0;
    const int n = snprintf(path, sizeof path, "%.*s%s", folder, s->path, s->files[file]);
    if (n < 0 || (size_t)n >= sizeof path)
        return weft_fail(WEFT_BAD_DATA, "%s: the path of %.80s is too long", s->path, s->files[file]);
    weft_weights *piece = NULL;
    WEFT_TRY(weft_weights_read_file(s->ctx, path, &all, &piece));
    const weft_status status = take_tensors(s, piece, file, path);
    weft_weights_destroy(piece);
    return status;
}

static weft_status read_all(shards *s, const weft_read_opt *opt)
{
    s->files = weft_arena_array(&s->arena, FILES, sizeof *s->files);
    if (!s->files)
        return no_memory(s);
    WEFT_TRY(read_index(s));
    for (int i = 0; i < s->file_count; i++)
        WEFT_TRY(read_piece(s, i, opt));
    for (int64_t i = 0; i < s->index.count; i++) {
        if (!s->lines[i].found)
            return weft_fail(WEFT_BAD_DATA, "%s: tensor \"%.80s\" is not in %.80s", s->path, s->lines[i].tensor,
                             s->files[s->lines[i].file]);
    }
    return WEFT_OK;
}

/* Of an index that lies in memory. */
static weft_status with_index(weft_ctx *ctx, const weft_file *file, const weft_read_opt *opt, weft_weights *set)
{
    shards s = { .ctx = ctx, .path = file->path, .set = set };
    weft_arena_init(&s.arena, &ctx->allocator);
    s.json = (weft_json){ .file = file, .end = file->size, .arena = &s.arena };
    const weft_status status = read_all(&s, opt);
    weft_index_release(&s.index, &ctx->allocator);
    weft_arena_release(&s.arena);
    return status;
}

static weft_status load(weft_ctx *ctx, const char *path, weft_file *out)
{
    uint64_t size = 0;
    WEFT_TRY(weft_file_size(path, &size));
    if (size > INDEX_MAX)
        return weft_fail(WEFT_BAD_DATA, "%s: the index has more than %d bytes", path, INDEX_MAX);
    return weft_file_load(&ctx->allocator, path, out);
}

weft_status weft_shards_read(weft_ctx *ctx, const char *path, const weft_read_opt *opt, weft_weights **out)
{
    weft_weights *set = NULL;
    weft_file file;
    WEFT_TRY(weft_weights_create(ctx, &set));
    weft_status status = load(ctx, path, &file);
    if (status == WEFT_OK) {
        status = with_index(ctx, &file, opt, set);
        weft_free(&ctx->allocator, file.data);
    }
    if (status == WEFT_OK)
        *out = set;
    else
        weft_weights_destroy(set);
    return status;
}
