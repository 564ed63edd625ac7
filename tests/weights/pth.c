/* SPDX-License-Identifier: Apache-2.0
 *
 * PyTorch's files: which of their dictionaries is read, what stands beside the weights, and the format before 1.6 made
 * wrong by hand. The fixtures are make_pth_fixtures.py's. */
#include <stdlib.h>
#include <string.h>

#include "check/harness.h"
#include "weights/common.h"
#include "weights/malformed.h"
#include "weights/pth.h"

static weft_status read_key(const char *name, const char *key, weft_weights **out)
{
    static weft_ctx ctx;
    char path[WEIGHTS_PATH];
    ctx = weights_ctx(&weft_malloc_allocator);
    weights_path(name, path);
    return weft_weights_read_with(&ctx, path, &(weft_read_opt){ .key = key }, out);
}

/* ---- choosing ---- */

static const struct {
    const char *file, *key;
    const char *taken, *others; /* metadata; NULL: none */
    bool zeros;                 /* it is the set of zeros that is read */
} choices[] = {
    { "module.pth", NULL, NULL, NULL, false },
    { "module.pth", "", NULL, NULL, false },
    { "checkpoint.pth", NULL, "state_dict", NULL, false },
    { "module-nested.pth", NULL, "runs.0.net_state", NULL, false },
    { "module-nested.pth", "runs.0.net_state", "runs.0.net_state", NULL, false },
    { "module-ema.pth", NULL, "state_dict", "state_dict_ema", false },
    { "module-ema.pth", "state_dict_ema", "state_dict_ema", NULL, true },
    { "module-average.pth", NULL, "weights", "ema_weights", false },
    { "module-average.pth", "ema_weights", "ema_weights", NULL, true },
    { "module-whole.pth", NULL, NULL, NULL, false },
    { "module-whole-legacy.pth", NULL, "net", NULL, false },
    { "module-whole-legacy.pth", "net", "net", NULL, false },
    { "refused-two.pth", "generator", "generator", NULL, false },
    { "refused-two.pth", "discriminator", "discriminator", NULL, true },
    { "module-foreign.pth", NULL, "state_dict", NULL, false },
};

static void same_text(const char *what, const char *is, const char *expected)
{
    ck_assert_msg((is == NULL) == (expected == NULL) && (!is || strcmp(is, expected) == 0),
                  "%s: \"%s\", expected \"%s\"", what, is ? is : "-", expected ? expected : "-");
}

START_TEST(the_dictionary_that_is_meant_is_read)
{
    weft_weights *set = NULL;
    weft_weight w;
    CHECK_OK(read_key(choices[_i].file, choices[_i].key, &set));
    same_text(choices[_i].file, weft_weights_meta_find(set, "torch.key"), choices[_i].taken);
    same_text(choices[_i].file, weft_weights_meta_find(set, "torch.other_keys"), choices[_i].others);
    ck_assert_int_eq(weft_weights_count(set), 9);
    CHECK_OK(weft_weights_find(set, "0.weight", &w));
    ck_assert_int_eq(((const float *)w.data)[0] == 0, choices[_i].zeros);
    weft_weights_destroy(set);
}
END_TEST

START_TEST(what_is_not_clear_is_refused)
{
    static const struct {
        const char *file, *key, *part;
    } rows[] = {
        { "refused-two.pth", NULL, "a key must say which is meant: generator, discriminator" },
        { "refused-two.pth", "encoder", "no tensors under the key \"encoder\"; there are under: generator, disc" },
        { "module-nested.pth", "runs", "there are under: (the whole), runs.0.net_state" },
        { "refused-strange.pth", NULL,
          "tensor \"0.weight\" is made by library.sparse.rebuild, which weft does not know" },
        { "refused-arrays.pth", NULL, "holds NumPy arrays (the first is \"net.0.weight\") and no tensors; save them" },
        { "refused-arrays5.pth", NULL, "holds NumPy arrays (the first is \"0.weight\") and no tensors" },
        { "refused-empty.pth", NULL, "a dictionary without tensors, in itself and at any depth; its keys are: epoch" },
        { "module.npz", "a", "module.npz: there are no tensors under the key \"a\"" },
        { "module.safetensors", "a", "module.safetensors: there are no tensors under the key \"a\"" },
    };
    weft_weights *set = NULL;
    for (int i = 0; i < WEFT_COUNT(rows); i++)
        CHECK_FAILS(WEFT_BAD_DATA, read_key(rows[i].file, rows[i].key, &set), rows[i].part);
    ck_assert_ptr_null(set);
}
END_TEST

