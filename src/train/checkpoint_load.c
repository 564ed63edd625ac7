/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading checkpoints. Nothing is believed: lengths and digests are compared first, and where one is wrong, the newest
 * older checkpoint that is whole stands in, with a sentence that names both. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "program/store.h"
#include "train/checkpoint.h"
#include "weights/weights.h"

enum { PATH = 4096 };

struct weft_checkpoint {
    weft_ctx *ctx;
    weft_arena arena;
    char name[WEFT_CHECKPOINT_NAME];
    weft_manifest manifest;
    weft_weights *tensors;
    const char *warning;
};

/* ---- one checkpoint ---- */

static weft_status path_of(const char *folder, const char *name, const char *file, char path[PATH])
{
    const int length = snprintf(path, PATH, "%s/%s/%s", folder, name, file);
    return length >= 0 && length < PATH ? WEFT_OK : weft_fail(WEFT_IO, "%.200s...: the path is too long", folder);
}

static weft_status check_tensors(const weft_checkpoint *c, const char *path)
{
    char digest[WEFT_SHA256_TEXT];
    weft_weight tensor;
    if (weft_weights_count(c->tensors) != c->manifest.count)
        return weft_fail(WEFT_BAD_DATA, "%s: has %" PRId64 " tensors, its manifest says %" PRId64, path,
                         weft_weights_count(c->tensors), c->manifest.count);
    for (int64_t i = 0; i < c->manifest.count; i++) {
        const weft_manifest_entry *entry = &c->manifest.entries[i];
        if (weft_weights_find(c->tensors, entry->name, &tensor) != WEFT_OK)
            return weft_fail(WEFT_BAD_DATA, "%s: has no tensor %.200s, which its manifest names", path, entry->name);
        weft_bytes_digest(tensor.data, (size_t)tensor.count * weft_dtype_size(tensor.dtype), digest);
        if (strcmp(digest, entry->digest) != 0)
            return weft_fail(WEFT_BAD_DATA, "%s: tensor %.200s has SHA-256 %.16s..., the manifest says %.16s...: it "
                             "was changed", path, entry->name, digest, entry->digest);
    }
    return WEFT_OK;
}

static weft_status read_one(weft_checkpoint *c, const char *folder, const char *name)
{
    char path[PATH];
    uint64_t bytes = 0;
    weft_manifest manifest;
    WEFT_TRY(path_of(folder, name, WEFT_CHECKPOINT_MANIFEST, path));
    WEFT_TRY(weft_manifest_read(&c->arena, path, &manifest));
    WEFT_TRY(path_of(folder, name, WEFT_CHECKPOINT_STATE, path));
    WEFT_TRY(weft_file_size(path, &bytes));
    if (bytes != manifest.bytes)
        return weft_fail(WEFT_BAD_DATA, "%s: has %" PRIu64 " bytes, its manifest says %" PRIu64, path, bytes,
                         manifest.bytes);
    WEFT_TRY(weft_weights_read(c->ctx, path, WEFT_SAFETENSORS, &c->tensors));
    c->manifest = manifest;
    const weft_status status = check_tensors(c, path);
    if (status == WEFT_OK) {
        snprintf(c->name, sizeof c->name, "%s", name);
        return WEFT_OK;
    }
    weft_weights_destroy(c->tensors);
    c->tensors = NULL;
    return status;
}

/* ---- which one ---- */

/* The name of the folder that was asked for. */
static weft_status resolve(int folder, const char *path, const char *name, char out[WEFT_CHECKPOINT_NAME])
{
    int64_t step;
    if (!name)
        name = "last";
    if (strcmp(name, "last") == 0 || strcmp(name, "best") == 0)
        return weft_checkpoint_target(folder, path, name, out);
    if (!weft_checkpoint_step(name, &step))
        return weft_fail(WEFT_NOT_FOUND, "%s: \"%.60s\" is no checkpoint: last, best or a name such as step-00001200 "
                         "was expected", path, name);
    snprintf(out, WEFT_CHECKPOINT_NAME, "%s", name);
    return WEFT_OK;
}

/* The newest whole one that is older than the one asked for; of a pointer that tells none, of all. */
static weft_status fall_back(weft_checkpoint *c, int folder, const char *path, const char *asked, weft_status why)
{
    weft_checkpoint_list list = { 0 };
    weft_status status = why;
    int64_t limit = INT64_MAX, step = 0;
    char *reason = weft_arena_text(&c->arena, "%s", weft_error());
    if (!reason)
        return WEFT_NO_MEMORY;
    WEFT_TRY(weft_checkpoint_find(&c->ctx->allocator, folder, path, &list));
    if (*asked)
        weft_checkpoint_step(asked, &limit);
    int i = 0;
    for (; status != WEFT_OK && status != WEFT_NO_MEMORY && i < list.count; i++)
        if (weft_checkpoint_step(list.names[i], &step) && step < limit)
            status = read_one(c, path, list.names[i]);
    weft_free(&c->ctx->allocator, list.names);
    if (status == WEFT_OK) {
        c->warning = weft_arena_text(&c->arena, "%s; %s is taken instead", reason, c->name);
        return c->warning ? WEFT_OK : WEFT_NO_MEMORY;
    }
    if (status == WEFT_NO_MEMORY)
        return status;
    return weft_fail(why == WEFT_NOT_FOUND ? WEFT_NOT_FOUND : WEFT_BAD_DATA, "%s; and no older checkpoint is whole",
                     reason);
}

