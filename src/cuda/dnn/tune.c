/* SPDX-License-Identifier: Apache-2.0
 *
 * Tuning: the first plans that build for a graph, in order of the heuristics, run on the card, and the fastest is kept
 * on disk as the graph's tuned one, which every later request for the graph is given. A plan is timed as it will run:
 * recorded, many times in a row, between two events. All that the request allows is as deterministic as before: which
 * engine runs is measured, what it computes is its own. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cuda/dnn/plan.h"

enum { RUNS = 16, ROUNDS = 7, FILL = 0x2e /* 0x2e2e is 0.097 in fp16, tiny in others */, ALIGN = 256 };

/* An engine further down the list must be faster by this to be taken for faster. */
static const double margin = .98;

typedef struct bench {
    const weft_vendor *vendor;
    weft_cuda_stream stream;
    weft_dnn_binding binding[WEFT_DNN_MAX_TENSOR];
    int count;
    char *memory;
    size_t used, limit; /* of memory: of the tensors; of the workspace behind them */
    weft_cuda_event start, end;
} bench;

static size_t bytes_of(const weft_dnn_tensor *t)
{
    int64_t last = 0;
    for (int i = 0; i < t->rank; i++)
        last += (t->dim[i] - 1) * t->stride[i];
    return weft_round_up((size_t)(last + 1) * weft_dtype_size(t->dtype), ALIGN);
}

/* Memory for all tensors and a workspace; no number in it is zero, since products of zeros are cheap. */
static weft_status open_bench(bench *b, const weft_dnn_graph *graph)
{
    const weft_vendor *v = b->vendor;
    for (int pass = 0; pass < 2; pass++) {
        b->used = 0;
        b->count = 0;
        for (int i = 0; i < graph->n_tensors; i++) {
            const weft_dnn_tensor *t = &graph->tensor[i];
            if (t->is_virtual || t->constant)
                continue;
            b->binding[b->count++] = (weft_dnn_binding){ t->id, b->memory ? b->memory + b->used : NULL };
            b->used += bytes_of(t);
        }
        if (pass == 0)
            WEFT_TRY_CUDA(v, graph->name, cudaMalloc, ((void **)&b->memory, b->used + b->limit));
    }
    WEFT_TRY_CUDA(v, graph->name, cudaMemsetAsync, (b->memory, FILL, b->used, b->stream));
    WEFT_TRY_CUDA(v, graph->name, cudaEventCreateWithFlags, (&b->start, 0));
    WEFT_TRY_CUDA(v, graph->name, cudaEventCreateWithFlags, (&b->end, 0));
    return WEFT_OK;
}

static void close_bench(const bench *b)
{
    if (b->start)
        (void)b->vendor->cudaEventDestroy(b->start);
    if (b->end)
        (void)b->vendor->cudaEventDestroy(b->end);
    if (b->memory)
        (void)b->vendor->cudaFree(b->memory);
}

static weft_status run(const bench *b, weft_dnn_plan *plan)
{
    const bool workspace = weft_dnn_plan_info(plan)->workspace > 0;
    return weft_dnn_plan_run(plan, b->stream, b->binding, b->count, workspace ? b->memory + b->used : NULL);
}

/* RUNS runs as one graph. */
static weft_status record_runs(const bench *b, weft_dnn_plan *plan, weft_cuda_graph *graph, weft_cuda_graph_exec *exec)
{
    const weft_vendor *v = b->vendor;
    weft_status status = WEFT_OK;
    WEFT_TRY_CUDA(v, "tuning", cudaStreamBeginCapture, (b->stream, WEFT_CUDA_CAPTURE_THREAD_LOCAL));
    for (int i = 0; i < RUNS && status == WEFT_OK; i++)
        status = run(b, plan);
    const int error = v->cudaStreamEndCapture(b->stream, graph);
    WEFT_TRY(status);
    if (error != WEFT_CUDA_SUCCESS)
        return weft_vendor_cuda_failed(v, error, "cudaStreamEndCapture", "tuning");
    WEFT_TRY_CUDA(v, "tuning", cudaGraphInstantiate, (exec, *graph, 0));
    return WEFT_OK;
}

/* Seconds of a run: the least of the rounds, of which the first is no round. */
static weft_status time_graph(const bench *b, weft_cuda_graph_exec exec, double *seconds)
{
    const weft_vendor *v = b->vendor;
    for (int round = 0; round <= ROUNDS; round++) {
        float ms = 0;
        WEFT_TRY_CUDA(v, "tuning", cudaEventRecord, (b->start, b->stream));
        WEFT_TRY_CUDA(v, "tuning", cudaGraphLaunch, (exec, b->stream));
        WEFT_TRY_CUDA(v, "tuning", cudaEventRecord, (b->end, b->stream));
        WEFT_TRY_CUDA(v, "tuning", cudaEventSynchronize, (b->end));
        WEFT_TRY_CUDA(v, "tuning", cudaEventElapsedTime, (&ms, b->start, b->end));
        if (round > 0)
            *seconds = fmin(*seconds, (double)ms * 1e-3 / RUNS);
    }
    return WEFT_OK;
}

