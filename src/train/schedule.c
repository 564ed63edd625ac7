/* SPDX-License-Identifier: Apache-2.0
 *
 * Learning rates over time. */
#include <math.h>
#include <weft/schedule.h>

#include "base/error.h"

static const double PI = 3.14159265358979323846;

static double or_else(double value, double fallback)
{
    return value > 0 ? value : fallback;
}

/* ---- kinds: the rate at an epoch t ---- */

static double constant(const weft_schedule *s, double t)
{
    (void)t;
    return s->rate;
}

static double in_steps(const weft_schedule *s, double t)
{
    const double factor = or_else(s->factor, .1);
    if (s->every > 0)
        return s->rate * pow(factor, floor(t / s->every));
    int falls = 0;
    while (falls < WEFT_SCHEDULE_MILESTONES && s->milestones[falls] > 0 && t >= s->milestones[falls])
        falls++;
    return s->rate * pow(factor, falls);
}

static double exponential(const weft_schedule *s, double t)
{
    const double falls = t / or_else(s->every, 1);
    return s->rate * pow(or_else(s->factor, .1), s->staircase ? floor(falls) : falls);
}

/* How much of what lies behind the warm-up is over. */
static double share(const weft_schedule *s, double t)
{
    return t >= s->epochs ? 1 : t > s->warm_up ? (t - s->warm_up) / (s->epochs - s->warm_up) : 0;
}

static double cosine(const weft_schedule *s, double t)
{
    return s->final_rate + (s->rate - s->final_rate) * (1 + cos(PI * share(s, t))) / 2;
}

static double polynomial(const weft_schedule *s, double t)
{
    return s->final_rate + (s->rate - s->final_rate) * pow(1 - share(s, t), or_else(s->power, 1));
}

/* Between two rates; at: 0 to 1. */
static double between(const weft_schedule *s, double from, double to, double at)
{
    return s->linear ? from + (to - from) * at : to + (from - to) * (1 + cos(PI * at)) / 2;
}

/* The peak is at step rise * steps - 1, the end at the last step: PyTorch's, which counts steps from 0 to steps - 1. */
static double one_cycle(const weft_schedule *s, double t)
{
    const double per = s->steps_per_epoch > 0 ? (double)s->steps_per_epoch : 1, steps = s->epochs * per, i = t * per;
    const double start = s->rate / or_else(s->start_divisor, 25), end = start / or_else(s->final_divisor, 1e4);
    const double peak = or_else(s->rise, .3) * steps - 1, last = steps - 1;
    if (i <= peak)
        return between(s, start, s->rate, peak > 0 ? i / peak : 1);
    return i >= last ? end : between(s, s->rate, end, (i - peak) / (last - peak));
}

static double (*const kinds[WEFT_SCHEDULE_COUNT])(const weft_schedule *s, double t) = {
    [WEFT_SCHEDULE_CONSTANT] = constant, [WEFT_SCHEDULE_STEP] = in_steps, [WEFT_SCHEDULE_EXPONENTIAL] = exponential,
    [WEFT_SCHEDULE_COSINE] = cosine, [WEFT_SCHEDULE_POLYNOMIAL] = polynomial, [WEFT_SCHEDULE_ONE_CYCLE] = one_cycle,
};

/* ---- the whole ---- */

weft_status weft_schedule_check(const weft_schedule *schedule)
{
    const weft_schedule *s = schedule;
    if (!s || (unsigned)s->kind >= WEFT_SCHEDULE_COUNT)
        return weft_fail(WEFT_INVALID, "no such schedule of the learning rate");
    if (!(s->rate >= 0) || !isfinite(s->rate) || !(s->final_rate >= 0))
        return weft_fail(WEFT_INVALID, "the learning rate is %g, at the end %g: expected numbers from 0", s->rate,
                         s->final_rate);
    const bool ends = s->kind == WEFT_SCHEDULE_COSINE || s->kind == WEFT_SCHEDULE_POLYNOMIAL ||
                      s->kind == WEFT_SCHEDULE_ONE_CYCLE;
    if (ends && !(s->epochs > 0))
        return weft_fail(WEFT_INVALID, "the schedule needs to know its length: epochs is %g", s->epochs);
    if (s->kind == WEFT_SCHEDULE_STEP && !(s->every > 0) && !(s->milestones[0] > 0))
        return weft_fail(WEFT_INVALID, "a schedule in steps needs milestones, or how many epochs a step has");
    if (ends && s->warm_up >= s->epochs)
        return weft_fail(WEFT_INVALID, "%g epochs of warm-up are all of the schedule's %g", s->warm_up, s->epochs);
    for (int i = 1; i < WEFT_SCHEDULE_MILESTONES && s->milestones[i] > 0; i++)
        if (!(s->milestones[i] > s->milestones[i - 1]))
            return weft_fail(WEFT_INVALID, "milestone %g follows %g: expected them to grow", s->milestones[i],
                             s->milestones[i - 1]);
    if (!(s->warm_up >= 0) || !(s->warm_up_from >= 0) || s->steps_per_epoch < 0 || !(s->rise >= 0 && s->rise < 1))
        return weft_fail(WEFT_INVALID, "the schedule's warm_up, warm_up_from and steps_per_epoch are from 0, and rise "
                                       "below 1");
    return WEFT_OK;
}

double weft_schedule_rate(const weft_schedule *schedule, int64_t step)
{
    const weft_schedule *s = schedule;
    const double per = s->steps_per_epoch > 0 ? (double)s->steps_per_epoch : 1, t = (double)step / per;
    const double steps = s->warm_up * per;
    if (s->kind == WEFT_SCHEDULE_ONE_CYCLE || (double)step >= steps)
        return kinds[s->kind](s, t);
    const double from = s->warm_up_from * s->rate, to = kinds[s->kind](s, s->warm_up);
    return s->warm_up_from_one ? to * fmin(1, (double)(step + 1) / steps) : from + (to - from) * (double)step / steps;
}

double weft_plateau_step(weft_plateau *plateau, double measure)
{
    weft_plateau *p = plateau;
    const double threshold = or_else(p->threshold, 1e-4);
    const int patience = p->patience > 0 ? p->patience : p->patience < 0 ? 0 : 10;
    if (!p->begun)
        p->scale = 1;
    const double wanted = p->best * (p->largest ? 1 + threshold : 1 - threshold);
    if (!p->begun || (p->largest ? measure > wanted : measure < wanted)) {
        p->best = measure;
        p->bad = 0;
        p->begun = true;
    } else {
        p->bad++;
    }
    if (p->cooling > 0) {
        p->cooling--;
        p->bad = 0;
    }
    if (p->bad > patience) {
        p->scale = fmax(p->least, p->scale * or_else(p->factor, .1));
        p->cooling = p->cooldown;
        p->bad = 0;
    }
    return p->scale;
}
