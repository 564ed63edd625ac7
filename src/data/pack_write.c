/* SPDX-License-Identifier: Apache-2.0
 *
 * Packs, written. Some photographs at a time are decoded, made smaller and encoded by threads, then appended in the
 * order of the set, so that the file is the same for any number of threads. The head is written last: a file without
 * one is no pack. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/error.h"
#include "base/pool.h"
#include "data/pack.h"

enum { SIDE = 256, QUALITY = 90, MOST_THREADS = 256, AT_ONCE = 8 /* photographs of a thread */, REASON = 480,
       ROOM = 1 << 16, PATH = 4096 };

/* One photograph on its way into the pack. */
typedef struct job {
    const weft_set_item *item;
    weft_pack_entry entry;
    uint8_t *data;
    bool copied, resized;
    weft_status status;
    char reason[REASON];
} job;

typedef struct writer {
    const weft_allocator *allocator;
    const weft_trainset *set;
    weft_pack_opt opt; /* without zeros */
    char path[PATH];   /* of the file that is written */
    int file;
    uint64_t end; /* of it, so far */
    weft_pool *pool;
    job *jobs;
    int64_t room; /* of jobs */
    uint8_t *records, *texts;
    size_t record_room, text_room, text_size;
    weft_pack_head head;
    weft_pack_info info;
} writer;

/* ---- a photograph ---- */

/* The shorter side becomes px, where it is longer. */
static void size_of(const weft_pack_opt *opt, const weft_image *image, int size[2])
{
    const int shorter = image->width < image->height ? image->width : image->height;
    const double by = shorter > opt->px ? (double)opt->px / shorter : 1;
    size[0] = (int)(image->width * by + .5);
    size[1] = (int)(image->height * by + .5);
}

/* Whether the file can go in as it is: a JPEG file that nothing turns. */
static bool can_copy(const weft_set_photo *photo)
{
    const char *const format = photo->data ? weft_image_format(photo->data, photo->size) : NULL; /* of pixels none */
    const weft_image_file source = { .path = photo->path, .data = photo->data, .size = photo->size };
    return format && strcmp(format, "JPEG") == 0 && weft_jpeg_orientation(&source) == 1;
}

/* Pixels to what the pack keeps of them; takes them over. */
static weft_status store_pixels(const writer *w, job *j, weft_image *image)
{
    size_t size = (size_t)image->width * (size_t)image->height * 3;
    if (w->opt.raw) {
        j->data = image->pixels;
        image->pixels = NULL;
    } else {
        WEFT_TRY(weft_jpeg_encode(w->allocator, image, w->opt.quality, &j->data, &size));
    }
    j->entry.size = size;
    return WEFT_OK;
}

/* The picture, made smaller where it is too large. */
static weft_status store(const writer *w, job *j, weft_image *image)
{
    int size[2];
    size_of(&w->opt, image, size);
    if (size[0] != image->width || size[1] != image->height) {
        weft_image sized;
        WEFT_TRY(weft_image_resize_part(w->allocator, image, NULL, size[0], size[1], NULL, WEFT_BICUBIC, &sized));
        weft_free(w->allocator, image->pixels);
        *image = sized;
        j->resized = true;
    }
    j->entry.width = image->width;
    j->entry.height = image->height;
    return j->data ? WEFT_OK : store_pixels(w, j, image);
}

/* From a photograph that was read; what is left of it the caller frees. */
static weft_status make_of(const writer *w, job *j, weft_set_photo *photo)
{
    weft_image image;
    int size[2];
    const weft_image_opt how = { .upright = !w->opt.as_stored };
    WEFT_TRY(weft_trainset_decode(w->set, photo, &how, NULL, &image));
    size_of(&w->opt, &image, size);
    if (!w->opt.raw && can_copy(photo) && size[0] == image.width && size[1] == image.height) {
        j->data = photo->data;
        j->entry.size = photo->size;
        j->copied = true;
        photo->data = NULL;
    }
    const weft_status status = store(w, j, &image);
    weft_free(w->allocator, image.pixels);
    return status == WEFT_OK ? WEFT_OK : weft_fail_in(status, "%s", photo->path);
}

