/* SPDX-License-Identifier: Apache-2.0
 *
 * Teams inside: what team.c and await.c share. */
#ifndef WEFT_CUDA_TEAM_H
#define WEFT_CUDA_TEAM_H

#include "cuda/cuda.h"
#include "cuda/vendor/nccl.h"

/* How far the sums have got, as the host sees it: two numbers that the device copies to it. One is the place in the
 * step, behind so many groups of sums (beyond the last place they share it); the other turns with each step. */
enum { WEFT_TEAM_PLACES = 1024 };
typedef struct weft_team_marks {
    int *places;   /* [WEFT_TEAM_PLACES] 0, 1, ...; on the device */
    float *turn;   /* there, behind them */
    int *seat;     /* [2] in memory of the host, which the device writes: the place, the bits of the turn */
    int next;      /* place of the step that is being queued */
    int seen[2];   /* seat, as it was */
    double since;  /* the clock then, or when the host began to wait */
    double looked; /* the clock when it looked last */
} weft_team_marks;

struct weft_team {
    weft_nccl nccl;
    weft_nccl_comm comm;
    weft_cuda_stream stream;
    weft_cuda_event forked, joined;
    weft_status (*watch)(void *user, double waited);
    void *user;
    bool summing; /* since the last join */
    weft_team_marks marks;
    bool lost;    /* it is aborted */
    pthread_t thread;
    pthread_mutex_t lock;
    bool threaded, ended; /* the thread that aborts; under the lock: it has */
};

/* A moment, the longer the longer it has been waited. */
void weft_team_pause(double waited);
/* Fails with "several cards: ncclAllReduce: ..." for a result of NCCL's. */
weft_status weft_team_failed(const weft_team *team, int result, const char *call);
/* LOST, of a team that is. */
weft_status weft_team_given_up(void);
/* Aborts the communicator, once. */
void weft_team_give_up(weft_team *team);
/* Whether the thread that aborts ends within some seconds. */
bool weft_team_ends_within(weft_team *team, double seconds);
/* Until NCCL has done what a call has begun, of which result is the result. */
weft_status weft_team_settle(weft_team *team, int result, const char *call);

#endif
