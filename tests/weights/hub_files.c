/* SPDX-License-Identifier: Apache-2.0 */
#include "hub_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "check/harness.h"

weft_ctx *hub_ctx;

void hub_setup(void)
{
    CHECK_OK(weft_ctx_create(&(weft_ctx_opt){ .threads = 1 }, &hub_ctx));
    ck_assert(mkdir("hub.tmp", 0700) == 0);
}

void hub_teardown(void)
{
    static const char *const files[] = {
        "config.json",
        "preprocessor_config.json",
        "model.safetensors",
        "model.safetensors.index.json",
        "saved_model.pb",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "mine.safetensors",
        "other.safetensors",
        "x.index.json",
        "optimizer.bin",
        ".metadata",
    };
    weft_ctx_destroy(hub_ctx);
    for (int i = 0; i < WEFT_COUNT(files); i++) {
        char path[128];
        snprintf(path, sizeof path, "hub.tmp/%s", files[i]);
        unlink(path);
    }
    ck_assert_int_eq(rmdir("hub.tmp"), 0);
}

void hub_write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

void hub_write_letters(const char *path, const char *letters)
{
    weft_weights *set = NULL;
    CHECK_OK(weft_weights_create(hub_ctx, &set));
    for (const char *c = letters; *c; c++) {
        const float value = (float)*c;
        CHECK_OK(weft_weights_add(set, (const char[]){ *c, '\0' }, WEFT_F32, &(weft_shape){ 1, { 1 } }, &value));
    }
    CHECK_OK(weft_weights_write(set, path, WEFT_FORMAT_AUTO));
    weft_weights_destroy(set);
}

static char aside[] = "weft-hub-XXXXXX";

int hub_run(Suite *suite, const char *program)
{
    if (!mkdtemp(aside) || chdir(aside) != 0)
        return EXIT_FAILURE;
    const int result = check_main(suite, program);
    if (chdir("..") == 0)
        rmdir(aside);
    return result;
}
