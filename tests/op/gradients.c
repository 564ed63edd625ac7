/* SPDX-License-Identifier: Apache-2.0
 *
 * Every op's gradient against differences of the op itself, both in double by the oracle kernels. Nothing here chooses
 * ops or cases: both come from list.def and the tables of cases. Of each case a graph is made and differentiated, for
 * the sum over y of dy * y with a random dy; then, for each input and own parameter x that is trained:
 *
 *   coordinates   (L(x + h e) - L(x - h e)) / 2h against dL/dx[i], at a few i, h = 1e-5 max(1, |x[i]|)
 *   directions    the same along a random direction d, against <dL/dx, d>: all coordinates at once
 *   adjoint       where y is affine in x, <f(x + d) - f(x - d), dy> / 2 = <d, dL/dx> for a long d, to rounding
 *
 *   op-gradients [-v] [op[/case]]     patterns as for file names; -v tells of each op */
#include <float.h>
#include <fnmatch.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "check/harness.h"
#include "check/interpret.h"
#include "graph/grad.h"

#define STEP 1e-5
#define TOLERANCE 1e-7 /* h^2 times a third derivative; 1e-9 is what most ops reach */
#define ROUNDING 1e-11 /* of sums of some thousand terms */

enum { MAX_X = WEFT_CASE_IN + WEFT_MAX_PARAM, COORDINATES = 6, DIRECTIONS = 2 };

/* Ops through which no gradient goes, beside those that no network has or that change states in place. */
static const struct {
    weft_op_id op;
    const char *why;
} closed[] = {
    { WEFT_OP_GRADIENT_NORM, "is of gradients" },
    { WEFT_OP_CLIP, "is of gradients" },
    { WEFT_OP_ONE_HOT, "reads labels" },
    { WEFT_OP_HITS, "counts" },
    { WEFT_OP_MOMENTS, "feeds states alone" },
};

enum { SCALE = 2 }; /* input of losses: dx is so many times the gradient */

/* Inputs through which none goes though they hold numbers: bits by input. */
static const struct {
    weft_op_id op;
    unsigned inputs;
    const char *why;
} fixed[] = {
    { WEFT_OP_CROSS_ENTROPY, 1 << 1 | 1 << SCALE, "targets and scales are data" },
    { WEFT_OP_BCE, 1 << 1 | 1 << SCALE, "targets and scales are data" },
    { WEFT_OP_RBF_CRITERION, 1 << 1 | 1 << SCALE, "targets and scales are data" },
};

static struct {
    char op[64], name[128]; /* patterns */
    bool all, verbose;
    weft_ctx *ctx;
    int cases, coordinates, directions, adjoints;
} walk = { .op = "*", .name = "*", .all = true };

/* ---- one case ---- */

typedef struct subject {
    const weft_op_case *c;
    weft_graph *graph;
    weft_interpreter run;
    int32_t n_forward; /* nodes */
    weft_var y, dy;    /* dy null: y is a loss */
    weft_var scale;    /* of the loss's gradient; null: 1 */
    weft_var x[MAX_X], dx[MAX_X];
    int n_x;
    char label[192]; /* "conv2d/3x3" */
    double *plus, *minus;
    double worst; /* error as a share of the tolerance */
} subject;

static int64_t count_of(const subject *s, weft_var var)
{
    return weft_shape_count(&s->graph->values[var.id].shape);
}

static bool is_fixed(weft_op_id op, int input)
{
    for (int i = 0; i < WEFT_COUNT(fixed); i++)
        if (fixed[i].op == op && fixed[i].inputs >> input & 1)
            return true;
    return false;
}

static bool is_scalar(const weft_shape *shape)
{
    return shape->rank == 1 && shape->dim[0] == 1;
}

