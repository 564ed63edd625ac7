/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands beside the weights in a folder of a hub. timm's config.json names the network, how photographs are
 * prepared, and perhaps the classes; transformers has the classes in config.json and the photographs in
 * preprocessor_config.json. All of it becomes metadata: hub.architecture, recipe.px, recipe.crop, recipe.resample,
 * recipe.preprocess (which names/recipe.c makes a recipe of) and weft.labels. A description of another kind, or one
 * that is no good, is no reason to refuse the weights. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/json.h"
#include "weights/weights.h"

enum { PATH = 4096, CONFIG_MAX = 16 << 20, LABELS_MAX = 1 << 20, PX_MAX = 1 << 16 };

typedef struct hub {
    weft_json json;
    weft_weights *weights;
} hub;

static weft_status set(const hub *h, const char *key, const char *text)
{
    return text ? weft_weights_set_meta(h->weights, key, text) : WEFT_OK;
}

/* ---- photographs ---- */

/* Whether three numbers are these. */
static weft_status is_triple(hub *h, size_t at, const double expected[3], bool *out)
{
    *out = false;
    if (!weft_json_is(&h->json, at, '['))
        return WEFT_OK;
    WEFT_TRY(weft_json_expect(&h->json, '[', "before three numbers"));
    bool same = true;
    for (int i = 0; i < 3; i++) {
        double value = 0;
        if (i > 0 && !weft_json_take(&h->json, ','))
            return WEFT_OK;
        WEFT_TRY(weft_json_real(&h->json, "a mean or deviation", &value));
        same = same && fabs(value - expected[i]) < 1e-4;
    }
    *out = same;
    return WEFT_OK;
}

static weft_status read_statistics(hub *h, size_t mean_at, size_t std_at)
{
    static const struct {
        const char *name;
        double mean[3], std[3];
    } rows[] = {
        { "torch", { .485, .456, .406 }, { .229, .224, .225 } },
        { "tf", { .5, .5, .5 }, { .5, .5, .5 } },
        { "unit", { 0, 0, 0 }, { 1, 1, 1 } },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        bool mean = false, std = false;
        WEFT_TRY(is_triple(h, mean_at, rows[i].mean, &mean));
        WEFT_TRY(is_triple(h, std_at, rows[i].std, &std));
        if (mean && std)
            return set(h, "recipe.preprocess", rows[i].name);
    }
    return WEFT_OK;
}

static weft_status set_px(const hub *h, double px)
{
    char text[32];
    if (!(px >= 1 && px <= PX_MAX))
        return WEFT_OK;
    snprintf(text, sizeof text, "%d", (int)px);
    return set(h, "recipe.px", text);
}

static weft_status set_crop(hub *h, size_t at)
{
    char text[64];
    double crop = 0;
    bool found = false;
    WEFT_TRY(weft_json_real_at(&h->json, at, &crop, &found));
    if (!found || !(crop > 0 && crop <= 1))
        return WEFT_OK;
    snprintf(text, sizeof text, "%.9g", crop);
    return set(h, "recipe.crop", text);
}

/* [3, 224, 224] */
static weft_status read_input_size(hub *h, size_t at)
{
    double size[3] = { 0 };
    if (!weft_json_is(&h->json, at, '['))
        return WEFT_OK;
    WEFT_TRY(weft_json_expect(&h->json, '[', "before a size"));
    for (int i = 0; i < 3; i++) {
        if (i > 0 && !weft_json_take(&h->json, ','))
            return WEFT_OK;
        WEFT_TRY(weft_json_real(&h->json, "a size", &size[i]));
    }
    return size[1] == size[2] ? set_px(h, size[1]) : WEFT_OK;
}

/* timm's pretrained_cfg, which older files have at the top. */
static weft_status read_timm(hub *h, size_t at)
{
    static const char *const keys[] = { "input_size", "interpolation", "crop_pct", "mean", "std" };
    size_t found[5];
    const char *interpolation = NULL;
    h->json.at = at;
    WEFT_TRY(weft_json_members(&h->json, keys, found, 5));
    WEFT_TRY(read_input_size(h, found[0]));
    WEFT_TRY(weft_json_text_at(&h->json, found[1], &interpolation));
    if (interpolation && (strcmp(interpolation, "bicubic") == 0 || strcmp(interpolation, "bilinear") == 0))
        WEFT_TRY(set(h, "recipe.resample", interpolation));
    WEFT_TRY(set_crop(h, found[2]));
    return read_statistics(h, found[3], found[4]);
}

