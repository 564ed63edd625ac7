/* SPDX-License-Identifier: Apache-2.0
 *
 * Learning rates over time, as plain functions: of the step alone, so that a resumed run goes on as if it had never
 * stopped. Epochs are step / steps_per_epoch, fractions included, unless a schedule says whole ones. */
#ifndef WEFT_SCHEDULE_H
#define WEFT_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weft_schedule_kind {
    WEFT_SCHEDULE_CONSTANT,
    WEFT_SCHEDULE_STEP,        /* times factor at each of milestones, or after every so many epochs */
    WEFT_SCHEDULE_EXPONENTIAL, /* times factor for every `every` epochs, continuously; whole ones with staircase */
    WEFT_SCHEDULE_COSINE,      /* half a cosine from rate to final_rate over the epochs (Loshchilov & Hutter 2016) */
    WEFT_SCHEDULE_POLYNOMIAL,  /* from rate to final_rate as (1 - t)^power */
    WEFT_SCHEDULE_ONE_CYCLE,   /* up to rate and down to almost 0 (Smith & Topin 2017), as PyTorch's OneCycleLR */
    WEFT_SCHEDULE_COUNT
} weft_schedule_kind;

enum { WEFT_SCHEDULE_MILESTONES = 16 };

typedef struct weft_schedule {
    weft_schedule_kind kind;
    double rate;             /* the base rate; ONE_CYCLE: the peak */
    double epochs;           /* length of the whole, warm-up included: COSINE, POLYNOMIAL, ONE_CYCLE */
    int64_t steps_per_epoch; /* 0: 1, epochs are steps */
    double factor;           /* STEP, EXPONENTIAL: 0: .1 */
    double every;            /* epochs; 0: 1, or of STEP: as milestones say */
    double milestones[WEFT_SCHEDULE_MILESTONES]; /* epochs, growing; 0 ends them */
    bool staircase;
    double final_rate;       /* COSINE, POLYNOMIAL */
    double power;            /* POLYNOMIAL: 0: 1 */
    double rise;             /* ONE_CYCLE: share of the steps that go up; 0: .3 */
    double start_divisor;    /* ONE_CYCLE: it starts at rate / this; 0: 25 */
    double final_divisor;    /* ONE_CYCLE: it ends at the start / this; 0: 1e4 */
    bool linear;             /* ONE_CYCLE: straight lines instead of cosines */
    double warm_up;          /* epochs at the beginning in which the rate grows in a straight line to what it is behind
                                them. COSINE and POLYNOMIAL begin behind it; milestones and `every` count from step 0 */
    double warm_up_from;     /* share of rate at step 0 */
    bool warm_up_from_one;   /* instead: step i has (i + 1) / (steps of the warm-up) of the rate behind it */
} weft_schedule;

/* INVALID, with a sentence, for what makes no sense. */
WEFT_API weft_status weft_schedule_check(const weft_schedule *schedule);
/* The rate of a step, from 0. */
WEFT_API double weft_schedule_rate(const weft_schedule *schedule, int64_t step);

/* A factor that falls when a measure has not got better for a while: PyTorch's ReduceLROnPlateau, relative threshold.
 * Plain data: keep it with a checkpoint. */
typedef struct weft_plateau {
    double factor;    /* 0: .1 */
    int patience;     /* epochs without a better measure that are borne; 0: 10; < 0: none */
    double threshold; /* better is by more than this share; 0: 1e-4 */
    int cooldown;     /* epochs after a fall in which nothing is counted */
    double least;     /* the scale never falls below it */
    bool largest;     /* larger measures are better: accuracy; default: smaller, loss */
    /* What it remembers: zeros at the start. */
    double best, scale;
    int bad, cooling;
    bool begun;
} weft_plateau;

/* Tells it the measure of an epoch; gives the factor of the rate from now on, 1 at first. */
WEFT_API double weft_plateau_step(weft_plateau *plateau, double measure);

#ifdef __cplusplus
}
#endif
#endif
