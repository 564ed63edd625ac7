/* SPDX-License-Identifier: Apache-2.0
 *
 * One refusal, examined. */
#include "weights/malformed.h"

#include <check.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* not the time that a busy machine takes */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void malformed_refused(const char *what, const void *data, size_t size, weft_format format, weft_status status,
                       const char *part, size_t most)
{
    weights_peak peak = { 0 };
    const weft_allocator allocator = weights_peak_allocator(&peak);
    weft_ctx ctx = weights_ctx(&allocator);
    weft_weights *weights = NULL;
    const double begin = now();
    const weft_status found = weights_parse(&ctx, data, size, format, &weights);
    const double seconds = now() - begin;
    ck_assert_msg(found == status, "%.100s: is \"%s\" (%s), \"%s\" was expected", what, weft_status_text(found),
                  found == WEFT_OK ? "" : weft_error(), weft_status_text(status));
    ck_assert_msg(strncmp(weft_error(), "case: byte ", 11) == 0, "%.100s: no file and byte in \"%s\"", what,
                  weft_error());
    ck_assert_msg(strstr(weft_error(), part) != NULL, "%.100s: \"%s\" lacks \"%s\"", what, weft_error(), part);
    ck_assert_msg(weights == NULL && peak.live == 0, "%.100s: something is left", what);
    ck_assert_msg(peak.peak <= (most ? most : size + (1 << 20)), "%.100s: %zu bytes of memory", what, peak.peak);
    ck_assert_msg(seconds < 2, "%.100s: %g seconds", what, seconds);
}
