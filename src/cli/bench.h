/* SPDX-License-Identifier: Apache-2.0
 *
 * Benchmarks. A job is one network at one batch size and thread count on one device; it runs in a process of its own
 * (worker.c), asked and answered in JSON (process.c). Its result is kept as the JSON that came back:
 *
 *   model dialect px classes weights batch threads device isa precision math seed params trainable statistics macs
 *   flops bytes steps train finite
 *   tuned                                        how many steps have what weft tune found; on the CPU
 *   ms { median q1 q3 min max n all }            absent for the null device, which runs nothing
 *   cpu_ms { median ... }                        processor time of all threads, of the same runs; on the CPU
 *   noise { rounds marked repeated left probes best median least fma }   on the CPU; timing.h; rates in GFLOP/s
 *   samples [ { again probe counts ms [] cpu_ms [] } ]   each round as it was run, repeats last; timing.h
 *   setup_ms { plan init commit }
 *   memory { predicted { arena workspace packed params peak } arena packed params touched peak
 *            allocator_peak allocations_in_runs }
 *   layers [ { name op kernel detail in out ms flops bytes } ]   if asked for
 *   error { exit reason stage }                  if it failed: then of the rest only what was known by then
 */
#ifndef WEFT_CLI_BENCH_H
#define WEFT_CLI_BENCH_H

#include "cli/bar.h"
#include "cli/subject.h"
#include "cli/timing.h"

/* What the argument structs of bench and bench table begin with, and its rows. */
typedef struct cli_protocol {
    weft_ctx_opt ctx; /* but for the threads */
    cli_list batch, threads;
    weft_dialect dialect;
    int reps, warmup;
    double min_time;
    int64_t seed;
    const char *images;
    cli_progress progress;
} cli_protocol;

/* clang-format off */
#define PROTOCOL_BATCH(arg, most, more) \
    OPT_LIST(cli_protocol, batch, 'b', "batch", arg, most, "32", 1, 65536, IMAGES_IN_A_RUN more)
#define PROTOCOL_THREADS(arg, most, more) \
    OPT_LIST(cli_protocol, threads, 't', "threads", arg, most, "0", 0, 4096, "threads" EACH_CPU more)
#define PROTOCOL_ROWS(device) \
    OPT_INT(cli_protocol, reps, 'r', "reps", "N", "3", 1, 1000000, "repetitions at least"), \
    OPT_REAL(cli_protocol, min_time, 0, "min-time", "SECONDS", "5", 0, 86400, \
             "repeat until a network has run this long"), \
    OPT_INT(cli_protocol, warmup, 0, "warmup", "N", "1", 0, 1000, \
            "runs before the clock starts; on a GPU three and 0.2 s at least, but for 0"), \
    device, \
    ROW_PRECISION(cli_protocol, PRECISION_OF_GPU), \
    ROW_ISA(cli_protocol), \
    ROW_MATH(cli_protocol, "fast"), \
    ROW_DIALECT(cli_protocol, WHOSE_VARIANT), \
    OPT_COUNT(cli_protocol, seed, 0, "seed", "N", "1", 0, OPT_MAX_COUNT, "seed of weights and of noise inputs"), \
    OPT_DIR(cli_protocol, images, 0, "images", "DIR", \
            "run on the photographs of this folder, or, if it has none itself, of its folders, in order of name, " \
            "repeated to fill the batch; others are named and skipped")
#define PROTOCOL_PROGRESS ROW_PROGRESS(cli_protocol, progress, " (a line for each network)")
/* clang-format on */

typedef struct cli_job {
    const weft_arch *arch;
    cli_subject subject; /* what of it is not as the network has it; zeros: all is */
    const char *key;     /* of its file */
    const char *device;
    int64_t batch, threads; /* threads 0: all */
    bool layers;            /* time each step */
    bool no_units;
    bool train;             /* whole steps of training */
} cli_job;

/* ---- the other process ---- */

