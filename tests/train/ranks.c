/* SPDX-License-Identifier: Apache-2.0
 *
 * Ranks, as threads of one process: what passes between them, that they train as one, and how they end when one is
 * lost. With MPI: tests/cli/ranks.sh. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "check/harness.h"
#include "hall.h"
#include "nets.h"
#include "train/reduce.h"

enum { STEPS = 4, SENTENCE = 600 };

static hall *the_hall;

/* ---- training ---- */

/* One rank's training, and what came of it. */
typedef struct member {
    int rank, size;
    bool norm;         /* with batch norm, else with dropout and drop path */
    int bad_rank, bad_step; /* whose images are then none; -1: nobody's */
    int quits, quit_step;   /* who then ends, -1: nobody */
    bool silent;            /* without a word */
    double timeout;
    weft_train_opt opt;
    weft_status status;
    char sentence[SENTENCE];
    double seconds;
    int ahead; /* steps of the backward pass behind the one after which the first bucket is posted */
    int sums;  /* buckets of sums over several batches, */
    int64_t passed, bytes; /* how many of them were posted, and what was sent of sums */
    weft_step_result results[STEPS];
    weft_status traced; /* of the newest step that was not finite */
    weft_trace trace;
    float *store;
    int64_t count;
} member;

static weft_status dump(member *m, weft_store *store)
{
    m->store = calloc(weft_store_bytes(store), 1);
    for (int i = 0; i < weft_store_count(store); i++) {
        weft_param_info info;
        WEFT_TRY(weft_store_param(store, i, &info));
        const int64_t n = weft_shape_count(&info.shape);
        WEFT_TRY(weft_store_get(store, info.name, m->store + m->count, n));
        m->count += n;
    }
    return WEFT_OK;
}

static weft_status take_steps(member *m, weft_trainer *t)
{
    static const float other[33] = { 5 };
    float images[TINY_N * TINY_PIXELS];
    int32_t labels[TINY_N];
    const int part = TINY_N / m->size;
    tiny_data(images, labels);
    if (m->rank > 0) /* to begin with they differ */
        WEFT_TRY(weft_store_set(weft_trainer_store(t), "hidden/bias", other, 33));
    WEFT_TRY(weft_trainer_share(t));
    for (int i = 0; i < STEPS; i++) {
        weft_batch batch = { .images = images + m->rank * part * TINY_PIXELS, .labels = labels + m->rank * part };
        float none[TINY_N * TINY_PIXELS];
        memcpy(none, batch.images, (size_t)(part * TINY_PIXELS) * sizeof *none);
        none[3] = NAN;
        if (m->rank == m->bad_rank && i == m->bad_step)
            batch.images = none;
        if (m->rank == m->quits && i == m->quit_step)
            return weft_fail(WEFT_IO, "the disk is on fire");
        WEFT_TRY(weft_trainer_step(t, &batch, .1, &m->results[i]));
        if (!m->results[i].finite)
            m->traced = weft_trainer_trace(t, &batch, .1, &m->trace);
    }
    WEFT_TRY(weft_trainer_settle(t));
    return dump(m, weft_trainer_store(t));
}

/* How often sums of several batches were passed. */
static void count_sums(member *m, const weft_trainer *t, weft_ranks *ranks)
{
    const weft_reduction *const r = t->reduction;
    for (int i = 0; r && i < r->n_buckets; i++)
        m->sums += r->buckets[i].sums;
    m->passed = r ? r->round.passed : 0;
    m->bytes = weft_ranks_get_stats(ranks, false).bytes;
}

static weft_status train(member *m, weft_ctx *ctx, weft_ranks *ranks)
{
    weft_trainer *t;
    weft_graph *const network = ranks_network(ctx, TINY_N / m->size, m->norm);
    weft_train_opt opt = m->opt;
    opt.ranks = ranks;
    weft_status status = network ? weft_trainer_create(ctx, network, &opt, &t) : WEFT_NO_MEMORY;
    if (!status) {
        const weft_between *const between = t->model->between;
        m->ahead = between ? between->before[between->count - 1] - between->before[0] : 0;
        status = take_steps(m, t);
        count_sums(m, t, ranks);
        weft_trainer_destroy(t);
    }
    weft_graph_destroy(network);
    return status;
}

static void *train_all(void *arg)
{
    member *const m = arg;
    weft_ctx *ctx;
    weft_ranks *ranks = NULL;
    const double start = weft_clock();
    m->status = weft_ctx_create(&(weft_ctx_opt){ .device = "cpu", .threads = 1 }, &ctx);
    if (!m->status)
        m->status = m->size > 1 ? hall_join(the_hall, m->rank, m->timeout, &ranks) : WEFT_OK;
    if (!m->status)
        m->status = train(m, ctx, ranks);
    strncpy(m->sentence, m->status ? weft_error() : "", SENTENCE - 1);
    if (m->silent && m->rank == m->quits)
        hall_silence(the_hall, m->rank);
    const weft_status left = weft_ranks_leave(ranks, m->status ? m->sentence : NULL);
    m->status = m->status ? m->status : left;
    m->seconds = weft_clock() - start;
    weft_ctx_destroy(ctx);
    return NULL;
}

