/* SPDX-License-Identifier: Apache-2.0
 *
 * The pickle machine: a stack, a memo and one function per opcode (Python's pickletools.py names them). What globals
 * mean is in pickle_torch.c. */
#include "weights/pickle.h"

#include <string.h>

#include "base/error.h"
#include "weights/pickle_torch.h"

enum { LINE = 256 /* bytes of a global's module or name */, PROTOCOL = 2 };

typedef struct values {
    weft_pickle_value *items;
    size_t count, room;
} values;

typedef struct machine {
    weft_arena *arena;
    const weft_file *file;
    size_t op, at, end; /* of the opcode under way; next byte; behind the last */
    values stack, memo;
    bool stopped;
} machine;

const char *weft_pickle_kind_name(weft_pickle_kind kind)
{
    static const char *const names[WEFT_PICKLE_KINDS] = {
        "None", "a truth value", "an integer", "a number", "a string", "a tuple", "a list", "a dictionary", "a global",
        "a storage", "a tensor", "a mark",
    };
    return (int)kind >= 0 && kind < WEFT_PICKLE_KINDS ? names[kind] : "nothing";
}

static weft_status bad(const machine *m, const char *what)
{
    return weft_file_bad(m->file, m->op, "pickle opcode %02x: %s", m->file->data[m->op], what);
}

static weft_status no_memory(const machine *m)
{
    return weft_fail_in(WEFT_NO_MEMORY, "%.200s", m->file->path);
}

/* ---- bytes, stack, memo ---- */

static weft_status take(machine *m, size_t count, const uint8_t **out)
{
    if (m->end - m->at < count)
        return bad(m, "the pickle ends within its argument");
    *out = m->file->data + m->at;
    m->at += count;
    return WEFT_OK;
}

/* Grown in the arena, which keeps the old halves: at most as much again. */
static weft_status append(machine *m, values *list, weft_pickle_value value)
{
    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 64;
        weft_pickle_value *items = weft_arena_array(m->arena, room, sizeof *items);
        if (!items)
            return no_memory(m);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = value;
    return WEFT_OK;
}

static weft_status push(machine *m, weft_pickle_kind kind, int64_t integer)
{
    return append(m, &m->stack, (weft_pickle_value){ .kind = kind, .as.integer = integer });
}

/* The topmost value, off the stack; a mark is none. */
static weft_status pop(machine *m, weft_pickle_value *out)
{
    if (m->stack.count == 0 || m->stack.items[m->stack.count - 1].kind == WEFT_PICKLE_MARK)
        return bad(m, "there is no value on the stack");
    *out = m->stack.items[--m->stack.count];
    return WEFT_OK;
}

/* The topmost value, which must be of this kind, left on the stack. */
static weft_status top(machine *m, weft_pickle_kind kind, weft_pickle_value *out)
{
    if (m->stack.count == 0)
        return bad(m, "there is no value on the stack");
    *out = m->stack.items[m->stack.count - 1];
    if (out->kind == kind)
        return WEFT_OK;
    return weft_file_bad(m->file, m->op, "pickle opcode %02x: %s was expected on the stack; found %s",
                         m->file->data[m->op], weft_pickle_kind_name(kind), weft_pickle_kind_name(out->kind));
}

/* Index of the first value above the topmost mark. */
static weft_status find_mark(machine *m, size_t *out)
{
    size_t at = m->stack.count;
    while (at > 0 && m->stack.items[at - 1].kind != WEFT_PICKLE_MARK)
        at--;
    if (at == 0)
        return bad(m, "there is no mark on the stack");
    *out = at;
    return WEFT_OK;
}

static weft_status add_item(machine *m, weft_pickle_items *items, const weft_pickle_value *key,
                            const weft_pickle_value *value)
{
    weft_pickle_item *item = weft_arena_alloc(m->arena, sizeof *item);
    if (!item)
        return no_memory(m);
    if (key)
        item->key = *key;
    item->value = *value;
    if (items->last)
        items->last->next = item;
    else
        items->first = item;
    items->last = item;
    items->count++;
    return WEFT_OK;
}

static weft_status push_items(machine *m, weft_pickle_kind kind, size_t from, size_t drop)
{
    weft_pickle_items *items = weft_arena_alloc(m->arena, sizeof *items);
    if (!items)
        return no_memory(m);
    for (size_t i = from; i < m->stack.count; i++)
        WEFT_TRY(add_item(m, items, NULL, &m->stack.items[i]));
    m->stack.count = from - drop;
    return append(m, &m->stack, (weft_pickle_value){ .kind = kind, .as.items = items });
}

