/* SPDX-License-Identifier: Apache-2.0
 *
 * The version that the build gives the library. */
#include <weft/version.h>

const char *weft_version(void)
{
    return WEFT_VERSION;
}
