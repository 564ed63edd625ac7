/* SPDX-License-Identifier: Apache-2.0
 *
 * Decoding: every kind of every format as Pillow does, every prefix and many damaged copies of each, what is no image,
 * and every allocation failing. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/rng.h"
#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "image/image.h"

enum { MUTANTS = 300, PNG_END = 12 /* bytes of an IEND chunk */ };

static void decode_row(const char *rest, void *arg)
{
    char name[GOLDEN_TEXT], path[GOLDEN_TEXT];
    int width, height;
    uint64_t digest;
    ck_assert_int_eq(sscanf(rest, "%500s %d %d %" SCNx64, name, &width, &height, &digest), 4);
    weft_ctx ctx = golden_ctx(arg);
    weft_image image = { 0 };
    golden_path(name, path);
    CHECK_OK(weft_image_read(&ctx, path, NULL, &image));
    ck_assert_msg(image.width == width && image.height == height, "%s: %d x %d", name, image.width, image.height);
    ck_assert_msg(golden_digest(&image) == digest, "%s: the pixels are not Pillow's", name);
    weft_image_free(&ctx, &image);
    ck_assert_ptr_null(image.pixels);
}

START_TEST(files_decode_to_the_pixels_of_pillow)
{
    check_alloc state = { 0 };
    weft_allocator allocator = check_allocator(&state);
    ck_assert_int_ge(golden_each("decode", decode_row, &allocator), 80);
    ck_assert_int_ge(golden_each("pixels", decode_row, &allocator), 43);
    ck_assert_int_ge(golden_each("whole", decode_row, &allocator), 2);
    ck_assert_int_eq(state.live, 0);
    ck_assert_int_eq(state.damaged, 0);
}
END_TEST

static void turn_row(const char *rest, void *arg)
{
    char name[GOLDEN_TEXT], path[GOLDEN_TEXT];
    int width, height;
    uint64_t digest;
    ck_assert_int_eq(sscanf(rest, "%500s %d %d %" SCNx64, name, &width, &height, &digest), 4);
    weft_ctx ctx = golden_ctx(arg);
    weft_image image = { 0 }, stored = { 0 };
    golden_path(name, path);
    CHECK_OK(weft_image_read(&ctx, path, &(weft_image_opt){ .upright = true }, &image));
    ck_assert_msg(image.width == width && image.height == height, "%s: %d x %d", name, image.width, image.height);
    ck_assert_msg(golden_digest(&image) == digest, "%s: the pixels are not Pillow's", name);
    CHECK_OK(weft_image_read(&ctx, path, NULL, &stored));
    ck_assert(stored.width == 24 && stored.height == 17);
    weft_image_free(&ctx, &image);
    weft_image_free(&ctx, &stored);
}

START_TEST(photographs_are_turned_as_pillow_does)
{
    check_alloc state = { 0 };
    weft_allocator allocator = check_allocator(&state);
    ck_assert_int_eq(golden_each("turn", turn_row, &allocator), 15);
    ck_assert_int_eq(state.live, 0);
    ck_assert_int_eq(state.damaged, 0);
}
END_TEST

/* The standard wants a SHORT; Pillow takes a BYTE and a LONG as well, which some programs write. */
START_TEST(orientations_of_any_integer_are_read)
{
#define ENTRY(type, value) "II*\0\x08\0\0\0\1\0\x12\1" type "\0\1\0\0\0" value "\0\0\0\0"
#define BIG(type, value) "MM\0*\0\0\0\x08\0\1\1\x12\0" type "\0\0\0\1" value "\0\0\0\0"
    static const struct {
        const char *tiff;
        int orientation;
    } rows[] = {
        { ENTRY("\3", "\6\0\0\0"), 6 },   { ENTRY("\4", "\6\0\0\0"), 6 },   { ENTRY("\1", "\6\0\0\0"), 6 },
        { BIG("\3", "\0\6\0\0"), 6 },     { BIG("\4", "\0\0\0\6"), 6 },     { BIG("\1", "\6\0\0\0"), 6 },
        { ENTRY("\4", "\6\0\0\1"), 1 },   { ENTRY("\4", "\x09\0\0\0"), 1 }, { ENTRY("\2", "\6\0\0\0"), 1 },
        { ENTRY("\x0c", "\6\0\0\0"), 1 }, { ENTRY("\3", "\0\0\0\0"), 1 },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++)
        ck_assert_int_eq(weft_exif_orientation((const uint8_t *)rows[i].tiff, 26), rows[i].orientation);
}
END_TEST

