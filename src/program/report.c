/* SPDX-License-Identifier: Apache-2.0
 *
 * What was planned, for summary and explain: memory, steps, passes. */
#include <stdio.h>
#include <string.h>

#include "program/program.h"

/* End of the highest cache line whose bytes are not the pattern. */
static size_t touched(const weft_model *model)
{
    unsigned char pattern[WEFT_CACHE_LINE];
    memset(pattern, WEFT_TRACK_BYTE, sizeof pattern);
    size_t end = model->layout.bytes;
    while (end > 0 && memcmp(model->memory + end - sizeof pattern, pattern, sizeof pattern) == 0)
        end -= sizeof pattern;
    return end;
}

weft_status weft_model_memory(const weft_model *model, weft_memory *out)
{
    if (!model)
        return weft_fail(WEFT_INVALID, "weft_model_memory: model is NULL");
    *out = (weft_memory){ .arena = model->layout.bytes, .workspace = model->layout.workspace,
                          .packed = model->packed_bytes, .params = model->param_bytes,
                          .peak = model->layout.bytes + model->packed_bytes + model->param_bytes };
    if (model->opt.track && model->ran && !model->staged && !model->ctx->device->dry)
        out->touched = touched(model);
    return WEFT_OK;
}

weft_status weft_model_recomputed(const weft_model *model, weft_recomputed *out)
{
    if (!model || !out)
        return weft_fail(WEFT_INVALID, "weft_model_recomputed: model and out must not be NULL");
    *out = model->recomputed;
    return WEFT_OK;
}

int weft_model_step_count(const weft_model *model)
{
    return model ? model->n_steps : 0;
}

static weft_status find_step(const weft_model *model, int index, const weft_step **out)
{
    if (index < 0 || index >= weft_model_step_count(model))
        return weft_fail(WEFT_INVALID, "step %d: the model has steps 0 to %d", index, weft_model_step_count(model) - 1);
    *out = &model->steps[index];
    return WEFT_OK;
}

double weft_model_least_bytes(const weft_node *node)
{
    double count = 0;
    for (int i = 0; i < node->n_in; i++)
        count += (double)weft_shape_count(&node->in[i]);
    for (int i = 0; i < node->n_out; i++)
        count += (double)weft_shape_count(&node->out[i]);
    return count * (double)sizeof(float);
}

weft_status weft_model_step(const weft_model *model, int index, weft_step_info *out)
{
    const weft_step *step = NULL;
    WEFT_TRY(find_step(model, index, &step));
    const weft_node *node = &step->gnode->node;
    weft_step_info info = { .name = node->name, .op = node->op->name, .kernel = step->kernel->name, .in = node->in[0],
                            .out = node->out[0], .bytes = weft_model_least_bytes(node) };
    info.flops = node->op->cost(node).flops;
    char detail[96] = "";
    if (node->op->describe)
        node->op->describe(node, detail, sizeof detail);
    snprintf(info.detail, sizeof info.detail, "%s%s%s%s", detail, node->epi.residual ? " +residual" : "",
             node->epi.act != WEFT_ACT_NONE ? " +" : "", weft_act_name(node->epi.act));
    *out = info;
    return WEFT_OK;
}

weft_status weft_model_explain(const weft_model *model, int index, int k, const char **kernel, const char **reason)
{
    const weft_step *step = NULL;
    WEFT_TRY(find_step(model, index, &step));
    const weft_node *node = &step->gnode->node;
    const weft_device *device = model->ctx->device;
    const weft_kernel *const *list = device->kernels[node->id];
    for (int i = 0; list[i]; i++) {
        const bool chosen = list[i] == step->kernel;
        if (i == k) {
            *kernel = list[i]->name;
            *reason = chosen || !list[i]->refuse ? NULL : list[i]->refuse(node, device);
            if (!chosen && !*reason)
                *reason = "slower on this machine, as weft tune found";
            return WEFT_OK;
        }
        if (chosen)
            break;
    }
    return weft_fail(WEFT_NOT_FOUND, "%s: no candidate %d before the kernel chosen", node->name, k);
}

int weft_model_pass_count(const weft_model *model)
{
    return model ? WEFT_PASS_COUNT : 0;
}

weft_status weft_model_pass(const weft_model *model, int index, weft_pass_info *out)
{
    if (index < 0 || index >= weft_model_pass_count(model))
        return weft_fail(WEFT_INVALID, "pass %d: there are passes 0 to %d", index, weft_model_pass_count(model) - 1);
    const weft_pass_record *record = &model->passes[index];
    *out = (weft_pass_info){ .name = weft_passes[index].name, .brief = weft_passes[index].brief, .ran = record->ran,
                             .before = record->before, .after = record->after, .changes = record->n_changes };
    return WEFT_OK;
}

weft_status weft_model_pass_change(const weft_model *model, int index, int k, weft_change_info *out)
{
    weft_pass_info info;
    WEFT_TRY(weft_model_pass(model, index, &info));
    if (k < 0 || k >= info.changes)
        return weft_fail(WEFT_INVALID, "change %d: pass %s made changes 0 to %d", k, info.name, info.changes - 1);
    const weft_pass_change *change = &model->passes[index].changes[k];
    *out = (weft_change_info){ change->node, change->what, change->now };
    return WEFT_OK;
}
