/* SPDX-License-Identifier: Apache-2.0
 *
 * NumPy's .npz: a zip archive of .npy arrays (numpy.lib.format). An array is "\x93NUMPY", version, the header's length,
 * the header ({'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }), the elements. Read: versions 1.0, 2.0, 3.0,
 * stored or deflated, either order; pickled objects never. Written: stored, little-endian, C order, data aligned to 64.
 *
 * What NumPy has no word for: bf16 is '|V2', as ml_dtypes saves it; metadata is the array __metadata__, the bytes of a
 * JSON object. The archive's CRC-32 stands for the digest of safetensors. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <zlib.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/meta.h"

enum { MAGIC = 6, PREFIX = 8, ALIGN = 64, HEADER_LIMIT = 1 << 16, HEADER_ROOM = 256 };

static const char magic[] = "\x93NUMPY";
#define EXTENSION ".npy"

static const struct {
    char descr[4];
    weft_dtype dtype;
} dtypes[] = { /* the first row of a type is what is written */
    { "<f4", WEFT_F32 }, { "<f8", WEFT_F64 }, { "<f2", WEFT_F16 }, { "|V2", WEFT_BF16 }, { "<V2", WEFT_BF16 },
    { "|u1", WEFT_U8 },  { "<i4", WEFT_I32 }, { "<i8", WEFT_I64 },
};

/* ---- reading ---- */

/* An array being read: bytes[at] is looked at next. */
typedef struct array {
    const weft_zip *zip;
    const weft_zip_entry *entry;
    const uint8_t *bytes;
    size_t at, end; /* end of the header */
    weft_dtype dtype;
    bool fortran;
    weft_shape shape;
} array;

/* A place in the array as a place in the file: exact where the entry is stored. */
static uint64_t place(const array *a)
{
    return a->entry->data + (a->entry->deflated ? 0 : a->at);
}

static weft_status bad(const array *a, const char *what)
{
    return weft_file_bad(&a->zip->file, place(a), "array \"%.80s\", its byte %zu: %s", a->entry->name, a->at, what);
}

static void skip_blanks(array *a)
{
    while (a->at < a->end && a->bytes[a->at] == ' ')
        a->at++;
}

static bool take(array *a, const char *text)
{
    skip_blanks(a);
    const size_t length = strlen(text);
    if (a->end - a->at < length || memcmp(a->bytes + a->at, text, length) != 0)
        return false;
    a->at += length;
    return true;
}

static weft_status read_descr(array *a)
{
    skip_blanks(a);
    const uint8_t *from = a->bytes + a->at;
    const size_t left = a->end - a->at;
    if (left >= 3 && from[0] == '\'') {
        for (int i = 0; i < WEFT_COUNT(dtypes); i++) {
            const size_t length = strlen(dtypes[i].descr);
            if (left < length + 2 || memcmp(from + 1, dtypes[i].descr, length) != 0 || from[length + 1] != '\'')
                continue;
            a->dtype = dtypes[i].dtype;
            a->at += length + 2;
            return WEFT_OK;
        }
        const char *what = from[1] == '>'   ? "big-endian elements; save them little-endian ('<')"
                           : from[1] == '|' && from[2] == 'O' ? "pickled Python objects, which weft never reads"
                                              : "elements that weft does not read; f2, f4, f8, i4, i8, u1 are read";
        int length = 0; /* the quoted text, without what could spoil a terminal */
        while (length < 20 && (size_t)length + 1 < left && from[length + 1] > 0x20 && from[length + 1] < 0x7f &&
               from[length + 1] != '\'')
            length++;
        return weft_file_bad(&a->zip->file, place(a), "array \"%.80s\" is of '%.*s': %s",
                              a->entry->name, length, (const char *)from + 1, what);
    }
    return bad(a, "the name of an element type was expected");
}

static weft_status read_fortran(array *a)
{
    a->fortran = take(a, "True");
    return a->fortran || take(a, "False") ? WEFT_OK : bad(a, "True or False was expected");
}

