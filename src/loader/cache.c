/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache of photographs. In memory, a list of pictures. On disk, one file that grows: a head that says of what, then
 * records of a head and pixels. It is read again by its next user, up to the first record that is not whole; a record
 * whose checksum is wrong is as good as none. */
#include "loader/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/error.h"
#include "base/sha256.h"

enum { NAMED = 16 }; /* digits of the key in the file's name */

static const char magic[8] = "weft-ph3";
static const uint32_t record_mark = 0x68702177;

typedef struct file_head {
    char magic[8];
    char key[WEFT_SHA256_TEXT];
    char rest[7];
} file_head;

typedef struct record {
    uint32_t mark, width, height, checksum;
    int64_t image, bytes;
} record;

typedef struct kept {
    uint8_t *pixels; /* in memory */
    int64_t offset;  /* on disk, of the pixels; 0: none */
    int width, height;
    uint32_t checksum;
} kept;

struct weft_photo_cache {
    const weft_allocator *allocator;
    pthread_mutex_t mutex;
    int64_t images, limit;
    kept *list;
    int64_t count, bytes;
    int file;    /* -1: in memory */
    int64_t end; /* of the file */
    bool full;
};

/* ---- the file ---- */

static bool read_at(int file, void *data, size_t size, int64_t at)
{
    size_t got = 0;
    while (got < size) {
        const ssize_t n = pread(file, (char *)data + got, size - got, at + (int64_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

static bool write_at(int file, const void *data, size_t size, int64_t at)
{
    size_t put = 0;
    while (put < size) {
        const ssize_t n = pwrite(file, (const char *)data + put, size - put, at + (int64_t)put);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        put += (size_t)n;
    }
    return true;
}

static bool is_sound(const weft_photo_cache *c, const record *r, int64_t size, int64_t at)
{
    return r->mark == record_mark && r->image >= 0 && r->image < c->images && r->width > 0 && r->height > 0 &&
           r->width <= WEFT_IMAGE_PIXELS && r->height <= WEFT_IMAGE_PIXELS / r->width &&
           r->bytes == (int64_t)r->width * r->height * 3 && r->bytes <= size - at;
}

/* Notes the records that are there; the file ends behind the last one that is whole. */
static void list_records(weft_photo_cache *c, int64_t size)
{
    int64_t at = (int64_t)sizeof(file_head);
    record r;
    while (size - at >= (int64_t)sizeof r && read_at(c->file, &r, sizeof r, at)) {
        at += (int64_t)sizeof r;
        if (!is_sound(c, &r, size, at)) {
            at -= (int64_t)sizeof r;
            break;
        }
        c->count += c->list[r.image].offset == 0;
        c->bytes += r.bytes;
        c->list[r.image] = (kept){ .offset = at, .width = (int)r.width, .height = (int)r.height,
                                   .checksum = r.checksum };
        at += r.bytes;
    }
    c->end = at;
}

/* Opens or begins the file; one that is of something else, or damaged, begins anew. */
static weft_status begin_file(weft_photo_cache *c, const char *path, const char *key)
{
    file_head head = { 0 }, found;
    struct stat facts;
    c->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (c->file < 0)
        return weft_fail(WEFT_IO, "%s: cannot be opened: %s", path, strerror(errno));
    if (flock(c->file, LOCK_EX | LOCK_NB) != 0)
        return weft_fail(WEFT_IO, "%s: another process uses this cache; give each a folder of its own", path);
    if (fstat(c->file, &facts) != 0 || !S_ISREG(facts.st_mode))
        return weft_fail(WEFT_BAD_DATA, "%s: is not a regular file; a cache was expected", path);
    memcpy(head.magic, magic, sizeof head.magic);
    memcpy(head.key, key, sizeof head.key);
    if (read_at(c->file, &found, sizeof found, 0) && memcmp(&found, &head, sizeof head) == 0) {
        list_records(c, facts.st_size);
        return WEFT_OK;
    }
    c->end = (int64_t)sizeof head;
    if (ftruncate(c->file, 0) != 0 || !write_at(c->file, &head, sizeof head, 0))
        return weft_fail(WEFT_IO, "%s: cannot be written: %s", path, strerror(errno));
    return WEFT_OK;
}

static weft_status open_file(weft_photo_cache *c, const char *folder, const char *key)
{
    char path[4096], digest[WEFT_SHA256_TEXT];
    weft_sha256 sum;
    weft_sha256_begin(&sum);
    weft_sha256_add(&sum, key, strlen(key));
    weft_sha256_end(&sum, digest);
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return weft_fail(WEFT_IO, "%s: cannot be made: %s", folder, strerror(errno));
    if ((size_t)snprintf(path, sizeof path, "%s/%.*s.weft-cache", folder, NAMED, digest) >= sizeof path)
        return weft_fail(WEFT_INVALID, "%s: the path of the cache is too long", folder);
    return begin_file(c, path, digest);
}

/* ---- life ---- */

weft_status weft_cache_open(const weft_allocator *allocator, int64_t images, const char *key, const char *folder,
                            int64_t limit, weft_photo_cache **out)
{
    weft_photo_cache *const c = weft_calloc(allocator, 1, sizeof *c);
    if (!c)
        return weft_fail_in(WEFT_NO_MEMORY, "cache");
    *c = (weft_photo_cache){ .allocator = allocator, .images = images, .limit = limit, .file = -1 };
    pthread_mutex_init(&c->mutex, NULL); /* with default attributes it cannot fail */
    c->list = weft_calloc(allocator, (size_t)images, sizeof *c->list);
    weft_status status = c->list ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "cache");
    if (status == WEFT_OK && folder)
        status = open_file(c, folder, key);
    if (status != WEFT_OK) {
        weft_cache_close(c);
        return status;
    }
    *out = c;
    return WEFT_OK;
}

void weft_cache_close(weft_photo_cache *c)
{
    if (!c)
        return;
    for (int64_t i = 0; c->list && i < c->images; i++)
        weft_free(c->allocator, c->list[i].pixels);
    if (c->file >= 0)
        close(c->file); /* and with it goes the lock */
    weft_free(c->allocator, c->list);
    pthread_mutex_destroy(&c->mutex);
    weft_free(c->allocator, c);
}

/* ---- pictures ---- */

bool weft_cache_get(weft_photo_cache *c, int64_t image, weft_image *out, bool *owned)
{
    pthread_mutex_lock(&c->mutex);
    const kept k = c->list[image];
    pthread_mutex_unlock(&c->mutex);
    *out = (weft_image){ .width = k.width, .height = k.height, .pixels = k.pixels };
    *owned = false;
    if (k.pixels || k.offset == 0)
        return k.pixels != NULL;
    const size_t bytes = (size_t)k.width * (size_t)k.height * 3;
    out->pixels = weft_alloc(c->allocator, bytes);
    *owned = true;
    if (out->pixels && read_at(c->file, out->pixels, bytes, k.offset) &&
        crc32_z(0, out->pixels, bytes) == k.checksum)
        return true;
    weft_free(c->allocator, out->pixels);
    return false;
}

/* Room for so many bytes more; on disk, where they begin. */
static bool reserve(weft_photo_cache *c, int64_t image, int64_t bytes, int64_t *at)
{
    pthread_mutex_lock(&c->mutex);
    const bool room = !c->full && !c->list[image].pixels && !c->list[image].offset && bytes <= c->limit - c->bytes;
    if (room) {
        *at = c->end;
        c->end += bytes + (int64_t)sizeof(record);
        c->bytes += bytes;
        c->count++;
    }
    pthread_mutex_unlock(&c->mutex);
    return room;
}

/* The pixels first, then the head: a record that has a head is whole. */
static bool store(weft_photo_cache *c, int64_t image, const weft_image *p, int64_t at, kept *k)
{
    const size_t bytes = (size_t)p->width * (size_t)p->height * 3;
    const record r = { .mark = record_mark, .width = (uint32_t)p->width, .height = (uint32_t)p->height,
                       .checksum = (uint32_t)crc32_z(0, p->pixels, bytes), .image = image, .bytes = (int64_t)bytes };
    k->checksum = r.checksum;
    k->offset = at + (int64_t)sizeof r;
    return write_at(c->file, p->pixels, bytes, k->offset) && write_at(c->file, &r, sizeof r, at);
}

bool weft_cache_put(weft_photo_cache *c, int64_t image, const weft_image *p)
{
    const int64_t bytes = (int64_t)p->width * p->height * 3;
    int64_t at;
    if (!reserve(c, image, bytes, &at))
        return false;
    kept k = { .width = p->width, .height = p->height };
    const bool stored = c->file < 0 || store(c, image, p, at, &k);
    pthread_mutex_lock(&c->mutex);
    if (stored) {
        k.pixels = c->file < 0 ? p->pixels : NULL;
        c->list[image] = k;
    } else { /* the disk is full, say: what is kept stays */
        c->full = true;
        c->bytes -= bytes;
        c->count--;
    }
    pthread_mutex_unlock(&c->mutex);
    return stored && c->file < 0;
}

int64_t weft_cache_size(weft_photo_cache *c, int64_t *bytes)
{
    pthread_mutex_lock(&c->mutex);
    const int64_t count = c->count;
    *bytes = c->bytes;
    pthread_mutex_unlock(&c->mutex);
    return count;
}
