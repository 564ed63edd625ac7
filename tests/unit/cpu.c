/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU features against the system's own list, and the CPU count against affinity and made-up cgroup trees. */
#include "base/cpu.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/cpus.h"
#include "base/pool.h"
#include "check/harness.h"

START_TEST(isa_names)
{
    for (int i = 0; i < WEFT_ISA_COUNT; i++)
        ck_assert_int_eq(weft_isa_parse(weft_isa_name((weft_isa)i)), i);
    ck_assert_int_eq(weft_isa_parse("avx1024"), WEFT_ISA_COUNT);
    ck_assert_int_eq(weft_isa_parse(""), WEFT_ISA_COUNT);
    ck_assert_int_eq(weft_isa_parse(NULL), WEFT_ISA_COUNT);
    ck_assert_str_eq(weft_isa_name(WEFT_ISA_AVX512), "avx512");
}
END_TEST

static bool kernel_lists(const char *flags, const char *flag)
{
    const size_t length = strlen(flag);
    for (const char *at = flags; (at = strstr(at, flag)) != NULL; at += length) {
        if (at > flags && at[-1] == ' ' && (at[length] == ' ' || at[length] == '\n' || !at[length]))
            return true;
    }
    return false;
}

START_TEST(features_are_those_the_kernel_lists)
{
    weft_cpu cpu;
    weft_cpu_read(&cpu);
    ck_assert_int_lt(cpu.best, WEFT_ISA_COUNT);
    ck_assert_uint_gt(strlen(cpu.model), 0);
    ck_assert_uint_ge(cpu.l1, 8 << 10);
    ck_assert_uint_ge(cpu.l2, cpu.l1);
    ck_assert_uint_le(cpu.l1, 1 << 20);
    ck_assert_uint_gt(cpu.l3, 0);
#if defined(__x86_64__)
    char flags[8192] = "";
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(flags, sizeof flags, file) && strncmp(flags, "flags", 5) != 0)
        continue;
    if (file)
        fclose(file);
    if (strncmp(flags, "flags", 5) != 0)
        return; /* no /proc here: nothing to compare with */
    const bool avx2 = kernel_lists(flags, "avx2") && kernel_lists(flags, "fma");
    const bool avx512 = avx2 && kernel_lists(flags, "avx512f") && kernel_lists(flags, "avx512vl") &&
                        kernel_lists(flags, "avx512dq") && kernel_lists(flags, "avx512bw");
    ck_assert_int_eq(cpu.best, avx512 ? WEFT_ISA_AVX512 : avx2 ? WEFT_ISA_AVX2 : WEFT_ISA_PORTABLE);
#else
    (void)kernel_lists;
#if defined(__aarch64__)
    ck_assert_int_eq(cpu.best, WEFT_ISA_NEON);
#else
    ck_assert_int_eq(cpu.best, WEFT_ISA_PORTABLE);
#endif
#endif
}
END_TEST

/* The best one is among those that may be here, and one of another architecture is never of them. */
START_TEST(another_architecture_is_refused)
{
    weft_cpu cpu;
    weft_cpu_read(&cpu);
    ck_assert(weft_isa_is_native(cpu.best) && weft_isa_is_native(WEFT_ISA_PORTABLE));
    ck_assert(!weft_isa_is_native(WEFT_ISA_NEON) || !weft_isa_is_native(WEFT_ISA_AVX2));
    ck_assert_int_eq(weft_isa_is_native(WEFT_ISA_AVX2), weft_isa_is_native(WEFT_ISA_AVX512));
    for (weft_isa isa = WEFT_ISA_REF; isa < WEFT_ISA_COUNT; isa++) {
        weft_ctx *ctx = NULL;
        const bool has = isa <= cpu.best && weft_isa_is_native(isa);
        const weft_status status =
            weft_ctx_create(&(weft_ctx_opt){ .device = "cpu", .threads = 1, .isa = weft_isa_name(isa) }, &ctx);
        ck_assert_int_eq(status, has ? WEFT_OK : WEFT_NO_DEVICE);
        if (has)
            ck_assert_str_eq(weft_ctx_isa(ctx), weft_isa_name(isa));
        else
            ck_assert_ptr_nonnull(strstr(weft_error(), weft_isa_name(cpu.best)));
        weft_ctx_destroy(ctx);
    }
}
END_TEST

#if defined(__linux__)
START_TEST(count_follows_affinity)
{
    cpu_set_t before, one;
    ck_assert_int_eq(sched_getaffinity(0, sizeof before, &before), 0);
    ck_assert_int_ge(weft_cpu_count(), 1);
    ck_assert_int_le(weft_cpu_count(), CPU_COUNT(&before));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && !CPU_COUNT(&one); i++) {
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    }
    ck_assert_int_eq(sched_setaffinity(0, sizeof one, &one), 0);
    ck_assert_int_eq(weft_cpu_count(), 1);
    ck_assert_int_eq(sched_setaffinity(0, sizeof before, &before), 0);
}
END_TEST
#endif

