/* SPDX-License-Identifier: Apache-2.0
 *
 * What a launcher of MPI has said in the environment, and the plug-in that knows MPI. weft itself is not linked to it:
 * one program serves machines with and without. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "base/beside.h"
#include "base/error.h"
#include "ranks/ranks.h"

/* ---- the launcher ---- */

/* The variables of Open MPI, of MPICH and its relatives (and Slurm's old interface), of MVAPICH, and of PMIx, which
 * says who one is, but where Slurm does not help not of how many. */
static const struct {
    const char *rank, *size;
} launchers[] = {
    { "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE" },
    { "PMI_RANK", "PMI_SIZE" },
    { "MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE" },
    { "PMIX_RANK", "SLURM_STEP_NUM_TASKS" },
};

/* A variable's number; -1: there is none. */
static int number(const char *variable)
{
    const char *const text = getenv(variable);
    char *end;
    const long n = text ? strtol(text, &end, 10) : -1;
    return text && end != text && *end == '\0' && n >= 0 && n < 1 << 24 ? (int)n : -1;
}

void weft_ranks_launched(int *rank, int *size)
{
    int who = 0, of = 1;
    for (int i = 0; i < WEFT_COUNT(launchers); i++) {
        const int r = number(launchers[i].rank), n = number(launchers[i].size);
        if (r < 0)
            continue;
        who = r;
        of = n < 0 ? 0 : n;
        break;
    }
    if (rank)
        *rank = who;
    if (size)
        *size = of;
}

/* ---- the plug-in ---- */

static weft_status open_plugin(const char *path, const weft_transport **out)
{
    /* It stays, for what it opens starts threads; its names are seen by the parts of MPI that it loads itself. */
    void *library = dlopen(path, RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
    if (!library) {
        const char *why = dlerror();
        return weft_fail(WEFT_NO_DEVICE, "cannot load the plug-in of MPI: %s", why ? why : path);
    }
    void *symbol = dlsym(library, WEFT_TRANSPORT_ENTRY);
    weft_transport_fn entry = NULL;
    memcpy(&entry, &symbol, sizeof entry);
    const weft_transport *transport = entry ? entry(WEFT_TRANSPORT_VERSION) : NULL;
    dlclose(library);
    if (!transport || transport->version != WEFT_TRANSPORT_VERSION)
        return weft_fail(WEFT_NO_DEVICE, "%s is not a plug-in of this build of weft: install both from one build",
                         path);
    *out = transport;
    return WEFT_OK;
}

weft_status weft_transport_mpi(const weft_transport **out)
{
    const char *named = getenv("WEFT_MPI_PLUGIN");
    char path[WEFT_BESIDE_PATH];
    if (named && *named)
        return open_plugin(named, out);
    if (weft_beside("libweft_mpi.so", path))
        return open_plugin(path, out);
    return weft_fail(WEFT_NO_DEVICE, "the plug-in of MPI, libweft_mpi.so, is not beside libweft: build weft where MPI "
                                     "is installed (Debian: libopenmpi-dev), or set WEFT_MPI_PLUGIN to its path");
}

/* As many as the launcher started: an MPI that is not the launcher's knows nothing of it, and believes to be alone. */
static weft_status check_size(const weft_ranks *r, int launched)
{
    if (launched == 0 || launched == r->facts.size)
        return WEFT_OK;
    return weft_fail(WEFT_NO_DEVICE, "the launcher has started %d processes, but %s, with which weft's plug-in was "
                     "built, knows of %d: start weft with the mpirun of that MPI", launched, r->facts.name,
                     r->facts.size);
}

weft_status weft_ranks_join(const weft_ranks_opt *opt, weft_ranks **out)
{
    const weft_transport *transport = NULL;
    weft_ranks *ranks = NULL;
    int launched;
    if (!out)
        return weft_fail(WEFT_INVALID, "weft_ranks_join: out must not be NULL");
    weft_ranks_launched(NULL, &launched);
    WEFT_TRY(weft_transport_mpi(&transport));
    WEFT_TRY(weft_ranks_join_by(transport, NULL, opt, &ranks));
    const weft_status status = check_size(ranks, launched);
    if (status != WEFT_OK) {
        weft_ranks_leave(ranks, weft_error());
        return status;
    }
    *out = ranks;
    return WEFT_OK;
}
