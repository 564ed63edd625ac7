/* SPDX-License-Identifier: Apache-2.0
 *
 * The op walker's own test: kernels with one fault each, which it must report, and a right one, which it must not. Each
 * computes relu with the reference and then spoils something. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "check/harness.h"
#include "check/compare.h"
#include "cpu/ref/ref.h"
#include "op/activation.h"
#include "rig.h"

static const weft_op_case relu_case = { .name = "faults",
                                        .n_in = 1,
                                        .in = { { 4, { 2, 3, 5, 17 } } },
                                        .opt = &(const weft_activation_opt){ .act = WEFT_ACT_RELU } };

static const weft_exactness plain = { 0 };

static void run_ref(const weft_call *call)
{
    ck_assert_int_eq(weft_cpu_activation_ref.run(call), WEFT_OK);
}

static float *out_of(const weft_call *call)
{
    return call->out[0].data;
}

static weft_status right(const weft_call *call)
{
    run_ref(call);
    return WEFT_OK;
}

/* Ten times what is allowed, on the last element. */
static weft_status wrong_value(const weft_call *call)
{
    run_ref(call);
    float *last = ref_row(&call->out[0], weft_shape_rows(&call->node->out[0]) - 1) + 16;
    *last += 10 * (float)weft_tolerance(call->node, &plain) * fmaxf(1, *last);
    return WEFT_OK;
}

static weft_status unwritten(const weft_call *call)
{
    const float before = out_of(call)[5];
    run_ref(call);
    out_of(call)[5] = before;
    return WEFT_OK;
}

/* Into the gap between two rows, or the fence; what stands there is not 0. */
static weft_status beyond_row(const weft_call *call)
{
    run_ref(call);
    if (call->out[0].ld > 17)
        out_of(call)[17] = 0;
    return WEFT_OK;
}

static weft_status beyond_end(const weft_call *call)
{
    run_ref(call);
    if (call->out[0].ld > 17) /* at the edge it would be a crash */
        ref_row(&call->out[0], weft_shape_rows(&call->node->out[0]) - 1)[17 + 5] = 0;
    return WEFT_OK;
}

static weft_status before_start(const weft_call *call)
{
    run_ref(call);
    out_of(call)[-1] = 0;
    return WEFT_OK;
}

/* The gap's NaN times 0 reaches a channel. */
static weft_status reads_gap(const weft_call *call)
{
    const float *x = call->in[0].data;
    const float gap = call->in[0].ld > 17 ? x[17] : 0;
    run_ref(call);
    out_of(call)[16] += 0 * gap;
    return WEFT_OK;
}

static weft_status changes_input(const weft_call *call)
{
    float *x = call->in[0].data;
    run_ref(call);
    x[3] = -x[3];
    return WEFT_OK;
}

static weft_status depends_on_threads(const weft_call *call)
{
    run_ref(call);
    if (call->device->threads > 2)
        out_of(call)[0] = nextafterf(out_of(call)[0], 2);
    return WEFT_OK;
}

static weft_status depends_on_place(const weft_call *call)
{
    run_ref(call);
    if (call->out[0].data == call->in[0].data)
        out_of(call)[0] = nextafterf(out_of(call)[0], 2);
    return WEFT_OK;
}

static weft_status gives_up(const weft_call *call)
{
    (void)call;
    return weft_fail(WEFT_UNSUPPORTED, "no reason");
}

/* Scratch that a run finds as another left it: the first byte counts. */
static weft_status want_scratch(const weft_node *node, weft_plan *plan)
{
    (void)node;
    plan->scratch = 100;
    plan->thread_scratch = 60;
    return WEFT_OK;
}

static weft_status reads_scratch(const weft_call *call)
{
    float first;
    memcpy(&first, call->scratch, sizeof first);
    run_ref(call);
    out_of(call)[0] += first;
    return WEFT_OK;
}

static weft_status beyond_scratch(const weft_call *call)
{
    run_ref(call);
    memset(call->scratch, 0, 101);
    return WEFT_OK;
}

/* Before the first: behind the last it would be a crash at the edge. */
static weft_status beyond_thread_scratch(const weft_call *call)
{
    run_ref(call);
    ((unsigned char *)call->thread_scratch)[-1] = 0;
    return WEFT_OK;
}

static weft_status want_packed(const weft_node *node, weft_plan *plan)
{
    (void)node;
    plan->packed = 8;
    return WEFT_OK;
}

