/* SPDX-License-Identifier: Apache-2.0
 *
 * Loaders: what an epoch holds, that batches are a function of the step alone, what bad images do. */
#include <stdlib.h>
#include <string.h>

#include <weft/image.h>
#include <weft/loader.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "data/loading.h"
#include "data/sets.h"
#include "data/tree.h"
#include "loader/order.h"

enum { SIDE = 6, PIXELS = SIDE * SIDE };

START_TEST(permutations_are_permutations)
{
    for (int64_t n = 1; n < 300; n += n < 20 ? 1 : 17) {
        bool seen[300] = { false };
        int64_t moved = 0;
        for (int64_t x = 0; x < n; x++) {
            const int64_t y = weft_permute(5, 6, (uint64_t)n, n, x);
            ck_assert(y >= 0 && y < n && !seen[y]);
            seen[y] = true;
            moved += y != x;
        }
        ck_assert(n < 20 || moved > n / 2);
    }
    /* Over keys every place is as likely as another: 10,000 draws of 10, deviation 30. */
    int count[10] = { 0 };
    for (uint64_t key = 0; key < 10000; key++)
        count[weft_permute(1, 2, key, 10, 3)]++;
    for (int i = 0; i < 10; i++)
        ck_assert_msg(abs(count[i] - 1000) < 150, "place %d: %d of 10000", i, count[i]);
}
END_TEST

START_TEST(an_epoch_holds_each_image_once)
{
    sets_put_idx("s", "train", 50, SIDE, 5, 0);
    weft_trainset *const set = loading_set(tree_path("s"));
    weft_loader *const loader = loading_begin(set, &(weft_loader_opt){ .batch = 8, .seed = 3 });
    ck_assert_int_eq(weft_loader_steps(loader), 6);
    int first[2] = { 0 };
    for (int epoch = 0; epoch < 2; epoch++) {
        bool seen[50] = { false };
        for (int s = 0; s < 6; s++) {
            weft_batch batch;
            const int64_t *numbers;
            ck_assert_int_eq(weft_loader_position(loader), epoch * 6 + s);
            CHECK_OK(weft_loader_next(loader, &batch));
            ck_assert(weft_loader_filled(loader, &numbers) == 8 && !batch.targets);
            for (int n = 0; n < 8; n++) {
                const int64_t image = numbers[n];
                ck_assert(image >= 0 && image < 50 && !seen[image] && batch.labels[n] == image % 5);
                seen[image] = true;
                for (int i = 0; i < PIXELS; i++)
                    ck_assert(batch.images[n * PIXELS + i] == (float)sets_pixel((int)image, i) / 255);
            }
            first[epoch] = s == 0 ? (int)numbers[0] : first[epoch];
        }
    }
    ck_assert_int_ne(first[0], first[1]);
    weft_loader_destroy(loader);
    weft_trainset_destroy(set);
}
END_TEST

/* Parts of ranks, one behind the other, are the batch of one: in training, of a set that is smaller than a batch, too,
 * and in evaluation. */
