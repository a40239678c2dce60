/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/fd.h"
#include "virtio/vhost_user.h"
#include "virtio/vhost_user_front.h"

/* What is used of the protocol where both have it. */
#define PROTOCOL_WANTED                                                                                                \
        (VHOST_USER_PROTOCOL(MQ) | VHOST_USER_PROTOCOL(REPLY_ACK) | VHOST_USER_PROTOCOL(CONFIG) |                      \
         VHOST_USER_PROTOCOL(INFLIGHT_SHMFD))

/*
 * Features of the device itself, and of the ring those that hvisor.ko and a back-end can agree on without the
 * front-end's doing: no packed ring, no I/O addresses, no notification data, nothing of the legacy interface.
 */
#define FEATURES_WANTED                                                                                                \
        ((VIRTIO_FEATURE(24) - 1) | ~(VIRTIO_FEATURE(50) - 1) | VIRTIO_FEATURE(VIRTIO_F_VERSION_1) |                   \
         VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX))

struct vhost_user_front {
        int socket;
        int error_fd;
        uint64_t features; /* that it offers */
        uint64_t protocol; /* in use */
        bool lost;         /* what comes next on the socket answers nothing, if anything comes */
        bool has_memory;
        uint32_t driven; /* queues that it has */
        struct vhost_user_receiver receiver;
};

/* ---- one request -------------------------------------------------------------------------------------- */

static bool uses(const struct vhost_user_front *f, uint64_t protocol) {
        return (f->protocol & protocol) == protocol;
}

static int64_t now_ms(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int wait_readable(int socket, int64_t until) {
        struct pollfd p = { .fd = socket, .events = POLLIN };
        int64_t left;
        int r;

        do {
                left = until - now_ms();
                r = left > 0 ? poll(&p, 1, (int) left) : 0;
        } while (r < 0 && errno == EINTR);
        if (r < 0)
                return -errno;
        return r == 0 ? -ETIMEDOUT : 0;
}

static int receive_reply(struct vhost_user_front *f, struct err *e) {
        int64_t until = now_ms() + VHOST_USER_FRONT_WAIT_MS;

        for (;;) {
                int r = vhost_user_receive(&f->receiver, f->socket, e);

                if (r != 0)
                        return r < 0 ? r : 0;
                r = wait_readable(f->socket, until);
                if (r < 0)
                        return err_set(e, r, "no answer: %s", strerror(-r));
        }
}

static int exchange(struct vhost_user_front *f, const struct vhost_user_rule *rule, const struct vhost_user_message *m,
                    struct err *e) {
        int r = vhost_user_send(f->socket, m);

        if (r < 0)
                return err_set(e, r, "%s", strerror(-r));
        if (!vhost_user_replies(rule, &m->header))
                return 0;
        r = receive_reply(f, e);
        return r < 0 ? r : vhost_user_check_reply(rule, &m->header, &f->receiver.message, e);
}

/*
 * Sends it, and waits for the answer if one is due; all that can be answered is asked to be. *ret_reply is
 * borrowed until the next request; it may be NULL where the answer says no more than that it was done.
 */
static int request(struct vhost_user_front *f, struct vhost_user_message *m, const union vhost_user_payload **ret_reply,
                   struct err *e) {
        const struct vhost_user_rule *rule = vhost_user_rule(m->header.request);
        const union vhost_user_payload *reply = &f->receiver.message.payload;
        int r;

        if (f->lost)
                return err_set(e, -ECONNRESET, "%s: the connection has failed before", rule->name);
        m->header.flags = VHOST_USER_VERSION;
        if (uses(f, VHOST_USER_PROTOCOL(REPLY_ACK)) && !rule->replies)
                m->header.flags |= VHOST_USER_FLAG_NEED_REPLY;
        r = exchange(f, rule, m, e);
        f->lost = r < 0;
        if (r < 0)
                return err_add(e, r, "%s", rule->name);
        if (!rule->replies && vhost_user_replies(rule, &m->header) && reply->u64 != 0)
                return err_set(e, -EREMOTEIO, "%s: the back-end refuses it", rule->name);
        if (ret_reply)
                *ret_reply = reply;
        return 0;
}

static int request_nothing(struct vhost_user_front *f, uint32_t what, const union vhost_user_payload **ret_reply,
                           struct err *e) {
        struct vhost_user_message m = { .header.request = what };

        return request(f, &m, ret_reply, e);
}

static int get_u64(struct vhost_user_front *f, uint32_t what, uint64_t *ret, struct err *e) {
        const union vhost_user_payload *reply;
        int r = request_nothing(f, what, &reply, e);

        if (r >= 0)
                *ret = reply->u64;
        return r;
}

static int set_u64(struct vhost_user_front *f, uint32_t what, uint64_t value, struct err *e) {
        struct vhost_user_message m = { .header = { what, 0, sizeof(value) }, .payload.u64 = value };

        return request(f, &m, NULL, e);
}

static int set_state(struct vhost_user_front *f, uint32_t what, unsigned queue, uint32_t value, struct err *e) {
        struct vhost_user_message m = { .header = { what, 0, sizeof(m.payload.state) },
                                        .payload.state = { queue, value } };

        return request(f, &m, NULL, e);
}

static int set_fd(struct vhost_user_front *f, uint32_t what, unsigned queue, int fd, struct err *e) {
        struct vhost_user_message m = {
                .header = { what, 0, sizeof(uint64_t) }, .payload.u64 = queue, .num_fds = 1, .fds = { fd }
        };

        return request(f, &m, NULL, e);
}

/* ---- agreeing ----------------------------------------------------------------------------------------- */

static int agree_on_protocol(struct vhost_user_front *f, struct err *e) {
        uint64_t offered;
        int r;

        if (!(f->features & VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES)))
                return 0;
        r = get_u64(f, VHOST_USER_GET_PROTOCOL_FEATURES, &offered, e);
        if (r >= 0)
                r = set_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, offered & PROTOCOL_WANTED, e);
        if (r >= 0)
                f->protocol = offered & PROTOCOL_WANTED;
        return r;
}

