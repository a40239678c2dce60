/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/fd.h"
#include "base/hash.h"
#include "device/block.h"
#include "device/block_image.h"
#include "device/device_type.h"

/*
 * How long requests are served before the loop looks at everything else (resets,
 * signals) again, and how many bytes are moved before the clock is looked at: the
 * guest of a reset waits, and a worker that keeps it waiting is replaced.
 *
 * What the storage keeps a single step waiting for cannot be left, neither a
 * read nor an fdatasync() that takes its seconds. A guest that resets the disk
 * just then (none that waits for its requests does) costs this worker: it is cut
 * off and killed, and its successor waits for the image's lock, until the kernel
 * is done with it. Nothing is lost: what was not returned was never promised.
 */
#define BATCH_NS   (1000 * 1000)
#define STEP_BYTES (256 * 1024)

_Static_assert(sizeof(struct virtio_blk_config) <= VIRTIO_CONFIG_MAX, "the configuration fits");
_Static_assert(sizeof(struct virtio_blk_outhdr) == 16, "request header, 5.2.6");

struct block {
        struct virtio_device base;
        int image_fd;
        bool read_only;
        uint64_t sectors;
        char serial[VIRTIO_BLK_ID_BYTES];

        /* The request that is being served. */
        struct virtqueue_chain chain;
        uint64_t room;         /* bytes of its writable part */
        uint8_t *status;       /* its last byte, in guest memory; NULL: there is none */
        uint8_t result;        /* what it will be */
        struct iov_span *data; /* still to be moved; NULL: nothing */
        bool write;
        off_t offset;
};

static struct block *block_of(struct virtio_device *d) {
        return (struct block *) d;
}

/* ---- the image ---------------------------------------------------------------------------------------- */

/* True if [sector, sector + size) lies on the disk and consists of whole sectors. */
static bool range_on_disk(const struct block *b, uint64_t sector, uint64_t size) {
        return size % BLOCK_SECTOR_SIZE == 0 && sector <= b->sectors && size / BLOCK_SECTOR_SIZE <= b->sectors - sector;
}

/* The front of @data that one step moves, at most IOV_MAX pieces. The last one may be cut, by *@ret_cut bytes. */
static int step_cut(const struct iov_span *data, size_t *ret_cut) {
        size_t total = 0;
        int count = 0;

        while ((size_t) count < data->count && count < IOV_MAX && total < STEP_BYTES)
                total += data->iov[count++].iov_len;
        *ret_cut = total > STEP_BYTES ? total - STEP_BYTES : 0;
        data->iov[count - 1].iov_len -= *ret_cut;
        return count;
}

/* Moves a part of the data; the kernel may do less than asked. */
static uint8_t step(struct block *b) {
        /* No FLUSH negotiated: the driver takes each write for stable once it is done (5.2.6.2). */
        int flags = b->write && !virtio_device_has(&b->base, VIRTIO_BLK_F_FLUSH) ? RWF_DSYNC : 0;
        struct iovec *iov = b->data->iov;
        size_t cut;
        int count = step_cut(b->data, &cut);
        ssize_t n;

        do
                n = b->write ? pwritev2(b->image_fd, iov, count, b->offset, flags)
                             : preadv2(b->image_fd, iov, count, b->offset, 0);
        while (n < 0 && errno == EINTR);
        iov[count - 1].iov_len += cut;
        if (n <= 0) /* 0: the image has become shorter than it was */
                return VIRTIO_BLK_S_IOERR;
        iov_skip(b->data, (uint64_t) n);
        b->offset += n;
        return VIRTIO_BLK_S_OK;
}

static uint8_t flush(struct block *b) {
        int r;

        if (b->read_only)
                return VIRTIO_BLK_S_OK;
        do
                r = fdatasync(b->image_fd);
        while (r < 0 && errno == EINTR);
        return r < 0 ? VIRTIO_BLK_S_IOERR : VIRTIO_BLK_S_OK;
}

/* ---- requests ----------------------------------------------------------------------------------------- */

static uint8_t begin_transfer(struct block *b, uint64_t sector, struct iov_span *data, bool write) {
        if ((write && b->read_only) || !range_on_disk(b, sector, data->size))
                return VIRTIO_BLK_S_IOERR;
        b->data = data->size > 0 ? data : NULL;
        b->write = write;
        b->offset = (off_t) (sector * BLOCK_SECTOR_SIZE);
        return VIRTIO_BLK_S_OK;
}

/* 5.2.6: type by type. @c holds the data alone; header and status byte are off. */
static uint8_t execute(struct block *b, uint32_t type, uint64_t sector, struct virtqueue_chain *c) {
        switch (type) {
        case VIRTIO_BLK_T_IN:
                return begin_transfer(b, sector, &c->writable, false);
        case VIRTIO_BLK_T_OUT:
                return begin_transfer(b, sector, &c->readable, true);
        case VIRTIO_BLK_T_FLUSH:
                return flush(b);
        case VIRTIO_BLK_T_GET_ID:
                return iov_put(&c->writable, b->serial, sizeof(b->serial)) == sizeof(b->serial) ? VIRTIO_BLK_S_OK
                                                                                                : VIRTIO_BLK_S_IOERR;
        default:
                return VIRTIO_BLK_S_UNSUPP;
        }
}

/* Header first, status byte last, wherever the driver has cut them (2.7.4, 5.2.6). */
static int request_begin(struct block *b, struct virtqueue *q) {
        struct virtqueue_chain *c = &b->chain;
        struct virtio_blk_outhdr header;

        b->room = c->writable.size;
        if (iov_take(&c->readable, &header, sizeof(header)) != sizeof(header))
                return virtqueue_refuse(q, "disk request without a whole header");
        b->status = iov_take_last_byte(&c->writable);
        if (!b->status)
                return virtqueue_refuse(q, "disk request without room for its status");
        b->data = NULL;
        b->result = execute(b, le32toh(header.type), le64toh(header.sector), c);
        return 0;
}

