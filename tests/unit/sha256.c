/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256: the examples of FIPS 180-4, and both ways to add blocks, in pieces of any size. */
#include "base/sha256.h"

#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "check/harness.h"

static weft_sha256_blocks way; /* NULL: what begin chooses */

static void digest(const void *bytes, size_t size, size_t piece, char hex[WEFT_SHA256_TEXT])
{
    const uint8_t *data = bytes;
    weft_sha256 s;
    weft_sha256_begin(&s);
    if (way)
        s.add_blocks = way;
    for (size_t at = 0; at < size; at += piece)
        weft_sha256_add(&s, data + at, size - at < piece ? size - at : piece);
    weft_sha256_end(&s, hex);
}

START_TEST(published_digests)
{
    static const struct {
        const char *text, *hex;
    } rows[] = {
        { "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
    };
    char hex[WEFT_SHA256_TEXT];
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        digest(rows[i].text, strlen(rows[i].text), 1000, hex);
        ck_assert_str_eq(hex, rows[i].hex);
    }
    char *const a = malloc(1000000);
    ck_assert_ptr_nonnull(a);
    memset(a, 'a', 1000000);
    digest(a, 1000000, 977, hex);
    ck_assert_str_eq(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(a);
}
END_TEST

START_TEST(all_ways_agree)
{
    static uint8_t data[700];
    static const size_t pieces[] = { 1, 7, 63, 64, 65, 128, 700 };
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(i * i * 31 + i * 7);
    for (size_t size = 0; size <= sizeof data; size += size < 200 ? 1 : 37) {
        char expected[WEFT_SHA256_TEXT], hex[WEFT_SHA256_TEXT];
        way = weft_sha256_blocks_c;
        digest(data, size, sizeof data, expected);
        for (int x86 = 0; x86 <= (int)weft_sha256_can_x86(); x86++) {
            way = x86 ? weft_sha256_blocks_x86 : weft_sha256_blocks_c;
            for (int i = 0; i < WEFT_COUNT(pieces); i++) {
                digest(data, size, pieces[i], hex);
                ck_assert_msg(strcmp(hex, expected) == 0, "%zu bytes in pieces of %zu, way %d", size, pieces[i], x86);
            }
        }
    }
    way = NULL;
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("sha256");
    CHECK_CASE(suite, "sha256", published_digests, all_ways_agree);
    return check_main(suite, argv[0]);
}
