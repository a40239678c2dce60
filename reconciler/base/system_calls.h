/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that C libraries have no functions for (musl, and glibc before
 * 2.36), with their constants. As the functions: -1 and errno on error.
 */
#pragma once

#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

static inline int sys_pidfd_open(pid_t pid, unsigned flags) {
        return (int) syscall(__NR_pidfd_open, pid, flags);
}

static inline int sys_pidfd_getfd(int pidfd, int fd, unsigned flags) {
        return (int) syscall(__NR_pidfd_getfd, pidfd, fd, flags);
}

static inline int sys_pidfd_send_signal(int pidfd, int signal, siginfo_t *info, unsigned flags) {
        return (int) syscall(__NR_pidfd_send_signal, pidfd, signal, info, flags);
}

/* linux/mount.h, which cannot stand beside some versions of sys/mount.h */
#ifndef FSOPEN_CLOEXEC
#define FSOPEN_CLOEXEC          0x1
#define FSMOUNT_CLOEXEC         0x1
#define FSCONFIG_SET_STRING     1
#define FSCONFIG_CMD_CREATE     6
#define MOVE_MOUNT_F_EMPTY_PATH 0x4
#define MOUNT_ATTR_RDONLY       0x1
#define MOUNT_ATTR_NOSUID       0x2
#define MOUNT_ATTR_NODEV        0x4
#define MOUNT_ATTR_NOEXEC       0x8
#endif

static inline int sys_fsopen(const char *type, unsigned flags) {
        return (int) syscall(__NR_fsopen, type, flags);
}

static inline int sys_fsconfig(int context, unsigned command, const char *key, const void *value, int more) {
        return (int) syscall(__NR_fsconfig, context, command, key, value, more);
}

static inline int sys_fsmount(int context, unsigned flags, unsigned attributes) {
        return (int) syscall(__NR_fsmount, context, flags, attributes);
}

static inline int sys_move_mount(int from, const char *from_path, int to, const char *to_path, unsigned flags) {
        return (int) syscall(__NR_move_mount, from, from_path, to, to_path, flags);
}
