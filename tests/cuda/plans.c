/* SPDX-License-Identifier: Apache-2.0
 *
 * Does the real cuDNN plan every layer of every network? Asked without a GPU, on described cards, with the stand-in
 * driver of tests/cuda/nodevice on the library path.
 *
 *   cuda-plans --all [--train] [--quick] [--targets LIST] [--precisions LIST] [--journal DIR] [--golden FILE [--write]]
 *   cuda-plans --known [--train] --journal DIR --golden FILE --write
 *   cuda-plans --sample COMPILED,READY [--train] [--targets NAME] [--seed N] --golden FILE
 *   cuda-plans --whole --train [--seed N] --golden FILE
 *
 * The layers are those of all networks at batch 32, and some for the H100 alone (layers.c); with --train those of a
 * step of training of every network, whose golden file is another (plans_train.golden). A cell is one layer on one card
 * in one precision:
 *   P  a precompiled engine, on tensor cores; p  not on these (or, of those with sums, not saying so)
 *   R  an engine that is compiled when it is planned, on tensor cores; r  not on these
 *   -  no plan: something else takes it (plans_whole.c says what)
 *   w  cuDNN is not asked: a kernel of weft's takes it, with whose name the row begins
 *   .  no network has it so
 *   !  a plan, but no strict one: nothing takes it
 *   ?  not asked yet
 * Every plan is deterministic and within the workspace limit; fp32 plans are strict, and where the plan of fp16 or bf16
 * is not, a strict one exists, too.
 * --all takes a while (--quick leaves out what must be compiled): the journal keeps what is known, so that a run that
 * was stopped goes on. --known asks nothing and writes what is known by then. The golden file holds all cells; --sample
 * draws some of them and compares, with --train of one column that is drawn, too; --whole needs no cuDNN: has every
 * layer its row, and every cell something that computes it? With a seed that is of both cards in one precision, since
 * planning the steps is what takes long. One process asks for one card: cuDNN's heuristics keep state of the first
 * (dnn_real.c). With a compiler that compiles nothing (hollow/nvrtc.c) the answers are the same, and quick. */
#include "plans.h"

#include "cuda/vendor/target.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

typedef enum mode { NO_MODE, ALL, KNOWN, SAMPLE, WHOLE } mode;

typedef struct options {
    mode mode;
    bool write, quick;
    layers_wanted wanted; /* columns that are asked */
    const char *journal, *golden;
    int compiled, ready;     /* cells of a sample */
    unsigned long long seed; /* 0: none */
} options;

typedef struct tally {
    int count[128];
    size_t workspace;
    double seconds; /* of the processor */
} tally;

/* ---- one cell ---- */

static char letter(const weft_dnn_info *info)
{
    const bool tensor = info->notes & WEFT_DNN_TENSOR_CORE;
    return info->runtime_compiled ? (tensor ? 'R' : 'r') : (tensor ? 'P' : 'p');
}

static char answer(weft_dnn *dnn, const layer *l, int precision, tally *sum)
{
    enum { NOT_STRICT = WEFT_DNN_DOWN_CONVERT | WEFT_DNN_FFT | WEFT_DNN_WINOGRAD };
    const bool fp32 = layer_precisions[precision].precision == WEFT_PRECISION_FP32;
    weft_dnn_plan *plan = NULL;
    weft_dnn_graph *graph = l->graph[precision];
    snprintf(graph->name, sizeof graph->name, "%.90s", l->text);
    weft_dnn_request request = { .strict = fp32 };
    if (weft_dnn_plan_create(dnn, graph, &request, &plan) != WEFT_OK) {
        fprintf(stderr, "%s: %s\n", layer_precisions[precision].name, weft_error());
        return '-';
    }
    const weft_dnn_info info = *weft_dnn_plan_info(plan);
    weft_dnn_plan_destroy(plan);
    if (info.workspace > sum->workspace)
        sum->workspace = info.workspace;
    if (info.workspace > WEFT_DNN_WORKSPACE_LIMIT || (info.notes & WEFT_DNN_NONDETERMINISTIC))
        return '?'; /* the wrapper's filters do not work */
    if (fp32 || layer_precisions[precision].precision == WEFT_PRECISION_TF32 || !(info.notes & NOT_STRICT))
        return letter(&info);
    request.strict = true;
    if (weft_dnn_plan_create(dnn, graph, &request, &plan) != WEFT_OK)
        return '!';
    weft_dnn_plan_destroy(plan);
    return letter(&info);
}

