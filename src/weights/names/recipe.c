/* SPDX-License-Identifier: Apache-2.0
 *
 * The recipe that a file asks for: the publisher's for this network, with what the file, or a description beside it,
 * says otherwise (metadata recipe.*): the size of images, how much of them is cut out, the filter, and what becomes of
 * pixels. A network that rescales by itself keeps to that. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/recipe.h>

#include "base/error.h"
#include "weights/names/map.h"

enum { PX_MAX = 1 << 16 };

/* Position of the text among count names; -1: not there. */
static int position(const char *text, const char *const *names, int count)
{
    int i = 0;
    while (text && i < count && strcmp(text, names[i]) != 0)
        i++;
    return text && i < count ? i : -1;
}

static void set_size(const weft_weights *in, const weft_arch *arch, weft_recipe *r)
{
    const char *const px = weft_weights_meta_find(in, "recipe.px"), *const crop =
                                                                        weft_weights_meta_find(in, "recipe.crop");
    const long size = px ? strtol(px, NULL, 10) : 0;
    if (size > 0 && size <= PX_MAX)
        *r = weft_arch_recipe(arch, (int)size);
    const double share = crop ? strtod(crop, NULL) : 0;
    if (share > 0 && share <= 1) { /* as timm does it */
        r->fit = WEFT_FIT_SHORT;
        r->side = (int)floor(r->px / share);
    }
}

/* A layer of the file makes x * scale + offset of pixels, before the network begins. */
static weft_status set_scale(const weft_weights *in, weft_recipe *r)
{
    static const struct {
        double scale, offset;
        weft_preprocess preprocess;
    } rows[] = {
        { 1 / 255., 0, WEFT_PREPROCESS_UNIT }, { 1 / 127.5, -1, WEFT_PREPROCESS_TF }, { 1, 0, WEFT_PREPROCESS_NONE },
    };
    const char *const text = weft_weights_meta_find(in, "recipe.scale");
    double scale = 0, offset = 0;
    int name = 0;
    if (!text || sscanf(text, "%lf %lf %n", &scale, &offset, &name) < 2)
        return WEFT_OK;
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        if (fabs(scale - rows[i].scale) <= 1e-4 * rows[i].scale && fabs(offset - rows[i].offset) <= 1e-4) {
            r->preprocess = rows[i].preprocess;
            return WEFT_OK;
        }
    }
    return weft_fail(WEFT_BAD_DATA,
                     "the network in the file begins with the layer '%.80s', which makes x * %.6g + %.6g of "
                     "pixels x; weft can give it x / 255, x / 127.5 - 1, or x from 0 to 255",
                     text + name, scale, offset);
}

weft_status weft_recipe_asked(const weft_weights *in, const weft_arch *arch, weft_recipe *out)
{
    static const char *const filters[] = { "nearest", "bilinear", "bicubic" };
    static const weft_resample resamples[] = { WEFT_NEAREST, WEFT_BILINEAR, WEFT_BICUBIC };
    static const char *const ways[] = { "torch", "tf", "unit" };
    static const weft_preprocess preprocesses[] = { WEFT_PREPROCESS_TORCH, WEFT_PREPROCESS_TF, WEFT_PREPROCESS_UNIT };
    weft_recipe r = weft_arch_recipe(arch, 0);
    set_size(in, arch, &r);
    const int filter = position(weft_weights_meta_find(in, "recipe.resample"), filters, WEFT_COUNT(filters));
    const int way = position(weft_weights_meta_find(in, "recipe.preprocess"), ways, WEFT_COUNT(ways));
    if (filter >= 0)
        r.resample = resamples[filter];
    if (arch->preprocess != WEFT_PREPROCESS_NONE) {
        if (way >= 0)
            r.preprocess = preprocesses[way];
        WEFT_TRY(set_scale(in, &r));
    }
    *out = r;
    return WEFT_OK;
}
