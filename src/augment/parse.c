/* SPDX-License-Identifier: Apache-2.0
 *
 * From a text to steps, "crop-pad 4, flip, erase .25": a name and its numbers, with commas between; and their
 * application in the order of stages. */
#include "augment/augment.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/nearest.h"
#include "base/rng.h"

enum { WORD = 48 };

/* ---- reading ---- */

/* Copies the next word and returns what follows it. */
static const char *next_word(const char *text, char word[WORD])
{
    text += strspn(text, " \t\n");
    const size_t length = strcspn(text, " \t\n,");
    snprintf(word, WORD, "%.*s", (int)length, text);
    text += length;
    return text + strspn(text, " \t\n");
}

static const weft_augment_row *find(const char *name)
{
    for (int i = 0; i < weft_augment_row_count; i++) {
        if (strcmp(weft_augment_rows[i].name, name) == 0)
            return &weft_augment_rows[i];
    }
    return NULL;
}

static const char *name_of(const void *rows, int index)
{
    return ((const weft_augment_row *)rows)[index].name;
}

static weft_status unknown(const char *name)
{
    const int nearest = weft_nearest(name, name_of, weft_augment_rows, weft_augment_row_count);
    if (nearest >= 0)
        return weft_fail(WEFT_INVALID, "augmentation '%s': there is none of that name; did you mean '%s'?", name,
                         weft_augment_rows[nearest].name);
    return weft_fail(WEFT_INVALID, "augmentation '%s': there is none of that name; one such as '%s' was expected", name,
                     weft_augment_rows[0].form);
}

/* One number of a row, plain or as "3/4". */
static weft_status read_number(const weft_augment_row *row, int index, const char *word, double *out)
{
    char *end;
    double x = strtod(word, &end);
    bool good = end != word;
    if (good && *end == '/') {
        const char *const below = end + 1;
        x /= strtod(below, &end);
        good = end != below;
    }
    if (!good || *end || !isfinite(x))
        return weft_fail(WEFT_INVALID, "augmentation '%s': '%s' is no number; '%s' was expected", row->name, word,
                         row->form);
    if (x < row->args[index].low || x > row->args[index].high)
        return weft_fail(WEFT_INVALID, "augmentation '%s': %s is %g; %g to %g was expected", row->name,
                         row->args[index].name, x, row->args[index].low, row->args[index].high);
    *out = x;
    return WEFT_OK;
}

/* Ranges are written low to high. */
static weft_status check_ranges(const weft_augment_step *step)
{
    for (int i = 1; i < WEFT_AUGMENT_ARGS && step->row->args[i].name; i++) {
        const char *const name = step->row->args[i].name;
        if ((strcmp(name, "high") == 0 || strcmp(name, "wide") == 0) && step->arg[i] < step->arg[i - 1])
            return weft_fail(WEFT_INVALID, "augmentation '%s': from %g to %g; the lower one was expected first",
                             step->row->name, step->arg[i - 1], step->arg[i]);
    }
    return WEFT_OK;
}

static weft_status read_step(const char **text, int index, weft_augment_step *out)
{
    char word[WORD], purpose[2 * WORD];
    const char *at = next_word(*text, word);
    const weft_augment_row *const row = find(word);
    int given = 0;
    if (!row)
        return unknown(word);
    *out = (weft_augment_step){ .row = row };
    for (int i = 0; i < WEFT_AUGMENT_ARGS; i++)
        out->arg[i] = row->args[i].fallback;
    for (; *at && *at != ','; given++) {
        at = next_word(at, word);
        if (given == WEFT_AUGMENT_ARGS || !row->args[given].name)
            return weft_fail(WEFT_INVALID, "augmentation '%s': '%s' is a number too many; '%s' was expected", row->name,
                             word, row->form);
        WEFT_TRY(read_number(row, given, word, &out->arg[given]));
    }
    if (given < row->least)
        return weft_fail(WEFT_INVALID, "augmentation '%s': a number is missing; '%s' was expected", row->name,
                         row->form);
    snprintf(purpose, sizeof purpose, "augment/%d/%s", index, row->name);
    out->purpose = weft_rng_stream(purpose);
    *text = at + (*at == ',');
    return check_ranges(out);
}

weft_status weft_augment_read(const char *text, weft_augment *out)
{
    weft_augment a = { 0 };
    int frames = 0;
    while (text && text[strspn(text, " \t\n,")]) {
        text += strspn(text, " \t\n,");
        if (a.count == WEFT_AUGMENT_STEPS)
            return weft_fail(WEFT_INVALID, "augmentation: more than %d steps", WEFT_AUGMENT_STEPS);
        WEFT_TRY(read_step(&text, a.count, &a.steps[a.count]));
        frames += a.steps[a.count++].row->stage == WEFT_STAGE_FRAME;
    }
    if (frames > 1)
        return weft_fail(WEFT_INVALID, "augmentation: %d steps cut out the part that the network sees; one was "
                         "expected", frames);
    *out = a;
    return WEFT_OK;
}

/* ---- asking and applying ---- */

weft_status weft_augment_get(int index, weft_augment_kind *out)
{
    if (index < 0 || index >= weft_augment_row_count || !out)
        return weft_fail(WEFT_INVALID, "weft_augment_get: index %d of %d", index, weft_augment_row_count);
    *out = (weft_augment_kind){ .form = weft_augment_rows[index].form, .brief = weft_augment_rows[index].brief };
    return WEFT_OK;
}

weft_status weft_augment_check(const char *text)
{
    weft_augment augment;
    return weft_augment_read(text, &augment);
}

bool weft_augment_needs_targets(const char *text)
{
    weft_augment augment;
    return weft_augment_read(text, &augment) == WEFT_OK && weft_augment_mixes(&augment);
}

bool weft_augment_keeps_bytes(const char *text)
{
    weft_augment augment;
    if (weft_augment_read(text, &augment) != WEFT_OK)
        return false;
    for (int i = 0; i < augment.count; i++)
        if (augment.steps[i].row->stage > WEFT_STAGE_PIXELS)
            return false;
    return true;
}

const weft_augment_step *weft_augment_frame(const weft_augment *augment)
{
    for (int i = 0; i < augment->count; i++) {
        if (augment->steps[i].row->stage == WEFT_STAGE_FRAME)
            return &augment->steps[i];
    }
    return NULL;
}

bool weft_augment_mixes(const weft_augment *augment)
{
    for (int i = 0; i < augment->count; i++) {
        if (augment->steps[i].row->stage == WEFT_STAGE_BATCH)
            return true;
    }
    return false;
}

void weft_augment_pixels(const weft_augment *augment, uint64_t seed, int64_t epoch, int64_t image, weft_canvas *canvas)
{
    for (int i = 0; i < augment->count; i++) {
        const weft_augment_step *const step = &augment->steps[i];
        if (step->row->stage != WEFT_STAGE_PIXELS)
            continue;
        weft_draw draw = weft_draw_begin(seed, step->purpose, epoch, image);
        step->row->pixels(step, &draw, canvas);
    }
}

void weft_augment_values(const weft_augment *augment, uint64_t seed, int64_t epoch, int64_t image, float *values,
                         int width, int height, int channels)
{
    for (int i = 0; i < augment->count; i++) {
        const weft_augment_step *const step = &augment->steps[i];
        if (step->row->stage != WEFT_STAGE_VALUES)
            continue;
        weft_draw draw = weft_draw_begin(seed, step->purpose, epoch, image);
        step->row->values(step, &draw, values, width, height, channels);
    }
}
