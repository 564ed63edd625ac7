/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that lie beside the library. */
#include "base/beside.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"

bool weft_beside(const char *file, char path[WEFT_BESIDE_PATH])
{
    static const char *const places[] = { "", "weft/", "../lib/", "../lib/weft/" };
    Dl_info info;
    if (!dladdr(&places, &info) || !info.dli_fname)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    const int length = slash ? (int)(slash - info.dli_fname) : 1;
    for (int i = 0; i < WEFT_COUNT(places); i++) {
        const int used = snprintf(path, WEFT_BESIDE_PATH, "%.*s/%s%s", length, slash ? info.dli_fname : ".", places[i],
                                  file);
        if (used < WEFT_BESIDE_PATH && access(path, R_OK) == 0)
            return true;
    }
    return false;
}
