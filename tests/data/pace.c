/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding no more than a crop needs: how near it is to the whole, that evaluation and what is asked to be exact are
 * whole, and what the probe counts. The photographs are the repository's, in other sizes. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"
#include "data/golden.h"
#include "data/loading.h"
#include "data/sets.h"
#include "data/tree.h"
#include "image/image.h"

enum { PHOTOS = 3, BATCH = 6, NEAR = 33 /* decibels */ };

/* Folders of two classes with photographs of width x height, or upright. */
static void put_photos(const char *set, int width, int height)
{
    char path[GOLDEN_TEXT], name[64];
    weft_image coffee, sized;
    golden_path("../../../docs/images/coffee.jpg", path);
    CHECK_OK(weft_image_read(loading_ctx, path, NULL, &coffee));
    for (int i = 0; i < PHOTOS; i++) {
        const double box[4] = { 10. * i, 5. * i, coffee.width - 5. * i, coffee.height - 10. * i };
        const bool upright = i % 2;
        uint8_t *data;
        size_t size;
        CHECK_OK(weft_image_resize(loading_ctx, &coffee, box, upright ? height : width, upright ? width : height,
                                   WEFT_BICUBIC, &sized));
        CHECK_OK(weft_jpeg_encode(&weft_malloc_allocator, &sized, 90, &data, &size));
        snprintf(name, sizeof name, "%s/%c/%d.jpg", set, 'a' + i % 2, i);
        sets_put_bytes(name, data, size);
        free(data);
        weft_image_free(loading_ctx, &sized);
    }
    weft_image_free(loading_ctx, &coffee);
}

/* Of the same draws: 255 of one level over the root of the mean square of what differs, in decibels, of the worst
 * image; INFINITY: none differs. */
static double worst_match(const weft_trainset *set, int px, const char *augment)
{
    const weft_recipe recipe = { .px = px, .channels = 3, .fit = WEFT_FIT_SHORT, .side = px, .resample = WEFT_BILINEAR,
                                 .preprocess = WEFT_PREPROCESS_NONE };
    weft_loader_opt opt = { .batch = BATCH, .recipe = &recipe, .augment = augment, .seed = 5, .workers = -1 };
    weft_loader *const fast = loading_begin(set, &opt);
    opt.exact = true;
    weft_loader *const exact = loading_begin(set, &opt);
    double worst = (double)INFINITY;
    for (int step = 0; step < 2; step++) {
        weft_batch f, e;
        CHECK_OK(weft_loader_next(fast, &f));
        CHECK_OK(weft_loader_next(exact, &e));
        const int count = px * px * 3;
        for (int i = 0; i < BATCH; i++) {
            double sum = 0;
            for (int k = i * count; k < (i + 1) * count; k++)
                sum += (double)(f.images[k] - e.images[k]) * (double)(f.images[k] - e.images[k]);
            worst = fmin(worst, sum > 0 ? 20 * log10(255 / sqrt(sum / count)) : (double)INFINITY);
        }
    }
    weft_loader_destroy(fast);
    weft_loader_destroy(exact);
    return worst;
}

/* Of a photograph of ImageNet's size no crop to 224 pixels can do with half: all are the same bits. */
START_TEST(crops_that_need_all_of_a_photograph_are_exact)
{
    put_photos("s", 500, 375);
    weft_trainset *const set = loading_set(tree_path("s"));
    ck_assert(isinf(worst_match(set, 224, "resized-crop .08 1, flip")));
    ck_assert(isinf(worst_match(set, 224, NULL)));
    weft_trainset_destroy(set);
}
END_TEST

/* Smaller crops, and those of larger photographs, are decoded at a half or less. */
START_TEST(reduced_crops_are_near_the_exact_ones)
{
    static const int cases[][3] = { { 500, 375, 96 }, { 500, 375, 40 }, { 1000, 750, 120 } };
    for (int i = 0; i < WEFT_COUNT(cases); i++) {
        put_photos("s", cases[i][0], cases[i][1]);
        weft_trainset *const set = loading_set(tree_path("s"));
        const double crops = worst_match(set, cases[i][2], "resized-crop .08 1, flip");
        const double fits = worst_match(set, cases[i][2], NULL);
        ck_assert_msg(crops > NEAR && !isinf(crops), "crops of %d x %d to %d: %.1f dB", cases[i][0], cases[i][1],
                      cases[i][2], crops);
        ck_assert_msg(fits > NEAR && !isinf(fits), "%d x %d to %d: %.1f dB", cases[i][0], cases[i][1], cases[i][2],
                      fits);
        weft_trainset_destroy(set);
    }
}
END_TEST