static weft_status make(const writer *w, job *j)
{
    weft_set_photo photo;
    WEFT_TRY(weft_trainset_fetch(w->set, j->item, &photo));
    const weft_status status = make_of(w, j, &photo);
    weft_free(w->allocator, photo.data);
    if (status == WEFT_OK)
        j->entry.checksum = (uint32_t)crc32_z(0, j->data, (size_t)j->entry.size);
    return status;
}

static void work(void *arg, int64_t item, int thread)
{
    const writer *const w = arg;
    job *const j = &w->jobs[item];
    (void)thread;
    j->status = make(w, j);
    if (j->status != WEFT_OK)
        snprintf(j->reason, sizeof j->reason, "%s", weft_error());
}

/* ---- the file ---- */

static weft_status write_at(const writer *w, const uint8_t *data, size_t size, uint64_t at)
{
    size_t put = 0;
    while (put < size) {
        const ssize_t n = pwrite(w->file, data + put, size - put, (off_t)(at + put));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return weft_fail(WEFT_IO, "%s: byte %" PRIu64 ": cannot be written: %s", w->path, at + put,
                             strerror(errno));
        put += (size_t)n;
    }
    return WEFT_OK;
}

/* Room for `more` bytes behind the first `used`. */
static weft_status reserve(const writer *w, uint8_t **bytes, size_t used, size_t *room, size_t more)
{
    if (more <= *room - used)
        return WEFT_OK;
    const size_t wanted = 2 * (used + more) + ROOM;
    uint8_t *const larger = weft_alloc(w->allocator, wanted);
    if (!larger)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", w->path);
    if (used)
        memcpy(larger, *bytes, used);
    weft_free(w->allocator, *bytes);
    *bytes = larger;
    *room = wanted;
    return WEFT_OK;
}

static weft_status add_text(writer *w, const char *text, size_t length)
{
    WEFT_TRY(reserve(w, &w->texts, w->text_size, &w->text_room, length));
    memcpy(w->texts + w->text_size, text, length);
    w->text_size += length;
    return WEFT_OK;
}

/* What the pack calls an image: the path below the set's folder. */
static const char *name_of(const writer *w, const weft_set_item *item, int *length)
{
    const weft_set_source *const s = &w->set->sources[item->source];
    if (s->pack) {
        *length = s->pack->entries[item->at].name_length;
        return s->pack->texts + s->pack->entries[item->at].name;
    }
    const char *path = weft_trainset_photo(w->set, item);
    const size_t folder = strlen(w->set->path);
    if (strncmp(path, w->set->path, folder) == 0)
        path += folder + strspn(path + folder, "/");
    *length = (int)strlen(path);
    return path;
}

static weft_status append(writer *w, job *j)
{
    const size_t used = (size_t)w->head.images * WEFT_PACK_RECORD;
    const char *const name = name_of(w, j->item, &j->entry.name_length);
    if (j->entry.name_length > WEFT_PACK_NAME)
        j->entry.name_length = WEFT_PACK_NAME;
    j->entry.offset = w->end;
    WEFT_TRY(write_at(w, j->data, (size_t)j->entry.size, w->end));
    w->end += j->entry.size;
    WEFT_TRY(add_text(w, name, (size_t)j->entry.name_length));
    WEFT_TRY(reserve(w, &w->records, used, &w->record_room, WEFT_PACK_RECORD));
    weft_pack_put_record(&j->entry, w->records + used);
    w->head.images++;
    w->info.images++;
    w->info.copied += j->copied;
    w->info.resized += j->resized;
    return WEFT_OK;
}

