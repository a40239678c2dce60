/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <hvisor.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "virtio/transport_hvisor.h"

_Static_assert(VIRTIO_QUEUES_MAX == HVISOR_QUEUES_MAX, "as many queues as the module takes");
_Static_assert(VIRTIO_CONFIG_MAX == HVISOR_CONFIG_SIZE, "as much configuration as the module takes");
_Static_assert(GUEST_MEMORY_REGIONS_MAX >= HVISOR_REGIONS_MAX, "as many regions as a zone has");

const unsigned long transport_hvisor_ioctls[TRANSPORT_HVISOR_IOCTLS] = {
        HVISOR_DEVICE_STATE,
        HVISOR_DEVICE_ACK,
        HVISOR_DEVICE_BREAK,
        HVISOR_DEVICE_CONFIG,
};

struct transport_hvisor {
        struct transport base;
        int device_fd;
};

static struct transport_hvisor *hvisor_of(struct transport *t) {
        return (struct transport_hvisor *) t;
}

static int device_ioctl(const struct transport_hvisor *h, unsigned long request, void *argument) {
        int r;

        do
                r = ioctl(h->device_fd, request, argument);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

static int make_eventfds(struct transport_hvisor *h, unsigned num_queues) {
        h->base.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (h->base.call_fd < 0)
                return -errno;
        for (unsigned q = 0; q < num_queues; q++) {
                h->base.kick_fds[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                if (h->base.kick_fds[q] < 0)
                        return -errno;
        }
        return 0;
}

static int attach_device(struct transport_hvisor *h, const struct virtio_device *d, uint64_t cookie) {
        struct hvisor_device_attach a = {
                .cookie = cookie,
                .features = d->features,
                .num_queues = d->num_queues,
                .config_size = d->config_size,
                .call_fd = h->base.call_fd,
        };

        memcpy(a.queue_size_max, d->queue_size_max, sizeof(a.queue_size_max));
        memcpy(a.config, d->config, sizeof(a.config));
        memcpy(a.kick_fd, h->base.kick_fds, sizeof(a.kick_fd));
        return device_ioctl(h, HVISOR_DEVICE_ATTACH, &a);
}

static int map_memory(struct transport_hvisor *h) {
        struct guest_memory_piece pieces[HVISOR_REGIONS_MAX];
        struct hvisor_memory regions = { 0 };
        int r;

        r = device_ioctl(h, HVISOR_DEVICE_MEMORY, &regions);
        if (r < 0)
                return r;
        if (regions.num_regions > HVISOR_REGIONS_MAX)
                return -E2BIG;
        for (uint32_t i = 0; i < regions.num_regions; i++)
                pieces[i] = (struct guest_memory_piece){
                        .gpa = regions.regions[i].guest,
                        .size = regions.regions[i].size,
                        .offset = regions.regions[i].guest,
                        .fd = h->device_fd,
                };
        r = guest_memory_new(&h->base.memory);
        return r < 0 ? r : guest_memory_map(h->base.memory, pieces, regions.num_regions);
}

_Static_assert(sizeof(struct inflight_queue) + VIRTQUEUE_SIZE_MAX * sizeof(struct inflight_descriptor) <=
                       HVISOR_INFLIGHT_QUEUE_SIZE,
               "a queue's part has room for the largest queue");

static int map_inflight(struct transport_hvisor *h, unsigned num_queues) {
        size_t page = (size_t) sysconf(_SC_PAGESIZE);
        size_t size = (num_queues * HVISOR_INFLIGHT_QUEUE_SIZE + page - 1) / page * page;
        void *base;

        base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, h->device_fd, HVISOR_INFLIGHT_OFFSET);
        if (base == MAP_FAILED)
                return -errno;
        return inflight_region_attach(&h->base.inflight, base, size, num_queues, VIRTQUEUE_SIZE_MAX);
}

static int memory_fd(struct transport_hvisor *h, uint64_t guest, uint64_t size) {
        struct hvisor_memory_region part = { .guest = guest, .size = size };
        int fd = ioctl(h->device_fd, HVISOR_DEVICE_MEMORY_FD, &part);

        return fd < 0 ? -errno : fd;
}

/* By descriptors that are good for nothing else, and end with this worker. */
static int share_memory(struct transport_hvisor *h) {
        struct guest_memory_piece piece;
        void *host;

        for (size_t i = 0; guest_memory_region(h->base.memory, i, &piece, &host); i++) {
                int fd = memory_fd(h, piece.gpa, piece.size);

                if (fd < 0)
                        return fd;
                guest_memory_share(h->base.memory, i, fd);
        }
        h->base.inflight_fd = memory_fd(h, HVISOR_INFLIGHT_OFFSET, h->base.inflight.size);
        return MIN(h->base.inflight_fd, 0);
}

static int hvisor_attach(struct transport *t, const struct virtio_device *d, uint64_t cookie, struct err *e) {
        struct transport_hvisor *h = hvisor_of(t);
        int r;

        r = make_eventfds(h, d->num_queues);
        if (r < 0)
                return err_set(e, r, "cannot make eventfds: %s", strerror(-r));
        r = attach_device(h, d, cookie);
        if (r == -EBUSY)
                return err_set(e, r, "the device has a worker already");
        if (r == -EINVAL)
                return err_set(e, r, "the device does not take this worker: it differs from the one before");
        if (r < 0)
                return err_set(e, r, "cannot attach to the device: %s", strerror(-r));
        r = map_memory(h);
        if (r < 0)
                return err_set(e, r, "cannot map the zone's RAM: %s", strerror(-r));
        r = map_inflight(h, d->num_queues);
        if (r < 0)
                return err_set(e, r, "cannot map the record of requests in flight: %s", strerror(-r));
        r = d->shares_memory ? share_memory(h) : 0;
        if (r < 0)
                return err_set(e, r, "cannot share the zone's RAM: %s", strerror(-r));
        return 0;
}

static int hvisor_read_state(struct transport *t, struct transport_state *ret) {
        struct hvisor_device_state s = { 0 };
        int r;

        r = device_ioctl(hvisor_of(t), HVISOR_DEVICE_STATE, &s);
        if (r < 0)
                return r;
        *ret = (struct transport_state){ .sequence = s.sequence, .features = s.features, .status = s.status };
        for (unsigned q = 0; q < MIN(s.num_queues, (uint32_t) VIRTIO_QUEUES_MAX); q++) {
                ret->queues[q].ready = s.queues[q].ready;
                ret->queues[q].layout = (struct virtqueue_layout){
                        .descriptors = s.queues[q].descriptors,
                        .available = s.queues[q].available,
                        .used = s.queues[q].used,
                        .size = s.queues[q].size,
                };
        }
        return 0;
}

static int hvisor_acknowledge(struct transport *t, uint64_t sequence) {
        __u64 argument = sequence;

        return device_ioctl(hvisor_of(t), HVISOR_DEVICE_ACK, &argument);
}

static int hvisor_break_device(struct transport *t, unsigned queue _unused_) {
        return device_ioctl(hvisor_of(t), HVISOR_DEVICE_BREAK, NULL);
}

static int hvisor_change_config(struct transport *t, const struct virtio_device *d) {
        struct hvisor_device_config c = { 0 };

        memcpy(c.config, d->config, sizeof(c.config));
        return device_ioctl(hvisor_of(t), HVISOR_DEVICE_CONFIG, &c);
}

/* The device has one interrupt (4.2.1), whatever the queue. */
static int hvisor_call(struct transport *t, uint32_t queues _unused_) {
        /* EAGAIN: the counter is full, so that a call is pending anyway. */
        if (eventfd_write(t->call_fd, 1) < 0 && errno != EAGAIN)
                return -errno;
        return 0;
}

static void hvisor_free(struct transport *t) {
        struct transport_hvisor *h = hvisor_of(t);

        if (h->base.inflight.base)
                (void) munmap(h->base.inflight.base, h->base.inflight.size);
        guest_memory_free(h->base.memory);
        for (unsigned q = 0; q < VIRTIO_QUEUES_MAX; q++)
                fd_close(h->base.kick_fds[q]);
        fd_close(h->base.inflight_fd);
        fd_close(h->base.call_fd);
        fd_close(h->device_fd);
        free(h);
}

static const struct transport_ops hvisor_ops = {
        .attach = hvisor_attach,
        .read_state = hvisor_read_state,
        .acknowledge = hvisor_acknowledge,
        .break_device = hvisor_break_device,
        .change_config = hvisor_change_config,
        .call = hvisor_call,
        .free = hvisor_free,
};

int transport_hvisor_new(int device_fd, struct transport **ret) {
        struct transport_hvisor *h = calloc(1, sizeof(*h));

        if (!h)
                return -ENOMEM;
        h->base.ops = &hvisor_ops;
        h->base.event_fd = device_fd;
        h->device_fd = device_fd;
        h->base.call_fd = h->base.inflight_fd = -1;
        for (unsigned q = 0; q < VIRTIO_QUEUES_MAX; q++)
                h->base.kick_fds[q] = -1;
        *ret = &h->base;
        return 0;
}
