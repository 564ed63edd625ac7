/* SPDX-License-Identifier: Apache-2.0
 *
 * A model's parameters from a set in weft's names, and back. Everything is compared before the first parameter is set,
 * so that a wrong set leaves the model as it was. */
#include <string.h>

#include <weft/weights.h>

#include "base/alloc.h"
#include "base/error.h"
#include "graph/model.h"

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
static weft_status compare(const weft_model *model, const weft_weights *weights, int64_t *most)
{
    const int count = weft_model_param_count(model);

    for (int i = 0; i < count; i++) {
        weft_param_info param;
        weft_weight tensor;

        WEFT_TRY(find(model, i, weights, &param, &tensor));
        *most = tensor.count > *most ? tensor.count : *most;
    }
    for (int64_t i = 0; weft_weights_count(weights) > count && i < weft_weights_count(weights); i++) {
        weft_weight tensor;

        WEFT_TRY(weft_weights_get(weights, i, &tensor));
        if (!is_param(model, tensor.name))
            return weft_fail(WEFT_BAD_DATA, "tensor '%.200s' is no parameter of the model: map the names first",
                             tensor.name);
    }
    return WEFT_OK;
}

weft_status weft_model_load(weft_model *model, const weft_weights *weights)
{
    int64_t most = 1;

    if (!model || !weights)
        return weft_fail(WEFT_INVALID, "weft_model_load: model and weights must not be NULL");
    WEFT_TRY(compare(model, weights, &most));

    const weft_allocator *allocator = weft_ctx_allocator(model->ctx);
    float *values = weft_calloc(allocator, (size_t)most, sizeof *values);
    weft_status status = values ? WEFT_OK : WEFT_NO_MEMORY;
    for (int i = 0; status == WEFT_OK && i < weft_model_param_count(model); i++) {
        weft_param_info param;
        weft_weight tensor;

        status = find(model, i, weights, &param, &tensor);
        if (status == WEFT_OK)
            status = weft_weight_floats(&tensor, values);
        if (status == WEFT_OK)
            status = weft_model_set_param(model, param.name, values, tensor.count);
    }
    weft_free(allocator, values);
    return status;
}

weft_status weft_model_save(const weft_model *model, weft_weights *weights)
{
    if (!model || !weights)
        return weft_fail(WEFT_INVALID, "weft_model_save: model and weights must not be NULL");
    const weft_allocator *allocator = weft_ctx_allocator(model->ctx);
    for (int i = 0; i < weft_model_param_count(model); i++) {
        weft_param_info param;

        WEFT_TRY(weft_model_param(model, i, &param));
        const int64_t count = weft_shape_count(&param.shape);
        float *values = weft_calloc(allocator, (size_t)count, sizeof *values);
        weft_status status = values ? weft_model_get_param(model, param.name, values, count) : WEFT_NO_MEMORY;
        if (status == WEFT_OK)
            status = weft_weights_add(weights, param.name, WEFT_F32, &param.shape, values);
        weft_free(allocator, values);
        WEFT_TRY(status);
    }
    return WEFT_OK;
}
