/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 (FIPS 180-4) of a file, and the names that carry its beginning: torchvision and timm publish
 * "resnet50-0676ba61.pth". Our own hundred lines rather than a library that every user would have to install for one
 * function; about 250 MB/s. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weft/weights.h>

#include "base/error.h"
#include "base/file.h"

enum { BLOCK = 64, READ = 1 << 16, SUFFIX = 8 };

typedef struct sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t rest[BLOCK];
    size_t held; /* bytes in rest */
} sha256;

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, int bits)
{
    return x >> bits | x << (32 - bits);
}

static void add_block(sha256 *s, const uint8_t *p)
{
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++, p += 4)
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    for (int i = 16; i < 64; i++) {
        const uint32_t a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    memcpy(v, s->state, sizeof v);
    for (int i = 0; i < 64; i++) { /* v is a, b, c, d, e, f, g, h */
        const uint32_t choice = (v[4] & v[5]) ^ (~v[4] & v[6]), most = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        const uint32_t one = v[7] + (turn(v[4], 6) ^ turn(v[4], 11) ^ turn(v[4], 25)) + choice + constants[i] + w[i];
        const uint32_t two = (turn(v[0], 2) ^ turn(v[0], 13) ^ turn(v[0], 22)) + most;
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += one;
        v[0] = one + two;
    }
    for (int i = 0; i < 8; i++)
        s->state[i] += v[i];
}

static void add_bytes(sha256 *s, const uint8_t *data, size_t size)
{
    s->bytes += size;
    while (size > 0) {
        const size_t room = BLOCK - s->held, n = size < room ? size : room;
        memcpy(s->rest + s->held, data, n);
        s->held += n;
        data += n;
        size -= n;
        if (s->held == BLOCK) {
            add_block(s, s->rest);
            s->held = 0;
        }
    }
}

static void finish(sha256 *s, char hex[65])
{
    const uint64_t bits = 8 * s->bytes;
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    add_bytes(s, (const uint8_t[]){ 0x80 }, 1);
    while (s->held != BLOCK - sizeof length)
        add_bytes(s, (const uint8_t[]){ 0 }, 1);
    add_bytes(s, length, sizeof length);
    for (int i = 0; i < 8; i++)
        snprintf(hex + (ptrdiff_t)8 * i, 9, "%08x", (unsigned)s->state[i]);
}

static weft_status add_file(sha256 *s, int file, const char *path)
{
    uint8_t data[READ];
    for (size_t got = READ; got == READ;) {
        WEFT_TRY(weft_read_bytes(file, path, data, sizeof data, &got));
        add_bytes(s, data, got);
    }
    return WEFT_OK;
}

weft_status weft_file_digest(const char *path, char hex[65])
{
    sha256 s = { .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
                            0x5be0cd19 } };
    uint64_t size = 0;
    int file = -1;
    if (!path || !hex)
        return weft_fail(WEFT_INVALID, "weft_file_digest: path and hex must not be NULL");
    WEFT_TRY(weft_open_regular(path, "a file", &file, &size));
    const weft_status status = add_file(&s, file, path);
    close(file);
    WEFT_TRY(status);
    finish(&s, hex);
    return WEFT_OK;
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
