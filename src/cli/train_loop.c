/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop: steps, the end of each epoch, checkpoints in between, and the ways to stop: the last step, --time,
 * --patience, a signal, a number that is none. */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/text.h"
#include "cli/train.h"

enum { TIMED_STEPS = 12 };
static const double SHOWN_EVERY = .1, TIMED_SECONDS = 2, TIMED_SHARE = .02, TIME_MARGIN = .97, INFERENCE_SHARE = .4,
                    LENGTH_OFF = .02, FITTED_SHARE = .1;

/* ---- signals ---- */

static volatile sig_atomic_t stopped; /* by which signal */

static void on_stop(int signal)
{
    stopped = signal;
}

/* The step under way is finished; a second signal ends the process at once. */
static void catch_signals(void)
{
    static const int signals[] = { SIGINT, SIGTERM, SIGUSR1 };
    struct sigaction action = { .sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND };
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction before;
        sigaction(signals[i], NULL, &before);
        if (before.sa_handler != SIG_IGN)
            sigaction(signals[i], &action, NULL);
    }
}

/* ---- one step ---- */

typedef struct loop {
    train_run *r;
    double begun;         /* clock of this process's first step of the epoch */
    int64_t begun_seen;   /* images of the epoch before that */
    double rate;          /* learning rate */
    double budget;        /* seconds of --time; 0: none */
    double each, ending;   /* seconds of a step, and of an epoch's end: validation and files */
    double trained, ended; /* seconds of both since the length was fitted */
    int64_t images, ends;  /* and what was done in them */
    double interval;      /* seconds between checkpoints; 0: by steps */
    int64_t interval_steps, first_step; /* first_step: of this process */
    double first;         /* its clock */
    bool done;            /* patience or time are over */
    bool late;            /* time is */
    bool whole;           /* the newest step whose result is known made an update */
    bool owed;            /* a checkpoint */
    int signal;           /* that ends the run, on all ranks */
} loop;

static double rate_of(const train_run *r, int64_t step)
{
    return weft_schedule_rate(&r->schedule, step) * (r->state.plateau.begun ? r->state.plateau.scale : 1);
}

/* The same batch once more; steps that were queued behind it may have changed parameters since. */
static weft_status trace_step(const train_run *r, int64_t step, weft_trace *out)
{
    weft_batch batch;
    CLI_TRY_STATUS(weft_loader_seek(r->loader, step));
    CLI_TRY_STATUS(weft_loader_next(r->loader, &batch));
    weft_trainer_set_position(r->trainer, step + 1);
    return weft_trainer_trace(r->trainer, &batch, rate_of(r, step), out);
}

static cli_exit not_finite(loop *l, const weft_step_result *result, int updates)
{
    weft_trace trace;
    char later[64] = "";
    const train_run *r = l->r;
    cli_bar_clear(&r->bar);
    const char *const kept = r->saved_step >= 0 ? "; the checkpoint before it is kept" : "";
    if (trace_step(r, result->step, &trace))
        return cli_error(CLI_NUMERIC, "step %lld: the loss is %g and the gradients' norm %g%s%s",
                         (long long)result->step, result->loss, result->gradient_norm,
                         r->ranks ? ", by another rank's images" : "", kept);
    if (updates > 0)
        snprintf(later, sizeof later, " (looked for after %d more updates)", updates);
    return cli_error(CLI_NUMERIC, "step %lld: the first number that is none is %g, element %lld of %s %s%s%s%s%s: "
                     "lower the learning rate (%g), warm it up, or clip gradients (clip-norm 1)%s",
                     (long long)result->step, trace.value, (long long)trace.index, trace.what, trace.name,
                     *trace.op ? " (" : "", trace.op, *trace.op ? ")" : "", later, rate_of(r, result->step), kept);
}

