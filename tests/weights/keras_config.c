/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptions of Keras models: what they say of images and activations, the names that they give, and descriptions
 * that ask for more memory or time than they are worth. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zlib.h>

#include "check/harness.h"
#include "weights/common.h"
#include "weights/keras_config.h"

/* A text that grows. */
typedef struct text {
    char *bytes;
    size_t size, room;
} text;

static void put(text *t, const char *more)
{
    const size_t length = strlen(more);
    if (t->size + length + 1 > t->room) {
        t->room = 2 * (t->size + length + 1);
        t->bytes = realloc(t->bytes, t->room);
        ck_assert_ptr_nonnull(t->bytes);
    }
    memcpy(t->bytes + t->size, more, length + 1);
    t->size += length;
}

static void put_many(text *t, char c, size_t count)
{
    char piece[1025];
    for (; count > 0; count -= count < 1024 ? count : 1024) {
        const size_t n = count < 1024 ? count : 1024;
        memset(piece, c, n);
        piece[n] = '\0';
        put(t, piece);
    }
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- facts ---- */

#define MODEL(layers) "{\"class_name\":\"Functional\",\"config\":{\"name\":\"m\",\"layers\":[" layers "]}}"
#define LAYER(class, config) "{\"class_name\":\"" class "\",\"config\":{" config "}}"
#define INPUT(shape) LAYER("InputLayer", "\"name\":\"in\",\"batch_shape\":[" shape "]")

static const struct {
    const char *json;
    const char *px, *scale, *activation;
} facts[] = {
    { MODEL(INPUT("null,96,96,3") "," LAYER("Dense", "\"name\":\"d\",\"activation\":\"softmax\"")), "96", NULL,
      "softmax" },
    { MODEL(INPUT("null, null, null, 3")), NULL, NULL, NULL },
    { MODEL(INPUT("null,96,128,3")), NULL, NULL, NULL },
    { MODEL(LAYER("Conv2D", "\"batch_input_shape\":[null,64,64,3],\"activation\":\"relu\"")), "64", NULL, NULL },
    { MODEL(LAYER("Sequential", "\"name\":\"s\",\"layers\":[" INPUT("null,32,32,1") "]") "," LAYER(
          "Dense", "\"activation\":\"sigmoid\"")),
      "32", NULL, "sigmoid" },
    { MODEL(LAYER("Dense", "\"activation\":\"softmax\"") "," LAYER("Dense", "\"activation\":\"linear\"")), NULL, NULL,
      NULL },
    { MODEL(LAYER("Dense", "\"name\":\"d\"") "," LAYER("Softmax", "\"axis\":-1")), NULL, NULL, "softmax" },
    { MODEL(LAYER("Rescaling", "\"name\":\"r\",\"scale\":0.5,\"offset\":-1.0")), NULL, "0.5 -1 r", NULL },
    { MODEL(LAYER("Rescaling", "\"name\":\"a\",\"scale\":0.5,\"offset\":0") "," LAYER(
          "Rescaling", "\"name\":\"b\",\"scale\":4,\"offset\":-1")),
      NULL, "2 -1 a", NULL },
    { MODEL(LAYER("Rescaling", "\"name\":\"r\",\"scale\":[1,2,3],\"offset\":0")), NULL, "0 0 r", NULL },
    { "{\"class_name\":\"Mine\"}", NULL, NULL, NULL },
};

/* Behind the network: what does nothing, what weft's networks have, and what would give other answers. */
#define DENSE(activation) LAYER("Dense", "\"name\":\"d\",\"activation\":" activation)
#define ACT(activation) LAYER("Activation", "\"name\":\"a\",\"activation\":\"" activation "\"")
#define PLAIN(class) LAYER(class, "\"name\":\"x\"")
#define BODY LAYER("Conv2D", "\"name\":\"c\"") "," PLAIN("BatchNormalization") ","
#define TOP "," PLAIN("GlobalAveragePooling2D") "," DENSE("\"softmax\"")
#define BEHIND "the description in the file has behind the network the layer "

static const struct {
    const char *json, *activation, *differs;
} behind[] = {
    { MODEL(BODY ACT("relu") TOP), "softmax", NULL },
    { MODEL(BODY ACT("swish") "," PLAIN("Dropout") TOP), "softmax", NULL },
    { MODEL(BODY LAYER("ReLU", "\"name\":\"x\",\"max_value\":6.0") TOP), "softmax", NULL },
    { MODEL(BODY ACT("relu") "," ACT("relu") TOP), "softmax", NULL },
    { MODEL(BODY ACT("relu") "," LAYER("ReLU", "\"name\":\"x\",\"max_value\":1.0") TOP), "softmax",
      BEHIND "'x', another activation, ReLU" },
    { MODEL(BODY ACT("relu") "," LAYER("ReLU", "\"name\":\"x\",\"max_value\":null,\"negative_slope\":0.1") TOP),
      "softmax", BEHIND "'x', another activation, ReLU" },
    { MODEL(BODY ACT("tanh") TOP), "softmax", BEHIND "'a', another activation, Activation" },
    { MODEL(BODY PLAIN("GlobalMaxPooling2D") "," DENSE("null")), NULL, BEHIND "'x', a GlobalMaxPooling2D" },
    { MODEL(BODY PLAIN("GlobalMaxPooling2D") "," LAYER("Conv2D", "\"name\":\"preds\"")), NULL,
      BEHIND "'x', a GlobalMaxPooling2D" },
    { MODEL(BODY PLAIN("MaxPooling2D") TOP), "softmax", BEHIND "'x', a MaxPooling2D" },
    { MODEL(PLAIN("MaxPooling2D") "," BODY ACT("relu") TOP), "softmax", NULL },
    { MODEL(PLAIN("Conv2D") "," PLAIN("MaxPooling2D") "," PLAIN("Flatten") "," DENSE("\"softmax\"")), "softmax", NULL },
    { MODEL(BODY PLAIN("AveragePooling2D") "," PLAIN("Flatten") "," DENSE("\"softmax\"")), "softmax", NULL },
    { MODEL(BODY PLAIN("AveragePooling2D") TOP), "softmax",
      BEHIND "'x', a pool behind a pool, GlobalAveragePooling2D" },
    { MODEL(BODY PLAIN("GlobalAveragePooling2D") "," PLAIN("Rescaling") "," DENSE("\"softmax\"")), "softmax",
      BEHIND "'x', a Rescaling" },
    { MODEL(BODY PLAIN("GlobalAveragePooling2D") "," PLAIN("UnitNormalization") "," DENSE("null")), NULL,
      BEHIND "'x', a UnitNormalization" },
    { MODEL(BODY PLAIN("GlobalAveragePooling2D") "," PLAIN("Lambda") "," DENSE("null")), NULL, BEHIND "'x', a Lambda" },
    { MODEL(BODY DENSE("\"relu\"") "," PLAIN("Dropout") "," DENSE("\"softmax\"")), "softmax", NULL },
    { MODEL(BODY DENSE("\"sigmoid\"") "," ACT("linear")), "sigmoid", NULL }, /* mixed precision */
    { MODEL(BODY DENSE("\"linear\"") "," ACT("sigmoid")), "sigmoid", NULL },
    { MODEL(BODY DENSE("\"sigmoid\"") "," PLAIN("Reshape")), "sigmoid", NULL },
    { MODEL(BODY DENSE("\"sigmoid\"") "," PLAIN("Softmax")), "sigmoid",
      BEHIND "'x', behind another activation, Softmax" },
    { MODEL(BODY DENSE("\"tanh\"")), NULL,
      "the description in the file makes answers of outputs by the activation 'tanh' of the layer 'd'" },
    { MODEL(BODY DENSE("\"linear\"") "," ACT("relu")), NULL,
      "the description in the file makes answers of outputs by the activation 'relu' of the layer 'a'" },
    { MODEL(BODY DENSE("{\"class_name\":\"function\",\"config\":\"mine\"}")), NULL,
      "the description in the file makes answers of outputs by the activation 'one of its own' of the layer 'd'" },
    { MODEL(BODY PLAIN("GlobalAveragePooling2D") "," PLAIN("Conv2D") "," PLAIN("Reshape") "," ACT("softmax")),
      "softmax", NULL },
    { MODEL(BODY PLAIN("GlobalAveragePooling2D") "," PLAIN("Conv2D") "," PLAIN("Reshape") "," ACT("relu")), NULL,
      "the description in the file makes answers of outputs by the activation 'relu' of the layer 'a'" },
    { MODEL(BODY ACT("relu") "," PLAIN("Flatten") "," DENSE("\"relu\"") "," DENSE("\"softmax\"")), "softmax", NULL },
    { MODEL(BODY ACT("relu")), NULL, NULL }, /* a network without a classifier: its tensors tell */
};

static void same_text(int row, const char *is, const char *expected)
{
    ck_assert_msg((is == NULL) == (expected == NULL) && (!is || strcmp(is, expected) == 0),
                  "row %d: \"%s\", expected \"%s\"", row, is ? is : "-", expected ? expected : "-");
}

START_TEST(facts_become_metadata)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    CHECK_OK(weft_weights_create(&ctx, &set));
    CHECK_OK(weft_keras_describe("x", facts[_i].json, strlen(facts[_i].json), set));
    same_text(_i, weft_weights_meta_find(set, "recipe.px"), facts[_i].px);
    same_text(_i, weft_weights_meta_find(set, "recipe.scale"), facts[_i].scale);
    same_text(_i, weft_weights_meta_find(set, "weft.activation"), facts[_i].activation);
    weft_weights_destroy(set);
}
END_TEST

