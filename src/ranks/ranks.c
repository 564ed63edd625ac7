/* SPDX-License-Identifier: Apache-2.0
 *
 * Joining, leaving, and the calls that pass something between all ranks and wait for it, with a deadline. */
#include "ranks/ranks.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"

enum { TIMEOUT = 60, PIECE = 64 << 20 /* bytes of a broadcast */, LINE = 128, BRIEFLY = 2, GRACE = 1 /* seconds */ };

/* ---- waiting ---- */

static struct timespec in_seconds(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    const double limited = seconds < 1e9 ? seconds : 1e9;
    const int64_t ns = t.tv_nsec + (int64_t)(limited * 1e9);
    return (struct timespec){ .tv_sec = t.tv_sec + (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };
}

/* "rank 1", "ranks 1, 3": who has not sent, or not taken, a message. */
static void list_missing(const weft_ranks *r, char *text, size_t size)
{
    size_t used = 0;
    int count = 0;
    for (int p = 0; p < r->facts.size; p++)
        count += r->missing[p] || r->sending[p];
    used += (size_t)snprintf(text, size, count > 1 ? "ranks" : count ? "rank" : "the others");
    for (int p = 0, some = 0; p < r->facts.size && used < size; p++)
        if (r->missing[p] || r->sending[p])
            used += (size_t)snprintf(text + used, size - used, "%s %d", some++ ? "," : "", p);
}

/* The sentence of a deadline that has passed; with the mutex held. */
static void tell_silence(weft_ranks *r, const char *what)
{
    char who[96], step[48] = "";
    list_missing(r, who, sizeof who);
    if (r->step >= 0)
        snprintf(step, sizeof step, "step %lld, ", (long long)r->step);
    weft_ranks_lose(r, "%s%s: no answer from %s for %g s: dead, stopped, or slower than that (rank-timeout)", step,
                    what, who, r->timeout);
}

static weft_status tell_loss(const weft_ranks *r)
{
    return weft_fail(WEFT_LOST, "%s", r->lost);
}

void weft_exchange_post(weft_ranks *r, weft_exchange *e)
{
    e->over = false;
    e->next = NULL;
    pthread_mutex_lock(&r->mutex);
    if (r->first)
        r->last->next = e;
    else
        r->first = e;
    r->last = e;
    pthread_cond_broadcast(&r->posted);
    pthread_mutex_unlock(&r->mutex);
}

weft_status weft_exchange_wait(weft_ranks *r, weft_exchange *e)
{
    struct timespec deadline = in_seconds(r->timeout);
    const double start = weft_clock();
    bool late = false; /* once more for a moment: all ranks may have been stopped together, and now go on */
    pthread_mutex_lock(&r->mutex);
    while (!e->over && r->state == WEFT_RANKS_JOINED) {
        if (pthread_cond_timedwait(&r->changed, &r->mutex, &deadline) != ETIMEDOUT || e->over)
            continue;
        if (late)
            tell_silence(r, e->what);
        deadline = in_seconds(GRACE);
        late = true;
    }
    const weft_status status = e->over ? WEFT_OK : tell_loss(r);
    if (e->kind == WEFT_EXCHANGE_SUM)
        r->stats.waited += weft_clock() - start;
    pthread_mutex_unlock(&r->mutex);
    return status;
}

/* Whether the courier ends within some seconds; with the mutex held. */
static bool ends_within(weft_ranks *r, double seconds)
{
    const struct timespec deadline = in_seconds(seconds);
    while (!r->ended)
        if (pthread_cond_timedwait(&r->changed, &r->mutex, &deadline) == ETIMEDOUT)
            break;
    return r->ended;
}

bool weft_ranks_is_quiet(weft_ranks *r)
{
    pthread_mutex_lock(&r->mutex);
    const bool quiet = r->state == WEFT_RANKS_LOST ? ends_within(r, BRIEFLY) : !r->first;
    pthread_mutex_unlock(&r->mutex);
    return quiet;
}

double weft_ranks_timeout(const weft_ranks *ranks)
{
    return ranks->timeout;
}

weft_status weft_ranks_status(weft_ranks *r)
{
    pthread_mutex_lock(&r->mutex);
    const weft_status status = r->state == WEFT_RANKS_LOST ? tell_loss(r) : WEFT_OK;
    pthread_mutex_unlock(&r->mutex);
    return status;
}

/* ---- joining and leaving ---- */

static void release(weft_ranks *r)
{
    const weft_allocator allocator = r->allocator;
    void *const owned[] = { r->missing, r->sending, r->left, r->words, r->stage, r->box };
    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++)
        weft_free(&allocator, owned[i]);
    pthread_cond_destroy(&r->posted);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->mutex);
    weft_free(&allocator, r);
}

