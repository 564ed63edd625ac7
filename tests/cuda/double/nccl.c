/* SPDX-License-Identifier: Apache-2.0
 *
 * NCCL's stand-in. Ranks are processes; what they share is a file that all of them have mapped, of which each writes a
 * part of its own. A sum is two stages: a rank writes what it has once all have read what was there before, and reads
 * what all have written once all have. Strict: sums must be in groups, of device memory, in the communicator's order,
 * and of the same type, operation and count on all ranks; a communicator is destroyed once it was finalized, and no
 * recording has operations of it. Nothing blocks: communicators that would are refused. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "cuda/double/double.h"

enum { MOST_RANKS = 8, AREA = 32 << 20, HEADER = 1 << 16, MOST_GROUP = 512 };

/* In the file. */
typedef struct seat {
    _Atomic int64_t written, read; /* sums so far */
    _Atomic int joined, leaves;
    int type, op;
    int64_t count;
} seat;

struct ncclComm {
    char path[120];
    seat *seats; /* [size], then the areas */
    int size, rank;
    int64_t sums;          /* that were run */
    _Atomic int error, aborted;
    _Atomic int64_t users; /* operations that stand in line, or are recorded */
    bool finalizing;
};

/* One sum; the closure of its work. */
typedef struct sum {
    weft_nccl_comm comm;
    char *data;
    int64_t count;
    int type, op;
    weft_dtype dtype;
    bool written;
    double since; /* the clock when it began; 0: it has not */
    weft_cuda_stream stream;
} sum;

static struct {
    int depth, count;
    sum *sums[MOST_GROUP];
} group;

static int64_t summed;

int64_t double_summed(void)
{
    return summed;
}

weft_nccl double_nccl(void)
{
    weft_nccl nccl = { .version = 22803 };
#define FILL(library, result, symbol, parameters) nccl.symbol = double_##symbol;
    WEFT_NCCL_FUNCTIONS(FILL)
#undef FILL
    return nccl;
}

static int refuse(const char *what)
{
    double_complain("%s", what);
    return WEFT_NCCL_INVALID_ARGUMENT;
}

static char *area_of(const struct ncclComm *comm, int rank)
{
    return (char *)comm->seats + HEADER + (size_t)rank * AREA;
}

/* ---- sums ---- */

static bool all_have(const struct ncclComm *comm, bool read, int64_t sums)
{
    for (int p = 0; p < comm->size; p++)
        if (atomic_load(read ? &comm->seats[p].read : &comm->seats[p].written) < sums)
            return false;
    return true;
}

static bool is_alike(const sum *s)
{
    for (int p = 0; p < s->comm->size; p++) {
        const seat *const other = &s->comm->seats[p];
        if (other->type != s->type || other->op != s->op || other->count != s->count)
            return false;
    }
    return true;
}

/* Whether it has taken its time: so many seconds, where WEFT_DOUBLE_SUM_SECONDS says so. */
static bool is_slow(sum *s)
{
    const char *const seconds = getenv("WEFT_DOUBLE_SUM_SECONDS");
    if (seconds && s->since <= 0)
        s->since = weft_clock();
    return seconds && weft_clock() - s->since < atof(seconds);
}

static bool ready(void *closure)
{
    sum *const s = closure;
    struct ncclComm *const comm = s->comm;
    if (atomic_load(&comm->aborted))
        return true;
    if (is_slow(s))
        return false;
    seat *const mine = &comm->seats[comm->rank];
    if (!s->written) {
        if (!all_have(comm, true, comm->sums))
            return false;
        memcpy(area_of(comm, comm->rank), s->data, (size_t)s->count * weft_dtype_size(s->dtype));
        mine->type = s->type;
        mine->op = s->op;
        mine->count = s->count;
        s->written = true;
        atomic_store(&mine->written, comm->sums + 1);
    }
    if (!all_have(comm, false, comm->sums + 1))
        return false;
    if (is_alike(s))
        return true;
    double_complain("ncclAllReduce: the ranks do not add up the same");
    atomic_store(&comm->error, WEFT_NCCL_INVALID_ARGUMENT);
    return false;
}

