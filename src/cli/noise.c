/* SPDX-License-Identifier: Apache-2.0
 *
 * What a benchmark says about the noise of the machine: of the probe between the rounds (rounds.c). */
#include <math.h>

#include "cli/bench.h"
#include "cli/table.h"
#include "cli/timing.h"

static double of(const json_t *result, const char *key)
{
    const double value = cli_json_number(json_object_get(result, "noise"), key);
    return isfinite(value) ? value : 0;
}

void cli_noise_put(cli_table *t, const json_t *result)
{
    cli_put_number(t, "cpu_ms", cli_json_number(result, "cpu_ms.median"));
    if (!json_object_get(result, "noise"))
        return;
    cli_put_number(t, "probe_best", of(result, "best"));
    cli_put_number(t, "probe_least", of(result, "least"));
    cli_put_number(t, "probe_fma", of(result, "fma"));
    cli_put_number(t, "rounds", of(result, "rounds"));
    cli_put_number(t, "rounds_marked", of(result, "marked"));
    cli_put_number(t, "rounds_repeated", of(result, "repeated"));
    cli_put_number(t, "rounds_left", of(result, "left"));
}

void cli_noise_note(cli_table *t, const json_t *result)
{
    const double best = of(result, "best");
    if (!(best > 0))
        return;
    cli_table_note(t,
                   "%s%s, batch %.0f, threads %.0f: probe %.1f to %.1f GFLOP/s (%.0f to 100 %% of its best, which is "
                   "%.0f %% of the FMA peak beside it); of %.0f rounds %.0f marked, %.0f run again, %.0f still marked.",
                   of(result, "left") > 0 ? "! " : "", cli_json_text(result, "model"), cli_json_number(result, "batch"),
                   cli_json_number(result, "threads"), of(result, "least"), best, 100 * of(result, "least") / best,
                   100 * best / of(result, "fma"), of(result, "rounds"), of(result, "marked"), of(result, "repeated"),
                   of(result, "left"));
}

void cli_noise_sum(cli_table *t, json_t *const *results, int count)
{
    double rounds = 0, marked = 0, repeated = 0, left = 0, least = 1;
    for (int i = 0; i < count; i++) {
        const double best = of(results[i], "best");
        if (!(best > 0))
            continue;
        rounds += of(results[i], "rounds");
        marked += of(results[i], "marked");
        repeated += of(results[i], "repeated");
        left += of(results[i], "left");
        least = fmin(least, of(results[i], "least") / best);
    }
    if (rounds > 0)
        cli_table_note(t,
                       "%sNoise: of %.0f rounds %.0f marked (probe below %.0f %% of its best), %.0f run again, %.0f "
                       "still marked; the lowest probe %.0f %% of its network's best.",
                       left > 0 ? "! " : "", rounds, marked, 100 * CLI_PROBE_SHARE, repeated, left, 100 * least);
}
