/* SPDX-License-Identifier: Apache-2.0
 *
 * Teams inside: what team.c and await.c share. */
#ifndef WEFT_CUDA_TEAM_H
#define WEFT_CUDA_TEAM_H

#include "cuda/cuda.h"
#include "cuda/vendor/nccl.h"

struct weft_team {
    weft_nccl nccl;
    weft_nccl_comm comm;
    weft_cuda_stream stream;
    weft_cuda_event forked, joined;
    weft_status (*watch)(void *user, double waited);
    void *user;
    bool summing; /* since the last join */
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