START_TEST(what_stands_behind_the_network_is_seen)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    CHECK_OK(weft_weights_create(&ctx, &set));
    CHECK_OK(weft_keras_describe("x", behind[_i].json, strlen(behind[_i].json), set));
    same_text(_i, weft_weights_meta_find(set, "weft.activation"), behind[_i].activation);
    same_text(_i, weft_weights_meta_find(set, WEFT_META_FILE_DIFFERS), behind[_i].differs);
    weft_weights_destroy(set);
}
END_TEST

/* Keras' own networks, as Keras 2 and 3 describe them (layers-keras.gz, by make_keras_layers.py), have nothing behind
 * them that weft's have not, and those with a classifier answer with a softmax. */
START_TEST(the_networks_of_keras_are_as_wefts)
{
    enum { LINE = 1 << 18, NETWORKS = 44 };
    char *line = malloc(LINE), version, network[32];
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    gzFile file = gzopen(WEFT_TEST_WEIGHTS "/layers-keras.gz", "rb");
    int count = 0, name = 0;
    ck_assert(file && line);
    for (; gzgets(file, line, LINE); count++) {
        weft_weights *set = NULL;
        ck_assert_int_eq(sscanf(line, "%c %31s %n", &version, network, &name), 2);
        const bool base = strstr(network, "-base") != NULL;
        CHECK_OK(weft_weights_create(&ctx, &set));
        CHECK_OK(weft_keras_describe(network, line + name, strlen(line + name), set));
        const char *differs = weft_weights_meta_find(set, WEFT_META_FILE_DIFFERS);
        ck_assert_msg(!differs, "Keras %c, %s: %s", version, network, differs);
        same_text(count, weft_weights_meta_find(set, "weft.activation"), base ? NULL : "softmax");
        weft_weights_destroy(set);
    }
    gzclose(file);
    free(line);
    ck_assert_int_eq(count, NETWORKS);
}
END_TEST

