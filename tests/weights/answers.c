/* SPDX-License-Identifier: Apache-2.0
 *
 * Files as people have them, made by PyTorch, timm, transformers and Keras, and what these make of a photograph with
 * them (answers/answers.txt, by make_answers.py; none of them is needed here): what a file says of its outputs, images,
 * preprocessing, averages and names is obeyed, to the value. Each file is packed twice. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/weft.h>
#include <zlib.h>

#include "check/harness.h"
#include "weights/keras_files.h"

enum { WIDTH = 150, HEIGHT = 113, CLASSES = 8, TEXT = 512, LEAST = 13 };

typedef struct answer {
    char file[64], key[32], words[96], labels[64];
    double p[CLASSES];
    int classes;
} answer;

/* Single precision through a deep network; another crop, filter or activation is a hundred times as far. */
#define NEAR 1e-3

static answer answers[64];
static int answer_count;
static uint8_t pixels[WIDTH * HEIGHT * 3];

static void read_answers(void)
{
    char line[TEXT];
    FILE *const f = fopen(WEFT_TEST_WEIGHTS "/answers/answers.txt", "r");
    while (f && fgets(line, sizeof line, f)) {
        answer *const a = &answers[answer_count++];
        int at = 0, n;
        if (sscanf(line, "%63s %31s %95s %63s%n", a->file, a->key, a->words, a->labels, &at) != 4)
            answer_count = 0;
        for (; a->classes < CLASSES && sscanf(line + at, "%lf%n", &a->p[a->classes], &n) == 1; at += n)
            a->classes++;
        for (char *c = a->words; *c; c++)
            *c = *c == '+' ? ' ' : *c;
    }
    if (f)
        fclose(f);
}

/* As make_answers.py draws it. */
static void draw(void)
{
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            for (int c = 0; c < 3; c++)
                pixels[(y * WIDTH + x) * 3 + c] =
                    (uint8_t)((x * (2 + c) + y * (4 - c) / 2 + 90 * ((x / 20 + y / 20) % 2)) % 256);
        }
    }
}

static void unpack(const char *from, const char *to)
{
    static char block[1 << 16];
    const gzFile in = gzopen(from, "rb");
    FILE *const out = fopen(to, "wb");
    int got;
    ck_assert_msg(in && out, "%s to %s", from, to);
    while ((got = gzread(in, block, sizeof block)) > 0)
        ck_assert_uint_eq(fwrite(block, 1, (size_t)got, out), (size_t)got);
    ck_assert_msg(got == 0, "%s", from);
    gzclose(in);
    fclose(out);
}

/* The file, or the folder of files: answers/NAME.gz, or answers/NAME_PART.gz of each part. */
static void put(const char *name)
{
    DIR *const dir = opendir(WEFT_TEST_WEIGHTS "/answers");
    const size_t length = strlen(name);
    int count = 0;
    ck_assert_ptr_nonnull(dir);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        char from[TEXT], to[TEXT];
        const size_t whole = strlen(e->d_name);
        if (strncmp(e->d_name, name, length) != 0 || (e->d_name[length] != '_' && strcmp(e->d_name + length, ".gz")))
            continue;
        const bool part = e->d_name[length] == '_';
        snprintf(from, sizeof from, WEFT_TEST_WEIGHTS "/answers/%s", e->d_name);
        snprintf(to, sizeof to, "%s%s%.*s", name, part ? "/" : "", part ? (int)(whole - length - 4) : 0,
                 e->d_name + length + 1);
        if (part)
            mkdir(name, 0777);
        unpack(from, "answer.gz");
        unpack("answer.gz", to);
        count++;
    }
    closedir(dir);
    ck_assert_msg(count > 0, "%s", name);
}

static void drop(const char *name)
{
    static const char *const parts[] = { "config.json", "model.safetensors", "preprocessor_config.json" };
    char path[TEXT];
    for (int i = 0; i < WEFT_COUNT(parts); i++) {
        snprintf(path, sizeof path, "%s/%s", name, parts[i]);
        unlink(path);
    }
    rmdir(name);
    unlink(name);
    unlink("answer.gz");
}

static void check_labels(const weft_classifier *c, const answer *a)
{
    char labels[TEXT] = "";
    for (int i = 0; a->labels[0] != '-' && i < a->classes; i++) {
        const weft_label *const label = weft_classifier_label(c, i);
        snprintf(labels + strlen(labels), sizeof labels - strlen(labels), "%s%s", i ? "," : "",
                 label ? label->name : "");
    }
    ck_assert_str_eq(labels, a->labels[0] == '-' ? "" : a->labels);
}

START_TEST(files_are_answered_as_their_frameworks_do)
{
    const answer *const a = &answers[_i];
    const weft_image image = { .width = WIDTH, .height = HEIGHT, .pixels = pixels };
    const weft_import_opt import = { .read = { .key = a->key[0] == '-' ? NULL : a->key } };
    const weft_classifier_opt opt = { .recipe_words = a->words[0] == '-' ? NULL : a->words };
    weft_ctx *ctx;
    weft_weights *weights;
    weft_imported found;
    weft_classifier *c;
    weft_answer top[CLASSES];
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx));
    put(a->file);
    CHECK_OK(weft_weights_import(ctx, a->file, &import, &found, &weights));
    drop(a->file);
    CHECK_OK(weft_classifier_create(ctx, weights, &opt, &c));
    CHECK_OK(weft_classify_images(c, &image, 1, a->classes, top));
    check_labels(c, a);
    for (int i = 0; i < a->classes; i++) {
        const int index = top[i].index;
        ck_assert_msg(fabs(top[i].probability - a->p[index]) < NEAR, "%s: class %d has %.6f, %.6f was expected",
                      a->file, index, top[i].probability, a->p[index]);
    }
    weft_classifier_destroy(c);
    weft_map_report_destroy(ctx, found.report);
    weft_weights_destroy(weights);
    weft_ctx_destroy(ctx);
}
END_TEST

START_TEST(there_are_answers)
{
    ck_assert_int_ge(answer_count, LEAST);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    if (!keras_helper())
        return SKIPPED;
    read_answers();
    draw();
    Suite *suite = suite_create("weights_answers");
    TCase *cases = tcase_create("answers");
    tcase_add_test(cases, there_are_answers);
    tcase_add_loop_test(cases, files_are_answered_as_their_frameworks_do, 0, answer_count);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
