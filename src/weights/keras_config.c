/* SPDX-License-Identifier: Apache-2.0
 *
 * Layers in a Keras model description: {"class_name": .., "config": {"name": .., "layers": [the same, ..]}}.
 *
 * Keras saves a layer's variables under the snake case of its class, numbered among the layers of that class in the
 * same model ("conv2d", "conv2d_1"; keras/src/saving/saving_lib.py, _save_container_state). Counting the layers of the
 * description in the same way finds the names that belong to such paths. */
#include "weights/keras_config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "weights/json.h"

enum { DEPTH = 32 };

/* A layer by the path that tensors' names begin with. */
typedef struct layer {
    const char *key; /* first: weft_index */
    const char *name;
} layer;

/* How often a class was met in one model. */
typedef struct class_use {
    const char *key; /* "<model's path>/<class>" */
    int64_t count;
} class_use;

typedef struct table {
    void *items;
    int64_t room;
    size_t stride;
    weft_index index;
} table;

typedef struct book {
    const weft_allocator *allocator;
    weft_arena arena;
    weft_file text; /* a copy in the arena */
    weft_json json;
    bool by_path;
    table layers, classes;
} book;

/* ---- tables ---- */

/* Adds a cleared item with the key and lends it; NULL with *status NO_MEMORY, or INVALID if the key is taken. */
static void *table_add(book *b, table *t, const char *key, weft_status *status)
{
    if (t->index.count == t->room) {
        const int64_t room = t->room ? 2 * t->room : 64;
        void *items = weft_calloc(b->allocator, (size_t)room, t->stride);
        *status = WEFT_NO_MEMORY;
        if (!items)
            return NULL;
        if (t->items)
            memcpy(items, t->items, (size_t)t->room * t->stride);
        weft_free(b->allocator, t->items);
        t->items = items;
        t->room = room;
    }
    const int64_t at = t->index.count;
    void *item = (char *)t->items + (size_t)at * t->stride;
    memcpy(item, &key, sizeof key);
    *status = weft_index_add(&t->index, b->allocator, t->items, t->stride);
    return *status == WEFT_OK ? item : NULL;
}

static void *table_find(const table *t, const char *key)
{
    const int64_t at = t->items ? weft_index_find(&t->index, t->items, t->stride, key) : -1;
    return at < 0 ? NULL : (char *)t->items + (size_t)at * t->stride;
}

static void table_release(book *b, table *t)
{
    weft_index_release(&t->index, b->allocator);
    weft_free(b->allocator, t->items);
}

/* ---- JSON ---- */

/* Passes a value of any kind: strings properly, brackets by counting them. */
static weft_status skip_value(weft_json *json)
{
    const char *text;
    size_t length, at, open = 0;
    for (;;) {
        if (weft_json_take(json, '"')) {
            json->at--;
            WEFT_TRY(weft_json_string(json, "in a description", &text, &length, &at));
        } else if (weft_json_take(json, '{') || weft_json_take(json, '[')) {
            open++;
            continue;
        } else if (weft_json_take(json, '}') || weft_json_take(json, ']')) {
            if (open == 0)
                return weft_file_bad(json->file, json->at - 1, "a bracket closes that was not opened");
            open--;
        } else if (open > 0 && (weft_json_take(json, ',') || weft_json_take(json, ':'))) {
            continue;
        } else { /* a number or a word */
            const size_t first = json->at;
            while (json->at < json->end && (isalnum(json->file->data[json->at]) ||
                                            memchr("+-.", json->file->data[json->at], 3)))
                json->at++;
            if (json->at == first)
                return weft_file_bad(json->file, first, "a value was expected");
        }
        if (open == 0)
            return WEFT_OK;
    }
}

