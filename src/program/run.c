/* SPDX-License-Identifier: Apache-2.0
 *
 * Running: what a change of the store calls for, the inputs, then the steps, one after the other or as the backend has
 * recorded them. Where runs change the store, what that calls for is part of each run and of its recording.
 *
 * A run that changes nothing but its arena ends early when its context is cancelled: between steps, and on the CPU in
 * the midst of one, whose items are then left out. One that changes the store is refused before it begins, or made. */
#include "base/clock.h"
#include "base/fpmode.h"
#include "program/program.h"

static weft_status run_prior(const weft_model *model, const weft_prior *prior)
{
    const weft_kernel *kernel = (prior->packs ? model->steps : model->derivations)[prior->step].kernel;
    const weft_status status = (prior->packs ? kernel->pack : kernel->run)(&prior->call);
    return status == WEFT_OK ? WEFT_OK : weft_fail_in(status, "%s: %s", prior->call.node->name, kernel->name);
}

/* Packs that may be queued together: between them nothing is written that others read. */
static weft_status run_packs(const weft_model *model, int first, int end)
{
    const weft_device *device = model->ctx->device;
    weft_status status = WEFT_OK;
    if (device->backend->pack_begin)
        device->backend->pack_begin(device);
    for (int i = first; i < end && status == WEFT_OK; i++)
        status = run_prior(model, &model->priors[i]);
    return device->backend->pack_end ? device->backend->pack_end(device, status) : status;
}

/* Where the packs end that begin with prior i; one with scratch memory is alone. */
static int end_of_packs(const weft_model *model, int i)
{
    const weft_prior *priors = model->priors;
    int end = i + 1;
    while (!priors[i].call.scratch && end < model->n_priors && priors[end].packs && !priors[end].call.scratch &&
           priors[end].once == priors[i].once)
        end++;
    return end;
}

/* once: those that have nothing to do with parameters; else the others. */
static weft_status run_priors(const weft_model *model, bool once)
{
    for (int i = 0, end; i < model->n_priors && !model->ctx->device->dry; i = end) {
        const bool packs = model->priors[i].packs;
        end = packs ? end_of_packs(model, i) : i + 1;
        if (model->priors[i].once == once)
            WEFT_TRY(packs ? run_packs(model, i, end) : run_prior(model, &model->priors[i]));
    }
    return WEFT_OK;
}

/* What it writes lies where it lay, so that recordings stay good. */
weft_status weft_model_follow_store(weft_model *model)
{
    if (!model->version && model->store->version == WEFT_STORE_FRESH && model->n_params > 0)
        weft_log(model->ctx, WEFT_LOG_WARN, "the parameters were never set or initialised: all of them are zero");
    if (!model->version && model->ctx->device->backend->clear)
        model->ctx->device->backend->clear(model->ctx->device, model->packed, model->packed_bytes);
    const weft_fp_mode before = weft_fp_enter();
    weft_status status = model->version ? WEFT_OK : run_priors(model, true);
    if (status == WEFT_OK && !model->updates)
        status = run_priors(model, false);
    weft_fp_write(before);
    WEFT_TRY(status);
    model->version = model->store->version;
    return WEFT_OK;
}

weft_status weft_model_commit(weft_model *model)
{
    WEFT_TRY(weft_model_need_params(model, "weft_model_commit"));
    if (model->version != model->store->version)
        WEFT_TRY(weft_model_follow_store(model));
    const weft_device *device = model->ctx->device;
    if (device->backend->touch && !model->ran)
        device->backend->touch(device, model->memory, model->layout.bytes);
    return device->backend->wait && !device->dry ? device->backend->wait(device) : WEFT_OK;
}

/* What is to be done before step i; *next: of all that is to be done, what comes next. */
static weft_status run_between(const weft_model *model, int i, int *next)
{
    const weft_between *between = model->between;
    for (; between && *next < between->count && between->before[*next] <= i; ++*next)
        WEFT_TRY(between->run(between->user, *next));
    return WEFT_OK;
}

/* count steps from step i on, which run as one. */
static weft_status run_together(const weft_model *model, int i, int count)
{
    const weft_step *step = &model->steps[i];
    const weft_status status = model->ctx->device->dry ? WEFT_OK
                               : count > 1             ? step->kernel->group->run(&model->calls[i], count)
                                                       : step->kernel->run(&step->call);
    return status == WEFT_OK ? WEFT_OK : weft_fail_in(status, "%s: %s", step->gnode->node.name, step->kernel->name);
}

/* The time of steps that ran as one, by what each has to move. */
static void share_time(const weft_model *model, double *seconds, int i, int count, double taken)
{
    double bytes = 0;
    for (int k = i; k < i + count; k++)
        bytes += weft_model_least_bytes(&model->steps[k].gnode->node);
    for (int k = i; k < i + count; k++)
        seconds[k] = count == 1 ? taken : taken * weft_model_least_bytes(&model->steps[k].gnode->node) / bytes;
}

