/* SPDX-License-Identifier: Apache-2.0
 *
 * Keras' files through the helper process: real ones give the tensors that Keras saved, hostile ones are refused with
 * the reason, as are prefixes; nothing is left behind, in any thread, whichever allocation fails. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "check/alloc.h"
#include "check/harness.h"
#include "weights/h5.h"
#include "weights/keras_files.h"

enum { PREFIXES = 24, THREADS = 4, ROUNDS = 5 };

/* A tensor: element i is number + i / 256, as the script wrote it. */
typedef struct expected {
    const char *name;
    int number;
    int64_t dim[4]; /* zeros behind the last */
} expected;

#define TINY_CONV(kernel, bias) { kernel, 0, { 4, 4, 1, 2 } }, { bias, 1, { 2 } }
#define TINY_BN(a, b, c, d) { a, 2, { 2 } }, { b, 3, { 2 } }, { c, 4, { 2 } }, { d, 5, { 2 } }
#define TINY_PREDS(kernel, bias) { kernel, 6, { 2, 3 } }, { bias, 7, { 3 } }

static const expected by_weight[] = {
    TINY_CONV("conv/kernel", "conv/bias"),
    TINY_BN("bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance"),
    TINY_PREDS("preds/kernel", "preds/bias"), { 0 },
};
static const expected by_class[] = {
    TINY_BN("bn/0", "bn/1", "bn/2", "bn/3"), TINY_CONV("conv/0", "conv/1"), TINY_PREDS("preds/0", "preds/1"), { 0 },
};
static const expected by_config[] = {
    TINY_CONV("conv/0", "conv/1"), TINY_BN("bn/0", "bn/1", "bn/2", "bn/3"), TINY_PREDS("preds/0", "preds/1"), { 0 },
};

/* Metadata that must be there; NULL: must not. */
static const struct file {
    const char *name;
    const expected *tensors;
    const char *format, *class_name, *model, *version, *names;
} files[] = {
    { "tiny.h5", by_weight, "keras-h5", "Functional", "tiny", "3.15.1", NULL },
    { "tf.h5", by_weight, "keras-h5", NULL, NULL, "2.15.0", NULL },
    { "tf-filters.h5", by_weight, "keras-h5", NULL, NULL, "2.15.0", NULL },
    { "tiny.weights.h5", by_class, "keras-weights-h5", NULL, "tiny", NULL, "attributes" },
    { "tiny.keras", by_config, "keras", "Sequential", "tiny", "3.15.1", "attributes" },
    { "paths.keras", by_config, "keras", "Sequential", "tiny", "3.15.1", "attributes" },
};

static void check_meta(const weft_weights *weights, const char *file, const char *key, const char *text)
{
    const char *found = weft_weights_meta_find(weights, key);
    const bool right = text ? found && strcmp(found, text) == 0 : !found;
    ck_assert_msg(right, "%s: %s is %s", file, key, found ? found : "absent");
}

static void check_tensor(const weft_weight *weight, const expected *e, const char *file)
{
    int rank = 0;
    ck_assert_msg(strcmp(weight->name, e->name) == 0, "%s: %s where %s was expected", file, weight->name, e->name);
    while (rank < 4 && e->dim[rank])
        rank++;
    ck_assert_msg(weight->dtype == WEFT_F32 && weight->shape.rank == rank, "%s: %s", file, e->name);
    for (int i = 0; i < rank; i++)
        ck_assert_int_eq(weight->shape.dim[i], e->dim[i]);
    for (int64_t i = 0; i < weight->count; i++) {
        const float value = ((const float *)weight->data)[i];
        ck_assert_msg(value == (float)e->number + (float)i / 256, "%s: %s[%lld] is %g", file, e->name, (long long)i,
                      (double)value);
    }
}

