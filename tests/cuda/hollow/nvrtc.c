/* SPDX-License-Identifier: Apache-2.0
 *
 * A libnvrtc.so.13 that compiles nothing: every program is a success, its code a few bytes that are no code. Without a
 * device cuDNN looks at none of it. So it answers whether it has a plan, and by which engine, as with the compiler, a
 * hundred times as fast: whether an engine takes a layer is decided before its program is written. What is planned so
 * cannot run. For tests/cuda/plans.c, whose samples ask with the compiler itself.
 * cuDNN also calls the compiler by a name of its own, which the linker makes (vendors.cmake). */
#include <stddef.h>
#include <string.h>

enum { MAJOR = 13, MINOR = 0, SIZE = 4096 };

static const int archs[] = { 75, 80, 86, 89, 90, 100, 120 };
static int program; /* the only one: nothing of it is kept */

/* nvrtcResult NVRTC_SUCCESS. */
#define SUCCEED(name, parameters, ...)                                                                                 \
    int name parameters;                                                                                               \
    int name parameters                                                                                                \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
        return 0;                                                                                                      \
    }

/* The size of a result, and the result. */
#define GIVE(size, name)                                                                                               \
    SUCCEED(size, (void *prog, size_t *n), (void)prog, *n = SIZE)                                                      \
    SUCCEED(name, (void *prog, char *to), (void)prog, memset(to, 0, SIZE))

GIVE(nvrtcGetCUBINSize, nvrtcGetCUBIN)
GIVE(nvrtcGetPTXSize, nvrtcGetPTX)
GIVE(nvrtcGetLTOIRSize, nvrtcGetLTOIR)
SUCCEED(nvrtcGetProgramLogSize, (void *prog, size_t *n), (void)prog, *n = 1)
SUCCEED(nvrtcGetProgramLog, (void *prog, char *to), (void)prog, *to = '\0')
SUCCEED(nvrtcVersion, (int *major, int *minor), *major = MAJOR, *minor = MINOR)
SUCCEED(nvrtcGetNumSupportedArchs, (int *n), *n = sizeof archs / sizeof archs[0])
SUCCEED(nvrtcGetSupportedArchs, (int *to), memcpy(to, archs, sizeof archs))
SUCCEED(nvrtcCreateProgram,
        (void **prog, const char *source, const char *name, int n, const char *const *headers,
         const char *const *includes),
        (void)source, (void)name, (void)n, (void)headers, (void)includes, *prog = &program)
SUCCEED(nvrtcCompileProgram, (void *prog, int n, const char *const *options), (void)prog, (void)n, (void)options)
SUCCEED(nvrtcDestroyProgram, (void **prog), *prog = NULL)
SUCCEED(nvrtcAddNameExpression, (void *prog, const char *name), (void)prog, (void)name)
SUCCEED(nvrtcGetLoweredName, (void *prog, const char *name, const char **lowered), (void)prog, *lowered = name)

const char *nvrtcGetErrorString(int result);
const char *nvrtcGetErrorString(int result)
{
    return result ? "not compiled" : "success";
}