static char ask(weft_dnn *dnn, const layer *l, int precision, tally *sum)
{
    const clock_t start = clock();
    const char cell = answer(dnn, l, precision, sum);
    sum->seconds += (double)(clock() - start) / CLOCKS_PER_SEC;
    return cell;
}

static weft_status open_target(const weft_vendor *vendor, const char *name, weft_dnn **out)
{
    weft_target target;
    char json[WEFT_TARGET_JSON];
    WEFT_TRY(weft_target_find(name, &target));
    return weft_dnn_create(vendor, &weft_malloc_allocator,
                           &(weft_dnn_opt){ .properties = weft_target_json(&target, json, sizeof json), .cache = "" },
                           out);
}

/* ---- all of them ---- */

/* Whether cuDNN has precompiled engines for the pattern: a convolution with bias, residual and relu at most, or with
 * sums of its result, a gradient, and nothing else. */
static bool is_ready(const layer *l, int precision)
{
    static const char *const ends[] = { " bias", " bias relu", " stats" };
    if (l->graph[precision]->n_ops == 1)
        return strncmp(l->text, "matmul ", 7) != 0;
    for (int i = 0; i < WEFT_COUNT(ends); i++) {
        const size_t n = strlen(ends[i]), all = strlen(l->text);
        if (strncmp(l->text, "conv ", 5) == 0 && all > n && strcmp(l->text + all - n, ends[i]) == 0)
            return true;
    }
    return false;
}

static void run_column(const options *o, weft_dnn *dnn, const layers *all, row *rows, int target, int precision)
{
    const int n = target * LAYER_PRECISIONS + precision;
    FILE *journal = plans_journal(o->journal, o->wanted.training, n, "a");
    tally sum = { .workspace = 0 };
    int asked = 0;
    for (int i = 0; i < all->count; i++) {
        char *cell = &rows[i].cell[n];
        if (!all->list[i].used[n] || all->list[i].own || (!*cell && o->quick && !is_ready(&all->list[i], precision)))
            continue;
        if (!*cell || !journal) {
            *cell = ask(dnn, &all->list[i], precision, &sum);
            if (journal) {
                fprintf(journal, "%c %s\n", *cell, all->list[i].text);
                fflush(journal);
            }
        }
        sum.count[(unsigned char)*cell & 127]++;
        asked++;
    }
    if (journal)
        fclose(journal);
    printf("%-8s %s: %d layers: %d P, %d p, %d R, %d r, %d -, %d !, %d ?; workspace to %.1f MiB, %.0f s\n",
           layer_targets[target], layer_precisions[precision].name, asked, sum.count['P'], sum.count['p'],
           sum.count['R'], sum.count['r'], sum.count['-'], sum.count['!'], sum.count['?'],
           (double)sum.workspace / (1 << 20), sum.seconds);
    fflush(stdout);
}

static weft_status ask_all(const options *o, const weft_vendor *vendor, const layers *all, row *rows)
{
    for (int t = 0; t < LAYER_TARGETS; t++) {
        weft_dnn *dnn = NULL;
        if (!o->wanted.target[t] || !all->planned[t])
            continue;
        WEFT_TRY(open_target(vendor, layer_targets[t], &dnn));
        for (int p = 0; p < LAYER_PRECISIONS; p++)
            if (o->wanted.precision[p])
                run_column(o, dnn, all, rows, t, p);
        weft_dnn_destroy(dnn);
    }
    return WEFT_OK;
}

/* ---- a sample ---- */