static weft_status go_on(const weft_model *model)
{
    return model->updates ? WEFT_OK : weft_ctx_go(model->ctx, "weft_model_run");
}

static weft_status run_steps(const weft_model *model, double *seconds)
{
    const bool dry = model->ctx->device->dry;
    weft_status (*const wait)(const weft_device *) = model->ctx->device->backend->wait;
    int next = 0;
    WEFT_TRY(model->updates ? run_priors(model, false) : WEFT_OK);
    for (int i = 0; i < model->n_steps; i += model->steps[i].together) {
        WEFT_TRY(run_between(model, i, &next));
        WEFT_TRY(go_on(model));
        const double start = seconds ? weft_clock() : 0;
        WEFT_TRY(run_together(model, i, model->steps[i].together));
        if (seconds && wait && !dry)
            WEFT_TRY(wait(model->ctx->device));
        if (seconds)
            share_time(model, seconds, i, model->steps[i].together, weft_clock() - start);
    }
    return WEFT_OK;
}

/* Each step alone, and nothing between them. */
static weft_status run_watched(const weft_model *model, const weft_watch *watch)
{
    WEFT_TRY(model->updates ? run_priors(model, false) : WEFT_OK);
    for (int i = 0; i < model->n_steps; i++) {
        WEFT_TRY(go_on(model));
        WEFT_TRY(run_together(model, i, 1));
        WEFT_TRY(watch->seen(watch->user, model->steps[i].gnode));
    }
    return WEFT_OK;
}

/* On a device that can record runs, unless every step is to be timed. */
static weft_status run_recorded(weft_model *model, bool later)
{
    const weft_device *device = model->ctx->device;
    weft_recording recording;
    do {
        bool replayed = false;
        WEFT_TRY(device->backend->begin(device, &model->record, &replayed));
        const weft_status status = replayed ? WEFT_OK : run_steps(model, NULL);
        WEFT_TRY(device->backend->end(device, &model->record, status, &recording));
        if (recording.failed)
            weft_log(model->ctx, WEFT_LOG_WARN, "runs are not recorded, each launch is made anew: %s",
                     recording.failed);
    } while (recording.again);
    return later && model->lane ? WEFT_OK : weft_model_wait(model);
}

/* Launch by launch. */
static weft_status run_plainly(weft_model *model, double *seconds, bool later)
{
    WEFT_TRY(run_steps(model, seconds));
    return seconds || (later && model->lane) ? WEFT_OK : weft_model_wait(model);
}

/* The steps, one way or the other; watched ones are whole. CANCELLED needs no sentence yet. */
static weft_status run_all(weft_model *model, double *seconds, const weft_watch *watch, bool later)
{
    const bool records = model->ctx->device->backend->begin && !model->ctx->device->dry && !seconds && !watch &&
                         (!model->between || model->between->queues);
    weft_pool *const pool = model->ctx->device->pool;
    const weft_fp_mode before = weft_fp_enter();
    (void)weft_pool_heed(pool, watch || model->updates ? NULL : &model->ctx->cancelled);
    weft_status status = watch     ? run_watched(model, watch)
                         : records ? run_recorded(model, later)
                                   : run_plainly(model, seconds, later);
    const bool left = weft_pool_heed(pool, NULL);
    weft_fp_write(before);
    if (left && status == WEFT_OK) /* however short it was cancelled for */
        status = WEFT_CANCELLED;
    return status == WEFT_OK ? go_on(model) : status;
}

/* Until the device has done what was queued of a run that was cut short: its inputs may then be written anew. */
static weft_status give_up(weft_model *model)
{
    model->ran = false; /* what the arena holds is no result */
    WEFT_TRY(weft_model_wait(model));
    return weft_fail(WEFT_CANCELLED, "weft_model_run: cancelled, by weft_ctx_cancel");
}

static weft_status run(weft_model *model, double *seconds, const weft_watch *watch, bool later)
{
    WEFT_TRY(weft_model_need_memory(model, "weft_model_run"));
    WEFT_TRY(later ? WEFT_OK : weft_ctx_go(model->ctx, "weft_model_run"));
    if (model->version != model->store->version)
        WEFT_TRY(weft_model_follow_store(model));
    WEFT_TRY(weft_model_upload(model));
    const weft_status status = run_all(model, seconds, watch, later);
    WEFT_TRY(status == WEFT_CANCELLED ? give_up(model) : status);
    if (model->updates)
        model->store->version++;
    model->ran = true;
    return WEFT_OK;
}

weft_status weft_model_run(weft_model *model)
{
    return run(model, NULL, NULL, false);
}

weft_status weft_model_run_timed(weft_model *model, double *seconds)
{
    if (!seconds)
        return weft_fail(WEFT_INVALID, "weft_model_run_timed: seconds is NULL");
    return run(model, seconds, NULL, false);
}

weft_status weft_model_run_watched(weft_model *model, const weft_watch *watch)
{
    return run(model, NULL, watch, false);
}

weft_status weft_model_run_later(weft_model *model)
{
    return run(model, NULL, NULL, true);
}
