/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening the CUDA plug-in. Nothing is remembered here: the loader counts, and a library once opened stays
 * (RTLD_NODELETE), since the vendor's libraries below it start threads. */
#include "backend/plugin.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/beside.h"

static const weft_lent lent = {
    .version = WEFT_PLUGIN_VERSION,
    .device_size = sizeof(weft_device),
    .node_size = sizeof(weft_node),
    .kernel_size = sizeof(weft_kernel),
    .backend_size = sizeof(weft_backend),
    .fail_v = weft_fail_v,
    .fail_in = weft_fail_in,
    .error = weft_error,
    .stages_split = weft_stages_split,
    .conv_norm_split = weft_conv_norm_split_forward,
    .act_name = weft_act_name,
    .pool_run = weft_pool_run,
};

static weft_status open_plugin(const char *path, const weft_backend **out)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library) {
        const char *why = dlerror();
        return weft_fail(WEFT_NO_DEVICE, "cannot load the CUDA plug-in: %s", why ? why : path);
    }
    void *symbol = dlsym(library, WEFT_PLUGIN_ENTRY);
    weft_plugin_fn entry = NULL;
    memcpy(&entry, &symbol, sizeof entry);
    const weft_plugin *plugin = entry ? entry(&lent) : NULL;
    dlclose(library);
    if (!plugin || plugin->version != WEFT_PLUGIN_VERSION)
        return weft_fail(WEFT_NO_DEVICE, "%s is not a plug-in of this build of weft: install both from one build",
                         path);
    *out = plugin->backend;
    return WEFT_OK;
}

weft_status weft_plugin_cuda(const weft_backend **out)
{
    const char *named = getenv("WEFT_CUDA_PLUGIN");
    char path[WEFT_BESIDE_PATH];
    if (named && *named)
        return open_plugin(named, out);
    if (weft_beside("libweft_cuda.so", path))
        return open_plugin(path, out);
    return weft_fail(WEFT_NO_DEVICE,
                     "the CUDA plug-in, libweft_cuda.so, is not beside libweft: build weft where the CUDA toolkit and "
                     "cuDNN's headers are installed, or set WEFT_CUDA_PLUGIN to its path");
}