static void build(subject *s, weft_op_id op)
{
    const weft_op_case *c = s->c;
    weft_var in[WEFT_CASE_IN];
    CHECK_OK(weft_graph_create(walk.ctx, &s->graph));
    for (int i = 0; i < c->n_in; i++) {
        char name[16];
        const bool index = i == 0 && weft_op_get(op)->types & WEFT_TYPES_INDEX_IN0;
        snprintf(name, sizeof name, "in%d", i);
        in[i] = weft_input_of(s->graph, name, index ? WEFT_I32 : WEFT_F32, &c->in[i]);
        if (!index && !is_fixed(op, i))
            s->x[s->n_x++] = in[i];
        if (i == SCALE && is_fixed(op, i))
            s->scale = in[i];
    }
    s->y = weft_graph_append(s->graph, op, c->opt, in, c->n_in);
    CHECK_OK(weft_graph_status(s->graph));
    s->n_forward = s->graph->n_nodes;
    for (int32_t p = 0; p < s->graph->n_params; p++)
        if (!s->graph->params[p].spec.statistic)
            s->x[s->n_x++] = (weft_var){ s->graph->params[p].value };
    const weft_shape y = weft_var_shape(s->graph, s->y);
    if (!is_scalar(&y))
        s->dy = weft_input(s->graph, "dy", &y);
    const weft_status status = weft_graph_grad(s->graph, &s->y, &s->dy, 1, s->x, s->n_x, s->dx);
    ck_assert_msg(status == WEFT_OK, "%s: cannot be differentiated: %s", s->label, weft_error());
    CHECK_OK(weft_interpreter_make(&s->run, s->graph));
    s->plus = calloc((size_t)count_of(s, s->y), sizeof *s->plus);
    s->minus = calloc((size_t)count_of(s, s->y), sizeof *s->minus);
    ck_assert(s->plus && s->minus);
}

static void release(subject *s)
{
    free(s->plus);
    free(s->minus);
    weft_interpreter_release(&s->run);
    weft_graph_destroy(s->graph);
}

/* ---- numbers ---- */

static uint64_t stream_of(const subject *s, const char *what, int index)
{
    char name[256];
    snprintf(name, sizeof name, "%s/%s%d", s->label, what, index);
    return weft_rng_stream(name);
}

/* Where activations and maxima have kinks, none of which a value may be near. */
static double off_kinks(double v)
{
    static const double kink[] = { -3, -1, 0, 1, 3, 6 };
    for (int i = 0; i < WEFT_COUNT(kink); i++)
        if (fabs(v - kink[i]) < 20 * STEP)
            return kink[i] + (v < kink[i] ? -20 : 20) * STEP;
    return v;
}

/* Values on both sides of all kinks, no two of them equal or near, so that no step changes which one is the largest:
 * a grid, shuffled, stretched. */
static void draw_input(double *to, int64_t count, uint64_t stream)
{
    for (int64_t i = 0; i < count; i++) {
        const double t = (2 * ((double)i + .5) / (double)count - 1) * 1.75;
        const int64_t j = (int64_t)(weft_rng_uniform(check_seed(), stream, (uint64_t)i) * (double)(i + 1));
        to[i] = to[j];
        to[j] = off_kinks(t * (1 + t * t));
    }
}

static void draw_range(double *to, int64_t count, uint64_t stream, double low, double high)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = low + (high - low) * weft_rng_uniform(check_seed(), stream, (uint64_t)i);
}

static void draw_param(const subject *s, int32_t index)
{
    const weft_param *param = &s->graph->params[index];
    const weft_param_spec *spec = &param->spec;
    double *to = s->run.value[param->value];
    const int64_t count = weft_shape_count(&spec->shape);
    const double high = spec->init != WEFT_INIT_ZERO && spec->fan_in > 0 ? sqrt(3. / (double)spec->fan_in) : .5;
    const bool positive = spec->init == WEFT_INIT_ONE;
    draw_range(to, count, stream_of(s, "param", index), positive ? .5 : -high, positive ? 1.5 : high);
    for (int64_t i = 0; i < count && spec->values; i++)
        to[i] = (double)spec->values[i];
}

static void draw(const subject *s)
{
    for (int32_t i = 0; i < s->graph->n_inputs; i++) {
        const int32_t value = s->graph->inputs[i];
        const weft_shape *shape = &s->graph->values[value].shape;
        const int64_t count = weft_shape_count(shape);
        const uint64_t stream = stream_of(s, "in", i);
        if (s->graph->values[value].dtype == WEFT_I32)
            for (int64_t j = 0; j < count; j++)
                ((int32_t *)s->run.value[value])[j] =
                    (int32_t)(weft_rng_uniform(check_seed(), stream, (uint64_t)j) * s->c->classes);
        else if (value == s->dy.id || (i < s->c->n_in && s->c->positive >> i & 1))
            draw_range(s->run.value[value], count, stream, value == s->dy.id ? -1.5 : .5, 1.5);
        else
            draw_input(s->run.value[value], count, stream);
    }
    for (int32_t p = 0; p < s->graph->n_params; p++)
        draw_param(s, p);
}

/* ---- differences ---- */

