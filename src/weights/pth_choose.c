/* SPDX-License-Identifier: Apache-2.0
 *
 * Which dictionary of a checkpoint is read. All of them are looked at, at any depth, each once: dictionaries of
 * tensors, and modules, which torch.save(model) writes. Those of optimizers are passed over, and those with fewer than
 * half of the most tensors (a loss, a centre). Of several, the one under a usual name is taken, and one that is no
 * running average rather than one that is; the caller is told which others there are. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "weights/pth.h"

enum { DEPTH = 32, MOST = 64, PART = 80, PATH = DEPTH * (PART + 1) + 1, LISTED = 400 };
enum { ATTRIBUTES = 256 /* looked at; a module has about 20 */, SHARED = 65536 /* entries that are named twice */ };

/* Where checkpoints keep the weights, in the order of preference. */
static const char *const usual[] = { "", "state_dict", "model_state_dict", "model", "module", "net" };

typedef struct candidate {
    const char *path;
    const weft_pickle_items *dict;
    const weft_pickle_opaque *module;
    int64_t tensors;
} candidate;

/* The way to a value from the root: a key, or a number in a list. */
typedef struct crumb {
    const struct crumb *up;
    const weft_pickle_value *key;
    int64_t number;
} crumb;

typedef struct search {
    weft_pth *pth;
    candidate found[MOST];
    int count;
    int64_t entries; /* of modules, seen so far */
    const char *array; /* the path of the first NumPy array; NULL: there is none */
} search;

/* ---- modules ---- */

bool weft_pth_open_module(const weft_pickle_opaque *object, weft_pth_module *out)
{
    const weft_pickle_items *const attributes = weft_pth_attributes(object);
    const weft_pickle_items *found[3] = { 0 };
    static const char *const names[] = { "_parameters", "_buffers", "_modules" };
    const weft_pickle_item *item = attributes ? attributes->first : NULL;
    for (int i = 0; item && i < ATTRIBUTES; item = item->next, i++) {
        for (int k = 0; k < WEFT_COUNT(names) && item->value.kind == WEFT_PICKLE_DICT; k++) {
            if (!found[k] && weft_pickle_is(&item->key, names[k]))
                found[k] = item->value.as.items;
        }
    }
    *out = (weft_pth_module){ found[0], found[1], found[2] };
    return out->modules != NULL;
}

static int64_t count_of(const weft_pickle_items *items)
{
    return items ? items->count : 0;
}

/* Takes an object and its entries into account. A pickle may name one module again and again, in modules that it names
 * again: what is to be seen can grow with the power of its size. An entry that is there once has a byte of the file. */
static weft_status account(search *s, const weft_pth_module *module)
{
    const weft_file *const file = s->pth->file;
    const uint64_t bytes = file->size < WEFT_PICKLE_BYTES_MAX ? file->size : WEFT_PICKLE_BYTES_MAX;
    s->entries += 1 + count_of(module->parameters) + count_of(module->buffers) + count_of(module->modules);
    if ((uint64_t)s->entries <= SHARED + bytes)
        return WEFT_OK;
    return weft_file_bad(file, s->pth->at, "its modules name others again and again: with all their entries there are "
                         "more than %llu", (unsigned long long)(SHARED + bytes));
}

/* How many tensors there are in a module and the modules in it. */
static weft_status count_tensors(search *s, const weft_pickle_opaque *object, int depth, int64_t *count)
{
    weft_pth_module module;
    const bool opened = weft_pth_open_module(object, &module);
    WEFT_TRY(account(s, &module));
    if (!opened)
        return WEFT_OK;
    if (depth == DEPTH)
        return weft_file_bad(s->pth->file, s->pth->at, "modules are nested more than %d deep", DEPTH);
    *count += (module.parameters ? module.parameters->tensors : 0) + (module.buffers ? module.buffers->tensors : 0);
    for (const weft_pickle_item *item = module.modules->first; item; item = item->next) {
        if (item->value.kind == WEFT_PICKLE_OPAQUE)
            WEFT_TRY(count_tensors(s, item->value.as.opaque, depth + 1, count));
    }
    return WEFT_OK;
}

/* ---- looking ---- */

