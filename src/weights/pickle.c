/* SPDX-License-Identifier: Apache-2.0
 *
 * The pickle machine's loop, and the opcodes of the memo and of globals. What globals mean is in pickle_torch.c. */
#include "weights/pickle.h"

#include <string.h>

#include "base/error.h"
#include "weights/pickle_machine.h"
#include "weights/pickle_torch.h"

enum { LINE = 256 /* bytes of a global's module or name */, OLDEST = 2, NEWEST = 5 /* protocols */ };

typedef weft_pickle_machine machine;

/* ---- opcodes: constants ---- */

#define OP(name) static weft_status name(machine *m)

/* ---- opcodes: memo ---- */

static weft_status use_memo(machine *m, int bytes, weft_status (*use)(machine *m, uint64_t index))
{
    uint64_t index = 0;
    WEFT_TRY(weft_pickle_number(m, bytes, &index));
    return use(m, index);
}

OP(op_binput)
{
    return use_memo(m, 1, weft_pickle_remember);
}

OP(op_long_binput)
{
    return use_memo(m, 4, weft_pickle_remember);
}

OP(op_binget)
{
    return use_memo(m, 1, weft_pickle_recall);
}

OP(op_long_binget)
{
    return use_memo(m, 4, weft_pickle_recall);
}

OP(op_memoize)
{
    return weft_pickle_remember(m, m->memo.count);
}

/* ---- opcodes: globals and what is made of them ---- */

static weft_status push_global(machine *m, const char *module, size_t module_length, const char *name,
                               size_t name_length)
{
    char parts[2][LINE];
    const char *const from[] = { module, name };
    const size_t length[] = { module_length, name_length };
    for (int k = 0; k < 2; k++) {
        size_t wrong = 0;
        bool good = length[k] < LINE && weft_utf8(from[k], length[k], &wrong);
        for (size_t i = 0; good && i < length[k]; i++)
            good = (unsigned char)from[k][i] >= 0x20 && from[k][i] != 0x7f;
        if (!good)
            return weft_pickle_bad(m, "the name of a global is too long or not printable");
        memcpy(parts[k], from[k], length[k]);
        parts[k][length[k]] = '\0';
    }
    const weft_pickle_global *global = weft_pickle_find_global(m->arena, parts[0], parts[1]);
    if (!global)
        return weft_pickle_no_memory(m);
    m->arrays = m->arrays || weft_pickle_is_array(global);
    return weft_pickle_push(m, (weft_pickle_value){ .kind = WEFT_PICKLE_GLOBAL, .as.global = global });
}

static weft_status take_line(machine *m, const char **out, size_t *length)
{
    const uint8_t *from = m->file->data + m->at, *end = memchr(from, '\n', m->end - m->at);
    if (!end)
        return weft_pickle_bad(m, "the pickle ends within the name of a global");
    *out = (const char *)from;
    *length = (size_t)(end - from);
    m->at += *length + 1;
    return WEFT_OK;
}

OP(op_global)
{
    const char *module = NULL, *name = NULL;
    size_t module_length = 0, name_length = 0;
    WEFT_TRY(take_line(m, &module, &module_length));
    WEFT_TRY(take_line(m, &name, &name_length));
    return push_global(m, module, module_length, name, name_length);
}

OP(op_stack_global)
{
    weft_pickle_value module, name;
    WEFT_TRY(weft_pickle_top(m, WEFT_PICKLE_TEXT, &name));
    m->stack.count--;
    WEFT_TRY(weft_pickle_top(m, WEFT_PICKLE_TEXT, &module));
    m->stack.count--;
    return push_global(m, module.as.text->bytes, module.as.text->length, name.as.text->bytes, name.as.text->length);
}

static weft_status make(machine *m, bool instance)
{
    weft_pickle_value arguments, callee, made;
    WEFT_TRY(weft_pickle_top(m, WEFT_PICKLE_TUPLE, &arguments));
    m->stack.count--;
    WEFT_TRY(weft_pickle_peek(m, &callee));
    if (callee.kind != WEFT_PICKLE_OPAQUE)
        WEFT_TRY(weft_pickle_top(m, WEFT_PICKLE_GLOBAL, &callee));
    m->stack.count--;
    const weft_status status = weft_pickle_make(m->arena, &callee, arguments.as.items, instance, &made);
    if (status != WEFT_OK)
        return weft_file_bad_in(status, m->file, m->op);
    return weft_pickle_push(m, made);
}

OP(op_reduce)
{
    return make(m, false);
}

OP(op_newobj)
{
    return make(m, true);
}

