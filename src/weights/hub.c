/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands beside the weights in a folder of a hub. timm's config.json names the network, how photographs are
 * prepared, and perhaps the classes; transformers has the classes in config.json and the photographs in
 * preprocessor_config.json. All of it becomes metadata: hub.architecture, weft.labels and what names/recipe.c makes a
 * recipe of: recipe.px, .side, .fit, .crop, .resample, .preprocess or else .mean and .std, and .cannot, the first thing
 * that is asked for and that no recipe can do; and hub.differs (hub_network.c). A description of another kind, or one
 * that is no good, is no reason to refuse the weights. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/hub.h"

enum { PATH = 4096, CONFIG_MAX = 16 << 20, LABELS_MAX = 1 << 20, PX_MAX = 1 << 16 };

typedef struct hub {
    weft_json json;
    weft_weights *weights;
} hub;

static weft_status set(const hub *h, const char *key, const char *text)
{
    return text ? weft_weights_set_meta(h->weights, key, text) : WEFT_OK;
}

/* What no recipe can do is refused where one is made (names/recipe.c): passed over, it costs accuracy unseen. */
static weft_status cannot(const hub *h, const char *format, ...) WEFT_PRINTF(2, 3);
static weft_status cannot(const hub *h, const char *format, ...)
{
    char what[160], text[256];
    va_list ap;
    if (weft_weights_meta_find(h->weights, "recipe.cannot"))
        return WEFT_OK;
    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    snprintf(text, sizeof text, "the description beside the weights asks for %s", what);
    return set(h, "recipe.cannot", text);
}

/* ---- photographs ---- */

/* [r, g, b], or [x] or x for all; *found is false for anything else. */
static weft_status read_channels(hub *h, size_t at, double out[3], bool *found)
{
    int count = 0;
    WEFT_TRY(weft_json_real_at(&h->json, at, &out[0], found));
    if (!*found && weft_json_is(&h->json, at, '[')) {
        WEFT_TRY(weft_json_expect(&h->json, '[', "before numbers"));
        do
            WEFT_TRY(weft_json_real_at(&h->json, h->json.at, &out[count], found));
        while (*found && ++count < 3 && weft_json_take(&h->json, ','));
        *found = *found && weft_json_take(&h->json, ']') && count != 2;
    }
    for (int c = count > 1 ? 3 : 1; *found && c < 3; c++)
        out[c] = out[0];
    return WEFT_OK;
}

static bool near(const double value[3], const double expected[3])
{
    bool same = true;
    for (int c = 0; c < 3; c++)
        same = same && fabs(value[c] - expected[c]) < 1e-4;
    return same;
}

/* (x / 255 - mean) / std */
static weft_status set_normal(const hub *h, const double mean[3], const double std[3])
{
    static const struct {
        const char *name;
        double mean[3], std[3];
    } rows[] = {
        { "torch", { .485, .456, .406 }, { .229, .224, .225 } },
        { "tf", { .5, .5, .5 }, { .5, .5, .5 } },
        { "unit", { 0, 0, 0 }, { 1, 1, 1 } },
    };
    char text[128];
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        if (near(mean, rows[i].mean) && near(std, rows[i].std))
            return set(h, "recipe.preprocess", rows[i].name);
    }
    snprintf(text, sizeof text, "%.17g %.17g %.17g", mean[0], mean[1], mean[2]);
    WEFT_TRY(set(h, "recipe.mean", text));
    snprintf(text, sizeof text, "%.17g %.17g %.17g", std[0], std[1], std[2]);
    return set(h, "recipe.std", text);
}

static weft_status read_statistics(hub *h, size_t mean_at, size_t std_at)
{
    double mean[3] = { 0 }, std[3] = { 0 };
    bool has_mean = false, has_std = false;
    WEFT_TRY(read_channels(h, mean_at, mean, &has_mean));
    WEFT_TRY(read_channels(h, std_at, std, &has_std));
    if (has_mean && has_std)
        return set_normal(h, mean, std);
    return mean_at || std_at ? cannot(h, "a mean and a deviation that are not one or three numbers each") : WEFT_OK;
}

static weft_status set_number(const hub *h, const char *key, double px)
{
    char text[32];
    if (!(px >= 1 && px <= PX_MAX))
        return cannot(h, "images of %g pixels", px);
    snprintf(text, sizeof text, "%d", (int)px);
    return set(h, key, text);
}

