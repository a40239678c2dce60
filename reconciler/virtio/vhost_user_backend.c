/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_config.h>
#include <string.h>

#include "base/fd.h"
#include "base/range.h"
#include "virtio/vhost_user_backend.h"

#define F_PROTOCOL (UINT64_C(1) << VHOST_USER_F_PROTOCOL_FEATURES)

static uint64_t offered_protocol(const struct vhost_user_backend *b) {
        return VHOST_USER_PROTOCOL(REPLY_ACK) | VHOST_USER_PROTOCOL(BACKEND_REQ) | VHOST_USER_PROTOCOL(INFLIGHT_SHMFD) |
               VHOST_USER_PROTOCOL(RESET_DEVICE) | (b->device->num_queues > 1 ? VHOST_USER_PROTOCOL(MQ) : 0) |
               (b->device->config_size > 0 ? VHOST_USER_PROTOCOL(CONFIG) : 0);
}

/* ---- coming and going --------------------------------------------------------------------------------- */

static const struct vhost_user_ring new_ring = { .kick.fd = -1, .call.fd = -1, .error.fd = -1 };

static void ring_stop(struct vhost_user_ring *r) {
        r->kick.fd = fd_close(r->kick.fd);
}

static void rings_reset(struct vhost_user_backend *b) {
        for (unsigned q = 0; q < VIRTIO_QUEUES_MAX; q++) {
                struct vhost_user_ring *r = &b->rings[q];

                ring_stop(r);
                fd_close(r->call.fd);
                fd_close(r->error.fd);
                *r = new_ring;
        }
}

void vhost_user_backend_new_peer(struct vhost_user_backend *b) {
        rings_reset(b);
        shared_memory_unmap_inflight(&b->inflight);
        guest_memory_clear(b->memory);
        b->num_regions = 0;
        b->has_features = false;
        b->features = b->protocol_features = 0;
        b->channel_fd = fd_close(b->channel_fd);
}

void vhost_user_backend_init(struct vhost_user_backend *b, const struct virtio_device *device,
                             struct guest_memory *memory) {
        *b = (struct vhost_user_backend){ .device = device, .memory = memory, .channel_fd = -1 };
        for (unsigned q = 0; q < VIRTIO_QUEUES_MAX; q++)
                b->rings[q] = new_ring;
}

/* ---- features ----------------------------------------------------------------------------------------- */

/* A handler returns 0 (done), 1 (refused, and the front-end may go on), or -errno (refused). */
#define HANDLER(name)                                                                                                  \
        static int name(struct vhost_user_backend *b _unused_, struct vhost_user_message *m _unused_,                  \
                        struct vhost_user_message *reply _unused_, struct err *e _unused_)

HANDLER(on_get_features) {
        vhost_user_reply_u64(reply, &m->header, b->device->features | F_PROTOCOL);
        return 0;
}

HANDLER(on_set_features) {
        if (m->payload.u64 & ~(b->device->features | F_PROTOCOL))
                return err_set(e, -EINVAL, "features 0x%llx, which were not offered",
                               (unsigned long long) (m->payload.u64 & ~b->device->features));
        b->features = m->payload.u64;
        b->has_features = true;
        return 0;
}

HANDLER(on_get_protocol_features) {
        vhost_user_reply_u64(reply, &m->header, offered_protocol(b));
        return 0;
}

HANDLER(on_set_protocol_features) {
        if (m->payload.u64 & ~offered_protocol(b))
                return err_set(e, -EINVAL, "protocol features 0x%llx, which were not offered",
                               (unsigned long long) (m->payload.u64 & ~offered_protocol(b)));
        b->protocol_features = m->payload.u64;
        return 0;
}

/* One process, one front-end: it is the owner already. */
HANDLER(on_set_owner) {
        return 0;
}

HANDLER(on_reset_device) {
        rings_reset(b);
        b->has_features = false;
        b->features = 0;
        return 0;
}

HANDLER(on_get_queue_num) {
        vhost_user_reply_u64(reply, &m->header, b->device->num_queues);
        return 0;
}

HANDLER(on_set_channel) {
        fd_close(b->channel_fd);
        b->channel_fd = TAKE_FD(m->fds[0]);
        return 0;
}

