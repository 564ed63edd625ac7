/* SPDX-License-Identifier: Apache-2.0
 *
 * The pickle machine without its opcodes: bytes, a stack and a memo. Every function says what is wrong, with the
 * opcode's byte. */
#ifndef WEFT_WEIGHTS_PICKLE_MACHINE_H
#define WEFT_WEIGHTS_PICKLE_MACHINE_H

#include "weights/pickle_value.h"

typedef struct weft_pickle_list {
    weft_pickle_value *items;
    size_t count, room;
} weft_pickle_list;

typedef struct weft_pickle_machine {
    weft_arena *arena;
    const weft_file *file;
    size_t op, at, end; /* of the opcode under way; next byte; behind the last */
    weft_pickle_list stack, memo;
    const weft_pickle_storage *storages; /* the newest first */
    bool stopped;
    bool cut;    /* the file goes on behind `end`, which is as far as a pickle is read */
    bool arrays; /* it makes NumPy arrays */
} weft_pickle_machine;

typedef weft_status weft_pickle_op(weft_pickle_machine *m);
/* The opcodes of constants and containers: pickle_plain.c. */
extern weft_pickle_op *const weft_pickle_plain[256];

weft_status weft_pickle_bad(const weft_pickle_machine *m, const char *what);
/* The pickle ends, or is too large, within the opcode's argument. */
weft_status weft_pickle_short(const weft_pickle_machine *m);
weft_status weft_pickle_no_memory(const weft_pickle_machine *m);

/* The next bytes. */
weft_status weft_pickle_take(weft_pickle_machine *m, size_t count, const uint8_t **out);
/* The next 1, 2, 4 or 8 bytes as a number. */
weft_status weft_pickle_number(weft_pickle_machine *m, int bytes, uint64_t *out);

weft_status weft_pickle_push(weft_pickle_machine *m, weft_pickle_value value);
/* The topmost value, off the stack; a mark is none. */
weft_status weft_pickle_pop(weft_pickle_machine *m, weft_pickle_value *out);
/* The same, left there; a mark is one. */
weft_status weft_pickle_peek(weft_pickle_machine *m, weft_pickle_value *out);
/* The topmost value, which must be of this kind, left on the stack. */
weft_status weft_pickle_top(weft_pickle_machine *m, weft_pickle_kind kind, weft_pickle_value *out);
/* The kind that was expected on the stack, and that of `found`. */
weft_status weft_pickle_wrong(const weft_pickle_machine *m, weft_pickle_kind kind, const weft_pickle_value *found);
/* Index of the first value above the topmost mark. */
weft_status weft_pickle_find_mark(weft_pickle_machine *m, size_t *out);
/* Makes a container of the values from this index on, in their place, with `drop` marks below them. */
weft_status weft_pickle_gather(weft_pickle_machine *m, weft_pickle_kind kind, size_t from, size_t drop);

/* Memo number `index` is the topmost value from now on; a number is the next one or known. */
weft_status weft_pickle_remember(weft_pickle_machine *m, uint64_t index);
weft_status weft_pickle_recall(weft_pickle_machine *m, uint64_t index);

#endif
