/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's parameters from a set in weft's names, and back. Everything is compared before the first parameter is set,
 * so that a wrong set leaves the model as it was. */
#include <string.h>

#include <weft/weights.h>

#include "base/error.h"
#include "program/program.h"

/* The tensor of a parameter, of its shape. */
static weft_status find(const weft_model *model, int index, const weft_weights *weights, weft_param_info *param,
                        weft_weight *tensor)
{
    char have[96], want[96];
    WEFT_TRY(weft_model_param(model, index, param));
    const weft_status status = weft_weights_find(weights, param->name, tensor);
    if (status == WEFT_NOT_FOUND)
        return weft_fail(WEFT_BAD_DATA, "there is no tensor for parameter %s", param->name);
    WEFT_TRY(status);
    if (weft_shape_equal(&tensor->shape, &param->shape))
        return WEFT_OK;
    return weft_fail(WEFT_BAD_DATA, "tensor %s has shape %s, expected %s", param->name,
                     tensor->shape.rank ? weft_shape_text(&tensor->shape, have, sizeof have) : "[]",
                     weft_shape_text(&param->shape, want, sizeof want));
}

static bool is_param(const weft_model *model, const char *name)
{
    weft_param_info param;
    for (int i = 0; weft_model_param(model, i, &param) == WEFT_OK; i++)
        if (strcmp(param.name, name) == 0)
            return true;
    return false;
}

/* All parameters have tensors; as many tensors as parameters, or the first one too many is told. */
static weft_status compare(const weft_model *model, const weft_weights *weights)
{
    const int count = weft_model_param_count(model);
    weft_param_info param;
    weft_weight tensor;
    for (int i = 0; i < count; i++)
        WEFT_TRY(find(model, i, weights, &param, &tensor));
    for (int64_t i = 0; weft_weights_count(weights) > count && i < weft_weights_count(weights); i++) {
        WEFT_TRY(weft_weights_get(weights, i, &tensor));
        if (!is_param(model, tensor.name))
            return weft_fail(WEFT_BAD_DATA, "tensor '%.200s' is no parameter of the model: map the names first",
                             tensor.name);
    }
    return WEFT_OK;
}

weft_status weft_model_load(weft_model *model, const weft_weights *weights)
{
    if (!model || !weights)
        return weft_fail(WEFT_INVALID, "weft_model_load: model and weights must not be NULL");
    WEFT_TRY(compare(model, weights));
    WEFT_TRY(weft_model_need_params(model, "weft_model_load"));
    for (int i = 0; i < model->n_params; i++) {
        weft_param_info param;
        weft_weight tensor;
        float *values;

        WEFT_TRY(find(model, i, weights, &param, &tensor));
        WEFT_TRY(weft_store_lend(model->store, model->entries[i], false, &values));
        const weft_status status = weft_weight_floats(&tensor, values);
        WEFT_TRY(weft_store_give(model->store, model->entries[i], values));
        WEFT_TRY(status);
    }
    return WEFT_OK;
}

weft_status weft_model_save(const weft_model *model, weft_weights *weights)
{
    if (!model || !weights)
        return weft_fail(WEFT_INVALID, "weft_model_save: model and weights must not be NULL");
    WEFT_TRY(weft_model_need_params(model, "weft_model_save"));
    for (int i = 0; i < model->n_params; i++) {
        weft_param_info param;
        float *values;

        WEFT_TRY(weft_model_param(model, i, &param));
        WEFT_TRY(weft_store_lend(model->store, model->entries[i], true, &values));
        WEFT_TRY(weft_weights_add(weights, param.name, WEFT_F32, &param.shape, values));
    }
    return WEFT_OK;
}
