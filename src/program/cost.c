/* SPDX-License-Identifier: Apache-2.0
 *
 * The cost report: the launches of every step as its kernel states them, before them those that pack parameters where
 * that is part of every run, their sum, and what the graph needs at least.
 * Roofline: Williams et al. 2009, CACM 52(4). */
#include <stdio.h>

#include "program/program.h"

/* ---- launches ---- */

static int launches_of_one(const weft_step *step, weft_kernel_cost out[WEFT_MAX_LAUNCH])
{
    const weft_node *node = &step->gnode->node;
    return step->kernel->launches ? step->kernel->launches(node, &step->plan, out)
                                  : weft_plain_cost(node, &step->plan, out);
}

/* To a launch what another node of the group makes of it. */
static void add_node(weft_kernel_cost *sum, const weft_kernel_cost *one)
{
    sum->tensor_core += one->tensor_core;
    sum->core += one->core;
    sum->weights += one->weights;
    sum->read += one->read;
    sum->written += one->written;
    sum->workspace += one->workspace;
}

/* Of the steps that run as one with this one, the first of them; none of the others. */
static int launches_of(const weft_step *step, weft_kernel_cost out[WEFT_MAX_LAUNCH])
{
    int n = step->together ? launches_of_one(step, out) : 0;
    for (int i = 1; i < step->together; i++) {
        weft_kernel_cost other[WEFT_MAX_LAUNCH];
        const int count = launches_of_one(step + i, other);
        for (int k = 0; k < count; k++) {
            if (k < n)
                add_node(&out[k], &other[k]);
            else
                out[n++] = other[k];
        }
    }
    return n;
}

/* Bytes of the parameters that a step packs, as they are stored. */
static double stored_bytes(const weft_step *step)
{
    double bytes = 0;
    for (int i = 0; i < step->gnode->node.n_in && i < 32; i++)
        if (weft_step_packs(step) >> i & 1)
            bytes += weft_tensor_bytes(&step->gnode->node.in[i], WEFT_F32);
    return bytes;
}

/* How many launches pack parameters in every run, and what each of them costs: their sum by their number. */
static int packs_of(const weft_model *model, weft_kernel_cost *out)
{
    const int most = model->ctx->device->backend->pack_pieces;
    int pieces = 0, n = 0;
    *out = (weft_kernel_cost){ .cast = model->ctx->device->dtype != WEFT_F32 };
    for (int i = 0; i < model->n_priors && model->updates && most > 0; i++) {
        if (!model->priors[i].packs || model->priors[i].once)
            continue;
        const weft_step *step = &model->steps[model->priors[i].step];
        pieces += step->plan.pack_pieces;
        n += step->plan.pack_pieces == 0;
        out->read += stored_bytes(step);
        out->written += (double)step->plan.packed;
    }
    n += pieces > 0 ? (pieces + most - 1) / most : 0;
    out->read /= n > 0 ? n : 1;
    out->written /= n > 0 ? n : 1;
    return n;
}

static const weft_roofs *roofs_of(const weft_model *model)
{
    const weft_device *device = model->ctx->device;
    return device->backend->roofs ? device->backend->roofs(device) : NULL;
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double roofline(const weft_kernel_cost *launch, const weft_roofs *roofs)
{
    if (!roofs)
        return 0;
    const double bytes = launch->weights + launch->read + launch->written;
    const double fast = launch->tensor_core > 0 ? launch->tensor_core / roofs->tensor_core : 0;
    return larger(larger(fast, launch->core / roofs->core), larger(bytes / roofs->bandwidth, roofs->launch));
}

int weft_model_launch_count(const weft_model *model)
{
    weft_kernel_cost list[WEFT_MAX_LAUNCH];
    int n = model ? packs_of(model, list) : 0;
    for (int i = 0; i < weft_model_step_count(model); i++)
        n += launches_of(&model->steps[i], list);
    return n;
}

/* Launch l of a step; -1: before all of them. */
static void tell(const weft_model *model, int step, const weft_kernel_cost *l, weft_launch_info *out)
{
    const weft_step *its = step < 0 ? NULL : &model->steps[step];
    *out = (weft_launch_info){ .step = step, .name = its ? its->gnode->node.name : "parameters",
                               .kernel = its ? its->kernel->name : "pack", .what = l->what ? l->what : "",
                               .tensor_core = l->tensor_core, .core = l->core, .weights = l->weights, .read = l->read,
                               .written = l->written, .seconds = roofline(l, roofs_of(model)),
                               .workspace = l->workspace, .copy = l->copy, .cast = l->cast };
}

weft_status weft_model_launch(const weft_model *model, int index, weft_launch_info *out)
{
    weft_kernel_cost list[WEFT_MAX_LAUNCH];
    int first = model ? packs_of(model, list) : 0;
    if (index >= 0 && index < first) {
        tell(model, -1, list, out);
        return WEFT_OK;
    }
    for (int i = 0; index >= 0 && i < weft_model_step_count(model); i++) {
        const int n = launches_of(&model->steps[i], list);
        if (index < first + n) {
            tell(model, i, &list[index - first], out);
            return WEFT_OK;
        }
        first += n;
    }
    return weft_fail(WEFT_INVALID, "launch %d: the model has launches 0 to %d", index, first - 1);
}

static void add_launch(weft_run_cost *sum, const weft_kernel_cost *l, const weft_roofs *roofs)
{
    sum->launches++;
    sum->copies += l->copy;
    sum->casts += l->cast;
    sum->tensor_core += l->tensor_core;
    sum->core += l->core;
    sum->weights += l->weights;
    sum->read += l->read;
    sum->written += l->written;
    sum->seconds += roofline(l, roofs);
    sum->workspace = l->workspace > sum->workspace ? l->workspace : sum->workspace;
}

/* Adds hash to seen[n] unless it is there. */
static int remember(uint64_t *seen, int n, uint64_t hash)
{
    for (int i = 0; i < n; i++)
        if (seen[i] == hash)
            return n;
    seen[n] = hash;
    return n + 1;
}

weft_status weft_model_cost(const weft_model *model, weft_run_cost *out)
{
    if (!model || !out)
        return weft_fail(WEFT_INVALID, "weft_model_cost: model and out must not be NULL");
    const weft_roofs *roofs = roofs_of(model);
    weft_run_cost sum = { .least_bytes = model->graph->least_bytes };
    const size_t most = (size_t)model->n_steps * WEFT_MAX_LAUNCH;
    uint64_t *seen = weft_calloc(&model->ctx->allocator, most, sizeof *seen);
    if (!seen)
        return WEFT_NO_MEMORY;
    weft_kernel_cost list[WEFT_MAX_LAUNCH];
    for (int n = packs_of(model, list); n > 0; n--)
        add_launch(&sum, list, roofs);
    for (int i = 0; i < model->n_steps; i++) {
        const int n = launches_of(&model->steps[i], list);
        for (int k = 0; k < n; k++) {
            add_launch(&sum, &list[k], roofs);
            if (list[k].plan)
                sum.plans = remember(seen, sum.plans, list[k].plan);
        }
    }
    weft_free(&model->ctx->allocator, seen);
    if (roofs) {
        snprintf(sum.device, sizeof sum.device, "%s", roofs->name);
        sum.peak_tensor_core = roofs->tensor_core;
        sum.peak_core = roofs->core;
        sum.bandwidth = roofs->bandwidth;
    }
    *out = sum;
    return WEFT_OK;
}
