/* SPDX-License-Identifier: Apache-2.0
 *
 * What may be put into a set of weights may be written, and what was written is read: names and metadata of every
 * character and length that is taken, shapes of every rank, as many tensors as a large network has. What a writer must
 * refuse, it refuses, and leaves no file that a reader would. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"
#include "check/harness.h"
#include "weights/common.h"

enum { NAMES = 400, LONGEST = 4096, MANY = 20000, TEXT = 1 << 20 };

static const char *const written[] = { "accepted.safetensors", "accepted.npz" };

/* Names that mean something to some file system, archive, JSON or pickle. */
static const char *const special[] = {
    "a", " ", " a ", ".", "..", "../a", "/", "/a", "a/", "a//b", "a\\b", "\"", "\\", "'", "{}", "a.npy", ".npy",
    "a.npy.npy", "a.npz", "metadata", "__metadata__.npy", "__metadata__x", "weft.meta", "%s%n", "\xc3\xa9",
    "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\x7f", "a:b", "C:\\a", "null", "0", "-1", "NaN", "\xef\xbb\xbf" "a",
    "\xef\xbf\xbf",
};

static uint32_t draw(uint64_t index, uint32_t below)
{
    uint32_t out[4];
    weft_rng_block(check_seed(), weft_rng_stream("accepted"), index, out);
    return out[0] % below;
}

/* Characters of one to four bytes; with `any` also control characters, which texts may have. */
static size_t put_character(char *to, uint64_t index, bool any)
{
    static const char *const wide[] = { "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xef\xbf\xbd", "\xf0\x90\x80\x80",
                                        "\xf4\x8f\xbf\xbf", "\xe2\x80\xae", "\xc2\x9b" };
    if (draw(index, 4) == 0) {
        const char *const c = wide[draw(index + (UINT64_C(1) << 40), WEFT_COUNT(wide))];
        memcpy(to, c, strlen(c));
        return strlen(c);
    }
    const uint32_t first = any ? 1 : 0x20;
    *to = (char)(first + draw(index + (UINT64_C(1) << 41), 0x80 - first));
    return 1;
}

static size_t put_text(char *to, size_t length, uint64_t index, bool any)
{
    size_t at = 0;
    while (at + 4 <= length)
        at += put_character(to + at, index++, any);
    memset(to + at, 'x', length - at);
    to[length] = '\0';
    return length;
}

static void round_trip(weft_ctx *ctx, const weft_weights *set)
{
    for (int i = 0; i < WEFT_COUNT(written); i++) {
        weft_weights *read = NULL;
        CHECK_OK(weft_weights_write(set, written[i], WEFT_FORMAT_AUTO));
        CHECK_OK(weft_weights_read(ctx, written[i], WEFT_FORMAT_AUTO, &read));
        ck_assert_msg(weights_same(set, read) && weights_same_meta(set, read), "%s: not what was written", written[i]);
        weft_weights_destroy(read);
        unlink(written[i]);
    }
}

/* A name may be refused, but not after it was taken. */
START_TEST(every_name_that_is_taken)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    static const float values[3] = { 1, 2, 3 };
    const weft_shape shape = { .rank = 1, .dim = { 3 } };
    weft_weights *set = NULL;
    char name[LONGEST + 1];
    int taken = 0;
    CHECK_OK(weft_weights_create(&ctx, &set));
    for (int i = 0; i < WEFT_COUNT(special); i++)
        taken += weft_weights_add(set, special[i], WEFT_F32, &shape, values) == WEFT_OK;
    for (int i = 0; i < NAMES; i++) {
        const size_t length = i < 8 ? LONGEST - (size_t)i : 1 + draw((uint64_t)i, 40);
        put_text(name, length, (uint64_t)i << 20, i % 8 == 7);
        taken += weft_weights_add(set, name, WEFT_F32, &shape, values) == WEFT_OK;
    }
    ck_assert_int_eq(taken, weft_weights_count(set));
    ck_assert_int_gt(taken, NAMES / 2);
    round_trip(&ctx, set);
    weft_weights_destroy(set);
}
END_TEST

