/* SPDX-License-Identifier: Apache-2.0
 *
 * Training sets: what is found in folders and under names, what parts are made of it, what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weft/trainset.h>
#include <zlib.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "data/sets.h"
#include "data/tree.h"

static weft_ctx *ctx;

static void setup(void)
{
    tree_setup();
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
}

static void teardown(void)
{
    weft_ctx_destroy(ctx);
    tree_teardown();
}

static weft_trainset *opened(const char *path, const weft_trainset_opt *opt)
{
    weft_trainset *set = NULL;
    CHECK_OK(weft_trainset_open(ctx, path, opt, &set));
    return set;
}

START_TEST(idx_files_plain_and_packed)
{
    sets_put_idx("fashion-mnist", "train", 30, 5, 10, 1);
    sets_put_idx("fashion-mnist", "t10k", 7, 5, 10, 0);
    weft_trainset *const set = opened(tree_path("fashion-mnist"), NULL);
    ck_assert_str_eq(weft_trainset_kind(set), "IDX");
    ck_assert_int_eq(weft_trainset_classes(set), 10);
    ck_assert_str_eq(weft_trainset_class(set, 9), "Ankle boot");
    ck_assert_int_eq(weft_trainset_count(set, WEFT_PART_TRAIN), 30);
    ck_assert_int_eq(weft_trainset_count(set, WEFT_PART_VAL), 0);
    ck_assert_int_eq(weft_trainset_count(set, WEFT_PART_TEST), 7);
    ck_assert_int_eq(weft_trainset_class_count(set, WEFT_PART_TEST, 6), 1);
    ck_assert_int_eq(weft_trainset_class_count(set, WEFT_PART_TEST, 7), 0);
    ck_assert_int_eq(weft_trainset_label(set, WEFT_PART_TRAIN, 23), 3);
    ck_assert_int_eq(weft_trainset_label(set, WEFT_PART_TRAIN, 30), -1);
    const weft_native_size native = weft_trainset_native(set);
    ck_assert(native.width == 5 && native.height == 5 && native.channels == 1);
    char name[128];
    weft_trainset_name(set, WEFT_PART_TRAIN, 17, name, sizeof name);
    ck_assert_str_eq(name, "train-images-idx3-ubyte.gz, image 17");
    weft_image image;
    CHECK_OK(weft_trainset_image(set, WEFT_PART_TEST, 6, &image));
    for (int i = 0; i < 25; i++)
        ck_assert(image.pixels[3 * i] == sets_pixel(6, i) && image.pixels[3 * i + 2] == sets_pixel(6, i));
    weft_image_free(ctx, &image);
    weft_trainset_destroy(set);
}
END_TEST

START_TEST(a_name_is_looked_for)
{
    weft_trainset *set;
    sets_put_idx("sets/kmnist", "train", 4, 3, 2, 0);
    setenv("WEFT_DATA", tree_path("nothing"), 1);
    CHECK_FAILS(WEFT_NOT_FOUND, weft_trainset_open(ctx, "kmnist", NULL, &set), "/usr/share/datasets");
    char list[2 * TREE_TEXT];
    snprintf(list, sizeof list, "%s:%s", tree_path("nothing"), tree_path("sets"));
    setenv("WEFT_DATA", list, 1);
    set = opened("kmnist", NULL);
    ck_assert_str_eq(weft_trainset_class(set, 1), "1");
    weft_trainset_destroy(set);
    unsetenv("WEFT_DATA");
    CHECK_FAILS(WEFT_NOT_FOUND, weft_trainset_open(ctx, "fashoin-mnist", NULL, &set), "fashion-mnist");
}
END_TEST

START_TEST(damaged_idx_files_are_named)
{
    weft_trainset *set;
    sets_put_idx("a", "train", 4, 3, 2, 0);
    sets_put_bytes("a/train-labels-idx1-ubyte", "\0\0\10\1\0\0\0\3\0\1\0", 11);
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(ctx, tree_path("a"), NULL, &set), "3 labels for 4 images");
    sets_put_bytes("a/train-labels-idx1-ubyte", "\0\0\10\1\0\0\0\4\0\1\0", 11);
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(ctx, tree_path("a"), NULL, &set), "3 bytes follow the header");
    sets_put_bytes("a/train-labels-idx1-ubyte", "\0\0\15\1\0\0\0\4\0\1\0", 11);
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(ctx, tree_path("a"), NULL, &set), "begins with 00 00 0d 01");
    sets_put_bytes("a/train-images-idx3-ubyte", "\0\0\10\3\377\377\377\377\0\1\0\0\0\1\0\0", 16);
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(ctx, tree_path("a"), NULL, &set), "byte 8: size 65536");
    sets_put_bytes("a/train-images-idx3-ubyte", "\37\213\10\0\0\0\0\0\0\3\1", 11);
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(ctx, tree_path("a"), NULL, &set), "whole gzip file");
    sets_put_bytes("b/train-images-idx3-ubyte", "", 0);
    CHECK_FAILS(WEFT_NOT_FOUND, weft_trainset_open(ctx, tree_path("b"), NULL, &set), "train-labels-idx1-ubyte");
    sets_put_idx("c", "train", 4, 3, 2, 0);
    unlink(tree_path("c/train-labels-idx1-ubyte"));
    ck_assert_int_eq(mkfifo(tree_path("c/train-labels-idx1-ubyte"), 0600), 0); /* nobody writes into it */
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(ctx, tree_path("c"), NULL, &set), "is not a regular file");
}
END_TEST

