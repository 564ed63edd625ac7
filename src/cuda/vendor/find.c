/* SPDX-License-Identifier: Apache-2.0
 *
 * The places where NVIDIA's libraries lie. A machine made for deep learning has them in Python's packages only
 * (site-packages/nvidia/cudnn/lib, nvidia/cu13/lib), where no loader looks. */
#include "cuda/vendor/find.h"

#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH = 1024 };

typedef struct finder {
    const char *soname;
    bool (*take)(const char *path, void *user);
    void *user;
} finder;

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value && value[0];
}

/* The file of that name in folder, if there is one. */
static bool in_folder(const finder *f, const char *folder, size_t length)
{
    char path[PATH];
    const int n = snprintf(path, sizeof path, "%.*s/%s", (int)length, folder, f->soname);
    return length > 0 && n > 0 && n < PATH && access(path, R_OK) == 0 && f->take(path, f->user);
}

static bool in_folders(const finder *f, const char *list)
{
    while (list && *list) {
        const size_t length = strcspn(list, ":");
        if (in_folder(f, list, length))
            return true;
        list += length + (list[length] == ':');
    }
    return false;
}

static bool in_toolkit(const finder *f)
{
    static const char *const folders[] = { "lib64", "lib" };
    const char *root = is_set("CUDA_PATH") ? getenv("CUDA_PATH") : "/usr/local/cuda";
    for (int i = 0; i < 2; i++) {
        char folder[PATH];
        const int n = snprintf(folder, sizeof folder, "%s/%s", root, folders[i]);
        if (n > 0 && n < PATH && in_folder(f, folder, (size_t)n))
            return true;
    }
    return false;
}

/* The wheels in the packages of the Python whose files are below prefix. */
static bool in_wheels(const finder *f, const char *prefix)
{
    static const char *const packages[] = { "site-packages", "dist-packages" };
    bool taken = false;
    for (int i = 0; i < 2 && !taken; i++) {
        char pattern[PATH];
        glob_t found;
        const int n =
            snprintf(pattern, sizeof pattern, "%s/lib/python3*/%s/nvidia/*/lib/%s", prefix, packages[i], f->soname);
        if (n < 0 || n >= PATH || glob(pattern, 0, NULL, &found) != 0)
            continue;
        for (size_t k = found.gl_pathc; k-- > 0 && !taken;) /* later versions of Python first */
            taken = f->take(found.gl_pathv[k], f->user);
        globfree(&found);
    }
    return taken;
}

/* /opt/python for /opt/python/bin/python3. */
static bool beside_program(const finder *f, char *program)
{
    for (int level = 0; level < 2; level++) {
        char *slash = strrchr(program, '/');
        if (!slash)
            return false;
        *slash = '\0';
    }
    return in_wheels(f, program);
}

/* The first python3 of $PATH: where it is called from (an environment), then where its file lies. */
static bool in_python(const finder *f)
{
    for (const char *list = getenv("PATH"); list && *list;) {
        const size_t length = strcspn(list, ":");
        char program[PATH], resolved[PATH_MAX];
        const int n = snprintf(program, sizeof program, "%.*s/python3", (int)length, list);
        list += length + (list[length] == ':');
        if (n < 0 || n >= PATH || access(program, X_OK) != 0)
            continue;
        const bool linked = realpath(program, resolved) && strcmp(program, resolved) != 0;
        return beside_program(f, program) || (linked && beside_program(f, resolved));
    }
    return false;
}

static bool in_environments(const finder *f)
{
    static const char *const environments[] = { "VIRTUAL_ENV", "CONDA_PREFIX" };
    char user[PATH];
    bool chosen = false;
    for (int i = 0; i < 2; i++) {
        if (!is_set(environments[i]))
            continue;
        chosen = true;
        if (in_wheels(f, getenv(environments[i])))
            return true;
    }
    if (chosen)
        return false;
    const int n = is_set("HOME") ? snprintf(user, sizeof user, "%s/.local", getenv("HOME")) : -1;
    return in_python(f) || (n > 0 && n < PATH && in_wheels(f, user)) || in_wheels(f, "/usr/local") ||
           in_wheels(f, "/usr");
}

bool weft_vendor_find(const char *soname, bool (*take)(const char *path, void *user), void *user)
{
    const finder f = { soname, take, user };
    return in_folders(&f, getenv("WEFT_CUDA_LIBRARIES")) || take(soname, user) || in_toolkit(&f) ||
           in_environments(&f);
}

void weft_vendor_path_of(void *handle, char *buf, size_t size)
{
    struct link_map *map = NULL;
    buf[0] = '\0';
    if (handle && dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map)
        snprintf(buf, size, "%s", map->l_name);
}
