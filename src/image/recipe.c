/* SPDX-License-Identifier: Apache-2.0
 *
 * Recipes as text, "px=224 channels=3 fit=short side=256 resample=bilinear preprocess=torch": what a weight file keeps
 * under weft.recipe. Words may come in any order; px is the only one that must be there, the others have the zero
 * values of weft_recipe, but 3 channels and a share of 1. */
#include <weft/recipe.h>

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "image/image.h"

enum { WORD = 48, MILLION = 1000000 };

static const char *const fits[] = { "squash", "short", "crop" };
static const char *const resamples[] = { "nearest", "bilinear", "bicubic" };
static const char *const preprocesses[] = { "none", "tf", "caffe", "torch", "unit" };

const char *weft_fit_name(weft_fit fit)
{
    return (unsigned)fit < WEFT_COUNT(fits) ? fits[fit] : "unknown";
}

const char *weft_resample_name(weft_resample how)
{
    return (unsigned)how < WEFT_COUNT(resamples) ? resamples[how] : "unknown";
}

const char *weft_preprocess_name(weft_preprocess preprocess)
{
    return (unsigned)preprocess < WEFT_COUNT(preprocesses) ? preprocesses[preprocess] : "unknown";
}

const char *weft_recipe_text(const weft_recipe *r, char *buf, size_t size)
{
    char detail[WORD] = "";
    if (r->fit == WEFT_FIT_SHORT)
        snprintf(detail, sizeof detail, " side=%d", r->side);
    else if (r->fit == WEFT_FIT_CROP)
        snprintf(detail, sizeof detail, " share=%d.%06d", (int)r->share, (int)(r->share * MILLION + .5) % MILLION);
    snprintf(buf, size, "px=%d channels=%d fit=%s%s resample=%s%s preprocess=%s", r->px, r->channels,
             weft_fit_name(r->fit), detail, weft_resample_name(r->resample), r->no_antialias ? " antialias=no" : "",
             weft_preprocess_name(r->preprocess));
    return buf;
}

static bool choice(const char *value, const char *const *names, int count, int *out)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(value, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* Digits with at most one point among them. Not strtod, whose point depends on the locale. */
static bool number(const char *value, double low, double high, double *out)
{
    double found = 0, unit = 0;
    for (const char *at = value; *at; at++) {
        if (*at == '.' && unit == 0 && at != value) {
            unit = 1;
        } else if (*at >= '0' && *at <= '9') {
            found = found * 10 + (*at - '0');
            unit *= 10;
        } else {
            return false;
        }
    }
    if (unit > 1)
        found /= unit;
    if (!*value || !(found >= low && found <= high))
        return false;
    *out = found;
    return true;
}

static bool whole(const char *value, int low, int high, int *out)
{
    double found;
    if (!number(value, low, high, &found) || found != (double)(int)found)
        return false;
    *out = (int)found;
    return true;
}

/* One key=value; false if either is unknown. */
static bool set_word(weft_recipe *r, const char *key, const char *value)
{
    static const char *const answers[] = { "yes", "no" };
    int n = 0;
    if (strcmp(key, "px") == 0)
        return whole(value, 1, WEFT_RECIPE_PX, &r->px);
    if (strcmp(key, "channels") == 0)
        return whole(value, 1, 3, &r->channels) && r->channels != 2;
    if (strcmp(key, "side") == 0)
        return whole(value, 1, WEFT_RECIPE_PX, &r->side);
    if (strcmp(key, "share") == 0)
        return number(value, 1e-6, 1, &r->share);
    if (strcmp(key, "fit") == 0 && choice(value, fits, WEFT_COUNT(fits), &n))
        r->fit = (weft_fit)n;
    else if (strcmp(key, "resample") == 0 && choice(value, resamples, WEFT_COUNT(resamples), &n))
        r->resample = (weft_resample)n;
    else if (strcmp(key, "preprocess") == 0 && choice(value, preprocesses, WEFT_COUNT(preprocesses), &n))
        r->preprocess = (weft_preprocess)n;
    else if (strcmp(key, "antialias") == 0 && choice(value, answers, WEFT_COUNT(answers), &n))
        r->no_antialias = n == 1;
    else
        return false;
    return true;
}

weft_status weft_recipe_check(const weft_recipe *r)
{
    if (r->px < 1 || r->px > WEFT_RECIPE_PX || (r->channels != 1 && r->channels != 3))
        return weft_fail(WEFT_INVALID, "recipe: %d pixels of %d channels; 1 to %d pixels of 1 or 3 were expected",
                         r->px, r->channels, WEFT_RECIPE_PX);
    if ((unsigned)r->fit >= WEFT_FIT_COUNT || (unsigned)r->resample >= WEFT_COUNT(resamples) ||
        (unsigned)r->preprocess >= WEFT_COUNT(preprocesses))
        return weft_fail(WEFT_INVALID, "recipe: no fit %d, filter %d or preprocessing %d", (int)r->fit,
                         (int)r->resample, (int)r->preprocess);
    if (r->fit == WEFT_FIT_SHORT && (r->side < r->px || r->side > WEFT_RECIPE_PX))
        return weft_fail(WEFT_INVALID, "recipe: shorter side %d for %d pixels; %d to %d were expected", r->side, r->px,
                         r->px, WEFT_RECIPE_PX);
    if (r->fit == WEFT_FIT_CROP && !(r->share > 0 && r->share <= 1))
        return weft_fail(WEFT_INVALID, "recipe: share %g; above 0 and up to 1 was expected", r->share);
    return WEFT_OK;
}

weft_status weft_recipe_parse(const char *text, weft_recipe *out)
{
    if (!text || !out)
        return weft_fail(WEFT_INVALID, "weft_recipe_parse: text and out must not be NULL");
    weft_recipe r = { .channels = 3, .share = 1 };
    for (const char *at = text + strspn(text, " "); *at; at += strspn(at, " ")) {
        const size_t length = strcspn(at, " ");
        char word[WORD];
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), at);
        char *equals = strchr(word, '=');
        if (length >= sizeof word || !equals)
            return weft_fail(WEFT_BAD_DATA, "recipe: '%s' is not key=value", word);
        *equals = '\0';
        if (!set_word(&r, word, equals + 1))
            return weft_fail(WEFT_BAD_DATA, "recipe: %s=%s is not known; see weft/recipe.h", word, equals + 1);
        at += length;
    }
    if (weft_recipe_check(&r) != WEFT_OK)
        return weft_fail_in(WEFT_BAD_DATA, "'%.100s'", text);
    *out = r;
    return WEFT_OK;
}
