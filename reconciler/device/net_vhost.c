/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "device/net_vhost.h"

#define QUEUES 2 /* of one vhost-net: VHOST_NET_VQ_RX and _TX */

/* The features that change what lies in the rings or before a frame; all others are the tap's and the card's. */
#define CONCERNED                                                                                                      \
        (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |                            \
         VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX) | VIRTIO_FEATURE(VIRTIO_F_RING_PACKED) |                              \
         VIRTIO_FEATURE(VIRTIO_F_IN_ORDER) | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF))

struct net_vhost {
        int fd;
        int tap_fd;
        int error_fd;
        unsigned first;
        uint64_t features; /* that it has */
        bool has_memory;
        bool driven[QUEUES];
};

static int control(const struct net_vhost *v, unsigned long request, const void *argument) {
        int r;

        do
                r = ioctl(v->fd, request, argument);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

int net_vhost_new(int vhost_fd, int tap_fd, unsigned first, struct net_vhost **ret, struct err *e) {
        _cleanup_(net_vhost_freep) struct net_vhost *v = malloc(sizeof(*v));
        int r;

        if (!v)
                return err_set(e, -ENOMEM, "out of memory");
        *v = (struct net_vhost){ .fd = -1, .tap_fd = tap_fd, .first = first };
        v->error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (v->error_fd < 0)
                return err_set(e, -errno, "cannot make an eventfd: %s", strerror(errno));
        v->fd = vhost_fd;
        r = control(v, VHOST_SET_OWNER, NULL);
        if (r >= 0)
                r = control(v, VHOST_GET_FEATURES, &v->features);
        if (r < 0) {
                v->fd = -1; /* the caller's still */
                return err_set(e, r, "vhost-net: %s", strerror(-r));
        }
        *ret = TAKE_PTR(v);
        return 0;
}

void net_vhost_free(struct net_vhost *v) {
        if (!v)
                return;
        fd_close(v->fd);
        fd_close(v->error_fd);
        free(v);
}

uint64_t net_vhost_offer(const struct net_vhost *v, uint64_t features) {
        return features & (v->features | ~CONCERNED);
}

int net_vhost_error_fd(const struct net_vhost *v) {
        return v->error_fd;
}

static int set_memory(struct net_vhost *v, const struct guest_memory *memory) {
        struct {
                struct vhost_memory head;
                struct vhost_memory_region regions[GUEST_MEMORY_REGIONS_MAX];
        } table = { 0 };
        struct guest_memory_piece piece;
        void *host;
        int r;

        for (uint32_t i = 0; guest_memory_region(memory, i, &piece, &host); i++) {
                table.regions[i].guest_phys_addr = piece.gpa;
                table.regions[i].memory_size = piece.size;
                table.regions[i].userspace_addr = (uintptr_t) host;
                table.head.nregions = i + 1;
        }
        r = control(v, VHOST_SET_MEM_TABLE, &table);
        v->has_memory = r >= 0;
        return r;
}

/* What holds for both queues, while neither runs. */
static int set_up(struct net_vhost *v, const struct virtio_device *d, const struct virtqueue *q) {
        const uint64_t features = d->driver_features & v->features & CONCERNED;
        int r = control(v, VHOST_SET_FEATURES, &features);

        return r < 0 || v->has_memory ? r : set_memory(v, q->memory);
}

static int set_file(struct net_vhost *v, unsigned long request, unsigned index, int fd) {
        const struct vhost_vring_file file = { .index = index, .fd = fd };

        return control(v, request, &file);
}

static int set_rings(struct net_vhost *v, unsigned index, const struct virtqueue *q) {
        const struct vhost_vring_state size = { .index = index, .num = q->size };
        const struct vhost_vring_state next = { .index = index, .num = q->next_used };
        const struct vhost_vring_addr rings = {
                .index = index,
                .desc_user_addr = (uintptr_t) q->descriptors,
                .avail_user_addr = (uintptr_t) q->available,
                .used_user_addr = (uintptr_t) q->used,
        };
        int r = control(v, VHOST_SET_VRING_NUM, &size);

        if (r >= 0)
                r = control(v, VHOST_SET_VRING_BASE, &next);
        return r < 0 ? r : control(v, VHOST_SET_VRING_ADDR, &rings);
}

int net_vhost_start(struct net_vhost *v, const struct virtio_device *d, unsigned queue) {
        const struct virtqueue *q = &d->queues[queue];
        unsigned index = queue - v->first;
        int r = 0;

        if (!v->driven[0] && !v->driven[1])
                r = set_up(v, d, q);
        if (r >= 0)
                r = set_rings(v, index, q);
        if (r >= 0)
                r = set_file(v, VHOST_SET_VRING_ERR, index, v->error_fd);
        if (r >= 0)
                r = set_file(v, VHOST_SET_VRING_CALL, index, d->call_fd);
        if (r >= 0)
                r = set_file(v, VHOST_SET_VRING_KICK, index, d->kick_fds[queue]);
        if (r >= 0)
                r = set_file(v, VHOST_NET_SET_BACKEND, index, v->tap_fd);
        if (r < 0)
                return r;
        v->driven[index] = true;
        /* Buffers may be there already, and a kick that came before the tap did was for nothing. */
        return eventfd_write(d->kick_fds[queue], 1) < 0 && errno != EAGAIN ? -errno : 0;
}

void net_vhost_stop(struct net_vhost *v, unsigned queue) {
        unsigned index = queue - v->first;

        if (v->driven[index])
                (void) set_file(v, VHOST_NET_SET_BACKEND, index, VHOST_FILE_UNBIND);
        v->driven[index] = false;
}
