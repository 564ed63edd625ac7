/* SPDX-License-Identifier: Apache-2.0
 *
 * Loaders that keep photographs: the same bits as without, whatever becomes of what they keep; and that loaders leave
 * nothing behind. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "data/loading.h"
#include "data/tree.h"

enum { CACHE_STEPS = 9 };

static void put_photographs(void)
{
    static const char *const names[] = { "420.jpg", "422.jpg", "grey.jpg", "rgb8.png", "orient-6.jpg", "palette8.bmp",
                                         "../../../docs/images/coffee.jpg" };
    for (int i = 0; i < WEFT_COUNT(names); i++)
        tree_put(names[i], NULL, "t/%c/%d.jpg", 'a' + i % 2, i);
}

/* The digests of some steps over three epochs; returns how many photographs were kept at the end. */
static int64_t digests(const weft_trainset *set, const weft_loader_opt *opt, uint64_t out[CACHE_STEPS])
{
    weft_loader *const loader = loading_begin(set, opt);
    for (int s = 0; s < CACHE_STEPS; s++) {
        weft_batch batch;
        CHECK_OK(weft_loader_next(loader, &batch));
        out[s] = loading_digest(loader, &batch, 2);
    }
    const weft_loader_stats stats = weft_loader_get_stats(loader, false);
    ck_assert((stats.cached > 0) == (stats.cached_bytes > 0));
    weft_loader_destroy(loader);
    return stats.cached;
}

/* The same bits whether photographs are found in memory, in a file, in a file of an earlier loader, in one that was
 * damaged, or not at all because there is no room; and, where no crops are drawn, as without a cache. */
START_TEST(caches_change_no_bit)
{
    put_photographs();
    weft_trainset *const set = loading_set(tree_path("t"));
    const weft_recipe recipe = { .px = 24, .channels = 3, .resample = WEFT_BILINEAR, .fit = WEFT_FIT_SHORT,
                                 .side = 28 };
    char folder[TREE_TEXT], command[2 * TREE_TEXT];
    snprintf(folder, sizeof folder, "%s", tree_path("cache"));
    weft_loader_opt opt = { .batch = 2, .recipe = &recipe, .upright = true, .in_order = _i == 2, .cache_folder = folder,
                            .augment = _i == 0 ? "resized-crop .2 1, flip" : "flip" };
    uint64_t expected[CACHE_STEPS], found[CACHE_STEPS];
    opt.cache = WEFT_CACHE_RAM;
    ck_assert_int_eq(digests(set, &opt, expected), 7);
    for (int turn = 0; turn < 8; turn++) {
        opt.workers = turn % 3 - 1;
        opt.cache = turn == 0 ? WEFT_CACHE_RAM : WEFT_CACHE_DISK;
        opt.cache_limit = turn == 7 ? 1 : 0;
        if (turn == 7)
            snprintf(command, sizeof command, "rm %s/*", folder);
        else if (turn == 4) /* the last record is cut */
            snprintf(command, sizeof command, "truncate -s -5 %s/*", folder);
        else if (turn == 5) /* a pixel of the first is another */
            snprintf(command, sizeof command, "printf x | dd of=$(echo %s/*) bs=1 seek=150 conv=notrunc 2>/dev/null",
                     folder);
        else if (turn == 6)
            snprintf(command, sizeof command, "for f in %s/*; do echo nonsense > $f; done", folder);
        ck_assert(turn < 4 || system(command) == 0);
        const int64_t kept = digests(set, &opt, found);
        ck_assert_msg(memcmp(found, expected, sizeof found) == 0, "turn %d", turn);
        ck_assert_int_eq(kept, turn == 7 ? 0 : 7);
    }
    opt.cache = WEFT_CACHE_NONE;
    ck_assert_int_eq(digests(set, &opt, found), 0);
    ck_assert(_i == 0 || memcmp(found, expected, sizeof found) == 0);
    weft_trainset_destroy(set);
}
END_TEST

START_TEST(a_cache_has_one_user)
{
    put_photographs();
    weft_trainset *const set = loading_set(tree_path("t"));
    const weft_recipe recipe = { .px = 24, .channels = 3, .resample = WEFT_BILINEAR };
    const weft_loader_opt opt = { .recipe = &recipe, .cache = WEFT_CACHE_DISK, .cache_folder = tree_path("cache") };
    weft_loader *const first = loading_begin(set, &opt);
    weft_loader *second;
    CHECK_FAILS(WEFT_IO, weft_loader_create(loading_ctx, set, &opt, &second), "another process uses this cache");
    weft_loader_destroy(first);
    CHECK_FAILS(WEFT_INVALID, weft_loader_create(loading_ctx, set, &(weft_loader_opt){ .recipe = &recipe,
                                                                               .cache = WEFT_CACHE_DISK }, &second),
                "needs a folder");
    weft_trainset_destroy(set);
}
END_TEST

/* Epochs, seeks and loaders leave neither memory nor descriptors behind. */
START_TEST(loaders_leave_nothing_behind)
{
    check_alloc state = { 0 };
    const weft_allocator allocator = check_allocator(&state);
    weft_ctx small = golden_ctx(&allocator);
    int64_t live = 0, bytes = 0;
    const int before = dup(0);
    put_photographs();
    weft_trainset *set;
    CHECK_OK(weft_trainset_open(&small, tree_path("t"), NULL, &set));
    const weft_recipe recipe = { .px = 24, .channels = 3, .resample = WEFT_BILINEAR };
    for (int round = 0; round < 6; round++) {
        const weft_loader_opt opt = { .batch = 3, .recipe = &recipe, .augment = "resized-crop, randaugment, mixup",
                                      .workers = 2, .cache = (weft_cache)(round % 3),
                                      .cache_folder = tree_path("cache") };
        weft_loader *loader;
        CHECK_OK(weft_loader_create(&small, set, &opt, &loader));
        for (int epoch = 0; epoch < 30; epoch++) {
            weft_batch batch;
            CHECK_OK(weft_loader_next(loader, &batch));
            if (epoch % 7 == 3)
                CHECK_OK(weft_loader_seek(loader, 1000 - epoch));
        }
        weft_loader_destroy(loader);
        ck_assert(round == 0 || (state.live == live && state.bytes == bytes));
        live = state.live;
        bytes = state.bytes;
    }
    weft_trainset_destroy(set);
    const int after = dup(0);
    ck_assert_int_eq(after, before + 1);
    close(before);
    close(after);
    ck_assert(state.live == 0 && state.damaged == 0);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *const suite = suite_create("data: caches");
    TCase *const cases = tcase_create("all");
    tcase_add_checked_fixture(cases, loading_setup, loading_teardown);
    tcase_add_loop_test(cases, caches_change_no_bit, 0, 3);
    tcase_add_test(cases, a_cache_has_one_user);
    tcase_add_test(cases, loaders_leave_nothing_behind);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
