/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON scanner. */
#include "weights/json.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

enum { FOUND = 32 };

static void skip_blanks(weft_json *json)
{
    while (json->at < json->end && memchr(" \t\r\n", json->file->data[json->at], 4))
        json->at++;
}

/* What stands at the cursor, for a sentence. */
static const char *found(const weft_json *json, char text[FOUND])
{
    if (json->at >= json->end)
        return "the end";
    const unsigned c = json->file->data[json->at];
    snprintf(text, FOUND, c > 0x20 && c < 0x7f ? "'%c'" : "byte %02x", c);
    return text;
}

bool weft_json_take(weft_json *json, char c)
{
    skip_blanks(json);
    if (json->at >= json->end || json->file->data[json->at] != (uint8_t)c)
        return false;
    json->at++;
    return true;
}

weft_status weft_json_expect(weft_json *json, char c, const char *what)
{
    char text[FOUND];
    if (weft_json_take(json, c))
        return WEFT_OK;
    return weft_file_bad(json->file, json->at, "'%c' was expected %s; found %s", c, what, found(json, text));
}

weft_status weft_json_end(weft_json *json)
{
    char text[FOUND];
    skip_blanks(json);
    if (json->at == json->end)
        return WEFT_OK;
    return weft_file_bad(json->file, json->at, "the JSON text should end here; found %s", found(json, text));
}

weft_status weft_json_number(weft_json *json, const char *what, uint64_t *out)
{
    char text[FOUND];
    skip_blanks(json);
    const uint8_t *data = json->file->data;
    const size_t first = json->at;
    uint64_t value = 0;
    while (json->at < json->end && data[json->at] >= '0' && data[json->at] <= '9') {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(data[json->at] - '0'), &value))
            return weft_file_bad(json->file, first, "%s does not fit 64 bits", what);
        json->at++;
    }
    if (json->at == first || (json->at < json->end && memchr(".eE", data[json->at], 3)))
        return weft_file_bad(json->file, json->at, "%s must be a whole number; found %s", what, found(json, text));
    if (data[first] == '0' && json->at - first > 1)
        return weft_file_bad(json->file, first, "%s begins with a zero", what);
    *out = value;
    return WEFT_OK;
}

/* ---- strings ---- */

/* Four hexadecimal digits; negative if they are not. */
static int32_t hex4(const weft_json *json, size_t at)
{
    int32_t value = 0;
    if (json->end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdefABCDEF";
        const uint8_t c = json->file->data[at + (size_t)i];
        const char *where = c ? strchr(digits, c) : NULL;
        if (!where)
            return -1;
        const int digit = (int)(where - digits);
        value = value << 4 | (digit < 16 ? digit : digit - 6);
    }
    return value;
}

static size_t put_utf8(char *to, uint32_t code)
{
    if (code < 0x80) {
        to[0] = (char)code;
        return 1;
    }
    const size_t length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
    for (size_t i = length; i-- > 1; code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(lead[length] | code);
    return length;
}

/* The escape whose backslash is at json->at; bytes written to `to`, 0 if it is wrong. */
static size_t unescape(weft_json *json, char *to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    if (json->end - json->at < 2)
        return 0;
    const uint8_t c = json->file->data[json->at + 1];
    if (c != 'u') {
        const char *where = c ? strchr(from, c) : NULL;
        if (!where)
            return 0;
        *to = into[where - from];
        json->at += 2;
        return 1;
    }
    int32_t code = hex4(json, json->at + 2);
    size_t used = 6;
    if (code >= 0xd800 && code < 0xdc00 && json->end - json->at >= 12 && json->file->data[json->at + 6] == '\\' &&
        json->file->data[json->at + 7] == 'u') {
        const int32_t low = hex4(json, json->at + 8);
        if (low < 0xdc00 || low > 0xdfff)
            return 0;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        used = 12;
    }
    if (code <= 0 || (code >= 0xd800 && code <= 0xdfff)) /* none, a zero byte, half a pair */
        return 0;
    json->at += used;
    return put_utf8(to, (uint32_t)code);
}

/* Bytes up to the closing quote, json->at being behind the opening one; (size_t)-1 if there is none. */
static size_t raw_length(const weft_json *json)
{
    for (size_t i = json->at; i < json->end; i++) {
        if (json->file->data[i] == '"')
            return i - json->at;
        i += json->file->data[i] == '\\';
    }
    return (size_t)-1;
}

weft_status weft_json_string(weft_json *json, const char *what, const char **text, size_t *length, size_t *at)
{
    skip_blanks(json);
    const size_t first = json->at;
    WEFT_TRY(weft_json_expect(json, '"', what));
    const size_t raw = raw_length(json);
    if (raw == (size_t)-1)
        return weft_file_bad(json->file, first, "the string that begins here has no end");
    char *out = weft_arena_alloc(json->arena, raw + 1); /* an escape is never shorter than what it stands for */
    if (!out)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", json->file->path);
    const size_t close = json->at + raw;
    size_t n = 0, bad = 0;
    while (json->at < close) {
        const uint8_t c = json->file->data[json->at];
        if (c == '\\') {
            const size_t bytes = unescape(json, out + n);
            if (bytes == 0)
                return weft_file_bad(json->file, json->at, "an escape sequence of JSON was expected");
            n += bytes;
        } else if (c < 0x20) {
            return weft_file_bad(json->file, json->at, "a string holds the control character %02x", c);
        } else {
            out[n++] = (char)c;
            json->at++;
        }
    }
    json->at = close + 1;
    if (!weft_utf8(out, n, &bad))
        return weft_file_bad(json->file, first, "the string that begins here is not UTF-8");
    *text = out;
    *length = n;
    *at = first;
    return WEFT_OK;
}