/* A file in memory is the same picture; a bad one is named as the caller says. */
START_TEST(memory_decodes_like_a_file)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    char path[GOLDEN_TEXT];
    size_t size;
    weft_image by_file, by_memory;
    golden_path("orient-6.png", path);
    uint8_t *data = golden_bytes(path, &size);
    const weft_image_opt opt = { .upright = true };
    CHECK_OK(weft_image_read(&ctx, path, &opt, &by_file));
    CHECK_OK(weft_image_decode(&ctx, "camera 3", data, size, &opt, &by_memory));
    ck_assert(golden_digest(&by_file) == golden_digest(&by_memory) && by_memory.width == 17);
    weft_image_free(&ctx, &by_file);
    weft_image_free(&ctx, &by_memory);
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_decode(&ctx, "camera 3", data, size - 13, &opt, &by_memory), "camera 3");
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_decode(&ctx, "camera 3", data, 0, &opt, &by_memory), "camera 3: is empty");
    CHECK_FAILS(WEFT_INVALID, weft_image_decode(&ctx, "camera 3", NULL, 9, &opt, &by_memory), "NULL");
    free(data);
}
END_TEST

/* A move of the pen, which Pillow misreads: two pixels of colour 1, one to the right and one up, one of colour 2. */
START_TEST(run_lengths_may_move)
{
    uint8_t data[54 + 12 + 12] = { 'B', 'M', 78, 0, 0, 0, 0, 0, 0, 0, 66, 0, 0, 0, 40, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0,
                                   1, 0, 8, 0, 1 };
    static const uint8_t palette[12] = { 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 20, 0 };
    static const uint8_t runs[12] = { 2, 1, 0, 2, 1, 1, 1, 2, 0, 1 };
    static const uint8_t red[2][4] = { { 9, 9, 9, 20 }, { 10, 10, 9, 9 } };
    data[46] = 3; /* colours */
    memcpy(data + 54, palette, sizeof palette);
    memcpy(data + 66, runs, sizeof runs);
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    weft_image image;
    CHECK_OK(weft_image_decode(&ctx, "moves", data, sizeof data, NULL, &image));
    ck_assert(image.width == 4 && image.height == 2);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(image.pixels[3 * i], red[i / 4][i % 4]);
    weft_image_free(&ctx, &image);
}
END_TEST

/* ImageNet has a PNG named .JPEG. */
START_TEST(formats_are_told_by_their_first_bytes)
{
    static const struct {
        const char *bytes, *name;
        size_t size;
    } cases[] = {
        { "\xff\xd8\xff", "JPEG", 3 }, { "RIFFabcdWEBP", "WebP", 12 }, { "MM\0*", "TIFF", 4 }, { "P4\n", "PNM", 3 },
        { "BM", "BMP", 2 }, { "RIFFabcdWAVE", NULL, 12 }, { "GIF89a", NULL, 6 }, { "\xff\xd8", NULL, 2 },
        { "", NULL, 0 },
    };
    for (int i = 0; i < WEFT_COUNT(cases); i++) {
        const char *const found = weft_image_format(cases[i].bytes, cases[i].size);
        ck_assert_msg(cases[i].name ? found && strcmp(found, cases[i].name) == 0 : !found, "case %d: %s", i,
                      found ? found : "none");
    }
}
END_TEST

START_TEST(the_first_bytes_count_and_not_the_name)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    static const char *const files[][2] = { { "rgb8.png", "weft-XXXXXX.JPEG" }, { "444.jpg", "weft-XXXXXX.png" } };
    for (int i = 0; i < WEFT_COUNT(files); i++) {
        char path[GOLDEN_TEXT], other[32];
        size_t size;
        weft_image image, named;
        golden_path(files[i][0], path);
        uint8_t *data = golden_bytes(path, &size);
        snprintf(other, sizeof other, "%s", files[i][1]);
        const int file = mkstemps(other, (int)strlen(strchr(other, '.')));
        ck_assert_int_ge(file, 0);
        ck_assert_int_eq(write(file, data, size), (ssize_t)size);
        close(file);
        CHECK_OK(weft_image_read(&ctx, path, NULL, &image));
        CHECK_OK(weft_image_read(&ctx, other, NULL, &named));
        ck_assert(golden_digest(&image) == golden_digest(&named));
        unlink(other);
        weft_image_free(&ctx, &image);
        weft_image_free(&ctx, &named);
        free(data);
    }
}
END_TEST

