/* SPDX-License-Identifier: Apache-2.0
 *
 * The CUDA runtime's streams, graphs and events: work runs at once, or is recorded while a stream is captured. Work
 * that waits for other cards stands in line until it may run, and so does what is behind it. On a card that is late
 * all work stands in line until the host waits for it, or another stream must: as late as a real card may be, so that
 * whatever is written too early, or not waited for, makes wrong numbers. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cuda/double/double.h"

enum { ILLEGAL_STATE = 401, CAPTURE_UNSUPPORTED = 900, UNJOINED = 904 };
enum { PAUSE_NS = 50000 };

/* ---- streams, graphs, events ---- */

typedef struct job {
    double_work kind;
    bool (*ready)(void *); /* NULL: always */
    void (*run)(void *);
    void *closure;
    void (*release)(void *);
    struct job *next;
} job;

/* Captured work, shared by a graph and what is made of it. */
typedef struct recording {
    job *first, **end;
    int users;
} recording;

/* What stands in line: work, a graph, an event that is recorded, one that is waited for. */
typedef struct item {
    job work;
    recording *graph; /* all of it, or, where its work stands in line by itself, only to be dropped */
    bool drops;
    weft_cuda_event record, wait;
    int64_t count; /* of wait */
    struct item *next;
} item;

struct CUstream_st {
    recording *capture;
    bool forked, loose; /* it is captured with another, which has not waited for it yet */
    item *first, **end;
};
struct CUevent_st {
    int64_t recorded, passed; /* times */
    weft_cuda_stream stream;
    recording *captured; /* the last time, in this capture; NULL: in none */
    float at;
};
struct CUgraph_st {
    recording *work;
};
struct CUgraphExec_st {
    recording *work;
};

enum { MOST_STREAMS = 8 };
static weft_cuda_stream streams[MOST_STREAMS]; /* NULLs: none */
static float now; /* ms */

void double_pass(float ms)
{
    now += ms;
}

static void drop(recording *work)
{
    if (--work->users > 0)
        return;
    for (job *j = work->first; j;) {
        job *next = j->next;
        if (j->release)
            j->release(j->closure);
        free(j);
        j = next;
    }
    free(work);
}

static void perform(const job *j)
{
    double_count(j->kind);
    j->run(j->closure);
}

/* ---- late work ---- */

static bool run_first(weft_cuda_stream stream);

static bool pass_event(const item *i)
{
    bool goes_on = true;
    while (i->wait->passed < i->count && i->wait->stream && i->wait->stream->first && goes_on)
        goes_on = run_first(i->wait->stream); /* depth: streams that wait for each other in turn */
    return goes_on;
}

/* False: it must wait for another card. */
static bool run_first(weft_cuda_stream stream)
{
    item *i = stream->first;
    if (i->wait && !pass_event(i))
        return false;
    if (i->work.ready && !i->work.ready(i->work.closure))
        return false;
    stream->first = i->next;
    if (!stream->first)
        stream->end = &stream->first;
    if (i->record) {
        i->record->passed++;
        i->record->at = now;
    }
    if (i->work.run) {
        perform(&i->work);
        if (i->work.release)
            i->work.release(i->work.closure);
    }
    for (const job *j = i->graph && !i->drops ? i->graph->first : NULL; j; j = j->next)
        perform(j);
    if (i->graph)
        drop(i->graph);
    free(i);
    return true;
}

static void rest(void)
{
    nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
}

static void run_all(weft_cuda_stream stream)
{
    while (stream && stream->first)
        if (!run_first(stream))
            rest();
}

void double_run_late(void)
{
    for (int i = 0; i < MOST_STREAMS; i++)
        run_all(streams[i]);
}

/* Takes `was` for `is` among the streams; NULL: none. */
static void note_stream(weft_cuda_stream was, weft_cuda_stream is)
{
    int i = 0;
    while (i < MOST_STREAMS && streams[i] != was)
        i++;
    if (i < MOST_STREAMS)
        streams[i] = is;
    else
        double_complain("more streams than the double has room for");
}

static int stand_in_line(weft_cuda_stream stream, const item *wanted)
{
    item *kept = malloc(sizeof *kept);
    if (!kept)
        return WEFT_CUDA_OUT_OF_MEMORY;
    *kept = *wanted;
    *stream->end = kept;
    stream->end = &kept->next;
    return 0;
}

static bool is_late(weft_cuda_stream stream)
{
    return stream && (double_get_card()->late || stream->first);
}

static int record_job(weft_cuda_stream stream, const job *work)
{
    job *kept = malloc(sizeof *kept);
    if (!kept)
        return WEFT_CUDA_OUT_OF_MEMORY;
    *kept = *work;
    *stream->capture->end = kept;
    stream->capture->end = &kept->next;
    stream->loose = stream->forked;
    return 0;
}