static void write_file(const char *root, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

START_TEST(cgroup_quotas)
{
    static const struct {
        const char *top, *group; /* cpu.max of /box and of /box/job */
        int cpus;
    } rows[] = {
        { "max 100000\n", "max 100000\n", 0 },
        { "max 100000\n", "400000 100000\n", 4 },
        { "200000 100000\n", "400000 100000\n", 2 }, /* the parent's is less */
        { "max 100000\n", "250000 100000\n", 2 },    /* whole CPUs only */
        { "max 100000\n", "50000 100000\n", 1 },     /* never none */
        { "max 100000\n", "garbage\n", 0 },
        { "max 100000\n", "", 0 },
        { "max 100000\n", "100000 0\n", 0 },
        { "max 100000\n", "-5 100000\n", 0 },
        { "max 100000\n", "99999999999999999999 1\n", 1 << 20 },
    };
    char root[] = "/tmp/weft-cgroup-XXXXXX", self[64], path[512];
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(self, sizeof self, "%s/self", root);
    snprintf(path, sizeof path, "%s/box", root);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/box/job", root);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    write_file(root, "self", "1:cpu:/elsewhere\n0::/box/job\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file(root, "box/cpu.max", rows[i].top);
        write_file(root, "box/job/cpu.max", rows[i].group);
        ck_assert_msg(weft_cgroup_cpus(root, self) == rows[i].cpus, "row %zu: %d CPUs, %d expected", i,
                      weft_cgroup_cpus(root, self), rows[i].cpus);
    }
    write_file(root, "self", "1:cpu:/box/job\n"); /* no unified hierarchy, and nothing of the other */
    ck_assert_int_eq(weft_cgroup_cpus(root, self), 0);
    ck_assert_int_eq(weft_cgroup_cpus(root, "/nonexistent"), 0);

    static const char *const made[] = { "box/job/cpu.max", "box/cpu.max", "box/job", "box", "self" };
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", root, made[i]);
        ck_assert_int_eq(remove(path), 0);
    }
    ck_assert_int_eq(rmdir(root), 0);
}
END_TEST

START_TEST(cgroup_quotas_of_version_1)
{
    static const struct {
        const char *self, *quota, *period; /* the files are those of /cpu,cpuacct/box */
        int cpus;
    } rows[] = {
        { "4:cpu,cpuacct:/box\n", "-1\n", "100000\n", 0 },
        { "4:cpu,cpuacct:/box\n", "300000\n", "100000\n", 3 },
        { "4:cpu,cpuacct:/box/job\n", "250000\n", "100000\n", 2 }, /* the parent's */
        { "4:cpu,cpuacct:/box\n0::/\n", "50000\n", "100000\n", 1 },
        { "0::/\n5:memory:/box\n4:cpuacct,cpu:/box\n", "300000\n", "100000\n", 0 }, /* not mounted by that name */
        { "4:cpuacct:/box\n3:cpuset:/box\n", "300000\n", "100000\n", 0 },
        { "4:cpu,cpuacct:/box\n", "garbage\n", "100000\n", 0 },
        { "4:cpu,cpuacct:/box\n", "300000\n", "0\n", 0 },
        { "4:cpu,cpuacct:/box\n", "300000\n", "", 0 },
        { "4:cpu,cpuacct\n:\n::\n\n", "300000\n", "100000\n", 0 },
    };
    static const char *const folders[] = { "cpu,cpuacct", "cpu,cpuacct/box", "cpu,cpuacct/box/job" };
    char root[] = "/tmp/weft-cgroup-XXXXXX", self[64], path[512];
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(self, sizeof self, "%s/self", root);
    for (int i = 0; i < WEFT_COUNT(folders); i++) {
        snprintf(path, sizeof path, "%s/%s", root, folders[i]);
        ck_assert_int_eq(mkdir(path, 0700), 0);
    }
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        write_file(root, "self", rows[i].self);
        write_file(root, "cpu,cpuacct/box/cpu.cfs_quota_us", rows[i].quota);
        write_file(root, "cpu,cpuacct/box/cpu.cfs_period_us", rows[i].period);
        ck_assert_msg(weft_cgroup_cpus(root, self) == rows[i].cpus, "row %d: %d CPUs, %d expected", i,
                      weft_cgroup_cpus(root, self), rows[i].cpus);
    }
    snprintf(path, sizeof path, "%s/cpu", root); /* the link of systemd; in a container the root has the files */
    ck_assert_int_eq(symlink("cpu,cpuacct", path), 0);
    write_file(root, "self", "4:cpuacct,cpu:/system.slice/docker-0123\n");
    write_file(root, "cpu/cpu.cfs_quota_us", "400000\n");
    write_file(root, "cpu/cpu.cfs_period_us", "100000\n");
    ck_assert_int_eq(weft_cgroup_cpus(root, self), 4);

    static const char *const made[] = { "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us", "cpu",
                                        "cpu,cpuacct/box/cpu.cfs_quota_us", "cpu,cpuacct/box/cpu.cfs_period_us",
                                        "cpu,cpuacct/box/job", "cpu,cpuacct/box", "cpu,cpuacct", "self" };
    for (int i = 0; i < WEFT_COUNT(made); i++) {
        snprintf(path, sizeof path, "%s/%s", root, made[i]);
        ck_assert_int_eq(remove(path), 0);
    }
    ck_assert_int_eq(rmdir(root), 0);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argc;
    Suite *suite = suite_create("cpu");
    CHECK_CASE(suite, "cpu", isa_names, features_are_those_the_kernel_lists, another_architecture_is_refused,
               cgroup_quotas, cgroup_quotas_of_version_1);
#if defined(__linux__)
    CHECK_CASE(suite, "affinity", count_follows_affinity);
#endif
    return check_main(suite, argv[0]);
}
