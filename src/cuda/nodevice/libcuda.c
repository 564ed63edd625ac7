/* SPDX-License-Identifier: Apache-2.0
 *
 * A libcuda.so.1 for machines without NVIDIA's driver: a driver is there, and no GPU. cuInit says so (100); everything
 * else answers "not initialized" (3), as a real driver does after that. With it cuDNN plans for described devices,
 * engines that are compiled by NVRTC included; without any libcuda.so.1 it offers only its precompiled ones.
 * symbols.inc names the driver's functions, from the toolkit's stub library (symbols.sh). It lies beside the plug-in
 * under a name that no loader looks for, and is opened to plan for a target, where there is no driver, and for nothing
 * else (vendor/vendor.c); tests put a link of the driver's name on their library path. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { NO_DEVICE = 100, NOT_INITIALIZED = 3, NOT_FOUND = 500, VERSION = 13000 };

int cuInit(unsigned flags);
int cuDriverGetVersion(int *version);
int cuGetProcAddress_v2(const char *name, void **function, int version, uint64_t flags, int *found);

int cuInit(unsigned flags)
{
    (void)flags;
    return NO_DEVICE;
}

int cuDriverGetVersion(int *version)
{
    *version = VERSION;
    return 0;
}

/* SYMBOL(name): a function that answers nothing. */
#define SYMBOL(name)                                                                                                   \
    int name(void);                                                                                                    \
    int name(void)                                                                                                     \
    {                                                                                                                  \
        return NOT_INITIALIZED;                                                                                        \
    }
#include <symbols.inc>
#undef SYMBOL

/* All that cuGetProcAddress finds. */
typedef void (*any_function)(void);
static const struct {
    const char *name;
    any_function function;
} table[] = {
    { "cuInit", (any_function)cuInit },
    { "cuDriverGetVersion", (any_function)cuDriverGetVersion },
    { "cuGetProcAddress_v2", (any_function)cuGetProcAddress_v2 },
#define SYMBOL(name) { #name, (any_function)name },
#include <symbols.inc>
#undef SYMBOL
};

static any_function find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].name, name) == 0)
            return table[i].function;
    return NULL;
}

/* CUDA's runtime asks for every function of the driver here, by its name without a version. */
int cuGetProcAddress_v2(const char *name, void **function, int version, uint64_t flags, int *found)
{
    char newer[128];
    (void)version;
    (void)flags;
    snprintf(newer, sizeof newer, "%s_v2", name);
    any_function f = find(newer);
    if (!f)
        f = find(name);
    memcpy(function, &f, sizeof *function);
    if (found)
        *found = f ? 0 : 1;
    return f ? 0 : NOT_FOUND;
}