/* Evaluation is what weft_image_to_input gives of the file, whatever is asked of training. */
START_TEST(evaluation_decodes_all)
{
    put_photos("s", 800, 600);
    weft_trainset *const set = loading_set(tree_path("s"));
    const weft_recipe recipe = { .px = 64, .channels = 3, .fit = WEFT_FIT_SHORT, .side = 72, .resample = WEFT_BILINEAR,
                                 .preprocess = WEFT_PREPROCESS_TORCH };
    const weft_loader_opt opt = { .batch = PHOTOS, .recipe = &recipe, .in_order = true, .workers = -1 };
    weft_loader *const loader = loading_begin(set, &opt);
    float *const wanted = malloc(64 * 64 * 3 * sizeof *wanted);
    weft_batch batch;
    CHECK_OK(weft_loader_next(loader, &batch));
    for (int i = 0; i < PHOTOS; i++) {
        weft_image image;
        CHECK_OK(weft_trainset_image(set, WEFT_PART_TRAIN, i, &image));
        CHECK_OK(weft_image_to_input(loading_ctx, &image, &recipe, wanted));
        ck_assert_mem_eq(batch.images + i * 64 * 64 * 3, wanted, 64 * 64 * 3 * sizeof *wanted);
        weft_image_free(loading_ctx, &image);
    }
    free(wanted);
    weft_loader_destroy(loader);
    weft_trainset_destroy(set);
}
END_TEST

START_TEST(the_probe_counts_and_changes_nothing)
{
    put_photos("s", 500, 375);
    weft_trainset *const set = loading_set(tree_path("s"));
    const weft_recipe recipe = { .px = 32, .channels = 3, .resample = WEFT_BILINEAR };
    const weft_loader_opt opt = { .batch = 3, .recipe = &recipe, .augment = "resized-crop, flip, erase" };
    weft_loader *const loader = loading_begin(set, &opt), *const other = loading_begin(set, &opt);
    weft_loader_costs costs = { 0 };
    weft_batch batch;
    for (int step = 0; step < 3; step++) {
        CHECK_OK(weft_loader_probe(loader, step, &costs));
        CHECK_OK(weft_loader_next(loader, &batch));
        const uint64_t digest = loading_digest(loader, &batch, 2);
        CHECK_OK(weft_loader_next(other, &batch));
        ck_assert(loading_digest(other, &batch, 2) == digest);
    }
    ck_assert_int_eq(costs.images, 9);
    ck_assert_int_eq(costs.jpegs, 9);
    ck_assert(costs.read > 0 && costs.decode > 0 && costs.resize > 0 && costs.augment > 0 && costs.convert > 0);
    ck_assert(costs.jpeg_pass > 0 && fabs(costs.jpeg_decode - costs.decode) < 1e-9);
    CHECK_FAILS(WEFT_INVALID, weft_loader_probe(loader, -1, &costs), "step -1");
    CHECK_FAILS(WEFT_INVALID, weft_loader_probe(loader, 0, NULL), "NULL");
    weft_loader *const eval = loading_begin(set, &(weft_loader_opt){ .recipe = &recipe, .in_order = true });
    CHECK_FAILS(WEFT_INVALID, weft_loader_probe(eval, 0, &costs), "training");
    weft_loader_destroy(eval);
    weft_loader_destroy(other);
    weft_loader_destroy(loader);
    weft_trainset_destroy(set);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *const suite = suite_create("data: pace");
    TCase *const cases = tcase_create("all");
    tcase_add_checked_fixture(cases, loading_setup, loading_teardown);
    tcase_add_test(cases, crops_that_need_all_of_a_photograph_are_exact);
    tcase_add_test(cases, reduced_crops_are_near_the_exact_ones);
    tcase_add_test(cases, evaluation_decodes_all);
    tcase_add_test(cases, the_probe_counts_and_changes_nothing);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
