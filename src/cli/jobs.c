/* SPDX-License-Identifier: Apache-2.0
 *
 * Running the jobs of a benchmark one after the other, with progress on standard error (meter.c). */
#include "cli/bench.h"

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
        cli_meter_begin(&meter);
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
