/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of cards. Sources: NVIDIA's architecture whitepapers and data sheets (Turing 2018, Ampere GA100 2020,
 * Ampere GA102 2021, Ada 2023, Hopper 2022, Blackwell 2024, RTX Blackwell 2025) for units, clocks, peaks and bandwidth;
 * table "Technical Specifications per Compute Capability" of the CUDA C++ Programming Guide for shared memory,
 * registers, blocks and threads. No real card has been asked: a dump of cuDNN's own JSON replaces a row when one turns
 * up. */
#include "cuda/vendor/target.h"

#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB(x) ((x)*1024)
#define MIB(x) ((x)*1024 * 1024)

/* clang-format off */
static const weft_target targets[] = {
    /* TU104. Tensor cores sum fp16 in fp32 at full rate. Data sheet: 65 TFLOP/s fp16, 8.1 fp32, 320 GB/s. */
    { .name = "t4", .device = "Tesla T4", .sm = 75, .sm_count = 40,
      .shared_block = KIB(48), .shared_optin = KIB(64), .shared_reserved = 0,
      .registers_sm = 65536, .blocks_sm = 16, .threads_sm = 1024,
      .memory = 15843721216, .sm_khz = 1590000, .memory_khz = 5001000, .l2 = MIB(4),
      .bandwidth = 320, .fp32 = 8.1, .tf32 = 0, .fp16 = 65, .bf16 = 0, .launch_us = 2.0 },
    /* GA100, SXM4 80 GB. Data sheet: 312 fp16 and bf16, 156 TF32, 19.5 fp32, 2039 GB/s. */
    { .name = "a100", .device = "NVIDIA A100-SXM4-80GB", .sm = 80, .sm_count = 108,
      .shared_block = KIB(48), .shared_optin = KIB(163), .shared_reserved = KIB(1),
      .registers_sm = 65536, .blocks_sm = 32, .threads_sm = 2048,
      .memory = 85899345920, .sm_khz = 1410000, .memory_khz = 1593000, .l2 = MIB(40),
      .bandwidth = 2039, .fp32 = 19.5, .tf32 = 156, .fp16 = 312, .bf16 = 312, .launch_us = 2.0 },
    /* GA102. Whitepaper: 71 TFLOP/s fp16 and bf16 with fp32 sums, 35.6 TF32, 35.6 fp32, 936 GB/s. */
    { .name = "rtx3090", .device = "NVIDIA GeForce RTX 3090", .sm = 86, .sm_count = 82,
      .shared_block = KIB(48), .shared_optin = KIB(99), .shared_reserved = KIB(1),
      .registers_sm = 65536, .blocks_sm = 16, .threads_sm = 1536,
      .memory = 25438126080, .sm_khz = 1695000, .memory_khz = 9751000, .l2 = MIB(6),
      .bandwidth = 936, .fp32 = 35.6, .tf32 = 35.6, .fp16 = 71, .bf16 = 71, .launch_us = 2.0 },
    /* AD104. Data sheet (half of the sparse figures): 121 fp16 and bf16, 60 TF32, 30.3 fp32, 300 GB/s. */
    { .name = "l4", .device = "NVIDIA L4", .sm = 89, .sm_count = 58,
      .shared_block = KIB(48), .shared_optin = KIB(99), .shared_reserved = KIB(1),
      .registers_sm = 65536, .blocks_sm = 24, .threads_sm = 1536,
      .memory = 23659151360, .sm_khz = 2040000, .memory_khz = 6251000, .l2 = MIB(48),
      .bandwidth = 300, .fp32 = 30.3, .tf32 = 60, .fp16 = 121, .bf16 = 121, .launch_us = 2.0 },
    /* GH100, SXM5 80 GB. Data sheet (half of the sparse figures): 989 fp16 and bf16, 495 TF32, 67 fp32, 3350 GB/s. */
    { .name = "h100", .device = "NVIDIA H100 80GB HBM3", .sm = 90, .sm_count = 132,
      .shared_block = KIB(48), .shared_optin = KIB(227), .shared_reserved = KIB(1),
      .registers_sm = 65536, .blocks_sm = 32, .threads_sm = 2048,
      .memory = 85024112640, .sm_khz = 1980000, .memory_khz = 2619000, .l2 = MIB(50),
      .bandwidth = 3350, .fp32 = 67, .tf32 = 495, .fp16 = 989, .bf16 = 989, .launch_us = 1.5 },
    /* GH100 with HBM3e, SXM5 141 GB. Data sheet: the H100's units, 4800 GB/s. By its name only: sm_90 is the H100. */
    { .name = "h200", .device = "NVIDIA H200", .sm = 90, .sm_count = 132,
      .shared_block = KIB(48), .shared_optin = KIB(227), .shared_reserved = KIB(1),
      .registers_sm = 65536, .blocks_sm = 32, .threads_sm = 2048,
      .memory = 150754820096, .sm_khz = 1980000, .memory_khz = 3201000, .l2 = MIB(50),
      .bandwidth = 4800, .fp32 = 67, .tf32 = 495, .fp16 = 989, .bf16 = 989, .launch_us = 1.5 },
    /* HGX B200 (half of the sparse figures): 2250 fp16 and bf16, 1125 TF32, 75 fp32, 7700 GB/s. */
    { .name = "b200", .device = "NVIDIA B200", .sm = 100, .sm_count = 148,
      .shared_block = KIB(48), .shared_optin = KIB(227), .shared_reserved = KIB(1),
      .registers_sm = 65536, .blocks_sm = 32, .threads_sm = 2048,
      .memory = 191000000000, .sm_khz = 1965000, .memory_khz = 3996000, .l2 = 132644864,
      .bandwidth = 7700, .fp32 = 75, .tf32 = 1125, .fp16 = 2250, .bf16 = 2250, .launch_us = 1.5 },
    /* GB202. Whitepaper: 209.5 fp16 and bf16 with fp32 sums, 104.8 TF32, 104.8 fp32, 1792 GB/s. */
    { .name = "rtx5090", .device = "NVIDIA GeForce RTX 5090", .sm = 120, .sm_count = 170,
      .shared_block = KIB(48), .shared_optin = KIB(99), .shared_reserved = KIB(1),
      .registers_sm = 65536, .blocks_sm = 24, .threads_sm = 1536,
      .memory = 33670000000, .sm_khz = 2407000, .memory_khz = 14001000, .l2 = MIB(96),
      .bandwidth = 1792, .fp32 = 104.8, .tf32 = 104.8, .fp16 = 209.5, .bf16 = 209.5, .launch_us = 1.5 },
};
/* clang-format on */