/* Trains by so many ranks, each of them as `like` says. */
static void train_by(int size, const member *like, member *members)
{
    the_hall = hall_open(size);
    for (int p = 0; p < size; p++) {
        members[p] = *like;
        members[p].rank = p;
        members[p].size = size;
    }
    hall_run(size, train_all, members, sizeof *members);
    hall_close(the_hall);
}

static void forget(member *members, int size)
{
    for (int p = 0; p < size; p++)
        free(members[p].store);
}

static const member usual = { .bad_rank = -1, .quits = -1, .timeout = 60,
                              .opt = { .seed = 3, .bucket = 1500, .clip_norm = .5, .ema = .9,
                                       .optimizer = { .momentum = .9, .decay = .01 } } };

static void check_near_store(const member *found, const member *one)
{
    ck_assert_int_eq(found->count, one->count);
    for (int64_t i = 0; i < one->count; i++)
        ck_assert_msg(fabsf(found->store[i] - one->store[i]) <= 2e-6F * fmaxf(1, fabsf(one->store[i])),
                      "number %lld of the store is %.9g, of one rank %.9g", (long long)i, (double)found->store[i],
                      (double)one->store[i]);
}

static void check_same_store(const member *a, const member *b)
{
    ck_assert_int_eq(a->count, b->count);
    ck_assert_mem_eq(a->store, b->store, (size_t)a->count * sizeof *a->store);
}

/* As one process trains the whole batch, dropout's draws among it, but for the order of sums. */
START_TEST(many_train_as_one)
{
    static const int sizes[] = { 2, 4 };
    const int size = sizes[_i];
    member one[1], many[HALL_RANKS], again[HALL_RANKS];
    train_by(1, &usual, one);
    train_by(size, &usual, many);
    train_by(size, &usual, again);
    CHECK_OK(one->status);
    for (int p = 0; p < size; p++) {
        ck_assert_msg(many[p].status == WEFT_OK, "rank %d: %s", p, many[p].sentence);
        for (int i = 0; i < STEPS; i++) {
            const weft_step_result *a = &one->results[i], *b = &many[p].results[i];
            ck_assert_msg(fabs(a->loss - b->loss) <= 1e-6 * a->loss, "step %d: the loss is %.9g, of one rank %.9g", i,
                          b->loss, a->loss);
            ck_assert(fabs(a->gradient_norm - b->gradient_norm) <= 1e-5 * a->gradient_norm);
            ck_assert(a->top1 == b->top1 && a->top5 == b->top5 && b->updates == i + 1);
        }
        ck_assert_int_gt(many[p].ahead, 4); /* the convolution's gradients, and what leads there */
        check_same_store(&many[p], &many[0]);
        check_same_store(&many[p], &again[0]);
    }
    forget(one, 1);
    forget(many, size);
    forget(again, size);
}
END_TEST

/* Batch norm has the statistics of each rank's part, but the moving ones are the mean, and the same on all ranks. */
START_TEST(norms_move_alike)
{
    member like = usual, many[HALL_RANKS], again[HALL_RANKS];
    like.norm = true;
    train_by(4, &like, many);
    train_by(4, &like, again);
    for (int p = 0; p < 4; p++) {
        ck_assert_msg(many[p].status == WEFT_OK, "rank %d: %s", p, many[p].sentence);
        check_same_store(&many[p], &many[0]);
        check_same_store(&many[p], &again[0]);
    }
    forget(many, 4);
    forget(again, 4);
}
END_TEST

/* Norms of the whole batch: as one rank's, and what they have seen is what it has seen. */
START_TEST(norms_of_the_whole_are_as_of_one)
{
    static const int sizes[] = { 2, 4 };
    const int size = sizes[_i];
    member like = usual, one[1], many[HALL_RANKS], again[HALL_RANKS];
    like.norm = like.opt.sync_norms = true;
    train_by(1, &like, one);
    train_by(size, &like, many);
    train_by(size, &like, again);
    CHECK_OK(one->status);
    for (int p = 0; p < size; p++) {
        ck_assert_msg(many[p].status == WEFT_OK, "rank %d: %s", p, many[p].sentence);
        for (int i = 0; i < STEPS; i++) {
            const weft_step_result *a = &one->results[i], *b = &many[p].results[i];
            ck_assert_msg(fabs(a->loss - b->loss) <= 1e-6 * a->loss, "step %d: the loss is %.9g, of one rank %.9g", i,
                          b->loss, a->loss);
            ck_assert(fabs(a->gradient_norm - b->gradient_norm) <= 1e-5 * a->gradient_norm);
        }
        check_near_store(&many[p], one);
        check_same_store(&many[p], &many[0]);
        check_same_store(&many[p], &again[0]);
    }
    forget(one, 1);
    forget(many, size);
    forget(again, size);
}
END_TEST

