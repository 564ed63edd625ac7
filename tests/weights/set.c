/* SPDX-License-Identifier: Apache-2.0
 *
 * The set: adding, finding, metadata, conversion to float, the digest. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "weights/common.h"

enum { MANY = 3000 };

static const weft_shape scalar = { .rank = 0 }, row3 = { .rank = 1, .dim = { 3 } };

START_TEST(tensors_are_kept_in_order_and_found)
{
    check_alloc state = { 0 };
    const weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = weights_ctx(&allocator);
    weft_weights *set = NULL;
    weft_weight w;
    CHECK_OK(weft_weights_create(&ctx, &set));
    ck_assert_int_eq(weft_weights_count(set), 0);
    CHECK_FAILS(WEFT_NOT_FOUND, weft_weights_find(set, "x", &w), "no tensor \"x\"");
    for (int i = 0; i < MANY; i++) {
        char name[32];
        const int32_t value = i * 7919 % MANY;
        snprintf(name, sizeof name, "layer%d/weight", value);
        CHECK_OK(weft_weights_add(set, name, WEFT_I32, &scalar, &value));
    }
    ck_assert_int_eq(weft_weights_count(set), MANY);
    for (int i = 0; i < MANY; i++) {
        char name[32];
        int32_t value;
        CHECK_OK(weft_weights_get(set, i, &w));
        snprintf(name, sizeof name, "layer%d/weight", i * 7919 % MANY);
        ck_assert_str_eq(w.name, name);
        snprintf(name, sizeof name, "layer%d/weight", i);
        CHECK_OK(weft_weights_find(set, name, &w));
        memcpy(&value, w.data, sizeof value);
        ck_assert_int_eq(value, i);
        ck_assert_int_eq(w.count, 1);
    }
    CHECK_FAILS(WEFT_NOT_FOUND, weft_weights_find(set, "layer77/wieght", &w), "\"layer77/weight\" comes nearest");
    CHECK_FAILS(WEFT_NOT_FOUND, weft_weights_find(set, "layer7", &w), "no tensor");
    CHECK_FAILS(WEFT_INVALID, weft_weights_get(set, MANY, &w), "index is 3000");
    CHECK_FAILS(WEFT_INVALID, weft_weights_get(set, -1, &w), "index is -1");
    weft_weights_destroy(set);
    weft_weights_destroy(NULL);
    ck_assert_int_eq(state.live, 0);
}
END_TEST

START_TEST(what_cannot_be_added_is_refused)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    char name[4099];
    CHECK_OK(weft_weights_create(&ctx, &set));
    CHECK_OK(weft_weights_add(set, "a", WEFT_F32, &row3, NULL));
    memset(name, 'n', sizeof name);
    name[4097] = '\0';
    static const struct {
        const char *name, *part;
        weft_dtype dtype;
        weft_shape shape;
    } rows[] = {
        { "a", "occurs twice", WEFT_F32, { 1, { 3 } } },
        { "", "empty name", WEFT_F32, { 1, { 3 } } },
        { "__metadata__", "no tensor can be called", WEFT_F32, { 1, { 3 } } },
        { "b\n", "control character 0a", WEFT_F32, { 1, { 3 } } },
        { "b\xff", "byte 1 of a tensor's name is not UTF-8", WEFT_F32, { 1, { 3 } } },
        { "b", "data type 99", (weft_dtype)99, { 1, { 3 } } },
        { "b", "rank is 7", WEFT_F32, { 7, { 3 } } },
        { "b", "rank is -1", WEFT_F32, { -1, { 3 } } },
        { "b", "dimension 1 is -3", WEFT_F32, { 2, { 3, -3 } } },
        { "b", "dimension 1 is 4294967296", WEFT_F32, { 2, { INT64_C(1) << 32, INT64_C(1) << 32 } } },
        { "b", "dimension 0 is 4611686018427387904", WEFT_F32, { 1, { INT64_C(1) << 62 } } },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++)
        CHECK_FAILS(WEFT_INVALID, weft_weights_add(set, rows[i].name, rows[i].dtype, &rows[i].shape, NULL),
                    rows[i].part);
    CHECK_FAILS(WEFT_INVALID, weft_weights_add(set, name, WEFT_F32, &row3, NULL), "4097 bytes");
    name[4096] = '\0';
    CHECK_OK(weft_weights_add(set, name, WEFT_F32, &row3, NULL));
    ck_assert_int_eq(weft_weights_count(set), 2);
    weft_weights_destroy(set);
}
END_TEST

START_TEST(metadata_are_replaced_and_removed)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    const char *key, *text;
    CHECK_OK(weft_weights_create(&ctx, &set));
    ck_assert_ptr_null(weft_weights_meta_find(set, "a"));
    CHECK_OK(weft_weights_set_meta(set, "a", "1"));
    CHECK_OK(weft_weights_set_meta(set, "b", ""));
    CHECK_OK(weft_weights_set_meta(set, "c", "3"));
    CHECK_OK(weft_weights_set_meta(set, "a", weft_weights_meta_find(set, "c")));
    ck_assert_str_eq(weft_weights_meta_find(set, "a"), "3");
    CHECK_OK(weft_weights_set_meta(set, "b", NULL));
    CHECK_OK(weft_weights_set_meta(set, "b", NULL));
    ck_assert_int_eq(weft_weights_meta_count(set), 2);
    CHECK_OK(weft_weights_meta(set, 1, &key, &text));
    ck_assert_str_eq(key, "c");
    ck_assert_str_eq(text, "3");
    CHECK_FAILS(WEFT_INVALID, weft_weights_meta(set, 2, &key, &text), "index is 2");
    CHECK_FAILS(WEFT_INVALID, weft_weights_set_meta(set, "", "x"), "key is empty");
    CHECK_FAILS(WEFT_INVALID, weft_weights_set_meta(set, "k", "\xc0\x80"), "not UTF-8");
    for (int i = 2; i < WEFT_WEIGHTS_META; i++) {
        char name[16];
        snprintf(name, sizeof name, "k%d", i);
        CHECK_OK(weft_weights_set_meta(set, name, "x"));
    }
    CHECK_FAILS(WEFT_INVALID, weft_weights_set_meta(set, "one more", "x"), "more than 4096 keys");
    weft_weights_destroy(set);
}
END_TEST

/* ---- elements ---- */

