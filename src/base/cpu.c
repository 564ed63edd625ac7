/* SPDX-License-Identifier: Apache-2.0
 *
 * What this CPU has. Instruction sets by the compiler's CPUID support, which also asks the operating system
 * whether it saves the wide registers (XGETBV). Caches from sysfs, then CPUID leaf 4 (Intel) or 0x8000001D
 * (AMD), then common sizes. Every AArch64 has NEON; on other machines the portable kernels are the best there are. */
#include "base/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const char *const isa_names[WEFT_ISA_COUNT] = { "ref", "portable", "neon", "avx2", "avx512" };

const char *weft_isa_name(weft_isa isa)
{
    return (int)isa >= 0 && isa < WEFT_ISA_COUNT ? isa_names[isa] : "unknown";
}

bool weft_isa_is_native(weft_isa isa)
{
#if defined(__x86_64__)
    return isa != WEFT_ISA_NEON;
#elif defined(__aarch64__)
    return isa <= WEFT_ISA_NEON;
#else
    return isa <= WEFT_ISA_PORTABLE;
#endif
}

weft_isa weft_isa_parse(const char *name)
{
    for (int i = 0; name && i < WEFT_ISA_COUNT; i++) {
        if (strcmp(name, isa_names[i]) == 0)
            return (weft_isa)i;
    }
    return WEFT_ISA_COUNT;
}

/* First line of a small file, without the newline; false if there is none. */
static bool read_line(const char *path, char *line, int size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const bool ok = fgets(line, size, file) != NULL;
    fclose(file);
    if (ok)
        line[strcspn(line, "\n")] = '\0';
    return ok;
}

static void set_cache(weft_cpu *cpu, int level, size_t bytes)
{
    size_t *const sizes[] = { &cpu->l1, &cpu->l2, &cpu->l3 };
    if (level >= 1 && level <= 3 && bytes && !*sizes[level - 1])
        *sizes[level - 1] = bytes;
}

/* Linux: /sys/devices/system/cpu/cpu0/cache/index<i>/{level,type,size}, size as "32K". */
static void caches_from_sysfs(weft_cpu *cpu)
{
    for (int i = 0; i < 8; i++) {
        static const char *const names[] = { "level", "type", "size" };
        char path[96], line[3][32] = { "", "", "" };
        for (int k = 0; k < 3; k++) {
            snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", i, names[k]);
            if (!read_line(path, line[k], sizeof line[k]))
                return;
        }
        if (strcmp(line[1], "Instruction") == 0)
            continue;
        char *unit;
        const unsigned long number = strtoul(line[2], &unit, 10);
        const size_t scale = *unit == 'K' ? 1024u : *unit == 'M' ? 1024u * 1024u : 1u;
        if (number < (1u << 24))
            set_cache(cpu, (int)strtol(line[0], NULL, 10), number * scale);
    }
}

#if defined(__x86_64__)

static weft_isa best_isa(void)
{
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    return avx512 ? WEFT_ISA_AVX512 : avx2 ? WEFT_ISA_AVX2 : WEFT_ISA_PORTABLE;
}

/* Both leaves have one layout: sub-leaf i describes cache i until its type (EAX bits 0..4) is 0. */
static void caches_from_cpuid(weft_cpu *cpu, unsigned leaf)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned a, b, c, d;
        if (!__get_cpuid_count(leaf, i, &a, &b, &c, &d) || (a & 31) == 0)
            return;
        const size_t line = (b & 0xfff) + 1, partitions = ((b >> 12) & 0x3ff) + 1, ways = (b >> 22) + 1;
        if ((a & 31) != 2) /* 1 data, 2 instruction, 3 unified */
            set_cache(cpu, (a >> 5) & 7, line * partitions * ways * ((size_t)c + 1));
    }
}

static void read_model(char *out, size_t size)
{
    unsigned words[3][4];
    char text[sizeof words + 1] = "";
    for (unsigned i = 0; i < 3; i++) {
        if (!__get_cpuid(0x80000002u + i, &words[i][0], &words[i][1], &words[i][2], &words[i][3]))
            return;
    }
    memcpy(text, words, sizeof words);
    const char *start = text + strspn(text, " ");
    size_t length = strlen(start);
    while (length && start[length - 1] == ' ')
        length--;
    if (length)
        snprintf(out, size, "%.*s", (int)length, start);
}

#else

static weft_isa best_isa(void)
{
    return weft_isa_is_native(WEFT_ISA_NEON) ? WEFT_ISA_NEON : WEFT_ISA_PORTABLE;
}

static void caches_from_cpuid(weft_cpu *cpu, unsigned leaf)
{
    (void)cpu;
    (void)leaf;
}

/* The name; AArch64 has none but says who made a core and which of theirs it is: "implementer 0x41, part 0xd0c". */
static void read_model(char *out, size_t size)
{
    char line[128], maker[16] = "unknown";
    bool named = false;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && !named && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        const int length = colon ? (int)strcspn(colon, "\n") - 2 : 0;
        if (length <= 0)
            continue;
        if (strncmp(line, "CPU implementer", 15) == 0) {
            snprintf(maker, sizeof maker, "%.*s", length, colon + 2);
        } else if (strncmp(line, "CPU part", 8) == 0) {
            snprintf(out, size, "implementer %s, part %.*s", maker, length, colon + 2);
            named = true;
        } else if (strncmp(line, "model name", 10) == 0) {
            snprintf(out, size, "%.*s", length, colon + 2);
            named = true;
        }
    }
    if (file)
        fclose(file);
}

#endif

void weft_cpu_read(weft_cpu *out)
{
    weft_cpu cpu = { .best = best_isa(), .model = "unknown CPU" };
    read_model(cpu.model, sizeof cpu.model);
    caches_from_sysfs(&cpu);
    caches_from_cpuid(&cpu, 4);
    caches_from_cpuid(&cpu, 0x8000001Du);
    set_cache(&cpu, 1, (size_t)32 << 10);
    set_cache(&cpu, 2, (size_t)512 << 10);
    set_cache(&cpu, 3, (size_t)8 << 20);
    *out = cpu;
}
