/* SPDX-License-Identifier: Apache-2.0
 *
 * Loaders: what their options mean, and the calls of the public header. */
#include "loader/loader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/pool.h"
#include "base/sha256.h"

enum { BATCH = 32, AHEAD = 3, MOST_AHEAD = 64, MOST_WORKERS = 256, PHOTO_WORKERS = 8, MOST_RANKS = 1 << 20, BYTE = 8 };

/* ---- options ---- */

static weft_status check_options(const weft_loader *l)
{
    const weft_loader_opt *const o = &l->opt;
    const double batch = (double)o->batch * l->recipe.px * l->recipe.px * l->recipe.channels;
    if (weft_trainset_count(l->set, o->part) == 0)
        return weft_fail(WEFT_INVALID, "loader: %s has no images in its part '%s'", weft_trainset_path(l->set),
                         weft_part_name(o->part));
    if (o->batch < 1 || batch > 1e12)
        return weft_fail(WEFT_INVALID, "loader: a batch of %" PRId64 "; 1 or more, of what memory holds, was expected",
                         o->batch);
    if (o->ranks < 1 || o->ranks > MOST_RANKS || o->rank < 0 || o->rank >= o->ranks)
        return weft_fail(WEFT_INVALID, "loader: rank %d of %d; 0 to less than their number was expected", o->rank,
                         o->ranks);
    if ((int)o->sampling < 0 || o->sampling >= WEFT_SAMPLING_COUNT)
        return weft_fail(WEFT_INVALID, "loader: no sampling number %d", (int)o->sampling);
    if (!(o->smoothing >= 0 && o->smoothing < 1))
        return weft_fail(WEFT_INVALID, "loader: smoothing by %g; 0 to below 1 was expected", o->smoothing);
    if (o->workers > MOST_WORKERS || o->ahead < 0 || o->ahead > MOST_AHEAD || o->bad_limit < 0)
        return weft_fail(WEFT_INVALID, "loader: %d workers, %d batches ahead, %" PRId64 " bad images; at most %d, 0 to "
                         "%d and at least 0 were expected", o->workers, o->ahead, o->bad_limit, MOST_WORKERS,
                         MOST_AHEAD);
    return WEFT_OK;
}

/* What a recipe that leaves out size or channels means for a set. */
static weft_status complete(const weft_trainset *set, const weft_recipe *given, weft_recipe *out)
{
    const weft_native_size native = weft_trainset_native(set);
    weft_recipe r = given ? *given : (weft_recipe){ .preprocess = WEFT_PREPROCESS_UNIT, .resample = WEFT_BILINEAR };
    if (r.px == 0 && (native.width == 0 || native.width != native.height))
        return weft_fail(WEFT_INVALID, "loader: the images of %s are not all of one square size: say which size the "
                         "network takes", weft_trainset_path(set));
    r.px = r.px ? r.px : native.width;
    r.channels = r.channels ? r.channels : native.channels;
    WEFT_TRY(weft_recipe_check(&r));
    *out = r;
    return WEFT_OK;
}

static weft_status understand(weft_loader *l, const weft_loader_opt *opt)
{
    WEFT_TRY(complete(l->set, opt->recipe, &l->recipe));
    l->opt = *opt;
    l->opt.batch = opt->batch ? opt->batch : BATCH;
    l->opt.ahead = opt->ahead ? opt->ahead : AHEAD;
    l->opt.ranks = opt->ranks || opt->rank ? opt->ranks : 1;
    WEFT_TRY(weft_augment_read(opt->in_order ? NULL : opt->augment, &l->augment));
    WEFT_TRY(check_options(l));
    l->opt.recipe = NULL;
    l->opt.augment = NULL;
    l->opt.weights = NULL;
    l->frame = weft_augment_frame(&l->augment);
    l->bgr = weft_recipe_levels(&l->recipe, l->level);
    l->has_targets = opt->targets || opt->weights || weft_augment_mixes(&l->augment);
    l->has_bytes = opt->bytes && !opt->in_order && weft_augment_keeps_bytes(opt->augment);
    WEFT_TRY(weft_order_create(l->allocator, l->set, &l->opt, &l->order));
    const int64_t n = l->order.count, batch = l->opt.batch * l->opt.ranks;
    l->steps = opt->in_order ? (n + batch - 1) / batch : n < batch ? 1 : n / batch;
    const int cpus = weft_cpu_count();
    l->workers = opt->workers;
    if (opt->workers == 0)
        l->workers = weft_trainset_native(l->set).width ? 1 : cpus < PHOTO_WORKERS ? cpus : PHOTO_WORKERS;
    l->workers = l->workers < 0 ? 0 : l->workers;
    return WEFT_OK;
}

