/* SPDX-License-Identifier: Apache-2.0
 *
 * Data sets and evaluation: which class a folder or a line of a label file means and what is refused, and counts that
 * are known beforehand, because each image is filed under the class that the classifier itself answers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check/alloc.h"
#include "check/harness.h"
#include "data/golden.h"
#include "data/tree.h"
#include "task/classify.h"

enum { CLASSES = 10, IMAGES = 12, ANY = WEFT_CLASS_ORDER_AUTO };

static const weft_label ten[CLASSES] = {
    { "n00000001", "ant" }, { "n00000002", "bee" }, { "n00000003", "cat" },   { "n00000004", "dog" },
    { "n00000005", "eel" }, { "n00000006", "fly" }, { "n00000007", "grey gnu" }, { "n00000008", "crane" },
    { "n00000009", "crane" }, { "n00000010", "jay" },
};

static weft_classifier *classifier(weft_ctx *ctx, int64_t batch)
{
    const weft_classifier_opt opt = { .arch = "lenet5", .dialect = WEFT_KERAS, .batch = batch, .labels = ten,
                                      .label_count = CLASSES, .as_stored = true, .random = true, .seed = 3 };
    weft_classifier *c;
    CHECK_OK(weft_classifier_create(ctx, NULL, &opt, &c));
    return c;
}

/* ---- what folders mean ---- */

