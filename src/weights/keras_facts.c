/* SPDX-License-Identifier: Apache-2.0
 *
 * What the JSON description of a Keras model says about the model as a whole: its class and name, the images that it
 * takes, what it makes of their pixels before the network begins (Rescaling), and the activation of its last layer. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "weights/json.h"
#include "weights/keras_config.h"

enum { DEPTH = 32, PX_MAX = 1 << 16 };

typedef struct facts {
    weft_weights *weights;
    weft_arena arena;
    weft_file text; /* a copy in the arena */
    weft_json json;
    int64_t px;     /* 0: not said, or not square */
    bool shaped;    /* an input was found */
    int rescalings;
    double scale, offset; /* of all of them, one behind the other */
    const char *rescaling;  /* the first one's name */
    const char *activation; /* the last layer's; NULL: none */
} facts;

/* [null, height, width, channels]; null where any size will do. */
static weft_status read_shape(facts *f, size_t at)
{
    double side[2] = { 0 };
    if (!weft_json_is(&f->json, at, '['))
        return WEFT_OK;
    f->shaped = true;
    WEFT_TRY(weft_json_expect(&f->json, '[', "before a shape"));
    WEFT_TRY(weft_json_skip(&f->json)); /* the batch */
    for (int i = 0; i < 2; i++) {
        bool found = false;
        if (!weft_json_take(&f->json, ','))
            return WEFT_OK;
        WEFT_TRY(weft_json_real_at(&f->json, f->json.at, &side[i], &found));
        if (!found)
            return WEFT_OK;
    }
    if (side[0] == side[1] && side[0] >= 1 && side[0] <= PX_MAX)
        f->px = (int64_t)side[0];
    return WEFT_OK;
}

/* x * scale + offset, behind what came before; lists, one value for each channel, are none of the recipes' words. */
static weft_status read_rescaling(facts *f, size_t scale_at, size_t offset_at, const char *name)
{
    double scale = 0, offset = 0;
    bool scaled = false, moved = false;
    WEFT_TRY(weft_json_real_at(&f->json, scale_at, &scale, &scaled));
    WEFT_TRY(weft_json_real_at(&f->json, offset_at, &offset, &moved));
    if (f->rescalings++ == 0) {
        f->rescaling = name ? name : "";
        f->scale = 1;
    }
    f->scale = scaled ? f->scale * scale : 0;
    f->offset = f->offset * scale + offset;
    return WEFT_OK;
}

static weft_status read_layers(facts *f, size_t at, int depth);

/* The layer under the cursor, which ends behind it. */
static weft_status read_layer(facts *f, int depth)
{
    static const char *const keys[] = { "class_name", "config" };
    static const char *const inner[] = { "name", "batch_shape", "batch_input_shape", "scale", "offset", "activation",
                                         "layers" };
    size_t at[2], config[7] = { 0 };
    const char *class_name = NULL, *name = NULL;
    WEFT_TRY(weft_json_members(&f->json, keys, at, 2));
    const size_t end = f->json.at;
    if (weft_json_is(&f->json, at[1], '{'))
        WEFT_TRY(weft_json_members(&f->json, inner, config, 7));
    WEFT_TRY(weft_json_text_at(&f->json, at[0], &class_name));
    if (!f->shaped)
        WEFT_TRY(read_shape(f, config[1] ? config[1] : config[2]));
    if (class_name && strcmp(class_name, "Rescaling") == 0) {
        WEFT_TRY(weft_json_text_at(&f->json, config[0], &name));
        WEFT_TRY(read_rescaling(f, config[3], config[4], name));
    }
    WEFT_TRY(weft_json_text_at(&f->json, config[5], &f->activation));
    if (class_name && strcmp(class_name, "Softmax") == 0)
        f->activation = "softmax";
    if (weft_json_is(&f->json, config[6], '['))
        WEFT_TRY(read_layers(f, f->json.at, depth + 1));
    f->json.at = end;
    return WEFT_OK;
}

