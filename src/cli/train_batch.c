/* SPDX-License-Identifier: Apache-2.0
 *
 * The batch. Since a plan knows its memory to the byte, `batch auto` plans until the largest that fits is found, and a
 * batch that cannot fit is refused before anything is allocated. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/text.h"
#include "cli/train.h"

enum { LARGEST = 65536, AUTO_LARGEST = 1024, AHEAD = 8 /* batches: four each of training and validation */ };

/* Bytes that a training of one batch holds: the step's plan, with the weights; and beside it inference, averages,
 * batches made ahead. */
typedef struct need {
    double step, beside;
} need;

/* What a batch is trained and evaluated by: planned, without memory. */
typedef struct planned {
    weft_graph *network, *inference;
    weft_trainer *trainer;
    weft_model *model;
} planned;

static void drop(planned *p)
{
    weft_model_destroy(p->model);
    weft_trainer_destroy(p->trainer);
    weft_graph_destroy(p->inference);
    weft_graph_destroy(p->network);
    *p = (planned){ .network = NULL };
}

/* Of all that is planned, what is kept last is what is trained: nothing is planned twice. */
static void keep(train_run *r, const planned *p)
{
    planned before = { r->network, r->inference, r->trainer, r->model };
    drop(&before);
    r->network = p->network;
    r->inference = p->inference;
    r->trainer = p->trainer;
    r->model = p->model;
}

static weft_status plan_all(const train_run *r, int64_t batch, size_t memory, planned *p)
{
    weft_train_opt opt = train_options(r);
    opt.batch = batch;
    opt.memory = memory;
    opt.plan_only = true;
    CLI_TRY_STATUS(train_build(r, r->input.px, r->classes, batch, true, &p->network));
    CLI_TRY_STATUS(train_build(r, r->input.px, r->classes, batch, false, &p->inference));
    CLI_TRY_STATUS(weft_trainer_create(r->ctx, p->network, &opt, &p->trainer));
    return weft_model_create(r->ctx, p->inference, &(weft_model_opt){ .plan_only = true }, &p->model);
}

/* Of several ranks: gradients as they pass between them. */
static double passing_bytes(const train_run *r, const weft_trainer *trainer)
{
    weft_trained_info info;
    double bytes = 0;
    if (weft_ranks_size(r->ranks) == 1)
        return 0;
    for (int i = 0; weft_trainer_param(trainer, i, &info) == WEFT_OK; i++)
        bytes += (double)weft_shape_count(&info.shape) * (double)sizeof(float);
    return bytes;
}

/* memory: of the step; 0: no limit. NO_MEMORY if it cannot be planned within it. */
static weft_status plan(const train_run *r, int64_t batch, size_t memory, planned *p, need *out)
{
    weft_memory step = { 0 }, inference = { 0 };
    weft_status status = plan_all(r, batch, memory, p);
    if (!status)
        status = weft_model_memory(weft_trainer_model(p->trainer), &step);
    if (!status)
        status = weft_model_memory(p->model, &inference);
    if (status) {
        drop(p);
        return status;
    }
    const bool settles = r->set->ema > 0 || r->set->norm_batches > 0; /* a store of its own */
    const double image = (double)r->input.px * r->input.px * r->input.channels * (double)sizeof(float);
    *out = (need){ .step = (double)step.peak,
                   .beside = (double)inference.arena + (double)inference.packed +
                             (settles ? (double)inference.params : 0) + AHEAD * (double)batch * image +
                             passing_bytes(r, p->trainer) };
    return WEFT_OK;
}

/* Whether a batch fits into `room`, with `again` by recomputation if need be: then its plan is kept. *out: what it
 * needs as it is. After a no with `again`, weft_error() says what it needs at least. */
static cli_exit fits(train_run *r, int64_t batch, double room, bool again, need *out, bool *yes)
{
    need less;
    planned p = { .network = NULL };
    CLI_TRY_LIBRARY(plan(r, batch, 0, &p, out));
    *yes = out->step + out->beside <= room;
    if (!*yes && again) {
        drop(&p);
        const size_t memory = room > out->beside ? (size_t)(room - out->beside) : 1;
        const weft_status status = plan(r, batch, memory, &p, &less);
        if (status && status != WEFT_NO_MEMORY)
            return cli_library_error(status);
        *yes = status == WEFT_OK;
    }
    if (*yes)
        keep(r, &p);
    else
        drop(&p);
    return CLI_OK;
}

/* Of a card, what it has: little else lives there. Else what Linux says is available, and a limit of the process's
 * control group, if that is less. */
static double free_bytes(const train_run *r)
{
    weft_device_info device = { 0 };
    cli_find_device(weft_ctx_device(r->ctx), &device);
    if (strcmp(device.name, "cpu") != 0 && device.memory)
        return .95 * (double)device.memory;

    static const struct {
        const char *path, *format;
        double scale;
    } places[] = { { "/proc/meminfo", "MemAvailable: %lf kB", 1024 }, { "/sys/fs/cgroup/memory.max", "%lf", 1 } };
    double least = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char line[256];
        double number;
        FILE *file = fopen(places[i].path, "r");
        while (file && fgets(line, sizeof line, file))
            if (sscanf(line, places[i].format, &number) == 1 && (least == 0 || number * places[i].scale < least))
                least = number * places[i].scale;
        if (file)
            fclose(file);
    }
    return least / weft_ranks_local(r->ranks);
}

