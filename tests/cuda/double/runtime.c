/* SPDX-License-Identifier: Apache-2.0
 *
 * The CUDA runtime's stand-in, but for its streams (stream.c): books of what is open and what was called, devices,
 * device memory on the heap. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "cuda/double/double.h"

enum { INVALID_VALUE = 1, MAX_MEMORY = 256, ALIGNMENT = 256, HUGE_PAGE = 2 << 20 };

/* ---- books ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what threads that build plans count */

static struct {
    double_card card;
    double_counts counts;
    struct {
        const char *function;
        int64_t nth, calls;
        int error;
    } fault;
    int64_t open, building;
    int sticky; /* cudaGetLastError's */
    int lost;   /* the card's, from now on */
    char complaint[256];
    struct {
        char *at;
        size_t bytes;
    } memory[MAX_MEMORY];
    size_t used;
} books;

void double_reset(void)
{
    memset(&books, 0, sizeof books);
    books.card = (double_card){ .devices = 1, .major = 9, .memory = (size_t)80 << 30, .driver = 13000,
                                .cudnn = 91900, .memory_khz = 2619000, .bus_bits = 5120,
                                .engine_ms = { 1, 1 } };
}

double_card *double_get_card(void)
{
    return &books.card;
}

weft_vendor double_vendor(void)
{
    weft_vendor vendor = { .runtime = 13000, .driver = books.card.driver, .cudnn = books.card.cudnn,
                           .cublaslt = 130100 };
#define FILL(library, result, symbol, parameters) vendor.symbol = double_##symbol;
    WEFT_VENDOR_FUNCTIONS(FILL)
#undef FILL
    return vendor;
}

void double_fail(const char *function, int64_t nth, int error)
{
    books.fault.function = function;
    books.fault.nth = nth;
    books.fault.error = error;
    books.fault.calls = 0;
}

int64_t double_fault_calls(void)
{
    return books.fault.calls;
}

static _Thread_local int current; /* device of the thread */

/* A call for another device than the test's: it would touch that one's memory, or be refused. */
static void watch_device(const char *function)
{
    static const char *const any[] = { "SetDevice", "GetDevice", "Version", "GetError", "GetLastError", "Attribute" };
    if (!books.card.only || current == books.card.only ||
        (strncmp(function, "double_cuda", 11) != 0 && strcmp(function, "double_launch") != 0))
        return;
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        if (strstr(function, any[i]))
            return;
    double_complain("%s is called for device %d", function, current);
}

/* The fault of a call, if it is due. */
static int fault_of(const char *function)
{
    if (!books.fault.function || strcmp(function + strlen("double_"), books.fault.function) != 0)
        return 0;
    books.fault.calls++;
    if (books.fault.nth && books.fault.calls != books.fault.nth)
        return 0;
    if (strncmp(books.fault.function, "cuda", 4) == 0)
        books.sticky = books.fault.error;
    books.lost = books.card.lost;
    return books.fault.error;
}

int double_called(const char *function)
{
    watch_device(function);
    pthread_mutex_lock(&lock);
    const int error = fault_of(function);
    pthread_mutex_unlock(&lock);
    return error;
}

void double_build(void)
{
    static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&lock);
    books.counts.built++;
    books.building++;
    if (books.building > books.counts.together)
        books.counts.together = books.building;
    pthread_cond_broadcast(&came);
    int failed = 0;
    while (!failed && books.counts.together < books.card.company)
        failed = pthread_cond_timedwait(&came, &lock, &until);
    books.building--;
    pthread_mutex_unlock(&lock);
}

