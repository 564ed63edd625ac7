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

/* Of a piece as it lies on the device, gaps too. */
static size_t bytes_of(const weft_reduced *p)
{
    return (size_t)((p->rows - 1) * p->ld + p->channels) * weft_dtype_size(p->dtype);
}

static size_t sum_bytes(const weft_reduced *p)
{
    return (size_t)(p->rows * p->channels) * sizeof(float);
}

static size_t raw_bytes(const weft_reduced *p)
{
    return weft_round_up(bytes_of(p), WEFT_CACHE_LINE);
}

/* Where the host finds a piece, and its sum. */
static char *data_of(const weft_reduction *r, const weft_reduced *p)
{
    return r->raw ? r->raw + p->raw : p->data;
}

static float *sum_of(const weft_reduction *r, const weft_reduced *p)
{
    return r->raw ? weft_at(r->raw, p->raw + raw_bytes(p)) : p->sum;
}

/* A row of a piece to its place in the bucket; with what is added up already: as the sum will be. */
static void take(const weft_reduction *r, const weft_reduced *p, int64_t row, float *floats)
{
    const float *const sum = p->sum ? sum_of(r, p) + row * p->channels : NULL;
    weft_cast_to_f32(p->dtype, data_of(r, p) + (size_t)(row * p->ld) * weft_dtype_size(p->dtype), floats, p->channels);
    for (int64_t c = 0; c < p->channels && sum; c++)
        floats[c] = sum[c] + r->round.factor * floats[c];
}

/* And back. */
static void give(const weft_reduction *r, const weft_reduced *p, int64_t row, float *floats)
{
    for (int64_t c = 0; c < p->channels; c++)
        floats[c] *= p->share;
    if (p->sum)
        memcpy(sum_of(r, p) + row * p->channels, floats, (size_t)p->channels * sizeof *floats);
    else
        weft_cast_from_f32(p->dtype, floats, data_of(r, p) + (size_t)(row * p->ld) * weft_dtype_size(p->dtype),
                           p->channels);
}

static void move(const weft_reduction *r, const weft_bucket *b,
                 void (*way)(const weft_reduction *, const weft_reduced *, int64_t, float *))
{
    for (int i = b->first; i < b->first + b->count; i++)
        for (int64_t row = 0; row < r->pieces[i].rows; row++)
            way(r, &r->pieces[i], row, b->exchange.floats + r->pieces[i].at + row * r->pieces[i].channels);
}

static weft_status post(weft_reduction *r, int index)
{
    move(r, &r->buckets[index], take);
    weft_exchange_post(r->ranks, &r->buckets[index].exchange);
    return WEFT_OK;
}

/* Waits for buckets, with sums or those without, and moves what came to where it belongs; drop: to nowhere. */
static weft_status settle(weft_reduction *r, bool sums, bool drop)
{
    for (int i = 0; i < r->n_buckets; i++) {
        if (r->buckets[i].sums != sums)
            continue;
        WEFT_TRY(weft_exchange_wait(r->ranks, &r->buckets[i].exchange));
        if (!drop)
            move(r, &r->buckets[i], give);
    }
    return WEFT_OK;
}

static weft_status finish(weft_reduction *r)
{
    return settle(r, false, false);
}

static weft_status keep(weft_reduction *r)
{
    return settle(r, true, !(*r->round.go > 0));
}

static void release_nothing(weft_reduction *r)
{
    (void)r;
}

static const weft_carrier in_memory = { false, make_floats, post, finish, keep, NULL, release_nothing };

/* ---- through the host ---- */

/* Room for the gate's go comes first. */
static weft_status make_raw(weft_reduction *r)
{
    size_t bytes = WEFT_CACHE_LINE;
    void *raw;
    WEFT_TRY(make_floats(r));
    for (int i = 0; i < r->n_pieces; i++) {
        const weft_reduced *const p = &r->pieces[i];
        r->pieces[i].raw = bytes;
        bytes += raw_bytes(p) + (p->sum ? weft_round_up(sum_bytes(p), WEFT_CACHE_LINE) : 0);
    }
    WEFT_TRY(device_of(r)->backend->host_alloc(device_of(r), bytes, &raw));
    r->raw = raw;
    return WEFT_OK;
}

