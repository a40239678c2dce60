/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <unistd.h>

#include "cli/terminal.h"

int terminal_raw(struct terminal *t, int fd) {
        struct termios raw;

        t->fd = -1;
        if (!isatty(fd))
                return 0;
        if (tcgetattr(fd, &t->before) < 0)
                return -errno;
        raw = t->before;
        cfmakeraw(&raw);
        if (tcsetattr(fd, TCSAFLUSH, &raw) < 0)
                return -errno;
        t->fd = fd;
        return 0;
}

void terminal_restore(struct terminal *t) {
        if (t->fd >= 0)
                (void) tcsetattr(t->fd, TCSADRAIN, &t->before);
        t->fd = -1;
}