/* The definition of binary16, by ldexp. */
static float half_of(uint32_t bits)
{
    const int exponent = (int)(bits >> 10 & 31), fraction = (int)(bits & 1023);
    const double sign = bits & 0x8000 ? -1 : 1;
    if (exponent == 31)
        return fraction ? NAN : (float)(sign * HUGE_VAL);
    return (float)(sign * (exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24)));
}

static bool same_float(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

START_TEST(every_half_is_converted)
{
    uint16_t *bits = malloc(65536 * sizeof *bits);
    float *out = malloc(65536 * sizeof *out);
    for (int i = 0; i < 65536; i++)
        bits[i] = (uint16_t)i;
    weft_weight w = { .name = "w", .dtype = WEFT_F16, .shape = { 1, { 65536 } }, .count = 65536, .data = bits };
    CHECK_OK(weft_weight_floats(&w, out));
    for (uint32_t i = 0; i < 65536; i++)
        ck_assert_msg(same_float(out[i], half_of(i)), "f16 %04x", i);
    w.dtype = WEFT_BF16;
    CHECK_OK(weft_weight_floats(&w, out));
    for (uint32_t i = 0; i < 65536; i++) {
        uint32_t found;
        memcpy(&found, &out[i], sizeof found);
        ck_assert_msg(found == i << 16, "bf16 %04x", i);
    }
    free(bits);
    free(out);
}
END_TEST

START_TEST(other_types_are_converted)
{
    static const double f64[] = { 1.0 / 3, -1e300, 16777217 };
    static const int32_t i32[] = { INT32_MAX, -5, 16777217 };
    static const int64_t i64[] = { INT64_MIN, 7, 16777219 };
    static const uint8_t u8[] = { 0, 128, 255 };
    static const float f32[] = { -0.0f, 1e-45f, 3 };
    static const struct {
        weft_dtype dtype;
        const void *data;
        float expected[3];
    } rows[] = {
        { WEFT_F64, f64, { 0x1.555556p-2f, -HUGE_VALF, 16777216 } },
        { WEFT_I32, i32, { 2147483648.0f, -5, 16777216 } },
        { WEFT_I64, i64, { -9223372036854775808.0f, 7, 16777220 } },
        { WEFT_U8, u8, { 0, 128, 255 } },
        { WEFT_F32, f32, { -0.0f, 1e-45f, 3 } },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        const weft_weight w = { .name = "w", .dtype = rows[i].dtype, .shape = row3, .count = 3, .data = rows[i].data };
        float out[3];
        CHECK_OK(weft_weight_floats(&w, out));
        for (int k = 0; k < 3; k++)
            ck_assert_msg(same_float(out[k], rows[i].expected[k]), "%s %d: %a", weft_dtype_name(w.dtype), k,
                          (double)out[k]);
    }
    float out[3];
    const weft_weight unknown = { .name = "w", .dtype = (weft_dtype)99, .count = 1, .data = f32 };
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_weight_floats(&unknown, out), "tensor \"w\"");
}
END_TEST

