/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs every CUDA kernel of weft on the CPU, in the emulator, on the ops' own cases, and holds it against the double
 * oracle: each type, dense and sliced tensors with fences around them, three orders of blocks and threads, in place
 * where that is promised. A launch that was compiled in and that no case reaches fails the suite.
 *
 *   cuda-kernels [-v] [-m MILLIONS] [op[/kernel[/case]]]    patterns as for file names
 *
 * -m leaves out cases with more operations, and does not ask what was reached; -v says how much of its tolerance each
 * kernel used. */
#include "kernels_direct.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/harness.h"
#include "check/compare.h"
#include "emu/control.h"
#include "lower.h"
#include "rig.h"
#include "typed.h"

enum { MAX_SHOWN = 12, SMALL = 30000 /* operations: cases below get every layout in every order */ };

static struct {
    char op[64], kernel[64], name[128]; /* patterns */
    bool all, verbose;
    double most; /* operations */
} walk = { .op = "*", .kernel = "*", .name = "*", .all = true, .most = 1e30 };

typedef enum layout { DENSE, WIDE, ODD, FROM_ODD, EDGE, LAYOUT_COUNT } layout;

/* Channels of the wider tensor before and after: WIDE keeps rows at multiples of 16 bytes, ODD does not. */
static const struct {
    const char *name;
    int in_before, in_after, out_before, out_after;
} layouts[LAYOUT_COUNT] = {
    [DENSE] = { "dense", 0, 0, 0, 0 },       [WIDE] = { "wide", 8, 16, 16, 8 }, [ODD] = { "odd", 3, 4, 3, 4 },
    [FROM_ODD] = { "from odd", 3, 4, 0, 0 }, [EDGE] = { "edge", 0, 0, 0, 0 },
};
static const char *const orders[EMU_ORDER_COUNT] = { "forward", "reverse", "shuffled" };

typedef struct setup {
    weft_dtype dtype, y_dtype;
    layout layout;
    emu_order order;
    int alias; /* input whose memory y is; -1: none */
} setup;

/* One problem with rounded numbers, and what it takes to judge a run. */
typedef struct trial {
    const lower_row *row;
    const weft_problem *problem;
    float *first, *got; /* of the first order in this layout, of this run */
    int64_t count;
    double share;
    int shown, runs, faults;
} trial;