/* Runs `weft bench-worker` on a request, calls on_event for every event it reports, and returns its result. If it
 * dies, the result is an error that says how. */
typedef void (*cli_event_fn)(void *user, const json_t *event);
json_t *cli_process(const json_t *request, cli_event_fn on_event, void *user);

/* From catch to release an interrupt ends the present job's process and is remembered; a second one ends this
 * program. */
void cli_interrupt_catch(void);
void cli_interrupt_release(void);
bool cli_interrupted(void);

/* ---- inputs ---- */

/* The first `wanted` photographs of a folder that can be read, in order of name; names the others on stderr. */
cli_exit cli_images(const char *folder, int64_t wanted, json_t **paths);
/* Fills a batch by recipe from these files, repeated; from seeded noise if paths is empty. */
weft_status cli_fill_input(weft_ctx *ctx, const weft_recipe *recipe, const json_t *paths, uint64_t seed, int64_t batch,
                           float *out);

/* ---- this machine ---- */
typedef struct cli_roof {
    int threads;
    weft_roof roof;        /* the best of the measurements so far */
    weft_roof first, last; /* zeros: not measured */
} cli_roof;
typedef struct cli_machine {
    const cli_protocol *protocol;
    char cpu[160], isa[32], date[32], gpu[160], no_gpu[320];
    cli_roof roofs[CLI_LIST_MAX];
    int n_roofs;
    double measured; /* when, by cli_now() */
    json_t *images;  /* paths */
} cli_machine;
cli_exit cli_machine_open(cli_machine *machine, const cli_protocol *protocol);
/* Measures the roofs of all thread counts: before the jobs, and again after them if they took a while. */
cli_exit cli_machine_measure(cli_machine *machine);
cli_exit cli_machine_measure_again(cli_machine *machine);
/* By how much of the larger one roof is from another, in arithmetic or in memory; 0 where either was not measured. */
double cli_roof_drift(const weft_roof *a, const weft_roof *b);
/* Beyond this, times of a machine are doubtful. */
#define CLI_DRIFT 0.1
/* Warns of each roof that drifted between its measurements. */
void cli_machine_warn(const cli_machine *machine);
/* NAN where the roof was not measured. */
double cli_machine_gflops(const cli_machine *machine, int threads);
double cli_machine_bandwidth(const cli_machine *machine, int threads);
typedef struct cli_table cli_table;
void cli_machine_head(const cli_machine *machine, cli_table *table);
/* { weft, commit, compiler, date, machine, protocol } */
json_t *cli_machine_json(const cli_machine *machine);
void cli_machine_close(cli_machine *machine);

/* ---- progress on standard error ---- */
typedef struct cli_meter {
    cli_bar bar;
    bool lines; /* a line for each job */
    const cli_protocol *protocol;
    const cli_job *jobs;
    int count, done;
    double begun, ran;     /* of the present job: when, and seconds of its runs so far */
    int runs;              /* of them */
    double beside;         /* seconds that the jobs done took beside their runs */
    double flops, seconds; /* of what ran: gives the rate */
    double first_guess;    /* FLOP/s, before: half of the roof */
} cli_meter;
void cli_meter_open(cli_meter *meter, const cli_machine *machine, const cli_job *jobs, int count);
/* The next job begins. */
void cli_meter_begin(cli_meter *meter);
void cli_meter_event(void *meter, const json_t *event);
void cli_meter_end(cli_meter *meter, const json_t *result);
void cli_meter_close(cli_meter *meter);

/* ---- jobs ---- */

/* Runs jobs one after the other, to the end or an interrupt, and calls on_done (NULL: nothing) after each. Returns how
 * many were run. results[i] is owned by the caller. */
typedef void (*cli_done_fn)(void *user, int job);
int cli_run_jobs(const cli_machine *machine, const cli_job *jobs, int count, json_t **results, cli_done_fn on_done,
                 void *user);
