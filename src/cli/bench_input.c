/* SPDX-License-Identifier: Apache-2.0
 *
 * What a benchmark feeds its network: photographs of a folder, or noise from a seed (SplitMix64: Steele 2014). */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/bench.h"
#include "cli/text.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The regular files of a folder, sorted; hidden ones are left out. */
static cli_exit list_files(const char *folder, char ***files, int *count)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return cli_error(errno == ENOENT || errno == ENOTDIR ? CLI_NOT_FOUND : CLI_IO, "--images %s: %s", folder,
                         strerror(errno));
    *files = NULL;
    *count = 0;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        struct stat info;
        char *path = cli_format_text("%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &info) || !S_ISREG(info.st_mode)) {
            free(path);
            continue;
        }
        *files = cli_grow(*files, (size_t)*count + 1, sizeof **files);
        (*files)[(*count)++] = path;
    }
    closedir(dir);
    if (*count)
        qsort(*files, (size_t)*count, sizeof **files, by_name);
    return CLI_OK;
}

/* The images in the folders of a folder, of classes perhaps; none is no error here. */
static void list_folders(weft_ctx *ctx, const char *folder, char ***files, int *count)
{
    const weft_dataset_opt opt = { .layout = WEFT_DATASET_UNLABELLED };
    weft_dataset *set;
    if (weft_dataset_open(ctx, folder, &opt, &set))
        return;
    for (int64_t i = 0; i < weft_dataset_count(set) && *count < INT_MAX; i++) {
        const char *path;
        int label;
        if (weft_dataset_get(set, i, &path, &label))
            continue;
        *files = cli_grow(*files, (size_t)*count + 1, sizeof **files);
        (*files)[(*count)++] = cli_copy(path);
    }
    weft_dataset_destroy(set);
}

cli_exit cli_images(const char *folder, int64_t wanted, json_t **paths)
{
    char **files = NULL;
    int count = 0;
    weft_ctx *ctx = NULL;
    cli_exit code = list_files(folder, &files, &count);
    if (!code && weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &ctx))
        code = cli_library_error(WEFT_INTERNAL);
    if (!code && count == 0)
        list_folders(ctx, folder, &files, &count);
    json_t *good = json_array();
    for (int i = 0; !code && i < count && (int64_t)json_array_size(good) < wanted; i++) {
        weft_image image;
        const weft_status status = weft_image_read(ctx, files[i], NULL, &image);
        if (status == WEFT_NO_MEMORY) {
            code = cli_library_error(status);
        } else if (status) {
            cli_warn("skipped: %s", weft_error()); /* names the file */
        } else {
            json_t *path = json_string(files[i]);
            weft_image_free(ctx, &image);
            if (path)
                json_array_append_new(good, path);
            else
                cli_warn("skipped: %s: its name is not UTF-8", files[i]);
        }
    }
    if (!code && json_array_size(good) == 0)
        code = cli_error(CLI_DATA, "--images %s: no photograph that can be read among %d files", folder, count);
    for (int i = 0; i < count; i++)
        free(files[i]);
    free(files);
    weft_ctx_destroy(ctx);
    if (code)
        json_decref(good);
    else
        *paths = good;
    return code;
}

static uint64_t split_mix(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* Uniform in about the range that the network's preprocessing makes of pixels. */
static void noise(weft_preprocess preprocess, uint64_t seed, int64_t count, float *out)
{
    static const float low[] = { 0, -1, -128, -2.1f, 0 }, high[] = { 255, 1, 128, 2.6f, 1 };
    const float from = low[preprocess], range = high[preprocess] - low[preprocess];
    for (int64_t i = 0; i < count; i++)
        out[i] = from + range * (float)(split_mix(&seed) >> 40) * 0x1p-24f;
}

static weft_status read_photograph(weft_ctx *ctx, const weft_recipe *recipe, const char *path, float *out)
{
    weft_image image;
    weft_status status = weft_image_read(ctx, path, NULL, &image);
    if (status)
        return status;
    status = weft_image_to_input(ctx, &image, recipe, out);
    weft_image_free(ctx, &image);
    return status;
}

weft_status cli_fill_input(weft_ctx *ctx, const weft_recipe *recipe, const json_t *paths, uint64_t seed, int64_t batch,
                           float *out)
{
    const int64_t one = (int64_t)recipe->px * recipe->px * recipe->channels, files = (int64_t)json_array_size(paths);
    if (files == 0) {
        noise(recipe->preprocess, seed, one * batch, out);
        return WEFT_OK;
    }
    for (int64_t n = 0; n < batch; n++) {
        if (n >= files) {
            memcpy(out + n * one, out + n % files * one, (size_t)one * sizeof *out);
            continue;
        }
        const weft_status status =
            read_photograph(ctx, recipe, json_string_value(json_array_get(paths, (size_t)n)), out + n * one);
        if (status)
            return status;
    }
    return WEFT_OK;
}
