/* SPDX-License-Identifier: Apache-2.0
 *
 * The examples worked by hand. The walker holds kernels against the oracle; this holds the oracle, and the first
 * kernel that takes the node, against pencil and paper. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/harness.h"
#include "examples.h"
#include "rig.h"

static void near(const example *e, int i, const char *who, double got)
{
    ck_assert_msg(fabs(got - e->want[i]) <= 1e-6 * fmax(1, fabs(e->want[i])),
                  "%s/%s: element %d of %s is %.9g, not %.9g", weft_op_get(e->id)->name, e->c.name, i, who, got,
                  e->want[i]);
}

START_TEST(as_by_hand)
{
    const example *e = &examples[_i];
    weft_problem p;
    weft_device device;
    float *got[WEFT_MAX_OUT] = { (float[16]){ 0 }, (float[16]){ 0 } };
    char fault[256] = "";
    CHECK_OK(weft_problem_given(&p, e->id, &e->c, e->in, e->param));
    ck_assert_int_eq(weft_shape_count(&p.node.out[0]), e->count);
    for (int i = 0; i < e->count; i++)
        near(e, i, "the oracle", p.want[0][i]);

    weft_cpu cpu;
    weft_cpu_read(&cpu);
    CHECK_OK(rig_device(cpu.best, 2, &device));
    const weft_kernel *kernel = weft_select(&p.node, &device);
    const rig_setup setup = { RIG_SLICED, cpu.best, 2, RIG_APART, RIG_HOST_CACHES };
    ck_assert_msg(rig_run(&p, kernel, &setup, got, fault, sizeof fault), "%s: %s", kernel->name, fault);
    for (int i = 0; i < e->count; i++)
        near(e, i, kernel->name, (double)got[0][i]);
    weft_problem_release(&p);
}
END_TEST

START_TEST(every_op_has_one)
{
    bool seen[WEFT_OP_COUNT] = { false };
    for (int i = 0; examples[i].count; i++)
        seen[examples[i].id] = true;
    for (int id = 0; id < WEFT_OP_COUNT; id++)
        ck_assert_msg(seen[id], "%s has no example", weft_op_get((weft_op_id)id)->name);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    int count = 0;
    while (examples[count].count)
        count++;
    Suite *suite = suite_create("op-examples");
    TCase *tcase = tcase_create("examples");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, as_by_hand, 0, count);
    suite_add_tcase(suite, tcase);
    CHECK_CASE(suite, "all", every_op_has_one);
    const int status = check_main(suite, argv[0]);
    rig_close();
    return status;
}
