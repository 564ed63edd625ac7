/* SPDX-License-Identifier: Apache-2.0
 *
 * What the classes of a pickled module's layers say. Layers without tensors change answers as well: an activation, a
 * maximum over the map, what becomes of pixels before the network. In the order of their making, an activation behind
 * the last dense layer is what makes answers of outputs; all others are kept, to be held against weft's network
 * (names/acts.c). What none of weft's networks has makes a sentence. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "weights/pth.h"

enum { SHOWN = 80 };

/* Of PyTorch, or of timm under the same names; what ops call the activation, NULL: no network of weft's has it. */
static const struct {
    const char *name, *act;
} activations[] = {
    { "ReLU", "relu" },
    { "ReLU6", "relu6" },
    { "SiLU", "swish" },
    { "Swish", "swish" },
    { "SwishMe", "swish" },
    { "Sigmoid", "sigmoid" },
    { "Tanh", "tanh" },
    { "LeakyReLU", "leaky_relu" },
    { "Hardswish", "hard_swish" },
    { "HardSwish", "hard_swish" },
    { "Hardsigmoid", "hard_sigmoid" },
    { "HardSigmoid", "hard_sigmoid" },
    { "GELU", NULL },
    { "ELU", NULL },
    { "SELU", NULL },
    { "CELU", NULL },
    { "Mish", NULL },
    { "RReLU", NULL },
    { "Softplus", NULL },
    { "Softsign", NULL },
    { "Hardtanh", NULL },
    { "Threshold", NULL },
    { "Tanhshrink", NULL },
    { "Softshrink", NULL },
    { "Hardshrink", NULL },
    { "LogSigmoid", NULL },
};

/* A layer that is looked at. */
typedef struct look {
    weft_pth *pth;
    weft_pth_classes *classes;
    const weft_pickle_opaque *object;
    const char *class_name; /* without its module */
    const char *name;       /* as sentences show it, of: */
    int length;
} look;

static weft_status differs(const look *l, const char *more)
{
    if (l->classes->differs)
        return WEFT_OK;
    l->classes->differs = weft_arena_text(&l->pth->arena, "the module in the file has as \"%.*s\" the layer %.60s%s",
                                          l->length, l->name, l->class_name, more);
    return l->classes->differs ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "%.200s", l->pth->file->path);
}

static bool is_one(const char *text, const char *const *list)
{
    int i = 0;
    while (list[i] && strcmp(list[i], text) != 0)
        i++;
    return list[i] != NULL;
}

/* ---- activations ---- */

/* The slope of PyTorch's LeakyReLU, and of weft's, unless the layer says another. */
static bool has_other_slope(const look *l)
{
    const weft_pickle_items *const attributes = weft_pth_attributes(l->object);
    const weft_pickle_value *const slope = attributes ? weft_pickle_find(attributes, "negative_slope") : NULL;
    return slope && !(slope->kind == WEFT_PICKLE_NUMBER && slope->as.number > .00999 && slope->as.number < .01001);
}

/* Kept by what it computes, with the name of the first layer that does. */
static weft_status keep_act(const look *l, const char *act)
{
    weft_weights *const weights = l->pth->weights;
    int i = 0;
    while (i < WEFT_ACTS && weights->acts[i].act && strcmp(weights->acts[i].act, act) != 0)
        i++;
    if (i == WEFT_ACTS || weights->acts[i].act)
        return WEFT_OK;
    char *const text = weft_arena_text(&weights->names, "\"%.*s\" the layer %.60s", l->length, l->name, l->class_name);
    for (char *at = text; at && *at; at++)
        *at = (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at;
    weights->acts[i] = (weft_act_fact){ act, text };
    return text ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "%.200s", l->pth->file->path);
}

static weft_status look_at_activation(const look *l)
{
    for (int i = 0; i < WEFT_COUNT(activations); i++) {
        const char *const act = activations[i].act;
        if (strcmp(l->class_name, activations[i].name) != 0)
            continue;
        if (!act)
            return differs(l, ", an activation that none of weft's networks has");
        if (strcmp(act, "leaky_relu") == 0 && has_other_slope(l))
            return differs(l, " of another slope than 0.01");
        if (strcmp(act, "sigmoid") != 0)
            return keep_act(l, act);
        l->classes->sigmoid = true; /* that of the outputs, unless a dense layer follows */
    }
    return WEFT_OK;
}

/* What makes answers of outputs. */
static weft_status look_at_outputs(const look *l)
{
    static const struct {
        const char *class_name, *activation;
    } rows[] = { { "Linear", NULL }, { "Sigmoid", "sigmoid" }, { "Softmax", "softmax" }, { "LogSoftmax", "softmax" } };
    weft_pth_classes *const classes = l->classes;
    if (strcmp(l->class_name, "Linear") == 0 && classes->sigmoid) {
        classes->sigmoid = false;
        WEFT_TRY(keep_act(&(look){ .pth = l->pth, .class_name = "Sigmoid", .name = "" }, "sigmoid"));
    }
    for (int i = 0; i < WEFT_COUNT(rows); i++)
        classes->activation = strcmp(l->class_name, rows[i].class_name) == 0 ? rows[i].activation : classes->activation;
    return WEFT_OK;
}