void double_multiply(double_work kind)
{
    if (books.card.slow_products == (int)kind)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

void double_complain(const char *format, ...)
{
    va_list args;
    pthread_mutex_lock(&lock);
    va_start(args, format);
    if (!books.complaint[0])
        vsnprintf(books.complaint, sizeof books.complaint, format, args);
    va_end(args);
    pthread_mutex_unlock(&lock);
}

const char *double_complaint(void)
{
    return books.complaint;
}

void double_opened(int by)
{
    pthread_mutex_lock(&lock);
    books.open += by;
    pthread_mutex_unlock(&lock);
}

int64_t double_open_count(void)
{
    return books.open;
}

size_t double_memory_used(void)
{
    return books.used;
}

double_counts double_get_counts(void)
{
    return books.counts;
}

void double_count(double_work kind)
{
    int64_t *const count[] = { [DOUBLE_COPY] = &books.counts.copies, [DOUBLE_KERNEL] = &books.counts.kernels,
                               [DOUBLE_PLAN] = &books.counts.plans, [DOUBLE_PRODUCT] = &books.counts.products,
                               [DOUBLE_GRAPH] = &books.counts.graph_launches };
    ++*count[kind];
}

void double_uploaded(size_t bytes)
{
    books.counts.uploaded += (int64_t)bytes;
}

void double_waited(bool for_event)
{
    ++*(for_event ? &books.counts.looks : &books.counts.waits);
}

int double_lost(void)
{
    return books.lost;
}

int double_stick(int error)
{
    return books.sticky = error;
}

int double_refuse(const char *what)
{
    double_complain("%s", what);
    return double_stick(INVALID_VALUE);
}

/* ---- versions, devices ---- */

int double_cudaRuntimeGetVersion(int *version)
{
    DOUBLE_CALLED();
    *version = 13000;
    return 0;
}

int double_cudaDriverGetVersion(int *version)
{
    DOUBLE_CALLED();
    *version = books.card.driver;
    return 0;
}

const char *double_cudaGetErrorName(int error)
{
    return error == WEFT_CUDA_OUT_OF_MEMORY ? "cudaErrorMemoryAllocation" : error ? "cudaErrorDouble" : "cudaSuccess";
}

const char *double_cudaGetErrorString(int error)
{
    return error == WEFT_CUDA_OUT_OF_MEMORY ? "out of memory" : error ? "an error of the double" : "no error";
}

int double_cudaGetLastError(void)
{
    const int error = books.sticky;
    books.sticky = 0;
    return error;
}

int double_cudaGetDeviceCount(int *count)
{
    DOUBLE_CALLED();
    if (books.card.driver == 0)
        return books.sticky = WEFT_CUDA_INSUFFICIENT_DRIVER;
    if (books.card.devices == 0)
        return books.sticky = WEFT_CUDA_NO_DEVICE; /* *count is left as it was, as NVIDIA's */
    *count = books.card.devices;
    return 0;
}

int double_cudaSetDevice(int device)
{
    DOUBLE_CALLED();
    if (device < 0 || device >= books.card.devices)
        return double_refuse("cudaSetDevice: no such device");
    current = device;
    return 0;
}

int double_cudaGetDevice(int *device)
{
    DOUBLE_CALLED();
    *device = current;
    return 0;
}

int double_cudaGetDeviceProperties(weft_cuda_properties *properties, int device)
{
    DOUBLE_CALLED();
    (void)device;
    snprintf(properties->name, sizeof properties->name, "Double %d.%d", books.card.major, books.card.minor);
    properties->memory = books.card.memory;
    return 0;
}

int double_cudaDeviceGetAttribute(int *value, int attribute, int device)
{
    DOUBLE_CALLED();
    (void)device;
    switch (attribute) {
    case WEFT_CUDA_ATTR_MAJOR:
        *value = books.card.major;
        return 0;
    case WEFT_CUDA_ATTR_MINOR:
        *value = books.card.minor;
        return 0;
    case WEFT_CUDA_ATTR_SM_COUNT:
        *value = 132;
        return 0;
    case WEFT_CUDA_ATTR_CLOCK_KHZ:
        *value = 1980000;
        return 0;
    case WEFT_CUDA_ATTR_MEMORY_CLOCK_KHZ:
        *value = books.card.memory_khz;
        return 0;
    case WEFT_CUDA_ATTR_MEMORY_BUS_BITS:
        *value = books.card.bus_bits;
        return 0;
    case WEFT_CUDA_ATTR_L2_BYTES:
        *value = 50 << 20;
        return 0;
    default:
        return double_refuse("cudaDeviceGetAttribute: an attribute that the double does not know");
    }
}

/* ---- memory ---- */

int double_cudaMemGetInfo(size_t *available, size_t *total)
{
    DOUBLE_CALLED();
    *total = books.card.memory;
    *available = books.card.memory - books.used;
    return 0;
}

bool double_on_device(const void *ptr, size_t bytes)
{
    const char *at = ptr;
    for (int i = 0; i < MAX_MEMORY; i++)
        if (books.memory[i].at && at >= books.memory[i].at && at + bytes <= books.memory[i].at + books.memory[i].bytes)
            return true;
    return false;
}

/* Memory that is written at once comes ten times as fast in huge pages. */
static char *device_memory(size_t bytes)
{
    const size_t align = bytes < 2 * HUGE_PAGE ? ALIGNMENT : HUGE_PAGE;
    const size_t rounded = bytes ? (bytes + align - 1) / align * align : align;
    char *at = aligned_alloc(align, rounded);
    if (at && align == HUGE_PAGE)
        madvise(at, rounded, MADV_HUGEPAGE); /* advice: as right without */
    if (at)
        memset(at, 0xff, bytes); /* NaNs of every type */
    return at;
}

int double_cudaMalloc(void **ptr, size_t bytes)
{
    DOUBLE_CALLED();
    int slot = 0;
    while (slot < MAX_MEMORY && books.memory[slot].at)
        slot++;
    if (bytes > books.card.memory - books.used || slot == MAX_MEMORY)
        return books.sticky = WEFT_CUDA_OUT_OF_MEMORY;
    char *at = device_memory(bytes);
    if (!at)
        return books.sticky = WEFT_CUDA_OUT_OF_MEMORY;
    books.memory[slot].at = at;
    books.memory[slot].bytes = bytes;
    books.used += bytes;
    books.open++;
    *ptr = at;
    return 0;
}

int double_cudaFree(void *ptr)
{
    const int fault = double_called(__func__); /* gone all the same */
    if (!ptr)
        return fault;
    double_run_late();
    for (int i = 0; i < MAX_MEMORY; i++)
        if (books.memory[i].at == ptr) {
            books.used -= books.memory[i].bytes;
            books.memory[i].at = NULL;
            books.open--;
            free(ptr);
            return fault;
        }
    return double_refuse("cudaFree: not the start of an allocation");
}

int double_cudaHostAlloc(void **ptr, size_t bytes, unsigned flags)
{
    DOUBLE_CALLED();
    (void)flags;
    *ptr = malloc(bytes ? bytes : 1);
    if (!*ptr)
        return books.sticky = WEFT_CUDA_OUT_OF_MEMORY;
    books.open++;
    return 0;
}

int double_cudaFreeHost(void *ptr)
{
    const int fault = double_called(__func__); /* gone all the same */
    if (ptr)
        books.open--;
    free(ptr);
    return fault;
}