/* y where x is moved by h d (d NULL: by h, in coordinate i alone). x is put back bit by bit. */
static void moved(const subject *s, weft_var x, const double *d, int64_t i, double h, double *y)
{
    double *v = weft_interpreter_value(&s->run, x);
    const int64_t count = d ? count_of(s, x) : 1;
    double *old = malloc((size_t)count * sizeof *old);
    ck_assert(old != NULL);
    v = d ? v : v + i;
    memcpy(old, v, (size_t)count * sizeof *old);
    for (int64_t j = 0; j < count; j++)
        v[j] += h * (d ? d[j] : 1);
    CHECK_OK(weft_interpreter_run(&s->run, 0, s->n_forward));
    memcpy(y, weft_interpreter_value(&s->run, s->y), (size_t)count_of(s, s->y) * sizeof *y);
    memcpy(v, old, (size_t)count * sizeof *old);
    free(old);
}

/* The sum of dy * (plus - minus), scaled. */
static double weighted(const subject *s)
{
    const double *dy = s->dy.id ? weft_interpreter_value(&s->run, s->dy) : NULL;
    double sum = 0;
    for (int64_t j = 0; j < count_of(s, s->y); j++)
        sum += (dy ? dy[j] : 1) * (s->plus[j] - s->minus[j]);
    return s->scale.id ? sum * weft_interpreter_value(&s->run, s->scale)[0] : sum;
}

