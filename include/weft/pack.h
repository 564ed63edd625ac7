/* SPDX-License-Identifier: Apache-2.0
 *
 * Packs: a set of photographs in one file, resized, to be read at the disk's pace (weft-pack(5)). weft_trainset_open
 * opens one like any set. */
#ifndef WEFT_PACK_H
#define WEFT_PACK_H

#include <weft/trainset.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_pack_opt {
    int px;            /* what the shorter side of a larger photograph becomes; 0: 256 */
    int quality;       /* of JPEG, 1..100; 0: 90 */
    bool raw;          /* pixels instead of JPEG: nothing to decode, some ten times the bytes */
    bool as_stored;    /* do not turn photographs as EXIF says: training would turn them, and a pack has no EXIF */
    int threads;       /* 0: one for each CPU */
    int64_t bad_limit; /* photographs that may be bad and are left out */
    void (*bad)(void *user, const char *reason); /* told of each */
    void (*progress)(void *user, int64_t done, int64_t count);
    void *user;
} weft_pack_opt;

typedef struct weft_pack_info {
    int64_t images, left_out;
    int64_t resized, copied; /* made smaller; JPEG files that were small enough and are in it byte by byte */
    int64_t bytes;           /* of the file */
} weft_pack_info;

/* Writes all parts of a set of photographs. The file is written as PATH.part and moved to its place when it is whole
 * and on the disk. The same set gives the same bytes, whatever the threads. INVALID a set of images in memory, or
 * options that make no sense; IO; BAD_DATA the first photograph beyond bad_limit. opt and out may be NULL. */
WEFT_API weft_status weft_pack_write(weft_ctx *ctx, const weft_trainset *set, const char *path,
                                     const weft_pack_opt *opt, weft_pack_info *out);

#ifdef __cplusplus
}
#endif
#endif
