/* SPDX-License-Identifier: Apache-2.0
 *
 * How many CPUs this process may use: the affinity mask, cut by the quotas of control groups, version 1 or 2. A
 * container with a quota of two CPUs on a machine of 64 gets two threads; more would only be throttled. */
#include "base/cpus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/compiler.h"
#include "base/pool.h"

#if defined(__linux__)
#include <sched.h>
#endif

/* First line of a file whose path is the three parts one after the other, without the newline; false: there is none. */
static bool read_line(const char *root, const char *group, const char *name, char *line, int size)
{
    char path[2304];
    if (snprintf(path, sizeof path, "%s%s/%s", root, group, name) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    const bool found = fgets(line, size, file) != NULL;
    fclose(file);
    return found;
}

/* Whole CPUs for so much time in each period, from texts like "150000" and "100000"; 0: no limit. */
static int whole_cpus(const char *time_text, const char *period_text)
{
    char *after_time, *after_period;
    const long time = strtol(time_text, &after_time, 10), period = strtol(period_text, &after_period, 10);
    if (after_time == time_text || after_period == period_text || time <= 0 || period <= 0)
        return 0; /* v2 says "max", v1 -1 */
    const long cpus = time / period;
    return cpus < 1 ? 1 : cpus > 1 << 20 ? 1 << 20 : (int)cpus;
}

/* Version 2: "150000 100000". */
static int unified_quota(const char *root, const char *group)
{
    char line[64];
    if (!read_line(root, group, "cpu.max", line, sizeof line))
        return 0;
    return whole_cpus(line, line + strcspn(line, " "));
}

/* Version 1: a file for each. */
static int legacy_quota(const char *root, const char *group)
{
    char time[64], period[64];
    if (!read_line(root, group, "cpu.cfs_quota_us", time, sizeof time) ||
        !read_line(root, group, "cpu.cfs_period_us", period, sizeof period))
        return 0;
    return whole_cpus(time, period);
}

static int lesser(int a, int b)
{
    return !a || (b && b < a) ? b : a;
}

/* The least quota of the group and its parents, up to the root of the hierarchy; group is cut on the way. In a
 * container the group may be named as the host sees it: then only the root, which is the container's, has the files. */
static int least_quota(const char *root, char *group, int (*quota)(const char *root, const char *group))
{
    int least = 0;
    for (;;) {
        least = lesser(least, quota(root, group));
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/* Whether "cpu" is one of "cpu,cpuacct". */
static bool controls_cpu(const char *list)
{
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, "cpu", 3) == 0 && (at[3] == ',' || at[3] == '\0'))
            return true;
    }
    return false;
}

/* Version 1, mounted under the names of all its controllers or as "cpu"; systemd makes both, one a link. */
static int least_legacy(const char *root, const char *controllers, const char *group)
{
    const char *const names[] = { "cpu", controllers };
    int least = 0;
    for (int i = 0; i < WEFT_COUNT(names); i++) {
        char mount[1280], copy[1024];
        if (snprintf(mount, sizeof mount, "%s/%s", root, names[i]) >= (int)sizeof mount ||
            snprintf(copy, sizeof copy, "%s", group) >= (int)sizeof copy)
            continue;
        least = lesser(least, least_quota(mount, copy, legacy_quota));
    }
    return least;
}

/* One line of /proc/self/cgroup: "number:controllers:/group"; 0 and no controllers: the unified hierarchy. */
static int quota_of_line(const char *root, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    char *const list = strchr(line, ':'), *const group = list ? strchr(list + 1, ':') : NULL;
    if (!group || group[1] != '/')
        return 0;
    *group = '\0';
    if (strcmp(line, "0:") == 0)
        return least_quota(root, group + 1, unified_quota);
    return controls_cpu(list + 1) ? least_legacy(root, list + 1, group + 1) : 0;
}

int weft_cgroup_cpus(const char *root, const char *self)
{
    char line[1024];
    int least = 0;
    FILE *file = fopen(self, "re");
    if (!file)
        return 0;
    while (fgets(line, sizeof line, file))
        least = lesser(least, quota_of_line(root, line));
    fclose(file);
    return least;
}

static int allowed_by_affinity(void)
{
#if defined(__linux__)
    for (int size = 1024; size <= 1 << 20; size *= 4) { /* too small a mask is EINVAL */
        cpu_set_t *set = CPU_ALLOC((size_t)size);
        if (!set)
            break;
        const int failed = sched_getaffinity(0, CPU_ALLOC_SIZE((size_t)size), set);
        const int count = failed ? 0 : CPU_COUNT_S(CPU_ALLOC_SIZE((size_t)size), set);
        CPU_FREE(set);
        if (count > 0)
            return count;
        if (errno != EINVAL)
            break;
    }
#endif
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online < 1 ? 1 : (int)online;
}

int weft_cpu_count(void)
{
    const int allowed = allowed_by_affinity(), cpus = weft_cgroup_cpus("/sys/fs/cgroup", "/proc/self/cgroup");
    return cpus && cpus < allowed ? cpus : allowed;
}
