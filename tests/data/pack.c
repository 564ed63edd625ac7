/* SPDX-License-Identifier: Apache-2.0
 *
 * Packs: what goes in comes out, the same file for any number of threads, and what is damaged is found and named. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "data/loading.h"
#include "data/pack.h"
#include "data/sets.h"
#include "data/tree.h"

/* Three classes in two parts: JPEG files of 24 x 16 and so, a PNG file, one that EXIF turns. */
static void put_set(void)
{
    tree_put("420.jpg", NULL, "s/train/cat/a.jpg");
    tree_put("444.jpg", NULL, "s/train/cat/b.jpg");
    tree_put("rgb8.png", NULL, "s/train/cow/c.png");
    tree_put("orient-6.jpg", NULL, "s/train/dog/deep/d.jpg");
    tree_put("grey.jpg", NULL, "s/test/dog/e.jpg");
}

static const char *pack(const weft_pack_opt *opt, const char *name, weft_pack_info *info)
{
    weft_trainset *const set = loading_set(tree_path("s"));
    const char *const path = tree_path(name);
    CHECK_OK(weft_pack_write(loading_ctx, set, path, opt, info));
    weft_trainset_destroy(set);
    return path;
}

static bool same_image(const weft_image *a, const weft_image *b)
{
    return a->width == b->width && a->height == b->height &&
           memcmp(a->pixels, b->pixels, (size_t)a->width * (size_t)a->height * 3) == 0;
}