static unsigned long long next_random(unsigned long long *state)
{
    unsigned long long z = *state += 0x9e3779b97f4a7c15ULL; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

/* Whether an answer is the golden file's. In tf32 it depends on what the process asked before which of two engines the
 * heuristics put first (9.19): there the one is as good as the other with tensor cores or without. */
static bool is_same(char found, char expected, int precision)
{
    const bool any = layer_precisions[precision].precision == WEFT_PRECISION_TF32;
    return found == expected || (any && tolower(found) == tolower(expected));
}

/* Draws cells until enough of either sort were compared; layers that the golden file does not have come first. */
static int run_sample(const options *o, const weft_vendor *vendor, const layers *all, const row *rows,
                      bool same_version)
{
    weft_dnn *dnn = NULL;
    int wrong = 0, compiled = 0, ready = 0, fresh = 0, target = 0;
    unsigned long long random = o->seed;
    tally sum = { .workspace = 0 };
    while (!o->wanted.target[target])
        target++;
    if (open_target(vendor, layer_targets[target], &dnn) != WEFT_OK) {
        printf("%s: %s\n", layer_targets[target], weft_error());
        return 1;
    }
    const int tries = 200 * (o->compiled + o->ready);
    for (int k = 0; k < tries && (compiled < o->compiled || ready < o->ready); k++) {
        const int i = (int)(next_random(&random) % (unsigned)all->count);
        const int n = target * LAYER_PRECISIONS + (int)(next_random(&random) % LAYER_PRECISIONS);
        const char expected = rows[i].cell[n] == '.' ? '\0' : rows[i].cell[n];
        const bool slow = !expected || strchr("Rr-", expected);
        if (!all->list[i].used[n] || all->list[i].own || (slow ? compiled == o->compiled : ready == o->ready))
            continue;
        *(slow ? &compiled : &ready) += 1;
        fresh += !expected;
        const char found = ask(dnn, &all->list[i], n % LAYER_PRECISIONS, &sum);
        const bool bad = expected && same_version ? !is_same(found, expected, n % LAYER_PRECISIONS)
                                                  : found != expected && strchr("-!?", found);
        if (bad)
            printf("%s %s %s: '%c', '%c' is expected\n", layer_targets[n / LAYER_PRECISIONS],
                   layer_precisions[n % LAYER_PRECISIONS].name, all->list[i].text, found, expected ? expected : 'P');
        wrong += bad;
    }
    weft_dnn_destroy(dnn);
    printf("%d cells compared (%d compiled, %d not in the golden file): %d wrong, %.1f s, seed %llu\n",
           compiled + ready, compiled, fresh, wrong, sum.seconds, o->seed);
    return wrong;
}

/* ---- command line ---- */

static bool choose(const char *list, const char *name)
{
    const size_t n = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, n) == 0 && (at[n] == ',' || at[n] == '\0'))
            return true;
    return false;
}

/* The mode that a word chooses, with its value behind it where it has one. */
static bool choose_mode(const char *word, const char *value, options *o)
{
    static const struct {
        const char *word;
        mode mode;
    } modes[] = { { "--all", ALL }, { "--known", KNOWN }, { "--whole", WHOLE }, { "--sample", SAMPLE } };
    for (int i = 0; i < WEFT_COUNT(modes); i++)
        if (strcmp(word, modes[i].word) == 0) {
            o->mode = modes[i].mode;
            return o->mode != SAMPLE || (value && sscanf(value, "%d,%d", &o->compiled, &o->ready) == 2);
        }
    return false;
}

static bool *flag_of(const char *word, options *o)
{
    return strcmp(word, "--write") == 0   ? &o->write
           : strcmp(word, "--quick") == 0 ? &o->quick
           : strcmp(word, "--train") == 0 ? &o->wanted.training
                                          : NULL;
}

static bool parse(int argc, char **argv, options *o)
{
    const char *targets = NULL, *formats = NULL, *seed = NULL; /* all */
    const struct {
        const char *word, **value;
    } values[] = { { "--targets", &targets },
                   { "--precisions", &formats },
                   { "--journal", &o->journal },
                   { "--golden", &o->golden },
                   { "--seed", &seed } };
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool *flag = flag_of(argv[i], o);
        int k = 0;
        while (k < WEFT_COUNT(values) && strcmp(argv[i], values[k].word) != 0)
            k++;
        if (flag)
            *flag = true;
        else if (k < WEFT_COUNT(values) && value)
            *values[k].value = argv[++i];
        else if (choose_mode(argv[i], value, o))
            i += o->mode == SAMPLE;
        else
            return false;
    }
    if (seed)
        o->seed = strtoull(seed, NULL, 10);
    for (int t = 0; t < LAYER_TARGETS; t++)
        o->wanted.target[t] = !targets || choose(targets, layer_targets[t]);
    for (int p = 0; p < LAYER_PRECISIONS; p++)
        o->wanted.precision[p] = !formats || choose(formats, layer_precisions[p].name);
    return true;
}

