/* SPDX-License-Identifier: Apache-2.0
 *
 * What was timed, as JSON: the figures of the runs that count, the noise beside them, and every run as it was. */
#include <stdlib.h>

#include "cli/bench.h"
#include "cli/text.h"

/* Seconds i, or which[i], in milliseconds. */
static double one_of(const double *seconds, const int *which, int i)
{
    return seconds[which ? which[i] : i] * 1e3;
}

static json_t *list(const double *seconds, const int *which, int n)
{
    json_t *all = json_array();
    for (int i = 0; i < n; i++)
        json_array_append_new(all, json_real(one_of(seconds, which, i)));
    return all;
}

json_t *cli_times_json(const double *seconds, const int *which, int n)
{
    double *sorted = cli_alloc((size_t)n, sizeof *sorted);
    for (int i = 0; i < n; i++)
        sorted[i] = one_of(seconds, which, i);
    cli_sort_doubles(sorted, n);
    json_t *ms = json_object();
    cli_set_real(ms, "median", cli_quantile(sorted, n, 0.5));
    cli_set_real(ms, "q1", cli_quantile(sorted, n, 0.25));
    cli_set_real(ms, "q3", cli_quantile(sorted, n, 0.75));
    cli_set_real(ms, "min", sorted[0]);
    cli_set_real(ms, "max", sorted[n - 1]);
    cli_set_count(ms, "n", n);
    json_object_set_new(ms, "all", list(seconds, which, n));
    free(sorted);
    return ms;
}

json_t *cli_noise_json(const cli_noise *n)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:f, s:f}", "rounds", n->rounds, "marked", n->marked,
                     "repeated", n->repeated, "left", n->left, "probes", n->probes, "best", n->best, "median",
                     n->median, "least", n->least, "fma", n->roof);
}

json_t *cli_samples_json(const cli_rounds *rounds, const double *busy)
{
    json_t *samples = json_array();
    for (int i = 0; i < rounds->count; i++) {
        const cli_round *const r = &rounds->list[i];
        json_t *one = json_object();
        if (r->again >= 0)
            cli_set_count(one, "again", r->again);
        if (rounds->noise.probes)
            cli_set_real(one, "probe", r->rate);
        json_object_set_new(one, "counts", json_boolean(r->counts));
        json_object_set_new(one, "ms", list(rounds->all + r->first, NULL, r->count));
        if (busy)
            json_object_set_new(one, "cpu_ms", list(busy + r->first, NULL, r->count));
        json_array_append_new(samples, one);
    }
    return samples;
}