#define CONV "," LAYER("Conv2D", "\"name\":\"c\"")
#define ANY INPUT("null,null,null,3") ","
#define NUMPY(value) "{\"class_name\":\"__numpy__\",\"config\":{\"value\":" value ",\"dtype\":\"float32\"}}"
#define NORMALIZATION(mean, variance) LAYER("Normalization", "\"name\":\"n\",\"mean\":" mean ",\"variance\":" variance)
#define RESIZING(more) LAYER("Resizing", "\"name\":\"r\",\"height\":128,\"width\":128" more)
/* Arithmetic, as Keras 2 and Keras 3 write it, each with a comma behind it. */
#define TF(function, kwargs) \
    "{\"class_name\":\"TFOpLambda\",\"config\":{\"name\":\"" function "\",\"function\":\"" function \
    "\"},\"inbound_nodes\":[[\"input_1\",0,0,{" kwargs ",\"name\":null}]]},"
#define PIXELS \
    "{\"class_name\":\"__keras_tensor__\",\"config\":{\"shape\":[null,32,32,3],\"keras_history\":[\"i\",0,0]}}"
#define OP(class, value) \
    "{\"class_name\":\"" class "\",\"config\":{\"name\":\"" class "\"},\"inbound_nodes\":[{\"args\":[" PIXELS \
    "," value "],\"kwargs\":{}}]},"
