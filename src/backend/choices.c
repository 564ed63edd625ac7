/* SPDX-License-Identifier: Apache-2.0
 *
 * The file: a line of numbers (format, bytes, checksum), then the key, a line that says for which machine it is, then a
 * line for each choice. Its name is a hash of the key, the key itself is compared, and the checksum covers all: a file
 * that was cut or changed is not there. It is written under another name and renamed. */
#include "backend/choices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/version.h>

enum { FORMAT = 1, PATH = 1024, KEY = 400, HEAD = 64, LINE = 96, MOST = 1 << 16 };

static const uint64_t hash_start = UINT64_C(14695981039346656037);

static uint64_t hash_bytes(uint64_t hash, const void *data, size_t size) /* FNV-1a */
{
    const unsigned char *byte = data;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
    return hash;
}

uint64_t weft_node_kind(const weft_node *node)
{
    char detail[96] = "";
    const int epilogue[2] = { node->epi.residual, node->epi.act };
    if (node->op->describe)
        node->op->describe(node, detail, sizeof detail);
    uint64_t hash = hash_bytes(hash_start, node->op->name, strlen(node->op->name) + 1);
    hash = hash_bytes(hash, detail, strlen(detail) + 1);
    hash = hash_bytes(hash, epilogue, sizeof epilogue);
    for (int i = 0; i < node->n_in + node->n_out; i++) {
        const weft_shape *shape = i < node->n_in ? &node->in[i] : &node->out[i - node->n_in];
        hash = hash_bytes(hash, &shape->rank, sizeof shape->rank);
        hash = hash_bytes(hash, shape->dim, (size_t)shape->rank * sizeof *shape->dim);
    }
    return hash;
}

/* ---- in memory ---- */

void weft_choices_init(weft_choices *choices, const weft_allocator *allocator)
{
    *choices = (weft_choices){ .allocator = allocator };
}

void weft_choices_release(weft_choices *choices)
{
    if (choices->list)
        weft_free(choices->allocator, choices->list);
    weft_choices_init(choices, choices->allocator);
}

static int place_of(const weft_choices *choices, uint64_t node)
{
    int i = 0;
    while (i < choices->count && choices->list[i].node != node)
        i++;
    return i;
}

const char *weft_choices_find(const weft_choices *choices, uint64_t node)
{
    const int i = choices ? place_of(choices, node) : 0;
    return choices && i < choices->count ? choices->list[i].kernel : NULL;
}

weft_status weft_choices_set(weft_choices *choices, uint64_t node, const char *kernel)
{
    const int i = place_of(choices, node);
    if (!kernel) {
        if (i < choices->count)
            choices->list[i] = choices->list[--choices->count];
        return WEFT_OK;
    }
    if (strlen(kernel) >= sizeof choices->list->kernel)
        return weft_fail(WEFT_INTERNAL, "the name of kernel %s is too long to be kept", kernel);
    if (i == choices->room) {
        const int room = choices->room ? 2 * choices->room : 32;
        weft_choice *const list = weft_calloc(choices->allocator, (size_t)room, sizeof *list);
        if (!list)
            return WEFT_NO_MEMORY;
        if (choices->count)
            memcpy(list, choices->list, (size_t)choices->count * sizeof *list);
        if (choices->list)
            weft_free(choices->allocator, choices->list);
        choices->list = list;
        choices->room = room;
    }
    choices->count += i == choices->count;
    choices->list[i].node = node;
    snprintf(choices->list[i].kernel, sizeof choices->list[i].kernel, "%s", kernel);
    return WEFT_OK;
}

/* ---- on disk ---- */

static void key_of(const weft_device *device, char key[KEY])
{
    snprintf(key, KEY, "weft %.40s, %.200s, %s, %d threads, %s math\n", weft_version(), device->cpu.model,
             weft_isa_name(device->isa), device->threads, device->math == WEFT_MATH_STRICT ? "strict" : "fast");
}

/* Where the file is; false: there is no folder for it. */
static bool path_of(const char *key, char folder[PATH], char path[PATH])
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const bool from_base = base && base[0] == '/';
    if (!from_base && !(home && home[0]))
        return false;
    const int n = snprintf(folder, PATH, "%s/%s", from_base ? base : home, from_base ? "weft" : ".cache/weft");
    if (n < 0 || n >= PATH - 64)
        return false;
    snprintf(path, PATH, "%.950s/cpu-%016" PRIx64, folder, hash_bytes(hash_start, key, strlen(key)));
    return true;
}

