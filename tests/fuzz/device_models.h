/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our devices, each with what is behind it, for fuzz_device.c: disk, card, console and entropy. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "base/fd.h"
#include "base/tap.h"
#include "base/utf8.h"
#include "base/worker.h"
#include "device/block.h"
#include "device/block_image.h"
#include "device/console.h"
#include "device/net.h"
#include "device/rng.h"
#include "fuzz/device_guest.h"

#define IMAGE_SIZE 0x8000

static struct {
        int image;     /* the fuzzer's own */
        int tell;      /* that the image has changed */
        int peer[2];   /* of each of the card's taps; of the console: its journal */
        int input;     /* of the console */
        int slave;     /* its terminal's; -1: nobody has it */
        char path[64]; /* of that */
        bool deaf;     /* nobody takes what comes out */
} outside = { -1, -1, { -1, -1 }, -1, -1, "", false };

static int memory_file(const char *name, size_t size) {
        int fd = memfd_create(name, MFD_CLOEXEC);

        CLAIM(fd >= 0 && ftruncate(fd, (off_t) size) == 0);
        return fd;
}

/* ---- the disk's image: what is asked of it is done when the input says so ------------------------------ */

static struct {
        struct block_io base;
        struct block_operation *first, **last; /* asked for */
        struct block_operation *done;
        unsigned allowed; /* operations that may be carried out as soon as they are asked for */
        uint8_t failure;  /* of the next ones: 0: none */
        uint64_t largest; /* that the image was */
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

static struct virtio_device *make_disk(uint8_t how) {
        struct block_options o = { .serial = "a.serial.of.20.bytes",
                                   .num_queues = 1 + (how & 1),
                                   .read_only = how & 2,
                                   .direct = how & 4,
                                   .discard = !(how & 8),
                                   .block_size = how & 16 ? 4096 : 512,
                                   .io = &disk.base };
        struct virtio_device *d = NULL;
        int pipes[2];

        outside.image = memory_file("image", IMAGE_SIZE);
        disk.base = (struct block_io){ &disk_ops, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
        disk.first = disk.done = NULL;
        disk.last = &disk.first;
        disk.allowed = UINT_MAX;
        disk.failure = 0;
        disk.largest = IMAGE_SIZE;
        disk.read_only = o.read_only;
        disk.direct = o.direct;
        CLAIM(pipe2(pipes, O_CLOEXEC | O_NONBLOCK) == 0);
        outside.tell = pipes[1];
        o.image_events_fd = pipes[0];
        o.image_fd = fcntl(outside.image, F_DUPFD_CLOEXEC, 0);
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
                disk.failure = what & 7;
        } else if (what & 0x20) {
                disk.allowed = what & 1 ? UINT_MAX : 0;
        } else {
                disk_work(what & 0x1f);
        }
        run();
}

/* ---- the card's tap ----------------------------------------------------------------------------------- */

int __wrap_tap_identify(int fd, struct tap_identity *ret);
int __wrap_tap_identify(int fd _unused_, struct tap_identity *ret) {
        *ret = (struct tap_identity){ .name = "tap", .multi_queue = true };
        return 0;
}

int __wrap_tap_queue_enable(int fd, bool on);
int __wrap_tap_queue_enable(int fd _unused_, bool on _unused_) {
        return 0;
}

int __wrap_tap_set_offloads(int fd, unsigned flags);
int __wrap_tap_set_offloads(int fd _unused_, unsigned flags _unused_) {
        return 0;
}

static struct virtio_device *make_card(uint8_t how) {
        struct net_settings s = { .name = "fuzz",
                                  .num_taps = 1 + (how & 1),
                                  .pairs = 1 + (how & 1),
                                  .link_fd = -1,
                                  .mac = { 2 },
                                  .mtu = how & 4 ? 1500 : 0,
                                  .offload = !(how & 2) };
        struct virtio_device *d = NULL;
        int ends[2];

