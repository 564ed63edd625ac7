/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors: 8 bytes length of the header (little-endian), the header, the tensors. The header is a JSON object of
 * {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}}, and "__metadata__": {"key": "text"}.
 * The rules are those of the format's reference implementation: tensors lie without hole or overlap from the header's
 * end to the file's. On top, files that weft writes carry a digest in the metadata (weights.h), checked on reading.
 *
 * A boundary that the format leaves open: the header may be padded by blanks, with which weft aligns data to 64. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/meta.h"

enum { PREFIX = 8, ALIGN = 64, UNSEEN = -1 };

static const struct {
    const char *name;
    int dtype; /* UNSEEN: known, but not held */
} dtypes[] = {
    { "F32", WEFT_F32 }, { "F16", WEFT_F16 }, { "BF16", WEFT_BF16 }, { "F64", WEFT_F64 }, { "U8", WEFT_U8 },
    { "I32", WEFT_I32 }, { "I64", WEFT_I64 },
    { "BOOL", UNSEEN },  { "I8", UNSEEN },   { "I16", UNSEEN },   { "U16", UNSEEN },  { "U32", UNSEEN },
    { "U64", UNSEEN },
};

/* ---- reading ---- */

/* One tensor of the header; offsets count from the header's end. */
typedef struct record {
    const char *name;
    size_t length, at; /* of the name; where it stands in the file */
    int dtype; /* a weft_dtype, or UNSEEN: a mask or a counter, which is left out */
    const char *unseen; /* its name */
    weft_shape shape;
    uint64_t begin, end;
} record;

typedef struct reader {
    weft_json json;
    weft_weights *weights;
    record *records;
    size_t count, room;
} reader;

static weft_status read_dtype(reader *r, record *t)
{
    const char *text;
    size_t length, at;
    WEFT_TRY(weft_json_string(&r->json, "before the name of a dtype", &text, &length, &at));
    for (int i = 0; i < WEFT_COUNT(dtypes); i++) {
        if (strlen(dtypes[i].name) == length && memcmp(dtypes[i].name, text, length) == 0) {
            t->dtype = dtypes[i].dtype;
            t->unseen = dtypes[i].name;
            return WEFT_OK;
        }
    }
    return weft_file_bad(r->json.file, at, "tensor \"%.80s\" is of dtype \"%.16s\", which weft does "
                          "not read", t->name, text);
}

static weft_status read_shape(reader *r, record *t)
{
    WEFT_TRY(weft_json_expect(&r->json, '[', "before a shape"));
    if (weft_json_take(&r->json, ']'))
        return WEFT_OK;
    do {
        uint64_t dim = 0;
        if (t->shape.rank == WEFT_MAX_RANK)
            return weft_file_bad(r->json.file, r->json.at, "tensor \"%.80s\" has more than %d "
                                  "dimensions", t->name, WEFT_MAX_RANK);
        WEFT_TRY(weft_json_number(&r->json, "a dimension", &dim));
        if (dim > INT64_MAX)
            return weft_file_bad(r->json.file, r->json.at, "dimension %" PRIu64 " of tensor \"%.80s\" is too large",
                                 dim, t->name);
        t->shape.dim[t->shape.rank++] = (int64_t)dim;
    } while (weft_json_take(&r->json, ','));
    return weft_json_expect(&r->json, ']', "behind a shape");
}

static weft_status read_offsets(reader *r, record *t)
{
    WEFT_TRY(weft_json_expect(&r->json, '[', "before data_offsets"));
    WEFT_TRY(weft_json_number(&r->json, "a data offset", &t->begin));
    WEFT_TRY(weft_json_expect(&r->json, ',', "between two data_offsets"));
    WEFT_TRY(weft_json_number(&r->json, "a data offset", &t->end));
    return weft_json_expect(&r->json, ']', "behind two data_offsets");
}

static const struct {
    const char *key;
    weft_status (*read)(reader *r, record *t);
} fields[] = {
    { "dtype", read_dtype }, { "shape", read_shape }, { "data_offsets", read_offsets },
};

static weft_status read_fields(reader *r, record *t)
{
    bool seen[WEFT_COUNT(fields)] = { false };
    WEFT_TRY(weft_json_expect(&r->json, '{', "before the description of a tensor"));
    do {
        const char *key;
        size_t length, at;
        WEFT_TRY(weft_json_string(&r->json, "before a key", &key, &length, &at));
        WEFT_TRY(weft_json_expect(&r->json, ':', "behind a key"));
        int i = 0;
        while (i < WEFT_COUNT(fields) && strcmp(fields[i].key, key) != 0)
            i++;
        if (i == WEFT_COUNT(fields) || seen[i])
            return weft_file_bad(r->json.file, at, "tensor \"%.80s\" has the key \"%.40s\"%s; dtype, shape and "
                                 "data_offsets were expected once each", t->name, key,
                                 i < WEFT_COUNT(fields) ? " twice" : "");
        seen[i] = true;
        WEFT_TRY(fields[i].read(r, t));
    } while (weft_json_take(&r->json, ','));
    WEFT_TRY(weft_json_expect(&r->json, '}', "behind the description of a tensor"));
    for (int i = 0; i < WEFT_COUNT(fields); i++) {
        if (!seen[i])
            return weft_file_bad(r->json.file, t->at, "tensor \"%.80s\" has no %s", t->name, fields[i].key);
    }
    return WEFT_OK;
}