START_TEST(parts_make_a_whole)
{
    static const struct {
        weft_loader_opt opt;
        int ranks;
    } rows[] = {
        { { .batch = 12, .seed = 3, .augment = "crop-pad 1, flip" }, 3 },
        { { .batch = 60, .seed = 3 }, 4 },
        { { .batch = 12, .seed = 3, .in_order = true }, 2 },
    };
    const int ranks = rows[_i].ranks, whole = (int)rows[_i].opt.batch, part = whole / ranks;
    sets_put_idx("s", "train", 50, SIDE, 5, 0);
    weft_trainset *const set = loading_set(tree_path("s"));
    weft_loader *const one = loading_begin(set, &rows[_i].opt);
    weft_loader *parts[4];
    for (int k = 0; k < ranks; k++) {
        weft_loader_opt opt = rows[_i].opt;
        opt.batch = part;
        opt.rank = k;
        opt.ranks = ranks;
        parts[k] = loading_begin(set, &opt);
        ck_assert_int_eq(weft_loader_steps(parts[k]), weft_loader_steps(one));
    }
    for (int s = 0; s < 2 * (int)weft_loader_steps(one) + 1; s++) {
        weft_batch batch, theirs;
        int64_t filled = 0;
        CHECK_OK(weft_loader_next(one, &batch));
        for (int k = 0; k < ranks; k++) {
            CHECK_OK(weft_loader_next(parts[k], &theirs));
            filled += weft_loader_filled(parts[k], NULL);
            ck_assert_mem_eq(theirs.labels, batch.labels + k * part, (size_t)part * sizeof *batch.labels);
            ck_assert_mem_eq(theirs.images, batch.images + k * part * PIXELS,
                             (size_t)(part * PIXELS) * sizeof *batch.images);
        }
        ck_assert_int_eq(filled, weft_loader_filled(one, NULL));
    }
    for (int k = 0; k < ranks; k++)
        weft_loader_destroy(parts[k]);
    weft_loader_destroy(one);
    weft_trainset_destroy(set);
}
END_TEST

START_TEST(evaluation_is_in_order_and_whole)
{
    sets_put_idx("s", "train", 10, SIDE, 5, 0);
    weft_trainset *const set = loading_set(tree_path("s"));
    weft_loader *const loader = loading_begin(set, &(weft_loader_opt){ .batch = 4, .in_order = true,
                                                                       .augment = "flip" });
    ck_assert_int_eq(weft_loader_steps(loader), 3);
    for (int s = 0; s < 6; s++) {
        weft_batch batch;
        const int64_t *numbers;
        CHECK_OK(weft_loader_next(loader, &batch));
        const int64_t filled = weft_loader_filled(loader, &numbers);
        ck_assert_int_eq(filled, s % 3 == 2 ? 2 : 4);
        for (int n = 0; n < 4; n++) {
            ck_assert_int_eq(numbers[n], n < filled ? s % 3 * 4 + n : -1);
            ck_assert(batch.images[n * PIXELS + 3] == (n < filled ? (float)sets_pixel((int)numbers[n], 3) / 255 : 0));
        }
    }
    weft_loader_destroy(loader);
    weft_trainset_destroy(set);
}
END_TEST

static const char *const texts[] = {
    NULL,
    "crop-pad 2, flip, erase .5",
    "shift 1, rotate 15, zoom, shear 10, erase 1 .3 1, mixup .2",
    "resized-crop .3 1, flip-down, cutmix, mixup",
};

/* The same bits for any number of workers, any length of the queue, and after seeking. */
START_TEST(batches_depend_on_the_step_alone)
{
    enum { STEPS = 20, BATCH = 24 };
    static const int workers[] = { -1, 1, 2, 4 };
    uint64_t expected[STEPS];
    sets_put_idx("s", "train", 61, SIDE, 5, 0);
    weft_trainset *const set = loading_set(tree_path("s"));
    for (int w = 0; w < WEFT_COUNT(workers); w++) {
        const weft_loader_opt opt = { .batch = BATCH, .seed = 9, .augment = texts[_i], .workers = workers[w],
                                      .ahead = 1 + w };
        weft_loader *const loader = loading_begin(set, &opt);
        for (int s = 0; s < STEPS; s++) {
            weft_batch batch;
            CHECK_OK(weft_loader_next(loader, &batch));
            const uint64_t found = loading_digest(loader, &batch, 5);
            if (w == 0)
                expected[s] = found;
            ck_assert_msg(found == expected[s], "step %d, %d workers", s, workers[w]);
            ck_assert(w > 0 || s == 0 || found != expected[s - 1]);
        }
        static const int there[] = { 7, 8, 3, 19, 0 };
        for (int i = 0; i < WEFT_COUNT(there); i++) {
            weft_batch batch;
            CHECK_OK(weft_loader_seek(loader, there[i]));
            CHECK_OK(weft_loader_next(loader, &batch));
            ck_assert_msg(loading_digest(loader, &batch, 5) == expected[there[i]], "after seeking %d", there[i]);
        }
        weft_loader_destroy(loader);
    }
    weft_trainset_destroy(set);
}
END_TEST