static weft_status read_dim(array *a)
{
    skip_blanks(a);
    const size_t first = a->at;
    int64_t dim = 0;
    for (; a->at < a->end && a->bytes[a->at] >= '0' && a->bytes[a->at] <= '9'; a->at++) {
        if (__builtin_mul_overflow(dim, 10, &dim) || __builtin_add_overflow(dim, a->bytes[a->at] - '0', &dim))
            return bad(a, "the dimension does not fit 63 bits");
    }
    if (a->at == first)
        return bad(a, "a dimension was expected");
    if (a->shape.rank == WEFT_MAX_RANK)
        return weft_file_bad(&a->zip->file, place(a), "array \"%.80s\" has more than %d dimensions",
                              a->entry->name, WEFT_MAX_RANK);
    a->shape.dim[a->shape.rank++] = dim;
    return WEFT_OK;
}

/* "()", "(3,)", "(3, 4)" or "(3, 4,)" */
static weft_status read_shape(array *a)
{
    if (!take(a, "("))
        return bad(a, "'(' was expected before the shape");
    while (!take(a, ")")) {
        WEFT_TRY(read_dim(a));
        if (take(a, ","))
            continue;
        if (a->shape.rank == 1 || !take(a, ")")) /* "(3)" is a number */
            return bad(a, "',' or ')' was expected in the shape");
        break;
    }
    return WEFT_OK;
}

static const struct {
    const char *key;
    weft_status (*read)(array *a);
} fields[] = {
    { "'descr'", read_descr }, { "'fortran_order'", read_fortran }, { "'shape'", read_shape },
};

static weft_status read_fields(array *a)
{
    bool seen[WEFT_COUNT(fields)] = { false };
    if (!take(a, "{"))
        return bad(a, "'{' was expected at the begin of the header");
    for (int count = 0; !take(a, "}"); count++) {
        if (count > 0 && !take(a, ","))
            return bad(a, "',' or '}' was expected in the header");
        if (count > 0 && take(a, "}"))
            break;
        int i = 0;
        while (i < WEFT_COUNT(fields) && !take(a, fields[i].key))
            i++;
        if (i == WEFT_COUNT(fields) || seen[i])
            return bad(a, "one of 'descr', 'fortran_order' and 'shape' was expected, each once");
        seen[i] = true;
        if (!take(a, ":"))
            return bad(a, "':' was expected in the header");
        WEFT_TRY(fields[i].read(a));
    }
    for (int i = 0; i < WEFT_COUNT(fields); i++) {
        if (!seen[i])
            return bad(a, "the header lacks 'descr', 'fortran_order' or 'shape'");
    }
    skip_blanks(a);
    if (a->at + 1 != a->end || a->bytes[a->at] != '\n')
        return bad(a, "the header should end here, with blanks and a line feed");
    a->at++;
    return WEFT_OK;
}

static weft_status read_header(array *a)
{
    const size_t size = (size_t)a->entry->size;
    if (size < PREFIX + 4 || memcmp(a->bytes, magic, MAGIC) != 0)
        return bad(a, "an array was expected, which begins with 93 4e 55 4d 50 59");
    const int major = a->bytes[MAGIC], minor = a->bytes[MAGIC + 1];
    a->at = MAGIC;
    if (major < 1 || major > 3 || minor != 0)
        return bad(a, "the version of the array's format should be 1.0, 2.0 or 3.0");
    const size_t width = major == 1 ? 2 : 4;
    const uint32_t length = major == 1 ? weft_le16(a->bytes + PREFIX) : weft_le32(a->bytes + PREFIX);
    a->at = PREFIX;
    if (length > HEADER_LIMIT || length > size - PREFIX - width)
        return bad(a, "the header is longer than the array or than 65536 bytes");
    a->at = PREFIX + width;
    a->end = a->at + length;
    return read_fields(a);
}

/* Strides of Fortran's order: the first dimension is the fastest. */
static void fortran_strides(const weft_shape *shape, int64_t *stride)
{
    int64_t step = 1;
    for (int i = 0; i < shape->rank; i++) {
        stride[i] = step;
        step *= shape->dim[i];
    }
}

