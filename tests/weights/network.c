/* SPDX-License-Identifier: Apache-2.0 */
#include "weights/network.h"

#include "check/harness.h"

weft_weights *weights_of_network(weft_ctx *ctx, const char *name, weft_dialect dialect, weft_origin origin)
{
    weft_weights *set = NULL;
    weft_name_list *names = NULL;
    CHECK_OK(weft_weights_names(ctx, name, dialect, origin, &names));
    CHECK_OK(weft_weights_create(ctx, &set));
    for (int i = 0; i < names->count; i++) {
        const weft_name_entry *const entry = &names->entries[i];
        if (entry->origin_name)
            CHECK_OK(weft_weights_add(set, entry->origin_name, WEFT_F32, &entry->origin_shape, NULL));
    }
    weft_name_list_destroy(ctx, names);
    return set;
}
