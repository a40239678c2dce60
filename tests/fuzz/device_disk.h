/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk for fuzz_device.c: what is asked of its image is done when the input says so. */
#pragma once

#include <errno.h>
#include <limits.h>
#include <linux/virtio_blk.h>
#include <sys/uio.h>
#include <time.h>

#include "device/block.h"
#include "device/block_image.h"
#include "fuzz/device_outside.h"

#define IMAGE_SIZE 0x8000

static struct {
        struct block_io base;
        struct block_operation *first, **last; /* asked for */
        struct block_operation *done;
        unsigned allowed; /* operations that may be carried out as soon as they are asked for */
        uint8_t failure;  /* of the next ones: 0: none */
        uint64_t largest; /* that the image was */
        uint64_t now;     /* what block_io_cached.c takes the time for, ms */
        bool read_only, direct;
} disk;

/* The guest's, or zeroes that the disk itself writes. */
static void claim_data(const struct block_operation *o, const struct iovec *v) {
        const uint8_t *bytes = v->iov_base;

        if (disk.direct || guarded_ram_has(&guest.ram, bytes, v->iov_len))
                return;
        CLAIM(o->kind == BLOCK_IO_WRITE);
        for (size_t i = 0; i < v->iov_len; i++)
                CLAIM(bytes[i] == 0);
}

static void claim_operation(const struct block_operation *o) {
        uint64_t size = o->kind == BLOCK_IO_FALLOCATE ? o->length : 0;

        for (unsigned i = 0; (o->kind == BLOCK_IO_READ || o->kind == BLOCK_IO_WRITE) && i < o->count; i++) {
                claim_data(o, &o->iov[i]);
                size += o->iov[i].iov_len;
        }
        CLAIM(o->kind == BLOCK_IO_FLUSH || (o->offset <= disk.largest && size <= disk.largest - o->offset));
        CLAIM(!disk.read_only || o->kind == BLOCK_IO_READ || o->kind == BLOCK_IO_FLUSH);
        if (o->kind == BLOCK_IO_FALLOCATE)
                CLAIM(o->mode == BLOCK_IO_PUNCH || o->mode == BLOCK_IO_DISCARD || o->mode == BLOCK_IO_ZERO);
}

static int64_t carry_out(const struct block_operation *o) {
        int count = (int) o->count;
        ssize_t n = 0;

        claim_operation(o);
        if (disk.failure & 1)
                return -EIO;
        if ((disk.failure & 2) && count > 1)
                count--; /* less than was asked for */
        switch (o->kind) {
        case BLOCK_IO_READ:
                n = preadv(outside.image, o->iov, count, (off_t) o->offset);
                break;
        case BLOCK_IO_WRITE:
                n = pwritev(outside.image, o->iov, count, (off_t) o->offset);
                break;
        case BLOCK_IO_FLUSH:
                break;
        case BLOCK_IO_FALLOCATE:
                n = (disk.failure & 4) ? (errno = EOPNOTSUPP, -1)
                                       : fallocate(outside.image, o->mode, (off_t) o->offset, (off_t) o->length);
                break;
        }
        return n < 0 ? -errno : n;
}

/* ---- what is done at once: by block_io_cached.c's own system calls ------------------------------------ */

static ssize_t carry_out_now(enum block_io_kind kind, const struct iovec *iov, int count, off_t offset) {
        struct block_operation o = { .kind = kind, .iov = iov, .count = (unsigned) count, .offset = (uint64_t) offset };
        int64_t n = carry_out(&o);

        if (disk.failure & 8)
                disk.now += 100;
        errno = n < 0 ? (int) -n : 0;
        return n < 0 ? -1 : (ssize_t) n;
}

ssize_t __wrap_pwritev2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_pwritev2(int fd _unused_, const struct iovec *iov, int count, off_t offset, int flags) {
        CLAIM(flags == 0);
        return carry_out_now(BLOCK_IO_WRITE, iov, count, offset);
}

ssize_t __wrap_preadv2(int fd, const struct iovec *iov, int count, off_t offset, int flags);
ssize_t __wrap_preadv2(int fd _unused_, const struct iovec *iov, int count, off_t offset, int flags) {
        CLAIM(flags == RWF_NOWAIT);
        if (disk.failure & (4 | 16)) {
                errno = disk.failure & 4 ? EOPNOTSUPP : EAGAIN;
                return -1;
        }
        return carry_out_now(BLOCK_IO_READ, iov, count, offset);
}

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t) {
        if (clock != CLOCK_MONOTONIC)
                return __real_clock_gettime(clock, t);
        disk.now++;
        *t = (struct timespec){ (time_t) (disk.now / 1000), (long) (disk.now % 1000) * 1000000 };
        return 0;
}

/* ---- what is not: by the input's leave ---------------------------------------------------------------- */

static void disk_finish(struct block_operation *o, int64_t result) {
        o->result = result;
        o->next = disk.done;
        disk.done = o;
        CLAIM(eventfd_write(disk.base.event_fd, 1) == 0);
}

