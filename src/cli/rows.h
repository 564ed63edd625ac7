/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of options that several commands have, each text once. The argument struct of a command that has one of them
 * has its field: `ctx` (weft_ctx_opt), `batch`, `dialect`, `view`, `json`. */
#ifndef WEFT_CLI_ROWS_H
#define WEFT_CLI_ROWS_H

#include "cli/option.h"

typedef enum cli_format { CLI_FORMAT_TEXT, CLI_FORMAT_MD, CLI_FORMAT_CSV, CLI_FORMAT_JSON } cli_format;
/* How a table is printed. */
typedef struct cli_view {
    cli_format format;
    const char *columns; /* "a,b"; NULL: all that a person wants */
    bool wide;           /* wider than the terminal, too */
} cli_view;

typedef enum cli_progress { CLI_PROGRESS_AUTO, CLI_PROGRESS_ALWAYS, CLI_PROGRESS_NEVER } cli_progress;

/* clang-format off */
#define ROW_BATCH(args, fallback, min, help) \
    OPT_COUNT(args, batch, 'b', "batch", "N", fallback, min, 65536, help)

#define IMAGES_IN_A_RUN "images in a run"

#define EACH_CPU "; 0: one for each CPU of this process"
#define ROW_THREADS(args, what) OPT_INT(args, ctx.threads, 't', "threads", "N", "0", 0, 4096, what EACH_CPU)

#define ROW_DEVICE(args, field, fallback, values, help) \
    OPT_TEXT(args, field, 'd', "device", "NAME", fallback, values, help)
#define DEVICES_ALL "cpu|cuda|null|auto"
#define DEVICES_THAT_RUN "cpu|cuda|auto"
/* Of commands that plan: nothing need run. */
#define ROW_DEVICE_PLAN(args) \
    ROW_DEVICE(args, ctx.device, "cpu", DEVICES_ALL, \
               "cpu, cuda, cuda:1, null (plans, runs nothing) or auto: cuda where there is one, else cpu")

#define ROW_ISA(args) \
    OPT_TEXT(args, ctx.isa, 0, "isa", "NAME", NULL, "ref|portable|avx2|avx512", \
             "instruction set to use at most: ref, portable, avx2 or avx512; default: WEFT_ISA, or the best the CPU " \
             "has")

#define ROW_MATH(args, fallback) \
    OPT_ENUM(args, ctx.math, 0, "math", "MODE", fallback, "fast|strict", \
             "fast allows Winograd (relative error of a layer within 1e-5), strict does not")

#define ROW_PRECISION(args, help) \
    OPT_ENUM(args, ctx.precision, 'p', "precision", "NAME", "default", "default|fp32|tf32|fp16|bf16", help)
#define PRECISION_OF_GPU \
    "what a GPU keeps and multiplies: fp32, tf32, fp16 or bf16; default: tf32 where the card has it, else fp32"

#define ROW_TARGET(args, fallback, help) \
    OPT_WORD(CLI_FILE, args, ctx.target, 'T', "target", "GPU", fallback, "t4|a100|3090|l4|h100|b200|5090", help)

#define WHOSE_VARIANT "whose variant of the network"
#define ROW_DIALECT(args, help) \
    OPT_ENUM(args, dialect, 'D', "dialect", "NAME", "default", "default|paper|keras|torch", help)

#define ROW_NO_UNITS(args) \
    OPT_BOOL(args, no_units, 0, "no-units", \
             "run the layers of inverted residual units (expand, depthwise, project) one by one instead of joined")

#define ROW_PROGRESS(args, field, always) \
    OPT_ENUM(args, field, 0, "progress", "WHEN", "auto", "auto|always|never", \
             "progress on standard error: auto (if it is a terminal), always" always " or never")

#define ROW_OUTPUT(args) \
    OPT_ENUM(args, view.format, 'o', "output", "FORMAT", "text", "text|md|csv|json", "text, md, csv or json"), \
    OPT_SET(args, view.format, 0, "json", CLI_FORMAT_JSON, "the same as -o json"), \
    OPT_TEXT(args, view.columns, 0, "columns", "A,B", NULL, NULL, \
             "the columns to print, in this order, by their names in csv"), \
    OPT_BOOL(args, view.wide, 0, "wide", "print all columns, however narrow the terminal is")
#define ROW_JSON(args) OPT_BOOL(args, json, 0, "json", "print JSON")
/* clang-format on */

#endif
