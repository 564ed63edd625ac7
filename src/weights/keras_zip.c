/* SPDX-License-Identifier: Apache-2.0
 *
 * Keras 3's .keras: a zip archive with the weights (model.weights.h5), the description of the model (config.json) and
 * the version of Keras (metadata.json). The weights go to the weft-h5 helper as a file in memory without a name;
 * nothing is unpacked to disk. h5.c says which names come out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/context.h"
#include "base/error.h"
#include "weights/h5.h"
#include "weights/h5_process.h"
#include "weights/keras_config.h"
#include "weights/zip.h"

static const char weights_entry[] = "model.weights.h5", config_entry[] = "config.json", facts_entry[] = "metadata.json";

enum { PATH_TEXT = WEFT_H5_PATH + 32 };

static weft_status write_all(int file, const char *path, const uint8_t *data, size_t size)
{
    size_t at = 0; /* the offset stays where the helper begins to read */
    while (at < size) {
        const ssize_t count = pwrite(file, data + at, size - at, (off_t)at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return weft_fail(WEFT_IO, "%s: cannot be handed to weft-h5: %s", path, strerror(errno));
        at += (size_t)count;
    }
    return WEFT_OK;
}

/* An unnamed file in memory with the entry's bytes. */
static weft_status unpack(const weft_zip *zip, const char *path, const weft_zip_entry *entry, int *out)
{
    const uint8_t *data = NULL;
    void *owned = NULL;
    WEFT_TRY(weft_zip_read(zip, entry, &data, &owned));
    weft_status status = WEFT_OK;
    const int file = memfd_create("weft-h5", MFD_CLOEXEC);
    if (file < 0)
        status = weft_fail(WEFT_IO, "%s: no memory file for weft-h5: %s", path, strerror(errno));
    else
        status = write_all(file, path, data, (size_t)entry->size);
    weft_free(zip->allocator, owned);
    if (status == WEFT_OK)
        *out = file;
    else if (file >= 0)
        close(file);
    return status;
}

typedef weft_status read_text(const char *path, const void *text, size_t size, weft_weights *weights);

/* Lets one of the texts in the archive, where there is one, tell about the weights. */
static weft_status consult(const weft_zip *zip, const char *path, const char *name, read_text *read,
                           weft_weights *weights)
{
    char where[PATH_TEXT];
    const uint8_t *data = NULL;
    void *owned = NULL;
    const weft_zip_entry *entry = weft_zip_find(zip, name);
    if (!entry)
        return WEFT_OK;
    if (entry->size > WEFT_KERAS_TEXT) /* before it is unpacked */
        return weft_fail(WEFT_BAD_DATA, "%s: %s: the description has %llu bytes; at most %d are read", path, name,
                         (unsigned long long)entry->size, WEFT_KERAS_TEXT);
    WEFT_TRY(weft_zip_read(zip, entry, &data, &owned));
    snprintf(where, sizeof where, "%s: %s", path, name);
    const weft_status status = read(where, data, (size_t)entry->size, weights);
    weft_free(zip->allocator, owned);
    return status;
}

static weft_status run_helper(weft_ctx *ctx, const weft_zip *zip, const char *path, weft_weights **out)
{
    char helper[WEFT_H5_PATH];
    const weft_zip_entry *entry = weft_zip_find(zip, weights_entry);
    int file = -1;
    WEFT_TRY(weft_h5_find(path, helper));
    if (!entry)
        return weft_fail(WEFT_BAD_DATA, "%s: has no entry %s; a .keras file was expected", path, weights_entry);
    WEFT_TRY(unpack(zip, path, entry, &file));
    const weft_h5_job job = { .path = path, .helper = helper, .file = file, .size = entry->size,
                              .limit_ms = WEFT_H5_LIMIT_MS };
    const weft_status status = weft_h5_run(ctx, &job, out);
    close(file);
    return status;
}

static weft_status consult_all(const weft_zip *zip, const char *path, weft_weights *weights)
{
    WEFT_TRY(consult(zip, path, config_entry, weft_keras_describe, weights));
    WEFT_TRY(consult(zip, path, config_entry, weft_keras_arrange, weights));
    WEFT_TRY(consult(zip, path, facts_entry, weft_keras_version, weights));
    return weft_weights_set_meta(weights, "format", "keras");
}

static weft_status read_archive(weft_ctx *ctx, const weft_zip *zip, const char *path, weft_weights **out)
{
    weft_weights *weights = NULL;
    WEFT_TRY(run_helper(ctx, zip, path, &weights));
    const weft_status status = consult_all(zip, path, weights);
    if (status == WEFT_OK)
        *out = weights;
    else
        weft_weights_destroy(weights);
    return status;
}

static weft_status read_file(weft_ctx *ctx, const weft_file *file, weft_weights **out)
{
    weft_zip zip;
    WEFT_TRY(weft_zip_open(&ctx->allocator, file, &zip));
    const weft_status status = read_archive(ctx, &zip, file->path, out);
    weft_zip_close(&zip);
    return status;
}

weft_status weft_keras_zip_read(weft_ctx *ctx, const char *path, weft_weights **out)
{
    weft_file file;
    char helper[WEFT_H5_PATH];
    WEFT_TRY(weft_h5_find(path, helper)); /* before the file is read for nothing */
    WEFT_TRY(weft_file_load(&ctx->allocator, path, &file));
    const weft_status status = read_file(ctx, &file, out);
    weft_free(&ctx->allocator, file.data);
    return status;
}
