/* SPDX-License-Identifier: Apache-2.0
 *
 * Whole networks against PyTorch and Keras: the logits of two small images, computed by those frameworks in double
 * precision with the same parameters (golden.h, written by make_golden.py; the frameworks are not needed here).
 *
 * Parameters and images follow a rule that any language can repeat to the bit: number e of array i is
 * u(i, e) in [-1, 1), an integer hash of both; a weight is u * sqrt(6 / fan_in), with fan_in all dimensions but the
 * first; biases, betas and means are u / 5; gammas g + g * u / 4, with g from
 * golden.h; variances 1 + u / 2; counts 0. Images are array -1: u, or
 * 128 + 100 u for networks that take pixels as they are. */
#include "check/harness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weft/weft.h>

#include "golden.h"

enum { COUNT = sizeof goldens / sizeof *goldens };

static double unit(uint32_t array, uint32_t element)
{
    uint32_t h = element * UINT32_C(0x9e3779b1) + (array + 1) * UINT32_C(0x7feb352d);
    h ^= h >> 16;
    h *= UINT32_C(0x846ca68b);
    h ^= h >> 13;
    h *= UINT32_C(0x5bd1e995);
    h ^= h >> 15;
    return (double)(h >> 8) / 8388608. - 1;
}

static float *fill(uint32_t array, int64_t count, double middle, double scale)
{
    float *data = malloc((size_t)count * sizeof *data);
    ck_assert_ptr_nonnull(data);
    for (int64_t e = 0; e < count; e++)
        data[e] = (float)(middle + scale * unit(array, (uint32_t)e));
    return data;
}

static void set_params(weft_model *model, double gamma)
{
    for (int i = 0; i < weft_model_param_count(model); i++) {
        weft_param_info p;
        CHECK_OK(weft_model_param(model, i, &p));
        const char *slash = strrchr(p.name, '/'), *kind = slash ? slash + 1 : p.name;
        const int64_t count = weft_shape_count(&p.shape);
        double middle = 0, scale = .2;
        if (strcmp(kind, "weight") == 0)
            scale = sqrt(6. / (double)(count / p.shape.dim[0]));
        else if (strcmp(kind, "gamma") == 0)
            middle = gamma, scale = .25 * gamma;
        else if (strcmp(kind, "variance") == 0)
            middle = 1, scale = .5;
        else if (strcmp(kind, "count") == 0)
            scale = 0;
        float *data = fill((uint32_t)i, count, middle, scale);
        CHECK_OK(weft_model_set_param(model, p.name, data, count));
        free(data);
    }
}

/* |y - golden| / |golden| over the whole batch. */
static double distance(const golden *g, weft_math math, bool no_fusion)
{
    const weft_arch *arch = weft_arch_find(g->name, g->dialect);
    const int64_t pixels = (int64_t)GOLDEN_BATCH * g->px * g->px * 3;
    const bool raw = arch->preprocess == WEFT_PREPROCESS_NONE;
    weft_ctx *ctx;
    weft_graph *graph;
    weft_model *model;
    float y[GOLDEN_BATCH * GOLDEN_CLASSES];
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 2, .math = math }, &ctx));
    const weft_arch_opt opt = {
        .dialect = g->dialect, .batch = GOLDEN_BATCH, .px = g->px, .classes = GOLDEN_CLASSES, .no_softmax = true
    };
    CHECK_OK(weft_arch_build(ctx, g->name, &opt, &graph));
    CHECK_OK(weft_model_create(ctx, graph, &(weft_model_opt){ .no_fusion = no_fusion }, &model));
    set_params(model, g->gamma);
    float *x = fill(UINT32_MAX, pixels, raw ? 128 : 0, raw ? 100 : 1);
    CHECK_OK(weft_model_set_input(model, 0, x, (size_t)pixels * sizeof *x));
    CHECK_OK(weft_model_run(model));
    CHECK_OK(weft_model_get_output(model, 0, y, sizeof y));
    free(x);
    weft_model_destroy(model);
    weft_graph_destroy(graph);
    weft_ctx_destroy(ctx);

    double off = 0, size = 0;
    for (int i = 0; i < (int)(sizeof y / sizeof *y); i++) {
        off += ((double)y[i] - g->logits[i]) * ((double)y[i] - g->logits[i]);
        size += g->logits[i] * g->logits[i];
    }
    return sqrt(off / size);
}

static void hold(const golden *g, weft_math math, bool no_fusion, double most)
{
    const double d = distance(g, math, no_fusion);
    ck_assert_msg(d <= most, "%s (%s), math %d, no_fusion %d: logits are off by %.3g, %.3g allowed", g->name,
                  weft_dialect_name(g->dialect), math, no_fusion, d, most);
}

START_TEST(strict_is_the_framework)
{
    hold(&goldens[_i], WEFT_MATH_STRICT, false, 1e-5);
}
END_TEST

START_TEST(fast_is_nearly)
{
    hold(&goldens[_i], WEFT_MATH_FAST, false, 1e-4);
}
END_TEST

START_TEST(as_built_too)
{
    hold(&goldens[_i], WEFT_MATH_STRICT, true, 1e-5);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("arch_golden");
    TCase *tcase = tcase_create("golden");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, strict_is_the_framework, 0, COUNT);
    tcase_add_loop_test(tcase, fast_is_nearly, 0, COUNT);
    tcase_add_loop_test(tcase, as_built_too, 0, COUNT);
    suite_add_tcase(suite, tcase);
    return check_main(suite, argv[0]);
}
