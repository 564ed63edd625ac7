/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages by MPI. All is in requests of their own that are asked after, since only so a rank that does not answer can
 * be given up; sums are made by who calls this. MPI is entered by one thread, which is its main thread. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/status.h>

#include "ranks/transport.h"

typedef struct mpi_link {
    MPI_Comm comm;
    MPI_Request *requests; /* [slots] */
    char why[WEFT_TRANSPORT_WHY];
} mpi_link;

/* The program's, for MPI can be entered once in its life. */
static mpi_link only;

static bool check(mpi_link *l, int code)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int length = 0;
    if (code == MPI_SUCCESS)
        return true;
    MPI_Error_string(code, text, &length);
    snprintf(l->why, sizeof l->why, "%.*s", (int)sizeof l->why - 1, text);
    return false;
}

/* "Open MPI v4.1.4", of a line that may say much more. */
static void name_library(char *to, size_t size)
{
    char text[MPI_MAX_LIBRARY_VERSION_STRING] = "";
    int length = 0;
    MPI_Get_library_version(text, &length);
    for (char *at = text; *at; at++)
        if (*at == '\t')
            *at = ' ';
    text[strcspn(text, ",\n")] = '\0';
    snprintf(to, size, "%.*s", (int)size - 1, text);
}

static bool count_local(mpi_link *l, int *count)
{
    MPI_Comm here;
    bool well = check(l, MPI_Comm_split_type(l->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here));
    well = well && check(l, MPI_Comm_size(here, count));
    return well && check(l, MPI_Comm_free(&here));
}

static bool enter(mpi_link *l, weft_transport_facts *facts)
{
    int entered = 0, level = 0;
    MPI_Initialized(&entered);
    if (entered) {
        snprintf(l->why, sizeof l->why, "MPI was entered before, and ends with who did so");
        return false;
    }
    if (!check(l, MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &level)))
        return false;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (!check(l, MPI_Comm_dup(MPI_COMM_WORLD, &l->comm)))
        return false;
    MPI_Comm_set_errhandler(l->comm, MPI_ERRORS_RETURN);
    name_library(facts->name, sizeof facts->name);
    return check(l, MPI_Comm_rank(l->comm, &facts->rank)) && check(l, MPI_Comm_size(l->comm, &facts->size)) &&
           count_local(l, &facts->local);
}

static bool open_link(void *given, void **link, weft_transport_facts *facts)
{
    (void)given;
    mpi_link *const l = &only;
    bool well = enter(l, facts);
    if (well) {
        const int slots = weft_transport_slots(facts->size);
        l->requests = malloc((size_t)slots * sizeof *l->requests);
        for (int i = 0; l->requests && i < slots; i++)
            l->requests[i] = MPI_REQUEST_NULL;
        well = l->requests;
        if (!well)
            snprintf(l->why, sizeof l->why, "out of memory");
    }
    if (well)
        *link = l;
    else
        snprintf(facts->why, sizeof facts->why, "MPI cannot be entered: %.*s", (int)sizeof facts->why - 32, l->why);
    return well;
}

static bool send_to(void *link, int slot, int to, int tag, const void *data, size_t bytes)
{
    mpi_link *const l = link;
    return check(l, MPI_Isend(data, (int)bytes, MPI_BYTE, to, tag, l->comm, &l->requests[slot]));
}

static bool receive_from(void *link, int slot, int from, int tag, void *data, size_t bytes)
{
    mpi_link *const l = link;
    return check(l, MPI_Irecv(data, (int)bytes, MPI_BYTE, from, tag, l->comm, &l->requests[slot]));
}

static bool is_over(void *link, int slot, bool *well)
{
    mpi_link *const l = link;
    int over = 0;
    if (!check(l, MPI_Test(&l->requests[slot], &over, MPI_STATUS_IGNORE))) {
        *well = false;
        return true;
    }
    return over;
}

static const char *why(void *link)
{
    return ((const mpi_link *)link)->why;
}

static void close_link(void *link)
{
    mpi_link *const l = link;
    MPI_Comm_free(&l->comm);
    MPI_Finalize();
    free(l->requests);
    l->requests = NULL;
}

WEFT_API const weft_transport *weft_transport_entry(int version);

const weft_transport *weft_transport_entry(int version)
{
    static const weft_transport transport = { WEFT_TRANSPORT_VERSION, open_link, send_to, receive_from,
                                              is_over,                why,       close_link };
    return version == WEFT_TRANSPORT_VERSION ? &transport : NULL;
}
