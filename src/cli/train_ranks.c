/* SPDX-License-Identifier: Apache-2.0
 *
 * Several processes that a launcher of MPI has started as one training. What each decides by itself must come out alike
 * on all, or they would wait for each other in different places: so settings and data are compared at the start, and
 * what clocks and signals say is agreed upon after each step. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/settings.h"
#include "cli/text.h"
#include "cli/train.h"

bool train_is_first(const train_run *r)
{
    return weft_ranks_rank(r->ranks) == 0;
}

/* What the others would print, rank 0 prints; errors are told by all. */
static cli_exit fall_silent(train_run *r)
{
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0)
        return cli_error(CLI_IO, "/dev/null: cannot be opened");
    close(nowhere);
    r->bar.live = false;
    cli_set_for_all.quiet = true;
    return CLI_OK;
}

cli_exit train_join(train_run *r)
{
    int rank, size;
    weft_ranks_launched(&rank, &size);
    if (size == 1)
        return CLI_OK;
    cli_set_for_all.rank = rank;
    const weft_ranks_opt opt = { .timeout = r->set->rank_timeout };
    const weft_status status = weft_ranks_join(&opt, &r->ranks);
    r->astray = status != WEFT_OK;
    if (status)
        return cli_error(cli_exit_of(status), "a launcher has started several processes of weft, which cannot train "
                         "together: %s", weft_error());
    cli_set_for_all.rank = weft_ranks_rank(r->ranks);
    return train_is_first(r) ? CLI_OK : fall_silent(r);
}

cli_exit train_compare(const train_run *r)
{
    /* Keys with which a run may go on otherwise, but not one of its ranks. */
    static const char *const keys[] = { "batch", "epochs", "time", "patience" };
    char digest[WEFT_TRAINSET_DIGEST];
    if (weft_ranks_size(r->ranks) == 1)
        return CLI_OK;
    weft_trainset_digest(r->data, digest);
    char *const settings = train_plan_text(&r->plan, false);
    char *text = cli_format_text("weft %s\nnetwork %s\ndata %s\ndry-run %d\nresume %d\n%s", weft_version(),
                                 r->arch->name, digest, r->args->dry_run, r->args->resume != NULL, settings);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *const longer = cli_format_text("%s%s %s\n", text, keys[i], train_value(&r->plan, train_key(keys[i])));
        free(text);
        text = longer;
    }
    const weft_status status = weft_ranks_agree(r->ranks, text, "all ranks must have the same settings and data");
    free(settings);
    free(text);
    return status ? cli_library_error(status) : CLI_OK;
}

cli_exit train_place(const train_run *r, int *place)
{
    enum { NAME = 256 };
    const int size = weft_ranks_size(r->ranks), rank = weft_ranks_rank(r->ranks);
    char mine[NAME] = "";
    (void)gethostname(mine, sizeof mine - 1);
    char(*const names)[NAME] = cli_alloc((size_t)size, sizeof *names);
    const weft_status status = weft_ranks_gather(r->ranks, mine, sizeof mine, names, "sharing the machines' cards");
    *place = 0;
    for (int p = 0; p < rank && !status; p++)
        *place += strcmp(names[p], mine) == 0;
    free(names);
    return status ? cli_library_error(status) : CLI_OK;
}

cli_exit train_share(train_run *r)
{
    int32_t resumed = r->resumed;
    if (weft_ranks_size(r->ranks) == 1)
        return CLI_OK;
    CLI_TRY_LIBRARY(weft_trainer_share(r->trainer));
    CLI_TRY_LIBRARY(weft_ranks_broadcast(r->ranks, &r->state, sizeof r->state, "sharing where the run stands"));
    CLI_TRY_LIBRARY(weft_ranks_broadcast(r->ranks, &resumed, sizeof resumed, "sharing where the run stands"));
    r->resumed = resumed;
    r->saved_step = r->resumed ? r->state.step : r->saved_step;
    r->schedule.epochs = r->state.epochs;
    CLI_TRY_LIBRARY(weft_loader_seek(r->loader, r->state.step));
    return CLI_OK;
}

cli_exit train_confer(const train_run *r, train_word *word)
{
    const int size = weft_ranks_size(r->ranks);
    if (size == 1)
        return CLI_OK;
    train_word mine;
    memset(&mine, 0, sizeof mine); /* gaps are sent, too */
    mine.signal = word->signal;
    mine.late = word->late;
    mine.timed = word->timed;
    mine.epochs = word->epochs;
    train_word *const all = cli_alloc((size_t)size, sizeof *all);
    const weft_status status = weft_ranks_gather(r->ranks, &mine, sizeof mine, all, "agreeing how to go on");
    int signal = 0;
    for (int i = 0; i < size && !status; i++)
        signal = all[i].signal > signal ? all[i].signal : signal;
    if (!status) {
        *word = all[0];
        word->signal = signal;
    }
    free(all);
    return status ? cli_library_error(status) : CLI_OK;
}

cli_exit train_add_scores(train_run *r, train_score *score)
{
    const size_t pairs = (size_t)r->classes * (size_t)r->classes;
    if (weft_ranks_size(r->ranks) == 1)
        return CLI_OK;
    double *const sums = cli_alloc(pairs + 4, sizeof *sums);
    const double own[] = { (double)score->images, (double)score->top1, (double)score->top5, score->loss };
    memcpy(sums + pairs, own, sizeof own);
    for (size_t i = 0; i < pairs; i++)
        sums[i] = (double)r->confusion[i];
    const weft_status status = weft_ranks_add(r->ranks, sums, (int64_t)pairs + 4, "adding the scores");
    for (size_t i = 0; i < pairs && !status; i++)
        r->confusion[i] = (int64_t)sums[i];
    if (!status)
        *score = (train_score){ .images = (int64_t)sums[pairs], .top1 = (int64_t)sums[pairs + 1],
                                .top5 = (int64_t)sums[pairs + 2], .loss = sums[pairs + 3] };
    free(sums);
    return status ? cli_library_error(status) : CLI_OK;
}

cli_exit train_least(const train_run *r, int64_t *value)
{
    const int size = weft_ranks_size(r->ranks);
    int64_t *const all = cli_alloc((size_t)size, sizeof *all);
    const weft_status status = weft_ranks_gather(r->ranks, value, sizeof *value, all, "agreeing on a batch");
    for (int i = 0; i < size && !status; i++)
        *value = all[i] < *value ? all[i] : *value;
    free(all);
    return status ? cli_library_error(status) : CLI_OK;
}

void train_leave(train_run *r, cli_exit code)
{
    if (!r->ranks && !r->astray)
        return;
    const bool well = code == CLI_OK || r->in_step;
    const weft_status status = weft_ranks_leave(r->ranks, well ? NULL : "it could not go on, as it has said");
    r->ranks = NULL;
    if (well && !status)
        return;
    /* MPI was not left, and must not be asked any more, not even at exit. */
    if (well)
        code = cli_library_error(status);
    fflush(NULL);
    _exit((int)code);
}
