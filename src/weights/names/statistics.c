/* SPDX-License-Identifier: Apache-2.0
 *
 * The mean and the deviation of pixels that a network keeps among its own tensors, to prepare images by itself:
 * MMPretrain's data_preprocessor.mean and .std, detectron's pixel_mean and pixel_std, "normalize.mean" and its like of
 * many a script. They are no parameters of the network, but a recipe.
 *
 * Nothing says whether they are of pixels from 0 to 255 or from 0 to 1, nor in which order the channels are, but the
 * names of the first two and the values: a deviation above 1 is of 0 to 255; ImageNet's mean from its end is of blue,
 * green, red. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* One value for each channel, or one for all. */
static bool is_small(const weft_weight *tensor)
{
    return tensor->count == 3 || tensor->count == 1;
}

/* Index of the tensor "...std" that goes with "...mean"; -1: there is none. */
static int64_t find_deviation(const weft_source *source, int64_t mean)
{
    const char *const key = source->key[mean];
    char other[WEFT_NAME_MAX];
    const int n = snprintf(other, sizeof other, "%.*sstd", (int)(strlen(key) - strlen("mean")), key);
    const int64_t at = n > 0 && n < WEFT_NAME_MAX ? weft_source_find(source, other) : -1;
    return at >= 0 && source->tensors[at].count == source->tensors[mean].count ? at : -1;
}

static bool same_values(const weft_source *source, int64_t a, int64_t b)
{
    const weft_weight *const mine = &source->tensors[a], *const its = &source->tensors[b];
    float values[2][3] = { { 0 } };
    return mine->count == its->count && weft_weight_floats(mine, values[0]) == WEFT_OK &&
           weft_weight_floats(its, values[1]) == WEFT_OK && memcmp(values[0], values[1], sizeof values[0]) == 0;
}

weft_status weft_statistics_find(weft_source *source)
{
    weft_statistics found = { -1, -1, { -1, -1 } };
    for (int64_t i = 0; i < source->count; i++) {
        const weft_weight *tensor = &source->tensors[i];
        if (!is_small(tensor) || !ends_with(source->key[i], "mean") || strchr(tensor->name, '/'))
            continue;
        const int64_t deviation = find_deviation(source, i);
        if (deviation < 0)
            continue;
        if (found.mean >= 0 && found.again[0] < 0 && same_values(source, found.mean, i) &&
            same_values(source, found.std, deviation)) {
            found.again[0] = i;
            found.again[1] = deviation;
            continue;
        }
        if (found.mean >= 0) /* which of two is meant is not for us to say */
            return WEFT_OK;
        found = (weft_statistics){ i, deviation, { -1, -1 } };
    }
    if (found.mean < 0)
        return WEFT_OK;
    source->statistics = weft_arena_copy(source->arena, &found, sizeof found);
    return source->statistics ? WEFT_OK : WEFT_NO_MEMORY;
}

bool weft_statistics_has(const weft_source *source, int64_t index)
{
    const weft_statistics *const s = source->statistics;
    return s && (index == s->mean || index == s->std || index == s->again[0] || index == s->again[1]);
}

static weft_status read_channels(const weft_weight *tensor, double out[3])
{
    float value[3] = { 0 };
    WEFT_TRY(weft_weight_floats(tensor, value));
    for (int c = 0; c < 3; c++)
        out[c] = (double)value[tensor->count == 3 ? c : 0];
    return WEFT_OK;
}

/* Of pixels from 0 to 255. */
static bool is_of_bytes(const char *name, const double mean[3], const double std[3])
{
    bool above = strstr(name, "data_preprocessor.") || ends_with(name, "pixel_mean");
    for (int c = 0; c < 3; c++)
        above = above || mean[c] > 1 || std[c] > 1;
    return above;
}

/* ImageNet's mean, or nearly, with its channels the other way round. */
static bool is_reversed(const double mean[3])
{
    static const double reversed[3] = { .406, .456, .485 };
    bool near = true;
    for (int c = 0; c < 3; c++)
        near = near && fabs(mean[c] - reversed[c]) < .01;
    return near;
}

weft_status weft_statistics_read(const weft_source *source, double mean[3], double std[3], bool *reversed)
{
    const weft_weight *first = &source->tensors[source->statistics->mean];
    WEFT_TRY(read_channels(first, mean));
    WEFT_TRY(read_channels(&source->tensors[source->statistics->std], std));
    const double unit = is_of_bytes(first->name, mean, std) ? 255 : 1;
    for (int c = 0; c < 3; c++) {
        mean[c] /= unit;
        std[c] /= unit;
    }
    *reversed = is_reversed(mean);
    return WEFT_OK;
}
