/* SPDX-License-Identifier: Apache-2.0
 *
 * Where sets lie that are called by a name: the folders of WEFT_DATA, then Debian's, then those of other programs. */
#include "data/trainset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"

enum { FOLDERS = 5, PLACES = 6, TRIED = 1024 };

/* A name, what its folder may be called, and where it comes from. */
static const struct known {
    const char *name;
    const char *folders[FOLDERS];
    const char *advice;
} known[] = {
    { "fashion-mnist", { "fashion-mnist", "fashion_mnist", "FashionMNIST/raw", "FashionMNIST" },
      "'apt-get install dataset-fashion-mnist' installs it on Debian and Ubuntu" },
    { "mnist", { "mnist", "MNIST/raw", "MNIST" },
      "put its four files train-images-idx3-ubyte.gz ... into a folder and give the folder" },
    { "kmnist", { "kmnist", "KMNIST/raw", "KMNIST" },
      "put its four files train-images-idx3-ubyte.gz ... into a folder and give the folder" },
    { "cifar10", { "cifar10", "cifar-10", "cifar-10-batches-bin" },
      "unpack cifar-10-binary.tar.gz and give the folder, or set WEFT_DATA to the one that it is in" },
    { "cifar100", { "cifar100", "cifar-100", "cifar-100-binary" },
      "unpack cifar-100-binary.tar.gz and give the folder, or set WEFT_DATA to the one that it is in" },
};

static const struct place {
    const char *variable, *below;
} places[] = {
    { NULL, "/usr/share/datasets" }, { NULL, "/usr/local/share/datasets" }, { "HOME", "/.cache/weft/datasets" },
    { "HOME", "/.keras/datasets" },  { "HOME", "/data" },
};

static bool is_folder(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* The first folder of the set in a place; NULL if it is not there. */
static const char *look(weft_trainset *set, const struct known *k, const char *place, size_t length)
{
    for (int i = 0; i < FOLDERS && k->folders[i]; i++) {
        const char *const path = weft_arena_text(&set->arena, "%.*s/%s", (int)length, place, k->folders[i]);
        if (path && is_folder(path))
            return path;
    }
    return NULL;
}

static const struct known *known_name(const char *name)
{
    for (int i = 0; i < WEFT_COUNT(known); i++) {
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    }
    return NULL;
}

static weft_status search(weft_trainset *set, const struct known *k, const char **folder)
{
    char tried[TRIED] = "";
    size_t used = 0;
    const char *list = getenv("WEFT_DATA");
    while (list && *list) {
        const size_t length = strcspn(list, ":");
        const char *const found = length ? look(set, k, list, length) : NULL;
        if (found) {
            *folder = found;
            return WEFT_OK;
        }
        list += length + (list[length] == ':');
    }
    for (int i = 0; i < WEFT_COUNT(places); i++) {
        const char *const base = places[i].variable ? getenv(places[i].variable) : "";
        const char *const place = base ? weft_arena_text(&set->arena, "%s%s", base, places[i].below) : NULL;
        const char *const found = place ? look(set, k, place, strlen(place)) : NULL;
        if (found) {
            *folder = found;
            return WEFT_OK;
        }
        if (place && used < sizeof tried)
            used += (size_t)snprintf(tried + used, sizeof tried - used, "%s%s", used ? ", " : "", place);
    }
    return weft_fail(WEFT_NOT_FOUND, "%s: not found in %s%s; %s", k->name,
                     getenv("WEFT_DATA") ? "the folders of WEFT_DATA, " : "", tried, k->advice);
}

weft_status weft_trainset_find(weft_trainset *set, const char *name, const char **folder)
{
    const struct known *const k = known_name(name);
    if (!is_folder(name) && k)
        return search(set, k, folder);
    struct stat facts;
    if (stat(name, &facts) != 0) {
        char names[TRIED] = "";
        size_t used = 0;
        for (int i = 0; i < WEFT_COUNT(known); i++)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", known[i].name);
        return weft_fail(WEFT_NOT_FOUND, "%s: there is no such folder; a folder, a pack, or one of %s, was expected",
                         name, names);
    }
    *folder = weft_arena_text(&set->arena, "%s", name);
    return *folder ? WEFT_OK : weft_fail_in(WEFT_NO_MEMORY, "%s", name);
}
