/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors that an earlier daemon gave to a worker: its command line tells which, base/worker.h. */
#pragma once

#include <sys/types.h>

/**
 * worker_fds_copy() - takes copies of those behind "--OPTION=N,N…"
 * @ret: room for @max; close-on-exec, owned by the caller
 *
 * All or none. Return: how many; 0: the worker was given none, or they cannot be had.
 */
unsigned worker_fds_copy(pid_t worker, int pidfd, const char *option, int *ret, unsigned max);