/* ---- cache ---- */

/* Adds what tells a photograph from another version of it: its file, or the pack and its place there. */
static void add_photo(const weft_loader *l, weft_sha256 *sum, const weft_set_item *item)
{
    const char *const file = weft_trainset_photo(l->set, item);
    const char *const path = file ? file : l->set->sources[item->source].name;
    struct stat facts = { 0 };
    int64_t numbers[4] = { 0, 0, 0, item->at };
    if (stat(path, &facts) == 0) {
        numbers[0] = (int64_t)facts.st_size;
        numbers[1] = (int64_t)facts.st_mtim.tv_sec;
        numbers[2] = (int64_t)facts.st_mtim.tv_nsec;
    }
    weft_sha256_add(sum, path, strlen(path) + 1);
    weft_sha256_add(sum, numbers, file ? 3 * sizeof *numbers : sizeof numbers);
}

/* What the cache would hold of which files, as a text. */
static void make_key(const weft_loader *l, char key[WEFT_SHA256_TEXT])
{
    char text[WEFT_RECIPE_TEXT + 80], recipe[WEFT_RECIPE_TEXT];
    weft_sha256 sum;
    weft_sha256_begin(&sum);
    const int length = snprintf(text, sizeof text, "%s in_order=%d frame=%d upright=%d%s",
                                weft_recipe_text(&l->recipe, recipe, sizeof recipe), l->opt.in_order, l->frame != NULL,
                                l->opt.upright, l->opt.exact ? " exact" : "");
    weft_sha256_add(&sum, text, (size_t)length);
    for (int64_t i = 0; i < l->order.images; i++)
        add_photo(l, &sum, weft_trainset_item(l->set, l->opt.part, i));
    weft_sha256_end(&sum, key);
}

static weft_status open_cache(weft_loader *l)
{
    const weft_loader_opt *const o = &l->opt;
    char key[WEFT_SHA256_TEXT];
    if ((int)o->cache < 0 || o->cache >= WEFT_CACHE_COUNT || o->cache_limit < 0)
        return weft_fail(WEFT_INVALID, "loader: no cache number %d of %" PRId64 " bytes", (int)o->cache,
                         o->cache_limit);
    if (o->cache == WEFT_CACHE_DISK && !o->cache_folder)
        return weft_fail(WEFT_INVALID, "loader: a cache on disk needs a folder");
    if (o->cache == WEFT_CACHE_NONE || weft_trainset_native(l->set).width || (o->in_order && l->recipe.no_antialias))
        return WEFT_OK;
    const bool disk = o->cache == WEFT_CACHE_DISK;
    const int64_t memory = (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE);
    const int64_t limit = o->cache_limit ? o->cache_limit : disk ? INT64_MAX / 2 : memory / 2;
    make_key(l, key);
    return weft_cache_open(l->allocator, l->order.images, key, disk ? o->cache_folder : NULL, limit, &l->cache);
}

/* ---- memory ---- */

static weft_status allocate_slot(weft_loader *l, weft_slot *slot)
{
    const size_t n = (size_t)l->opt.batch, px = (size_t)l->recipe.px, classes = (size_t)weft_trainset_classes(l->set);
    const size_t values = n * px * px * (size_t)l->recipe.channels;
    if (l->has_bytes)
        slot->bytes = weft_calloc(l->allocator, values, sizeof *slot->bytes);
    else
        slot->images = weft_calloc(l->allocator, values, sizeof *slot->images);
    slot->labels = weft_calloc(l->allocator, n, sizeof *slot->labels);
    slot->numbers = weft_calloc(l->allocator, n, sizeof *slot->numbers);
    slot->targets = l->has_targets ? weft_calloc(l->allocator, n * classes, sizeof *slot->targets) : NULL;
    const bool whole = (slot->images || slot->bytes) && slot->labels && slot->numbers &&
                       (slot->targets || !l->has_targets);
    return whole ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "loader");
}

