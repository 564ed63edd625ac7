/* SPDX-License-Identifier: Apache-2.0
 *
 * Data sets by themselves: classes and images of trees and label files, what is left out and what is refused. No
 * network is asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weft/data.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
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

/* "class/name" of each image, in order, '|' behind each; where class is the set's name of it. */
static void check_set(const weft_dataset *set, const char *expected)
{
    char text[2048] = "";
    size_t used = 0;
    for (int64_t i = 0; i < weft_dataset_count(set); i++) {
        const char *path;
        int label;
        CHECK_OK(weft_dataset_get(set, i, &path, &label));
        used += (size_t)snprintf(text + used, sizeof text - used, "%s=%s|", strrchr(path, '/') + 1,
                                 weft_dataset_class(set, label));
    }
    ck_assert_str_eq(text, expected);
}

static int64_t left_out(const weft_dataset *set, const char *kind)
{
    const weft_left_out *left;
    for (int i = 0; (left = weft_dataset_left_out(set, i)) != NULL; i++) {
        if (strcmp(left->kind, kind) == 0)
            return left->count;
    }
    return 0;
}

START_TEST(folders_are_classes)
{
    weft_dataset *set;
    tree_put("one.jpg", NULL, "t/b/deep/2.JPG");
    tree_put("one.jpg", NULL, "t/b/1.jpeg");
    tree_put("one.jpg", NULL, "t/a/3.png");
    tree_put("one.jpg", NULL, "t/a/4.jpe");
    tree_put("one.jpg", NULL, "t/a/5.jfif");
    CHECK_OK(weft_dataset_open(ctx, tree_path("t"), NULL, &set));
    ck_assert_int_eq(weft_dataset_classes(set), 2);
    check_set(set, "3.png=a|4.jpe=a|5.jfif=a|1.jpeg=b|2.JPG=b|");
    ck_assert(weft_dataset_class_count(set, 0) == 3 && weft_dataset_class_count(set, 1) == 2);
    ck_assert(!weft_dataset_class(set, 2) && !weft_dataset_class(set, -1) && !weft_dataset_left_out(set, 0));
    weft_dataset_destroy(set);
    CHECK_OK(weft_dataset_open(ctx, tree_path("t"), &(weft_dataset_opt){ .limit = 2 }, &set));
    check_set(set, "3.png=a|5.jfif=a|");
    weft_dataset_destroy(set);
    const weft_dataset_opt alone = { .layout = WEFT_DATASET_UNLABELLED };
    CHECK_OK(weft_dataset_open(ctx, tree_path("t"), &alone, &set));
    check_set(set, "3.png=|4.jpe=|5.jfif=|1.jpeg=|2.JPG=|");
    weft_dataset_destroy(set);
    CHECK_FAILS(WEFT_INVALID, weft_dataset_open(NULL, "t", NULL, &set), "NULL");
}
END_TEST

/* What archives and systems put beside users' folders is no class. */
START_TEST(folders_of_systems_are_left_out)
{
    weft_dataset *set;
    tree_put("one.jpg", NULL, "s/ant/a.jpg");
    tree_put("one.jpg", NULL, "s/bee/b.jpg");
    tree_put(NULL, "x", "s/__MACOSX/ant/._a.jpg");
    tree_put("one.jpg", NULL, "s/ant/@eaDir/a.jpg");
    tree_put(NULL, "x", "s/cat/.keep");
    CHECK_OK(weft_dataset_open(ctx, tree_path("s"), NULL, &set));
    check_set(set, "a.jpg=ant|b.jpg=bee|");
    ck_assert_int_eq(left_out(set, "folder of a system"), 2);
    ck_assert_int_eq(left_out(set, "empty class folder"), 1);
    ck_assert_int_eq(weft_dataset_classes(set), 3);
    weft_dataset_destroy(set);
}
END_TEST

