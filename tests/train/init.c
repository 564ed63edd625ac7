/* SPDX-License-Identifier: Apache-2.0
 *
 * What initialisers draw, against the definitions of the papers, PyTorch and Keras: deviation and bound, for a
 * convolution of 5 x 3 over 32 channels, one of 4 groups, and a dense layer. */
#include <math.h>
#include <string.h>

#include "check/harness.h"
#include "nets.h"

enum { OUT = 48, AREA = 15, IN = 32, GROUPS = 4, COUNT = OUT * AREA * IN };

/* Keras: a normal truncated at two deviations, widened so that its deviation is what is asked for. */
static const double WIDER = 1 / .87962566103423978;

static const struct {
    const char *name;
    weft_init init;
    double deviation[3], bound[3]; /* conv, grouped, dense; 0: unbounded */
} rows[] = {
    /* keras he_normal: fan-in is kernel area times the channels that one filter reads. */
    { "HE_NORMAL", WEFT_INIT_HE_NORMAL, { 0.0645497224368, 0.129099444874, .25 },
      { 2 * 0.0645497224368, 2 * 0.129099444874, .5 } },
    /* torch.nn.init.kaiming_normal_(mode="fan_out"): kernel area times all outputs, of groups as well. */
    { "HE_NORMAL_OUT", WEFT_INIT_HE_NORMAL_OUT, { 0.0527046276695, 0.0527046276695, 0.204124145232 }, { 0 } },
    /* keras glorot_uniform: bound sqrt(6 / (fan-in + fan-out)), deviation bound / sqrt(3). */
    { "GLOROT_UNIFORM", WEFT_INIT_GLOROT_UNIFORM, { 0, 0, 0 },
      { 0.0707106781187, 0.141421356237, 0.273861278753 } },
    { "LECUN_UNIFORM", WEFT_INIT_LECUN_UNIFORM, { 0, 0, 0 }, { .005, .02, .075 } },
    { "NORMAL", WEFT_INIT_NORMAL, { .01, .01, .01 }, { 0 } },
    /* keras VarianceScaling(2, "fan_out", "truncated_normal"), of grouped ones a group's. */
    { "FAN_OUT_NORMAL", WEFT_INIT_FAN_OUT_NORMAL, { 0.0527046276695, 0.105409255339, 0.204124145232 },
      { 2 * 0.0527046276695, 2 * 0.105409255339, 2 * 0.204124145232 } },
    /* keras VarianceScaling(1/3, "fan_out", "uniform"). */
    { "UNIFORM_FAN_OUT", WEFT_INIT_UNIFORM_FAN_OUT, { 0, 0, 0 },
      { 0.0372677996250, 0.0745355992500, 0.144337567297 } },
};

static void check_drawn(weft_model *model, const char *name, int64_t count, double deviation, double bound)
{
    static float w[COUNT];
    double sum = 0, squares = 0, most = 0;
    const bool truncated = deviation > 0 && bound > 0;
    CHECK_OK(weft_model_get_param(model, name, w, count));
    for (int64_t i = 0; i < count; i++) {
        sum += (double)w[i];
        squares += (double)w[i] * (double)w[i];
        most = fmax(most, fabs((double)w[i]));
    }
    const double want = deviation > 0 ? deviation : bound / sqrt(3), got = sqrt(squares / (double)count);
    const double limit = truncated ? bound * WIDER : bound, slack = 5 / sqrt((double)count);
    ck_assert_msg(fabs(sum / (double)count) <= slack * want, "%s: the mean is %g", name, sum / (double)count);
    ck_assert_msg(fabs(got / want - 1) <= slack, "%s: the deviation is %g, expected %g", name, got, want);
    if (bound > 0)
        ck_assert_msg(most <= limit * 1.000001 && most > limit * .97, "%s: the largest is %g, expected nearly %g", name,
                      most, limit);
    else
        ck_assert_msg(most > 2.8 * want, "%s: the largest is %g, nothing is cut off", name, most);
}

START_TEST(as_defined)
{
    const weft_init init = rows[_i].init;
    const double scale = init == WEFT_INIT_NORMAL ? .01 : 0;
    weft_ctx *ctx = open_ctx(2);
    weft_graph *g;
    weft_model *model;
    CHECK_OK(weft_graph_create(ctx, &g));
    const weft_var x = weft_input(g, "x", &(weft_shape){ .rank = 4, .dim = { 1, 4, 4, IN } });
    weft_output(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "whole", .out = OUT, .kernel_h = 5, .kernel_w = 3,
                                                         .init = init, .init_scale = scale }), "a");
    weft_output(g, weft_conv2d(g, x, &(weft_conv2d_opt){ .name = "groups", .out = OUT, .kernel_h = 5, .kernel_w = 3,
                                                         .groups = GROUPS, .init = init, .init_scale = scale }), "b");
    weft_output(g, weft_dense(g, weft_global_avg_pool2d(g, x), &(weft_dense_opt){ .name = "dense", .out = OUT,
                                                                                  .init = init, .init_scale = scale }),
                "c");
    CHECK_OK(weft_model_create(ctx, g, NULL, &model));
    CHECK_OK(weft_model_init(model, 3));
    check_drawn(model, "whole/weight", COUNT, rows[_i].deviation[0], rows[_i].bound[0]);
    check_drawn(model, "groups/weight", COUNT / GROUPS, rows[_i].deviation[1], rows[_i].bound[1]);
    check_drawn(model, "dense/weight", (int64_t)OUT * IN, rows[_i].deviation[2], rows[_i].bound[2]);
    weft_model_destroy(model);
    weft_graph_destroy(g);
    weft_ctx_destroy(ctx);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("train-init");
    TCase *each = tcase_create("each");
    (void)argc;
    tcase_add_loop_test(each, as_defined, 0, (int)(sizeof rows / sizeof *rows));
    suite_add_tcase(suite, each);
    return check_main(suite, argv[0]);
}