START_TEST(every_text_that_is_taken)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    char *text = malloc(TEXT + 1), key[300];
    ck_assert_ptr_nonnull(text);
    CHECK_OK(weft_weights_create(&ctx, &set));
    for (int i = 0; i < WEFT_COUNT(special); i++)
        CHECK_OK(weft_weights_set_meta(set, special[i], special[i]));
    for (int i = 0; i < NAMES; i++) {
        put_text(key, 1 + draw((uint64_t)i, 299), (uint64_t)i << 20, true);
        put_text(text, i == 0 ? TEXT : draw((uint64_t)i + 7, 400), (uint64_t)(NAMES + i) << 20, true);
        CHECK_OK(weft_weights_set_meta(set, key, text));
    }
    round_trip(&ctx, set);
    free(text);
    weft_weights_destroy(set);
}
END_TEST

START_TEST(every_shape_and_type)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    CHECK_OK(weft_weights_create(&ctx, &set));
    for (int rank = 0; rank <= WEFT_MAX_RANK; rank++) {
        for (int type = 0; type < WEFT_DTYPE_COUNT; type++) {
            for (int zero = -1; zero < rank; zero++) { /* a dimension of 0, or none */
                weft_shape shape = { .rank = rank };
                char name[64];
                for (int i = 0; i < rank; i++)
                    shape.dim[i] = i == zero ? 0 : 1 + (i + type) % 3;
                snprintf(name, sizeof name, "%s/%d/%d", weft_dtype_name((weft_dtype)type), rank, zero);
                CHECK_OK(weft_weights_add(set, name, (weft_dtype)type, &shape, NULL));
            }
        }
    }
    round_trip(&ctx, set);
    weft_weights_destroy(set);
}
END_TEST

START_TEST(many_tensors)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    const weft_shape shape = { .rank = 1, .dim = { 1 } };
    CHECK_OK(weft_weights_create(&ctx, &set));
    for (int i = 0; i < MANY; i++) {
        char name[64];
        const float value = (float)i;
        snprintf(name, sizeof name, "stage%d/unit%d/weight", i / 100, i % 100);
        CHECK_OK(weft_weights_add(set, name, WEFT_F32, &shape, &value));
    }
    round_trip(&ctx, set);
    weft_weights_destroy(set);
}
END_TEST

/* A header of safetensors has 100 MB at most, which metadata alone can fill. (Argument: large.) */
START_TEST(what_no_reader_would_take_is_not_written)
{
    enum { PIECE = 12 << 20, PIECES = 10 };
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL, *read = NULL;
    char *text = malloc(PIECE + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', PIECE);
    text[PIECE] = '\0';
    CHECK_OK(weft_weights_create(&ctx, &set));
    for (int i = 0; i < PIECES; i++) {
        const char key[2] = { (char)('a' + i), '\0' };
        CHECK_OK(weft_weights_set_meta(set, key, text));
    }
    for (int i = 0; i < WEFT_COUNT(written); i++) {
        if (weft_weights_write(set, written[i], WEFT_FORMAT_AUTO) != WEFT_OK) {
            ck_assert_int_ne(access(written[i], F_OK), 0);
            continue;
        }
        CHECK_OK(weft_weights_read(&ctx, written[i], WEFT_FORMAT_AUTO, &read));
        ck_assert(weights_same_meta(set, read));
        weft_weights_destroy(read);
        unlink(written[i]);
    }
    free(text);
    weft_weights_destroy(set);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *suite = suite_create("weights-accepted");
    if (argc > 1 && strcmp(argv[1], "large") == 0)
        CHECK_CASE(suite, "limits", what_no_reader_would_take_is_not_written);
    else
        CHECK_CASE(suite, "accepted", every_name_that_is_taken, every_text_that_is_taken, every_shape_and_type,
                   many_tensors);
    return check_main(suite, argv[0]);
}