/* A step that is bad on one rank changes nothing on any: as if it had not been, but for the loss's scale. */
START_TEST(a_bad_part_is_a_bad_step)
{
    member like = usual, many[HALL_RANKS];
    like.norm = _i > 0;
    like.opt.sync_norms = _i == 2;
    like.bad_rank = 1;
    like.bad_step = STEPS - 1;
    member fewer[HALL_RANKS], shorter = usual;
    shorter.norm = _i > 0;
    shorter.opt.sync_norms = _i == 2;
    shorter.bad_rank = 0;
    shorter.bad_step = STEPS - 1;
    like.opt.loss_scale = shorter.opt.loss_scale = (weft_loss_scale){ .kind = WEFT_SCALING_DYNAMIC, .factor = 8 };
    train_by(2, &like, many);
    train_by(2, &shorter, fewer);
    for (int p = 0; p < 2; p++) {
        ck_assert_msg(many[p].status == WEFT_OK, "rank %d: %s", p, many[p].sentence);
        ck_assert(many[p].results[STEPS - 2].finite && !many[p].results[STEPS - 1].finite);
        ck_assert(!many[p].results[STEPS - 1].updated && many[p].results[STEPS - 1].updates == STEPS - 1);
        ck_assert(many[p].results[STEPS - 1].skipped && many[p].results[STEPS - 1].scale == 4);
        ck_assert_int_eq(many[p].traced, p == 1 ? WEFT_OK : WEFT_NOT_FOUND);
        for (int64_t i = 0; i < many[p].count; i++)
            ck_assert(isfinite(many[p].store[i]));
        check_same_store(&many[p], &fewer[0]);
    }
    ck_assert_str_eq(many[1].trace.what, "input");
    ck_assert_int_eq(many[1].trace.index, 3);
    forget(many, 2);
    forget(fewer, 2);
}
END_TEST

/* Batches whose gradients make one update: as of one rank, whatever steps are bad, and in the midst of a round, too.
 * Sums pass once for each round, and once more where its last batch is bad; not for each batch. */
START_TEST(rounds_are_as_of_one)
{
    static const struct {
        int size, every, bad_step, passes;
        bool norm, scaled;
    } rows[] = {
        { 2, 2, -1, 2, false, false }, { 4, 3, -1, 1, false, true }, { 2, 2, 1, 2, false, true },
        { 2, 3, 0, 1, false, true },   { 2, 2, -1, 2, true, false },
    };
    member like = usual, one[1], many[HALL_RANKS], again[HALL_RANKS], often[HALL_RANKS];
    const int size = rows[_i].size;
    like.norm = like.opt.sync_norms = rows[_i].norm;
    like.bad_step = rows[_i].bad_step;
    like.bad_rank = 0;
    like.opt.accumulate = rows[_i].every;
    if (rows[_i].scaled)
        like.opt.loss_scale = (weft_loss_scale){ .kind = WEFT_SCALING_DYNAMIC, .factor = 8, .interval = 2 };
    train_by(1, &like, one);
    like.bad_rank = size - 1;
    train_by(size, &like, many);
    train_by(size, &like, again);
    like.opt.accumulate = 1;
    train_by(size, &like, often);
    CHECK_OK(one->status);
    for (int p = 0; p < size; p++) {
        ck_assert_msg(many[p].status == WEFT_OK, "rank %d: %s", p, many[p].sentence);
        for (int i = 0; i < STEPS; i++) {
            const weft_step_result *a = &one->results[i], *b = &many[p].results[i];
            ck_assert(a->finite == b->finite && a->updated == b->updated && a->updates == b->updates);
            ck_assert_msg(!a->finite || fabs(a->loss - b->loss) <= 1e-6 * a->loss,
                          "step %d: the loss is %.9g, of one rank %.9g", i, b->loss, a->loss);
        }
        ck_assert_int_gt(many[p].ahead, 4);
        ck_assert_int_gt(many[p].sums, 1);
        ck_assert_int_eq(many[p].passed, many[p].sums * rows[_i].passes);
        ck_assert_int_lt(STEPS * many[p].bytes, (rows[_i].passes + 1) * often[p].bytes);
        check_near_store(&many[p], one);
        check_same_store(&many[p], &many[0]);
        check_same_store(&many[p], &again[0]);
    }
    forget(one, 1);
    forget(many, size);
    forget(again, size);
    forget(often, size);
}
END_TEST

/* ---- ranks that are lost ---- */

