/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing a checkpoint so that no moment of it can hurt: into a folder with a temporary name; each file reserved,
 * written, synced; the folder synced, renamed, the folder around it synced; then `last` is replaced, and only then do
 * old checkpoints go. A file whose sync failed is never synced again: what the kernel could not write it has forgotten.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "program/store.h"
#include "train/checkpoint.h"
#include "weights/meta.h"

enum { KEEP = 3, PREFIX = 8, ALIGN = 64 };

typedef struct saver {
    weft_store *store;
    const weft_allocator *allocator;
    const char *path;   /* of the folder, for sentences */
    int folder, inside; /* the folder, and the temporary one in it */
    char temporary[WEFT_CHECKPOINT_NAME], name[WEFT_CHECKPOINT_NAME];
    uint64_t need;      /* bytes of the file under way */
    weft_manifest_entry *entries;
    weft_header_text header;
} saver;

static weft_status io(const saver *s, const char *file, const char *what, int error)
{
    struct statvfs facts;
    if ((error == ENOSPC || error == EDQUOT || error == EFBIG) && fstatvfs(s->folder, &facts) == 0)
        return weft_fail(WEFT_IO, "%s/%s/%s: %s: %s; it needs %" PRIu64 " bytes, %" PRIu64 " are free", s->path,
                         s->name, file, what, strerror(error), s->need,
                         (uint64_t)facts.f_bavail * (uint64_t)facts.f_frsize);
    return weft_fail(WEFT_IO, "%s/%s/%s: %s: %s", s->path, s->name, file, what, strerror(error));
}

/* ---- one file ---- */