START_TEST(small_sets_fill_a_batch)
{
    sets_put_idx("s", "train", 5, SIDE, 5, 0);
    weft_trainset *const set = loading_set(tree_path("s"));
    weft_loader *const loader = loading_begin(set, &(weft_loader_opt){ .batch = 12 });
    weft_batch batch;
    const int64_t *numbers;
    int count[5] = { 0 };
    ck_assert_int_eq(weft_loader_steps(loader), 1);
    CHECK_OK(weft_loader_next(loader, &batch));
    ck_assert_int_eq(weft_loader_filled(loader, &numbers), 12);
    for (int n = 0; n < 12; n++)
        count[numbers[n]]++;
    for (int i = 0; i < 5; i++)
        ck_assert(count[i] == 2 || count[i] == 3);
    weft_loader_destroy(loader);
    weft_trainset_destroy(set);
}
END_TEST

/* 40 images of class 0, 5 of class 1. */
START_TEST(rare_classes_come_more_often)
{
    for (int i = 0; i < 40; i++)
        tree_put("grey8.png", NULL, "t/a/%d.png", i);
    for (int i = 0; i < 5; i++)
        tree_put("grey8.png", NULL, "t/b/%d.png", i);
    weft_trainset *const set = loading_set(tree_path("t"));
    const weft_recipe recipe = { .px = 4, .channels = 1, .resample = WEFT_BILINEAR };
    for (int sampling = WEFT_SAMPLING_OVERSAMPLE; sampling < WEFT_SAMPLING_COUNT; sampling++) {
        const bool over = sampling == WEFT_SAMPLING_OVERSAMPLE;
        weft_loader *const loader = loading_begin(set, &(weft_loader_opt){ .batch = 10, .recipe = &recipe,
                                                                           .sampling = (weft_sampling)sampling });
        int count[45] = { 0 }, labels[2] = { 0 };
        ck_assert_int_eq(weft_loader_steps(loader), over ? 8 : 4);
        for (int s = 0; s < (over ? 8 : 16); s++) {
            weft_batch batch;
            const int64_t *numbers;
            CHECK_OK(weft_loader_next(loader, &batch));
            weft_loader_filled(loader, &numbers);
            for (int n = 0; n < 10; n++) {
                labels[batch.labels[n]]++;
                count[numbers[n]]++;
            }
        }
        ck_assert(abs(labels[0] - labels[1]) <= (over ? 0 : 8));
        for (int i = 0; i < 45; i++)
            ck_assert_msg(over ? count[i] == (i < 40 ? 1 : 8) : count[i] > 0, "image %d: %d times", i, count[i]);
        weft_loader_destroy(loader);
    }
    weft_trainset_destroy(set);
}
END_TEST

START_TEST(targets_are_smoothed_and_weighted)
{
    const float weights[2] = { .5f, 3 };
    sets_put_idx("s", "train", 8, SIDE, 2, 0);
    weft_trainset *const set = loading_set(tree_path("s"));
    weft_loader *const loader = loading_begin(set, &(weft_loader_opt){ .batch = 8, .smoothing = .1,
                                                                       .weights = weights });
    weft_batch batch;
    ck_assert(weft_loader_has_targets(loader));
    CHECK_OK(weft_loader_next(loader, &batch));
    for (int n = 0; n < 8; n++) {
        const float w = weights[batch.labels[n]];
        for (int k = 0; k < 2; k++)
            ck_assert(batch.targets[2 * n + k] == w * (k == batch.labels[n] ? .95f : .05f));
    }
    weft_loader_destroy(loader);
    weft_trainset_destroy(set);
}
END_TEST

