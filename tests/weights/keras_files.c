/* SPDX-License-Identifier: Apache-2.0
 *
 * Fixtures of Keras' formats. */
#include "weights/keras_files.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

bool keras_helper(void)
{
    if (WEFT_TEST_HELPER[0] == '\0') {
        printf("skipped: this build has no weft-h5 (libhdf5-dev was not found)\n");
        return false;
    }
    setenv("WEFT_H5_HELPER", WEFT_TEST_HELPER, 1);
    return true;
}

void keras_path(const char *name, char path[KERAS_PATH])
{
    ck_assert_int_lt(snprintf(path, KERAS_PATH, "%s/fixtures/keras/%s", WEFT_TEST_DATA, name), KERAS_PATH);
}

uint8_t *keras_bytes(const char *name, size_t *size)
{
    char path[KERAS_PATH];
    keras_path(name, path);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
    const long length = ftell(file);
    ck_assert_int_gt(length, 0);
    rewind(file);
    uint8_t *data = malloc((size_t)length);
    ck_assert_ptr_nonnull(data);
    ck_assert_uint_eq(fread(data, 1, (size_t)length, file), (size_t)length);
    fclose(file);
    *size = (size_t)length;
    return data;
}

weft_ctx keras_ctx(const weft_allocator *allocator)
{
    return (weft_ctx){ .allocator = *allocator };
}

void keras_no_child(void)
{
    const pid_t child = waitpid(-1, NULL, WNOHANG);
    ck_assert_msg(child == -1 && errno == ECHILD, "a child is left: waitpid gave %ld", (long)child);
}
