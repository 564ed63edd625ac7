/* SPDX-License-Identifier: Apache-2.0
 *
 * The recipe that a file asks for: the publisher's for this network, or for this very file of it, with what the file,
 * or a description beside it, says otherwise (metadata recipe.*, tensors of a mean and a deviation): the size of
 * images, how much of them is cut out, the filter, and what becomes of pixels. A network that rescales by itself keeps
 * to that. What no recipe can do is refused, not passed over. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/recipe.h>

#include "base/error.h"
#include "image/image.h"
#include "weights/names/map.h"

enum { PX_MAX = 1 << 16 };
static const double decimals = 1e12; /* a recipe's text has no room for all of a double */

/* Position of the text among count names; -1: not there. */
static int position(const char *text, const char *const *names, int count)
{
    int i = 0;
    while (text && i < count && strcmp(text, names[i]) != 0)
        i++;
    return text && i < count ? i : -1;
}

/* The whole image, or the largest square of it. */
static const char *const fits[] = { "squash", "crop" };

static void set_size(const weft_weights *in, const weft_arch *arch, weft_recipe *r)
{
    const char *const px = weft_weights_meta_find(in, "recipe.px"), *const crop =
                                                                        weft_weights_meta_find(in, "recipe.crop");
    const long size = px ? strtol(px, NULL, 10) : 0;
    if (size > 0 && size <= PX_MAX)
        *r = weft_arch_recipe(arch, (int)size);
    const int fit = position(weft_weights_meta_find(in, "recipe.fit"), fits, WEFT_COUNT(fits));
    if (fit >= 0) {
        r->fit = fit == 0 ? WEFT_FIT_SQUASH : WEFT_FIT_CROP;
        r->share = 1;
    }
    const char *const shorter = weft_weights_meta_find(in, "recipe.side");
    const long side = shorter ? strtol(shorter, NULL, 10) : 0;
    if (side >= r->px && side <= PX_MAX) {
        r->fit = WEFT_FIT_SHORT;
        r->side = (int)side;
    }
    const double share = crop ? strtod(crop, NULL) : 0;
    if (share > 0 && share <= 1) { /* as timm does it */
        r->fit = WEFT_FIT_SHORT;
        r->side = (int)fmin(floor(r->px / share), INT_MAX);
    }
}

/* (x / 255 - mean) / std of each channel; false if that is none of a recipe's. */
static bool set_normal(const double mean[3], const double std[3], weft_recipe *r)
{
    static const struct {
        double mean[3], std[3];
        weft_preprocess preprocess;
    } rows[] = {
        { { .485, .456, .406 }, { .229, .224, .225 }, WEFT_PREPROCESS_TORCH },
        { { .5, .5, .5 }, { .5, .5, .5 }, WEFT_PREPROCESS_TF },
        { { 0, 0, 0 }, { 1, 1, 1 }, WEFT_PREPROCESS_UNIT },
        { { 0, 0, 0 }, { 1 / 255., 1 / 255., 1 / 255. }, WEFT_PREPROCESS_NONE },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        bool same = true;
        for (int c = 0; c < 3; c++)
            same = same && fabs(mean[c] - rows[i].mean[c]) <= 1e-4 && fabs(std[c] / rows[i].std[c] - 1) <= 4e-4;
        if (same) {
            r->preprocess = rows[i].preprocess;
            return true;
        }
    }
    for (int c = 0; c < 3; c++) {
        if (!(mean[c] >= 0 && mean[c] <= 1 && std[c] >= 1e-6 && std[c] <= 1000))
            return false;
    }
    r->preprocess = WEFT_PREPROCESS_UNIT;
    for (int c = 0; c < 3; c++) {
        r->mean[c] = nearbyint(mean[c] * decimals) / decimals;
        r->std[c] = nearbyint(std[c] * decimals) / decimals;
    }
    return true;
}

static bool read_three(const weft_weights *in, const char *key, double out[3])
{
    const char *const text = weft_weights_meta_find(in, key);
    return text && sscanf(text, "%lf %lf %lf", &out[0], &out[1], &out[2]) == 3;
}

/* "the layer 'x'", or what stands beside the file. */
static const char *asker(const weft_weights *in, char buf[128])
{
    const char *const layer = weft_weights_meta_find(in, "recipe.layer");
    if (!layer)
        return "the description beside the weights";
    snprintf(buf, 128, "the layer '%.80s'", layer);
    return buf;
}

/* A mean and a deviation that are no preset's. */
static weft_status set_statistics(const weft_weights *in, weft_recipe *r)
{
    double mean[3], std[3];
    char buf[128];
    if (!read_three(in, "recipe.mean", mean) || !read_three(in, "recipe.std", std) || set_normal(mean, std, r))
        return WEFT_OK;
    return weft_fail(WEFT_BAD_DATA, "%s asks for (x / 255 - mean) / std with mean %.6g, %.6g, %.6g and std %.6g, %.6g, "
                     "%.6g; mean from 0 to 1 and std from 0.000001 to 1000 were expected", asker(in, buf), mean[0],
                     mean[1], mean[2], std[0], std[1], std[2]);
}

