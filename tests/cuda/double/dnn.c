/* SPDX-License-Identifier: Apache-2.0
 *
 * cuDNN's stand-in: descriptors are bags of attributes. Finalising an operation graph reads it into a program; every
 * program has two engines (one fast and of reduced precision, one plain); a plan is a program with an engine. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/double/dnn_bag.h"

enum { NOT_INITIALIZED = 1001, ARCH_MISMATCH = 3002 };
enum { FAST_WORKSPACE = 4096, JSON_HEAD = 64 };

struct cudnnContext {
    weft_cuda_stream stream;
};

static dnn_shared *take(dnn_shared *program)
{
    if (program)
        program->users++;
    return program;
}

static void drop(void *closure)
{
    dnn_shared *program = closure;
    if (program && --program->users == 0)
        free(program);
}

/* ---- the library ---- */

size_t double_cudnnGetVersion(void)
{
    return (size_t)double_get_card()->cudnn;
}

size_t double_cudnnGetCudartVersion(void)
{
    return 13000;
}

const char *double_cudnnGetErrorString(int status)
{
    return status == 0                   ? "CUDNN_STATUS_SUCCESS"
           : status == DNN_BAD_PARAM     ? "CUDNN_STATUS_BAD_PARAM"
           : status == DNN_NOT_SUPPORTED ? "CUDNN_STATUS_NOT_SUPPORTED"
                                         : "CUDNN_STATUS_OF_THE_DOUBLE";
}

void double_cudnnGetLastErrorString(char *message, size_t size)
{
    snprintf(message, size, "%s", dnn_last_error());
}

/* For programs: a line for each time that the card is opened. */
static void note_opened(void)
{
    const char *path = getenv("WEFT_DOUBLE_OPENED");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file)
        return;
    fputs("opened\n", file);
    fclose(file);
}

int double_cudnnCreate(weft_cudnn *handle)
{
    note_opened();
    DOUBLE_CALLED();
    if (double_get_card()->devices == 0)
        return dnn_refuse(NOT_INITIALIZED, "no device");
    *handle = calloc(1, sizeof **handle);
    double_opened(1);
    return 0;
}

int double_cudnnDestroy(weft_cudnn handle)
{
    const int fault = double_called(__func__); /* gone all the same */
    free(handle);
    double_opened(-1);
    return fault;
}

int double_cudnnSetStream(weft_cudnn handle, weft_cuda_stream stream)
{
    DOUBLE_CALLED();
    handle->stream = stream;
    return 0;
}

/* ---- descriptors ---- */

int double_cudnnBackendCreateDescriptor(int type, weft_cudnn_descriptor *descriptor)
{
    DOUBLE_CALLED();
    dnn_bag *b = calloc(1, sizeof *b);
    b->type = type;
    *descriptor = b;
    double_opened(1);
    return 0;
}

int double_cudnnBackendDestroyDescriptor(weft_cudnn_descriptor descriptor)
{
    const int fault = double_called(__func__); /* gone all the same */
    dnn_bag *b = descriptor;
    for (dnn_attribute *a = b->attributes; a;) {
        dnn_attribute *next = a->next;
        free(a->values);
        free(a);
        a = next;
    }
    drop(b->program);
    free(b);
    double_opened(-1);
    return fault;
}

int double_cudnnBackendSetAttribute(weft_cudnn_descriptor descriptor, int name, int type, int64_t count,
                                    const void *values)
{
    DOUBLE_CALLED();
    dnn_bag *b = descriptor;
    if (b->finalised)
        return dnn_refuse(DNN_BAD_PARAM, "an attribute is set after finalising");
    dnn_attribute *a = calloc(1, sizeof *a);
    *a = (dnn_attribute){ name, type, count, malloc(dnn_size_of(type) * (size_t)count + 1), b->attributes };
    memcpy(a->values, values, dnn_size_of(type) * (size_t)count);
    b->attributes = a;
    return 0;
}

/* ---- plans ---- */

/* {"double": ENGINE, "program": "HEX"} */
static int plan_from_text(dnn_bag *b, const dnn_attribute *text)
{
    const char *at = text->values, *hex = at + JSON_HEAD;
    unsigned char *to;
    if (text->count != JSON_HEAD + 2 * (int64_t)sizeof(dnn_program) + 2 || strncmp(at, "{\"double\":", 10) != 0)
        return dnn_refuse(DNN_BAD_PARAM, "not a plan of the double");
    b->engine = at[10] - '0';
    b->program = calloc(1, sizeof *b->program);
    b->program->users = 1;
    to = (unsigned char *)&b->program->program;
    for (size_t i = 0; i < sizeof(dnn_program); i++) {
        unsigned byte;
        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return dnn_refuse(DNN_BAD_PARAM, "a damaged plan of the double");
        to[i] = (unsigned char)byte;
    }
    return 0;
}

