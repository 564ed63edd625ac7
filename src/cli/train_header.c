/* SPDX-License-Identifier: Apache-2.0
 *
 * What is about to happen, in plain words, and the line of progress. */
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/text.h"
#include "cli/train.h"

enum { LISTED = 6, FEW = 8 };

FILE *train_out(const train_run *r)
{
    return r->args->json && train_is_first(r) ? stderr : stdout;
}

static void print_parts(const train_run *r, FILE *out)
{
    fprintf(out, "data       ");
    cli_put_visible(out, weft_trainset_path(r->data));
    fprintf(out, " (%s): ", weft_trainset_kind(r->data));
    for (int part = 0, some = 0; part < WEFT_PART_COUNT; part++) {
        const int64_t count = weft_trainset_count(r->data, (weft_part)part);
        if (count > 0)
            fprintf(out, "%s%lld images to %s", some++ ? ", " : "", (long long)count,
                    part == WEFT_PART_TRAIN ? "train" : part == WEFT_PART_VAL ? "validate" : "test");
    }
    fputs("; validated at each epoch on the ", out);
    fputs(r->eval_part == WEFT_PART_VAL ? "validation part\n" : "test part (val-split .1 takes one of its own)\n", out);
}

static void print_classes(const train_run *r, FILE *out)
{
    int least = 0, most = 0;
    for (int i = 1; i < r->classes; i++) {
        const int64_t count = weft_trainset_class_count(r->data, WEFT_PART_TRAIN, i);
        if (count < weft_trainset_class_count(r->data, WEFT_PART_TRAIN, least))
            least = i;
        if (count > weft_trainset_class_count(r->data, WEFT_PART_TRAIN, most))
            most = i;
    }
    const long long few = weft_trainset_class_count(r->data, WEFT_PART_TRAIN, least),
                    many = weft_trainset_class_count(r->data, WEFT_PART_TRAIN, most);
    fprintf(out, "classes    %d: ", r->classes);
    for (int i = 0; i < r->classes && i < LISTED; i++) {
        fputs(i ? ", " : "", out);
        cli_put_visible(out, weft_trainset_class(r->data, i));
    }
    fputs(r->classes > LISTED ? ", ...; " : "; ", out);
    if (few == many) {
        fprintf(out, "%lld images of each\n", few);
        return;
    }
    fprintf(out, "%lld images (", few);
    cli_put_visible(out, weft_trainset_class(r->data, least));
    fprintf(out, ") to %lld (", many);
    cli_put_visible(out, weft_trainset_class(r->data, most));
    fprintf(out, ")%s\n",
            many > 2 * few && !r->set->sampling && !r->set->class_weights
                ? ": uneven; --class-weights balanced or --sampling balanced evens them" : "");
}

static void print_network(const train_run *r, FILE *out)
{
    weft_trained_info info;
    int64_t trained = 0, frozen = 0;
    char recipe[WEFT_RECIPE_TEXT], parameters[64];
    for (int i = 0; weft_trainer_param(r->trainer, i, &info) == WEFT_OK; i++)
        *(info.trained ? &trained : &frozen) += weft_shape_count(&info.shape);
    snprintf(parameters, sizeof parameters, "%.3f million", (double)trained * 1e-6);
    fprintf(out, "network    %s (%s): %s parameters are trained", r->arch->name, weft_dialect_name(r->arch->dialect),
            parameters);
    if (r->n_frozen)
        fprintf(out, ", %.3f million stay as they are, with the batch norms among them", (double)frozen * 1e-6);
    fprintf(out, "\ninput      %s\n", weft_recipe_text(&r->input, recipe, sizeof recipe));
    if (r->taken) {
        fprintf(out, "weights    ");
        cli_put_visible(out, r->taken);
        fputc('\n', out);
    }
    if (r->aux)
        fprintf(out, "heads      auxiliary ones are trained, too, with %g times the loss\n", r->set->aux_weight);
}

static void print_device(const train_run *r, FILE *out)
{
    weft_device_info device = { 0 };
    cli_find_device(weft_ctx_device(r->ctx), &device);
    if (strcmp(device.name, "cpu") != 0)
        fprintf(out, "device     %s: %s, %s\n", weft_ctx_device(r->ctx), device.description,
                weft_precision_name(weft_ctx_precision(r->ctx)));
}

static void print_scale(const train_run *r, FILE *out)
{
    if (!train_is_scaled(r))
        return;
    if (r->loss_scale.kind == WEFT_SCALING_FIXED)
        fprintf(out, "scale      the gradient of the loss is multiplied with %g\n", r->loss_scale.factor);
    else
        fputs("scale      the gradient of the loss is multiplied with 65536 at first, with half of it after each step "
              "that this is too much for, which is left out\n", out);
}

