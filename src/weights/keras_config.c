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

/* Limits: of models in models, of one name, of all names that are put together. */
enum { DEPTH = 32, NAME_MAX_BYTES = 256, PATHS_MAX = 64 << 20 };

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
    size_t paths; /* bytes of names that were put together */
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

/* Every layer of a model in a model has all their names before its own. */
static weft_status join(book *b, const char *path, const char *name, const char **out)
{
    const size_t length = strlen(path) + 1 + strlen(name);
    b->paths += length;
    if (length > WEFT_WEIGHTS_NAME || b->paths > PATHS_MAX)
        return weft_file_bad(b->json.file, b->json.at, "the names of layers in models have more than %d bytes, or %d "
                             "all together", WEFT_WEIGHTS_NAME, PATHS_MAX);
    *out = weft_arena_text(&b->arena, "%s%s%s", path, path[0] ? "/" : "", name);
    return *out ? WEFT_OK : WEFT_NO_MEMORY;
}

/* A layer's name becomes part of its tensors'. */
static weft_status check_name(const book *b, const char *name)
{
    const size_t length = strlen(name);
    if (length > NAME_MAX_BYTES)
        return weft_file_bad(b->json.file, b->json.at, "the name of a layer has %zu bytes; at most %d were expected",
                             length, NAME_MAX_BYTES);
    const weft_status status = weft_weights_check_name(name, length);
    return status == WEFT_OK ? WEFT_OK : weft_file_bad_in(status, b->json.file, b->json.at);
}

static weft_status read_layers(book *b, size_t at, const char *path, const char *name, int depth);

/* The layer under the cursor, in the model with this path and name; the cursor ends behind it. */
static weft_status read_layer(book *b, const char *path, const char *name, int depth)
{
    static const char *const keys[] = { "module", "class_name", "name", "config" };
    static const char *const inner[] = { "name", "layers" };
    size_t at[4], config[2] = { 0, 0 };
    const char *module, *class_name, *own, *component, *layer_path = NULL, *layer_name = NULL;
    WEFT_TRY(weft_json_members(&b->json, keys, at, 4));
    const size_t end = b->json.at;
    if (weft_json_is(&b->json, at[3], '{'))
        WEFT_TRY(weft_json_members(&b->json, inner, config, 2));
    WEFT_TRY(weft_json_text_at(&b->json, at[0], &module));
    WEFT_TRY(weft_json_text_at(&b->json, at[1], &class_name));
    WEFT_TRY(weft_json_text_at(&b->json, config[0] ? config[0] : at[2], &own));
    b->json.at = end;
    if (!class_name || !own || (module && strstr(module, ".ops")))
        return WEFT_OK; /* an operation (keras.ops) is listed among the layers, but is none */
    WEFT_TRY(check_name(b, class_name));
    WEFT_TRY(check_name(b, own));
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
    if (weft_json_is(&b->json, config[1], '['))
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
    WEFT_TRY(weft_json_members(&b->json, keys, at, 1));
    WEFT_TRY(weft_json_end(&b->json));
    if (!weft_json_is(&b->json, at[0], '{'))
        return WEFT_OK; /* a class of the user's own: nothing is known about its layers */
    WEFT_TRY(weft_json_members(&b->json, inner, at, 1));
    return weft_json_is(&b->json, at[0], '[') ? read_layers(b, b->json.at, "", "", 0) : WEFT_OK;
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
    weft_weights_entry *entries = weft_calloc(weights->allocator, (size_t)weights->room, sizeof *entries);
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
        const weft_status status = weft_weights_check_name(places[i].name, strlen(places[i].name));
        if (status != WEFT_OK)
            return weft_file_bad_in(status, &b->text, 0);
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
    if (size > WEFT_KERAS_TEXT)
        return weft_fail(WEFT_BAD_DATA, "%s: the description has %zu bytes; at most %d are read", path, size,
                         WEFT_KERAS_TEXT);
    book b = { .allocator = weights->allocator, .by_path = names && strcmp(names, "paths") == 0,
               .layers = { .stride = sizeof(layer) }, .classes = { .stride = sizeof(class_use) } };
    weft_arena_init(&b.arena, b.allocator);
    b.text = (weft_file){ .path = path, .data = weft_arena_copy(&b.arena, text, size), .size = size };
    b.json = (weft_json){ .file = &b.text, .end = size, .arena = &b.arena };
    const weft_status status = b.text.data ? arrange(&b, weights) : WEFT_NO_MEMORY;
    table_release(&b, &b.layers);
    table_release(&b, &b.classes);
    weft_arena_release(&b.arena);
    return status;
}