static void run(void *closure)
{
    sum *const s = closure;
    struct ncclComm *const comm = s->comm;
    const size_t size = weft_dtype_size(s->dtype);
    s->written = false;
    s->since = 0;
    if (atomic_load(&comm->aborted))
        return;
    for (int64_t i = 0; i < s->count; i++) {
        double all = 0;
        for (int p = 0; p < comm->size; p++)
            all += (double)double_load(s->dtype, area_of(comm, p) + (size_t)i * size);
        double_store(s->dtype, s->data + (size_t)i * size, (float)(s->op == WEFT_NCCL_AVG ? all / comm->size : all));
    }
    comm->sums++;
    summed += s->count;
    atomic_store(&comm->seats[comm->rank].read, comm->sums);
}

static void release(void *closure)
{
    sum *const s = closure;
    atomic_fetch_sub(&s->comm->users, 1);
    free(s);
}

int double_ncclAllReduce(const void *from, void *to, size_t count, int type, int op, weft_nccl_comm comm,
                         weft_cuda_stream stream)
{
    DOUBLE_CALLED();
    const weft_dtype dtype = type == WEFT_NCCL_F32 ? WEFT_F32 : type == WEFT_NCCL_F16 ? WEFT_F16 : WEFT_BF16;
    if (type != WEFT_NCCL_F32 && type != WEFT_NCCL_F16 && type != WEFT_NCCL_BF16)
        return refuse("ncclAllReduce: a type that the double does not know");
    if (group.depth == 0 || group.count == MOST_GROUP)
        return refuse("ncclAllReduce: not in a group, or in one of too many");
    if ((op != WEFT_NCCL_SUM && op != WEFT_NCCL_AVG) || count < 1 || count * weft_dtype_size(dtype) > AREA)
        return refuse("ncclAllReduce: no such operation, or no such count");
    if (from != to || !double_on_device(to, count * weft_dtype_size(dtype)) || !stream)
        return refuse("ncclAllReduce: not in place, not in the device's memory, or on no stream");
    if (atomic_load(&comm->aborted) || comm->finalizing || (atomic_load(&comm->error)))
        return refuse("ncclAllReduce: the communicator is not to be used any more");
    sum *const s = calloc(1, sizeof *s);
    *s = (sum){ comm, to, (int64_t)count, type, op, dtype, false, 0, stream };
    group.sums[group.count++] = s;
    return WEFT_NCCL_SUCCESS;
}

int double_ncclGroupStart(void)
{
    DOUBLE_CALLED();
    group.depth++;
    return WEFT_NCCL_SUCCESS;
}

int double_ncclGroupEnd(void)
{
    const int fault = double_called(__func__); /* over all the same */
    int error = fault;
    if (group.depth == 0)
        return refuse("ncclGroupEnd: no group was begun");
    if (--group.depth > 0)
        return fault;
    for (int i = 0; i < group.count; i++) {
        sum *const s = group.sums[i];
        atomic_fetch_add(&s->comm->users, 1);
        if (error || double_queue_when(s->stream, DOUBLE_KERNEL, ready, run, s, release))
            release(s);
    }
    group.count = 0;
    return error ? error : WEFT_NCCL_IN_PROGRESS;
}

/* ---- communicators ---- */

int double_ncclGetVersion(int *version)
{
    DOUBLE_CALLED();
    *version = getenv("WEFT_DOUBLE_NCCL") ? atoi(getenv("WEFT_DOUBLE_NCCL")) : 22803;
    return WEFT_NCCL_SUCCESS;
}

const char *double_ncclGetErrorString(int result)
{
    return result == WEFT_NCCL_SUCCESS ? "no error" : "an error of the double";
}

