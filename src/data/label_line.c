/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of label files: fields between tabs, commas or semicolons, with quotes; headers by the words that people give
 * to the two columns; Kaggle's boxes behind a class. */
#include "data/label_line.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/compiler.h"

enum { LINE = 1024, WNID = 9 };

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t length = strlen(text);
    while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    return text;
}

/* One field from *at, unquoted in place; *at is behind what ended it, NULL at the end of the line. */
static char *next_field(char **at, char between)
{
    char *const first = *at, *to = first, *from = first;
    bool quoted = false;
    if (between != '\t')
        from += strspn(from, " ");
    if (*from == '"') {
        quoted = true;
        from++;
    }
    for (; *from && (quoted || *from != between); from++) {
        if (quoted && from[0] == '"' && from[1] == '"')
            from++;
        else if (quoted && from[0] == '"') {
            quoted = false;
            continue;
        }
        *to++ = *from;
    }
    *at = *from ? from + 1 : NULL;
    *to = '\0';
    return trim(first);
}

int weft_label_split(char *line, char between, char *fields[WEFT_LABEL_COLUMNS])
{
    int count = 0;
    for (char *at = line; at && count < WEFT_LABEL_COLUMNS; count++)
        fields[count] = next_field(&at, between);
    while (count > 2 && !*fields[count - 1]) /* "a.jpg,cat," */
        count--;
    return count;
}

static bool is_one_of(const char *word, const char *const *words, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcasecmp(word, words[i]) == 0)
            return true;
    }
    return false;
}

bool weft_label_names_class(const char *word)
{
    static const char *const words[] = { "label", "labels", "class", "class_name", "classname", "class_id", "category",
                                         "target", "wnid", "synset", "predictionstring", "ground_truth" };
    return is_one_of(word, words, WEFT_COUNT(words));
}

static bool names_file(const char *word)
{
    static const char *const words[] = { "file", "filename", "file_name", "filepath", "file_path", "path", "image",
                                         "images", "imageid", "image_id", "image_name", "image_path", "img", "name",
                                         "id" };
    return is_one_of(word, words, WEFT_COUNT(words));
}

bool weft_label_header(const char *line, weft_label_form *form)
{
    static const char betweens[] = { '\t', ',', ';' };
    if (strlen(line) >= LINE)
        return false;
    for (int b = 0; b < WEFT_COUNT(betweens); b++) {
        char copy[LINE], *fields[WEFT_LABEL_COLUMNS];
        snprintf(copy, sizeof copy, "%s", line);
        const int count = weft_label_split(copy, betweens[b], fields);
        weft_label_form found = { .between = betweens[b], .header = true, .file = -1, .label = -1 };
        for (int i = 0; i < count; i++) {
            if (found.label < 0 && weft_label_names_class(fields[i]))
                found.label = i;
            else if (found.file < 0 && names_file(fields[i]))
                found.file = i;
        }
        if (count < 2 || found.file < 0)
            continue;
        if (found.label < 0 && count == 2)
            found.label = 1 - found.file;
        *form = found;
        return true;
    }
    return false;
}

static bool is_wnid(const char *word, size_t length)
{
    return length == WNID && word[0] == 'n' && strspn(word + 1, "0123456789") >= WNID - 1;
}

bool weft_label_cut_boxes(char *text)
{
    const size_t first = strcspn(text, " ");
    if (!is_wnid(text, first) || !text[first])
        return true;
    for (const char *at = text + first + strspn(text + first, " "); *at; at += strspn(at, " ")) {
        const size_t length = strcspn(at, " ");
        if (is_wnid(at, length)) {
            if (strncmp(at, text, WNID) != 0)
                return false;
        } else if (strspn(at, "0123456789") != length) {
            return true; /* words: "n02123045 tabby" */
        }
        at += length;
    }
    text[first] = '\0';
    return true;
}