/* ---- memory ------------------------------------------------------------------------------------------- */

HANDLER(on_set_mem_table) {
        const struct vhost_user_memory *t = &m->payload.memory;
        int r = shared_memory_map_guest(b->memory, t, m->fds, e);

        if (r < 0)
                return r;
        memcpy(b->regions, t->regions, sizeof(b->regions));
        b->num_regions = t->count;
        return 0;
}

/* Where the front-end has something, as the guest's address of it. Outside: an address where no ring can be. */
static uint64_t guest_address(const struct vhost_user_backend *b, uint64_t user) {
        for (unsigned i = 0; i < b->num_regions; i++)
                if (range_contains(b->regions[i].user, b->regions[i].size, user, 1))
                        return b->regions[i].guest + (user - b->regions[i].user);
        return UINT64_MAX;
}

/* ---- requests in flight --------------------------------------------------------------------------------- */

static int check_inflight(const struct vhost_user_backend *b, const struct vhost_user_inflight *i, struct err *e) {
        if (i->num_queues == 0 || i->num_queues > b->device->num_queues || i->queue_size == 0 ||
            i->queue_size > VIRTQUEUE_SIZE_MAX)
                return err_set(e, -EINVAL, "a record of %u queues of %u requests in flight", i->num_queues,
                               i->queue_size);
        return 0;
}

/* The front-end keeps it and hands it to this worker, and then to the next one. */
HANDLER(on_get_inflight) {
        const struct vhost_user_inflight *asked = &m->payload.inflight;
        int r = check_inflight(b, asked, e);

        if (r < 0)
                return r;
        vhost_user_reply(reply, &m->header);
        reply->header.size = sizeof(reply->payload.inflight);
        r = shared_memory_make_inflight(asked, &reply->payload.inflight, &reply->fds[0], e);
        reply->num_fds = r >= 0;
        return r;
}

HANDLER(on_set_inflight) {
        struct inflight_region region;
        int r = check_inflight(b, &m->payload.inflight, e);

        if (r >= 0)
                r = shared_memory_map_inflight(&m->payload.inflight, m->fds[0], &region, e);
        if (r < 0)
                return r;
        shared_memory_unmap_inflight(&b->inflight);
        b->inflight = region;
        return 0;
}

/* ---- configuration ------------------------------------------------------------------------------------ */

HANDLER(on_get_config) {
        const struct vhost_user_config *asked = &m->payload.config;

        vhost_user_reply(reply, &m->header);
        reply->header.size = VHOST_USER_CONFIG_HEADER + asked->size;
        reply->payload.config.offset = asked->offset;
        reply->payload.config.size = asked->size;
        memcpy(reply->payload.config.data, b->device->config + asked->offset, asked->size);
        return 0;
}

_Static_assert(VHOST_USER_CONFIG_MAX <= VIRTIO_CONFIG_MAX, "what vhost_user_check() lets through is there");

/* The guest can cause it: no reason to end the connection. */
HANDLER(on_set_config) {
        (void) err_set(e, -EPERM, "a write to the device's configuration, which is read-only");
        return 1;
}

/* ---- rings -------------------------------------------------------------------------------------------- */

static struct vhost_user_ring *ring_of_state(struct vhost_user_backend *b, const struct vhost_user_message *m) {
        return &b->rings[m->payload.state.index];
}

static struct vhost_user_ring *ring_of_fd(struct vhost_user_backend *b, const struct vhost_user_message *m) {
        return &b->rings[m->payload.u64 & VHOST_USER_VRING_INDEX];
}

HANDLER(on_set_vring_num) {
        uint32_t size = m->payload.state.value, most = b->device->queue_size_max[m->payload.state.index];

        if (size == 0 || size > most || (size & (size - 1)) != 0)
                return err_set(e, -EINVAL, "queue %u of %u: it has to be a power of two, of %u at most",
                               m->payload.state.index, size, most);
        ring_of_state(b, m)->size = (uint16_t) size;
        return 0;
}

HANDLER(on_set_vring_address) {
        struct vhost_user_ring *r = &b->rings[m->payload.address.index];

        if (m->payload.address.flags != 0)
                return err_set(e, -EINVAL, "queue %u: writes to it are not logged", m->payload.address.index);
        r->address = m->payload.address;
        r->has_address = true;
        return 0;
}

