/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints of a run, and going on from one. What must be the same for the same bits is compared as text, so that a
 * difference is told by its key. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/text.h"
#include "cli/train.h"

/* What is kept as notes: numbers by name, so that a later weft may add some. Doubles as hexadecimal: the same bits. */
static char *notes(const train_run *r)
{
    const train_state *s = &r->state;
    const weft_plateau *p = &s->plateau;
    return cli_format_text("epochs %a\ntimed %d\nelapsed %a\nbest %a\nbest_epoch %" PRId64 "\nloss_sum %a\n"
                           "hits %" PRId64 "\nseen %" PRId64 "\nplateau_best %a\nplateau_scale %a\nplateau_bad %d\n"
                           "plateau_cooling %d\nplateau_begun %d\n", s->epochs, s->timed,
                           s->elapsed + cli_now() - r->start, s->best, s->best_epoch, s->loss_sum, s->hits, s->seen,
                           p->best, p->scale, p->bad, p->cooling, p->begun);
}

static double number(const char *text, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = text; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && at[length] == ' ')
            return strtod(at + length, NULL);
    return 0;
}

static void read_notes(train_run *r, const char *text)
{
    train_state *s = &r->state;
    s->timed = number(text, "timed") > 0;
    s->elapsed = number(text, "elapsed");
    s->best = number(text, "best");
    s->best_epoch = (int64_t)number(text, "best_epoch");
    s->loss_sum = number(text, "loss_sum");
    s->hits = (int64_t)number(text, "hits");
    s->seen = (int64_t)number(text, "seen");
    s->plateau.best = number(text, "plateau_best");
    s->plateau.scale = number(text, "plateau_scale");
    s->plateau.bad = (int)number(text, "plateau_bad");
    s->plateau.cooling = (int)number(text, "plateau_cooling");
    s->plateau.begun = number(text, "plateau_begun") > 0;
}

cli_exit train_save(train_run *r, bool best)
{
    const train_state *s = &r->state;
    r->saved_at = cli_now();
    if (!train_is_first(r)) {
        r->saved_step = s->step;
        return CLI_OK;
    }
    char *const said = notes(r), *const recipe = train_plan_text(&r->plan, true);
    const weft_checkpoint_facts facts = { .step = s->step,
                                          .epoch = s->epochs_done,
                                          .position = s->step % r->steps_per_epoch * r->batch,
                                          .seed = (uint64_t)r->set->seed,
                                          .recipe = recipe,
                                          .config = r->config,
                                          .environment = r->environment,
                                          .notes = said };
    const weft_checkpoint_opt opt = { .keep = r->set->keep, .best = best };
    const weft_status status = weft_checkpoint_save(weft_trainer_store(r->trainer), r->checkpoints, &facts, &opt);
    free(recipe);
    free(said);
    r->saved_at = cli_now();
    r->save_failed = status != WEFT_OK;
    if (!status) {
        r->saved_step = s->step;
        return CLI_OK;
    }
    cli_bar_clear(&r->bar);
    if (status == WEFT_NUMERIC)
        return r->saved_step < 0 /* nothing was trained yet */
                   ? cli_error(CLI_NUMERIC, "step %lld: %s", (long long)s->step, weft_error())
                   : cli_error(CLI_NUMERIC, "step %lld: %s; the checkpoint of step %lld is kept: lower the learning "
                               "rate, or warm it up", (long long)s->step, weft_error(), (long long)r->saved_step);
    if (status == WEFT_NO_MEMORY)
        return cli_library_error(status);
    cli_warn("%s; training goes on, and the next checkpoint is tried in time", weft_error());
    return CLI_OK;
}

/* The first line that differs, of two texts of lines "key value". */
static cli_exit tell_difference(const train_run *r, const char *was, const char *is)
{
    while (*was && *is) {
        const size_t a = strcspn(was, "\n"), b = strcspn(is, "\n");
        if (a != b || strncmp(was, is, a) != 0)
            return cli_error(CLI_USAGE, "--resume %s: the run was made with '%.*s', and this would be '%.*s': it could "
                             "not go on as it was", r->folder, (int)a, was, (int)b, is);
        was += a + (was[a] == '\n');
        is += b + (is[b] == '\n');
    }
    return cli_error(CLI_USAGE, "--resume %s: the run was made with other settings", r->folder);
}

