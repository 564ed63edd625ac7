/* SPDX-License-Identifier: Apache-2.0
 *
 * Where NVIDIA's libraries lie: a soname becomes the files that may be it, best first. */
#ifndef WEFT_CUDA_VENDOR_FIND_H
#define WEFT_CUDA_VENDOR_FIND_H

#include <stdbool.h>
#include <stddef.h>

/* Offers file after file until one is taken; true if one was. In this order:
 *   the folders that $WEFT_CUDA_LIBRARIES names, separated by colons
 *   the loader's own path: the soname as it is
 *   the toolkit: lib64 and lib of $CUDA_PATH, of /usr/local/cuda if that is not set
 *   Python's wheels: nvidia/<any>/lib in the packages of $VIRTUAL_ENV or $CONDA_PREFIX, of python3 on $PATH and the
 *   user's own if neither is set. Python is not run. */
bool weft_vendor_find(const char *soname, bool (*take)(const char *path, void *user), void *user);
/* The file that a handle of dlopen came from; "" if that is not known. */
void weft_vendor_path_of(void *handle, char *buf, size_t size);

#endif
