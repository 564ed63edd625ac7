/* SPDX-License-Identifier: Apache-2.0
 *
 * Does the real cuDNN plan every layer of every network? Asked without a GPU, on described cards, with the stand-in
 * driver of tests/cuda/nodevice on the library path.
 *
 *   cuda_plans --all [--train] [--quick] [--targets LIST] [--precisions LIST] [--journal DIR] [--golden FILE [--write]]
 *   cuda_plans --sample COMPILED,READY --targets NAME [--seed N] --golden FILE
 *
 * The layers are those of all networks at batch 32, and some for the H100 alone (layers.c); with --train those of steps
 * of training of some networks, whose golden file is another (plans_train.golden). A cell is one layer on one card in
 * one precision: P (precompiled engine) or R (compiled when planned), p or r when the engine does not use tensor cores,
 * - when there is no plan. Every plan is deterministic and within the workspace limit; fp32 plans are strict, and where
 * the plan of fp16 or bf16 is not, a strict one must exist, too (else !).
 * --all takes a while (--quick leaves out what must be compiled): the journal keeps what is known, so that a run that
 * was stopped goes on. The golden file holds all cells; --sample draws some of them and compares. One process asks for
 * one card: cuDNN's heuristics keep state of the first (dnn_real.c). */
#include "layers.h"

#include "cuda/vendor/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE = 512 };

typedef struct options {
    bool all, write, quick, train;
    bool target[LAYER_TARGETS], precision[LAYER_PRECISIONS];
    const char *journal, *golden;
    int compiled, ready; /* cells of a sample */
    unsigned long long seed;
} options;

/* Cells of one layer. 0: not known; '.': no network asks for it. */
typedef struct row {
    char cell[LAYER_CELLS];
} row;

typedef struct tally {
    int count[128];
    size_t workspace;
    double seconds;
} tally;

/* ---- one cell ---- */

static char letter(const weft_dnn_info *info)
{
    const bool tensor = info->notes & WEFT_DNN_TENSOR_CORE;
    return info->runtime_compiled ? (tensor ? 'R' : 'r') : (tensor ? 'P' : 'p');
}

static char ask(weft_dnn *dnn, const layer *l, int precision, tally *sum)
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
    sum->seconds += info.seconds;
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

static weft_status open_target(const weft_vendor *vendor, const char *name, weft_dnn **out)
{
    weft_target target;
    char json[WEFT_TARGET_JSON];
    WEFT_TRY(weft_target_find(name, &target));
    return weft_dnn_create(vendor, &weft_malloc_allocator,
                           &(weft_dnn_opt){ .properties = weft_target_json(&target, json, sizeof json), .cache = "" },
                           out);
}

/* ---- the golden file: "text|PpPP|..." in order of text ---- */

/* Fills the rows of the layers that it knows; the number of those, or -1. *version is cuDNN's when it was written. */
static int read_golden(const char *path, const layers *all, row *rows, int *version)
{
    FILE *file = fopen(path, "r");
    char line[LINE];
    int known = 0;
    *version = 0;
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#') {
            sscanf(line, "# cudnn %d", version);
            continue;
        }
        char *cells = strchr(line, '|');
        if (!cells)
            continue;
        *cells++ = '\0';
        const int index = layers_find(all, line);
        int n = 0;
        for (const char *c = cells; *c && n < LAYER_CELLS; c++)
            if (*c != '|' && index >= 0)
                rows[index].cell[n++] = *c == '?' ? '\0' : *c;
        known += index >= 0;
    }
    if (!file)
        return -1;
    fclose(file);
    return known;
}

static bool write_golden(const options *o, const layers *all, const row *rows, int version)
{
    FILE *file = fopen(o->golden, "w");
    if (!file)
        return false;
    fprintf(file, "# cudnn %d: layers of %s; columns", version,
            o->train ? "steps of training" : "all networks, and of weft selftest");
    for (int t = 0; t < LAYER_TARGETS; t++)
        fprintf(file, " %s", layer_targets[t]);
    fprintf(file, ", each fp32 tf32 fp16 bf16; letters: tests/cuda/plans.c\n");
    for (int i = 0; i < all->count; i++) {
        fputs(all->list[i].text, file);
        for (int n = 0; n < LAYER_CELLS; n++) {
            if (n % LAYER_PRECISIONS == 0)
                fputc('|', file);
            fputc(rows[i].cell[n] ? rows[i].cell[n] : '?', file);
        }
        fputc('\n', file);
    }
    return fclose(file) == 0;
}

