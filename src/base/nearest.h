/* SPDX-License-Identifier: Apache-2.0
 *
 * The known name that a misspelt one most likely means. */
#ifndef WEFT_BASE_NEAREST_H
#define WEFT_BASE_NEAREST_H

/* Index of the nearest of count names, name_of(list, i); -1 if none is near enough to suggest. */
int weft_nearest(const char *name, const char *(*name_of)(const void *list, int index), const void *list, int count);

#endif
