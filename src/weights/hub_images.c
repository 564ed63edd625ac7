/* SPDX-License-Identifier: Apache-2.0
 *
 * How a hub's description says that photographs are prepared: timm's pretrained_cfg, and transformers'
 * preprocessor_config.json, where the class of the processor decides what some keys mean. All of it becomes metadata
 * recipe.*, of which names/recipe.c makes a recipe; what no recipe can do becomes recipe.cannot, the first of it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "weights/hub.h"

enum { PX_MAX = 1 << 16 };

weft_status weft_hub_set(const weft_hub *h, const char *key, const char *text)
{
    return text ? weft_weights_set_meta(h->weights, key, text) : WEFT_OK;
}

/* What no recipe can do is refused where one is made (names/recipe.c): passed over, it costs accuracy unseen. */
static weft_status cannot(const weft_hub *h, const char *format, ...) WEFT_PRINTF(2, 3);
static weft_status cannot(const weft_hub *h, const char *format, ...)
{
    char what[160], text[256];
    va_list ap;
    if (weft_weights_meta_find(h->weights, "recipe.cannot"))
        return WEFT_OK;
    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    snprintf(text, sizeof text, "the description beside the weights asks for %s", what);
    return weft_hub_set(h, "recipe.cannot", text);
}

/* [r, g, b], or [x] or x for all; *found is false for anything else. */
static weft_status read_channels(weft_hub *h, size_t at, double out[3], bool *found)
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
static weft_status set_normal(const weft_hub *h, const double mean[3], const double std[3])
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
            return weft_hub_set(h, "recipe.preprocess", rows[i].name);
    }
    snprintf(text, sizeof text, "%.17g %.17g %.17g", mean[0], mean[1], mean[2]);
    WEFT_TRY(weft_hub_set(h, "recipe.mean", text));
    snprintf(text, sizeof text, "%.17g %.17g %.17g", std[0], std[1], std[2]);
    return weft_hub_set(h, "recipe.std", text);
}

static weft_status read_statistics(weft_hub *h, size_t mean_at, size_t std_at)
{
    double mean[3] = { 0 }, std[3] = { 0 };
    bool has_mean = false, has_std = false;
    WEFT_TRY(read_channels(h, mean_at, mean, &has_mean));
    WEFT_TRY(read_channels(h, std_at, std, &has_std));
    if (has_mean && has_std)
        return set_normal(h, mean, std);
    return mean_at || std_at ? cannot(h, "a mean and a deviation that are not one or three numbers each") : WEFT_OK;
}

static weft_status set_number(const weft_hub *h, const char *key, double px)
{
    char text[32];
    if (!(px >= 1 && px <= PX_MAX))
        return cannot(h, "images of %g pixels", px);
    snprintf(text, sizeof text, "%d", (int)px);
    return weft_hub_set(h, key, text);
}

static weft_status set_px(const weft_hub *h, double px)
{
    return set_number(h, "recipe.px", px);
}

static weft_status set_share(const weft_hub *h, double crop)
{
    char text[64];
    if (!(crop > 0 && crop <= 1))
        return cannot(h, "a crop of %g of the image", crop);
    snprintf(text, sizeof text, "%.9g", crop);
    return weft_hub_set(h, "recipe.crop", text);
}

static weft_status set_crop(weft_hub *h, size_t at)
{
    double crop = 0;
    bool found = false;
    WEFT_TRY(weft_json_real_at(&h->json, at, &crop, &found));
    return found ? set_share(h, crop) : WEFT_OK;
}

/* [3, 224, 224] */
static weft_status read_input_size(weft_hub *h, size_t at)
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

/* ---- timm ---- */

weft_status weft_hub_timm(weft_hub *h, size_t at)
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
        WEFT_TRY(weft_hub_set(h, "recipe.resample", interpolation));
    else if (interpolation)
        WEFT_TRY(cannot(h, "the interpolation \"%.40s\"", interpolation));
    if (mode && strcmp(mode, "center") != 0)
        WEFT_TRY(cannot(h, "the crop_mode \"%.40s\"", mode));
    WEFT_TRY(set_crop(h, found[2]));
    return read_statistics(h, found[3], found[4]);
}