/* NULL if the job did not fail. */
const char *cli_failure(const json_t *result);
/* The exit code of the first failed result; says on stderr how many failed. */
cli_exit cli_failed(json_t *const *results, int count);
/* What was published about a network, into the present row; and the notes about all of them. */
void cli_published_put(cli_table *table, const weft_arch *arch);
void cli_published_note(cli_table *table, const weft_arch *const *archs, int count, int64_t batch);
/* Draws the table's accuracy against time. */
cli_exit cli_svg_write(const char *path, const cli_machine *machine, const cli_table *table);

/* ---- layers ---- */

/* Times of every step, and the sums for every kernel; as JSON only the sums. */
void cli_layers_print(const cli_machine *machine, json_t *const *results, int count, const cli_view *view);
/* Whether view chooses columns that there are. */
cli_exit cli_layers_check(const cli_view *view);
json_t *cli_kernels_json(const cli_machine *machine, const json_t *result);

/* ---- noise: of the probe between rounds ---- */
/* The cells CLI_NOISE_COLUMNS of a result, a note about it, and one about all results. */
/* clang-format off */
#define CLI_NOISE_COLUMNS \
    { "probe_best", { "", "probe_best" }, .flags = CLI_COLUMN_DATA }, \
    { "probe_least", { "", "probe_least" }, .flags = CLI_COLUMN_DATA }, \
    { "probe_fma", { "", "probe_fma" }, .flags = CLI_COLUMN_DATA }, \
    { "rounds", { "", "rounds" }, .flags = CLI_COLUMN_DATA }, \
    { "rounds_marked", { "", "rounds_marked" }, .flags = CLI_COLUMN_DATA }, \
    { "rounds_repeated", { "", "rounds_repeated" }, .flags = CLI_COLUMN_DATA }, \
    { "rounds_left", { "", "rounds_left" }, .flags = CLI_COLUMN_DATA }
/* clang-format on */
void cli_noise_put(cli_table *table, const json_t *result);
void cli_noise_note(cli_table *table, const json_t *result);
void cli_noise_sum(cli_table *table, json_t *const *results, int count);

/* ---- results as JSON, of the other process ---- */

/* Median, quartiles and all of n times, or of those that which names (NULL: as they are). */
json_t *cli_times_json(const double *seconds, const int *which, int n);
json_t *cli_noise_json(const cli_noise *noise);
/* Every round as it was run; busy: processor time of all timed runs, or NULL. */
json_t *cli_samples_json(const cli_rounds *rounds, const double *busy);

/* ---- what weft tune found (tuned.c) ---- */

/* The kernel that a step has in the plan of a machine without tuning (NULL: there is none). What is no step there is
 * part of the unit that begins before it: before is the answer for the step before. */
const char *cli_first_choice(const weft_model *untuned, const char *name, const char *before);
/* How many steps have another kernel than that. */
int cli_count_tuned(const weft_model *model, const weft_model *untuned);
/* Names the results that have such steps. */
void cli_tuned_note(cli_table *table, json_t *const *results, int count);

/* ---- comparing ---- */
cli_exit cli_compare_open(const char *path, json_t **old);
/* Warns if it is of another CPU, or if the roofs of this one were others then. */
void cli_compare_warn(const char *path, const json_t *old, const cli_machine *machine);
/* The same job in an earlier result; NULL if it is not there. */
const json_t *cli_compare_find(const json_t *old, const json_t *result);
/* By which share of its time a result is slower than the earlier one, and how far that may be chance: twice the
 * standard error of the two medians, from their quartiles, as a share of the earlier one. NAN where either did not
 * run. */
typedef struct cli_change {
    double before, change, spread;
} cli_change;
cli_change cli_compare(const json_t *before, const json_t *result);

/* Counts bytes and calls that pass through the allocator hook. */
typedef struct cli_count {
    size_t live, peak, calls;
} cli_count;
weft_allocator cli_counting_allocator(void);
cli_count cli_counted(void);

#endif