/* A photograph that could not be made goes without, if that is allowed. */
static weft_status leave_out(writer *w, const job *j)
{
    const bool fatal = j->status == WEFT_NO_MEMORY || j->status == WEFT_INVALID || j->status == WEFT_INTERNAL;
    if (fatal || w->info.left_out >= w->opt.bad_limit)
        return weft_fail(j->status, "%s", j->reason);
    w->info.left_out++;
    if (w->opt.bad)
        w->opt.bad(w->opt.user, j->reason);
    return WEFT_OK;
}

static weft_status write_some(writer *w, weft_part part, int64_t first, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        const weft_set_item *const item = weft_trainset_item(w->set, part, first + i);
        w->jobs[i] = (job){ .item = item, .entry = { .label = item->label, .part = part } };
    }
    weft_pool_run(w->pool, count, work, w);
    weft_status status = WEFT_OK;
    for (int64_t i = 0; i < count; i++) {
        job *const j = &w->jobs[i];
        if (status == WEFT_OK)
            status = j->status == WEFT_OK ? append(w, j) : leave_out(w, j);
        weft_free(w->allocator, j->data);
    }
    return status;
}

static weft_status write_images(writer *w)
{
    int64_t done = 0, all = 0;
    for (int part = 0; part < WEFT_PART_COUNT; part++)
        all += weft_trainset_count(w->set, (weft_part)part);
    for (int part = 0; part < WEFT_PART_COUNT; part++) {
        const int64_t count = weft_trainset_count(w->set, (weft_part)part);
        for (int64_t first = 0; first < count; first += w->room) {
            const int64_t some = count - first < w->room ? count - first : w->room;
            WEFT_TRY(write_some(w, (weft_part)part, first, some));
            done += some;
            if (w->opt.progress)
                w->opt.progress(w->opt.user, done, all);
        }
    }
    return WEFT_OK;
}

/* The lengths of the classes' names, and the names before all others. */
static weft_status begin_texts(writer *w, uint8_t *lengths)
{
    for (uint32_t i = 0; i < w->head.classes; i++) {
        const char *const name = weft_trainset_class(w->set, (int)i);
        const size_t length = strlen(name) < WEFT_PACK_NAME ? strlen(name) : WEFT_PACK_NAME;
        weft_pack_put_word(lengths + 4 * (size_t)i, (uint32_t)length);
        WEFT_TRY(add_text(w, name, length));
    }
    return WEFT_OK;
}

static weft_status write_index(writer *w, const uint8_t *lengths)
{
    const struct {
        const uint8_t *data;
        size_t size;
    } parts[] = { { lengths, 4 * (size_t)w->head.classes }, { w->records, (size_t)w->head.images * WEFT_PACK_RECORD },
                  { w->texts, w->text_size } };
    unsigned long sum = 0;
    w->head.index = w->end;
    for (int i = 0; i < WEFT_COUNT(parts); i++) {
        if (parts[i].size == 0)
            continue;
        WEFT_TRY(write_at(w, parts[i].data, parts[i].size, w->end));
        sum = crc32_z(sum, parts[i].data, parts[i].size);
        w->end += parts[i].size;
    }
    w->head.index_size = w->end - w->head.index;
    w->head.index_checksum = (uint32_t)sum;
    return WEFT_OK;
}

static weft_status write_all(writer *w, uint8_t *lengths)
{
    uint8_t head[WEFT_PACK_HEAD];
    WEFT_TRY(begin_texts(w, lengths));
    WEFT_TRY(write_images(w));
    WEFT_TRY(write_index(w, lengths));
    weft_pack_put_head(&w->head, head);
    WEFT_TRY(write_at(w, head, sizeof head, 0));
    if (fsync(w->file) != 0)
        return weft_fail(WEFT_IO, "%s: cannot be written: %s", w->path, strerror(errno));
    w->info.bytes = (int64_t)w->end;
    return WEFT_OK;
}

/* ---- from beginning to end ---- */