/* Files that declare far more than they hold are refused before memory is taken or time spent. */
START_TEST(bombs_cost_nothing)
{
    static const char *const bombs[] = { "bad-bomb.png", "bad-bomb.jpg", "bad-bomb-progressive.jpg",
                                         "bad-scans-101.jpg", "bad-wide.png", "bad-bomb-arithmetic.jpg",
                                         "bad-bomb.webp", "bad-bomb.tif", "bad-bomb-lzw.tif", "bad-bomb.bmp",
                                         "bad-bomb-rle.bmp", "bad-bomb.ppm" };
    for (int i = 0; i < WEFT_COUNT(bombs); i++) {
        char path[GOLDEN_TEXT];
        struct rusage before, after;
        check_alloc state = { 0 };
        const weft_allocator allocator = check_allocator(&state);
        weft_ctx ctx = golden_ctx(&allocator);
        weft_image image;
        golden_path(bombs[i], path);
        getrusage(RUSAGE_SELF, &before);
        const clock_t start = clock();
        CHECK_FAILS(WEFT_BAD_DATA, weft_image_read(&ctx, path, NULL, &image), bombs[i]);
        ck_assert_double_lt((double)(clock() - start) / CLOCKS_PER_SEC, .5);
        getrusage(RUSAGE_SELF, &after);
        ck_assert_int_lt(after.ru_maxrss - before.ru_maxrss, 64 << 10); /* KiB */
    }
}
END_TEST

static void refuse_row(const char *rest, void *arg)
{
    char name[GOLDEN_TEXT], path[GOLDEN_TEXT];
    int after = 0;
    ck_assert_int_eq(sscanf(rest, "%500s %n", name, &after), 1);
    weft_ctx ctx = golden_ctx(arg);
    weft_image image = { 0 };
    golden_path(name, path);
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_read(&ctx, path, NULL, &image), rest + after);
    ck_assert_msg(strstr(weft_error(), path) != NULL, "%s: no file name in \"%s\"", name, weft_error());
    ck_assert_msg(image.pixels == NULL && image.width == 0, "%s: out was touched", name);
}

START_TEST(bad_files_are_refused_with_the_reason)
{
    check_alloc state = { 0 };
    weft_allocator allocator = check_allocator(&state);
    ck_assert_int_ge(golden_each("refuse", refuse_row, &allocator), 35);
    ck_assert_int_eq(state.live, 0);
}
END_TEST

/* ---- prefixes ---- */

static void prefix_row(const char *rest, void *arg)
{
    char name[GOLDEN_TEXT], path[GOLDEN_TEXT];
    int64_t *count = arg;
    uint64_t digest;
    size_t size;
    ck_assert_int_eq(sscanf(rest, "%500s %*d %*d %" SCNx64, name, &digest), 2);
    golden_path(name, path);
    uint8_t *data = golden_bytes(path, &size);
    char cut[] = "weft-prefix-XXXXXX";
    const int file = mkstemp(cut);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, data, size), (ssize_t)size);
    check_alloc state = { 0 };
    const weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = golden_ctx(&allocator);
    for (size_t length = size; length-- > 0; ++*count) {
        weft_image image = { 0 };
        ck_assert_int_eq(ftruncate(file, (off_t)length), 0);
        const weft_status status = weft_image_read(&ctx, cut, NULL, &image);
        /* All of the picture is there; missing is the end of a PNG file, of a TIFF directory, of a list of runs. */
        const bool may = strstr(name, ".tif") || strstr(name, "rle");
        if (data[0] == 0x89 ? length >= size - PNG_END : status == WEFT_OK && may) {
            ck_assert_msg(status == WEFT_OK, "%s, the first %zu of %zu bytes", name, length, size);
            ck_assert(golden_digest(&image) == digest);
            weft_image_free(&ctx, &image);
            continue;
        }
        ck_assert_msg(status == WEFT_BAD_DATA && strstr(weft_error(), cut) && !image.pixels && state.live == 0,
                      "%s, the first %zu of %zu bytes: \"%s\"", name, length, size,
                      status == WEFT_OK ? "ok" : weft_error());
    }
    ck_assert_int_eq(state.damaged, 0);
    close(file);
    unlink(cut);
    free(data);
}

START_TEST(every_prefix_is_refused_with_the_file_name)
{
    int64_t count = 0;
    golden_each("decode", prefix_row, &count);
    ck_assert_int_gt(count, 20000);
}
END_TEST

