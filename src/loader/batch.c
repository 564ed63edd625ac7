/* SPDX-License-Identifier: Apache-2.0
 *
 * Batches: which image a place has, what takes the place of one that is bad, labels, targets, mixing. */
#include "loader/loader.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { ATTEMPT = 36, ATTEMPTS = 256 }; /* bits of a key below the number of the attempt, and how many there are */

/* Bytes of an image of a batch. */
static size_t image_size(const weft_loader *l)
{
    const size_t values = (size_t)l->recipe.px * (size_t)l->recipe.px * (size_t)l->recipe.channels;
    return values * (l->has_bytes ? 1 : sizeof(float));
}

static char *image_at(const weft_loader *l, const weft_slot *slot, int64_t place)
{
    return (l->has_bytes ? (char *)slot->bytes : (char *)slot->images) + (size_t)place * image_size(l);
}

/* Notes a bad image with its reason, or the failure of the whole batch. */
static void note(weft_loader *l, weft_slot *slot, int64_t place, int64_t attempt, int64_t image, weft_status status)
{
    pthread_mutex_lock(&l->mutex);
    const bool fatal = status == WEFT_NO_MEMORY || status == WEFT_INVALID || status == WEFT_INTERNAL;
    void *faults = slot->faults;
    weft_status grown = WEFT_OK;
    if (!fatal && slot->fault_count == slot->fault_capacity) {
        const int64_t wanted = slot->fault_capacity ? 2 * slot->fault_capacity : 4;
        faults = weft_calloc(l->allocator, (size_t)wanted, sizeof *slot->faults);
        grown = faults ? WEFT_OK : WEFT_NO_MEMORY;
        if (faults && slot->fault_count)
            memcpy(faults, slot->faults, (size_t)slot->fault_count * sizeof *slot->faults);
        if (faults) {
            weft_free(l->allocator, slot->faults);
            slot->faults = faults;
            slot->fault_capacity = wanted;
        }
    }
    if ((fatal || grown != WEFT_OK) && (slot->status == WEFT_OK || place < slot->failed)) {
        slot->status = fatal ? status : grown;
        slot->failed = place;
        snprintf(slot->error, sizeof slot->error, "%s", weft_error());
    } else if (!fatal && grown == WEFT_OK) {
        weft_loader_fault *const fault = &slot->faults[slot->fault_count++];
        *fault = (weft_loader_fault){ .place = place, .attempt = attempt, .image = image, .status = status };
        snprintf(fault->reason, sizeof fault->reason, "%s", weft_error());
    }
    pthread_mutex_unlock(&l->mutex);
}

/* The epoch and the place in it of a place of our part of a batch; places that go beyond the epoch of a small set are
 * those of rounds of their own. */
static void locate(const weft_loader *l, int64_t step, int64_t place, int64_t *epoch, int64_t *at)
{
    const int64_t n = l->order.count, batch = l->opt.batch * l->opt.ranks;
    const int64_t in_epoch = step % l->steps * batch + l->opt.rank * l->opt.batch + place;
    const int64_t rounds = (batch + n - 1) / n;
    *epoch = step / l->steps;
    *at = in_epoch;
    if (l->opt.in_order || n >= batch)
        return;
    *epoch = *epoch * rounds + in_epoch / n;
    *at = in_epoch % n;
}

bool weft_batch_place(const weft_loader *l, int64_t step, int64_t place, int64_t *epoch, int64_t *key, int64_t *image)
{
    int64_t at;
    locate(l, step, place, epoch, &at);
    if (at >= l->order.count)
        return false;
    *image = weft_order_at(&l->order, *epoch, at, key);
    return true;
}

void weft_batch_fill(weft_loader *l, weft_loader_hand *hand, weft_slot *slot, int64_t place)
{
    int64_t epoch, at;
    void *const out = image_at(l, slot, place);
    locate(l, slot->step, place, &epoch, &at);
    slot->numbers[place] = -1;
    slot->labels[place] = 0;
    if (at >= l->order.count)
        return; /* the last batch of evaluation is not full */
    const int64_t attempts = l->opt.in_order || l->opt.bad_limit == 0 ? 1 : l->opt.bad_limit + 1;
    for (int64_t i = 0; i < attempts; i++) {
        int64_t key;
        const int64_t image = weft_order_at(&l->order, epoch, (at + i) % l->order.count, &key);
        const weft_status status = weft_sample_make(l, hand, epoch, key + (i % ATTEMPTS << ATTEMPT), image, out);
        if (status == WEFT_OK) {
            slot->numbers[place] = image;
            slot->labels[place] = weft_trainset_label(l->set, l->opt.part, image);
            return;
        }
        note(l, slot, place, i, image, status);
    }
}

/* Closes up what was left out; the rest is zeros. */
static void close_up(const weft_loader *l, weft_slot *slot)
{
    const size_t size = image_size(l);
    int64_t filled = 0;
    for (int64_t i = 0; i < l->opt.batch; i++) {
        if (slot->numbers[i] < 0)
            continue;
        if (filled < i) {
            memcpy(image_at(l, slot, filled), image_at(l, slot, i), size);
            slot->labels[filled] = slot->labels[i];
            slot->numbers[filled] = slot->numbers[i];
        }
        filled++;
    }
    for (int64_t i = filled; i < l->opt.batch; i++) {
        memset(image_at(l, slot, i), 0, size);
        slot->labels[i] = 0;
        slot->numbers[i] = -1;
    }
    slot->filled = filled;
}

static void fill_targets(const weft_loader *l, weft_slot *slot)
{
    const int classes = weft_trainset_classes(l->set);
    const double spread = l->opt.smoothing / classes;
    const float off = (float)spread, on = (float)(1 - l->opt.smoothing + spread);
    for (int64_t i = 0; i < l->opt.batch; i++) {
        float *const row = slot->targets + (size_t)i * (size_t)classes;
        const bool real = i < slot->filled;
        const float weight = !real ? 0 : l->weights ? l->weights[slot->labels[i]] : 1;
        for (int k = 0; k < classes; k++)
            row[k] = weight * off;
        if (real)
            row[slot->labels[i]] = weight * on;
    }
}

void weft_batch_finish(weft_loader *l, weft_loader_hand *hand, weft_slot *slot)
{
    close_up(l, slot);
    if (!l->has_targets)
        return;
    fill_targets(l, slot);
    const weft_mix mix = { .images = slot->images, .targets = slot->targets, .labels = slot->labels,
                           .count = slot->filled, .height = l->recipe.px, .width = l->recipe.px,
                           .channels = l->recipe.channels, .classes = weft_trainset_classes(l->set),
                           .spare = hand->spare };
    if (!l->opt.in_order)
        weft_augment_mix(&l->augment, l->opt.seed, slot->step, &mix);
}