        for (unsigned i = 0; i < s.num_taps; i++) {
                CLAIM(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
                s.taps[i] = ends[0];
                outside.peer[i] = ends[1];
        }
        CLAIM(net_new(&s, &d, NULL) == 0);
        return d;
}

/* A frame's header, or a command; the frame is what follows. */
static void ask_card(struct input *in, unsigned q, unsigned nth, uint8_t *to, size_t size) {
        struct virtio_net_hdr_v1 h = { 0 };
        uint8_t bytes[4];

        if (nth > 0 || q == 4) {
                input_take(in, bytes, sizeof(bytes));
                memset(to, 0x45, size);
                memcpy(to, bytes, MIN(size, sizeof(bytes)));
                return;
        }
        h.flags = input_u8(in);
        h.gso_type = input_u8(in);
        h.hdr_len = htole16(input_u8(in));
        h.gso_size = htole16(input_u8(in) * 16);
        h.csum_start = htole16(input_u8(in));
        h.csum_offset = htole16(input_u8(in));
        h.num_buffers = htole16(h.flags);
        memset(to, 0x08, size);
        memcpy(to, &h, MIN(size, sizeof(h)));
}

/* Frames come in. */
static void disturb_card(struct input *in) {
        static const size_t sizes[] = { 72, 13, 1526, 12, 9012, 1, 65535 + 30, 4096, 20000 };
        static uint8_t frame[0x10100];
        uint8_t what = input_u8(in);

        frame[0] = what >> 6;
        frame[1] = input_u8(in) & 5;
        for (unsigned n = 1 + (what >> 4) % 4; n > 0; n--)
                (void) send(outside.peer[outside.peer[1] >= 0 && (what & 8)], frame, sizes[what % ELEMENTSOF(sizes)],
                            MSG_DONTWAIT | MSG_NOSIGNAL);
        run();
}

/* What goes out asks for nothing that the driver had not said it would, see net_header_check(). */
static void claim_frames(int fd) {
        static uint8_t frame[NET_FRAME_MAX + 64];
        ssize_t n;

        while ((n = recv(fd, frame, sizeof(frame), MSG_DONTWAIT)) > 0) {
                struct virtio_net_hdr_v1 h;

                CLAIM((size_t) n >= sizeof(h) && (size_t) n <= sizeof(h) + NET_FRAME_MAX);
                memcpy(&h, frame, sizeof(h));
                CLAIM((h.flags & ~VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0);
                if (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
                        CLAIM((size_t) le16toh(h.csum_start) + le16toh(h.csum_offset) + 2 <= (size_t) n - sizeof(h));
                CLAIM(h.gso_type == VIRTIO_NET_HDR_GSO_NONE || (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM));
        }
}

/* ---- the console's terminal, input and journal --------------------------------------------------------- */

static struct virtio_device *make_console(uint8_t how) {
        struct virtio_device *d = NULL;
        struct console_fds fds;
        int fifo[2], journal[2];

        fds.pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        CLAIM(fds.pty >= 0 && unlockpt(fds.pty) == 0);
        CLAIM(ptsname_r(fds.pty, outside.path, sizeof(outside.path)) == 0);
        fds.events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        CLAIM(inotify_add_watch(fds.events, outside.path, IN_OPEN | IN_CLOSE) >= 0);
        fds.history = memory_file("history", WORKER_HISTORY_SIZE);
        CLAIM(pipe2(fifo, O_CLOEXEC | O_NONBLOCK) == 0);
        fds.input = fifo[0];
        outside.input = fifo[1];
        fds.journal = -1;
        if (how & 1) {
                CLAIM(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, journal) == 0);
                fds.journal = journal[0];
                outside.peer[0] = journal[1];
        }
        CLAIM(console_new(&fds, "zone", "fuzz", &d, NULL) == 0);
        return d;
}

static void ask_console(struct input *in, unsigned q _unused_, unsigned nth _unused_, uint8_t *to, size_t size) {
        size_t n = input_u8(in) % 32;

        for (size_t i = 0; i < size; i++)
                to[i] = i < n ? input_u8(in) : (uint8_t) (' ' + i % 96);
}

static void disturb_console(struct input *in) {
        struct winsize size = { .ws_row = input_u8(in), .ws_col = 80 };
        uint8_t what = input_u8(in);

        if (what & 1)
                CLAIM(write(outside.input, "typed by somebody", what >> 4) < 17);
        if (what & 2) {
                outside.slave = outside.slave >= 0 ? fd_close(outside.slave)
                                                   : open(outside.path, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        }
        if ((what & 4) && outside.slave >= 0)
                (void) ioctl(outside.slave, TIOCSWINSZ, &size);
        if ((what & 8) && outside.slave >= 0)
                CLAIM(write(outside.slave, "\x03\x1a\x1b[A\r\n", what >> 5) < 8);
        run();
}

/* A record is lines of text: nothing in one that a terminal or journald takes for anything else. */
static void claim_records(int fd) {
        static char record[0x4000];
        ssize_t n;

        while ((n = recv(fd, record, sizeof(record), MSG_DONTWAIT)) > 0) {
                CLAIM((size_t) n < sizeof(record) && memmem(record, (size_t) n, "MESSAGE=", 8));
                for (size_t i = 0, size; i < (size_t) n; i += size) {
                        size = strchr("\n\t", record[i]) ? 1 : utf8_printable(record + i, (size_t) n - i);
                        CLAIM(size > 0 && record[i] != '\0');
                }
        }
}

/* ---- entropy ------------------------------------------------------------------------------------------ */

static struct virtio_device *make_rng(uint8_t how _unused_) {
        struct virtio_device *d = NULL;

        CLAIM(rng_new(&d, NULL) == 0);
        return d;
}

static void ask_rng(struct input *in _unused_, unsigned q _unused_, unsigned nth _unused_, uint8_t *to, size_t size) {
        memset(to, 0, size);
}

static void disturb_rng(struct input *in _unused_) {
}

/* ---- all of them -------------------------------------------------------------------------------------- */

static const struct model {
        struct virtio_device *(*make)(uint8_t how);
        /* What a driver puts into the @nth buffer that the device is to read. */
        void (*ask)(struct input *in, unsigned q, unsigned nth, uint8_t *to, size_t size);
        void (*disturb)(struct input *in);
        void (*claim_output)(int fd); /* NULL: it has none */
} models[] = {
        { make_disk, ask_disk, disturb_disk, NULL },
        { make_card, ask_card, disturb_card, claim_frames },
        { make_console, ask_console, disturb_console, claim_records },
        { make_rng, ask_rng, disturb_rng, NULL },
};

static void outside_drain(const struct model *m) {
        char bytes[4096];

        for (unsigned i = 0; m->claim_output && i < ELEMENTSOF(outside.peer); i++)
                if (outside.peer[i] >= 0)
                        m->claim_output(outside.peer[i]);
        while (outside.slave >= 0 && read(outside.slave, bytes, sizeof(bytes)) > 0)
                ;
}

static void outside_close(void) {
        outside.image = fd_close(outside.image);
        outside.tell = fd_close(outside.tell);
        outside.peer[0] = fd_close(outside.peer[0]);
        outside.peer[1] = fd_close(outside.peer[1]);
        outside.input = fd_close(outside.input);
        outside.slave = fd_close(outside.slave);
        outside.deaf = false;
}
