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

/* Example `index` of all; NULL: there are fewer. */
static const example *example_at(int index)
{
    static const example *const tables[] = { network_examples, training_examples, optimizer_examples };
    for (int t = 0; t < WEFT_COUNT(tables); t++)
        for (const example *e = tables[t]; e->count; e++)
            if (index-- == 0)
                return e;
    return NULL;
}

START_TEST(as_by_hand)
{
    const example *e = example_at(_i);
    weft_problem p;
    weft_device device;
    float numbers[WEFT_MAX_OUT][16], *got[WEFT_MAX_OUT];
    for (int o = 0; o < WEFT_MAX_OUT; o++)
        got[o] = numbers[o];
    char fault[256] = "";
    CHECK_OK(weft_problem_given(&p, e->id, &e->c, e->in, e->param));
    ck_assert_int_eq(weft_shape_count(&p.node.out[e->output]), e->count);
    for (int i = 0; i < e->count; i++)
        near(e, i, "the oracle", p.want[e->output][i]);

    weft_cpu cpu;
    weft_cpu_read(&cpu);
    CHECK_OK(rig_device(cpu.best, 2, &device));
    const weft_kernel *kernel = weft_select(&p.node, &device);
    const rig_setup setup = { RIG_SLICED, cpu.best, 2, RIG_APART, RIG_HOST_CACHES };
    ck_assert_msg(rig_run(&p, kernel, &setup, got, fault, sizeof fault), "%s: %s", kernel->name, fault);
    for (int i = 0; i < e->count; i++)
        near(e, i, kernel->name, (double)got[e->output][i]);
    weft_problem_release(&p);
}
END_TEST

START_TEST(every_op_has_one)
{
    bool seen[WEFT_OP_COUNT] = { false };
    for (int i = 0; example_at(i); i++)
        seen[example_at(i)->id] = true;
    for (int id = 0; id < WEFT_OP_COUNT; id++)
        ck_assert_msg(seen[id], "%s has no example", weft_op_get((weft_op_id)id)->name);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    int count = 0;
    while (example_at(count))
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
