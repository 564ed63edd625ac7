/* SPDX-License-Identifier: Apache-2.0
 *
 * What the JSON description of a Keras model says about the model as a whole: its class and name, the images that it
 * takes, what it makes of their pixels before the network begins (Rescaling, Normalization, Resizing, and
 * arithmetic written as such: preprocess_input), and what stands behind it (keras_behind.c). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "weights/json.h"
#include "weights/keras_behind.h"
#include "weights/keras_config.h"

enum { DEPTH = 32, PX_MAX = 1 << 16 };

typedef struct facts {
    weft_weights *weights;
    weft_arena arena;
    weft_file text; /* a copy in the arena */
    weft_json json;
    int64_t px;     /* 0: not said, or not square */
    bool shaped;    /* an input was found */
    double height, width; /* of it; 0: any */
    bool begun;     /* the network itself has: what comes before it is pixels' */
    int rescalings;
    bool normalized; /* one of them had a value for each channel */
    bool turned;     /* channels have changed places */
    double scale[3], offset[3]; /* of all of them, one behind the other */
    const char *rescaling;  /* the first one's name */
    double plain_scale, plain_offset; /* of those with one number for all channels, of which there are: */
    int plain;
    bool resized, cropped;  /* by a Resizing; to the largest square, not the whole image */
    bool antialias;
    const char *filter;
    const char *cannot;     /* the first layer that no recipe can be, as a sentence */
    weft_keras_behind behind;
} facts;

/* What a layer's description says, by key; its places are 0 where it says nothing. */
enum {
    NAME, BATCH_SHAPE, BATCH_INPUT_SHAPE, SCALE, OFFSET, LAYERS, MEAN, VARIANCE, INVERT, HEIGHT, WIDTH,
    INTERPOLATION, CROP, PAD, ANTIALIAS, FUNCTION, KEYS
};

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
    f->height = side[0];
    f->width = side[1];
    if (side[0] == side[1] && side[0] >= 1 && side[0] <= PX_MAX)
        f->px = (int64_t)side[0];
    return WEFT_OK;
}

/* ---- what happens to pixels before the network ---- */

/* No recipe can be this layer: what is wrong with it. */
static weft_status cannot(facts *f, const char *name, const char *what)
{
    if (f->cannot)
        return WEFT_OK;
    f->cannot = weft_arena_text(&f->arena, "before the network in the file is the layer '%.80s', %s", name, what);
    return f->cannot ? WEFT_OK : WEFT_NO_MEMORY;
}

/* Pixels become x * scale + offset, behind what came before. */
static void rescale(facts *f, const double scale[3], const double offset[3], const char *name)
{
    const bool first = f->rescalings++ == 0;
    if (first)
        f->rescaling = name;
    for (int c = 0; c < 3; c++) {
        f->scale[c] = (first ? 1 : f->scale[c]) * scale[c];
        f->offset[c] = (first ? 0 : f->offset[c]) * scale[c] + offset[c];
    }
}

static void rescale_plainly(facts *f, double scale, double offset)
{
    f->plain_offset = f->plain_offset * scale + offset;
    f->plain_scale = (f->plain++ ? f->plain_scale : 1) * scale;
}

/* Lists, one value for each channel, are none of the recipes' words: a scale of 0, which no recipe has either. */
static weft_status read_rescaling(facts *f, const size_t at[KEYS], const char *name)
{
    double scale = 0, offset = 0;
    bool scaled = false, moved = false;
    WEFT_TRY(weft_json_real_at(&f->json, at[SCALE], &scale, &scaled));
    WEFT_TRY(weft_json_real_at(&f->json, at[OFFSET], &offset, &moved));
    scale = scaled ? scale : 0;
    if (scaled)
        rescale_plainly(f, scale, offset);
    rescale(f, (const double[3]){ scale, scale, scale }, (const double[3]){ offset, offset, offset }, name);
    return WEFT_OK;
}

