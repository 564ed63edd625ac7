/* SPDX-License-Identifier: Apache-2.0
 *
 * A manual page as plain text: as much of the man macros and of tbl as the pages of docs/man use (man(7), tbl(1)).
 * Requests that are none of these are passed over. */
#include "cli/roff.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"

enum { LINE = 512, COLUMNS = 8, INDENT = 4, TAG = 8, BULLET = 6 };

typedef struct page {
    FILE *out;
    const char *at; /* the rest of the roff */
    int width;
    int indent;      /* of the paragraph; its first line too, if nothing stands on it */
    int column;      /* of the line being written; 0: none */
    bool tag;        /* the next line is a tag */
    char line[LINE]; /* the present line, without its escapes */
} page;

/* Fonts go, names of characters become them. */
static void plain(const char *from, size_t length, char *to, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < length && used + 4 < size; i++) {
        if (from[i] != '\\') {
            to[used++] = from[i];
            continue;
        }
        switch (from[++i]) {
        case 'f':
            i++;
            break;
        case '&':
            break;
        case 'e':
            to[used++] = '\\';
            break;
        case '(': /* \(bu: the only one there is */
            used += (size_t)snprintf(to + used, size - used, "•");
            i += 2;
            break;
        default:
            to[used++] = from[i];
        }
    }
    to[used] = '\0';
}

static bool next_line(page *p)
{
    if (!*p->at)
        return false;
    const size_t length = strcspn(p->at, "\n");
    plain(p->at, length, p->line, sizeof p->line);
    p->at += length + (p->at[length] == '\n');
    return true;
}

static void end_line(page *p)
{
    if (p->column > 0)
        fputc('\n', p->out);
    p->column = 0;
}

/* Words, filled into lines. */
static void put_words(page *p, const char *text)
{
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        const size_t length = strcspn(text, " ");
        char word[LINE];
        snprintf(word, sizeof word, "%.*s", (int)length, text);
        const int width = cli_width(word);
        if (p->column > p->indent && p->column + 1 + width > p->width)
            end_line(p);
        if (p->column == 0)
            p->column = fprintf(p->out, "%*s", p->indent, "");
        else if (p->column > p->indent)
            p->column += fprintf(p->out, " ");
        fputs(word, p->out);
        p->column += width;
        text += length;
    }
}

/* The arguments of .B and .BR: in quotes where they hold blanks; of .BR one behind the other. */
static void put_arguments(page *p, const char *text, const char *between)
{
    char joined[LINE];
    size_t used = 0;
    for (text += strspn(text, " "); *text && used + 2 < sizeof joined; text += strspn(text, " ")) {
        const bool quoted = *text == '"';
        text += quoted;
        const size_t length = strcspn(text, quoted ? "\"" : " ");
        used += (size_t)snprintf(joined + used, sizeof joined - used, "%s%.*s", used ? between : "", (int)length, text);
        text += length + (quoted && text[length] == '"');
    }
    joined[used < sizeof joined ? used : sizeof joined - 1] = '\0';
    put_words(p, joined);
}

/* ---- tables: a line of formats that ends in a point, then cells between tabs ---- */

static int split(char *line, char *cells[COLUMNS])
{
    int n = 0;
    for (char *at = line; at && n < COLUMNS; n++) {
        cells[n] = at;
        at = strchr(at, '\t');
        if (at)
            *at++ = '\0';
    }
    return n;
}

/* Once to measure, once to print: both stop behind .TE. */
static void table_pass(page *p, int width[COLUMNS], bool print)
{
    char *cells[COLUMNS];
    bool body = false;
    while (next_line(p) && strcmp(p->line, ".TE") != 0) {
        const size_t length = strlen(p->line);
        const bool formats = !body && length > 0 && p->line[length - 1] == '.';
        if (!body || strcmp(p->line, "_") == 0) {
            body |= formats;
            continue;
        }
        const int n = split(p->line, cells);
        if (print)
            fprintf(p->out, "%*s", INDENT + 2, "");
        for (int c = 0; c < n; c++) {
            const int w = cli_width(cells[c]);
            if (!print)
                width[c] = w > width[c] ? w : width[c];
            else
                fprintf(p->out, "%s%*s", cells[c], c + 1 < n ? width[c] + 2 - w : 0, "");
        }
        if (print)
            fputc('\n', p->out);
    }
}

static void put_table(page *p)
{
    int width[COLUMNS] = { 0 };
    const char *start = p->at;
    table_pass(p, width, false);
    p->at = start;
    fputc('\n', p->out);
    table_pass(p, width, true);
}

/* ---- the page ---- */

static bool is(const char *line, const char *request)
{
    const size_t length = strlen(request);
    return strncmp(line, request, length) == 0 && (line[length] == '\0' || line[length] == ' ');
}

/* A new paragraph at an indent, behind an empty line. */
static void begin(page *p, int indent)
{
    end_line(p);
    fputc('\n', p->out);
    p->indent = indent;
}

static void put_text(page *p)
{
    if (is(p->line, ".B"))
        put_arguments(p, p->line + 2, " ");
    else if (is(p->line, ".BR"))
        put_arguments(p, p->line + 3, "");
    else if (p->line[0] != '.' && p->line[0] != '\'')
        put_words(p, p->line);
    else
        return;
    if (p->tag) {
        end_line(p);
        p->indent = TAG;
    }
    p->tag = false;
}

void cli_topic_print(FILE *out, const cli_topic *topic, int width)
{
    page p = { .out = out, .at = topic->page, .width = width, .indent = INDENT };
    bool first = true;
    while (next_line(&p)) {
        if (is(p.line, ".SH")) {
            end_line(&p);
            fprintf(out, "%s%s\n", first ? "" : "\n", p.line + 4);
            p.indent = INDENT;
            first = false;
        } else if (is(p.line, ".PP")) {
            begin(&p, INDENT);
        } else if (is(p.line, ".TP")) {
            begin(&p, INDENT);
            p.tag = true;
        } else if (is(p.line, ".IP")) {
            begin(&p, BULLET);
            p.column = fprintf(out, "%*s• ", INDENT, "") - 2; /* the bullet takes three bytes and one column */
        } else if (is(p.line, ".TS")) {
            end_line(&p);
            put_table(&p);
        } else {
            put_text(&p);
        }
    }
    end_line(&p);
}

const cli_topic *cli_topic_find(const char *name)
{
    for (const cli_topic *t = cli_topics; t->name; t++)
        if (strcmp(t->name, name) == 0)
            return t;
    return NULL;
}

const char *cli_topic_brief(const cli_topic *topic, char *buf, size_t size)
{
    const char *head = strstr(topic->page, ".SH NAME\n"), *dash = head ? strstr(head, " \\- ") : NULL;
    buf[0] = '\0';
    if (dash)
        plain(dash + 4, strcspn(dash + 4, "\n"), buf, size);
    return buf;
}