static int finalise_plan(dnn_bag *b)
{
    const dnn_attribute *text = dnn_find(b, API(ATTR_EXECUTION_PLAN_JSON_REPRESENTATION));
    if (text)
        return plan_from_text(b, text);
    const dnn_bag *config = dnn_inner(b, API(ATTR_EXECUTION_PLAN_ENGINE_CONFIG), 0);
    if (!config || !config->program)
        return dnn_refuse(DNN_BAD_PARAM, "a plan without a configuration");
    b->program = take(config->program);
    b->engine = config->engine;
    double_build();
    return 0;
}

int double_cudnnBackendFinalize(weft_cudnn_descriptor descriptor)
{
    DOUBLE_CALLED();
    dnn_bag *b = descriptor;
    int status = 0;
    if (b->type == API(BACKEND_OPERATIONGRAPH_DESCRIPTOR))
        status = dnn_finalise_graph(b);
    else if (b->type == API(BACKEND_EXECUTION_PLAN_DESCRIPTOR))
        status = finalise_plan(b);
    else if (b->type == API(BACKEND_ENGINEHEUR_DESCRIPTOR))
        b->program = take(dnn_inner(b, API(ATTR_ENGINEHEUR_OPERATION_GRAPH), 0)->program);
    b->finalised = status == 0;
    return status;
}

/* ---- asking ---- */

static int give(int64_t wanted, int64_t *count, void *to, int64_t have, const void *from, size_t element)
{
    if (count)
        *count = have;
    if (to)
        memcpy(to, from, element * (size_t)(have < wanted ? have : wanted));
    return 0;
}

static int give_configurations(const dnn_bag *b, int64_t wanted, int64_t *count, void *values)
{
    const bool fallback = dnn_whole(b, API(ATTR_ENGINEHEUR_MODE), 0, 0) == API(HEUR_MODE_FALLBACK);
    const int first = fallback ? 1 : 0, have = 2 - first;
    dnn_bag **configurations = values;
    for (int i = 0; values && i < have && i < wanted; i++) {
        configurations[i]->program = take(b->program);
        configurations[i]->engine = first + i;
        configurations[i]->finalised = true;
    }
    *count = have;
    return 0;
}

static int give_text(const dnn_bag *b, int64_t wanted, int64_t *count, char *to)
{
    const int64_t have = JSON_HEAD + 2 * (int64_t)sizeof(dnn_program) + 2;
    const unsigned char *from = (const unsigned char *)&b->program->program;
    if (count)
        *count = have;
    if (!to || wanted < have)
        return 0;
    memset(to, ' ', JSON_HEAD);
    memcpy(to, "{\"double\":", 10);
    to[10] = (char)('0' + b->engine);
    memcpy(to + JSON_HEAD - 13, ", \"program\":\"", 13);
    for (size_t i = 0; i < sizeof(dnn_program); i++)
        for (int half = 0; half < 2; half++)
            to[JSON_HEAD + 2 * i + (size_t)half] = "0123456789abcdef"[half ? from[i] & 15 : from[i] >> 4];
    memcpy(to + have - 2, "\"}", 2);
    return 0;
}

/* Properties of the card, an H100 but for its memory, when they were not set as text. */
static int give_properties(int64_t wanted, int64_t *count, char *to)
{
    char text[512];
    const double_card *card = double_get_card();
    const int length = snprintf(
        text, sizeof text,
        "{\"deviceName\":\"Double\",\"deviceVer\":%d,\"multiProcessorCount\":132,\"maxSharedMemoryPerBlock\":49152,"
        "\"maxSharedMemoryPerBlockOptin\":232448,\"reservedSharedMemoryPerBlock\":1024,\"maxRegistersPerSM\":65536,"
        "\"regsPerBlock\":65536,\"maxCtasPerSM\":32,\"maxThreadsPerSM\":2048,\"l2CacheSize\":52428800,"
        "\"totalGlobalMem\":%zu}",
        card->major * 100 + card->minor * 10, card->memory);
    return give(wanted, count, to, length, text, 1);
}