#define BYTES(text) text, sizeof text - 1
#define DICT(pairs) "\x80\2}(X\14\0\0\0class_to_idx}(" pairs "uu."
#define NAME1(c) "X\1\0\0\0" c

START_TEST(names_of_classes_are_kept)
{
    static const struct {
        const char *pickle;
        size_t size;
        const char *labels; /* NULL: none */
    } rows[] = {
        { BYTES(DICT(NAME1("b") "K\1" NAME1("a") "K\0")), "a\nb" },
        { BYTES(DICT(NAME1("b") "K\1" NAME1("a") "K\1")), NULL }, /* twice */
        { BYTES(DICT(NAME1("b") "K\2" NAME1("a") "K\0")), NULL }, /* a hole */
        { BYTES(DICT(NAME1("b") "N" NAME1("a") "K\0")), NULL },
        { BYTES(DICT(NAME1("\n") "K\1" NAME1("a") "K\0")), NULL },
        { BYTES("\x80\2}(X\7\0\0\0classes](" NAME1("x") NAME1("y") "eu."), "x\ny" },
        { BYTES("\x80\2}(X\7\0\0\0classesK\7u."), NULL },
        { BYTES("\x80\2}(X\14\0\0\0idx_to_class}(K\1" NAME1("b") "K\0" NAME1("a") "uu."), "a\nb" },
        { BYTES("\x80\2}(X\10\0\0\0id2label}(K\1" NAME1("b") "K\1" NAME1("a") "uu."), NULL }, /* twice */
        { BYTES("\x80\2}(X\10\0\0\0id2label}(" NAME1("b") "K\1" NAME1("a") "K\0uu."), "a\nb" }, /* its name is wrong */
        { BYTES("\x80\2}(X\10\0\0\0id2label}(" NAME1("1") NAME1("b") NAME1("0") NAME1("a") "uu."), "a\nb" },
        { BYTES("\x80\2}(X\10\0\0\0id2label}(" NAME1("x") NAME1("b") NAME1("0") NAME1("a") "uu."), NULL },
        { BYTES("\x80\2}(X\4\0\0\0meta}(X\14\0\0\0dataset_meta}(X\7\0\0\0classes](" NAME1("x") NAME1("y") "euuu."),
          "x\ny" }, /* MMPretrain 1.0 */
        { BYTES("\x80\2}(X\20\0\0\0hyper_parameters}(X\13\0\0\0class_names](" NAME1("x") NAME1("y") "euu."), "x\ny" },
        { BYTES("\x80\2}(X\7\0\0\0hparams}(X\5\0\0\0names}(K\0" NAME1("x") "K\1" NAME1("y") "uuu."), "x\ny" },
        { BYTES("\x80\2}(X\5\0\0\0namesK\1X\7\0\0\0classes](" NAME1("x") NAME1("y") "eu."), "x\ny" },
        { BYTES("\x80\2}(X\4\0\0\0meta}(X\7\0\0\0CLASSES(" NAME1("x") NAME1("y") "tuu."), "x\ny" },
        { BYTES("\x80\2}(X\4\0\0\0metaK\1u."), NULL },
    };
    weft_weights *set = NULL;
    CHECK_OK(read_key("module-labels.pth", NULL, &set));
    same_text("module-labels.pth", weft_weights_meta_find(set, "weft.labels"), "daisy\niris\nrose");
    weft_weights_destroy(set);
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
        weft_pickle_value root;
        weft_file file = { .path = "case", .data = weft_alloc(&ctx.allocator, rows[i].size), .size = rows[i].size };
        weft_pth pth = { .ctx = &ctx, .file = &file };
        const weft_pickle_storage *none = NULL;
        size_t at = 0;
        memcpy(file.data, rows[i].pickle, rows[i].size);
        weft_arena_init(&pth.arena, &ctx.allocator);
        CHECK_OK(weft_weights_create(&ctx, &pth.weights));
        CHECK_OK(weft_pickle_read(&pth.arena, &file, &at, file.size, &none, &root));
        CHECK_OK(weft_pth_labels(&pth, &root));
        same_text(rows[i].labels ? rows[i].labels : "none", weft_weights_meta_find(pth.weights, "weft.labels"),
                  rows[i].labels);
        weft_weights_destroy(pth.weights);
        weft_arena_release(&pth.arena);
        weft_free(&ctx.allocator, file.data);
    }
}
END_TEST

