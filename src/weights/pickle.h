/* SPDX-License-Identifier: Apache-2.0
 *
 * Python pickles of protocols 2 to 5, read as data. There is no call operation: where a pickle calls a global, a row of
 * a closed table says what comes out (an OrderedDict, a tensor's description); of any other global an opaque value is
 * kept. So nothing that a file says can run, however it is put together. */
#ifndef WEFT_WEIGHTS_PICKLE_H
#define WEFT_WEIGHTS_PICKLE_H

#include "weights/pickle_value.h"

/* Limits (docs: file rules). */
enum { WEFT_PICKLE_OPS = 1000000, WEFT_PICKLE_BYTES_MAX = 64 << 20 };

/* What to do with arrays, which lie in a pickle themselves. */
#define WEFT_PICKLE_ARRAYS "save them by numpy.savez(\"x.npz\", **arrays), which weft reads"

/* Reads the pickle that begins at file->data[*at] into arena, and sets *at behind it, which is at most `end`. Storages
 * that it names are put before *storages. BAD_DATA with file and offset. */
weft_status weft_pickle_read(weft_arena *arena, const weft_file *file, size_t *at, size_t end,
                             const weft_pickle_storage **storages, weft_pickle_value *out);

#endif