static const struct {
    const char *tree, *folders[11], *rule;
    int labels[11];
    const char *refused;
    int order; /* weft_class_order */
} folder_cases[] = {
    { "ids", { "n00000003", "n00000010" }, "WordNet id", { 2, 9 }, NULL, ANY },
    { "names", { "DOG", "bee", "grey_gnu" }, "class name", { 3, 1, 6 }, NULL, ANY },
    { "order", { "00", "01", "02", "03", "04", "05", "06", "07", "08", "09" }, "sorted order",
      { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, NULL, ANY },
    { "dogs", { "n00000003-Chihuahua", "n00000010_bee" }, "WordNet id", { 2, 9 }, NULL, ANY },
    { "blanks", { "dog ", " bee", "grey-gnu" }, "class name", { 3, 1, 6 }, NULL, ANY },
    { "birds", { "001.grey_gnu", "002.Bee", "3 dog" }, "class name behind a number", { 6, 1, 3 }, NULL, ANY },
    { "others", { "Ameise", "Biene", "Fisch", "Fuchs", "Hund", "Igel", "Katze", "Kran", "Maus", "Wal" }, NULL,
      { 0 }, "have none of their names: if the order of the names is that of the classes", ANY },
    { "chosen", { "Ameise", "Biene", "Fisch", "Fuchs", "Hund", "Igel", "Katze", "Kran", "Maus", "Wal" },
      "sorted order", { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, NULL, WEFT_CLASS_ORDER_NAME },
    { "half", { "n00000003", "n99999999" }, NULL, { 0 },
      "1 of 2 folders are classes by WordNet id, but 'n99999999'", ANY },
    { "mixed", { "ant", "zebra" }, NULL, { 0 }, "1 of 2 folders are classes by class name, but 'zebra'", ANY },
    { "twice", { "Ant", "ant" }, NULL, { 0 }, "which class is meant is not clear", ANY },
    { "several", { "bee", "crane" }, NULL, { 0 }, "'crane'", ANY },
    { "few", { "00", "01", "02" }, NULL, { 0 }, "3 folders ('00' ...) are neither WordNet ids nor names of the "
      "network's 10 classes, nor as many", ANY },
    { "unsure", { "1", "2", "3", "4", "5", "6", "7", "8", "9", "10" }, NULL, { 0 }, "--order number", ANY },
    { "letter", { "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10" }, NULL, { 0 }, "--order name", ANY },
    { "text", { "1", "2", "3", "4", "5", "6", "7", "8", "9", "10" }, "sorted order",
      { 0, 2, 3, 4, 5, 6, 7, 8, 9, 1 }, NULL, WEFT_CLASS_ORDER_NAME },
    { "number", { "1", "2", "3", "4", "5", "6", "7", "8", "9", "10" }, "sorted order",
      { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, NULL, WEFT_CLASS_ORDER_NUMBER },
};

START_TEST(folders_are_matched_by_one_rule)
{
    weft_ctx *ctx;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
    weft_classifier *c = classifier(ctx, 1);
    for (int i = 0; i < WEFT_COUNT(folder_cases); i++) {
        weft_dataset *set = NULL;
        int count = 0;
        for (; folder_cases[i].folders[count]; count++)
            tree_put("one.jpg", NULL, "%s/%s/sub/%d.JPEG", folder_cases[i].tree, folder_cases[i].folders[count],
                     folder_cases[i].labels[count]);
        const char *rule = NULL;
        int map[11];
        const weft_dataset_opt opt = { .order = (weft_class_order)folder_cases[i].order };
        CHECK_OK(weft_dataset_open(ctx, tree_path(folder_cases[i].tree), &opt, &set));
        if (folder_cases[i].refused) {
            CHECK_FAILS(WEFT_BAD_DATA, weft_classifier_match(c, set, map, &rule), folder_cases[i].refused);
            ck_assert_ptr_null(rule);
            weft_dataset_destroy(set);
            continue;
        }
        CHECK_OK(weft_classifier_match(c, set, map, &rule));
        ck_assert_str_eq(rule, folder_cases[i].rule);
        ck_assert_int_eq(weft_dataset_count(set), count);
        for (int k = 0; k < count; k++) {
            const char *path;
            int label;
            char name[32];
            CHECK_OK(weft_dataset_get(set, k, &path, &label));
            snprintf(name, sizeof name, "/sub/%d.JPEG", map[label]);
            ck_assert_msg(strstr(path, name) != NULL, "%s is of class %d", path, map[label]);
        }
        weft_dataset_destroy(set);
    }
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}
END_TEST

/* ---- what label files mean ---- */

/* A set and its classes in the classifier's numbers, or why not. */
static weft_status open_matched(weft_classifier *c, weft_ctx *ctx, const weft_dataset_opt *opt, weft_dataset **set,
                                int *map)
{
    const char *rule;
    WEFT_TRY(weft_dataset_open(ctx, tree_path("val"), opt, set));
    const weft_status status = weft_classifier_match(c, *set, map, &rule);
    if (status != WEFT_OK) {
        weft_dataset_destroy(*set);
        return status;
    }
    ck_assert_str_eq(rule, "label file");
    return status;
}

START_TEST(label_files_are_read_and_checked)
{
    static const struct {
        const char *text, *part; /* NULL: read */
        weft_class_numbers numbers;
    } cases[] = {
        { "cat\nn00000010\n0\n", NULL, WEFT_CLASS_NUMBERS_AUTO },
        { "cat\r\n\njay\n0", NULL, WEFT_CLASS_NUMBERS_AUTO },
        { "v_3.JPEG 0\nv_1.JPEG cat\nv_2.JPEG n00000010\n", NULL, WEFT_CLASS_NUMBERS_AUTO },
        { "2\n09\n0\n", NULL, WEFT_CLASS_NUMBERS_AUTO },
        { "2\n9\nant\n", NULL, WEFT_CLASS_NUMBERS_FROM_0 },
        { "3\n10\n1\n", NULL, WEFT_CLASS_NUMBERS_FROM_1 },
        { "0\n9\n1\n", "line 1: '0' is no", WEFT_CLASS_NUMBERS_FROM_1 },
        { "cat\njay\n10\n", "line 3: '10' is no", WEFT_CLASS_NUMBERS_FROM_0 },
        { "cat\njay\n", "2 labels for the 3 images", WEFT_CLASS_NUMBERS_AUTO },
        { "cat\njay\n0\n0\n", "line 4: more labels than the 3 images", WEFT_CLASS_NUMBERS_AUTO },
        { "cat\njay\n10\n", "development kit", WEFT_CLASS_NUMBERS_AUTO },
        { "cat\njay\n11\n", "line 3: '11' is no WordNet id", WEFT_CLASS_NUMBERS_AUTO },
        { "cat\njay\ncrane\n", "line 3: several classes are named 'crane'", WEFT_CLASS_NUMBERS_AUTO },
        { "cat\njay\n-1\n", "'-1'", WEFT_CLASS_NUMBERS_AUTO },
        { "cat\nv_2.JPEG 3\n", "line 2: some lines are", WEFT_CLASS_NUMBERS_AUTO },
        { "v_4.JPEG 3\n", "line 1: 'v_4.JPEG' is not in", WEFT_CLASS_NUMBERS_AUTO },
        { "", "no images", WEFT_CLASS_NUMBERS_AUTO },
    };
    weft_ctx *ctx;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
    weft_classifier *c = classifier(ctx, 1);
    for (int i = 1; i <= 3; i++)
        tree_put("one.jpg", NULL, "val/v_%d.JPEG", i);
    char labels[TREE_TEXT];
    snprintf(labels, sizeof labels, "%s", tree_path("labels.txt"));
    for (int i = 0; i < WEFT_COUNT(cases); i++) {
        weft_dataset *set = NULL;
        int map[3];
        const weft_dataset_opt opt = { .labels = labels, .numbers = cases[i].numbers };
        tree_put(NULL, cases[i].text, "labels.txt");
        if (cases[i].part) {
            CHECK_FAILS(WEFT_BAD_DATA, open_matched(c, ctx, &opt, &set, map), cases[i].part);
            continue;
        }
        CHECK_OK(open_matched(c, ctx, &opt, &set, map));
        ck_assert_int_eq(weft_dataset_count(set), 3);
        for (int k = 0; k < 3; k++) {
            static const int expected[] = { 2, 9, 0 };
            const char *path;
            int label;
            CHECK_OK(weft_dataset_get(set, k, &path, &label));
            ck_assert_int_eq(map[label], expected[path[strlen(path) - 6] - '1']);
        }
        weft_dataset_destroy(set);
    }
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}
END_TEST

/* The development kit's numbers of ImageNet's first five validation images, none of which is 1000. */
START_TEST(the_development_kits_numbers_are_refused)
{
    weft_ctx *ctx;
    weft_classifier *c;
    weft_dataset *set;
    int map[5];
    char labels[TREE_TEXT];
    snprintf(labels, sizeof labels, "%s", tree_path("labels.txt"));
    const weft_classifier_opt how = { .arch = "mobilenetv2", .random = true };
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
    CHECK_OK(weft_classifier_create(ctx, NULL, &how, &c));
    for (int i = 1; i <= 5; i++)
        tree_put("one.jpg", NULL, "val/ILSVRC2012_val_%08d.JPEG", i);
    tree_put(NULL, "490\n361\n171\n822\n297\n", "labels.txt");
    weft_dataset_opt opt = { .labels = labels };
    CHECK_FAILS(WEFT_BAD_DATA, open_matched(c, ctx, &opt, &set, map), "development kit");
    opt.numbers = WEFT_CLASS_NUMBERS_FROM_1;
    CHECK_FAILS(WEFT_BAD_DATA, open_matched(c, ctx, &opt, &set, map), "development kit");
    opt.numbers = WEFT_CLASS_NUMBERS_FROM_0;
    CHECK_OK(open_matched(c, ctx, &opt, &set, map));
    ck_assert_int_eq(map[0], 171);
    weft_dataset_destroy(set);
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}
END_TEST

/* ---- counts ---- */

static const char *const fixtures[IMAGES] = {
    "444.jpg", "rgb8.png",  "grey.jpg",    "cmyk.jpg",  "palette4.png", "422.jpg",
    "one.png", "grey1.png", "restart.jpg", "rgba8.png", "ycck.jpg",     "440.jpg",
};

/* Files each image under the class at place `place` of its answer. */
static void file_by_answer(weft_classifier *c, int place)
{
    for (int i = 0; i < IMAGES; i++) {
        char path[GOLDEN_TEXT];
        const char *const one = path;
        weft_answer answers[CLASSES];
        golden_path(fixtures[i], path);
        CHECK_OK(weft_classify_files(c, &one, 1, CLASSES, answers, NULL));
        tree_put(fixtures[i], NULL, "place%d/%s/%02d%s", place, answers[place].id, i, strrchr(fixtures[i], '.'));
    }
}

START_TEST(counts_are_right_for_any_batch_and_threads)
{
    static const struct {
        int place;
        int64_t top1, top5;
    } cases[] = { { 0, IMAGES, IMAGES }, { 1, 0, IMAGES }, { 4, 0, IMAGES }, { 5, 0, 0 } };
    for (int threads = 1; threads <= 2; threads++) {
        for (int64_t batch = 1; batch <= 16; batch += 5) {
            weft_ctx *ctx;
            CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = threads }, &ctx));
            weft_classifier *c = classifier(ctx, batch);
            for (int i = 0; i < WEFT_COUNT(cases); i++) {
                char name[16];
                weft_dataset *set;
                weft_evaluation r;
                int64_t sum = 0, diagonal = 0, images = 0;
                snprintf(name, sizeof name, "place%d", cases[i].place);
                file_by_answer(c, cases[i].place);
                CHECK_OK(weft_dataset_open(ctx, tree_path(name), NULL, &set));
                CHECK_OK(weft_evaluate(c, set, NULL, &r));
                ck_assert(r.images == IMAGES && r.bad == 0 && r.classes == CLASSES && r.seconds > 0);
                ck_assert_int_eq(r.top1, cases[i].top1);
                ck_assert_int_eq(r.top5, cases[i].top5);
                for (int k = 0; k < CLASSES * CLASSES; k++) {
                    sum += r.confusion[k];
                    diagonal += k % (CLASSES + 1) == 0 ? r.confusion[k] : 0;
                }
                for (int k = 0; k < CLASSES; k++)
                    images += r.score[k].images;
                ck_assert(sum == IMAGES && diagonal == r.top1 && images == IMAGES);
                weft_evaluation_release(ctx, &r);
                weft_dataset_destroy(set);
            }
            weft_classifier_destroy(c);
            weft_ctx_destroy(ctx);
        }
    }
}
END_TEST