int double_queue_when(weft_cuda_stream stream, double_work kind, bool (*ready)(void *), void (*run)(void *),
                      void *closure, void (*release)(void *))
{
    const job work = { kind, ready, run, closure, release, NULL };
    if (stream && stream->capture)
        return record_job(stream, &work);
    if (stream && (ready || is_late(stream)))
        return stand_in_line(stream, &(item){ .work = work });
    perform(&work);
    if (release)
        release(closure);
    return 0;
}

int double_queue(weft_cuda_stream stream, double_work kind, void (*run)(void *), void *closure,
                 void (*release)(void *))
{
    return double_queue_when(stream, kind, NULL, run, closure, release);
}

int double_queue_kernel(void *stream, void (*run)(void *), void *closure, void (*release)(void *))
{
    const int fault = double_called("double_launch");
    if (fault && release)
        release(closure);
    return fault ? fault : double_queue(stream, DOUBLE_KERNEL, run, closure, release);
}

int double_cudaStreamCreateWithFlags(weft_cuda_stream *stream, unsigned flags)
{
    DOUBLE_CALLED();
    (void)flags;
    *stream = calloc(1, sizeof **stream);
    (*stream)->end = &(*stream)->first;
    note_stream(NULL, *stream);
    double_opened(1);
    return 0;
}

int double_cudaStreamDestroy(weft_cuda_stream stream)
{
    const int fault = double_called(__func__); /* gone all the same */
    if (stream->capture)
        return double_refuse("cudaStreamDestroy: the stream is being captured");
    run_all(stream);
    note_stream(stream, NULL);
    double_opened(-1);
    free(stream);
    return fault;
}

int double_cudaStreamSynchronize(weft_cuda_stream stream)
{
    DOUBLE_CALLED();
    if (stream && stream->capture)
        return double_refuse("cudaStreamSynchronize: the stream is being captured");
    double_waited(false);
    run_all(stream);
    return double_lost();
}

int double_cudaStreamQuery(weft_cuda_stream stream)
{
    DOUBLE_CALLED();
    if (stream && stream->capture)
        return double_refuse("cudaStreamQuery: the stream is being captured");
    double_waited(false);
    while (stream && stream->first)
        if (!run_first(stream))
            return double_stick(WEFT_CUDA_NOT_READY);
    return double_lost();
}

int double_cudaDeviceSynchronize(void)
{
    DOUBLE_CALLED();
    double_waited(false);
    double_run_late();
    return 0;
}

/* A stream that waits for what was captured is captured with it; one that is the capture's has then waited for the
 * other. */
static int join_capture(weft_cuda_stream stream, weft_cuda_event event)
{
    if (!event->captured || (stream->capture && stream->capture != event->captured) ||
        event->stream->capture != event->captured)
        return double_refuse("cudaStreamWaitEvent: the event and the stream are not of one capture");
    if (!stream->capture) {
        stream->capture = event->captured;
        stream->forked = stream->loose = true;
    } else if (!stream->forked) {
        event->stream->loose = false;
    }
    return 0;
}

int double_cudaStreamWaitEvent(weft_cuda_stream stream, weft_cuda_event event, unsigned flags)
{
    DOUBLE_CALLED();
    (void)flags;
    if (!event->recorded && !event->captured)
        return double_refuse("cudaStreamWaitEvent: the event was never recorded");
    if (event->captured || stream->capture)
        return join_capture(stream, event);
    const bool open = stream && event->passed < event->recorded;
    return open || is_late(stream) ? stand_in_line(stream, &(item){ .wait = event, .count = event->recorded }) : 0;
}

int double_cudaStreamBeginCapture(weft_cuda_stream stream, int mode)
{
    DOUBLE_CALLED();
    (void)mode;
    if (!stream)
        return double_stick(CAPTURE_UNSUPPORTED); /* the default stream cannot be captured */
    if (stream->capture)
        return double_stick(ILLEGAL_STATE);
    stream->capture = calloc(1, sizeof *stream->capture);
    stream->capture->end = &stream->capture->first;
    stream->capture->users = 1;
    return 0;
}

/* All streams of a capture; one whose work nobody waits for makes it invalid. */
static int end_forks(const recording *work)
{
    bool loose = false;
    for (int i = 0; i < MOST_STREAMS; i++) {
        if (!streams[i] || streams[i]->capture != work)
            continue;
        loose = loose || streams[i]->loose;
        streams[i]->capture = NULL;
        streams[i]->forked = streams[i]->loose = false;
    }
    return loose ? double_stick(UNJOINED) : 0;
}