/* Images and targets are mixed by the same share: constant images tell it. */
START_TEST(mixing_keeps_images_and_targets_together)
{
    uint8_t images[16 + 4 * PIXELS] = { 0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, SIDE, 0, 0, 0, SIDE };
    for (int n = 0; n < 4; n++)
        memset(images + 16 + n * PIXELS, 1 << n, PIXELS);
    sets_put_bytes("s/train-images-idx3-ubyte", images, sizeof images);
    sets_put_bytes("s/train-labels-idx1-ubyte", "\0\0\10\1\0\0\0\4\0\1\2\3", 12);
    weft_trainset *const set = loading_set(tree_path("s"));
    const weft_recipe recipe = { .resample = WEFT_BILINEAR };
    const char *const text[] = { "mixup 1", "cutmix 1" };
    int mixed = 0;
    for (int t = 0; t < 2; t++) {
        weft_loader *const loader = loading_begin(set, &(weft_loader_opt){ .batch = 4, .augment = text[t],
                                                                     .recipe = &recipe });
        for (int s = 0; s < 10; s++) {
            weft_batch batch;
            CHECK_OK(weft_loader_next(loader, &batch));
            for (int n = 0; n < 4; n++) {
                double mean = 0, wanted = 0, sum = 0;
                float most = 0;
                for (int i = 0; i < PIXELS; i++)
                    mean += (double)batch.images[n * PIXELS + i] / PIXELS;
                for (int k = 0; k < 4; k++) {
                    const float share = batch.targets[4 * n + k];
                    wanted += (double)share * (1 << k);
                    sum += (double)share;
                    most = share > most ? share : most;
                    mixed += share > 0 && share < 1;
                }
                ck_assert(mean - wanted < 1e-5 && wanted - mean < 1e-5 && sum > .99999 && sum < 1.00001);
                ck_assert(batch.targets[4 * n + batch.labels[n]] == most);
            }
        }
        weft_loader_destroy(loader);
    }
    ck_assert_int_gt(mixed, 40);
    weft_trainset_destroy(set);
}
END_TEST

static int told;

static void on_bad(void *user, const char *reason)
{
    ck_assert(user == &told && strstr(reason, "bad") != NULL);
    told++;
}

START_TEST(bad_images_fail_or_are_replaced)
{
    for (int i = 0; i < 12; i++)
        tree_put(i == 4 ? "bad-short.png" : "grey8.png", NULL, "t/a/%s%d.png", i == 4 ? "bad" : "", i);
    weft_trainset *const set = loading_set(tree_path("t"));
    const weft_recipe recipe = { .px = 5, .channels = 3, .resample = WEFT_BILINEAR };
    weft_loader_opt opt = { .batch = 6, .recipe = &recipe, .bad = on_bad, .user = &told, .workers = 2 };
    weft_loader *loader = loading_begin(set, &opt);
    weft_status status = WEFT_OK;
    weft_batch batch;
    for (int s = 0; s < 2 && status == WEFT_OK; s++)
        status = weft_loader_next(loader, &batch);
    ck_assert(status == WEFT_BAD_DATA && strstr(weft_error(), "bad4.png") && told == 0);
    weft_loader_destroy(loader);
    opt.bad_limit = 1;
    loader = loading_begin(set, &opt);
    for (int s = 0; s < 6; s++) {
        const int64_t *numbers;
        CHECK_OK(weft_loader_next(loader, &batch));
        ck_assert_int_eq(weft_loader_filled(loader, &numbers), 6);
        for (int n = 0; n < 6; n++) {
            char name[256];
            ck_assert_ptr_null(strstr(weft_trainset_name(set, WEFT_PART_TRAIN, numbers[n], name, sizeof name), "bad"));
        }
    }
    ck_assert(told == 1 && weft_loader_get_stats(loader, false).bad == 1);
    weft_loader_destroy(loader);
    opt.in_order = true;
    loader = loading_begin(set, &opt);
    CHECK_OK(weft_loader_next(loader, &batch));
    CHECK_OK(weft_loader_next(loader, &batch));
    ck_assert_int_eq(weft_loader_get_stats(loader, false).images, 11);
    weft_loader_destroy(loader);
    weft_trainset_destroy(set);
}
END_TEST