/* Reads an object and notes where the values of the keys begin (0: not there). The cursor ends behind it. */
static weft_status members(weft_json *json, const char *const *keys, size_t *at, int count)
{
    for (int i = 0; i < count; i++)
        at[i] = 0;
    WEFT_TRY(weft_json_expect(json, '{', "before a description"));
    if (weft_json_take(json, '}'))
        return WEFT_OK;
    do {
        const char *key;
        size_t length, key_at;
        WEFT_TRY(weft_json_string(json, "before a key", &key, &length, &key_at));
        WEFT_TRY(weft_json_expect(json, ':', "behind a key"));
        for (int i = 0; i < count; i++) {
            if (at[i] == 0 && strcmp(keys[i], key) == 0)
                at[i] = json->at;
        }
        WEFT_TRY(skip_value(json));
    } while (weft_json_take(json, ','));
    return weft_json_expect(json, '}', "behind a description");
}

/* True if the value at a noted place begins with c; then the cursor is on it. */
static bool value_is(weft_json *json, size_t at, char c)
{
    if (at == 0)
        return false;
    json->at = at;
    if (!weft_json_take(json, c))
        return false;
    json->at--;
    return true;
}

/* The string at a noted place; NULL if there is none. */
static weft_status text_at(weft_json *json, size_t at, const char **out)
{
    const char *text = NULL;
    size_t length, first;
    if (value_is(json, at, '"'))
        WEFT_TRY(weft_json_string(json, "in a description", &text, &length, &first));
    *out = text;
    return WEFT_OK;
}

static weft_status begin(book *b, const char *path, const void *text, size_t size, const weft_weights *weights)
{
    *b = (book){ .allocator = weights->allocator, .layers = { .stride = sizeof(layer) },
                 .classes = { .stride = sizeof(class_use) } };
    weft_arena_init(&b->arena, b->allocator);
    b->text = (weft_file){ .path = path, .data = weft_arena_copy(&b->arena, text, size), .size = size };
    b->json = (weft_json){ .file = &b->text, .end = size, .arena = &b->arena };
    return b->text.data ? WEFT_OK : WEFT_NO_MEMORY;
}

static void finish(book *b)
{
    table_release(b, &b->layers);
    table_release(b, &b->classes);
    weft_arena_release(&b->arena);
}

/* ---- what the model is ---- */

static weft_status describe(book *b, weft_weights *weights)
{
    static const char *const keys[] = { "class_name", "config" }, *const inner[] = { "name" };
    size_t at[2], name_at[1];
    const char *class_name, *name = NULL;
    WEFT_TRY(members(&b->json, keys, at, 2));
    WEFT_TRY(weft_json_end(&b->json));
    WEFT_TRY(text_at(&b->json, at[0], &class_name));
    if (value_is(&b->json, at[1], '{')) {
        WEFT_TRY(members(&b->json, inner, name_at, 1));
        WEFT_TRY(text_at(&b->json, name_at[0], &name));
    }
    if (class_name)
        WEFT_TRY(weft_weights_set_meta(weights, "keras.class", class_name));
    return name ? weft_weights_set_meta(weights, "keras.name", name) : WEFT_OK;
}

weft_status weft_keras_describe(const char *path, const void *text, size_t size, weft_weights *weights)
{
    book b;
    weft_status status = begin(&b, path, text, size, weights);
    if (status == WEFT_OK)
        status = describe(&b, weights);
    finish(&b);
    return status;
}

weft_status weft_keras_version(const char *path, const void *text, size_t size, weft_weights *weights)
{
    static const char *const keys[] = { "keras_version" };
    book b;
    size_t at[1];
    const char *version = NULL;
    weft_status status = begin(&b, path, text, size, weights);
    if (status == WEFT_OK)
        status = members(&b.json, keys, at, 1);
    if (status == WEFT_OK)
        status = text_at(&b.json, at[0], &version);
    if (status == WEFT_OK && version)
        status = weft_weights_set_meta(weights, "keras.version", version);
    finish(&b);
    return status;
}

/* ---- its layers ---- */

/* Keras' to_snake_case, two regular expressions in one pass: an underscore goes before a capital that lower case
 * follows or precedes. out has room for twice the letters. */