static weft_status allocate_hand(weft_loader *l, weft_loader_hand *hand)
{
    const size_t px = (size_t)l->recipe.px, image = px * px * 3, classes = (size_t)weft_trainset_classes(l->set);
    hand->loader = l;
    hand->pixels[0] = weft_alloc(l->allocator, image);
    hand->pixels[1] = weft_alloc(l->allocator, image);
    hand->spare = weft_calloc(l->allocator, image > classes ? image : classes, sizeof *hand->spare);
    return hand->pixels[0] && hand->pixels[1] && hand->spare ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "loader");
}

static weft_status allocate(weft_loader *l, const weft_loader_opt *opt)
{
    const size_t classes = (size_t)weft_trainset_classes(l->set);
    l->slot_count = l->opt.ahead + 1; /* and the one that is lent */
    l->slots = weft_calloc(l->allocator, (size_t)l->slot_count, sizeof *l->slots);
    l->hands = weft_calloc(l->allocator, (size_t)l->workers + 1, sizeof *l->hands);
    l->bad = weft_calloc(l->allocator, (size_t)l->order.images / BYTE + 1, 1);
    l->weights = opt->weights ? weft_alloc(l->allocator, classes * sizeof *l->weights) : NULL;
    if (!l->slots || !l->hands || !l->bad || (opt->weights && !l->weights))
        return weft_fail_in(WEFT_NO_MEMORY, "loader");
    if (opt->weights)
        memcpy(l->weights, opt->weights, classes * sizeof *l->weights);
    for (int i = 0; i < l->slot_count; i++)
        WEFT_TRY(allocate_slot(l, &l->slots[i]));
    for (int i = 0; i <= l->workers; i++)
        WEFT_TRY(allocate_hand(l, &l->hands[i]));
    WEFT_TRY(open_cache(l));
    l->opt.cache_folder = NULL;
    return weft_work_start(l);
}

weft_status weft_loader_create(weft_ctx *ctx, const weft_trainset *set, const weft_loader_opt *opt, weft_loader **out)
{
    static const weft_loader_opt defaults;
    if (!ctx || !set || !out)
        return weft_fail(WEFT_INVALID, "weft_loader_create: ctx, set and out must not be NULL");
    if (!opt)
        opt = &defaults;
    const weft_allocator *const a = weft_ctx_allocator(ctx);
    weft_loader *const l = weft_calloc(a, 1, sizeof *l);
    if (!l)
        return weft_fail_in(WEFT_NO_MEMORY, "loader");
    l->ctx = ctx;
    l->allocator = a;
    l->set = set;
    l->lent = -1;
    pthread_mutex_init(&l->mutex, NULL); /* with default attributes none of these can fail */
    pthread_cond_init(&l->work, NULL);
    pthread_cond_init(&l->made, NULL);
    weft_status status = understand(l, opt);
    if (status == WEFT_OK)
        status = allocate(l, opt);
    if (status != WEFT_OK) {
        weft_loader_destroy(l);
        return status;
    }
    *out = l;
    return WEFT_OK;
}

void weft_loader_destroy(weft_loader *l)
{
    if (!l)
        return;
    const weft_allocator *const a = l->allocator;
    weft_work_stop(l);
    weft_cache_close(l->cache);
    for (int i = 0; l->slots && i < l->slot_count; i++) {
        weft_free(a, l->slots[i].images);
        weft_free(a, l->slots[i].bytes);
        weft_free(a, l->slots[i].labels);
        weft_free(a, l->slots[i].targets);
        weft_free(a, l->slots[i].numbers);
        weft_free(a, l->slots[i].faults);
    }
    for (int i = 0; l->hands && i <= l->workers; i++) {
        weft_free(a, l->hands[i].pixels[0]);
        weft_free(a, l->hands[i].pixels[1]);
        weft_free(a, l->hands[i].spare);
    }
    weft_free(a, l->slots);
    weft_free(a, l->hands);
    weft_free(a, l->bad);
    weft_free(a, l->weights);
    if (l->order.allocator)
        weft_order_release(&l->order);
    pthread_cond_destroy(&l->made);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->mutex);
    weft_free(a, l);
}

/* ---- batches ---- */

static int by_place(const void *a, const void *b)
{
    const weft_loader_fault *const x = a, *const y = b;
    if (x->place != y->place)
        return x->place < y->place ? -1 : 1;
    return x->attempt < y->attempt ? -1 : x->attempt > y->attempt;
}

