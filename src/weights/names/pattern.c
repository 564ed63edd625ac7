/* SPDX-License-Identifier: Apache-2.0
 *
 * The patterns and templates of table.h. Matching backtracks over words and stars; tables are ours, not a
 * file's, so patterns are trusted and short. */
#include <stdio.h>
#include <string.h>

#include "weights/names/map.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* ---- matching ---- */

enum { MAX_DIGITS = 9 };

/* pattern goes on to `end`: '\0', or the '|' between two patterns. */
static bool match(const char *pattern, const char *end, const char *text, weft_name_values *values);

static bool match_number(const char *rest, const char *end, const char *text, int64_t *value, weft_name_values *values)
{
    int64_t number = 0;
    int digits = 0;
    for (; is_digit(text[digits]) && digits < MAX_DIGITS; digits++)
        number = 10 * number + (text[digits] - '0');
    if (digits == 0 || !match(rest, end, text + digits, values))
        return false;
    *value = number;
    return true;
}

/* words: "a|b|c}". */
static bool match_word(const char *words, const char *close, const char *end, const char *text, int64_t *value,
                       weft_name_values *values)
{
    int64_t position = 0;
    for (const char *word = words; word <= close; position++) {
        const size_t length = strcspn(word, "|}");
        if (strncmp(word, text, length) == 0 && match(close + 1, end, text + length, values)) {
            *value = position;
            return true;
        }
        word += length + 1;
    }
    return false;
}

static bool match(const char *pattern, const char *end, const char *text, weft_name_values *values)
{
    for (; pattern < end; pattern++, text++) {
        if (*pattern == '*') {
            for (;; text++) {
                if (match(pattern + 1, end, text, values))
                    return true;
                if (!*text)
                    return false;
            }
        }
        if (*pattern == '{') {
            const char *close = strchr(pattern, '}');
            int64_t *value = &values->value[pattern[1] - 'a'];
            return pattern[2] == ':' ? match_word(pattern + 3, close, end, text, value, values)
                                     : match_number(close + 1, end, text, value, values);
        }
        if (*pattern != *text)
            return false;
    }
    return !*text;
}

bool weft_name_match(const char *pattern, const char *text, weft_name_values *values)
{
    *values = (weft_name_values){ 0 };
    return match(pattern, pattern + strlen(pattern), text, values);
}

bool weft_name_match_any(const char *patterns, const char *text)
{
    weft_name_values values;
    const char *from = patterns;
    bool inside = false;
    for (const char *at = patterns;; at++) {
        inside = *at == '{' || (inside && *at != '}');
        if (*at && (*at != '|' || inside))
            continue;
        if (match(from, at, text, &values))
            return true;
        if (!*at)
            return false;
        from = at + 1;
    }
}

/* ---- expanding ---- */

/* "2s+u-1}": leaves *text on what is behind the sum. */
static int64_t sum(const char **text, const weft_name_values *values, int64_t matched)
{
    int64_t total = 0;
    for (;;) {
        int64_t sign = 1, term = 0;
        if (**text == '+' || **text == '-')
            sign = *(*text)++ == '-' ? -1 : 1;
        const bool factor = is_digit(**text);
        while (is_digit(**text))
            term = 10 * term + (*(*text)++ - '0');
        if (is_letter(**text) || **text == '#') {
            term = (factor ? term : 1) * (**text == '#' ? matched : values->value[**text - 'a']);
            ++*text;
        }
        total += sign * term;
        if (**text != '+' && **text != '-')
            return total;
    }
}

/* The word at position in "a|b|c}". */
static int word_at(const char *words, int64_t position, char *buf, size_t size)
{
    for (; position > 0; position--)
        words += strcspn(words, "|}") + 1;
    return snprintf(buf, size, "%.*s", (int)strcspn(words, "|}"), words);
}

/* "{#conv2d}" and "{#conv2d:expr}"; "{#}" and "{#+1}" are sums. */
static bool is_stem(const char *brace)
{
    return brace[1] == '#' && (is_letter(brace[2]) || brace[2] == '_');
}

bool weft_name_expand(const char *source, const weft_name_values *values, int64_t matched, weft_name_numbered *numbered,
                      void *arg, char *buf, size_t size)
{
    size_t used = 0;
    while (*source) {
        const char *close = *source == '{' ? strchr(source, '}') : NULL, *text = source + 1;
        int n = 1;
        if (!close) {
            if (used + 1 < size)
                buf[used] = *source;
            source++;
        } else {
            if (is_stem(source)) {
                const size_t length = strcspn(source + 2, ":}");
                text = source + 3 + length;
                if (!numbered(arg, source + 2, length, source[2 + length] == ':' ? sum(&text, values, matched) : -1,
                              buf + used, size - used))
                    return false;
                n = (int)strlen(buf + used);
            } else if (source[2] == ':') {
                n = word_at(source + 3, values->value[source[1] - 'a'], buf + used, size - used);
            } else {
                n = snprintf(buf + used, size - used, "%lld", (long long)sum(&text, values, matched));
            }
            source = close + 1;
        }
        used += (size_t)n;
        if (used + 1 > size)
            return false;
    }
    buf[used] = '\0';
    return true;
}
