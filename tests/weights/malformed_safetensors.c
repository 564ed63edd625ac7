/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors made wrong by hand. */
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"
#include "weights/malformed.h"

enum { PREFIX = 8, DEEP = 1000000 };
#define T(name, fields) "{\"" name "\":{" fields "}}"
#define A(dtype, shape, begin, end)                                                                \
    "\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]"

static const struct {
    const char *header, *part;
    size_t data; /* zero bytes behind the header */
    weft_status status;
} rows[] = {
    { "", "header should have 0 bytes", 0, WEFT_BAD_DATA },
    { "[]", "begins with byte 5b; '{' was expected", 0, WEFT_BAD_DATA },
    { " {}", "begins with byte 20", 0, WEFT_BAD_DATA },
    { "{ ", "'\"' was expected before the name of a tensor; found the end", 0, WEFT_BAD_DATA },
    { "{}x", "byte 10: the JSON text should end here; found 'x'", 0, WEFT_BAD_DATA },
    { "{} \0", "found byte 00", 0, WEFT_BAD_DATA },
    { "{\"a\"}", "byte 12: ':' was expected behind the name of a tensor; found '}'", 0, WEFT_BAD_DATA },
    { "{\"a\":1}", "'{' was expected before the description", 0, WEFT_BAD_DATA },
    { "{\"a\":{}}", "'\"' was expected before a key", 0, WEFT_BAD_DATA },
    { "{\"a", "the string that begins here has no end", 0, WEFT_BAD_DATA },
    { "{\"a\\", "the string that begins here has no end", 0, WEFT_BAD_DATA },
    { "{\"a\\q\":1}", "an escape sequence", 0, WEFT_BAD_DATA },
    { "{\"a\\u00g0\":1}", "an escape sequence", 0, WEFT_BAD_DATA },
    { "{\"a\\u0000\":1}", "an escape sequence", 0, WEFT_BAD_DATA },
    { "{\"\\ud800x\":1}", "an escape sequence", 0, WEFT_BAD_DATA },
    { "{\"\\ud800\\u0041\":1}", "an escape sequence", 0, WEFT_BAD_DATA },
    { "{\"\\udc00\":1}", "an escape sequence", 0, WEFT_BAD_DATA },
    { "{\"a\x01\":1}", "control character 01", 0, WEFT_BAD_DATA },
    { "{\"a\xff\":1}", "is not UTF-8", 0, WEFT_BAD_DATA },
    { "{\"a\xed\xa0\x80\":1}", "is not UTF-8", 0, WEFT_BAD_DATA },
    { T("", A("F32", "[1]", "0", "4")), "empty name", 4, WEFT_BAD_DATA },
    { T("a\\n", A("F32", "[1]", "0", "4")), "control character 0a", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[2]", "0", "4")), "has 4 bytes; f32[2] takes 8", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[1]", "0", "8")), "the file ends here; tensor \"a\" ends 8 bytes", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[1]", "0", "4")), "the last tensor ends here; the file has 1 bytes more", 5, WEFT_BAD_DATA },
    { T("a", A("F32", "[1]", "4", "8")), "[4, 8]; 0 was expected", 8, WEFT_BAD_DATA },
    { T("a", A("F32", "[1]", "4", "0")), "[4, 0]; 0 was expected", 8, WEFT_BAD_DATA },
    { T("a", A("F32", "[-1]", "0", "4")), "a dimension must be a whole number; found '-'", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[1.0]", "0", "4")), "a dimension must be a whole number; found '.'", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[1e0]", "0", "4")), "a dimension must be a whole number; found 'e'", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[01]", "0", "4")), "a dimension begins with a zero", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[1,]", "0", "4")), "a dimension must be a whole number; found ']'", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[18446744073709551616]", "0", "4")), "does not fit 64 bits", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[9223372036854775808]", "0", "4")), "is too large", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[4294967296,4294967296]", "0", "4")), "fits no memory", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[1152921504606846976]", "0", "4")), "has 4 bytes; f32[1152921504606846976]", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[1,1,1,1,1,1,1]", "0", "4")), "more than 6 dimensions", 4, WEFT_BAD_DATA },
    { T("a", A("BOOL", "[1]", "0", "1")), "dtype \"BOOL\"", 1, WEFT_BAD_DATA },
    { T("a", A("f32", "[1]", "0", "4")), "dtype \"f32\"", 4, WEFT_BAD_DATA },
    { T("a", A("F32", "[1]", "0", "18446744073709551615")), "the file ends here", 4, WEFT_BAD_DATA },
    { T("a", "\"dtype\":\"F32\",\"shape\":[1]"), "tensor \"a\" has no data_offsets", 4, WEFT_BAD_DATA },
    { T("a", "\"dtype\":\"F32\",\"dtype\":\"F32\""), "the key \"dtype\" twice", 4, WEFT_BAD_DATA },
    { T("a", "\"dtype\":\"F32\",\"x\":1"), "has the key \"x\"", 4, WEFT_BAD_DATA },
    { T("a", "\"dtype\":null"), "'\"' was expected before the name of a dtype", 4, WEFT_BAD_DATA },
    { T("a", "\"data_offsets\":[0]"), "',' was expected between two data_offsets", 0, WEFT_BAD_DATA },
    { T("a", "\"data_offsets\":[0,0,0]"), "']' was expected behind two data_offsets", 0, WEFT_BAD_DATA },
    { "{\"a\":{" A("U8", "[1]", "0", "1") "},\"a\":{" A("U8", "[1]", "1", "2") "}}", "\"a\" occurs twice", 2,
      WEFT_BAD_DATA },
    { "{\"a\":{" A("U8", "[2]", "0", "2") "},\"b\":{" A("U8", "[2]", "1", "3") "}}",
      "\"b\" has the data_offsets [1, 3]; 2", 3, WEFT_BAD_DATA },
    { "{\"a\":{" A("U8", "[1]", "0", "1") "},\"b\":{" A("U8", "[1]", "2", "3") "}}",
      "\"b\" has the data_offsets [2, 3]; 1", 3, WEFT_BAD_DATA },
    { "{\"a\":{" A("U8", "[1]", "0", "1") "},}", "'\"' was expected before the name", 1, WEFT_BAD_DATA },
    { "{\"__metadata__\":{\"k\":1}}", "'\"' was expected before a text of metadata", 0, WEFT_BAD_DATA },
    { "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", "metadata has the key \"k\" twice", 0, WEFT_BAD_DATA },
    { "{\"__metadata__\":{},\"__metadata__\":{}}", "__metadata__ occurs twice", 0, WEFT_BAD_DATA },
    { "{\"__metadata__\":{\"\":\"x\"}}", "key is empty", 0, WEFT_BAD_DATA },
    { "{\"__metadata__\":{\"weft.crc32\":\"00000000\"},\"a\":{" A("U8", "[1]", "0", "1") "}}",
      "says 00000000: they were "
      "changed",
      1, WEFT_BAD_DATA },
};

