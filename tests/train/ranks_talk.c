/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranks, as threads of one process: what passes between them. */
#include <string.h>

#include "base/error.h"
#include "check/harness.h"
#include "hall.h"

enum { COUNT = 1003 };

static hall *the_hall;

typedef struct talker {
    int rank, size;
    weft_status status;
    double sums[5];
    float floats[COUNT];
    int32_t all[HALL_RANKS], word;
    weft_exchange exchange;
} talker;

/* Numbers whose sum depends on the order. */
static float number(int rank, int64_t i)
{
    return rank == 0 ? 1e17f : rank == 2 ? -1e17f : (float)(1.7 * (double)(i * (rank + 3) % 97) + rank);
}

static weft_status talk(talker *t)
{
    weft_ranks *r;
    WEFT_TRY(hall_join(the_hall, t->rank, 20, &r));
    const int32_t mine = 100 + t->rank;
    t->word = t->rank == 0 ? 77 : 0;
    weft_status status = weft_ranks_size(r) == t->size && weft_ranks_rank(r) == t->rank ? WEFT_OK : WEFT_INTERNAL;
    for (int i = 0; i < 5; i++)
        t->sums[i] = t->rank + .1 * i;
    for (int64_t i = 0; i < COUNT; i++)
        t->floats[i] = number(t->rank, i);
    if (!status)
        status = weft_ranks_broadcast(r, &t->word, sizeof t->word, "a word");
    if (!status)
        status = weft_ranks_gather(r, &mine, sizeof mine, t->all, "all words");
    if (!status)
        status = weft_ranks_add(r, t->sums, 5, "sums");
    if (!status)
        status = weft_ranks_agree(r, "one\ntwo\n", "texts");
    if (!status)
        status = weft_ranks_reserve(r, COUNT);
    t->exchange = (weft_exchange){ .kind = WEFT_EXCHANGE_SUM, .what = "floats", .floats = t->floats, .count = COUNT };
    if (!status) {
        weft_exchange_post(r, &t->exchange);
        status = weft_exchange_wait(r, &t->exchange);
    }
    if (!status)
        status = weft_ranks_agree(r, t->rank == 2 ? "one\nthree\n" : "one\ntwo\n", "texts") == WEFT_INVALID ||
                         t->size < 3 ? WEFT_OK : WEFT_INTERNAL;
    const weft_status left = weft_ranks_leave(r, NULL);
    return status ? status : left;
}

static void *talk_all(void *arg)
{
    talker *const t = arg;
    t->status = talk(t);
    return NULL;
}

/* Every number of ranks, more of them than floats of a part at the end, too. */
START_TEST(all_hear_the_same)
{
    static talker talkers[HALL_RANKS];
    const int size = _i;
    the_hall = hall_open(size);
    memset(talkers, 0, sizeof talkers);
    for (int p = 0; p < size; p++)
        talkers[p].rank = p, talkers[p].size = size;
    hall_run(size, talk_all, talkers, sizeof *talkers);
    hall_close(the_hall);
    for (int p = 0; p < size; p++) {
        const talker *const t = &talkers[p];
        CHECK_OK(t->status);
        ck_assert_int_eq(t->word, 77);
        for (int k = 0; k < size; k++)
            ck_assert_int_eq(t->all[k], 100 + k);
        for (int i = 0; i < 5; i++) {
            double sum = 0;
            for (int k = 0; k < size; k++)
                sum += k + .1 * i;
            ck_assert(t->sums[i] >= sum && t->sums[i] <= sum);
        }
        for (int64_t i = 0; i < COUNT; i++) {
            double sum = 0;
            for (int k = 0; k < size; k++)
                sum += (double)number(k, i);
            ck_assert(t->floats[i] >= (float)sum && t->floats[i] <= (float)sum);
        }
    }
}
END_TEST

TCase *ranks_talk_case(void);

TCase *ranks_talk_case(void)
{
    TCase *tc = tcase_create("talk");
    tcase_add_loop_test(tc, all_hear_the_same, 1, HALL_RANKS + 1);
    return tc;
}
