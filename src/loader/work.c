/* SPDX-License-Identifier: Apache-2.0
 *
 * Who makes the batches: threads that take places of the earliest batch that has some left, or, without threads, the
 * caller when it waits. The ring bounds what is made ahead; which thread makes a place changes no bit. */
#include "loader/loader.h"

#include <signal.h>

#include "base/clock.h"
#include "base/error.h"

enum { CHUNK = 16 }; /* places of images in memory, which take microseconds, that are taken at once */

static void open_slot(weft_slot *slot, int64_t step)
{
    slot->step = step;
    slot->taken = slot->done = slot->fault_count = 0;
    slot->ready = false;
    slot->status = WEFT_OK;
}

/* The slot with places left whose step is the least; -1: none. */
static int open_work(const weft_loader *l)
{
    int best = -1;
    for (int i = 0; i < l->slot_count; i++) {
        if (l->slots[i].taken < l->opt.batch && (best < 0 || l->slots[i].step < l->slots[best].step))
            best = i;
    }
    return best;
}

/* Takes some places of a slot, and makes them without the lock, which is held before and after. */
static void work_on(weft_loader *l, weft_loader_hand *hand, weft_slot *slot)
{
    const int64_t chunk = weft_trainset_native(l->set).width ? CHUNK : 1, left = l->opt.batch - slot->taken;
    const int64_t first = slot->taken, count = left < chunk ? left : chunk;
    slot->taken += count;
    l->at_work++;
    pthread_mutex_unlock(&l->mutex);
    const int64_t start = weft_clock_ns();
    for (int64_t i = 0; i < count; i++)
        weft_batch_fill(l, hand, slot, first + i);
    pthread_mutex_lock(&l->mutex);
    slot->done += count;
    const bool last = slot->done == l->opt.batch;
    if (last) {
        pthread_mutex_unlock(&l->mutex);
        weft_batch_finish(l, hand, slot);
        pthread_mutex_lock(&l->mutex);
        slot->ready = true;
    }
    l->busy_ns += weft_clock_ns() - start;
    l->at_work--;
    if (last || l->at_work == 0)
        pthread_cond_broadcast(&l->made);
}

static void *run(void *arg)
{
    weft_loader_hand *const hand = arg;
    weft_loader *const l = hand->loader;
    pthread_mutex_lock(&l->mutex);
    while (!l->stop) {
        const int slot = open_work(l);
        if (slot < 0)
            pthread_cond_wait(&l->work, &l->mutex);
        else
            work_on(l, hand, &l->slots[slot]);
    }
    pthread_mutex_unlock(&l->mutex);
    return NULL;
}

weft_status weft_work_start(weft_loader *l)
{
    sigset_t all, before; /* signals are the host program's */
    int error = 0;
    weft_work_restart(l, 0);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (l->started < l->workers && !error) {
        error = pthread_create(&l->hands[l->started].thread, NULL, run, &l->hands[l->started]);
        l->started += !error;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error)
        return weft_fail(WEFT_NO_MEMORY, "loader: only %d of %d threads could be started (error %d of pthread_create)",
                         l->started, l->workers, error);
    return WEFT_OK;
}

void weft_work_stop(weft_loader *l)
{
    pthread_mutex_lock(&l->mutex);
    l->stop = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
    for (int i = 0; i < l->started; i++)
        pthread_join(l->hands[i].thread, NULL);
    l->started = 0;
}

void weft_work_restart(weft_loader *l, int64_t step)
{
    pthread_mutex_lock(&l->mutex);
    for (int i = 0; i < l->slot_count; i++)
        l->slots[i].taken = l->opt.batch; /* nobody begins anew */
    while (l->at_work)
        pthread_cond_wait(&l->made, &l->mutex);
    for (int i = 0; i < l->slot_count; i++)
        open_slot(&l->slots[i], step + i);
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
}

void weft_work_release(weft_loader *l, int slot)
{
    pthread_mutex_lock(&l->mutex);
    open_slot(&l->slots[slot], l->slots[slot].step + l->slot_count);
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->mutex);
}

int weft_work_wait(weft_loader *l, int64_t step)
{
    int slot = 0;
    pthread_mutex_lock(&l->mutex);
    while (slot < l->slot_count - 1 && l->slots[slot].step != step)
        slot++;
    while (!l->slots[slot].ready) {
        if (l->workers > 0)
            pthread_cond_wait(&l->made, &l->mutex);
        else
            work_on(l, &l->hands[0], &l->slots[slot]);
    }
    pthread_mutex_unlock(&l->mutex);
    return slot;
}
