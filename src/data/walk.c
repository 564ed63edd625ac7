/* SPDX-License-Identifier: Apache-2.0
 *
 * A way through folders that meets every file once: links lead where they lead, but a folder that was met before (a
 * link to a parent, two links to one folder) is not entered again, and an image that was met before is left out. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/compiler.h"
#include "base/error.h"
#include "data/dataset.h"
#include "image/image.h"

enum { DEPTH = 32, SUFFIX = 16 };

static int by_name(const void *a, const void *b)
{
    return strcmp(((const weft_folder_entry *)a)->name, ((const weft_folder_entry *)b)->name);
}

/* Folders that systems and archives put beside those of users. */
static bool is_of_a_system(const char *name)
{
    static const char *const names[] = { "__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information",
                                         "lost+found" };
    bool same = false;
    for (int i = 0; i < WEFT_COUNT(names); i++)
        same = same || strcmp(name, names[i]) == 0;
    return same;
}

/* One entry: counted as left out, or appended. */
static weft_status take(weft_dataset *set, DIR *dir, const char *folder, const char *name, void **list, int64_t *n,
                        int64_t *capacity)
{
    struct stat facts;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return WEFT_OK;
    if (name[0] == '.')
        return weft_dataset_leave(set, "hidden", folder, name);
    if (fstatat(dirfd(dir), name, &facts, 0) != 0)
        return weft_dataset_leave(set, errno == ENOENT || errno == ELOOP ? "broken link" : "not to be examined",
                                  folder, name);
    if (!S_ISDIR(facts.st_mode) && !S_ISREG(facts.st_mode))
        return weft_dataset_leave(set, "no regular file", folder, name);
    if (S_ISDIR(facts.st_mode) && is_of_a_system(name))
        return weft_dataset_leave(set, "folder of a system", folder, name);
    WEFT_TRY(weft_dataset_grow(set->allocator, list, *n, capacity, sizeof(weft_folder_entry)));
    const char *copy = weft_arena_text(&set->arena, "%s", name);
    if (!copy)
        return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
    ((weft_folder_entry *)*list)[(*n)++] = (weft_folder_entry){
        .name = copy, .folder = S_ISDIR(facts.st_mode), .device = (uint64_t)facts.st_dev, .file = (uint64_t)facts.st_ino
    };
    return WEFT_OK;
}

weft_status weft_list_folder(weft_dataset *set, const char *folder, weft_folder_entry **entries, int64_t *count)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return weft_fail(errno == ENOENT || errno == ENOTDIR ? WEFT_NOT_FOUND : WEFT_IO, "%s: cannot be listed: %s",
                         folder, strerror(errno));
    void *list = NULL;
    int64_t n = 0, capacity = 0;
    weft_status status = WEFT_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry && errno)
            status = weft_fail(WEFT_IO, "%s: cannot be listed: %s", folder, strerror(errno));
        if (!entry || status != WEFT_OK)
            break;
        status = take(set, dir, folder, entry->d_name, &list, &n, &capacity);
        if (status != WEFT_OK)
            break;
    }
    closedir(dir);
    if (status != WEFT_OK) {
        weft_free(set->allocator, list);
        return status;
    }
    if (n)
        qsort(list, (size_t)n, sizeof(weft_folder_entry), by_name);
    *entries = list;
    *count = n;
    return WEFT_OK;
}

weft_status weft_walk_begin(weft_walk *walk, const char *folder)
{
    weft_dataset *set = walk->set;
    walk->seen.allocator = set->allocator;
    const char *up = folder;
    for (uint64_t file = 0, device = 0;; up = weft_arena_text(&set->arena, "%s/..", up)) {
        struct stat facts;
        int before;
        if (!up)
            return weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
        if (stat(up, &facts) != 0 || (file == (uint64_t)facts.st_ino && device == (uint64_t)facts.st_dev))
            return WEFT_OK; /* the root is its own parent */
        file = (uint64_t)facts.st_ino;
        device = (uint64_t)facts.st_dev;
        WEFT_TRY(weft_seen_note(&walk->seen, device, file, 0, &before));
    }
}