#define TENSOR(value) "{\"class_name\":\"__tensor__\",\"config\":{\"value\":" value ",\"dtype\":\"float32\"}}"
#define CONV2 LAYER("Conv2D", "\"name\":\"c\"")
#define BEFORE "before the network in the file is the layer "

static const struct {
    const char *json, *key, *text; /* NULL: none */
} pixels[] = {
    { MODEL(NORMALIZATION("[127.5,51,0]", "[65025,16256.25,65025]") CONV), "recipe.mean", "0.5 0.20000000000000001 0" },
    { MODEL(NORMALIZATION("[127.5,51,0]", "[65025,16256.25,65025]") CONV), "recipe.std", "1 0.5 1" },
    { MODEL(NORMALIZATION("[127.5,51,0]", "[65025,16256.25,65025]") CONV), "recipe.layer", "n" },
    { MODEL(NORMALIZATION("[[[[127.5,127.5,127.5]]]]", NUMPY("[[[[65025,65025,65025]]]]")) CONV), "recipe.mean",
      "0.5 0.5 0.5" },
    { MODEL(LAYER("Rescaling", "\"name\":\"s\",\"scale\":2,\"offset\":0") "," NORMALIZATION("255", "65025") CONV),
      "recipe.mean", "0.5 0.5 0.5" },
    { MODEL(LAYER("Rescaling", "\"name\":\"s\",\"scale\":2,\"offset\":0") "," NORMALIZATION("255", "65025") CONV),
      "recipe.std", "0.5 0.5 0.5" },
    { MODEL(TF("math.truediv", "\"y\":127.5") TF("math.subtract", "\"y\":1.0") CONV2), "recipe.scale",
      "0.0078431372549019607 -1 math.truediv" },
    { MODEL(OP("TrueDivide", "255.0") LAYER("Rescaling", "\"name\":\"own\",\"scale\":0.5") "," LAYER(
          "Rescaling", "\"name\":\"last\",\"scale\":[2,2,2]") CONV), "recipe.plain",
      "0.0019607843137254902 0 TrueDivide" },
    { MODEL(LAYER("Rescaling", "\"name\":\"last\",\"scale\":[2,2,2]") CONV), "recipe.plain", NULL },
    { MODEL(OP("TrueDivide", "127.5") OP("Subtract", "1.0") CONV2), "recipe.scale",
      "0.0078431372549019607 -1 TrueDivide" },
    { MODEL(TF("math.multiply", "\"y\":2") TF("__operators__.add", "\"y\":3") CONV2), "recipe.scale",
      "2 3 math.multiply" },
    { MODEL(OP("TrueDivide", "255") OP("Add", TENSOR("[[[[-0.5,-0.25,0]]]]")) OP("TrueDivide", TENSOR("[1,0.5,2]"))
                CONV2),
      "recipe.mean", "0.5 0.25 0" },
    { MODEL(OP("TrueDivide", "255") OP("Add", TENSOR("[[[[-0.5,-0.25,0]]]]")) OP("TrueDivide", TENSOR("[1,0.5,2]"))
                CONV2),
      "recipe.std", "1 0.5 2" },
    { MODEL(OP("GetItem", "[2]") OP("Stack", "1") OP("Add", TENSOR("[[[[-103.939,-116.779,-123.68]]]]")) CONV2),
      "recipe.preprocess", "caffe" },
    { MODEL(LAYER("SlicingOpLambda", "\"name\":\"s\",\"function\":\"__operators__.getitem\"") "," TF(
          "nn.bias_add", "\"bias\":[-103.939,-116.779,-123.68]") CONV2),
      "recipe.preprocess", "caffe" },
    { MODEL(OP("GetItem", "[2]") OP("Add", "1") CONV2), "recipe.cannot",
      "before the network in the file, channels change places, and what follows is not Caffe's preprocessing" },
    { MODEL(TF("cast", "\"dtype\":\"float32\"") CONV2), "recipe.cannot", NULL },
    { MODEL(TF("image.resize", "\"size\":[64,64]") CONV2), "recipe.cannot",
      BEFORE "'image.resize', the function tf.image.resize, which weft does not run" },
    { MODEL(TF("math.subtract", "\"y\":[\"input_1\",0,0]") CONV2), "recipe.cannot",
      BEFORE "'math.subtract', arithmetic with what are not one or three numbers behind the pixels" },
    { MODEL("{\"class_name\":\"Subtract\",\"config\":{\"name\":\"s\"},\"inbound_nodes\":[{\"args\":[1.0," PIXELS
            "],\"kwargs\":{}}]}" CONV), "recipe.cannot",
      BEFORE "'s', arithmetic with what are not one or three numbers behind the pixels" },
    { MODEL(LAYER("Conv2D", "\"name\":\"c\"") "," OP("Add", "1") CONV2), "recipe.scale", NULL },
    { MODEL("{\"class_name\":\"Add\",\"config\":{\"name\":\"a\"},\"inbound_nodes\":[{\"args\":[[" PIXELS "," PIXELS
            "]],\"kwargs\":{}}]}" CONV), "recipe.cannot", NULL }, /* a layer of two tensors */
    { MODEL(NORMALIZATION("null", "null") CONV), "recipe.mean", NULL }, /* tensors */
    { MODEL(NORMALIZATION("null", NUMPY("null")) CONV), "recipe.cannot", NULL },
    { MODEL(NORMALIZATION("[1,2]", "1") CONV), "recipe.cannot",
      BEFORE "'n', a Normalization whose mean and variance are not one or three numbers each" },
    { MODEL(NORMALIZATION("[1,2,3,4]", "1") CONV), "recipe.cannot",
      BEFORE "'n', a Normalization whose mean and variance are not one or three numbers each" },
    { MODEL(NORMALIZATION("[[1],[2],[3]]", "1") CONV), "recipe.cannot",
      BEFORE "'n', a Normalization whose mean and variance are not one or three numbers each" },
    { MODEL(LAYER("Conv2D", "\"name\":\"c\"") "," NORMALIZATION("[1,2]", "1")), "recipe.cannot", NULL },
    { MODEL(ANY RESIZING("") CONV), "recipe.px", "128" },
    { MODEL(ANY RESIZING("") CONV), "recipe.fit", "squash" },
    { MODEL(ANY RESIZING("") CONV), "recipe.resample", "bilinear" },
    { MODEL(ANY RESIZING("") CONV), "recipe.antialias", "no" },
    { MODEL(ANY RESIZING(",\"interpolation\":\"bicubic\"") CONV), "recipe.resample", "bicubic" },
    { MODEL(ANY RESIZING(",\"crop_to_aspect_ratio\":true") CONV), "recipe.fit", "crop" },
    { MODEL(ANY RESIZING(",\"antialias\":true") CONV), "recipe.antialias", "yes" },
    { MODEL(ANY RESIZING(",\"pad_to_aspect_ratio\":true") CONV), "recipe.cannot",
      BEFORE "'r', a Resizing that pads to the aspect ratio" },
    { MODEL(ANY RESIZING(",\"interpolation\":\"lanczos3\"") CONV), "recipe.cannot",
      BEFORE "'r', a Resizing whose interpolation weft does not have" },
    { MODEL(ANY LAYER("Resizing", "\"name\":\"r\",\"height\":128,\"width\":96") CONV), "recipe.cannot",
      BEFORE "'r', a Resizing to what is no square" },
    { MODEL(INPUT("null,256,256,3") "," RESIZING("") CONV), "recipe.cannot",
      BEFORE "'r', a Resizing of images that have been brought to another size before" },
    { MODEL(INPUT("null,128,128,3") "," RESIZING("") CONV), "recipe.cannot", NULL },
    { MODEL(LAYER("Lambda", "\"name\":\"l\"") CONV), "recipe.cannot",
      BEFORE "'l', a Lambda, which is Python code that weft does not run" },
    { MODEL(LAYER("Conv2D", "\"name\":\"c\"") "," LAYER("Lambda", "\"name\":\"l\"")), "recipe.cannot", NULL },
    { MODEL(INPUT("null,96,128,3") CONV), "recipe.cannot",
      "the network in the file takes images of 96 x 128 pixels (height, width)" },
    { MODEL(INPUT("null,null,128,3") CONV), "recipe.cannot", NULL },
    { MODEL(LAYER("CenterCrop", "\"name\":\"cut\"") CONV), "recipe.cannot", BEFORE "'cut', a CenterCrop" },
};

