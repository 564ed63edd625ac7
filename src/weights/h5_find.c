/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the weft-h5 helper is: never searched for along PATH, so that nobody else's program is run. */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "weights/h5_process.h"

/* Seen from the folder of the library or of the program. Installing may put both elsewhere: the build says where. */
static const char *const places[] = {
#ifdef WEFT_H5_FROM_LIBRARY
    WEFT_H5_FROM_LIBRARY,
#endif
#ifdef WEFT_H5_FROM_PROGRAM
    WEFT_H5_FROM_PROGRAM,
#endif
    "../libexec/weft/weft-h5",
    "bin/weft-h5", /* build tree: the library lies at its root */
    "weft-h5",     /* and the program beside the helper */
};

/* The folder of the file that this code was loaded from, links resolved. */
static bool own_folder(char folder[PATH_MAX])
{
    static const char here;
    Dl_info info;
    char file[PATH_MAX];
    /* The program's own name is what its caller said it is; a library's is where the loader found it. */
    const bool library = dladdr(&here, &info) != 0 && info.dli_fname && strstr(info.dli_fname, ".so") != NULL;
    if (!library || !realpath(info.dli_fname, file)) {
        const ssize_t length = readlink("/proc/self/exe", file, sizeof file - 1);
        if (length <= 0)
            return false;
        file[length] = '\0';
    }
    char *slash = strrchr(file, '/');
    if (!slash)
        return false;
    *slash = '\0';
    memcpy(folder, file, (size_t)(slash - file) + 1);
    return true;
}

weft_status weft_h5_find(const char *path, char buf[WEFT_H5_PATH])
{
    const char *chosen = secure_getenv("WEFT_H5_HELPER");
    if (chosen && chosen[0]) {
        if (snprintf(buf, WEFT_H5_PATH, "%s", chosen) < WEFT_H5_PATH)
            return WEFT_OK;
        return weft_fail(WEFT_UNSUPPORTED, "%s: WEFT_H5_HELPER names a program by more than %d bytes", path,
                         WEFT_H5_PATH - 1);
    }
    char folder[PATH_MAX];
    const bool known = own_folder(folder);
    for (int i = 0; known && i < WEFT_COUNT(places); i++) {
        const int length = snprintf(buf, WEFT_H5_PATH, "%s/%s", folder, places[i]);
        if (length < WEFT_H5_PATH && access(buf, X_OK) == 0)
            return WEFT_OK;
    }
    return weft_fail(WEFT_UNSUPPORTED, "%s: Keras' HDF5 files are read by the program weft-h5, which is not installed "
                     "(looked for from %s): install libhdf5-dev and build weft again, or name the program in "
                     "WEFT_H5_HELPER", path, known ? folder : "an unknown folder");
}