HANDLER(on_set_vring_base) {
        if (m->payload.state.value > UINT16_MAX)
                return err_set(e, -EINVAL, "queue %u begins at %u", m->payload.state.index, m->payload.state.value);
        ring_of_state(b, m)->base = (uint16_t) m->payload.state.value;
        return 0;
}

/* The queue is stopped: all before its used index was returned, and nothing after it. */
HANDLER(on_get_vring_base) {
        struct vhost_user_ring *r = ring_of_state(b, m);
        uint64_t used = guest_address(b, r->address.used);
        void *p;

        if (r->has_address && used % VRING_USED_ALIGN_SIZE == 0 && guest_memory_translate(b->memory, used, 4, &p) == 0)
                r->base = le16toh(__atomic_load_n((const uint16_t *) p + 1, __ATOMIC_ACQUIRE));
        ring_stop(r);
        vhost_user_reply(reply, &m->header);
        reply->header.size = sizeof(reply->payload.state);
        reply->payload.state = (struct vhost_user_vring_state){ m->payload.state.index, r->base };
        return 0;
}

static int take_eventfd(struct vhost_user_message *m, struct shared_eventfd *to, struct err *e) {
        bool waits = false;

        if (m->num_fds > 0 && !shared_is_eventfd(m->fds[0], &waits))
                return err_set(e, -EINVAL, "a descriptor to signal a queue by that is no eventfd");
        fd_close(to->fd);
        *to = (struct shared_eventfd){ .fd = m->num_fds > 0 ? TAKE_FD(m->fds[0]) : -1, .waits = waits };
        return 0;
}

HANDLER(on_set_vring_kick) {
        if (m->num_fds == 0)
                return err_set(e, -EOPNOTSUPP, "a queue without a kick descriptor, which would have to be polled");
        return take_eventfd(m, &ring_of_fd(b, m)->kick, e);
}

HANDLER(on_set_vring_call) {
        return take_eventfd(m, &ring_of_fd(b, m)->call, e);
}

HANDLER(on_set_vring_error) {
        return take_eventfd(m, &ring_of_fd(b, m)->error, e);
}

HANDLER(on_set_vring_enable) {
        if (m->payload.state.value > 1)
                return err_set(e, -EINVAL, "queue %u is to be enabled by %u", m->payload.state.index,
                               m->payload.state.value);
        ring_of_state(b, m)->enabled = m->payload.state.value;
        return 0;
}

/* Without protocol features a ring has no switch: it is enabled. */
bool vhost_user_backend_ring_ready(const struct vhost_user_backend *b, unsigned queue) {
        const struct vhost_user_ring *r = &b->rings[queue];

        return b->has_features && (b->features & VIRTIO_FEATURE(VIRTIO_F_VERSION_1)) && r->size > 0 && r->has_address &&
               r->kick.fd >= 0 && (r->enabled || !(b->features & F_PROTOCOL));
}

struct virtqueue_layout vhost_user_backend_layout(const struct vhost_user_backend *b, unsigned queue) {
        const struct vhost_user_ring *r = &b->rings[queue];

        return (struct virtqueue_layout){
                .descriptors = guest_address(b, r->address.descriptors),
                .available = guest_address(b, r->address.available),
                .used = guest_address(b, r->address.used),
                .size = r->size,
        };
}

/* ---- the table ---------------------------------------------------------------------------------------- */

enum scope {
        DEVICE,       /* no ring has to stop for it */
        ALL_RINGS,    /* it takes away what all of them use */
        RING,         /* concerns one, by vhost_user_vring_state or vhost_user_vring_address */
        RING_FD,      /* concerns one, by its number in a u64 */
        RUNNING_RING, /* the same, and it may run meanwhile */
};