static void report(trial *t, const setup *s, const char *format, ...) WEFT_PRINTF(3, 4);
static void report(trial *t, const setup *s, const char *format, ...)
{
    va_list args;
    t->faults++;
    if (t->shown++ >= MAX_SHOWN)
        return;
    fprintf(stderr, "FAILED %s by %s, %s to %s, %s, %s%s, seed %" PRIu64 ": ", t->problem->node.name, t->row->name,
            weft_dtype_name(s->dtype), weft_dtype_name(s->y_dtype), layouts[s->layout].name, orders[s->order],
            s->alias >= 0 ? ", in place" : "", check_seed());
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

#if !defined(__SANITIZE_ADDRESS__) /* which reports crashes itself */
/* A kernel that reads past its memory dies at the edge page: the last words say who. */
static char doing[256];
static void on_crash(int number)
{
    static const char text[] = "FAILED, it crashed: ";
    ssize_t done = write(STDERR_FILENO, text, sizeof text - 1);
    done += write(STDERR_FILENO, doing, strlen(doing));
    _exit(done > 0 && number ? 1 : 2);
}
#endif

/* ---- one run ---- */

typedef struct memory {
    typed_view in[WEFT_PROBLEM_IN], out;
    fence param[WEFT_MAX_PARAM], weight[WEFT_MAX_PARAM];
    weft_arena arena;
} memory;

/* What launchers take as views: the node's inputs without its own parameters; where the node has view k. */
static int views(const weft_node *n)
{
    return n->n_in - n->n_param;
}

static int node_input(const weft_node *n, int k)
{
    return k < weft_node_first_param(n) ? k : k + n->n_param;
}

static float *param_of(const weft_problem *p, int i)
{
    return p->in[weft_node_first_param(&p->node) + i];
}

static bool is_residual(const weft_node *n, int k)
{
    return n->epi.residual && k == views(n) - 1;
}

static bool make_memory(memory *m, const weft_problem *p, const setup *s)
{
    const weft_node *n = &p->node;
    bool ok = true;
    weft_arena_init(&m->arena, &weft_malloc_allocator);
    for (int k = 0; k < views(n); k++) {
        const bool like_out = k == s->alias || is_residual(n, k);
        const weft_shape *shape = &n->in[node_input(n, k)];
        ok = ok && typed_view_make(&m->in[k], is_residual(n, k) ? s->y_dtype : s->dtype, weft_shape_rows(shape),
                                   weft_shape_channels(shape),
                                   like_out ? layouts[s->layout].out_before : layouts[s->layout].in_before,
                                   like_out ? layouts[s->layout].out_after : layouts[s->layout].in_after,
                                   s->layout == EDGE, p->in[node_input(n, k)]);
    }
    if (s->alias >= 0)
        m->out = m->in[s->alias];
    else
        ok =
            ok && typed_view_make(&m->out, s->y_dtype, weft_shape_rows(&n->out[0]), weft_shape_channels(&n->out[0]),
                                  layouts[s->layout].out_before, layouts[s->layout].out_after, s->layout == EDGE, NULL);
    for (int i = 0; i < n->n_param; i++) {
        const int64_t count = weft_shape_count(weft_node_param(n, i));
        ok = ok && fence_make(&m->param[i], (size_t)count * 4, 64, false, GAP_BYTE) &&
             fence_make(&m->weight[i], (size_t)count * (s->dtype == WEFT_F32 ? 4 : 2), 64, false, GAP_BYTE);
        memcpy(m->param[i].data, param_of(p, i), (size_t)count * 4);
        for (int64_t j = 0; j < count; j++)
            typed_set(s->dtype, m->weight[i].data, j, (double)param_of(p, i)[j]);
    }
    return ok;
}

static void free_memory(memory *m, const weft_problem *p, const setup *s)
{
    for (int k = 0; k < views(&p->node); k++)
        typed_view_free(&m->in[k]);
    if (s->alias < 0)
        typed_view_free(&m->out);
    for (int i = 0; i < p->node.n_param; i++) {
        fence_free(&m->param[i]);
        fence_free(&m->weight[i]);
    }
    weft_arena_release(&m->arena);
}

static int launch(trial *t, memory *m, const setup *s)
{
    const weft_node *n = &t->problem->node;
    lower_call call = {
        .node = n, .dtype = s->dtype, .y_dtype = s->y_dtype, .out = typed_view_of(&m->out), .arena = &m->arena
    };
    for (int k = 0; k < views(n); k++)
        call.in[k] = typed_view_of(&m->in[k]);
    for (int i = 0; i < n->n_param; i++) {
        call.param[i] = (const float *)(const void *)m->param[i].data;
        call.weight[i] = m->weight[i].data;
    }
#if !defined(__SANITIZE_ADDRESS__)
    snprintf(doing, sizeof doing, "%s by %s, %s, %s\n", n->name, t->row->name, weft_dtype_name(s->dtype),
             layouts[s->layout].name);
#endif
    emu_clear();
    emu_set_order(s->order, check_seed());
    return t->row->run(&call);
}

static void look_around(trial *t, const memory *m, const setup *s)
{
    const weft_node *n = &t->problem->node;
    if (!typed_view_intact(&m->out))
        report(t, s, "wrote outside of the output's channels");
    for (int k = 0; k < views(n); k++)
        if (k != s->alias &&
            !(typed_view_intact(&m->in[k]) && typed_view_equal(&m->in[k], t->problem->in[node_input(n, k)])))
            report(t, s, "wrote to input %d", k);
    for (int i = 0; i < n->n_param; i++)
        if (!fence_intact(&m->param[i]) || !fence_intact(&m->weight[i]) ||
            memcmp(m->param[i].data, param_of(t->problem, i),
                   (size_t)weft_shape_count(weft_node_param(n, i)) * 4) != 0)
            report(t, s, "wrote to parameter %d", i);
}

static void judge(trial *t, const setup *s)
{
    const double tolerance = weft_tolerance(&t->problem->node, &(weft_exactness){ .error_factor = 1 });
    int64_t worst = 0;
    const double share = typed_compare(s->y_dtype, tolerance, t->got, t->problem->want[0], t->count, &worst);
    t->share = fmax(t->share, share);
    if (!(share <= 1))
        report(t, s, "element %" PRId64 " is %.9g, %.9g was expected: %.3g times what is allowed", worst,
               (double)t->got[worst], t->problem->want[0][worst], share);
    if (s->order == EMU_FORWARD)
        memcpy(t->first, t->got, (size_t)t->count * sizeof(float));
    else if (memcmp(t->first, t->got, (size_t)t->count * sizeof(float)) != 0)
        report(t, s, "not the bits of the forward order");
}

static void run(trial *t, const setup *s)
{
    memory m;
    ck_assert(make_memory(&m, t->problem, s));
    const int status = launch(t, &m, s);
    t->runs++;
    if (emu_fault()[0])
        report(t, s, "%s", emu_fault());
    else if (status == -2)
        report(t, s, "the pool's sums are not those of the output");
    else if (status != 0)
        report(t, s, "the launch returned %d", status);
    look_around(t, &m, s);
    if (status == 0) {
        typed_view_get(&m.out, t->got);
        judge(t, s);
    }
    free_memory(&m, t->problem, s);
}

/* ---- all runs of a case ---- */

static double operations(const weft_node *n)
{
    return weft_shape_count(&n->out[0]) * (double)(n->op->reduction ? n->op->reduction(n) : 1);
}

/* Small cases meet every layout in every order, others the orders dense and the layouts in an order that varies. */
static void run_all(trial *t, weft_dtype dtype, weft_dtype y_dtype)
{
    const bool small = operations(&t->problem->node) <= SMALL;
    for (layout l = DENSE; l < LAYOUT_COUNT; l++) {
        for (emu_order o = EMU_FORWARD; o < EMU_ORDER_COUNT; o++) {
            if (!small && l != DENSE && o != EMU_FORWARD)
                continue;
            if (!small && l == DENSE && o == EMU_REVERSE)
                continue;
            run(t, &(setup){ dtype, y_dtype, l, o, -1 });
        }
    }
    if (dtype != y_dtype)
        return;
    /* A residual may be y for every kernel that takes one. */
    const weft_node *n = &t->problem->node;
    const unsigned inplace = t->row->inplace | (n->epi.residual ? 1u << (views(n) - 1) : 0);
    for (int i = 0; i < views(n); i++)
        if (inplace >> i & 1)
            for (emu_order o = EMU_FORWARD; o < EMU_ORDER_COUNT; o++)
                run(t, &(setup){ dtype, y_dtype, o == EMU_SHUFFLED ? ODD : DENSE, o == EMU_SHUFFLED ? EMU_FORWARD : o,
                                 i });
}

static void round_all(weft_dtype dtype, const float *from, float *to, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        to[i] = (float)typed_round(dtype, (double)from[i]);
}

/* The same problem with inputs and weights that dtype can hold, so that the oracle sees what the kernel sees. */
static weft_status round_problem(weft_problem *out, const weft_problem *p, const weft_op_case *c, const lower_row *row,
                                 weft_dtype dtype, weft_dtype y_dtype)
{
    weft_arena arena;
    float *in[WEFT_PROBLEM_IN], *param[WEFT_MAX_PARAM];
    weft_arena_init(&arena, &weft_malloc_allocator);
    for (int k = 0; k < views(&p->node); k++) {
        const int i = node_input(&p->node, k);
        const int64_t count = weft_shape_count(&p->node.in[i]);
        in[k] = weft_arena_array(&arena, (size_t)count, sizeof(float));
        ck_assert_ptr_nonnull(in[k]);
        round_all(is_residual(&p->node, k) ? y_dtype : dtype, p->in[i], in[k], count);
    }
    for (int i = 0; i < p->node.n_param; i++) {
        const int64_t count = weft_shape_count(weft_node_param(&p->node, i));
        param[i] = weft_arena_array(&arena, (size_t)count, sizeof(float));
        ck_assert_ptr_nonnull(param[i]);
        round_all(row->rounded >> i & 1 ? dtype : WEFT_F32, param_of(p, i), param[i], count);
    }
    const weft_status status =
        weft_problem_given(out, p->node.id, c, (const float *const *)in, (const float *const *)param);
    weft_arena_release(&arena);
    return status;
}

static const weft_dtype types[] = { WEFT_F32, WEFT_F16, WEFT_BF16 };

static void try_types(trial *t, const weft_problem *p, const weft_op_case *c, weft_dtype dtype, weft_dtype y_dtype)
{
    weft_problem rounded;
    CHECK_OK(round_problem(&rounded, p, c, t->row, dtype, y_dtype));
    t->problem = &rounded;
    t->count = weft_shape_count(&rounded.node.out[0]);
    t->first = weft_arena_array(&rounded.arena, (size_t)t->count, sizeof(float));
    t->got = weft_arena_array(&rounded.arena, (size_t)t->count, sizeof(float));
    ck_assert(t->first && t->got);
    run_all(t, dtype, y_dtype);
    weft_problem_release(&rounded);
}

static void try_case(trial *t, const weft_op_case *c, weft_values values)
{
    weft_problem p;
    CHECK_OK(weft_problem_make(&p, t->row->op, c, values, check_seed()));
    const bool takes = (!t->row->takes || t->row->takes(&p.node)) && operations(&p.node) <= walk.most;
    for (int i = 0; takes && i < WEFT_COUNT(types); i++) {
        for (int j = 0; j < WEFT_COUNT(types); j++) {
            const bool same = i == j, widens = t->row->widens && types[j] == WEFT_F32;
            if (same || widens || (t->row->narrows && types[i] == WEFT_F32))
                try_types(t, &p, c, types[i], types[j]);
        }
    }
    bool more = takes && values == WEFT_VALUES_UNIT;
    bool apply[WEFT_VALUES_COUNT];
    for (weft_values v = WEFT_VALUES_UNIT; v < WEFT_VALUES_COUNT; v++)
        apply[v] = weft_values_apply(&p, v);
    weft_problem_release(&p);
    for (weft_values v = WEFT_VALUES_UNIT + 1; more && v < WEFT_VALUES_COUNT; v++)
        if (apply[v])
            try_case(t, c, v);
}

START_TEST(walk_kernels)
{
    trial t = { .row = &lower_table[_i] };
    const weft_op *op = weft_op_get(t.row->op);
    if (fnmatch(walk.op, op->name, 0) != 0 || fnmatch(walk.kernel, t.row->name, 0) != 0)
        return;
    emu_set_block_limit(256);
    for (const weft_op_case *c = op->cases; c->name; c++)
        if (!c->large && fnmatch(walk.name, c->name, 0) == 0)
            try_case(&t, c, WEFT_VALUES_UNIT);
    if (walk.verbose)
        printf("%-20s %-18s %6d runs %4d faults, uses %.3f of its tolerance\n", op->name, t.row->name, t.runs, t.faults,
               t.share);
    if (t.shown > MAX_SHOWN)
        fprintf(stderr, "  and %d more faults of %s by %s\n", t.shown - MAX_SHOWN, op->name, t.row->name);
    ck_assert_msg(t.faults == 0, "%s by %s: %d faults", op->name, t.row->name, t.faults);
}
END_TEST

static bool has_several_outputs(int id)
{
    weft_problem p;
    CHECK_OK(weft_problem_node(&p, (weft_op_id)id, weft_op_get((weft_op_id)id)->cases));
    const bool several = p.node.n_out > 1;
    weft_problem_release(&p);
    return several;
}

/* Ops without a row: what the backend takes apart, what has several outputs or integers or changes a state, what goes
 * with updates (files of their own have their launchers: kernels_store.c, kernels_norm.c, kernels_loss.c,
 * kernels_update.c). */
static bool is_elsewhere(int id)
{
    const weft_op *op = weft_op_get((weft_op_id)id);
    if (id == WEFT_OP_GRADIENT_NORM || id == WEFT_OP_CLIP)
        return true;
    return weft_op_kinds[id] != WEFT_NETWORK || op->types & WEFT_TYPES_INDEX_IN0 || has_several_outputs(id);
}

/* Every other op has a row, but those that the backend has no kernels for. */
START_TEST(every_op)
{
    for (int id = 0; id < WEFT_OP_COUNT; id++) {
        bool there = is_elsewhere(id) || !weft_op_on_devices[id];
        for (int i = 0; i < lower_count; i++)
            there = there || (int)lower_table[i].op == id;
        ck_assert_msg(there, "%s is computed by no kernel", weft_op_get((weft_op_id)id)->name);
    }
}
END_TEST

START_TEST(every_launch)
{
    int64_t runs, threads, switches;
    int missed = 0;
    for (int i = 0; emu_site(i, &runs) != NULL; i++) {
        if (runs == 0) {
            fprintf(stderr, "FAILED no case reaches %s\n", emu_site(i, &runs));
            missed++;
        }
    }
    emu_totals(&threads, &switches);
    if (walk.verbose)
        printf("%" PRId64 " threads, %" PRId64 " switches\n", threads, switches);
    ck_assert_msg(missed == 0, "%d launches that no case reaches", missed);
}
END_TEST

/* "op/kernel/case", each part optional. */
static void parse(const char *pattern)
{
    char *const parts[] = { walk.op, walk.kernel, walk.name };
    const size_t sizes[] = { sizeof walk.op, sizeof walk.kernel, sizeof walk.name };
    walk.all = false;
    for (int i = 0; i < 3 && pattern; i++) {
        const char *slash = i < 2 ? strchr(pattern, '/') : NULL;
        snprintf(parts[i], sizes[i], "%.*s", slash ? (int)(slash - pattern) : (int)strlen(pattern), pattern);
        pattern = slash ? slash + 1 : NULL;
    }
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            walk.verbose = true;
        else if (strcmp(argv[i], "-m") == 0 && i + 1 < argc)
            walk.most = 1e6 * strtod(argv[++i], NULL);
        else
            parse(argv[i]);
    }
#if !defined(__SANITIZE_ADDRESS__)
    signal(SIGSEGV, on_crash);
    signal(SIGBUS, on_crash);
#endif
    setenv("CK_FORK", "no", 1); /* the last test asks what the others reached */

    Suite *suite = suite_create("cuda-kernels");
    TCase *tcase = tcase_create("walk");
    tcase_set_timeout(tcase, 0);
    tcase_add_test(tcase, every_op);
    tcase_add_loop_test(tcase, walk_kernels, 0, lower_count);
    suite_add_tcase(suite, tcase);
    if (walk.all) {
        suite_add_tcase(suite, kernels_direct_case());
        suite_add_tcase(suite, kernels_loss_case());
        suite_add_tcase(suite, kernels_mma_case(walk.most >= 1e30));
    }
    suite_add_tcase(suite, kernels_pack_case());
    suite_add_tcase(suite, kernels_store_case());
    suite_add_tcase(suite, kernels_input_case());
    suite_add_tcase(suite, kernels_conv_grad_case(walk.most >= 1e30));
    if (walk.all || strcmp(walk.op, "sums") == 0)
        suite_add_tcase(suite, kernels_sums_case());
    suite_add_tcase(suite, kernels_norm_case(walk.op, walk.most > 1e4));
    if (walk.all || strcmp(walk.op, "update") == 0)
        suite_add_tcase(suite, kernels_update_case());
    if (walk.all && walk.most >= 1e30) {
        TCase *last = tcase_create("reach");
        tcase_add_test(last, every_launch);
        suite_add_tcase(suite, last);
    }
    const int status = check_main(suite, argv[0]);
    rig_close();
    return status;
}
