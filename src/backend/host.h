/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of devices that compute in host memory. */
#ifndef WEFT_BACKEND_HOST_H
#define WEFT_BACKEND_HOST_H

#include "backend/kernel.h"

/* Touches every page on the pool's threads, so that the first run is not slower than the next. */
weft_status weft_host_alloc(const weft_device *device, size_t bytes, void **out);
void weft_host_free(const weft_device *device, void *ptr);
weft_status weft_host_copy(const weft_device *device, void *to, const void *from, size_t bytes);

#endif
