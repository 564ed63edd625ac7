/* SPDX-License-Identifier: Apache-2.0
 *
 * The table as a picture: top-1 accuracy against measured time (logarithmic), the size of the weights as area, the
 * published times beside them if they are of this batch, and a line through the networks that none is both faster and
 * more accurate than. A label takes, of several places around its circle, the one that covers least of what is there
 * already. What cannot be drawn is named. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bench.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/text.h"

enum { W = 960, H = 600, LEFT = 70, RIGHT = 30, TOP = 70, BOTTOM = 70, FONT = 13, LARGEST = 34 /* radius */ };
enum { PUBLISHED_BATCH = 32, LISTED = 100 /* letters */ };

static const double char_width = 7.6; /* of a sans-serif font of that size, about */

typedef struct box {
    double x0, y0, x1, y1;
} box;

typedef struct point {
    const char *name;
    int row;
    double ms, top1, size; /* size in bytes */
    double published;      /* ms; 0: none of this batch */
    double x, y, r;
    box label;
} point;

typedef struct chart {
    point *points;
    int count;
    double x_low, x_high, y_low, y_high; /* of log10 ms and percent */
    double largest;                      /* size */
    box legend;
    const char *what; /* "CPU" */
    char not_drawn[LISTED + 32]; /* names */
} chart;

static double overlap(const box *a, const box *b)
{
    const double w = fmin(a->x1, b->x1) - fmax(a->x0, b->x0), h = fmin(a->y1, b->y1) - fmax(a->y0, b->y0);
    return w > 0 && h > 0 ? w * h : 0;
}

static box around(const point *p)
{
    return (box){ p->x - p->r, p->y - p->r, p->x + p->r, p->y + p->r };
}

/* What a label at b would cover: labels set before it, circles, and the world outside the frame. */
static double cost(const chart *plot, int self, const box *b)
{
    const box frame = { LEFT, TOP, W - RIGHT, H - BOTTOM };
    const double area = (b->x1 - b->x0) * (b->y1 - b->y0);
    double covered = 4 * (area - overlap(b, &frame)) + 3 * overlap(b, &plot->legend);
    for (int i = 0; i < plot->count; i++) {
        const box circle = around(&plot->points[i]);
        covered += (i == self ? 0.5 : 1.0) * overlap(b, &circle);
        if (i < self)
            covered += 3 * overlap(b, &plot->points[i].label);
    }
    return covered;
}

static void place_label(chart *plot, int self)
{
    static const double side[][2] = { { 1, 0 },  { 0, -1 }, { -1, 0 },  { 0, 1 },
                                      { 1, -1 }, { 1, 1 },  { -1, -1 }, { -1, 1 } };
    point *p = &plot->points[self];
    const double w = (double)strlen(p->name) * char_width, h = FONT + 2;
    double best = INFINITY;
    for (int ring = 0; ring < 4; ring++)
        for (size_t s = 0; s < sizeof side / sizeof *side; s++) {
            const double away = (p->r + 4 + ring * 12) * (s < 4 ? 1 : 0.75); /* corners are nearer to a circle */
            const double cx = p->x + side[s][0] * (away + w / 2), cy = p->y + side[s][1] * (away + h / 2);
            const box b = { cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2 };
            const double c = cost(plot, self, &b) + ring * 20 + (double)s * 2;
            if (c < best) {
                best = c;
                p->label = b;
            }
        }
}

static int larger_first(const void *a, const void *b)
{
    const point *p = a, *q = b;
    return (p->size < q->size) - (p->size > q->size);
}

static double place_of(const chart *plot, double ms)
{
    return LEFT + (log10(ms) - plot->x_low) / (plot->x_high - plot->x_low) * (W - LEFT - RIGHT);
}

static double radius(const chart *plot, double size)
{
    return fmax(3, LARGEST * sqrt(size / plot->largest));
}

