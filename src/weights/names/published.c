/* SPDX-License-Identifier: Apache-2.0
 *
 * What a file's name says beyond its network. A file that a framework publishes for evaluation of its own kind is known
 * by its digest: by the digits in its name, or, under any other name, by its SHA-256, which is computed only where the
 * size is the published one. A name of another network than the one that the tensors fit is worth a word: some networks
 * (resnetblur18) have the tensors of others and compute something else. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "weights/names/map.h"

enum { DIGITS = 8, NAME = 128, GAP = 8 };

/* ---- published files ---- */

static const char *name_of(const char *path)
{
    const char *const slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Whether the file is as large as published, which is said to a thousandth. */
static bool has_size(const char *path, double mib)
{
    struct stat facts;
    return mib > 0 && stat(path, &facts) == 0 && S_ISREG(facts.st_mode) &&
           fabs((double)facts.st_size / (1 << 20) - mib) < .0006;
}

const char *weft_published_recipe(const char *path, const weft_arch *arch)
{
    char hex[65] = "";
    const weft_arch_file *file;
    for (int i = 0; (file = weft_arch_file_get(arch, i)) != NULL; i++) {
        if (!file->recipe || !file->digest || strncmp(file->digest, "sha256:", 7) != 0)
            continue;
        const char *const digits = file->digest + 7;
        if (strstr(name_of(path), digits))
            return file->recipe;
        if (has_size(path, file->mib) && (*hex || weft_file_digest(path, hex) == WEFT_OK) &&
            strncmp(hex, digits, DIGITS) == 0)
            return file->recipe;
    }
    return NULL;
}

/* ---- names ---- */

static bool is_break(char c)
{
    return c == '-' || c == '_';
}

static char small(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_letter(char c)
{
    return small(c) >= 'a' && small(c) <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "v1" behind a network's name is the network itself: mobilenetv1. */
static bool is_first_version(const char *text)
{
    return small(text[0]) == 'v' && text[1] == '1' && !is_letter(text[2]) && !is_digit(text[2]);
}

/* How much of name text begins with, breaks between words passed over in both: the rest of the two in *text, *name. */
static void match(const char **text, const char **name)
{
    for (;;) {
        while (is_break(**name))
            ++*name;
        const char *at = *text;
        while (is_break(*at))
            at++;
        if (!**name || small(*at) != small(**name))
            return;
        *text = at + 1;
        ++*name;
    }
}

typedef enum likeness { OTHER, LONGER, SAME } likeness;

/* Whether the word at `at` is the network's name, a longer one that it stands in, or another. Few letters between the
 * name's parts make it longer, too: resnet(blur)18, efficientnet_(blur)_b0. */
static likeness compare(const char *from, const char *at, const char *name)
{
    const char *text = at, *rest = name;
    match(&text, &rest);
    const bool inside = at > from && is_letter(at[-1]); /* of a word */
    if (!*rest)
        return inside || (!is_first_version(text) && (is_letter(*text) || is_digit(*text))) ? LONGER : SAME;
    if (inside || rest - name < 4 || !strpbrk(rest, "0123456789"))
        return OTHER;
    for (int gap = 0; gap < GAP && (is_letter(*text) || is_break(*text)); gap++) {
        const char *end = ++text, *tail = rest;
        match(&end, &tail);
        if (!*tail && !is_digit(*end))
            return LONGER;
    }
    return OTHER;
}

bool weft_name_is_longer(const char *path, const weft_arch *arch)
{
    const char *const names[] = { arch->name, arch->alias };
    char stem[NAME];
    bool longer = false;
    snprintf(stem, sizeof stem, "%s", name_of(path));
    stem[strcspn(stem, ".")] = '\0';
    for (int i = 0; i < WEFT_COUNT(names); i++) {
        for (const char *at = stem; names[i] && *at; at++) {
            const likeness found = compare(stem, at, names[i]);
            if (found == SAME)
                return false;
            longer = longer || found == LONGER;
        }
    }
    return longer;
}