static void check_file(weft_ctx *ctx, const struct file *f)
{
    char path[KERAS_PATH];
    weft_weights *weights = NULL;
    weft_weight weight;
    keras_path(f->name, path);
    CHECK_OK(weft_weights_read(ctx, path, WEFT_FORMAT_AUTO, &weights));
    int64_t count = 0;
    for (; f->tensors[count].name; count++) {
        CHECK_OK(weft_weights_get(weights, count, &weight));
        check_tensor(&weight, &f->tensors[count], f->name);
        CHECK_OK(weft_weights_find(weights, f->tensors[count].name, &weight));
    }
    ck_assert_int_eq(weft_weights_count(weights), count);
    check_meta(weights, f->name, "format", f->format);
    check_meta(weights, f->name, "keras.class", f->class_name);
    check_meta(weights, f->name, "keras.name", f->model);
    check_meta(weights, f->name, "keras.version", f->version);
    check_meta(weights, f->name, "keras.names", f->names);
    check_meta(weights, f->name, "model_config", NULL);
    weft_weights_destroy(weights);
}

START_TEST(files_give_what_keras_saved)
{
    check_alloc state = { 0 };
    weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = keras_ctx(&allocator);
    const int before = check_descriptors();
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check_file(&ctx, &files[i]);
    ck_assert_int_eq(state.live, 0);
    ck_assert_int_eq(check_descriptors(), before);
    keras_no_child();
}
END_TEST

START_TEST(every_element_type_and_filter_is_read)
{
    static const weft_dtype dtypes[] = { WEFT_F32, WEFT_F64, WEFT_F16, WEFT_U8, WEFT_I32, WEFT_I64 };
    char path[KERAS_PATH], name[24];
    float values[12];
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    weft_weights *weights = NULL;
    weft_weight weight;
    keras_path("types.weights.h5", path);
    CHECK_OK(weft_weights_read(&ctx, path, WEFT_FORMAT_AUTO, &weights));
    ck_assert_int_eq(weft_weights_count(weights), 7);
    for (int v = 0; v < 6; v++) {
        snprintf(name, sizeof name, "types/%d", v);
        CHECK_OK(weft_weights_get(weights, v, &weight));
        ck_assert_str_eq(weight.name, name);
        ck_assert_int_eq(weight.dtype, dtypes[v]);
        CHECK_OK(weft_weight_floats(&weight, values));
        for (int i = 0; i < 12; i++)
            ck_assert_msg(values[i] == (float)v + (float)i / (v < 3 ? 256 : 1), "%s[%d] is %g", name, i,
                          (double)values[i]);
    }
    CHECK_OK(weft_weights_find(weights, "types/6", &weight));
    ck_assert_int_eq(weight.dtype, WEFT_BF16);
    for (int i = 0; i < 4; i++)
        ck_assert_uint_eq(((const uint16_t *)weight.data)[i], (unsigned)i);
    weft_weights_destroy(weights);
}
END_TEST