/* torch.save(torch.nn.Linear(1, 1)), as PyTorch itself wrote it. */
START_TEST(a_module_is_walked)
{
    weft_weights *set = NULL;
    weft_weight w;
    CHECK_OK(read_key("linear.pth", NULL, &set));
    ck_assert_int_eq(weft_weights_count(set), 2);
    CHECK_OK(weft_weights_find(set, "weight", &w));
    ck_assert(w.dtype == WEFT_F32 && w.shape.rank == 2 && w.count == 1);
    CHECK_OK(weft_weights_find(set, "bias", &w));
    weft_weights_destroy(set);
}
END_TEST

/* What a call makes of a module (torch.compile) or of its dictionaries (torch.fx) is looked for in what it is given. */
START_TEST(modules_are_found_in_calls)
{
    static const char *const files[] = { "module-compiled.pth", "module-traced.pth" };
    for (int i = 0; i < WEFT_COUNT(files); i++) {
        weft_weights *set = NULL;
        weft_weight w;
        CHECK_OK(read_key(files[i], NULL, &set));
        ck_assert_int_eq(weft_weights_count(set), 2);
        CHECK_OK(weft_weights_find(set, "0.weight", &w));
        CHECK_OK(weft_weights_find(set, "0.bias", &w));
        weft_weights_destroy(set);
    }
}
END_TEST

/* What has no tensors, as PyTorch itself wrote it (make_module_fixtures.py). */
START_TEST(layers_without_tensors_are_seen)
{
    static const struct {
        const char *name, *activation, *differs;
    } rows[] = {
        { "answers-plain.pth", NULL, NULL },
        { "answers-sigmoid.pth", "sigmoid", NULL },
        { "answers-softmax.pth", "softmax", NULL },
        { "answers-maximum.pth", NULL, "the module in the file has as \"2\" the layer AdaptiveMaxPool2d" },
        { "answers-pool.pth", NULL, "the module in the file has as \"maxpool\" the layer Identity" },
        { "linear.pth", NULL, NULL },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        weft_weights *set = NULL;
        CHECK_OK(read_key(rows[i].name, NULL, &set));
        same_text(rows[i].name, weft_weights_meta_find(set, "weft.activation"), rows[i].activation);
        same_text(rows[i].name, weft_weights_meta_find(set, WEFT_META_FILE_DIFFERS), rows[i].differs);
        weft_weights_destroy(set);
    }
}
END_TEST

/* ---- the format before 1.6 ---- */

#define MAGIC "\x80\x02\x8a\nl\xfc\x9c" "F\xf9 j\xa8P\x19."
#define FACTS "\x80\2}X\r\0\0\0little_endian\x88s."
#define FLOATS(key, n) "(X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\0" key "X\3\0\0\0cpuK" n "NtQ"
#define TENSOR(storage, n) "ctorch._utils\n_rebuild_tensor_v2\n(" storage "K\0K" n "\x85K\1\x85\x89NtR"
#define OBJECT "\x80\2}(X\1\0\0\0a" TENSOR(FLOATS("0", "\2"), "\2") "X\1\0\0\0b" TENSOR(FLOATS("1", "\1"), "\1") "u."
#define BEGIN MAGIC "\x80\2M\xe9\3." FACTS OBJECT
#define KEYS "\x80\2](X\1\0\0\0" "1X\1\0\0\0" "0e."
#define ONE "\1\0\0\0\0\0\0\0\0\0\x80?"
#define TWO "\2\0\0\0\0\0\0\0\0\0\0@\0\0@@"

