/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers without tensors leave no trace among the tensors: a model whose map goes through a maximum instead of a mean
 * has the tensors of weft's network and gives other answers. So the layers behind the last convolution, norm or joint
 * of a description may only be what weft's networks have there: an activation, a mean over the map, Flatten, Dropout,
 * Dense. Anything else makes a sentence, and the file is refused when it is mapped.
 *
 * What makes answers of the outputs is the last Dense's activation or that of a layer behind it. A linear one changes
 * nothing: Activation('linear', dtype='float32') stands at the end of models of mixed precision. */
#include <string.h>

#include "base/error.h"
#include "weights/keras_behind.h"

/* What is looked at of a layer. */
typedef struct layer {
    const char *class_name, *name; /* not NULL */
    const char *activation;        /* NULL: none is said */
    bool bounded;                  /* a ReLU that is something else than max(x, 0) */
} layer;

static bool is_one(const char *text, const char *const *list)
{
    int i = 0;
    while (list[i] && strcmp(list[i], text) != 0)
        i++;
    return list[i] != NULL;
}

/* The network goes on behind these: what came before them is its own. */
static bool goes_on(const char *class_name)
{
    static const char *const joints[] = { "BatchNormalization", "Add", "Concatenate", "SyncBatchNormalization", NULL };
    return strstr(class_name, "Conv") || is_one(class_name, joints);
}

static bool is_linear(const char *activation)
{
    return !activation || strcmp(activation, "linear") == 0;
}

static bool is_answer(const char *activation)
{
    return activation && (strcmp(activation, "softmax") == 0 || strcmp(activation, "sigmoid") == 0);
}

/* Layers that do nothing when a network answers, or that weft's networks have. */
static bool is_known(const char *class_name)
{
    static const char *const names[] = { "GlobalAveragePooling2D", "GlobalAvgPool2D", "AveragePooling2D", "AvgPool2D",
                                         "Flatten", "Reshape", "Dropout", "SpatialDropout2D", "AlphaDropout",
                                         "GaussianDropout", "GaussianNoise", "ActivityRegularization", "Identity",
                                         "Cast", NULL };
    return is_one(class_name, names) || strncmp(class_name, "Random", 6) == 0;
}

static weft_status tell(weft_json *json, const char **out, const layer *l, const char *what)
{
    if (*out)
        return WEFT_OK;
    *out = weft_arena_text(json->arena, "the description in the file has behind the network the layer '%.60s', %s%.60s",
                           l->name, what, l->class_name);
    return *out ? WEFT_OK : WEFT_NO_MEMORY;
}

/* An activation: the network's own, one that repeats it, or that of the outputs. */
static weft_status read_activation(weft_keras_behind *b, weft_json *json, const layer *l, const char *act)
{
    static const char *const own[] = { "relu", "relu6", "swish", "silu", NULL };
    if (is_linear(act))
        return WEFT_OK;
    if (b->outputs || is_answer(act)) {
        if (b->act)
            return tell(json, &b->differs, l, "behind another activation, ");
        b->act = act;
        b->act_of = l->name;
        return WEFT_OK;
    }
    const bool fits = b->acted ? strcmp(act, "relu") == 0 && !l->bounded : is_one(act, own);
    b->acted = true;
    return fits ? WEFT_OK : tell(json, &b->differs, l, "another activation, ");
}

static bool is_mean_of_means(weft_keras_behind *b, const char *class_name)
{
    const bool global = strncmp(class_name, "GlobalAv", 8) == 0;
    const bool again = b->averaged && (global || strncmp(class_name, "Av", 2) == 0);
    b->averaged = b->averaged || strncmp(class_name, "Av", 2) == 0;
    return again;
}

