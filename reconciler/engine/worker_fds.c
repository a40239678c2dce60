/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/worker_fds.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/system_calls.h"

/* What stands behind "--OPTION=" in a process's arguments; NULL: it was not given. */
static const char *find_option(const char *arguments, size_t size, const char *option) {
        size_t length = strlen(option);

        for (const char *a = arguments; a < arguments + size; a += strlen(a) + 1)
                if (strncmp(a, "--", 2) == 0 && strncmp(a + 2, option, length) == 0 && a[2 + length] == '=')
                        return a + 3 + length;
        return NULL;
}

unsigned worker_fds_copy(pid_t worker, int pidfd, const char *option, int *ret, unsigned max) {
        char path[64], arguments[4096];
        _cleanup_close_ int fd = -1;
        const char *list = NULL;
        unsigned count = 0;
        ssize_t n;

        snprintf(path, sizeof(path), "/proc/%d/cmdline", (int) worker);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, arguments, sizeof(arguments) - 1);
        if (n > 0) {
                arguments[n] = '\0';
                list = find_option(arguments, (size_t) n, option);
        }
        while (list && count < max) {
                ret[count] = sys_pidfd_getfd(pidfd, atoi(list), 0);
                if (ret[count] < 0) {
                        while (count > 0)
                                fd_close(ret[--count]);
                        return 0;
                }
                count++;
                list = strchr(list, ',');
                list = list ? list + 1 : NULL;
        }
        return count;
}
