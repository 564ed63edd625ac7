/* SPDX-License-Identifier: Apache-2.0
 *
 * ImageFolder trees: a folder for each class, as torchvision has them. Which class a folder means is settled for all
 * folders at once, by the first rule that fits every one of them: WordNet ids, class names, order of the names. A tree
 * that fits a rule only in part is refused: half right would be wrong by any number of classes. */
#include <stdio.h>
#include <string.h>

#include "data/dataset.h"

enum { DEPTH = 8 };

/* Images of a folder and of those in it. */
static weft_status add_tree(weft_dataset *set, const char *folder, int label, int depth)
{
    const char **names = NULL;
    int64_t count = 0;
    weft_status status = weft_list_folder(set->allocator, &set->arena, folder, false, &names, &count);
    for (int64_t i = 0; status == WEFT_OK && i < count; i++) {
        if (weft_names_image(names[i]))
            status = weft_dataset_add(set, folder, names[i], label);
    }
    weft_free(set->allocator, names);
    names = NULL;
    count = 0;
    if (status == WEFT_OK && depth < DEPTH)
        status = weft_list_folder(set->allocator, &set->arena, folder, true, &names, &count);
    for (int64_t i = 0; status == WEFT_OK && i < count; i++) {
        const char *inside = weft_arena_text(&set->arena, "%s/%s", folder, names[i]);
        status = inside ? add_tree(set, inside, label, depth + 1) : weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
    }
    weft_free(set->allocator, names);
    return status;
}

typedef int finder(const weft_classifier *c, const char *name);

static int by_id(const weft_classifier *c, const char *name)
{
    for (int i = 0; i < c->classes; i++) {
        if (*c->labels[i].id && strcmp(c->labels[i].id, name) == 0)
            return i;
    }
    return -1;
}

/* Folders often have '_' for the space of "great white shark". */
static int by_name(const weft_classifier *c, const char *name)
{
    char plain[256];
    snprintf(plain, sizeof plain, "%s", name);
    for (char *at = plain; *at; at++) {
        if (*at == '_')
            *at = ' ';
    }
    const int exact = weft_class_of(c, name, false);
    return exact >= 0 ? exact : weft_class_of(c, plain, false);
}

static const struct rule {
    const char *name;
    finder *find;
} rules[] = { { "WordNet id", by_id }, { "class name", by_name } };

/* How many folders a rule fits; *first_misfit is the first it does not. Two folders of one class fit none. */
static int64_t fit(const weft_classifier *c, const struct rule *rule, const char *const *folders, int64_t count,
                   int *label, const char **first_misfit)
{
    int64_t fitting = 0;
    *first_misfit = NULL;
    for (int64_t i = 0; i < count; i++) {
        label[i] = rule->find(c, folders[i]);
        bool good = label[i] >= 0;
        for (int64_t k = 0; good && k < i; k++)
            good = label[k] != label[i];
        fitting += good;
        if (!good && !*first_misfit)
            *first_misfit = folders[i];
    }
    return fitting;
}

/* The class of each folder. */
static weft_status match(weft_dataset *set, const weft_classifier *c, const char *root, const char *const *folders,
                         int64_t count, int *label)
{
    const char *misfit = NULL;
    for (int r = 0; r < WEFT_COUNT(rules); r++) {
        const int64_t fitting = fit(c, &rules[r], folders, count, label, &misfit);
        if (fitting == count) {
            set->rule = rules[r].name;
            return WEFT_OK;
        }
        if (fitting > 0)
            return weft_fail(WEFT_BAD_DATA, "%s: %lld of %lld folders are classes by %s, but '%.80s' is none (or one "
                             "that another folder is already): which class is meant is not clear", root,
                             (long long)fitting, (long long)count, rules[r].name, misfit);
    }
    if (count != c->classes)
        return weft_fail(WEFT_BAD_DATA, "%s: %lld folders ('%.80s' ...) are neither WordNet ids nor names of the "
                         "network's %d classes, nor as many", root, (long long)count, folders[0], c->classes);
    for (int64_t i = 0; i < count; i++)
        label[i] = (int)i;
    set->rule = "sorted order";
    return WEFT_OK;
}

weft_status weft_dataset_folders(weft_dataset *set, const weft_classifier *c, const char *root)
{
    const char **folders = NULL;
    int64_t count = 0;
    WEFT_TRY(weft_list_folder(set->allocator, &set->arena, root, true, &folders, &count));
    int *label = weft_calloc(set->allocator, (size_t)count + 1, sizeof *label);
    weft_status status = WEFT_OK;
    if (!label)
        status = weft_fail_in(WEFT_NO_MEMORY, "%s", root);
    else if (count == 0)
        status = weft_fail(WEFT_BAD_DATA, "%s: no folders in it; one for each class was expected, or a label file",
                           root);
    else
        status = match(set, c, root, folders, count, label);
    for (int64_t i = 0; status == WEFT_OK && i < count; i++) {
        const char *folder = weft_arena_text(&set->arena, "%s/%s", root, folders[i]);
        status = folder ? add_tree(set, folder, label[i], 1) : weft_fail_in(WEFT_NO_MEMORY, "%s", root);
    }
    weft_free(set->allocator, label);
    weft_free(set->allocator, folders);
    return status;
}