/* 0.5, [0.1, 0.2, 0.3] at any depth, or NumPy's array with that as its value: *count is 1 or 3, 0 where nothing is
 * said, -1 where it is anything else. */
static weft_status read_constants(facts *f, size_t at, double out[3], int *count)
{
    static const char *const keys[] = { "config" }, *const inner[] = { "value" };
    size_t config[1];
    int depth = 0;
    if (weft_json_is(&f->json, at, '{')) { /* {"class_name": "__numpy__", "config": {"value": ...}} */
        WEFT_TRY(weft_json_members(&f->json, keys, config, 1));
        at = 0;
        if (weft_json_is(&f->json, config[0], '{'))
            WEFT_TRY(weft_json_members(&f->json, inner, &at, 1));
    }
    *count = 0;
    if (at == 0 || weft_json_is(&f->json, at, 'n')) /* null */
        return WEFT_OK;
    f->json.at = at;
    while (weft_json_take(&f->json, '['))
        depth++;
    bool found = false;
    do {
        double value = 0;
        WEFT_TRY(weft_json_real_at(&f->json, f->json.at, &value, &found));
        if (found && *count < 3)
            out[*count] = value;
        *count += found;
    } while (found && depth > 0 && weft_json_take(&f->json, ','));
    while (depth > 0 && weft_json_take(&f->json, ']'))
        depth--;
    if (!found || depth > 0 || (*count != 1 && *count != 3))
        *count = -1;
    for (int c = 1; *count == 1 && c < 3; c++)
        out[c] = out[0];
    return WEFT_OK;
}

/* (x - mean) / sqrt(variance), or its inverse. Without constants they are tensors of the file. */
static weft_status read_normalization(facts *f, const size_t at[KEYS], const char *name)
{
    double mean[3], variance[3], scale[3], offset[3];
    int means = 0, variances = 0;
    WEFT_TRY(read_constants(f, at[MEAN], mean, &means));
    WEFT_TRY(read_constants(f, at[VARIANCE], variance, &variances));
    if (means == 0 && variances == 0)
        return WEFT_OK;
    if (means <= 0 || variances <= 0)
        return cannot(f, name, "a Normalization whose mean and variance are not one or three numbers each");
    const bool inverse = weft_json_is(&f->json, at[INVERT], 't');
    for (int c = 0; c < 3; c++) {
        const double deviation = fmax(sqrt(fmax(variance[c], 0)), 1e-7); /* as Keras does it */
        scale[c] = inverse ? deviation : 1 / deviation;
        offset[c] = inverse ? mean[c] : -mean[c] / deviation;
    }
    f->normalized = true;
    rescale(f, scale, offset, name);
    return WEFT_OK;
}

static bool is_filter(const char *name)
{
    return strcmp(name, "nearest") == 0 || strcmp(name, "bilinear") == 0 || strcmp(name, "bicubic") == 0;
}

/* Images of any size become squares; those of one size that is another would be resized twice. */
static weft_status read_resizing(facts *f, const size_t at[KEYS], const char *name)
{
    double height = 0, width = 0;
    bool high = false, wide = false;
    WEFT_TRY(weft_json_real_at(&f->json, at[HEIGHT], &height, &high));
    WEFT_TRY(weft_json_real_at(&f->json, at[WIDTH], &width, &wide));
    WEFT_TRY(weft_json_text_at(&f->json, at[INTERPOLATION], &f->filter));
    if (!f->filter)
        f->filter = "bilinear";
    if (!high || !wide || height != width || !(height >= 1 && height <= PX_MAX))
        return cannot(f, name, "a Resizing to what is no square");
    if (!is_filter(f->filter))
        return cannot(f, name, "a Resizing whose interpolation weft does not have");
    if (weft_json_is(&f->json, at[PAD], 't'))
        return cannot(f, name, "a Resizing that pads to the aspect ratio");
    if (f->resized || (f->height > 0 && f->height != height) || (f->width > 0 && f->width != width))
        return cannot(f, name, "a Resizing of images that have been brought to another size before");
    f->resized = true;
    f->cropped = weft_json_is(&f->json, at[CROP], 't');
    f->antialias = weft_json_is(&f->json, at[ANTIALIAS], 't');
    f->px = (int64_t)height;
    return WEFT_OK;
}