/* ---- transformers ---- */

/* What classes of processors do otherwise than most: by the beginning of their names. */
typedef struct manner {
    const char *class_name;
    bool square;     /* a size of one number is that of both sides, not of the shorter one */
    double share;    /* of the shorter side, which is kept where crop_pct does not say; 0: all */
    int squashed_at; /* from this size on, nothing is cut off but the image squashed; 0: never */
} manner;

static const manner manners[] = {
    { "ConvNext", .share = 224. / 256, .squashed_at = 384 },
    { "Levit", .share = 224. / 256 },
    { "ViT", .square = true },
    { "DeiT", .square = true },
    { "Beit", .square = true },
    { "EfficientNet", .square = true },
    { "Siglip", .square = true },
};

/* What the description calls its class: the name today, or that of old; NULL: nothing is known of it. */
static weft_status find_manner(weft_hub *h, size_t today, size_t of_old, const manner **out)
{
    const char *name = NULL;
    *out = NULL;
    WEFT_TRY(weft_json_text_at(&h->json, today ? today : of_old, &name));
    for (int i = 0; name && i < WEFT_COUNT(manners); i++) {
        if (strncmp(name, manners[i].class_name, strlen(manners[i].class_name)) == 0)
            *out = &manners[i];
    }
    return WEFT_OK;
}

/* A size: of the shorter side, or of both. */
typedef struct size {
    double px;    /* 0: not said */
    bool whole;   /* the image is squashed to it */
    bool shorter; /* said to be the shorter side's */
} size;

/* [224, 224] */
static weft_status read_pair(weft_hub *h, size_t at, double *height, double *width)
{
    bool high = false, wide = false;
    h->json.at = at;
    WEFT_TRY(weft_json_expect(&h->json, '[', "before a size"));
    WEFT_TRY(weft_json_real_at(&h->json, h->json.at, height, &high));
    if (high && weft_json_take(&h->json, ','))
        WEFT_TRY(weft_json_real_at(&h->json, h->json.at, width, &wide));
    return high && wide ? WEFT_OK : cannot(h, "a size that is not two numbers");
}

/* 224, [224, 224], {"shortest_edge": 224} or {"height": 224, "width": 224}; 0: there is none. */
static weft_status read_size(weft_hub *h, size_t at, size *out)
{
    static const char *const keys[] = { "shortest_edge", "height", "width", "longest_edge" };
    size_t inner[4] = { 0 };
    double width = 0;
    bool found = false, wide = false;
    *out = (size){ 0 };
    if (weft_json_is(&h->json, at, '[')) {
        WEFT_TRY(read_pair(h, at, &out->px, &width));
        out->whole = found = wide = out->px > 0;
    } else if (weft_json_is(&h->json, at, '{')) {
        WEFT_TRY(weft_json_members(&h->json, keys, inner, 4));
        out->shorter = inner[0] != 0;
        out->whole = !inner[0] && inner[1];
        WEFT_TRY(weft_json_real_at(&h->json, inner[0] ? inner[0] : inner[1], &out->px, &found));
        WEFT_TRY(weft_json_real_at(&h->json, out->whole ? inner[2] : 0, &width, &wide));
        if (!found || (inner[3] && !weft_json_is(&h->json, inner[3], 'n')))
            return cannot(h, "a size that is neither the shorter side's nor a height and a width");
    } else {
        WEFT_TRY(weft_json_real_at(&h->json, at, &out->px, &found));
    }
    return wide && width != out->px ? cannot(h, "images of %g x %g pixels", width, out->px) : WEFT_OK;
}

enum {
    SIZE, RESAMPLE, CROP_PCT, MEAN, STD, CROP_SIZE, DO_CROP, DO_RESCALE, FACTOR, OFFSET, DO_NORMALIZE, TOP, FLIP,
    DO_RESIZE, CLASS, OLD_CLASS, KEYS
};

