/* SPDX-License-Identifier: Apache-2.0
 *
 * Standard input of classify, read as it comes, so that names that a slow program prints are worked off as they are
 * printed. Whether it is names or an image is told by the first bytes. */
#include "cli/input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/text.h"

enum { HEAD = 16, CHUNK = 65536, MEASURED = 1 << 20, NAME = 1 << 20, BLANK = 1 << 20 };

static cli_exit more(cli_input *in)
{
    if (in->room - in->size < CHUNK) {
        in->room = 2 * in->room + CHUNK;
        in->data = cli_grow(in->data, in->room, 1);
    }
    const ssize_t got = read(STDIN_FILENO, in->data + in->size, in->room - in->size - 1);
    if (got < 0 && errno != EINTR)
        return cli_error(CLI_IO, "classify: cannot read standard input: %s", strerror(errno));
    in->ended = got == 0;
    in->size += got > 0 ? (size_t)got : 0;
    return CLI_OK;
}

cli_exit cli_input_begin(cli_input *in)
{
    cli_exit code = CLI_OK;
    in->end = -1;
    while (!code && !in->ended && in->size < HEAD && !memchr(in->data ? in->data : "", '\n', in->size))
        code = more(in);
    return code;
}

/* "BM" and "P6" may begin names too: a BMP file has four zeros there, a PNM file white space and its width. */
bool cli_input_is_image(const cli_input *in)
{
    static const char zeros[4];
    const char *const format = weft_image_format(in->data, in->size);
    if (!format)
        return false;
    if (strcmp(format, "BMP") == 0)
        return in->size >= 10 && memcmp(in->data + 6, zeros, sizeof zeros) == 0;
    if (strcmp(format, "PNM") == 0)
        return in->size > 3 && strchr(" \t\r\n", in->data[2]) && strchr("0123456789#", in->data[3]);
    return true;
}

/* The beginning of the stream says how much may come. */
cli_exit cli_input_all(cli_input *in)
{
    size_t limit = 0;
    while (!in->ended) {
        CLI_TRY(more(in));
        if (!limit && in->size >= MEASURED)
            limit = weft_image_limit(in->data, in->size);
        if (limit && in->size > limit)
            return cli_error(CLI_DATA, "classify: standard input: more than %zu bytes, the most that were expected of "
                             "an image with this header", limit);
    }
    return CLI_OK;
}

/* Where the name from `at` on ends; NULL: not yet. */
static char *end_of_name(cli_input *in)
{
    for (size_t i = in->at; i < in->size; i++) {
        if (in->end < 0 && (in->data[i] == '\n' || in->data[i] == '\0'))
            in->end = in->data[i];
        if (in->data[i] == in->end)
            return in->data + i;
    }
    return NULL;
}

cli_exit cli_input_name(cli_input *in, const char **name)
{
    *name = NULL;
    for (;;) {
        char *end = in->at < in->size ? end_of_name(in) : NULL;
        if (!end && !in->ended) {
            memmove(in->data, in->data + in->at, in->size - in->at);
            in->size -= in->at;
            in->at = 0;
            if (in->size > NAME)
                return cli_error(CLI_DATA, "classify: standard input: a name of more than %d bytes; names or an image "
                                 "were expected", NAME);
            const cli_exit code = more(in);
            if (code)
                return code;
            continue;
        }
        if (!end && in->at == in->size)
            return CLI_OK;
        if (!end) /* more() leaves room for this zero */
            end = in->data + in->size;
        *end = '\0';
        *name = in->data + in->at;
        in->at = end == in->data + in->size ? in->size : (size_t)(end - in->data) + 1;
        if (**name) {
            in->blank = 0;
            return CLI_OK;
        }
        if (++in->blank > BLANK) /* /dev/zero */
            return cli_error(CLI_DATA, "classify: standard input: more than %d empty names; names or an image were "
                             "expected", BLANK);
    }
}
