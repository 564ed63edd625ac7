/* SPDX-License-Identifier: Apache-2.0
 *
 * Norms that ranks measure anew, as threads of one process. */
#include <math.h>

#include "base/error.h"
#include "check/harness.h"
#include "hall.h"
#include "nets.h"

static hall *the_hall;

typedef struct measurer {
    int rank, size;
    bool whole; /* batches of one rank are as large as those of two together, and norms by these */
    weft_status status;
    float mean[4], variance[4];
} measurer;

/* Two batches, both of one rank or one of each. */
static weft_status measure(measurer *m, weft_ctx *ctx, weft_ranks *ranks)
{
    enum { PART = TINY_N / 2 };
    float images[TINY_N * TINY_PIXELS];
    int32_t labels[TINY_N];
    const int each = m->whole && m->size == 1 ? TINY_N : PART, batches = TINY_N / each / m->size;
    weft_graph *const network = ranks_network(ctx, each, true);
    const weft_train_opt opt = { .ranks = ranks, .sync_norms = m->whole };
    weft_store *store;
    weft_norm_meter *meter;
    tiny_data(images, labels);
    WEFT_TRY(weft_store_create(ctx, &(const weft_graph *){ network }, 1, &store));
    WEFT_TRY(weft_store_init(store, 5));
    WEFT_TRY(weft_norm_meter_create(ctx, network, &opt, store, &meter));
    for (int i = 0; i < batches; i++)
        WEFT_TRY(weft_norm_meter_add(meter, images + (m->rank + i) * each * TINY_PIXELS));
    WEFT_TRY(weft_norm_meter_finish(meter));
    WEFT_TRY(weft_store_get(store, "norm/mean", m->mean, 4));
    WEFT_TRY(weft_store_get(store, "norm/variance", m->variance, 4));
    weft_norm_meter_destroy(meter);
    weft_store_destroy(store);
    weft_graph_destroy(network);
    return WEFT_OK;
}

static void *measure_all(void *arg)
{
    measurer *const m = arg;
    weft_ctx *ctx;
    weft_ranks *ranks = NULL;
    m->status = weft_ctx_create(&(weft_ctx_opt){ .device = "cpu", .threads = 1 }, &ctx);
    if (!m->status && m->size > 1)
        m->status = hall_join(the_hall, m->rank, 60, &ranks);
    if (!m->status)
        m->status = measure(m, ctx, ranks);
    weft_ranks_leave(ranks, NULL);
    weft_ctx_destroy(ctx);
    return NULL;
}

START_TEST(norms_are_measured_together)
{
    measurer one = { .size = 1, .whole = _i }, two[] = { { 0, 2, .whole = _i }, { 1, 2, .whole = _i } };
    measure_all(&one);
    the_hall = hall_open(2);
    hall_run(2, measure_all, two, sizeof *two);
    hall_close(the_hall);
    CHECK_OK(one.status);
    for (int p = 0; p < 2; p++) {
        CHECK_OK(two[p].status);
        for (int i = 0; i < 4; i++) {
            ck_assert_msg(fabsf(two[p].mean[i] - one.mean[i]) <= 1e-6F, "mean %d of rank %d is %g, not %g", i, p,
                          (double)two[p].mean[i], (double)one.mean[i]);
            ck_assert_msg(fabsf(two[p].variance[i] - one.variance[i]) <= 1e-6F, "variance %d of rank %d is %g, not %g",
                          i, p, (double)two[p].variance[i], (double)one.variance[i]);
        }
    }
    ck_assert(fabsf(one.mean[0]) > 1e-3F);
}
END_TEST

TCase *ranks_meter_case(void);

TCase *ranks_meter_case(void)
{
    TCase *tc = tcase_create("meter");
    tcase_add_loop_test(tc, norms_are_measured_together, 0, 2);
    return tc;
}