START_TEST(what_becomes_of_pixels_is_metadata)
{
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    CHECK_OK(weft_weights_create(&ctx, &set));
    CHECK_OK(weft_keras_describe("x", pixels[_i].json, strlen(pixels[_i].json), set));
    same_text(_i, weft_weights_meta_find(set, pixels[_i].key), pixels[_i].text);
    weft_weights_destroy(set);
}
END_TEST

/* ---- names ---- */

/* A set of one tensor "dense/0", whose layer the description lists under another name. */
static weft_status arrange(weft_ctx *ctx, const text *json, bool by_path)
{
    weft_weights *set = NULL;
    CHECK_OK(weft_weights_create(ctx, &set));
    CHECK_OK(weft_weights_set_meta(set, "keras.names", by_path ? "paths" : "attributes"));
    CHECK_OK(weft_weights_add(set, "dense/0", WEFT_F32, &(weft_shape){ 1, { 1 } }, NULL));
    const weft_status status = weft_keras_arrange("case", json->bytes, json->size, set);
    weft_weights_destroy(set);
    return status;
}

/* What a description names a tensor, the writers can write and the readers read. */
START_TEST(names_that_no_file_could_hold_are_refused)
{
    static const struct {
        const char *name, *part;
    } rows[] = {
        { "\\u001b[31m", "control character 1b" },
        { "a\\nb", "control character 0a" },
        { "\\u007f", "control character 7f" },
        { "", "an empty name" },
    };
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        text json = { 0 };
        put(&json,
            "{\"class_name\":\"Functional\",\"config\":{\"layers\":[{\"class_name\":\"Dense\",\"config\":{\"name\":\"");
        put(&json, rows[i].name);
        put(&json, "\"}}]}}");
        CHECK_FAILS(WEFT_BAD_DATA, arrange(&ctx, &json, true), rows[i].part);
        free(json.bytes);
    }
    text json = { 0 };
    put(&json,
        "{\"class_name\":\"Functional\",\"config\":{\"layers\":[{\"class_name\":\"Dense\",\"config\":{\"name\":\"");
    put_many(&json, 'a', 70002);
    put(&json, "\"}}]}}");
    CHECK_FAILS(WEFT_BAD_DATA, arrange(&ctx, &json, true), "the name of a layer has 70002 bytes");
    free(json.bytes);
}
END_TEST

