/* SPDX-License-Identifier: Apache-2.0
 *
 * The way out: bytes for whoever reads the stream, and the verdict that ends the process. */
#include "helper.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { SENTENCE = 1024, EXIT_REFUSED = 65 };
static const char *const verdict_names[] = { [BAD] = "bad", [UNSUPPORTED] = "unsupported", [MEMORY] = "memory" };

static bool write_all(const char *data, uint64_t size)
{
    while (size > 0) {
        const ssize_t count = write(STREAM_FD, data, size < (1u << 20) ? (size_t)size : 1u << 20);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        data += count;
        size -= (uint64_t)count;
    }
    return true;
}

void send_bytes(const void *data, uint64_t size)
{
    if (!write_all(data, size))
        _exit(1); /* nobody is listening */
}

NORETURN static void end(verdict kind, char *sentence)
{
    for (char *at = sentence; *at; at++) {
        if (*at == '\n')
            *at = ' ';
    }
    char line[SENTENCE + 32];
    const int length = snprintf(line, sizeof line, "\n%s %s", verdict_names[kind], sentence);
    send_bytes(line, (uint64_t)length);
    _exit(EXIT_REFUSED);
}

void refuse(verdict kind, const char *format, ...)
{
    char sentence[SENTENCE];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    end(kind, sentence);
}

/* Keeps the innermost entry of libhdf5's error stack, which is where the trouble was found. */
static herr_t innermost(unsigned depth, const H5E_error2_t *error, void *data)
{
    const char **said = data;
    if (depth == 0 && error->desc)
        *said = error->desc;
    return 0;
}

void refuse_h5(const char *format, ...)
{
    char sentence[SENTENCE];
    const char *said = "no reason";
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, innermost, &said);
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof sentence)
        snprintf(sentence + length, sizeof sentence - (size_t)length, " (libhdf5: %s)", said);
    end(BAD, sentence);
}
