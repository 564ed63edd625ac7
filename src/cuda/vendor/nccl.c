/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening NCCL. */
#include "cuda/vendor/nccl.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "cuda/vendor/find.h"

/* The first version whose calls need not wait, and that can be recorded. */
enum { NEEDED = 21400, END = 30000 };
static const char SONAME[] = "libnccl.so.2", PACKAGE[] = "libnccl2";

static const struct {
    const char *symbol;
    size_t at;
} functions[] = {
#define ROW(library, result, symbol, parameters) { #symbol, offsetof(weft_nccl, symbol) },
    WEFT_NCCL_FUNCTIONS(ROW)
#undef ROW
};

static const weft_nccl *double_of; /* set by tests only, before any thread asks */

void weft_nccl_use(const weft_nccl *stand_in)
{
    double_of = stand_in;
}

void weft_nccl_version_text(int version, char *buf, size_t size)
{
    snprintf(buf, size, "%d.%d.%d", version / 10000, version / 100 % 100, version % 100);
}

/* Of a library whose functions are there. */
static bool check_version(weft_nccl *nccl, weft_vendor_piece *piece)
{
    if (nccl->ncclGetVersion(&nccl->version) != WEFT_NCCL_SUCCESS)
        nccl->version = 0;
    weft_nccl_version_text(nccl->version, piece->version, sizeof piece->version);
    piece->found = nccl->version >= NEEDED && nccl->version < END;
    if (!piece->found)
        snprintf(piece->missing, sizeof piece->missing, "version %s was found, 2.14 or a later 2 is needed; install %s",
                 piece->version, PACKAGE);
    return piece->found;
}

static bool read_functions(weft_nccl *nccl, void *handle, weft_vendor_piece *piece)
{
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        void *const symbol = dlsym(handle, functions[i].symbol);
        if (!symbol) {
            snprintf(piece->missing, sizeof piece->missing, "it has no function %s: too old; install %s",
                     functions[i].symbol, PACKAGE);
            return false;
        }
        memcpy((char *)nccl + functions[i].at, &symbol, sizeof symbol);
    }
    return true;
}

typedef struct opening {
    weft_nccl *nccl;
    weft_vendor_piece *piece;
} opening;

/* One file that may be it. It stays mapped once it is taken: what it registers with the driver must not vanish. */
static bool try_file(const char *path, void *user)
{
    const opening *const o = user;
    void *const handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *const reason = dlerror();
        if (!o->piece->missing[0])
            snprintf(o->piece->missing, sizeof o->piece->missing, "%.150s; install %s", reason ? reason : "not found",
                     PACKAGE);
        return false;
    }
    o->piece->missing[0] = '\0';
    if (read_functions(o->nccl, handle, o->piece) && check_version(o->nccl, o->piece)) {
        o->nccl->library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        weft_vendor_path_of(handle, o->piece->path, sizeof o->piece->path);
    }
    dlclose(handle);
    return o->piece->found;
}

static void open_nccl(weft_nccl *nccl, weft_vendor_piece *piece)
{
    *nccl = (weft_nccl){ .version = 0 };
    *piece = (weft_vendor_piece){ .what = "NCCL", .library = SONAME, .optional = true };
    if (double_of) {
        *nccl = *double_of;
        (void)check_version(nccl, piece);
        return;
    }
    weft_vendor_find(SONAME, try_file, &(opening){ nccl, piece });
}

weft_status weft_nccl_load(weft_nccl *out)
{
    weft_nccl nccl;
    weft_vendor_piece piece;
    open_nccl(&nccl, &piece);
    if (!piece.found)
        return weft_fail(WEFT_NO_DEVICE, "NCCL (%s): %s", SONAME, piece.missing);
    *out = nccl;
    return WEFT_OK;
}

void weft_nccl_close(weft_nccl *nccl)
{
    if (nccl->library)
        dlclose(nccl->library);
    *nccl = (weft_nccl){ .version = 0 };
}

void weft_nccl_probe(weft_vendor_piece *piece)
{
    weft_nccl nccl;
    open_nccl(&nccl, piece);
    if (!piece->found) {
        char reason[sizeof piece->missing];
        snprintf(reason, sizeof reason, "%s", piece->missing);
        snprintf(piece->missing, sizeof piece->missing, "only several cards need it: %.200s", reason);
    }
    weft_nccl_close(&nccl);
}
