/* SPDX-License-Identifier: Apache-2.0
 *
 * Pointwise convolutions and dense layers by OpenBLAS (blas.h). The library is opened when a node first asks for it, so
 * that weft neither depends on it nor pays for its start; a build with WEFT_OPENBLAS off never looks for it.
 * OpenBLAS runs on one thread: the parallelism is the pool's, over blocks of rows and columns whose size does not
 * depend on the number of threads, so that neither do the bits. Its number of threads is the process's, so it is the
 * host program's own again when our last product is done. */
#include "cpu/blas.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

enum { ROWS = 128, COLUMNS = 256, ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };

typedef void (*sgemm_fn)(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha, const float *a,
                         int lda, const float *b, int ldb, float beta, float *c, int ldc);

/* Written once, before anybody reads it; the same for the whole process. */
static struct {
    pthread_once_t once;
    sgemm_fn sgemm;
    void (*set_threads)(int);
    int (*get_threads)(void);
    const char *missing;
} library = { .once = PTHREAD_ONCE_INIT };

/* Who holds OpenBLAS to one thread, and how many the host program had before. */
static struct {
    pthread_mutex_t mutex;
    int users, before;
} hold = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void hold_threads(void)
{
    pthread_mutex_lock(&hold.mutex);
    if (hold.users++ == 0) {
        hold.before = library.get_threads();
        library.set_threads(1);
    }
    pthread_mutex_unlock(&hold.mutex);
}

static void release_threads(void)
{
    pthread_mutex_lock(&hold.mutex);
    if (--hold.users == 0 && library.get_threads() == 1) /* otherwise the host has changed its mind meanwhile */
        library.set_threads(hold.before);
    pthread_mutex_unlock(&hold.mutex);
}

/* A function from an object pointer, as POSIX has it. */
static void symbol(void *handle, const char *name, void *function)
{
    void *const at = dlsym(handle, name);
    memcpy(function, &at, sizeof at);
}

static void open_library(void)
{
    void *handle = WEFT_OPENBLAS ? dlopen("libopenblas.so.0", RTLD_LAZY | RTLD_LOCAL) : NULL;

    library.missing = WEFT_OPENBLAS ? "libopenblas.so.0 not found" : "built without OpenBLAS";
    if (!handle)
        return;
    symbol(handle, "openblas_set_num_threads", &library.set_threads);
    symbol(handle, "openblas_get_num_threads", &library.get_threads);
    symbol(handle, "cblas_sgemm", &library.sgemm);
    library.missing = "libopenblas.so.0 lacks cblas_sgemm or the control of its threads";
    if (!library.sgemm || !library.set_threads || !library.get_threads) {
        dlclose(handle);
        return;
    }
    hold_threads();
    library.missing = library.get_threads() == 1 ? NULL : "libopenblas.so.0 does not run on one thread";
    release_threads();
}

static const char *refuse(const weft_node *node, const weft_device *device)
{
    enum { LIMIT = 1 << 30 }; /* its sizes are int */
    if (device->isa == WEFT_ISA_REF)
        return "isa ref: only reference kernels";
    if (device->isa > WEFT_ISA_PORTABLE)
        return "this instruction set has tiles of our own, which are faster";
    for (int i = 0; i < node->n_param; i++)
        if (weft_shape_count(weft_node_param(node, i)) > LIMIT)
            return "weights beyond the range of OpenBLAS";
    pthread_once(&library.once, open_library);
    return library.missing;
}

static const char *conv2d_refuse(const weft_node *node, const weft_device *device)
{
    const weft_conv2d_opt *o = node->opt;
    const weft_pad none = { 0, 0, 0, 0 };
    if (o->groups != 1)
        return "grouped: only convolutions of one group";
    if (o->kernel_h != 1 || o->kernel_w != 1 || o->stride_h != 1 || o->stride_w != 1 ||
        memcmp(&o->pad, &none, sizeof none) != 0)
        return "not a 1x1 convolution of stride 1 without padding";
    return refuse(node, device);
}

/* ---- running ---- */

typedef struct job {
    const weft_call *call;
    int64_t rows, depth, columns;
    int64_t shares; /* of the columns */
} job;

/* C = bias + residual, C += A B', C = act(C), for one block of rows and columns. */
static void item(void *arg, int64_t index, int thread)
{
    const job *j = arg;
    const weft_node *node = j->call->node;
    const weft_view *x = &j->call->in[0], *y = &j->call->out[0];
    const weft_view *residual = node->epi.residual ? &j->call->in[node->n_in - 1] : NULL;
    const float *wt = weft_call_param(j->call, 0), *bias = weft_call_param(j->call, 1);
    const int64_t row = index / j->shares * ROWS, column = index % j->shares * COLUMNS;
    const int64_t rows = j->rows - row < ROWS ? j->rows - row : ROWS;
    const int64_t columns = j->columns - column < COLUMNS ? j->columns - column : COLUMNS;
    float *c = (float *)y->data + row * y->ld + column;
    (void)thread;

    for (int64_t i = 0; i < rows; i++) {
        const float *r = residual ? (const float *)residual->data + (row + i) * residual->ld + column : NULL;
        for (int64_t k = 0; k < columns; k++)
            c[i * y->ld + k] = (bias ? bias[column + k] : 0) + (r ? r[k] : 0);
    }
    library.sgemm(ROW_MAJOR, NO_TRANSPOSE, TRANSPOSE, (int)rows, (int)columns, (int)j->depth, 1,
                  (const float *)x->data + row * x->ld, (int)x->ld, wt + column * j->depth, (int)j->depth, 1, c,
                  (int)y->ld);
    if (node->epi.act == WEFT_ACT_NONE)
        return;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < columns; k++)
            c[i * y->ld + k] = (float)weft_act_eval(node->epi.act, (double)c[i * y->ld + k]);
}

static weft_status run(const weft_call *call)
{
    const weft_node *node = call->node;
    job j = { .call = call, .rows = weft_shape_rows(&node->out[0]) };
    j.depth = weft_shape_channels(&node->in[0]);
    j.columns = weft_shape_channels(&node->out[0]);
    j.shares = (j.columns + COLUMNS - 1) / COLUMNS;
    hold_threads();
    weft_pool_run(call->device->pool, (j.rows + ROWS - 1) / ROWS * j.shares, item, &j);
    release_threads();
    return WEFT_OK;
}

const weft_kernel weft_cpu_conv2d_openblas = {
    .name = "cpu.conv2d.openblas",
    .refuse = conv2d_refuse,
    .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};

const weft_kernel weft_cpu_dense_openblas = {
    .name = "cpu.dense.openblas",
    .refuse = refuse,
    .run = run,
    .inplace = WEFT_INPLACE_RESIDUAL,
};
