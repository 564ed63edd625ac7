/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of files (files.h). */
#include "check/files.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int check_list_files(int argc, char **argv, char **files, int most)
{
    int count = 0;
    for (int i = 2; i < argc && count < most; i++)
        files[count++] = strdup(argv[i]);
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
    for (const struct dirent *e; d && count < most && (e = readdir(d)) != NULL;) {
        const size_t length = strlen(e->d_name);
        if (length > 4 && strcmp(e->d_name + length - 4, ".txt") == 0)
            files[count++] = strdup(e->d_name);
    }
    if (d)
        closedir(d);
    qsort(files, (size_t)count, sizeof *files, by_name);
    return count;
}