static void request_end(struct block *b, struct virtqueue *q) {
        const struct virtqueue_chain *c = &b->chain;
        /* 2.7.8.2: the length promises bytes from the start: all of them, or what came before a gap. */
        uint64_t written = c->writable.size == 0 ? b->room : b->room - 1 - c->writable.size;

        *b->status = b->result;
        b->status = NULL;
        virtqueue_return(q, c->head, (uint32_t) written);
}

/* Return: 1 (there may be more), 0 (the queue is empty), -EPROTO. */
static int serve_some(struct block *b, struct virtqueue *q) {
        int r;

        if (!b->status) {
                r = virtqueue_next(q, &b->chain);
                if (r > 0)
                        r = request_begin(b, q) ?: 1;
                if (r <= 0)
                        return r;
        }
        if (b->data)
                b->result = step(b);
        if (!b->data || b->data->size == 0 || b->result != VIRTIO_BLK_S_OK)
                request_end(b, q);
        return 1;
}

static int64_t now_ns(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int block_queue_notify(struct virtio_device *d, unsigned queue) {
        struct virtqueue *q = &d->queues[queue];
        struct block *b = block_of(d);
        int64_t end = now_ns() + BATCH_NS;

        virtqueue_suppress_kicks(q);
        do {
                int r;

                while ((r = serve_some(b, q)) > 0)
                        if (now_ns() >= end)
                                return 1;
                if (r < 0)
                        return r;
        } while (virtqueue_allow_kicks(q));
        return 0;
}

/* The chain's memory is the driver's again; a queue that goes on later fetches it anew. */
static void block_queue_stopping(struct virtio_device *d, unsigned queue _unused_) {
        block_of(d)->status = NULL;
}

/* ---- making it ---------------------------------------------------------------------------------------- */

static void block_free(struct virtio_device *d) {
        struct block *b = block_of(d);

        fd_close(b->image_fd);
        free(b);
}

static const struct virtio_device_ops block_ops = {
        .queue_stopping = block_queue_stopping,
        .queue_notify = block_queue_notify,
        .free = block_free,
};

static void offer(struct block *b) {
        struct virtio_blk_config config = {
                .capacity = htole64(b->sectors),
                .seg_max = htole32(BLOCK_QUEUE_SIZE - 2), /* all but header and status */
        };

        b->base.ops = &block_ops;
        b->base.features = VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
                           VIRTIO_FEATURE(VIRTIO_BLK_F_SEG_MAX) | VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH);
        if (b->read_only)
                b->base.features |= VIRTIO_FEATURE(VIRTIO_BLK_F_RO);
        b->base.num_queues = 1;
        b->base.queue_size_max[0] = BLOCK_QUEUE_SIZE;
        b->base.config_size = sizeof(config);
        memcpy(b->base.config, &config, sizeof(config));
}

int block_new(int image_fd, bool read_only, const char *serial, struct virtio_device **ret, struct err *e) {
        _cleanup_free_ struct block *b = calloc(1, sizeof(*b));
        int r;

        if (!b)
                return err_set(e, -ENOMEM, "out of memory");
        r = block_image_measure(image_fd, &b->sectors, e);
        if (r < 0)
                return r;
        b->image_fd = image_fd;
        b->read_only = read_only;
        memcpy(b->serial, serial, strnlen(serial, sizeof(b->serial)));
        offer(b);
        *ret = &TAKE_PTR(b)->base;
        return 0;
}

void block_serial(const char *zone, const char *device, char ret[static 21]) {
        char whole[128];

        if (snprintf(whole, sizeof(whole), "%s.%s", zone, device) <= VIRTIO_BLK_ID_BYTES)
                strcpy(ret, whole);
        else
                (void) snprintf(ret, 21, "%.11s.%08x", device, (unsigned) (hash_string(whole) & UINT32_MAX));
}

/* ---- as a worker -------------------------------------------------------------------------------------- */

/* How long a killed predecessor may take to let go of the image; less than the daemon waits for the worker to serve. */
#define LOCK_PATIENCE_MS 5000

enum {
        ARGUMENT_IMAGE,
        ARGUMENT_READ_ONLY,
};

static const struct device_option block_options[] = {
        [ARGUMENT_IMAGE] = { WORKER_OPTION_IMAGE_FD, DEVICE_OPTION_FD },
        [ARGUMENT_READ_ONLY] = { WORKER_OPTION_READ_ONLY, DEVICE_OPTION_FLAG },
        { 0 },
};

static const struct cage_rule block_rules[] = {
        { __NR_preadv2, false, 0 },
        { __NR_pwritev2, false, 0 },
        { __NR_fdatasync, false, 0 },
};

static int block_create(const struct device_arguments *a, struct virtio_device **ret, struct err *e) {
        int fd = a->values[ARGUMENT_IMAGE];
        bool read_only = a->values[ARGUMENT_READ_ONLY];
        char serial[VIRTIO_BLK_ID_BYTES + 1];
        int r;

        r = block_image_lock(fd, read_only, LOCK_PATIENCE_MS, e);
        if (r < 0)
                return r;
        block_serial(a->zone, a->device, serial);
        return block_new(fd, read_only, serial, ret, e);
}

const struct device_type block_device_type = {
        .name = "block",
        .comm = "virtio-block",
        .options = block_options,
        .rules = block_rules,
        .num_rules = ELEMENTSOF(block_rules),
        .create = block_create,
};
