/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walls of a cage that not every kernel has and not every daemon may build:
 * namespaces and Landlock. cage.h has the table.
 */
#pragma once

#include <stddef.h>

#define MISSING_WALLS_SIZE 160

/**
 * namespaces_enter() - namespaces of its own for mounts, network, IPC, host name and cgroups; no file system
 * @missing: which of them, and PID, there are not, as "mount, network"; "" if none
 *
 * Needs CAP_SYS_ADMIN. Open descriptors stay what they are. Return: 0 or an errno that says why some are missing.
 */
int namespaces_enter(char missing[static MISSING_WALLS_SIZE]);

/**
 * landlock_enter() - nothing on any file system can be opened, made or removed; nothing be bound, connected to
 * or signalled, as far as this kernel's Landlock goes
 *
 * Needs no_new_privs. Return: 0, -ENOSYS or -EOPNOTSUPP (the kernel has none), -errno.
 */
int landlock_enter(void);
