/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranks inside. One thread, the courier, makes all calls of the transport: it carries out exchanges in the order in
 * which they were posted, while the thread that posted them computes. That is what hides the time of messages behind
 * computation, whatever MPI does by itself, and lets the other thread give up on a rank that does not answer.
 *
 * Sums between devices that have a way of their own (NCCL) go without it: train/carry.c. */
#ifndef WEFT_RANKS_RANKS_H
#define WEFT_RANKS_RANKS_H

#include <pthread.h>
#include <weft/ranks.h>

#include "base/alloc.h"
#include "ranks/transport.h"

typedef enum weft_exchange_kind {
    WEFT_EXCHANGE_SUM,    /* floats[count] become the sums over all ranks */
    WEFT_EXCHANGE_GATHER, /* all[size][bytes], of which ours are there */
    WEFT_EXCHANGE_CAST    /* all[bytes], of which rank 0 has them */
} weft_exchange_kind;

/* One round of messages between all ranks. Who posts it keeps it, and its memory, until it is over. */
typedef struct weft_exchange {
    weft_exchange_kind kind;
    const char *what;
    float *floats;
    int64_t count;
    char *all;
    size_t bytes;
    bool over;
    struct weft_exchange *next;
} weft_exchange;

typedef enum weft_ranks_state {
    WEFT_RANKS_JOINING,
    WEFT_RANKS_JOINED,
    WEFT_RANKS_LEAVING, /* all is well */
    WEFT_RANKS_LOST,    /* nothing is waited for any longer; the courier tells the others why */
    WEFT_RANKS_LEFT     /* the transport is closed */
} weft_ranks_state;

enum { WEFT_RANKS_SENTENCE = 512 };

struct weft_ranks {
    weft_allocator allocator;
    const weft_transport *transport;
    void *given, *link;
    weft_transport_facts facts;
    double timeout;
    int64_t step; /* for messages; -1: none */
    weft_exchange call; /* of the blocking calls */
    char *box;          /* its bytes, [room] */
    size_t room;

    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t posted, changed;
    weft_ranks_state state; /* this and what follows under the mutex */
    bool ended;             /* the courier makes no more calls */
    weft_exchange *first, *last;
    char lost[WEFT_RANKS_SENTENCE]; /* why, once state is LOST */
    weft_ranks_stats stats;

    bool *missing, *sending; /* [size] whose message of the exchange under way has not come; who has not taken ours */

    /* the courier's */
    bool *left;
    char (*words)[WEFT_TRANSPORT_WHY]; /* [size + 1] what ranks said when they left; the last is ours */
    float *stage;                      /* [stage_count] what others sent of our part */
    int64_t stage_count;
    int number; /* of the exchange */
};

/* ---- ranks.c ---- */

/* weft_ranks_join by a transport, which outlives the ranks. */
weft_status weft_ranks_join_by(const weft_transport *transport, void *given, const weft_ranks_opt *opt,
                               weft_ranks **out);
/* The step that messages name. */
void weft_ranks_at(weft_ranks *ranks, int64_t step);
/* Sums of count floats at most will be posted. */
weft_status weft_ranks_reserve(weft_ranks *ranks, int64_t count);
/* Whether memory that was posted may be freed: the courier has put it down, or is given some seconds for it. */
bool weft_ranks_is_quiet(weft_ranks *ranks);
/* Begins an exchange, of which kind, what and memory are set. */
void weft_exchange_post(weft_ranks *ranks, weft_exchange *exchange);
/* Waits until it is over: LOST. */
weft_status weft_exchange_wait(weft_ranks *ranks, weft_exchange *exchange);

/* Seconds that one waits for the others. */
double weft_ranks_timeout(const weft_ranks *ranks);
/* OK, or LOST with why. */
weft_status weft_ranks_status(weft_ranks *ranks);
/* The seconds of waiting for others are over, for something that they pass without the courier: asks them for a sign of
 * life, and is LOST with who gives none. */
weft_status weft_ranks_overdue(weft_ranks *ranks, const char *what);

/* ---- courier.c ---- */

/* The courier's thread; arg is the ranks. */
void *weft_courier_run(void *arg);
/* Notes why ranks are lost, if they are not yet, and wakes everybody; with the mutex held. */
void weft_ranks_lose(weft_ranks *ranks, const char *format, ...) WEFT_PRINTF(2, 3);

/* ---- launcher.c ---- */

/* The plug-in of MPI: from $WEFT_MPI_PLUGIN, or libweft_mpi.so where weft's other libraries are. */
weft_status weft_transport_mpi(const weft_transport **out);

#endif