static void snake_case(const char *name, char *out)
{
    size_t length = 0;
    for (size_t i = 0; name[i]; i++) {
        const unsigned char c = (unsigned char)name[i];
        if (!isalnum(c) && c != '_')
            continue;
        if (i > 0 && isupper(c) && (islower((unsigned char)name[i + 1]) || islower((unsigned char)name[i - 1])))
            out[length++] = '_';
        out[length++] = (char)tolower(c);
    }
    out[length] = '\0';
}

/* The next path component of a layer of this class in the model at path. */
static weft_status path_component(book *b, const char *path, const char *class_name, const char **out)
{
    weft_status status = WEFT_OK;
    char *snake = weft_arena_alloc(&b->arena, 2 * strlen(class_name) + 1);
    if (!snake)
        return WEFT_NO_MEMORY;
    snake_case(class_name, snake);
    const char *key = weft_arena_text(&b->arena, "%s/%s", path, snake);
    if (!key)
        return WEFT_NO_MEMORY;
    class_use *use = table_find(&b->classes, key);
    if (!use) {
        *out = snake;
        return table_add(b, &b->classes, key, &status) ? WEFT_OK : status;
    }
    *out = weft_arena_text(&b->arena, "%s_%" PRId64, snake, ++use->count);
    return *out ? WEFT_OK : WEFT_NO_MEMORY;
}

static weft_status join(book *b, const char *path, const char *name, const char **out)
{
    *out = weft_arena_text(&b->arena, "%s%s%s", path, path[0] ? "/" : "", name);
    return *out ? WEFT_OK : WEFT_NO_MEMORY;
}

static weft_status read_layers(book *b, size_t at, const char *path, const char *name, int depth);

/* The layer under the cursor, in the model with this path and name; the cursor ends behind it. */
static weft_status read_layer(book *b, const char *path, const char *name, int depth)
{
    static const char *const keys[] = { "module", "class_name", "name", "config" };
    static const char *const inner[] = { "name", "layers" };
    size_t at[4], config[2] = { 0, 0 };
    const char *module, *class_name, *own, *component, *layer_path, *layer_name;
    WEFT_TRY(members(&b->json, keys, at, 4));
    const size_t end = b->json.at;
    if (value_is(&b->json, at[3], '{'))
        WEFT_TRY(members(&b->json, inner, config, 2));
    WEFT_TRY(text_at(&b->json, at[0], &module));
    WEFT_TRY(text_at(&b->json, at[1], &class_name));
    WEFT_TRY(text_at(&b->json, config[0] ? config[0] : at[2], &own));
    b->json.at = end;
    if (!class_name || !own || (module && strstr(module, ".ops")))
        return WEFT_OK; /* an operation (keras.ops) is listed among the layers, but is none */
    component = own;
    if (b->by_path)
        WEFT_TRY(path_component(b, path, class_name, &component));
    WEFT_TRY(join(b, path, component, &layer_path));
    WEFT_TRY(join(b, name, own, &layer_name));
    weft_status status;
    layer *row = table_add(b, &b->layers, layer_path, &status);
    if (row)
        row->name = layer_name;
    else if (status != WEFT_INVALID) /* a layer that is used twice is listed twice */
        return status;
    if (value_is(&b->json, config[1], '['))
        WEFT_TRY(read_layers(b, b->json.at, layer_path, layer_name, depth + 1));
    b->json.at = end;
    return WEFT_OK;
}

static weft_status read_layers(book *b, size_t at, const char *path, const char *name, int depth)
{
    if (depth > DEPTH)
        return weft_file_bad(b->json.file, at, "models are nested more than %d deep", DEPTH);
    b->json.at = at;
    WEFT_TRY(weft_json_expect(&b->json, '[', "before layers"));
    if (weft_json_take(&b->json, ']'))
        return WEFT_OK;
    do {
        WEFT_TRY(read_layer(b, path, name, depth));
    } while (weft_json_take(&b->json, ','));
    return weft_json_expect(&b->json, ']', "behind layers");
}

