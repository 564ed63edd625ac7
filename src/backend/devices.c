/* SPDX-License-Identifier: Apache-2.0
 *
 * The devices of this build, and their names. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/devices.h"
#include "base/nearest.h"

const weft_backend *const weft_backends[] = { &weft_backend_cpu, &weft_backend_null, NULL };

/* Devices that weft knows and this build has no backend for. */
static const struct {
    const char *name, *description, *missing;
} absent[] = {
    { "cuda", "NVIDIA GPU", "this build has no CUDA backend: libweft_cuda.so is not part of it" },
};

enum { PRESENT = WEFT_COUNT(weft_backends) - 1 };

int weft_device_count(void)
{
    return PRESENT + WEFT_COUNT(absent);
}

weft_status weft_device_get(int index, weft_device_info *out)
{
    if (index < 0 || index >= weft_device_count() || !out)
        return weft_fail(WEFT_INVALID, "device %d: there are %d", index, weft_device_count());
    weft_device_info info = { .available = false };
    if (index < PRESENT) {
        snprintf(info.name, sizeof info.name, "%s", weft_backends[index]->name);
        weft_backends[index]->info(&info);
    } else {
        snprintf(info.name, sizeof info.name, "%s", absent[index - PRESENT].name);
        snprintf(info.description, sizeof info.description, "%s", absent[index - PRESENT].description);
        snprintf(info.missing, sizeof info.missing, "%s", absent[index - PRESENT].missing);
    }
    *out = info;
    return WEFT_OK;
}

static const char *device_name(const void *list, int index)
{
    (void)list;
    return index < PRESENT ? weft_backends[index]->name : absent[index - PRESENT].name;
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

weft_status weft_find_backend(const char *text, const weft_backend **backend, int *index)
{
    if (!text || strcmp(text, "auto") == 0)
        text = weft_backends[0]->name;
    size_t length;
    WEFT_TRY(split(text, &length, index));
    for (int i = 0; i < weft_device_count(); i++) {
        const char *name = device_name(NULL, i);
        if (strlen(name) != length || strncmp(text, name, length) != 0)
            continue;
        if (i >= PRESENT)
            return weft_fail(WEFT_NO_DEVICE, "device %s: %s", text, absent[i - PRESENT].missing);
        *backend = weft_backends[i];
        return WEFT_OK;
    }
    const int near = weft_nearest(text, device_name, NULL, weft_device_count());
    return weft_fail(WEFT_INVALID, "unknown device '%s': did you mean '%s'?", text,
                     device_name(NULL, near < 0 ? 0 : near));
}
