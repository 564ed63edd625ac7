/* SPDX-License-Identifier: Apache-2.0
 *
 * Teams of cards by NCCL. Sums run on a stream of the team's own, which waits for what was queued on the device's
 * stream before them and for which that waits when they are wanted: fork and join by two events, which a recording
 * takes up as it does launches. Nothing waits without an end: NCCL's calls do not wait at all (a communicator that
 * does not block), and for the device see await.c. Between sums, and before the first of a step, the stream tells the
 * host how far it has got, so that a wait is long only where nothing gets on. */
#include "cuda/team.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cuda/kernel/update.h"

static const double LEAVING = 10, DRAINING = 2; /* seconds */

/* ---- coming and going ---- */

weft_status weft_cuda_team_name(const weft_device *device, char *name, size_t size)
{
    weft_nccl nccl;
    char version[24];
    (void)device;
    WEFT_TRY(weft_nccl_load(&nccl));
    weft_nccl_version_text(nccl.version, version, sizeof version);
    snprintf(name, size, "NCCL %s", version);
    weft_nccl_close(&nccl);
    return WEFT_OK;
}

weft_status weft_cuda_team_id(const weft_device *device, char *id)
{
    weft_nccl nccl;
    weft_nccl_id made;
    _Static_assert(sizeof made == WEFT_TEAM_ID, "an id of NCCL fits");
    WEFT_TRY(weft_cuda_enter(device));
    WEFT_TRY(weft_nccl_load(&nccl));
    const int result = nccl.ncclGetUniqueId(&made);
    weft_status status = WEFT_OK;
    if (result == WEFT_NCCL_SUCCESS)
        memcpy(id, &made, sizeof made);
    else
        status = weft_fail(WEFT_INTERNAL, "several cards: ncclGetUniqueId: %s (%d)", nccl.ncclGetErrorString(result),
                           result);
    weft_nccl_close(&nccl);
    return status;
}

static weft_status open_marks(const weft_device *device, weft_team *team)
{
    int numbers[WEFT_TEAM_PLACES + 1];
    const float turn = 1;
    void *places, *seat;
    for (int i = 0; i < WEFT_TEAM_PLACES; i++)
        numbers[i] = i;
    memcpy(&numbers[WEFT_TEAM_PLACES], &turn, sizeof turn);
    WEFT_TRY(weft_cuda_alloc(device, sizeof numbers, &places));
    team->marks.places = places;
    team->marks.turn = (float *)places + WEFT_TEAM_PLACES;
    WEFT_TRY(weft_cuda_write(device, places, numbers, sizeof numbers));
    WEFT_TRY(weft_cuda_host_alloc(device, sizeof team->marks.seen, &seat));
    memset(seat, 0, sizeof team->marks.seen);
    team->marks.seat = seat;
    return WEFT_OK;
}

static weft_status open_team(const weft_device *device, const weft_team_opt *opt, weft_team *team)
{
    const weft_vendor *const v = &weft_cuda_of(device)->vendor;
    weft_nccl_config config = { sizeof config, WEFT_NCCL_MAGIC, WEFT_NCCL_CONFIG_VERSION, 0 };
    weft_nccl_id id;
    memcpy(&id, opt->id, sizeof id);
    team->watch = opt->watch;
    team->user = opt->user;
    WEFT_TRY(weft_cuda_enter(device));
    WEFT_TRY(weft_nccl_load(&team->nccl));
    WEFT_TRY(open_marks(device, team));
    WEFT_TRY_CUDA(v, "several cards", cudaStreamCreateWithFlags, (&team->stream, WEFT_CUDA_STREAM_NON_BLOCKING));
    WEFT_TRY_CUDA(v, "several cards", cudaEventCreateWithFlags, (&team->forked, WEFT_CUDA_EVENT_DISABLE_TIMING));
    WEFT_TRY_CUDA(v, "several cards", cudaEventCreateWithFlags, (&team->joined, WEFT_CUDA_EVENT_DISABLE_TIMING));
    const int result = team->nccl.ncclCommInitRankConfig(&team->comm, opt->size, id, opt->rank, &config);
    return weft_team_settle(team, result, "ncclCommInitRankConfig");
}

