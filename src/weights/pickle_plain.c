/* SPDX-License-Identifier: Apache-2.0
 *
 * The opcodes of plain values, constants and containers, of protocols 2 to 5: one function each (Python's
 * pickletools.py names them). */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "weights/pickle.h"
#include "weights/pickle_machine.h"

typedef weft_pickle_machine machine;

#define OP(name) static weft_status name(machine *m)

static weft_status push(machine *m, weft_pickle_kind kind, int64_t integer)
{
    return weft_pickle_push(m, (weft_pickle_value){ .kind = kind, .as.integer = integer });
}

static weft_status push_number(machine *m, double number)
{
    return weft_pickle_push(m, (weft_pickle_value){ .kind = WEFT_PICKLE_NUMBER, .as.number = number });
}

OP(op_none)
{
    return push(m, WEFT_PICKLE_NONE, 0);
}

OP(op_true)
{
    return push(m, WEFT_PICKLE_BOOL, 1);
}

OP(op_false)
{
    return push(m, WEFT_PICKLE_BOOL, 0);
}

OP(op_binint)
{
    uint64_t value = 0;
    WEFT_TRY(weft_pickle_number(m, 4, &value));
    return push(m, WEFT_PICKLE_INT, (int32_t)(uint32_t)value);
}

OP(op_binint1)
{
    uint64_t value = 0;
    WEFT_TRY(weft_pickle_number(m, 1, &value));
    return push(m, WEFT_PICKLE_INT, (int64_t)value);
}

OP(op_binint2)
{
    uint64_t value = 0;
    WEFT_TRY(weft_pickle_number(m, 2, &value));
    return push(m, WEFT_PICKLE_INT, (int64_t)value);
}

/* Big-endian, unlike all else. */
OP(op_binfloat)
{
    const uint8_t *b = NULL;
    uint64_t bits = 0;
    double number;
    WEFT_TRY(weft_pickle_take(m, 8, &b));
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | b[i];
    memcpy(&number, &bits, sizeof number);
    return push_number(m, number);
}

/* A length of 1, 4 or 8 bytes and so many bytes. */
static weft_status take_counted(machine *m, int bytes, const uint8_t **out, size_t *length)
{
    uint64_t count = 0;
    WEFT_TRY(weft_pickle_number(m, bytes, &count));
    if (count > m->end - m->at)
        return weft_pickle_short(m);
    *length = (size_t)count;
    return weft_pickle_take(m, *length, out);
}

/* Little-endian, two's complement, of as many bytes as it says: states of random numbers have 16 and more. */
static weft_status push_long(machine *m, int bytes)
{
    const uint8_t *b = NULL;
    size_t length = 0;
    WEFT_TRY(take_counted(m, bytes, &b, &length));
    if (length > 8)
        return push_number(m, NAN);
    uint64_t value = length && (b[length - 1] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = length; i-- > 0;)
        value = value << 8 | b[i];
    return push(m, WEFT_PICKLE_INT, (int64_t)value);
}

OP(op_long8)
{
    return push_long(m, 1);
}

OP(op_long32)
{
    return push_long(m, 4);
}

/* What is no UTF-8, or has a zero byte in it, is nobody's name: Python 2's byte strings, numbers of NumPy as text. */
static weft_status push_text(machine *m, int bytes)
{
    const uint8_t *b = NULL;
    size_t length = 0, wrong = 0;
    WEFT_TRY(take_counted(m, bytes, &b, &length));
    if (!weft_utf8((const char *)b, length, &wrong))
        return push(m, WEFT_PICKLE_BYTES, 0);
    weft_pickle_text *text = weft_arena_alloc(m->arena, sizeof *text);
    if (!text)
        return weft_pickle_no_memory(m);
    *text = (weft_pickle_text){ .bytes = (const char *)b, .length = length };
    return weft_pickle_push(m, (weft_pickle_value){ .kind = WEFT_PICKLE_TEXT, .as.text = text });
}

OP(op_text8)
{
    return push_text(m, 1);
}

