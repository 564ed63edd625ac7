/* SPDX-License-Identifier: Apache-2.0
 *
 * The helper's course: descriptors and limits, the file into memory, the seal, libhdf5, the stream. */
#include "helper.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

void *take(uint64_t count, size_t size)
{
    if (size > 0 && count > SIZE_MAX / size)
        refuse(MEMORY, "%llu elements of %zu bytes do not fit into memory", (unsigned long long)count, size);
    void *memory = calloc(count > 0 ? (size_t)count : 1, size > 0 ? size : 1);
    if (!memory)
        refuse(MEMORY, "%llu bytes more are needed than such a file may take",
               (unsigned long long)count * size);
    return memory;
}

void *grow(void *items, uint64_t count, size_t size)
{
    if ((count & (count - 1)) != 0) /* 0 and powers of two: full */
        return items;
    void *bigger = take(count > 0 ? 2 * count : 1, size);
    if (count > 0)
        memcpy(bigger, items, (size_t)count * size);
    free(items);
    return bigger;
}

char *text(const char *format, ...)
{
    char buf[MAX_NAME + 1];
    va_list args;
    va_start(args, format);
    const int length = vsnprintf(buf, sizeof buf, format, args);
    va_end(args);
    if (length < 0 || length > MAX_NAME)
        refuse(BAD, "\"%.60s...\": a name of %d bytes; at most %d were expected", buf, length, MAX_NAME);
    char *copy = take((uint64_t)length + 1, 1);
    memcpy(copy, buf, (size_t)length + 1);
    return copy;
}

static char *read_image(size_t size)
{
    char *image = take(size, 1);
    size_t at = 0;
    while (at < size) {
        const ssize_t count = read(IMAGE_FD, image + at, size - at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            refuse(BAD, "byte %zu: cannot be read: %s", at, strerror(errno));
        if (count == 0)
            refuse(BAD, "byte %zu: the file ended while it was read; it had %zu bytes", at, size);
        at += (size_t)count;
    }
    return image;
}

int main(void)
{
    struct stat facts;
    if (fstat(IMAGE_FD, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < 0) {
        fputs("weft-h5: a part of libweft, which reads Keras' HDF5 files with it; not for use by hand\n", stderr);
        return 2;
    }
    const size_t size = (size_t)facts.st_size;
    confine(size);
    if (H5open() < 0 || H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0 || H5PLset_loading_state(0) < 0)
        refuse(UNSUPPORTED, "libhdf5 cannot be initialised");
    void *image = read_image(size);
    seal();

    model m = { .stored = size };
    const hid_t root = open_image(image, size);
    if (!read_legacy(root, &m) && !read_keras3(root, &m))
        refuse(BAD, "is an HDF5 file without Keras weights: neither an attribute layer_names nor groups of variables "
                    "(layers/.../vars) are in it");
    const char *twice = duplicate_name(&m);
    if (twice)
        refuse(BAD, "two tensors are called %s", twice);
    send_model(&m);
    send_bytes("\nok", 3);
    _exit(0); /* not through libhdf5's clean-up, which walks what the file has made */
}
