/* SPDX-License-Identifier: Apache-2.0
 *
 * The CPU quota of a control group, apart from weft_cpu_count so that a test can show it a tree of its own. */
#ifndef WEFT_BASE_CPUS_H
#define WEFT_BASE_CPUS_H

/* CPUs that the groups named in `self` (a file like /proc/self/cgroup) and their parents allow, under `root`
 * (/sys/fs/cgroup): by cpu.max of the unified hierarchy or cpu.cfs_quota_us of the older one. Whole CPUs, at least 1;
 * 0: no limit. */
int weft_cgroup_cpus(const char *root, const char *self);

#endif