/* The constants of an operation: the first argument's, which must be none, and the second's. Keras 2 writes
 * [["input_1", 0, 0, {"y": 127.5}]], Keras 3 [{"args": [{a tensor}, 127.5], "kwargs": {}}]. */
static weft_status read_operands(facts *f, size_t nodes, double out[3], int *first, int *second)
{
    static const char *const outer[] = { "args" }, *const inner[] = { "y", "bias" };
    size_t args[1], at[2] = { 0 };
    double ignored[3];
    *first = *second = 0;
    f->json.at = nodes;
    if (!nodes || !weft_json_take(&f->json, '['))
        return WEFT_OK;
    if (weft_json_is(&f->json, f->json.at, '{')) {
        WEFT_TRY(weft_json_members(&f->json, outer, args, 1));
        f->json.at = args[0];
        if (!args[0] || !weft_json_take(&f->json, '['))
            return WEFT_OK;
        const size_t from = f->json.at;
        WEFT_TRY(read_constants(f, from, ignored, first));
        f->json.at = from;
        WEFT_TRY(weft_json_skip(&f->json));
        return weft_json_take(&f->json, ',') ? read_constants(f, f->json.at, out, second) : WEFT_OK;
    }
    if (!weft_json_take(&f->json, '['))
        return WEFT_OK;
    for (int i = 0; i < 3; i++) { /* layer, node, tensor */
        WEFT_TRY(weft_json_skip(&f->json));
        if (!weft_json_take(&f->json, ','))
            return WEFT_OK;
    }
    if (!weft_json_is(&f->json, f->json.at, '{'))
        return WEFT_OK;
    WEFT_TRY(weft_json_members(&f->json, inner, at, 2));
    return read_constants(f, at[0] ? at[0] : at[1], out, second);
}

/* What an operation of Keras 3, or a function of TensorFlow's in Keras 2, does with pixels; '.': nothing, 't': gives
 * channels other places; 0: it is not known. */
static char operation(const char *name)
{
    static const struct {
        const char *name;
        char does;
    } rows[] = {
        { "math.truediv", '/' }, { "math.divide", '/' },       { "math.multiply", '*' }, { "math.subtract", '-' },
        { "math.add", '+' },     { "__operators__.add", '+' }, { "nn.bias_add", '+' },   { "cast", '.' },
        { "identity", '.' },     { "TrueDivide", '/' },        { "Divide", '/' },        { "Multiply", '*' },
        { "Subtract", '-' },     { "Add", '+' },               { "Cast", '.' },          { "GetItem", 't' },
        { "Stack", 't' },        { "__operators__.getitem", 't' },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].does;
    }
    return 0;
}

/* x does value, of each channel. */
static weft_status read_operation(facts *f, char does, size_t nodes, bool is_function, const char *name)
{
    double value[3], scale[3], offset[3];
    int first = 0, second = 0;
    f->turned = f->turned || does == 't';
    if (does == 't' || does == '.')
        return WEFT_OK;
    WEFT_TRY(read_operands(f, nodes, value, &first, &second));
    if (first <= 0 && !second && !is_function) /* a layer of that name, of two tensors */
        return WEFT_OK;
    if (first > 0 || second <= 0)
        return cannot(f, name, "arithmetic with what are not one or three numbers behind the pixels");
    for (int c = 0; c < 3; c++) {
        scale[c] = does == '/' ? 1 / value[c] : does == '*' ? value[c] : 1;
        offset[c] = does == '-' ? -value[c] : does == '+' ? value[c] : 0;
    }
    f->normalized = f->normalized || second == 3;
    if (second == 1)
        rescale_plainly(f, scale[0], offset[0]);
    rescale(f, scale, offset, name);
    return WEFT_OK;
}