/* The JSON at bytes at..at + bytes of the entry, whose copy is at `copy`. */
static weft_status parse_metadata(const array *a, uint8_t *copy, size_t bytes, weft_weights *weights)
{
    const weft_file unpacked = { .path = a->zip->file.path, .data = copy, .size = (size_t)a->entry->size };
    weft_arena arena;
    weft_arena_init(&arena, weights->allocator);
    weft_json json = { .file = &unpacked, .at = a->at, .end = a->at + bytes, .arena = &arena };
    weft_status status = weft_meta_read(&json, weights);
    if (status == WEFT_OK)
        status = weft_json_end(&json);
    weft_arena_release(&arena);
    return status;
}

static weft_status take_metadata(const array *a, size_t bytes, weft_weights *weights)
{
    if (a->dtype != WEFT_U8 || a->shape.rank != 1)
        return bad(a, "the metadata should be one row of bytes (|u1)");
    uint8_t *copy = weft_alloc(weights->allocator, (size_t)a->entry->size);
    if (!copy)
        return weft_file_bad_in(WEFT_NO_MEMORY, &a->zip->file, a->entry->data);
    memcpy(copy, a->bytes, (size_t)a->entry->size);
    const weft_status status = parse_metadata(a, copy, bytes, weights);
    weft_free(weights->allocator, copy);
    return status == WEFT_OK ? WEFT_OK : weft_file_bad_in(status, &a->zip->file, a->entry->data);
}

/* The elements, in the set. */
static weft_status take_elements(const array *a, size_t name, size_t bytes, weft_weights *weights)
{
    int64_t stride[WEFT_MAX_RANK];
    void *to = NULL;
    if (!a->entry->deflated && !(a->fortran && a->shape.rank > 1))
        return weft_weights_lend(weights, a->entry->name, name, a->dtype, &a->shape, a->bytes + a->at);
    WEFT_TRY(weft_weights_room(weights, a->entry->name, name, a->dtype, &a->shape, &to));
    if (a->fortran && bytes > 0) {
        fortran_strides(&a->shape, stride);
        weft_weight_gather(to, a->bytes + a->at, weft_dtype_size(a->dtype), &a->shape, stride);
    } else if (bytes > 0) {
        memcpy(to, a->bytes + a->at, bytes);
    }
    return WEFT_OK;
}

static weft_status take_array(array *a, weft_weights *weights)
{
    int64_t count = 0;
    size_t bytes = 0;
    const size_t name = strlen(a->entry->name) - strlen(EXTENSION);
    WEFT_TRY(read_header(a));
    weft_status status = weft_weight_bytes(a->dtype, &a->shape, &count, &bytes);
    if (status != WEFT_OK)
        return weft_file_bad_in(status, &a->zip->file, place(a));
    if (bytes != a->entry->size - a->at)
        return weft_file_bad(&a->zip->file, place(a),
                             "array \"%.80s\" has %" PRIu64 " bytes of elements; its shape takes "
                             "%zu",
                             a->entry->name, a->entry->size - a->at, bytes);
    if (name == strlen(WEFT_META_NAME) && strncmp(a->entry->name, WEFT_META_NAME, name) == 0)
        return take_metadata(a, bytes, weights);
    status = take_elements(a, name, bytes, weights);
    return status == WEFT_OK ? WEFT_OK : weft_file_bad_in(status, &a->zip->file, place(a));
}

static weft_status read_arrays(weft_ctx *ctx, const weft_zip *zip, weft_weights *weights)
{
    for (int64_t i = 0; i < zip->count; i++) {
        array a = { .zip = zip, .entry = &zip->entries[i] };
        const size_t length = strlen(a.entry->name), tail = strlen(EXTENSION);
        void *owned = NULL;
        if (length <= tail || strcmp(a.entry->name + length - tail, EXTENSION) != 0)
            return weft_file_bad(&zip->file, a.entry->header,
                                 "the archive has the entry \"%.80s\"; arrays (*.npy) only "
                                 "were expected",
                                 a.entry->name);
        WEFT_TRY(weft_zip_read(zip, a.entry, &a.bytes, &owned));
        const weft_status status = take_array(&a, weights);
        weft_free(&ctx->allocator, owned);
        WEFT_TRY(status);
    }
    const weft_status status = weft_weights_check_digest(weights);
    return status == WEFT_OK ? WEFT_OK : weft_file_bad_in(status, &zip->file, 0);
}