/* ---- all of them ---- */

/* The journal of a column, opened to be gone on with; NULL without. */
static FILE *open_journal(const options *o, int target, int precision)
{
    char path[LINE];
    if (!o->journal)
        return NULL;
    snprintf(path, sizeof path, "%s/%s.%s", o->journal, layer_targets[target], layer_precisions[precision].name);
    return fopen(path, "a+");
}

/* What earlier runs found out: "P text" lines. */
static void read_journals(const options *o, const layers *all, row *rows)
{
    for (int n = 0; n < LAYER_CELLS; n++) {
        char line[LINE];
        FILE *file = open_journal(o, n / LAYER_PRECISIONS, n % LAYER_PRECISIONS);
        if (file)
            rewind(file);
        while (file && fgets(line, sizeof line, file)) {
            line[strcspn(line, "\n")] = '\0';
            const int index = strlen(line) > 2 ? layers_find(all, line + 2) : -1;
            if (index >= 0)
                rows[index].cell[n] = line[0];
        }
        if (file)
            fclose(file);
    }
    for (int i = 0; i < all->count; i++)
        for (int n = 0; n < LAYER_CELLS; n++)
            if (!all->list[i].used[n])
                rows[i].cell[n] = '.';
}

/* Whether cuDNN has precompiled engines for the pattern: a convolution with bias, residual and relu at most, or with
 * sums of its result, a gradient alone. */
static bool is_ready(const char *text)
{
    static const char *const ends[] = { " bias", " bias relu", " stats" };
    if (strncmp(text, "wgrad ", 6) == 0 || (strncmp(text, "dgrad ", 6) == 0 && !strstr(text, " residual")))
        return true;
    for (int i = 0; i < WEFT_COUNT(ends); i++) {
        const size_t n = strlen(ends[i]), all = strlen(text);
        if (strncmp(text, "conv ", 5) == 0 && all > n && strcmp(text + all - n, ends[i]) == 0)
            return true;
    }
    return false;
}