START_TEST(storages_are_found_by_the_list)
{
    static const char good[] = BEGIN KEYS ONE TWO;
    weft_ctx ctx = weights_ctx(&weft_malloc_allocator);
    weft_weights *set = NULL;
    weft_weight w;
    CHECK_OK(weights_parse(&ctx, BYTES(good), WEFT_FORMAT_AUTO, &set));
    CHECK_OK(weft_weights_find(set, "a", &w));
    ck_assert(w.count == 2 && ((const float *)w.data)[0] == 2 && ((const float *)w.data)[1] == 3);
    CHECK_OK(weft_weights_find(set, "b", &w));
    ck_assert(w.count == 1 && ((const float *)w.data)[0] == 1);
    weft_weights_destroy(set);
}
END_TEST

START_TEST(old_files_made_wrong_are_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } rows[] = {
        { BYTES(MAGIC), "a pickle was expected" },
        { BYTES(MAGIC "\x80\2M\xe8\3."), "version 1001 of PyTorch's old format was expected" },
        { BYTES(MAGIC "\x80\2M\xe9\3.\x80\2N."), "facts about the machine were expected; found None" },
        { BYTES(MAGIC "\x80\2M\xe9\3.\x80\2}X\r\0\0\0little_endian\x89s."), "are big-endian" },
        { BYTES(BEGIN), "a pickle was expected" },
        { BYTES(BEGIN "\x80\2N."), "a list of storages was expected; found None" },
        { BYTES(BEGIN "\x80\2](X\1\0\0\0" "2e."), "has a key that no tensor names" },
        { BYTES(BEGIN "\x80\2](K\1e."), "has a key that no tensor names" },
        { BYTES(BEGIN "\x80\2](X\1\0\0\0" "1X\1\0\0\0" "1e." ONE), "has the key \"1\" twice" },
        { BYTES(BEGIN "\x80\2](X\1\0\0\0" "1e." ONE), "the file has no storage \"0\"" },
        { BYTES(BEGIN KEYS), "the file ends here, before storage \"1\"" },
        { BYTES(BEGIN KEYS ONE "\2\0\0\0"), "the file ends here, before storage \"0\"" },
        { BYTES(BEGIN KEYS ONE "\2\0\0\0\0\0\0\0\0\0\x80?"), "within storage \"0\" of 2 elements" },
        { BYTES(BEGIN KEYS "\xff\xff\xff\xff\xff\xff\xff\xff"), "has 18446744073709551615 elements; 1 were expected" },
        { BYTES(BEGIN KEYS ONE TWO "\0"), "the file has 1 bytes more" },
        { BYTES(MAGIC "\x80\2M\xe9\3." FACTS "\x80\2}(X\1\0\0\0a" TENSOR(FLOATS("0", "\2"), "\2") "X\1\0\0\0b"
                    TENSOR(FLOATS("0", "\1"), "\1") "u." KEYS), "storage \"0\" has two sizes" },
    };
    for (int i = 0; i < WEFT_COUNT(rows); i++)
        malformed_refused(rows[i].part, rows[i].bytes, rows[i].size, WEFT_PTH, WEFT_BAD_DATA, rows[i].part, 0);
}
END_TEST

/* ---- cost ---- */

/* Arrays of NumPy lie in the pickle itself, and may be more than is read of one: what it is, is said all the same. */
START_TEST(a_pickle_that_is_too_large_says_why)
{
    enum { MOST = 64 << 20 };
    static const struct {
        const char *begin;
        size_t size;
        const char *part;
    } rows[] = {
        { BYTES("\x80\2cnumpy.core.multiarray\n_reconstruct\n(X"), "has more than 67108864 bytes, for it holds NumPy" },
        { BYTES("\x80\2X"), "the pickle has more than 67108864 bytes" },
    };
    char *pickle = calloc(1, MOST + 64);
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        size_t size;
        memcpy(pickle, rows[i].begin, rows[i].size);
        memcpy(pickle + rows[i].size, "\0\0\0\4", 4); /* of 64 MiB */
        memcpy(pickle + rows[i].size + 4 + MOST, "t.", 2);
        const archive_entry entries[] = { { "m/data.pkl", pickle, rows[i].size + 4 + MOST + 2, false } };
        uint8_t *file = archive_make(entries, 1, &size);
        malformed_refused(rows[i].part, file, size, WEFT_PTH, WEFT_BAD_DATA, rows[i].part, 0);
        free(file);
    }
    free(pickle);
}
END_TEST