/* No prefix of a file is taken for the file, nor one with a byte more; each sentence names it. */
START_TEST(every_prefix_is_refused)
{
    static const char *const names[] = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte" };
    for (int packed = 0; packed < 2; packed++) {
        sets_put_idx("p", "train", 9, 4, 3, packed);
        for (int f = 0; f < 2; f++) {
            char name[64];
            size_t size;
            snprintf(name, sizeof name, "p/%s%s", names[f], packed ? ".gz" : "");
            uint8_t *const data = golden_bytes(tree_path(name), &size);
            uint8_t *const copy = calloc(1, size + 1);
            memcpy(copy, data, size);
            for (size_t cut = 0; cut <= size + 1; cut++) {
                weft_trainset *set;
                sets_put_bytes(name, copy, cut);
                if (cut == size)
                    weft_trainset_destroy(opened(tree_path("p"), NULL));
                else
                    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(ctx, tree_path("p"), NULL, &set), names[f]);
            }
            sets_put_bytes(name, data, size);
            free(data);
            free(copy);
        }
        remove(tree_path(packed ? "p/train-images-idx3-ubyte.gz" : "p/train-images-idx3-ubyte"));
        remove(tree_path(packed ? "p/train-labels-idx1-ubyte.gz" : "p/train-labels-idx1-ubyte"));
    }
}
END_TEST

/* Of zeros, or of more than the head says, no more is unpacked than it takes to know it. */
START_TEST(bombs_cost_nothing)
{
    static uint8_t zeros[1 << 20];
    for (int kind = 0; kind < 2; kind++) {
        check_alloc state = { 0 };
        const weft_allocator allocator = check_allocator(&state);
        weft_ctx small = golden_ctx(&allocator);
        weft_trainset *set;
        tree_put(NULL, "", "z/train-labels-idx1-ubyte");
        tree_put(NULL, "", "z/train-images-idx3-ubyte.gz");
        const gzFile file = gzopen(tree_path("z/train-images-idx3-ubyte.gz"), "wb1");
        if (kind)
            gzwrite(file, "\0\0\10\3\0\0\0\4\0\0\0\2\0\0\0\2", 16);
        for (int i = 0; i < 200; i++)
            gzwrite(file, zeros, sizeof zeros);
        gzclose(file);
        CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(&small, tree_path("z"), NULL, &set),
                    kind ? "which its beginning" : "begins with 00 00 00 00");
        ck_assert_int_le(state.requests, 40);
        ck_assert_int_eq(state.live, 0);
    }
}
END_TEST

START_TEST(cifar_files)
{
    static uint8_t records[2 * 3073 + 1];
    weft_trainset *set;
    for (int n = 0; n < 2; n++) {
        records[n * 3073] = (uint8_t)(3 + n);
        for (int i = 0; i < 3072; i++)
            records[n * 3073 + 1 + i] = sets_pixel(n, i);
    }
    for (int f = 1; f <= 5; f++) {
        char name[64];
        snprintf(name, sizeof name, "c/data_batch_%d.bin", f);
        sets_put_bytes(name, records, 2 * 3073);
    }
    CHECK_FAILS(WEFT_NOT_FOUND, weft_trainset_open(ctx, tree_path("c"), NULL, &set), "test_batch.bin");
    sets_put_bytes("c/test_batch.bin", records, 3073);
    tree_put(NULL, "airplane\nautomobile\n\nbird\n", "c/batches.meta.txt");
    set = opened(tree_path("c"), NULL);
    ck_assert_int_eq(weft_trainset_count(set, WEFT_PART_TRAIN), 10);
    ck_assert_int_eq(weft_trainset_label(set, WEFT_PART_TRAIN, 9), 4);
    ck_assert_str_eq(weft_trainset_class(set, 2), "bird");
    ck_assert_str_eq(weft_trainset_class(set, 3), "3");
    weft_image image;
    CHECK_OK(weft_trainset_image(set, WEFT_PART_TRAIN, 3, &image));
    for (int i = 0; i < 1024; i++)
        for (int c = 0; c < 3; c++)
            ck_assert_int_eq(image.pixels[3 * i + c], sets_pixel(1, c * 1024 + i));
    weft_image_free(ctx, &image);
    weft_trainset_destroy(set);
    sets_put_bytes("c/test_batch.bin", records, 3074);
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(ctx, tree_path("c"), NULL, &set), "a multiple of 3073");
    records[0] = 10;
    sets_put_bytes("c/test_batch.bin", records, 3073);
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(ctx, tree_path("c"), NULL, &set), "label 10");
}
END_TEST