static weft_status start(weft_ranks *r)
{
    sigset_t all, before; /* signals are the host program's */
    pthread_condattr_t steady;
    pthread_mutex_init(&r->mutex, NULL);
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_cond_init(&r->posted, &steady);
    pthread_cond_init(&r->changed, &steady);
    pthread_condattr_destroy(&steady);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int error = pthread_create(&r->thread, NULL, weft_courier_run, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? weft_fail(WEFT_NO_MEMORY, "ranks: error %d of pthread_create", error) : WEFT_OK;
}

/* Until the courier has opened the transport: a launcher may take its time to start all. */
static weft_status wait_for_others(weft_ranks *r)
{
    const double patience = r->timeout > TIMEOUT ? r->timeout : TIMEOUT;
    const struct timespec deadline = in_seconds(patience);
    pthread_mutex_lock(&r->mutex);
    while (r->state == WEFT_RANKS_JOINING)
        if (pthread_cond_timedwait(&r->changed, &r->mutex, &deadline) == ETIMEDOUT)
            weft_ranks_lose(r, "the ranks have not all come within %g s: one is dead, or slower than that "
                            "(rank-timeout)", patience);
    const bool joined = r->state == WEFT_RANKS_JOINED;
    const weft_status status = joined ? WEFT_OK : weft_fail(*r->facts.why ? WEFT_NO_DEVICE : WEFT_LOST, "%s", r->lost);
    pthread_mutex_unlock(&r->mutex);
    return status;
}

weft_status weft_ranks_join_by(const weft_transport *transport, void *given, const weft_ranks_opt *opt,
                               weft_ranks **out)
{
    static const weft_ranks_opt defaults;
    if (!out || !transport)
        return weft_fail(WEFT_INVALID, "weft_ranks_join: out must not be NULL");
    if (!opt)
        opt = &defaults;
    if (!(opt->timeout >= 0) || !opt->allocator.alloc != !opt->allocator.free)
        return weft_fail(WEFT_INVALID, "weft_ranks_join: a timeout of %g s; 0 or more, and both or none of an "
                         "allocator's functions, were expected", opt->timeout);
    const weft_allocator *const a = opt->allocator.alloc ? &opt->allocator : &weft_malloc_allocator;
    weft_ranks *const r = weft_calloc(a, 1, sizeof *r);
    if (!r)
        return WEFT_NO_MEMORY;
    r->allocator = *a;
    r->transport = transport;
    r->given = given;
    r->timeout = opt->timeout > 0 ? opt->timeout : TIMEOUT;
    r->step = -1;
    weft_status status = start(r);
    if (status != WEFT_OK) {
        release(r);
        return status;
    }
    status = wait_for_others(r);
    if (status != WEFT_OK) {
        weft_ranks_leave(r, weft_error());
        return status;
    }
    *out = r;
    return WEFT_OK;
}

weft_status weft_ranks_leave(weft_ranks *r, const char *why)
{
    if (!r)
        return WEFT_OK;
    pthread_mutex_lock(&r->mutex);
    if (why)
        weft_ranks_lose(r, "%s", why);
    else if (r->state == WEFT_RANKS_JOINED)
        r->state = WEFT_RANKS_LEAVING;
    pthread_cond_broadcast(&r->posted);
    if (r->state == WEFT_RANKS_LEAVING && !ends_within(r, r->timeout))
        tell_silence(r, "leaving");
    const bool ended = ends_within(r, BRIEFLY), well = r->state == WEFT_RANKS_LEFT;
    char lost[WEFT_RANKS_SENTENCE];
    memcpy(lost, r->lost, sizeof lost);
    pthread_mutex_unlock(&r->mutex);
    if (ended) {
        pthread_join(r->thread, NULL);
        release(r);
    } else {
        pthread_detach(r->thread); /* it is stuck in the transport, and keeps what it works with */
    }
    return well || why ? WEFT_OK : weft_fail(WEFT_LOST, "%s", lost);
}

/* ---- asking ---- */

int weft_ranks_rank(const weft_ranks *ranks)
{
    return ranks ? ranks->facts.rank : 0;
}

int weft_ranks_size(const weft_ranks *ranks)
{
    return ranks ? ranks->facts.size : 1;
}

int weft_ranks_local(const weft_ranks *ranks)
{
    return ranks ? ranks->facts.local : 1;
}

const char *weft_ranks_transport(const weft_ranks *ranks)
{
    return ranks ? ranks->facts.name : "";
}

void weft_ranks_at(weft_ranks *ranks, int64_t step)
{
    ranks->step = step;
}

weft_ranks_stats weft_ranks_get_stats(weft_ranks *ranks, bool reset)
{
    weft_ranks_stats stats = { 0 };
    if (!ranks)
        return stats;
    pthread_mutex_lock(&ranks->mutex);
    stats = ranks->stats;
    if (reset)
        ranks->stats = (weft_ranks_stats){ 0 };
    pthread_mutex_unlock(&ranks->mutex);
    return stats;
}

/* ---- calls that wait ---- */

weft_status weft_ranks_reserve(weft_ranks *r, int64_t count)
{
    const int64_t each = (count + r->facts.size - 1) / r->facts.size * r->facts.size;
    if (each <= r->stage_count)
        return WEFT_OK;
    float *const stage = weft_calloc(&r->allocator, (size_t)each, sizeof *stage);
    if (!stage)
        return WEFT_NO_MEMORY;
    weft_free(&r->allocator, r->stage);
    r->stage = stage;
    r->stage_count = each;
    return WEFT_OK;
}

/* Messages lie in memory of our own, which stays where it is when nobody waits for them any longer. */
static weft_status open_box(weft_ranks *r, size_t bytes)
{
    pthread_mutex_lock(&r->mutex);
    const weft_status status = r->state == WEFT_RANKS_JOINED ? WEFT_OK : tell_loss(r);
    pthread_mutex_unlock(&r->mutex);
    WEFT_TRY(status);
    if (bytes <= r->room)
        return WEFT_OK;
    char *const box = weft_alloc(&r->allocator, bytes);
    if (!box)
        return WEFT_NO_MEMORY;
    weft_free(&r->allocator, r->box);
    r->box = box;
    r->room = bytes;
    return WEFT_OK;
}

static weft_status call(weft_ranks *r, weft_exchange_kind kind, size_t bytes, const char *what)
{
    r->call = (weft_exchange){ .kind = kind, .what = what, .all = r->box, .bytes = bytes };
    weft_exchange_post(r, &r->call);
    return weft_exchange_wait(r, &r->call);
}

weft_status weft_ranks_overdue(weft_ranks *r, const char *what)
{
    const size_t size = (size_t)r->facts.size;
    WEFT_TRY(open_box(r, size));
    r->call = (weft_exchange){ .kind = WEFT_EXCHANGE_GATHER, .what = what, .all = r->box, .bytes = 1 };
    weft_exchange_post(r, &r->call);
    const struct timespec deadline = in_seconds(BRIEFLY);
    pthread_mutex_lock(&r->mutex);
    while (!r->call.over && r->state == WEFT_RANKS_JOINED)
        if (pthread_cond_timedwait(&r->changed, &r->mutex, &deadline) == ETIMEDOUT)
            break;
    if (!r->call.over)
        tell_silence(r, what);
    else
        weft_ranks_lose(r, "step %lld, %s: not over after %g s, though all ranks are there (rank-timeout)",
                        (long long)r->step, what, r->timeout);
    const weft_status status = tell_loss(r);
    pthread_mutex_unlock(&r->mutex);
    return status;
}

weft_status weft_ranks_broadcast(weft_ranks *r, void *data, size_t bytes, const char *what)
{
    if (weft_ranks_size(r) == 1)
        return WEFT_OK;
    for (size_t at = 0; at < bytes; at += PIECE) {
        const size_t piece = bytes - at < PIECE ? bytes - at : PIECE;
        WEFT_TRY(open_box(r, piece));
        memcpy(r->box, (char *)data + at, piece);
        WEFT_TRY(call(r, WEFT_EXCHANGE_CAST, piece, what));
        memcpy((char *)data + at, r->box, piece);
    }
    return WEFT_OK;
}

weft_status weft_ranks_gather(weft_ranks *r, const void *mine, size_t bytes, void *all, const char *what)
{
    const size_t size = (size_t)weft_ranks_size(r);
    if (size == 1) {
        memmove(all, mine, bytes);
        return WEFT_OK;
    }
    WEFT_TRY(open_box(r, size * bytes));
    memcpy(r->box + (size_t)r->facts.rank * bytes, mine, bytes);
    WEFT_TRY(call(r, WEFT_EXCHANGE_GATHER, bytes, what));
    memcpy(all, r->box, size * bytes);
    return WEFT_OK;
}

weft_status weft_ranks_add(weft_ranks *r, double *values, int64_t count, const char *what)
{
    enum { SOME = 1 << 16 };
    const int size = weft_ranks_size(r);
    for (int64_t at = 0; at < count && size > 1; at += SOME) {
        const size_t n = (size_t)(count - at < SOME ? count - at : SOME), bytes = n * sizeof(double);
        WEFT_TRY(open_box(r, (size_t)size * bytes));
        memcpy(r->box + (size_t)r->facts.rank * bytes, values + at, bytes);
        WEFT_TRY(call(r, WEFT_EXCHANGE_GATHER, bytes, what));
        const double *const all = weft_at(r->box, 0);
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            for (size_t p = 0; p < (size_t)size; p++)
                sum += all[p * n + i];
            values[at + (int64_t)i] = sum;
        }
    }
    return WEFT_OK;
}

