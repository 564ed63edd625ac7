/* SPDX-License-Identifier: Apache-2.0
 *
 * A server: threads with contexts and models of their own, of other batches, over one store. The weights are in memory
 * once, and each answers at the same time, to the bit, what it answers alone. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "check/harness.h"

enum { CLIENTS = 4, RUNS = 24, PX = 32, CLASSES = 10, SEED = 3 };

static float input[CLIENTS * PX * PX];

typedef struct client {
    weft_store *store; /* NULL: the model's own */
    pthread_barrier_t *start;
    int64_t batch;
    int runs;
    weft_status status;
    bool shares;
    float output[CLIENTS * CLASSES];
} client;

static weft_status answer(client *k, weft_ctx *ctx, weft_graph *graph)
{
    weft_model *model = NULL;
    const weft_model_opt opt = { .batch = k->batch, .store = k->store };
    const size_t image = sizeof *input * PX * PX;
    weft_status status = weft_model_create(ctx, graph, &opt, &model);
    if (status == WEFT_OK && !k->store)
        status = weft_store_init(weft_model_store(model), SEED);
    if (k->start)
        pthread_barrier_wait(k->start); /* the first runs, which pack the weights, are at the same time */
    for (int i = 0; i < k->runs && status == WEFT_OK; i++) {
        status = weft_model_set_input(model, 0, input, (size_t)k->batch * image);
        if (status == WEFT_OK)
            status = weft_model_run(model);
    }
    if (status == WEFT_OK)
        status = weft_model_get_output(model, 0, k->output, (size_t)k->batch * CLASSES * sizeof *k->output);
    k->shares = model && weft_model_store(model) == k->store;
    weft_model_destroy(model);
    return status;
}

static void *serve(void *arg)
{
    client *k = arg;
    weft_ctx *ctx = NULL;
    weft_graph *graph = NULL;
    k->status = weft_ctx_create(&(weft_ctx_opt){ .threads = 1 + (int)(k->batch % 2) }, &ctx);
    if (k->status == WEFT_OK)
        k->status = weft_arch_build(ctx, "lenet5", NULL, &graph);
    if (k->status == WEFT_OK)
        k->status = answer(k, ctx, graph);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);
    return NULL;
}

START_TEST(threads_share_a_store)
{
    client alone[CLIENTS] = { { .batch = 0 } }, served[CLIENTS] = { { .batch = 0 } };
    pthread_t threads[CLIENTS];
    pthread_barrier_t start;
    weft_ctx *ctx;
    weft_graph *graph;
    weft_store *store;
    for (int i = 0; i < WEFT_COUNT(input); i++)
        input[i] = (float)(i * 37 % 255) / 255;
    CHECK_OK(weft_ctx_create(NULL, &ctx));
    CHECK_OK(weft_arch_build(ctx, "lenet5", NULL, &graph));
    CHECK_OK(weft_store_create(ctx, (const weft_graph *const *)&graph, 1, &store));
    weft_graph_destroy(graph);
    CHECK_OK(weft_store_init(store, SEED));
    const uint64_t version = weft_store_version(store);
    for (int i = 0; i < CLIENTS; i++) {
        alone[i] = (client){ .batch = 1 + i, .runs = 1 };
        serve(&alone[i]);
        ck_assert_int_eq(alone[i].status, WEFT_OK);
    }
    ck_assert_int_eq(pthread_barrier_init(&start, NULL, CLIENTS), 0);
    for (int i = 0; i < CLIENTS; i++) {
        served[i] = (client){ .store = store, .start = &start, .batch = 1 + i, .runs = RUNS };
        ck_assert_int_eq(pthread_create(&threads[i], NULL, serve, &served[i]), 0);
    }
    for (int i = 0; i < CLIENTS; i++) {
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(served[i].status, WEFT_OK);
        ck_assert(served[i].shares && !alone[i].shares);
        ck_assert_msg(memcmp(served[i].output, alone[i].output, sizeof alone[i].output) == 0, "client %d", i);
        ck_assert(alone[i].output[0] != 0 || alone[i].output[1] != 0);
    }
    ck_assert_uint_eq(weft_store_version(store), version);
    pthread_barrier_destroy(&start);
    weft_store_destroy(store);
    weft_ctx_destroy(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("graph-served");
    CHECK_CASE(suite, "served", threads_share_a_store);
    return check_main(suite, argv[0]);
}