static weft_status put(const saver *s, int file, const char *name, const void *data, size_t size)
{
    for (const char *from = data; size;) {
        const ssize_t count = write(file, from, size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return io(s, name, "cannot be written", errno);
        from += count;
        size -= (size_t)count;
    }
    return WEFT_OK;
}

/* A new file with room for `bytes`; file systems that cannot reserve tell later that they are full. */
static weft_status create(saver *s, const char *name, uint64_t bytes, int *out)
{
    int error;
    s->need = bytes;
    const int file = openat(s->inside, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (file < 0)
        return io(s, name, "cannot be created", errno);
    do
        error = posix_fallocate(file, 0, (off_t)bytes);
    while (error == EINTR);
    if (error && error != EOPNOTSUPP && error != EINVAL && error != ENOSYS) {
        const weft_status status = io(s, name, "no room can be had for it", error);
        close(file);
        return status;
    }
    *out = file;
    return WEFT_OK;
}

/* Synced, if all went well so far, and closed; a failed sync is not tried again. */
static weft_status finish(const saver *s, int file, const char *name, weft_status status)
{
    int failed = 0;
    if (status == WEFT_OK) {
        do
            failed = fsync(file);
        while (failed && errno == EINTR);
        if (failed)
            status = io(s, name, "cannot be synced", errno);
    }
    failed = close(file);
    if (failed && errno != EINTR && status == WEFT_OK)
        status = io(s, name, "cannot be closed", errno);
    return status;
}

static weft_status sync_folder(const saver *s, int folder, const char *what)
{
    int failed;
    do
        failed = fsync(folder);
    while (failed && errno == EINTR);
    if (failed && errno != EINVAL) /* which says that this file system does not */
        return io(s, what, "cannot be synced", errno);
    return WEFT_OK;
}

/* ---- tensors ---- */

static size_t bytes_of(const weft_entry *entry)
{
    return (size_t)weft_shape_count(&entry->spec.shape) * sizeof(float);
}

static weft_status check_finite(const weft_entry *entry, const float *values)
{
    const size_t count = bytes_of(entry) / sizeof *values;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return weft_fail(WEFT_NUMERIC, "%s[%zu] is %g: a store with numbers that are none is not saved",
                             entry->name, i, (double)values[i]);
    return WEFT_OK;
}

static void add_tensor(weft_header_text *t, const weft_entry *entry, uint64_t begin, bool first)
{
    char number[80];
    weft_header_add(t, first ? "" : ",");
    weft_header_quote(t, entry->name);
    weft_header_add(t, ":{\"dtype\":\"F32\",\"shape\":[");
    for (int i = 0; i < entry->spec.shape.rank; i++) {
        snprintf(number, sizeof number, "%s%" PRId64, i ? "," : "", entry->spec.shape.dim[i]);
        weft_header_add(t, number);
    }
    snprintf(number, sizeof number, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin, begin + bytes_of(entry));
    weft_header_add(t, number);
}

/* The tensors' descriptions; returns where the last ends. */
static uint64_t add_header(weft_header_text *t, const weft_store *store)
{
    uint64_t at = 0;
    weft_header_add(t, "{");
    for (int32_t i = 0; i < store->count; i++) {
        add_tensor(t, &store->entries[i], at, i == 0);
        at += bytes_of(&store->entries[i]);
    }
    weft_header_add(t, "}");
    return at;
}

static weft_status make_header(saver *s, uint64_t *bytes)
{
    weft_header_text text = { 0 };
    const uint64_t data = add_header(&text, s->store);
    const size_t length = weft_round_up(text.length + PREFIX, ALIGN) - PREFIX;
    s->header.data = weft_alloc(s->allocator, length);
    if (!s->header.data)
        return WEFT_NO_MEMORY;
    add_header(&s->header, s->store);
    memset(s->header.data + s->header.length, ' ', length - s->header.length);
    s->header.length = length;
    *bytes = PREFIX + length + data;
    return WEFT_OK;
}

static weft_status put_tensor(saver *s, int file, int32_t index)
{
    weft_entry *entry = &s->store->entries[index];
    weft_sha256 digest;
    float *values;
    WEFT_TRY(weft_store_lend(s->store, index, true, &values));
    WEFT_TRY(check_finite(entry, values));
    weft_sha256_begin(&digest);
    weft_sha256_add(&digest, values, bytes_of(entry));
    s->entries[index].name = entry->name;
    weft_sha256_end(&digest, s->entries[index].digest);
    return put(s, file, WEFT_CHECKPOINT_STATE, values, bytes_of(entry));
}

static weft_status put_state(saver *s, int file)
{
    uint8_t prefix[PREFIX];
    weft_put_le(prefix, s->header.length, PREFIX);
    WEFT_TRY(put(s, file, WEFT_CHECKPOINT_STATE, prefix, sizeof prefix));
    WEFT_TRY(put(s, file, WEFT_CHECKPOINT_STATE, s->header.data, s->header.length));
    for (int32_t i = 0; i < s->store->count; i++)
        WEFT_TRY(put_tensor(s, file, i));
    return WEFT_OK;
}

static weft_status write_state(saver *s, uint64_t *bytes)
{
    int file;
    WEFT_TRY(make_header(s, bytes));
    WEFT_TRY(create(s, WEFT_CHECKPOINT_STATE, *bytes, &file));
    return finish(s, file, WEFT_CHECKPOINT_STATE, put_state(s, file));
}

static weft_status write_manifest(saver *s, const weft_checkpoint_facts *facts, uint64_t bytes)
{
    const weft_manifest manifest = { .facts = *facts, .bytes = bytes, .entries = s->entries,
                                     .count = s->store->count };
    char *text;
    size_t size;
    int file;
    WEFT_TRY(weft_manifest_write(s->allocator, &manifest, &text, &size));
    weft_status status = create(s, WEFT_CHECKPOINT_MANIFEST, size, &file);
    if (status == WEFT_OK)
        status = finish(s, file, WEFT_CHECKPOINT_MANIFEST, put(s, file, WEFT_CHECKPOINT_MANIFEST, text, size));
    weft_free(s->allocator, text);
    return status;
}

/* ---- the whole ---- */

static weft_status write_inside(saver *s, const weft_checkpoint_facts *facts)
{
    uint64_t bytes = 0;
    WEFT_TRY(write_state(s, &bytes));
    WEFT_TRY(write_manifest(s, facts, bytes));
    return sync_folder(s, s->inside, ".");
}

/* Gives the folder its name; one that has it already, of the same step, changes places with it and goes. */
static weft_status name_it(const saver *s)
{
    if (renameat(s->folder, s->temporary, s->folder, s->name) == 0)
        return WEFT_OK;
    if ((errno != ENOTEMPTY && errno != EEXIST) ||
        renameat2(s->folder, s->temporary, s->folder, s->name, RENAME_EXCHANGE) != 0)
        return io(s, ".", "cannot be given its name", errno);
    weft_checkpoint_remove(s->folder, s->temporary);
    return WEFT_OK;
}

static weft_status point(const saver *s, const char *pointer)
{
    char path[4096], text[WEFT_CHECKPOINT_NAME + 1];
    weft_writer writer;
    const int length = snprintf(path, sizeof path, "%s/%s", s->path, pointer);
    if (length < 0 || (size_t)length >= sizeof path)
        return weft_fail(WEFT_IO, "%.200s...: the path is too long", s->path);
    WEFT_TRY(weft_writer_open(s->allocator, path, &writer));
    const int size = snprintf(text, sizeof text, "%s\n", s->name);
    const weft_status status = weft_writer_put(&writer, text, (size_t)size);
    if (status == WEFT_OK)
        return weft_writer_commit(&writer);
    weft_writer_abort(&writer);
    return status;
}

static weft_status save(saver *s, const weft_checkpoint_facts *facts, const weft_checkpoint_opt *opt)
{
    weft_checkpoint_sweep(s->folder);
    s->entries = weft_calloc(s->allocator, (size_t)s->store->count + 1, sizeof *s->entries);
    if (!s->entries)
        return WEFT_NO_MEMORY;
    if (mkdirat(s->folder, s->temporary, 0777) != 0)
        return io(s, ".", "cannot be created", errno);
    s->inside = openat(s->folder, s->temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    weft_status status = s->inside < 0 ? io(s, ".", "cannot be opened", errno) : write_inside(s, facts);
    if (status == WEFT_OK)
        status = name_it(s);
    if (status != WEFT_OK) {
        weft_checkpoint_remove(s->folder, s->temporary);
        return status;
    }
    WEFT_TRY(sync_folder(s, s->folder, "."));
    WEFT_TRY(point(s, "last"));
    if (opt && opt->best)
        WEFT_TRY(point(s, "best"));
    return weft_checkpoint_thin(s->allocator, s->folder, s->path, opt && opt->keep > 0 ? opt->keep : KEEP);
}

static weft_status check_text(const char *what, const char *text)
{
    size_t at = 0;
    if (!text || weft_utf8(text, strlen(text), &at))
        return WEFT_OK;
    return weft_fail(WEFT_INVALID, "weft_checkpoint_save: %s is not UTF-8 at byte %zu", what, at);
}

static weft_status check(const weft_store *store, const char *folder, const weft_checkpoint_facts *facts)
{
    if (!store || !folder || !facts)
        return weft_fail(WEFT_INVALID, "weft_checkpoint_save: store, folder and facts must not be NULL");
    if (facts->step < 0 || facts->epoch < 0 || facts->position < 0)
        return weft_fail(WEFT_INVALID, "weft_checkpoint_save: step, epoch and position must not be negative");
    WEFT_TRY(check_text("recipe", facts->recipe));
    WEFT_TRY(check_text("config", facts->config));
    WEFT_TRY(check_text("environment", facts->environment));
    return check_text("notes", facts->notes);
}

weft_status weft_checkpoint_save(weft_store *store, const char *folder, const weft_checkpoint_facts *facts,
                                 const weft_checkpoint_opt *opt)
{
    WEFT_TRY(check(store, folder, facts));
    saver s = { .store = store, .allocator = &store->ctx->allocator, .path = folder, .inside = -1 };
    snprintf(s.temporary, sizeof s.temporary, "ckpt.tmp-%lld", (long long)getpid());
    snprintf(s.name, sizeof s.name, "step-%08lld", (long long)facts->step);
    s.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s.folder < 0)
        return weft_fail(errno == ENOENT ? WEFT_NOT_FOUND : WEFT_IO, "%s: cannot be opened: %s", folder,
                         strerror(errno));
    const weft_status status = save(&s, facts, opt);
    if (s.inside >= 0)
        close(s.inside);
    close(s.folder);
    weft_free(s.allocator, s.header.data);
    weft_free(s.allocator, s.entries);
    return status;
}