START_TEST(what_is_left_out_is_counted_by_kind)
{
    weft_dataset *set;
    tree_put("one.jpg", NULL, "t/ant/a.JPG");
    tree_put(NULL, "x", "t/ant/.hidden.jpg");
    tree_put(NULL, "x", "t/ant/notes.TXT");
    tree_put(NULL, "x", "t/ant/more/notes.txt");
    tree_put(NULL, "x", "t/ant/jpg");
    tree_put(NULL, "x", "t/.git/b.jpg");
    tree_put(NULL, "x", "t/readme.jpg");
    tree_link("nowhere", "t/ant/broken.jpg");
    ck_assert_int_eq(mkfifo(tree_path("t/ant/pipe.jpg"), 0600), 0);
    CHECK_OK(weft_dataset_open(ctx, tree_path("t"), NULL, &set));
    check_set(set, "a.JPG=ant|");
    ck_assert_int_eq(left_out(set, "hidden"), 2);
    ck_assert_int_eq(left_out(set, ".txt"), 2);
    ck_assert_int_eq(left_out(set, "no suffix"), 1);
    ck_assert_int_eq(left_out(set, "outside of the class folders"), 1);
    ck_assert_int_eq(left_out(set, "broken link"), 1);
    ck_assert_int_eq(left_out(set, "no regular file"), 1);
    ck_assert_str_eq(weft_dataset_left_out(set, 0)->first + strlen(tree_path("t")), "/.git");
    weft_dataset_destroy(set);
    tree_put(NULL, "x", "t/bee/notes.txt");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("t"), NULL, &set), "the class would be empty");
    tree_put(NULL, "x", "empty/ant/.keep");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("empty"), NULL, &set), "no images");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("empty/ant"), NULL, &set), "no folders");
    CHECK_FAILS(WEFT_NOT_FOUND, weft_dataset_open(ctx, tree_path("none"), NULL, &set), "none");
}
END_TEST

START_TEST(links_do_not_multiply_images)
{
    weft_dataset *set;
    char absolute[4096];
    tree_put("one.jpg", NULL, "up/t/ant/a.jpg");
    tree_put("one.jpg", NULL, "up/t/bee/b.jpg");
    tree_put("one.jpg", NULL, "up/other/c.jpg");
    tree_put("one.jpg", NULL, "else/d.jpg");
    tree_link(".", "up/t/ant/self");
    tree_link("..", "up/t/ant/parent");
    tree_link("../..", "up/t/ant/grandparent");
    tree_link("../ant", "up/t/bee/sister");
    tree_link("a.jpg", "up/t/ant/again.jpg");
    ck_assert_ptr_nonnull(realpath(tree_path("else"), absolute));
    tree_link(absolute, "up/t/bee/elsewhere"); /* a link out of the tree is followed, once */
    tree_link("elsewhere", "up/t/bee/twice");
    CHECK_OK(weft_dataset_open(ctx, tree_path("up/t"), NULL, &set));
    check_set(set, "a.jpg=ant|b.jpg=bee|d.jpg=bee|");
    ck_assert_int_eq(left_out(set, "link to a folder that was met"), 5);
    ck_assert_int_eq(left_out(set, "another link to an image"), 1);
    weft_dataset_destroy(set);
    tree_link("../ant/a.jpg", "up/t/bee/ant.jpg");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("up/t"), NULL, &set), "of class 'ant' too");
    unlink(tree_path("up/t/bee/ant.jpg"));
    tree_link("ant", "up/t/emmet");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("up/t"), NULL, &set), "emmet: is a link to another");
}
END_TEST

START_TEST(parts_of_a_data_set_are_no_classes)
{
    weft_dataset *set;
    tree_put("one.jpg", NULL, "t/train/ant/a.jpg");
    tree_put("one.jpg", NULL, "t/Val/ant/b.jpg");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("t"), NULL, &set), "parts of a data set");
    tree_put("one.jpg", NULL, "t/notes/ant/b.jpg");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("t"), NULL, &set), "parts of a data set");
    tree_put("one.jpg", NULL, "one/val/ant/b.jpg");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("one"), NULL, &set), "such as");
    tree_put("one.jpg", NULL, "vehicles/train/b.jpg");
    tree_put("one.jpg", NULL, "vehicles/car/b.jpg");
    CHECK_OK(weft_dataset_open(ctx, tree_path("vehicles"), NULL, &set));
    weft_dataset_destroy(set);
}
END_TEST

