/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"

/*
 * A read lease (fcntl(2), F_SETLEASE) is refused while anybody has the file open for writing; whoever wants
 * to open it so afterwards waits until the lease goes with the descriptor. The kernel tells of him by a
 * signal: one that nobody minds. Where there are no leases, nothing is known.
 */
static bool is_being_written(int fd) {
        (void) fcntl(fd, F_SETSIG, SIGURG);
        return fcntl(fd, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN;
}

int file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_size) {
        /* O_NONBLOCK: a FIFO put there must not hold the caller up. */
        _cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        _cleanup_free_ char *text = NULL;
        struct stat st;
        size_t size = 0;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        if (st.st_size < 0 || (size_t) st.st_size > max)
                return -EFBIG;
        if (is_being_written(fd))
                return -EAGAIN;

        /* One byte more than the size: tells a file that grows, and holds the NUL. */
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(fd, text + size, (size_t) st.st_size + 1 - size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t) n;
                if (size > (size_t) st.st_size)
                        return -EAGAIN;
        }
        text[size] = '\0';
        *ret = TAKE_PTR(text);
        if (ret_size)
                *ret_size = size;
        return 0;
}

int write_all(int fd, const void *data, size_t size) {
        const char *p = data;

        while (size > 0) {
                ssize_t n = write(fd, p, size);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                p += n;
                size -= (size_t) n;
        }
        return 0;
}

int file_write_atomic(const char *path, const void *data, size_t size) {
        _cleanup_close_ int fd = -1;
        char temporary[PATH_MAX];
        struct stat before;
        bool is_new = stat(path, &before) < 0;
        int r;

        if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int) sizeof(temporary))
                return -ENAMETOOLONG;
        (void) unlink(temporary); /* of a writer that died */
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        r = write_all(fd, data, size);
        if (!is_new)
                (void) !fchown(fd, before.st_uid, before.st_gid);
        if (r >= 0 && (fchmod(fd, is_new ? 0644 : before.st_mode & 0777) < 0 || fsync(fd) < 0))
                r = -errno;
        fd = fd_close(fd); /* who sees it in its place finds no writer any more: file_read() */
        if (r >= 0 && rename(temporary, path) < 0)
                r = -errno;
        if (r < 0)
                (void) unlink(temporary);
        return r;
}

int mkdir_parents(const char *path) {
        char p[PATH_MAX];

        if (strlen(path) >= sizeof(p))
                return -ENAMETOOLONG;
        strcpy(p, path);
        for (char *slash = strchr(p + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
                *slash = '\0';
                if (mkdir(p, 0755) < 0 && errno != EEXIST)
                        return -errno;
                *slash = '/';
        }
        return 0;
}
