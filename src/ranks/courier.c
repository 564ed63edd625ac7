/* SPDX-License-Identifier: Apache-2.0
 *
 * The courier: carries out exchanges, one after the other, by messages between each two ranks.
 *
 * A sum of n floats over N ranks: rank p owns the p-th part of n / N. Each rank sends every other one its part, adds
 * what came to its own part in the order of the ranks, in double, and sends the sum to all. That is 2 (N - 1) / N n
 * floats sent by each, as few as a ring needs, in two rounds, and one order of addition, on which neither time nor the
 * transport has any say. */
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/error.h"
#include "ranks/ranks.h"

enum { TAG_LEFT = 1, TAG_FIRST = 2, TAGS = 30000, BRIEF = 8 /* questions without a pause */ };
static const long PAUSE_NS = 40000;
static const double FAREWELL = .5; /* seconds for telling the others why */

void weft_ranks_lose(weft_ranks *r, const char *format, ...)
{
    if (r->state != WEFT_RANKS_LOST) {
        va_list args;
        va_start(args, format);
        vsnprintf(r->lost, sizeof r->lost, format, args);
        va_end(args);
        r->state = WEFT_RANKS_LOST;
    }
    pthread_cond_broadcast(&r->posted);
    pthread_cond_broadcast(&r->changed);
}

static weft_ranks_state state_of(weft_ranks *r)
{
    pthread_mutex_lock(&r->mutex);
    const weft_ranks_state state = r->state;
    pthread_mutex_unlock(&r->mutex);
    return state;
}

/* Of missing or sending, which others read to say who is waited for. */
static void set(weft_ranks *r, bool *flags, int rank, bool value)
{
    pthread_mutex_lock(&r->mutex);
    flags[rank] = value;
    pthread_mutex_unlock(&r->mutex);
}

static bool lose(weft_ranks *r, const char *what, const char *why)
{
    pthread_mutex_lock(&r->mutex);
    weft_ranks_lose(r, "%s%s%s", what, *why ? ": " : "", why);
    pthread_mutex_unlock(&r->mutex);
    return false;
}

/* ---- messages ---- */

static int tag_of(const weft_ranks *r)
{
    return TAG_FIRST + r->number % TAGS;
}

static bool send(weft_ranks *r, int to, const void *data, size_t bytes)
{
    if (bytes == 0)
        return true;
    const bool begun = r->transport->send(r->link, weft_transport_slot(to, WEFT_SLOT_OUT), to, tag_of(r), data, bytes);
    set(r, r->sending, to, begun);
    return begun || lose(r, "a message cannot be sent", r->transport->why(r->link));
}

static bool receive(weft_ranks *r, int from, void *data, size_t bytes)
{
    if (bytes == 0)
        return true;
    const bool begun = r->transport->receive(r->link, weft_transport_slot(from, WEFT_SLOT_IN), from, tag_of(r), data,
                                             bytes);
    set(r, r->missing, from, begun);
    return begun || lose(r, "a message cannot be received", r->transport->why(r->link));
}

/* Whether a slot's message is over; *well stays true unless it has failed. */
static bool is_over(const weft_ranks *r, int rank, int kind, bool *well)
{
    return r->transport->is_over(r->link, weft_transport_slot(rank, kind), well);
}

/* Looks whether ranks have left. One whose work is done has sent all that is needed of it; one that left in distress
 * may have sent its messages of the exchange under way, which is then carried through: what made it leave may well be
 * found by this rank, too, which then says it itself. Only who waits for what will not come ends with it. */
static void note_farewells(weft_ranks *r)
{
    for (int p = 0; p < r->facts.size; p++) {
        bool well = true;
        if (r->left[p] || !is_over(r, p, WEFT_SLOT_LEFT, &well))
            continue;
        r->left[p] = true;
        if (!well)
            snprintf(r->words[p], sizeof *r->words, "%s", r->transport->why(r->link));
    }
}

/* Whether no rank that is waited for has left in distress. */
static bool is_worth_waiting(weft_ranks *r, bool for_all)
{
    for (int p = 0; p < r->facts.size; p++) {
        char text[32];
        if (!r->left[p] || !*r->words[p] || !(for_all || r->missing[p] || r->sending[p]))
            continue;
        snprintf(text, sizeof text, "rank %d ended", p);
        return lose(r, text, r->words[p]);
    }
    return true;
}