static weft_status fetch(weft_reduction *r, int index)
{
    const weft_backend *const backend = device_of(r)->backend;
    const weft_bucket *const b = &r->buckets[index];
    for (int i = b->first; i < b->first + b->count; i++) {
        const weft_reduced *const p = &r->pieces[i];
        WEFT_TRY(backend->fetch(device_of(r), data_of(r, p), p->data, bytes_of(p)));
        if (p->sum)
            WEFT_TRY(backend->fetch(device_of(r), sum_of(r, p), p->sum, sum_bytes(p)));
    }
    return WEFT_OK;
}

/* What was fetched, of buckets with sums or without. */
static weft_status pass_through_host(weft_reduction *r, bool sums, bool drop)
{
    const weft_backend *const backend = device_of(r)->backend;
    for (int i = 0; i < r->n_buckets; i++)
        if (r->buckets[i].sums == sums)
            WEFT_TRY(post(r, i));
    WEFT_TRY(settle(r, sums, drop));
    for (int i = 0; i < r->n_pieces && !drop; i++) {
        const weft_reduced *const p = &r->pieces[i];
        if ((p->sum != NULL) == sums)
            WEFT_TRY(sums ? backend->send(device_of(r), p->sum, sum_of(r, p), sum_bytes(p))
                          : backend->send(device_of(r), p->data, data_of(r, p), bytes_of(p)));
    }
    return WEFT_OK;
}

static weft_status finish_through_host(weft_reduction *r)
{
    WEFT_TRY(device_of(r)->backend->wait(device_of(r)));
    return pass_through_host(r, false, false);
}

static weft_status keep_through_host(weft_reduction *r)
{
    const float *const go = weft_at(r->raw, 0);
    WEFT_TRY(device_of(r)->backend->fetch(device_of(r), r->raw, r->round.go, sizeof *go));
    WEFT_TRY(device_of(r)->backend->wait(device_of(r)));
    return pass_through_host(r, true, !(*go > 0));
}

static void release_raw(weft_reduction *r)
{
    (void)device_of(r)->backend->wait(device_of(r));
    device_of(r)->backend->host_free(device_of(r), r->raw);
    r->raw = NULL;
}

static const weft_carrier through_host = {
    false, make_raw, fetch, finish_through_host, keep_through_host, NULL, release_raw,
};

/* ---- by the devices ---- */

enum { SOME = 160, GO = 4 /* floats, of which two are used */ };
static const char SUMS[] = "sums of gradients on the devices";

/* While the host waits for the device, which may wait for other ranks. */
static weft_status watch(void *user, double waited)
{
    weft_reduction *const r = user;
    WEFT_TRY(weft_ranks_status(r->ranks));
    return waited > weft_ranks_timeout(r->ranks) ? weft_ranks_overdue(r->ranks, SUMS) : WEFT_OK;
}

/* Runs of elements side by side, gradient beside sum. */
static int runs_of(const weft_reduced *p)
{
    return !p->sum ? 0 : p->ld == p->channels || p->rows == 1 ? 1 : (int)p->rows;
}

/* What a piece adds up, to its place `ahead`. */
static void list_runs(const weft_reduction *r, const weft_reduced *p, int first, float *ahead)
{
    const int runs = runs_of(p);
    const int64_t count = runs ? p->rows * p->channels / runs : 0;
    for (int i = 0; i < runs; i++)
        r->parts[first + i] = (weft_team_sum){ .sum = p->sum + i * count, .ahead = ahead + i * count,
                                               .x = (char *)p->data + (size_t)(i * p->ld) * weft_dtype_size(p->dtype),
                                               .dtype = p->dtype, .count = count };
}