START_TEST(trees_with_parts)
{
    weft_trainset *set;
    tree_put("one.jpg", NULL, "t/train/cat/1.jpg");
    tree_put("one.jpg", NULL, "t/train/dog/1.jpg");
    tree_put("one.jpg", NULL, "t/train/dog/2.jpg");
    tree_put("one.jpg", NULL, "t/val/dog/3.jpg");
    set = opened(tree_path("t"), NULL);
    ck_assert_str_eq(weft_trainset_kind(set), "folders");
    ck_assert_int_eq(weft_trainset_count(set, WEFT_PART_TRAIN), 3);
    ck_assert_int_eq(weft_trainset_count(set, WEFT_PART_VAL), 1);
    ck_assert_int_eq(weft_trainset_label(set, WEFT_PART_VAL, 0), 1);
    ck_assert_int_eq(weft_trainset_native(set).width, 0);
    float weights[2];
    CHECK_OK(weft_trainset_weights(set, 1, weights));
    ck_assert(weights[0] == 1.5f && weights[1] == .75f);
    CHECK_OK(weft_trainset_weights(set, 0, weights));
    ck_assert(weights[0] == 1 && weights[1] == 1);
    weft_trainset_destroy(set);
    CHECK_FAILS(WEFT_INVALID, weft_trainset_open(ctx, tree_path("t"), &(weft_trainset_opt){ .val_split = .1 }, &set),
                "validation part of its own");
    tree_put("one.jpg", NULL, "t/val/cow/3.jpg");
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_open(ctx, tree_path("t"), NULL, &set), "the class 'cow'");
    set = opened(tree_path("t/train"), NULL);
    ck_assert_int_eq(weft_trainset_count(set, WEFT_PART_TRAIN), 3);
    weft_trainset_destroy(set);
}
END_TEST

/* A share of each class, drawn by the seed: the parts are disjoint, and together what there was. */
START_TEST(splits_are_stratified)
{
    sets_put_idx("s", "train", 103, 3, 4, 0);
    int64_t first = -1, same = 0;
    for (uint64_t seed = 0; seed < 3; seed++) {
        weft_trainset *const set = opened(tree_path("s"), &(weft_trainset_opt){ .val_split = .2, .seed = seed });
        bool seen[103] = { false };
        for (int p = 0; p < 2; p++) {
            for (int64_t i = 0; i < weft_trainset_count(set, (weft_part)p); i++) {
                char name[64];
                weft_trainset_name(set, (weft_part)p, i, name, sizeof name);
                const int n = atoi(strrchr(name, ' '));
                ck_assert(!seen[n] && weft_trainset_label(set, (weft_part)p, i) == n % 4);
                seen[n] = true;
                if (p == 1 && i == 0) {
                    same += n == first;
                    first = n;
                }
            }
        }
        for (int n = 0; n < 103; n++)
            ck_assert(seen[n]);
        for (int c = 0; c < 4; c++)
            ck_assert_int_eq(weft_trainset_class_count(set, WEFT_PART_VAL, c), 5);
        weft_trainset_destroy(set);
    }
    ck_assert_int_lt(same, 2);
    weft_trainset *const tenth = opened(tree_path("s"), &(weft_trainset_opt){ .fraction = .1 });
    for (int c = 0; c < 4; c++)
        ck_assert_int_eq(weft_trainset_class_count(tenth, WEFT_PART_TRAIN, c), 3);
    weft_trainset_destroy(tenth);
    const weft_trainset_opt nonsense = { .val_split = 1 };
    weft_trainset *set;
    CHECK_FAILS(WEFT_INVALID, weft_trainset_open(ctx, tree_path("s"), &nonsense, &set), "share");
}
END_TEST

static weft_status open_with(const weft_allocator *allocator, void *path)
{
    weft_ctx small = golden_ctx(allocator);
    weft_trainset *set;
    const weft_status status = weft_trainset_open(&small, path, &(weft_trainset_opt){ .val_split = .2 }, &set);
    if (status == WEFT_OK)
        weft_trainset_destroy(set);
    return status;
}

START_TEST(no_memory)
{
    sets_put_idx("m", "train", 70, 3, 4, 1);
    ck_assert_int_gt(check_every_failure(open_with, tree_path("m")), 10);
    tree_put("one.jpg", NULL, "n/train/cat/1.jpg");
    tree_put("one.jpg", NULL, "n/train/cat/2.jpg");
    ck_assert_int_gt(check_every_failure(open_with, tree_path("n")), 10);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *const suite = suite_create("data: training sets");
    TCase *const cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, idx_files_plain_and_packed);
    tcase_add_test(cases, a_name_is_looked_for);
    tcase_add_test(cases, damaged_idx_files_are_named);
    tcase_add_test(cases, every_prefix_is_refused);
    tcase_add_test(cases, bombs_cost_nothing);
    tcase_add_test(cases, cifar_files);
    tcase_add_test(cases, trees_with_parts);
    tcase_add_test(cases, splits_are_stratified);
    tcase_add_test(cases, no_memory);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