int double_ncclGetUniqueId(weft_nccl_id *id)
{
    static int made;
    DOUBLE_CALLED();
    const char *const folder = getenv("TMPDIR");
    memset(id, 0, sizeof *id);
    snprintf(id->bytes, sizeof id->bytes, "%.80s/nccl-double-%d-%d", folder ? folder : "/tmp", (int)getpid(), made++);
    const int file = open(id->bytes, O_RDWR | O_CREAT | O_EXCL, 0600);
    const bool well = file >= 0 && ftruncate(file, HEADER + (off_t)MOST_RANKS * AREA) == 0;
    if (file >= 0)
        close(file);
    return well ? WEFT_NCCL_SUCCESS : refuse("ncclGetUniqueId: no file");
}

int double_ncclCommInitRankConfig(weft_nccl_comm *comm, int size, weft_nccl_id id, int rank, weft_nccl_config *config)
{
    DOUBLE_CALLED();
    if (config->size != sizeof *config || config->magic != WEFT_NCCL_MAGIC || config->blocking != 0)
        return refuse("ncclCommInitRankConfig: the configuration is none, or one that blocks");
    const int file = open(id.bytes, O_RDWR);
    void *const at = file < 0 ? MAP_FAILED
                              : mmap(NULL, HEADER + (size_t)size * AREA, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (file >= 0)
        close(file);
    if (at == MAP_FAILED || size > MOST_RANKS || rank < 0 || rank >= size)
        return refuse("ncclCommInitRankConfig: no such communicator");
    struct ncclComm *const made = calloc(1, sizeof *made); /* stays: work that was aborted still asks it */
    snprintf(made->path, sizeof made->path, "%.119s", id.bytes);
    made->seats = at;
    made->size = size;
    made->rank = rank;
    atomic_store(&made->seats[rank].joined, 1);
    double_opened(1);
    *comm = made;
    return WEFT_NCCL_IN_PROGRESS;
}

static bool all_are(const struct ncclComm *comm, bool leaving)
{
    bool all = true;
    for (int p = 0; p < comm->size; p++)
        all = all && atomic_load(leaving ? &comm->seats[p].leaves : &comm->seats[p].joined);
    return all;
}

int double_ncclCommGetAsyncError(weft_nccl_comm comm, int *result)
{
    DOUBLE_CALLED();
    *result = atomic_load(&comm->error);
    if (!*result && !all_are(comm, comm->finalizing))
        *result = WEFT_NCCL_IN_PROGRESS;
    else if (comm->rank == 0)
        unlink(comm->path); /* all have it */
    return WEFT_NCCL_SUCCESS;
}

int double_ncclCommFinalize(weft_nccl_comm comm)
{
    DOUBLE_CALLED();
    comm->finalizing = true;
    atomic_store(&comm->seats[comm->rank].leaves, 1);
    return WEFT_NCCL_IN_PROGRESS;
}

static int let_go(weft_nccl_comm comm)
{
    if (comm->rank == 0)
        unlink(comm->path);
    munmap(comm->seats, HEADER + (size_t)comm->size * AREA);
    double_opened(-1);
    return WEFT_NCCL_SUCCESS;
}

int double_ncclCommDestroy(weft_nccl_comm comm)
{
    const int fault = double_called(__func__); /* gone all the same */
    if (!comm->finalizing)
        double_complain("ncclCommDestroy: the communicator was not finalized");
    if (atomic_load(&comm->users) > 0)
        double_complain("ncclCommDestroy: operations stand in line, or in a recording");
    atomic_store(&comm->aborted, 1);
    (void)let_go(comm);
    return fault;
}

int double_ncclCommAbort(weft_nccl_comm comm)
{
    const int fault = double_called(__func__); /* gone all the same */
    atomic_store(&comm->aborted, 1);
    (void)let_go(comm);
    return fault;
}