/* A last batch's go, and the buckets behind it, each one run of floats. */
static weft_status make_ahead(weft_reduction *r)
{
    int64_t all = GO;
    for (int i = 0; i < r->n_pieces; i++)
        r->part[i + 1] = r->part[i] + runs_of(&r->pieces[i]);
    for (int k = 0; k < r->n_buckets; k++)
        all += r->buckets[k].sums ? r->buckets[k].exchange.count : 0;
    r->parts = weft_calloc(r->allocator, (size_t)r->part[r->n_pieces], sizeof *r->parts);
    if (!r->parts)
        return WEFT_NO_MEMORY;
    WEFT_TRY(device_of(r)->backend->alloc(device_of(r), (size_t)all * sizeof(float), &r->ahead));
    float *at = (float *)r->ahead + GO;
    for (int k = 0; k < r->n_buckets; k++) {
        const weft_bucket *const b = &r->buckets[k];
        for (int i = b->first; i < b->first + b->count && b->sums; i++)
            list_runs(r, &r->pieces[i], r->part[i], at + r->pieces[i].at);
        if (b->sums)
            r->sums[b->first] = (weft_team_piece){ at, b->exchange.count, WEFT_F32, true };
        at += b->sums ? b->exchange.count : 0;
    }
    return WEFT_OK;
}

static weft_status make_team(weft_reduction *r)
{
    const weft_backend *const backend = device_of(r)->backend;
    char id[WEFT_TEAM_ID] = "";
    r->sums = weft_calloc(r->allocator, (size_t)r->n_pieces, sizeof *r->sums);
    r->part = weft_calloc(r->allocator, (size_t)r->n_pieces + 1, sizeof *r->part);
    if (!r->sums || !r->part)
        return WEFT_NO_MEMORY;
    for (int i = 0; i < r->n_pieces; i++) {
        const weft_reduced *const p = &r->pieces[i];
        r->sums[i] = (weft_team_piece){ p->data, (p->rows - 1) * p->ld + p->channels, p->dtype, p->share < 1 };
    }
    WEFT_TRY(r->round.every > 1 ? make_ahead(r) : WEFT_OK);
    if (weft_ranks_rank(r->ranks) == 0)
        WEFT_TRY(backend->team_id(device_of(r), id));
    WEFT_TRY(weft_ranks_broadcast(r->ranks, id, sizeof id, "joining the devices"));
    const weft_team_opt opt = { id, weft_ranks_rank(r->ranks), weft_ranks_size(r->ranks), watch, r };
    return backend->team_open(device_of(r), &opt, &r->team);
}

static weft_status sum(weft_reduction *r, int index)
{
    const weft_backend *const backend = device_of(r)->backend;
    const weft_bucket *const b = &r->buckets[index];
    const int first = r->part[b->first], end = r->part[b->first + b->count];
    if (b->sums)
        WEFT_TRY(backend->team_add(device_of(r), r->parts + first, end - first, r->ahead));
    return backend->team_sum(device_of(r), r->team, &r->sums[b->first], b->sums ? 1 : b->count);
}

static weft_status keep_ahead(weft_reduction *r)
{
    return device_of(r)->backend->team_keep(device_of(r), r->parts, r->part[r->n_pieces], r->round.go);
}

/* Nothing is under way: the host has just looked whether it is the last. */
static weft_status send_go(weft_reduction *r)
{
    const float go[GO] = { r->round.factor, 2 };
    return device_of(r)->backend->write(device_of(r), r->ahead, go, sizeof go);
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
    void **const records[] = { &model->record, &r->round.other };
    for (int i = 0; i < WEFT_COUNT(records); i++) {
        if (*records[i])
            device_of(r)->backend->forget(device_of(r), *records[i]);
        *records[i] = NULL;
    }
    device_of(r)->backend->team_close(device_of(r), r->team);
    r->team = NULL;
    device_of(r)->backend->free(device_of(r), r->ahead);
}

static const weft_carrier by_devices = { true, make_team, sum, join, keep_ahead, send_go, release_team };

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