typedef struct seen {
    int bad;
    int64_t done, stop_at;
} seen;

static void on_bad(void *user, const weft_fault *fault)
{
    seen *s = user;
    s->bad++;
    ck_assert_msg(strstr(fault->reason, "CRC error") != NULL, "%s", fault->reason);
}

static bool on_progress(void *user, int64_t done, int64_t count)
{
    seen *s = user;
    ck_assert(done > s->done && done <= count && count == IMAGES + 2);
    s->done = done;
    return done < s->stop_at;
}

START_TEST(bad_images_are_limited_and_progress_can_stop)
{
    weft_ctx *ctx;
    weft_dataset *set, *few;
    weft_evaluation r;
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 2 }, &ctx));
    weft_classifier *c = classifier(ctx, 3);
    file_by_answer(c, 0);
    tree_put("bad-crc.png", NULL, "place0/n00000001/aa.png");
    tree_put("bad-crc.png", NULL, "place0/n00000001/zz.png");
    CHECK_OK(weft_dataset_open(ctx, tree_path("place0"), NULL, &set));
    for (int64_t limit = 0; limit < 4; limit++) {
        seen s = { .stop_at = 100 };
        const weft_evaluate_opt opt = { .bad_limit = limit, .bad = on_bad, .progress = on_progress, .user = &s };
        if (limit < 2) {
            CHECK_FAILS(WEFT_BAD_DATA, weft_evaluate(c, set, &opt, &r), limit ? "zz.png" : "aa.png");
            ck_assert_int_eq(s.bad, limit + 1);
            continue;
        }
        CHECK_OK(weft_evaluate(c, set, &opt, &r));
        ck_assert(r.images == IMAGES && r.top1 == IMAGES && r.bad == 2 && s.bad == 2 && s.done == IMAGES + 2);
        weft_evaluation_release(ctx, &r);
    }
    seen s = { .stop_at = 6 };
    const weft_evaluate_opt opt = { .bad_limit = 2, .progress = on_progress, .user = &s };
    CHECK_OK(weft_evaluate(c, set, &opt, &r));
    ck_assert(s.done == 6 && r.images + r.bad == 6);
    weft_evaluation_release(ctx, &r);
    CHECK_OK(weft_dataset_open(ctx, tree_path("place0"), &(weft_dataset_opt){ .limit = 5 }, &few));
    ck_assert_int_eq(weft_dataset_count(few), 5);
    weft_dataset_destroy(few);
    CHECK_FAILS(WEFT_INVALID, weft_evaluate(NULL, set, NULL, &r), "NULL");
    weft_dataset_destroy(set);
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}
END_TEST