static void refuse(const char *what, const char *header, size_t length, size_t data, weft_status status,
                   const char *part)
{
    uint8_t *file = calloc(1, PREFIX + length + data);
    weft_put_le(file, length, PREFIX);
    memcpy(file + PREFIX, header, length);
    malformed_refused(what, file, PREFIX + length + data, WEFT_SAFETENSORS, status, part, 0);
    free(file);
}

START_TEST(headers_made_wrong_are_refused)
{
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        size_t length = strlen(rows[i].header);
        length += strcmp(rows[i].header, "{} ") == 0; /* with its zero byte */
        refuse(rows[i].header, rows[i].header, length, rows[i].data, rows[i].status, rows[i].part);
    }
}
END_TEST

START_TEST(lengths_made_wrong_are_refused)
{
    static const struct {
        uint64_t length;
        const char *part;
    } lengths[] = {
        { UINT64_MAX, "header should have 18446744073709551615 bytes" },
        { UINT64_C(1) << 63, "header should have 9223372036854775808 bytes" },
        { 100000001, "2 to 100000000 were expected" },
        { 100000000, "byte 10: the file ends here, within a header of 100000000" },
        { 3, "byte 10: the file ends here, within a header of 3 bytes" },
        { 1, "header should have 1 bytes" },
    };
    for (int i = 0; i < WEFT_COUNT(lengths); i++) {
        uint8_t file[PREFIX + 2];
        weft_put_le(file, lengths[i].length, PREFIX);
        memcpy(file + PREFIX, "{}", 2);
        malformed_refused(lengths[i].part, file, sizeof file, WEFT_SAFETENSORS, WEFT_BAD_DATA, lengths[i].part, 0);
    }
}
END_TEST

/* Deep nesting, long strings, many names: refused at once, or read, in memory that follows from the file's size. */
START_TEST(bombs_are_refused)
{
    static const struct {
        const char *begin, *part;
        char fill;
    } bombs[] = {
        { "{\"a\":", "'{' was expected before the description of a tensor; found '['", '[' },
        { "{\"a\":", "'\"' was expected before a key; found '{'", '{' },
        { "{\"a\":{\"shape\":", "a dimension must be a whole number; found '['", '[' },
        { "{\"a\":{\"shape\":[", "does not fit 64 bits", '9' },
        { "{\"", "the string that begins here has no end", 'x' },
        { "{\"__metadata__\":", "found '{'", '{' },
    };
    for (int i = 0; i < WEFT_COUNT(bombs); i++) {
        char *header = malloc(DEEP);
        memset(header, bombs[i].fill, DEEP);
        memcpy(header, bombs[i].begin, strlen(bombs[i].begin));
        refuse(bombs[i].begin, header, DEEP, 0, WEFT_BAD_DATA, bombs[i].part);
        free(header);
    }
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_malformed_safetensors");
    CHECK_CASE(suite, "safetensors", headers_made_wrong_are_refused, lengths_made_wrong_are_refused,
               bombs_are_refused);
    return check_main(suite, argv[0]);
}
