/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks by name: look-up that ignores case, '-' and '_' ("EfficientNet_B0" is efficientnet-b0), the nearest name
 * to a misspelt one, and dialects. */
#include "registry.h"

#include <string.h>
#include <weft/text.h>

enum { NAME_MAX_LENGTH = 40 }; /* longer names are cut for the distance; no network's is */

static const char *const dialect_names[WEFT_DIALECT_COUNT] = {
    [WEFT_DIALECT_DEFAULT] = "default", [WEFT_PAPER] = "paper", [WEFT_KERAS] = "keras", [WEFT_TORCH] = "torch"
};

const char *weft_dialect_name(weft_dialect dialect)
{
    return (unsigned)dialect < WEFT_DIALECT_COUNT ? dialect_names[dialect] : "unknown";
}

/* The next letter of a name that counts, in lower case; 0 at the end. */
static char next_letter(const char **name)
{
    while (**name == '-' || **name == '_')
        ++*name;
    if (**name == 0)
        return 0;

    const char c = *(*name)++;
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same_name(const char *a, const char *b)
{
    char c;
    do {
        c = next_letter(&a);
        if (c != next_letter(&b))
            return false;
    } while (c != 0);
    return true;
}

weft_dialect weft_dialect_parse(const char *name)
{
    int dialect = 0;
    while (dialect < WEFT_DIALECT_COUNT && !(name && same_name(name, dialect_names[dialect])))
        dialect++;
    return (weft_dialect)dialect;
}

int weft_arch_count(void)
{
    return weft_arch_row_count;
}

const weft_arch *weft_arch_get(int index)
{
    return index >= 0 && index < weft_arch_row_count ? &weft_arch_rows[index].arch : NULL;
}

const weft_arch *weft_arch_find(const char *name, weft_dialect dialect)
{
    for (int i = 0; name && i < weft_arch_row_count; i++) {
        const weft_arch *arch = &weft_arch_rows[i].arch;
        if (dialect == WEFT_DIALECT_DEFAULT ? !arch->is_default : arch->dialect != dialect)
            continue;
        if (same_name(name, arch->name) || same_name(name, arch->alias))
            return arch;
    }
    return NULL;
}

bool weft_arch_counts_statistics(const weft_arch *arch)
{
    return arch && arch->dialect == WEFT_KERAS;
}

/* As same_name sees it: without the letters that do not count. */
static void plain_name(const char *name, char plain[NAME_MAX_LENGTH + 1])
{
    int count = 0;
    while (count < NAME_MAX_LENGTH && (plain[count] = next_letter(&name)) != 0)
        count++;
    plain[count] = '\0';
}

/* The letters that a name begins with: "resnet" of "resnet50". */
static void family_name(const char *plain, char family[NAME_MAX_LENGTH + 1])
{
    size_t length = strcspn(plain, "0123456789");
    memcpy(family, plain, length);
    family[length] = '\0';
}

/* Edits, those of the family thrice. */
static int distance(const char *plain, const char *known)
{
    char other[NAME_MAX_LENGTH + 1], families[2][NAME_MAX_LENGTH + 1];
    plain_name(known, other);
    family_name(plain, families[0]);
    family_name(other, families[1]);
    return weft_edit_distance(plain, other) + 2 * weft_edit_distance(families[0], families[1]);
}

/* The longest name that the word holds: "resnet50" of "wide_resnet50_2"; NULL. */
static const char *held_name(const char *plain)
{
    const char *held = NULL;
    size_t longest = 0;
    for (int i = 0; i < weft_arch_row_count; i++) {
        const weft_arch *arch = &weft_arch_rows[i].arch;
        char known[NAME_MAX_LENGTH + 1];
        plain_name(arch->name, known);
        if (strlen(known) > longest && strstr(plain, known)) {
            longest = strlen(known);
            held = arch->name;
        }
    }
    return held;
}

const char *weft_arch_nearest(const char *name)
{
    char plain[NAME_MAX_LENGTH + 1];
    plain_name(name ? name : "", plain);
    int best = 8 * NAME_MAX_LENGTH;
    const char *nearest = weft_arch_rows[0].arch.name;
    for (int i = 0; name && i < weft_arch_row_count; i++) {
        const weft_arch *arch = &weft_arch_rows[i].arch;
        const int by_name = distance(plain, arch->name), by_alias = distance(plain, arch->alias);
        const int d = by_name < by_alias ? by_name : by_alias;
        if (d < best) {
            best = d;
            nearest = arch->name;
        }
    }
    const char *const held = best > 1 ? held_name(plain) : NULL; /* one edit is a slip */
    return held ? held : nearest;
}