START_TEST(numbers_stand_in_the_order_that_is_asked_for)
{
    weft_dataset *set;
    for (int i = 9; i < 11; i++)
        tree_put("one.jpg", NULL, "t/%d/%d.jpg", i, i);
    const weft_dataset_opt by_name = { .order = WEFT_CLASS_ORDER_NAME };
    const weft_dataset_opt by_number = { .order = WEFT_CLASS_ORDER_NUMBER };
    CHECK_OK(weft_dataset_open(ctx, tree_path("t"), &by_name, &set));
    check_set(set, "10.jpg=10|9.jpg=9|");
    weft_dataset_destroy(set);
    CHECK_OK(weft_dataset_open(ctx, tree_path("t"), &by_number, &set));
    check_set(set, "9.jpg=9|10.jpg=10|");
    weft_dataset_destroy(set);
    for (int i = 9; i < 11; i++)
        tree_put("one.jpg", NULL, "u/class_%d b2/%d.jpg", i, i);
    CHECK_OK(weft_dataset_open(ctx, tree_path("u"), &by_name, &set));
    check_set(set, "10.jpg=class_10 b2|9.jpg=class_9 b2|");
    weft_dataset_destroy(set);
    CHECK_OK(weft_dataset_open(ctx, tree_path("u"), &by_number, &set));
    check_set(set, "9.jpg=class_9 b2|10.jpg=class_10 b2|");
    weft_dataset_destroy(set);
    tree_put("one.jpg", NULL, "t/ten/1.jpg");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("t"), &by_number, &set), "not all of its folders");
}
END_TEST

/* ---- label files ---- */

#define V1 "v_1.JPEG"
#define V2 "v_2.JPEG"
#define V3 "v 3.JPEG"
#define EACH "v 3.JPEG=jay|v_1.JPEG=cat|v_2.JPEG=grey gnu|"