static int ranks_of(const char *environment)
{
    const char *const at = strstr(environment, "\nranks ");
    return at ? (int)strtol(at + strlen("\nranks "), NULL, 10) : 1;
}

/* Whether it says another precision; older ones say none. */
static bool is_of_other_precision(const train_run *r, const char *environment, char was[16])
{
    static const char key[] = "\nprecision ";
    const char *const at = strstr(environment, key);
    if (!at)
        return false;
    snprintf(was, 16, "%.*s", (int)strcspn(at + sizeof key - 1, "\n"), at + sizeof key - 1);
    return strcmp(was, weft_precision_name(weft_ctx_precision(r->ctx))) != 0;
}

static cli_exit compare_environment(const train_run *r, const char *was)
{
    if (!was || strcmp(was, r->environment) == 0)
        return CLI_OK;
    char *const a = cli_copy(was), *const b = cli_copy(r->environment);
    a[strcspn(a, "\n")] = b[strcspn(b, "\n")] = '\0';
    const bool isa = strstr(was, weft_ctx_isa(r->ctx)) == NULL;
    const int before = ranks_of(was), now = ranks_of(r->environment);
    char precision[16];
    cli_exit code = CLI_OK;
    if (r->args->strict)
        code = cli_error(CLI_UNAVAILABLE, "--strict-resume: the run was made in another environment (%s; here %s, isa "
                         "%s, ranks %d)", a, b, weft_ctx_isa(r->ctx), now);
    else if (before != now)
        cli_warn("the run was made by %d rank%s, and goes on by %d: its numbers may differ in the last bits", before,
                 before > 1 ? "s" : "", now);
    else if (is_of_other_precision(r, was, precision))
        cli_warn("the run was made in %s, and goes on in %s: its numbers will differ", precision,
                 weft_precision_name(weft_ctx_precision(r->ctx)));
    else if (isa || strcmp(a, b) != 0)
        cli_warn("the run was made in another environment (see environment.txt): its numbers may differ in the last "
                 "bits");
    free(a);
    free(b);
    return code;
}

static cli_exit restore(train_run *r, const weft_checkpoint *checkpoint)
{
    const weft_checkpoint_facts *facts = weft_checkpoint_says(checkpoint);
    if (weft_checkpoint_warning(checkpoint))
        cli_warn("%s", weft_checkpoint_warning(checkpoint));
    if (!facts->config || strcmp(facts->config, r->config) != 0)
        return tell_difference(r, facts->config ? facts->config : "", r->config);
    CLI_TRY(compare_environment(r, facts->environment));
    CLI_TRY_LIBRARY(weft_checkpoint_restore(checkpoint, weft_trainer_store(r->trainer)));
    r->state.step = r->saved_step = facts->step;
    r->state.epochs_done = facts->epoch;
    read_notes(r, facts->notes ? facts->notes : "");
    /* --epochs says otherwise, else the run's length is what it was, which --time may have set. */
    const double epochs = number(facts->notes ? facts->notes : "", "epochs");
    if (!r->args->epochs && epochs > 0)
        r->state.epochs = r->schedule.epochs = epochs;
    weft_trainer_set_position(r->trainer, facts->step);
    CLI_TRY_LIBRARY(weft_loader_seek(r->loader, facts->step));
    r->resumed = true;
    return CLI_OK;
}

cli_exit train_restore(train_run *r)
{
    weft_checkpoint *checkpoint;
    const weft_status status = weft_checkpoint_open(r->ctx, r->checkpoints, NULL, &checkpoint);
    if (status == WEFT_NOT_FOUND)
        return cli_error(CLI_NOT_FOUND, "--resume %s: the run ended before its first checkpoint; begin it anew, with "
                         "--recipe %s/settings.recipe and another --out", r->folder, r->folder);
    if (status)
        return cli_library_error(status);
    const cli_exit code = restore(r, checkpoint);
    weft_checkpoint_close(checkpoint);
    if (!code)
        train_trim_metrics(r);
    return code;
}