enum { MAX_FILE = 8192 };

const weft_target *weft_target_get(int index)
{
    return index >= 0 && index < WEFT_COUNT(targets) ? &targets[index] : NULL;
}

/* ---- text ---- */

typedef enum field_type { INT, INT64, DOUBLE } field_type;

/* What a file may set; name, device and base are read apart. */
static const struct {
    const char *key;
    field_type type;
    size_t at;
    double least; /* smaller values are refused */
} fields[] = {
#define FIELD(type, field, least)                                                                                      \
    {                                                                                                                  \
#field, type, offsetof(weft_target, field), least                                                              \
    }
    FIELD(INT, sm, 50),           FIELD(INT, sm_count, 1),        FIELD(INT, shared_block, 1),
    FIELD(INT, shared_optin, 1),  FIELD(INT, shared_reserved, 0), FIELD(INT, registers_sm, 1),
    FIELD(INT, blocks_sm, 1),     FIELD(INT, threads_sm, 32),     FIELD(INT64, memory, 1),
    FIELD(INT, sm_khz, 1),        FIELD(INT, memory_khz, 1),      FIELD(INT, l2, 1),
    FIELD(DOUBLE, bandwidth, .1), FIELD(DOUBLE, fp32, .001),      FIELD(DOUBLE, tf32, 0),
    FIELD(DOUBLE, fp16, 0),       FIELD(DOUBLE, bf16, 0),         FIELD(DOUBLE, launch_us, 0),
#undef FIELD
};