/* Tells of the bad images that were met for the first time, in the order of their places. */
static weft_status report(weft_loader *l, weft_slot *slot)
{
    if (slot->fault_count)
        qsort(slot->faults, (size_t)slot->fault_count, sizeof *slot->faults, by_place);
    for (int64_t i = 0; i < slot->fault_count; i++) {
        const weft_loader_fault *const fault = &slot->faults[i];
        uint8_t *const byte = &l->bad[fault->image / BYTE];
        const uint8_t bit = (uint8_t)(1u << fault->image % BYTE);
        if (*byte & bit)
            continue;
        if (l->stats.bad >= l->opt.bad_limit && l->opt.bad_limit)
            return weft_fail(fault->status, "%s; %" PRId64 " bad images were allowed, this is one more", fault->reason,
                             l->opt.bad_limit);
        if (l->opt.bad_limit == 0)
            return weft_fail(fault->status, "%s", fault->reason);
        *byte |= bit;
        l->stats.bad++;
        if (l->opt.bad)
            l->opt.bad(l->opt.user, fault->reason);
    }
    if (slot->filled < l->opt.batch && !l->opt.in_order)
        return weft_fail(WEFT_BAD_DATA, "loader: no good image is left for a place of batch %" PRId64, slot->step);
    return WEFT_OK;
}

static void give_back(weft_loader *l)
{
    if (l->lent >= 0)
        weft_work_release(l, l->lent);
    l->lent = -1;
}

weft_status weft_loader_next(weft_loader *l, weft_batch *out)
{
    if (!l || !out)
        return weft_fail(WEFT_INVALID, "weft_loader_next: loader and out must not be NULL");
    const int64_t start = weft_clock_ns();
    if (l->left_at)
        l->stats.between += (double)(start - l->left_at) * 1e-9;
    give_back(l);
    const int index = weft_work_wait(l, l->position);
    weft_slot *const slot = &l->slots[index];
    l->left_at = weft_clock_ns();
    l->stats.waited += (double)(l->left_at - start) * 1e-9;
    if (slot->status != WEFT_OK)
        return weft_fail(slot->status, "%s", slot->error);
    WEFT_TRY(report(l, slot));
    l->lent = index;
    l->position++;
    l->stats.batches++;
    l->stats.images += slot->filled;
    *out = (weft_batch){ .images = slot->images, .labels = slot->labels, .targets = slot->targets,
                         .bytes = slot->bytes };
    return WEFT_OK;
}

weft_status weft_loader_seek(weft_loader *l, int64_t step)
{
    if (!l || step < 0)
        return weft_fail(WEFT_INVALID, "weft_loader_seek: step %" PRId64 " of a loader; 0 or more was expected", step);
    if (step == l->position)
        return WEFT_OK;
    l->lent = -1;
    weft_work_restart(l, step);
    l->position = step;
    return WEFT_OK;
}

/* ---- asking ---- */

int64_t weft_loader_steps(const weft_loader *l)
{
    return l ? l->steps : 0;
}

weft_shape weft_loader_shape(const weft_loader *l)
{
    return l ? weft_shape_nhwc(l->opt.batch, l->recipe.px, l->recipe.px, l->recipe.channels) : (weft_shape){ 0 };
}

weft_recipe weft_loader_recipe(const weft_loader *l)
{
    return l ? l->recipe : (weft_recipe){ 0 };
}

bool weft_loader_has_bytes(const weft_loader *l)
{
    return l && l->has_bytes;
}

bool weft_loader_has_targets(const weft_loader *l)
{
    return l && l->has_targets;
}

int64_t weft_loader_position(const weft_loader *l)
{
    return l ? l->position : 0;
}

int64_t weft_loader_filled(const weft_loader *l, const int64_t **images)
{
    const weft_slot *const slot = l && l->lent >= 0 ? &l->slots[l->lent] : NULL;
    if (images)
        *images = slot ? slot->numbers : NULL;
    return slot ? slot->filled : 0;
}

weft_loader_stats weft_loader_get_stats(weft_loader *l, bool reset)
{
    if (!l)
        return (weft_loader_stats){ 0 };
    weft_loader_stats stats = l->stats;
    pthread_mutex_lock(&l->mutex);
    stats.busy = (double)l->busy_ns * 1e-9;
    if (reset)
        l->busy_ns = 0;
    pthread_mutex_unlock(&l->mutex);
    if (l->cache)
        stats.cached = weft_cache_size(l->cache, &stats.cached_bytes);
    if (reset)
        l->stats = (weft_loader_stats){ .bad = l->stats.bad };
    return stats;
}