/* The first line of b that a has not at the same place; "" if the texts are the same. */
static void find_difference(const char *a, const char *b, char line[LINE])
{
    *line = '\0';
    if (strcmp(a, b) == 0)
        return;
    while (*a && *b && strcspn(a, "\n") == strcspn(b, "\n") && strncmp(a, b, strcspn(a, "\n")) == 0) {
        a += strcspn(a, "\n") + (a[strcspn(a, "\n")] == '\n');
        b += strcspn(b, "\n") + (b[strcspn(b, "\n")] == '\n');
    }
    snprintf(line, LINE, "'%.*s' where rank 0 has '%.*s'", (int)(strcspn(b, "\n") < 48 ? strcspn(b, "\n") : 48), b,
             (int)(strcspn(a, "\n") < 48 ? strcspn(a, "\n") : 48), a);
}

/* Of longest bytes: rank 0's text, and room for the difference of each rank. */
static weft_status compare(weft_ranks *r, const char *text, const char *what, char *first, size_t longest,
                           char (*lines)[LINE])
{
    char mine[LINE];
    if (r->facts.rank == 0)
        memcpy(first, text, longest);
    WEFT_TRY(weft_ranks_broadcast(r, first, longest, what));
    find_difference(first, text, mine);
    WEFT_TRY(weft_ranks_gather(r, mine, LINE, lines, what));
    for (int p = 0; p < r->facts.size; p++)
        if (*lines[p])
            return weft_fail(WEFT_INVALID, "%s: rank %d has %s", what, p, lines[p]);
    return WEFT_OK;
}

weft_status weft_ranks_agree(weft_ranks *r, const char *text, const char *what)
{
    if (weft_ranks_size(r) == 1)
        return WEFT_OK;
    uint64_t longest = strlen(text);
    WEFT_TRY(weft_ranks_broadcast(r, &longest, sizeof longest, what));
    char *const first = weft_calloc(&r->allocator, (size_t)longest + 1, 1);
    char (*const lines)[LINE] = weft_calloc(&r->allocator, (size_t)r->facts.size, sizeof *lines);
    const weft_status status = first && lines ? compare(r, text, what, first, (size_t)longest, lines) : WEFT_NO_MEMORY;
    weft_free(&r->allocator, first);
    weft_free(&r->allocator, lines);
    return status;
}