const char *weft_target_text(const weft_target *target, char *buf, size_t size)
{
    int at = snprintf(buf, size, "name %s\ndevice %s\n", target->name, target->device);
    for (int i = 0; i < WEFT_COUNT(fields) && at >= 0 && (size_t)at < size; i++) {
        const char *field = (const char *)target + fields[i].at;
        int small;
        int64_t large;
        double real = 0;
        if (fields[i].type == DOUBLE) {
            memcpy(&real, field, sizeof real);
        } else if (fields[i].type == INT) {
            memcpy(&small, field, sizeof small);
            real = small;
        } else {
            memcpy(&large, field, sizeof large);
            real = (double)large;
        }
        at += snprintf(buf + at, size - (size_t)at, "%s %.15g\n", fields[i].key, real);
    }
    return buf;
}

const char *weft_target_json(const weft_target *t, char *buf, size_t size)
{
    /* The keys of cuDNN 9.19 and, behind them, those that 9.28 wants as well; deviceVer is 900 for compute capability
     * 9.0. Buses are of whole 32 bits, and move two of each in a clock. */
    const int bus = t->memory_khz > 0 ? 32 * (int)(t->bandwidth * 1e9 * 8 / (2e3 * t->memory_khz) / 32 + .5) : 0;
    snprintf(buf, size,
             "{\"deviceName\":\"%s\",\"deviceVer\":%d,\"driverVer\":13000,\"cudaDeviceId\":0,"
             "\"multiProcessorCount\":%d,\"warpSize\":32,\"maxSharedMemoryPerBlock\":%d,"
             "\"maxSharedMemoryPerBlockOptin\":%d,\"reservedSharedMemoryPerBlock\":%d,\"maxRegistersPerSM\":%d,"
             "\"regsPerBlock\":65536,\"maxCtasPerSM\":%d,\"maxThreadsPerBlock\":1024,\"maxThreadsPerSM\":%d,"
             "\"totalGlobalMem\":%lld,\"smClockRateKHz\":%d,\"memClockRateKHz\":%d,\"l2CacheSize\":%d,"
             "\"maxBlockSize\":[1024,1024,64],\"maxGridSize\":[2147483647,65535,65535],\"supportCoopLaunch\":1,"
             "\"pciDeviceId\":0,\"isTccDriver\":0,\"smCountOrigin\":0,\"oversizedSharedMemoryPerBlock\":%d,"
             "\"memoryBusWidth\":%d}",
             t->device, t->sm * 10, t->sm_count, t->shared_block, t->shared_optin, t->shared_reserved, t->registers_sm,
             t->blocks_sm, t->threads_sm, (long long)t->memory, t->sm_khz, t->memory_khz, t->l2,
             t->shared_optin, bus);
    return buf;
}

/* ---- by name, by capability, from a file ---- */

static const weft_target *built_in(const char *text)
{
    const char *number = strncmp(text, "sm_", 3) == 0 ? text + 3 : text;
    for (int i = 0; i < WEFT_COUNT(targets); i++) {
        char sm[12];
        snprintf(sm, sizeof sm, "%d", targets[i].sm);
        const char *name = targets[i].name;
        const bool is_named = strcmp(text, name) == 0 || (strncmp(name, "rtx", 3) == 0 && strcmp(text, name + 3) == 0);
        if (is_named || strcmp(number, sm) == 0)
            return &targets[i];
    }
    return NULL;
}

static weft_status copy_text(const char *key, const char *value, char *to, size_t size)
{
    for (const char *c = value; *c; c++)
        if (*c == '"' || *c == '\\' || iscntrl((unsigned char)*c))
            return weft_fail(WEFT_BAD_DATA, "%s has a character that names do not have", key);
    if (!value[0] || strlen(value) >= size)
        return weft_fail(WEFT_BAD_DATA, "%s '%.40s' has %zu characters, 1 to %zu are expected", key, value,
                         strlen(value), size - 1);
    memcpy(to, value, strlen(value) + 1);
    return WEFT_OK;
}

