/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranks without MPI. */
#include "hall.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "check/harness.h"

typedef struct message {
    int from, to, tag;
    size_t bytes;
    double ripe; /* when it may be taken */
    struct message *next;
    char data[];
} message;

struct hall {
    pthread_mutex_t mutex;
    int size;
    bool silent[HALL_RANKS];
    double slow[HALL_RANKS][HALL_RANKS];
    message *first;
};

/* What a rank waits for. */
typedef struct waiting {
    bool open;
    int from, tag;
    void *data;
    size_t bytes;
} waiting;

typedef struct seat {
    hall *h;
    int rank;
    waiting slots[HALL_RANKS * WEFT_SLOT_KINDS];
    bool wrong; /* a message of another size */
} seat;

static seat seats[HALL_RANKS];

hall *hall_open(int size)
{
    hall *const h = calloc(1, sizeof *h);
    ck_assert(h && size <= HALL_RANKS);
    h->size = size;
    pthread_mutex_init(&h->mutex, NULL);
    memset(seats, 0, sizeof seats);
    for (int i = 0; i < size; i++)
        seats[i].h = h, seats[i].rank = i;
    return h;
}

void hall_close(hall *h)
{
    for (message *m = h->first, *next; m; m = next) {
        next = m->next;
        free(m);
    }
    pthread_mutex_destroy(&h->mutex);
    free(h);
}

void hall_silence(hall *h, int rank)
{
    pthread_mutex_lock(&h->mutex);
    h->silent[rank] = true;
    pthread_mutex_unlock(&h->mutex);
}

void hall_slow(hall *h, int from, int to, double seconds)
{
    pthread_mutex_lock(&h->mutex);
    h->slow[from][to] = seconds;
    pthread_mutex_unlock(&h->mutex);
}

static bool open_seat(void *given, void **link, weft_transport_facts *facts)
{
    const seat *const s = given;
    *facts = (weft_transport_facts){ s->rank, s->h->size, s->h->size, "threads", "" };
    *link = given;
    return true;
}

static bool send_to(void *link, int slot, int to, int tag, const void *data, size_t bytes)
{
    seat *const s = link;
    message *const m = malloc(sizeof *m + bytes);
    if (!m)
        return false;
    s->slots[slot].open = false;
    memcpy(m->data, data, bytes);
    pthread_mutex_lock(&s->h->mutex);
    *m = (message){ s->rank, to, tag, bytes, weft_clock() + s->h->slow[s->rank][to], NULL };
    message **at = &s->h->first;
    while (*at)
        at = &(*at)->next;
    if (s->h->silent[s->rank])
        free(m);
    else
        *at = m;
    pthread_mutex_unlock(&s->h->mutex);
    return true;
}

static bool receive_from(void *link, int slot, int from, int tag, void *data, size_t bytes)
{
    ((seat *)link)->slots[slot] = (waiting){ true, from, tag, data, bytes };
    return true;
}

static bool is_over(void *link, int slot, bool *well)
{
    seat *const s = link;
    waiting *const w = &s->slots[slot];
    if (!w->open)
        return true;
    pthread_mutex_lock(&s->h->mutex);
    message **at = &s->h->first;
    while (*at && ((*at)->from != w->from || (*at)->to != s->rank || (*at)->tag != w->tag))
        at = &(*at)->next;
    message *const m = *at && (*at)->ripe <= weft_clock() ? *at : NULL;
    if (m)
        *at = m->next;
    pthread_mutex_unlock(&s->h->mutex);
    if (!m)
        return false;
    w->open = false;
    s->wrong = m->bytes != w->bytes;
    *well = *well && !s->wrong;
    if (!s->wrong)
        memcpy(w->data, m->data, m->bytes);
    free(m);
    return true;
}

static const char *why(void *link)
{
    return ((const seat *)link)->wrong ? "a message of another size" : "";
}

static void close_seat(void *link)
{
    (void)link;
}

weft_status hall_join(hall *h, int rank, double timeout, weft_ranks **out)
{
    static const weft_transport transport = { WEFT_TRANSPORT_VERSION, open_seat, send_to, receive_from,
                                              is_over,                why,       close_seat };
    (void)h;
    return weft_ranks_join_by(&transport, &seats[rank], &(weft_ranks_opt){ .timeout = timeout }, out);
}

void hall_run(int size, void *(*work)(void *arg), void *args, size_t one)
{
    pthread_t threads[HALL_RANKS];
    for (int i = 0; i < size; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, work, (char *)args + (size_t)i * one), 0);
    for (int i = 0; i < size; i++)
        pthread_join(threads[i], NULL);
}
