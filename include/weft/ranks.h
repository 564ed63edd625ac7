/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranks: processes, on one machine or several, that train one network together. Each computes the gradients of its part
 * of every batch, and the trainer makes them the mean over all (weft_train_opt.ranks). A launcher such as mpirun starts
 * the processes; messages go by MPI, of which the plug-in libweft_mpi.so knows.
 *
 * The calls below that pass something between ranks are made by all of them, in the same order, and wait for each
 * other, but not for ever: LOST names the ranks that did not answer in time, and what they were waited for. After that
 * every call fails at once.
 *
 * Sums are made in the order of the ranks, and are the same bits on all of them and in every run. */
#ifndef WEFT_RANKS_H
#define WEFT_RANKS_H

#include <weft/context.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_ranks weft_ranks;

typedef struct weft_ranks_opt {
    double timeout;           /* seconds that a call waits for the others; 0: 60 */
    weft_allocator allocator; /* zeros: malloc */
} weft_ranks_opt;

/* What the launcher's variables say, without MPI: how many processes it has started (0: it does not say; 1: this one
 * alone, or there is no launcher), and which this is. Either may be NULL. */
WEFT_API void weft_ranks_launched(int *rank, int *size);

/* Joins the processes that the launcher has started. NO_DEVICE if the plug-in, or MPI, is not there, or is not the
 * launcher's. */
WEFT_API weft_status weft_ranks_join(const weft_ranks_opt *opt, weft_ranks **out);
/* Leaves and frees; NULL is taken. why: NULL where all is well, then it waits until the others leave, too; else the
 * others learn it, and do not wait for this rank any longer. LOST where they did not leave in time: then the process
 * should end by _exit(), since a thread of MPI's may be stuck in it. */
WEFT_API weft_status weft_ranks_leave(weft_ranks *ranks, const char *why);

/* Of NULL: rank 0 of 1. */
WEFT_API int weft_ranks_rank(const weft_ranks *ranks);
WEFT_API int weft_ranks_size(const weft_ranks *ranks);
/* How many of them are on this machine. */
WEFT_API int weft_ranks_local(const weft_ranks *ranks);
/* What passes the messages, "Open MPI v4.1.4". */
WEFT_API const char *weft_ranks_transport(const weft_ranks *ranks);

/* For the calls below, what is a name for messages, such as "the scores"; ranks may be NULL: this process alone. */

/* The bytes of rank 0 on all ranks. */
WEFT_API weft_status weft_ranks_broadcast(weft_ranks *ranks, void *data, size_t bytes, const char *what);
/* all[size * bytes]: those of every rank, in their order. */
WEFT_API weft_status weft_ranks_gather(weft_ranks *ranks, const void *mine, size_t bytes, void *all, const char *what);
/* Sums over all ranks, on all of them. */
WEFT_API weft_status weft_ranks_add(weft_ranks *ranks, double *values, int64_t count, const char *what);
/* Whether a text of lines is the same on all ranks; else INVALID on all, with the first line that differs. */
WEFT_API weft_status weft_ranks_agree(weft_ranks *ranks, const char *text, const char *what);

/* What was passed between ranks while steps were trained. */
typedef struct weft_ranks_stats {
    int64_t bytes;  /* sent by this rank, of gradients */
    double passing; /* seconds from when gradients were there until they were the mean of all */
    double waited;  /* of them, that the trainer waited: the rest is hidden behind the backward pass */
} weft_ranks_stats;
/* Since the ranks were joined, or since the last call with `reset`. */
WEFT_API weft_ranks_stats weft_ranks_get_stats(weft_ranks *ranks, bool reset);

#ifdef __cplusplus
}
#endif
#endif