static const struct label_case {
    const char *text, *expected; /* expected NULL: part of the sentence that refuses */
    const char *part;
} label_cases[] = {
    { "jay\ncat\ngrey gnu\n", EACH, NULL },
    { "\xef\xbb\xbfjay\r\n\r\ncat\r\ngrey gnu", EACH, NULL },
    { "label\njay\ncat\ngrey gnu\n", EACH, NULL },
    { V3 " jay\n" V1 " cat\n" V2 " grey gnu\n", EACH, NULL },
    { V2 "   grey gnu\n" V3 " jay\n" V1 " cat \n", EACH, NULL },
    { V3 "\tjay\n" V1 "\tcat\n" V2 "\tgrey gnu\n", EACH, NULL },
    { V3 ",jay\n" V1 ",cat\n" V2 ", grey gnu\n", EACH, NULL },
    { "\"" V3 "\",\"jay\"\n" V1 ",\"cat\"\n" V2 ",grey gnu\n", EACH, NULL },
    { "jay," V3 "\ncat," V1 "\ngrey gnu," V2 "\n", EACH, NULL },
    { "filename;label\n" V3 ";jay\n" V1 ";cat\n" V2 ";grey gnu\n", EACH, NULL },
    { "split,label,x,file\n0,jay,1," V3 "\n0,cat,1," V1 "\n0,grey gnu,1," V2 "\n", EACH, NULL },
    { "./" V3 ",jay\n./" V1 ",cat\n./" V2 ",grey gnu\n", EACH, NULL },
    { "data/val/" V3 ",jay\ndata/val/" V1 ",cat\ndata/val/" V2 ",grey gnu\n", EACH, NULL },
    { "v 3,jay\nv_1,cat\nv_2,grey gnu\n", EACH, NULL },
    { "v_1 cat\nv_2 grey gnu\nv 3 jay\n", EACH, NULL },
    { "ImageId,PredictionString\nv 3,n00000010 1 2 3 4 n00000010 5 6 7 8 \nv_1,n00000003 0 0 9 9 \nv_2,n00000007 \n",
      "v 3.JPEG=n00000010|v_1.JPEG=n00000003|v_2.JPEG=n00000007|", NULL },
    { V1 " n00000003 tabby cat\n", "v_1.JPEG=n00000003 tabby cat|", NULL },
    { V1 " 10\n" V2 " 9\n", "v_1.JPEG=10|v_2.JPEG=9|", NULL },
    { "# made by hand\n" V3 " jay\n#\n" V1 " cat\n" V2 " grey gnu\n", EACH, NULL },
    { V3 ",jay,\n" V1 ",cat,,\n" V2 ",grey gnu,\n", EACH, NULL },
    { "Datei;Klasse\n" V3 ";jay\n" V1 ";cat\n" V2 ";grey gnu\n", EACH, NULL },
    { "Bild\tArt\r\n" V3 "\tjay\r\n" V1 "\tcat\r\n" V2 "\tgrey gnu\r\n", EACH, NULL },
    { V3 ",jay\r" V1 ",cat\r" V2 ",grey gnu\r", EACH, NULL },
    { "bilder\\" V3 ",jay\nbilder\\" V1 ",cat\nbilder\\" V2 ",grey gnu\n", EACH, NULL },
    { "cat\njay\n", NULL, "2 labels for the 3 images" },
    { "cat\njay\n0\n0\n", NULL, "line 4: more labels than the 3 images" },
    { "cat\nv_2.JPEG 3\n", NULL, "line 2: some lines are" },
    { V1 " cat\njay\n", NULL, "line 2: 'jay' is not 'FILE CLASS'" },
    { "v_4.JPEG 3\n", NULL, "line 1: 'v_4.JPEG' is not in" },
    { V1 ",cat\n" V2 ",jay\n" V1 ",cat\n", NULL, "line 3: 'v_1.JPEG' has a class on line 1 already" },
    { V1 ",cat\n" V2 ",\n", NULL, "line 2: no class" },
    { V1 ",cat\n" V2 "\n", NULL, "line 2: 1 field; 2 were expected" },
    { V1 ",cat,0.5\n", NULL, "3 columns, and no first line" },
    { "file,size\n" V1 ",1\n", "v_1.JPEG=1|", NULL },
    { "file,size,colour\n" V1 ",1,2\n", NULL, "no column is called label or class" },
    { "train/" V1 ",cat\n", NULL, "is not in" },
    { "a/" V1 ",cat\nb/" V2 ",jay\n", NULL, "line 2: 'b/v_2.JPEG' is not in" },
    { V1 ",n00000003 1 2 3 4 n00000009 1 2 3 4\n", NULL, "boxes of several classes" },
    { "\xff\xfe" "c\n", NULL, "UTF-16" },
    { "cat\n\033[1mx\njay\n", NULL, "line 2: is no line of text" },
    { "", NULL, "no images" },
};

START_TEST(label_files_of_every_form)
{
    const struct label_case *k = &label_cases[_i];
    weft_dataset *set = NULL;
    const weft_dataset_opt opt = { .labels = tree_path("labels.txt") };
    tree_put("one.jpg", NULL, "val/" V1);
    tree_put("one.jpg", NULL, "val/" V2);
    tree_put("one.jpg", NULL, "val/" V3);
    tree_put(NULL, "x", "val/notes.txt");
    tree_put(NULL, k->text, "labels.txt");
    if (!k->expected) {
        CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("val"), &opt, &set), k->part);
        ck_assert_ptr_null(set);
        return;
    }
    CHECK_OK(weft_dataset_open(ctx, tree_path("val"), &opt, &set));
    check_set(set, k->expected);
    ck_assert_int_eq(left_out(set, "not in the label file"), 3 - weft_dataset_count(set));
    ck_assert_int_eq(left_out(set, ".txt"), 1);
    weft_dataset_destroy(set);
}
END_TEST

