/* SPDX-License-Identifier: Apache-2.0
 *
 * A loader inside: a ring of batches under way. Places of batches are handed out in order, a few at a time, to whoever
 * asks: the workers, or weft_loader_next itself. */
#ifndef WEFT_LOADER_LOADER_H
#define WEFT_LOADER_LOADER_H

#include <pthread.h>
#include <weft/loader.h>

#include "augment/augment.h"
#include "data/trainset.h"
#include "loader/cache.h"
#include "loader/order.h"

enum { WEFT_LOADER_REASON = 480 };

/* An image that could not be read. */
typedef struct weft_loader_fault {
    int64_t place, attempt, image;
    weft_status status;
    char reason[WEFT_LOADER_REASON];
} weft_loader_fault;

/* One batch: being made, ready, or lent. */
typedef struct weft_slot {
    int64_t step;
    int64_t taken, done; /* places handed out, and made */
    bool ready;
    int64_t filled;
    float *images, *targets;
    uint8_t *bytes; /* instead of images */
    int32_t *labels;
    int64_t *numbers; /* of the images in the part; -1: left out */
    weft_status status;
    int64_t failed; /* the place whose failure this is */
    char error[WEFT_LOADER_REASON];
    weft_loader_fault *faults;
    int64_t fault_count, fault_capacity;
} weft_slot;

/* Where the time of an image goes (stages.c, and probe.c, which asks). */
typedef enum weft_stage {
    WEFT_STAGE_READ, /* in time that passes: waiting for a disk counts; of all others the thread's own time */
    WEFT_STAGE_DECODE,
    WEFT_STAGE_RESIZE,
    WEFT_STAGE_AUGMENT,
    WEFT_STAGE_CONVERT,
    WEFT_STAGE_COUNT
} weft_stage;
typedef struct weft_stages {
    int64_t at; /* when the present one began, ns of its clock */
    int64_t spent[WEFT_STAGE_COUNT];
    int64_t images, jpegs, pass, decode; /* of JPEG files: how many, and ns of libjpeg-turbo alone and of decoding */
} weft_stages;

/* What a thread works with. */
typedef struct weft_loader_hand {
    struct weft_loader *loader;
    weft_stages *stages; /* NULL: nobody asks */
    pthread_t thread;
    uint8_t *pixels[2]; /* of a canvas, px * px * 3 */
    float *spare;       /* of mixing */
} weft_loader_hand;

struct weft_loader {
    weft_ctx *ctx;
    const weft_allocator *allocator;
    const weft_trainset *set;
    weft_loader_opt opt; /* with its pointers replaced by what follows */
    weft_recipe recipe;
    weft_augment augment;
    const weft_augment_step *frame;
    float level[3][256];
    bool bgr, has_targets, has_bytes;
    float *weights;
    weft_order order;
    int64_t steps;
    weft_photo_cache *cache; /* NULL: none */

    /* of next and seek, which one thread calls */
    int64_t position;
    int lent; /* slot; -1: none */
    uint8_t *bad; /* a bit for each image of the part */
    weft_loader_stats stats;
    int64_t left_at; /* when the last call returned, ns; 0: none yet */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work, made;
    weft_slot *slots;
    int slot_count, started, at_work;
    int64_t busy_ns;
    bool stop;
    weft_loader_hand *hands; /* [workers + 1]; the last is the caller's */
    int workers;
};

/* ---- one image (sample.c) ---- */

/* Image number `image` of the part, as it is in that epoch under that key, to out[px * px * channels]: floats, or bytes
 * if the loader has those. */
weft_status weft_sample_make(weft_loader *loader, weft_loader_hand *hand, int64_t epoch, int64_t key, int64_t image,
                             void *out);

/* ---- what it costs (stages.c) ---- */

/* The stage that a thread is in, where somebody asks: begun, and ended. */
void weft_stage_begin(weft_loader_hand *hand, weft_stage stage);
void weft_stage_end(weft_loader_hand *hand, weft_stage stage);

/* ---- batches (batch.c) ---- */

/* The image that stands at a place of a batch before any turns out bad, and the epoch and key of its draws; false: the
 * place stays empty. */
bool weft_batch_place(const weft_loader *loader, int64_t step, int64_t place, int64_t *epoch, int64_t *key,
                      int64_t *image);

/* Makes one place of a slot. */
void weft_batch_fill(weft_loader *loader, weft_loader_hand *hand, weft_slot *slot, int64_t place);
/* When all its places are made: left out ones closed up, targets, mixing. */
void weft_batch_finish(weft_loader *loader, weft_loader_hand *hand, weft_slot *slot);

/* ---- threads (work.c) ---- */

weft_status weft_work_start(weft_loader *loader);
void weft_work_stop(weft_loader *loader);
/* Forgets all batches and begins with `step`. */
void weft_work_restart(weft_loader *loader, int64_t step);
/* Gives a slot back, for a later batch. */
void weft_work_release(weft_loader *loader, int slot);
/* Returns when the batch of `step` is ready: its slot. */
int weft_work_wait(weft_loader *loader, int64_t step);

#endif
