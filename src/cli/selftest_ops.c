/* SPDX-License-Identifier: Apache-2.0
 *
 * weft selftest, ops: every op on its own cases, each a network of one op, against the references in double
 * (weft/check.h), which also say how far off a result may be. */
#include <math.h>
#include <string.h>

#include "cli/selftest.h"

/* The failure as a sentence in text, "" if there is none. Users count runs from 1. */
static void judge(const weft_check_result *r, char *text, size_t size)
{
    size_t used = 0;
    if (r->differs)
        used = (size_t)snprintf(text, size, "run %d gave other bits than run %d", r->differs + 1, r->differs);
    if (!(r->share <= 1) && used < size)
        snprintf(text + used, size - used,
                 "%soutput %d, y[%lld] is %.9g, the reference says %.9g: %.3g times what is allowed",
                 r->differs ? "; " : "", r->output, (long long)r->index, r->got, r->want, r->share);
}

/* Returns the share of the tolerance that was used. */
static double run_case(selftest *s, int index, const char *name)
{
    weft_check_result result = { 0 };
    char text[512] = "";
    json_t *row = json_object();
    cli_set_text(row, "case", name);
    cli_set_text(row, "precision", weft_precision_name(s->precision));
    const weft_status status = weft_check_run(s->ctx, index, SELFTEST_RUNS, SELFTEST_SEED, &result);
    if (!status) {
        judge(&result, text, sizeof text);
        cli_set_real(row, "allowed", result.allowed);
        cli_set_real(row, "worst", isfinite(result.share) ? result.share : -1);
    }
    selftest_end(s, s->ops, row, status, text);
    return status ? 0 : result.share;
}

void selftest_ops(selftest *s)
{
    const int before = s->passed, failed = s->failed;
    const bool cpu = strcmp(weft_ctx_device(s->ctx), "cpu") == 0;
    char nearest[160] = "";
    double most = -1;
    int left_out = 0;
    for (int i = 0; i < weft_check_count(); i++) {
        weft_check_info info;
        char name[160];
        if (weft_check_case(i, &info))
            continue;
        snprintf(name, sizeof name, "%s/%s", info.op, info.name);
        if (info.cpu_only && !cpu) {
            left_out++;
            continue;
        }
        if ((info.large && s->args->quick) || !selftest_begin(s, "ops", name))
            continue;
        const double share = run_case(s, i, name);
        if (share > most) {
            most = share;
            memcpy(nearest, name, sizeof nearest);
        }
    }
    if (s->passed + s->failed == before + failed)
        return;
    selftest_say(s, "ops, %s: %d of %d agree with the references; the worst uses %.0f %% of what is allowed (%s)",
                 weft_precision_name(s->precision), s->passed - before, s->passed - before + s->failed - failed,
                 100 * most, nearest);
    if (left_out)
        selftest_say(s, "ops, %s: %d cases left out, of ops that only the CPU has kernels for yet: training",
                     weft_precision_name(s->precision), left_out);
}
