/* SPDX-License-Identifier: Apache-2.0
 *
 * Small networks and data for the tests of training. */
#include "nets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "check/harness.h"

static weft_graph *build(weft_ctx *ctx, bool watched)
{
    weft_graph *g;
    CHECK_OK(weft_graph_create(ctx, &g));
    weft_var x = weft_input(g, "images", &(weft_shape){ .rank = 4, .dim = { TINY_N, TINY_SIDE, TINY_SIDE, TINY_C } });
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "conv", .out = 4, .kernel = 3, .bias = true });
    if (watched) {
        const weft_shape shape = { .rank = 1, .dim = { 4 } };
        const weft_var seen = weft_state(g, "seen/mean", &shape, WEFT_INIT_ONE);
        weft_moving_average(g, seen, weft_moments(g, x).mean, &(weft_moving_average_opt){ .momentum = .5 });
    }
    x = weft_flatten(g, weft_tanh(g, x));
    x = weft_dense(g, x, &(weft_dense_opt){ .name = "dense", .out = TINY_CLASSES });
    weft_output(g, weft_softmax(g, x), "classes");
    CHECK_OK(weft_graph_status(g));
    return g;
}

weft_graph *tiny_network(weft_ctx *ctx)
{
    return build(ctx, false);
}

weft_graph *tiny_network_watched(weft_ctx *ctx)
{
    return build(ctx, true);
}

void tiny_data(float *images, int32_t *labels)
{
    const weft_shape shape = { .rank = 4, .dim = { TINY_N, TINY_SIDE, TINY_SIDE, TINY_C } };
    CHECK_OK(weft_seed_images(1, &shape, -1, 1, images));
    for (int i = 0; i < TINY_N; i++)
        labels[i] = i * 3 % TINY_CLASSES;
}

weft_ctx *open_ctx(int threads)
{
    weft_ctx *ctx;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .device = "cpu", .threads = threads }, &ctx));
    return ctx;
}

void seed_trainer(weft_ctx *ctx, const weft_graph *network, weft_trainer *trainer)
{
    weft_model *model;
    CHECK_OK(weft_model_create(ctx, network, &(weft_model_opt){ .store = weft_trainer_store(trainer) }, &model));
    CHECK_OK(weft_model_seed(model, 1));
    weft_model_destroy(model);
}

void toy_data(int n, int side, int classes, float *images, int32_t *labels)
{
    const uint64_t pattern = weft_rng_stream("toy/pattern"), noise = weft_rng_stream("toy/noise");
    for (int i = 0; i < n; i++) {
        const int label = i % classes, dx = i / classes % 3 - 1, dy = i / classes / 3 % 3 - 1;
        labels[i] = label;
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                const int sy = (y + dy + side) % side * 6 / side, sx = (x + dx + side) % side * 6 / side;
                const double ink = weft_rng_uniform(1, pattern, (uint64_t)((label * 6 + sy) * 6 + sx)) > .5 ? 1 : -1;
                const uint64_t at = (uint64_t)((i * side + y) * side + x);
                images[at] = (float)(ink + weft_rng_uniform(1, noise, at) - .5);
            }
        }
    }
}

int golden_row(const char *file, const char *name, double *numbers, int room)
{
    char path[512], line[4096];
    snprintf(path, sizeof path, "%s/train/%s", WEFT_TESTS_DIR, file);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s is missing", path);
    int count = 0;
    while (fgets(line, sizeof line, f)) {
        const size_t n = strlen(name);
        if (strncmp(line, name, n) != 0 || line[n] != ' ')
            continue;
        char *at = line + n, *end;
        for (; count < room; count++, at = end) {
            const double v = strtod(at, &end);
            if (end == at)
                break;
            numbers[count] = v;
        }
        break;
    }
    fclose(f);
    return count;
}

weft_graph *ranks_network(weft_ctx *ctx, int batch, bool norm)
{
    weft_graph *g;
    if (weft_graph_create(ctx, &g))
        return NULL;
    weft_var x = weft_input(g, "images", &(weft_shape){ .rank = 4, .dim = { batch, TINY_SIDE, TINY_SIDE, TINY_C } });
    x = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "conv", .out = 4, .kernel = 3, .bias = !norm });
    x = norm ? weft_batch_norm(g, x, &(weft_batch_norm_opt){ .name = "norm" }) : weft_drop_path(g, x, .3);
    x = weft_tanh(g, x);
    if (norm) { /* with what goes into norms and their gradients */
        weft_var y = weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "a", .out = 4, .kernel = 3 });
        y = weft_relu(g, weft_batch_norm(g, y, &(weft_batch_norm_opt){ .name = "a/norm", .no_gamma = true }));
        y = weft_conv2d(g, y, &(weft_conv2d_opt){ .name = "b", .out = 4, .kernel = 3, .groups = 4 });
        y = weft_batch_norm(g, y, &(weft_batch_norm_opt){ .name = "b/norm", .unbiased = true });
        x = weft_relu(g, weft_add(g, y, x));
    }
    x = weft_flatten(g, x);
    x = weft_dense(g, x, &(weft_dense_opt){ .name = "hidden", .out = 33 });
    x = weft_dropout(g, weft_tanh(g, x), norm ? 0 : .4);
    x = weft_dense(g, x, &(weft_dense_opt){ .name = "dense", .out = TINY_CLASSES });
    weft_output(g, weft_softmax(g, x), "classes");
    return g;
}