static weft_status prepare(writer *w, const char *path)
{
    const weft_pack_opt *const o = &w->opt;
    if (o->px < 1 || o->px > WEFT_RECIPE_PX || o->quality < 1 || o->quality > 100 || o->threads > MOST_THREADS ||
        o->bad_limit < 0)
        return weft_fail(WEFT_INVALID, "weft_pack_write: %d pixels, quality %d, %d threads; 1 to %d, 1 to 100 and at "
                         "most %d were expected", o->px, o->quality, o->threads, WEFT_RECIPE_PX, MOST_THREADS);
    for (int64_t i = 0; i < w->set->source_count; i++) {
        const weft_set_source *const s = &w->set->sources[i];
        if (!s->files && !s->pack)
            return weft_fail(WEFT_INVALID, "%s: its images are small, in few files and in no need of a pack; a set of "
                             "photographs was expected", w->set->path);
    }
    struct stat facts;
    if (stat(path, &facts) == 0 && !S_ISREG(facts.st_mode))
        return weft_fail(WEFT_INVALID, "%s: is there and no regular file; a pack cannot take its place", path);
    if ((size_t)snprintf(w->path, sizeof w->path, "%s.part", path) >= sizeof w->path)
        return weft_fail(WEFT_INVALID, "%s: the path of the pack is too long", path);
    w->head = (weft_pack_head){ .version = WEFT_PACK_VERSION, .raw = o->raw, .px = (uint32_t)o->px,
                                .classes = (uint32_t)weft_trainset_classes(w->set),
                                .quality = o->raw ? 0 : (uint32_t)o->quality };
    w->room = (int64_t)o->threads * AT_ONCE;
    w->end = WEFT_PACK_HEAD;
    w->jobs = weft_calloc(w->allocator, (size_t)w->room, sizeof *w->jobs);
    if (!w->jobs)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    return weft_pool_create(w->allocator, o->threads, &w->pool);
}

static weft_status run(writer *w, const char *path)
{
    uint8_t *const lengths = weft_alloc(w->allocator, 4 * (size_t)w->head.classes);
    if (!lengths)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", path);
    w->file = open(w->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    weft_status status = w->file < 0 ? weft_fail(WEFT_IO, "%s: cannot be created: %s", w->path, strerror(errno))
                                     : write_all(w, lengths);
    weft_free(w->allocator, lengths);
    if (w->file < 0)
        return status;
    if (close(w->file) != 0 && status == WEFT_OK)
        status = weft_fail(WEFT_IO, "%s: cannot be written: %s", w->path, strerror(errno));
    if (status == WEFT_OK && rename(w->path, path) != 0)
        status = weft_fail(WEFT_IO, "%s: cannot be moved to %s: %s", w->path, path, strerror(errno));
    if (status != WEFT_OK)
        unlink(w->path);
    return status;
}

weft_status weft_pack_write(weft_ctx *ctx, const weft_trainset *set, const char *path, const weft_pack_opt *opt,
                            weft_pack_info *out)
{
    if (!ctx || !set || !path)
        return weft_fail(WEFT_INVALID, "weft_pack_write: ctx, set and path must not be NULL");
    writer w = { .allocator = weft_ctx_allocator(ctx), .set = set, .file = -1 };
    if (opt)
        w.opt = *opt;
    w.opt.px = w.opt.px ? w.opt.px : SIDE;
    w.opt.quality = w.opt.quality ? w.opt.quality : QUALITY;
    if (w.opt.threads <= 0)
        w.opt.threads = weft_cpu_count() < MOST_THREADS ? weft_cpu_count() : MOST_THREADS;
    weft_status status = prepare(&w, path);
    if (status == WEFT_OK)
        status = run(&w, path);
    weft_pool_destroy(w.pool);
    weft_free(w.allocator, w.jobs);
    weft_free(w.allocator, w.records);
    weft_free(w.allocator, w.texts);
    if (status == WEFT_OK && out)
        *out = w.info;
    return status;
}
