/* SPDX-License-Identifier: Apache-2.0
 *
 * The sizes of the public structs, for who loads the library at run time. structs.h is written from the headers. */
#include <string.h>
#include <weft/weft.h>

#include "base/compiler.h"
#include "base/structs.h"

#define ROW(type) { #type, sizeof(type) },
static const struct row {
    const char *name;
    size_t size;
} rows[] = { WEFT_STRUCTS(ROW) };

int weft_version_number(void)
{
    return WEFT_VERSION_NUMBER;
}

const char *weft_struct_name(int index)
{
    return index >= 0 && index < WEFT_COUNT(rows) ? rows[index].name : NULL;
}

size_t weft_struct_size(const char *name)
{
    for (int i = 0; name && i < WEFT_COUNT(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return rows[i].size;
    }
    return 0;
}