/* Results of steps that are done, or of all: on a GPU they come some steps late. */
static cli_exit take_results(loop *l, bool all)
{
    train_run *r = l->r;
    train_state *s = &r->state;
    weft_step_result results[WEFT_STEPS_AHEAD + 1];
    int count;
    CLI_TRY_LIBRARY(weft_trainer_results(r->trainer, all, results, WEFT_STEPS_AHEAD, &count));
    for (int i = 0; i < count; i++) {
        r->scale = results[i].scale;
        r->skips = results[i].skips;
        l->whole = results[i].updated;
        if (!results[i].finite && !results[i].skipped) {
            int rest = 0, updates = 0;
            CLI_TRY_LIBRARY(weft_trainer_results(r->trainer, true, results + count, WEFT_STEPS_AHEAD + 1 - count,
                                                 &rest));
            for (int k = i + 1; k < count + rest; k++)
                updates += results[k].updated;
            return not_finite(l, &results[i], updates);
        }
        if (!isfinite(results[i].loss)) /* skipped: of no mean */
            continue;
        s->loss_sum += results[i].loss * (double)r->batch;
        s->hits += results[i].top1;
        s->seen += r->batch;
    }
    return CLI_OK;
}

static cli_exit step(loop *l)
{
    train_run *r = l->r;
    train_state *s = &r->state;
    weft_batch batch;
    CLI_TRY_LIBRARY(weft_loader_next(r->loader, &batch));
    l->rate = rate_of(r, s->step);
    CLI_TRY_LIBRARY(weft_trainer_submit(r->trainer, &batch, l->rate));
    s->step++;
    return take_results(l, l->budget > 0 && !s->timed); /* what is timed must be over */
}

static void show(loop *l)
{
    train_run *r = l->r;
    const train_state *s = &r->state;
    const double now = cli_now();
    if (!r->bar.live || now - r->bar.shown < SHOWN_EVERY)
        return;
    const train_score so_far = { .images = s->seen, .top1 = s->hits,
                                 .loss = s->seen ? s->loss_sum / (double)s->seen : 0 };
    const double speed = (double)(s->seen - l->begun_seen) / (now - l->begun);
    const double each = (now - l->first) / (double)(s->step - l->first_step);
    const weft_loader_stats stats = weft_loader_get_stats(r->loader, false);
    const double all = stats.waited + stats.between;
    train_show(r, &so_far, speed, each * (double)(r->total_steps - s->step), all > 0 ? stats.waited / all : 0);
}

/* ---- time ---- */

static cli_exit read_times(loop *l)
{
    const train_settings *set = l->r->set;
    if (set->time)
        CLI_TRY(train_seconds("time", set->time, &l->budget));
    return train_interval(set->checkpoint, &l->interval_steps, &l->interval);
}

static void set_length(train_run *r, double epochs)
{
    r->state.epochs = r->schedule.epochs = epochs;
    r->schedule.warm_up = train_warm_up(r);
    r->total_steps = llround(epochs * (double)r->steps_per_epoch);
    if (r->total_steps < 1)
        r->total_steps = 1;
}

static void fit_length(loop *l)
{
    train_run *r = l->r;
    const double done = (double)r->state.step / (double)r->steps_per_epoch;
    const double norms = (double)r->set->norm_batches * l->each * INFERENCE_SHARE; /* before the last validation */
    const double left = l->budget * TIME_MARGIN - r->state.elapsed - (cli_now() - r->start) - norms;
    const double epoch = l->each * (double)r->steps_per_epoch + l->ending;
    const double more = fmax(left - l->ending, 0) / epoch; /* the last may be a part of one, and be validated too */
    const double epochs = (double)llround((done + more) * (double)r->steps_per_epoch) / (double)r->steps_per_epoch;
    if (r->state.timed && fabs(epochs - r->state.epochs) <= LENGTH_OFF * r->state.epochs)
        return;
    r->state.timed = true;
    set_length(r, epochs);
    cli_bar_clear(&r->bar);
    fprintf(train_out(r), "time       %s are enough for %.2f epochs\n", r->set->time,
            r->state.epochs);
}

/* What the first steps say, once they have gone on for a while or for half of a short run. */
static bool first_fit(loop *l)
{
    const train_run *r = l->r;
    const double spent = cli_now() - l->first;
    const int64_t steps = r->state.step - l->first_step;
    const bool early = spent < TIMED_SECONDS && spent < TIMED_SHARE * l->budget && 2 * r->state.step < r->total_steps;
    if (r->state.timed || steps < TIMED_STEPS || early)
        return false;
    l->each = spent / (double)steps;
    l->ending = l->each / (double)r->batch * INFERENCE_SHARE * (double)weft_trainset_count(r->data, r->eval_part);
    return true;
}

