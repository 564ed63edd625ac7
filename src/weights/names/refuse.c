/* SPDX-License-Identifier: Apache-2.0
 *
 * Why a file's tensors are not taken, in one sentence: what it was made for, where that can be said (images of other
 * channels, another width, a classifier of several layers), else what is missing, unknown or misshapen, and the network
 * that fits better. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "weights/names/map.h"

enum { TOLD = 3, TEXT = 320 };

/* "12 missing (a, b, c, ...)" */
static void list_names(char *buf, size_t size, const char *what, const char *const *names, int64_t count)
{
    size_t used = (size_t)snprintf(buf, size, "%lld %s", (long long)count, what);
    for (int64_t i = 0; i < count && i < TOLD && used < size; i++)
        used += (size_t)snprintf(buf + used, size - used, "%s%.90s", i == 0 ? " (" : ", ", names[i]);
    if (count > 0 && used < size)
        snprintf(buf + used, size - used, "%s)", count > TOLD ? ", ..." : "");
}

/* "tensor 'conv1.weight' has shape [64, 1, 7, 7], expected [64, 3, 7, 7] for stem/conv2d/weight" */
static void describe(const weft_finding *f, int at, char text[TEXT])
{
    const weft_match *match = &f->resolved->match[at];
    const weft_weight *tensor = &f->source->tensors[match->source];
    const bool conv = match->rule && (match->rule->flags & WEFT_NAME_CONV);
    const int64_t flat[3] = { 0 };
    char have[96], want[96];
    weft_shape shape;
    weft_tensor_order_usual(weft_origin_style(f->resolved->origin), &match->param.shape, conv, flat, &shape);
    shape.dim[0] *= weft_match_parts(match);
    snprintf(text, TEXT, "tensor '%.120s' has shape %s, expected %s for %.80s", tensor->name,
             tensor->shape.rank ? weft_shape_text(&tensor->shape, have, sizeof have) : "[]",
             weft_shape_text(&shape, want, sizeof want), match->param.name);
}

/* ---- what the file was made for ---- */

/* Channels of the images that the first convolution takes; 0: it is not its channels that are others. */
static int64_t other_channels(const weft_finding *f)
{
    int first = 0;
    while (first < f->resolved->count && f->resolved->match[first].param.shape.rank != 4)
        first++;
    if (first != f->misshapen)
        return 0;
    const weft_match *match = &f->resolved->match[first];
    const weft_weight *tensor = &f->source->tensors[match->source];
    const int64_t no_map[3] = { 0 };
    weft_shape want = match->param.shape;
    weft_tensor_order order;
    want.dim[3] = tensor->count / (want.dim[0] * want.dim[1] * want.dim[2]);
    const bool fits = want.dim[3] > 0 && weft_tensor_order_find(weft_origin_style(f->resolved->origin), &tensor->shape,
                                                                &want, no_map, &order);
    return fits ? want.dim[3] : 0;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* How wide the file's layers are, ours being 1, if most of them are of another width; else 0. Vectors tell: they lie
 * alike everywhere. */
static weft_status other_width(const weft_finding *f, double *out)
{
    int count = 0, others = 0;
    double *ratio = weft_arena_array(f->arena, (size_t)f->resolved->count, sizeof *ratio);
    if (!ratio)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < weft_head_first(f->resolved); i++) {
        const weft_match *match = &f->resolved->match[i];
        const weft_weight *tensor = match->source < 0 ? NULL : &f->source->tensors[match->source];
        if (!tensor || match->param.shape.rank != 1 || tensor->shape.rank != 1)
            continue;
        ratio[count] = (double)tensor->count / (double)match->param.shape.dim[0];
        others += ratio[count++] != 1;
    }
    *out = 0;
    if (count == 0 || 2 * others <= count)
        return WEFT_OK;
    qsort(ratio, (size_t)count, sizeof *ratio, by_value);
    *out = round(20 * ratio[count / 2]) / 20; /* numbers of channels are rounded, mostly to 8 */
    return WEFT_OK;
}

/* Only shapes are wrong: fails with what the network in the file is, where that shows. */
static weft_status check_variant(const weft_finding *f)
{
    char text[TEXT];
    double width = 0;
    const char *const dialect = weft_dialect_name(f->arch->dialect);
    const int64_t channels = other_channels(f);
    describe(f, f->misshapen, text);
    if (channels)
        return weft_fail(WEFT_BAD_DATA,
                         "the network in the file is made for images of %lld channel%s, weft's %s (%s) for "
                         "3: %s",
                         (long long)channels, channels == 1 ? "" : "s", f->arch->name, dialect, text);
    WEFT_TRY(other_width(f, &width));
    if (width == 0 || width == 1)
        return WEFT_OK;
    return weft_fail(WEFT_BAD_DATA,
                     "the network in the file is %s than weft's %s (%s): its width is about %.3g of that; "
                     "%s",
                     width < 1 ? "narrower" : "wider", f->arch->name, dialect, width, text);
}

