/* SPDX-License-Identifier: Apache-2.0
 *
 * What the helper may do: read descriptor 0, write descriptor 1, take memory, end. Resource limits, no new privileges,
 * and a seccomp filter (Linux; seccomp(2), the kernel's Documentation/userspace-api/seccomp_filter.rst) that kills the
 * process for any other system call and for executable memory. Processors other than x86-64 and aarch64 get no filter:
 * system call numbers differ between them, and a filter nobody has tried is a helper that never works. */
#include "helper.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

enum { CPU_SECONDS = 60 };

static void limit(int resource, uint64_t value)
{
    struct rlimit now, wish = { .rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value };
    if (getrlimit(resource, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < wish.rlim_max)
        wish.rlim_cur = wish.rlim_max = now.rlim_max;
    if (setrlimit(resource, &wish) != 0)
        refuse(UNSUPPORTED, "limit %d cannot be set: %s", resource, strerror(errno));
}

static void close_others(void)
{
#if defined(SYS_close_range)
    if (syscall(SYS_close_range, 2u, ~0u, 0u) == 0)
        return;
#endif
    const long most = sysconf(_SC_OPEN_MAX);
    for (int file = 2; file < (most > 0 && most < 65536 ? (int)most : 65536); file++)
        close(file);
}

void confine(uint64_t size)
{
    const uint64_t base = (uint64_t)1 << 30;
    close_others();
    limit(RLIMIT_AS, size < (UINT64_MAX - base) / 2 ? 2 * size + base : UINT64_MAX);
    limit(RLIMIT_CPU, CPU_SECONDS);
    limit(RLIMIT_NOFILE, 2); /* both are open */
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
#if defined(__linux__)
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
        refuse(UNSUPPORTED, "privileges cannot be given up: %s", strerror(errno));
#endif
}

#if defined(__linux__) && defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#define FIRST_ALIEN 0x40000000u /* the x32 calls, which share the architecture */
#elif defined(__linux__) && defined(__aarch64__) && defined(__AARCH64EL__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#define FIRST_ALIEN 0x40000000u
#endif

#ifdef FILTER_ARCH

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
/* If the loaded word is `call`, allow it. */
#define ALLOW(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), RETURN(SECCOMP_RET_ALLOW)
/* The same if its third argument, the protection, does not make memory executable. */
#define ALLOW_DATA(call)                                                                           \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 4), LOAD(args[2]),                              \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1), RETURN(SECCOMP_RET_KILL_PROCESS),       \
    RETURN(SECCOMP_RET_ALLOW)
/* The call finds no file. */
#define NO_FILE(call)                                                                              \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), RETURN(SECCOMP_RET_ERRNO | ENOENT)

static struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_ALIEN, 0, 1),
    RETURN(SECCOMP_RET_KILL_PROCESS),
    ALLOW(SYS_read), ALLOW(SYS_write), ALLOW(SYS_munmap), ALLOW(SYS_mremap), ALLOW(SYS_brk), ALLOW(SYS_madvise),
    ALLOW(SYS_exit), ALLOW(SYS_exit_group), ALLOW(SYS_rt_sigreturn), ALLOW(SYS_restart_syscall),
    ALLOW(SYS_clock_gettime), ALLOW(SYS_gettimeofday), ALLOW(SYS_futex), ALLOW(SYS_getrandom),
    ALLOW(SYS_sysinfo), /* qsort asks how much memory there is */
    ALLOW(SYS_nanosleep), ALLOW(SYS_clock_nanosleep), /* libhdf5, before it reads a bad checksum once more */
    ALLOW_DATA(SYS_mmap), ALLOW_DATA(SYS_mprotect),
    NO_FILE(SYS_openat), /* the core driver makes sure that the file it has been given does not exist */
    RETURN(SECCOMP_RET_KILL_PROCESS),
};

void seal(void)
{
    const struct sock_fprog program = { .len = sizeof filter / sizeof filter[0], .filter = filter };
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
        refuse(UNSUPPORTED, "this system has no seccomp filters, without which libhdf5 is not let near a file: %s",
               strerror(errno));
}

#else

void seal(void)
{
}

#endif
