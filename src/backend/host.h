/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of devices that compute in host memory. */
#ifndef WEFT_BACKEND_HOST_H
#define WEFT_BACKEND_HOST_H

#include "backend/kernel.h"

weft_status weft_host_alloc(const weft_device *device, size_t bytes, void **out);
weft_status weft_host_reserve(const weft_device *device, size_t bytes, void **out);
void weft_host_clear(const weft_device *device, void *memory, size_t bytes);
void weft_host_touch(const weft_device *device, void *memory, size_t bytes);
/* Gives the pages inside of a block back to the system before the block is freed, which an allocator may not do. */
void weft_host_discard(void *memory, size_t bytes);
void weft_host_free(const weft_device *device, void *ptr);
weft_status weft_host_copy(const weft_device *device, void *to, const void *from, size_t bytes);

#endif
