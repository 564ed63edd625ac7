/* SPDX-License-Identifier: Apache-2.0
 *
 * The version of these headers, and that of the library they are linked with. */
#ifndef WEFT_VERSION_H
#define WEFT_VERSION_H

#include <stddef.h>
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
/* Its WEFT_VERSION_NUMBER. Before 1.0 a program needs the minor version that it was built with, which the library's
 * soname has; who loads the library by hand, or from another language, asks here and for the structs it uses. */
WEFT_API int weft_version_number(void);
/* The size of a public struct in the library; 0 if it has none of that name. */
WEFT_API size_t weft_struct_size(const char *name);
/* Struct `index` of all; NULL if index is out of range. */
WEFT_API const char *weft_struct_name(int index);
/* Whether a struct of these headers is that of the library: WEFT_SAME_STRUCT(weft_ctx_opt) */
#define WEFT_SAME_STRUCT(type) (weft_struct_size(#type) == sizeof(type))
/* The commit that the library was built from, "1f054235cb42", with a "+" where files had changed; "" if it was built
 * from no repository. */
WEFT_API const char *weft_version_commit(void);
/* "gcc 12.2.0" */
WEFT_API const char *weft_version_compiler(void);

#ifdef __cplusplus
}
#endif
#endif
