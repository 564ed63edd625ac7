/* SPDX-License-Identifier: Apache-2.0
 *
 * Augmentations: byte for byte what Pillow and torchvision make of two pictures (augment.txt, by make_augment.py), and
 * the frequencies of what is drawn. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "augment/augment.h"
#include "base/rng.h"
#include "check/harness.h"

enum { WIDTH = 29, HEIGHT = 23, BYTES = WIDTH * HEIGHT * 3 };

static uint8_t memory[2][BYTES];

static weft_canvas canvas_of(int channels)
{
    const weft_canvas canvas = { { memory[0], WIDTH, HEIGHT, channels }, { memory[1], WIDTH, HEIGHT, channels } };
    uint8_t *to = canvas.now.pixels;
    memset(canvas.spare.pixels, 0x55, BYTES);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            for (int c = 0; c < channels; c++)
                *to++ = (uint8_t)(20 + (x * 5 + y * 3 * (c + 1) + (x * y * (3 - c) >> 2)) % 200);
    return canvas;
}

static uint64_t digest(const weft_picture *p)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int i = 0; i < p->width * p->height * p->channels; i++)
        hash = (hash ^ p->pixels[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Does what a line says; false if it says nothing known. */
static bool run(const char *verb, const char *rest, weft_canvas *canvas)
{
    static const struct {
        const char *verb;
        void (*run)(weft_picture *picture, double factor);
    } rows[] = { { "brightness", weft_brightness }, { "contrast", weft_contrast }, { "saturation", weft_saturation },
                 { "hue", weft_hue } };
    char name[32];
    int bin, wide, negative;
    double m[6];
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        if (strcmp(rows[i].verb, verb) == 0)
            return rows[i].run(&canvas->now, atof(rest)), true;
    }
    if (strcmp(verb, "sharpness") == 0) {
        weft_sharpness(&canvas->now, atof(rest), &canvas->spare);
        weft_canvas_swap(canvas);
    } else if (strcmp(verb, "flip") == 0) {
        weft_flip(&canvas->now);
    } else if (strcmp(verb, "policy") == 0) {
        ck_assert_int_eq(sscanf(rest, "%31s %d %d %d", name, &bin, &wide, &negative), 4);
        return weft_policy_run(name, bin, wide, negative, canvas);
    } else if (strcmp(verb, "affine") == 0) {
        ck_assert_int_eq(sscanf(rest, "%31s %lf,%lf,%lf,%lf,%lf,%lf", name, m, m + 1, m + 2, m + 3, m + 4, m + 5), 7);
        weft_affine(&canvas->now, m, strcmp(name, "bilinear") == 0, &canvas->spare);
        weft_canvas_swap(canvas);
    } else {
        return strcmp(verb, "picture") == 0;
    }
    return true;
}

START_TEST(pictures_are_those_of_pillow)
{
    char line[256];
    int lines = 0, wrong = 0;
    FILE *const file = fopen(WEFT_TEST_DATA "/augment.txt", "r");
    ck_assert_ptr_nonnull(file);
    for (; fgets(line, sizeof line, file); lines++) {
        char *const hash = strrchr(line, ' ');
        *hash = '\0';
        char *const channels = strrchr(line, ' ');
        *channels = '\0';
        char *const space = strchr(line, ' ');
        const char *const rest = space ? space + 1 : "";
        char verb[32];
        snprintf(verb, sizeof verb, "%.*s", (int)strcspn(line, " "), line);
        weft_canvas canvas = canvas_of(atoi(channels + 1));
        ck_assert_msg(run(verb, rest, &canvas), "%s", line);
        if (digest(&canvas.now) != strtoull(hash + 1, NULL, 16)) {
            fprintf(stderr, "differs: %s, %s channels\n", line, channels + 1);
            wrong++;
        }
    }
    fclose(file);
    ck_assert(lines > 400);
    ck_assert_int_eq(wrong, 0);
}
END_TEST

static weft_augment read(const char *text)
{
    weft_augment augment;
    CHECK_OK(weft_augment_read(text, &augment));
    return augment;
}

/* Every row of the table is parsed from its name, changes some picture, and is the same again. */
START_TEST(steps_are_drawn_by_key)
{
    for (int i = 0; i < weft_augment_row_count; i++) {
        const weft_augment_row *const row = &weft_augment_rows[i];
        char text[64];
        snprintf(text, sizeof text, "%s%s", row->name, row->least ? " 2" : "");
        const weft_augment augment = read(text);
        uint64_t first = 0;
        int changed = 0, differ = 0;
        for (int64_t image = 0; image < 40 && row->stage == WEFT_STAGE_PIXELS; image++) {
            weft_canvas a = canvas_of(3);
            const uint64_t before = digest(&a.now);
            weft_augment_pixels(&augment, 7, 2, image, &a);
            const uint64_t after = digest(&a.now);
            weft_canvas b = canvas_of(3);
            weft_augment_pixels(&augment, 7, 2, image, &b);
            ck_assert(digest(&b.now) == after);
            first = image ? first : after;
            changed += after != before;
            differ += after != first;
        }
        ck_assert_msg(row->stage != WEFT_STAGE_PIXELS || (changed > 1 && differ > 1), "%s: %d, %d", row->name, changed,
                      differ);
    }
}
END_TEST