/* ---- damage ---- */

static void mutate_row(const char *rest, void *arg)
{
    char name[GOLDEN_TEXT], path[GOLDEN_TEXT];
    int64_t *refused = arg;
    size_t size;
    ck_assert_int_eq(sscanf(rest, "%500s", name), 1);
    golden_path(name, path);
    uint8_t *data = golden_bytes(path, &size), *copy = malloc(size);
    const uint64_t stream = weft_rng_stream(name);
    check_alloc state = { 0 };
    const weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = golden_ctx(&allocator);
    for (uint64_t i = 0; i < MUTANTS; i++) {
        uint32_t draw[4];
        weft_rng_block(check_seed(), stream, i, draw);
        memcpy(copy, data, size);
        for (int flip = 0; flip <= (int)(draw[3] & 1); flip++)
            copy[draw[flip] % size] ^= (uint8_t)(1 + draw[2] % 255);
        weft_image image = { 0 };
        const weft_status status = weft_image_decode(&ctx, name, copy, size, NULL, &image);
        ck_assert_msg(status == WEFT_OK || (status == WEFT_BAD_DATA && strstr(weft_error(), name) && !image.pixels),
                      "%s, mutant %" PRIu64 ": %s", name, i, weft_error());
        *refused += status != WEFT_OK;
        weft_free(&allocator, image.pixels);
        ck_assert_int_eq(state.live, 0);
    }
    ck_assert_int_eq(state.damaged, 0);
    free(copy);
    free(data);
}

START_TEST(damaged_files_fail_cleanly_or_decode)
{
    int64_t refused = 0;
    golden_each("decode", mutate_row, &refused);
    ck_assert_int_gt(refused, 38 * MUTANTS / 3);
}
END_TEST

/* ---- what is no image ---- */

START_TEST(other_files_are_named_by_their_first_bytes)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *what;
    } rows[] = {
        { "GIF89a\1\0\1\0\0\0", 12, "is a GIF file; weft does not decode it; a JPEG, PNG, WebP" },
        { "\0\0\0\x1c" "ftypavif", 12, "is an AVIF file" },
        { "\0\0\0\x18" "ftypheic", 12, "is a HEIF file (an iPhone's photograph)" },
        { "\0\0\0\x24" "ftypmif1", 12, "is a HEIF file" },
        { "\0\0\0\x18" "ftypisom", 12, "is an MP4 film" },
        { "\0\0\0\x14" "ftypqt  ", 12, "is a QuickTime film" },
        { "\xff\x0a\1\1\1\1\1\1\1\1\1\1", 12, "is a JPEG XL file" },
        { "\0\0\0\x0cJXL \r\n\x87\n", 12, "is a JPEG XL file" },
        { "\0\0\0\x0cjP  \r\n\x87\n", 12, "is a JPEG 2000 file" },
        { "<!DOCTYPE html>", 15, "is an HTML page, as a download that failed leaves it" },
        { "<html lang=en>", 14, "is an HTML page" },
        { "<svg xmlns='x'/>", 16, "is an SVG drawing" },
        { "version https://git-lfs.github.com/spec/v1\n", 43, "is a Git LFS pointer; fetch the file" },
        { "8BPS\0\1\0\0\0\0\0\0", 12, "is a Photoshop file" },
        { "\0\0\1\0\1\0\x10\x10\0\0\1\0", 12, "is an ICO file" },
        { "\0\5\x16\7\0\2\0\0Mac ", 12, "is an AppleDouble file" },
        { "PK\3\4\x14\0\0\0\0\0\0\0", 12, "is a zip archive" },
        { "%PDF-1.7\n%\xe2\xe3", 12, "is a PDF file" },
        { "RIFFabcdWAVEfmt ", 16, "is a RIFF file" },
        { "\x93NUMPY\1\0v\0{'", 12, "is a NumPy array" },
    };
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        char path[] = "weft-XXXXXX.jpg";
        weft_image image = { 0 };
        const int file = mkstemps(path, 4);
        ck_assert_int_ge(file, 0);
        ck_assert_int_eq(write(file, rows[i].bytes, rows[i].size), (ssize_t)rows[i].size);
        close(file);
        CHECK_FAILS(WEFT_BAD_DATA, weft_image_read(&ctx, path, NULL, &image), rows[i].what);
        unlink(path);
    }
}
END_TEST

/* ---- what is no file ---- */