/* The same of a classifier of several layers, and of one that has other inputs, where nothing else is wrong. */
static weft_status check_head(const weft_finding *f, const weft_map_report *report)
{
    char layers[TEXT];
    int count = 0;
    WEFT_TRY(weft_head_left(f->arena, f->resolved, layers, sizeof layers, &count));
    const bool other = count == 1 && report->missing_count <= 2 && report->unused_count <= 2; /* weight and bias */
    if (count < 2 && !other)
        return WEFT_OK;
    const weft_shape *want = &f->resolved->match[weft_head_first(f->resolved)].param.shape;
    return weft_fail(WEFT_BAD_DATA,
                     "the classifier of the network in the file has %s (%s); weft's %s (%s) has "
                     "a head of one layer of %lld inputs, and takes files with such a head",
                     other ? "other inputs, as behind a Flatten" : "several layers", layers, f->arch->name,
                     weft_dialect_name(f->arch->dialect), (long long)want->dim[want->rank > 1 ? want->rank - 1 : 0]);
}

/* ---- all else ---- */

const char *weft_source_derived(const weft_source *source)
{
    if (source->unnamed)
        return "the file counts its layers by class and does not name them, as .weights.h5 of Keras 2 and of early "
               "Keras 3 do: load it there and save the model as .keras or .h5";
    static const struct {
        const char *end, *advice;
    } rows[] = {
        { ".weight_mask",
          "weights are pruned (weight_orig, weight_mask): save them behind torch.nn.utils.prune.remove" },
        { ".weight_g", "weights are normalised (weight_g, weight_v): save them behind remove_weight_norm" },
        { ".weight_u", "weights are normalised (weight_orig, weight_u): save them behind remove_spectral_norm" },
        { ".zero_point",
          "weights are quantized (scale, zero_point): those of the network before that are floats, which weft reads" },
        { ".original0", "weights have parametrizations: save them behind parametrize.remove_parametrizations" },
        { ".parametrizations.weight.original",
          "weights have parametrizations: save them behind parametrize.remove_parametrizations" },
    };
    for (int64_t i = 0; i < source->count; i++) {
        const char *const name = source->tensors[i].name;
        const size_t length = strlen(name);
        for (int k = 0; k < WEFT_COUNT(rows); k++) {
            const size_t tail = strlen(rows[k].end);
            if (length > tail && strcmp(name + length - tail, rows[k].end) == 0)
                return rows[k].advice;
        }
    }
    return source->unread;
}

static weft_status tell_names(const weft_finding *f, const weft_map_report *report, const char *advice)
{
    const char *const derived = weft_source_derived(f->source);
    char missing[TEXT], unused[TEXT];
    list_names(missing, sizeof missing, "missing", report->missing, report->missing_count);
    list_names(unused, sizeof unused, "unknown", report->unused, report->unused_count);
    return weft_fail(WEFT_BAD_DATA, "the tensors are not those of %s (%s) by %s names: %s, %s%s%s%s", f->arch->name,
                     weft_dialect_name(f->arch->dialect),
                     report->mapped > 0 ? weft_origin_name(f->resolved->origin) : "any", missing, unused, advice,
                     derived ? "; " : "", derived ? derived : "");
}

weft_status weft_map_refuse(const weft_finding *f, weft_map_report *report)
{
    const char *nearest = NULL;
    char advice[200] = "", text[TEXT];
    if (f->source->unnamed)
        return weft_fail(WEFT_BAD_DATA, "the tensors are not those of %s (%s); %s", f->arch->name,
                         weft_dialect_name(f->arch->dialect), weft_source_derived(f->source));
    if (f->incomplete)
        WEFT_TRY(check_head(f, report));
    if (f->misshapen >= 0 && report->missing_count + report->unused_count == 0)
        WEFT_TRY(check_variant(f));
    WEFT_TRY(weft_nearest_network(f->ctx, f->arena, f->source, f->arch, &nearest));
    if (nearest) {
        WEFT_TRY(weft_report_set_nearest(report, nearest));
        snprintf(advice, sizeof advice, "; the tensors fit %s better", nearest);
    }
    if (f->incomplete && (f->misshapen < 0 || nearest))
        return tell_names(f, report, advice);
    describe(f, f->misshapen, text);
    return weft_fail(WEFT_BAD_DATA, "%s of %s (%s)%s", text, f->arch->name, weft_dialect_name(f->arch->dialect),
                     advice);
}