/* One dictionary of a hundred thousand values, under a hundred thousand names: each is looked at once. */
START_TEST(a_dictionary_of_many_names_is_walked_once)
{
    enum { VALUES = 100000, NAMES = 150000 };
    char *pickle = malloc(64 + 4 * VALUES + 8 * NAMES), *at = pickle;
    memcpy(at, "\x80\2}q\0(", 6), at += 6;
    for (int i = 0; i < VALUES; i++, at += 4)
        memcpy(at, "K\1K\1", 4);
    memcpy(at, "u0}(", 4), at += 4;
    for (int i = 0; i < NAMES; i++, at += 8)
        memcpy(at, "X\1\0\0\0ah\0", 8);
    memcpy(at, "u.", 2), at += 2;
    const archive_entry entries[] = { { "m/data.pkl", pickle, (size_t)(at - pickle), false } };
    size_t size;
    uint8_t *file = archive_make(entries, 1, &size);
    malformed_refused("many names", file, size, WEFT_PTH, WEFT_BAD_DATA, "without tensors", (size_t)128 << 20);
    free(file);
    free(pickle);
}
END_TEST

/* A module that holds one module twice, which holds one twice, ...: 2^30 if all were walked. */
START_TEST(modules_are_bounded)
{
    enum { DEEP = 30 };
    static const char begin[] =
        "\x80\2ca\nb\n)\x81}(X\13\0\0\0_parameters}X\1\0\0\0w"
        "ctorch._utils\n_rebuild_tensor_v2\n(" FLOATS("0", "\1") "K\0))\x89NtRsX\10\0\0\0_modules}ubq\0";
    static const char more[] = "0ca\nb\n)\x81}X\10\0\0\0_modules}(X\1\0\0\0xh?X\1\0\0\0yh?usbq!";
    char *pickle = malloc(sizeof begin + DEEP * sizeof more + 2), *at = pickle;
    memcpy(at, begin, sizeof begin - 1), at += sizeof begin - 1;
    for (int i = 0; i < DEEP; i++, at += sizeof more - 1) {
        memcpy(at, more, sizeof more - 1);
        for (size_t k = 1; k < sizeof more - 1; k++) {
            if (more[k - 1] == 'h' && more[k] == '?')
                at[k] = (char)i;
        }
        at[sizeof more - 2] = (char)(i + 1);
    }
    *at++ = '.';
    const float one = 1;
    const archive_entry entries[] = { { "m/data.pkl", pickle, (size_t)(at - pickle), false },
                                      { "m/data/0", &one, sizeof one, false } };
    size_t size;
    uint8_t *file = archive_make(entries, 2, &size);
    malformed_refused("modules", file, size, WEFT_PTH, WEFT_BAD_DATA, "name others again and again", 0);
    free(file);
    free(pickle);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("weights_pth");
    TCase *choosing = tcase_create("choosing");
    tcase_add_loop_test(choosing, the_dictionary_that_is_meant_is_read, 0, WEFT_COUNT(choices));
    tcase_add_test(choosing, what_is_not_clear_is_refused);
    tcase_add_test(choosing, a_module_is_walked);
    tcase_add_test(choosing, modules_are_found_in_calls);
    tcase_add_test(choosing, layers_without_tensors_are_seen);
    tcase_add_test(choosing, names_of_classes_are_kept);
    suite_add_tcase(suite, choosing);
    CHECK_CASE(suite, "legacy", storages_are_found_by_the_list, old_files_made_wrong_are_refused);
    CHECK_CASE(suite, "cost", a_pickle_that_is_too_large_says_why, a_dictionary_of_many_names_is_walked_once,
               modules_are_bounded);
    return check_main(suite, argv[0]);
}
