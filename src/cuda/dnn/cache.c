/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans on disk, one file each: a line of numbers, the key in full, then cuDNN's text of the plan. The name is a hash
 * of the key, the key itself is compared, and a checksum covers all: a file that was cut or changed is not there. Files
 * are written under another name and renamed. Reading one makes it young; beyond the limit the oldest go. */
#include "cuda/dnn/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FORMAT = 2, MAX_HEADER = 200, MAX_FILE = 64 << 20, PATH = 1024 };
static const size_t default_limit = (size_t)256 << 20;

struct weft_dnn_cache {
    const weft_allocator *allocator;
    size_t limit, bytes; /* bytes: of all entries when they were last counted, and of what was stored since */
    bool counted;
    pthread_mutex_t lock; /* of the two */
    char folder[PATH];
};

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size)
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
    return hash;
}

static const uint64_t hash_start = UINT64_C(14695981039346656037);

/* ---- keys ---- */

/* The number behind "name": in a flat JSON text. */
static bool find_number(const char *json, const char *name, long long *out)
{
    const size_t length = strlen(name);
    for (const char *at = strchr(json, '"'); at; at = strchr(at + 1, '"')) {
        if (strncmp(at + 1, name, length) != 0 || at[1 + length] != '"')
            continue;
        return sscanf(at + length + 2, " : %lld", out) == 1;
    }
    return false;
}

bool weft_dnn_kind_of_device(const char *json, char *buf, size_t size)
{
    static const char *const names[] = { "deviceVer", "multiProcessorCount", "maxSharedMemoryPerBlock",
                                         "maxSharedMemoryPerBlockOptin", "reservedSharedMemoryPerBlock",
                                         "maxRegistersPerSM", "regsPerBlock", "maxCtasPerSM", "maxThreadsPerSM",
                                         "l2CacheSize" };
    size_t at = 0;
    for (int i = 0; i < WEFT_COUNT(names) && at < size; i++) {
        long long number = 0;
        const bool known = find_number(json, names[i], &number);
        if (!known && i < 2)
            return false;
        at += (size_t)snprintf(buf + at, size - at, known ? "%s %lld " : "%s ? ", names[i], number);
    }
    return at < size;
}

/* ---- opening ---- */

weft_status weft_dnn_cache_open(const weft_allocator *allocator, const char *folder, size_t limit, weft_dnn_cache **out)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const bool from_base = base && base[0] == '/';
    *out = NULL;
    if ((folder && !folder[0]) || (!folder && !from_base && !(home && home[0])))
        return WEFT_OK;
    weft_dnn_cache *cache = weft_calloc(allocator, 1, sizeof *cache);
    if (!cache)
        return WEFT_NO_MEMORY;
    cache->allocator = allocator;
    cache->limit = limit ? limit : default_limit;
    int n;
    if (folder)
        n = snprintf(cache->folder, sizeof cache->folder, "%s", folder);
    else
        n = snprintf(cache->folder, sizeof cache->folder, "%s/%s", from_base ? base : home,
                     from_base ? "weft" : ".cache/weft");
    if (n < 0 || n >= PATH - 64) { /* no room for a name: no cache */
        weft_free(allocator, cache);
        return WEFT_OK;
    }
    pthread_mutex_init(&cache->lock, NULL);
    *out = cache;
    return WEFT_OK;
}

void weft_dnn_cache_close(weft_dnn_cache *cache)
{
    if (!cache)
        return;
    pthread_mutex_destroy(&cache->lock);
    weft_free(cache->allocator, cache);
}

static void path_of(const weft_dnn_cache *cache, const char *key, char path[PATH])
{
    snprintf(path, PATH, "%.950s/plan-%016" PRIx64, cache->folder, hash_bytes(hash_start, key, strlen(key)));
}

/* ---- loading ---- */

/* The whole file; NULL if it is not there or too large. */
static char *read_file(const weft_dnn_cache *cache, const char *path, size_t *size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0)
        return NULL;
    char *text = NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= MAX_FILE)
        text = weft_alloc(cache->allocator, (size_t)st.st_size + 1);
    *size = 0;
    while (text && *size < (size_t)st.st_size) {
        const ssize_t n = read(fd, text + *size, (size_t)st.st_size - *size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        *size += (size_t)n;
    }
    if (text)
        text[*size] = '\0';
    futimens(fd, NULL); /* young again; if that is forbidden, it is the next to go */
    close(fd);
    return text;
}

/* Finds the parts of a file's text; false unless all is as it was written for key. */
static bool parse(const char *text, size_t size, const char *key, weft_dnn_entry *entry, const char **json)
{
    int format, engine, compiled, head = 0;
    unsigned notes;
    size_t workspace, key_size, json_size;
    uint64_t sum;
    if (sscanf(text, "weft-plan %d %zu %zu %" SCNx64 " %d %x %d %zu%n", &format, &key_size, &json_size, &sum, &engine,
               &notes, &compiled, &workspace, &head) != 8 ||
        format != FORMAT || text[head] != '\n')
        return false;
    const char *body = text + head + 1;
    const size_t rest = size - (size_t)head - 1;
    if (key_size > rest || json_size != rest - key_size || json_size == 0 || key_size != strlen(key) ||
        memcmp(body, key, key_size) != 0 || hash_bytes(hash_start, body, rest) != sum)
        return false;
    *json = body + key_size;
    entry->size = json_size;
    entry->info =
        (weft_dnn_info){ .workspace = workspace, .notes = notes, .runtime_compiled = compiled != 0, .engine = engine };
    return true;
}