weft_status weft_cuda_team_open(const weft_device *device, const weft_team_opt *opt, weft_team **out)
{
    weft_team *const team = weft_calloc(device->allocator, 1, sizeof *team);
    if (!team)
        return WEFT_NO_MEMORY;
    pthread_mutex_init(&team->lock, NULL);
    const weft_status status = open_team(device, opt, team);
    if (status != WEFT_OK) {
        weft_team_give_up(team);
        weft_cuda_team_close(device, team);
        return status;
    }
    *out = weft_cuda_of(device)->team = team;
    return WEFT_OK;
}

void weft_cuda_team_abort(const weft_device *device, weft_team *team)
{
    (void)device;
    weft_team_give_up(team);
}

/* All have ended together: NCCL lets go of what it has. */
static void finalize(weft_team *team)
{
    const double start = weft_clock();
    int state = WEFT_NCCL_IN_PROGRESS, error = team->nccl.ncclCommFinalize(team->comm);
    if (error == WEFT_NCCL_IN_PROGRESS)
        error = WEFT_NCCL_SUCCESS;
    while (error == WEFT_NCCL_SUCCESS && state == WEFT_NCCL_IN_PROGRESS && weft_clock() - start < LEAVING) {
        error = team->nccl.ncclCommGetAsyncError(team->comm, &state);
        if (state == WEFT_NCCL_IN_PROGRESS)
            weft_team_pause(weft_clock() - start);
    }
    if (error == WEFT_NCCL_SUCCESS && state == WEFT_NCCL_SUCCESS)
        (void)team->nccl.ncclCommDestroy(team->comm);
    else
        weft_team_give_up(team);
}

/* What is aborted comes to its end on the device. */
static void drain(const weft_vendor *v, weft_cuda_stream stream)
{
    const double start = weft_clock();
    while (stream && v->cudaStreamQuery(stream) == WEFT_CUDA_NOT_READY && weft_clock() - start < DRAINING)
        weft_team_pause(weft_clock() - start);
    (void)v->cudaGetLastError();
}

void weft_cuda_team_close(const weft_device *device, weft_team *team)
{
    if (!team)
        return;
    const weft_vendor *const v = &weft_cuda_of(device)->vendor;
    (void)weft_cuda_enter(device);
    if (team->comm && !team->lost)
        finalize(team);
    weft_cuda_of(device)->team = NULL;
    drain(v, team->stream);
    drain(v, weft_cuda_of(device)->stream);
    if (team->joined)
        (void)v->cudaEventDestroy(team->joined);
    if (team->forked)
        (void)v->cudaEventDestroy(team->forked);
    if (team->stream)
        (void)v->cudaStreamDestroy(team->stream);
    if (team->threaded && !weft_team_ends_within(team, LEAVING)) {
        pthread_detach(team->thread); /* it is stuck, and keeps what it works with: the process is about to end */
        return;
    }
    if (team->threaded)
        pthread_join(team->thread, NULL);
    weft_cuda_free(device, team->marks.places);
    weft_cuda_host_free(device, team->marks.seat);
    pthread_mutex_destroy(&team->lock);
    weft_nccl_close(&team->nccl);
    weft_free(device->allocator, team);
}

/* ---- sums ---- */

static const int types[] = { [WEFT_F32] = WEFT_NCCL_F32, [WEFT_F16] = WEFT_NCCL_F16, [WEFT_BF16] = WEFT_NCCL_BF16 };

