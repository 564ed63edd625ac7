/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranks without MPI: threads of one process, in a hall where messages lie until they are taken. A rank may fall silent:
 * what it sends from then on is lost, as if it were dead; another's messages may be slow. */
#ifndef WEFT_TESTS_TRAIN_HALL_H
#define WEFT_TESTS_TRAIN_HALL_H

#include "ranks/ranks.h"

enum { HALL_RANKS = 4 };

typedef struct hall hall;

hall *hall_open(int size);
void hall_close(hall *h);
void hall_silence(hall *h, int rank);
/* What the one sends to the other from now on takes so long. */
void hall_slow(hall *h, int from, int to, double seconds);
/* Joins as that rank. */
weft_status hall_join(hall *h, int rank, double timeout, weft_ranks **out);

/* Runs of each rank, in threads of their own, until all have ended: work(args + rank * size of one). Threads of ranks
 * assert nothing: they end (WEFT_TRY), and their status is looked at. */
void hall_run(int size, void *(*work)(void *arg), void *args, size_t one);

#endif