static void write_part(const crumb *c, char part[PART + 1])
{
    if (c->key && c->key->kind == WEFT_PICKLE_TEXT) {
        const weft_pickle_text *text = c->key->as.text;
        snprintf(part, PART + 1, "%.*s", text->length < PART ? (int)text->length : PART, text->bytes);
        for (char *at = part; *at; at++)
            *at = (unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at;
    } else if (c->key && c->key->kind != WEFT_PICKLE_INT && c->key->kind != WEFT_PICKLE_BOOL) {
        snprintf(part, PART + 1, "<%s>", weft_pickle_kind_name(c->key->kind));
    } else {
        snprintf(part, PART + 1, "%lld", (long long)(c->key ? c->key->as.integer : c->number));
    }
}

static char *path_of(search *s, const crumb *c)
{
    char path[PATH], part[PART + 1];
    size_t at = sizeof path - 1;
    path[at] = '\0';
    for (; c; c = c->up) {
        write_part(c, part);
        const size_t length = strlen(part), dot = path[at] != '\0';
        at -= length + dot;
        memcpy(path + at, part, length);
        if (dot)
            path[at + length] = '.';
    }
    return weft_arena_text(&s->pth->arena, "%s", path + at);
}

static weft_status add_candidate(search *s, const crumb *way, candidate one)
{
    if (one.tensors == 0 || s->count == MOST)
        return WEFT_OK;
    one.path = path_of(s, way);
    if (!one.path)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", s->pth->file->path);
    s->found[s->count++] = one;
    return WEFT_OK;
}

static bool is_optimizer(const search *s, const weft_pickle_value *key)
{
    return !s->pth->key && key->kind == WEFT_PICKLE_TEXT && key->as.text->length >= 5 &&
           memcmp(key->as.text->bytes, "optim", 5) == 0;
}

static weft_status look(search *s, const weft_pickle_value *value, const crumb *way, int depth);

/* The values of a dictionary or list, each container once. */
static weft_status look_inside(search *s, weft_pickle_items *items, bool keyed, const crumb *way, int depth)
{
    if (items->seen || depth == DEPTH)
        return WEFT_OK;
    items->seen = true;
    if (keyed)
        WEFT_TRY(add_candidate(s, way, (candidate){ .dict = items, .tensors = items->tensors }));
    crumb next = { .up = way };
    for (const weft_pickle_item *item = items->first; item; item = item->next, next.number++) {
        next.key = keyed ? &item->key : NULL;
        if (!keyed || !is_optimizer(s, &item->key))
            WEFT_TRY(look(s, &item->value, &next, depth + 1));
    }
    return WEFT_OK;
}

static weft_status look(search *s, const weft_pickle_value *value, const crumb *way, int depth)
{
    if (value->kind == WEFT_PICKLE_DICT || value->kind == WEFT_PICKLE_LIST || value->kind == WEFT_PICKLE_TUPLE)
        return look_inside(s, value->as.items, value->kind == WEFT_PICKLE_DICT, way, depth);
    if (value->kind != WEFT_PICKLE_OPAQUE || value->as.opaque->seen)
        return WEFT_OK;
    weft_pickle_opaque *object = value->as.opaque;
    weft_pth_module module;
    object->seen = true;
    if (!s->array && weft_pickle_names_array(object->name) && !(s->array = path_of(s, way)))
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", s->pth->file->path);
    if (weft_pth_open_module(object, &module)) {
        candidate one = { .module = object };
        WEFT_TRY(count_tensors(s, object, 0, &one.tensors));
        return add_candidate(s, way, one);
    }
    if (object->items)
        WEFT_TRY(look_inside(s, object->items, true, way, depth));
    if (object->state.kind == WEFT_PICKLE_DICT) /* its attributes */
        WEFT_TRY(look_inside(s, object->state.as.items, true, way, depth));
    return object->arguments ? look_inside(s, object->arguments, false, way, depth) : WEFT_OK; /* torch.compile's */
}

/* ---- choosing ---- */

/* The candidates' paths, but for `but`. */
static const char *list(search *s, const candidate *but)
{
    char text[LISTED];
    size_t n = 0;
    text[0] = '\0';
    for (int i = 0; i < s->count && n < sizeof text; i++) {
        if (&s->found[i] != but)
            n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", n ? ", " : "",
                                  s->found[i].path[0] ? s->found[i].path : "(the whole)");
    }
    if (n >= sizeof text)
        memcpy(text + sizeof text - 5, " ...", 5);
    return weft_arena_text(&s->pth->arena, "%s", text);
}

/* Drops what has fewer than half of the most tensors. */
static void drop_small(search *s)
{
    int64_t most = 0;
    int kept = 0;
    for (int i = 0; i < s->count; i++)
        most = s->found[i].tensors > most ? s->found[i].tensors : most;
    for (int i = 0; i < s->count; i++) {
        if (2 * s->found[i].tensors > most)
            s->found[kept++] = s->found[i];
    }
    s->count = kept;
}

