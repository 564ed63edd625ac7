/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of options that several commands have, each text once. The argument struct of a command that has one of them
 * has its field: `ctx` (weft_ctx_opt), `batch`, `dialect`, `size` (cli_size), `view`, `json`, `recipe` (cli_recipe),
 * `activation`. */
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

/* How large a network is, and of a PyTorch file what is read; zeros: as the network or the file has it. */
typedef struct cli_size {
    int px, classes;
    const char *key;
} cli_size;

/* How a photograph becomes the input, as the user says it: words of weft/recipe.h, and values of one word each; NULL:
 * not said. */
typedef struct cli_recipe {
    const char *words, *px, *crop, *interpolation, *mean, *std;
} cli_recipe;

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
    OPT_TEXT(args, ctx.isa, 0, "isa", "NAME", NULL, "ref|portable|neon|avx2|avx512", \
             "instruction set to use at most: ref, portable, neon, avx2 or avx512; default: WEFT_ISA, or the best " \
             "the CPU has")

#define ROW_MATH(args, fallback) \
    OPT_ENUM(args, ctx.math, 0, "math", "MODE", fallback, "fast|strict", \
             "fast allows Winograd (relative error of a layer within 1e-5), strict does not")

#define ROW_PRECISION(args, help) \
    OPT_ENUM(args, ctx.precision, 'p', "precision", "NAME", "default", "default|fp32|tf32|fp16|bf16", help)
#define PRECISION_OF_GPU \
    "what a GPU keeps and multiplies: fp32, tf32, fp16 or bf16; default: tf32 where the card has it, else fp32"
#define PRECISION_OF_STEPS \
    "what a GPU keeps and multiplies: fp32, tf32, fp16 or bf16; default: tf32 (bf16 with --train) where the card has " \
    "it, else fp32"

#define ROW_TARGET(args, fallback, help) \
    OPT_WORD(CLI_FILE, args, ctx.target, 'T', "target", "GPU", fallback, "t4|a100|3090|l4|h100|b200|5090", help)

#define WHOSE_VARIANT "whose variant of the network"
#define ROW_DIALECT(args, help) \
    OPT_ENUM(args, dialect, 'D', "dialect", "NAME", "default", "default|paper|keras|torch", help)

#define ROWS_NETWORK_SIZE(args) \
    OPT_INT(args, size.px, 0, "px", "N", "0", 0, 65536, "pixels of a side of the input; 0: the network's own"), \
    OPT_INT(args, size.classes, 0, "classes", "N", "0", 0, 1048576, "outputs; 0: as many as the network has")
#define ROWS_SIZE(args) \
    ROWS_NETWORK_SIZE(args), \
    ROW_KEY(args, size.key, "key", A_CHECKPOINT)

#define ROW_NO_UNITS(args) \
    OPT_BOOL(args, no_units, 0, "no-units", \
             "run the layers of inverted residual units (expand, depthwise, project) and norms before convolutions " \
             "one by one instead of joined")

#define ROW_KEY(args, field, name, whose) \
    OPT_TEXT(args, field, 0, name, "KEY", NULL, NULL, \
             "which dictionary of tensors is read of " whose ": state_dict_ema, models.1, or '' for the whole; " \
             "default: the one that is likeliest meant, which is said if there are others")
#define A_CHECKPOINT "a PyTorch file"

#define ROWS_RECIPE(args, otherwise) \
    OPT_TEXT(args, recipe.words, 0, "recipe", "WORDS", NULL, NULL, \
             "how a photograph becomes the input, 'px=224 fit=short side=256 resample=bilinear preprocess=torch'; " \
             "what is not said stays " otherwise), \
    OPT_TEXT(args, recipe.px, 0, "px", "N", NULL, NULL, "pixels of a side of the input"), \
    OPT_TEXT(args, recipe.crop, 0, "crop", "SHARE", NULL, NULL, \
             "of the resized image that is kept, .875: the shorter side becomes px / SHARE"), \
    OPT_TEXT(args, recipe.interpolation, 0, "interpolation", "NAME", NULL, "nearest|bilinear|bicubic", \
             "filter that resizes: nearest, bilinear, bicubic"), \
    OPT_TEXT(args, recipe.mean, 0, "mean", "R,G,B", NULL, NULL, \
             "with --std, in place of the preprocessing: (x / 255 - mean) / std; one number is for all channels"), \
    OPT_TEXT(args, recipe.std, 0, "std", "R,G,B", NULL, NULL, "see --mean")
#define ROW_ACTIVATION(args, otherwise) \
    OPT_ENUM(args, activation, 0, "activation", "NAME", "default", "default|softmax|sigmoid", \
             "what makes probabilities of outputs: softmax, or sigmoid (several labels at once; one output: yes or " \
             "no); default: " otherwise)

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