int double_cudnnBackendGetAttribute(weft_cudnn_descriptor descriptor, int name, int type, int64_t wanted,
                                    int64_t *count, void *values)
{
    DOUBLE_CALLED();
    dnn_bag *b = descriptor;
    const int notes[] = { API(NUMERICAL_NOTE_TENSOR_CORE), API(NUMERICAL_NOTE_WINOGRAD) };
    const int behaviour = API(BEHAVIOR_NOTE_RUNTIME_COMPILATION);
    const int64_t workspace = b->engine == 0 ? FAST_WORKSPACE : 0, engine = b->engine;
    const dnn_attribute *a = dnn_find(b, name);
    switch (name) {
    case API(ATTR_ENGINEHEUR_RESULTS):
        return give_configurations(b, wanted, count, values);
    case API(ATTR_ENGINECFG_ENGINE):
        ((dnn_bag **)values)[0]->engine = b->engine;
        ((dnn_bag **)values)[0]->program = take(b->program);
        return give(0, count, NULL, 1, NULL, 8);
    case API(ATTR_ENGINECFG_WORKSPACE_SIZE):
    case API(ATTR_EXECUTION_PLAN_WORKSPACE_SIZE):
        return give(wanted, count, values, 1, &workspace, sizeof workspace);
    case API(ATTR_ENGINE_GLOBAL_INDEX):
        return give(wanted, count, values, 1, &engine, sizeof engine);
    case API(ATTR_ENGINE_NUMERICAL_NOTE):
        return give(wanted, count, values, b->engine == 0 ? 1 + double_get_card()->winograd : 0, notes, sizeof *notes);
    case API(ATTR_ENGINE_BEHAVIOR_NOTE):
        return give(wanted, count, values, b->program && b->program->program.n_ops > 2, &behaviour, sizeof behaviour);
    case API(ATTR_EXECUTION_PLAN_JSON_REPRESENTATION):
        return give_text(b, wanted, count, values);
    default:
        if (!a && name == API(ATTR_DEVICEPROP_JSON_REPRESENTATION) && !double_get_card()->silent)
            return give_properties(wanted, count, values);
        if (!a || a->type != type)
            return dnn_refuse(DNN_BAD_PARAM, "an attribute that was not set");
        return give(wanted, count, values, a->count, a->values, dnn_size_of(type));
    }
}

/* ---- running ---- */

typedef struct execution {
    dnn_shared *program;
    void *data[DNN_MAX_TENSOR], *workspace;
    float constant[DNN_MAX_TENSOR];
    int engine;
} execution;

static void run_execution(void *closure)
{
    const execution *e = closure;
    if (e->workspace)
        memset(e->workspace, 0xff, FAST_WORKSPACE);
    dnn_run(&e->program->program, e->data, e->constant);
    if (e->program->program.op[0].descriptor == API(BACKEND_OPERATION_MATMUL_DESCRIPTOR))
        double_multiply(DOUBLE_PLAN);
    double_pass(double_get_card()->engine_ms[e->engine]);
    const int spoilt = double_called("double_spoil");
    if (spoilt)
        dnn_spoil(&e->program->program, e->data, spoilt > 1);
}

static void end_execution(void *closure)
{
    drop(((execution *)closure)->program);
    free(closure);
}

/* Tensor i's memory in the variant pack, or a complaint. */
static int bind_tensor(const dnn_bag *pack, const dnn_tensor *t, void **data, float *constant)
{
    const dnn_attribute *ids = dnn_find(pack, API(ATTR_VARIANT_PACK_UNIQUE_IDS));
    const dnn_attribute *pointers = dnn_find(pack, API(ATTR_VARIANT_PACK_DATA_POINTERS));
    void *found = NULL;
    if (t->is_virtual)
        return 0;
    for (int64_t k = 0; ids && pointers && k < ids->count && k < pointers->count; k++)
        if (((const int64_t *)ids->values)[k] == t->id)
            found = ((void *const *)pointers->values)[k];
    if (!found)
        return dnn_refuse(DNN_BAD_PARAM, "a tensor of the plan has no pointer");
    if (t->by_value) {
        memcpy(constant, found, sizeof *constant);
        return 0;
    }
    if ((uintptr_t)found % (uintptr_t)t->alignment)
        return dnn_refuse(DNN_BAD_PARAM, "a tensor is not aligned as its descriptor says");
    if (!double_on_device(found, (size_t)dnn_extent(t) * weft_dtype_size(t->dtype))) {
        double_complain("a plan is bound to memory that the device does not have");
        return dnn_refuse(DNN_BAD_PARAM, "a tensor is not in device memory");
    }
    *data = found;
    return 0;
}

int double_cudnnBackendExecute(weft_cudnn handle, weft_cudnn_descriptor plan, weft_cudnn_descriptor variant_pack)
{
    DOUBLE_CALLED();
    const dnn_bag *p = plan, *pack = variant_pack;
    if (!p->finalised || !pack->finalised)
        return dnn_refuse(DNN_BAD_PARAM, "a plan or a variant pack is not finalised");
    execution *e = calloc(1, sizeof *e);
    const dnn_attribute *workspace = dnn_find(pack, API(ATTR_VARIANT_PACK_WORKSPACE));
    int status = 0;
    e->program = take(p->program);
    e->engine = p->engine;
    e->workspace = p->engine == 0 && workspace ? *(void *const *)workspace->values : NULL;
    if (p->engine == 0 && !double_on_device(e->workspace, FAST_WORKSPACE)) {
        double_complain("a plan's workspace is missing or too small");
        status = dnn_refuse(DNN_BAD_PARAM, "the workspace is missing or too small");
    }
    for (int i = 0; !status && i < e->program->program.n_tensors; i++)
        status = bind_tensor(pack, &e->program->program.tensor[i], &e->data[i], &e->constant[i]);
    if (status) {
        end_execution(e);
        return status;
    }
    return double_queue(handle->stream, DOUBLE_PLAN, run_execution, e, end_execution);
}
