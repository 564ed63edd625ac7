/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether convert may write where a file is already: an hour of training may be what lies there. What would be written
 * again bit by bit is no loss, nor what was made of a file that is another by now: a checkpoint that training goes on
 * with is converted again and again. For anything else a person is asked, and a script has to say --force. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/common.h"
#include "cli/spare.h"
#include "cli/text.h"

static bool same_tensors(const weft_weights *a, const weft_weights *b)
{
    weft_weight x, y;
    if (weft_weights_count(a) != weft_weights_count(b))
        return false;
    for (int64_t i = 0; i < weft_weights_count(a); i++)
        if (weft_weights_get(a, i, &x) || weft_weights_find(b, x.name, &y) || x.dtype != y.dtype ||
            !weft_shape_equal(&x.shape, &y.shape) ||
            memcmp(x.data, y.data, (size_t)x.count * weft_dtype_size(x.dtype)) != 0)
            return false;
    return true;
}

static bool same_metadata(const weft_weights *a, const weft_weights *b)
{
    const char *key, *text;
    if (weft_weights_meta_count(a) != weft_weights_meta_count(b))
        return false;
    for (int i = 0; i < weft_weights_meta_count(a); i++) {
        const char *const other = weft_weights_meta(a, i, &key, &text) ? NULL : weft_weights_meta_find(b, key);
        if (!other || strcmp(text, other) != 0)
            return false;
    }
    return true;
}

/* "best.pth sha256:..." of both: the same name, another digest. */
static bool is_made_of_former(const weft_weights *old, const weft_weights *next)
{
    static const char mark[] = " sha256:";
    const char *const was = weft_weights_meta_find(old, "weft.source");
    const char *const is = weft_weights_meta_find(next, "weft.source");
    const char *const behind = was ? strstr(was, mark) : NULL;
    const size_t length = behind ? (size_t)(behind - was) + sizeof mark - 1 : 0;
    return length && is && strncmp(was, is, length) == 0 && strcmp(was, is) != 0;
}

/* Whether what lies there can be made again, or is not wanted any more. */
static bool is_no_loss(weft_ctx *ctx, const char *path, const weft_weights *next)
{
    weft_weights *old = NULL;
    const bool read = weft_weights_read(ctx, path, WEFT_FORMAT_AUTO, &old) == WEFT_OK;
    const bool none = read && (is_made_of_former(old, next) || (same_metadata(next, old) && same_tensors(next, old)));
    weft_weights_destroy(old);
    return none;
}

/* A line that begins with y. */
static bool agrees(const char *path)
{
    char answer[64] = "";
    fputs("weft: replace ", stderr);
    cli_put_visible(stderr, path);
    fputs("? [y/N] ", stderr);
    return fgets(answer, sizeof answer, stdin) && (*answer == 'y' || *answer == 'Y');
}

cli_exit cli_spare(weft_ctx *ctx, const char *path, const weft_weights *next, bool force)
{
    struct stat about;
    if (force || stat(path, &about) || is_no_loss(ctx, path, next))
        return CLI_OK;
    if (isatty(STDIN_FILENO) && isatty(STDERR_FILENO))
        return agrees(path) ? CLI_OK : cli_error(CLI_CREATE, "convert: %s stays as it is", path);
    return cli_error(CLI_CREATE, "convert: %s is there already, holds something else than would be written, and stays "
                     "as it is: write to another name, or replace it with --force", path);
}