OP(op_text32)
{
    return push_text(m, 4);
}

OP(op_text64)
{
    return push_text(m, 8);
}

static weft_status pass_bytes(machine *m, int bytes)
{
    const uint8_t *b = NULL;
    size_t length = 0;
    WEFT_TRY(take_counted(m, bytes, &b, &length));
    return push(m, WEFT_PICKLE_BYTES, 0);
}

OP(op_bytes8)
{
    return pass_bytes(m, 1);
}

OP(op_bytes32)
{
    return pass_bytes(m, 4);
}

OP(op_bytes64)
{
    return pass_bytes(m, 8);
}

/* ---- opcodes: containers ---- */

OP(op_mark)
{
    return push(m, WEFT_PICKLE_MARK, 0);
}

OP(op_pop)
{
    weft_pickle_value value;
    return weft_pickle_pop(m, &value);
}

OP(op_pop_mark)
{
    size_t first = 0;
    WEFT_TRY(weft_pickle_find_mark(m, &first));
    m->stack.count = first - 1;
    return WEFT_OK;
}

OP(op_dup)
{
    weft_pickle_value value;
    WEFT_TRY(weft_pickle_pop(m, &value));
    WEFT_TRY(weft_pickle_push(m, value));
    return weft_pickle_push(m, value);
}

OP(op_empty_tuple)
{
    return weft_pickle_gather(m, WEFT_PICKLE_TUPLE, m->stack.count, 0);
}

OP(op_empty_list)
{
    return weft_pickle_gather(m, WEFT_PICKLE_LIST, m->stack.count, 0);
}

OP(op_empty_dict)
{
    return weft_pickle_gather(m, WEFT_PICKLE_DICT, m->stack.count, 0);
}

OP(op_tuple)
{
    size_t first = 0;
    WEFT_TRY(weft_pickle_find_mark(m, &first));
    return weft_pickle_gather(m, WEFT_PICKLE_TUPLE, first, 1);
}

/* The topmost 1, 2 or 3 values: 85, 86, 87. */
OP(op_tuple_n)
{
    const size_t n = (size_t)m->file->data[m->op] - 0x84;
    const size_t count = m->stack.count;
    for (size_t i = 1; i <= n; i++) {
        if (count < i || m->stack.items[count - i].kind == WEFT_PICKLE_MARK)
            return weft_pickle_bad(m, "there are too few values on the stack");
    }
    return weft_pickle_gather(m, WEFT_PICKLE_TUPLE, count - n, 0);
}

/* Whatever else has items (a set, a class of lists) notes whether one of them is a tensor. */
static weft_status add_to_list(machine *m, const weft_pickle_value *list, const weft_pickle_value *value)
{
    if (list->kind == WEFT_PICKLE_OPAQUE) {
        list->as.opaque->holds = list->as.opaque->holds || weft_pickle_holds(value);
        return WEFT_OK;
    }
    if (list->kind != WEFT_PICKLE_LIST)
        return weft_pickle_wrong(m, WEFT_PICKLE_LIST, list);
    return weft_pickle_add(m->arena, list->as.items, NULL, value) ? WEFT_OK : weft_pickle_no_memory(m);
}

static weft_status add_to_dict(machine *m, const weft_pickle_value *dict, const weft_pickle_value *key,
                               const weft_pickle_value *value)
{
    if (key->kind == WEFT_PICKLE_LIST || key->kind == WEFT_PICKLE_DICT || key->kind == WEFT_PICKLE_MARK)
        return weft_file_bad(m->file, m->op, "a key of a dictionary is %s", weft_pickle_kind_name(key->kind));
    weft_pickle_items *items = NULL;
    if (dict->kind == WEFT_PICKLE_DICT) {
        items = dict->as.items;
    } else if (dict->kind == WEFT_PICKLE_OPAQUE) { /* a class of dictionaries */
        if (!dict->as.opaque->items)
            dict->as.opaque->items = weft_arena_alloc(m->arena, sizeof *items);
        items = dict->as.opaque->items;
        if (!items)
            return weft_pickle_no_memory(m);
    } else {
        return weft_pickle_wrong(m, WEFT_PICKLE_DICT, dict);
    }
    return weft_pickle_add(m->arena, items, key, value) ? WEFT_OK : weft_pickle_no_memory(m);
}