static weft_status pack_right(const weft_call *call)
{
    memset(call->packed, 0, call->packed_bytes);
    return WEFT_OK;
}

static weft_status pack_beyond(const weft_call *call)
{
    memset(call->packed, 0, call->packed_bytes + 1);
    return WEFT_OK;
}

static weft_status pack_beyond_scratch(const weft_call *call)
{
    memset(call->scratch, 0, 9);
    return pack_right(call);
}

static weft_status want_pack_scratch(const weft_node *node, weft_plan *plan)
{
    plan->pack_scratch = 8;
    return want_packed(node, plan);
}

static weft_status changes_packed(const weft_call *call)
{
    run_ref(call);
    ((unsigned char *)call->packed)[7]++;
    return WEFT_OK;
}

static const struct {
    weft_kernel kernel;
    const char *expected; /* part of the report; NULL: none */
} rows[] = {
    { { .name = "right", .run = right, .inplace = WEFT_INPLACE_IN0 }, NULL },
    { { .name = "right_scratch", .run = right, .prepare = want_scratch }, NULL },
    { { .name = "right_packed", .run = right, .prepare = want_packed, .pack = pack_right }, NULL },
    { { .name = "wrong_value", .run = wrong_value }, "row 29, channel 16 is" },
    { { .name = "unwritten", .run = unwritten }, "channel 5 is" },
    { { .name = "beyond_row", .run = beyond_row }, "outside of the channels of: output 0" },
    { { .name = "beyond_end", .run = beyond_end }, "outside of the channels of: output 0" },
    { { .name = "before_start", .run = before_start }, "outside of the channels of: output 0" },
    { { .name = "reads_gap", .run = reads_gap }, "channel 16 is" },
    { { .name = "changes_input", .run = changes_input }, "run changes: input 0" },
    { { .name = "depends_on_threads", .run = depends_on_threads }, "other bits than with one thread" },
    { { .name = "depends_on_place", .run = depends_on_place, .inplace = WEFT_INPLACE_IN0 }, "other bits than apart" },
    { { .name = "gives_up", .run = gives_up }, "run fails: no reason" },
    { { .name = "reads_scratch", .run = reads_scratch, .prepare = want_scratch }, "channel 0 is" },
    { { .name = "beyond_scratch", .run = beyond_scratch, .prepare = want_scratch }, "beyond its scratch" },
    { { .name = "beyond_thread_scratch", .run = beyond_thread_scratch, .prepare = want_scratch },
      "beyond its threads' scratch" },
    { { .name = "pack_beyond", .run = right, .prepare = want_packed, .pack = pack_beyond },
      "pack writes beyond the packed" },
    { { .name = "pack_beyond_scratch", .run = right, .prepare = want_pack_scratch, .pack = pack_beyond_scratch },
      "pack writes beyond its scratch" },
    { { .name = "changes_packed", .run = changes_packed, .prepare = want_packed, .pack = pack_right },
      "run changes the packed" },
    { { .name = "no_pack", .run = right, .prepare = want_packed }, "but there is no pack" },
};

typedef struct heard {
    const char *expected;
    bool found;
    char first[256];
} heard;

static void listen(void *user, const weft_problem *problem, const weft_kernel *kernel, const rig_setup *setup,
                   const char *fault)
{
    heard *h = user;
    (void)problem, (void)kernel, (void)setup;
    if (!h->first[0])
        snprintf(h->first, sizeof h->first, "%s", fault);
    h->found = h->found || (h->expected && strstr(fault, h->expected));
}

START_TEST(each_fault_is_reported)
{
    weft_problem problem;
    heard h = { .expected = rows[_i].expected };
    double share = 0;
    CHECK_OK(weft_problem_make(&problem, WEFT_OP_ACTIVATION, &relu_case, WEFT_VALUES_UNIT, check_seed()));
    const int faults = rig_check(&problem, &rows[_i].kernel, WEFT_ISA_REF, listen, &h, &share);
    weft_problem_release(&problem);
    if (h.expected)
        ck_assert_msg(h.found, "%s: no report has \"%s\"; the first of %d is \"%s\"", rows[_i].kernel.name, h.expected,
                      faults, h.first);
    else
        ck_assert_msg(faults == 0, "%s: reported as \"%s\"", rows[_i].kernel.name, h.first);
}
END_TEST