static const struct {
    const char *name;
    weft_status status;
    const char *part; /* of the sentence */
} hostile[] = {
    { "soft-link", WEFT_BAD_DATA, "/layers/dense/vars/0: is a soft link" },
    { "soft-middle", WEFT_BAD_DATA, "/d/d: is a soft link" },
    { "external-link", WEFT_BAD_DATA, "/layers/dense/vars/0: is an external link" },
    { "external-storage", WEFT_BAD_DATA, "/layers/dense/vars/0: has external storage" },
    { "virtual", WEFT_BAD_DATA, "/layers/dense/vars/0: is a virtual data set" },
    { "vlen-strings", WEFT_BAD_DATA, "/layers/dense/vars/0: holds variable-length strings" },
    { "vlen-floats", WEFT_BAD_DATA, "/layers/dense/vars/0: holds a variable-length type" },
    { "compound", WEFT_BAD_DATA, "/layers/dense/vars/0: holds a compound type" },
    { "huge", WEFT_BAD_DATA, "has 4398046511104 bytes, of which 0 are stored" },
    { "overflow", WEFT_BAD_DATA, "more than 2^64 bytes" },
    { "unwritten", WEFT_BAD_DATA, "has 4000 bytes, of which 0 are stored" },
    { "filter", WEFT_BAD_DATA, "goes through filter 32000 (lzf)" },
    { "rank", WEFT_BAD_DATA, "has 9 dimensions" },
    { "empty-dimension", WEFT_BAD_DATA, "dimension 0 is 0" },
    { "outside", WEFT_BAD_DATA, "/layers/dense/kernel: is a data set outside of the groups" },
    { "cycle", WEFT_BAD_DATA, "nested more than 32 deep" },
    { "deep", WEFT_BAD_DATA, "nested more than 32 deep" },
    { "missing-weight", WEFT_BAD_DATA, "/d: weight_names lists d/kernel, which is not there" },
    { "missing-layer", WEFT_BAD_DATA, "/gone: layer_names lists it, but it is not there" },
    { "missing-names", WEFT_BAD_DATA, "/model_weights: has no attribute layer_names" },
    { "numbers-as-names", WEFT_BAD_DATA, "layer_names does not hold strings" },
    { "dots", WEFT_BAD_DATA, "../d/kernel" },
    { "twice", WEFT_BAD_DATA, "two tensors are called d/kernel" },
    { "long-name", WEFT_BAD_DATA, "a string of 5000 bytes" },
    { "stranger", WEFT_BAD_DATA, "without Keras weights" },
};

START_TEST(hostile_files_are_refused_by_name)
{
    check_alloc state = { 0 };
    weft_allocator allocator = check_allocator(&state);
    weft_ctx ctx = keras_ctx(&allocator);
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        char name[64], path[KERAS_PATH];
        weft_weights *weights = NULL;
        snprintf(name, sizeof name, "hostile-%s.h5", hostile[i].name);
        keras_path(name, path);
        CHECK_FAILS(hostile[i].status, weft_weights_read(&ctx, path, WEFT_FORMAT_AUTO, &weights), hostile[i].part);
        ck_assert_msg(strncmp(weft_error(), path, strlen(path)) == 0, "no file name in \"%s\"", weft_error());
        ck_assert_ptr_null(weights);
    }
    ck_assert_int_eq(state.live, 0);
    keras_no_child();
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    weft_weights *weights = NULL;
    CHECK_FAILS(WEFT_NOT_FOUND, weft_h5_read(&ctx, "/nowhere/x.h5", &weights), "/nowhere/x.h5");
    CHECK_FAILS(WEFT_BAD_DATA, weft_h5_read(&ctx, "/", &weights), "not a regular file");
    CHECK_FAILS(WEFT_BAD_DATA, weft_h5_read(&ctx, "/dev/null", &weights), "not a regular file");
    CHECK_FAILS(WEFT_NOT_FOUND, weft_keras_zip_read(&ctx, "/nowhere/x.keras", &weights), "/nowhere/x.keras");
}
END_TEST

/* All but a few; tests/weights/h5_damage.c takes every one. */
START_TEST(prefixes_are_refused)
{
    static const char *const names[] = { "tiny.h5", "tiny.weights.h5", "tiny.keras" };
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    for (int f = 0; f < 3; f++) {
        size_t size;
        uint8_t *data = keras_bytes(names[f], &size);
        char path[] = "weft-h5-XXXXXX";
        const int file = mkstemp(path);
        ck_assert_int_ge(file, 0);
        for (int i = 0; i < PREFIXES; i++) {
            const size_t length = size * (size_t)i / PREFIXES + (i == PREFIXES - 1 ? size / PREFIXES - 1 : 0);
            weft_weights *weights = NULL;
            ck_assert_int_eq(ftruncate(file, 0), 0);
            ck_assert_int_eq(pwrite(file, data, length, 0), (ssize_t)length);
            CHECK_FAILS(WEFT_BAD_DATA, f < 2 ? weft_h5_read(&ctx, path, &weights) :
                        weft_keras_zip_read(&ctx, path, &weights), path);
            ck_assert_uint_gt(strlen(weft_error()), strlen(path) + 2);
        }
        close(file);
        unlink(path);
        free(data);
    }
}
END_TEST