void weft_walk_end(weft_walk *walk)
{
    weft_free(walk->set->allocator, walk->seen.slots);
    walk->seen = (weft_seen){ 0 };
}

/* "no suffix", or the suffix in lower case. */
static const char *kind_of(const char *name, char buf[SUFFIX])
{
    const char *dot = strrchr(name, '.');
    if (!dot || !dot[1] || strlen(dot) >= SUFFIX)
        return "no suffix";
    size_t i = 0;
    for (; dot[i]; i++)
        buf[i] = (char)(dot[i] >= 'A' && dot[i] <= 'Z' ? dot[i] - 'A' + 'a' : dot[i]);
    buf[i] = '\0';
    return buf;
}

static weft_status meet_file(weft_walk *walk, const char *folder, const weft_folder_entry *entry)
{
    weft_dataset *set = walk->set;
    char suffix[SUFFIX];
    int before = -1;
    if (!weft_names_image(entry->name))
        return weft_dataset_leave(set, kind_of(entry->name, suffix), folder, entry->name);
    if (walk->mark >= 0)
        WEFT_TRY(weft_seen_note(&walk->seen, entry->device, entry->file, walk->mark, &before));
    if (before >= 0 && before == walk->mark)
        return weft_dataset_leave(set, "another link to an image", folder, entry->name);
    if (before >= 0)
        return weft_fail(WEFT_BAD_DATA, "%s/%s: is a link to an image of class '%.80s' too; an image of one class was "
                         "expected", folder, entry->name, set->classes[before].name);
    const char *path = weft_arena_text(&set->arena, "%s/%s", folder, entry->name);
    return path ? walk->image(walk, path) : weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
}

static weft_status meet_folder(weft_walk *walk, const char *folder, const weft_folder_entry *entry, int depth)
{
    int before;
    WEFT_TRY(weft_seen_note(&walk->seen, entry->device, entry->file, 0, &before));
    if (before >= 0)
        return weft_dataset_leave(walk->set, "link to a folder that was met", folder, entry->name);
    if (depth >= DEPTH)
        return weft_dataset_leave(walk->set, "folder too deep", folder, entry->name);
    const char *inside = weft_arena_text(&walk->set->arena, "%s/%s", folder, entry->name);
    return inside ? weft_walk_tree(walk, inside, depth + 1) : weft_fail_in(WEFT_NO_MEMORY, "%s", folder);
}

static weft_status meet_all(weft_walk *walk, const char *folder, const weft_folder_entry *entries, int64_t count,
                            int depth)
{
    for (int64_t i = 0; i < count; i++) {
        if (!entries[i].folder)
            WEFT_TRY(meet_file(walk, folder, &entries[i]));
    }
    for (int64_t i = 0; i < count; i++) {
        if (entries[i].folder)
            WEFT_TRY(meet_folder(walk, folder, &entries[i], depth));
    }
    return WEFT_OK;
}

weft_status weft_walk_tree(weft_walk *walk, const char *folder, int depth)
{
    weft_folder_entry *entries = NULL;
    int64_t count = 0;
    WEFT_TRY(weft_list_folder(walk->set, folder, &entries, &count));
    const weft_status status = meet_all(walk, folder, entries, count, depth);
    weft_free(walk->set->allocator, entries);
    return status;
}

static weft_status walk_from(weft_walk *walk, const char *folder, int depth)
{
    WEFT_TRY(weft_walk_begin(walk, folder));
    return weft_walk_tree(walk, folder, depth);
}

weft_status weft_walk_whole(weft_walk *walk, const char *folder, int depth)
{
    const weft_status status = walk_from(walk, folder, depth);
    weft_walk_end(walk);
    return status;
}