static void disk_work(unsigned most) {
        struct block_operation *o;

        for (; most > 0 && (o = disk.first); most--) {
                disk.first = o->next;
                if (!disk.first)
                        disk.last = &disk.first;
                disk_finish(o, carry_out(o));
        }
}

static void disk_submit(struct block_io *io _unused_, struct block_operation *o) {
        o->next = NULL;
        *disk.last = o;
        disk.last = &o->next;
}

static void disk_commit(struct block_io *io _unused_) {
        disk_work(disk.allowed);
}

static struct block_operation *disk_reap(struct block_io *io) {
        struct block_operation *o = disk.done;
        eventfd_t n;

        if (o)
                disk.done = o->next;
        else
                (void) eventfd_read(io->event_fd, &n);
        return o;
}

static void disk_cancel(struct block_io *io _unused_, struct block_operation *cancelled) {
        for (struct block_operation **o = &disk.first; *o; o = &(*o)->next)
                if (*o == cancelled) {
                        *o = cancelled->next;
                        if (!*o)
                                disk.last = o;
                        disk_finish(cancelled, -ECANCELED);
                        return;
                }
}

static void disk_wait(struct block_io *io _unused_) {
        CLAIM(disk.first || disk.done);
        disk_work(UINT_MAX);
}

static void disk_free(struct block_io *io) {
        close(io->event_fd);
}

static const struct block_io_ops disk_ops = {
        .submit = disk_submit,
        .commit = disk_commit,
        .reap = disk_reap,
        .cancel = disk_cancel,
        .wait = disk_wait,
        .free = disk_free,
};

/* Not every file system takes O_DIRECT; what is behind it here has no wishes. */
int __wrap_block_image_block_size(int fd, uint32_t wanted, bool direct, uint32_t *ret, struct err *e);
int __wrap_block_image_block_size(int fd _unused_, uint32_t wanted, bool direct _unused_, uint32_t *ret,
                                  struct err *e _unused_) {
        *ret = wanted;
        return 0;
}

static struct virtio_device *make_disk(uint8_t how, struct input *in _unused_) {
        struct block_options o = { .serial = "a.serial.of.20.bytes",
                                   .num_queues = 1 + (how & 1),
                                   .read_only = how & 2,
                                   .direct = how & 4,
                                   .discard = !(how & 8),
                                   .block_size = how & 16 ? 4096 : 512,
                                   .io = &disk.base };
        bool cached = (how & 32) && !o.direct;
        struct virtio_device *d = NULL;
        int pipes[2];

        outside.image = memory_file("image", IMAGE_SIZE);
        disk.base = (struct block_io){ &disk_ops, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
        disk.first = disk.done = NULL;
        disk.last = &disk.first;
        disk.allowed = UINT_MAX;
        disk.failure = 0;
        disk.now = 0;
        disk.largest = IMAGE_SIZE;
        disk.read_only = o.read_only;
        disk.direct = o.direct;
        CLAIM(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
        outside.tell = pipes[1];
        o.image_events_fd = pipes[0];
        o.image_fd = fcntl(outside.image, F_DUPFD_CLOEXEC, 0);
        if (cached)
                CLAIM(block_io_cached_new(outside.image, &disk.base, &o.io) == 0);
        CLAIM(block_new(&o, &d, NULL) == 0);
        return d;
}

/* A request's header; ranges, if they are what follows. */
static void ask_disk(struct input *in, unsigned q _unused_, unsigned nth, uint8_t *to, size_t size) {
        static const uint64_t sectors[] = { 0, 8,  IMAGE_SIZE / 512, IMAGE_SIZE / 512 - 8, UINT64_MAX,
                                            1, 63, UINT64_MAX / 512 };
        uint8_t what = input_u8(in);
        union {
                struct virtio_blk_outhdr header;
                struct virtio_blk_discard_write_zeroes range;
                uint8_t bytes[16];
        } u = { 0 };

        if (nth == 0) {
                u.header.type = htole32(what & 0x80 ? input_u8(in) : what % 16);
                u.header.sector = htole64(sectors[input_u8(in) % ELEMENTSOF(sectors)]);
        } else {
                u.range.sector = htole64(sectors[what % ELEMENTSOF(sectors)]);
                u.range.num_sectors = htole32(input_u8(in));
                u.range.flags = htole32(what >> 6);
        }
        for (size_t i = 0; i < size; i++)
                to[i] = u.bytes[i % sizeof(u.bytes)];
}

static void disturb_disk(struct input *in) {
        uint8_t what = input_u8(in);

        if (what & 0x80) { /* it has another size */
                off_t size = (off_t) (what & 0x7f) * 0x400;

                CLAIM(ftruncate(outside.image, size) == 0);
                disk.largest = MAX(disk.largest, (uint64_t) size);
                CLAIM(write(outside.tell, "x", 1) <= 1);
        } else if (what & 0x40) {
                disk.failure = what & 0x1f;
        } else if (what & 0x20) {
                disk.allowed = what & 1 ? UINT_MAX : 0;
        } else {
                disk_work(what & 0x1f);
        }
        run();
}