START_TEST(label_files_reach_into_folders)
{
    weft_dataset *set;
    char labels[TREE_TEXT], nothing[4] = { 'a', '\n', 0, '\n' };
    snprintf(labels, sizeof labels, "%s", tree_path("labels.txt"));
    const weft_dataset_opt opt = { .labels = labels };
    tree_put("one.jpg", NULL, "set/a/1.jpg");
    tree_put("one.jpg", NULL, "set/b/1.jpg");
    tree_put(NULL, "b/1.jpg cat\na/1.jpg jay\n", "labels.txt");
    CHECK_OK(weft_dataset_open(ctx, tree_path("set"), &opt, &set));
    check_set(set, "1.jpg=jay|1.jpg=cat|");
    weft_dataset_destroy(set);
    tree_put(NULL, "cat\njay\n", "labels.txt");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("set"), &opt, &set), "which is the first is not clear");
    FILE *file = fopen(labels, "wb");
    ck_assert(file && fwrite(nothing, 1, 4, file) == 4);
    fclose(file);
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("set"), &opt, &set), "byte 2 is 0");
}
END_TEST

START_TEST(a_label_file_is_a_regular_file)
{
    weft_dataset *set;
    weft_dataset_opt opt = { .labels = "/dev/zero" };
    tree_put("one.jpg", NULL, "val/a.jpg");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("val"), &opt, &set), "a label file was expected");
    opt.labels = tree_path("val");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("val"), &opt, &set), "is a directory");
    ck_assert_int_eq(mkfifo(tree_path("pipe"), 0600), 0);
    opt.labels = tree_path("pipe");
    CHECK_FAILS(WEFT_BAD_DATA, weft_dataset_open(ctx, tree_path("val"), &opt, &set), "is not a regular file");
    opt.labels = "no-such.txt";
    CHECK_FAILS(WEFT_NOT_FOUND, weft_dataset_open(ctx, tree_path("val"), &opt, &set), "no-such.txt");
    const weft_dataset_opt flat = { .layout = WEFT_DATASET_IMAGENET_VAL };
    const weft_dataset_opt both = { .layout = WEFT_DATASET_FOLDER, .labels = "labels.txt" };
    CHECK_FAILS(WEFT_INVALID, weft_dataset_open(ctx, tree_path("val"), &flat, &set), "needs a label file");
    CHECK_FAILS(WEFT_INVALID, weft_dataset_open(ctx, tree_path("val"), &both, &set), "only one can be meant");
}
END_TEST

static weft_status open_step(const weft_allocator *allocator, void *arg)
{
    weft_ctx *own;
    weft_dataset *set = NULL;
    const weft_ctx_opt opt = { .threads = 1, .allocator = *allocator };
    weft_status status = weft_ctx_create(&opt, &own);
    if (status != WEFT_OK)
        return status;
    status = weft_dataset_open(own, tree_path("t"), arg, &set);
    weft_dataset_destroy(set);
    weft_ctx_destroy(own);
    return status;
}

START_TEST(every_failing_allocation_is_reported)
{
    char labels[TREE_TEXT];
    snprintf(labels, sizeof labels, "%s", tree_path("labels.txt"));
    tree_put("one.jpg", NULL, "t/ant/a.jpg");
    tree_put("one.jpg", NULL, "t/bee/deep/a.jpg");
    tree_put(NULL, "x", "t/bee/notes.txt");
    tree_put(NULL, "ant/a.jpg cat\n", "labels.txt");
    ck_assert_int_ge(check_every_failure(open_step, NULL), 10);
    ck_assert_int_ge(check_every_failure(open_step, &(weft_dataset_opt){ .labels = labels }), 10);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("data: dataset");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, folders_are_classes);
    tcase_add_test(cases, folders_of_systems_are_left_out);
    tcase_add_test(cases, what_is_left_out_is_counted_by_kind);
    tcase_add_test(cases, links_do_not_multiply_images);
    tcase_add_test(cases, parts_of_a_data_set_are_no_classes);
    tcase_add_test(cases, numbers_stand_in_the_order_that_is_asked_for);
    tcase_add_loop_test(cases, label_files_of_every_form, 0, WEFT_COUNT(label_cases));
    tcase_add_test(cases, label_files_reach_into_folders);
    tcase_add_test(cases, a_label_file_is_a_regular_file);
    tcase_add_test(cases, every_failing_allocation_is_reported);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
