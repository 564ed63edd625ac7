/* SPDX-License-Identifier: Apache-2.0
 *
 * Weights as they are kept: a file; an index of several files; the folder of a hub, whose file is described beside. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "weights/weights.h"

enum { PATH = 4096 };
static const char index_end[] = ".index.json";

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "model-00001-of-00002.safetensors" */
static weft_status check_whole(const char *path)
{
    const char *name = name_of(path), *of = strstr(name, "-of-");
    unsigned piece = 0, pieces = 0;
    int used = 0;
    if (!of || of - name < 6 || sscanf(of - 6, "-%5u-of-%5u%n", &piece, &pieces, &used) != 2 || of[-6 + used] != '.' ||
        pieces < 2)
        return WEFT_OK;
    return weft_fail(WEFT_BAD_DATA, "%s: is piece %u of %u; name the index (*%s) that comes with the pieces, or their "
                     "folder", path, piece, pieces, index_end);
}

weft_status weft_weights_read_with(weft_ctx *ctx, const char *path, const weft_read_opt *opt, weft_weights **out)
{
    static const weft_read_opt defaults;
    const weft_read_opt *const asked = opt ? opt : &defaults;
    if (!ctx || !path || !out || (int)asked->format < 0 || asked->format >= WEFT_FORMAT_COUNT)
        return weft_fail(WEFT_INVALID, "weft_weights_read: ctx, path and out must not be NULL, format must be known");
    char file[PATH];
    struct stat facts;
    const bool folder = stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
    if (folder) {
        WEFT_TRY(weft_weights_find_in_folder(path, file, sizeof file));
        path = file;
    }
    WEFT_TRY(check_whole(path));
    weft_weights *weights = NULL;
    WEFT_TRY((ends_with(path, index_end) ? weft_shards_read : weft_weights_read_file)(ctx, path, asked, &weights));
    const char *const taken = weft_weights_meta_find(weights, "torch.key");
    const bool used = asked->key && (!*asked->key || (taken && strcmp(taken, asked->key) == 0)); /* for a dictionary */
    weft_status status = weft_weights_pick(ctx, path, used ? NULL : asked->key, weights);
    if (status == WEFT_OK)
        status = weft_hub_describe(ctx, path, folder, weights);
    if (status == WEFT_OK)
        *out = weights;
    else
        weft_weights_destroy(weights);
    return status;
}

weft_status weft_weights_read(weft_ctx *ctx, const char *path, weft_format format, weft_weights **out)
{
    return weft_weights_read_with(ctx, path, &(weft_read_opt){ .format = format }, out);
}
