/* SPDX-License-Identifier: Apache-2.0
 *
 * Help with names that users type. */
#ifndef WEFT_TEXT_H
#define WEFT_TEXT_H

#include <weft/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Edits between two names (insert, delete, replace, swap neighbours), letters of either case alike; the first 64
 * characters count. For front ends that suggest the name that was meant. */
WEFT_API int weft_edit_distance(const char *a, const char *b);

#ifdef __cplusplus
}
#endif
#endif
