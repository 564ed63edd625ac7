/* SPDX-License-Identifier: Apache-2.0
 *
 * Where what stands in the head of a pack and in the records of its index. */
#include <string.h>

#include <zlib.h>

#include "data/pack.h"

const char weft_pack_magic[WEFT_PACK_MAGIC + 1] = "WEFTPACK";

enum { VERSION = 8, RAW = 12, INDEX = 16, INDEX_SIZE = 24, IMAGES = 32, INDEX_CHECKSUM = 40, CLASSES = 44, PX = 48,
       QUALITY = 52, ZERO = 56, CHECKSUM = 60 };
enum { OFFSET = 0, SIZE = 8, ENTRY_CHECKSUM = 16, WIDTH = 20, HEIGHT = 24, LABEL = 28, PART = 32, NAME_LENGTH = 36 };

void weft_pack_put_word(uint8_t *out, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(word >> 8 * i);
}

uint32_t weft_pack_get_word(const uint8_t *in)
{
    return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 | (uint32_t)in[3] << 24;
}

static void put_long(uint8_t *out, uint64_t number)
{
    weft_pack_put_word(out, (uint32_t)number);
    weft_pack_put_word(out + 4, (uint32_t)(number >> 32));
}

static uint64_t get_long(const uint8_t *in)
{
    return weft_pack_get_word(in) | (uint64_t)weft_pack_get_word(in + 4) << 32;
}

void weft_pack_put_head(const weft_pack_head *h, uint8_t out[WEFT_PACK_HEAD])
{
    memcpy(out, weft_pack_magic, WEFT_PACK_MAGIC);
    weft_pack_put_word(out + VERSION, h->version);
    weft_pack_put_word(out + RAW, h->raw);
    put_long(out + INDEX, h->index);
    put_long(out + INDEX_SIZE, h->index_size);
    put_long(out + IMAGES, h->images);
    weft_pack_put_word(out + INDEX_CHECKSUM, h->index_checksum);
    weft_pack_put_word(out + CLASSES, h->classes);
    weft_pack_put_word(out + PX, h->px);
    weft_pack_put_word(out + QUALITY, h->quality);
    weft_pack_put_word(out + ZERO, 0);
    weft_pack_put_word(out + CHECKSUM, (uint32_t)crc32_z(0, out, CHECKSUM));
}

bool weft_pack_get_head(const uint8_t in[WEFT_PACK_HEAD], weft_pack_head *h)
{
    *h = (weft_pack_head){ .version = weft_pack_get_word(in + VERSION),
                           .raw = weft_pack_get_word(in + RAW),
                           .index = get_long(in + INDEX),
                           .index_size = get_long(in + INDEX_SIZE),
                           .images = get_long(in + IMAGES),
                           .index_checksum = weft_pack_get_word(in + INDEX_CHECKSUM),
                           .classes = weft_pack_get_word(in + CLASSES),
                           .px = weft_pack_get_word(in + PX),
                           .quality = weft_pack_get_word(in + QUALITY) };
    return weft_pack_get_word(in + CHECKSUM) == (uint32_t)crc32_z(0, in, CHECKSUM);
}

void weft_pack_put_record(const weft_pack_entry *e, uint8_t out[WEFT_PACK_RECORD])
{
    put_long(out + OFFSET, e->offset);
    put_long(out + SIZE, e->size);
    weft_pack_put_word(out + ENTRY_CHECKSUM, e->checksum);
    weft_pack_put_word(out + WIDTH, (uint32_t)e->width);
    weft_pack_put_word(out + HEIGHT, (uint32_t)e->height);
    weft_pack_put_word(out + LABEL, (uint32_t)e->label);
    weft_pack_put_word(out + PART, (uint32_t)e->part);
    weft_pack_put_word(out + NAME_LENGTH, (uint32_t)e->name_length);
}

static int get_int(const uint8_t *in)
{
    const uint32_t word = weft_pack_get_word(in);
    return word > INT32_MAX ? -1 : (int)word;
}

void weft_pack_get_record(const uint8_t in[WEFT_PACK_RECORD], weft_pack_entry *e)
{
    const int part = get_int(in + PART);
    *e = (weft_pack_entry){ .offset = get_long(in + OFFSET),
                            .size = get_long(in + SIZE),
                            .checksum = weft_pack_get_word(in + ENTRY_CHECKSUM),
                            .width = get_int(in + WIDTH),
                            .height = get_int(in + HEIGHT),
                            .label = get_int(in + LABEL),
                            .part = part >= 0 && part < WEFT_PART_COUNT ? (weft_part)part : WEFT_PART_COUNT,
                            .name_length = get_int(in + NAME_LENGTH) };
}