weft_status weft_npz_read(weft_ctx *ctx, const weft_file *file, const weft_read_opt *opt, weft_weights *weights)
{
    (void)opt;
    weft_zip zip;
    WEFT_TRY(weft_zip_open(&ctx->allocator, file, &zip));
    const weft_status status = read_arrays(ctx, &zip, weights);
    weft_zip_close(&zip);
    return status;
}

/* ---- writing ---- */

enum { LOCAL = 30, CENTRAL = 46, END = 22, EXTRA = 4, VERSION = 20, UTF8_NAME = 0x800, NEW_YEAR_1980 = 0x21 };
enum { ENTRIES = 65534 }; /* beyond it, and beyond 4 GiB, zip64 would be needed */
static const uint16_t padding_field = 0x4246; /* "FB", as PyTorch pads its archives */

typedef struct member {
    const char *name; /* without the extension */
    const void *data;
    size_t bytes;
    char header[HEADER_ROOM]; /* of the array */
    size_t header_length;
    uint64_t at; /* of the local header */
    uint32_t crc;
} member;

static void array_header(member *m, weft_dtype dtype, const weft_shape *shape)
{
    char dims[160] = "", text[HEADER_ROOM];
    size_t n = 0;
    for (int i = 0; i < shape->rank; i++)
        n += (size_t)snprintf(dims + n, sizeof dims - n, "%s%" PRId64, i ? ", " : "", shape->dim[i]);
    int k = 0;
    while (dtypes[k].dtype != dtype)
        k++;
    const int length = snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }",
                                dtypes[k].descr, dims, shape->rank == 1 ? "," : "");
    const size_t total = weft_round_up(PREFIX + 2 + (size_t)length + 1, ALIGN);
    memset(m->header, ' ', total);
    memcpy(m->header, magic, MAGIC);
    m->header[MAGIC] = 1;
    m->header[MAGIC + 1] = 0;
    weft_put_le((uint8_t *)m->header + PREFIX, total - PREFIX - 2, 2);
    memcpy(m->header + PREFIX + 2, text, (size_t)length);
    m->header[total - 1] = '\n';
    m->header_length = total;
}

/* Bytes 4 to 30 of a local header and 6 to 32 of a directory entry: one after the other in both. */
static void common(uint8_t *to, const member *m, size_t extra)
{
    weft_put_le(to, VERSION, 2);
    weft_put_le(to + 2, UTF8_NAME, 2);
    weft_put_le(to + 4, 0, 4); /* stored; midnight */
    weft_put_le(to + 8, NEW_YEAR_1980, 2);
    weft_put_le(to + 10, m->crc, 4);
    weft_put_le(to + 14, m->header_length + m->bytes, 4);
    weft_put_le(to + 18, m->header_length + m->bytes, 4);
    weft_put_le(to + 22, strlen(m->name) + strlen(EXTENSION), 2);
    weft_put_le(to + 24, extra, 2);
}

static weft_status put_member(weft_writer *writer, member *m)
{
    static const uint8_t zeros[ALIGN];
    uint8_t head[LOCAL], field[EXTRA];
    m->at = writer->at;
    const size_t before = (size_t)m->at + LOCAL + strlen(m->name) + strlen(EXTENSION) + EXTRA;
    const size_t pad = weft_round_up(before, ALIGN) - before;
    if (m->at + LOCAL + WEFT_WEIGHTS_NAME + 2 * ALIGN + m->header_length + m->bytes > UINT32_MAX)
        return weft_fail(WEFT_UNSUPPORTED, "%.200s: the archive would be larger than 4 GiB; write safetensors",
                         writer->path);
    m->crc = (uint32_t)crc32_z(0, (const Bytef *)m->header, m->header_length);
    if (m->bytes)
        m->crc = (uint32_t)crc32_z(m->crc, m->data, m->bytes);
    memcpy(head, "PK\3\4", 4);
    common(head + 4, m, EXTRA + pad);
    weft_put_le(field, padding_field, 2);
    weft_put_le(field + 2, pad, 2);
    WEFT_TRY(weft_writer_put(writer, head, LOCAL));
    WEFT_TRY(weft_writer_put(writer, m->name, strlen(m->name)));
    WEFT_TRY(weft_writer_put(writer, EXTENSION, strlen(EXTENSION)));
    WEFT_TRY(weft_writer_put(writer, field, EXTRA));
    WEFT_TRY(weft_writer_put(writer, zeros, pad));
    WEFT_TRY(weft_writer_put(writer, m->header, m->header_length));
    return weft_writer_put(writer, m->data, m->bytes);
}

