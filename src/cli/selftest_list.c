/* SPDX-License-Identifier: Apache-2.0
 *
 * The ladder of networks of weft selftest. */
#include "cli/selftest_list.h"

const selftest_network selftest_network_list[] = {
    { "lenet5", 32, 0 },         { "mobilenetv2", 32, 224 }, { "resnet18", 32, 224 },  { "efficientnet-b0", 32, 224 },
    { "resnet50", 0, 224 },      { "densenet121", 0, 224 },  { "inception-v3", 0, 299 }, { "nasnet-mobile", 0, 224 },
    { "vgg16", 0, 224 },
};
const int selftest_network_count = (int)(sizeof selftest_network_list / sizeof *selftest_network_list);
