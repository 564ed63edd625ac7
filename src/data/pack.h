/* SPDX-License-Identifier: Apache-2.0
 *
 * Packs inside (weft-pack(5)): a head, the images one behind the other, an index. Numbers are little-endian. */
#ifndef WEFT_DATA_PACK_H
#define WEFT_DATA_PACK_H

#include <weft/pack.h>

#include "data/trainset.h"

enum { WEFT_PACK_HEAD = 64, WEFT_PACK_RECORD = 40, WEFT_PACK_VERSION = 1, WEFT_PACK_NAME = 4096, WEFT_PACK_MAGIC = 8 };
extern const char weft_pack_magic[WEFT_PACK_MAGIC + 1];

/* Of the head. */
typedef struct weft_pack_head {
    uint32_t version, raw; /* raw: pixels of 8-bit RGB; else JPEG files */
    uint64_t index, index_size, images;
    uint32_t index_checksum, classes, px, quality;
} weft_pack_head;

typedef struct weft_pack_entry {
    uint64_t offset, size;
    uint32_t checksum; /* CRC-32, as zlib has it */
    int width, height; /* of the picture, upright */
    int label;
    weft_part part;
    size_t name; /* where the name begins among the index's texts */
    int name_length;
} weft_pack_entry;

typedef struct weft_pack {
    const weft_allocator *allocator;
    int file;
    const char *path;
    weft_pack_head head;
    weft_pack_entry *entries;
    char *texts;
} weft_pack;

/* Head and records to bytes and back. weft_pack_get_head: false if the checksum is wrong. */
void weft_pack_put_head(const weft_pack_head *head, uint8_t out[WEFT_PACK_HEAD]);
bool weft_pack_get_head(const uint8_t in[WEFT_PACK_HEAD], weft_pack_head *head);
void weft_pack_put_record(const weft_pack_entry *entry, uint8_t out[WEFT_PACK_RECORD]);
void weft_pack_get_record(const uint8_t in[WEFT_PACK_RECORD], weft_pack_entry *entry);
void weft_pack_put_word(uint8_t *out, uint32_t word);
uint32_t weft_pack_get_word(const uint8_t *in);

/* Reads all of a part of the file. */
weft_status weft_pack_read_at(const weft_pack *pack, uint64_t at, uint8_t *data, size_t size);
/* Fills the set with what a pack holds. */
weft_status weft_trainset_read_pack(weft_trainset *set, const char *path);
void weft_pack_close(weft_pack *pack);
/* The bytes of an entry, if they are those that were written; weft_free them. */
weft_status weft_pack_fetch(const weft_pack *pack, const weft_allocator *allocator, int64_t entry, uint8_t **data,
                            size_t *size);

#endif
