/* SPDX-License-Identifier: Apache-2.0
 *
 * The devices that weft knows, and their names. The CUDA backend is a plug-in, opened when it is asked for. */
#include "backend/devices.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/plugin.h"
#include "base/nearest.h"

static weft_status get_cpu(const weft_backend **out)
{
    *out = &weft_backend_cpu;
    return WEFT_OK;
}

static weft_status get_null(const weft_backend **out)
{
    *out = &weft_backend_null;
    return WEFT_OK;
}

static const struct {
    const char *name, *description; /* where the backend itself is not there to say more */
    weft_status (*get)(const weft_backend **out);
} devices[] = {
    { "cpu", "own SIMD kernels", get_cpu },
    { "null", "plans and records, runs nothing", get_null },
    { "cuda", "NVIDIA GPU", weft_plugin_cuda },
};

int weft_device_count(void)
{
    return WEFT_COUNT(devices);
}

weft_status weft_device_get(int index, weft_device_info *out)
{
    if (index < 0 || index >= weft_device_count() || !out)
        return weft_fail(WEFT_INVALID, "device %d: there are %d", index, weft_device_count());
    weft_device_info info = { .available = false };
    const weft_backend *backend = NULL;
    snprintf(info.name, sizeof info.name, "%s", devices[index].name);
    snprintf(info.description, sizeof info.description, "%s", devices[index].description);
    if (devices[index].get(&backend) == WEFT_OK)
        backend->info(&info);
    else
        snprintf(info.missing, sizeof info.missing, "%s", weft_error());
    *out = info;
    return WEFT_OK;
}

int weft_device_pieces(int index, weft_device_piece *out, int room)
{
    const weft_backend *backend = NULL;
    if (index < 0 || index >= weft_device_count() || (room > 0 && !out) || devices[index].get(&backend) != WEFT_OK)
        return 0;
    return backend->pieces ? backend->pieces(out, room) : 0;
}

static const char *device_name(const void *list, int index)
{
    (void)list;
    return devices[index].name;
}

/* "cuda:1" is device 1 of "cuda". */
static weft_status split(const char *text, size_t *length, int *index)
{
    const char *colon = strchr(text, ':');
    *length = colon ? (size_t)(colon - text) : strlen(text);
    *index = 0;
    if (!colon)
        return WEFT_OK;
    char *end;
    const long n = strtol(colon + 1, &end, 10);
    if (!isdigit((unsigned char)colon[1]) || *end || n > 255)
        return weft_fail(WEFT_INVALID, "device '%s': after ':' a number from 0 to 255 is expected", text);
    *index = (int)n;
    return WEFT_OK;
}

/* "auto": cuda if there is one, else the CPU. */
static const char *best_device(void)
{
    const weft_backend *backend = NULL;
    weft_device_info info = { .available = false };
    if (weft_plugin_cuda(&backend) == WEFT_OK)
        backend->info(&info);
    return info.available ? "cuda" : "cpu";
}

weft_status weft_find_backend(const char *text, const weft_backend **backend, int *index)
{
    if (!text)
        text = devices[0].name;
    else if (strcmp(text, "auto") == 0)
        text = best_device();
    size_t length;
    WEFT_TRY(split(text, &length, index));
    for (int i = 0; i < weft_device_count(); i++) {
        const char *name = devices[i].name;
        if (strlen(name) != length || strncmp(text, name, length) != 0)
            continue;
        const weft_status status = devices[i].get(backend);
        return status == WEFT_OK ? WEFT_OK : weft_fail_in(status, "device %s", text);
    }
    const int near = weft_nearest(text, device_name, NULL, weft_device_count());
    return weft_fail(WEFT_INVALID, "unknown device '%s': did you mean '%s'?", text,
                     device_name(NULL, near < 0 ? 0 : near));
}
