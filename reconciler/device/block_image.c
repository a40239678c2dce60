/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "device/block_image.h"

/* One that was killed in the midst of a write lets go a few milliseconds after its end. */
#define LOCK_INTERVAL_MS 1

/* Tells files' and block devices' sizes alike, and is all that a worker that is locked up has to do for it. */
int block_image_measure(int fd, uint32_t block_size, uint64_t *ret_sectors, struct err *e) {
        off_t size = lseek(fd, 0, SEEK_END);

        if (size < 0)
                return err_set(e, -errno, "image: its size cannot be told: %s", strerror(errno));
        if (size < block_size)
                return err_set(e, -EINVAL, "image is smaller than one block of %u bytes", block_size);
        *ret_sectors = (uint64_t) size / block_size * (block_size / BLOCK_SECTOR_SIZE);
        return 0;
}

/* ---- what it can do ----------------------------------------------------------------------------------- */

/* A number of a block device; 0: it does not tell. */
static uint32_t device_number(int fd, unsigned long request) {
        int n = 0;

        return ioctl(fd, request, &n) < 0 || n < 0 ? 0 : (uint32_t) n;
}

/* What offset and length of direct I/O have to be multiples of; 0: there is no direct I/O here. */
static uint32_t direct_alignment(int fd) {
        struct statx x = { 0 };

#ifdef STATX_DIOALIGN
        if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_DIOALIGN, &x) == 0 && (x.stx_mask & STATX_DIOALIGN))
                return x.stx_dio_offset_align;
#endif
        /* A kernel that does not tell (before 6.1): the blocks of a file system are no larger than a page. */
        if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x) < 0)
                return 0;
        return S_ISBLK(x.stx_mode) ? device_number(fd, BLKSSZGET) : MIN(x.stx_blksize, (uint32_t) BLOCK_SIZE_LARGEST);
}

int block_image_block_size(int fd, uint32_t wanted, bool direct, uint32_t *ret, struct err *e) {
        uint32_t least = direct ? direct_alignment(fd) : BLOCK_SECTOR_SIZE;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return err_set(e, -errno, "image: %s", strerror(errno));
        if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
                return err_set(e, -EINVAL, "image is neither a regular file nor a block device");
        if (least == 0)
                return err_set(e, -EINVAL, "Cache=none: there is no direct I/O where the image is");
        if (least > BLOCK_SIZE_LARGEST)
                return err_set(e, -EINVAL,
                               "Cache=none: the image's storage takes no blocks below %u, a disk has at most %d", least,
                               BLOCK_SIZE_LARGEST);
        least = MAX(least, (uint32_t) BLOCK_SECTOR_SIZE);
        if (wanted != 0 && wanted < least)
                return err_set(e, -EINVAL, "BlockSize=%u: with Cache=none the image's storage takes no blocks below %u",
                               wanted, least);
        *ret = wanted != 0 ? wanted : least;
        return 0;
}

struct block_topology block_image_topology(int fd) {
        struct block_topology t = { 0 };
        struct stat st;

        if (fstat(fd, &st) < 0)
                return t;
        if (S_ISBLK(st.st_mode))
                t = (struct block_topology){
                        .physical = device_number(fd, BLKPBSZGET),
                        .offset = device_number(fd, BLKALIGNOFF),
                        .smallest = device_number(fd, BLKIOMIN),
                        .best = device_number(fd, BLKIOOPT),
                };
        else
                t = (struct block_topology){
                        /* The page cache writes pages, whatever the file system prefers. */
                        .physical = (uint32_t) MIN(st.st_blksize, (blksize_t) BLOCK_SIZE_LARGEST),
                        .smallest = (uint32_t) st.st_blksize,
                };
        if ((t.physical & (t.physical - 1)) != 0)
                t.physical = 0;
        return t;
}

/* ---- the lock ----------------------------------------------------------------------------------------- */

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
