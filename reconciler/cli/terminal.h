/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The user's terminal in raw mode, and back again whatever happens. */
#pragma once

#include <termios.h>

#include "base/macros.h"

struct terminal {
        int fd; /* -1: nothing to restore */
        struct termios before;
};

/** terminal_raw() - @fd is borrowed; does nothing and returns 0 if it is not a terminal. Return: 0, -errno.
 */
int terminal_raw(struct terminal *t, int fd);

/** terminal_restore() - also for _cleanup_(); twice does no harm */
void terminal_restore(struct terminal *t);
