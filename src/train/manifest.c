/* SPDX-License-Identifier: Apache-2.0
 *
 * The manifest of a checkpoint: one JSON object. Its last member is the SHA-256 of the text before it, so that a
 * changed digit of the step is found as surely as one of a tensor. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "train/checkpoint.h"
#include "weights/meta.h"

static const char END[] = ",\n\"digest\":";

/* ---- writing ---- */

static void add_number(weft_header_text *t, const char *key, uint64_t value)
{
    char number[48];
    weft_header_add(t, ",\n");
    weft_header_quote(t, key);
    snprintf(number, sizeof number, ":%" PRIu64, value);
    weft_header_add(t, number);
}

static void add_text(weft_header_text *t, const char *key, const char *text)
{
    if (!text)
        return;
    weft_header_add(t, ",\n");
    weft_header_quote(t, key);
    weft_header_add(t, ":");
    weft_header_quote(t, text);
}

static void add_body(weft_header_text *t, const weft_manifest *m, const char *hash)
{
    const weft_checkpoint_facts *f = &m->facts;
    weft_header_add(t, "{\"format\":1");
    add_number(t, "step", (uint64_t)f->step);
    add_number(t, "epoch", (uint64_t)f->epoch);
    add_number(t, "position", (uint64_t)f->position);
    add_number(t, "seed", f->seed);
    add_text(t, "recipe", f->recipe);
    add_text(t, "config", f->config);
    add_text(t, "config_sha256", f->config ? hash : NULL);
    add_text(t, "environment", f->environment);
    add_text(t, "notes", f->notes);
    add_number(t, "bytes", m->bytes);
    weft_header_add(t, ",\n\"tensors\":{");
    for (int64_t i = 0; i < m->count; i++) {
        weft_header_add(t, i ? ",\n" : "\n");
        weft_header_quote(t, m->entries[i].name);
        weft_header_add(t, ":");
        weft_header_quote(t, m->entries[i].digest);
    }
    weft_header_add(t, "}");
}

weft_status weft_manifest_write(const weft_allocator *allocator, const weft_manifest *manifest, char **out,
                                size_t *size)
{
    char hash[WEFT_SHA256_TEXT];
    weft_header_text text = { 0 };
    weft_bytes_digest(manifest->facts.config, manifest->facts.config ? strlen(manifest->facts.config) : 0, hash);
    add_body(&text, manifest, hash);
    const size_t room = text.length + sizeof END + sizeof hash + 8;
    text = (weft_header_text){ .data = weft_alloc(allocator, room) };
    if (!text.data)
        return WEFT_NO_MEMORY;
    add_body(&text, manifest, hash);
    weft_bytes_digest(text.data, text.length, hash);
    weft_header_add(&text, END);
    weft_header_quote(&text, hash);
    weft_header_add(&text, "}\n");
    *out = text.data;
    *size = text.length;
    return WEFT_OK;
}

/* ---- reading ---- */

/* The text before the last member must have the digest that it says. */
static weft_status check_digest(const weft_file *file)
{
    char hash[WEFT_SHA256_TEXT], want[WEFT_SHA256_TEXT + 4];
    const size_t tail = sizeof END - 1 + sizeof hash - 1 + 4; /* with quotes, '}' and the end of the line */
    if (file->size < tail || memcmp(file->data + file->size - tail, END, sizeof END - 1) != 0)
        return weft_file_bad(file, file->size, "the manifest does not end in its digest: it is cut or changed");
    weft_bytes_digest(file->data, file->size - tail, hash);
    snprintf(want, sizeof want, "\"%s\"}\n", hash);
    if (memcmp(file->data + file->size - strlen(want), want, strlen(want)) != 0)
        return weft_file_bad(file, file->size - strlen(want), "the manifest's digest is another: it was changed");
    return WEFT_OK;
}

enum { FORMAT, STEP, EPOCH, POSITION, SEED, RECIPE, CONFIG, ENVIRONMENT, NOTES, BYTES, TENSORS, MEMBERS };
static const char *const members[MEMBERS] = { "format", "step", "epoch", "position", "seed", "recipe", "config",
                                              "environment", "notes", "bytes", "tensors" };

