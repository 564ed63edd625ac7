/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of a network's classes the classes of a data set are. Class folders are settled all at once, by the first rule
 * that fits every one of them: WordNet ids, class names, order. A tree that fits a rule only in part is refused: half
 * right would be wrong by any number of classes. Classes of a label file are each an id, a name or a number. Numbers
 * look like indices, but some people count from 1, and ImageNet's development kit does so in an order of its own:
 * numbers of which that is not clear are refused too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/dataset.h"
#include "task/classify.h"

enum { NONE = -1, SEVERAL = -2 };

/* Also in front of a name: n02085620-Chihuahua. */
static int by_id(const weft_classifier *c, const char *name)
{
    for (int i = 0; i < c->classes; i++) {
        const size_t length = strlen(c->labels[i].id);
        if (length && strncmp(c->labels[i].id, name, length) == 0 && strchr("-_. ", name[length]))
            return i;
    }
    return NONE;
}

/* By id, or by name, letters of either case alike. */
static int by_text(const weft_classifier *c, const char *text)
{
    int found = NONE;
    for (int i = 0; i < c->classes; i++) {
        if (*c->labels[i].id && strcmp(c->labels[i].id, text) == 0)
            return i;
        if (*c->labels[i].name && strcasecmp(c->labels[i].name, text) == 0)
            found = found == NONE ? i : SEVERAL;
    }
    return found;
}

/* Folders often have '_' or '-' for the space of "great white shark", and blanks around it that nobody sees. */
static int by_name(const weft_classifier *c, const char *name)
{
    char plain[256];
    int found = by_text(c, name);
    for (const char *stroke = "_-"; *stroke && found < 0; stroke++) {
        snprintf(plain, sizeof plain, "%s", name + strspn(name, " "));
        for (char *at = plain; *at; at++)
            *at = *at == *stroke ? ' ' : *at;
        for (size_t end = strlen(plain); end > 0 && plain[end - 1] == ' '; end--)
            plain[end - 1] = '\0';
        found = by_text(c, plain);
    }
    return found;
}

/* Behind a number that says nothing of the network's order: 001.Black_footed_Albatross. */
static int by_numbered_name(const weft_classifier *c, const char *name)
{
    const char *const behind = name + strspn(name, "0123456789"), *const rest = behind + strspn(behind, " ._-");
    return behind > name && rest > behind && *rest ? by_name(c, rest) : NONE;
}

/* ---- class folders ---- */

static const struct rule {
    const char *name;
    int (*find)(const weft_classifier *c, const char *name);
} rules[] = { { "WordNet id", by_id }, { "class name", by_name }, { "class name behind a number", by_numbered_name } };

/* How many folders a rule fits; *misfit is the first it does not. Two folders of one class fit none. */
static int64_t fit(const weft_classifier *c, const struct rule *rule, const weft_dataset *set, bool *taken, int *map,
                   const char **misfit)
{
    int64_t fitting = 0;
    *misfit = NULL;
    memset(taken, 0, (size_t)c->classes * sizeof *taken);
    for (int64_t i = 0; i < set->class_count; i++) {
        map[i] = rule->find(c, set->classes[i].name);
        const bool good = map[i] >= 0 && !taken[map[i]];
        if (good)
            taken[map[i]] = true;
        fitting += good;
        if (!good && !*misfit)
            *misfit = set->classes[i].name;
    }
    return fitting;
}

/* Names that are none of the network's say nothing of its order, but for numbers. */
static bool are_other_names(const weft_classifier *c, const weft_dataset *set)
{
    bool named = false, numbers = true;
    for (int i = 0; i < c->classes; i++)
        named = named || *c->labels[i].name;
    for (int64_t i = 0; i < set->class_count; i++)
        numbers = numbers && set->classes[i].name[strcspn(set->classes[i].name, "0123456789")];
    return named && !numbers;
}

static weft_status match_order(const weft_classifier *c, const weft_dataset *set, int *map)
{
    const long long count = (long long)set->class_count;
    if (count != c->classes)
        return weft_fail(WEFT_BAD_DATA, "%s: %lld folders ('%.80s' ...) are neither WordNet ids nor names of the "
                         "network's %d classes, nor as many", set->folder, count, set->classes[0].name, c->classes);
    if (set->unsure)
        return weft_fail(WEFT_BAD_DATA, "%s: the folders are numbered, and in the order of their names 10 comes "
                         "before 2: say whether the network's classes are in that order (--order name, as "
                         "torchvision's ImageFolder) or in that of the numbers (--order number)", set->folder);
    if (set->order == WEFT_CLASS_ORDER_AUTO && are_other_names(c, set))
        return weft_fail(WEFT_BAD_DATA, "%s: the folders ('%.80s' ...) are as many as the network's classes ('%.80s' "
                         "...) and have none of their names: if the order of the names is that of the classes, say so "
                         "(--order name)", set->folder, set->classes[0].name, c->labels[0].name);
    for (int64_t i = 0; i < count; i++)
        map[i] = (int)i;
    return WEFT_OK;
}

