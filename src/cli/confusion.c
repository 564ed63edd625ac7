/* SPDX-License-Identifier: Apache-2.0
 *
 * Which classes are taken for which, as a picture: a row for each true class, a column for each answered one, a cell as
 * dark as the share of the row's images that it has. Names and counts where there is room for them; every cell says its
 * own when pointed at. */
#include "cli/confusion.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "cli/text.h"

enum { SIDE = 720, TOP = 60, LEFT = 170, BOTTOM = 170, RIGHT = 30, FONT = 11 };
enum { WITH_NAMES = 60, WITH_COUNTS = 20, NAME = 24 /* characters */ };

typedef struct picture {
    FILE *out;
    const cli_confusion *c;
    int classes;
    double cell;
} picture;

static void write_name(const picture *p, int index, bool cut)
{
    char buf[32];
    char *const name = cli_visible(p->c->name(p->c->user, index, buf));
    int shown = 0;
    for (const char *at = name; *at && !(cut && shown >= NAME && ((unsigned char)*at & 0xc0) != 0x80); at++) {
        const char *const entity = *at == '<' ? "&lt;" : *at == '>' ? "&gt;" : *at == '&' ? "&amp;" : NULL;
        if (entity)
            fputs(entity, p->out);
        else
            fputc(*at, p->out);
        shown += ((unsigned char)*at & 0xc0) != 0x80;
    }
    free(name);
}

/* White to dark blue, by the root of the share: what is rarely taken for something is to be seen too. */
static void write_fill(FILE *out, double share)
{
    const double t = sqrt(share);
    fprintf(out, "#%02x%02x%02x", (int)(255 - 243 * t), (int)(255 - 203 * t), (int)(255 - 135 * t));
}

static void draw_cell(const picture *p, int row, int column, int64_t images, int64_t of)
{
    const double share = (double)images / (double)of, x = LEFT + column * p->cell, y = TOP + row * p->cell;
    fprintf(p->out, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"", x, y, p->cell, p->cell);
    write_fill(p->out, share);
    fputs("\"><title>", p->out);
    write_name(p, row, false);
    fputs(row == column ? ", right: " : ", taken for ", p->out);
    if (row != column) {
        write_name(p, column, false);
        fputs(": ", p->out);
    }
    fprintf(p->out, "%lld of %lld</title></rect>\n", (long long)images, (long long)of);
    if (p->classes <= WITH_COUNTS)
        fprintf(p->out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" fill=\"%s\">%lld</text>\n",
                x + p->cell / 2, y + p->cell / 2 + 4, share > .3 ? "white" : "black", (long long)images);
}

static void draw_names(const picture *p)
{
    for (int i = 0; i < p->classes && p->classes <= WITH_NAMES; i++) {
        const double at = (i + .5) * p->cell;
        fprintf(p->out, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 6, TOP + at + 4);
        write_name(p, i, true);
        fprintf(p->out, "</text>\n<text transform=\"translate(%.1f %d) rotate(-90)\" text-anchor=\"end\">",
                LEFT + at + 4, TOP + SIDE + 6);
        write_name(p, i, true);
        fputs("</text>\n", p->out);
    }
}

/* Images of a true class. */
static int64_t row_of(const cli_confusion *c, int row)
{
    int64_t sum = 0;
    for (int i = 0; i < c->classes; i++)
        sum += c->counts[(size_t)row * (size_t)c->classes + (size_t)i];
    return sum;
}

static void draw_title(const cli_confusion *c, FILE *file)
{
    int64_t right = 0, images = 0;
    for (int i = 0; i < c->classes; i++) {
        images += row_of(c, i);
        right += c->counts[(size_t)i * (size_t)c->classes + (size_t)i];
    }
    fprintf(file, "<text x=\"%d\" y=\"28\" font-size=\"16\" text-anchor=\"middle\">", LEFT + SIDE / 2);
    fprintf(file, "%s: %lld of %lld images right</text>\n", c->title, (long long)right, (long long)images);
}

void cli_draw_confusion(const cli_confusion *c, FILE *file)
{
    const picture p = { .out = file, .c = c, .classes = c->classes, .cell = (double)SIDE / c->classes };
    const int width = LEFT + SIDE + RIGHT, height = TOP + SIDE + BOTTOM;
    fprintf(file,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"%d\">\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n", width, height, width, height, FONT, width, height);
    draw_title(c, file);
    fprintf(file, "<text x=\"%d\" y=\"48\" text-anchor=\"middle\" fill=\"#444\">rows: true class, columns: answered; "
            "darker: a larger share of the row</text>\n", LEFT + SIDE / 2);
    for (int row = 0; row < c->classes; row++) {
        const int64_t of = row_of(c, row);
        for (int column = 0; column < c->classes; column++) {
            const int64_t images = c->counts[(size_t)row * (size_t)c->classes + (size_t)column];
            if (images)
                draw_cell(&p, row, column, images, of);
        }
    }
    fprintf(file, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888\"/>\n", LEFT, TOP,
            SIDE, SIDE);
    draw_names(&p);
    fputs("</svg>\n", file);
}
