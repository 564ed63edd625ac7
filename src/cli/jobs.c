/* SPDX-License-Identifier: Apache-2.0
 *
 * Running the jobs of a benchmark one after the other, with progress and the time to come on standard error. The time
 * to come is the FLOPs to come over the rate of the jobs done, and never less than the protocol's minimum. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/text.h"

static double job_flops(const cli_job *job)
{
    const double side = job->subject.px ? (double)job->subject.px / job->arch->px : 1;
    return 2.0 * (double)job->arch->macs * (double)job->batch * side * side;
}

void cli_meter_open(cli_meter *m, const cli_machine *machine, const cli_job *jobs, int count)
{
    const double some = 1e11; /* FLOP/s, where no roof was measured */
    const cli_protocol *protocol = machine->protocol;
    *m = (cli_meter){ .jobs = count, .start = cli_now(), .min_time = protocol->min_time };
    m->passes = (double)(protocol->reps + protocol->warmup);
    m->live = protocol->progress == CLI_PROGRESS_AUTO && isatty(STDERR_FILENO);
    m->lines = protocol->progress == CLI_PROGRESS_ALWAYS;
    if (protocol->progress == CLI_PROGRESS_ALWAYS && isatty(STDERR_FILENO))
        m->live = true;
    for (int i = 0; i < count; i++)
        m->to_come += job_flops(&jobs[i]);
    m->runs_to_come = count;
    m->first_guess = machine->n_roofs && machine->roofs[0].roof.gflops > 0 ? 5e8 * machine->roofs[0].roof.gflops : some;
}

/* Seconds of all jobs after the present one, or with it (its runs so far not subtracted). */
static double estimate(const cli_meter *m)
{
    const double rate = m->seconds > 0 ? m->flops / m->seconds : m->first_guess;
    const double by_work = m->to_come / rate * m->passes;
    return fmax(by_work, m->runs_to_come * m->min_time);
}

static void show(const cli_meter *m, const char *what)
{
    char elapsed[32], eta[32], line[256];
    if (!m->live)
        return;
    snprintf(line, sizeof line, "[%*d/%d] %s: %s; elapsed %s, to come about %s", m->jobs > 9 ? 2 : 1, m->done + 1,
             m->jobs, m->job->arch->name, what, cli_duration_text(cli_now() - m->start, elapsed),
             cli_duration_text(estimate(m), eta));
    const int room = cli_terminal_width(stderr); /* a line that wraps could not be taken back */
    fprintf(stderr, "\r\033[K%.*s", room > 0 ? room - 1 : (int)sizeof line, line);
    fflush(stderr);
}

void cli_meter_begin(cli_meter *m, const cli_job *job)
{
    m->job = job;
    show(m, "preparing");
}

void cli_meter_event(void *meter, const json_t *event)
{
    cli_meter *m = meter;
    char what[64];
    const double ms = cli_json_number(event, "ms"), run = cli_json_number(event, "run");
    m->flops += job_flops(m->job);
    m->seconds += ms / 1e3;
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
    m->done++;
    m->to_come -= job_flops(m->job);
    m->runs_to_come--;
    if (m->live)
        fputs("\r\033[K", stderr);
    if (!m->lines)
        return;
    fprintf(stderr, "[%*d/%d] %s, batch %lld, %s: ", m->jobs > 9 ? 2 : 1, m->done, m->jobs, m->job->arch->name,
            (long long)m->job->batch, m->job->device);
    if (reason) {
        fputs("failed: ", stderr);
        cli_put_visible(stderr, reason);
    } else if (json_object_get(result, "ms"))
        fprintf(stderr, "%.1f ms (%.0f runs)", cli_json_number(result, "ms.median"), cli_json_number(result, "ms.n"));
    else
        fputs("planned", stderr);
    if (m->done < m->jobs)
        fprintf(stderr, "; to come about %s", cli_duration_text(estimate(m), eta));
    fputc('\n', stderr);
}

