/* SPDX-License-Identifier: Apache-2.0
 *
 * The version of these headers, and that of the library they are linked with. */
#ifndef WEFT_VERSION_H
#define WEFT_VERSION_H

#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_VERSION_MAJOR 0
#define WEFT_VERSION_MINOR 1
#define WEFT_VERSION_PATCH 0

/* Grows with the version, for #if: 1.2.3 is 10203. */
#define WEFT_VERSION_NUMBER (WEFT_VERSION_MAJOR * 10000 + WEFT_VERSION_MINOR * 100 + WEFT_VERSION_PATCH)

/* "MAJOR.MINOR.PATCH" of the library. */
WEFT_API const char *weft_version(void);
/* The commit that the library was built from, "1f054235cb42", with a "+" where files had changed; "" if it was built
 * from no repository. */
WEFT_API const char *weft_version_commit(void);
/* "gcc 12.2.0" */
WEFT_API const char *weft_version_compiler(void);

#ifdef __cplusplus
}
#endif
#endif