/* So many pixels of the resized image's centre, where `all` is the size that the image is brought to. */
static weft_status set_cut(weft_hub *h, const size *all, double cut, bool asked)
{
    if (all->whole && cut != all->px)
        return cannot(h, "%g pixels cut out of an image squashed to %g", cut, all->px);
    if (all->px < cut)
        WEFT_TRY(cannot(h, "%g pixels cut out of %g", cut, all->px));
    WEFT_TRY(set_px(h, cut));
    if (all->whole)
        return weft_hub_set(h, "recipe.fit", "squash");
    return asked ? set_number(h, "recipe.side", all->px) : WEFT_OK;
}

/* The image is resized, then perhaps its centre is cut out. */
static weft_status set_sizes(weft_hub *h, const size_t at[KEYS], const manner *how)
{
    static const manner most = { 0 };
    const bool uncut = weft_json_is(&h->json, at[DO_CROP], 'f');
    double share = 0;
    bool shares = false;
    size all, cut;
    how = how ? how : &most;
    WEFT_TRY(weft_json_real_at(&h->json, at[CROP_PCT], &share, &shares));
    WEFT_TRY(read_size(h, at[SIZE], &all));
    WEFT_TRY(read_size(h, uncut || how->squashed_at ? 0 : at[CROP_SIZE], &cut));
    if (weft_json_is(&h->json, at[DO_RESIZE], 'f'))
        WEFT_TRY(cannot(h, "images that are not resized"));
    all.whole = (all.whole && !shares) || (how->square && !all.shorter && all.px != 0) ||
                (how->squashed_at && all.px >= how->squashed_at);
    if (all.px != 0 && cut.px != 0)
        WEFT_TRY(set_cut(h, &all, cut.px, true));
    else if (all.px != 0)
        WEFT_TRY(set_cut(h, &all, all.px, all.shorter && uncut));
    else if (cut.px != 0)
        WEFT_TRY(set_px(h, cut.px));
    if (all.whole || all.px == 0)
        return shares && !all.whole ? set_share(h, share) : WEFT_OK;
    return shares || how->share > 0 ? set_share(h, shares ? share : how->share) : WEFT_OK;
}

/* (x factor - offset - mean) / std, as (x / 255 - mean) / std. */
static weft_status read_normal(weft_hub *h, const size_t at[KEYS])
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

weft_status weft_hub_preprocessor(weft_hub *h)
{
    static const char *const keys[KEYS] = {
        [SIZE] = "size", [RESAMPLE] = "resample", [CROP_PCT] = "crop_pct", [MEAN] = "image_mean", [STD] = "image_std",
        [CROP_SIZE] = "crop_size", [DO_CROP] = "do_center_crop", [DO_RESCALE] = "do_rescale",
        [FACTOR] = "rescale_factor", [OFFSET] = "rescale_offset", [DO_NORMALIZE] = "do_normalize",
        [TOP] = "include_top", [FLIP] = "do_flip_channel_order", [DO_RESIZE] = "do_resize",
        [CLASS] = "image_processor_type", [OLD_CLASS] = "feature_extractor_type",
    };
    static const char *const filters[] = { "nearest", NULL, "bilinear", "bicubic" }; /* Pillow's numbers */
    size_t at[KEYS];
    double filter = 0;
    bool found = false;
    const manner *how = NULL;
    WEFT_TRY(weft_json_members(&h->json, keys, at, KEYS));
    WEFT_TRY(find_manner(h, at[CLASS], at[OLD_CLASS], &how));
    WEFT_TRY(set_sizes(h, at, how));
    WEFT_TRY(weft_json_real_at(&h->json, at[RESAMPLE], &filter, &found));
    const char *const name = filter >= 0 && filter < WEFT_COUNT(filters) ? filters[(int)filter] : NULL;
    if (found)
        WEFT_TRY(name ? weft_hub_set(h, "recipe.resample", name) : cannot(h, "Pillow's filter %g", filter));
    if (weft_json_is(&h->json, at[FLIP], 't'))
        WEFT_TRY(cannot(h, "channels in the order blue, green, red"));
    return read_normal(h, at);
}