/* NULL: several are as good. */
static const candidate *best_of(const search *s)
{
    const candidate *plain = NULL;
    int count = 0;
    if (s->count == 1)
        return &s->found[0];
    for (int k = 0; k < WEFT_COUNT(usual); k++) {
        for (int i = 0; i < s->count; i++) {
            if (strcmp(s->found[i].path, usual[k]) == 0)
                return &s->found[i];
        }
    }
    for (int i = 0; i < s->count; i++) {
        if (weft_is_average(s->found[i].path))
            continue;
        plain = &s->found[i];
        count++;
    }
    return count == 1 ? plain : NULL;
}

static const candidate *named(const search *s, const char *key)
{
    for (int i = 0; i < s->count; i++) {
        if (strcmp(s->found[i].path, key) == 0)
            return &s->found[i];
    }
    return NULL;
}

/* Whether names of tensors in a dictionary begin with the key and a dot: then it names a part of them (twins.c). */
static bool has_part(const weft_pickle_items *dict, const char *key)
{
    const size_t length = strlen(key);
    for (const weft_pickle_item *item = dict ? dict->first : NULL; item; item = item->next) {
        const weft_pickle_text *text = item->key.as.text;
        if (item->key.kind == WEFT_PICKLE_TEXT && text->length > length && memcmp(text->bytes, key, length) == 0 &&
            text->bytes[length] == '.')
            return true;
    }
    return false;
}

/* The dictionary that has the tensors whose names begin with a key; NULL: there is none, or several. */
static const candidate *with_part(const search *s, const char *key)
{
    const candidate *found = NULL;
    for (int i = 0; i < s->count; i++) {
        if (!has_part(s->found[i].dict, key))
            continue;
        if (found)
            return NULL;
        found = &s->found[i];
    }
    return found;
}

/* Keys of a dictionary, for a sentence. */
static const char *keys_of(const weft_pickle_items *dict, char text[LISTED])
{
    size_t n = 0;
    text[0] = '\0';
    for (const weft_pickle_item *item = dict->first; item && n < LISTED - 240; item = item->next) {
        const weft_pickle_text *key = item->key.as.text;
        bool printable = item->key.kind == WEFT_PICKLE_TEXT && key->length < 30;
        for (size_t i = 0; printable && i < key->length; i++)
            printable = key->bytes[i] >= 0x20 && key->bytes[i] < 0x7f;
        if (printable)
            n += (size_t)snprintf(text + n, LISTED - n, "%s%.*s", n ? ", " : "", (int)key->length, key->bytes);
    }
    return text;
}

static weft_status nothing(const search *s, const weft_pickle_value *root)
{
    char text[LISTED];
    const weft_pth *pth = s->pth;
    if (s->array)
        return weft_file_bad(pth->file, pth->at,
                             "the file holds NumPy arrays (the first is \"%.160s\") and no tensors; "
                             WEFT_PICKLE_ARRAYS, s->array);
    if (root->kind == WEFT_PICKLE_OPAQUE)
        return weft_file_bad(pth->file, pth->at,
                             "the file holds an object, %.160s, in which weft finds no tensors; save "
                             "the plain weights: torch.save(model.state_dict(), path)",
                             root->as.opaque->name);
    if (root->kind != WEFT_PICKLE_DICT)
        return weft_file_bad(pth->file, pth->at, "the file holds %s; a dictionary of tensors was expected, as "
                             "torch.save(model.state_dict(), path) writes", weft_pickle_kind_name(root->kind));
    return weft_file_bad(pth->file, pth->at, "the file holds a dictionary without tensors, in itself and at any depth; "
                         "its keys are: %s", keys_of(root->as.items, text));
}

weft_status weft_pth_choose(weft_pth *pth, const weft_pickle_value *root, weft_pth_choice *out)
{
    search s = { .pth = pth };
    if (root->kind == WEFT_PICKLE_DICT && root->as.items->count == 0) {
        *out = (weft_pth_choice){ .path = "", .dict = root->as.items };
        return WEFT_OK;
    }
    WEFT_TRY(look(&s, root, NULL, 0));
    if (s.count == 0)
        return nothing(&s, root);
    if (!pth->key)
        drop_small(&s);
    const candidate *one = pth->key ? named(&s, pth->key) : best_of(&s);
    if (!one && pth->key && *pth->key)
        one = with_part(&s, pth->key);
    const char *const others = list(&s, one);
    if (!others)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", pth->file->path);
    if (!one && pth->key)
        return weft_file_bad(pth->file, pth->at, "there are no tensors under the key \"%.200s\"; there are under: %s",
                             pth->key, others);
    if (!one)
        return weft_file_bad(pth->file, pth->at, "the file holds several sets of tensors, and a key must say which is "
                             "meant: %s", others);
    *out = (weft_pth_choice){ one->path, others[0] && !pth->key ? others : NULL, one->dict, one->module };
    return WEFT_OK;
}