/* transformers' preprocessor_config.json. */
static weft_status read_preprocessor(hub *h)
{
    static const char *const keys[] = { "size", "resample", "crop_pct", "image_mean", "image_std" };
    static const char *const inner[] = { "shortest_edge", "height" };
    static const char *const filters[] = { "nearest", NULL, "bilinear", "bicubic" }; /* Pillow's numbers */
    size_t at[5], side[2] = { 0 };
    double px = 0, filter = 0;
    bool found = false;
    WEFT_TRY(weft_json_members(&h->json, keys, at, 5));
    if (weft_json_is(&h->json, at[0], '{')) {
        WEFT_TRY(weft_json_members(&h->json, inner, side, 2));
        at[0] = side[0] ? side[0] : side[1];
    }
    WEFT_TRY(weft_json_real_at(&h->json, at[0], &px, &found));
    if (found)
        WEFT_TRY(set_px(h, px));
    WEFT_TRY(weft_json_real_at(&h->json, at[1], &filter, &found));
    if (found && filter >= 0 && filter < WEFT_COUNT(filters))
        WEFT_TRY(set(h, "recipe.resample", filters[(int)filter]));
    WEFT_TRY(set_crop(h, at[2]));
    return read_statistics(h, at[3], at[4]);
}

/* ---- classes ---- */

/* ["daisy", ...], or {"0": "daisy", "1": ...} in this order, as lines. */
static weft_status read_labels(hub *h, size_t at)
{
    const bool keyed = weft_json_is(&h->json, at, '{');
    size_t used = 0, length = 0, first = 0;
    if (!keyed && !weft_json_is(&h->json, at, '['))
        return WEFT_OK;
    char *lines = weft_arena_alloc(h->json.arena, LABELS_MAX + 1);
    if (!lines)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_json_expect(&h->json, keyed ? '{' : '[', "before labels"));
    for (int i = 0; i == 0 || weft_json_take(&h->json, ','); i++) {
        const char *key = NULL, *text = NULL;
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        if (keyed) {
            WEFT_TRY(weft_json_string(&h->json, "before a class", &key, &length, &first));
            WEFT_TRY(weft_json_expect(&h->json, ':', "behind a class"));
        }
        WEFT_TRY(weft_json_string(&h->json, "before a label", &text, &length, &first));
        if ((keyed && strcmp(key, number) != 0) || strpbrk(text, "\n\r") || used + length + 1 > LABELS_MAX)
            return WEFT_OK;
        memcpy(lines + used, text, length);
        lines[used + length] = '\n';
        used += length + 1;
    }
    lines[used - 1] = '\0';
    return set(h, "weft.labels", lines);
}

/* transformers calls classes so that it knows no names of. */
static bool are_numbers(const char *labels)
{
    return labels && strncmp(labels, "LABEL_0", 7) == 0;
}

static weft_status read_config(hub *h)
{
    static const char *const keys[] = { "architecture", "pretrained_cfg", "label_names", "id2label", "model_type" };
    size_t at[5];
    const char *architecture = NULL;
    WEFT_TRY(weft_json_members(&h->json, keys, at, 5));
    WEFT_TRY(weft_json_text_at(&h->json, at[0], &architecture));
    if (!architecture && !at[4])
        return WEFT_OK; /* of something else */
    WEFT_TRY(set(h, "hub.architecture", architecture));
    if (architecture)
        WEFT_TRY(read_timm(h, weft_json_is(&h->json, at[1], '{') ? h->json.at : 0));
    WEFT_TRY(read_labels(h, at[2] ? at[2] : at[3]));
    if (are_numbers(weft_weights_meta_find(h->weights, "weft.labels")))
        return weft_weights_set_meta(h->weights, "weft.labels", NULL);
    return WEFT_OK;
}

/* ---- files ---- */

static weft_status parse(weft_ctx *ctx, const weft_file *file, weft_weights *weights, weft_status (*read)(hub *h))
{
    weft_arena arena;
    weft_arena_init(&arena, &ctx->allocator);
    hub h = { .json = { .file = file, .end = file->size, .arena = &arena }, .weights = weights };
    const weft_status status = read(&h);
    weft_arena_release(&arena);
    return status == WEFT_NO_MEMORY ? status : WEFT_OK;
}

static weft_status consult(weft_ctx *ctx, const char *path, const char *name, weft_weights *weights,
                           weft_status (*read)(hub *h))
{
    char beside[PATH];
    const char *slash = strrchr(path, '/');
    uint64_t size = 0;
    weft_file file;
    const int n = snprintf(beside, sizeof beside, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name);
    if (n < 0 || n >= PATH || weft_file_size(beside, &size) != WEFT_OK || size > CONFIG_MAX)
        return WEFT_OK;
    weft_status status = weft_file_load(&ctx->allocator, beside, &file);
    if (status != WEFT_OK)
        return status == WEFT_NO_MEMORY ? status : WEFT_OK;
    status = parse(ctx, &file, weights, read);
    weft_free(&ctx->allocator, file.data);
    return status;
}

weft_status weft_hub_describe(weft_ctx *ctx, const char *path, weft_weights *weights)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    if (strncmp(name, "model", 5) != 0 && strncmp(name, "pytorch_model", 13) != 0)
        return WEFT_OK; /* what hubs call weights; a config.json beside other files is of anything */
    WEFT_TRY(consult(ctx, path, "config.json", weights, read_config));
    return consult(ctx, path, "preprocessor_config.json", weights, read_preprocessor);
}
