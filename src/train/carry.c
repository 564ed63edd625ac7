/* SPDX-License-Identifier: Apache-2.0
 *
 * How gradients pass between ranks. On the CPU: a bucket is copied together and posted, and the courier carries it. On
 * devices of which all ranks' have such a way (NCCL): in the devices' own memory, in place, by sums that are queued
 * beside the backward pass and are part of a recorded step. On other devices: through the host, by the courier, once
 * the backward pass is done; such steps are not recorded. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tensor/cast.h"
#include "train/reduce.h"

static const weft_device *device_of(const weft_reduction *r)
{
    return r->trainer->ctx->device;
}

/* ---- by the courier ---- */

/* The buckets' floats. */
static weft_status make_floats(weft_reduction *r)
{
    int64_t all = 0, largest = 0;
    for (int i = 0; i < r->n_buckets; i++) {
        const int64_t count = r->buckets[i].exchange.count;
        all += count;
        largest = count > largest ? count : largest;
    }
    r->memory = weft_calloc(r->allocator, (size_t)all, sizeof *r->memory);
    if (!r->memory)
        return WEFT_NO_MEMORY;
    float *at = r->memory;
    for (int i = 0; i < r->n_buckets; i++) {
        r->buckets[i].exchange.floats = at;
        at += r->buckets[i].exchange.count;
    }
    return weft_ranks_reserve(r->ranks, largest);
}

/* Between a piece, as it lies at data, and its place in the bucket. */
static void move(const weft_reduced *p, void *data, float *at, bool back)
{
    const size_t size = weft_dtype_size(p->dtype);
    for (int64_t i = 0; i < p->rows; i++) {
        char *const row = (char *)data + (size_t)(i * p->ld) * size;
        float *const floats = at + i * p->channels;
        for (int64_t c = 0; c < p->channels && back; c++)
            floats[c] *= p->share;
        if (back)
            weft_cast_from_f32(p->dtype, floats, row, p->channels);
        else
            weft_cast_to_f32(p->dtype, row, floats, p->channels);
    }
}

static void move_all(const weft_reduction *r, const weft_bucket *b, bool back)
{
    for (int i = b->first; i < b->first + b->count; i++) {
        const weft_reduced *const p = &r->pieces[i];
        move(p, r->raw ? r->raw + p->raw : p->data, b->exchange.floats + p->at, back);
    }
}

static weft_status post(weft_reduction *r, int index)
{
    move_all(r, &r->buckets[index], false);
    weft_exchange_post(r->ranks, &r->buckets[index].exchange);
    return WEFT_OK;
}

static weft_status finish(weft_reduction *r)
{
    for (int i = 0; i < r->n_buckets; i++) {
        WEFT_TRY(weft_exchange_wait(r->ranks, &r->buckets[i].exchange));
        move_all(r, &r->buckets[i], true);
    }
    return WEFT_OK;
}

static void release_nothing(weft_reduction *r)
{
    (void)r;
}

static const weft_carrier in_memory = { false, make_floats, post, finish, release_nothing };

/* ---- through the host ---- */

/* Of a piece as it lies on the device, gaps too. */
static size_t bytes_of(const weft_reduced *p)
{
    return (size_t)((p->rows - 1) * p->ld + p->channels) * weft_dtype_size(p->dtype);
}

static weft_status make_raw(weft_reduction *r)
{
    size_t bytes = 0;
    void *raw;
    WEFT_TRY(make_floats(r));
    for (int i = 0; i < r->n_pieces; i++) {
        r->pieces[i].raw = bytes;
        bytes += weft_round_up(bytes_of(&r->pieces[i]), WEFT_CACHE_LINE);
    }
    WEFT_TRY(device_of(r)->backend->host_alloc(device_of(r), bytes, &raw));
    r->raw = raw;
    return WEFT_OK;
}

static weft_status fetch(weft_reduction *r, int index)
{
    const weft_bucket *const b = &r->buckets[index];
    for (int i = b->first; i < b->first + b->count; i++)
        WEFT_TRY(device_of(r)->backend->fetch(device_of(r), r->raw + r->pieces[i].raw, r->pieces[i].data,
                                              bytes_of(&r->pieces[i])));
    return WEFT_OK;
}

static weft_status pass_through_host(weft_reduction *r)
{
    WEFT_TRY(device_of(r)->backend->wait(device_of(r)));
    for (int i = 0; i < r->n_buckets; i++)
        WEFT_TRY(post(r, i));
    WEFT_TRY(finish(r));
    for (int i = 0; i < r->n_pieces; i++)
        WEFT_TRY(device_of(r)->backend->send(device_of(r), r->pieces[i].data, r->raw + r->pieces[i].raw,
                                             bytes_of(&r->pieces[i])));
    return WEFT_OK;
}

static void release_raw(weft_reduction *r)
{
    (void)device_of(r)->backend->wait(device_of(r));
    device_of(r)->backend->host_free(device_of(r), r->raw);
    r->raw = NULL;
}