static void scale(chart *plot)
{
    double low = INFINITY, high = -INFINITY, worst = INFINITY, best = -INFINITY;
    for (int i = 0; i < plot->count; i++) {
        const point *p = &plot->points[i];
        const double ends[] = { log10(p->ms), log10(p->published > 0 ? p->published : p->ms) };
        low = fmin(low, fmin(ends[0], ends[1]));
        high = fmax(high, fmax(ends[0], ends[1]));
        worst = fmin(worst, p->top1);
        best = fmax(best, p->top1);
        plot->largest = fmax(plot->largest, p->size);
    }
    const double margin = fmax(0.1, 0.08 * (high - low));
    plot->x_low = low - margin;
    plot->x_high = high + margin;
    plot->y_low = floor((worst - 0.5) / 2) * 2;
    plot->y_high = ceil((best + 0.5) / 2) * 2;
    for (int i = 0; i < plot->count; i++) {
        point *p = &plot->points[i];
        p->x = place_of(plot, p->ms);
        p->y = H - BOTTOM - (p->top1 - plot->y_low) / (plot->y_high - plot->y_low) * (H - TOP - BOTTOM);
        p->r = radius(plot, p->size);
    }
    plot->legend = (box){ W - RIGHT - 150, H - BOTTOM - 84, W - RIGHT, H - BOTTOM };
    qsort(plot->points, (size_t)plot->count, sizeof *plot->points, larger_first); /* small ones are drawn on top */
    for (int i = 0; i < plot->count; i++)
        place_label(plot, i);
}

static void write_text(FILE *out, const char *raw)
{
    char *visible = cli_visible(raw); /* XML has no control characters */
    for (const char *text = visible; *text; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        default:
            fputc(*text, out);
        }
    free(visible);
}

/* Ticks at 1, 2 and 5 of every decade, percent every one or two. */
static void draw_axes(FILE *out, const chart *plot, const cli_machine *machine)
{
    const double step = plot->y_high - plot->y_low > 12 ? 2 : 1;
    fprintf(out, "<g stroke=\"#ddd\" fill=\"#444\" font-size=\"12\">\n");
    for (int decade = (int)floor(plot->x_low); decade <= (int)ceil(plot->x_high); decade++)
        for (int m = 1; m <= 5; m += m == 2 ? 3 : 1) {
            const double at = decade + log10(m),
                         x = LEFT + (at - plot->x_low) / (plot->x_high - plot->x_low) * (W - LEFT - RIGHT);
            if (at < plot->x_low || at > plot->x_high)
                continue;
            fprintf(out,
                    "<path d=\"M%.1f %d V%d\"/><text x=\"%.1f\" y=\"%d\" stroke=\"none\" "
                    "text-anchor=\"middle\">%g</text>\n",
                    x, TOP, H - BOTTOM, x, H - BOTTOM + 18, m * pow(10, decade));
        }
    for (double top1 = plot->y_low; top1 <= plot->y_high + 1e-9; top1 += step) {
        const double y = H - BOTTOM - (top1 - plot->y_low) / (plot->y_high - plot->y_low) * (H - TOP - BOTTOM);
        fprintf(out,
                "<path d=\"M%d %.1f H%d\"/><text x=\"%d\" y=\"%.1f\" stroke=\"none\" text-anchor=\"end\">%g</text>\n",
                LEFT, y, W - RIGHT, LEFT - 8, y + 4, top1);
    }
    fprintf(out, "</g>\n<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888\"/>\n", LEFT,
            TOP, W - LEFT - RIGHT, H - TOP - BOTTOM);
    fprintf(out,
            "<text x=\"%d\" y=\"28\" font-size=\"18\" text-anchor=\"middle\">Accuracy against time of a batch of "
            "%lld</text>\n",
            W / 2, (long long)machine->protocol->batch.value[0]);
    fprintf(out, "<text x=\"%d\" y=\"50\" font-size=\"12\" fill=\"#444\" text-anchor=\"middle\">", W / 2);
    write_text(out, strcmp(plot->what, "GPU") == 0 ? machine->gpu : machine->cpu);
    fprintf(out, "; area of a circle: size of the weights; accuracy as published; weft %s</text>\n", weft_version());
    fprintf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%s time measured, ms (logarithmic)</text>\n",
            LEFT + (W - LEFT - RIGHT) / 2, H - 22, plot->what);
    fprintf(
        out,
        "<text transform=\"translate(22 %d) rotate(-90)\" text-anchor=\"middle\">ImageNet top-1 accuracy, %%</text>\n",
        TOP + (H - TOP - BOTTOM) / 2);
}

