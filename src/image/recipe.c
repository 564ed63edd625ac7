/* SPDX-License-Identifier: Apache-2.0
 *
 * Recipes as text, "px=224 channels=3 fit=short side=256 resample=bilinear preprocess=torch": what a weight file keeps
 * under weft.recipe. Words may come in any order; px is the only one that must be there, the others have the zero
 * values of weft_recipe, but 3 channels and a share of 1. The same words change a recipe. */
#include <weft/recipe.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "image/image.h"

enum { WORD = 64, DECIMALS = 15, NUMBER = 24 };

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

/* A number in [0, 1000] by its digits, as few as say it, but `least` decimals. Not %g, whose point depends on the
 * locale. */
static const char *decimal(double value, int least, char buf[NUMBER])
{
    double unit = 1;
    int decimals = 0;
    for (; decimals < DECIMALS; decimals++, unit *= 10) {
        if (decimals >= least && nearbyint(value * unit) / unit == value)
            break;
    }
    long long all = (long long)nearbyint(value * unit), one = (long long)unit;
    for (; decimals > least && all % 10 == 0; decimals--) /* rounded to fewer */
        all /= 10, one /= 10;
    const long long whole = all / one;
    if (decimals)
        snprintf(buf, NUMBER, "%lld.%0*lld", whole, decimals, all % one);
    else
        snprintf(buf, NUMBER, "%lld", whole);
    return buf;
}

/* " mean=0.5,0.5,0.5" */
static void add_list(char *text, size_t size, const char *key, const double value[3], int count)
{
    char number[NUMBER];
    size_t used = strlen(text);
    for (int c = 0; c < count; c++)
        used += (size_t)snprintf(text + used, size - used, "%s%s", c ? "," : key, decimal(value[c], 0, number));
}

