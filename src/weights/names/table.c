/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables of names as one list. */
#include "weights/names/map.h"

const weft_name_table *weft_name_table_get(int index)
{
    for (int i = 0; index >= 0 && weft_name_families[i]; i++) {
        if (index < weft_name_families[i]->count)
            return &weft_name_families[i]->tables[index];
        index -= weft_name_families[i]->count;
    }
    return NULL;
}

bool weft_name_table_fits(const weft_name_table *table, const weft_arch *arch)
{
    return table->dialect == arch->dialect && weft_name_match_any(table->archs, arch->name);
}