/* TensorFlow's functions, which Keras 2 keeps as layers. */
static weft_status read_function(facts *f, const size_t at[KEYS], size_t nodes, const char *name)
{
    const char *function = NULL;
    WEFT_TRY(weft_json_text_at(&f->json, at[FUNCTION], &function));
    const char does = function ? operation(function) : 0;
    if (does)
        return read_operation(f, does, nodes, true, name);
    const char *const what = weft_arena_text(&f->arena, "the function tf.%.80s, which weft does not run",
                                             function ? function : "?");
    return what ? cannot(f, name, what) : WEFT_NO_MEMORY;
}

static weft_status read_pixels(facts *f, const char *class_name, const size_t at[KEYS], size_t nodes)
{
    const char *name = NULL;
    WEFT_TRY(weft_json_text_at(&f->json, at[NAME], &name));
    if (!name)
        name = "";
    if (strcmp(class_name, "Rescaling") == 0)
        return read_rescaling(f, at, name);
    if (strcmp(class_name, "Normalization") == 0)
        return read_normalization(f, at, name);
    if (strcmp(class_name, "Resizing") == 0)
        return read_resizing(f, at, name);
    if (strcmp(class_name, "CenterCrop") == 0)
        return cannot(f, name, "a CenterCrop");
    if (strcmp(class_name, "Lambda") == 0)
        return cannot(f, name, "a Lambda, which is Python code that weft does not run");
    if (strcmp(class_name, "TFOpLambda") == 0 || strcmp(class_name, "SlicingOpLambda") == 0)
        return read_function(f, at, nodes, name);
    if (operation(class_name))
        return read_operation(f, operation(class_name), nodes, false, name);
    f->begun = strstr(class_name, "Conv") || strcmp(class_name, "Dense") == 0 ||
               strcmp(class_name, "BatchNormalization") == 0;
    return WEFT_OK;
}

/* ---- layers ---- */

static weft_status read_layers(facts *f, size_t at, int depth);

