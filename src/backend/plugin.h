/* SPDX-License-Identifier: Apache-2.0
 *
 * Backends in a library of their own, opened when a device of theirs is first asked for, so that one package of weft
 * serves machines with and without what they need. The library exports one function, weft_plugin_entry; it is handed
 * the few functions of weft that it calls (it cannot link to them: they are hidden), and gives its backend. Both
 * sides are of one build: the version says so. */
#ifndef WEFT_BACKEND_PLUGIN_H
#define WEFT_BACKEND_PLUGIN_H

#include "backend/kernel.h"
#include "op/conv_norm.h"
#include "op/inverted_residual.h"

#define WEFT_PLUGIN_VERSION 7
#define WEFT_PLUGIN_ENTRY "weft_plugin_entry"

/* What weft lends. A backend that is linked in calls the functions themselves. */
typedef struct weft_lent {
    int version;
    size_t device_size, node_size, kernel_size, backend_size; /* of the structs that both sides know */
    weft_status (*fail_v)(weft_status status, const char *format, va_list args);
    weft_status (*fail_in)(weft_status status, const char *format, ...);
    const char *(*error)(void);
    void (*stages_split)(const weft_node *node, weft_stages *stages);
    void (*conv_norm_split)(const weft_node *node, weft_conv_norm *parts);
    const char *(*act_name)(weft_act act);
    void (*pool_run)(weft_pool *pool, int64_t items, weft_task task, void *arg);
} weft_lent;

typedef struct weft_plugin {
    int version;
    const weft_backend *backend;
} weft_plugin;

/* NULL if *lent is of another version. */
typedef const weft_plugin *(*weft_plugin_fn)(const weft_lent *lent);

/* The CUDA backend: from $WEFT_CUDA_PLUGIN, or libweft_cuda.so beside the library or program that this code is in, or
 * in weft/ there. NO_DEVICE says where it was looked for and what the loader said. It stays loaded. */
weft_status weft_plugin_cuda(const weft_backend **out);

#endif
