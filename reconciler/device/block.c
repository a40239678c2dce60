/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/fd.h"
#include "base/hash.h"
#include "base/log.h"
#include "device/block.h"
#include "device/block_image.h"
#include "device/block_slots.h"

/*
 * How many bytes are handed over at once: what the page cache has is copied meanwhile,
 * and a guest that resets the disk waits for it.
 */
#define BATCH_BYTES (1024 * 1024)

/* What follows in newer headers is not offered, and the size is part of the device's model. */
#define CONFIG_SIZE (offsetof(struct virtio_blk_config, unused1) + 3)

_Static_assert(CONFIG_SIZE == 60, "up to write_zeroes_may_unmap, with its padding (5.2.4)");
_Static_assert(BLOCK_SERIAL_SIZE == VIRTIO_BLK_ID_BYTES + 1, "the serial and a NUL");

#define RANGE_THREADS 1 /* what changes a file's extents waits for the one before anyhow */

struct block {
        struct virtio_device base;
        int image_fd;
        int image_events_fd;
        char name[80]; /* in log lines */
        char serial[VIRTIO_BLK_ID_BYTES];
        struct block_limits limits;
        bool fixed_size;
        struct block_slots slots;
        uint32_t waiting; /* queues that have, or may have, requests for which there was no slot */
};

static struct block *block_of(struct virtio_device *d) {
        return (struct block *) d;
}

/* ---- serving ------------------------------------------------------------------------------------------ */

/* Return: 1 (there may be more), 0 (the queue is empty, or waits for a slot), -EPROTO. */
static int begin_some(struct block *b, unsigned queue) {
        int r = 1;

        /* What is refused moves nothing, but there is no end to it either. */
        for (unsigned budget = BLOCK_SLOTS; r > 0 && budget > 0 && b->slots.uncommitted < BATCH_BYTES; budget--) {
                if (block_slots_full(&b->slots)) {
                        b->waiting |= BIT(queue);
                        return 0;
                }
                r = block_slots_begin(&b->slots, queue, &b->limits);
        }
        return r;
}

static int block_queue_notify(struct virtio_device *d, unsigned queue) {
        struct virtqueue *q = &d->queues[queue];
        struct block *b = block_of(d);
        bool more;
        int r;

        b->waiting &= ~BIT(queue);
        virtqueue_suppress_kicks(q);
        r = begin_some(b, queue);
        more = block_slots_turn(&b->slots);
        if (r != 0 || more)
                return r != 0 ? r : 1;
        /* What waits for a slot is seen to when there is one, and no kick is needed for it. */
        if (b->waiting & BIT(queue))
                return block_slots_full(&b->slots) ? 0 : 1;
        return virtqueue_allow_kicks(q) ? 1 : 0;
}

/* Operations are done: go on with what they leave room for. */
static int serve_io(struct block *b) {
        bool more = block_slots_turn(&b->slots);

        for (unsigned q = 0; q < b->base.num_queues; q++) {
                int r;

                if (!(b->waiting & BIT(q)) || block_slots_full(&b->slots))
                        continue;
                r = block_queue_notify(&b->base, q);
                if (r < 0)
                        return r;
                more |= r > 0;
        }
        return more ? 1 : 0;
}

static void set_config(struct block *b, const struct virtio_blk_config *config) {
        memcpy(b->base.config, config, CONFIG_SIZE);
}

/*
 * Somebody has closed the image after writing, or changed its times: it may be larger now, or smaller. What this process
 * may not write to the next one may.
 */
static int look_at_image(struct block *b) {
        struct virtio_blk_config config;
        char events[1024];
        uint64_t sectors;

        while (read(b->image_events_fd, events, sizeof(events)) > 0)
                ;
        if (block_image_measure(b->image_fd, b->limits.block_size, &sectors, NULL) < 0 || sectors == b->limits.sectors)
                return 0;
        if (b->fixed_size && sectors > b->limits.sectors) {
                log_info("%s: its image has grown; another worker takes over, which can write to all of it", b->name);
                return -ESTALE;
        }
        b->limits.sectors = sectors;
        memcpy(&config, b->base.config, CONFIG_SIZE);
        config.capacity = htole64(sectors);
        set_config(b, &config);
        b->base.config_changed = true;
        return 0;
}

static int block_source_ready(struct virtio_device *d, unsigned source, uint32_t events _unused_) {
        struct block *b = block_of(d);

        return d->sources[source].fd == b->image_events_fd ? look_at_image(b) : serve_io(b);
}

