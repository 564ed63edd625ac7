/* SPDX-License-Identifier: Apache-2.0
 *
 * loss.svg: losses and accuracies of training and validation over the epochs, drawn from metrics.csv, so that a run
 * that was resumed has all of them. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/common.h"
#include "cli/replace.h"
#include "cli/text.h"
#include "cli/train.h"

enum { W = 900, H = 420, LEFT = 60, TOP = 50, WIDE = 360, HIGH = 300, GAP = 90, FONT = 12 };

typedef struct point {
    double epoch, train_loss, train_top1, val_loss, val_top1;
} point;

typedef struct curve {
    size_t offset; /* in point */
    const char *colour, *name;
} curve;

typedef struct panel {
    FILE *out;
    const point *points;
    int count;
    double x, low, high; /* left edge; of the values */
    bool percent;
} panel;

static int read_points(const train_run *r, point **out)
{
    char *const path = cli_format_text("%s/metrics.csv", r->folder);
    FILE *const file = cli_open_if_file(path);
    char line[512];
    int count = 0;
    *out = NULL;
    while (file && fgets(line, sizeof line, file)) {
        point p;
        if (sscanf(line, "%lf,%*d,%*f,%lf,%lf,%lf,%lf", &p.epoch, &p.train_loss, &p.train_top1, &p.val_loss,
                   &p.val_top1) != 5)
            continue;
        *out = cli_grow(*out, (size_t)count + 1, sizeof **out);
        (*out)[count++] = p;
    }
    if (file)
        fclose(file);
    free(path);
    return count;
}

static double value(const panel *p, int i, const curve *c)
{
    return *(const double *)(const void *)((const char *)&p->points[i] + c->offset);
}

static double x_of(const panel *p, int i)
{
    return p->x + (p->count > 1 ? WIDE * (double)i / (p->count - 1) : WIDE / 2.);
}

static double y_of(const panel *p, double v)
{
    return TOP + HIGH * (1 - (v - p->low) / (p->high - p->low));
}

static void draw_axes(const panel *p, const char *title)
{
    fprintf(p->out, "<text x=\"%.0f\" y=\"%d\" text-anchor=\"middle\" font-size=\"15\">%s</text>\n", p->x + WIDE / 2.,
            TOP - 18, title);
    for (int k = 0; k <= 4; k++) {
        const double v = p->low + (p->high - p->low) * k / 4, y = y_of(p, v);
        fprintf(p->out, "<path d=\"M%.1f %.1f h%d\" stroke=\"#ddd\"/><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">"
                "%.*f</text>\n", p->x, y, WIDE, p->x - 6, y + 4, p->percent ? 1 : 2, p->percent ? 100 * v : v);
    }
    const int every = p->count > 10 ? (p->count + 9) / 10 : 1;
    for (int i = 0; i < p->count; i += every)
        fprintf(p->out, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%g</text>\n", x_of(p, i), TOP + HIGH + 18,
                p->points[i].epoch);
    fprintf(p->out, "<text x=\"%.0f\" y=\"%d\" text-anchor=\"middle\">epoch</text>\n", p->x + WIDE / 2.,
            TOP + HIGH + 36);
}

static void draw_panel(panel *p, const char *title, const curve curves[2])
{
    p->low = INFINITY;
    p->high = -INFINITY;
    for (int c = 0; c < 2; c++)
        for (int i = 0; i < p->count; i++) {
            p->low = fmin(p->low, value(p, i, &curves[c]));
            p->high = fmax(p->high, value(p, i, &curves[c]));
        }
    const double margin = fmax((p->high - p->low) * .05, 1e-3);
    p->low -= margin;
    p->high += margin;
    draw_axes(p, title);
    for (int c = 0; c < 2; c++) {
        fprintf(p->out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"", curves[c].colour);
        for (int i = 0; i < p->count; i++)
            fprintf(p->out, "%c%.1f %.1f", i ? 'L' : 'M', x_of(p, i), y_of(p, value(p, i, &curves[c])));
        fputs("\"/>\n", p->out);
        for (int i = 0; i < p->count; i++)
            fprintf(p->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"><title>%s, epoch %g: %.4f</title>"
                    "</circle>\n", x_of(p, i), y_of(p, value(p, i, &curves[c])), curves[c].colour, curves[c].name,
                    p->points[i].epoch, value(p, i, &curves[c]));
        fprintf(p->out, "<text x=\"%.0f\" y=\"%d\" fill=\"%s\">%s</text>\n", p->x + 8 + c * 90, TOP + 14,
                curves[c].colour, curves[c].name);
    }
}

static void draw(const train_run *r, FILE *out, const point *points, int count)
{
    static const curve losses[] = { { offsetof(point, train_loss), "#2a78b8", "training" },
                                    { offsetof(point, val_loss), "#c4542b", "validation" } };
    static const curve shares[] = { { offsetof(point, train_top1), "#2a78b8", "training" },
                                    { offsetof(point, val_top1), "#c4542b", "validation" } };
    panel p = { .out = out, .points = points, .count = count, .x = LEFT };
    fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" "
            "height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"%d\">\n<rect width=\"%d\" "
            "height=\"%d\" fill=\"white\"/>\n", W, H, W, H, FONT, W, H);
    char title[128];
    snprintf(title, sizeof title, "loss of %s", r->arch->name);
    draw_panel(&p, title, losses);
    p.x = LEFT + WIDE + GAP;
    p.percent = true;
    draw_panel(&p, "images right, %", shares);
    fputs("</svg>\n", out);
}

void train_draw_losses(const train_run *r)
{
    point *points;
    const int count = read_points(r, &points);
    if (count) {
        cli_replacement f = cli_replace_begin(r->folder, "loss.svg");
        if (f.file)
            draw(r, f.file, points, count);
        if (!cli_replace_end(&f, false))
            cli_warn("%s/loss.svg: cannot be written: %s", r->folder, strerror(errno));
    }
    free(points);
}
