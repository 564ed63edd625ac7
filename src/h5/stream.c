/* SPDX-License-Identifier: Apache-2.0
 *
 * The safetensors stream: eight bytes of header length, the header (JSON, padded to eight bytes), the tensors one after
 * the other. https://huggingface.co/docs/safetensors */
#include "helper.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 8, MAX_HEADER = 100000000 };

typedef struct buffer {
    char *data;
    uint64_t size, room;
} buffer;

static void put(buffer *b, const char *data, uint64_t size)
{
    if (size > MAX_HEADER - b->size)
        refuse(BAD, "names and text have more than %d bytes", MAX_HEADER);
    if (size > b->room - b->size) {
        const uint64_t room = 2 * (b->size + size) + 4096;
        char *bigger = take(room, 1);
        if (b->size > 0)
            memcpy(bigger, b->data, (size_t)b->size);
        free(b->data);
        b->data = bigger;
        b->room = room;
    }
    memcpy(b->data + b->size, data, (size_t)size);
    b->size += size;
}

static void put_text(buffer *b, const char *data)
{
    put(b, data, strlen(data));
}

static void put_number(buffer *b, uint64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, value);
    put_text(b, digits);
}

/* A JSON string; bytes that are not UTF-8 are left to the parent to refuse. */
static void put_quoted(buffer *b, const char *data)
{
    put_text(b, "\"");
    for (const char *at = data; *at; at++) {
        const unsigned char c = (unsigned char)*at;
        char escape[8];
        if (c == '"' || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c < 0x20)
            snprintf(escape, sizeof escape, "\\u%04x", c);
        else
            snprintf(escape, sizeof escape, "%c", c);
        put_text(b, escape);
    }
    put_text(b, "\"");
}

static void put_metadata(buffer *b, const model *m)
{
    const struct {
        const char *key, *value;
    } rows[] = {
        { "format", m->format },           { "keras.names", m->names }, { "keras.name", m->name },
        { "keras.version", m->version },   { "model_config", m->config },
    };
    put_text(b, "{\"__metadata__\":{");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (!rows[i].value)
            continue;
        if (i > 0) /* the format is always there */
            put_text(b, ",");
        put_quoted(b, rows[i].key);
        put_text(b, ":");
        put_quoted(b, rows[i].value);
    }
    put_text(b, "}");
}

static void put_tensor(buffer *b, const tensor *t, uint64_t begin)
{
    put_text(b, ",");
    put_quoted(b, t->name);
    put_text(b, ":{\"dtype\":\"");
    put_text(b, t->dtype);
    put_text(b, "\",\"shape\":[");
    for (int i = 0; i < t->rank; i++) {
        if (i > 0)
            put_text(b, ",");
        put_number(b, t->dim[i]);
    }
    put_text(b, "],\"data_offsets\":[");
    put_number(b, begin);
    put_text(b, ",");
    put_number(b, begin + t->bytes);
    put_text(b, "]}");
}

static void send_header(const model *m)
{
    buffer b = { NULL, 0, 0 };
    uint64_t begin = 0;
    put_metadata(&b, m);
    for (uint64_t i = 0; i < m->count; i++) {
        put_tensor(&b, &m->tensors[i], begin);
        begin += m->tensors[i].bytes;
    }
    put_text(&b, "}");
    while (b.size % ALIGN != 0)
        put_text(&b, " ");
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(b.size >> 8 * i);
    send_bytes(length, sizeof length);
    send_bytes(b.data, b.size);
    free(b.data);
}

void send_model(const model *m)
{
    send_header(m);
    for (uint64_t i = 0; i < m->count; i++) {
        const tensor *t = &m->tensors[i];
        void *data = take(t->bytes, 1);
        if (H5Dread(t->dataset, t->memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
            refuse_h5("%s: its values cannot be read", t->name);
        send_bytes(data, t->bytes);
        free(data);
        H5Dclose(t->dataset);
    }
}