/* Without MQ it has as many queues as such a device has to have. */
static int check_queues(struct vhost_user_front *f, unsigned num_queues, struct err *e) {
        uint64_t most = num_queues;
        int r = uses(f, VHOST_USER_PROTOCOL(MQ)) ? get_u64(f, VHOST_USER_GET_QUEUE_NUM, &most, e) : 0;

        if (r < 0)
                return r;
        return most < num_queues ? err_set(e, -EOPNOTSUPP, "the back-end has %u queues, the device wants %u",
                                           (unsigned) MIN(most, (uint64_t) UINT32_MAX), num_queues)
                                 : 0;
}

static int agree(struct vhost_user_front *f, unsigned num_queues, struct err *e) {
        int r = get_u64(f, VHOST_USER_GET_FEATURES, &f->features, e);

        if (r < 0)
                return r;
        if (!(f->features & VIRTIO_FEATURE(VIRTIO_F_VERSION_1)))
                return err_set(e, -EOPNOTSUPP, "the back-end knows only devices from before virtio 1.0");
        r = agree_on_protocol(f, e);
        if (r >= 0)
                r = check_queues(f, num_queues, e);
        return r < 0 ? r : request_nothing(f, VHOST_USER_SET_OWNER, NULL, e);
}

int vhost_user_front_new(int socket, unsigned num_queues, struct vhost_user_front **ret, struct err *e) {
        _cleanup_(vhost_user_front_freep) struct vhost_user_front *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return err_set(e, -ENOMEM, "out of memory");
        f->socket = -1;
        f->error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (f->error_fd < 0)
                return err_set(e, -errno, "cannot make an eventfd: %s", strerror(errno));
        f->socket = socket;
        r = agree(f, num_queues, e);
        if (r < 0) {
                f->socket = -1; /* the caller's still */
                return r;
        }
        *ret = TAKE_PTR(f);
        return 0;
}

void vhost_user_front_free(struct vhost_user_front *f) {
        if (!f)
                return;
        vhost_user_receiver_done(&f->receiver);
        fd_close(f->socket);
        fd_close(f->error_fd);
        free(f);
}

uint64_t vhost_user_front_features(const struct vhost_user_front *f) {
        return f->features & FEATURES_WANTED;
}

bool vhost_user_front_keeps_record(const struct vhost_user_front *f) {
        return uses(f, VHOST_USER_PROTOCOL(INFLIGHT_SHMFD));
}

int vhost_user_front_config(struct vhost_user_front *f, uint8_t *ret, uint32_t size, struct err *e) {
        struct vhost_user_message m = { .header = { VHOST_USER_GET_CONFIG, 0, VHOST_USER_CONFIG_HEADER + size },
                                        .payload.config = { .size = size } };
        const union vhost_user_payload *reply;
        int r;

        if (!uses(f, VHOST_USER_PROTOCOL(CONFIG)))
                return -EOPNOTSUPP;
        r = request(f, &m, &reply, e);
        if (r < 0)
                return r;
        if (reply->config.size != size || f->receiver.message.header.size != m.header.size)
                return err_set(e, -EPROTO, "the back-end's configuration is not that of such a device");
        memcpy(ret, reply->config.data, size);
        return 0;
}

/* ---- queues ------------------------------------------------------------------------------------------- */