START_TEST(any_stride_is_made_dense)
{
    const weft_shape shape = { .rank = 3, .dim = { 2, 3, 2 } };
    const int64_t stride[3] = { 1, 4, 2 };
    static const int expected[12] = { 0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11 };
    for (size_t size = 1; size <= 16; size *= 2) {
        unsigned char from[12 * 16], to[12 * 16];
        for (size_t i = 0; i < sizeof from; i++)
            from[i] = (unsigned char)i;
        weft_weight_gather(to, from, size, &shape, stride);
        for (size_t i = 0; i < 12; i++)
            ck_assert_int_eq(memcmp(to + i * size, from + (size_t)expected[i] * size, size), 0);
    }
    unsigned char one = 7, out = 0;
    weft_weight_gather(&out, &one, 1, &scalar, NULL);
    ck_assert_int_eq(out, 7);
}
END_TEST

/* Sums of zlib.crc32(name + b"\0" + b"f32[2, 3]" + b"\0" + bytes), computed in Python from what safetensors reads. */
START_TEST(the_digest_is_what_python_computes)
{
    static const struct {
        const char *name;
        uint32_t digest;
    } rows[] = {
        { "types", 0xbb49d919 }, { "module", 0x62046065 }, { "views", 0x8e6b8e74 }, { "nothing", 0 },
    };
    static const char *const ends[] = { ".safetensors", ".npz", ".pth" };
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        for (int k = 0; k < WEFT_COUNT(ends); k++) {
            char name[64];
            snprintf(name, sizeof name, "%s%s", rows[i].name, ends[k]);
            weft_weights *set = weights_fixture(&ctx, name);
            ck_assert_msg(weft_weights_digest(set) == rows[i].digest, "%s: %08x", name, weft_weights_digest(set));
            weft_weights_destroy(set);
        }
    }
}
END_TEST

static weft_status fill(const weft_allocator *allocator, void *arg)
{
    (void)arg;
    weft_ctx ctx = weights_ctx(allocator);
    weft_weights *set = NULL;
    weft_status status = weft_weights_create(&ctx, &set);
    for (int i = 0; i < 130 && status == WEFT_OK; i++) {
        char name[16];
        snprintf(name, sizeof name, "t%d", i);
        status = weft_weights_add(set, name, WEFT_F32, &row3, NULL);
        if (status == WEFT_OK && i < 40)
            status = weft_weights_set_meta(set, name, "text");
    }
    weft_weights_destroy(set);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    ck_assert_int_gt(check_every_failure(fill, NULL), 300);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_set");
    CHECK_CASE(suite, "set", tensors_are_kept_in_order_and_found, what_cannot_be_added_is_refused,
               metadata_are_replaced_and_removed, every_allocation_may_fail);
    CHECK_CASE(suite, "elements", every_half_is_converted, other_types_are_converted, any_stride_is_made_dense,
               the_digest_is_what_python_computes);
    return check_main(suite, argv[0]);
}
