/* SPDX-License-Identifier: Apache-2.0
 *
 * Loaders: batches of a part of a training set, decoded, augmented and normalised by threads of their own ahead of the
 * step that wants them. What is in batch k is a pure function of the options and k: the order is a keyed permutation,
 * every random draw is keyed by (seed, epoch, image, purpose). So it does not depend on the number of workers, and a
 * loader that is set to a step gives what one gives that ran there. */
#ifndef WEFT_LOADER_H
#define WEFT_LOADER_H

#include <weft/train.h>
#include <weft/trainset.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Which images an epoch is made of. */
typedef enum weft_sampling {
    WEFT_SAMPLING_ALL,        /* each once */
    WEFT_SAMPLING_OVERSAMPLE, /* of every class as many as of the largest: rare images come several times */
    WEFT_SAMPLING_BALANCED,   /* as many images as there are, of every class the same number */
    WEFT_SAMPLING_COUNT
} weft_sampling;

/* Where decoded photographs are kept from epoch to epoch. With crops drawn they are kept with a shorter side of twice
 * the network's at most, so that of large ones crops are a little less sharp; without, as they are fitted. */
typedef enum weft_cache { WEFT_CACHE_NONE, WEFT_CACHE_RAM, WEFT_CACHE_DISK, WEFT_CACHE_COUNT } weft_cache;

typedef struct weft_loader_opt {
    weft_part part;
    int64_t batch;          /* 0: 32 */
    int rank, ranks;        /* batch is this rank's part, of so many, of each larger batch: its images are those that
                               one loader of batch * ranks has from place rank * batch on. 0, 0: all of it */
    const weft_recipe *recipe; /* how images are fitted and preprocessed, as weft_image_to_input does; px 0: the set's
                                  own, if all images are of one square size; channels 0: the set's own. NULL: those,
                                  squashed, 0..1. Lent until create returns */
    bool in_order;          /* evaluation: every image once, in order, the last batch with fewer; no augmentation */
    bool upright;           /* turn photographs as EXIF says */
    bool exact;             /* training decodes JPEG files at their full size, too, as evaluation does. Else they are
                               reduced by 2, 4 or 8 while they are decoded, where a crop has no use for more: slightly
                               other pixels, in less time. Of crops that have, the pixels are the same either way */
    const char *augment;    /* "crop-pad 4, flip, erase .25": NULL: none */
    weft_sampling sampling;
    const float *weights;   /* [classes] of classes: targets are multiplied by them; NULL: none; copied */
    bool targets;           /* rows of targets also where neither mixing nor weights ask for them */
    bool bytes;             /* batches of bytes, in the network's order of channels, where the augmentation keeps them:
                               weft_recipe_levels says what they are */
    double smoothing;       /* of the rows of targets: t (1 - s) + s / classes */
    uint64_t seed;
    int workers;            /* threads; 0: one for images in memory, one for each CPU (8 at most) for photographs;
                               negative: none, batches are made when they are asked for */
    int ahead;              /* batches that are made ahead; 0: 3 */
    weft_cache cache;       /* of photographs; images in memory need none */
    const char *cache_folder; /* of CACHE_DISK; made if it is not there. Used again by a loader of the same files */
    int64_t cache_limit;    /* bytes; 0: half of the machine's memory, and of CACHE_DISK no limit but the disk's */
    int64_t bad_limit;      /* images that may be bad and are left out: in training another takes the place */
    void (*bad)(void *user, const char *reason); /* told of each bad image once, by weft_loader_next */
    void *user;
} weft_loader_opt;

typedef struct weft_loader weft_loader;

/* The set must outlive the loader. INVALID names the option that makes no sense. */
WEFT_API weft_status weft_loader_create(weft_ctx *ctx, const weft_trainset *set, const weft_loader_opt *opt,
                                        weft_loader **out);
WEFT_API void weft_loader_destroy(weft_loader *loader);

/* Batches of an epoch. Training leaves out the rest that fills no batch (a set smaller than a batch is gone through
 * several times for one); evaluation has a last one with fewer images. */