bool weft_dnn_cache_load(weft_dnn_cache *cache, const char *key, weft_dnn_entry *out)
{
    char path[PATH];
    size_t size;
    path_of(cache, key, path);
    char *text = read_file(cache, path, &size);
    if (!text)
        return false;
    weft_dnn_entry entry = { .json = NULL };
    const char *json = NULL;
    const bool good = size > 0 && parse(text, size, key, &entry, &json);
    if (!good) {
        weft_free(cache->allocator, text);
        return false;
    }
    memmove(text, json, entry.size);
    entry.json = text;
    *out = entry;
    return true;
}

void weft_dnn_cache_drop(weft_dnn_cache *cache, const char *key)
{
    char path[PATH];
    path_of(cache, key, path);
    unlink(path);
}

/* ---- storing ---- */

static void make_folders(const char *folder)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s", folder);
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(path, 0700);
        *slash = '/';
    }
    mkdir(path, 0700);
}

static bool write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        size -= (size_t)n;
    }
    return true;
}

/* An entry as the folder lists it. */
typedef struct listed {
    struct timespec age;
    size_t size;
    char name[32];
} listed;

static int by_age(const void *a, const void *b)
{
    const struct timespec *x = &((const listed *)a)->age, *y = &((const listed *)b)->age;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? -1 : 1;
    return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

/* All entries, allocated, and their bytes in cache->bytes; NULL if there is none or no memory. */
static listed *list_entries(weft_dnn_cache *cache, int *count)
{
    listed *list = NULL;
    int room = 0;
    *count = 0;
    cache->bytes = 0;
    DIR *folder = opendir(cache->folder);
    for (const struct dirent *e = folder ? readdir(folder) : NULL; e; e = readdir(folder)) {
        char path[PATH];
        struct stat st;
        if (strncmp(e->d_name, "plan-", 5) != 0 || strlen(e->d_name) >= sizeof list->name ||
            snprintf(path, sizeof path, "%s/%s", cache->folder, e->d_name) >= PATH || lstat(path, &st) != 0 ||
            !S_ISREG(st.st_mode))
            continue;
        if (*count == room) {
            room = room ? 2 * room : 256;
            listed *more = weft_calloc(cache->allocator, (size_t)room, sizeof *more);
            if (more && list)
                memcpy(more, list, (size_t)*count * sizeof *more);
            weft_free(cache->allocator, list);
            list = more;
        }
        if (!list)
            break;
        listed *entry = &list[(*count)++];
        *entry = (listed){ .age = st.st_mtim, .size = (size_t)st.st_size };
        memcpy(entry->name, e->d_name, strlen(e->d_name) + 1);
        cache->bytes += entry->size;
    }
    if (folder)
        closedir(folder);
    return list;
}

/* The oldest go, but for the path to be kept. The folder is listed only when it is first written to, and when there is
 * too much in it by this cache's own count: some entries more are then removed, so that the next time is not soon. */
static void evict(weft_dnn_cache *cache, const char *keep, size_t stored)
{
    cache->bytes += stored;
    if (cache->counted && cache->bytes <= cache->limit)
        return;
    int count;
    listed *list = list_entries(cache, &count);
    cache->counted = true;
    const size_t goal = cache->bytes > cache->limit ? cache->limit - cache->limit / 8 : cache->limit;
    if (list && cache->bytes > goal)
        qsort(list, (size_t)count, sizeof *list, by_age);
    for (int i = 0; i < count && cache->bytes > goal; i++) {
        char path[PATH];
        snprintf(path, sizeof path, "%.950s/%s", cache->folder, list[i].name);
        if (strcmp(path, keep) != 0 && unlink(path) == 0)
            cache->bytes -= list[i].size;
    }
    weft_free(cache->allocator, list);
}

static void evict_locked(weft_dnn_cache *cache, const char *keep, size_t stored)
{
    pthread_mutex_lock(&cache->lock);
    evict(cache, keep, stored);
    pthread_mutex_unlock(&cache->lock);
}

void weft_dnn_cache_store(weft_dnn_cache *cache, const char *key, const weft_dnn_entry *entry)
{
    char path[PATH], fresh[PATH], head[MAX_HEADER];
    const size_t key_size = strlen(key);
    path_of(cache, key, path);
    if (snprintf(fresh, sizeof fresh, "%s.%ld.new", path, (long)getpid()) >= PATH || entry->size > MAX_FILE / 2)
        return;
    const uint64_t sum = hash_bytes(hash_bytes(hash_start, key, key_size), entry->json, entry->size);
    snprintf(head, sizeof head, "weft-plan %d %zu %zu %016" PRIx64 " %d %x %d %zu\n", FORMAT, key_size, entry->size,
             sum, entry->info.engine, entry->info.notes, entry->info.runtime_compiled, entry->info.workspace);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno == ENOENT) {
        make_folders(cache->folder);
        fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    if (fd < 0)
        return;
    const bool written =
        write_all(fd, head, strlen(head)) && write_all(fd, key, key_size) && write_all(fd, entry->json, entry->size);
    if (close(fd) != 0 || !written || rename(fresh, path) != 0)
        unlink(fresh);
    else
        evict_locked(cache, path, strlen(head) + key_size + entry->size);
}