/* Every prediction of a data set, for the sums below. */
typedef struct predictions {
    int64_t count;
    int label[IMAGES + 2], answer[IMAGES + 2];
    double probability[IMAGES + 2];
} predictions;

static void on_prediction(void *user, const weft_prediction *one)
{
    predictions *p = user;
    ck_assert_int_eq(one->index, p->count);
    ck_assert(one->top == 5 && strstr(one->path, "mixed/"));
    p->label[p->count] = one->label;
    p->answer[p->count] = one->fault->status ? -1 : one->answers[0].index;
    p->probability[p->count++] = one->answers[0].probability;
}

/* By the formulas of the header, from the predictions themselves: some right, some wrong, one unreadable. */
START_TEST(scores_follow_from_the_predictions)
{
    weft_ctx *ctx;
    weft_dataset *set;
    weft_evaluation r;
    predictions p = { 0 };
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 2 }, &ctx));
    weft_classifier *c = classifier(ctx, 4);
    for (int i = 0; i < IMAGES; i++) {
        char path[GOLDEN_TEXT];
        const char *const one = path;
        weft_answer answers[CLASSES];
        golden_path(fixtures[i], path);
        CHECK_OK(weft_classify_files(c, &one, 1, CLASSES, answers, NULL));
        tree_put(fixtures[i], NULL, "mixed/%s/%02d%s", answers[i % 3].id, i, strrchr(fixtures[i], '.'));
    }
    tree_put("bad-crc.png", NULL, "mixed/n00000001/bad.png");
    CHECK_OK(weft_dataset_open(ctx, tree_path("mixed"), NULL, &set));
    const weft_evaluate_opt opt = { .bad_limit = 1, .predicted = on_prediction, .user = &p };
    CHECK_OK(weft_evaluate(c, set, &opt, &r));
    ck_assert(p.count == IMAGES + 1 && r.images == IMAGES && r.bad == 1 && r.top1 == IMAGES / 3);
    double macro = 0, error = 0;
    int there = 0;
    for (int k = 0; k < CLASSES; k++) {
        int images = 0, answered = 0, right = 0;
        for (int i = 0; i < p.count; i++) {
            images += p.answer[i] >= 0 && p.label[i] == k;
            answered += p.answer[i] == k;
            right += p.answer[i] == k && p.label[i] == k;
        }
        const double precision = answered ? (double)right / answered : 0, recall = images ? (double)right / images : 0;
        const double f1 = right ? 2 * precision * recall / (precision + recall) : 0;
        ck_assert_int_eq(r.score[k].answered, answered);
        ck_assert_double_eq_tol(r.score[k].precision, precision, 1e-12);
        ck_assert_double_eq_tol(r.score[k].recall, recall, 1e-12);
        ck_assert_double_eq_tol(r.score[k].f1, f1, 1e-12);
        macro += f1;
        there += images || answered;
    }
    for (int b = 0; b < WEFT_CALIBRATION_BINS; b++) {
        double right = 0, sum = 0;
        for (int i = 0; i < p.count; i++) {
            const double at = p.probability[i] * WEFT_CALIBRATION_BINS;
            if (p.answer[i] >= 0 && at > b && at <= b + 1) {
                right += p.answer[i] == p.label[i];
                sum += p.probability[i];
            }
        }
        error += fabs(right - sum) / IMAGES;
    }
    ck_assert_double_eq_tol(r.macro_f1, macro / there, 1e-12);
    ck_assert_double_eq_tol(r.calibration_error, error, 1e-12);
    ck_assert(error > .05 && macro > 0);
    weft_evaluation_release(ctx, &r);
    weft_dataset_destroy(set);
    weft_classifier_destroy(c);
    weft_ctx_destroy(ctx);
}
END_TEST