/* The network rescales by itself, as ImageNet's mean and deviation say; nothing else can come before it. */
static weft_status check_own(const weft_weights *in, const weft_arch *arch)
{
    const char *const way = weft_weights_meta_find(in, "recipe.preprocess");
    char buf[128];
    if (!weft_weights_meta_find(in, "recipe.mean") && (!way || strcmp(way, "torch") == 0))
        return WEFT_OK;
    return weft_fail(WEFT_BAD_DATA, "%s asks for a mean and a deviation of its own, and %s (%s) has those of ImageNet "
                     "inside; none were expected", asker(in, buf), arch->name, weft_dialect_name(arch->dialect));
}

/* A network that rescales by itself begins with x / 255. What the file has before that makes its pixels. */
static weft_status set_before_own(const weft_weights *in, const weft_arch *arch, weft_recipe *r)
{
    const char *const text = weft_weights_meta_find(in, "recipe.plain");
    double scale = 0, offset = 0;
    int name = 0;
    if (!text || sscanf(text, "%lf %lf %n", &scale, &offset, &name) < 2)
        return WEFT_OK;
    scale *= 255, offset *= 255;
    if (fabs(scale - 1) < 1e-6 && fabs(offset) < 1e-6)
        return WEFT_OK;
    const double mean = -offset / (255 * scale), std = 1 / (255 * scale);
    if (scale > 0 && set_normal((const double[3]){ mean, mean, mean }, (const double[3]){ std, std, std }, r))
        return WEFT_OK;
    return weft_fail(WEFT_BAD_DATA, "the layer '%.80s' and others make x * %.6g + %.6g of pixels x before %s (%s) "
                     "rescales them by itself; weft can give it (x / 255 - mean) / std with a mean from 0 to 1, or x",
                     text + name, scale, offset, arch->name, weft_dialect_name(arch->dialect));
}

/* A layer of the file makes x * scale + offset of pixels, before the network begins. */
static weft_status set_scale(const weft_weights *in, weft_recipe *r)
{
    const char *const text = weft_weights_meta_find(in, "recipe.scale");
    double scale = 0, offset = 0;
    int name = 0;
    if (!text || sscanf(text, "%lf %lf %n", &scale, &offset, &name) < 2)
        return WEFT_OK;
    const double mean = -offset / (255 * scale), std = 1 / (255 * scale);
    if (scale > 0 && set_normal((const double[3]){ mean, mean, mean }, (const double[3]){ std, std, std }, r))
        return WEFT_OK;
    return weft_fail(WEFT_BAD_DATA,
                     "the network in the file begins with the layer '%.80s', which makes x * %.6g + %.6g of "
                     "pixels x; weft can give it (x / 255 - mean) / std with a mean from 0 to 1, or x from 0 to 255",
                     text + name, scale, offset);
}

static bool same_pixels(const weft_recipe *a, const weft_recipe *b)
{
    bool same = a->preprocess == b->preprocess;
    for (int c = 0; c < 3; c++)
        same = same && fabs(a->mean[c] - b->mean[c]) < 1e-4 && fabs(a->std[c] - b->std[c]) < 1e-4;
    return same;
}

/* Whether anything but tensors of the file says what becomes of pixels. */
static bool is_said(const weft_weights *in)
{
    return weft_weights_meta_find(in, "recipe.mean") || weft_weights_meta_find(in, "recipe.preprocess") ||
           weft_weights_meta_find(in, "recipe.scale");
}

/* A mean and a deviation among the tensors of the file. */
static weft_status set_tensors(const weft_weights *in, const weft_source *source, const weft_arch *arch,
                               weft_recipe *r)
{
    double mean[3], std[3];
    bool reversed = false;
    const weft_recipe before = *r;
    WEFT_TRY(weft_statistics_read(source, mean, std, &reversed));
    if (reversed)
        return weft_fail(WEFT_BAD_DATA,
                         "this is ImageNet's mean in the order blue, green, red; no recipe of weft's has that order "
                         "with a deviation");
    memset(r->mean, 0, sizeof r->mean);
    memset(r->std, 0, sizeof r->std);
    if (!set_normal(mean, std, r))
        return weft_fail(WEFT_BAD_DATA, "this and its deviation ask for (x / 255 - mean) / std with mean %.6g, %.6g, "
                         "%.6g and std %.6g, %.6g, %.6g; mean from 0 to 1 and std from 0.000001 to 1000 were expected",
                         mean[0], mean[1], mean[2], std[0], std[1], std[2]);
    if (arch->preprocess == WEFT_PREPROCESS_NONE && r->preprocess != WEFT_PREPROCESS_TORCH)
        return weft_fail(WEFT_BAD_DATA, "this asks for a mean of its own, and %s (%s) has that of ImageNet inside",
                         arch->name, weft_dialect_name(arch->dialect));
    if (arch->preprocess == WEFT_PREPROCESS_NONE)
        *r = before;
    else if (is_said(in) && !same_pixels(r, &before))
        return weft_fail(WEFT_BAD_DATA, "this asks for another mean and deviation than the description beside the "
                         "weights");
    return WEFT_OK;
}