static weft_status remember(machine *m, uint32_t index)
{
    if (m->stack.count == 0 || m->stack.items[m->stack.count - 1].kind == WEFT_PICKLE_MARK)
        return bad(m, "there is no value on the stack to remember");
    const weft_pickle_value value = m->stack.items[m->stack.count - 1];
    if (index > m->memo.count)
        return bad(m, "the number of the memo is not the next one");
    if (index == m->memo.count)
        return append(m, &m->memo, value);
    m->memo.items[index] = value;
    return WEFT_OK;
}

static weft_status recall(machine *m, uint32_t index)
{
    if (index >= m->memo.count)
        return bad(m, "nothing was remembered under this number");
    return append(m, &m->stack, m->memo.items[index]);
}

/* ---- opcodes: constants ---- */

#define OP(name) static weft_status name(machine *m)

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
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 4, &b));
    return push(m, WEFT_PICKLE_INT, (int32_t)weft_le32(b));
}

OP(op_binint1)
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 1, &b));
    return push(m, WEFT_PICKLE_INT, *b);
}

OP(op_binint2)
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 2, &b));
    return push(m, WEFT_PICKLE_INT, weft_le16(b));
}

/* Little-endian, two's complement, of as many bytes as it says. */
OP(op_long1)
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 1, &b));
    const size_t length = *b;
    if (length > WEFT_PICKLE_LONG)
        return bad(m, "an integer of more than 16 bytes");
    WEFT_TRY(take(m, length, &b));
    if (length > 8)
        return push(m, WEFT_PICKLE_NUMBER, 0);
    uint64_t value = length && (b[length - 1] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = length; i-- > 0;)
        value = value << 8 | b[i];
    return push(m, WEFT_PICKLE_INT, (int64_t)value);
}

OP(op_binfloat)
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 8, &b));
    return push(m, WEFT_PICKLE_NUMBER, 0);
}

static weft_status push_text(machine *m, size_t length)
{
    const uint8_t *b = NULL;
    size_t wrong = 0;
    WEFT_TRY(take(m, length, &b));
    if (!weft_utf8((const char *)b, length, &wrong))
        return bad(m, "a string is not UTF-8");
    weft_pickle_text *text = weft_arena_alloc(m->arena, sizeof *text);
    if (!text)
        return no_memory(m);
    *text = (weft_pickle_text){ .bytes = (const char *)b, .length = length };
    return append(m, &m->stack, (weft_pickle_value){ .kind = WEFT_PICKLE_TEXT, .as.text = text });
}

OP(op_text32)
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 4, &b));
    return push_text(m, weft_le32(b));
}

OP(op_text8) /* of Python 2 */
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 1, &b));
    return push_text(m, *b);
}

/* ---- opcodes: containers ---- */

OP(op_mark)
{
    return push(m, WEFT_PICKLE_MARK, 0);
}

OP(op_pop)
{
    weft_pickle_value value;
    return pop(m, &value);
}

OP(op_pop_mark)
{
    size_t first = 0;
    WEFT_TRY(find_mark(m, &first));
    m->stack.count = first - 1;
    return WEFT_OK;
}

OP(op_dup)
{
    weft_pickle_value value;
    WEFT_TRY(pop(m, &value));
    WEFT_TRY(append(m, &m->stack, value));
    return append(m, &m->stack, value);
}

OP(op_empty_tuple)
{
    return push_items(m, WEFT_PICKLE_TUPLE, m->stack.count, 0);
}

OP(op_empty_list)
{
    return push_items(m, WEFT_PICKLE_LIST, m->stack.count, 0);
}

OP(op_empty_dict)
{
    return push_items(m, WEFT_PICKLE_DICT, m->stack.count, 0);
}

OP(op_tuple)
{
    size_t first = 0;
    WEFT_TRY(find_mark(m, &first));
    return push_items(m, WEFT_PICKLE_TUPLE, first, 1);
}