void cli_meter_close(cli_meter *m)
{
    if (m->live)
        fputs("\r\033[K", stderr);
    fflush(stderr);
}

static json_t *request_of(const cli_machine *machine, const cli_job *job)
{
    const cli_protocol *p = machine->protocol;
    json_t *request = json_object();
    cli_set_text(request, "model", job->arch->name);
    cli_set_text(request, "dialect", weft_dialect_name(job->arch->dialect));
    if (job->subject.arch) {
        char recipe[WEFT_RECIPE_TEXT];
        cli_set_count(request, "px", job->subject.px);
        cli_set_count(request, "classes", job->subject.classes);
        cli_set_text(request, "recipe", weft_recipe_text(&job->subject.recipe, recipe, sizeof recipe));
    }
    if (job->subject.file)
        cli_set_text(request, "weights", job->subject.file);
    if (job->key)
        cli_set_text(request, "key", job->key);
    cli_set_count(request, "batch", job->batch);
    cli_set_count(request, "threads", job->threads);
    cli_set_text(request, "device", job->device);
    if (p->ctx.isa)
        cli_set_text(request, "isa", p->ctx.isa);
    cli_set_count(request, "math", p->ctx.math);
    cli_set_count(request, "precision", p->ctx.precision); /* the CPU computes in fp32 */
    cli_set_count(request, "seed", p->seed);
    cli_set_count(request, "reps", p->reps);
    cli_set_count(request, "warmup", p->warmup);
    cli_set_real(request, "min_time", p->min_time);
    json_object_set_new(request, "layers", json_boolean(job->layers));
    json_object_set_new(request, "no_units", json_boolean(job->no_units));
    json_object_set_new(request, "train", json_boolean(job->train));
    if (machine->images)
        json_object_set(request, "images", machine->images);
    return request;
}

int cli_run_jobs(const cli_machine *machine, const cli_job *jobs, int count, json_t **results, cli_done_fn on_done,
                 void *user)
{
    cli_meter meter;
    cli_meter_open(&meter, machine, jobs, count);
    int done = 0;
    for (int i = 0; i < count && !cli_interrupted(); i++) {
        cli_meter_begin(&meter, &jobs[i]);
        json_t *request = request_of(machine, &jobs[i]);
        results[i] = cli_process(request, cli_meter_event, &meter);
        json_decref(request);
        if (cli_interrupted()) {
            json_decref(results[i]);
            results[i] = NULL;
            break;
        }
        if (cli_failure(results[i])) { /* it cannot say what it was */
            json_object_set_new(results[i], "model", json_string(jobs[i].arch->name));
            json_object_set_new(results[i], "dialect", json_string(weft_dialect_name(jobs[i].arch->dialect)));
            json_object_set_new(results[i], "batch", json_integer(jobs[i].batch));
            json_object_set_new(results[i], "threads", json_integer(jobs[i].threads));
            json_object_set_new(results[i], "device", json_string(jobs[i].device));
        }
        cli_meter_end(&meter, results[i]);
        done++;
        if (on_done)
            on_done(user, i);
    }
    cli_meter_close(&meter);
    return done;
}

const char *cli_failure(const json_t *result)
{
    const json_t *error = json_object_get(result, "error");
    return error ? cli_json_text(error, "reason") : NULL;
}

cli_exit cli_failed(json_t *const *results, int count)
{
    cli_exit first = CLI_OK;
    int failed = 0;
    for (int i = 0; i < count; i++) {
        if (!cli_failure(results[i]))
            continue;
        if (!failed++)
            first = (cli_exit)cli_json_number(results[i], "error.exit");
        const char *stage = cli_json_text(json_object_get(results[i], "error"), "stage");
        cli_error(first, "%s, batch %.0f, %s: %s%s%s", cli_json_text(results[i], "model"),
                  cli_json_number(results[i], "batch"), cli_json_text(results[i], "device"), stage, *stage ? ": " : "",
                  cli_failure(results[i]));
    }
    return first;
}
