/* SPDX-License-Identifier: Apache-2.0
 *
 * The folder that checkpoints stand in: which there are, what `last` and `best` name, and taking old ones out. What is
 * taken out gets a temporary name first, so that no half of one is ever found under its own. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "train/checkpoint.h"

static const char *const files[] = { WEFT_CHECKPOINT_STATE, WEFT_CHECKPOINT_MANIFEST };
static const char STEP[] = "step-", TEMPORARY[] = "ckpt.tmp-";

bool weft_checkpoint_step(const char *name, int64_t *step)
{
    char *end;
    if (strncmp(name, STEP, sizeof STEP - 1) != 0 || !isdigit((unsigned char)name[sizeof STEP - 1]) ||
        strlen(name) >= WEFT_CHECKPOINT_NAME)
        return false;
    errno = 0;
    *step = strtoll(name + sizeof STEP - 1, &end, 10);
    return !*end && errno == 0;
}

weft_status weft_checkpoint_target(int folder, const char *path, const char *pointer, char name[WEFT_CHECKPOINT_NAME])
{
    char text[WEFT_CHECKPOINT_NAME];
    int64_t step;
    const int file = openat(folder, pointer, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (file < 0)
        return weft_fail(errno == ENOENT ? WEFT_NOT_FOUND : WEFT_IO, "%s/%s: cannot be opened: %s", path, pointer,
                         strerror(errno));
    ssize_t got;
    do
        got = read(file, text, sizeof text - 1);
    while (got < 0 && errno == EINTR);
    const int error = errno;
    close(file);
    if (got < 0)
        return weft_fail(WEFT_IO, "%s/%s: cannot be read: %s", path, pointer, strerror(error));
    text[got] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (!weft_checkpoint_step(text, &step))
        return weft_fail(WEFT_BAD_DATA, "%s/%s: says \"%.60s\", which is no name of a checkpoint", path, pointer, text);
    strcpy(name, text);
    return WEFT_OK;
}

void weft_checkpoint_remove(int folder, const char *name)
{
    const int inside = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inside < 0)
        return;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlinkat(inside, files[i], 0);
    close(inside);
    unlinkat(folder, name, AT_REMOVEDIR);
}

/* A stream of names; NULL: it cannot be read. The caller closes it, and folder stays open. */
static DIR *open_stream(int folder)
{
    const int again = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = again < 0 ? NULL : fdopendir(again);
    if (!stream && again >= 0)
        close(again);
    return stream;
}

/* ".last.123-0.tmp", of a process that was killed between giving it a name and its place. */
static bool is_pointer_leftover(const char *name)
{
    const size_t length = strlen(name);
    return (strncmp(name, ".last.", 6) == 0 || strncmp(name, ".best.", 6) == 0) && length > 4 &&
           strcmp(name + length - 4, ".tmp") == 0;
}

void weft_checkpoint_sweep(int folder)
{
    DIR *stream = open_stream(folder);
    const struct dirent *one;
    while (stream && (one = readdir(stream)) != NULL) {
        if (strncmp(one->d_name, TEMPORARY, sizeof TEMPORARY - 1) == 0)
            weft_checkpoint_remove(folder, one->d_name);
        else if (is_pointer_leftover(one->d_name))
            unlinkat(folder, one->d_name, 0);
    }
    if (stream)
        closedir(stream);
}

static int newest_first(const void *a, const void *b)
{
    int64_t x = 0, y = 0;
    weft_checkpoint_step(a, &x);
    weft_checkpoint_step(b, &y);
    return (x < y) - (x > y);
}

static weft_status add(const weft_allocator *allocator, weft_checkpoint_list *list, int *room, const char *name)
{
    if (list->count == *room) {
        const int wider = *room ? 2 * *room : 16;
        char(*names)[WEFT_CHECKPOINT_NAME] = weft_calloc(allocator, (size_t)wider, sizeof *names);
        if (!names)
            return WEFT_NO_MEMORY;
        if (list->count)
            memcpy(names, list->names, (size_t)list->count * sizeof *names);
        weft_free(allocator, list->names);
        list->names = names;
        *room = wider;
    }
    strcpy(list->names[list->count++], name);
    return WEFT_OK;
}

weft_status weft_checkpoint_find(const weft_allocator *allocator, int folder, const char *path,
                                 weft_checkpoint_list *out)
{
    weft_checkpoint_list list = { 0 };
    weft_status status = WEFT_OK;
    const struct dirent *one;
    int64_t step;
    int room = 0;
    DIR *stream = open_stream(folder);
    if (!stream)
        return weft_fail(WEFT_IO, "%s: cannot be read: %s", path, strerror(errno));
    while (status == WEFT_OK && (one = readdir(stream)) != NULL)
        if (weft_checkpoint_step(one->d_name, &step))
            status = add(allocator, &list, &room, one->d_name);
    closedir(stream);
    if (status != WEFT_OK) {
        weft_free(allocator, list.names);
        return status;
    }
    if (list.count)
        qsort(list.names, (size_t)list.count, sizeof *list.names, newest_first);
    *out = list;
    return WEFT_OK;
}

weft_status weft_checkpoint_thin(const weft_allocator *allocator, int folder, const char *path, int keep)
{
    weft_checkpoint_list list = { 0 };
    char last[WEFT_CHECKPOINT_NAME] = "", best[WEFT_CHECKPOINT_NAME] = "", away[WEFT_CHECKPOINT_NAME];
    WEFT_TRY(weft_checkpoint_find(allocator, folder, path, &list));
    const bool knows_last = weft_checkpoint_target(folder, path, "last", last) == WEFT_OK;
    const weft_status best_status = weft_checkpoint_target(folder, path, "best", best);
    snprintf(away, sizeof away, "%s%lld.old", TEMPORARY, (long long)getpid());
    /* If it is not known what must stay, nothing goes. */
    for (int i = keep; knows_last && (best_status == WEFT_OK || best_status == WEFT_NOT_FOUND) && i < list.count; i++) {
        if (strcmp(list.names[i], last) == 0 || strcmp(list.names[i], best) == 0)
            continue;
        if (renameat(folder, list.names[i], folder, away) == 0)
            weft_checkpoint_remove(folder, away);
    }
    weft_free(allocator, list.names);
    return WEFT_OK;
}
