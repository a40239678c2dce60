/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "device/block_image.h"

#define LOCK_INTERVAL_MS 10

int block_image_measure(int fd, uint64_t *ret_sectors, struct err *e) {
        struct stat st;
        uint64_t size;

        if (fstat(fd, &st) < 0)
                return err_set(e, -errno, "image: %s", strerror(errno));
        if (S_ISREG(st.st_mode))
                size = (uint64_t) st.st_size;
        else if (!S_ISBLK(st.st_mode))
                return err_set(e, -EINVAL, "image is neither a regular file nor a block device");
        else if (ioctl(fd, BLKGETSIZE64, &size) < 0)
                return err_set(e, -errno, "image: its size cannot be read: %s", strerror(errno));
        if (size < BLOCK_SECTOR_SIZE)
                return err_set(e, -EINVAL, "image is smaller than one sector of %d bytes", BLOCK_SECTOR_SIZE);
        *ret_sectors = size / BLOCK_SECTOR_SIZE;
        return 0;
}

static uint64_t now_ms(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000 + (uint64_t) t.tv_nsec / 1000000;
}

int block_image_lock(int fd, bool read_only, unsigned patience_ms, struct err *e) {
        static const struct timespec interval = { .tv_nsec = LOCK_INTERVAL_MS * 1000 * 1000 };
        struct flock whole = { .l_type = read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };
        uint64_t end = now_ms() + patience_ms;

        for (;;) {
                if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
                        return 0;
                if (errno == EBADF)
                        return err_set(e, -EBADF, "image is not open for %s", read_only ? "reading" : "writing");
                if (errno != EAGAIN && errno != EACCES && errno != EINTR)
                        return err_set(e, -errno, "image cannot be locked: %s", strerror(errno));
                if (now_ms() >= end)
                        return err_set(e, -EBUSY, "image is locked by another process");
                (void) nanosleep(&interval, NULL);
        }
}