static int block_queue_started(struct virtio_device *d, unsigned queue _unused_) {
        struct block *b = block_of(d);

        b->slots.write_through = !virtio_device_has(d, VIRTIO_BLK_F_FLUSH);
        b->limits.discard = virtio_device_has(d, VIRTIO_BLK_F_DISCARD);
        b->limits.write_zeroes = virtio_device_has(d, VIRTIO_BLK_F_WRITE_ZEROES);
        return 0;
}

static void block_queue_stopping(struct virtio_device *d, unsigned queue) {
        block_of(d)->waiting &= ~BIT(queue);
        block_slots_stop(&block_of(d)->slots, queue);
}

/* ---- making it ---------------------------------------------------------------------------------------- */

static void block_free(struct virtio_device *d) {
        struct block *b = block_of(d);

        block_slots_done(&b->slots);
        fd_close(b->image_events_fd);
        fd_close(b->image_fd);
        free(b);
}

static const struct virtio_device_ops block_ops = {
        .queue_started = block_queue_started,
        .queue_stopping = block_queue_stopping,
        .queue_notify = block_queue_notify,
        .source_ready = block_source_ready,
        .free = block_free,
};

/* 5.2.4: in blocks of the disk, the first whole physical one by its number. */
static void offer_topology(struct virtio_blk_config *config, const struct block_topology *t, uint32_t block_size) {
        while (t->physical >> config->physical_block_exp > block_size)
                config->physical_block_exp++;
        config->alignment_offset = (uint8_t) MIN(t->offset / block_size, (uint32_t) UINT8_MAX);
        config->min_io_size = htole16((uint16_t) MIN(t->smallest / block_size, (uint32_t) UINT16_MAX));
        config->opt_io_size = htole32(t->best / block_size);
}

/* What the image is does not change what is offered: another image may take its place while the guest runs. */
static void offer_features(struct block *b, const struct block_options *o) {
        b->base.features = VIRTIO_QUEUE_FEATURES | VIRTIO_FEATURE(VIRTIO_BLK_F_SEG_MAX) |
                           VIRTIO_FEATURE(VIRTIO_BLK_F_FLUSH) | VIRTIO_FEATURE(VIRTIO_BLK_F_BLK_SIZE) |
                           VIRTIO_FEATURE(VIRTIO_BLK_F_TOPOLOGY);
        if (o->num_queues > 1)
                b->base.features |= VIRTIO_FEATURE(VIRTIO_BLK_F_MQ);
        if (o->read_only)
                b->base.features |= VIRTIO_FEATURE(VIRTIO_BLK_F_RO);
        else
                b->base.features |= VIRTIO_FEATURE(VIRTIO_BLK_F_WRITE_ZEROES);
        if (!o->read_only && o->discard)
                b->base.features |= VIRTIO_FEATURE(VIRTIO_BLK_F_DISCARD);
}

static void offer_config(struct block *b, const struct block_options *o) {
        const uint32_t block_size = b->limits.block_size;
        const struct block_topology t = block_image_topology(b->image_fd);
        struct virtio_blk_config config = {
                .capacity = htole64(b->limits.sectors),
                .seg_max = htole32(BLOCK_QUEUE_SIZE - 2), /* all but header and status */
                .blk_size = htole32(block_size),
                .num_queues = htole16((uint16_t) o->num_queues),
        };

        offer_topology(&config, &t, block_size);
        if (!o->read_only) {
                config.max_write_zeroes_sectors = htole32(BLOCK_RANGE_SECTORS_MAX);
                config.max_write_zeroes_seg = htole32(BLOCK_RANGES_MAX);
                config.write_zeroes_may_unmap = o->discard;
        }
        if (!o->read_only && o->discard) {
                config.max_discard_sectors = htole32(BLOCK_RANGE_SECTORS_MAX);
                config.max_discard_seg = htole32(BLOCK_RANGES_MAX);
                config.discard_sector_alignment = htole32(MAX(t.physical, block_size) / BLOCK_SECTOR_SIZE);
        }
        b->base.config_size = CONFIG_SIZE;
        set_config(b, &config);
}

static void offer_queues(struct block *b, const struct block_options *o) {
        b->base.num_queues = o->num_queues;
        for (unsigned q = 0; q < o->num_queues; q++)
                b->base.queue_size_max[q] = BLOCK_QUEUE_SIZE;
}

static void add_source(struct block *b, int fd) {
        b->base.sources[b->base.num_sources].fd = fd;
        b->base.sources[b->base.num_sources++].events = EPOLLIN;
}

static void add_sources(struct block *b) {
        add_source(b, b->slots.io->event_fd);
        if (b->slots.range_io)
                add_source(b, b->slots.range_io->event_fd);
        if (b->image_events_fd >= 0)
                add_source(b, b->image_events_fd);
}