static weft_status read_layer(weft_json *json, size_t config, layer *out)
{
    enum { NAME, ACTIVATION, MAX_VALUE, NEGATIVE_SLOPE, THRESHOLD, KEYS };
    static const char *const keys[KEYS] = { "name", "activation", "max_value", "negative_slope", "threshold" };
    size_t at[KEYS] = { 0 };
    double most, slope = 0, threshold = 0;
    bool ignored;
    if (weft_json_is(json, config, '{'))
        WEFT_TRY(weft_json_members(json, keys, at, KEYS));
    WEFT_TRY(weft_json_text_at(json, at[NAME], &out->name));
    WEFT_TRY(weft_json_text_at(json, at[ACTIVATION], &out->activation));
    WEFT_TRY(weft_json_real_at(json, at[MAX_VALUE], &most, &out->bounded));
    WEFT_TRY(weft_json_real_at(json, at[NEGATIVE_SLOPE], &slope, &ignored));
    WEFT_TRY(weft_json_real_at(json, at[THRESHOLD], &threshold, &ignored));
    out->bounded = out->bounded || slope != 0 || threshold != 0;
    out->name = out->name ? out->name : "";
    if (weft_json_is(json, at[ACTIVATION], '{'))
        out->activation = "one of its own";
    return WEFT_OK;
}

static void begin_again(weft_keras_behind *b, const layer *l)
{
    const bool norms = b->norms || strstr(l->class_name, "BatchNormalization");
    *b = (weft_keras_behind){ .forever = b->forever, .norms = norms };
    b->acted = !is_linear(l->activation);
    b->act = is_answer(l->activation) ? l->activation : NULL;
}

weft_status weft_keras_behind_layer(weft_keras_behind *b, weft_json *json, const char *class_name, size_t config)
{
    static const char *const maxima[] = { "MaxPooling2D", "MaxPool2D", NULL };
    static const char *const lists[] = { "Flatten", "Reshape", NULL };
    static const char *const containers[] = { "Functional", "Model", "Sequential", "InputLayer", NULL };
    layer l = { .class_name = class_name };
    if (is_one(class_name, containers))
        return WEFT_OK;
    WEFT_TRY(read_layer(json, config, &l));
    if (strncmp(class_name, "GlobalMax", 9) == 0)
        return tell(json, &b->forever, &l, "a ");
    if (goes_on(class_name)) {
        begin_again(b, &l);
        return WEFT_OK;
    }
    if (strcmp(class_name, "Dense") == 0) {
        b->outputs = true;
        b->act = is_linear(l.activation) ? NULL : l.activation;
        b->act_of = l.name;
        return WEFT_OK;
    }
    if (strcmp(class_name, "Activation") == 0)
        return read_activation(b, json, &l, l.activation);
    if (strcmp(class_name, "Softmax") == 0)
        return read_activation(b, json, &l, "softmax");
    if (strcmp(class_name, "ReLU") == 0)
        return read_activation(b, json, &l, "relu");
    if (!b->norms && is_one(class_name, maxima)) /* VGG and older networks end so */
        return WEFT_OK;
    b->outputs = b->outputs || is_one(class_name, lists); /* MobileNets' last layer is a convolution */
    if (!is_known(class_name))
        return tell(json, &b->differs, &l, "a ");
    return is_mean_of_means(b, class_name) ? tell(json, &b->differs, &l, "a pool behind a pool, ") : WEFT_OK;
}

weft_status weft_keras_behind_tell(const weft_keras_behind *b, const weft_json *json, weft_weights *weights)
{
    const char *const differs = b->differs ? b->differs : b->forever;
    if (is_answer(b->act))
        WEFT_TRY(weft_weights_set_meta(weights, "weft.activation", b->act));
    if (differs)
        return weft_weights_set_meta(weights, WEFT_META_FILE_DIFFERS, differs);
    if (!b->outputs || !b->act || is_answer(b->act))
        return WEFT_OK;
    const char *const text = weft_arena_text(json->arena, "the description in the file makes answers of outputs by the "
                                             "activation '%.60s' of the layer '%.60s'", b->act, b->act_of);
    return text ? weft_weights_set_meta(weights, WEFT_META_FILE_DIFFERS, text) : WEFT_NO_MEMORY;
}