/* The layer under the cursor, which ends behind it. */
static weft_status read_layer(facts *f, int depth)
{
    static const char *const keys[] = { "class_name", "config", "inbound_nodes" };
    static const char *const inner[KEYS] = {
        [NAME] = "name", [BATCH_SHAPE] = "batch_shape", [BATCH_INPUT_SHAPE] = "batch_input_shape", [SCALE] = "scale",
        [OFFSET] = "offset", [LAYERS] = "layers", [MEAN] = "mean",
        [VARIANCE] = "variance", [INVERT] = "invert", [HEIGHT] = "height", [WIDTH] = "width",
        [INTERPOLATION] = "interpolation", [CROP] = "crop_to_aspect_ratio", [PAD] = "pad_to_aspect_ratio",
        [ANTIALIAS] = "antialias", [FUNCTION] = "function",
    };
    size_t at[3], config[KEYS] = { 0 };
    const char *class_name = NULL;
    WEFT_TRY(weft_json_members(&f->json, keys, at, 3));
    const size_t end = f->json.at;
    if (weft_json_is(&f->json, at[1], '{'))
        WEFT_TRY(weft_json_members(&f->json, inner, config, KEYS));
    WEFT_TRY(weft_json_text_at(&f->json, at[0], &class_name));
    if (!f->shaped)
        WEFT_TRY(read_shape(f, config[BATCH_SHAPE] ? config[BATCH_SHAPE] : config[BATCH_INPUT_SHAPE]));
    if (class_name && !f->begun)
        WEFT_TRY(read_pixels(f, class_name, config, at[2]));
    if (class_name)
        WEFT_TRY(weft_keras_behind_layer(&f->behind, &f->json, class_name, at[1]));
    if (weft_json_is(&f->json, config[LAYERS], '['))
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

/* x * scale + offset of each channel, as (x / 255 - mean) / std. */
static weft_status tell_normalization(const facts *f)
{
    double mean[3], std[3];
    char text[128];
    for (int c = 0; c < 3; c++) {
        mean[c] = f->offset[c] == 0 ? 0 : -f->offset[c] / (255 * f->scale[c]);
        std[c] = 1 / (255 * f->scale[c]);
    }
    snprintf(text, sizeof text, "%.17g %.17g %.17g", mean[0], mean[1], mean[2]);
    WEFT_TRY(weft_weights_set_meta(f->weights, "recipe.mean", text));
    snprintf(text, sizeof text, "%.17g %.17g %.17g", std[0], std[1], std[2]);
    WEFT_TRY(weft_weights_set_meta(f->weights, "recipe.std", text));
    return weft_weights_set_meta(f->weights, "recipe.layer", f->rescaling);
}

/* Channels in another order are Caffe's, blue first, if its means go off them. */
static weft_status tell_turned(const facts *f)
{
    static const double caffe[] = { -103.939, -116.779, -123.68 };
    bool same = f->rescalings > 0;
    for (int c = 0; c < 3; c++)
        same = same && fabs(f->scale[c] - 1) < 1e-6 && fabs(f->offset[c] - caffe[c]) < 1e-2;
    if (same)
        return weft_weights_set_meta(f->weights, "recipe.preprocess", "caffe");
    return weft_weights_set_meta(f->weights, "recipe.cannot",
                                 "before the network in the file, channels change places, and what follows is not "
                                 "Caffe's preprocessing");
}

/* What becomes of pixels. */
static weft_status tell_pixels(const facts *f)
{
    char text[320];
    if (f->plain) {
        snprintf(text, sizeof text, "%.17g %.17g %.200s", f->plain_scale, f->plain_offset, f->rescaling);
        WEFT_TRY(weft_weights_set_meta(f->weights, "recipe.plain", text));
    }
    if (f->resized) {
        WEFT_TRY(weft_weights_set_meta(f->weights, "recipe.fit", f->cropped ? "crop" : "squash"));
        WEFT_TRY(weft_weights_set_meta(f->weights, "recipe.resample", f->filter));
        WEFT_TRY(weft_weights_set_meta(f->weights, "recipe.antialias", f->antialias ? "yes" : "no"));
    }
    if (f->turned && !f->cannot)
        return tell_turned(f);
    if (f->cannot)
        WEFT_TRY(weft_weights_set_meta(f->weights, "recipe.cannot", f->cannot));
    if (f->normalized && f->scale[0] > 0)
        return tell_normalization(f);
    if (!f->rescalings)
        return WEFT_OK;
    snprintf(text, sizeof text, "%.17g %.17g %.200s", f->scale[0], f->offset[0], f->rescaling);
    return weft_weights_set_meta(f->weights, "recipe.scale", text);
}

/* The facts as metadata; recipe.* are what names/recipe.c makes a recipe of. */
static weft_status tell(facts *f, const char *class_name, const char *name)
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
    WEFT_TRY(tell_pixels(f));
    return weft_keras_behind_tell(&f->behind, &f->json, f->weights);
}

/* Images that are not square have no recipe, whatever else becomes of them. */
static weft_status check_square(facts *f)
{
    if (f->cannot || !(f->height > 0 && f->width > 0) || f->height == f->width)
        return WEFT_OK;
    f->cannot = weft_arena_text(&f->arena, "the network in the file takes images of %.0f x %.0f pixels (height, width)",
                                f->height, f->width);
    return f->cannot ? WEFT_OK : WEFT_NO_MEMORY;
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
    WEFT_TRY(check_square(f));
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
