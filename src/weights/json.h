/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON (RFC 8259) pulled token by token by a reader that knows what must come: no tree, no recursion, nothing that
 * grows with depth, and every sentence has its byte. */
#ifndef WEFT_WEIGHTS_JSON_H
#define WEFT_WEIGHTS_JSON_H

#include "weights/file.h"

typedef struct weft_json {
    const weft_file *file; /* for sentences */
    size_t at, end;        /* the text lies in file->data[at..end) */
    weft_arena *arena;     /* for strings */
} weft_json;

/* Takes character c if it is next, blanks skipped. */
bool weft_json_take(weft_json *json, char c);
/* BAD_DATA unless c is next; what says in words where we are. */
weft_status weft_json_expect(weft_json *json, char c, const char *what);
/* A string: UTF-8 with a zero byte at its end and none inside; *at is where its opening quote stands. */
weft_status weft_json_string(weft_json *json, const char *what, const char **text, size_t *length, size_t *at);
/* A whole number that is not negative, without fraction or exponent. */
weft_status weft_json_number(weft_json *json, const char *what, uint64_t *out);
/* A number of any kind. */
weft_status weft_json_real(weft_json *json, const char *what, double *out);

/* ---- values that are passed over, or looked at later: nothing is copied ---- */

/* Passes a value of any kind. */
weft_status weft_json_skip(weft_json *json);
/* Reads an object and notes where the values of the keys begin (0: not there), of the first where a key comes twice.
 * The cursor ends behind the object. */
weft_status weft_json_members(weft_json *json, const char *const *keys, size_t *at, int count);
/* True if the value at a noted place begins with c; then the cursor is on it. */
bool weft_json_is(weft_json *json, size_t at, char c);
/* The string at a noted place; NULL if there is none. */
weft_status weft_json_text_at(weft_json *json, size_t at, const char **out);
/* The number at a noted place; *found is false if there is none. */
weft_status weft_json_real_at(weft_json *json, size_t at, double *out, bool *found);

/* BAD_DATA unless only blanks are left. */
weft_status weft_json_end(weft_json *json);

#endif
