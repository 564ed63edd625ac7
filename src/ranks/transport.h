/* SPDX-License-Identifier: Apache-2.0
 *
 * What passes messages between ranks: a table of functions that a plug-in gives (src/mpi), or a test. It knows no sums
 * and no deadlines: messages from one rank to another, begun and asked after, never waited for. All its functions are
 * called by one thread (exchange.c), which opens it, too. */
#ifndef WEFT_RANKS_TRANSPORT_H
#define WEFT_RANKS_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#define WEFT_TRANSPORT_VERSION 1
#define WEFT_TRANSPORT_ENTRY "weft_transport_entry"

enum { WEFT_TRANSPORT_WHY = 256 };

/* What opening says; functions that fail leave a sentence in why. */
typedef struct weft_transport_facts {
    int rank, size, local; /* local: ranks on this machine */
    char name[64];
    char why[WEFT_TRANSPORT_WHY];
} weft_transport_facts;

/* Messages under way have a slot each, 0 to weft_transport_slots(size) - 1; a slot is free once its message is over. */
typedef struct weft_transport {
    int version;
    bool (*open)(void *given, void **link, weft_transport_facts *facts);
    bool (*send)(void *link, int slot, int to, int tag, const void *data, size_t bytes);
    /* bytes: exactly what is sent. */
    bool (*receive)(void *link, int slot, int from, int tag, void *data, size_t bytes);
    /* Whether a slot's message is over; false in *well: it failed. */
    bool (*is_over)(void *link, int slot, bool *well);
    const char *(*why)(void *link);
    /* Only where no message is under way. */
    void (*close)(void *link);
} weft_transport;

/* The functions of a plug-in; NULL if it is of another version. */
typedef const weft_transport *(*weft_transport_fn)(int version);

/* Of each rank: one for what arrives and one for what is sent, of exchanges and of words of leaving. */
enum { WEFT_SLOT_IN, WEFT_SLOT_OUT, WEFT_SLOT_LEFT, WEFT_SLOT_LEAVES, WEFT_SLOT_KINDS };

static inline int weft_transport_slots(int size)
{
    return size * WEFT_SLOT_KINDS;
}

static inline int weft_transport_slot(int rank, int kind)
{
    return rank * WEFT_SLOT_KINDS + kind;
}

#endif