/* The bounds themselves: a tenth of the tolerance passes, ten times does not, for each error class. */
START_TEST(tolerance_is_not_vacuous)
{
    static const weft_op_id ids[] = { WEFT_OP_ADD, WEFT_OP_CONV2D, WEFT_OP_SOFTMAX, WEFT_OP_SQUEEZE_EXCITE };
    for (int i = 0; i < WEFT_COUNT(ids); i++) {
        weft_problem p;
        CHECK_OK(weft_problem_make(&p, ids[i], &weft_op_get(ids[i])->cases[0], WEFT_VALUES_UNIT, check_seed()));
        const weft_node *n = &p.node;
        const int64_t count = weft_shape_count(&n->out[0]), at = count / 2;
        const double tolerance = weft_tolerance(n, &plain);
        float *got = weft_arena_array(&p.arena, (size_t)count, sizeof *got);
        ck_assert_ptr_nonnull(got);
        for (int64_t j = 0; j < count; j++)
            got[j] = (float)p.want[0][j];
        ck_assert(weft_compare(n, &plain, got, p.want[0], count).ok);
        ck_assert_msg(tolerance > 0 && tolerance < 1e-4, "%s: tolerance %g", n->name, tolerance);

        const double allowed = weft_compare(n, &plain, &got[at], &p.want[0][at], 1).allowed;
        got[at] = (float)(p.want[0][at] + 10 * allowed);
        /* Alone its size is its own; in the tensor the others' count too. */
        ck_assert(!weft_compare(n, &plain, &got[at], &p.want[0][at], 1).ok);
        double sum = 0;
        for (int64_t j = 0; j < count; j++)
            sum += p.want[0][j] * p.want[0][j];
        const double size = fmax(sqrt(sum / (double)count), fabs(p.want[0][at]));
        got[at] = (float)(p.want[0][at] + 10 * tolerance * size);
        const weft_comparison found = weft_compare(n, &plain, got, p.want[0], count);
        ck_assert(!found.ok && found.index == at);
        const weft_exactness lax = { .error_factor = 20 }; /* a kernel may ask for more */
        ck_assert(weft_compare(n, &lax, got, p.want[0], count).ok);
        got[at] = (float)(p.want[0][at] + .1 * tolerance * size);
        ck_assert(weft_compare(n, &plain, got, p.want[0], count).ok);
        got[at] = NAN;
        ck_assert(!weft_compare(n, &plain, got, p.want[0], count).ok);
        weft_problem_release(&p);
    }
}
END_TEST

START_TEST(exact_means_every_bit)
{
    weft_problem p;
    const weft_op_case *c = weft_op_get(WEFT_OP_DROPOUT)->cases;
    CHECK_OK(weft_problem_make(&p, WEFT_OP_DROPOUT, c, WEFT_VALUES_UNIT, check_seed()));
    const int64_t count = weft_shape_count(&p.node.out[0]);
    ck_assert(weft_compare(&p.node, &plain, p.in[0], p.want[0], count).ok);
    p.in[0][7] = nextafterf(p.in[0][7], 9);
    const weft_exactness lax = { .error_factor = 100 };
    const weft_comparison found = weft_compare(&p.node, &lax, p.in[0], p.want[0], count);
    ck_assert(!found.ok && found.index == 7);
    weft_problem_release(&p);
}
END_TEST

/* Same seed, same numbers; another seed, others. */
START_TEST(numbers_come_from_the_seed)
{
    weft_problem p[3];
    for (int i = 0; i < 3; i++)
        CHECK_OK(weft_problem_make(&p[i], WEFT_OP_ACTIVATION, &relu_case, WEFT_VALUES_UNIT, i < 2 ? 7 : 8));
    const size_t bytes = (size_t)weft_shape_count(&p[0].node.in[0]) * sizeof(float);
    ck_assert_int_eq(memcmp(p[0].in[0], p[1].in[0], bytes), 0);
    ck_assert_int_ne(memcmp(p[0].in[0], p[2].in[0], bytes), 0);
    for (int i = 0; i < 3; i++)
        weft_problem_release(&p[i]);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("op-faults");
    TCase *tcase = tcase_create("faults");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, each_fault_is_reported, 0, WEFT_COUNT(rows));
    suite_add_tcase(suite, tcase);
    CHECK_CASE(suite, "compare", tolerance_is_not_vacuous, exact_means_every_bit, numbers_come_from_the_seed);
    const int status = check_main(suite, argv[0]);
    rig_close();
    return status;
}