static weft_status set_px(const hub *h, double px)
{
    return set_number(h, "recipe.px", px);
}

static weft_status set_crop(hub *h, size_t at)
{
    char text[64];
    double crop = 0;
    bool found = false;
    WEFT_TRY(weft_json_real_at(&h->json, at, &crop, &found));
    if (!found)
        return WEFT_OK;
    if (!(crop > 0 && crop <= 1))
        return cannot(h, "a crop of %g of the image", crop);
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
    return size[1] == size[2] ? set_px(h, size[1]) : cannot(h, "images of %g x %g pixels", size[2], size[1]);
}

/* timm's pretrained_cfg, which older files have at the top. */
static weft_status read_timm(hub *h, size_t at)
{
    static const char *const keys[] = { "input_size", "interpolation", "crop_pct", "mean", "std", "crop_mode" };
    size_t found[6];
    const char *interpolation = NULL, *mode = NULL;
    h->json.at = at;
    WEFT_TRY(weft_json_members(&h->json, keys, found, 6));
    WEFT_TRY(read_input_size(h, found[0]));
    WEFT_TRY(weft_json_text_at(&h->json, found[1], &interpolation));
    WEFT_TRY(weft_json_text_at(&h->json, found[5], &mode));
    if (interpolation &&
        (strcmp(interpolation, "bicubic") == 0 || strcmp(interpolation, "bilinear") == 0 ||
         strcmp(interpolation, "nearest") == 0))
        WEFT_TRY(set(h, "recipe.resample", interpolation));
    else if (interpolation)
        WEFT_TRY(cannot(h, "the interpolation \"%.40s\"", interpolation));
    if (mode && strcmp(mode, "center") != 0)
        WEFT_TRY(cannot(h, "the crop_mode \"%.40s\"", mode));
    WEFT_TRY(set_crop(h, found[2]));
    return read_statistics(h, found[3], found[4]);
}

/* 224, {"shortest_edge": 224} or {"height": 224, "width": 224}: whole says that the image is squashed to it. */
static weft_status read_size(hub *h, size_t at, double *side, bool *whole)
{
    static const char *const keys[] = { "shortest_edge", "height", "width" };
    size_t inner[3] = { 0 };
    double width = 0;
    bool found = false, wide = false;
    *whole = false;
    if (weft_json_is(&h->json, at, '{')) {
        WEFT_TRY(weft_json_members(&h->json, keys, inner, 3));
        at = inner[0] ? inner[0] : inner[1];
        *whole = !inner[0] && inner[1];
    }
    WEFT_TRY(weft_json_real_at(&h->json, at, side, &found));
    WEFT_TRY(weft_json_real_at(&h->json, *whole ? inner[2] : 0, &width, &wide));
    if (!found)
        *side = 0;
    return wide && width != *side ? cannot(h, "images of %g x %g pixels", width, *side) : WEFT_OK;
}

/* The image is resized, then perhaps its centre is cut out. */
static weft_status set_sizes(hub *h, size_t size_at, size_t cut_at, bool shares)
{
    double size = 0, cut = 0;
    bool whole = false, square = false;
    WEFT_TRY(read_size(h, size_at, &size, &whole));
    WEFT_TRY(read_size(h, cut_at, &cut, &square));
    if (whole && !shares && (cut == 0 || cut == size))
        WEFT_TRY(set(h, "recipe.fit", "squash"));
    else if (whole && cut != 0)
        WEFT_TRY(cannot(h, "%g pixels cut out of an image squashed to %g", cut, size));
    if (cut == 0 || size == 0)
        return cut + size == 0 ? WEFT_OK : set_px(h, cut + size);
    if (size < cut)
        WEFT_TRY(cannot(h, "%g pixels cut out of %g", cut, size));
    WEFT_TRY(set_px(h, cut));
    return whole ? WEFT_OK : set_number(h, "recipe.side", size);
}

enum {
    SIZE, RESAMPLE, CROP_PCT, MEAN, STD, CROP_SIZE, DO_CROP, DO_RESCALE, FACTOR, OFFSET, DO_NORMALIZE, TOP, FLIP, KEYS
};