const char *weft_recipe_text(const weft_recipe *r, char *buf, size_t size)
{
    char detail[WORD] = "", normal[4 * WORD] = "", number[NUMBER];
    if (r->fit == WEFT_FIT_SHORT)
        snprintf(detail, sizeof detail, " side=%d", r->side);
    else if (r->fit == WEFT_FIT_CROP)
        snprintf(detail, sizeof detail, " share=%s", decimal(r->share, 6, number));
    if (r->std[0] > 0) {
        add_list(normal, sizeof normal, " mean=", r->mean, r->channels == 1 ? 1 : 3);
        add_list(normal, sizeof normal, " std=", r->std, r->channels == 1 ? 1 : 3);
    }
    snprintf(buf, size, "px=%d channels=%d fit=%s%s resample=%s%s preprocess=%s%s", r->px, r->channels,
             weft_fit_name(r->fit), detail, weft_resample_name(r->resample), r->no_antialias ? " antialias=no" : "",
             weft_preprocess_name(r->preprocess), normal);
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

/* Digits with at most one point before, among or behind them. Not strtod, whose point depends on the locale. */
static bool number(const char *value, double low, double high, double *out)
{
    double found = 0, unit = 0;
    for (const char *at = value; *at; at++) {
        if (*at == '.' && unit == 0 && (at != value || at[1])) {
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

/* Three numbers between commas, or one for all. */
static bool list(const char *value, double low, double high, double out[3])
{
    double found[3];
    int count = 0;
    for (const char *at = value; count < 3; count++) {
        char one[NUMBER];
        const size_t length = strcspn(at, ",");
        if (length >= sizeof one)
            return false;
        snprintf(one, sizeof one, "%.*s", (int)length, at);
        if (!number(one, low, high, &found[count]))
            return false;
        at += length;
        if (!*at++) {
            count++;
            break;
        }
        if (count == 2)
            return false;
    }
    if (count != 1 && count != 3)
        return false;
    for (int c = 0; c < 3; c++)
        out[c] = found[count == 1 ? 0 : c];
    return true;
}

/* A recipe while its words are read, and those that the others must wait for. */
typedef struct words {
    weft_recipe r;
    double crop; /* 0: not said */
    bool side, mean, std, preprocess; /* said */
} words;

static bool choice_word(words *w, const char *key, const char *value)
{
    static const char *const answers[] = { "yes", "no" };
    int n = 0;
    if (strcmp(key, "fit") == 0 && choice(value, fits, WEFT_COUNT(fits), &n)) {
        w->r.fit = (weft_fit)n;
    } else if ((strcmp(key, "resample") == 0 || strcmp(key, "interpolation") == 0) &&
               choice(value, resamples, WEFT_COUNT(resamples), &n)) {
        w->r.resample = (weft_resample)n;
    } else if (strcmp(key, "preprocess") == 0 && choice(value, preprocesses, WEFT_COUNT(preprocesses), &n)) {
        w->r.preprocess = (weft_preprocess)n;
        w->preprocess = true;
    } else if (strcmp(key, "antialias") == 0 && choice(value, answers, WEFT_COUNT(answers), &n)) {
        w->r.no_antialias = n == 1;
    } else {
        return false;
    }
    return true;
}

/* One key=value; false if either is unknown. */
static bool set_word(words *w, const char *key, const char *value)
{
    if (strcmp(key, "px") == 0)
        return whole(value, 1, WEFT_RECIPE_PX, &w->r.px);
    if (strcmp(key, "channels") == 0)
        return whole(value, 1, 3, &w->r.channels) && w->r.channels != 2;
    if (strcmp(key, "side") == 0)
        return w->side = whole(value, 1, WEFT_RECIPE_PX, &w->r.side);
    if (strcmp(key, "share") == 0)
        return number(value, 1e-6, 1, &w->r.share);
    if (strcmp(key, "crop") == 0)
        return number(value, 1e-2, 1, &w->crop);
    if (strcmp(key, "mean") == 0)
        return w->mean = list(value, 0, 1, w->r.mean);
    if (strcmp(key, "std") == 0)
        return w->std = list(value, 1e-6, 1000, w->r.std);
    return choice_word(w, key, value);
}

/* What follows from all words together. */
static weft_status settle(words *w, int px_before)
{
    weft_recipe *r = &w->r;
    if (w->mean != w->std)
        return weft_fail(WEFT_BAD_DATA, "recipe: %s without %s", w->mean ? "mean" : "std", w->mean ? "std" : "mean");
    if (w->std && w->preprocess && r->preprocess != WEFT_PREPROCESS_UNIT)
        return weft_fail(WEFT_BAD_DATA, "recipe: mean and std are of x / 255, not of preprocess=%s",
                         weft_preprocess_name(r->preprocess));
    if (w->std)
        r->preprocess = WEFT_PREPROCESS_UNIT;
    else if (w->preprocess)
        memset(r->std, 0, sizeof r->std);
    if (w->crop > 0) {
        r->fit = WEFT_FIT_SHORT;
        r->side = (int)(r->px / w->crop);
    } else if (!w->side && px_before > 0) {
        r->side = (int)((int64_t)r->side * r->px / px_before);
    }
    return weft_recipe_check(r);
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
    if (r->fit == WEFT_FIT_CROP && !(r->share >= 1e-6 && r->share <= 1))
        return weft_fail(WEFT_INVALID, "recipe: share %g; 0.000001 to 1 was expected", r->share);
    for (int c = 0; c < 3; c++) {
        if (r->std[0] != 0 && (!(r->std[c] >= 1e-6 && r->std[c] <= 1000 && r->mean[c] >= 0 && r->mean[c] <= 1) ||
                               r->preprocess != WEFT_PREPROCESS_UNIT))
            return weft_fail(WEFT_INVALID, "recipe: mean %g, std %g of channel %d with preprocess=%s; 0 to 1, 0.000001 "
                             "to 1000 and unit were expected", r->mean[c], r->std[c], c,
                             weft_preprocess_name(r->preprocess));
    }
    return WEFT_OK;
}

/* Reads words over w->r; its pixels before are px_before, 0: none. */
static weft_status read_words(const char *text, words *w, int px_before)
{
    for (const char *at = text + strspn(text, " "); *at; at += strspn(at, " ")) {
        const size_t length = strcspn(at, " ");
        char word[WORD];
        snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : sizeof word - 1), at);
        char *equals = strchr(word, '=');
        if (length >= sizeof word || !equals)
            return weft_fail(WEFT_BAD_DATA, "recipe: '%s' is not key=value", word);
        *equals = '\0';
        if (!set_word(w, word, equals + 1))
            return weft_fail(WEFT_BAD_DATA, "recipe: %s=%s is not known; see weft/recipe.h", word, equals + 1);
        at += length;
    }
    return settle(w, px_before) == WEFT_OK ? WEFT_OK : weft_fail_in(WEFT_BAD_DATA, "'%.100s'", text);
}

weft_status weft_recipe_parse(const char *text, weft_recipe *out)
{
    if (!text || !out)
        return weft_fail(WEFT_INVALID, "weft_recipe_parse: text and out must not be NULL");
    words w = { .r = { .channels = 3, .share = 1 } };
    WEFT_TRY(read_words(text, &w, 0));
    *out = w.r;
    return WEFT_OK;
}

weft_status weft_recipe_change(const char *text, weft_recipe *recipe)
{
    if (!text || !recipe)
        return weft_fail(WEFT_INVALID, "weft_recipe_change: words and recipe must not be NULL");
    words w = { .r = *recipe };
    WEFT_TRY(read_words(text, &w, recipe->px));
    *recipe = w.r;
    return WEFT_OK;
}
