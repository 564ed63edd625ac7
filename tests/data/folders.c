/* SPDX-License-Identifier: Apache-2.0
 *
 * Trees of class folders as torchvision and Keras read them (folders.txt, by make_folders.py): in the order of names
 * classes have the frameworks' numbers, so that a network that was trained there is evaluated on what it learnt; every
 * image that they take is taken, or counted among what is left out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/data.h>

#include "check/harness.h"
#include "data/tree.h"

static weft_ctx *ctx;

static void setup(void)
{
    tree_setup();
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
}

static void teardown(void)
{
    weft_ctx_destroy(ctx);
    tree_teardown();
}

/* One tree of the file. */
typedef struct tree {
    char name[64];
    weft_dataset *set;
    int images[2]; /* that torchvision and Keras take */
} tree;

static void blanks(char *text)
{
    for (; *text; text++)
        if (*text == '~')
            *text = ' ';
}

/* The class of the image at "class/.../name" of a set; -1: it is not in it. */
static int class_of(const tree *t, const char *image)
{
    for (int64_t i = 0; i < weft_dataset_count(t->set); i++) {
        const char *path;
        int label;
        CHECK_OK(weft_dataset_get(t->set, i, &path, &label));
        const size_t all = strlen(path), end = strlen(image);
        if (all > end && path[all - end - 1] == '/' && strcmp(path + all - end, image) == 0 &&
            strlen(tree_path(t->name)) + 1 + end == all)
            return label;
    }
    return -1;
}

static void check_classes(const tree *t, const char *framework, char *names)
{
    int count = 0;
    for (char *name = strtok(names, " \n"); name; name = strtok(NULL, " \n"), count++) {
        const char *ours = weft_dataset_class(t->set, count);
        blanks(name);
        ck_assert_msg(ours && strcmp(ours, name) == 0, "%s: class %d is '%s', %s has '%s'", t->name, count,
                      ours ? ours : "none", framework, name);
    }
    ck_assert_int_eq(weft_dataset_classes(t->set), count);
}

/* What weft does not take: pictures that move, and what is hidden. It says so. */
static bool is_left_out(const tree *t, const char *image)
{
    const char *const name = strrchr(image, '/') + 1, *const dot = strrchr(name, '.');
    const char *const kind = *name == '.' ? "hidden" : dot;
    const weft_left_out *left;
    for (int i = 0; (left = weft_dataset_left_out(t->set, i)) != NULL; i++)
        if (strcmp(left->kind, kind) == 0)
            return strcmp(kind, "hidden") == 0 || strcmp(kind, ".gif") == 0;
    return false;
}

static void check_image(tree *t, const char *framework, char *image, int label)
{
    blanks(image);
    const int ours = class_of(t, image);
    t->images[strcmp(framework, "keras") == 0]++;
    if (ours < 0)
        ck_assert_msg(is_left_out(t, image), "%s: %s takes %s, weft does not and is silent", t->name, framework, image);
    else
        ck_assert_msg(ours == label, "%s: %s is of class %d, in %s of %d", t->name, image, ours, framework, label);
}

static void finish(const tree *t)
{
    if (!t->set)
        return;
    ck_assert_int_ge(t->images[0], 2);
    ck_assert_int_ge(t->images[1], 2);
    weft_dataset_destroy(t->set);
}

START_TEST(classes_have_the_frameworks_numbers)
{
    char line[2048], framework[16], text[256];
    tree t = { .set = NULL };
    int label, trees = 0;
    FILE *file = fopen(WEFT_TEST_DATA "/folders.txt", "r");
    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file)) {
        if (sscanf(line, "tree %63s", text) == 1) {
            finish(&t);
            t = (tree){ .set = NULL };
            snprintf(t.name, sizeof t.name, "%.63s", text);
            trees++;
        } else if (sscanf(line, "file %255s", text) == 1) {
            char path[512];
            blanks(text);
            snprintf(path, sizeof path, "%s/%s", t.name, text);
            tree_put(NULL, "x", path);
        } else if (sscanf(line, "%15s classes %n", framework, &label) == 1 && strstr(line, " classes ")) {
            const weft_dataset_opt opt = { .order = WEFT_CLASS_ORDER_NAME };
            if (!t.set)
                CHECK_OK(weft_dataset_open(ctx, tree_path(t.name), &opt, &t.set));
            check_classes(&t, framework, line + label);
        } else if (sscanf(line, "%15s image %255s %d", framework, text, &label) == 3) {
            check_image(&t, framework, text, label);
        } else {
            ck_assert_msg(*line == '#', "folders.txt: %s", line);
        }
    }
    finish(&t);
    fclose(file);
    ck_assert_int_ge(trees, 8);
}
END_TEST

/* The other order, which who gives Keras' class_names or reads numbers by themselves has. */
START_TEST(numbers_may_count)
{
    static const char *const expected[] = { "0", "1", "2", "3", "9", "10", "11", "20", "100" };
    weft_dataset *set;
    char path[64];
    for (int i = 8; i >= 0; i--) {
        snprintf(path, sizeof path, "n/%s/a.png", expected[i]);
        tree_put(NULL, "x", path);
    }
    CHECK_OK(weft_dataset_open(ctx, tree_path("n"), &(weft_dataset_opt){ .order = WEFT_CLASS_ORDER_NUMBER }, &set));
    for (int i = 0; i < 9; i++)
        ck_assert_str_eq(weft_dataset_class(set, i), expected[i]);
    weft_dataset_destroy(set);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("data: folders");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, classes_have_the_frameworks_numbers);
    tcase_add_test(cases, numbers_may_count);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