/* ---- maps ---- */

static bool is_called(const look *l, const char *end)
{
    const int length = (int)strlen(end);
    return l->length >= length && memcmp(l->name + l->length - length, end, (size_t)length) == 0;
}

/* What changes maps and is nowhere in weft's networks; and nothing where a pool or an activation is called so. */
static weft_status look_at_maps(const look *l)
{
    static const char *const others[] = { "AdaptiveMaxPool2d", "LPPool2d", "FractionalMaxPool2d", "Upsample",
                                          "UpsamplingNearest2d", "UpsamplingBilinear2d", "PixelShuffle",
                                          "PixelUnshuffle", "ChannelShuffle", "Unfold", "Fold", "InstanceNorm2d",
                                          "GroupNorm", "LayerNorm", NULL };
    const bool nothing = strcmp(l->class_name, "Identity") == 0 && (is_called(l, "maxpool") || is_called(l, "relu"));
    return nothing || is_one(l->class_name, others) ? differs(l, "") : WEFT_OK;
}

/* ---- pixels ---- */

/* One number, or three of a list or tuple, as text. */
static bool write_channels(const weft_pickle_items *attributes, const char *key, char text[96])
{
    const weft_pickle_value *const value = attributes ? weft_pickle_find(attributes, key) : NULL;
    const bool listed = value && (value->kind == WEFT_PICKLE_LIST || value->kind == WEFT_PICKLE_TUPLE);
    const weft_pickle_item *item = listed && value->as.items->count == 3 ? value->as.items->first : NULL;
    double channel[3];
    int n = 0;
    for (; item; item = item->next) {
        if (item->value.kind != WEFT_PICKLE_NUMBER && item->value.kind != WEFT_PICKLE_INT)
            return false;
        channel[n++] = item->value.kind == WEFT_PICKLE_INT ? (double)item->value.as.integer : item->value.as.number;
    }
    if (n == 3)
        snprintf(text, 96, "%.17g %.17g %.17g", channel[0], channel[1], channel[2]);
    return n == 3;
}

/* torchvision's Normalize has lists, which no state_dict keeps: a recipe's mean and deviation. Another one may have
 * tensors, which are looked at as such (names/statistics.c). */
static weft_status look_at_normalize(const look *l)
{
    const weft_pickle_items *const attributes = weft_pth_attributes(l->object);
    weft_weights *const weights = l->pth->weights;
    weft_pth_module parts = { 0 };
    char mean[96], deviation[96], layer[SHOWN + 1];
    weft_pth_open_module(l->object, &parts);
    if ((parts.buffers && parts.buffers->tensors > 0) || (parts.parameters && parts.parameters->tensors > 0))
        return WEFT_OK;
    if (weft_weights_meta_find(weights, "recipe.mean") || !write_channels(attributes, "mean", mean) ||
        !write_channels(attributes, "std", deviation))
        return differs(l, ", whose mean and deviation are not read");
    snprintf(layer, sizeof layer, "%.*s", l->length, l->name);
    WEFT_TRY(weft_weights_set_meta(weights, "recipe.mean", mean));
    WEFT_TRY(weft_weights_set_meta(weights, "recipe.std", deviation));
    return weft_weights_set_meta(weights, "recipe.layer", layer);
}

static weft_status look_at_transform(const look *l)
{
    static const char *const harmless[] = { "Compose", "ToTensor", "ToImage", "ToDtype", "ConvertImageDtype",
                                            "Identity", NULL };
    if (strcmp(l->class_name, "Normalize") == 0)
        return look_at_normalize(l);
    return is_one(l->class_name, harmless) ? WEFT_OK : differs(l, " of torchvision.transforms");
}

weft_status weft_pth_look_at_class(weft_pth *pth, weft_pth_classes *classes, const weft_pickle_opaque *object,
                                   const char *name, size_t length)
{
    const char *const dot = strrchr(object->name, '.');
    const size_t end = length > 0 ? length - 1 : 0; /* without the dot */
    const look l = { .pth = pth, .classes = classes, .object = object, .class_name = dot ? dot + 1 : object->name,
                     .name = end > SHOWN ? name + end - SHOWN : name, .length = (int)(end > SHOWN ? SHOWN : end) };
    if (strncmp(object->name, "torch.", 6) == 0 && strstr(object->name, ".quantized."))
        return differs(&l, ", whose weights are quantized");
    const bool torch = strncmp(object->name, "torch.nn.", 9) == 0, timm = strncmp(object->name, "timm.", 5) == 0;
    if (strncmp(object->name, "torchvision.transforms.", 23) == 0)
        return look_at_transform(&l);
    if (strcmp(l.class_name, "Normalize") == 0)
        return look_at_normalize(&l);
    if (torch || timm)
        WEFT_TRY(look_at_activation(&l));
    if (!torch)
        return WEFT_OK;
    WEFT_TRY(look_at_outputs(&l));
    return look_at_maps(&l);
}
