/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "device/cage.h"
#include "device/namespaces.h"
#include "virtio/transport_hvisor.h"

#ifndef PR_SET_MDWE /* Linux 6.3 */
#define PR_SET_MDWE              65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

/* Where it logs to a file, that has a limit, too. */
#define LOG_FILE_MAX (UINT64_C(64) << 20)

/* ---- descriptors and limits --------------------------------------------------------------------------- */

static int compare_fds(const void *a, const void *b) {
        return *(const int *) a - *(const int *) b;
}

int cage_close_others(int *keep, size_t count) {
        unsigned first = STDERR_FILENO + 1;

        qsort(keep, count, sizeof(*keep), compare_fds);
        for (size_t i = 0; i < count; i++) {
                unsigned fd = (unsigned) keep[i];

                if (fd > first && syscall(__NR_close_range, first, fd - 1, 0) < 0)
                        return -errno;
                first = fd + 1;
        }
        return syscall(__NR_close_range, first, UINT32_MAX, 0) < 0 ? -errno : 0;
}

/* How large a file may become: as large as it is, but for one that is only written to, a log. */
static uint64_t size_limit(int fd) {
        int flags = fcntl(fd, F_GETFL);
        struct stat st;

        if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return 0;
        return MAX((uint64_t) st.st_size, (flags & O_ACCMODE) == O_WRONLY ? LOG_FILE_MAX : 0);
}

/*
 * Of a worker that another one follows, who has the size of then. Who is alone writes to an image that has grown itself,
 * and makes a file in memory for the front-end, the record of what is in flight.
 */
static uint64_t largest_file(enum cage_transport transport, const int *fds, size_t count) {
        uint64_t largest = size_limit(STDERR_FILENO);

        if (transport == CAGE_VHOST_USER)
                return RLIM_INFINITY;
        for (size_t i = 0; i < count; i++)
                largest = MAX(largest, size_limit(fds[i]));
        return largest;
}

static int limit(int resource, uint64_t value) {
        struct rlimit now, l = { value, value };

        /* One that is lower already can only be kept. */
        if (getrlimit(resource, &now) == 0 && now.rlim_max < l.rlim_max)
                l.rlim_cur = l.rlim_max = now.rlim_max;
        return setrlimit(resource, &l) < 0 ? -errno : 0;
}

/*
 * Not the address space: the zone's RAM is mapped, however large it is. But memory of its own: what a worker may take
 * beside what it begins with, where no MemoryMax= says less.
 */
#define MEMORY_ROOM (UINT64_C(256) << 20)
#define THREADS_MAX 64 /* of the kernel's for io_uring, too: they count as the user's */

static int limit_memory(void) {
        FILE *f = fopen("/proc/self/statm", "re");
        unsigned long pages = 0; /* that RLIMIT_DATA counts */

        if (f) {
                (void) !fscanf(f, "%*u %*u %*u %*u %*u %lu", &pages);
                fclose(f);
        }
        return limit(RLIMIT_DATA, (uint64_t) pages * (uint64_t) sysconf(_SC_PAGESIZE) + MEMORY_ROOM);
}

/* Of a front-end: three descriptors a queue, a message's, and those of the connection; with what is open already. */
#define VHOST_USER_FDS 128

static int set_limits(enum cage_transport transport, const int *fds, size_t count) {
        const struct {
                int resource;
                uint64_t value;
        } limits[] = {
                { RLIMIT_CORE, 0 },
                { RLIMIT_FSIZE, largest_file(transport, fds, count) },
                /* Nothing can be opened: 0 is taken. Not 0: poll(2) would refuse to look at one descriptor. */
                { RLIMIT_NOFILE, transport == CAGE_VHOST_USER ? VHOST_USER_FDS : 1 },
                { RLIMIT_NPROC, THREADS_MAX },
                { RLIMIT_MEMLOCK, 0 },
                { RLIMIT_MSGQUEUE, 0 },
                { RLIMIT_NICE, 0 },
                { RLIMIT_RTPRIO, 0 },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < ELEMENTSOF(limits); i++)
                r = limit(limits[i].resource, limits[i].value);
        return r;
}

/* ---- privileges --------------------------------------------------------------------------------------- */

/* While there are capabilities to do it with. Both sets would matter again only after an execve(). */
static int drop_inheritance(void) {
        for (unsigned long c = 0; prctl(PR_CAPBSET_READ, c, 0, 0, 0) >= 0; c++)
                if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EPERM)
                        return -errno;
        return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ? -errno : 0;
}

/* There is a group of the same number, which nobody else has either. */
static int become(uid_t uid) {
        if (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)
                return -errno;
        return setuid(0) == 0 ? -EPERM : 0; /* there must be no way back */
}

static int drop_capabilities(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

        return syscall(__NR_capset, &header, none) < 0 ? -errno : 0;
}