static weft_status match_folders(const weft_classifier *c, const weft_dataset *set, bool *taken, int *map,
                                 const char **rule)
{
    for (int r = 0; r < WEFT_COUNT(rules); r++) {
        const char *misfit = NULL;
        const int64_t fitting = fit(c, &rules[r], set, taken, map, &misfit);
        *rule = rules[r].name;
        if (fitting == set->class_count)
            return WEFT_OK;
        if (fitting > 0)
            return weft_fail(WEFT_BAD_DATA, "%s: %lld of %lld folders are classes by %s, but '%.80s' is none (or one "
                             "that another folder is already): which class is meant is not clear", set->folder,
                             (long long)fitting, (long long)set->class_count, rules[r].name, misfit);
    }
    *rule = "sorted order";
    return match_order(c, set, map);
}

/* ---- label files ---- */

/* A number of at most nine digits, which tables may have as 3.0; NONE for any other text. */
static int number(const char *text)
{
    const size_t length = strspn(text, "0123456789");
    const char *const behind = text + length;
    const bool whole = !*behind || (behind[0] == '.' && behind[1] == '0' && !behind[1 + strspn(behind + 1, "0")]);
    return length && length < 10 && whole ? atoi(text) : NONE;
}

static bool is_imagenet(const weft_classifier *c)
{
    return weft_imagenet_label(c->classes - 1) && !weft_imagenet_label(c->classes) &&
           strcmp(c->labels[0].id, weft_imagenet_label(0)->id) == 0;
}

static const char devkit[] = "the numbers of ImageNet's development kit count from 1 in another order: give WordNet "
                             "ids";

/* The number that the first class has. */
static weft_status choose_first(const weft_classifier *c, const weft_dataset *set, const int *map, int *first)
{
    const weft_set_class *low = NULL, *high = NULL;
    for (int64_t i = 0; i < set->class_count; i++) {
        const weft_set_class *const one = &set->classes[i];
        if (map[i] != NONE || number(one->name) == NONE)
            continue;
        low = low && number(low->name) <= number(one->name) ? low : one;
        high = high && number(high->name) >= number(one->name) ? high : one;
    }
    *first = set->numbers == WEFT_CLASS_NUMBERS_FROM_1;
    if (!low)
        return WEFT_OK;
    const int most = number(high->name);
    if (*first && is_imagenet(c))
        return weft_fail(WEFT_BAD_DATA, "%s: line %lld: %s", set->labels, (long long)low->line, devkit);
    if (set->numbers != WEFT_CLASS_NUMBERS_AUTO || number(low->name) == 0 || most > c->classes ||
        (most < c->classes && !is_imagenet(c)))
        return WEFT_OK;
    if (most == c->classes)
        return weft_fail(WEFT_BAD_DATA, "%s: line %lld: class %s, but indices are 0 to %d: if they count from 1, say "
                         "so (--count-from 1); %s", set->labels, (long long)high->line, high->name, c->classes - 1,
                         devkit);
    return weft_fail(WEFT_BAD_DATA, "%s: line %lld: classes %s to %s of 0 to %d: whether they are indices is not "
                     "clear; say so (--count-from 0); %s", set->labels, (long long)low->line, low->name, high->name,
                     c->classes - 1, devkit);
}

static weft_status match_labels(const weft_classifier *c, const weft_dataset *set, int *map)
{
    int first = 0;
    for (int64_t i = 0; i < set->class_count; i++) {
        map[i] = by_text(c, set->classes[i].name);
        if (map[i] == SEVERAL)
            return weft_fail(WEFT_BAD_DATA, "%s: line %lld: several classes are named '%.80s'; give the WordNet id",
                             set->labels, (long long)set->classes[i].line, set->classes[i].name);
    }
    WEFT_TRY(choose_first(c, set, map, &first));
    for (int64_t i = 0; i < set->class_count; i++) {
        const int index = number(set->classes[i].name);
        if (map[i] == NONE && index != NONE && index >= first && index - first < c->classes)
            map[i] = index - first;
        if (map[i] == NONE)
            return weft_fail(WEFT_BAD_DATA, "%s: line %lld: '%.80s' is no WordNet id, name or index of the network's "
                             "%d classes", set->labels, (long long)set->classes[i].line, set->classes[i].name,
                             c->classes);
    }
    return WEFT_OK;
}

weft_status weft_classifier_match(const weft_classifier *c, const weft_dataset *set, int *map, const char **rule)
{
    if (!c || !set || !map || !rule)
        return weft_fail(WEFT_INVALID, "weft_classifier_match: classifier, dataset, map and rule must not be NULL");
    if (c->outputs == 1 && c->classes == 1)
        return weft_fail(WEFT_BAD_DATA, "%s has one output, which says yes or no: the names of both classes are "
                         "needed, that of no (0) first", c->arch->name);
    const char *found = "label file";
    if (set->labels) {
        WEFT_TRY(match_labels(c, set, map));
    } else {
        const weft_allocator *a = weft_ctx_allocator(c->ctx);
        bool *taken = weft_calloc(a, (size_t)c->classes, sizeof *taken);
        if (!taken)
            return weft_fail_in(WEFT_NO_MEMORY, "weft_classifier_match");
        const weft_status status = match_folders(c, set, taken, map, &found);
        weft_free(a, taken);
        if (status != WEFT_OK)
            return status;
    }
    *rule = found;
    return WEFT_OK;
}
