/* SPDX-License-Identifier: Apache-2.0
 *
 * Packs as data sets of an evaluation: what is answered is what the folders' images get, of the part that is asked for;
 * the order of numbered classes, what is no part, damage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weft/pack.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "data/loading.h"
#include "data/sets.h"
#include "data/tree.h"
#include "task/classify.h"

enum { CLASSES = 10, MOST = 16 };

static const weft_label ten[CLASSES] = {
    { "", "ant" }, { "", "bee" }, { "", "cat" }, { "", "dog" }, { "", "eel" },
    { "", "fly" }, { "", "gnu" }, { "", "hen" }, { "", "ibis" }, { "", "jay" },
};

static weft_status create(weft_ctx *ctx, weft_classifier **out)
{
    const weft_classifier_opt opt = { .arch = "lenet5", .dialect = WEFT_KERAS, .batch = 3, .labels = ten,
                                      .label_count = CLASSES, .as_stored = true, .random = true, .seed = 3 };
    return weft_classifier_create(ctx, NULL, &opt, out);
}

static void put_set(void)
{
    tree_put("420.jpg", NULL, "s/train/cat/a.jpg");
    tree_put("444.jpg", NULL, "s/train/cat/b.jpg");
    tree_put("orient-6.jpg", NULL, "s/train/dog/deep/d.jpg");
    tree_put("grey.jpg", NULL, "s/train/jay/e.jpg");
    tree_put("440.jpg", NULL, "s/test/jay/f.jpg");
}

static void pack(const char *folder, const char *name, const weft_pack_opt *opt)
{
    weft_trainset *const set = loading_set(tree_path(folder));
    CHECK_OK(weft_pack_write(loading_ctx, set, tree_path(name), opt, NULL));
    weft_trainset_destroy(set);
}

typedef struct answers {
    int count, label[MOST], answer[MOST];
    double probability[MOST];
    char path[MOST][256];
} answers;

static void on_prediction(void *user, const weft_prediction *one)
{
    answers *const a = user;
    ck_assert_int_lt(a->count, MOST);
    a->label[a->count] = one->label;
    a->answer[a->count] = one->answers[0].index;
    a->probability[a->count] = one->answers[0].probability;
    snprintf(a->path[a->count++], sizeof *a->path, "%s", one->path);
}

static answers evaluate(weft_classifier *c, const char *name, weft_dataset_part part, const char *part_name)
{
    answers a = { 0 };
    weft_dataset *set;
    weft_evaluation r;
    const weft_evaluate_opt opt = { .predicted = on_prediction, .user = &a };
    CHECK_OK(weft_dataset_open(loading_ctx, tree_path(name), &(weft_dataset_opt){ .part = part }, &set));
    const char *const said = weft_dataset_part_name(set);
    ck_assert(said && part_name ? strcmp(said, part_name) == 0 : !said && !part_name);
    CHECK_OK(weft_evaluate(c, set, &opt, &r));
    ck_assert(r.images == a.count && r.bad == 0 && strcmp(r.rule, "class name") == 0);
    weft_evaluation_release(loading_ctx, &r);
    weft_dataset_destroy(set);
    return a;
}

/* JPEG files that went in as they were, and pixels: the folder's answers, to the bit. */
START_TEST(answers_are_those_of_the_folders)
{
    static const weft_pack_opt kinds[] = { { .as_stored = true }, { .as_stored = true, .raw = true } };
    weft_classifier *c;
    put_set();
    CHECK_OK(create(loading_ctx, &c));
    for (int k = 0; k < WEFT_COUNT(kinds); k++) {
        pack("s", "p.pack", &kinds[k]);
        for (int part = 0; part < 2; part++) {
            const answers folder = evaluate(c, part ? "s/test" : "s/train", WEFT_DATASET_PART_AUTO, NULL);
            const answers packed = evaluate(c, "p.pack", part ? WEFT_DATASET_PART_TEST : WEFT_DATASET_PART_TRAIN,
                                            part ? "test" : "train");
            ck_assert(packed.count == folder.count && packed.count == (part ? 1 : 4));
            for (int i = 0; i < packed.count; i++) {
                ck_assert_int_eq(packed.label[i], folder.label[i]);
                ck_assert_msg(strstr(folder.path[i], packed.path[i]), "%s, %s", folder.path[i], packed.path[i]);
                if (!kinds[k].raw && !strstr(packed.path[i], "cat")) /* was compressed once more */
                    continue;
                ck_assert_int_eq(packed.answer[i], folder.answer[i]);
                ck_assert(packed.probability[i] == folder.probability[i]);
            }
        }
        ck_assert_int_eq(evaluate(c, "p.pack", WEFT_DATASET_PART_AUTO, "test").count, 1);
    }
    weft_classifier_destroy(c);
}
END_TEST