/* ---- cost ---- */

static void bounded(const char *what, const text *json, bool fails, size_t most)
{
    weights_peak peak = { 0 };
    const weft_allocator allocator = weights_peak_allocator(&peak);
    weft_ctx ctx = weights_ctx(&allocator);
    const double begin = seconds();
    const weft_status status = arrange(&ctx, json, true);
    ck_assert_msg((status == WEFT_BAD_DATA) == fails && (fails || status == WEFT_OK), "%s: %s", what, weft_error());
    ck_assert_msg(peak.peak <= most && peak.live == 0, "%s: %zu bytes of memory", what, peak.peak);
    ck_assert_msg(seconds() - begin < 8, "%s: %g seconds", what, seconds() - begin);
}

/* A long name of a model stands before the name of each layer in it. */
START_TEST(long_names_of_models_are_bounded)
{
    text json = { 0 };
    put(&json, "{\"class_name\":\"Functional\",\"config\":{\"layers\":[");
    for (int depth = 0; depth < 17; depth++) {
        put(&json, "{\"class_name\":\"Functional\",\"config\":{\"name\":\"");
        put_many(&json, (char)('a' + depth), 250);
        put(&json, "\",\"layers\":[");
    }
    put(&json, LAYER("Dense", "\"name\":\"d\""));
    for (int depth = 0; depth < 17; depth++)
        put(&json, "]}}");
    put(&json, "]}}");
    bounded("one path", &json, true, (size_t)2 << 20);
    free(json.bytes);

    json = (text){ 0 };
    put(&json, "{\"class_name\":\"Functional\",\"config\":{\"layers\":[");
    for (int depth = 0; depth < 15; depth++) {
        put(&json, "{\"class_name\":\"Functional\",\"config\":{\"name\":\"");
        put_many(&json, 'n', 250);
        put(&json, "\",\"layers\":[");
    }
    for (int i = 0; i < 40000; i++) {
        char one[96];
        snprintf(one, sizeof one, "%s{\"class_name\":\"D\",\"config\":{\"name\":\"%d\"}}", i ? "," : "", i);
        put(&json, one);
    }
    for (int depth = 0; depth < 15; depth++)
        put(&json, "]}}");
    put(&json, "]}}");
    bounded("many paths", &json, true, (size_t)160 << 20);
    free(json.bytes);
}
END_TEST

