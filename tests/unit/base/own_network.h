/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A network of the test's own, for real taps: be_alone() first, and each test that needs one begins with NEEDS_A_NETWORK(). */
#pragma once

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mount.h>

#include "base/fd.h"

static bool alone; /* in a network of our own, with /sys to go with it */

static void be_alone(void) {
        int fd;

        if (unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS) < 0)
                return;
        fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        alone = fd >= 0 && mount("sys", "/sys", "sysfs", 0, NULL) == 0;
        fd_close(fd);
}

#define NEEDS_A_NETWORK()                                                                                              \
        do {                                                                                                           \
                if (!alone)                                                                                            \
                        skip();                                                                                        \
        } while (0)