static const weft_carrier through_host = { false, make_raw, fetch, pass_through_host, release_raw };

/* ---- by the devices ---- */

enum { SOME = 160 };
static const char SUMS[] = "sums of gradients on the devices";

/* While the host waits for the device, which may wait for other ranks. */
static weft_status watch(void *user, double waited)
{
    weft_reduction *const r = user;
    WEFT_TRY(weft_ranks_status(r->ranks));
    return waited > weft_ranks_timeout(r->ranks) ? weft_ranks_overdue(r->ranks, SUMS) : WEFT_OK;
}

static weft_status make_team(weft_reduction *r)
{
    const weft_backend *const backend = device_of(r)->backend;
    char id[WEFT_TEAM_ID] = "";
    r->sums = weft_calloc(r->allocator, (size_t)r->n_pieces, sizeof *r->sums);
    if (!r->sums)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < r->n_pieces; i++) {
        const weft_reduced *const p = &r->pieces[i];
        r->sums[i] = (weft_team_piece){ p->data, (p->rows - 1) * p->ld + p->channels, p->dtype, p->share < 1 };
    }
    if (weft_ranks_rank(r->ranks) == 0)
        WEFT_TRY(backend->team_id(device_of(r), id));
    WEFT_TRY(weft_ranks_broadcast(r->ranks, id, sizeof id, "joining the devices"));
    const weft_team_opt opt = { id, weft_ranks_rank(r->ranks), weft_ranks_size(r->ranks), watch, r };
    return backend->team_open(device_of(r), &opt, &r->team);
}

static weft_status sum(weft_reduction *r, int index)
{
    const weft_bucket *const b = &r->buckets[index];
    return device_of(r)->backend->team_sum(device_of(r), r->team, &r->sums[b->first], b->count);
}

static weft_status join(weft_reduction *r)
{
    return device_of(r)->backend->team_join(device_of(r), r->team);
}

/* What is recorded goes first, for it holds what the team has. */
static void release_team(weft_reduction *r)
{
    weft_model *const model = r->trainer->model;
    if (r->team && weft_ranks_status(r->ranks) != WEFT_OK)
        device_of(r)->backend->team_abort(device_of(r), r->team);
    if (model->record)
        device_of(r)->backend->forget(device_of(r), model->record);
    model->record = NULL;
    device_of(r)->backend->team_close(device_of(r), r->team);
    r->team = NULL;
}

static const weft_carrier by_devices = { true, make_team, sum, join, release_team };

/* ---- which ---- */

/* What a rank's device has for that: "" and why not, or its name. */
typedef struct offer {
    char name[48], why[SOME];
} offer;

static offer offer_of(const weft_reduction *r)
{
    const weft_backend *const backend = device_of(r)->backend;
    offer mine;
    memset(&mine, 0, sizeof mine);
    if (!backend->team_name)
        snprintf(mine.why, sizeof mine.why, "the device %s has no way to add them up", backend->name);
    else if (backend->team_name(device_of(r), mine.name, sizeof mine.name) != WEFT_OK)
        snprintf(mine.why, sizeof mine.why, "%s", weft_error());
    return mine;
}

/* All have it, in one version, or none uses it: then *why. */
static weft_status agree(const weft_reduction *r, bool *all, char why[SOME + 64])
{
    const int size = weft_ranks_size(r->ranks);
    const offer mine = offer_of(r);
    offer *const offers = weft_calloc(r->allocator, (size_t)size, sizeof *offers);
    if (!offers)
        return WEFT_NO_MEMORY;
    const weft_status status = weft_ranks_gather(r->ranks, &mine, sizeof mine, offers, "asking for NCCL");
    *all = status == WEFT_OK;
    for (int p = 0; p < size && *all; p++) {
        *all = *offers[p].name && strcmp(offers[p].name, offers[0].name) == 0;
        if (!*all && !*offers[p].name)
            snprintf(why, SOME + 64, "rank %d: %s", p, offers[p].why);
        else if (!*all)
            snprintf(why, SOME + 64, "rank %d has %s, rank 0 %s", p, offers[p].name, offers[0].name);
    }
    if (*all)
        snprintf(why, SOME + 64, "%s", offers[0].name);
    weft_free(r->allocator, offers);
    return status;
}

const char *weft_reduction_passage(const weft_reduction *r)
{
    return r->passage;
}

weft_status weft_carrier_choose(weft_reduction *r)
{
    char why[SOME + 64] = "";
    bool all = false;
    const weft_carrier *carrier = &in_memory;
    if (weft_model_is_apart(r->trainer->model)) {
        WEFT_TRY(agree(r, &all, why));
        carrier = all ? &by_devices : &through_host;
    }
    snprintf(r->passage, sizeof r->passage, "%s%s", carrier == &in_memory    ? "by the processes"
                                                   : carrier == &by_devices ? "by "
                                                                            : "through the host: ", why);
    r->carrier = carrier;
    return carrier->make(r);
}
