/* SPDX-License-Identifier: Apache-2.0
 *
 * Fixtures that safetensors, PyTorch and NumPy wrote: the same tensors come out of each format, survive being written
 * and read in any order bit by bit, and a flipped bit is noticed or harmless. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "weights/common.h"

static const char *const groups[][20] = { /* of one group all files hold the same */
    { "types.safetensors", "types.npz", "types.pth", "types-deflated.npz" },
    { "module.safetensors", "module.npz", "module.pth", "module-protocol3.pth", "module-protocol4.pth",
      "module-protocol5.pth", "module-legacy.pth", "module-legacy4.pth", "module-python2.pth", "module-foreign.pth",
      "module-foreign4.pth", "module-whole.pth", "module-whole-legacy.pth", "module-nested.pth", "module-ema.pth",
      "module-average.pth", "module-labels.pth" },
    { "legacy.pth", "protocol4.pth" },
    { "views.safetensors", "views.npz", "views.pth", "views-fortran.npz", "views-version2.npz", "views-version3.npz" },
    { "checkpoint.safetensors", "checkpoint.npz", "checkpoint.pth" },
    { "nothing.safetensors", "nothing.npz", "nothing.pth" },
};
static const char *const written[] = { "round.safetensors", "round.npz" };

START_TEST(formats_agree)
{
    check_alloc state = { 0 };
    const weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = weights_ctx(&allocator);
    for (int g = 0; g < WEFT_COUNT(groups); g++) {
        weft_weights *first = weights_fixture(&ctx, groups[g][0]);
        for (int i = 1; i < WEFT_COUNT(groups[g]) && groups[g][i]; i++) {
            weft_weights *other = weights_fixture(&ctx, groups[g][i]);
            ck_assert_msg(weights_same(first, other), "%s and %s differ", groups[g][0], groups[g][i]);
            weft_weights_destroy(other);
        }
        weft_weights_destroy(first);
    }
    ck_assert_int_eq(state.live, 0);
    ck_assert_int_eq(state.damaged, 0);
}
END_TEST

START_TEST(values_are_what_was_saved)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = weights_fixture(&ctx, "views.pth");
    weft_weight w;
    float x[24];
    CHECK_OK(weft_weights_find(set, "transposed", &w));
    ck_assert_int_eq(w.shape.dim[0], 6);
    CHECK_OK(weft_weight_floats(&w, x));
    for (int i = 0; i < 24; i++)
        ck_assert(x[i] == (float)(i % 4 * 6 + i / 4));
    CHECK_OK(weft_weights_find(set, "slice", &w));
    CHECK_OK(weft_weight_floats(&w, x));
    ck_assert(x[0] == 8 && x[2] == 10 && x[3] == 14 && x[5] == 16);
    weft_weights_destroy(set);
    set = weights_fixture(&ctx, "types.safetensors");
    ck_assert_str_eq(weft_weights_meta_find(set, "format"), "pt");
    ck_assert_str_eq(weft_weights_meta_find(set, "quote\"d"), "line\nbreak, tab\t, \\ and é");
    CHECK_OK(weft_weights_find(set, "empty", &w));
    ck_assert(w.count == 0 && w.shape.rank == 2 && w.shape.dim[1] == 4);
    CHECK_OK(weft_weights_find(set, "i64", &w));
    ck_assert(w.count == 1 && w.shape.rank == 0);
    weft_weights_destroy(set);
}
END_TEST

static bool same_files(const char *a, const char *b)
{
    size_t na, nb;
    uint8_t *x = weights_bytes(a, &na), *y = weights_bytes(b, &nb);
    const bool same = na == nb && memcmp(x, y, na) == 0;
    free(x);
    free(y);
    return same;
}

