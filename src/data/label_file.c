/* SPDX-License-Identifier: Apache-2.0
 *
 * All images in one folder and a label file beside them, as ImageNet's validation set comes. A line of the file is
 * "CLASS" (line i is of image i in order of the names) or "FILE CLASS" (of the image of that name). The class is a
 * WordNet id, a class name or an index from 0. The development kit's numbers look like indices but count from 1 in an
 * order of their own, so a number that is as large as the number of classes is refused with that explanation. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"

enum { LINE = 1024 };

typedef struct reader {
    weft_dataset *set;
    const weft_classifier *c;
    const char *folder, *labels; /* paths */
    const char **names;          /* of the images, sorted */
    int64_t count, line, used;
    int form; /* 0: no line yet; 1: CLASS; 2: FILE CLASS */
} reader;

static int by_bytes(const void *key, const void *entry)
{
    return strcmp(key, *(const char *const *)entry);
}

static weft_status class_of(const reader *r, const char *text, int *out)
{
    const int label = weft_class_of(r->c, text, true);
    if (label >= 0) {
        *out = label;
        return WEFT_OK;
    }
    if (label == -2)
        return weft_fail(WEFT_BAD_DATA, "%s: line %lld: several classes are named '%.80s'; give the WordNet id",
                         r->labels, (long long)r->line, text);
    if (strtol(text, NULL, 10) == r->c->classes)
        return weft_fail(WEFT_BAD_DATA, "%s: line %lld: class %s, but indices are 0 to %d: these are the numbers of "
                         "ImageNet's development kit, which are in another order; give WordNet ids", r->labels,
                         (long long)r->line, text, r->c->classes - 1);
    return weft_fail(WEFT_BAD_DATA, "%s: line %lld: '%.80s' is no WordNet id, name or index of the network's %d "
                     "classes", r->labels, (long long)r->line, text, r->c->classes);
}

static weft_status one_line(reader *r, char *line)
{
    char *const space = strchr(line, ' ');
    if (space)
        *space = '\0';
    const int form = space && weft_names_image(line) ? 2 : 1;
    if (space && form == 1)
        *space = ' '; /* a name of two words */
    if (r->form && r->form != form)
        return weft_fail(WEFT_BAD_DATA, "%s: line %lld: some lines are 'FILE CLASS' and some 'CLASS'", r->labels,
                         (long long)r->line);
    r->form = form;
    const char *name = r->used < r->count ? r->names[r->used] : NULL;
    if (form == 2) {
        const char *const *found = bsearch(line, r->names, (size_t)r->count, sizeof *r->names, by_bytes);
        if (!found)
            return weft_fail(WEFT_BAD_DATA, "%s: line %lld: '%.200s' is not in %s", r->labels, (long long)r->line, line,
                             r->folder);
        name = *found;
    } else if (!name) {
        return weft_fail(WEFT_BAD_DATA, "%s: line %lld: more labels than the %lld images of %s", r->labels,
                         (long long)r->line, (long long)r->count, r->folder);
    }
    int label = 0;
    WEFT_TRY(class_of(r, form == 2 ? space + 1 + strspn(space + 1, " ") : line, &label));
    r->used++;
    return weft_dataset_add(r->set, r->folder, name, label);
}

static weft_status read_lines(reader *r, FILE *file)
{
    char line[LINE];
    while (fgets(line, sizeof line, file)) {
        size_t length = strlen(line);
        r->line++;
        if (length == sizeof line - 1 && line[length - 1] != '\n')
            return weft_fail(WEFT_BAD_DATA, "%s: line %lld is longer than %d bytes", r->labels, (long long)r->line,
                             LINE - 2);
        while (length && (line[length - 1] == '\n' || line[length - 1] == '\r' || line[length - 1] == ' '))
            line[--length] = '\0';
        if (length)
            WEFT_TRY(one_line(r, line));
    }
    if (ferror(file))
        return weft_fail(WEFT_IO, "%s: cannot be read: %s", r->labels, strerror(errno));
    if (r->form == 1 && r->used != r->count)
        return weft_fail(WEFT_BAD_DATA, "%s: %lld labels for the %lld images of %s", r->labels, (long long)r->used,
                         (long long)r->count, r->folder);
    return WEFT_OK;
}

weft_status weft_dataset_label_file(weft_dataset *set, const weft_classifier *c, const char *folder, const char *labels)
{
    reader r = { .set = set, .c = c, .folder = folder, .labels = labels };
    int64_t all = 0;
    set->rule = "label file";
    WEFT_TRY(weft_list_folder(set->allocator, &set->arena, folder, false, &r.names, &all));
    for (int64_t i = 0; i < all; i++) {
        if (weft_names_image(r.names[i]))
            r.names[r.count++] = r.names[i];
    }
    weft_status status = WEFT_OK;
    FILE *file = fopen(labels, "r");
    if (file)
        status = read_lines(&r, file);
    else
        status = weft_fail(errno == ENOENT ? WEFT_NOT_FOUND : WEFT_IO, "%s: cannot be opened: %s", labels,
                           strerror(errno));
    if (file)
        fclose(file);
    weft_free(set->allocator, r.names);
    return status;
}