static weft_status read_model(book *b)
{
    static const char *const keys[] = { "config" }, *const inner[] = { "layers" };
    size_t at[1];
    WEFT_TRY(members(&b->json, keys, at, 1));
    WEFT_TRY(weft_json_end(&b->json));
    if (!value_is(&b->json, at[0], '{'))
        return WEFT_OK; /* a class of the user's own: nothing is known about its layers */
    WEFT_TRY(members(&b->json, inner, at, 1));
    return value_is(&b->json, at[0], '[') ? read_layers(b, b->json.at, "", "", 0) : WEFT_OK;
}

/* ---- the tensors ---- */

typedef struct place {
    int64_t layer, at; /* number of the layer and of the tensor */
    const char *name;
} place;

static int by_place(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->layer != y->layer)
        return x->layer < y->layer ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* The innermost listed layer that the tensor belongs to, and the tensor's name after it. */
static weft_status find_place(book *b, const char *name, weft_arena *names, place *out)
{
    char path[WEFT_WEIGHTS_NAME + 1];
    snprintf(path, sizeof path, "%s", name);
    out->layer = INT64_MAX;
    out->name = name;
    for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
        *slash = '\0';
        const layer *row = table_find(&b->layers, path);
        if (!row)
            continue;
        out->layer = row - (const layer *)b->layers.items;
        if (strcmp(row->name, path) != 0)
            out->name = weft_arena_text(names, "%s%s", row->name, name + (slash - path));
        return out->name ? WEFT_OK : WEFT_NO_MEMORY;
    }
    return WEFT_OK;
}

static weft_status reorder(const char *path, weft_weights *weights, const place *places)
{
    weft_entry *entries = weft_calloc(weights->allocator, (size_t)weights->room, sizeof *entries);
    if (!entries)
        return WEFT_NO_MEMORY;
    for (int64_t i = 0; i < weights->count; i++) {
        entries[i] = weights->entries[places[i].at];
        entries[i].weight.name = places[i].name;
    }
    weft_free(weights->allocator, weights->entries);
    weights->entries = entries;
    weft_index_release(&weights->index, weights->allocator);
    weights->index = (weft_index){ 0 };
    for (int64_t i = 0; i < weights->count; i++) {
        const weft_status status = weft_index_add(&weights->index, weights->allocator, entries, sizeof *entries);
        if (status == WEFT_INVALID)
            return weft_fail(WEFT_BAD_DATA, "%s: two tensors are called %s", path, entries[i].weight.name);
        WEFT_TRY(status);
    }
    return WEFT_OK;
}

static weft_status arrange(book *b, weft_weights *weights)
{
    WEFT_TRY(read_model(b));
    if (weights->count == 0)
        return WEFT_OK;
    place *places = weft_arena_array(&b->arena, (size_t)weights->count, sizeof *places);
    if (!places)
        return WEFT_NO_MEMORY;
    for (int64_t i = 0; i < weights->count; i++) {
        places[i].at = i;
        WEFT_TRY(find_place(b, weights->entries[i].weight.name, &weights->names, &places[i]));
    }
    qsort(places, (size_t)weights->count, sizeof *places, by_place);
    WEFT_TRY(reorder(b->text.path, weights, places));
    if (b->by_path && places[weights->count - 1].layer != INT64_MAX) /* all are named as if that had been noted */
        return weft_weights_set_meta(weights, "keras.names", "attributes");
    return WEFT_OK;
}

weft_status weft_keras_arrange(const char *path, const void *text, size_t size, weft_weights *weights)
{
    const char *names = weft_weights_meta_find(weights, "keras.names");
    book b;
    weft_status status = begin(&b, path, text, size, weights);
    b.by_path = names && strcmp(names, "paths") == 0;
    if (status == WEFT_OK)
        status = arrange(&b, weights);
    finish(&b);
    return status;
}