/* fixture -> A -> B -> A again, for A and B of both formats: nothing changes, and A is the same file. */
START_TEST(writing_and_reading_keep_every_bit)
{
    check_alloc state = { 0 };
    const weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = weights_ctx(&allocator);
    for (int g = 0; g < WEFT_COUNT(groups); g++) {
        weft_weights *first = weights_fixture(&ctx, groups[g][0]);
        for (int a = 0; a < WEFT_COUNT(written); a++) {
            weft_weights *second = NULL, *third = NULL;
            char again[64];
            snprintf(again, sizeof again, "again-%s", written[a]);
            CHECK_OK(weft_weights_write(first, written[a], WEFT_FORMAT_AUTO));
            CHECK_OK(weft_weights_read(&ctx, written[a], WEFT_FORMAT_AUTO, &second));
            ck_assert(weights_same(first, second) && weights_same_meta(first, second));
            CHECK_OK(weft_weights_write(second, written[1 - a], WEFT_FORMAT_AUTO));
            CHECK_OK(weft_weights_read(&ctx, written[1 - a], WEFT_FORMAT_AUTO, &third));
            ck_assert(weights_same(first, third) && weights_same_meta(first, third));
            CHECK_OK(weft_weights_write(third, again, WEFT_FORMAT_AUTO));
            ck_assert_msg(same_files(written[a], again), "%s: written again, %s differs", groups[g][0], written[a]);
            unlink(again);
            weft_weights_destroy(second);
            weft_weights_destroy(third);
        }
        weft_weights_destroy(first);
    }
    for (int a = 0; a < WEFT_COUNT(written); a++)
        unlink(written[a]);
    ck_assert_int_eq(state.live, 0);
}
END_TEST

START_TEST(order_and_alignment_survive_mixed_types)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    const weft_shape three = { .rank = 1, .dim = { 3 } };
    weft_weights *set = NULL;
    weft_weight w;
    CHECK_OK(weft_weights_create(&ctx, &set));
    for (int i = 0; i < WEFT_DTYPE_COUNT; i++)
        CHECK_OK(weft_weights_add(set, weft_dtype_name((weft_dtype)(WEFT_DTYPE_COUNT - 1 - i)),
                                  (weft_dtype)(WEFT_DTYPE_COUNT - 1 - i), &three, NULL));
    for (int a = 0; a < WEFT_COUNT(written); a++) {
        weft_weights *read = NULL;
        CHECK_OK(weft_weights_write(set, written[a], WEFT_FORMAT_AUTO));
        CHECK_OK(weft_weights_read(&ctx, written[a], WEFT_FORMAT_AUTO, &read));
        for (int i = 0; i < WEFT_DTYPE_COUNT; i++) {
            CHECK_OK(weft_weights_get(read, i, &w));
            ck_assert_str_eq(w.name, weft_dtype_name((weft_dtype)(WEFT_DTYPE_COUNT - 1 - i)));
            ck_assert_msg(read->entries[i].owned == NULL, "%s: %s had to be copied", written[a], w.name);
        }
        weft_weights_destroy(read);
        unlink(written[a]);
    }
    weft_weights_destroy(set);
}
END_TEST

/* ---- prefixes ---- */

static void cut(const char *name, void *arg)
{
    int64_t *count = arg;
    char path[WEIGHTS_PATH];
    size_t size;
    weights_path(name, path);
    uint8_t *data = weights_bytes(path, &size);
    char made[] = "weft-prefix-XXXXXX";
    const int file = mkstemp(made);
    ck_assert_int_ge(file, 0);
    data[size] = 0; /* the byte too many */
    ck_assert_int_eq(write(file, data, size + 1), (ssize_t)size + 1);
    check_alloc state = { 0 };
    const weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = weights_ctx(&allocator);
    for (size_t length = size + 2; length-- > 0; ++*count) {
        weft_weights *weights = NULL;
        if (length == size)
            continue;
        ck_assert_int_eq(ftruncate(file, (off_t)length), 0);
        const weft_status status = weft_weights_read(&ctx, made, WEFT_FORMAT_AUTO, &weights);
        ck_assert_msg(status == WEFT_BAD_DATA && strstr(weft_error(), made) && strstr(weft_error(), "byte ") &&
                          !weights && state.live == 0,
                      "%s, %zu of %zu bytes: \"%s\"", name, length, size, status == WEFT_OK ? "ok" : weft_error());
    }
    ck_assert_int_eq(state.damaged, 0);
    close(file);
    unlink(made);
    free(data);
}

START_TEST(every_prefix_is_refused)
{
    int64_t count = 0;
    ck_assert_int_ge(weights_each(cut, &count), 30);
    ck_assert_int_gt(count, 50000);
}
END_TEST

/* ---- flipped bits ---- */