static weft_status set_pixels(const weft_weights *in, const weft_source *source, const weft_arch *arch, weft_recipe *r)
{
    const char *const what = weft_weights_meta_find(in, "recipe.cannot");
    if (what)
        return weft_fail(WEFT_BAD_DATA, "%.300s, which no recipe of weft's can do", what);
    if (arch->preprocess == WEFT_PREPROCESS_NONE) {
        WEFT_TRY(check_own(in, arch));
        WEFT_TRY(set_before_own(in, arch, r));
    } else {
        WEFT_TRY(set_scale(in, r));
        WEFT_TRY(set_statistics(in, r));
    }
    if (!source || !source->statistics)
        return WEFT_OK;
    const weft_status status = set_tensors(in, source, arch, r);
    if (status == WEFT_OK)
        return WEFT_OK;
    return weft_fail_in(status, "tensor '%.120s'", source->tensors[source->statistics->mean].name);
}

/* timm prepares images for the weights that it took over from TensorFlow as for its own; NULL: it has none. */
static const char *ported(const weft_arch *arch)
{
    static const struct {
        const char *arch, *words;
    } rows[] = {
        { "efficientnet-b0", "interpolation=bicubic crop=0.875" },
        { "efficientnet-b1", "interpolation=bicubic crop=0.882" },
        { "efficientnet-b2", "interpolation=bicubic crop=0.89" },
        { "efficientnet-b3", "interpolation=bicubic crop=0.904" },
        { "efficientnet-b4", "interpolation=bicubic crop=0.922" },
        { "efficientnet-b5", "interpolation=bicubic crop=0.934" },
        { "efficientnet-b6", "interpolation=bicubic crop=0.942" },
        { "efficientnet-b7", "interpolation=bicubic crop=0.949" },
        { "inception-resnet-v2", "interpolation=bicubic crop=0.8975" },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        if (arch->dialect == WEFT_KERAS && strcmp(rows[i].arch, arch->name) == 0)
            return rows[i].words;
    }
    return NULL;
}

/* As the file says, else as its publisher does. */
static weft_status set_fit(const weft_weights *in, weft_origin origin, const weft_arch *arch, weft_recipe *r)
{
    const char *const published = weft_weights_meta_find(in, "recipe.published");
    const char *const words = origin == WEFT_ORIGIN_TIMM ? ported(arch) : NULL;
    const bool said = weft_weights_meta_find(in, "recipe.crop") || weft_weights_meta_find(in, "recipe.side") ||
                      weft_weights_meta_find(in, "recipe.fit");
    if (published)
        WEFT_TRY(weft_recipe_change(published, r));
    weft_recipe sized = *r;
    set_size(in, arch, &sized);
    if (weft_recipe_check(&sized) != WEFT_OK)
        return weft_fail_in(WEFT_BAD_DATA, "its sizes");
    *r = sized;
    return !published && !said && words ? weft_recipe_change(words, r) : WEFT_OK;
}

weft_status weft_recipe_asked(const weft_weights *in, const weft_source *source, weft_origin origin,
                              const weft_arch *arch, bool lenient, weft_recipe *out)
{
    source = weft_origin_style(origin) == WEFT_STYLE_TORCH ? source : NULL;
    static const char *const filters[] = { "nearest", "bilinear", "bicubic" };
    static const weft_resample resamples[] = { WEFT_NEAREST, WEFT_BILINEAR, WEFT_BICUBIC };
    static const char *const ways[] = { "torch", "tf", "unit", "caffe" };
    static const weft_preprocess preprocesses[] = { WEFT_PREPROCESS_TORCH, WEFT_PREPROCESS_TF, WEFT_PREPROCESS_UNIT,
                                                    WEFT_PREPROCESS_CAFFE };
    weft_recipe r = weft_arch_recipe(arch, 0);
    const weft_status fitted = set_fit(in, origin, arch, &r);
    const int filter = position(weft_weights_meta_find(in, "recipe.resample"), filters, WEFT_COUNT(filters));
    const int way = position(weft_weights_meta_find(in, "recipe.preprocess"), ways, WEFT_COUNT(ways));
    if (filter >= 0)
        r.resample = resamples[filter];
    if (way >= 0 && arch->preprocess != WEFT_PREPROCESS_NONE)
        r.preprocess = preprocesses[way];
    const char *const antialias = weft_weights_meta_find(in, "recipe.antialias");
    if (antialias)
        r.no_antialias = strcmp(antialias, "no") == 0;
    const weft_status status = fitted == WEFT_OK ? set_pixels(in, source, arch, &r) : fitted;
    if (status != WEFT_OK && !lenient)
        return weft_fail_in(status, "what the file asks of images (a lenient mapping, weft convert --no-strict, takes "
                            "it without)");
    *out = r;
    return WEFT_OK;
}