/* (x factor - offset - mean) / std, as (x / 255 - mean) / std. */
static weft_status read_normal(hub *h, const size_t at[KEYS])
{
    double mean[3] = { 0 }, std[3] = { 1, 1, 1 }, factor = 1 / 255.;
    bool found = false, has_mean = false, has_std = false;
    WEFT_TRY(weft_json_real_at(&h->json, at[FACTOR], &factor, &found));
    if (weft_json_is(&h->json, at[DO_RESCALE], 'f'))
        factor = 1;
    if (!weft_json_is(&h->json, at[DO_NORMALIZE], 'f')) {
        WEFT_TRY(read_channels(h, at[MEAN], mean, &has_mean));
        WEFT_TRY(read_channels(h, at[STD], std, &has_std));
        if (!has_mean || !has_std)
            return read_statistics(h, at[MEAN], at[STD]);
    }
    if (!(factor > 0))
        return cannot(h, "pixels times %g", factor);
    for (int c = 0; c < 3; c++) {
        if (weft_json_is(&h->json, at[TOP], 't')) /* EfficientNet divides twice */
            std[c] *= std[c];
        mean[c] = (mean[c] + (weft_json_is(&h->json, at[OFFSET], 't') ? 1 : 0)) / (255 * factor);
        std[c] /= 255 * factor;
    }
    return set_normal(h, mean, std);
}

/* transformers' preprocessor_config.json. */
static weft_status read_preprocessor(hub *h)
{
    static const char *const keys[KEYS] = {
        [SIZE] = "size", [RESAMPLE] = "resample", [CROP_PCT] = "crop_pct", [MEAN] = "image_mean", [STD] = "image_std",
        [CROP_SIZE] = "crop_size", [DO_CROP] = "do_center_crop", [DO_RESCALE] = "do_rescale",
        [FACTOR] = "rescale_factor", [OFFSET] = "rescale_offset", [DO_NORMALIZE] = "do_normalize",
        [TOP] = "include_top", [FLIP] = "do_flip_channel_order",
    };
    static const char *const filters[] = { "nearest", NULL, "bilinear", "bicubic" }; /* Pillow's numbers */
    size_t at[KEYS];
    double filter = 0, share = 0;
    bool found = false, shares = false;
    WEFT_TRY(weft_json_members(&h->json, keys, at, KEYS));
    WEFT_TRY(weft_json_real_at(&h->json, at[CROP_PCT], &share, &shares));
    WEFT_TRY(set_sizes(h, at[SIZE], weft_json_is(&h->json, at[DO_CROP], 'f') ? 0 : at[CROP_SIZE], shares));
    WEFT_TRY(weft_json_real_at(&h->json, at[RESAMPLE], &filter, &found));
    const char *const name = filter >= 0 && filter < WEFT_COUNT(filters) ? filters[(int)filter] : NULL;
    if (found)
        WEFT_TRY(name ? set(h, "recipe.resample", name) : cannot(h, "Pillow's filter %g", filter));
    if (weft_json_is(&h->json, at[FLIP], 't'))
        WEFT_TRY(cannot(h, "channels in the order blue, green, red"));
    WEFT_TRY(set_crop(h, at[CROP_PCT]));
    return read_normal(h, at);
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
    static const char *const keys[] = { "architecture", "pretrained_cfg", "label_names", "id2label", "model_type",
                                        "model_args" };
    size_t at[6];
    const char *architecture = NULL, *type = NULL;
    WEFT_TRY(weft_json_members(&h->json, keys, at, 6));
    WEFT_TRY(weft_json_text_at(&h->json, at[0], &architecture));
    WEFT_TRY(weft_json_text_at(&h->json, at[4], &type));
    if (!architecture && !at[4])
        return WEFT_OK; /* of something else */
    WEFT_TRY(set(h, "hub.architecture", architecture));
    if (architecture)
        WEFT_TRY(read_timm(h, weft_json_is(&h->json, at[1], '{') ? h->json.at : 0));
    WEFT_TRY(weft_hub_check_network(&h->json, 0, architecture ? NULL : type, h->weights));
    if (architecture && weft_json_is(&h->json, at[5], '{'))
        WEFT_TRY(weft_hub_check_network(&h->json, at[5], NULL, h->weights));
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