/* *seconds stays INFINITY for a plan that does not run, or not recorded. Fails with the card only. */
static weft_status time_plan(const bench *b, weft_dnn_plan *plan, double *seconds)
{
    const weft_vendor *v = b->vendor;
    weft_cuda_graph graph = NULL;
    weft_cuda_graph_exec exec = NULL;
    *seconds = INFINITY;
    weft_status status = run(b, plan); /* loads what is loaded late */
    if (status == WEFT_OK)
        status = record_runs(b, plan, &graph, &exec);
    if (status == WEFT_OK)
        status = time_graph(b, exec, seconds);
    if (exec)
        (void)v->cudaGraphExecDestroy(exec);
    if (graph)
        (void)v->cudaGraphDestroy(graph);
    if (status == WEFT_OK)
        return WEFT_OK;
    *seconds = INFINITY;
    (void)v->cudaGetLastError();
    return v->cudaStreamSynchronize(b->stream) == WEFT_CUDA_SUCCESS ? WEFT_OK : status;
}

static weft_status try_all(const bench *b, weft_dnn *dnn, const weft_dnn_graph *graph, const weft_dnn_request *request,
                           weft_dnn_tuned *out)
{
    for (int i = 0; i < WEFT_DNN_CANDIDATES; i++) {
        weft_dnn_request one = *request;
        weft_dnn_plan *plan;
        double seconds;
        one.skip = i;
        one.untuned = true;
        const weft_status status = weft_dnn_plan_create(dnn, graph, &one, &plan);
        if (status == WEFT_UNSUPPORTED)
            return i > 0 ? WEFT_OK : status;
        WEFT_TRY(status);
        const weft_status timed = time_plan(b, plan, &seconds);
        weft_dnn_plan_destroy(plan);
        WEFT_TRY(timed);
        out->candidates++;
        if (i == 0)
            out->first = out->best = seconds;
        else if (seconds < margin * out->best) {
            out->best = seconds;
            out->chosen = i;
        }
    }
    return WEFT_OK;
}

static weft_status no_folder(const char *what)
{
    return weft_fail(WEFT_NOT_FOUND, "%s: there is no folder for tuned plans: set XDG_CACHE_HOME or HOME", what);
}

weft_status weft_dnn_plan_tune(weft_dnn *dnn, const weft_dnn_graph *graph, const weft_dnn_request *request,
                               weft_cuda_stream stream, weft_dnn_tuned *out)
{
    weft_dnn_request whole = *request;
    if (whole.workspace_limit == 0)
        whole.workspace_limit = WEFT_DNN_WORKSPACE_LIMIT;
    *out = (weft_dnn_tuned){ .first = INFINITY, .best = INFINITY };
    if (!dnn->cache)
        return no_folder(graph->name);
    WEFT_TRY(weft_dnn_graph_check(graph));
    bench b = { .vendor = dnn->vendor, .stream = stream, .limit = whole.workspace_limit };
    weft_status status = open_bench(&b, graph);
    if (status == WEFT_OK)
        status = try_all(&b, dnn, graph, &whole, out);
    close_bench(&b);
    return status == WEFT_OK && isfinite(out->best) ? weft_dnn_plan_prefer(dnn, graph, &whole, out->chosen) : status;
}

/* ---- numbers that tuning found ---- */

enum { NUMBER_KEY = 768 };

static const char *number_key(const weft_dnn *dnn, const char *key, char text[NUMBER_KEY])
{
    snprintf(text, NUMBER_KEY, "cudnn %d\n%s\n%s\n", dnn->vendor->cudnn, dnn->device, key);
    return text;
}

bool weft_dnn_recall(const weft_dnn *dnn, const char *key, unsigned *out)
{
    char text[NUMBER_KEY];
    weft_dnn_entry entry;
    if (!dnn->cache || !weft_dnn_cache_load(dnn->cache, number_key(dnn, key, text), &entry))
        return false;
    char digits[16] = "";
    memcpy(digits, entry.json, entry.size < sizeof digits ? entry.size : sizeof digits - 1);
    weft_free(dnn->allocator, entry.json);
    return sscanf(digits, "%u", out) == 1;
}

weft_status weft_dnn_keep(const weft_dnn *dnn, const char *key, unsigned number)
{
    char text[NUMBER_KEY], digits[16];
    unsigned kept;
    if (!dnn->cache)
        return no_folder(key);
    snprintf(digits, sizeof digits, "%u", number);
    weft_dnn_cache_store(dnn->cache, number_key(dnn, key, text),
                         &(weft_dnn_entry){ .json = digits, .size = strlen(digits) });
    return weft_dnn_recall(dnn, key, &kept) && kept == number
               ? WEFT_OK
               : weft_fail(WEFT_IO, "%s cannot be kept on disk", key);
}
