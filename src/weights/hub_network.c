/* SPDX-License-Identifier: Apache-2.0
 *
 * What a description beside the weights says of the network itself, where the tensors are the same and the answers are
 * not: where a stride or a pad stands, another activation, pool or epsilon. weft builds networks one way, so the first
 * thing that is said to be otherwise becomes metadata hub.differs, and the file is refused when it is mapped. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "weights/hub.h"

/* Of transformers: by its model_type; of timm: NULL, at the top or in model_args. */
static const struct {
    const char *model, *key;
    const char *ours; /* as JSON spells it; a number, if it begins like one */
} rows[] = {
    { "resnet", "downsample_in_bottleneck", "false" },
    { "resnet", "downsample_in_first_stage", "false" },
    { "resnet", "hidden_act", "\"relu\"" },
    { "mobilenet_v1", "tf_padding", "true" },
    { "mobilenet_v1", "hidden_act", "\"relu6\"" },
    { "mobilenet_v1", "layer_norm_eps", "0.001" },
    { "mobilenet_v2", "tf_padding", "true" },
    { "mobilenet_v2", "hidden_act", "\"relu6\"" },
    { "mobilenet_v2", "layer_norm_eps", "0.001" },
    { "mobilenet_v2", "output_stride", "32" },
    { "efficientnet", "hidden_act", "\"swish\"" },
    { "efficientnet", "batch_norm_eps", "0.001" },
    { "efficientnet", "pooling_type", "\"mean\"" },
    { NULL, "global_pool", "\"avg\"" },
    { NULL, "output_stride", "32" },
    { NULL, "act_layer", "null" },
    { NULL, "aa_layer", "null" },
    { NULL, "norm_layer", "null" },
    { NULL, "pad_type", "\"\"" },
};

/* The value at a noted place is as ours, or is not there. */
static weft_status is_ours(weft_json *json, size_t at, const char *ours, bool *same)
{
    const size_t length = strlen(ours);
    double value = 0;
    bool number = false;
    WEFT_TRY(weft_json_real_at(json, at, &value, &number));
    if (at == 0 || weft_json_is(json, at, 'n')) /* null: the default */
        *same = true;
    else if (number)
        *same = fabs(value / strtod(ours, NULL) - 1) < 1e-6; /* false for what is no number */
    else
        *same = weft_json_is(json, at, ours[0]) && json->end - json->at >= length &&
                memcmp(json->file->data + json->at, ours, length) == 0;
    return WEFT_OK;
}

static bool applies(int row, const char *model)
{
    return model && rows[row].model ? strcmp(model, rows[row].model) == 0 : !model && !rows[row].model;
}

/* The value at a noted place as it is written, as far as it can be shown. */
static weft_status write_value(weft_json *json, size_t at, char *text, size_t size)
{
    const char *const from = (const char *)json->file->data;
    size_t used = 0;
    json->at = at;
    WEFT_TRY(weft_json_skip(json));
    while (strchr(" \t\r\n", from[at])) /* a value begins behind them */
        at++;
    for (; at < json->at && used + 1 < size; at++)
        text[used++] = (char)(from[at] >= 0x20 && from[at] < 0x7f ? from[at] : '?');
    text[used] = '\0';
    return WEFT_OK;
}

weft_status weft_hub_check_network(weft_json *json, size_t object, const char *model, weft_weights *weights)
{
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        const char *const key = rows[i].key;
        size_t at = 0;
        bool same = true;
        if (!applies(i, model) || weft_weights_meta_find(weights, "hub.differs"))
            continue;
        json->at = object;
        WEFT_TRY(weft_json_members(json, &key, &at, 1));
        WEFT_TRY(is_ours(json, at, rows[i].ours, &same));
        if (same)
            continue;
        char text[160], value[60];
        WEFT_TRY(write_value(json, at, value, sizeof value));
        snprintf(text, sizeof text, "\"%s\": %s, where weft's has %s", key, value, rows[i].ours);
        return weft_weights_set_meta(weights, "hub.differs", text);
    }
    return WEFT_OK;
}
