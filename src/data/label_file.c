/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder of images and a label file beside it. A line of the file is "CLASS" (line i is of image i in order of the
 * names, as in ImageNet's validation set) or has the image and its class: two words, or fields between tabs, commas or
 * semicolons, with or without a header (also Kaggle's LOC_val_solution.csv). An image is named by its path in the
 * folder or by a path that ends in it, with its suffix or without. What a class is called is not looked into. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "data/label_line.h"
#include "data/names.h"
#include "image/image.h"

enum { LINE = 65536, FILE_MAX = 1 << 30, LABELS = 1 << 20 };

typedef struct reader {
    weft_dataset *set;
    weft_names names;
    const char **text; /* [count] class of each image; NULL: not named */
    int64_t *named_at; /* [count] its line */
    char *data;        /* the label file */
    int64_t line, used;
    weft_label_form form;
} reader;

#define AT "%s: line %lld: "

/* The image that a field names: also by a path of Windows. */
static int64_t find(reader *r, char *name)
{
    const int64_t image = weft_names_find(&r->names, name);
    if (image != -1 || !strchr(name, '\\'))
        return image;
    for (char *at = name; *at; at++)
        *at = *at == '\\' ? '/' : *at;
    return weft_names_find(&r->names, name);
}

/* ---- the form ---- */

/* Whether two words or more are an image and its class; *end is the space between. Names may have spaces. */
static bool split_words(reader *r, char *line, char **end)
{
    bool found = false;
    for (char *space = strchr(line, ' '); space; space = strchr(space + 1, ' ')) {
        *space = '\0';
        const char *const prefix = r->names.prefix;
        const bool names = weft_names_find(&r->names, line) != -1;
        if (!r->used) /* the first line is only looked at */
            r->names.prefix = prefix;
        if (names || (!found && weft_names_image(line))) {
            *end = space;
            found = true;
        }
        *space = ' ';
    }
    return found;
}

static weft_status choose_columns(reader *r, const char *line)
{
    static const char betweens[] = { '\t', ',', ';' };
    char *end;
    char *copy = weft_arena_text(&r->set->arena, "%s", line);
    for (int b = 0; copy && b < WEFT_COUNT(betweens); b++) {
        char *fields[WEFT_LABEL_COLUMNS];
        snprintf(copy, strlen(line) + 1, "%s", line);
        const int count = weft_label_split(copy, betweens[b], fields);
        for (int i = 0; i < 2 && count >= 2; i++) {
            if (!weft_names_image(fields[i]) && find(r, fields[i]) == -1)
                continue;
            r->names.prefix = NULL;
            if (count > 2)
                return weft_fail(WEFT_BAD_DATA, AT "%d columns, and no first line that names them, such as "
                                 "'file,label'", r->set->labels, (long long)r->line, count);
            r->form = (weft_label_form){ .between = betweens[b], .file = i, .label = 1 - i };
            return WEFT_OK;
        }
    }
    if (!copy)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", r->set->labels);
    snprintf(copy, strlen(line) + 1, "%s", line);
    r->form.between = split_words(r, copy, &end) ? ' ' : '\0';
    r->names.prefix = NULL;
    return WEFT_OK;
}

/* Words that nobody foresaw may head columns as well: then the line behind them, up to last, has some. */
static weft_status look_behind(reader *r, const char *at, const char *last)
{
    const char *const end = at < last ? memchr(at, '\n', (size_t)(last - at)) : NULL;
    const size_t length = (size_t)((end ? end : last) - at);
    if (r->form.between || r->form.header || at >= last || length > LINE)
        return WEFT_OK;
    char *const line = weft_arena_text(&r->set->arena, "%.*s", (int)length, at);
    if (!line)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", r->set->labels);
    line[strcspn(line, "\r")] = '\0';
    WEFT_TRY(choose_columns(r, line));
    r->form.header = r->form.between != '\0' && r->form.between != ' ';
    if (!r->form.header)
        r->form = (weft_label_form){ 0 };
    return WEFT_OK;
}

/* From the first line that is not empty; `more` are the lines behind it. */
static weft_status choose_form(reader *r, const char *line, int64_t more)
{
    if (weft_label_header(line, &r->form)) {
        if (r->form.label < 0)
            return weft_fail(WEFT_BAD_DATA, AT "no column is called label or class: '%.80s'", r->set->labels,
                             (long long)r->line, line);
        return WEFT_OK;
    }
    if (weft_label_names_class(line) && more == r->names.count) {
        r->form.header = true;
        return WEFT_OK;
    }
    return choose_columns(r, line);
}

/* ---- lines ---- */

static weft_status set_class(reader *r, int64_t image, const char *file, char *text)
{
    const char *const labels = r->set->labels;
    const long long line = (long long)r->line;
    if (image == -2)
        return weft_fail(WEFT_BAD_DATA, AT "several images are called '%.200s'; give the suffix too", labels, line,
                         file);
    if (image < 0)
        return weft_fail(WEFT_BAD_DATA, AT "'%.200s' is not in %s", labels, line, file, r->set->folder);
    if (r->text[image])
        return weft_fail(WEFT_BAD_DATA, AT "'%.200s' has a class on line %lld already", labels, line,
                         weft_name_of(&r->names, image), (long long)r->named_at[image]);
    if (!*text)
        return weft_fail(WEFT_BAD_DATA, AT "no class", labels, line);
    if (!weft_label_cut_boxes(text))
        return weft_fail(WEFT_BAD_DATA, AT "boxes of several classes; one class was expected", labels, line);
    r->text[image] = text;
    r->named_at[image] = r->line;
    r->used++;
    return WEFT_OK;
}

static bool begins_with_image(const char *line)
{
    char word[256];
    const size_t length = strcspn(line, " \t,;");
    snprintf(word, sizeof word, "%.*s", (int)(length < sizeof word ? length : 0), line);
    return line[length] && weft_names_image(word);
}

static weft_status one_line(reader *r, char *line)
{
    char *fields[WEFT_LABEL_COLUMNS], *end = NULL;
    const weft_label_form *f = &r->form;
    if (f->between == ' ') {
        if (!split_words(r, line, &end))
            return weft_fail(WEFT_BAD_DATA, AT "'%.200s' is not 'FILE CLASS' of an image in %s, as the lines before "
                             "(some lines are 'FILE CLASS' and some 'CLASS'?)", r->set->labels, (long long)r->line,
                             line, r->set->folder);
        *end = '\0';
        return set_class(r, weft_names_find(&r->names, line), line, end + 1 + strspn(end + 1, " "));
    }
    if (f->between) {
        const int count = weft_label_split(line, f->between, fields);
        if (count <= f->file || count <= f->label)
            return weft_fail(WEFT_BAD_DATA, AT "%d field%s; %d were expected", r->set->labels, (long long)r->line,
                             count, count == 1 ? "" : "s", (f->file > f->label ? f->file : f->label) + 1);
        return set_class(r, find(r, fields[f->file]), fields[f->file], fields[f->label]);
    }
    if (begins_with_image(line))
        return weft_fail(WEFT_BAD_DATA, AT "some lines are 'FILE CLASS' and some 'CLASS'", r->set->labels,
                         (long long)r->line);
    if (r->used >= r->names.count)
        return weft_fail(WEFT_BAD_DATA, AT "more labels than the %lld images of %s", r->set->labels, (long long)r->line,
                         (long long)r->names.count, r->set->folder);
    if (strchr(weft_name_of(&r->names, r->used), '/'))
        return weft_fail(WEFT_BAD_DATA, "%s: the lines are classes alone, but images are in folders (%s): which is the "
                         "first is not clear; lines 'FILE CLASS' were expected", r->set->labels,
                         weft_name_of(&r->names, r->used));
    return set_class(r, r->used, line, line);
}

/* Ends the next line at its end and returns it without blanks around it; NULL at the end of the file. */
static char *next_line(reader *r, char **at, char *last)
{
    if (*at >= last)
        return NULL;
    char *line = *at, *end = memchr(line, '\n', (size_t)(last - line));
    if (!end)
        end = last;
    *at = end + 1;
    r->line++;
    while (end > line && (end[-1] == '\r' || end[-1] == ' ' || end[-1] == '\t'))
        end--;
    *end = '\0';
    return line;
}

static int64_t count_lines(const char *at, const char *last)
{
    int64_t count = 0;
    for (; at < last; count++) {
        const char *const end = memchr(at, '\n', (size_t)(last - at));
        at = end ? end + 1 : last;
    }
    return count;
}

/* '#' and a blank: no image is called so. */
static bool is_comment(const char *line)
{
    return line[0] == '#' && (line[1] == ' ' || line[1] == '\t' || !line[1]);
}

static bool is_wide(const char *text, size_t size)
{
    return size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0);
}

static weft_status read_lines(reader *r, size_t size)
{
    char *at = r->data, *const last = r->data + size;
    bool first = true;
    if (size >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3;
    else if (is_wide(at, size))
        return weft_fail(WEFT_BAD_DATA, "%s: is UTF-16 text; UTF-8 was expected", r->set->labels);
    for (char *line; (line = next_line(r, &at, last)) != NULL;) {
        const size_t length = strlen(line);
        if (length > LINE || strpbrk(line, "\001\002\003\004\005\006\007\010\033"))
            return weft_fail(WEFT_BAD_DATA, AT "is no line of text", r->set->labels, (long long)r->line);
        if (!length || is_comment(line))
            continue;
        if (first)
            WEFT_TRY(choose_form(r, line, count_lines(at, last)));
        if (first)
            WEFT_TRY(look_behind(r, at, last));
        if (!first || !r->form.header)
            WEFT_TRY(one_line(r, line));
        first = false;
    }
    if (!r->form.between && r->used && r->used != r->names.count)
        return weft_fail(WEFT_BAD_DATA, "%s: %lld labels for the %lld images of %s", r->set->labels, (long long)r->used,
                         (long long)r->names.count, r->set->folder);
    return WEFT_OK;
}

static weft_status load(reader *r, size_t *size)
{
    int file = -1;
    uint64_t length = 0;
    const char *const path = r->set->labels;
    WEFT_TRY(weft_open_regular(path, "a label file", &file, &length));
    r->data = length <= FILE_MAX ? weft_alloc(r->set->allocator, (size_t)length + 1) : NULL;
    weft_status status = WEFT_OK;
    if (length > FILE_MAX)
        status = weft_fail(WEFT_BAD_DATA, "%s: %llu bytes; a label file of at most %d was expected", path,
                           (unsigned long long)length, FILE_MAX);
    else
        status = r->data ? weft_read_bytes(file, path, (uint8_t *)r->data, (size_t)length, size)
                         : weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    close(file);
    WEFT_TRY(status);
    const char *const zero = is_wide(r->data, *size) ? NULL : memchr(r->data, '\0', *size);
    if (zero)
        return weft_fail(WEFT_BAD_DATA, "%s: byte %zu is 0; text was expected", path, (size_t)(zero - r->data));
    const bool old = !memchr(r->data, '\n', *size); /* lines as they ended on old Macs; spreadsheets still do it */
    for (size_t i = 0; old && i < *size; i++)
        r->data[i] = r->data[i] == '\r' ? '\n' : r->data[i];
    return WEFT_OK;
}

/* ---- the set ---- */

/* The classes are the different texts, in order. */
static weft_status add_classes(reader *r, const char **texts, bool *numbers)
{
    weft_dataset *set = r->set;
    int64_t n = 0;
    for (int64_t i = 0; i < r->names.count; i++) {
        if (r->text[i])
            texts[n++] = r->text[i];
    }
    *numbers = weft_are_numbers(texts, n);
    weft_sort_names(texts, n, *numbers);
    for (int64_t i = 0; i < n; i++) {
        if (i && strcmp(texts[i], texts[i - 1]) == 0)
            continue;
        const char *name = weft_arena_text(&set->arena, "%s", texts[i]);
        if (!name)
            return weft_fail_in(WEFT_NO_MEMORY, "%s", set->labels);
        WEFT_TRY(weft_dataset_add_class(set, name, INT64_MAX));
    }
    if (set->class_count > LABELS)
        return weft_fail(WEFT_BAD_DATA, "%s: %lld classes; %d at most were expected", set->labels,
                         (long long)set->class_count, LABELS);
    return WEFT_OK;
}

/* Images that no line names are left out. */
static weft_status add_images(reader *r, bool numbers)
{
    weft_dataset *set = r->set;
    for (int64_t i = 0; i < r->names.count; i++) {
        if (!r->text[i]) {
            WEFT_TRY(weft_dataset_leave(set, "not in the label file", set->folder, weft_name_of(&r->names, i)));
            continue;
        }
        const int label = weft_dataset_find_class(set, r->text[i], numbers);
        weft_set_class *const c = &set->classes[label];
        c->line = r->named_at[i] < c->line ? r->named_at[i] : c->line;
        WEFT_TRY(weft_dataset_add(set, r->names.paths[i], label));
    }
    return WEFT_OK;
}

static weft_status fill(reader *r)
{
    const char **texts = weft_calloc(r->set->allocator, (size_t)r->used + 1, sizeof *texts);
    bool numbers = false;
    if (!texts)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", r->set->labels);
    const weft_status status = add_classes(r, texts, &numbers);
    weft_free(r->set->allocator, texts);
    return status == WEFT_OK ? add_images(r, numbers) : status;
}

static weft_status read_all(reader *r)
{
    size_t size = 0;
    WEFT_TRY(weft_names_list(&r->names));
    r->text = weft_calloc(r->set->allocator, (size_t)r->names.count + 1, sizeof *r->text);
    r->named_at = weft_calloc(r->set->allocator, (size_t)r->names.count + 1, sizeof *r->named_at);
    if (!r->text || !r->named_at)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", r->set->labels);
    WEFT_TRY(load(r, &size));
    WEFT_TRY(read_lines(r, size));
    return fill(r);
}

weft_status weft_dataset_label_file(weft_dataset *set)
{
    reader r = { .set = set, .names.set = set };
    const weft_status status = read_all(&r);
    const weft_allocator *a = set->allocator;
    weft_free(a, r.data);
    weft_free(a, r.named_at);
    weft_free(a, r.text);
    weft_free(a, r.names.paths);
    return status;
}
