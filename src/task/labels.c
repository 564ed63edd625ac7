/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of classes: the caller's, those that a weight file carries (weft.labels: a line for each class, "id name" if
 * its first word is a WordNet id, else the name), ImageNet's for a thousand classes, else none. */
#include <string.h>

#include "base/error.h"
#include "task/classify.h"

enum { IMAGENET = 1000, WNID = 9 };

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

static weft_status from_text(weft_arena *arena, const char *text, int classes, weft_label *labels)
{
    int count = 0;
    for (const char *line = text; *line; count++) {
        const size_t length = strcspn(line, "\n"), used = length && line[length - 1] == '\r' ? length - 1 : length;
        const size_t id = is_wnid(line, used) ? WNID : 0, skip = id && id < used ? id + 1 : id;
        if (count < classes && !copy_label(arena, line, id, line + skip, used - skip, &labels[count]))
            return weft_fail_in(WEFT_NO_MEMORY, "labels");
        line += length + (line[length] == '\n');
    }
    if (count != classes)
        return weft_fail(WEFT_BAD_DATA, "%d labels for a network of %d classes", count, classes);
    return WEFT_OK;
}

weft_status weft_labels_make(weft_arena *arena, const weft_classifier_opt *opt, const char *text, int classes,
                             weft_label **out)
{
    weft_label *labels = weft_arena_array(arena, (size_t)classes, sizeof *labels);
    if (!labels)
        return weft_fail_in(WEFT_NO_MEMORY, "labels");
    if (opt->labels && opt->label_count != classes)
        return weft_fail(WEFT_BAD_DATA, "%d labels for a network of %d classes", opt->label_count, classes);
    if (!opt->labels && text) {
        WEFT_TRY(from_text(arena, text, classes, labels));
    } else {
        static const weft_label none = { "", "" };
        for (int i = 0; i < classes; i++) {
            const weft_label *label = classes == IMAGENET ? weft_imagenet_label(i) : &none;
            if (opt->labels)
                label = &opt->labels[i];
            const char *const id = label->id ? label->id : "", *const name = label->name ? label->name : "";
            if (!copy_label(arena, id, strlen(id), name, strlen(name), &labels[i]))
                return weft_fail_in(WEFT_NO_MEMORY, "labels");
        }
    }
    *out = labels;
    return WEFT_OK;
}