static weft_status new_record(reader *r, const record *t)
{
    if (r->count == r->room) {
        const size_t room = r->room ? 2 * r->room : 64;
        record *records = weft_calloc(r->weights->allocator, room, sizeof *records);
        if (!records)
            return weft_fail_in(WEFT_NO_MEMORY, "%.200s", r->json.file->path);
        if (r->records)
            memcpy(records, r->records, r->count * sizeof *records);
        weft_free(r->weights->allocator, r->records);
        r->records = records;
        r->room = room;
    }
    if (r->count == WEFT_WEIGHTS_TENSORS)
        return weft_file_bad(r->json.file, t->at, "there are more than %d tensors", WEFT_WEIGHTS_TENSORS);
    r->records[r->count++] = *t;
    return WEFT_OK;
}

static weft_status read_header(reader *r)
{
    bool metadata = false;
    WEFT_TRY(weft_json_expect(&r->json, '{', "at the begin of the header"));
    if (weft_json_take(&r->json, '}'))
        return weft_json_end(&r->json);
    do {
        record t = { 0 };
        WEFT_TRY(weft_json_string(&r->json, "before the name of a tensor", &t.name, &t.length, &t.at));
        WEFT_TRY(weft_json_expect(&r->json, ':', "behind the name of a tensor"));
        if (strcmp(t.name, WEFT_META_NAME) != 0) {
            WEFT_TRY(read_fields(r, &t));
            WEFT_TRY(new_record(r, &t));
            continue;
        }
        if (metadata)
            return weft_file_bad(r->json.file, t.at, WEFT_META_NAME " occurs twice");
        metadata = true;
        WEFT_TRY(weft_meta_read(&r->json, r->weights));
    } while (weft_json_take(&r->json, ','));
    WEFT_TRY(weft_json_expect(&r->json, '}', "at the end of the header"));
    return weft_json_end(&r->json);
}

