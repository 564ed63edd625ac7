/* SPDX-License-Identifier: Apache-2.0
 *
 * Metadata as JSON, {"key": "text", ...}, and the text that headers are written as: once to be counted, then into
 * memory of that size. */
#ifndef WEFT_WEIGHTS_META_H
#define WEFT_WEIGHTS_META_H

#include "weights/json.h"
#include "weights/weights.h"

/* Text under way; data NULL: counted only. */
typedef struct weft_header_text {
    char *data;
    size_t length;
} weft_header_text;

void weft_header_add(weft_header_text *text, const char *more);
/* As a JSON string. */
void weft_header_quote(weft_header_text *text, const char *string);
/* {"key":"text",...}; digest NULL: without it. */
void weft_meta_write(weft_header_text *text, const weft_weights *weights, const char *digest);

/* Reads such an object into the set. */
weft_status weft_meta_read(weft_json *json, weft_weights *weights);

#endif