static weft_status evaluate_step(const weft_allocator *allocator, void *arg)
{
    weft_ctx *ctx;
    weft_classifier *c = NULL;
    weft_dataset *set = NULL;
    weft_evaluation r = { 0 };
    const weft_ctx_opt opt = { .threads = 1, .allocator = *allocator };
    const weft_classifier_opt how = { .arch = "lenet5", .dialect = WEFT_KERAS, .batch = 4, .labels = ten,
                                      .label_count = CLASSES, .random = true };
    weft_status status = weft_ctx_create(&opt, &ctx);
    if (status != WEFT_OK)
        return status;
    status = weft_classifier_create(ctx, NULL, &how, &c);
    if (status == WEFT_OK)
        status = weft_dataset_open(ctx, tree_path("place0"), arg, &set);
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
    tree_put("one.jpg", NULL, "place0/ant/a.jpg");
    tree_put("one.jpg", NULL, "place0/bee/deep/a.jpg");
    ck_assert_int_ge(check_every_failure(evaluate_step, NULL), 30);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("data: evaluate");
    TCase *cases = tcase_create("all");
    tcase_add_checked_fixture(cases, tree_setup, tree_teardown);
    tcase_add_test(cases, folders_are_matched_by_one_rule);
    tcase_add_test(cases, label_files_are_read_and_checked);
    tcase_add_test(cases, the_development_kits_numbers_are_refused);
    tcase_add_test(cases, counts_are_right_for_any_batch_and_threads);
    tcase_add_test(cases, bad_images_are_limited_and_progress_can_stop);
    tcase_add_test(cases, scores_follow_from_the_predictions);
    tcase_add_test(cases, every_failing_allocation_is_reported);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