/* What the epochs since the last fit say. */
static bool next_fit(loop *l)
{
    const train_run *r = l->r;
    if (!r->state.timed || l->images == 0 || l->trained + l->ended < FITTED_SHARE * l->budget)
        return false;
    l->each = l->trained / (double)l->images * (double)r->batch;
    l->ending = l->ended / (double)l->ends;
    l->trained = l->ended = 0;
    l->images = l->ends = 0;
    return true;
}

/* The run becomes as long as the time allows, so that the schedule comes to its end: once the first steps are measured,
 * and again after epochs that were slower or faster. The length is kept in checkpoints: a run that goes on has the
 * same. */
static void fit_time(loop *l)
{
    if (l->budget > 0 && train_is_first(l->r) && (first_fit(l) || next_fit(l)))
        fit_length(l);
}

/* What a step may bring that no rank decides by itself: the length by rank 0's clock, and a signal to any. */
static cli_exit confer(loop *l)
{
    train_run *r = l->r;
    const double spent = r->state.elapsed + cli_now() - r->start;
    train_word word = { stopped, l->budget > 0 && spent > l->budget, r->state.timed, r->state.epochs };
    CLI_TRY(train_confer(r, &word));
    l->signal = word.signal;
    l->late = word.late;
    r->state.timed = word.timed;
    if (word.epochs > r->state.epochs || word.epochs < r->state.epochs)
        set_length(r, word.epochs);
    return CLI_OK;
}

/* ---- the end of an epoch ---- */

static double percent(int64_t part, int64_t whole)
{
    return whole ? 100. * (double)part / (double)whole : (double)NAN;
}

static void print_epoch(const loop *l, const train_score *train, const train_score *valid)
{
    const train_run *r = l->r;
    const train_state *s = &r->state;
    const double all = s->waited + s->between;
    char scale[96];
    fprintf(train_out(r),
            "epoch %3lld  loss %.4f  right %6.2f %%  validation: loss %.4f  right %6.2f %%%s  %.0f images/s, %.0f %% "
            "waiting%s\n", (long long)s->epochs_done, train->loss, percent(train->top1, train->images), valid->loss,
            percent(valid->top1, valid->images), s->best_epoch == s->epochs_done ? " *" : "  ",
            train->seconds > 0 ? (double)(s->seen - l->begun_seen) / train->seconds : 0,
            all > 0 ? 100 * s->waited / all : 0, train_scale_text(r, scale, sizeof scale));
    fflush(stdout);
}

static cli_exit keep_best(train_run *r, const train_score *valid)
{
    train_state *s = &r->state;
    const double right = valid->images ? (double)valid->top1 / (double)valid->images : 0;
    if (s->best_epoch && right <= s->best)
        return CLI_OK;
    s->best = right;
    s->best_epoch = s->epochs_done;
    if (train_is_first(r))
        train_write_classes(r);
    return train_export(r, "best.safetensors");
}

/* Files of the run that cannot be written do not end it; its end tells. */
static cli_exit tolerate(train_run *r, cli_exit code)
{
    if (code != CLI_IO && code != CLI_CREATE)
        return code;
    r->save_failed = true;
    return CLI_OK;
}