/* Each bit of the file flipped in turn: refused, or the tensors are as they were. Returns how many were refused. */
static int64_t flip_all(const char *path, weft_format format)
{
    check_alloc state = { 0 };
    const weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = weights_ctx(&allocator);
    weft_weights *whole = NULL, *weights = NULL;
    size_t size;
    int64_t refused = 0;
    uint8_t *data = weights_bytes(path, &size);
    CHECK_OK(weights_parse(&ctx, data, size, format, &whole));
    const int64_t live = state.live;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const weft_status status = weights_parse(&ctx, data, size, format, &weights);
        if (status == WEFT_OK) {
            ck_assert_msg(weights_same(whole, weights), "%s: bit %zu of byte %zu changes a tensor", path, bit % 8,
                          bit / 8);
            weft_weights_destroy(weights);
        } else {
            ck_assert_msg(status == WEFT_BAD_DATA, "%s: byte %zu: %s", path, bit / 8,
                          weft_error());
            ck_assert_msg(strncmp(weft_error(), "case: byte ", 11) == 0, "%s: %s", path, weft_error());
            refused++;
        }
        ck_assert_int_eq(state.live, live);
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    weft_weights_destroy(whole);
    free(data);
    return refused;
}

START_TEST(no_flipped_bit_changes_a_tensor_unnoticed)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    char path[WEIGHTS_PATH];
    weft_weights *types = weights_fixture(&ctx, "types.safetensors");
    CHECK_OK(weft_weights_write(types, written[0], WEFT_FORMAT_AUTO));
    weft_weights_destroy(types);
    ck_assert_int_gt(flip_all(written[0], WEFT_SAFETENSORS), 5000);
    unlink(written[0]);
    weights_path("views-version2.npz", path);
    ck_assert_int_gt(flip_all(path, WEFT_NPZ), 13000);
    weights_path("views.pth", path);
    ck_assert_int_gt(flip_all(path, WEFT_PTH), 10000);
}
END_TEST

/* ---- allocation ---- */

static weft_status read_fixture(const weft_allocator *allocator, void *arg)
{
    weft_ctx ctx = weights_ctx(allocator);
    char path[WEIGHTS_PATH];
    weft_weights *weights = NULL;
    weights_path(arg, path);
    const weft_status status = weft_weights_read(&ctx, path, WEFT_FORMAT_AUTO, &weights);
    ck_assert(status == WEFT_OK || weights == NULL);
    weft_weights_destroy(weights);
    return status;
}

static weft_status write_fixture(const weft_allocator *allocator, void *arg)
{
    weft_ctx ctx = weights_ctx(allocator);
    char path[WEIGHTS_PATH];
    weft_weights *weights = NULL;
    weights_path("types.safetensors", path);
    weft_status status = weft_weights_read(&ctx, path, WEFT_FORMAT_AUTO, &weights);
    if (status == WEFT_OK) {
        status = weft_weights_write(weights, arg, WEFT_FORMAT_AUTO);
        ck_assert_msg((access(arg, F_OK) == 0) == (status == WEFT_OK), "%s is there without success, or not with it",
                      (const char *)arg);
        unlink(arg);
    }
    weft_weights_destroy(weights);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    static char names[][32] = { "types.safetensors", "types.npz", "types-deflated.npz", "views-fortran.npz",
                                "views.pth", "checkpoint.pth", "module-python2.pth", "module-foreign4.pth",
                                "module-whole.pth", "module-ema.pth" };
    static char outputs[][32] = { "round.safetensors", "round.npz" };
    for (int i = 0; i < WEFT_COUNT(names); i++)
        ck_assert_int_gt(check_every_failure(read_fixture, names[i]), 10);
    for (int i = 0; i < WEFT_COUNT(outputs); i++)
        ck_assert_int_gt(check_every_failure(write_fixture, outputs[i]), 20);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_round");
    CHECK_CASE(suite, "round", formats_agree, values_are_what_was_saved, writing_and_reading_keep_every_bit,
               order_and_alignment_survive_mixed_types);
    CHECK_CASE(suite, "damage", every_prefix_is_refused, no_flipped_bit_changes_a_tensor_unnoticed,
               every_allocation_may_fail);
    return check_main(suite, argv[0]);
}