static int by_time(const void *a, const void *b)
{
    const point *p = *(const point *const *)a, *q = *(const point *const *)b;
    return p->ms != q->ms ? (p->ms > q->ms) - (p->ms < q->ms) : (p->top1 < q->top1) - (p->top1 > q->top1);
}

/* From the fastest on, each that is more accurate than all that are faster. */
static void draw_frontier(FILE *out, const chart *plot)
{
    const point **rising = cli_alloc((size_t)plot->count, sizeof *rising);
    double best = 0;
    for (int i = 0; i < plot->count; i++)
        rising[i] = &plot->points[i];
    qsort(rising, (size_t)plot->count, sizeof *rising, by_time);
    fputs("<polyline fill=\"none\" stroke=\"#c08a30\" stroke-dasharray=\"6 4\" points=\"", out);
    for (int i = 0; i < plot->count; i++) {
        if (rising[i]->top1 <= best)
            continue;
        best = rising[i]->top1;
        fprintf(out, "%.1f,%.1f ", rising[i]->x, rising[i]->y);
    }
    fputs("\"><title>none is both faster and more accurate than these</title></polyline>\n", out);
    free(rising);
}

/* A small ring, and a line to it. */
static void draw_published(FILE *out, const chart *plot)
{
    for (int i = 0; i < plot->count; i++) {
        const point *p = &plot->points[i];
        if (p->published <= 0)
            continue;
        const double x = place_of(plot, p->published);
        fprintf(out, "<path d=\"M%.1f %.1f H%.1f\" stroke=\"#bbb\" stroke-dasharray=\"2 3\"/>"
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"white\" stroke=\"#888\"><title>", p->x, p->y, x, x,
                p->y);
        write_text(out, p->name);
        fprintf(out, ": %.1f ms as published</title></circle>\n", p->published);
    }
}

/* What circles, rings and the line are. */
static void draw_legend(FILE *out, const chart *plot)
{
    static const double sizes[] = { 200, 100, 50, 20, 10, 5, 2, 1 }; /* MiB */
    const double x = plot->legend.x0 + 20, text = plot->legend.x0 + 48;
    double y = plot->legend.y1 - 14;
    bool published = false;
    for (int i = 0; i < plot->count; i++)
        published = published || plot->points[i].published > 0;
    fputs("<g font-size=\"11\" fill=\"#444\">\n", out);
    fprintf(out, "<path d=\"M%.1f %.1f h36\" stroke=\"#c08a30\" stroke-dasharray=\"6 4\"/>"
            "<text x=\"%.1f\" y=\"%.1f\">best of their speed</text>\n", x - 18, y - 4, text, y);
    if (published)
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"white\" stroke=\"#888\"/>"
                "<text x=\"%.1f\" y=\"%.1f\">time as published</text>\n", x, y - 20, text, y - 16);
    y -= 32;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const double r = radius(plot, sizes[i] * 1048576);
        if (r > 14)
            continue;
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"#2a78b8\" fill-opacity=\"0.35\" "
                "stroke=\"#1c5380\"/><text x=\"%.1f\" y=\"%.1f\">%g MiB of weights</text>\n", x, y - 4 - r / 2, r, text,
                y - r / 2, sizes[i]);
        break;
    }
    fputs("</g>\n", out);
    if (*plot->not_drawn) {
        fprintf(out, "<text x=\"%d\" y=\"%d\" font-size=\"11\" fill=\"#444\">not drawn, without a published accuracy "
                "or a measured time: ", LEFT, H - 5);
        write_text(out, plot->not_drawn);
        fputs("</text>\n", out);
    }
}