/* All pieces as one launch. */
static weft_status add_up(weft_team *team, const weft_team_piece *pieces, int count)
{
    const weft_nccl *const n = &team->nccl;
    int result = n->ncclGroupStart();
    if (result != WEFT_NCCL_SUCCESS)
        return weft_team_failed(team, result, "ncclGroupStart");
    for (int i = 0; i < count && (result == WEFT_NCCL_SUCCESS || result == WEFT_NCCL_IN_PROGRESS); i++)
        result = n->ncclAllReduce(pieces[i].data, pieces[i].data, (size_t)pieces[i].count, types[pieces[i].dtype],
                                  pieces[i].mean ? WEFT_NCCL_AVG : WEFT_NCCL_SUM, team->comm, team->stream);
    const int end = n->ncclGroupEnd();
    if (result != WEFT_NCCL_SUCCESS && result != WEFT_NCCL_IN_PROGRESS)
        return weft_team_failed(team, result, "ncclAllReduce");
    return weft_team_settle(team, end, "ncclGroupEnd");
}

static weft_status copy_mark(const weft_vendor *v, const weft_team *team, int *to, const void *from)
{
    WEFT_TRY_CUDA(v, "several cards", cudaMemcpyAsync,
                  (to, from, sizeof *to, WEFT_CUDA_DEVICE_TO_HOST, team->stream));
    return WEFT_OK;
}

/* The stream has come so far in a step. */
static weft_status mark(const weft_vendor *v, weft_team *team)
{
    weft_team_marks *const m = &team->marks;
    WEFT_TRY(copy_mark(v, team, &m->seat[0], &m->places[m->next]));
    m->next += m->next < WEFT_TEAM_PLACES - 1;
    return WEFT_OK;
}

/* And begins one, which may be a recorded one: the turn becomes what it was not, by following a zero twice as far as
 * that is. */
static weft_status mark_step(const weft_device *device, weft_team *team)
{
    const weft_cuda *const cuda = weft_cuda_of(device);
    weft_team_marks *const m = &team->marks;
    const weft_segment segment = { .array = { m->turn, m->places }, .dtype = WEFT_F32, .count = 1 };
    const weft_update_args args = { .rule = WEFT_UPDATE_FOLLOW, .segments = &segment, .count = 1, .momentum = -1 };
    if (!cuda->capturing) /* as weft_cuda_stream_of */
        WEFT_TRY(weft_cuda_enter(device));
    const int error = weft_launch_update(&args, team->stream);
    if (error != WEFT_CUDA_SUCCESS)
        return weft_vendor_cuda_failed(&cuda->vendor, error, "kernel launch", "several cards");
    WEFT_TRY(copy_mark(&cuda->vendor, team, &m->seat[1], m->turn));
    return mark(&cuda->vendor, team);
}

weft_status weft_cuda_team_sum(const weft_device *device, weft_team *team, const weft_team_piece *pieces, int count)
{
    const weft_cuda *const cuda = weft_cuda_of(device);
    const weft_vendor *const v = &cuda->vendor;
    if (team->lost)
        return weft_team_given_up();
    WEFT_TRY_CUDA(v, "several cards", cudaEventRecord, (team->forked, cuda->stream));
    WEFT_TRY_CUDA(v, "several cards", cudaStreamWaitEvent, (team->stream, team->forked, 0));
    if (!team->summing)
        WEFT_TRY(mark_step(device, team));
    team->summing = true;
    WEFT_TRY(add_up(team, pieces, count));
    return mark(v, team);
}

weft_status weft_cuda_team_join(const weft_device *device, weft_team *team)
{
    const weft_cuda *const cuda = weft_cuda_of(device);
    const weft_vendor *const v = &cuda->vendor;
    if (team->lost)
        return weft_team_given_up();
    if (!team->summing)
        return WEFT_OK;
    team->summing = false;
    team->marks.next = 0;
    WEFT_TRY_CUDA(v, "several cards", cudaEventRecord, (team->joined, team->stream));
    WEFT_TRY_CUDA(v, "several cards", cudaStreamWaitEvent, (cuda->stream, team->joined, 0));
    return WEFT_OK;
}
