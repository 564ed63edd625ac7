/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks by name: look-up that ignores case, '-' and '_' ("EfficientNet_B0" is efficientnet-b0), the nearest name
 * to a misspelt one (Damerau-Levenshtein distance, adjacent transpositions counting one), and dialects. */
#include "registry.h"

#include <string.h>

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

static int letters_of(const char *name, char letters[NAME_MAX_LENGTH])
{
    int count = 0;

    while (count < NAME_MAX_LENGTH && (letters[count] = next_letter(&name)) != 0)
        count++;
    return count;
}

static int min3(int a, int b, int c)
{
    const int ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Row i of the usual table holds the distances of a[0..i) to all prefixes of b; three rows are kept. */
static int distance(const char *name_a, const char *name_b)
{
    char a[NAME_MAX_LENGTH], b[NAME_MAX_LENGTH];
    int rows[3][NAME_MAX_LENGTH + 1];
    const int na = letters_of(name_a, a), nb = letters_of(name_b, b);

    for (int j = 0; j <= nb; j++)
        rows[0][j] = j;
    for (int i = 1; i <= na; i++) {
        int *const now = rows[i % 3], *const last = rows[(i + 2) % 3], *const older = rows[(i + 1) % 3];

        now[0] = i;
        for (int j = 1; j <= nb; j++) {
            now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && older[j - 2] + 1 < now[j])
                now[j] = older[j - 2] + 1;
        }
    }
    return rows[na % 3][nb];
}

const char *weft_arch_nearest(const char *name)
{
    const char *nearest = weft_arch_rows[0].arch.name;
    int best = 2 * NAME_MAX_LENGTH;

    for (int i = 0; name && i < weft_arch_row_count; i++) {
        const weft_arch *arch = &weft_arch_rows[i].arch;
        const int by_name = distance(name, arch->name), by_alias = distance(name, arch->alias);
        const int d = by_name < by_alias ? by_name : by_alias;

        if (d < best) {
            best = d;
            nearest = arch->name;
        }
    }
    return nearest;
}
