/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices by name. */
#ifndef WEFT_BACKEND_DEVICES_H
#define WEFT_BACKEND_DEVICES_H

#include "backend/kernel.h"

/* "cpu", "cuda:1"; NULL and "auto": the best there is. INVALID for an unknown name, NO_DEVICE for an absent one. */
weft_status weft_find_backend(const char *text, const weft_backend **backend, int *index);

#endif
