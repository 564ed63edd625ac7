/* SPDX-License-Identifier: Apache-2.0
 *
 * Allocation: alignment, overflow, the arena, and every request failing once. */
#include "base/alloc.h"

#include <string.h>

#include "base/error.h"
#include "check/alloc.h"
#include "check/harness.h"

START_TEST(checked_arithmetic)
{
    size_t out = 7;
    ck_assert(weft_mul_size(1u << 16, 1u << 16, &out) && out == (size_t)1 << 32);
    ck_assert(!weft_mul_size(SIZE_MAX / 2 + 1, 2, &out));
    ck_assert(weft_mul_size(0, SIZE_MAX, &out) && out == 0);
    ck_assert(weft_add_size(SIZE_MAX - 1, 1, &out) && out == SIZE_MAX);
    ck_assert(!weft_add_size(SIZE_MAX, 1, &out));
    ck_assert_uint_eq(weft_round_up(0, 64), 0);
    ck_assert_uint_eq(weft_round_up(1, 64), 64);
    ck_assert_uint_eq(weft_round_up(64, 64), 64);
}
END_TEST

/* Whether size bytes are all `value`: one assertion for a block, since Check's cost a microsecond each. */
static bool filled(const unsigned char *block, size_t size, int value)
{
    for (size_t i = 0; i < size; i++) {
        if (block[i] != value)
            return false;
    }
    return true;
}

START_TEST(blocks_are_aligned_and_cleared)
{
    for (size_t size = 0; size < 300; size += 7) {
        unsigned char *block = weft_alloc(&weft_malloc_allocator, size);
        ck_assert_ptr_nonnull(block);
        ck_assert_uint_eq((uintptr_t)block % 64, 0);
        memset(block, 0xff, size);
        weft_free(&weft_malloc_allocator, block);
        unsigned char *clear = weft_calloc(&weft_malloc_allocator, size, 3);
        ck_assert(filled(clear, 3 * size, 0));
        weft_free(&weft_malloc_allocator, clear);
    }
    weft_free(&weft_malloc_allocator, NULL);
}
END_TEST

START_TEST(impossible_sizes_fail_with_a_sentence)
{
    weft_arena arena;
    weft_arena_init(&arena, &weft_malloc_allocator);
    weft_fail(WEFT_INVALID, "-");
    ck_assert_ptr_null(weft_alloc(&weft_malloc_allocator, SIZE_MAX));
    ck_assert_ptr_nonnull(strstr(weft_error(), "out of memory"));
    weft_fail(WEFT_INVALID, "-");
    ck_assert_ptr_null(weft_calloc(&weft_malloc_allocator, SIZE_MAX / 2, 3));
    ck_assert_ptr_nonnull(strstr(weft_error(), "out of memory"));
    weft_fail(WEFT_INVALID, "-");
    ck_assert_ptr_null(weft_arena_array(&arena, SIZE_MAX / 2, 3));
    ck_assert_ptr_nonnull(strstr(weft_error(), "out of memory"));
    ck_assert_ptr_null(weft_arena_alloc(&arena, SIZE_MAX - 8));
    weft_arena_release(&arena);
}
END_TEST

START_TEST(arena_blocks_do_not_overlap)
{
    enum { PARTS = 400 };
    check_alloc state = { 0 };
    const weft_allocator allocator = check_allocator(&state);
    unsigned char *part[PARTS];
    size_t size[PARTS];
    weft_arena arena;
    weft_arena_init(&arena, &allocator);
    for (int i = 0; i < PARTS; i++) {
        size[i] = (size_t)i * (size_t)i % 3001 + (i % 50 == 0 ? 100000u : 0u); /* some larger than a block */
        part[i] = weft_arena_alloc(&arena, size[i]);
        ck_assert_ptr_nonnull(part[i]);
        ck_assert_uint_eq((uintptr_t)part[i] % 16, 0);
        ck_assert(filled(part[i], size[i], 0));
        memset(part[i], i & 255, size[i]);
    }
    for (int i = 0; i < PARTS; i++)
        ck_assert(filled(part[i], size[i], i & 255));
    ck_assert_str_eq(weft_arena_text(&arena, "%s/%d", "stage", 3), "stage/3");
    ck_assert_int_eq(memcmp(weft_arena_copy(&arena, "abc", 4), "abc", 4), 0);
    ck_assert_int_gt(state.live, 1);
    weft_arena_release(&arena);
    ck_assert_int_eq(state.live, 0);
    ck_assert_int_eq(state.damaged, 0);
    weft_arena_release(&arena); /* twice is harmless */
}
END_TEST

static weft_status use_arena(const weft_allocator *allocator, void *arg)
{
    (void)arg;
    weft_status status = WEFT_NO_MEMORY;
    weft_arena arena;
    weft_arena_init(&arena, allocator);
    for (int i = 0; i < 20; i++) {
        if (!weft_arena_alloc(&arena, 30000) || !weft_arena_text(&arena, "%d", i) ||
            !weft_arena_copy(&arena, &i, sizeof i))
            goto out;
    }
    status = WEFT_OK;
out:
    weft_arena_release(&arena);
    return status;
}

START_TEST(every_request_failing)
{
    ck_assert_int_ge(check_every_failure(use_arena, NULL), 10);
}
END_TEST

START_TEST(the_helper_sees_damage_and_leaks)
{
    check_alloc state = { .fail_at = 2 };
    const weft_allocator allocator = check_allocator(&state);
    char *block = weft_alloc(&allocator, 10);
    ck_assert_ptr_null(weft_alloc(&allocator, 10));
    char *other = weft_alloc(&allocator, 10);
    ck_assert_int_eq(state.live, 2);
    ck_assert_int_eq(state.bytes, 20);
    memset(block, 1, 11);
    weft_free(&allocator, block);
    weft_free(&allocator, other);
    ck_assert_int_eq(state.damaged, 1);
    ck_assert_int_eq(state.live, 0);
    ck_assert_int_eq(state.requests, 3);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("alloc");
    CHECK_CASE(suite, "alloc", checked_arithmetic, blocks_are_aligned_and_cleared,
               impossible_sizes_fail_with_a_sentence, arena_blocks_do_not_overlap, every_request_failing,
               the_helper_sees_damage_and_leaks);
    return check_main(suite, argv[0]);
}