/* Values above the mark go to the container below it. */
static weft_status below_mark(machine *m, size_t *first, size_t *last, weft_pickle_value *out)
{
    WEFT_TRY(weft_pickle_find_mark(m, first));
    *last = m->stack.count;
    m->stack.count = *first - 1;
    return weft_pickle_peek(m, out);
}

OP(op_append)
{
    weft_pickle_value value, list;
    WEFT_TRY(weft_pickle_pop(m, &value));
    WEFT_TRY(weft_pickle_peek(m, &list));
    return add_to_list(m, &list, &value);
}

OP(op_appends)
{
    size_t i = 0, last = 0;
    weft_pickle_value list;
    WEFT_TRY(below_mark(m, &i, &last, &list));
    for (; i < last; i++)
        WEFT_TRY(add_to_list(m, &list, &m->stack.items[i]));
    return list.kind == WEFT_PICKLE_MARK ? weft_pickle_wrong(m, WEFT_PICKLE_LIST, &list) : WEFT_OK;
}

OP(op_setitem)
{
    weft_pickle_value key, value, dict;
    WEFT_TRY(weft_pickle_pop(m, &value));
    WEFT_TRY(weft_pickle_pop(m, &key));
    WEFT_TRY(weft_pickle_peek(m, &dict));
    return add_to_dict(m, &dict, &key, &value);
}

OP(op_setitems)
{
    size_t i = 0, last = 0;
    weft_pickle_value dict;
    WEFT_TRY(below_mark(m, &i, &last, &dict));
    if ((last - i) % 2)
        return weft_pickle_bad(m, "a key without a value");
    for (; i < last; i += 2)
        WEFT_TRY(add_to_dict(m, &dict, &m->stack.items[i], &m->stack.items[i + 1]));
    return WEFT_OK;
}

static weft_status push_opaque(machine *m, const char *name, bool holds)
{
    weft_pickle_value made;
    if (!weft_pickle_make_opaque(m->arena, name, holds, &made))
        return weft_pickle_no_memory(m);
    return weft_pickle_push(m, made);
}

OP(op_empty_set)
{
    return push_opaque(m, "a set", false);
}

OP(op_frozen_set)
{
    size_t first = 0;
    bool holds = false;
    WEFT_TRY(weft_pickle_find_mark(m, &first));
    for (size_t i = first; i < m->stack.count; i++)
        holds = holds || weft_pickle_holds(&m->stack.items[i]);
    m->stack.count = first - 1;
    return push_opaque(m, "a set", holds);
}

weft_pickle_op *const weft_pickle_plain[256] = {
    ['('] = op_mark,       [')'] = op_empty_tuple, ['0'] = op_pop,        ['1'] = op_pop_mark,   ['2'] = op_dup,
    ['B'] = op_bytes32,    ['C'] = op_bytes8,      ['G'] = op_binfloat,   ['J'] = op_binint,     ['K'] = op_binint1,
    ['M'] = op_binint2,    ['N'] = op_none,        ['T'] = op_text32,     ['U'] = op_text8,      ['X'] = op_text32,
    [']'] = op_empty_list, ['a'] = op_append,      ['e'] = op_appends,    ['s'] = op_setitem,    ['t'] = op_tuple,
    ['u'] = op_setitems,   ['}'] = op_empty_dict,  [0x85] = op_tuple_n,   [0x86] = op_tuple_n,   [0x87] = op_tuple_n,
    [0x88] = op_true,      [0x89] = op_false,      [0x8a] = op_long8,     [0x8b] = op_long32,
    [0x8c] = op_text8,     [0x8d] = op_text64,     [0x8e] = op_bytes64,   [0x8f] = op_empty_set, [0x90] = op_appends,
    [0x91] = op_frozen_set, [0x96] = op_bytes64,
};