static int set_memory(struct vhost_user_front *f, const struct guest_memory *memory, struct err *e) {
        struct vhost_user_message m = { .header.request = VHOST_USER_SET_MEM_TABLE };
        struct guest_memory_piece piece;
        uint32_t n = 0;
        void *host;
        int r;

        for (; guest_memory_region(memory, n, &piece, &host); n++) {
                if (n == VHOST_USER_REGIONS_MAX)
                        return err_set(e, -E2BIG, "vhost-user takes %d pieces of memory, the zone has more",
                                       VHOST_USER_REGIONS_MAX);
                m.payload.memory.regions[n] = (struct vhost_user_region){
                        .guest = piece.gpa,
                        .size = piece.size,
                        .user = (uintptr_t) host,
                };
                m.fds[n] = piece.fd;
        }
        m.num_fds = n;
        m.payload.memory.count = n;
        m.header.size = (uint32_t) offsetof(struct vhost_user_memory, regions[n]);
        r = request(f, &m, NULL, e);
        f->has_memory = r >= 0;
        return r;
}

static int set_record(struct vhost_user_front *f, const struct virtio_device *d, struct err *e) {
        const struct inflight_region *record = d->record;
        struct vhost_user_message m = {
                .header = { VHOST_USER_SET_INFLIGHT_FD, 0, sizeof(m.payload.inflight) },
                .num_fds = 1,
                .fds = { d->record_fd },
        };

        m.payload.inflight.size = inflight_part_size(record->queue_size) * d->num_queues;
        m.payload.inflight.num_queues = (uint16_t) d->num_queues;
        m.payload.inflight.queue_size = record->queue_size;
        return request(f, &m, NULL, e);
}

/* What holds for all queues, while none runs. */
static int set_up(struct vhost_user_front *f, const struct virtio_device *d, const struct virtqueue *q, struct err *e) {
        uint64_t own = f->features & VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES);
        int r = set_u64(f, VHOST_USER_SET_FEATURES, d->driver_features | own, e);

        if (r >= 0 && !f->has_memory)
                r = set_memory(f, q->memory, e);
        if (r >= 0 && d->recorded_elsewhere)
                r = set_record(f, d, e);
        return r;
}

static int set_rings(struct vhost_user_front *f, unsigned queue, const struct virtqueue *q, struct err *e) {
        struct vhost_user_message m = { .header = { VHOST_USER_SET_VRING_ADDR, 0, sizeof(m.payload.address) } };
        int r = set_state(f, VHOST_USER_SET_VRING_NUM, queue, q->size, e);

        if (r >= 0)
                r = set_state(f, VHOST_USER_SET_VRING_BASE, queue, q->next_used, e);
        if (r < 0)
                return r;
        m.payload.address = (struct vhost_user_vring_address){
                .index = queue,
                .descriptors = (uintptr_t) q->descriptors,
                .used = (uintptr_t) q->used,
                .available = (uintptr_t) q->available,
        };
        return request(f, &m, NULL, e);
}

static int set_eventfds(struct vhost_user_front *f, unsigned queue, const struct virtio_device *d, struct err *e) {
        int r = set_fd(f, VHOST_USER_SET_VRING_ERR, queue, f->error_fd, e);

        if (r >= 0)
                r = set_fd(f, VHOST_USER_SET_VRING_CALL, queue, d->call_fd, e);
        return r < 0 ? r : set_fd(f, VHOST_USER_SET_VRING_KICK, queue, d->kick_fds[queue], e);
}

/* Without the protocol's features the kick is what enables a queue. */
static int enable(struct vhost_user_front *f, unsigned queue, bool on, struct err *e) {
        if (!(f->features & VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES)))
                return 0;
        return set_state(f, VHOST_USER_SET_VRING_ENABLE, queue, on, e);
}

int vhost_user_front_start(struct vhost_user_front *f, const struct virtio_device *d, unsigned queue, struct err *e) {
        const struct virtqueue *q = &d->queues[queue];
        int r = f->driven == 0 ? set_up(f, d, q, e) : 0;

        if (r >= 0)
                r = set_rings(f, queue, q, e);
        if (r >= 0)
                r = set_eventfds(f, queue, d, e);
        if (r >= 0)
                r = enable(f, queue, true, e);
        if (r < 0)
                return r;
        f->driven |= BIT(queue);
        /* Requests may be there already. */
        return eventfd_write(d->kick_fds[queue], 1) < 0 && errno != EAGAIN ? err_set(e, -errno, "kick") : 0;
}

int vhost_user_front_stop(struct vhost_user_front *f, unsigned queue, struct err *e) {
        struct vhost_user_message m = { .header = { VHOST_USER_GET_VRING_BASE, 0, sizeof(m.payload.state) },
                                        .payload.state = { .index = queue } };
        const union vhost_user_payload *reply;
        int r;

        if (!(f->driven & BIT(queue)) || f->lost)
                return 0;
        f->driven &= ~BIT(queue);
        r = enable(f, queue, false, e);
        if (r >= 0)
                r = request(f, &m, &reply, e); /* which stops it; the index itself is in the used ring */
        return r;
}

int vhost_user_front_socket(const struct vhost_user_front *f) {
        return f->socket;
}

int vhost_user_front_error_fd(const struct vhost_user_front *f) {
        return f->error_fd;
}