/* Whether the words belong together. */
static bool is_meant(const options *o)
{
    int chosen = 0;
    for (int t = 0; t < LAYER_TARGETS; t++)
        chosen += o->wanted.target[t];
    const bool sample = o->golden && (chosen == 1 || o->wanted.training) && o->compiled > 0 && o->ready > 0;
    return o->mode == ALL      ? chosen > 0 && (o->golden || !o->write)
           : o->mode == KNOWN  ? o->journal && o->golden && o->write
           : o->mode == SAMPLE ? sample
                               : o->mode == WHOLE && o->golden && o->wanted.training;
}

/* One precision, and for a sample one card: planning steps of training takes longer than asking. */
static void draw_columns(options *o)
{
    unsigned long long random = o->seed;
    const int precision = (int)(next_random(&random) % LAYER_PRECISIONS);
    const char *const card = next_random(&random) % 2 ? "h100" : "a100";
    for (int p = 0; p < LAYER_PRECISIONS; p++)
        o->wanted.precision[p] = p == precision;
    for (int t = 0; t < LAYER_TARGETS && o->mode == SAMPLE; t++)
        o->wanted.target[t] = strcmp(layer_targets[t], card) == 0;
}

/* vendor NULL: nothing is asked. */
static int run(const options *o, const weft_vendor *vendor, const layers *all, row *rows)
{
    plans_file file = { .known = 0 };
    if (o->golden)
        file = plans_read(o->golden, all, &o->wanted, rows);
    const int version = vendor ? vendor->cudnn : file.version;
    printf("%d networks, %d graphs, %d distinct layers; %d in the golden file of cuDNN %d, this is %d\n", all->networks,
           all->graphs, all->count, file.known, file.version, version);
    if (o->mode == WHOLE)
        return plans_check_whole(all, &o->wanted, rows, &file) ? 1 : 0;
    if (o->mode == SAMPLE)
        return run_sample(o, vendor, all, rows, file.version == version) ? 1 : 0;
    if (file.version != version || !o->journal)
        memset(rows, 0, (size_t)all->count * sizeof *rows);
    plans_read_journals(o->journal, o->wanted.training, all, rows);
    plans_settle(all, rows);
    if (o->mode == ALL && ask_all(o, vendor, all, rows) != WEFT_OK) {
        printf("%s\n", weft_error());
        return 1;
    }
    if (o->write && !plans_write(o->golden, o->wanted.training, all, rows, version)) {
        printf("%s cannot be written\n", o->golden);
        return 1;
    }
    const int bad = plans_count_bad(all, &o->wanted, rows);
    printf("%d cells without a plan that nothing else takes\n", bad);
    return bad ? 1 : 0;
}

/* Of the columns that are wanted: of all where the file is written. */
static int plan_and_run(const options *o, const weft_vendor *vendor)
{
    layers_wanted columns = o->wanted;
    for (int t = 0; t < LAYER_TARGETS && o->write; t++)
        columns.target[t] = true;
    for (int p = 0; p < LAYER_PRECISIONS && o->write; p++)
        columns.precision[p] = true;
    layers all;
    if (layers_collect(&columns, &all) != WEFT_OK) {
        printf("%s\n", weft_error());
        return 1;
    }
    row *rows = calloc((size_t)all.count + 1, sizeof *rows);
    const int status = rows ? run(o, vendor, &all, rows) : 1;
    free(rows);
    layers_release(&all);
    return status;
}

int main(int argc, char **argv)
{
    options o = { .mode = NO_MODE };
    if (!parse(argc, argv, &o) || !is_meant(&o)) {
        fprintf(stderr, "usage: see the head of tests/cuda/plans.c\n");
        return 64;
    }
    if (o.wanted.training && (o.mode == SAMPLE || (o.mode == WHOLE && o.seed)))
        draw_columns(&o);
    if (o.mode == KNOWN || o.mode == WHOLE)
        return plan_and_run(&o, NULL);
    weft_vendor vendor;
    if (weft_vendor_load(&vendor) != WEFT_OK) {
        printf("skipped: %s\n", weft_error());
        return 77;
    }
    const int status = plan_and_run(&o, &vendor);
    weft_vendor_close(&vendor);
    return status;
}
