/* SPDX-License-Identifier: Apache-2.0
 *
 * How many CPUs this process may use: the affinity mask, cut by the quotas of cgroup v2. A container with a quota of
 * two CPUs on a machine of 64 gets two threads; more would only be throttled. */
#include "base/cpus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"

#if defined(__linux__)
#include <sched.h>
#endif

/* "max 100000" or "150000 100000": microseconds of CPU time in each period. 0: no limit. */
static int quota(const char *root, const char *group)
{
    char path[1280], line[64] = "";
    if (snprintf(path, sizeof path, "%s%s/cpu.max", root, group) >= (int)sizeof path)
        return 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    const bool found = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    char *after_time, *after_period;
    const long time = strtol(line, &after_time, 10), period = strtol(after_time, &after_period, 10);
    if (!found || after_period == after_time || time <= 0 || period <= 0) /* "max" is no number */
        return 0;
    const long cpus = time / period;
    return cpus < 1 ? 1 : cpus > 1 << 20 ? 1 << 20 : (int)cpus;
}

int weft_cgroup_cpus(const char *root, const char *self)
{
    char line[1024], group[1024] = "";
    FILE *file = fopen(self, "re");
    if (!file)
        return 0;
    while (!group[0] && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "0::/", 4) == 0) /* the unified hierarchy */
            memcpy(group, line + 3, strlen(line + 3) + 1);
    }
    fclose(file);
    int least = 0;
    for (;;) { /* the group and its parents, up to the root of the hierarchy */
        const int cpus = quota(root, group);
        if (cpus && (!least || cpus < least))
            least = cpus;
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
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