static weft_status read_and_drop(const weft_allocator *allocator, void *arg)
{
    weft_ctx ctx = keras_ctx(allocator);
    weft_weights *weights = NULL;
    const weft_status status = weft_weights_read(&ctx, arg, WEFT_FORMAT_AUTO, &weights);
    if (status == WEFT_OK)
        weft_weights_destroy(weights);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    static const char *const names[] = { "tf.h5", "paths.keras" };
    const int before = check_descriptors();
    for (int i = 0; i < 2; i++) {
        char path[KERAS_PATH];
        keras_path(names[i], path);
        ck_assert_int_gt(check_every_failure(read_and_drop, path), 5);
    }
    ck_assert_int_eq(check_descriptors(), before);
    keras_no_child();
}
END_TEST

static void *read_often(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (read_and_drop(&weft_malloc_allocator, arg) != WEFT_OK)
            return arg;
    }
    return NULL;
}

START_TEST(threads_read_at_the_same_time)
{
    pthread_t threads[THREADS];
    char paths[THREADS][KERAS_PATH];
    for (int i = 0; i < THREADS; i++) {
        keras_path(files[i].name, paths[i]);
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_often, paths[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
        ck_assert_msg(!failed, "%s was not read", (const char *)failed);
    }
    keras_no_child();
}
END_TEST

/* Keras 2, behind fit(): the variables of metrics are no weights, and config.json names the layers. */
START_TEST(a_fitted_model_has_its_weights_alone)
{
    static const char *const names[] = { "conv/0", "conv/1", "preds/0", "preds/1" };
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    char path[KERAS_PATH];
    weft_weights *set = NULL;
    weft_weight w;
    keras_path("fitted.keras", path);
    CHECK_OK(weft_weights_read(&ctx, path, WEFT_FORMAT_AUTO, &set));
    ck_assert_int_eq(weft_weights_count(set), WEFT_COUNT(names));
    for (int i = 0; i < WEFT_COUNT(names); i++)
        CHECK_OK(weft_weights_find(set, names[i], &w));
    ck_assert_str_eq(weft_weights_meta_find(set, "keras.names"), "attributes");
    weft_weights_destroy(set);
}
END_TEST

/* A gigabyte whose superblock is as it should be: libhdf5 looks at the little of it that says that it is no good. */
START_TEST(holes_are_not_read)
{
    enum { LARGE = 1 << 30, KIB = 256 << 10 };
    weft_ctx ctx = keras_ctx(&weft_malloc_allocator);
    weft_weights *weights = NULL;
    struct rusage use;
    size_t size;
    uint8_t *const data = keras_bytes("tiny.h5", &size);
    const uint64_t end = LARGE;
    memcpy(data + 40, &end, sizeof end);
    FILE *const file = fopen("holes.h5", "wb");
    ck_assert(file && fwrite(data, 1, 96, file) == 96 && fflush(file) == 0 && ftruncate(fileno(file), LARGE) == 0);
    fclose(file);
    free(data);
    CHECK_FAILS(WEFT_BAD_DATA, weft_h5_read(&ctx, "holes.h5", &weights), "holes.h5: is not a whole HDF5 file");
    unlink("holes.h5");
    ck_assert_int_eq(getrusage(RUSAGE_CHILDREN, &use), 0);
    ck_assert_int_le(use.ru_maxrss, KIB);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    if (!keras_helper())
        return SKIPPED;
    Suite *suite = suite_create("weights-h5");
    CHECK_CASE(suite, "files", files_give_what_keras_saved, every_element_type_and_filter_is_read,
               a_fitted_model_has_its_weights_alone);
    CHECK_CASE(suite, "refuse", hostile_files_are_refused_by_name, what_is_no_file_is_refused, prefixes_are_refused,
               holes_are_not_read);
    CHECK_CASE(suite, "guest", every_allocation_may_fail, threads_read_at_the_same_time);
    return check_main(suite, argv[0]);
}