static void run_column(const options *o, weft_dnn *dnn, const layers *all, row *rows, int target, int precision)
{
    const int n = target * LAYER_PRECISIONS + precision;
    FILE *journal = open_journal(o, target, precision);
    tally sum = { .workspace = 0 };
    int asked = 0;
    for (int i = 0; i < all->count; i++) {
        char *cell = &rows[i].cell[n];
        if (!all->list[i].used[n] || (!*cell && o->quick && !is_ready(all->list[i].text)))
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

static weft_status run_all(const options *o, const weft_vendor *vendor, const layers *all, row *rows)
{
    read_journals(o, all, rows);
    for (int t = 0; t < LAYER_TARGETS; t++) {
        weft_dnn *dnn = NULL;
        WEFT_TRY(open_target(vendor, layer_targets[t], &dnn));
        for (int p = 0; p < LAYER_PRECISIONS; p++)
            if (o->target[t] && o->precision[p])
                run_column(o, dnn, all, rows, t, p);
        weft_dnn_destroy(dnn);
    }
    return WEFT_OK;
}

/* Who computes a layer that cuDNN has no engine for; NULL: nobody. */
static const char *other_way(const char *text)
{
    if (strncmp(text, "matmul ", 7) == 0)
        return "cuBLASLt, else weft's own product";
    if (strncmp(text, "dgrad ", 6) == 0 && strstr(text, " residual"))
        return "the gradient's plan, then an addition";
    return strstr(text, " maxpool") ? "the convolution's plan, then weft's own pool" : NULL;
}

/* Names every cell without a plan; counts those that nothing else takes, and those that were not asked. */
static int count_bad(const layers *all, const row *rows)
{
    int bad = 0, others = 0;
    for (int i = 0; i < all->count; i++)
        for (int n = 0; n < LAYER_CELLS; n++) {
            const char cell = rows[i].cell[n], *other = cell == '-' ? other_way(all->list[i].text) : NULL;
            if (!cell || !strchr("-!?", cell))
                continue;
            printf("%s: %s %s %s (%s)%s%s\n", cell == '?' ? "not asked" : "no plan",
                   layer_targets[n / LAYER_PRECISIONS], layer_precisions[n % LAYER_PRECISIONS].name,
                   all->list[i].text, all->list[i].network, other ? ": " : "", other ? other : "");
            others += other != NULL;
            bad += !other;
        }
    printf("%d cells without a plan are taken by another kernel\n", others);
    return bad;
}

/* ---- a sample ---- */

static unsigned long long next_random(unsigned long long *state)
{
    unsigned long long z = *state += 0x9e3779b97f4a7c15ULL; /* splitmix64 */
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
    return z ^ z >> 31;
}

/* Draws cells until enough of either sort were compared; layers that the golden file does not have come first. */
static int run_sample(const options *o, const weft_vendor *vendor, const layers *all, const row *rows,
                      bool same_version)
{
    weft_dnn *dnn = NULL;
    int wrong = 0, compiled = 0, ready = 0, fresh = 0, target = 0;
    unsigned long long random = o->seed;
    tally sum = { .workspace = 0 };
    while (!o->target[target])
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
        const bool slow = !expected || expected == 'R' || expected == 'r';
        if (!all->list[i].used[n] || (slow ? compiled == o->compiled : ready == o->ready))
            continue;
        *(slow ? &compiled : &ready) += 1;
        fresh += !expected;
        const char found = ask(dnn, &all->list[i], n % LAYER_PRECISIONS, &sum);
        const bool bad = expected && same_version ? found != expected : strchr("-!?", found) != NULL;
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

static bool parse(int argc, char **argv, options *o)
{
    const char *targets = NULL, *formats = NULL; /* all */
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--all") == 0)
            o->all = true;
        else if (strcmp(argv[i], "--write") == 0)
            o->write = true;
        else if (strcmp(argv[i], "--quick") == 0)
            o->quick = true;
        else if (strcmp(argv[i], "--train") == 0)
            o->train = true;
        else if (!value)
            return false;
        else if (strcmp(argv[i], "--targets") == 0)
            targets = argv[++i];
        else if (strcmp(argv[i], "--precisions") == 0)
            formats = argv[++i];
        else if (strcmp(argv[i], "--journal") == 0)
            o->journal = argv[++i];
        else if (strcmp(argv[i], "--golden") == 0)
            o->golden = argv[++i];
        else if (strcmp(argv[i], "--seed") == 0)
            o->seed = strtoull(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--sample") != 0 || sscanf(argv[++i], "%d,%d", &o->compiled, &o->ready) != 2)
            return false;
    }
    for (int t = 0; t < LAYER_TARGETS; t++)
        o->target[t] = !targets || choose(targets, layer_targets[t]);
    for (int p = 0; p < LAYER_PRECISIONS; p++)
        o->precision[p] = !formats || choose(formats, layer_precisions[p].name);
    int chosen = 0;
    for (int t = 0; t < LAYER_TARGETS; t++)
        chosen += o->target[t];
    return o->all ? chosen > 0 : o->golden && chosen == 1 && o->compiled > 0 && o->ready > 0;
}

static int run(const options *o, const weft_vendor *vendor, const layers *all, row *rows)
{
    int version = 0;
    const int known = o->golden ? read_golden(o->golden, all, rows, &version) : 0;
    const bool same_version = version == vendor->cudnn;
    printf("%d networks, %d graphs, %d distinct layers; %d in the golden file of cuDNN %d, this is %d\n", all->networks,
           all->graphs, all->count, known, version, vendor->cudnn);
    if (!o->all)
        return run_sample(o, vendor, all, rows, same_version) ? 1 : 0;
    if (!same_version || !o->journal)
        memset(rows, 0, (size_t)all->count * sizeof *rows);
    if (run_all(o, vendor, all, rows) != WEFT_OK) {
        printf("%s\n", weft_error());
        return 1;
    }
    if (o->write && o->golden && !write_golden(o, all, rows, vendor->cudnn)) {
        printf("%s cannot be written\n", o->golden);
        return 1;
    }
    const int bad = count_bad(all, rows);
    printf("%d cells without a plan that nothing else takes\n", bad);
    return bad ? 1 : 0;
}

int main(int argc, char **argv)
{
    options o = { .seed = 1 };
    if (!parse(argc, argv, &o)) {
        fprintf(stderr, "usage: see the head of tests/cuda/plans.c\n");
        return 64;
    }
    weft_vendor vendor;
    if (weft_vendor_load(&vendor) != WEFT_OK) {
        printf("skipped: %s\n", weft_error());
        return 77;
    }
    layers all;
    int status = 1;
    if (layers_collect(o.train, &all) == WEFT_OK) {
        row *rows = calloc((size_t)all.count + 1, sizeof *rows);
        status = rows ? run(&o, &vendor, &all, rows) : 1;
        free(rows);
        layers_release(&all);
    } else {
        printf("%s\n", weft_error());
    }
    weft_vendor_close(&vendor);
    return status;
}
