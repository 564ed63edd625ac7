/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes, stack and memo of the pickle machine. */
#include "weights/pickle_machine.h"

#include <string.h>

#include "base/error.h"
#include "weights/pickle.h"

weft_status weft_pickle_bad(const weft_pickle_machine *m, const char *what)
{
    return weft_file_bad(m->file, m->op, "pickle opcode %02x: %s", m->file->data[m->op], what);
}

weft_status weft_pickle_short(const weft_pickle_machine *m)
{
    if (!m->cut)
        return weft_pickle_bad(m, "the pickle ends within its argument");
    return weft_file_bad(m->file, m->op, "the pickle has more than %d bytes%s", WEFT_PICKLE_BYTES_MAX,
                         m->arrays ? ", for it holds NumPy arrays; " WEFT_PICKLE_ARRAYS : "");
}

weft_status weft_pickle_no_memory(const weft_pickle_machine *m)
{
    return weft_fail_in(WEFT_NO_MEMORY, "%.200s", m->file->path);
}

weft_status weft_pickle_wrong(const weft_pickle_machine *m, weft_pickle_kind kind, const weft_pickle_value *found)
{
    return weft_file_bad(m->file, m->op, "pickle opcode %02x: %s was expected on the stack; found %s",
                         m->file->data[m->op], weft_pickle_kind_name(kind), weft_pickle_kind_name(found->kind));
}

/* ---- bytes ---- */

weft_status weft_pickle_take(weft_pickle_machine *m, size_t count, const uint8_t **out)
{
    if (m->end - m->at < count)
        return weft_pickle_short(m);
    *out = m->file->data + m->at;
    m->at += count;
    return WEFT_OK;
}

weft_status weft_pickle_number(weft_pickle_machine *m, int bytes, uint64_t *out)
{
    const uint8_t *b = NULL;
    WEFT_TRY(weft_pickle_take(m, (size_t)bytes, &b));
    *out = 0;
    for (int i = bytes; i-- > 0;)
        *out = *out << 8 | b[i];
    return WEFT_OK;
}

/* ---- stack ---- */

/* Grown in the arena, which keeps the old halves: at most as much again. */
static weft_status append(weft_pickle_machine *m, weft_pickle_list *list, weft_pickle_value value)
{
    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : 64;
        weft_pickle_value *items = weft_arena_array(m->arena, room, sizeof *items);
        if (!items)
            return weft_pickle_no_memory(m);
        if (list->count)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = value;
    return WEFT_OK;
}

weft_status weft_pickle_push(weft_pickle_machine *m, weft_pickle_value value)
{
    return append(m, &m->stack, value);
}

weft_status weft_pickle_pop(weft_pickle_machine *m, weft_pickle_value *out)
{
    if (m->stack.count == 0 || m->stack.items[m->stack.count - 1].kind == WEFT_PICKLE_MARK)
        return weft_pickle_bad(m, "there is no value on the stack");
    *out = m->stack.items[--m->stack.count];
    return WEFT_OK;
}

weft_status weft_pickle_peek(weft_pickle_machine *m, weft_pickle_value *out)
{
    if (m->stack.count == 0)
        return weft_pickle_bad(m, "there is no value on the stack");
    *out = m->stack.items[m->stack.count - 1];
    return WEFT_OK;
}

weft_status weft_pickle_top(weft_pickle_machine *m, weft_pickle_kind kind, weft_pickle_value *out)
{
    WEFT_TRY(weft_pickle_peek(m, out));
    return out->kind == kind ? WEFT_OK : weft_pickle_wrong(m, kind, out);
}

weft_status weft_pickle_find_mark(weft_pickle_machine *m, size_t *out)
{
    size_t at = m->stack.count;
    while (at > 0 && m->stack.items[at - 1].kind != WEFT_PICKLE_MARK)
        at--;
    if (at == 0)
        return weft_pickle_bad(m, "there is no mark on the stack");
    *out = at;
    return WEFT_OK;
}

weft_status weft_pickle_gather(weft_pickle_machine *m, weft_pickle_kind kind, size_t from, size_t drop)
{
    weft_pickle_items *items = weft_arena_alloc(m->arena, sizeof *items);
    if (!items)
        return weft_pickle_no_memory(m);
    for (size_t i = from; i < m->stack.count; i++) {
        if (!weft_pickle_add(m->arena, items, NULL, &m->stack.items[i]))
            return weft_pickle_no_memory(m);
    }
    m->stack.count = from - drop;
    return weft_pickle_push(m, (weft_pickle_value){ .kind = kind, .as.items = items });
}

/* ---- memo ---- */

weft_status weft_pickle_remember(weft_pickle_machine *m, uint64_t index)
{
    if (m->stack.count == 0 || m->stack.items[m->stack.count - 1].kind == WEFT_PICKLE_MARK)
        return weft_pickle_bad(m, "there is no value on the stack to remember");
    const weft_pickle_value value = m->stack.items[m->stack.count - 1];
    if (index > m->memo.count)
        return weft_pickle_bad(m, "the number of the memo is not the next one");
    if (index == m->memo.count)
        return append(m, &m->memo, value);
    m->memo.items[index] = value;
    return WEFT_OK;
}

weft_status weft_pickle_recall(weft_pickle_machine *m, uint64_t index)
{
    if (index >= m->memo.count)
        return weft_pickle_bad(m, "nothing was remembered under this number");
    return weft_pickle_push(m, m->memo.items[index]);
}
