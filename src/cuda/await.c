/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for a card of a team, which may wait for others: it is asked, and in between whether the others are still
 * there (weft_team_opt.watch) and NCCL well. If not, the communicator is aborted: what hangs on the device ends, and
 * the wait with an error. NCCL may hold that call back until recordings with its operations are gone, which come
 * later; so it is made by a thread of its own, and waited for at the end. */
#include "cuda/team.h"

#include <string.h>
#include <time.h>

#include "base/clock.h"

static const double BRIEF = 2e-3, ABORTING = 2, ASLEEP = 2; /* seconds */

/* ---- giving up ---- */

void weft_team_pause(double waited)
{
    const long ns = waited < BRIEF ? 2000 : 100000;
    nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

static void *abort_comm(void *arg)
{
    weft_team *const team = arg;
    (void)team->nccl.ncclCommAbort(team->comm);
    pthread_mutex_lock(&team->lock);
    team->ended = true;
    pthread_mutex_unlock(&team->lock);
    return NULL;
}

static bool has_ended(weft_team *team)
{
    pthread_mutex_lock(&team->lock);
    const bool ended = team->ended;
    pthread_mutex_unlock(&team->lock);
    return ended;
}

bool weft_team_ends_within(weft_team *team, double seconds)
{
    const double start = weft_clock();
    while (!has_ended(team) && weft_clock() - start < seconds)
        weft_team_pause(weft_clock() - start);
    return has_ended(team);
}

void weft_team_give_up(weft_team *team)
{
    if (team->lost || !team->comm)
        return;
    team->lost = true;
    team->threaded = pthread_create(&team->thread, NULL, abort_comm, team) == 0;
    if (!team->threaded)
        (void)abort_comm(team);
    (void)weft_team_ends_within(team, ABORTING); /* else it waits for recordings, whose time will come */
}

/* ---- waiting ---- */

weft_status weft_team_failed(const weft_team *team, int result, const char *call)
{
    const weft_status status = result == WEFT_NCCL_REMOTE_ERROR ? WEFT_LOST : WEFT_INTERNAL;
    return weft_fail(status, "several cards: %s: %s (%d)", call, team->nccl.ncclGetErrorString(result), result);
}

weft_status weft_team_given_up(void)
{
    return weft_fail(WEFT_LOST, "several cards: their sums were given up");
}

/* Seconds since the sums were seen to get on, or, if that is later, since the host began to wait. While the host itself
 * stands still, because it was stopped or a machine is overcrowded, nothing is late. */
static double stands_for(weft_team *team, double start)
{
    weft_team_marks *const m = &team->marks;
    const double now = weft_clock();
    const volatile int *const seat = m->seat;
    const int seen[] = { seat[0], seat[1] };
    if (m->since < start)
        m->since = start;
    if (memcmp(seen, m->seen, sizeof seen) != 0)
        m->since = now;
    else if (m->looked > start && now - m->looked > ASLEEP)
        m->since += now - m->looked;
    memcpy(m->seen, seen, sizeof seen);
    m->looked = now;
    return now - m->since;
}

/* Whether there is still something to wait for, since `start`. */
static weft_status heed(weft_team *team, double start)
{
    int result = WEFT_NCCL_SUCCESS;
    if (team->lost)
        return weft_team_given_up();
    weft_status status = team->watch(team->user, stands_for(team, start));
    const int error = status == WEFT_OK ? team->nccl.ncclCommGetAsyncError(team->comm, &result) : WEFT_NCCL_SUCCESS;
    if (error != WEFT_NCCL_SUCCESS || (result != WEFT_NCCL_SUCCESS && result != WEFT_NCCL_IN_PROGRESS))
        status = weft_team_failed(team, error ? error : result, "ncclCommGetAsyncError");
    return status;
}

/* Until NCCL has done what it has begun; result: of the call that began it. */
weft_status weft_team_settle(weft_team *team, int result, const char *call)
{
    const double start = weft_clock();
    if (result != WEFT_NCCL_SUCCESS && result != WEFT_NCCL_IN_PROGRESS)
        return weft_team_failed(team, result, call);
    for (int state = WEFT_NCCL_IN_PROGRESS; state == WEFT_NCCL_IN_PROGRESS;) {
        const int error = team->nccl.ncclCommGetAsyncError(team->comm, &state);
        if (error != WEFT_NCCL_SUCCESS)
            return weft_team_failed(team, error, "ncclCommGetAsyncError");
        if (state != WEFT_NCCL_SUCCESS && state != WEFT_NCCL_IN_PROGRESS)
            return weft_team_failed(team, state, call);
        if (state == WEFT_NCCL_IN_PROGRESS) {
            WEFT_TRY(team->watch(team->user, weft_clock() - start));
            weft_team_pause(weft_clock() - start);
        }
    }
    return WEFT_OK;
}

/* cudaSuccess once a stream, or else an event, has come to its end. */
static int ask(const weft_vendor *v, weft_cuda_stream stream, weft_cuda_event event)
{
    return stream ? v->cudaStreamQuery(stream) : v->cudaEventQuery(event);
}

weft_status weft_cuda_await(const weft_cuda *cuda, weft_cuda_stream stream, weft_cuda_event event)
{
    const weft_vendor *const v = &cuda->vendor;
    const double start = weft_clock();
    int error = ask(v, stream, event);
    while (error == WEFT_CUDA_NOT_READY) {
        const double waited = weft_clock() - start;
        const weft_status status = heed(cuda->team, start);
        if (status != WEFT_OK) {
            (void)v->cudaGetLastError(); /* NOT_READY may stick */
            weft_team_give_up(cuda->team);
            return status;
        }
        weft_team_pause(waited);
        error = ask(v, stream, event);
    }
    if (error != WEFT_CUDA_SUCCESS)
        return weft_vendor_cuda_failed(v, error, stream ? "cudaStreamQuery" : "cudaEventQuery",
                                       "waiting for the device");
    (void)v->cudaGetLastError();
    return WEFT_OK;
}
