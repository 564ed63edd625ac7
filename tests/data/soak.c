/* SPDX-License-Identifier: Apache-2.0
 *
 * Soak of loaders: photographs decoded, augmented and mixed by threads for as long as asked, the loader sought back
 * and made anew again and again. Resident memory may not climb by 1 % over the time, nor file descriptors grow.
 *
 *   data_soak [SECONDS]     ctest takes a few; `make soak MINUTES=40` the promised ones */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <weft/loader.h>

#include "check/harness.h"
#include "data/golden.h"
#include "data/loading.h"
#include "data/tree.h"

enum { MOST_SAMPLES = 4096, LEAST_SAMPLES = 6, KINDS = 6 /* of loaders */, STEPS = 10, BATCH = 32, COPIES = 3 };
static const double WARM_SHARE = .2, MOST_CLIMB = .01, LONG = 60, SETTLING = 4 << 20; /* of the heap, in a short run */
static double seconds = 2;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double resident(void)
{
    double pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%*f %lf", &pages), 1);
    fclose(file);
    return pages * 4096;
}

static void put_photographs(void)
{
    static const char *const names[] = { "420.jpg", "422.jpg", "grey.jpg", "rgb8.png", "orient-6.jpg", "palette8.bmp",
                                         "alpha.webp", "../../../docs/images/coffee.jpg" };
    for (int copy = 0; copy < COPIES; copy++)
        for (int i = 0; i < WEFT_COUNT(names); i++)
            tree_put(names[i], NULL, "t/%c/%d-%d.jpg", 'a' + i % 4, i, copy);
    tree_put("bad-crc.png", NULL, "t/a/bad.jpg"); /* left out, in every epoch */
}

static void ignore(void *user, const char *reason)
{
    (void)user, (void)reason;
}

/* A loader's life; returns how much memory the process holds at its end. */
static double load(const weft_trainset *set, int life)
{
    const weft_recipe recipe = { .px = 128, .channels = 3 };
    weft_loader *const loader = loading_begin(set, &(weft_loader_opt){
        .batch = BATCH, .recipe = &recipe, .upright = true, .seed = (uint64_t)life, .workers = 1 + life % 3,
        .cache = life % 2 ? WEFT_CACHE_RAM : WEFT_CACHE_NONE, .bad_limit = 1, .bad = ignore,
        .augment = life % 3 ? "resized-crop, flip, trivialaugment, erase .25" : "crop-pad 4, randaugment, mixup .2" });
    for (int step = 0; step < STEPS; step++) {
        weft_batch batch;
        if (step == STEPS / 2)
            CHECK_OK(weft_loader_seek(loader, 1));
        CHECK_OK(weft_loader_next(loader, &batch));
        ck_assert(batch.images[0] == batch.images[0]);
    }
    const double bytes = resident();
    weft_loader_destroy(loader);
    return bytes;
}

/* How far the line of least squares through y climbs over all samples. */
static double climb(const double *y, int count)
{
    const double middle = (count - 1) / 2.;
    double mean = 0, product = 0, square = 0;
    for (int i = 0; i < count; i++)
        mean += y[i] / count;
    for (int i = 0; i < count; i++) {
        product += (i - middle) * (y[i] - mean);
        square += (i - middle) * (i - middle);
    }
    return product / square * count;
}

START_TEST(memory_and_descriptors_stay)
{
    static double bytes[MOST_SAMPLES];
    const double begun = now(), every = seconds / (MOST_SAMPLES - 1);
    int samples = 0, open = 0, lives = 0;
    put_photographs();
    weft_trainset *const set = loading_set(tree_path("t"));
    while (now() - begun < seconds || samples < LEAST_SAMPLES) {
        const double held = load(set, lives++);
        if (lives % KINDS == 0 && samples < MOST_SAMPLES && now() - begun >= every * samples)
            bytes[samples++] = held;
        open = open ? open : check_descriptors();
        ck_assert_int_eq(check_descriptors(), open);
    }
    weft_trainset_destroy(set);
    const int warm = (int)(WARM_SHARE * samples);
    const double climbed = climb(bytes + warm, samples - warm), last = bytes[samples - 1];
    printf("%.0f s, %d loaders of %d batches: %.1f MB resident, %+.2f %% over %d samples; %d descriptors\n",
           now() - begun, lives, STEPS, last / 1e6, 100 * climbed / last, samples - warm, open);
    const double most = MOST_CLIMB * last + (seconds < LONG ? SETTLING : 0);
    ck_assert_msg(climbed < most, "resident memory climbed by %.2f %%", 100 * climbed / last);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1)
        seconds = strtod(argv[1], NULL);
    Suite *const suite = suite_create("data: soak");
    TCase *const cases = tcase_create("all");
    tcase_set_timeout(cases, 0);
    tcase_add_checked_fixture(cases, loading_setup, loading_teardown);
    tcase_add_test(cases, memory_and_descriptors_stay);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