static int by_offset(const void *a, const void *b)
{
    const record *const x = *(const record *const *)a, *const y = *(const record *const *)b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

/* Every byte behind the header belongs to one tensor. */
static weft_status check_cover(const reader *r, uint64_t room)
{
    const weft_file *file = r->json.file;
    const record **sorted = weft_calloc(r->weights->allocator, r->count + 1, sizeof *sorted);
    if (!sorted)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", file->path);
    for (size_t i = 0; i < r->count; i++)
        sorted[i] = &r->records[i];
    qsort(sorted, r->count, sizeof *sorted, by_offset);
    weft_status status = WEFT_OK;
    uint64_t at = 0;
    for (size_t i = 0; i < r->count && status == WEFT_OK; i++) {
        const record *t = sorted[i];
        if (t->begin != at || t->end < t->begin)
            status = weft_file_bad(file, t->at, "tensor \"%.80s\" has the data_offsets [%" PRIu64 ", %" PRIu64 "]; %"
                                   PRIu64 " was expected for the first, since tensors neither overlap nor leave holes",
                                   t->name, t->begin, t->end, at);
        else if (t->end > room)
            status = weft_file_bad(file, file->size, "the file ends here; tensor \"%.80s\" ends %" PRIu64
                                   " bytes behind the header, the file %" PRIu64, t->name, t->end, room);
        at = t->end;
    }
    weft_free(r->weights->allocator, sorted);
    if (status == WEFT_OK && at != room)
        return weft_file_bad(file, file->size - (room - at), "the last tensor ends here; the file has %" PRIu64
                             " bytes more", room - at);
    return status;
}

/* The first is kept as a sentence, for a network that cannot do without it; alone it is refused. */
static weft_status leave_out(reader *r, const record *t)
{
    char text[160];
    WEFT_TRY(weft_weights_check_name(t->name, t->length));
    snprintf(text, sizeof text, "tensor \"%.80s\" is of dtype \"%s\", which weft does not read", t->name, t->unseen);
    if (weft_weights_meta_find(r->weights, WEFT_META_UNREAD))
        return WEFT_OK;
    return r->count == 1 ? weft_fail(WEFT_BAD_DATA, "%s", text)
                         : weft_weights_set_meta(r->weights, WEFT_META_UNREAD, text);
}

static weft_status add_all(reader *r, const uint8_t *data)
{
    for (size_t i = 0; i < r->count; i++) {
        const record *t = &r->records[i];
        int64_t count = 0;
        size_t bytes = 0;
        if (t->dtype == UNSEEN) {
            const weft_status left = leave_out(r, t);
            if (left != WEFT_OK)
                return weft_file_bad_in(left, r->json.file, t->at);
            continue;
        }
        const weft_dtype dtype = (weft_dtype)t->dtype;
        weft_status status = weft_weight_bytes(dtype, &t->shape, &count, &bytes);
        if (status == WEFT_OK && bytes != t->end - t->begin) {
            char text[256];
            return weft_file_bad(r->json.file, t->at, "tensor \"%.80s\" has %" PRIu64 " bytes; %s%s takes %zu", t->name,
                                 t->end - t->begin, weft_dtype_name(dtype),
                                 weft_shape_text(&t->shape, text, sizeof text), bytes);
        }
        if (status == WEFT_OK)
            status = weft_weights_lend(r->weights, t->name, t->length, dtype, &t->shape, data + t->begin);
        if (status != WEFT_OK)
            return weft_file_bad_in(status, r->json.file, t->at);
    }
    return WEFT_OK;
}

/* The header's length, which file's first bytes say. */
static weft_status header_length(const weft_file *file, uint64_t *out)
{
    if (file->size < PREFIX)
        return weft_file_bad(file, file->size, "the file ends here; %d bytes of header length were expected", PREFIX);
    const uint64_t length = weft_le64(file->data);
    if (length < 2 || length > WEFT_SAFETENSORS_HEADER)
        return weft_file_bad(file, 0, "the header should have %" PRIu64 " bytes; 2 to %d were expected", length,
                             WEFT_SAFETENSORS_HEADER);
    if (length > file->size - PREFIX)
        return weft_file_bad(file, file->size, "the file ends here, within a header of %" PRIu64 " bytes", length);
    *out = length;
    return WEFT_OK;
}

/* Reads the header and what it claims of the file's size. */
static weft_status parse_header(reader *r, uint64_t length)
{
    const weft_file *file = r->json.file;
    if (file->data[PREFIX] != '{')
        return weft_file_bad(file, PREFIX, "the header begins with byte %02x; '{' was expected", file->data[PREFIX]);
    WEFT_TRY(read_header(r));
    return check_cover(r, file->size - PREFIX - length);
}

static weft_status read_tensors(reader *r, uint64_t length)
{
    const weft_file *file = r->json.file;
    WEFT_TRY(parse_header(r, length));
    WEFT_TRY(add_all(r, file->data + PREFIX + length));
    const weft_status status = weft_weights_check_digest(r->weights);
    return status == WEFT_OK ? WEFT_OK : weft_file_bad_in(status, file, PREFIX + length);
}

/* One of the two above, with what it needs. */
static weft_status with_reader(weft_ctx *ctx, const weft_file *file, weft_weights *weights,
                               weft_status (*use)(reader *r, uint64_t length))
{
    uint64_t length = 0;
    WEFT_TRY(header_length(file, &length));
    weft_arena arena;
    weft_arena_init(&arena, &ctx->allocator);
    reader r = {
        .json = { .file = file, .at = PREFIX, .end = PREFIX + (size_t)length, .arena = &arena },
        .weights = weights,
    };
    const weft_status status = use(&r, length);
    weft_free(&ctx->allocator, r.records);
    weft_arena_release(&arena);
    return status;
}

weft_status weft_safetensors_read(weft_ctx *ctx, const weft_file *file, const weft_read_opt *opt, weft_weights *weights)
{
    (void)opt;
    return with_reader(ctx, file, weights, read_tensors);
}

/* Of a header that was read alone, with the size of the whole file. */
static weft_status check_header(weft_ctx *ctx, const weft_file *file)
{
    weft_weights *metadata = NULL;
    WEFT_TRY(weft_weights_create(ctx, &metadata));
    const weft_status status = with_reader(ctx, file, metadata, parse_header);
    weft_weights_destroy(metadata);
    return status;
}

weft_status weft_safetensors_check(weft_ctx *ctx, const char *path)
{
    uint8_t prefix[PREFIX];
    uint64_t size = 0, length = 0;
    size_t got = 0;
    WEFT_TRY(weft_file_size(path, &size));
    WEFT_TRY(weft_file_head(path, prefix, PREFIX, &got));
    weft_file file = { .path = path, .data = prefix, .size = got < PREFIX ? got : (size_t)size };
    WEFT_TRY(header_length(&file, &length));
    file.data = weft_alloc(&ctx->allocator, PREFIX + (size_t)length);
    if (!file.data)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", path);
    weft_status status = weft_file_head(path, file.data, PREFIX + (size_t)length, &got);
    if (status == WEFT_OK && (got != PREFIX + length || memcmp(file.data, prefix, PREFIX) != 0))
        status = weft_fail(WEFT_IO, "%s: the file changed while it was read", path);
    if (status == WEFT_OK)
        status = check_header(ctx, &file);
    weft_free(&ctx->allocator, file.data);
    return status;
}

/* ---- writing ---- */

static const char *dtype_name(weft_dtype dtype)
{
    int i = 0;
    while (i < WEFT_COUNT(dtypes) - 1 && dtypes[i].dtype != (int)dtype)
        i++;
    return dtypes[i].name;
}

static void add_tensor(weft_header_text *t, const weft_weight *w, uint64_t begin)
{
    char number[64];
    weft_header_add(t, ",");
    weft_header_quote(t, w->name);
    weft_header_add(t, ":{\"dtype\":\"");
    weft_header_add(t, dtype_name(w->dtype));
    weft_header_add(t, "\",\"shape\":[");
    for (int i = 0; i < w->shape.rank; i++) {
        snprintf(number, sizeof number, "%s%" PRId64, i ? "," : "", w->shape.dim[i]);
        weft_header_add(t, number);
    }
    snprintf(number, sizeof number, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin,
             begin + (uint64_t)w->count * weft_dtype_size(w->dtype));
    weft_header_add(t, number);
}

/* Data stand in the order of element sizes, widest first, so that all are aligned; the header keeps the set's order. */
static void place(const weft_weights *weights, uint64_t *begin)
{
    uint64_t at = 0;
    for (size_t size = 8; size > 0; size /= 2) {
        for (int64_t i = 0; i < weights->count; i++) {
            const weft_weight *w = &weights->entries[i].weight;
            if (weft_dtype_size(w->dtype) != size)
                continue;
            begin[i] = at;
            at += (uint64_t)w->count * size;
        }
    }
}

static void add_header(weft_header_text *t, const weft_weights *weights, const char *digest, const uint64_t *begin)
{
    weft_header_add(t, "{\"" WEFT_META_NAME "\":");
    weft_meta_write(t, weights, digest);
    for (int64_t i = 0; i < weights->count; i++)
        add_tensor(t, &weights->entries[i].weight, begin[i]);
    weft_header_add(t, "}");
}

static weft_status put_all(const weft_weights *weights, weft_writer *writer, const weft_header_text *header)
{
    uint8_t prefix[PREFIX];
    weft_put_le(prefix, header->length, PREFIX);
    WEFT_TRY(weft_writer_put(writer, prefix, PREFIX));
    WEFT_TRY(weft_writer_put(writer, header->data, header->length));
    for (size_t size = 8; size > 0; size /= 2) {
        for (int64_t i = 0; i < weights->count; i++) {
            const weft_weight *w = &weights->entries[i].weight;
            if (weft_dtype_size(w->dtype) == size)
                WEFT_TRY(weft_writer_put(writer, w->data, (size_t)w->count * size));
        }
    }
    return WEFT_OK;
}

/* The header's text, padded so that the data are aligned; the caller frees its data. */
static weft_status make_header(const weft_weights *weights, const uint64_t *begin, weft_header_text *out)
{
    char digest[16];
    weft_header_text header = { 0 };
    snprintf(digest, sizeof digest, "%08" PRIx32, weft_weights_digest(weights));
    add_header(&header, weights, digest, begin);
    const size_t length = weft_round_up(header.length + PREFIX, ALIGN) - PREFIX;
    if (length > WEFT_SAFETENSORS_HEADER)
        return weft_fail(WEFT_INVALID, "the header has %zu bytes; safetensors allows %d", length,
                         WEFT_SAFETENSORS_HEADER);
    header = (weft_header_text){ .data = weft_alloc(weights->allocator, length) };
    if (!header.data)
        return WEFT_NO_MEMORY;
    add_header(&header, weights, digest, begin);
    memset(header.data + header.length, ' ', length - header.length);
    header.length = length;
    *out = header;
    return WEFT_OK;
}

weft_status weft_safetensors_write(const weft_weights *weights, weft_writer *writer)
{
    const weft_allocator *allocator = weights->allocator;
    weft_header_text header = { 0 };
    uint64_t *begin = weft_calloc(allocator, (size_t)weights->count + 1, sizeof *begin);
    if (!begin)
        return weft_fail_in(WEFT_NO_MEMORY, "%.200s", writer->path);
    place(weights, begin);
    weft_status status = make_header(weights, begin, &header);
    if (status != WEFT_OK)
        weft_fail_in(status, "%.200s", writer->path);
    else
        status = put_all(weights, writer, &header);
    weft_free(allocator, header.data);
    weft_free(allocator, begin);
    return status;
}