START_TEST(parts_are_chosen_or_refused)
{
    static const struct {
        const char *path;
        weft_dataset_opt opt;
        weft_status status;
        const char *sentence;
    } refused[] = {
        { "p.pack", { .part = WEFT_DATASET_PART_VAL }, WEFT_INVALID, "no images in its part 'val'" },
        { "p.pack", { .part = (weft_dataset_part)9 }, WEFT_INVALID, "no part number 9" },
        { "p.pack", { .labels = "labels.txt" }, WEFT_INVALID, "a label file is for a folder" },
        { "p.pack", { .layout = WEFT_DATASET_UNLABELLED }, WEFT_BAD_DATA, "is a pack; photographs" },
        { "p.pack", { .order = WEFT_CLASS_ORDER_NUMBER }, WEFT_BAD_DATA, "not all of its folders are numbers" },
        { "s/train", { .part = WEFT_DATASET_PART_TRAIN }, WEFT_INVALID, "which only a pack has" },
    };
    weft_dataset *set = NULL;
    weft_classifier *c;
    put_set();
    pack("s", "p.pack", NULL);
    pack("s/train", "flat.pack", NULL);
    for (int i = 0; i < WEFT_COUNT(refused); i++) {
        const char *const path = tree_path(refused[i].path);
        CHECK_FAILS(refused[i].status, weft_dataset_open(loading_ctx, path, &refused[i].opt, &set),
                    refused[i].sentence);
    }
    CHECK_OK(create(loading_ctx, &c));
    ck_assert_int_eq(evaluate(c, "flat.pack", WEFT_DATASET_PART_AUTO, "train").count, 4);
    weft_classifier_destroy(c);
    CHECK_OK(weft_dataset_open(loading_ctx, tree_path("flat.pack"), &(weft_dataset_opt){ .limit = 2 }, &set));
    ck_assert_int_eq(weft_dataset_count(set), 2);
    ck_assert(weft_dataset_classes(set) == 3 && weft_dataset_class_count(set, 0) == 2);
    ck_assert_str_eq(weft_dataset_class(set, 2), "jay");
    weft_dataset_destroy(set);
}
END_TEST

/* Ten folders 1 to 10: which class 10 is must be said, as of folders. */
START_TEST(numbered_classes_have_the_order_that_is_said)
{
    static const int by_name[] = { 0, 9, 1, 2, 3, 4, 5, 6, 7, 8 }; /* 1, 10, 2, 3 ...: in the order of numbers */
    weft_classifier *c;
    for (int i = 1; i <= CLASSES; i++)
        tree_put("one.jpg", NULL, "n/%d/%d.jpg", i, i);
    pack("n", "n.pack", NULL);
    CHECK_OK(create(loading_ctx, &c));
    for (int order = WEFT_CLASS_ORDER_AUTO; order <= WEFT_CLASS_ORDER_NUMBER; order++) {
        weft_dataset *set;
        int map[CLASSES];
        const char *rule;
        CHECK_OK(weft_dataset_open(loading_ctx, tree_path("n.pack"),
                                   &(weft_dataset_opt){ .order = (weft_class_order)order }, &set));
        if (order == WEFT_CLASS_ORDER_AUTO) {
            CHECK_FAILS(WEFT_BAD_DATA, weft_classifier_match(c, set, map, &rule), "--order number");
            weft_dataset_destroy(set);
            continue;
        }
        CHECK_OK(weft_classifier_match(c, set, map, &rule));
        for (int i = 0; i < CLASSES; i++) {
            const char *path;
            int label, number = 0;
            CHECK_OK(weft_dataset_get(set, i, &path, &label));
            ck_assert_int_eq(sscanf(path, "%d/", &number), 1);
            ck_assert_int_eq(order == WEFT_CLASS_ORDER_NUMBER ? map[label] : by_name[map[label]], number - 1);
        }
        weft_dataset_destroy(set);
    }
    weft_classifier_destroy(c);
}
END_TEST

