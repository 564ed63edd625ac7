/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs a fuzz target on every file of a folder without libFuzzer: its corpus, and inputs that once failed. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

enum { MOST = 1 << 20, PATH = 4096, FEWEST = 5 };

static int replay(const char *path, uint8_t *data)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return 0;
    const size_t size = fread(data, 1, MOST, file);
    fclose(file);
    uint8_t *exact = malloc(size ? size : 1); /* so that a read behind its end is seen */
    if (!exact)
        return 0;
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    return 1;
}

int main(int argc, char **argv)
{
    int count = 0;
    uint8_t *data = malloc(MOST);
    DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
    for (const struct dirent *entry; folder && data && (entry = readdir(folder)) != NULL;) {
        char path[PATH];
        if (entry->d_name[0] == '.')
            continue;
        if (snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name) >= PATH || !replay(path, data)) {
            printf("%s cannot be read\n", path);
            count = -1;
            break;
        }
        count++;
    }
    if (folder)
        closedir(folder);
    free(data);
    printf("%d inputs\n", count);
    return count < FEWEST ? EXIT_FAILURE : EXIT_SUCCESS;
}