static void draw_points(FILE *out, const chart *plot)
{
    for (int i = 0; i < plot->count; i++) {
        const point *p = &plot->points[i];
        fprintf(out,
                "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" fill=\"#2a78b8\" fill-opacity=\"0.35\" "
                "stroke=\"#1c5380\"><title>",
                p->x, p->y, p->r);
        write_text(out, p->name);
        fprintf(out, ": %.1f ms, %.1f %%, %.1f MiB</title></circle>\n", p->ms, p->top1, p->size / 1048576);
    }
    for (int i = 0; i < plot->count; i++) {
        const point *p = &plot->points[i];
        const double cx = (p->label.x0 + p->label.x1) / 2, cy = (p->label.y0 + p->label.y1) / 2;
        if (hypot(cx - p->x, cy - p->y) > p->r + 4 + (p->label.x1 - p->label.x0) / 2 + FONT) /* far: a line to it */
            fprintf(out, "<path d=\"M%.1f %.1f L%.1f %.1f\" stroke=\"#888\"/>\n", p->x, p->y, cx, cy);
        fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", cx, p->label.y1 - 4);
        write_text(out, p->name);
        fputs("</text>\n", out);
    }
}

/* The names of the others, as many as there is room for. */
static void note_not_drawn(chart *plot, const cli_table *table)
{
    int more = 0;
    size_t used = 0;
    for (int r = 0; r < cli_table_rows(table); r++) {
        const char *const name = cli_table_label(table, r, "model");
        bool drawn = false;
        for (int i = 0; i < plot->count; i++)
            drawn = drawn || plot->points[i].row == r;
        if (drawn)
            continue;
        if (more || used + strlen(name) + 2 > LISTED)
            more++;
        else
            used += (size_t)snprintf(plot->not_drawn + used, LISTED, "%s%s", used ? ", " : "", name);
    }
    if (more)
        snprintf(plot->not_drawn + used, sizeof plot->not_drawn - used, " and %d more", more);
}

static void collect(chart *plot, const cli_table *table, bool published)
{
    const char *keys[] = { "cpu", "gpu" }, *theirs[] = { "cpu_published", "gpu_published" };
    plot->points = cli_alloc((size_t)cli_table_rows(table), sizeof *plot->points);
    for (int k = 0; k < 2 && plot->count == 0; k++) {
        plot->what = k ? "GPU" : "CPU";
        for (int r = 0; r < cli_table_rows(table); r++) {
            const double ms = cli_table_number(table, r, keys[k]), top1 = cli_table_number(table, r, "top1");
            if (ms > 0 && top1 > 0)
                plot->points[plot->count++] = (point){
                    .name = cli_table_label(table, r, "model"), .row = r, .ms = ms, .top1 = top1,
                    .size = cli_table_number(table, r, "size"),
                    .published = published ? fmax(0, cli_table_number(table, r, theirs[k])) : 0,
                };
        }
    }
    note_not_drawn(plot, table);
}

cli_exit cli_svg_write(const char *path, const cli_machine *machine, const cli_table *table)
{
    chart plot = { 0 };
    collect(&plot, table, machine->protocol->batch.value[0] == PUBLISHED_BATCH);
    if (plot.count == 0) {
        free(plot.points);
        return cli_error(CLI_NOT_FOUND, "--svg %s: no network has both a measured time and a published accuracy", path);
    }
    cli_output output = { 0 };
    const cli_exit code = cli_output_open(&output, "svg", path);
    FILE *const out = output.file;
    if (code) {
        free(plot.points);
        return code;
    }
    scale(&plot);
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%d\" "
            "viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"%d\">\n<rect width=\"%d\" height=\"%d\" "
            "fill=\"white\"/>\n",
            W, H, W, H, FONT, W, H);
    draw_axes(out, &plot, machine);
    draw_frontier(out, &plot);
    draw_published(out, &plot);
    draw_points(out, &plot);
    draw_legend(out, &plot);
    fputs("</svg>\n", out);
    free(plot.points);
    return cli_output_close(&output, CLI_OK);
}