START_TEST(mean_and_deviation)
{
    uint8_t images[16 + 2 * PIXELS] = { 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, SIDE, 0, 0, 0, SIDE };
    memset(images + 16 + PIXELS, 255, PIXELS);
    sets_put_bytes("s/train-images-idx3-ubyte", images, sizeof images);
    sets_put_bytes("s/train-labels-idx1-ubyte", "\0\0\10\1\0\0\0\2\0\1", 10);
    weft_trainset *const set = loading_set(tree_path("s"));
    double mean[3], std[3];
    CHECK_OK(weft_trainset_measure(loading_ctx, set, NULL, 0, mean, std));
    for (int c = 0; c < 3; c++)
        ck_assert(mean[c] == .5 && std[c] == .5);
    weft_trainset_destroy(set);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    static const struct {
        weft_loader_opt opt;
        const char *sentence;
    } rows[] = {
        { { .augment = "flop" }, "did you mean 'flip'" },
        { { .augment = "flip 2" }, "p is 2; 0 to 1" },
        { { .augment = "flip .5 3" }, "a number too many" },
        { { .augment = "crop-pad" }, "a number is missing" },
        { { .augment = "zoom 2 1" }, "the lower one was expected first" },
        { { .augment = "crop-pad x" }, "'x' is no number" },
        { { .augment = "resized-crop, resized-crop" }, "2 steps cut out" },
        { { .part = WEFT_PART_VAL }, "no images in its part 'val'" },
        { { .smoothing = 1 }, "smoothing" },
        { { .workers = 1000 }, "1000 workers" },
        { { .bad_limit = -1 }, "-1 bad images" },
    };
    weft_loader *loader;
    sets_put_idx("s", "train", 8, SIDE, 2, 0);
    weft_trainset *const set = loading_set(tree_path("s"));
    for (int i = 0; i < WEFT_COUNT(rows); i++)
        CHECK_FAILS(WEFT_INVALID, weft_loader_create(loading_ctx, set, &rows[i].opt, &loader), rows[i].sentence);
    weft_trainset_destroy(set);
    tree_put("grey8.png", NULL, "t/a/1.png");
    weft_trainset *const photographs = loading_set(tree_path("t"));
    CHECK_FAILS(WEFT_INVALID, weft_loader_create(loading_ctx, photographs, NULL, &loader), "say which size");
    weft_trainset_destroy(photographs);
}
END_TEST

/* Of one channel and of three, of sets in memory and of photographs, in either order of channels. */
START_TEST(bytes_stand_for_the_values)
{
    enum { PX = 6, BATCH = 8 };
    static const weft_preprocess kinds[] = { WEFT_PREPROCESS_TORCH, WEFT_PREPROCESS_CAFFE };
    sets_put_idx("s", "train", 20, SIDE, 5, 0);
    tree_put("grey8.png", NULL, "t/a/1.png");
    tree_put("one.jpg", NULL, "t/b/1.jpg");
    for (int way = 0; way < 8; way++) {
        float level[3][256];
        const weft_recipe recipe = { .px = PX, .channels = way & 1 ? 3 : 1, .resample = WEFT_BILINEAR,
                                     .preprocess = kinds[way >> 1 & 1] };
        weft_loader_opt opt = { .batch = BATCH, .seed = 3, .recipe = &recipe, .augment = "crop-pad 2, flip, rotate 9" };
        weft_trainset *const set = loading_set(tree_path(way & 4 ? "t" : "s"));
        weft_loader *const floats = loading_begin(set, &opt);
        opt.bytes = true;
        weft_loader *const bytes = loading_begin(set, &opt);
        weft_recipe_levels(&recipe, level);
        ck_assert(!weft_loader_has_bytes(floats) && weft_loader_has_bytes(bytes));
        for (int step = 0; step < 4; step++) {
            weft_batch want, got;
            CHECK_OK(weft_loader_next(floats, &want));
            CHECK_OK(weft_loader_next(bytes, &got));
            ck_assert(want.images && !want.bytes && got.bytes && !got.images);
            ck_assert(memcmp(want.labels, got.labels, BATCH * sizeof *got.labels) == 0);
            for (int i = 0; i < BATCH * PX * PX * recipe.channels; i++)
                ck_assert_msg(want.images[i] == level[i % recipe.channels][got.bytes[i]], "way %d, value %d", way, i);
        }
        weft_loader_destroy(floats);
        weft_loader_destroy(bytes);
        weft_trainset_destroy(set);
    }
}
END_TEST

