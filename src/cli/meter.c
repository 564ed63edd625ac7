/* SPDX-License-Identifier: Apache-2.0
 *
 * Progress of a benchmark, and the time to come. A job takes its warm-up and then as many runs as the protocol asks
 * for, of the length that its FLOPs and the rate of what has run so far (at first half of the roof) give; and what
 * jobs took beside their runs: planning, weights, packing. Of the present job its own runs tell, once there are any. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/settings.h"
#include "cli/text.h"

static double job_flops(const cli_job *job)
{
    const double side = job->subject.px ? (double)job->subject.px / job->arch->px : 1;
    const double passes = job->train ? 3 : 1; /* forward, and backward twice: to inputs and to weights */
    return passes * 2.0 * (double)job->arch->macs * (double)job->batch * side * side;
}

void cli_meter_open(cli_meter *m, const cli_machine *machine, const cli_job *jobs, int count)
{
    const double some = 1e11; /* FLOP/s, where no roof was measured */
    const double gflops = machine->n_roofs ? machine->roofs[0].roof.gflops : 0;
    const cli_protocol *protocol = machine->protocol;
    *m = (cli_meter){ .protocol = protocol, .jobs = jobs, .count = count };
    cli_bar_open(&m->bar, protocol->progress);
    m->lines = protocol->progress == CLI_PROGRESS_ALWAYS && !cli_set_for_all.quiet;
    m->bar.live = m->bar.live && isatty(STDERR_FILENO);
    m->first_guess = gflops > 0 ? 5e8 * gflops : some;
}

/* Seconds of a job whose runs take so long each. */
static double job_seconds(const cli_meter *m, double run)
{
    const double a_moment = .3; /* before any job has shown what it takes beside its runs */
    const cli_protocol *p = m->protocol;
    const double runs = p->warmup + fmax(p->reps, run > 0 ? ceil(p->min_time / run) : 0);
    return runs * run + (m->done > 0 ? m->beside / m->done : a_moment);
}

static double estimate(const cli_meter *m)
{
    const double rate = m->seconds > 0 ? m->flops / m->seconds : m->first_guess;
    double seconds = 0;
    for (int i = m->done + 1; i < m->count; i++)
        seconds += job_seconds(m, job_flops(&m->jobs[i]) / rate);
    if (m->done < m->count) {
        const double run = m->runs > 0 ? m->ran / m->runs : job_flops(&m->jobs[m->done]) / rate;
        seconds += fmax(job_seconds(m, run) - (cli_now() - m->begun), 0);
    }
    return seconds;
}

static void show(cli_meter *m, const char *what)
{
    char line[128];
    const double elapsed = cli_now() - m->bar.start, to_come = estimate(m);
    snprintf(line, sizeof line, "[%*d/%d] %s: %s", m->count > 9 ? 2 : 1, m->done + 1, m->count,
             m->jobs[m->done].arch->name, what);
    cli_bar_show(&m->bar, line, elapsed / (elapsed + to_come), to_come, m->runs == 0);
}

void cli_meter_begin(cli_meter *m)
{
    m->begun = cli_now();
    m->ran = 0;
    m->runs = 0;
    show(m, "preparing");
}

void cli_meter_event(void *meter, const json_t *event)
{
    cli_meter *m = meter;
    char what[64];
    const double ms = cli_json_number(event, "ms"), run = cli_json_number(event, "run");
    m->flops += job_flops(&m->jobs[m->done]);
    m->seconds += ms / 1e3;
    m->ran += ms / 1e3;
    m->runs++;
    if (isfinite(run))
        snprintf(what, sizeof what, "run %.0f, %.1f ms", run, ms);
    else
        snprintf(what, sizeof what, "warm-up, %.1f ms", ms);
    show(m, what);
}

void cli_meter_end(cli_meter *m, const json_t *result)
{
    char eta[32];
    const char *reason = cli_failure(result);
    const cli_job *const job = &m->jobs[m->done];
    m->beside += fmax(cli_now() - m->begun - m->ran, 0);
    m->done++;
    m->begun = cli_now();
    m->ran = 0;
    m->runs = 0;
    cli_bar_clear(&m->bar);
    if (!m->lines)
        return;
    fprintf(stderr, "[%*d/%d] %s, batch %lld, %s: ", m->count > 9 ? 2 : 1, m->done, m->count, job->arch->name,
            (long long)job->batch, job->device);
    if (reason) {
        fputs("failed: ", stderr);
        cli_put_visible(stderr, reason);
    } else if (json_object_get(result, "ms"))
        fprintf(stderr, "%.1f ms (%.0f runs)", cli_json_number(result, "ms.median"), cli_json_number(result, "ms.n"));
    else
        fputs("planned", stderr);
    if (m->done < m->count)
        fprintf(stderr, "; to come about %s", cli_duration_text(estimate(m), eta));
    fputc('\n', stderr);
}

void cli_meter_close(cli_meter *m)
{
    cli_bar_clear(&m->bar);
}
