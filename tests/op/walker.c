/* SPDX-License-Identifier: Apache-2.0
 *
 * Walks every op, kernel, case and ISA of this machine, and holds each kernel against the double oracle. Nothing here
 * names an op or a kernel: both come from list.def and the kernel lists.
 *
 *   op-walker [-v] [-s SHARD/SHARDS] [op[/kernel[/case]]]   patterns as for file names: 'conv2d/?*pointwise/1x1?*'
 *
 * A shard has every SHARDS-th op, so that the longest test of the suite uses every core of a machine.
 * A kernel that no case reaches fails the suite, unless a better ISA than this machine's would reach it, which is
 * said. -v says how much of its tolerance each kernel used. */
#include <fnmatch.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/harness.h"
#include "rig.h"

enum { MAX_KERNELS = 32, MAX_SHOWN = 12 };

static struct {
    char op[64], kernel[128], name[128]; /* patterns */
    int shard, shards;
    bool all, verbose;
    const char *program;
    char doing[512]; /* for a crash */
} walk = { .op = "*", .kernel = "*", .name = "*", .shards = 1, .all = true };

typedef struct tally {
    const weft_kernel *kernel;
    bool reached, elsewhere; /* on this machine; on one with the best ISA there is */
    int runs, faults;
    double share;
} tally;

static void repeat_line(char *buf, size_t size, const weft_node *n, const weft_kernel *kernel)
{
    snprintf(buf, size, "WEFT_TEST_SEED=%" PRIu64 " CK_FORK=no %s '%s/%s/%s'", check_seed(), walk.program, n->op->name,
             kernel->name, strchr(n->name, '/') + 1);
}

static void report(void *user, const weft_problem *problem, const weft_kernel *kernel, const rig_setup *setup,
                   const char *fault)
{
    static const char *const values[WEFT_VALUES_COUNT] = { "unit", "wide", "special" };
    char where[128], again[512];
    int *shown = user;
    if ((*shown)++ >= MAX_SHOWN)
        return;
    repeat_line(again, sizeof again, &problem->node, kernel);
    fprintf(stderr, "FAILED %s, %s, %s, values %s, seed %" PRIu64 ": %s\n  repeat: %s\n", problem->node.name,
            kernel->name, rig_setup_text(setup, where, sizeof where), values[problem->values], check_seed(), fault,
            again);
}

#if !defined(__SANITIZE_ADDRESS__) /* which reports crashes itself */
/* A kernel that reads or writes past its memory dies at the edge page: say who. */
static void on_crash(int number)
{
    static const char text[] = "CRASHED in\n  repeat: ";
    ssize_t done = write(STDERR_FILENO, text, sizeof text - 1);
    done += write(STDERR_FILENO, walk.doing, strlen(walk.doing));
    done += write(STDERR_FILENO, "\n", 1);
    signal(number, SIG_DFL);
    raise(done > 0 ? number : SIGABRT);
}
#endif

static bool accepts(const weft_kernel *kernel, const weft_node *node, weft_isa isa, weft_math math)
{
    weft_device device;
    ck_assert_int_eq(rig_device(isa, 2, &device), WEFT_OK);
    device.math = math;
    return !kernel->refuse || kernel->refuse(node, &device) == NULL;
}

/* Sanitized, kernels are up to ten times as slow: then those that take the best ISA are not walked on the others, which
 * are the same sources with other vectors; the fences around all memory hold without sanitizers, too. */
static bool is_walked(const weft_kernel *kernel, const weft_node *node, weft_isa isa, weft_isa best)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    if (isa != WEFT_ISA_REF && isa != best && accepts(kernel, node, best, WEFT_MATH_FAST))
        return false;
#else
    (void)best;
#endif
    return accepts(kernel, node, isa, WEFT_MATH_FAST);
}

static void walk_kernel(const weft_problem *problem, tally *t, bool is_ref, weft_isa best, int *shown)
{
    const weft_node *n = &problem->node;
    /* The reference is the same on all: once is enough. */
    for (weft_isa isa = is_ref ? best : WEFT_ISA_REF; isa <= best; isa++) {
        if (!weft_isa_is_native(isa) || !is_walked(t->kernel, n, isa, best))
            continue;
        ck_assert_msg(t->kernel->error_factor <= 1 || !accepts(t->kernel, n, isa, WEFT_MATH_STRICT),
                      "%s: asks for %g times the tolerance of %s, and takes %s though math is strict", t->kernel->name,
                      t->kernel->error_factor, n->op->name, n->name);
        repeat_line(walk.doing, sizeof walk.doing, n, t->kernel);
        t->reached = true;
        t->runs++;
        t->faults += rig_check(problem, t->kernel, isa, report, shown, &t->share);
    }
    t->elsewhere = t->elsewhere || accepts(t->kernel, n, WEFT_ISA_COUNT - 1, WEFT_MATH_FAST);
}