static cli_exit end_epoch(loop *l)
{
    train_run *r = l->r;
    train_state *s = &r->state;
    train_score valid;
    CLI_TRY(take_results(l, true));
    const weft_loader_stats stats = weft_loader_get_stats(r->loader, true);
    const train_score train = { .images = s->seen, .top1 = s->hits, .seconds = cli_now() - l->begun,
                                .loss = s->seen ? s->loss_sum / (double)s->seen : 0 };
    s->waited = stats.waited;
    s->between = stats.between;
    l->trained += train.seconds;
    l->images += s->seen - l->begun_seen;
    cli_bar_clear(&r->bar);
    CLI_TRY(train_settle(r, l->done || s->step >= r->total_steps));
    CLI_TRY(train_evaluate(r, r->eval_loader, &valid));
    s->epochs_done = (s->step + r->steps_per_epoch - 1) / r->steps_per_epoch; /* the last may be a part of one */
    if (r->set->schedule == TRAIN_SCHEDULE_PLATEAU)
        s->plateau.scale = weft_plateau_step(&s->plateau, valid.loss);
    CLI_TRY(tolerate(r, keep_best(r, &valid)));
    CLI_TRY(tolerate(r, train_export(r, "last.safetensors")));
    if (train_is_first(r))
        train_log_epoch(r, &train, &valid, l->rate);
    print_epoch(l, &train, &valid);
    s->loss_sum = 0;
    s->hits = s->seen = l->begun_seen = 0;
    if (r->set->patience > 0 && s->epochs_done - s->best_epoch >= r->set->patience)
        l->done = true;
    CLI_TRY_LIBRARY(weft_trainer_settle(r->trainer));
    CLI_TRY(train_save(r, s->best_epoch == s->epochs_done));
    const double now = cli_now();
    l->ended += now - l->begun - train.seconds;
    l->ends++;
    l->begun = now;
    return CLI_OK;
}

/* ---- a run ---- */

static bool is_due(const loop *l)
{
    const train_run *r = l->r;
    if (l->interval_steps)
        return r->state.step % l->interval_steps == 0;
    return cli_now() - r->saved_at >= l->interval;
}

static cli_exit save(loop *l)
{
    CLI_TRY(take_results(l, true));
    l->owed = false;
    return train_save(l->r, false);
}

/* Whether ranks are in the midst of batches whose gradients make one update. Each of them has sums of its own then, so
 * that what is saved of one, whenever it is, waits for the last of these batches, and a run that goes on from there has
 * the same bits. The end of an epoch, whose place is known, does not wait: there sums become alike. */
static cli_exit look_between(loop *l, bool *between)
{
    const train_run *r = l->r;
    *between = weft_ranks_size(r->ranks) > 1 && r->set->accumulate > 1;
    if (*between)
        CLI_TRY(take_results(l, true));
    *between = *between && !l->whole;
    return CLI_OK;
}

/* A step has been taken: what follows from it. */
static cli_exit after_step(loop *l)
{
    train_run *r = l->r;
    const train_state *s = &r->state;
    fit_time(l);
    CLI_TRY(confer(l));
    show(l);
    if (s->step % r->steps_per_epoch == 0 || s->step >= r->total_steps)
        return end_epoch(l);
    if (l->late) {
        l->done = true;
        return end_epoch(l);
    }
    l->owed = l->owed || is_due(l);
    bool between = false;
    if (l->owed || l->signal)
        CLI_TRY(look_between(l, &between));
    if (between) /* a signal comes again */
        l->signal = 0;
    return l->owed && !l->signal && !between ? save(l) : CLI_OK;
}

static cli_exit stop(loop *l)
{
    train_run *r = l->r;
    const int signal = l->signal;
    cli_bar_clear(&r->bar);
    if (r->saved_step != r->state.step)
        CLI_TRY(save(l));
    cli_warn("%s after step %lld%s; --resume %s goes on", signal == SIGINT ? "interrupted" : "ended by a signal",
             (long long)r->state.step, r->save_failed ? ", which could not be saved" : "",
             train_is_first(r) ? r->folder : "");
    r->in_step = true;
    if (r->save_failed)
        return CLI_IO;
    return signal == SIGINT ? CLI_INTERRUPTED : signal == SIGTERM ? CLI_TERMINATED : CLI_RETRY;
}

cli_exit train_loop(train_run *r)
{
    loop l = { .r = r, .begun_seen = r->state.seen, .first_step = r->state.step };
    CLI_TRY(read_times(&l));
    catch_signals();
    set_length(r, r->state.epochs);
    r->saved_at = l.begun = l.first = cli_now();
    /* A run of which the last end of an epoch was not saved, or that is whole already. */
    if (r->state.step > 0 && r->state.step == (r->state.epochs_done + 1) * r->steps_per_epoch)
        CLI_TRY(end_epoch(&l));
    while (!l.done && r->state.step < r->total_steps) {
        CLI_TRY(step(&l));
        CLI_TRY(after_step(&l));
        if (l.signal && !(l.done || r->state.step >= r->total_steps))
            return stop(&l);
    }
    return CLI_OK;
}
