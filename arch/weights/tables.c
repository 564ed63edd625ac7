/* SPDX-License-Identifier: Apache-2.0
 *
 * All tables of names, in the order in which they are tried: one line of FAMILIES for each file. */
#include "arch/weights.h"

#define FAMILIES(X)                                                                                                    \
    X(torch_csp)                                                                                                       \
    X(torch_inception)                                                                                                 \
    X(torch_mobile)                                                                                                    \
    X(torch_plain)                                                                                                     \
    X(torch_resnet)                                                                                                    \
    X(keras_resnet)                                                                                                    \
    X(keras_densenet)                                                                                                  \
    X(keras_efficientnet)                                                                                              \
    X(keras_inception)                                                                                                 \
    X(keras_mobilenet)                                                                                                 \
    X(keras_nasnet)                                                                                                    \
    X(keras_resnet_v2)                                                                                                 \
    X(keras_vgg)                                                                                                       \
    X(keras_xception)

#define DECLARE(name) extern const weft_name_tables weft_names_##name;
FAMILIES(DECLARE)
#undef DECLARE

#define ENTRY(name) &weft_names_##name,
static const weft_name_tables *const families[] = { FAMILIES(ENTRY) };
#undef ENTRY

const weft_name_table *weft_name_table_get(int index)
{
    for (size_t i = 0; index >= 0 && i < sizeof families / sizeof *families; i++) {
        if (index < families[i]->count)
            return &families[i]->tables[index];
        index -= families[i]->count;
    }
    return 0;
}