static const struct handler {
        enum scope scope;
        int (*handle)(struct vhost_user_backend *b, struct vhost_user_message *m, struct vhost_user_message *reply,
                      struct err *e);
} handlers[_VHOST_USER_REQUEST_MAX] = {
        [VHOST_USER_GET_FEATURES] = { DEVICE, on_get_features },
        [VHOST_USER_SET_FEATURES] = { ALL_RINGS, on_set_features },
        [VHOST_USER_SET_OWNER] = { DEVICE, on_set_owner },
        [VHOST_USER_SET_MEM_TABLE] = { ALL_RINGS, on_set_mem_table },
        [VHOST_USER_SET_VRING_NUM] = { RING, on_set_vring_num },
        [VHOST_USER_SET_VRING_ADDR] = { RING, on_set_vring_address },
        [VHOST_USER_SET_VRING_BASE] = { RING, on_set_vring_base },
        [VHOST_USER_GET_VRING_BASE] = { RING, on_get_vring_base },
        [VHOST_USER_SET_VRING_KICK] = { RING_FD, on_set_vring_kick },
        [VHOST_USER_SET_VRING_CALL] = { RUNNING_RING, on_set_vring_call },
        [VHOST_USER_SET_VRING_ERR] = { RUNNING_RING, on_set_vring_error },
        [VHOST_USER_GET_PROTOCOL_FEATURES] = { DEVICE, on_get_protocol_features },
        [VHOST_USER_SET_PROTOCOL_FEATURES] = { DEVICE, on_set_protocol_features },
        [VHOST_USER_GET_QUEUE_NUM] = { DEVICE, on_get_queue_num },
        [VHOST_USER_SET_VRING_ENABLE] = { RING, on_set_vring_enable },
        [VHOST_USER_SET_BACKEND_REQ_FD] = { DEVICE, on_set_channel },
        [VHOST_USER_GET_CONFIG] = { DEVICE, on_get_config },
        [VHOST_USER_SET_CONFIG] = { DEVICE, on_set_config },
        [VHOST_USER_GET_INFLIGHT_FD] = { DEVICE, on_get_inflight },
        [VHOST_USER_SET_INFLIGHT_FD] = { ALL_RINGS, on_set_inflight },
        [VHOST_USER_RESET_DEVICE] = { ALL_RINGS, on_reset_device },
};

/* The ring that a message names, which need not exist; false if it names none. */
static bool ring_index(const struct vhost_user_message *m, uint32_t *ret) {
        switch (handlers[m->header.request].scope) {
        case DEVICE:
        case ALL_RINGS:
                break;
        case RING:
                *ret = m->payload.state.index;
                return true;
        case RING_FD:
        case RUNNING_RING:
                *ret = (uint32_t) (m->payload.u64 & VHOST_USER_VRING_INDEX);
                return true;
        }
        return false;
}

_Static_assert(offsetof(struct vhost_user_vring_state, index) == offsetof(struct vhost_user_vring_address, index),
               "one place, whichever of them names the ring");

uint32_t vhost_user_backend_stops(const struct vhost_user_backend *b, const struct vhost_user_message *m) {
        uint32_t index;

        if (ring_index(m, &index) && index >= b->device->num_queues)
                return 0;
        switch (handlers[m->header.request].scope) {
        case ALL_RINGS:
                return UINT32_MAX;
        case RING:
        case RING_FD:
                return BIT(index);
        case DEVICE:
        case RUNNING_RING:
                break;
        }
        return 0;
}

static int handle(struct vhost_user_backend *b, struct vhost_user_message *m, struct vhost_user_message *reply,
                  struct err *e) {
        const struct handler *h = &handlers[m->header.request];
        uint32_t index;

        if (!h->handle)
                return err_set(e, -EOPNOTSUPP, "not served here");
        if (ring_index(m, &index) && index >= b->device->num_queues)
                return err_set(e, -EINVAL, "queue %u, but there are %u", index, b->device->num_queues);
        return h->handle(b, m, reply, e);
}

int vhost_user_backend_handle(struct vhost_user_backend *b, struct vhost_user_message *m,
                              struct vhost_user_message *reply, struct err *e) {
        const struct vhost_user_rule *rule = vhost_user_rule(m->header.request);
        bool due = vhost_user_replies(rule, &m->header);
        int r = handle(b, m, reply, e);

        if (r != 0)
                (void) err_add(e, r < 0 ? r : 0, "%s", rule->name);
        if (r < 0 && (!due || rule->replies))
                return r;
        if (due && !rule->replies)
                vhost_user_reply_u64(reply, &m->header, r != 0);
        return due;
}
