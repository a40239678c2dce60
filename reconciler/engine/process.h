/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that outlives its parent: own session, no parent-death signal,
 * nothing inherited but the descriptors that it is given and, in its environment,
 * what base/log.h reads: the journal's stream and our log level.
 * It waits before exec until it is let go, so that it can be moved to another
 * cgroup first.
 *
 * It is the first process of a PID namespace of its own, where the kernel has those
 * and we may make them: there it sees and signals nobody. Signals from outside that it
 * leaves to their default do not end it then, SIGKILL excepted; SIGTERM and SIGINT are
 * blocked when it begins, so that none is lost until it looks.
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"

struct process {
        pid_t pid;
        int pidfd;
        int gate; /* write one byte: go; close: never mind, it exits */
};

/**
 * process_fork() - @argv[0] is the program's absolute path
 * @error_fd: becomes its standard output and error
 * @fds: keep their numbers in the child, which the caller has put into @argv
 */
int process_fork(char *const argv[], int error_fd, const int *fds, size_t num_fds, struct process *ret, struct err *e);

/** process_go() - lets it exec; closes the gate */
void process_go(int *gate);