static double dot(const double *a, const double *b, int64_t count)
{
    double sum = 0;
    for (int64_t i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

/* What the difference of two y that are rounded errs by, over a step of h to both sides. */
static double rounding(const subject *s, double h)
{
    const double *dy = s->dy.id ? weft_interpreter_value(&s->run, s->dy) : NULL;
    double sum = 0;
    for (int64_t j = 0; j < count_of(s, s->y); j++)
        sum += (dy ? dy[j] * dy[j] : 1) * s->plus[j] * s->plus[j];
    return DBL_EPSILON * sqrt(sum) / h;
}

static void judge(subject *s, int k, const char *what, int64_t i, double is, double want, double size, double allowed)
{
    const double share = fabs(is - want) <= 1e-300 ? 0 : fabs(is - want) / allowed;
    s->worst = share > s->worst ? share : s->worst;
    ck_assert_msg(share <= 1, "%s: gradient of input %d, %s %lld: is %.12g, differences say %.12g (of size %.3g)\n"
                              "  repeat: WEFT_TEST_SEED=%llu CK_FORK=no op-gradients '%s'", s->label, k, what,
                  (long long)i, is, want, size, (unsigned long long)check_seed(), s->label);
}

static void check_coordinate(subject *s, int k, const double *dx, int64_t i, double size)
{
    const double x = weft_interpreter_value(&s->run, s->x[k])[i], h = STEP * fmax(1, fabs(x));
    moved(s, s->x[k], NULL, i, h, s->plus);
    moved(s, s->x[k], NULL, i, -h, s->minus);
    const double want = weighted(s) / (2 * h), is = dx ? dx[i] : 0;
    judge(s, k, "coordinate", i, is, want, size, TOLERANCE * fmax(fmax(fabs(is), fabs(want)), size) + rounding(s, h));
    walk.coordinates++;
}

/* Along a random d; then, where y is affine in x, the same with a step of 1. */
static void check_direction(subject *s, int k, const double *dx, int index, double size, double *d)
{
    const int64_t count = count_of(s, s->x[k]), outputs = count_of(s, s->y);
    draw_range(d, count, stream_of(s, "direction", 10 * k + index), -1, 1);
    const double is = dx ? dot(dx, d, count) : 0, length = sqrt(dot(d, d, count));
    moved(s, s->x[k], d, 0, STEP, s->plus);
    moved(s, s->x[k], d, 0, -STEP, s->minus);
    judge(s, k, "direction", index, is, weighted(s) / (2 * STEP), size,
          TOLERANCE * fmax(fabs(is), size * length) + rounding(s, STEP));
    walk.directions++;

    moved(s, s->x[k], d, 0, 0, s->plus);
    double *middle = malloc((size_t)outputs * sizeof *middle);
    ck_assert(middle != NULL);
    memcpy(middle, s->plus, (size_t)outputs * sizeof *middle);
    moved(s, s->x[k], d, 0, 1, s->plus);
    moved(s, s->x[k], d, 0, -1, s->minus);
    double bend = 0, most = 0;
    for (int64_t j = 0; j < outputs; j++) {
        bend = fmax(bend, fabs(s->plus[j] - 2 * middle[j] + s->minus[j]));
        most = fmax(most, fabs(s->plus[j]) + fabs(s->minus[j]));
    }
    free(middle);
    if (bend > 1e-13 * most || !isfinite(most))
        return;
    judge(s, k, "adjoint", index, is, weighted(s) / 2, size,
          ROUNDING * fmax(fabs(is), size * length) + rounding(s, 1));
    walk.adjoints++;
}

/* What the backward nodes say, which steps may overwrite (a loss computes its gradient forwards); NULL: nothing. */
static double *gradient(const subject *s, int k)
{
    const size_t bytes = (size_t)count_of(s, s->x[k]) * sizeof(double);
    double *copy = s->dx[k].id ? malloc(bytes) : NULL;
    if (!copy)
        return NULL;
    CHECK_OK(weft_interpreter_run(&s->run, 0, s->graph->n_nodes));
    return memcpy(copy, weft_interpreter_value(&s->run, s->dx[k]), bytes);
}

static void check_input(subject *s, int k)
{
    const int64_t count = count_of(s, s->x[k]);
    double *const dx = gradient(s, k), *const d = malloc((size_t)count * sizeof *d);
    ck_assert(d != NULL);
    const double size = dx ? sqrt(dot(dx, dx, count) / (double)count) : 0;
    if (dx)
        ck_assert_msg(weft_shape_equal(&s->graph->values[s->dx[k].id].shape, &s->graph->values[s->x[k].id].shape),
                      "%s: the gradient of input %d has not its shape", s->label, k);
    const uint64_t stream = stream_of(s, "coordinate", k);
    for (int n = 0; n < COORDINATES; n++) {
        const int64_t any = (int64_t)(weft_rng_uniform(check_seed(), stream, (uint64_t)n) * (double)count);
        if (n < count)
            check_coordinate(s, k, dx, n == 0 ? 0 : n == 1 ? count - 1 : any, size);
    }
    for (int n = 0; n < DIRECTIONS; n++)
        check_direction(s, k, dx, n, size, d);
    free(d);
    free(dx);
}

static double check_gradients(weft_op_id op, const weft_op_case *c)
{
    subject s = { .c = c };
    snprintf(s.label, sizeof s.label, "%s/%s", weft_op_get(op)->name, c->name);
    build(&s, op);
    draw(&s);
    for (int k = 0; k < s.n_x; k++)
        check_input(&s, k);
    release(&s);
    walk.cases++;
    return s.worst;
}

/* ---- all ops ---- */

static const char *reason(weft_op_id op)
{
    for (int i = 0; i < WEFT_COUNT(closed); i++)
        if (closed[i].op == op)
            return closed[i].why;
    return NULL;
}

START_TEST(gradient_of_op)
{
    const weft_op_id id = (weft_op_id)_i;
    const weft_op *op = weft_op_get(id);
    const int before = walk.cases;
    double worst = 0;
    if (weft_op_kinds[id] != WEFT_NETWORK || fnmatch(walk.op, op->name, 0) != 0)
        return;
    ck_assert_msg(!op->grad == (reason(id) != NULL), "%s: %s", op->name,
                  op->grad ? "has a gradient, and a reason to have none: mend the table in this file"
                           : "has no gradient, and no reason to have none stands in this file");
    for (const weft_op_case *c = op->cases; c->name && op->grad; c++)
        if (!c->large && fnmatch(walk.name, c->name, 0) == 0)
            worst = fmax(worst, check_gradients(id, c));
    if (walk.verbose && op->grad)
        printf("%-20s %3d cases, uses %.3f of its tolerance\n", op->name, walk.cases - before, worst);
}
END_TEST

START_TEST(enough_of_them)
{
    printf("%d cases: %d coordinates, %d directions, %d adjoint identities\n", walk.cases, walk.coordinates,
           walk.directions, walk.adjoints);
    ck_assert_msg(!walk.all || walk.cases >= 200, "%d cases, expected 200 or more", walk.cases);
}
END_TEST

static void parse(const char *pattern)
{
    const char *slash = strchr(pattern, '/');
    walk.all = false;
    snprintf(walk.op, sizeof walk.op, "%.*s", slash ? (int)(slash - pattern) : (int)strlen(pattern), pattern);
    if (slash)
        snprintf(walk.name, sizeof walk.name, "%s", slash + 1);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            walk.verbose = true;
        else
            parse(argv[i]);
    }
    if (setenv("CK_FORK", "no", 1) != 0 || weft_ctx_create(NULL, &walk.ctx) != WEFT_OK) /* counts stay in one process */
        return 1;
    Suite *suite = suite_create("op-gradients");
    TCase *tcase = tcase_create("gradients");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, gradient_of_op, 0, WEFT_OP_COUNT);
    tcase_add_test(tcase, enough_of_them);
    suite_add_tcase(suite, tcase);
    const int status = check_main(suite, argv[0]);
    weft_ctx_destroy(walk.ctx);
    return status;
}