static void print_steps(const train_run *r, FILE *out)
{
    weft_memory step = { 0 }, inference = { 0 };
    char a[32], b[32];
    weft_model_memory(weft_trainer_model(r->trainer), &step);
    weft_model_memory(r->model, &inference);
    fprintf(out, "steps      %g epochs of %lld steps of %lld images\n", r->state.epochs, (long long)r->steps_per_epoch,
            (long long)r->batch);
    fprintf(out, "memory     %s to train, %s to validate\n", cli_bytes_text((double)step.peak, a),
            cli_bytes_text((double)(inference.arena + inference.packed), b));
    weft_recomputed again = { 0 };
    weft_model_recomputed(weft_trainer_model(r->trainer), &again);
    if (again.steps)
        fprintf(out, "recomputed %d results are computed once more: %s to train instead of %s, for %.1f %% more "
                "arithmetic\n", again.steps, cli_bytes_text((double)step.peak, a),
                cli_bytes_text((double)again.plain, b), 100 * again.extra / again.flops);
}

static void print_ranks(const train_run *r, FILE *out)
{
    static const char host[] = "through the host: ";
    const int size = weft_ranks_size(r->ranks);
    const char *const passage = weft_trainer_passage(r->trainer);
    if (strncmp(passage, host, strlen(host)) == 0)
        cli_warn("gradients pass between the cards through the host, which is slower than NCCL: %s",
                 passage + strlen(host));
    else if (strncmp(passage, "by NCCL", 7) == 0)
        fprintf(out, "gradients  pass between the cards %s\n", passage);
    if (size > 1)
        fprintf(out, "ranks      %d by %s, %d of them on this machine, of %d threads each: %lld of the %lld images "
                "of a step each; the learning rate is that of all %lld%s\n", size, weft_ranks_transport(r->ranks),
                weft_ranks_local(r->ranks), weft_ctx_threads(r->ctx), (long long)r->part, (long long)r->batch,
                (long long)r->batch, r->set->sync_bn ? ", and so are the statistics of batch norms" : "");
}

static void print_setting(const train_run *r, int row, FILE *out)
{
    fprintf(out, "%s ", train_keys[row].name);
    cli_put_visible(out, train_value(&r->plan, row));
    fputs(" (", out);
    cli_put_visible(out, r->plan.origin[row]);
    fputs(")", out);
}

static void print_settings(const train_run *r, FILE *out)
{
    fputs("settings   ", out);
    int some = 0;
    for (int i = 0; train_keys[i].name; i++) {
        if (!r->plan.origin[i])
            continue;
        fputs(some++ ? ", " : "", out);
        print_setting(r, i, out);
    }
    fprintf(out, "%sall others are defaults%s", some ? "; " : "", r->folder ? ": see " : "");
    if (r->folder)
        cli_put_visible(out, r->folder);
    fputc('\n', out);
}

/* A norm's statistics of very few images are noise. */
static void warn_small_batch(const train_run *r)
{
    weft_node_info node;
    const int64_t seen = r->set->sync_bn ? r->batch : r->part;
    if (seen >= FEW)
        return;
    for (int i = 0; weft_graph_node(r->network, i, &node) == WEFT_OK; i++)
        if (strcmp(node.op, "batch_norm") == 0) {
            cli_warn("batch norm is trained with %lld images a step%s; its statistics are poor below %d: use a larger "
                     "batch, %s--freeze the norms", (long long)seen, seen < r->batch ? " and rank" : "", FEW,
                     seen < r->batch ? "--set 'sync-bn yes', or " : "or ");
            return;
        }
}

void train_print_header(const train_run *r)
{
    FILE *const out = train_out(r);
    print_parts(r, out);
    print_classes(r, out);
    print_network(r, out);
    print_device(r, out);
    print_scale(r, out);
    print_steps(r, out);
    print_ranks(r, out);
    print_settings(r, out);
    if (r->folder) {
        fprintf(out, "run        ");
        cli_put_visible(out, r->folder);
        fputc('\n', out);
    }
    warn_small_batch(r);
    fflush(out);
}

/* ---- progress ---- */

const char *train_scale_text(const train_run *r, char *text, size_t size)
{
    const char *const many = r->skips == 1 ? "" : "s";
    *text = '\0';
    if (train_is_scaled(r) && r->scale > 0)
        snprintf(text, size, ", scale %g, %lld step%s skipped", r->scale, (long long)r->skips, many);
    return text;
}

void train_show(train_run *r, const train_score *so_far, double rate, double to_come, double waiting)
{
    char what[128];
    const int64_t in_epoch = r->state.step % r->steps_per_epoch;
    snprintf(what, sizeof what, "epoch %lld/%g, loss %.4f, right %.2f %%, %.0f images/s, waiting %.0f %%",
             (long long)r->state.epochs_done + 1, r->state.epochs, so_far->loss,
             so_far->images ? 100. * (double)so_far->top1 / (double)so_far->images : 0, rate, 100 * waiting);
    cli_bar_show(&r->bar, what, (double)in_epoch / (double)r->steps_per_epoch, to_come, false);
}