static weft_status put_directory(weft_writer *writer, const member *members, size_t count)
{
    const uint64_t begin = writer->at;
    for (size_t i = 0; i < count; i++) {
        uint8_t head[CENTRAL] = "PK\1\2";
        weft_put_le(head + 4, VERSION, 2);
        common(head + 6, &members[i], 0);
        weft_put_le(head + 42, members[i].at, 4);
        WEFT_TRY(weft_writer_put(writer, head, CENTRAL));
        WEFT_TRY(weft_writer_put(writer, members[i].name, strlen(members[i].name)));
        WEFT_TRY(weft_writer_put(writer, EXTENSION, strlen(EXTENSION)));
    }
    if (writer->at + END > UINT32_MAX)
        return weft_fail(WEFT_UNSUPPORTED, "%.200s: the archive would be larger than 4 GiB; write safetensors",
                         writer->path);
    uint8_t end[END] = "PK\5\6";
    weft_put_le(end + 8, count, 2);
    weft_put_le(end + 10, count, 2);
    weft_put_le(end + 12, writer->at - begin, 4);
    weft_put_le(end + 16, begin, 4);
    return weft_writer_put(writer, end, END);
}

/* Metadata as text in *text, for the caller to free. */
static weft_status write_metadata(const weft_weights *weights, weft_header_text *text)
{
    weft_meta_write(text, weights, NULL);
    char *data = weft_alloc(weights->allocator, text->length);
    if (!data)
        return WEFT_NO_MEMORY;
    *text = (weft_header_text){ .data = data };
    weft_meta_write(text, weights, NULL);
    return WEFT_OK;
}

static weft_status put_all(const weft_weights *weights, weft_writer *writer, member *members,
                           const weft_header_text *meta)
{
    size_t count = 0;
    if (meta->data) {
        member *m = &members[count++];
        const weft_shape shape = { .rank = 1, .dim = { (int64_t)meta->length } };
        *m = (member){ .name = WEFT_META_NAME, .data = meta->data, .bytes = meta->length };
        array_header(m, WEFT_U8, &shape);
        WEFT_TRY(put_member(writer, m));
    }
    for (int64_t i = 0; i < weights->count; i++) {
        const weft_weight *w = &weights->entries[i].weight;
        member *m = &members[count++];
        *m = (member){ .name = w->name, .data = w->data, .bytes = (size_t)w->count * weft_dtype_size(w->dtype) };
        array_header(m, w->dtype, &w->shape);
        WEFT_TRY(put_member(writer, m));
    }
    return put_directory(writer, members, count);
}

weft_status weft_npz_write(const weft_weights *weights, weft_writer *writer)
{
    const weft_allocator *allocator = weights->allocator;
    weft_header_text meta = { 0 };
    if (weights->count > ENTRIES - 1)
        return weft_fail(WEFT_UNSUPPORTED,
                         "%.200s: %" PRId64 " tensors are too many for an archive without zip64; write "
                         "safetensors",
                         writer->path, weights->count);
    member *members = weft_calloc(allocator, (size_t)weights->count + 1, sizeof *members);
    weft_status status = members ? WEFT_OK : WEFT_NO_MEMORY;
    if (status == WEFT_OK && weights->meta_count > 0)
        status = write_metadata(weights, &meta);
    if (status != WEFT_OK)
        weft_fail_in(status, "%.200s", writer->path);
    else
        status = put_all(weights, writer, members, &meta);
    weft_free(allocator, meta.data);
    weft_free(allocator, members);
    return status;
}