static cli_exit largest(train_run *r, double room, int64_t limit, bool again, int64_t *out)
{
    int64_t low = 0, high = 1;
    need as_it_is = { 0 };
    bool yes = false;
    for (; high <= limit; high *= 2) {
        CLI_TRY(fits(r, high, room, again, &as_it_is, &yes));
        if (!yes)
            break;
        low = high;
    }
    if (low == 0) {
        char need_text[32], have[32];
        return cli_error(CLI_MEMORY, "train: a batch of 1 needs %s, and there are %s",
                         cli_bytes_text(as_it_is.step + as_it_is.beside, need_text), cli_bytes_text(room, have));
    }
    if (high > limit)
        high = limit + 1;
    while (high - low > 1) {
        const int64_t middle = low + (high - low) / 2;
        CLI_TRY(fits(r, middle, room, again, &as_it_is, &yes));
        if (yes)
            low = middle;
        else
            high = middle;
    }
    *out = low;
    return CLI_OK;
}

/* All ranks take what fits into the least room that one of them has. */
static cli_exit follow_least(train_run *r, double room)
{
    int64_t least = r->part;
    need as_it_is;
    bool yes;
    CLI_TRY(train_least(r, &least));
    if (least == r->part)
        return CLI_OK;
    r->part = least;
    return fits(r, least, room, r->set->recompute, &as_it_is, &yes);
}

static cli_exit choose_auto(train_run *r)
{
    const int size = weft_ranks_size(r->ranks);
    double room = free_bytes(r) * .8;
    char text[32], origin[96], bytes[32];
    int64_t limit = AUTO_LARGEST;
    const int64_t images = weft_trainset_count(r->data, WEFT_PART_TRAIN);
    if (r->set->memory) {
        CLI_TRY(train_bytes("memory", r->set->memory, &room));
        limit = LARGEST;
    }
    if (limit > images)
        limit = images > 0 ? images : 1;
    limit = limit / size > 0 ? limit / size : 1;
    CLI_TRY(largest(r, room, limit, r->set->recompute, &r->part));
    CLI_TRY(follow_least(r, room));
    r->batch = r->part * size;
    snprintf(text, sizeof text, "%lld", (long long)r->batch);
    snprintf(origin, sizeof origin, "auto, of %s%s", cli_bytes_text(room, bytes),
             r->part == limit ? ": the most that is tried" : "");
    return train_plan_set(&r->plan, "batch", text, origin, "train");
}

/* A batch that is given, within --memory: what does not fit is recomputed. */
static cli_exit keep_to_memory(train_run *r)
{
    double room = 0;
    char beside[32], need_text[32];
    need as_it_is;
    bool yes;
    CLI_TRY(train_bytes("memory", r->set->memory, &room));
    CLI_TRY(fits(r, r->part, room, true, &as_it_is, &yes));
    if (yes)
        return CLI_OK;
    return cli_error(CLI_MEMORY, "train: a batch of %lld needs %s, of them %s for validation and batches made ahead; "
                     "%s: give more --memory or a smaller --batch", (long long)r->part,
                     cli_bytes_text(as_it_is.step + as_it_is.beside, need_text),
                     cli_bytes_text(as_it_is.beside, beside), weft_error());
}

cli_exit train_choose_batch(train_run *r)
{
    char *end;
    need as_it_is;
    bool yes;
    const int size = weft_ranks_size(r->ranks);
    if (strcmp(r->set->batch, "auto") == 0)
        return choose_auto(r);
    r->batch = strtoll(r->set->batch, &end, 10);
    if (*end || r->batch < 1 || r->batch > LARGEST)
        return cli_error(CLI_USAGE, "batch: '%s' is neither auto nor a number from 1 to %d", r->set->batch, LARGEST);
    if (r->batch % size != 0)
        return cli_error(CLI_USAGE, "batch: %lld images cannot be shared by %d ranks: %lld or %lld can",
                         (long long)r->batch, size, (long long)(r->batch / size > 0 ? r->batch / size * size : size),
                         (long long)((r->batch / size + 1) * size));
    r->part = r->batch / size;
    if (r->set->memory)
        return keep_to_memory(r);
    const double found = free_bytes(r), room = found > 0 ? found : HUGE_VAL; /* nobody says: it is tried */
    CLI_TRY(fits(r, r->part, room, false, &as_it_is, &yes));
    if (yes)
        return CLI_OK;
    char need_text[32], have[32];
    int64_t most = 0;
    const long long asked = r->part;
    CLI_TRY(largest(r, room * .95, r->part, false, &most));
    return cli_error(CLI_MEMORY, "train: a batch of %lld needs %s, %s are free; the largest that fits is %lld, and "
                     "--memory recomputes for larger ones", asked,
                     cli_bytes_text(as_it_is.step + as_it_is.beside, need_text), cli_bytes_text(room, have),
                     (long long)most);
}