/* A fair coin, thrown 4,000 times for images, epochs and seeds: 2,000 with a deviation of 32. */
START_TEST(flips_are_fair)
{
    const weft_augment augment = read("flip");
    for (int what = 0; what < 3; what++) {
        int flipped = 0;
        for (int i = 0; i < 4000; i++) {
            uint8_t pixels[2][2] = { { 1, 2 }, { 0, 0 } };
            weft_canvas canvas = { { pixels[0], 2, 1, 1 }, { pixels[1], 2, 1, 1 } };
            weft_augment_pixels(&augment, what == 0 ? (uint64_t)i : 1, what == 1 ? i : 2, what == 2 ? i : 3, &canvas);
            flipped += canvas.now.pixels[0] == 2;
        }
        ck_assert_msg(abs(flipped - 2000) < 130, "%d of 4000", flipped);
    }
}
END_TEST

START_TEST(crops_have_the_area_and_ratio_asked_for)
{
    const weft_augment augment = read("resized-crop .2 .5 2/3 3/2");
    const weft_augment_step *const step = weft_augment_frame(&augment);
    double sum = 0;
    for (int64_t image = 0; image < 2000; image++) {
        double box[4];
        weft_draw draw = weft_draw_begin(1, step->purpose, 0, image);
        step->row->frame(step, &draw, 500, 375, box);
        const double w = box[2] - box[0], h = box[3] - box[1], share = w * h / (500. * 375);
        ck_assert(box[0] >= 0 && box[1] >= 0 && box[2] <= 500 && box[3] <= 375);
        ck_assert(share > .197 && share < .504 && w / h > .65 && w / h < 1.54);
        sum += share;
    }
    ck_assert(fabs(sum / 2000 - .35) < .01);
    double box[4];
    weft_draw draw = weft_draw_begin(1, step->purpose, 0, 0);
    step->row->frame(step, &draw, 1000, 3, box); /* of no legal size: the middle */
    ck_assert(box[3] - box[1] == 3 && box[2] - box[0] <= 5 && box[0] > 490);
}
END_TEST

START_TEST(erased_boxes_are_as_often_and_as_large)
{
    enum { SIDE = 32 };
    static float values[SIDE * SIDE];
    const weft_augment augment = read("erase .25");
    int erased = 0;
    double area = 0;
    for (int64_t image = 0; image < 2000; image++) {
        int zeros = 0;
        for (int i = 0; i < SIDE * SIDE; i++)
            values[i] = 1;
        weft_augment_values(&augment, 1, 0, image, values, SIDE, SIDE, 1);
        for (int i = 0; i < SIDE * SIDE; i++)
            zeros += values[i] == 0;
        erased += zeros > 0;
        area += zeros / (double)(SIDE * SIDE);
        ck_assert(zeros == 0 || (zeros > .015 * SIDE * SIDE && zeros < .35 * SIDE * SIDE));
    }
    ck_assert(abs(erased - 500) < 80);
    ck_assert(fabs(area / erased - .175) < .02);
}
END_TEST

/* Mean 1/2 and variance 1 / (4 (2 a + 1)). */
START_TEST(shares_follow_beta)
{
    static const double as[] = { .2, 1, 3 };
    for (int i = 0; i < WEFT_COUNT(as); i++) {
        double sum = 0, square = 0;
        for (int64_t k = 0; k < 10000; k++) {
            weft_draw draw = weft_draw_begin(1, 2, 3, k);
            const double x = weft_draw_beta(&draw, as[i]);
            ck_assert(x >= 0 && x <= 1);
            sum += x;
            square += x * x;
        }
        const double mean = sum / 10000, variance = square / 10000 - mean * mean;
        ck_assert(fabs(mean - .5) < .02 && fabs(variance * 4 * (2 * as[i] + 1) - 1) < .05);
    }
}
END_TEST

/* Every form and what it does stand in the manual page, where it says '-' as roff wants it. */
START_TEST(the_page_lists_all)
{
    static char page[16384], plain[16384];
    FILE *const file = fopen(WEFT_TEST_DATA "/../../docs/man/weft-augment.7", "r");
    ck_assert_ptr_nonnull(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    char *to = plain;
    for (const char *at = page; *at; at++) {
        if (*at != '\\')
            *to++ = *at == '\n' ? ' ' : *at;
    }
    weft_augment_kind kind;
    int count = 0;
    for (; weft_augment_get(count, &kind) == WEFT_OK; count++) {
        char entry[512];
        snprintf(entry, sizeof entry, ".TP .B %s %s", kind.form, kind.brief);
        ck_assert_msg(strstr(plain, entry) != NULL, "%s", entry);
    }
    int entries = 0;
    for (const char *at = plain; (at = strstr(at, ".TP .B ")); at++)
        entries++;
    ck_assert_int_eq(entries, count);
    CHECK_OK(weft_augment_check("flip, crop-pad 4"));
    CHECK_FAILS(WEFT_INVALID, weft_augment_check("mixup x"), "is no number");
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *const suite = suite_create("data: augmentations");
    TCase *const cases = tcase_create("all");
    tcase_add_test(cases, pictures_are_those_of_pillow);
    tcase_add_test(cases, steps_are_drawn_by_key);
    tcase_add_test(cases, flips_are_fair);
    tcase_add_test(cases, crops_have_the_area_and_ratio_asked_for);
    tcase_add_test(cases, erased_boxes_are_as_often_and_as_large);
    tcase_add_test(cases, shares_follow_beta);
    tcase_add_test(cases, the_page_lists_all);
    suite_add_tcase(suite, cases);
    return check_main(suite, argv[0]);
}