/* One that says why is not waited for; one that says nothing is, until the time is over. */
START_TEST(who_is_lost_is_named)
{
    member like = usual, many[HALL_RANKS];
    like.quits = 2;
    like.quit_step = 2;
    like.silent = _i;
    like.timeout = _i ? 2 : 60;
    train_by(4, &like, many);
    for (int p = 0; p < 4; p++) {
        ck_assert_int_eq(many[p].status, p == 2 ? WEFT_IO : WEFT_LOST);
        ck_assert_msg(many[p].seconds < 20, "rank %d took %g s", p, many[p].seconds);
        if (p == 2)
            continue;
        const char *const said = many[p].sentence;
        ck_assert_msg(strstr(said, _i ? "rank" : "rank 2 ended: the disk is on fire") != NULL, "rank %d: %s", p, said);
        ck_assert_msg(!_i || (strstr(said, "step 2, ") && strstr(said, "sum of gradients") && strstr(said, " 2")),
                      "rank %d: %s", p, said);
    }
    forget(many, 4);
}
END_TEST

static void *train_otherwise(void *arg)
{
    member *const m = arg;
    m->opt.optimizer.momentum = m->rank == 1 ? 0 : .9; /* a state less */
    m->opt.optimizer.kind = m->rank == 1 ? WEFT_ADAM : WEFT_SGD;
    return train_all(m);
}

/* Trainers that differ are told apart before the first step. */
START_TEST(unlike_trainers_are_refused)
{
    member many[HALL_RANKS];
    the_hall = hall_open(2);
    for (int p = 0; p < 2; p++) {
        many[p] = usual;
        many[p].rank = p;
        many[p].size = 2;
    }
    hall_run(2, train_otherwise, many, sizeof *many);
    hall_close(the_hall);
    for (int p = 0; p < 2; p++) {
        ck_assert_int_eq(many[p].status, WEFT_INVALID);
        ck_assert_msg(strstr(many[p].sentence, "rank 1 has 'bytes of the store") != NULL, "%s", many[p].sentence);
    }
}
END_TEST

/* Without a launcher, this process alone. */
START_TEST(alone)
{
    double sums[] = { 1, 2 };
    int rank, size;
    unsetenv("OMPI_COMM_WORLD_RANK");
    weft_ranks_launched(&rank, &size);
    ck_assert(rank == 0 && size == 1);
    ck_assert(weft_ranks_rank(NULL) == 0 && weft_ranks_size(NULL) == 1 && weft_ranks_local(NULL) == 1);
    CHECK_OK(weft_ranks_add(NULL, sums, 2, "sums"));
    ck_assert(sums[0] <= 1 && sums[1] >= 2);
    CHECK_OK(weft_ranks_broadcast(NULL, sums, sizeof sums, "sums"));
    CHECK_OK(weft_ranks_agree(NULL, "text", "texts"));
    CHECK_OK(weft_ranks_leave(NULL, NULL));
    setenv("OMPI_COMM_WORLD_RANK", "3", 1);
    setenv("OMPI_COMM_WORLD_SIZE", "5", 1);
    weft_ranks_launched(&rank, &size);
    ck_assert(rank == 3 && size == 5);
    setenv("WEFT_MPI_PLUGIN", "/nowhere/libweft_mpi.so", 1);
    weft_ranks *ranks;
    CHECK_FAILS(WEFT_NO_DEVICE, weft_ranks_join(NULL, &ranks), "cannot load the plug-in of MPI");
    unsetenv("WEFT_MPI_PLUGIN");
    unsetenv("OMPI_COMM_WORLD_RANK");
    unsetenv("OMPI_COMM_WORLD_SIZE");
    CHECK_FAILS(WEFT_INVALID, weft_ranks_join(NULL, NULL), "out");
}
END_TEST

TCase *ranks_left_case(void); /* ranks_left.c */
TCase *ranks_meter_case(void); /* ranks_meter.c */
TCase *ranks_talk_case(void); /* ranks_talk.c */

int main(int argc, char **argv)
{
    Suite *suite = suite_create("train-ranks");
    TCase *tc = tcase_create("ranks");
    (void)argc;
    tcase_add_loop_test(tc, many_train_as_one, 0, 2);
    tcase_add_loop_test(tc, norms_of_the_whole_are_as_of_one, 0, 2);
    tcase_add_loop_test(tc, a_bad_part_is_a_bad_step, 0, 3);
    tcase_add_loop_test(tc, rounds_are_as_of_one, 0, 5);
    tcase_add_loop_test(tc, who_is_lost_is_named, 0, 2);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, ranks_left_case());
    suite_add_tcase(suite, ranks_meter_case());
    suite_add_tcase(suite, ranks_talk_case());
    CHECK_CASE(suite, "others", norms_move_alike, unlike_trainers_are_refused, alone);
    return check_main(suite, argv[0]);
}