START_TEST(what_is_no_image_file_is_named)
{
    weft_ctx ctx = golden_ctx(&weft_malloc_allocator);
    weft_image image = { 0 };
    char pipe[] = "weft-pipe-XXXXXX";
    CHECK_FAILS(WEFT_NOT_FOUND, weft_image_read(&ctx, "no/such/file.jpg", NULL, &image), "no/such/file.jpg");
    CHECK_FAILS(WEFT_NOT_FOUND, weft_image_read(&ctx, WEFT_TEST_DATA "/golden.txt/x", NULL, &image), "golden.txt/x");
    CHECK_FAILS(WEFT_NOT_FOUND, weft_image_read(&ctx, "", NULL, &image), "cannot be opened");
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_read(&ctx, WEFT_TEST_DATA, NULL, &image), "is a directory");
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_read(&ctx, "/dev/null", NULL, &image), "/dev/null: is not a regular file");
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_read(&ctx, WEFT_TEST_DATA "/golden.txt", NULL, &image),
                "begins with 64 65 63");
    CHECK_FAILS(WEFT_INVALID, weft_image_read(&ctx, NULL, NULL, &image), "NULL");
    CHECK_FAILS(WEFT_INVALID, weft_image_read(&ctx, "x", NULL, NULL), "NULL");
    ck_assert_ptr_nonnull(mkdtemp(pipe));
    char fifo[64];
    snprintf(fifo, sizeof fifo, "%s/fifo", pipe);
    ck_assert_int_eq(mkfifo(fifo, 0600), 0);
    /* and does not wait */
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_read(&ctx, fifo, NULL, &image), "is not a regular file");
    unlink(fifo);
    rmdir(pipe);
    ck_assert_ptr_null(image.pixels);
    weft_image_free(&ctx, NULL);
    weft_image_free(&ctx, &image);
}
END_TEST

START_TEST(pixels_are_limited_before_they_are_allocated)
{
    check_alloc state = { .fail_at = 1, .fail_on = true };
    const weft_allocator allocator = check_allocator(&state);
    weft_image image = { 0 };
    CHECK_FAILS(WEFT_NO_MEMORY, weft_image_alloc(&allocator, "a.png", WEFT_IMAGE_PIXELS, 1, &image), "a.png");
    ck_assert_int_eq(state.requests, 1);
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_alloc(&allocator, "a.png", WEFT_IMAGE_PIXELS + 1, 1, &image), "178956970");
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_alloc(&allocator, "a.png", 13378, 13378, &image), "178956970");
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_alloc(&allocator, "a.png", INT64_MAX, INT64_MAX, &image), "178956970");
    CHECK_FAILS(WEFT_BAD_DATA, weft_image_alloc(&allocator, "a.png", 0, 7, &image), "at least 1 x 1");
    ck_assert_int_eq(state.requests, 1);
}
END_TEST

static weft_status read_step(const weft_allocator *allocator, void *arg)
{
    weft_ctx ctx = golden_ctx(allocator);
    weft_image image;
    const weft_status status = weft_image_read(&ctx, arg, NULL, &image);
    if (status == WEFT_OK)
        weft_image_free(&ctx, &image);
    return status;
}

static void fail_row(const char *rest, void *arg)
{
    char name[GOLDEN_TEXT], path[GOLDEN_TEXT];
    int64_t *count = arg;
    ck_assert_int_eq(sscanf(rest, "%500s", name), 1);
    golden_path(name, path);
    *count += check_every_failure(read_step, path);
}

START_TEST(every_failing_allocation_is_reported)
{
    int64_t count = 0;
    golden_each("decode", fail_row, &count);
    ck_assert_int_ge(count, 200);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("data: decode");
    CHECK_CASE(suite, "golden", files_decode_to_the_pixels_of_pillow, photographs_are_turned_as_pillow_does,
               orientations_of_any_integer_are_read, memory_decodes_like_a_file, run_lengths_may_move,
               formats_are_told_by_their_first_bytes, the_first_bytes_count_and_not_the_name,
               bad_files_are_refused_with_the_reason, bombs_cost_nothing);
    CHECK_CASE(suite, "damage", every_prefix_is_refused_with_the_file_name, damaged_files_fail_cleanly_or_decode);
    CHECK_CASE(suite, "files", other_files_are_named_by_their_first_bytes, what_is_no_image_file_is_named,
               pixels_are_limited_before_they_are_allocated, every_failing_allocation_is_reported);
    return check_main(suite, argv[0]);
}
