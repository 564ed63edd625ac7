/* SPDX-License-Identifier: Apache-2.0
 *
 * A rank that leaves in distress has often found what all find: they carry through what it took part in, and say it
 * themselves. */
#include <stdio.h>
#include <string.h>

#include "check/harness.h"
#include "hall.h"

enum { RANKS = 3, SENTENCE = 200 };

typedef struct guest {
    int rank;
    weft_status first, second;
    char sentence[SENTENCE];
} guest;

static hall *the_hall;

/* Rank 2 leaves after a gathering, for which rank 0 still waits for the message of rank 1. */
static void *visit(void *arg)
{
    guest *const g = arg;
    const int32_t mine = g->rank;
    int32_t all[RANKS] = { -1, -1, -1 };
    weft_ranks *r = NULL;
    g->first = hall_join(the_hall, g->rank, 20, &r);
    if (g->first)
        return NULL;
    if (g->rank == 1)
        hall_slow(the_hall, 1, 0, .3);
    g->first = weft_ranks_gather(r, &mine, sizeof mine, all, "the first words");
    if (!g->first && (all[0] != 0 || all[1] != 1 || all[2] != 2))
        g->first = WEFT_INTERNAL;
    if (g->rank != 2)
        g->second = weft_ranks_gather(r, &mine, sizeof mine, all, "the second words");
    if (g->second)
        snprintf(g->sentence, sizeof g->sentence, "%s", weft_error());
    weft_ranks_leave(r, g->rank == 2 ? "nine by three is what it wants" : g->second ? g->sentence : NULL);
    return NULL;
}

TCase *ranks_left_case(void);

START_TEST(what_can_be_carried_through_is)
{
    guest guests[RANKS] = { { .rank = 0 }, { .rank = 1 }, { .rank = 2 } };
    the_hall = hall_open(RANKS);
    hall_run(RANKS, visit, guests, sizeof *guests);
    hall_close(the_hall);
    for (int p = 0; p < RANKS; p++)
        ck_assert_msg(guests[p].first == WEFT_OK, "rank %d: %d of the first gathering", p, guests[p].first);
    for (int p = 0; p < 2; p++) {
        ck_assert_int_eq(guests[p].second, WEFT_LOST);
        ck_assert_msg(strstr(guests[p].sentence, "rank 2 ended: nine by three"), "rank %d: %s", p, guests[p].sentence);
    }
}
END_TEST

TCase *ranks_left_case(void)
{
    TCase *tc = tcase_create("left");
    tcase_add_test(tc, what_can_be_carried_through_is);
    return tc;
}