static void walk_case(weft_op_id id, const weft_op_case *c, tally *tallies, int count, weft_isa best, int *shown)
{
    bool apply[WEFT_VALUES_COUNT] = { true };
    for (weft_values values = WEFT_VALUES_UNIT; values < WEFT_VALUES_COUNT; values++) {
        weft_problem problem;
        if (!apply[values])
            continue;
        const weft_status status = weft_problem_make(&problem, id, c, values, check_seed());
        ck_assert_msg(status == WEFT_OK, "%s/%s cannot be made: %s", weft_op_get(id)->name, c->name, weft_error());
        if (values == WEFT_VALUES_UNIT)
            for (weft_values v = WEFT_VALUES_UNIT + 1; v < WEFT_VALUES_COUNT; v++)
                apply[v] = weft_values_apply(&problem, v);
        for (int k = 0; k < count; k++)
            if (fnmatch(walk.kernel, tallies[k].kernel->name, 0) == 0)
                walk_kernel(&problem, &tallies[k], k == count - 1, best, shown);
        weft_problem_release(&problem);
    }
}

static void tell(const tally *tallies, int count, int *unreached)
{
    for (int k = 0; k < count; k++) {
        const tally *t = &tallies[k];
        if (walk.verbose && t->runs)
            printf("%-36s %5d checks %4d faults, uses %.3f of its tolerance\n", t->kernel->name, t->runs, t->faults,
                   t->share);
        if (!walk.all || t->reached)
            continue;
        if (t->elsewhere) {
            printf("%s: not run, it needs a better ISA than this machine's\n", t->kernel->name);
            continue;
        }
        fprintf(stderr, "FAILED %s: no case reaches it\n", t->kernel->name);
        ++*unreached;
    }
}

START_TEST(walk_op)
{
    const weft_op_id id = (weft_op_id)_i;
    const weft_op *op = weft_op_get(id);
    const weft_kernel *const *list = weft_cpu_kernels[id];
    tally tallies[MAX_KERNELS] = { { .kernel = NULL } };
    weft_cpu cpu;
    int count = 0, shown = 0, faults = 0, unreached = 0;
    if (fnmatch(walk.op, op->name, 0) != 0 || _i % walk.shards != walk.shard)
        return;
    weft_cpu_read(&cpu);
    for (; list[count]; count++) {
        ck_assert_int_lt(count, MAX_KERNELS);
        tallies[count].kernel = list[count];
    }
    for (const weft_op_case *c = op->cases; c->name; c++)
        if (!c->large && fnmatch(walk.name, c->name, 0) == 0)
            walk_case(id, c, tallies, count, cpu.best, &shown);
    for (int k = 0; k < count; k++)
        faults += tallies[k].faults;
    tell(tallies, count, &unreached);
    if (shown > MAX_SHOWN)
        fprintf(stderr, "  and %d more faults of %s\n", shown - MAX_SHOWN, op->name);
    ck_assert_msg(faults == 0, "%s: %d faults", op->name, faults);
    ck_assert_msg(unreached == 0, "%s: %d kernels that no case reaches", op->name, unreached);
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

/* "SHARD/SHARDS", from 0. */
static void shard(const char *text)
{
    char *end;
    walk.shard = (int)strtol(text, &end, 10);
    walk.shards = *end == '/' ? (int)strtol(end + 1, &end, 10) : 0;
    if (*end || walk.shard < 0 || walk.shard >= walk.shards) {
        fprintf(stderr, "%s: -s wants SHARD/SHARDS, as 0/2, not \"%s\"\n", walk.program, text);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    walk.program = argv[0];
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-v") == 0)
            walk.verbose = true;
        else if (strcmp(argv[i], "-s") == 0 && i + 1 < argc)
            shard(argv[++i]);
        else
            parse(argv[i]);
    }
#if !defined(__SANITIZE_ADDRESS__)
    signal(SIGSEGV, on_crash);
    signal(SIGBUS, on_crash);
    signal(SIGFPE, on_crash);
    signal(SIGILL, on_crash);
#endif

    Suite *suite = suite_create("op-walker");
    TCase *tcase = tcase_create("walk");
    tcase_set_timeout(tcase, 0);
    tcase_add_loop_test(tcase, walk_op, 0, WEFT_OP_COUNT);
    suite_add_tcase(suite, tcase);
    const int status = check_main(suite, argv[0]);
    rig_close();
    return status;
}
