/* SPDX-License-Identifier: Apache-2.0
 *
 * cuDNN on one device, present or described, and running plans on it. */
#include "cuda/dnn/plan.h"

#include <inttypes.h>
#include <string.h>

#define API(name) WEFT_CUDNN_##name

/* ---- the device ---- */

/* The properties come from a JSON text or from the handle of the card; nothing else differs between planning for one
 * and for the other. */
static weft_status make_properties(weft_dnn *dnn, const char *json)
{
    const weft_vendor *vendor = dnn->vendor;
    const char *const what = "device properties";
    weft_cudnn_descriptor d = NULL;
    int failed = vendor->cudnnBackendCreateDescriptor(API(BACKEND_DEVICEPROP_DESCRIPTOR), &d);
    if (failed)
        return weft_vendor_cudnn_failed(vendor, failed, "cudnnBackendCreateDescriptor", what);
    dnn->properties = d;
    failed = json ? vendor->cudnnBackendSetAttribute(d, API(ATTR_DEVICEPROP_JSON_REPRESENTATION), API(TYPE_CHAR),
                                                     (int64_t)strlen(json), json)
                  : vendor->cudnnBackendSetAttribute(d, API(ATTR_DEVICEPROP_HANDLE), API(TYPE_HANDLE), 1, &dnn->handle);
    if (failed)
        return weft_vendor_cudnn_failed(vendor, failed, "cudnnBackendSetAttribute", what);
    failed = vendor->cudnnBackendFinalize(d);
    return failed ? weft_vendor_cudnn_failed(vendor, failed, "cudnnBackendFinalize", what) : WEFT_OK;
}

/* The properties as cuDNN's JSON text; NULL if it does not print them. */
static weft_status read_properties(const weft_dnn *dnn, char **out)
{
    const weft_vendor *vendor = dnn->vendor;
    const int attribute = API(ATTR_DEVICEPROP_JSON_REPRESENTATION);
    int64_t size = 0;
    *out = NULL;
    if (vendor->cudnnBackendGetAttribute(dnn->properties, attribute, API(TYPE_CHAR), 0, &size, NULL) != 0 ||
        size <= 0 || size > 1 << 20)
        return WEFT_OK;
    char *text = weft_calloc(dnn->allocator, (size_t)size + 1, 1);
    if (!text)
        return WEFT_NO_MEMORY;
    if (vendor->cudnnBackendGetAttribute(dnn->properties, attribute, API(TYPE_CHAR), size, &size, text) == 0) {
        *out = text;
        return WEFT_OK;
    }
    weft_free(dnn->allocator, text);
    return WEFT_OK;
}

/* Opens the cache. A card that is not described well enough has none: nothing says for which others its plans hold. */
static weft_status open_cache(weft_dnn *dnn, const weft_dnn_opt *opt)
{
    char *json;
    WEFT_TRY(read_properties(dnn, &json));
    const bool described = json && weft_dnn_kind_of_device(json, dnn->device, sizeof dnn->device);
    weft_free(dnn->allocator, json);
    return described ? weft_dnn_cache_open(dnn->allocator, opt->cache, opt->cache_limit, &dnn->cache) : WEFT_OK;
}

static weft_status open_dnn(weft_dnn *dnn, const weft_dnn_opt *opt)
{
    if (!opt->properties) {
        WEFT_TRY(weft_vendor_need_device(dnn->vendor, opt->device));
        const int failed = dnn->vendor->cudnnCreate(&dnn->handle);
        if (failed)
            return weft_vendor_cudnn_failed(dnn->vendor, failed, "cudnnCreate", "cuDNN");
    }
    WEFT_TRY(make_properties(dnn, opt->properties));
    return open_cache(dnn, opt);
}

weft_status weft_dnn_create(const weft_vendor *vendor, const weft_allocator *allocator, const weft_dnn_opt *opt,
                            weft_dnn **out)
{
    weft_dnn *dnn = weft_calloc(allocator, 1, sizeof *dnn);
    if (!dnn)
        return WEFT_NO_MEMORY;
    dnn->vendor = vendor;
    dnn->allocator = allocator;
    const weft_status status = open_dnn(dnn, opt);
    if (status != WEFT_OK) {
        weft_dnn_destroy(dnn);
        return status;
    }
    *out = dnn;
    return WEFT_OK;
}