static void pause_between(int polls)
{
    if (polls < BRIEF)
        sched_yield();
    else
        nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

/* Until no message of the exchange is under way. Farewells come first: what a rank has sent came before its own. */
static bool finish(weft_ranks *r)
{
    for (int polls = 0; state_of(r) != WEFT_RANKS_LOST; polls += polls < BRIEF) {
        bool busy = false, well = true;
        note_farewells(r);
        for (int p = 0; p < r->facts.size; p++) {
            if (r->missing[p] && is_over(r, p, WEFT_SLOT_IN, &well))
                set(r, r->missing, p, false);
            if (r->sending[p] && is_over(r, p, WEFT_SLOT_OUT, &well))
                set(r, r->sending, p, false);
            busy = busy || r->missing[p] || r->sending[p];
        }
        if (!well)
            return lose(r, "a message was not passed on", r->transport->why(r->link));
        if (!busy)
            return true;
        if (!is_worth_waiting(r, false))
            return false;
        pause_between(polls);
    }
    return false;
}

/* ---- exchanges ---- */

typedef struct part {
    float *at;
    int64_t count;
} part;

/* What a rank owns of a sum. */
static part part_of(const weft_ranks *r, const weft_exchange *e, int rank)
{
    const int64_t each = (e->count + r->facts.size - 1) / r->facts.size, first = each * rank;
    const int64_t left = e->count - first;
    return (part){ e->floats + (left > 0 ? first : 0), left < 0 ? 0 : left < each ? left : each };
}

static void add_in_order(const weft_ranks *r, part own)
{
    const int me = r->facts.rank;
    for (int64_t i = 0; i < own.count; i++) {
        double sum = 0;
        for (int p = 0; p < r->facts.size; p++)
            sum += (double)(p == me ? own.at : r->stage + p * own.count)[i];
        own.at[i] = (float)sum;
    }
}

static bool sum(weft_ranks *r, weft_exchange *e)
{
    const int size = r->facts.size, me = r->facts.rank;
    const part own = part_of(r, e, me);
    bool well = true;
    for (int k = 1; k < size && well; k++) {
        const int to = (me + k) % size, from = (me + size - k) % size; /* not all to one at first */
        const part theirs = part_of(r, e, to);
        well = receive(r, from, r->stage + from * own.count, (size_t)own.count * sizeof(float)) &&
               send(r, to, theirs.at, (size_t)theirs.count * sizeof(float));
    }
    if (!well || !finish(r))
        return false;
    add_in_order(r, own);
    for (int k = 1; k < size && well; k++) {
        const int to = (me + k) % size, from = (me + size - k) % size;
        const part theirs = part_of(r, e, from);
        well = receive(r, from, theirs.at, (size_t)theirs.count * sizeof(float)) &&
               send(r, to, own.at, (size_t)own.count * sizeof(float));
    }
    return well && finish(r);
}

static bool gather(weft_ranks *r, weft_exchange *e)
{
    const int size = r->facts.size, me = r->facts.rank;
    bool well = true;
    for (int k = 1; k < size && well; k++) {
        const int to = (me + k) % size, from = (me + size - k) % size;
        well = receive(r, from, e->all + (size_t)from * e->bytes, e->bytes) &&
               send(r, to, e->all + (size_t)me * e->bytes, e->bytes);
    }
    return well && finish(r);
}

static bool cast(weft_ranks *r, weft_exchange *e)
{
    bool well = true;
    if (r->facts.rank != 0)
        well = receive(r, 0, e->all, e->bytes);
    for (int p = 1; p < r->facts.size && r->facts.rank == 0 && well; p++)
        well = send(r, p, e->all, e->bytes);
    return well && finish(r);
}

static bool carry_out(weft_ranks *r, weft_exchange *e)
{
    static bool (*const by_kind[])(weft_ranks *, weft_exchange *) = {
        [WEFT_EXCHANGE_SUM] = sum, [WEFT_EXCHANGE_GATHER] = gather, [WEFT_EXCHANGE_CAST] = cast,
    };
    const double start = weft_clock();
    if (!by_kind[e->kind](r, e))
        return false;
    r->number++;
    pthread_mutex_lock(&r->mutex);
    if (e->kind == WEFT_EXCHANGE_SUM) {
        const part own = part_of(r, e, r->facts.rank);
        r->stats.passing += weft_clock() - start;
        r->stats.bytes += (int64_t)sizeof(float) * (e->count - own.count + own.count * (r->facts.size - 1));
    }
    r->first = e->next;
    e->over = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    return true;
}

/* ---- coming and going ---- */

static bool allot(weft_ranks *r)
{
    const weft_allocator *const a = &r->allocator;
    const size_t n = (size_t)r->facts.size;
    r->missing = weft_calloc(a, n, sizeof *r->missing);
    r->sending = weft_calloc(a, n, sizeof *r->sending);
    r->left = weft_calloc(a, n, sizeof *r->left);
    r->words = weft_calloc(a, n + 1, sizeof *r->words);
    return (r->missing && r->sending && r->left && r->words) || lose(r, "out of memory", "");
}

static bool open(weft_ranks *r)
{
    if (!r->transport->open(r->given, &r->link, &r->facts)) {
        pthread_mutex_lock(&r->mutex);
        weft_ranks_lose(r, "%s", r->facts.why);
        pthread_mutex_unlock(&r->mutex);
        return false;
    }
    if (!allot(r))
        return false;
    r->left[r->facts.rank] = true;
    for (int p = 0; p < r->facts.size; p++)
        if (p != r->facts.rank && !r->transport->receive(r->link, weft_transport_slot(p, WEFT_SLOT_LEFT), p, TAG_LEFT,
                                                         r->words[p], sizeof *r->words))
            return lose(r, "a message cannot be received", r->transport->why(r->link));
    pthread_mutex_lock(&r->mutex);
    if (r->state == WEFT_RANKS_JOINING)
        r->state = WEFT_RANKS_JOINED;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    return true;
}

/* Tells all others, and waits until they know, and where all is well until they leave, too. */
static bool say_farewell(weft_ranks *r, bool well)
{
    const int size = r->facts.size, me = r->facts.rank;
    char *const word = r->words[size];
    const double start = weft_clock();
    bool busy = true, sent = true;
    pthread_mutex_lock(&r->mutex);
    if (!well)
        snprintf(word, sizeof *r->words, "%.*s", WEFT_TRANSPORT_WHY - 1, r->lost);
    pthread_mutex_unlock(&r->mutex);
    for (int p = 0; p < size; p++)
        set(r, r->sending, p, p != me && r->transport->send(r->link, weft_transport_slot(p, WEFT_SLOT_LEAVES), p,
                                                            TAG_LEFT, word, sizeof *r->words));
    for (int polls = 0; busy && (well ? state_of(r) == WEFT_RANKS_LEAVING
                                      : weft_clock() - start < FAREWELL); polls += polls < BRIEF) {
        busy = false;
        for (int p = 0; p < size; p++) {
            if (r->sending[p] && is_over(r, p, WEFT_SLOT_LEAVES, &sent))
                set(r, r->sending, p, false);
            busy = busy || r->sending[p] || (well && !r->left[p]);
        }
        if (well)
            note_farewells(r);
        if (well && !is_worth_waiting(r, true))
            return false;
        if (busy)
            pause_between(polls);
    }
    return !busy;
}

/* The next exchange; NULL: there will be none. */
static weft_exchange *next(weft_ranks *r)
{
    pthread_mutex_lock(&r->mutex);
    while (!r->first && r->state == WEFT_RANKS_JOINED)
        pthread_cond_wait(&r->posted, &r->mutex);
    weft_exchange *const e = r->state == WEFT_RANKS_LOST ? NULL : r->first;
    pthread_mutex_unlock(&r->mutex);
    return e;
}

void *weft_courier_run(void *arg)
{
    weft_ranks *const r = arg;
    const bool opened = open(r);
    weft_exchange *e;
    while (opened && (e = next(r)) != NULL && carry_out(r, e))
        continue;
    const bool well = opened && state_of(r) == WEFT_RANKS_LEAVING && say_farewell(r, true);
    if (well)
        r->transport->close(r->link);
    else if (opened)
        say_farewell(r, false);
    pthread_mutex_lock(&r->mutex);
    r->ended = true;
    r->state = well ? WEFT_RANKS_LEFT : r->state;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->mutex);
    return NULL;
}