/* The choices of a whole file's text; false unless all is as it was written for key. */
static weft_status parse(char *text, size_t size, const char *key, weft_choices *choices, bool *good)
{
    int format, head = 0;
    size_t bytes;
    uint64_t sum;
    *good = false;
    if (sscanf(text, "weft-cpu %d %zu %" SCNx64 "%n", &format, &bytes, &sum, &head) != 3 || format != FORMAT ||
        text[head] != '\n')
        return WEFT_OK;
    const char *at = text + head + 1;
    if (bytes != size - (size_t)head - 1 || hash_bytes(hash_start, at, bytes) != sum ||
        strncmp(at, key, strlen(key)) != 0)
        return WEFT_OK;
    for (at += strlen(key); *at; at = strchr(at, '\n') + 1) {
        weft_choice choice;
        if (sscanf(at, "%" SCNx64 " %55s", &choice.node, choice.kernel) != 2 || !strchr(at, '\n'))
            return WEFT_OK;
        WEFT_TRY(weft_choices_set(choices, choice.node, choice.kernel));
    }
    *good = true;
    return WEFT_OK;
}

weft_status weft_choices_load(const weft_device *device, weft_choices *choices, bool *ignored)
{
    char key[KEY], folder[PATH], path[PATH];
    struct stat info;
    key_of(device, key);
    *ignored = false;
    if (!path_of(key, folder, path))
        return WEFT_OK;
    FILE *const file = stat(path, &info) == 0 && S_ISREG(info.st_mode) ? fopen(path, "rb") : NULL;
    if (!file)
        return WEFT_OK;
    *ignored = true;
    const size_t most = (size_t)MOST * LINE, room = (size_t)info.st_size;
    char *const text = info.st_size > 0 && room < most ? weft_calloc(device->allocator, room + 1, 1) : NULL;
    weft_status status = text || room == 0 || room >= most ? WEFT_OK : WEFT_NO_MEMORY;
    if (text) {
        bool good = false;
        const size_t size = fread(text, 1, room, file);
        status = parse(text, size, key, choices, &good);
        *ignored = !good;
        weft_free(device->allocator, text);
    }
    fclose(file);
    if (*ignored || status)
        weft_choices_release(choices);
    return status;
}

static weft_status make_folders(const char *folder)
{
    char path[PATH];
    snprintf(path, sizeof path, "%s", folder);
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return weft_fail(WEFT_IO, "%s: %s", path, strerror(errno));
        if (!slash)
            return WEFT_OK;
        *slash = '/';
    }
}

weft_status weft_choices_keep(const weft_device *device, const weft_choices *choices)
{
    char key[KEY], folder[PATH], path[PATH], aside[PATH + 32];
    key_of(device, key);
    if (!path_of(key, folder, path))
        return weft_fail(WEFT_NOT_FOUND, "there is no folder for what tuning finds: set XDG_CACHE_HOME or HOME");
    WEFT_TRY(make_folders(folder));
    const size_t room = sizeof key + (size_t)choices->count * LINE;
    char *const text = weft_calloc(device->allocator, room, 1);
    if (!text)
        return WEFT_NO_MEMORY;
    size_t used = (size_t)snprintf(text, room, "%s", key);
    for (int i = 0; i < choices->count; i++)
        used += (size_t)snprintf(text + used, room - used, "%016" PRIx64 " %s\n", choices->list[i].node,
                                 choices->list[i].kernel);
    snprintf(aside, sizeof aside, "%s.%ld", path, (long)getpid());
    FILE *const file = fopen(aside, "wb");
    const bool written = file && fprintf(file, "weft-cpu %d %zu %016" PRIx64 "\n", FORMAT, used,
                                         hash_bytes(hash_start, text, used)) > 0 &&
                         fwrite(text, 1, used, file) == used;
    const bool closed = file && fclose(file) == 0;
    const bool there = written && closed && rename(aside, path) == 0;
    const int error = errno;
    weft_free(device->allocator, text);
    if (there)
        return WEFT_OK;
    unlink(aside);
    return weft_fail(WEFT_IO, "%s: %s", path, strerror(error));
}

/* ---- choosing ---- */

static double errs(const weft_kernel *kernel)
{
    return kernel->error_factor > 0 ? kernel->error_factor : 1;
}

bool weft_may_stand_for(const weft_kernel *kernel, const weft_kernel *first, const weft_node *node,
                        const weft_device *device)
{
    return !kernel->reference && errs(kernel) <= errs(first) && !(kernel->refuse && kernel->refuse(node, device));
}

const weft_kernel *weft_choose(const weft_node *node, const weft_device *device, const weft_choices *choices)
{
    const weft_kernel *const first = weft_select(node, device);
    const char *const name = choices && choices->count ? weft_choices_find(choices, weft_node_kind(node)) : NULL;
    const weft_kernel *const *kernel = device->kernels[node->id];
    while (name && *kernel && strcmp((*kernel)->name, name) != 0)
        kernel++;
    return name && *kernel && weft_may_stand_for(*kernel, first, node, device) ? *kernel : first;
}