/* Where values are changed, or images made to be looked at in order, they are floats all the same. */
START_TEST(some_batches_are_no_bytes)
{
    static const char *const changed[] = { "flip, erase .5", "mixup .2", "cutmix" };
    sets_put_idx("s", "train", 20, SIDE, 5, 0);
    weft_trainset *const set = loading_set(tree_path("s"));
    ck_assert(weft_augment_keeps_bytes(NULL) && weft_augment_keeps_bytes("resized-crop, flip, randaugment"));
    for (int i = 0; i <= 3; i++) {
        const char *const text = i < 3 ? changed[i] : "flip";
        weft_batch batch;
        weft_loader *const loader = loading_begin(set, &(weft_loader_opt){ .batch = 4, .augment = text, .bytes = true,
                                                                           .in_order = i == 3 });
        ck_assert_int_eq(weft_augment_keeps_bytes(text), i == 3);
        CHECK_OK(weft_loader_next(loader, &batch));
        ck_assert(!weft_loader_has_bytes(loader) && batch.images && !batch.bytes);
        weft_loader_destroy(loader);
    }
    weft_trainset_destroy(set);
}
END_TEST

static weft_status load_with(const weft_allocator *allocator, void *path)
{
    weft_ctx small = golden_ctx(allocator);
    const weft_recipe recipe = { .px = 6, .channels = 3, .resample = WEFT_BILINEAR };
    const weft_loader_opt opt = { .batch = 2, .recipe = &recipe, .augment = "resized-crop, flip, mixup",
                                  .sampling = WEFT_SAMPLING_BALANCED, .workers = -1 };
    weft_trainset *set;
    weft_loader *loader = NULL;
    weft_batch batch;
    WEFT_TRY(weft_trainset_open(&small, path, NULL, &set));
    weft_status status = weft_loader_create(&small, set, &opt, &loader);
    if (status == WEFT_OK)
        status = weft_loader_next(loader, &batch);
    weft_loader_destroy(loader);
    weft_trainset_destroy(set);
    return status;
}

START_TEST(no_memory)
{
    tree_put("grey8.png", NULL, "t/a/1.png");
    tree_put("one.jpg", NULL, "t/b/1.jpg");
    ck_assert_int_gt(check_every_failure(load_with, tree_path("t")), 20);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *const suite = suite_create("data: loaders");
    TCase *const cases = tcase_create("all");
    tcase_add_checked_fixture(cases, loading_setup, loading_teardown);
    tcase_add_test(cases, permutations_are_permutations);
    tcase_add_test(cases, an_epoch_holds_each_image_once);
    tcase_add_loop_test(cases, parts_make_a_whole, 0, 3);
    tcase_add_test(cases, evaluation_is_in_order_and_whole);
    tcase_add_loop_test(cases, batches_depend_on_the_step_alone, 0, WEFT_COUNT(texts));
    tcase_add_test(cases, small_sets_fill_a_batch);
    tcase_add_test(cases, rare_classes_come_more_often);
    tcase_add_test(cases, targets_are_smoothed_and_weighted);
    tcase_add_test(cases, mixing_keeps_images_and_targets_together);
    tcase_add_test(cases, bad_images_fail_or_are_replaced);
    tcase_add_test(cases, mean_and_deviation);
    tcase_add_test(cases, bytes_stand_for_the_values);
    tcase_add_test(cases, some_batches_are_no_bytes);
    tcase_add_test(cases, nonsense_is_refused);
    tcase_add_test(cases, no_memory);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
