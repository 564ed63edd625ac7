/* SPDX-License-Identifier: Apache-2.0
 *
 * A folder of a test's own. */
#include "data/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check/harness.h"
#include "data/golden.h"

static char root[64];

void tree_setup(void)
{
    snprintf(root, sizeof root, "weft-tree-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

void tree_teardown(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", root);
    ck_assert_int_eq(system(command), 0);
}

char *tree_path(const char *name)
{
    static char paths[16][TREE_TEXT];
    static int turn;
    char *const path = paths[turn++ % 16];
    snprintf(path, TREE_TEXT, "%s/%s", root, name);
    return path;
}

static void make_folders(char *path)
{
    for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
}

void tree_put(const char *fixture, const char *text, const char *format, ...)
{
    char name[256], from[GOLDEN_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    char *const path = tree_path(name);
    make_folders(path);
    size_t size = text ? strlen(text) : 0;
    uint8_t *data = NULL;
    if (fixture) {
        golden_path(fixture, from);
        data = golden_bytes(from, &size);
    }
    FILE *file = fopen(path, "wb");
    ck_assert_msg(file != NULL, "%s", path);
    ck_assert_uint_eq(fwrite(fixture ? (const void *)data : text ? text : "", 1, size, file), size);
    fclose(file);
    free(data);
}

void tree_link(const char *to, const char *name)
{
    char *const path = tree_path(name);
    make_folders(path);
    ck_assert_int_eq(symlink(to, path), 0);
}
