/* SPDX-License-Identifier: Apache-2.0
 *
 * OpenBLAS's number of threads belongs to the host program: it is one while products of weft run and afterwards what
 * it was, also when several threads run weft at once, or when the host changes it meanwhile.
 *
 *   op-blas LIBRARY     the stand-in for OpenBLAS, which takes the place of the real one by being loaded first */
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#include "check/harness.h"
#include "cpu/blas.h"
#include "op/case.h"
#include "openblas_double.h"
#include "rig.h"

enum { HOSTS = 5, OTHER = 7, ROWS = 300, COLUMNS = 300 };

static struct {
    void (*set)(int), (*set_meanwhile)(int);
    int (*get)(void), (*calls)(void), (*astray)(void);
} blas;

static void find(void *library, const char *name, void *function)
{
    void *const at = dlsym(library, name);
    memcpy(function, &at, sizeof at);
}

static bool load(const char *path)
{
    void *const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return false;
    find(library, "openblas_set_num_threads", &blas.set);
    find(library, "openblas_get_num_threads", &blas.get);
    find(library, "openblas_double_set_meanwhile", &blas.set_meanwhile);
    find(library, "openblas_double_calls", &blas.calls);
    find(library, "openblas_double_astray", &blas.astray);
    return blas.set && blas.get && blas.set_meanwhile && blas.calls && blas.astray;
}

static const weft_op_case product = {
    .name = "product", .n_in = 1, .in = { WEFT_NC(ROWS, 20) }, .opt = &(const weft_dense_opt){ .out = COLUMNS }
};

/* Products on `threads` threads; the faults are the caller's to judge. */
static bool run(int threads, char *fault, size_t size)
{
    static float got[4][ROWS * COLUMNS]; /* of each caller */
    weft_problem problem;
    float *const to[WEFT_MAX_OUT] = { got[threads] };
    const rig_setup setup = { RIG_DENSE, WEFT_ISA_PORTABLE, threads, RIG_APART, RIG_HOST_CACHES };
    bool ok = weft_problem_make(&problem, WEFT_OP_DENSE, &product, WEFT_VALUES_UNIT, check_seed()) == WEFT_OK;
    if (ok) {
        const char *const reason = weft_cpu_dense_openblas.refuse(&problem.node, &(weft_device){
            .isa = WEFT_ISA_PORTABLE });
        if (reason) {
            snprintf(fault, size, "%s", reason);
            ok = false;
        }
        ok = ok && rig_run(&problem, &weft_cpu_dense_openblas, &setup, to, fault, size);
    }
    weft_problem_release(&problem);
    return ok;
}

START_TEST(the_hosts_threads_are_put_back)
{
    char fault[256] = "";
    blas.set(HOSTS);
    for (int threads = 1; threads <= 3; threads++) {
        const int before = blas.calls();
        ck_assert_msg(run(threads, fault, sizeof fault), "%s", fault);
        ck_assert_int_gt(blas.calls(), before);
        ck_assert_int_eq(blas.astray(), 0);
        ck_assert_int_eq(blas.get(), HOSTS);
    }
}
END_TEST

static void *run_often(void *arg)
{
    char fault[256];
    bool ok = true;
    for (int i = 0; i < 20; i++)
        ok = run(*(const int *)arg, fault, sizeof fault) && ok;
    return ok ? NULL : arg;
}

START_TEST(several_at_once)
{
    int threads[] = { 1, 2, 3 };
    pthread_t thread[3];
    blas.set(HOSTS);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&thread[i], NULL, run_often, &threads[i]), 0);
    for (int i = 0; i < 3; i++) {
        void *failed;
        ck_assert_int_eq(pthread_join(thread[i], &failed), 0);
        ck_assert_ptr_null(failed);
    }
    ck_assert_int_eq(blas.astray(), 0);
    ck_assert_int_eq(blas.get(), HOSTS);
}
END_TEST

START_TEST(what_the_host_sets_meanwhile_stays)
{
    char fault[256] = "";
    blas.set(HOSTS);
    blas.set_meanwhile(OTHER);
    ck_assert_msg(run(1, fault, sizeof fault), "%s", fault);
    blas.set_meanwhile(0);
    ck_assert_int_eq(blas.get(), OTHER);
}
END_TEST

int main(int argc, char **argv)
{
    if (!WEFT_OPENBLAS) {
        printf("%s: built without OpenBLAS\n", argv[0]);
        return 0;
    }
    if (argc != 2 || !load(argv[1])) {
        fprintf(stderr, "%s: the stand-in for OpenBLAS cannot be loaded\n", argv[0]);
        return 1;
    }
    Suite *suite = suite_create("blas");
    CHECK_CASE(suite, "blas", the_hosts_threads_are_put_back, several_at_once, what_the_host_sets_meanwhile_stays);
    const int status = check_main(suite, argv[0]);
    rig_close();
    return status;
}