/* The topmost 1, 2 or 3 values: 85, 86, 87. */
OP(op_tuple_n)
{
    const size_t n = (size_t)m->file->data[m->op] - 0x84;
    const size_t count = m->stack.count;
    for (size_t i = 1; i <= n; i++) {
        if (count < i || m->stack.items[count - i].kind == WEFT_PICKLE_MARK)
            return bad(m, "there are too few values on the stack");
    }
    return push_items(m, WEFT_PICKLE_TUPLE, count - n, 0);
}

OP(op_append)
{
    weft_pickle_value value, list;
    WEFT_TRY(pop(m, &value));
    WEFT_TRY(top(m, WEFT_PICKLE_LIST, &list));
    return add_item(m, list.as.items, NULL, &value);
}

/* Values above the mark go to the list or dictionary below it. */
static weft_status below_mark(machine *m, weft_pickle_kind kind, size_t *first, size_t *last, weft_pickle_value *out)
{
    WEFT_TRY(find_mark(m, first));
    *last = m->stack.count;
    m->stack.count = *first - 1;
    return top(m, kind, out);
}

OP(op_appends)
{
    size_t i = 0, last = 0;
    weft_pickle_value list;
    WEFT_TRY(below_mark(m, WEFT_PICKLE_LIST, &i, &last, &list));
    for (; i < last; i++)
        WEFT_TRY(add_item(m, list.as.items, NULL, &m->stack.items[i]));
    return WEFT_OK;
}

static weft_status set_item(machine *m, weft_pickle_items *dict, const weft_pickle_value *key,
                            const weft_pickle_value *value)
{
    if (key->kind > WEFT_PICKLE_TUPLE)
        return weft_file_bad(m->file, m->op, "a key of a dictionary is %s", weft_pickle_kind_name(key->kind));
    return add_item(m, dict, key, value);
}

OP(op_setitem)
{
    weft_pickle_value key, value, dict;
    WEFT_TRY(pop(m, &value));
    WEFT_TRY(pop(m, &key));
    WEFT_TRY(top(m, WEFT_PICKLE_DICT, &dict));
    return set_item(m, dict.as.items, &key, &value);
}

OP(op_setitems)
{
    size_t i = 0, last = 0;
    weft_pickle_value dict;
    WEFT_TRY(below_mark(m, WEFT_PICKLE_DICT, &i, &last, &dict));
    if ((last - i) % 2)
        return bad(m, "a key without a value");
    for (; i < last; i += 2)
        WEFT_TRY(set_item(m, dict.as.items, &m->stack.items[i], &m->stack.items[i + 1]));
    return WEFT_OK;
}

/* ---- opcodes: memo ---- */

OP(op_binput)
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 1, &b));
    return remember(m, *b);
}

OP(op_long_binput)
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 4, &b));
    return remember(m, weft_le32(b));
}

OP(op_binget)
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 1, &b));
    return recall(m, *b);
}

OP(op_long_binget)
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 4, &b));
    return recall(m, weft_le32(b));
}

/* ---- opcodes: globals and what is made of them ---- */

/* A line of printable ASCII without its line feed, into text. */
static weft_status take_line(machine *m, char text[LINE])
{
    size_t length = 0;
    while (m->at < m->end && m->file->data[m->at] != '\n') {
        const uint8_t c = m->file->data[m->at++];
        if (c < 0x20 || c > 0x7e || length == LINE - 1)
            return bad(m, "the name of a global is too long or not printable");
        text[length++] = (char)c;
    }
    if (m->at == m->end)
        return bad(m, "the pickle ends within the name of a global");
    m->at++;
    text[length] = '\0';
    return WEFT_OK;
}

OP(op_global)
{
    char module[LINE], name[LINE];
    WEFT_TRY(take_line(m, module));
    WEFT_TRY(take_line(m, name));
    const weft_pickle_global *global = weft_pickle_find_global(module, name);
    if (!global)
        return weft_file_fail(WEFT_UNSUPPORTED, m->file, m->op,
                              "the pickle needs %.80s.%.80s, which weft does not know "
                              "and never runs; save the plain weights: torch.save(model.state_dict(), path)",
                              module, name);
    return append(m, &m->stack, (weft_pickle_value){ .kind = WEFT_PICKLE_GLOBAL, .as.global = global });
}