static weft_status read_layers(facts *f, size_t at, int depth)
{
    if (depth > DEPTH)
        return weft_file_bad(f->json.file, at, "models are nested more than %d deep", DEPTH);
    f->json.at = at;
    WEFT_TRY(weft_json_expect(&f->json, '[', "before layers"));
    if (weft_json_take(&f->json, ']'))
        return WEFT_OK;
    do
        WEFT_TRY(read_layer(f, depth));
    while (weft_json_take(&f->json, ','));
    return weft_json_expect(&f->json, ']', "behind layers");
}

/* The facts as metadata; recipe.* are what names/recipe.c makes a recipe of. */
static weft_status tell(const facts *f, const char *class_name, const char *name)
{
    char text[320];
    if (class_name)
        WEFT_TRY(weft_weights_set_meta(f->weights, "keras.class", class_name));
    if (name)
        WEFT_TRY(weft_weights_set_meta(f->weights, "keras.name", name));
    if (f->px) {
        snprintf(text, sizeof text, "%" PRId64, f->px);
        WEFT_TRY(weft_weights_set_meta(f->weights, "recipe.px", text));
    }
    if (f->rescalings) {
        snprintf(text, sizeof text, "%.17g %.17g %.200s", f->scale, f->offset, f->rescaling);
        WEFT_TRY(weft_weights_set_meta(f->weights, "recipe.scale", text));
    }
    if (f->activation && (strcmp(f->activation, "softmax") == 0 || strcmp(f->activation, "sigmoid") == 0))
        return weft_weights_set_meta(f->weights, "weft.activation", f->activation);
    return WEFT_OK;
}

static weft_status describe(facts *f)
{
    static const char *const keys[] = { "class_name", "config" }, *const inner[] = { "name", "layers" };
    size_t at[2], config[2] = { 0 };
    const char *class_name, *name = NULL;
    WEFT_TRY(weft_json_members(&f->json, keys, at, 2));
    WEFT_TRY(weft_json_end(&f->json));
    WEFT_TRY(weft_json_text_at(&f->json, at[0], &class_name));
    if (weft_json_is(&f->json, at[1], '{')) {
        WEFT_TRY(weft_json_members(&f->json, inner, config, 2));
        WEFT_TRY(weft_json_text_at(&f->json, config[0], &name));
    }
    if (weft_json_is(&f->json, config[1], '['))
        WEFT_TRY(read_layers(f, f->json.at, 0));
    return tell(f, class_name, name);
}

static weft_status version(facts *f)
{
    static const char *const keys[] = { "keras_version" };
    size_t at[1];
    const char *found = NULL;
    WEFT_TRY(weft_json_members(&f->json, keys, at, 1));
    WEFT_TRY(weft_json_text_at(&f->json, at[0], &found));
    return found ? weft_weights_set_meta(f->weights, "keras.version", found) : WEFT_OK;
}

static weft_status with_text(const char *path, const void *text, size_t size, weft_weights *weights,
                             weft_status (*use)(facts *f))
{
    if (size > WEFT_KERAS_TEXT)
        return weft_fail(WEFT_BAD_DATA, "%s: the description has %zu bytes; at most %d are read", path, size,
                         WEFT_KERAS_TEXT);
    facts f = { .weights = weights };
    weft_arena_init(&f.arena, weights->allocator);
    f.text = (weft_file){ .path = path, .data = weft_arena_copy(&f.arena, text, size), .size = size };
    f.json = (weft_json){ .file = &f.text, .end = size, .arena = &f.arena };
    const weft_status status = f.text.data ? use(&f) : WEFT_NO_MEMORY;
    weft_arena_release(&f.arena);
    return status;
}

weft_status weft_keras_describe(const char *path, const void *text, size_t size, weft_weights *weights)
{
    return with_text(path, text, size, weights, describe);
}

weft_status weft_keras_version(const char *path, const void *text, size_t size, weft_weights *weights)
{
    return with_text(path, text, size, weights, version);
}