static void on_bad(void *user, const weft_fault *fault)
{
    ++*(int *)user;
    ck_assert_msg(strstr(fault->reason, "bad.pack: entry 0 (train/cat/a.jpg)"), "%s", fault->reason);
}

START_TEST(a_damaged_image_is_one_bad_image)
{
    size_t size;
    weft_classifier *c;
    weft_dataset *set;
    weft_evaluation r;
    int bad = 0;
    put_set();
    pack("s", "p.pack", NULL);
    uint8_t *const bytes = golden_bytes(tree_path("p.pack"), &size);
    bytes[100] ^= 1;
    sets_put_bytes("bad.pack", bytes, size);
    free(bytes);
    CHECK_OK(create(loading_ctx, &c));
    CHECK_OK(weft_dataset_open(loading_ctx, tree_path("bad.pack"),
                               &(weft_dataset_opt){ .part = WEFT_DATASET_PART_TRAIN }, &set));
    CHECK_FAILS(WEFT_BAD_DATA, weft_evaluate(c, set, NULL, &r), "are damaged");
    CHECK_OK(weft_evaluate(c, set, &(weft_evaluate_opt){ .bad_limit = 1, .bad = on_bad, .user = &bad }, &r));
    ck_assert(bad == 1 && r.bad == 1 && r.images == 3);
    weft_evaluation_release(loading_ctx, &r);
    weft_dataset_destroy(set);
    weft_classifier_destroy(c);
}
END_TEST

static weft_status evaluate_step(const weft_allocator *allocator, void *arg)
{
    weft_ctx *ctx;
    weft_classifier *c = NULL;
    weft_dataset *set = NULL;
    weft_evaluation r = { 0 };
    weft_status status = weft_ctx_create(&(weft_ctx_opt){ .threads = 1, .allocator = *allocator }, &ctx);
    if (status != WEFT_OK)
        return status;
    status = create(ctx, &c);
    if (status == WEFT_OK)
        status = weft_dataset_open(ctx, tree_path(arg), NULL, &set);
    if (status == WEFT_OK)
        status = weft_evaluate(c, set, NULL, &r);
    weft_evaluation_release(ctx, &r);
    weft_dataset_destroy(set);
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
    return status;
}

START_TEST(every_failing_allocation_is_reported)
{
    tree_put("one.jpg", NULL, "f/ant/a.jpg");
    tree_put("one.jpg", NULL, "f/bee/b.jpg");
    pack("f", "f.pack", &(weft_pack_opt){ .raw = true });
    ck_assert_int_ge(check_every_failure(evaluate_step, "f.pack"), 30);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("data: packs that are evaluated");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, loading_setup, loading_teardown);
    tcase_add_test(cases, answers_are_those_of_the_folders);
    tcase_add_test(cases, parts_are_chosen_or_refused);
    tcase_add_test(cases, numbered_classes_have_the_order_that_is_said);
    tcase_add_test(cases, a_damaged_image_is_one_bad_image);
    tcase_add_test(cases, every_failing_allocation_is_reported);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