static weft_status make(machine *m, bool instance)
{
    weft_pickle_value arguments, callee, made;
    WEFT_TRY(top(m, WEFT_PICKLE_TUPLE, &arguments));
    m->stack.count--;
    WEFT_TRY(top(m, WEFT_PICKLE_GLOBAL, &callee));
    m->stack.count--;
    const weft_status status = weft_pickle_make(m->arena, callee.as.global, arguments.as.items, instance, &made);
    if (status != WEFT_OK)
        return weft_file_bad_in(status, m->file, m->op);
    return append(m, &m->stack, made);
}

OP(op_reduce)
{
    return make(m, false);
}

OP(op_newobj)
{
    return make(m, true);
}

/* Attributes of an OrderedDict: state_dict's _metadata, which holds versions of modules. Not kept. */
OP(op_build)
{
    weft_pickle_value state, object;
    WEFT_TRY(top(m, WEFT_PICKLE_DICT, &state));
    m->stack.count--;
    return top(m, WEFT_PICKLE_DICT, &object);
}

OP(op_binpersid)
{
    weft_pickle_value id, storage;
    WEFT_TRY(top(m, WEFT_PICKLE_TUPLE, &id));
    m->stack.count--;
    const weft_status status = weft_pickle_make_storage(m->arena, id.as.items, &storage);
    if (status != WEFT_OK)
        return weft_file_bad_in(status, m->file, m->op);
    return append(m, &m->stack, storage);
}

OP(op_proto)
{
    const uint8_t *b = NULL;
    WEFT_TRY(take(m, 1, &b));
    if (*b == PROTOCOL)
        return WEFT_OK;
    return weft_file_fail(WEFT_UNSUPPORTED, m->file, m->op,
                          "the pickle is of protocol %d; weft reads 2, which torch.save "
                          "writes unless told otherwise: save the file again",
                          *b);
}

OP(op_stop)
{
    if (m->stack.count != 1 || m->stack.items[0].kind == WEFT_PICKLE_MARK)
        return bad(m, "exactly one value should be on the stack at the end");
    if (m->at != m->end)
        return bad(m, "the pickle ends here, but its entry has more bytes");
    m->stopped = true;
    return WEFT_OK;
}

static weft_status (*const opcodes[256])(machine *m) = {
    ['('] = op_mark,        [')'] = op_empty_tuple, ['.'] = op_stop,         ['0'] = op_pop,
    ['1'] = op_pop_mark,    ['2'] = op_dup,         ['G'] = op_binfloat,     ['J'] = op_binint,
    ['K'] = op_binint1,     ['M'] = op_binint2,     ['N'] = op_none,         ['Q'] = op_binpersid,
    ['R'] = op_reduce,      ['T'] = op_text32,      ['U'] = op_text8,        ['X'] = op_text32,
    [']'] = op_empty_list,  ['a'] = op_append,      ['b'] = op_build,        ['c'] = op_global,
    ['e'] = op_appends,     ['h'] = op_binget,      ['j'] = op_long_binget,  ['q'] = op_binput,
    ['r'] = op_long_binput, ['s'] = op_setitem,     ['t'] = op_tuple,        ['u'] = op_setitems,
    ['}'] = op_empty_dict,  [0x80] = op_proto,      [0x81] = op_newobj,      [0x85] = op_tuple_n,
    [0x86] = op_tuple_n,    [0x87] = op_tuple_n,    [0x88] = op_true,        [0x89] = op_false,
    [0x8a] = op_long1,
};

weft_status weft_pickle_read(weft_arena *arena, const weft_file *file, size_t at, size_t size, weft_pickle_value *out)
{
    machine m = { .arena = arena, .file = file, .op = at, .at = at, .end = at + size };
    if (size > WEFT_PICKLE_BYTES)
        return weft_file_bad(file, at, "the pickle has %zu bytes; at most %d are read", size, WEFT_PICKLE_BYTES);
    if (size < 2 || file->data[at] != 0x80)
        return weft_file_bad(file, at, "a pickle was expected, which begins with 80 02");
    for (int count = 0; !m.stopped; count++) {
        m.op = m.at;
        if (m.at == m.end)
            return weft_file_bad(file, m.at, "the pickle ends here without the opcode for its end");
        if (count == WEFT_PICKLE_OPS)
            return bad(&m, "the pickle has more than 1000000 opcodes");
        weft_status (*const op)(machine *m) = opcodes[file->data[m.at++]];
        if (!op)
            return bad(&m, "weft does not read this opcode");
        WEFT_TRY(op(&m));
    }
    *out = m.stack.items[0];
    return WEFT_OK;
}