/* With a dictionary of named arguments, which no row of the table has. */
OP(op_newobj_ex)
{
    weft_pickle_value named;
    WEFT_TRY(weft_pickle_top(m, WEFT_PICKLE_DICT, &named));
    m->stack.count--;
    WEFT_TRY(make(m, true));
    weft_pickle_value *made = &m->stack.items[m->stack.count - 1];
    if (made->kind == WEFT_PICKLE_OPAQUE)
        made->as.opaque->holds = made->as.opaque->holds || named.as.items->holds;
    return WEFT_OK;
}

/* Attributes. Kept of what weft does not know, which may be a module; not of a dictionary (state_dict's _metadata,
 * which holds versions of modules), nor of a tensor. */
OP(op_build)
{
    weft_pickle_value state, object;
    WEFT_TRY(weft_pickle_pop(m, &state));
    WEFT_TRY(weft_pickle_peek(m, &object));
    if (object.kind == WEFT_PICKLE_OPAQUE) {
        object.as.opaque->state = state;
        return WEFT_OK;
    }
    if (object.kind == WEFT_PICKLE_TENSOR)
        return WEFT_OK;
    if (object.kind != WEFT_PICKLE_DICT)
        return weft_pickle_wrong(m, WEFT_PICKLE_DICT, &object);
    return state.kind == WEFT_PICKLE_DICT ? WEFT_OK : weft_pickle_wrong(m, WEFT_PICKLE_DICT, &state);
}

OP(op_binpersid)
{
    weft_pickle_value id, made;
    WEFT_TRY(weft_pickle_top(m, WEFT_PICKLE_TUPLE, &id));
    m->stack.count--;
    const weft_status status = weft_pickle_make_persistent(m->arena, id.as.items, &made);
    if (status != WEFT_OK)
        return weft_file_bad_in(status, m->file, m->op);
    if (made.kind == WEFT_PICKLE_STORAGE) {
        made.as.storage->next = m->storages;
        m->storages = made.as.storage;
    }
    return weft_pickle_push(m, made);
}

/* ---- opcodes: the pickle itself ---- */

OP(op_proto)
{
    uint64_t protocol = 0;
    WEFT_TRY(weft_pickle_number(m, 1, &protocol));
    if (protocol >= OLDEST && protocol <= NEWEST)
        return WEFT_OK;
    return weft_file_bad(m->file, m->op, "the pickle is of protocol %d; %d to %d are read", (int)protocol, OLDEST,
                         NEWEST);
}

/* How many bytes can be read at once; they follow. */
OP(op_frame)
{
    uint64_t length = 0;
    WEFT_TRY(weft_pickle_number(m, 8, &length));
    return length <= m->end - m->at ? WEFT_OK : weft_pickle_bad(m, "a frame is longer than the pickle");
}

OP(op_stop)
{
    if (m->stack.count != 1 || m->stack.items[0].kind == WEFT_PICKLE_MARK)
        return weft_pickle_bad(m, "exactly one value should be on the stack at the end");
    m->stopped = true;
    return WEFT_OK;
}

static weft_pickle_op *const opcodes[256] = {
    ['.'] = op_stop,        ['Q'] = op_binpersid,    ['R'] = op_reduce,     ['b'] = op_build,   ['c'] = op_global,
    ['h'] = op_binget,      ['j'] = op_long_binget,  ['q'] = op_binput,     ['r'] = op_long_binput,
    [0x80] = op_proto,      [0x81] = op_newobj,      [0x92] = op_newobj_ex, [0x93] = op_stack_global,
    [0x94] = op_memoize,    [0x95] = op_frame,
};

weft_status weft_pickle_read(weft_arena *arena, const weft_file *file, size_t *at, size_t end,
                             const weft_pickle_storage **storages, weft_pickle_value *out)
{
    const size_t size = end - *at, most = size < WEFT_PICKLE_BYTES_MAX ? size : WEFT_PICKLE_BYTES_MAX;
    machine m = { .arena = arena, .file = file, .op = *at, .at = *at, .end = *at + most, .storages = *storages,
                  .cut = most < size };
    if (size < 2 || file->data[*at] != 0x80)
        return weft_file_bad(file, *at, "a pickle was expected, which begins with 80 02");
    for (int count = 0; !m.stopped; count++) {
        m.op = m.at;
        if (m.at == m.end && m.cut)
            return weft_pickle_short(&m);
        if (m.at == m.end)
            return weft_file_bad(file, m.at, "the pickle ends here without the opcode for its end");
        if (count == WEFT_PICKLE_OPS)
            return weft_pickle_bad(&m, "the pickle has more than 1000000 opcodes");
        const uint8_t code = file->data[m.at++];
        weft_pickle_op *const op = opcodes[code] ? opcodes[code] : weft_pickle_plain[code];
        if (!op)
            return weft_pickle_bad(&m, "weft does not read this opcode");
        WEFT_TRY(op(&m));
    }
    *at = m.at;
    *storages = m.storages;
    *out = m.stack.items[0];
    return WEFT_OK;
}
