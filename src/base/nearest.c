/* SPDX-License-Identifier: Apache-2.0
 *
 * Nearest names by the restricted Damerau-Levenshtein distance. */
#include "base/nearest.h"

#include <ctype.h>
#include <string.h>
#include <weft/text.h>

enum { LONGEST = 64 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

static int lower(const char *text, int at)
{
    return tolower((unsigned char)text[at]);
}

int weft_edit_distance(const char *a, const char *b)
{
    const int na = (int)strnlen(a, LONGEST), nb = (int)strnlen(b, LONGEST);
    int rows[3][LONGEST + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (int j = 0; j <= nb; j++)
        last[j] = j;
    for (int i = 1; i <= na; i++) {
        now[0] = i;
        for (int j = 1; j <= nb; j++) {
            const int differ = lower(a, i - 1) != lower(b, j - 1);
            now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + differ);
            if (i > 1 && j > 1 && lower(a, i - 1) == lower(b, j - 2) && lower(a, i - 2) == lower(b, j - 1))
                now[j] = least(now[j], before[j - 2] + 1);
        }
        int *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[nb];
}

int weft_nearest(const char *name, const char *(*name_of)(const void *list, int index), const void *list, int count)
{
    int best = -1, distance = (int)strnlen(name, LONGEST) / 2 + 2; /* farther names are no help */
    for (int i = 0; i < count; i++) {
        const int d = weft_edit_distance(name, name_of(list, i));
        if (d < distance) {
            distance = d;
            best = i;
        }
    }
    return best;
}
