/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 of a file, and the names that carry its beginning: torchvision and timm publish "resnet50-0676ba61.pth". */
#include <string.h>
#include <unistd.h>
#include <weft/weights.h>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

enum { READ = 1 << 16, SUFFIX = 8 };

static weft_status add_file(weft_sha256 *s, int file, const char *path)
{
    uint8_t data[READ];
    for (size_t got = READ; got == READ;) {
        WEFT_TRY(weft_read_bytes(file, path, data, sizeof data, &got));
        weft_sha256_add(s, data, got);
    }
    return WEFT_OK;
}

weft_status weft_file_digest(const char *path, char hex[65])
{
    weft_sha256 s;
    uint64_t size = 0;
    int file = -1;
    if (!path || !hex)
        return weft_fail(WEFT_INVALID, "weft_file_digest: path and hex must not be NULL");
    WEFT_TRY(weft_open_regular(path, "a file", &file, &size));
    weft_sha256_begin(&s);
    const weft_status status = add_file(&s, file, path);
    close(file);
    WEFT_TRY(status);
    weft_sha256_end(&s, hex);
    return WEFT_OK;
}

void weft_bytes_digest(const void *data, size_t size, char hex[WEFT_SHA256_TEXT])
{
    weft_sha256 s;
    weft_sha256_begin(&s);
    if (size)
        weft_sha256_add(&s, data, size);
    weft_sha256_end(&s, hex);
}

/* YYYYMMDD of this century or the last one. */
static bool is_date(const char *text)
{
    int digit[SUFFIX];
    for (int i = 0; i < SUFFIX; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        digit[i] = text[i] - '0';
    }
    const int century = 10 * digit[0] + digit[1], month = 10 * digit[4] + digit[5], day = 10 * digit[6] + digit[7];
    return (century == 19 || century == 20) && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* The eight hex digits of "NAME-0676ba61.EXT"; NULL if the name has none, or a date there. */
static const char *suffix_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    const char *end = dot ? dot : name + strlen(name);
    if (end - name <= SUFFIX + 1 || end[-SUFFIX - 1] != '-' || strspn(end - SUFFIX, "0123456789abcdef") < SUFFIX)
        return NULL;
    return is_date(end - SUFFIX) ? NULL : end - SUFFIX;
}

weft_status weft_file_verify(const char *path, char hex[65])
{
    WEFT_TRY(weft_file_digest(path, hex));
    const char *suffix = suffix_of(path);
    if (suffix && strncmp(suffix, hex, SUFFIX) != 0)
        return weft_fail(WEFT_BAD_DATA,
                         "%s: the name says that the SHA-256 begins with %.8s, it is %.8s...: the file is damaged or "
                         "another one",
                         path, suffix, hex);
    return WEFT_OK;
}
