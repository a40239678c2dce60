/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a worker locks itself up: it has its descriptors, and gives everything else
 * away for good, in two steps, before it looks at the first byte of a guest.
 *
 *   wall                     by                                    where it cannot be built
 *   ----------------------   -----------------------------------   --------------------------------
 *   system calls             seccomp, a list per type; else the    the worker does not serve
 *                            process is killed
 *   no capability            all five sets empty                   the worker does not serve
 *   no new privileges        prctl(2), not dumpable                the worker does not serve
 *   resources                setrlimit(2): cage.c has the table    the worker does not serve
 *   a user of its own        WORKER_UID(), no groups               started as root: it does not serve;
 *                                                                  else it stays who it is, and says so
 *   processes                PID namespace, made with the          one line in the log
 *                            process (engine/process.h)
 *   files                    mount namespace: an empty, read-      one line in the log
 *                            only directory is all there is
 *   network, System V IPC    a namespace of its own of each        one line in the log
 *   names, cgroups
 *   files, once more         Landlock without a rule               one line in the log
 *   writable code            PR_SET_MDWE, Linux 6.3                nothing: no type may map or protect
 *                                                                  memory as executable anyhow
 *
 * Each holds if all others fall; the last four are no more than what a kernel has and a
 * daemon may: a worker in a container, or started by hand, is worth less than one that serves.
 * What came in as a descriptor works on: a tap belongs to its own network namespace, and an
 * image to its own file system.
 */
#pragma once

#include <sys/types.h>

#include "device/device_type.h"

/**
 * cage_close_others() - closes every descriptor but stdin, stdout, stderr and @keep
 * @keep: sorted in place
 *
 * Return: 0 or -errno.
 */
int cage_close_others(int *keep, size_t count);

/**
 * cage_isolate() - every wall but those of resources and system calls, for the rest of the process
 * @name: of the worker, for the log
 * @uid: user and group that it becomes where it is root; not 0
 *
 * Before there is a second thread: it would stay outside. Return: 0 or -errno with @e; after an error exit.
 */
int cage_isolate(const char *name, uid_t uid, struct err *e);

/* What carries the device: it has system calls of its own. */
enum cage_transport {
        CAGE_HVISOR,
        CAGE_VHOST_USER, /* descriptors and memory come in while it serves */
};

/**
 * cage_restrict() - the rest, once nothing more has to be made or opened
 * @type: whose system calls are let through, with those that every worker makes
 * @fds: the descriptors in use; with CAGE_HVISOR no file gets larger by this process than the largest of them is now
 *
 * Holds for all threads. Return: 0 or -errno with @e; after an error exit.
 */
int cage_restrict(const struct device_type *type, enum cage_transport transport, const int *fds, size_t count,
                  struct err *e);
