/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder of plans by itself: what it holds for which devices, and that it does not outgrow its limit. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/harness.h"
#include "cuda/dnn/plan.h"

enum { LIMIT = 20000, ENTRY = 700, STORED = 200 };

static char folder[40];

static void make_folder(void)
{
    strcpy(folder, "/tmp/weft-plans-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

/* Bytes in the folder; empties it if that is asked for. */
static size_t weigh(bool empty)
{
    size_t bytes = 0;
    DIR *dir = opendir(folder);
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        char path[320];
        struct stat st;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] == '.' || stat(path, &st) != 0)
            continue;
        bytes += (size_t)st.st_size;
        if (empty)
            unlink(path);
    }
    closedir(dir);
    return bytes;
}

static void store(weft_dnn_cache *cache, int i)
{
    char key[32], text[ENTRY];
    snprintf(key, sizeof key, "key %d", i);
    memset(text, 'x', sizeof text);
    weft_dnn_cache_store(cache, key, &(weft_dnn_entry){ .json = text, .size = sizeof text });
}

static bool has(weft_dnn_cache *cache, int i)
{
    char key[32];
    weft_dnn_entry entry;
    snprintf(key, sizeof key, "key %d", i);
    const bool found = weft_dnn_cache_load(cache, key, &entry);
    if (found)
        weft_free(&weft_malloc_allocator, entry.json);
    return found;
}

START_TEST(the_oldest_go)
{
    weft_dnn_cache *cache = NULL;
    make_folder();
    for (int session = 0; session < 2; session++) { /* the second finds what the first left */
        CHECK_OK(weft_dnn_cache_open(&weft_malloc_allocator, folder, LIMIT, &cache));
        for (int i = 0; i < STORED; i++) {
            store(cache, session * STORED + i);
            ck_assert_uint_le(weigh(false), LIMIT);
            ck_assert(has(cache, session * STORED + i)); /* never what was stored just now */
        }
        ck_assert_uint_gt(weigh(false), LIMIT / 2);
        ck_assert(!has(cache, session * STORED));
        weft_dnn_cache_close(cache);
    }
    weigh(true);
    rmdir(folder);
}
END_TEST

START_TEST(devices_of_a_kind_are_one)
{
    static const char card[] = "{ \"deviceName\" : \"NVIDIA l2CacheSize\", \"deviceVer\" : 900, "
                               "\"multiProcessorCount\":132,\"maxSharedMemoryPerBlockOptin\":232448,"
                               "\"smClockRateKHz\":1980000,\"l2CacheSize\":52428800}";
    static const char other[] = "{\"deviceVer\":900,\"multiProcessorCount\":132,\"pciDeviceId\":3,"
                                "\"maxSharedMemoryPerBlockOptin\":232448,\"smClockRateKHz\":1,"
                                "\"l2CacheSize\":52428800}";
    char a[512], b[512];
    ck_assert(weft_dnn_kind_of_device(card, a, sizeof a) && weft_dnn_kind_of_device(other, b, sizeof b));
    ck_assert_str_eq(a, b);
    ck_assert(weft_dnn_kind_of_device("{\"deviceVer\":900,\"multiProcessorCount\":114}", b, sizeof b));
    ck_assert_str_ne(a, b);
    ck_assert(!weft_dnn_kind_of_device("{\"multiProcessorCount\":132}", b, sizeof b));
    ck_assert(!weft_dnn_kind_of_device("", b, sizeof b));
    ck_assert(!weft_dnn_kind_of_device(card, b, 8));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cache");
    CHECK_CASE(suite, "cache", the_oldest_go, devices_of_a_kind_are_one);
    return check_main(suite, "cuda-cache");
}
