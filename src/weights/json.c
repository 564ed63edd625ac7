/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON scanner. */
#include "weights/json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum { FOUND = 32, NUMBER = 64 };

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

/* ---- values that are passed over ---- */

/* Letters, digits and signs from the cursor on: a number or a word. */
static size_t word_length(const weft_json *json)
{
    size_t at = json->at;
    while (at < json->end && (isalnum(json->file->data[at]) || memchr("+-.", json->file->data[at], 3)))
        at++;
    return at - json->at;
}

static weft_status skip_string(weft_json *json)
{
    const size_t raw = raw_length(json);
    if (raw == (size_t)-1)
        return weft_file_bad(json->file, json->at, "the string that begins here has no end");
    json->at += raw + 1;
    return WEFT_OK;
}

weft_status weft_json_skip(weft_json *json)
{
    for (size_t open = 0;;) {
        if (weft_json_take(json, '"')) {
            WEFT_TRY(skip_string(json));
        } else if (weft_json_take(json, '{') || weft_json_take(json, '[')) {
            open++;
            continue;
        } else if (weft_json_take(json, '}') || weft_json_take(json, ']')) {
            if (open == 0)
                return weft_file_bad(json->file, json->at - 1, "a bracket closes that was not opened");
            open--;
        } else if (open > 0 && (weft_json_take(json, ',') || weft_json_take(json, ':'))) {
            continue;
        } else {
            const size_t length = word_length(json);
            if (length == 0)
                return weft_file_bad(json->file, json->at, "a value was expected");
            json->at += length;
        }
        if (open == 0)
            return WEFT_OK;
    }
}

weft_status weft_json_members(weft_json *json, const char *const *keys, size_t *at, int count)
{
    for (int i = 0; i < count; i++)
        at[i] = 0;
    WEFT_TRY(weft_json_expect(json, '{', "before a description"));
    if (weft_json_take(json, '}'))
        return WEFT_OK;
    do {
        WEFT_TRY(weft_json_expect(json, '"', "before a key"));
        const char *key = (const char *)json->file->data + json->at;
        WEFT_TRY(skip_string(json));
        const size_t length = (size_t)((const char *)json->file->data + json->at - 1 - key);
        WEFT_TRY(weft_json_expect(json, ':', "behind a key"));
        for (int i = 0; i < count; i++) {
            if (at[i] == 0 && strlen(keys[i]) == length && memcmp(keys[i], key, length) == 0)
                at[i] = json->at;
        }
        WEFT_TRY(weft_json_skip(json));
    } while (weft_json_take(json, ','));
    return weft_json_expect(json, '}', "behind a description");
}

bool weft_json_is(weft_json *json, size_t at, char c)
{
    if (at == 0)
        return false;
    json->at = at;
    if (!weft_json_take(json, c))
        return false;
    json->at--;
    return true;
}

weft_status weft_json_text_at(weft_json *json, size_t at, const char **out)
{
    const char *text = NULL;
    size_t length, first;
    if (weft_json_is(json, at, '"'))
        WEFT_TRY(weft_json_string(json, "in a description", &text, &length, &first));
    *out = text;
    return WEFT_OK;
}

weft_status weft_json_real(weft_json *json, const char *what, double *out)
{
    char number[NUMBER], *end = NULL;
    skip_blanks(json);
    const size_t length = word_length(json);
    if (length == 0 || length >= sizeof number || isalpha(json->file->data[json->at]))
        return weft_file_bad(json->file, json->at, "%s must be a number", what);
    memcpy(number, json->file->data + json->at, length);
    number[length] = '\0';
    *out = strtod(number, &end);
    if (*end)
        return weft_file_bad(json->file, json->at, "%s must be a number", what);
    json->at += length;
    return WEFT_OK;
}

weft_status weft_json_real_at(weft_json *json, size_t at, double *out, bool *found)
{
    *found = false;
    if (at == 0)
        return WEFT_OK;
    json->at = at;
    skip_blanks(json);
    if (json->at >= json->end || !(isdigit(json->file->data[json->at]) || json->file->data[json->at] == '-'))
        return WEFT_OK;
    *found = true;
    return weft_json_real(json, "a value", out);
}