WEFT_API int64_t weft_loader_steps(const weft_loader *loader);
/* What comes out: [batch, px, px, channels], by this recipe. */
WEFT_API weft_shape weft_loader_shape(const weft_loader *loader);
WEFT_API weft_recipe weft_loader_recipe(const weft_loader *loader);
/* Whether batches come as bytes: if that was wanted, in training, and the augmentation keeps them. */
WEFT_API bool weft_loader_has_bytes(const weft_loader *loader);
/* Whether batches come with rows of targets: what weft_train_opt.targets must say. */
WEFT_API bool weft_loader_has_targets(const weft_loader *loader);

/* Lends the next batch, valid until the next call: step k of all, with epochs that follow each other; in order, every
 * epoch is the same. labels of a mixed batch are those of the larger share. The places after weft_loader_filled hold
 * zeros and the label 0. Fails with the sentence of the first image that is bad, not with a batch that lacks it, unless
 * bad_limit allows it. */
WEFT_API weft_status weft_loader_next(weft_loader *loader, weft_batch *out);
/* The next batch will be that of `step`, from 0. */
WEFT_API weft_status weft_loader_seek(weft_loader *loader, int64_t step);
/* The step of the next batch. */
WEFT_API int64_t weft_loader_position(const weft_loader *loader);

/* Of the batch that is lent: how many of its places are filled, from the first on; fewer than the batch only in order.
 * *images, if not NULL, lends their numbers in the part. */
WEFT_API int64_t weft_loader_filled(const weft_loader *loader, const int64_t **images);

typedef struct weft_loader_stats {
    int64_t batches, images;
    int64_t bad;           /* different images that were left out */
    double waited;         /* seconds that weft_loader_next waited */
    double between;        /* seconds between its calls; waited / (waited + between) is the share of waiting */
    int64_t cached, cached_bytes; /* photographs that the cache holds */
    double busy;           /* seconds that threads decoded and augmented, summed over them */
} weft_loader_stats;
/* Since the loader was made, or since the last call with `reset`. */
WEFT_API weft_loader_stats weft_loader_get_stats(weft_loader *loader, bool reset);

/* What making images costs, in seconds, summed over images. */
typedef struct weft_loader_costs {
    int64_t images;
    double read;     /* of files: time that passed, with what a disk took; all others are the thread's own time */
    double decode;   /* of the part that is wanted */
    double resize;
    double augment;
    double convert;  /* bytes to normalised values */
    int64_t jpegs;   /* how many of the images are JPEG files, and of these: */
    double jpeg_decode;
    double jpeg_pass; /* what libjpeg-turbo takes to hand out all rows of the same files, reduced alike, and no more */
} weft_loader_costs;
/* Makes the images of a step as its batch does, one after the other in the calling thread, decodes each JPEG file by
 * libjpeg-turbo alone in turn, and adds what each stage took to *costs. Not of cached photographs. No batch changes. */
WEFT_API weft_status weft_loader_probe(weft_loader *loader, int64_t step, weft_loader_costs *costs);

/* Mean and deviation of each channel, in 0..1, of at most `limit` images of the training part, spread evenly (0: all),
 * fitted as the recipe says: what its mean and std want. Of one channel all three are the same. */
WEFT_API weft_status weft_trainset_measure(weft_ctx *ctx, const weft_trainset *set, const weft_recipe *recipe,
                                           int64_t limit, double mean[3], double std[3]);

/* One kind of augmentation: how it is written in a text ("crop-pad PIXELS"; the name is its first word) and what it
 * does. Numbers in brackets may be left out; a text is several of them with commas between. */
typedef struct weft_augment_kind {
    const char *form, *brief;
} weft_augment_kind;
/* INVALID after the last. */
WEFT_API weft_status weft_augment_get(int index, weft_augment_kind *out);
/* Whether a text makes sense: INVALID with what does not. */
WEFT_API weft_status weft_augment_check(const char *text);
/* Whether it mixes images, so that a loader's batches come with rows of targets (weft_loader_has_targets). */
WEFT_API bool weft_augment_needs_targets(const char *text);
/* Whether all it does is done to bytes: no part of an image is erased, none is mixed with another. NULL: yes. */
WEFT_API bool weft_augment_keeps_bytes(const char *text);

#ifdef __cplusplus
}
#endif
#endif