static weft_status set_field(int index, const char *value, weft_target *out)
{
    char *end, *field = (char *)out + fields[index].at;
    errno = 0;
    const double x = strtod(value, &end);
    const double most = fields[index].type == INT ? 2147483647.0 : 9e15;
    if (end == value || *end || errno || !(x >= fields[index].least && x <= most))
        return weft_fail(WEFT_BAD_DATA, "%s '%.40s' is not a number from %g to %g", fields[index].key, value,
                         fields[index].least, most);
    const int small = (int)(fields[index].type == INT ? x : 0);
    const int64_t large = (int64_t)x;
    if (fields[index].type == DOUBLE)
        memcpy(field, &x, sizeof x);
    else if (fields[index].type == INT)
        memcpy(field, &small, sizeof small);
    else
        memcpy(field, &large, sizeof large);
    return WEFT_OK;
}

static weft_status set_line(const char *key, const char *value, weft_target *out, bool *set)
{
    if (strcmp(key, "base") == 0) {
        const weft_target *base = built_in(value);
        if (!base)
            return weft_fail(WEFT_BAD_DATA, "base '%.40s' is not a card that weft knows", value);
        *out = *base;
        memset(set, true, WEFT_COUNT(fields));
        return WEFT_OK;
    }
    if (strcmp(key, "name") == 0)
        return copy_text(key, value, out->name, sizeof out->name);
    if (strcmp(key, "device") == 0)
        return copy_text(key, value, out->device, sizeof out->device);
    for (int i = 0; i < WEFT_COUNT(fields); i++)
        if (strcmp(key, fields[i].key) == 0) {
            set[i] = true;
            return set_field(i, value, out);
        }
    return weft_fail(WEFT_BAD_DATA, "there is no property '%.40s'", key);
}

/* `key value` lines; '#' begins a comment. */
static weft_status parse(char *text, weft_target *out)
{
    weft_target target = { .name = "file", .device = "GPU of a file" };
    bool set[WEFT_COUNT(fields)] = { false };
    int line = 0;
    for (char *next, *at = text; at && *at; at = next) {
        line++;
        next = strchr(at, '\n');
        if (next)
            *next++ = '\0';
        at[strcspn(at, "#\r")] = '\0';
        at += strspn(at, " \t");
        for (size_t n = strlen(at); n > 0 && isspace((unsigned char)at[n - 1]); n--)
            at[n - 1] = '\0';
        if (!*at)
            continue;
        char *value = at + strcspn(at, " \t");
        if (*value)
            *value++ = '\0';
        value += strspn(value, " \t");
        const weft_status status = set_line(at, value, &target, set);
        if (status != WEFT_OK)
            return weft_fail_in(status, "line %d", line);
    }
    for (int i = 0; i < WEFT_COUNT(fields); i++)
        if (!set[i])
            return weft_fail(WEFT_BAD_DATA, "%s is missing, and there is no base", fields[i].key);
    *out = target;
    return WEFT_OK;
}

static const char *target_name(const void *list, int index)
{
    (void)list;
    return targets[index].name;
}

weft_status weft_target_find(const char *text, weft_target *out)
{
    const weft_target *known = built_in(text);
    if (known) {
        *out = *known;
        return WEFT_OK;
    }
    uint64_t size;
    int file;
    weft_status status = weft_open_regular(text, "a description of a card", &file, &size);
    if (status == WEFT_NOT_FOUND) {
        const int near = weft_nearest(text, target_name, NULL, WEFT_COUNT(targets));
        return weft_fail(WEFT_NOT_FOUND, "'%.200s' is neither a card that weft knows (did you mean '%s'?) nor a file",
                         text, targets[near < 0 ? 0 : near].name);
    }
    WEFT_TRY(status);
    char buf[MAX_FILE];
    size_t n = 0;
    status = weft_read_bytes(file, text, (uint8_t *)buf, sizeof buf - 1, &n);
    close(file);
    WEFT_TRY(status);
    buf[n] = '\0';
    if (size >= sizeof buf || strlen(buf) != n)
        return weft_fail(WEFT_BAD_DATA, "%.200s: not a text of at most %d bytes", text, MAX_FILE - 1);
    status = parse(buf, out);
    return status == WEFT_OK ? status : weft_fail_in(status, "%.200s", text);
}
