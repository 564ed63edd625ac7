/* SPDX-License-Identifier: Apache-2.0
 *
 * All tables of names, in the order in which they are tried: one line of FAMILIES for each file. */
#include "weights/names/table.h"

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
const weft_name_tables *const weft_name_families[] = { FAMILIES(ENTRY) 0 };
#undef ENTRY
