/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands for dropout and drop path in training: how much is dropped, and what the draws depend on. */
#include <math.h>
#include <string.h>
#include <weft/weft.h>

#include "check/harness.h"
#include "graph/twin.h"

enum { N = 64, H = 3, W = 5, C = 33, COUNT = N * H * W * C, OF_IMAGE = H * W * C };
static const double RATE = .3;

typedef struct bench {
    weft_ctx *ctx;
    weft_graph *network, *training;
    weft_model *model;
    float x[COUNT];
} bench;

/* Outputs: two dropouts of x, and its paths. */
static void open_bench(bench *b, uint64_t seed)
{
    static const char *const names[] = { "a", "b", "path" };
    const weft_shape shape = weft_shape_nhwc(N, H, W, C);
    weft_var outputs[3];
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 2 }, &b->ctx));
    CHECK_OK(weft_graph_create(b->ctx, &b->network));
    const weft_var x = weft_input(b->network, "x", &shape);
    for (int i = 0; i < 3; i++) {
        weft_scope_push(b->network, "%s", names[i]);
        weft_output(b->network, (i < 2 ? weft_dropout : weft_drop_path)(b->network, x, RATE), names[i]);
        weft_scope_pop(b->network);
    }
    CHECK_OK(weft_graph_status(b->network));
    weft_moves moves;
    CHECK_OK(weft_graph_clone_training(b->ctx, b->network, &(weft_twin_opt){ .seed = seed }, outputs, &moves,
                                       &b->training));
    for (int i = 0; i < 3; i++)
        weft_output(b->training, outputs[i], names[i]);
    CHECK_OK(weft_model_create(b->ctx, b->training, &(weft_model_opt){ .training = true }, &b->model));
    for (int i = 0; i < COUNT; i++)
        b->x[i] = (float)(1 + i % 7);
}

static void close_bench(bench *b)
{
    weft_model_destroy(b->model);
    weft_graph_destroy(b->training);
    weft_graph_destroy(b->network);
    weft_ctx_destroy(b->ctx);
}

static void run(bench *b, int32_t step, int output, float *y)
{
    CHECK_OK(weft_model_set_input(b->model, 0, &step, sizeof step));
    CHECK_OK(weft_model_set_input(b->model, 1, b->x, sizeof b->x));
    CHECK_OK(weft_model_run(b->model));
    CHECK_OK(weft_model_get_output(b->model, output, y, sizeof b->x));
}

static void check_share(const char *what, int hits, int count, double share)
{
    const double deviation = sqrt(share * (1 - share) / count);
    ck_assert_msg(fabs((double)hits / count - share) < 4 * deviation, "%s: %d of %d, expected a share of %g", what,
                  hits, count, share);
}

/* Elements of which only one of two results is zero. */
static int differing(const float *a, const float *b)
{
    int count = 0;
    for (int i = 0; i < COUNT; i++)
        count += (a[i] == 0) != (b[i] == 0);
    return count;
}

START_TEST(a_share_is_dropped)
{
    static float y[COUNT];
    bench b;
    int dropped = 0;
    open_bench(&b, 3);
    run(&b, 0, 0, y);
    for (int i = 0; i < COUNT; i++) {
        dropped += y[i] == 0;
        ck_assert(y[i] == 0 || fabs((double)y[i] - (double)b.x[i] / (1 - RATE)) < 1e-5);
    }
    check_share("dropped", dropped, COUNT, RATE);
    close_bench(&b);
}
END_TEST

START_TEST(draws_depend_on_seed_path_and_step)
{
    static float first[COUNT], other[COUNT];
    const double apart = 2 * RATE * (1 - RATE); /* of independent draws */
    bench b, c;
    open_bench(&b, 3);
    open_bench(&c, 4);
    run(&b, 5, 0, first);
    run(&b, 5, 0, other);
    ck_assert_mem_eq(first, other, sizeof first);
    run(&b, 6, 0, other);
    check_share("another step", differing(first, other), COUNT, apart);
    run(&b, 5, 1, other);
    check_share("another path", differing(first, other), COUNT, apart);
    run(&c, 5, 0, other);
    check_share("another seed", differing(first, other), COUNT, apart);
    close_bench(&b);
    close_bench(&c);
}
END_TEST

START_TEST(paths_are_dropped_by_image)
{
    static float y[COUNT];
    bench b;
    int dropped = 0;
    open_bench(&b, 3);
    for (int32_t step = 0; step < 20; step++) {
        run(&b, step, 2, y);
        for (int n = 0; n < N; n++) {
            const float *image = y + n * OF_IMAGE;
            dropped += image[0] == 0;
            for (int i = 0; i < OF_IMAGE; i++)
                ck_assert((image[i] == 0) == (image[0] == 0));
        }
    }
    check_share("images", dropped, 20 * N, RATE);
    close_bench(&b);
}
END_TEST

/* A layer that is kept, and a rate of 0, let everything through. */
START_TEST(kept_and_zero_are_nothing)
{
    const weft_shape shape = weft_shape_nhwc(1, 1, 1, 4);
    weft_ctx *ctx;
    weft_graph *g, *training;
    weft_var outputs[2];
    CHECK_OK(weft_ctx_create(NULL, &ctx));
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_var x = weft_input(g, "x", &shape);
    weft_output(g, weft_dropout(g, x, .5), "kept");
    weft_output(g, weft_dropout(g, x, 0), "zero");
    const weft_twin_opt opt = { .kept = (const bool[]){ true, false } };
    weft_moves moves;
    CHECK_OK(weft_graph_clone_training(ctx, g, &opt, outputs, &moves, &training));
    ck_assert_int_eq(training->n_nodes, 1);
    ck_assert_int_eq(training->nodes[0].node.id, WEFT_OP_DROPOUT);
    weft_graph_destroy(training);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("drops");
    CHECK_CASE(suite, "share", a_share_is_dropped);
    CHECK_CASE(suite, "draws", draws_depend_on_seed_path_and_step);
    CHECK_CASE(suite, "paths", paths_are_dropped_by_image);
    CHECK_CASE(suite, "nothing", kept_and_zero_are_nothing);
    return check_main(suite, argv[0]);
}
