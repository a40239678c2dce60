/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a worker locks itself up: it has its descriptors and mappings, and gives
 * everything else away for good, before it looks at the first byte of a guest.
 */
#pragma once

#include "device/device_type.h"

/**
 * cage_close_others() - closes every descriptor but stdin, stdout, stderr and @keep
 * @keep: sorted in place
 *
 * Return: 0 or -errno.
 */
int cage_close_others(int *keep, size_t count);

/**
 * cage_enter() - drops privileges and restricts system calls, for the rest of the process
 * @type: whose system calls are let through, with those that every worker makes
 * @fds: the descriptors in use; files among them cannot be grown
 *
 * As root: becomes the user hvisor-device, or 65534 where there is none. Anyhow: no
 * capability, no new privileges, no core, nothing can be opened, and any system call that is
 * not on the list kills the process. Return: 0 or -errno with @e; after an error exit.
 */
int cage_enter(const struct device_type *type, const int *fds, size_t count, struct err *e);
