/* SPDX-License-Identifier: Apache-2.0
 *
 * The entry of the plug-in on doubles: puts the stand-ins in NVIDIA's place, then is the entry of the real one
 * (cuda/plugin.c, compiled here under another name). */
#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "backend/plugin.h"
#include "cuda/double/api.h"
#include "cuda/emu/control.h"

WEFT_API const weft_plugin *weft_plugin_entry(const weft_lent *lent);
WEFT_API const double_api *weft_double_entry(void);
const weft_plugin *weft_real_plugin_entry(const weft_lent *lent);

static void install(void)
{
    static weft_vendor vendor; /* weft_vendor_use keeps the address */
    static weft_nccl nccl;
    vendor = double_vendor();
    nccl = double_nccl();
    emu_set_queue(double_queue_kernel);
    weft_vendor_use(&vendor);
    weft_nccl_use(&nccl);
}

static void reset(void)
{
    double_reset();
    emu_clear();
    install();
}

static const char *complaint(void);

/* For programs: what is open at their end, and what the doubles complain of, as a line of a file; then what NCCL has
 * added up. */
static void close_books(void)
{
    FILE *const file = fopen(getenv("WEFT_DOUBLE_BOOKS"), "a");
    if (file) {
        fprintf(file, "%lld open %s\n%lld summed\n", (long long)double_open_count(), complaint(),
                (long long)double_summed());
        fclose(file);
    }
}

/* "ncclAllReduce 3 1": the third call gives 1. */
static void fail_as(const char *wanted)
{
    static char function[64];
    long long nth;
    int error;
    if (wanted && sscanf(wanted, "%63s %lld %d", function, &nth, &error) == 3)
        double_fail(function, nth, error);
}

static const char *complaint(void)
{
    return double_complaint()[0] ? double_complaint() : emu_fault();
}

const weft_plugin *weft_plugin_entry(const weft_lent *lent)
{
    const char *spoil = getenv("WEFT_DOUBLE_SPOIL"); /* for programs, which have no other way to ask for it */
    const char *cards = getenv("WEFT_DOUBLE_CARDS"); /* how many there are */
    const char *lose = getenv("WEFT_DOUBLE_LOSE");   /* the launch after which the card answers nothing any more */
    if (double_get_card()->memory == 0) {
        reset();
        double_get_card()->late = getenv("WEFT_DOUBLE_LATE") != NULL;
        if (cards)
            double_get_card()->devices = atoi(cards);
        fail_as(getenv("WEFT_DOUBLE_FAIL"));
        if (getenv("WEFT_DOUBLE_BOOKS"))
            atexit(close_books);
        if (spoil)
            double_fail("spoil", atoll(spoil), 1);
        if (lose) {
            double_get_card()->lost = 700;
            double_fail("launch", atoll(lose), 700);
        }
    }
    install();
    return weft_real_plugin_entry(lent);
}

const double_api *weft_double_entry(void)
{
    static const double_api api = { reset, double_get_card, double_fail, double_fault_calls,
                                    double_open_count, double_memory_used, double_get_counts, complaint };
    return &api;
}