int double_cudaStreamEndCapture(weft_cuda_stream stream, weft_cuda_graph *graph)
{
    const int fault = double_called(__func__);
    if (!stream->capture)
        return double_stick(ILLEGAL_STATE);
    recording *work = stream->capture;
    const int forks = end_forks(work), error = fault ? fault : forks;
    if (error) {
        drop(work);
        *graph = NULL;
        return error;
    }
    *graph = calloc(1, sizeof **graph);
    (*graph)->work = work;
    double_opened(1);
    return 0;
}

int double_cudaGraphInstantiate(weft_cuda_graph_exec *exec, weft_cuda_graph graph, unsigned long long flags)
{
    DOUBLE_CALLED();
    (void)flags;
    *exec = calloc(1, sizeof **exec);
    (*exec)->work = graph->work;
    graph->work->users++;
    double_opened(1);
    return 0;
}

int double_cudaGraphGetNodes(weft_cuda_graph graph, weft_cuda_graph_node *nodes, size_t *count)
{
    DOUBLE_CALLED();
    (void)nodes;
    *count = 0;
    for (const job *j = graph->work->first; j; j = j->next)
        ++*count;
    return 0;
}

static bool waits(const recording *work)
{
    for (const job *j = work->first; j; j = j->next)
        if (j->ready)
            return true;
    return false;
}

/* Work among which some waits for other cards. */
static int stand_one_by_one(weft_cuda_stream stream, recording *work)
{
    int error = 0;
    for (const job *j = work->first; j && !error; j = j->next) {
        job borrowed = *j;
        borrowed.release = NULL;
        error = stand_in_line(stream, &(item){ .work = borrowed });
    }
    work->users++;
    return error ? error : stand_in_line(stream, &(item){ .graph = work, .drops = true });
}

int double_cudaGraphLaunch(weft_cuda_graph_exec exec, weft_cuda_stream stream)
{
    DOUBLE_CALLED();
    if (stream && stream->capture)
        return double_refuse("cudaGraphLaunch: the stream is being captured");
    double_count(DOUBLE_GRAPH);
    if (waits(exec->work))
        return stand_one_by_one(stream, exec->work);
    if (is_late(stream)) {
        exec->work->users++;
        return stand_in_line(stream, &(item){ .graph = exec->work });
    }
    for (const job *j = exec->work->first; j; j = j->next)
        perform(j);
    return 0;
}

int double_cudaGraphExecDestroy(weft_cuda_graph_exec exec)
{
    const int fault = double_called(__func__); /* gone all the same */
    drop(exec->work);
    free(exec);
    double_opened(-1);
    return fault;
}

int double_cudaGraphDestroy(weft_cuda_graph graph)
{
    const int fault = double_called(__func__); /* gone all the same */
    drop(graph->work);
    free(graph);
    double_opened(-1);
    return fault;
}

int double_cudaEventCreateWithFlags(weft_cuda_event *event, unsigned flags)
{
    DOUBLE_CALLED();
    (void)flags;
    *event = calloc(1, sizeof **event);
    double_opened(1);
    return 0;
}

int double_cudaEventDestroy(weft_cuda_event event)
{
    const int fault = double_called(__func__); /* gone all the same */
    if (event->passed < event->recorded)
        double_complain("cudaEventDestroy: nobody has waited for the event"); /* the double would lose its way */
    free(event);
    double_opened(-1);
    return fault;
}

int double_cudaEventRecord(weft_cuda_event event, weft_cuda_stream stream)
{
    DOUBLE_CALLED();
    event->stream = stream;
    event->captured = stream ? stream->capture : NULL;
    if (event->captured) /* what was recorded before stands */
        return 0;
    event->recorded++;
    event->at = now;
    if (is_late(stream))
        return stand_in_line(stream, &(item){ .record = event });
    event->passed = event->recorded;
    return 0;
}

int double_cudaEventSynchronize(weft_cuda_event event)
{
    DOUBLE_CALLED();
    if (!event->recorded)
        return double_refuse("cudaEventSynchronize: the event was never recorded");
    double_waited(true);
    while (event->passed < event->recorded && event->stream && event->stream->first)
        if (!run_first(event->stream))
            rest();
    return double_lost();
}

int double_cudaEventQuery(weft_cuda_event event)
{
    DOUBLE_CALLED();
    if (!event->recorded)
        return double_refuse("cudaEventQuery: the event was never recorded");
    double_waited(true);
    while (event->passed < event->recorded && event->stream && event->stream->first)
        if (!run_first(event->stream))
            return double_stick(WEFT_CUDA_NOT_READY);
    return double_lost();
}

int double_cudaEventElapsedTime(float *ms, weft_cuda_event start, weft_cuda_event end)
{
    DOUBLE_CALLED();
    if (!start->recorded || !end->recorded)
        return double_refuse("cudaEventElapsedTime: an event was never recorded");
    *ms = end->at - start->at;
    return 0;
}