void weft_dnn_destroy(weft_dnn *dnn)
{
    if (!dnn)
        return;
    weft_dnn_cache_close(dnn->cache);
    if (dnn->properties)
        dnn->vendor->cudnnBackendDestroyDescriptor(dnn->properties);
    if (dnn->handle)
        dnn->vendor->cudnnDestroy(dnn->handle);
    weft_free(dnn->allocator, dnn);
}

/* ---- running ---- */

/* Pointers in order of the graph's tensors. */
static weft_status bind(const weft_dnn_plan *plan, const weft_dnn_binding *binding, int count, int64_t *ids,
                        const void **data, int *n)
{
    const weft_dnn_graph *graph = &plan->graph;
    for (int i = 0; i < graph->n_tensors; i++) {
        const weft_dnn_tensor *t = &graph->tensor[i];
        if (t->is_virtual)
            continue;
        const void *ptr = t->constant ? &t->value : NULL;
        for (int b = 0; b < count && !ptr; b++)
            if (binding[b].id == t->id)
                ptr = binding[b].data;
        const uintptr_t alignment = t->alignment ? (uintptr_t)t->alignment : 16;
        if (!ptr || (!t->constant && (uintptr_t)ptr % alignment != 0))
            return weft_fail(WEFT_INVALID, "%s: tensor '%s' is %s", graph->name, t->name,
                             ptr ? "not aligned as its plan expects" : "not bound");
        ids[*n] = t->id;
        data[(*n)++] = ptr;
    }
    return WEFT_OK;
}

static int make_pack(const weft_vendor *vendor, weft_cudnn_descriptor pack, const int64_t *ids,
                     const void *const *data, int n, void *workspace)
{
    int failed = vendor->cudnnBackendSetAttribute(pack, API(ATTR_VARIANT_PACK_UNIQUE_IDS), API(TYPE_INT64), n, ids);
    if (!failed)
        failed =
            vendor->cudnnBackendSetAttribute(pack, API(ATTR_VARIANT_PACK_DATA_POINTERS), API(TYPE_VOID_PTR), n, data);
    if (!failed)
        failed =
            vendor->cudnnBackendSetAttribute(pack, API(ATTR_VARIANT_PACK_WORKSPACE), API(TYPE_VOID_PTR), 1, &workspace);
    return failed ? failed : vendor->cudnnBackendFinalize(pack);
}

weft_status weft_dnn_plan_run(weft_dnn_plan *plan, weft_cuda_stream stream, const weft_dnn_binding *binding, int count,
                              void *workspace)
{
    const weft_dnn *dnn = plan->dnn;
    const weft_vendor *vendor = dnn->vendor;
    int64_t ids[WEFT_DNN_MAX_TENSOR];
    const void *data[WEFT_DNN_MAX_TENSOR];
    int n = 0;
    if (!dnn->handle)
        return weft_fail(WEFT_NO_DEVICE, "%s: planned for a described device, which runs nothing", plan->graph.name);
    if (plan->info.workspace > 0 && !workspace)
        return weft_fail(WEFT_INVALID, "%s: %zu bytes of workspace are needed, none were given", plan->graph.name,
                         plan->info.workspace);
    WEFT_TRY(bind(plan, binding, count, ids, data, &n));
    weft_cudnn_descriptor pack = NULL;
    int failed = vendor->cudnnBackendCreateDescriptor(API(BACKEND_VARIANT_PACK_DESCRIPTOR), &pack);
    const char *call = "variant pack";
    if (!failed)
        failed = make_pack(vendor, pack, ids, data, n, workspace);
    if (!failed) {
        call = "cudnnSetStream";
        failed = vendor->cudnnSetStream(dnn->handle, stream);
    }
    const bool executed = !failed;
    if (executed) {
        call = "cudnnBackendExecute";
        failed = vendor->cudnnBackendExecute(dnn->handle, plan->plan, pack);
    }
    /* The sentence first: destroying may overwrite cuDNN's. */
    const weft_status status = failed ? weft_vendor_cudnn_failed(vendor, failed, call, plan->graph.name) : WEFT_OK;
    if (pack)
        vendor->cudnnBackendDestroyDescriptor(pack);
    return executed && failed ? WEFT_UNSUPPORTED : status;
}
