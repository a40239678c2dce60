/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <sys/inotify.h>

#include "base/fd.h"
#include "base/image_events.h"

/* Not IN_MODIFY: that is each write of the worker's own. */
int image_events_open(int image_fd) {
        _cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        char path[40];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", image_fd);
        if (fd < 0 || inotify_add_watch(fd, path, IN_CLOSE_WRITE | IN_ATTRIB) < 0)
                return -errno;
        return TAKE_FD(fd);
}