static weft_status number(weft_json *json, const size_t *at, int member, uint64_t *out)
{
    if (!at[member])
        return weft_file_bad(json->file, 0, "there is no \"%s\"", members[member]);
    json->at = at[member];
    return weft_json_number(json, members[member], out);
}

static weft_status signed_number(weft_json *json, const size_t *at, int member, int64_t *out)
{
    uint64_t value = 0;
    WEFT_TRY(number(json, at, member, &value));
    if (value > INT64_MAX)
        return weft_file_bad(json->file, at[member], "\"%s\" is out of range", members[member]);
    *out = (int64_t)value;
    return WEFT_OK;
}

static weft_status read_entries(weft_json *json, size_t at, weft_manifest *out)
{
    size_t room = 0;
    weft_manifest_entry *entries = NULL;
    if (!weft_json_is(json, at, '{'))
        return weft_file_bad(json->file, at, "there is no \"tensors\"");
    WEFT_TRY(weft_json_expect(json, '{', "before the tensors"));
    if (weft_json_take(json, '}'))
        return WEFT_OK;
    do {
        const char *name, *digest;
        size_t length, where;
        if ((size_t)out->count == room) {
            const size_t wider = room ? 2 * room : 256;
            weft_manifest_entry *grown = weft_arena_array(json->arena, wider, sizeof *grown);
            if (!grown)
                return WEFT_NO_MEMORY;
            if (entries)
                memcpy(grown, entries, room * sizeof *grown);
            entries = grown;
            room = wider;
        }
        WEFT_TRY(weft_json_string(json, "before the name of a tensor", &name, &length, &where));
        WEFT_TRY(weft_json_expect(json, ':', "behind the name of a tensor"));
        WEFT_TRY(weft_json_string(json, "before a digest", &digest, &length, &where));
        if (length != WEFT_SHA256_TEXT - 1)
            return weft_file_bad(json->file, where, "the digest of %.80s has %zu digits", name, length);
        entries[out->count].name = name;
        memcpy(entries[out->count++].digest, digest, WEFT_SHA256_TEXT);
    } while (weft_json_take(json, ','));
    out->entries = entries;
    return weft_json_expect(json, '}', "behind the tensors");
}

static weft_status parse(weft_json *json, weft_manifest *out)
{
    size_t at[MEMBERS] = { 0 };
    uint64_t format = 0;
    weft_checkpoint_facts *f = &out->facts;
    WEFT_TRY(weft_json_members(json, members, at, MEMBERS));
    WEFT_TRY(number(json, at, FORMAT, &format));
    if (format != WEFT_CHECKPOINT_FORMAT)
        return weft_file_bad(json->file, at[FORMAT], "the checkpoint has format %" PRIu64 ", this weft reads %d",
                             format, WEFT_CHECKPOINT_FORMAT);
    WEFT_TRY(signed_number(json, at, STEP, &f->step));
    WEFT_TRY(signed_number(json, at, EPOCH, &f->epoch));
    WEFT_TRY(signed_number(json, at, POSITION, &f->position));
    WEFT_TRY(number(json, at, SEED, &f->seed));
    WEFT_TRY(number(json, at, BYTES, &out->bytes));
    WEFT_TRY(weft_json_text_at(json, at[RECIPE], &f->recipe));
    WEFT_TRY(weft_json_text_at(json, at[CONFIG], &f->config));
    WEFT_TRY(weft_json_text_at(json, at[ENVIRONMENT], &f->environment));
    WEFT_TRY(weft_json_text_at(json, at[NOTES], &f->notes));
    return read_entries(json, at[TENSORS], out);
}

weft_status weft_manifest_read(weft_arena *arena, const char *path, weft_manifest *out)
{
    weft_file file;
    weft_manifest manifest = { 0 };
    WEFT_TRY(weft_file_load(arena->allocator, path, &file));
    weft_json json = { .file = &file, .at = 0, .end = file.size, .arena = arena };
    weft_status status = check_digest(&file);
    if (status == WEFT_OK)
        status = parse(&json, &manifest);
    weft_free(arena->allocator, file.data);
    if (status == WEFT_OK)
        *out = manifest;
    return status;
}
