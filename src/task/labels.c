/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of classes: the caller's, those of a file, those that a weight file carries (weft.labels: a line for each
 * class, "id name" if its first word is a WordNet id, else the name), ImageNet's for a thousand classes, else none. */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "task/classify.h"

enum { IMAGENET = 1000, WNID = 9, FILE_MAX = 64 << 20 };

/* "n" and eight digits. */
static bool is_wnid(const char *text, size_t length)
{
    if (length < WNID || text[0] != 'n')
        return false;
    for (int i = 1; i < WNID; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
    }
    return length == WNID || text[WNID] == ' ';
}

static bool copy_label(weft_arena *arena, const char *id, size_t id_length, const char *name, size_t name_length,
                       weft_label *out)
{
    out->id = weft_arena_text(arena, "%.*s", (int)id_length, id);
    out->name = weft_arena_text(arena, "%.*s", (int)name_length, name);
    return out->id && out->name;
}

static int count_lines(const char *text)
{
    int count = 0;
    for (const char *line = text; *line; count++) {
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return count;
}

/* Whether `count` labels are right for the network, and how many classes that makes: two for the yes and no of one
 * sigmoid. */
static weft_status check_count(const weft_classifier *c, int count, int *classes)
{
    const bool two = c->outputs == 1 && c->activation == WEFT_READOUT_SIGMOID && count == 2;
    if (count != c->outputs && !two)
        return weft_fail(WEFT_BAD_DATA, "%d labels for a network of %d classes", count, c->outputs);
    *classes = count;
    return WEFT_OK;
}

static weft_status from_text(weft_classifier *c, const char *text, weft_label **out, int *classes)
{
    int i = 0;
    WEFT_TRY(check_count(c, count_lines(text), classes));
    weft_label *labels = weft_arena_array(&c->arena, (size_t)*classes, sizeof *labels);
    if (!labels)
        return weft_fail_in(WEFT_NO_MEMORY, "labels");
    for (const char *line = text; *line; i++) {
        const size_t length = strcspn(line, "\n"), used = length && line[length - 1] == '\r' ? length - 1 : length;
        const size_t id = is_wnid(line, used) ? WNID : 0, skip = id && id < used ? id + 1 : id;
        if (!copy_label(&c->arena, line, id, line + skip, used - skip, &labels[i]))
            return weft_fail_in(WEFT_NO_MEMORY, "labels");
        line += length + (line[length] == '\n');
    }
    *out = labels;
    return WEFT_OK;
}

/* The file's text, in the arena; empty lines at its end do not count. */
static weft_status read_text(weft_arena *arena, const char *path, const char **out)
{
    int file = -1;
    uint64_t size = 0;
    size_t got = 0;
    WEFT_TRY(weft_open_regular(path, "a file of class names", &file, &size));
    char *text = size <= FILE_MAX ? weft_arena_alloc(arena, (size_t)size + 1) : NULL;
    weft_status status = WEFT_OK;
    if (size > FILE_MAX)
        status = weft_fail(WEFT_BAD_DATA, "%s: %llu bytes; at most %d were expected", path, (unsigned long long)size,
                           FILE_MAX);
    else if (!text)
        status = weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    else
        status = weft_read_bytes(file, path, (uint8_t *)text, (size_t)size, &got);
    close(file);
    if (status != WEFT_OK)
        return status;
    while (got && (text[got - 1] == '\n' || text[got - 1] == '\r'))
        got--;
    text[got] = '\0';
    if (strlen(text) != got)
        return weft_fail(WEFT_BAD_DATA, "%s: byte %zu is 0; text was expected", path, strlen(text));
    *out = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
    return WEFT_OK;
}

static weft_status from_file(weft_classifier *c, const char *path, weft_label **out, int *classes)
{
    const char *text = NULL;
    WEFT_TRY(read_text(&c->arena, path, &text));
    const weft_status status = from_text(c, text, out, classes);
    return status == WEFT_OK ? status : weft_fail_in(status, "%s", path);
}

/* ImageNet's, or empty ones. */
static const weft_label *usual(int count, int index)
{
    static const weft_label none = { "", "" };
    return count == IMAGENET ? weft_imagenet_label(index) : &none;
}

weft_status weft_labels_make(weft_classifier *c, const weft_classifier_opt *opt, const char *text, weft_label **out,
                             int *classes)
{
    if (!opt->labels && opt->classes)
        return from_file(c, opt->classes, out, classes);
    if (!opt->labels && text)
        return from_text(c, text, out, classes);
    const int count = opt->labels ? opt->label_count : c->outputs;
    WEFT_TRY(check_count(c, count, classes));
    weft_label *labels = weft_arena_array(&c->arena, (size_t)count, sizeof *labels);
    if (!labels)
        return weft_fail_in(WEFT_NO_MEMORY, "labels");
    for (int i = 0; i < count; i++) {
        const weft_label *label = opt->labels ? &opt->labels[i] : usual(count, i);
        const char *const id = label->id ? label->id : "", *const name = label->name ? label->name : "";
        if (!copy_label(&c->arena, id, strlen(id), name, strlen(name), &labels[i]))
            return weft_fail_in(WEFT_NO_MEMORY, "labels");
    }
    *out = labels;
    return WEFT_OK;
}