/* Texts that are passed over are not kept. */
START_TEST(strings_passed_over_cost_nothing)
{
    text json = { 0 };
    put(&json, "{\"class_name\":\"Functional\",\"config\":{\"layers\":[");
    for (int i = 0; i < 3; i++)
        put(&json, "{\"class_name\":\"Functional\",\"config\":{\"name\":\"m\",\"layers\":[");
    put(&json, "{\"class_name\":\"Dense\",\"config\":{\"name\":\"d\",\"notes\":[");
    for (int i = 0; i < 1000; i++) {
        put(&json, i ? ",\"" : "\"");
        put_many(&json, 'x', 4000);
        put(&json, "\"");
    }
    put(&json, "]}}]}}]}}]}}]}}");
    bounded("strings", &json, false, json.size + ((size_t)1 << 20));
    free(json.bytes);
}
END_TEST

START_TEST(long_descriptions_are_not_read)
{
    text json = { 0 };
    put(&json, "{\"a\":\"");
    put_many(&json, 'x', WEFT_KERAS_TEXT);
    put(&json, "\"}");
    bounded("long", &json, true, (size_t)1 << 20);
    free(json.bytes);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_keras_config");
    TCase *tcase = tcase_create("facts");
    tcase_add_loop_test(tcase, facts_become_metadata, 0, WEFT_COUNT(facts));
    tcase_add_loop_test(tcase, what_becomes_of_pixels_is_metadata, 0, WEFT_COUNT(pixels));
    tcase_add_test(tcase, the_networks_of_keras_are_as_wefts);
    tcase_add_loop_test(tcase, what_stands_behind_the_network_is_seen, 0, WEFT_COUNT(behind));
    suite_add_tcase(suite, tcase);
    CHECK_CASE(suite, "names", names_that_no_file_could_hold_are_refused);
    CHECK_CASE(suite, "cost", long_names_of_models_are_bounded, strings_passed_over_cost_nothing,
               long_descriptions_are_not_read);
    return check_main(suite, argv[0]);
}