static weft_status load(weft_checkpoint *c, const char *folder, const char *name)
{
    char asked[WEFT_CHECKPOINT_NAME] = "";
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return weft_fail(errno == ENOENT || errno == ENOTDIR ? WEFT_NOT_FOUND : WEFT_IO, "%s: cannot be opened: %s",
                         folder, strerror(errno));
    weft_status status = resolve(fd, folder, name, asked);
    const bool known = *asked || !name || strcmp(name, "last") == 0 || strcmp(name, "best") == 0;
    if (status == WEFT_OK)
        status = read_one(c, folder, asked);
    if (status != WEFT_OK && status != WEFT_NO_MEMORY && known)
        status = fall_back(c, fd, folder, asked, status);
    close(fd);
    return status;
}

weft_status weft_checkpoint_open(weft_ctx *ctx, const char *folder, const char *name, weft_checkpoint **out)
{
    if (!ctx || !folder || !out)
        return weft_fail(WEFT_INVALID, "weft_checkpoint_open: ctx, folder and out must not be NULL");
    weft_checkpoint *c = weft_calloc(&ctx->allocator, 1, sizeof *c);
    if (!c)
        return WEFT_NO_MEMORY;
    c->ctx = ctx;
    weft_arena_init(&c->arena, &ctx->allocator);
    const weft_status status = load(c, folder, name);
    if (status != WEFT_OK) {
        weft_checkpoint_close(c);
        return status;
    }
    *out = c;
    return WEFT_OK;
}

void weft_checkpoint_close(weft_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    weft_weights_destroy(checkpoint->tensors);
    weft_arena_release(&checkpoint->arena);
    weft_free(&checkpoint->ctx->allocator, checkpoint);
}

const char *weft_checkpoint_name(const weft_checkpoint *checkpoint)
{
    return checkpoint->name;
}

const weft_checkpoint_facts *weft_checkpoint_says(const weft_checkpoint *checkpoint)
{
    return &checkpoint->manifest.facts;
}

const weft_weights *weft_checkpoint_tensors(const weft_checkpoint *checkpoint)
{
    return checkpoint->tensors;
}

const char *weft_checkpoint_warning(const weft_checkpoint *checkpoint)
{
    return checkpoint->warning;
}

/* ---- into a store ---- */

static weft_status find(const weft_checkpoint *c, const weft_entry *entry, weft_weight *tensor)
{
    char have[96], want[96];
    const weft_status status = weft_weights_find(c->tensors, entry->name, tensor);
    if (status == WEFT_NOT_FOUND)
        return weft_fail(WEFT_BAD_DATA, "%s has nothing for %s: it is of another network or optimiser", c->name,
                         entry->name);
    WEFT_TRY(status);
    if (tensor->dtype != WEFT_F32 || !weft_shape_equal(&tensor->shape, &entry->spec.shape))
        return weft_fail(WEFT_BAD_DATA, "%s: %s has shape %s, expected %s", c->name, entry->name,
                         weft_shape_text(&tensor->shape, have, sizeof have),
                         weft_shape_text(&entry->spec.shape, want, sizeof want));
    return WEFT_OK;
}

static weft_status compare(const weft_checkpoint *c, const weft_store *store)
{
    weft_weight tensor;
    for (int32_t i = 0; i < store->count; i++)
        WEFT_TRY(find(c, &store->entries[i], &tensor));
    for (int64_t i = 0; weft_weights_count(c->tensors) > store->count && i < c->manifest.count; i++)
        if (weft_store_find(store, c->manifest.entries[i].name) < 0)
            return weft_fail(WEFT_BAD_DATA, "%s has %.200s, of which nothing is known here: it is of another network "
                             "or optimiser", c->name, c->manifest.entries[i].name);
    return WEFT_OK;
}

weft_status weft_checkpoint_restore(const weft_checkpoint *checkpoint, weft_store *store)
{
    if (!checkpoint || !store)
        return weft_fail(WEFT_INVALID, "weft_checkpoint_restore: checkpoint and store must not be NULL");
    WEFT_TRY(compare(checkpoint, store));
    for (int32_t i = 0; i < store->count; i++) {
        weft_weight tensor;
        WEFT_TRY(find(checkpoint, &store->entries[i], &tensor));
        WEFT_TRY(weft_store_set(store, store->entries[i].name, tensor.data, tensor.count));
    }
    return WEFT_OK;
}