static int drop_privileges(uid_t uid) {
        int r = drop_inheritance();

        if (r >= 0 && geteuid() == 0)
                r = become(uid);
        if (r >= 0)
                r = drop_capabilities();
        if (r >= 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
                r = -errno;
        if (r >= 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
                r = -errno;
        return r;
}

/* ---- what is good to have ------------------------------------------------------------------------------ */

static void tell_missing(const char *name, const char *missing, bool is_root, bool landlock, int why) {
        if (missing[0] || !is_root || !landlock)
                log_warning("%s: its cage lacks%s%s%s%s%s: %s", name, missing[0] ? " namespaces (" : "", missing,
                            missing[0] ? ")" : "", is_root ? "" : " a user of its own", landlock ? "" : " Landlock",
                            strerror(why));
}

int cage_isolate(const char *name, uid_t uid, struct err *e) {
        bool is_root = geteuid() == 0;
        char missing[MISSING_WALLS_SIZE];
        int why, landlock, r;

        r = limit_memory(); /* first: it asks /proc */
        if (r < 0)
                return err_set(e, r, "cannot limit memory: %s", strerror(-r));
        why = namespaces_enter(missing);
        r = drop_privileges(uid);
        if (r < 0)
                return err_set(e, r, "cannot drop privileges: %s", strerror(-r));
        landlock = landlock_enter();
        (void) prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
        tell_missing(name, missing, is_root, landlock >= 0, why ?: is_root ? -landlock : EPERM);
        return 0;
}

/* ---- system calls ------------------------------------------------------------------------------------- */

/* The loop, the log, the end. */
static const struct cage_rule common_rules[] = {
#ifdef __NR_epoll_wait
        { __NR_epoll_wait, false, 0 },
#endif
        { __NR_epoll_pwait, false, 0 },     { __NR_epoll_ctl, false, 0 },     /* queues come and go */
        { __NR_write, false, 0 },           { __NR_clock_gettime, false, 0 }, /* where the vDSO cannot tell */
        { __NR_restart_syscall, false, 0 }, { __NR_rt_sigreturn, false, 0 },  { __NR_close, false, 0 },
        { __NR_munmap, false, 0 },          { __NR_brk, false, 0 },           { __NR_exit_group, false, 0 },
};

static int allow(scmp_filter_ctx filter, const struct cage_rule *rules, size_t count) {
        for (size_t i = 0; i < count; i++) {
                const struct cage_rule *rule = &rules[i];
                int r = rule->restricted ? seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->syscall, 1,
                                                            SCMP_A1(SCMP_CMP_EQ, rule->request))
                                         : seccomp_rule_add(filter, SCMP_ACT_ALLOW, rule->syscall, 0);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int allow_hvisor(scmp_filter_ctx filter) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < TRANSPORT_HVISOR_IOCTLS; i++)
                r = allow(filter, &(struct cage_rule){ __NR_ioctl, true, transport_hvisor_ioctls[i] }, 1);
        return r;
}

/* A front-end comes and goes, and what it has is mapped, but never as a program. */
static int allow_vhost_user(scmp_filter_ctx filter) {
        static const struct cage_rule rules[] = {
                { __NR_accept4, false, 0 }, { __NR_recvmsg, false, 0 },      { __NR_sendmsg, false, 0 },
                { __NR_fstat, false, 0 },   { __NR_memfd_create, false, 0 }, { __NR_ftruncate, false, 0 },
                { __NR_fstatfs, false, 0 }, { __NR_fcntl, true, F_GETFL },   { __NR_ppoll, false, 0 },
#ifdef __NR_poll
                { __NR_poll, false, 0 },
#endif
        };
        int r = allow(filter, rules, ELEMENTSOF(rules));

        return r < 0 ? r
                     : seccomp_rule_add(filter, SCMP_ACT_ALLOW, __NR_mmap, 1,
                                        SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int restrict_system_calls(const struct device_type *type, enum cage_transport transport) {
        scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
        int r;

        if (!filter)
                return -ENOMEM;
        r = allow(filter, common_rules, ELEMENTSOF(common_rules));
        if (r >= 0)
                r = allow(filter, type->rules, type->num_rules);
        if (r >= 0)
                r = transport == CAGE_VHOST_USER ? allow_vhost_user(filter) : allow_hvisor(filter);
        if (r >= 0)
                r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1); /* threads that there are, too */
        if (r >= 0)
                r = seccomp_load(filter);
        /* Not released: nothing is lost by it, and the process is locked up now. */
        return r;
}

int cage_restrict(const struct device_type *type, enum cage_transport transport, const int *fds, size_t count,
                  struct err *e) {
        int r = set_limits(transport, fds, count);

        if (r < 0)
                return err_set(e, r, "cannot limit resources: %s", strerror(-r));
        r = restrict_system_calls(type, transport);
        return r < 0 ? err_set(e, r, "cannot restrict system calls: %s", strerror(-r)) : 0;
}