/* Files that are small enough are the same files: the same pixels, and to a loader the same batches. */
START_TEST(small_jpeg_files_go_in_as_they_are)
{
    weft_pack_info info;
    put_set();
    weft_trainset *const files = loading_set(tree_path("s"));
    weft_trainset *const packed = loading_set(pack(&(weft_pack_opt){ .as_stored = true }, "p.pack", &info));
    ck_assert_str_eq(weft_trainset_kind(packed), "pack");
    ck_assert(info.images == 5 && info.copied == 3 && info.resized == 0 && info.left_out == 0);
    ck_assert_int_eq(weft_trainset_classes(packed), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_str_eq(weft_trainset_class(packed, i), weft_trainset_class(files, i));
    for (int part = 0; part < WEFT_PART_COUNT; part++) {
        ck_assert_int_eq(weft_trainset_count(packed, (weft_part)part), weft_trainset_count(files, (weft_part)part));
        for (int64_t i = 0; i < weft_trainset_count(files, (weft_part)part); i++) {
            char name[256];
            weft_image a, b;
            ck_assert_int_eq(weft_trainset_label(packed, (weft_part)part, i),
                             weft_trainset_label(files, (weft_part)part, i));
            const char *const path = weft_trainset_name(files, (weft_part)part, i, name, sizeof name);
            CHECK_OK(weft_trainset_image(files, (weft_part)part, i, &a));
            CHECK_OK(weft_trainset_image(packed, (weft_part)part, i, &b));
            ck_assert_msg(same_image(&a, &b) == !(strstr(path, ".png") || strstr(path, "d.jpg")), "%s", path);
            weft_image_free(loading_ctx, &a);
            weft_image_free(loading_ctx, &b);
        }
    }
    char name[256];
    weft_trainset_name(packed, WEFT_PART_TRAIN, 3, name, sizeof name);
    ck_assert_msg(strstr(name, "p.pack, train/dog/deep/d.jpg") != NULL, "%s", name);
    ck_assert_int_eq(weft_trainset_file_count(packed), 1);
    ck_assert_str_eq(weft_trainset_file(packed, 0), weft_trainset_path(packed));
    weft_trainset_destroy(files);
    weft_trainset_destroy(packed);
}
END_TEST

START_TEST(loaders_make_the_same_batches_of_it)
{
    weft_batch a, b;
    tree_put("420.jpg", NULL, "s/cat/a.jpg");
    tree_put("444.jpg", NULL, "s/cat/b.jpg");
    tree_put("422.jpg", NULL, "s/dog/a.jpg");
    tree_put("cmyk.jpg", NULL, "s/dog/b.jpg");
    weft_trainset *const files = loading_set(tree_path("s")), *const packed = loading_set(pack(NULL, "p.pack", NULL));
    const weft_recipe recipe = { .px = 9, .channels = 3, .resample = WEFT_BILINEAR };
    for (int way = 0; way < 4; way++) {
        const weft_loader_opt opt = { .batch = 4, .recipe = &recipe, .augment = "resized-crop, flip", .upright = true,
                                      .in_order = way == 1, .cache = way >= 2 ? (weft_cache)(way - 1) : WEFT_CACHE_NONE,
                                      .cache_folder = tree_path("cache") };
        weft_loader *const one = loading_begin(files, &opt);
        for (int step = 0; step < 3; step++) {
            CHECK_OK(weft_loader_next(one, &a));
            const uint64_t digest = loading_digest(one, &a, 2);
            weft_loader *const other = loading_begin(packed, &opt);
            CHECK_OK(weft_loader_seek(other, step));
            CHECK_OK(weft_loader_next(other, &b));
            ck_assert(loading_digest(other, &b, 2) == digest);
            weft_loader_destroy(other);
        }
        weft_loader_destroy(one);
    }
    weft_trainset_destroy(files);
    weft_trainset_destroy(packed);
}
END_TEST

/* Pixels are those of weft_image_resize, upright; of JPEG near them; the shorter side is what was asked for. */
START_TEST(larger_ones_are_made_smaller)
{
    weft_pack_info info;
    put_set();
    weft_trainset *const files = loading_set(tree_path("s"));
    weft_trainset *const raw = loading_set(pack(&(weft_pack_opt){ .px = 12, .raw = true }, "raw.pack", &info));
    ck_assert(info.images == 5 && info.copied == 0 && info.resized == 5);
    weft_trainset *const jpeg = loading_set(pack(&(weft_pack_opt){ .px = 12, .quality = 100 }, "jpeg.pack", &info));
    weft_trainset *const again = loading_set(tree_path("raw.pack"));
    for (int i = 0; i < 4; i++) {
        weft_image whole, sized, pixels, decoded;
        const char *const path = weft_trainset_file(files, i);
        CHECK_OK(weft_image_read(loading_ctx, path, &(weft_image_opt){ .upright = true }, &whole));
        CHECK_OK(weft_trainset_image(raw, WEFT_PART_TRAIN, i, &pixels));
        CHECK_OK(weft_trainset_image(jpeg, WEFT_PART_TRAIN, i, &decoded));
        ck_assert_int_eq(pixels.width < pixels.height ? pixels.width : pixels.height, 12);
        CHECK_OK(weft_image_resize(loading_ctx, &whole, NULL, pixels.width, pixels.height, WEFT_BICUBIC, &sized));
        ck_assert_msg(same_image(&sized, &pixels), "%s", path);
        ck_assert(decoded.width == sized.width && decoded.height == sized.height);
        weft_image_free(loading_ctx, &whole);
        weft_image_free(loading_ctx, &sized);
        weft_image_free(loading_ctx, &pixels);
        weft_image_free(loading_ctx, &decoded);
    }
    CHECK_OK(weft_pack_write(loading_ctx, again, tree_path("twice.pack"), &(weft_pack_opt){ .px = 12, .raw = true },
                             &info)); /* of a pack a pack */
    ck_assert(info.images == 5 && info.resized == 0);
    weft_trainset_destroy(again);
    weft_trainset_destroy(jpeg);
    weft_trainset_destroy(raw);
    weft_trainset_destroy(files);
}
END_TEST

START_TEST(threads_change_no_byte)
{
    size_t one_size, size;
    put_set();
    uint8_t *const one = golden_bytes(pack(&(weft_pack_opt){ .px = 12, .threads = 1 }, "1.pack", NULL), &one_size);
    for (int threads = 2; threads < 4; threads++) {
        uint8_t *const other = golden_bytes(pack(&(weft_pack_opt){ .px = 12, .threads = threads }, "n.pack", NULL),
                                            &size);
        ck_assert(size == one_size && memcmp(one, other, size) == 0);
        free(other);
    }
    ck_assert_int_ne(access(tree_path("n.pack.part"), F_OK), 0);
    free(one);
}
END_TEST

/* ---- damage ---- */

static weft_status open_bytes(const uint8_t *data, size_t size, weft_trainset **set)
{
    sets_put_bytes("bad.pack", data, size);
    return weft_trainset_open(loading_ctx, tree_path("bad.pack"), NULL, set);
}

/* A byte that is changed, wherever it is, is found: of head and index at once, of an entry when it is read. */
START_TEST(every_byte_counts)
{
    size_t size;
    put_set();
    uint8_t *const data = golden_bytes(pack(&(weft_pack_opt){ .px = 6 }, "p.pack", NULL), &size);
    weft_pack_head head;
    ck_assert(weft_pack_get_head(data, &head));
    for (size_t at = 0; at < size; at += at < WEFT_PACK_HEAD || at >= head.index ? 1 : 101) {
        weft_trainset *set = NULL;
        data[at] ^= 0x10;
        const weft_status status = open_bytes(data, size, &set);
        data[at] ^= 0x10;
        if (at < WEFT_PACK_HEAD || at >= head.index) {
            ck_assert_msg(status == WEFT_BAD_DATA && strstr(weft_error(), "bad.pack"), "byte %zu", at);
            continue;
        }
        int bad = 0;
        CHECK_OK(status);
        for (int part = 0; part < WEFT_PART_COUNT; part++) {
            for (int64_t i = 0; i < weft_trainset_count(set, (weft_part)part); i++) {
                weft_image image = { 0 };
                if (weft_trainset_image(set, (weft_part)part, i, &image) != WEFT_OK) {
                    ck_assert_msg(strstr(weft_error(), "are damaged") && strstr(weft_error(), ": entry "), "%s",
                                  weft_error());
                    bad++;
                }
                weft_image_free(loading_ctx, &image);
            }
        }
        ck_assert_int_eq(bad, 1);
        weft_trainset_destroy(set);
    }
    free(data);
}
END_TEST

START_TEST(cut_files_are_refused)
{
    size_t size;
    put_set();
    uint8_t *const data = golden_bytes(pack(&(weft_pack_opt){ .px = 6 }, "p.pack", NULL), &size);
    weft_trainset *set = NULL;
    for (size_t cut = 0; cut < size; cut += cut < 80 ? 1 : 97)
        CHECK_FAILS(WEFT_BAD_DATA, open_bytes(data, cut, &set), cut < WEFT_PACK_HEAD ? "at least 64" : "was cut");
    uint8_t *const longer = calloc(1, size + 1);
    memcpy(longer, data, size);
    CHECK_FAILS(WEFT_BAD_DATA, open_bytes(longer, size + 1, &set), "something was added");
    CHECK_FAILS(WEFT_BAD_DATA, open_bytes((const uint8_t *)"\x89PNG\r\n\x1a\n0123456789012345678901234567890123456789"
                                                           "01234567890123456789", 68, &set), "or a folder was");
    free(longer);
    CHECK_OK(open_bytes(data, size, &set));
    sets_put_bytes("bad.pack", data, 100); /* cut while it is open: an error, not a signal */
    weft_image image;
    CHECK_FAILS(WEFT_BAD_DATA, weft_trainset_image(set, WEFT_PART_TRAIN, 3, &image), "ends here");
    weft_trainset_destroy(set);
    free(data);
}
END_TEST

/* Numbers that make no sense, with checksums that are right. */
START_TEST(lies_are_refused)
{
    size_t size;
    put_set();
    uint8_t *const data = golden_bytes(pack(&(weft_pack_opt){ .px = 6, .raw = true }, "p.pack", NULL), &size);
    uint8_t *const copy = malloc(size);
    static const struct {
        bool index;
        size_t at; /* in the head, or in the index */
        uint32_t word;
        const char *reason;
    } cases[] = {
        { false, 8, 2, "version 2" },           { false, 12, 2, "kind 2" },
        { false, 16, 7, "was cut" },            { false, 36, 1, "has no room" },
        { false, 44, 0x7fffffff, "has no room" }, { false, 44, 4, "a pack has no such image" },
        { true, 12, 1, "entry 0" },             { true, 16, 1, "entry 0" },
        { true, 20, 0, "entry 0" },             { true, 32, 0, "entry 0" },
        { true, 36, 0x10000, "entry 0" },       { true, 40, 3, "class 3" },
        { true, 44, 3, "part 3" },              { true, 48, 0, "a name of 0" },
        { true, 48, 9, "bytes of names" },      { true, 0, 9999, "class 0: a name of 9999" },
    };
    for (int i = 0; i < WEFT_COUNT(cases); i++) {
        weft_pack_head head;
        weft_trainset *set = NULL;
        memcpy(copy, data, size);
        ck_assert(weft_pack_get_head(copy, &head));
        weft_pack_put_word(copy + (cases[i].index ? head.index : 0) + cases[i].at, cases[i].word);
        weft_pack_put_word(copy + 40, (uint32_t)crc32(0, copy + head.index, (uInt)head.index_size));
        weft_pack_put_word(copy + 60, (uint32_t)crc32(0, copy, 60));
        ck_assert_msg(open_bytes(copy, size, &set) == WEFT_BAD_DATA && strstr(weft_error(), cases[i].reason),
                      "case %d: %s", i, weft_error());
    }
    free(copy);
    free(data);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    put_set();
    weft_trainset *const set = loading_set(tree_path("s"));
    const char *const path = tree_path("x.pack");
    CHECK_FAILS(WEFT_INVALID, weft_pack_write(loading_ctx, NULL, path, NULL, NULL), "NULL");
    CHECK_FAILS(WEFT_INVALID, weft_pack_write(loading_ctx, set, path, &(weft_pack_opt){ .px = -1 }, NULL), "-1 pixels");
    CHECK_FAILS(WEFT_INVALID, weft_pack_write(loading_ctx, set, path, &(weft_pack_opt){ .quality = 101 }, NULL),
                "quality 101");
    CHECK_FAILS(WEFT_INVALID, weft_pack_write(loading_ctx, set, tree_path("s"), NULL, NULL), "no regular file");
    CHECK_FAILS(WEFT_IO, weft_pack_write(loading_ctx, set, tree_path("none/x.pack"), NULL, NULL), "cannot be created");
    tree_put(NULL, "no image", "s/train/cat/bad.jpg");
    weft_trainset *const bad = loading_set(tree_path("s"));
    CHECK_FAILS(WEFT_BAD_DATA, weft_pack_write(loading_ctx, bad, path, NULL, NULL), "bad.jpg");
    ck_assert(access(path, F_OK) != 0 && access(tree_path("x.pack.part"), F_OK) != 0);
    weft_pack_info info;
    CHECK_OK(weft_pack_write(loading_ctx, bad, path, &(weft_pack_opt){ .bad_limit = 1 }, &info));
    ck_assert(info.images == 5 && info.left_out == 1);
    sets_put_idx("idx", "train", 4, 6, 2, 0);
    weft_trainset *const small = loading_set(tree_path("idx"));
    CHECK_FAILS(WEFT_INVALID, weft_pack_write(loading_ctx, small, path, NULL, NULL), "in no need of a pack");
    weft_trainset_destroy(small);
    weft_trainset_destroy(bad);
    weft_trainset_destroy(set);
}
END_TEST

static weft_status open_with(const weft_allocator *allocator, void *path)
{
    weft_ctx ctx = golden_ctx(allocator);
    weft_trainset *set = NULL;
    weft_image image;
    WEFT_TRY(weft_trainset_open(&ctx, path, NULL, &set));
    const weft_status status = weft_trainset_image(set, WEFT_PART_TRAIN, 0, &image);
    if (status == WEFT_OK)
        weft_image_free(&ctx, &image);
    weft_trainset_destroy(set);
    return status;
}

static weft_status write_with(const weft_allocator *allocator, void *path)
{
    weft_ctx ctx = golden_ctx(allocator);
    weft_trainset *set = NULL;
    WEFT_TRY(weft_trainset_open(&ctx, tree_path("s"), NULL, &set));
    const weft_status status = weft_pack_write(&ctx, set, path, &(weft_pack_opt){ .px = 6, .threads = 1 }, NULL);
    weft_trainset_destroy(set);
    return status;
}

START_TEST(every_failing_allocation_is_reported)
{
    put_set();
    char path[TREE_TEXT];
    snprintf(path, sizeof path, "%s", pack(&(weft_pack_opt){ .px = 6 }, "p.pack", NULL));
    ck_assert_int_ge(check_every_failure(open_with, path), 8);
    ck_assert_int_ge(check_every_failure(write_with, path), 20);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *const suite = suite_create("data: packs");
    TCase *const cases = tcase_create("all");
    tcase_add_checked_fixture(cases, loading_setup, loading_teardown);
    tcase_add_test(cases, small_jpeg_files_go_in_as_they_are);
    tcase_add_test(cases, loaders_make_the_same_batches_of_it);
    tcase_add_test(cases, larger_ones_are_made_smaller);
    tcase_add_test(cases, threads_change_no_byte);
    tcase_add_test(cases, every_byte_counts);
    tcase_add_test(cases, cut_files_are_refused);
    tcase_add_test(cases, lies_are_refused);
    tcase_add_test(cases, nonsense_is_refused);
    tcase_add_test(cases, every_failing_allocation_is_reported);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
