/* SPDX-License-Identifier: Apache-2.0
 *
 * The version that the build gives the library, and what it was built from: commit.h is cmake/commit.cmake's. */
#include <weft/version.h>

#include "base/commit.h"

#define TEXT(x) #x
#define NUMBERS(a, b, c) TEXT(a) "." TEXT(b) "." TEXT(c)

const char *weft_version(void)
{
    return WEFT_VERSION;
}

const char *weft_version_commit(void)
{
    return WEFT_COMMIT;
}

const char *weft_version_compiler(void)
{
#if defined(__clang__)
    return "clang " NUMBERS(__clang_major__, __clang_minor__, __clang_patchlevel__);
#elif defined(__GNUC__)
    return "gcc " NUMBERS(__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#else
    return "unknown";
#endif
}
