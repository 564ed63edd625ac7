/* SPDX-License-Identifier: Apache-2.0
 *
 * Metadata as JSON. */
#include "weights/meta.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* ---- reading ---- */

static weft_status read_pair(weft_json *json, weft_weights *weights)
{
    const char *key, *text;
    size_t length, at, text_at;
    WEFT_TRY(weft_json_string(json, "before a key of metadata", &key, &length, &at));
    WEFT_TRY(weft_json_expect(json, ':', "behind a key of metadata"));
    WEFT_TRY(weft_json_string(json, "before a text of metadata", &text, &length, &text_at));
    if (weft_weights_meta_find(weights, key))
        return weft_file_bad(json->file, at, "metadata has the key \"%.80s\" twice", key);
    const weft_status status = weft_weights_set_meta(weights, key, text);
    return status == WEFT_OK ? WEFT_OK : weft_file_bad_in(status, json->file, at);
}

weft_status weft_meta_read(weft_json *json, weft_weights *weights)
{
    WEFT_TRY(weft_json_expect(json, '{', "before metadata"));
    if (weft_json_take(json, '}'))
        return WEFT_OK;
    do
        WEFT_TRY(read_pair(json, weights));
    while (weft_json_take(json, ','));
    return weft_json_expect(json, '}', "behind metadata");
}

/* ---- writing ---- */

void weft_header_add(weft_header_text *text, const char *more)
{
    const size_t size = strlen(more);
    if (text->data)
        memcpy(text->data + text->length, more, size);
    text->length += size;
}

void weft_header_quote(weft_header_text *text, const char *string)
{
    weft_header_add(text, "\"");
    for (const char *s = string; *s; s++) {
        char escape[8];
        if (*s == '"' || *s == '\\')
            snprintf(escape, sizeof escape, "\\%c", *s);
        else if ((unsigned char)*s < 0x20)
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)(unsigned char)*s);
        else
            snprintf(escape, sizeof escape, "%c", *s);
        weft_header_add(text, escape);
    }
    weft_header_add(text, "\"");
}

static void write_pair(weft_header_text *text, const char *key, const char *value, bool *first)
{
    weft_header_add(text, *first ? "" : ",");
    weft_header_quote(text, key);
    weft_header_add(text, ":");
    weft_header_quote(text, value);
    *first = false;
}

void weft_meta_write(weft_header_text *text, const weft_weights *weights, const char *digest)
{
    bool first = true;
    weft_header_add(text, "{");
    if (digest)
        write_pair(text, WEFT_DIGEST_KEY, digest, &first);
    for (int i = 0; i < weights->meta_count; i++) {
        if (strcmp(weights->meta[i].key, WEFT_DIGEST_KEY) != 0) /* which is the writer's own */
            write_pair(text, weights->meta[i].key, weights->meta[i].text, &first);
    }
    weft_header_add(text, "}");
}