static int check_options(const struct block_options *o, struct err *e) {
        if (o->num_queues < 1 || o->num_queues > VIRTIO_QUEUES_MAX)
                return err_set(e, -EINVAL, "a disk has 1 to %d queues", VIRTIO_QUEUES_MAX);
        if (o->block_size != 0 && (o->block_size < BLOCK_SECTOR_SIZE || o->block_size > BLOCK_SIZE_LARGEST ||
                                   (o->block_size & (o->block_size - 1)) != 0))
                return err_set(e, -EINVAL, "a disk's blocks have 512 to %d bytes, a power of two", BLOCK_SIZE_LARGEST);
        return 0;
}

static int measure(struct block *b, const struct block_options *o, struct err *e) {
        int r;

        r = block_image_block_size(o->image_fd, o->block_size, o->direct, &b->limits.block_size, e);
        if (r >= 0)
                r = block_image_measure(o->image_fd, b->limits.block_size, &b->limits.sectors, e);
        b->limits.read_only = o->read_only;
        b->limits.unmap = o->discard;
        return r;
}

/* What the ring leaves undone; a disk that is only read needs none of it. */
static int open_range_io(const struct block_options *o, struct block_io **ret, struct err *e) {
        int r = o->read_only ? 0 : block_io_threads_new(o->image_fd, RANGE_THREADS, ret);

        return r < 0 ? err_set(e, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

static int open_any_io(const struct block_options *o, struct block_io **ret, struct block_io **ret_range,
                       struct err *e) {
        int flags = fcntl(o->image_fd, F_GETFL), r;

        /* An io_uring takes O_NONBLOCK for "rather not at all". */
        if (flags < 0 || fcntl(o->image_fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
                return err_set(e, -errno, "image: %s", strerror(errno));
        r = block_io_uring_new(o->image_fd, BLOCK_SLOTS, ret);
        if (r >= 0)
                return open_range_io(o, ret_range, e);
        log_info("%s: no io_uring (%s), threads do its work", o->name ?: "disk", strerror(-r));
        r = block_io_threads_new(o->image_fd, BLOCK_IO_THREADS, ret);
        return r < 0 ? err_set(e, r, "cannot start threads: %s", strerror(-r)) : 0;
}

static int open_io(const struct block_options *o, struct block_io **ret, struct block_io **ret_range, struct err *e) {
        _cleanup_(block_io_freep) struct block_io *io = NULL;
        int r;

        *ret = o->io;
        if (*ret)
                return 0;
        r = open_any_io(o, &io, ret_range, e);
        if (r >= 0 && !o->direct && block_io_cached_new(o->image_fd, io, &io) < 0)
                r = err_set(e, -ENOMEM, "out of memory");
        if (r >= 0)
                *ret = TAKE_PTR(io);
        return r;
}

int block_new(const struct block_options *o, struct virtio_device **ret, struct err *e) {
        _cleanup_free_ struct block *b = calloc(1, sizeof(*b));
        _cleanup_(block_io_freep) struct block_io *io = NULL, *range_io = NULL;
        int r;

        if (!b)
                return err_set(e, -ENOMEM, "out of memory");
        r = check_options(o, e);
        if (r >= 0)
                r = measure(b, o, e);
        if (r >= 0)
                r = open_io(o, &io, &range_io, e);
        if (r < 0)
                return r;
        if (block_slots_init(&b->slots, &b->base, io, range_io, o->direct) < 0) {
                io = io == o->io ? NULL : io;
                return err_set(e, -ENOMEM, "out of memory");
        }
        io = range_io = NULL;
        b->image_fd = o->image_fd;
        b->image_events_fd = o->image_events_fd;
        b->fixed_size = o->fixed_size;
        (void) snprintf(b->name, sizeof(b->name), "%s", o->name ?: "disk");
        memcpy(b->serial, o->serial, strnlen(o->serial, sizeof(b->serial)));
        b->limits.serial = b->serial;
        b->base.ops = &block_ops;
        offer_features(b, o);
        offer_config(b, o);
        offer_queues(b, o);
        add_sources(b);
        *ret = &TAKE_PTR(b)->base;
        return 0;
}

void block_serial(const char *zone, const char *device, char ret[static BLOCK_SERIAL_SIZE]) {
        char whole[128];

        if (snprintf(whole, sizeof(whole), "%s.%s", zone, device) <= VIRTIO_BLK_ID_BYTES)
                strcpy(ret, whole);
        else
                (void) snprintf(ret, BLOCK_SERIAL_SIZE, "%.11s.%08x", device,
                                (unsigned) (hash_string(whole) & UINT32_MAX));
}
