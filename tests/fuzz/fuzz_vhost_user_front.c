// wrap: vhost_user_send poll
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A worker as a vhost-user front-end, and a back-end that answers anything, in pieces, late, with descriptors, or not
 * at all. The worker asks in form, waits no longer than it says, offers its driver nothing that the back-end made
 * up, and keeps no descriptor.
 *
 * Each request is answered as it is sent (vhost_user_send()); what is left of the answer comes when it is waited for
 * (poll()), and nothing more than that: no time passes.
 */
#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/macros.h"
#include "device/vhost_user.h"
#include "fuzz/fuzz.h"
#include "virtio/vhost_user.h"
#include "virtio/vhost_user_front.h"

#define QUEUE_SIZE  16
#define QUEUE_SPACE 0x1000
#define RAM_BASE    UINT64_C(0x40000000)
#define RAM_SIZE    (VIRTIO_QUEUES_MAX * QUEUE_SPACE)
#define STEPS_MAX   100

enum step {
        STEP_START,
        STEP_STOP,
        STEP_SPEAK, /* unasked */
        STEP_ERROR,
        _STEP_MAX,
};

/* Never more than what virtqueues of ours, hvisor.ko and a back-end can agree on by themselves. */
#define FEATURES_POSSIBLE ((VIRTIO_FEATURE(24) - 1) | ~(VIRTIO_FEATURE(50) - 1) | VIRTIO_QUEUE_FEATURES)

static struct {
        int socket; /* the back-end's end */
        struct input *in;
        uint64_t protocol; /* as the front-end has settled it */

        bool waited_in_vain;

        /* The rest of an answer. */
        uint8_t late[sizeof(struct vhost_user_message)];
        size_t num_late;

        struct guest_memory *memory;
        uint8_t *ram;
        int ram_fd, kick_fd, call_fd;
        struct inflight_region record;
        int record_fd;
} back_end;

int __real_vhost_user_send(int socket, const struct vhost_user_message *m);
int __wrap_vhost_user_send(int socket, const struct vhost_user_message *m);
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

/* ---- answers ------------------------------------------------------------------------------------------ */

static void patch(struct input *in, struct vhost_user_message *m) {
        static const uint64_t edges[] = { 0, 1, 2, 8, 12, 60, 0x100, 0x400, UINT32_MAX, UINT64_MAX };
        uint8_t at = input_u8(in), kind = input_u8(in);
        uint64_t value = kind & 0x80 ? input_u64(in) : edges[kind % ELEMENTSOF(edges)];

        if (at == 0xff)
                m->header.size = (uint32_t) value;
        else if (at == 0xfe)
                m->header.flags = (uint32_t) value;
        else if (at == 0xfd)
                m->header.request = (uint32_t) value;
        else if (at == 0xfc)
                m->num_fds = value % (VHOST_USER_FDS_MAX + 1);
        else
                memcpy((uint8_t *) &m->payload + at * 4 % (sizeof(m->payload) - sizeof(value)), &value, sizeof(value));
}

/* As a back-end gives it that has everything, @value apart. */
static struct vhost_user_message good_answer(const struct vhost_user_message *m, uint8_t value) {
        struct vhost_user_message reply = { 0 };

        vhost_user_reply_u64(&reply, &m->header, 0);
        switch (m->header.request) {
        case VHOST_USER_GET_FEATURES:
                reply.payload.u64 = ~(uint64_t) value;
                break;
        case VHOST_USER_GET_PROTOCOL_FEATURES:
                reply.payload.u64 = ~(uint64_t) value;
                break;
        case VHOST_USER_GET_QUEUE_NUM:
                reply.payload.u64 = VIRTIO_QUEUES_MAX - value;
                break;
        case VHOST_USER_GET_VRING_BASE:
                reply.header.size = sizeof(reply.payload.state);
                reply.payload.state = m->payload.state;
                break;
        case VHOST_USER_GET_CONFIG:
                reply.header.size = m->header.size;
                reply.payload.config = m->payload.config;
                memset(reply.payload.config.data, value, m->payload.config.size);
                break;
        }
        return reply;
}

/* All of it but what comes late; its descriptors with the first byte. */
static void answer(struct vhost_user_message *reply, size_t late) {
        size_t size = sizeof(reply->header) + reply->header.size, now;

        if (reply->header.size > sizeof(reply->payload))
                size = sizeof(reply->header) + sizeof(reply->payload);
        now = size > late ? size - late : 0;
        for (size_t i = 0; i < reply->num_fds; i++)
                reply->fds[i] = back_end.call_fd;
        if (now == size && reply->header.size <= sizeof(reply->payload)) {
                (void) __real_vhost_user_send(back_end.socket, reply);
                return;
        }
        if (now > 0)
                (void) send(back_end.socket, reply, now, MSG_DONTWAIT | MSG_NOSIGNAL);
        back_end.num_late = size - now;
        memcpy(back_end.late, (uint8_t *) reply + now, back_end.num_late);
}

/* "how": 0: as it should be; bit 0: late in part; bit 1: none; bit 2: the back-end goes; from bit 3 on: patches. */
static void answer_request(const struct vhost_user_message *m) {
        uint8_t how = input_u8(back_end.in), value;
        struct vhost_user_message reply;

        value = input_u8(back_end.in);
        if (how & 4)
                (void) shutdown(back_end.socket, SHUT_RDWR);
        if (how & 2)
                return;
        reply = good_answer(m, value);
        for (unsigned n = how >> 3; n > 0; n--)
                patch(back_end.in, &reply);
        answer(&reply, how & 1 ? input_u8(back_end.in) : 0);
}

static void read_requests(void) {
        uint8_t bytes[4096];

        while (recv(back_end.socket, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
                ;
}

/* What the front-end says is in form, whatever it was told; by the protocol that it has settled itself. */
int __wrap_vhost_user_send(int socket, const struct vhost_user_message *m) {
        const struct vhost_user_rule *rule = vhost_user_rule(m->header.request);
        struct err e = { 0 };
        int r;

        CLAIM(rule && vhost_user_check(rule, m, back_end.protocol, &e) == 0);
        if (m->header.request == VHOST_USER_SET_PROTOCOL_FEATURES)
                back_end.protocol = m->payload.u64;
        r = __real_vhost_user_send(socket, m);
        read_requests();
        if (vhost_user_replies(rule, &m->header))
                answer_request(m);
        return r;
}

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout) {
        if (count != 1 || fds[0].events != POLLIN)
                return __real_poll(fds, count, timeout);
        CLAIM(timeout > 0 && timeout <= VHOST_USER_FRONT_WAIT_MS);
        CLAIM(!back_end.waited_in_vain); /* once for a connection, whatever there is to say still */
        if (back_end.num_late > 0)
                (void) send(back_end.socket, back_end.late, back_end.num_late, MSG_DONTWAIT | MSG_NOSIGNAL);
        back_end.num_late = 0;
        back_end.waited_in_vain = __real_poll(fds, count, 0) == 0;
        return !back_end.waited_in_vain;
}

/* ---- the worker --------------------------------------------------------------------------------------- */

/* What becomes the driver's view of it. */
static void claim_offer(const struct virtio_device *d, enum virtio_type type) {
        const struct virtio_type_info *t = &virtio_types[type];

        CLAIM((d->features & ~FEATURES_POSSIBLE) == 0);
        CLAIM((d->features & t->masked) == 0);
        CLAIM(d->features & VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
        CLAIM(d->num_queues > 0 && d->num_queues <= VIRTIO_QUEUES_MAX);
        CLAIM(d->config_size == t->config_size);
        for (size_t i = d->config_size; i < sizeof(d->config); i++)
                CLAIM(d->config[i] == 0);
        CLAIM(d->config_size > 0 || (d->features & t->told) == 0);
}

static void start(struct virtio_device *d, unsigned q) {
        uint64_t base = RAM_BASE + q * QUEUE_SPACE;
        struct virtqueue_layout l = {
                .descriptors = base, .available = base + 0x400, .used = base + 0x800, .size = QUEUE_SIZE
        };
        int r;

        if (virtqueue_running(&d->queues[q]))
                return;
        CLAIM(virtqueue_start(&d->queues[q], back_end.memory, &l, d->driver_features, NULL) == 0);
        r = d->ops->queue_started(d, q);
        CLAIM(r <= 0 && r != -EPROTO); /* the guest is not to blame */
        CLAIM(r == 0 || d->failure);
}

static void stop(struct virtio_device *d, unsigned q) {
        if (!virtqueue_running(&d->queues[q]))
                return;
        d->ops->queue_stopping(d, q);
        virtqueue_stop(&d->queues[q]);
}

static void one_step(struct virtio_device *d, struct input *in) {
        uint8_t byte = input_u8(in);
        unsigned q = (byte >> 4) % d->num_queues;

        switch ((enum step)(byte % 16 % _STEP_MAX)) {
        case STEP_START:
                start(d, q);
                break;
        case STEP_STOP:
                stop(d, q);
                break;
        case STEP_SPEAK:
                (void) send(back_end.socket, &byte, sizeof(byte), MSG_DONTWAIT | MSG_NOSIGNAL);
                CLAIM(d->ops->source_ready(d, 0, input_u8(in) & 1 ? EPOLLHUP : EPOLLIN) < 0);
                break;
        case STEP_ERROR:
                CLAIM(d->ops->source_ready(d, 1, EPOLLIN) == -EPROTO);
                break;
        case _STEP_MAX:
                break;
        }
}

static void serve(struct virtio_device *d, struct input *in) {
        d->driver_features = d->features;
        for (unsigned q = 0; q < d->num_queues; q++)
                d->kick_fds[q] = back_end.kick_fd;
        d->call_fd = back_end.call_fd;
        d->record = &back_end.record;
        d->record_fd = back_end.record_fd;
        for (unsigned n = 0; n < STEPS_MAX && input_left(in) > 0; n++)
                one_step(d, in);
        for (unsigned q = 0; q < d->num_queues; q++)
                stop(d, q);
}

/* ---- one input ---------------------------------------------------------------------------------------- */

static int memory(size_t size, void *ret) {
        int fd = memfd_create("shared", MFD_CLOEXEC);

        CLAIM(fd >= 0 && ftruncate(fd, (off_t) size) == 0);
        *(void **) ret = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        CLAIM(*(void **) ret != MAP_FAILED);
        return fd;
}

static void set_up_once(void) {
        size_t size = inflight_part_size(VIRTQUEUE_SIZE_MAX) * VIRTIO_QUEUES_MAX;
        void *record;

        if (back_end.memory)
                return;
        log_set_level(LOG_EMERG);
        back_end.ram_fd = memory(RAM_SIZE, &back_end.ram);
        back_end.record_fd = memory(size, &record);
        CLAIM(inflight_region_attach(&back_end.record, record, size, VIRTIO_QUEUES_MAX, VIRTQUEUE_SIZE_MAX) == 0);
        back_end.kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        back_end.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        CLAIM(guest_memory_new(&back_end.memory) == 0);
        CLAIM(guest_memory_add(back_end.memory, RAM_BASE, RAM_SIZE, back_end.ram) == 0);
        guest_memory_share(back_end.memory, 0, back_end.ram_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input in = { data, data + size };
        struct vhost_user_settings s = { .name = "fuzz", .tag = "tag" };
        struct virtio_device *d = NULL;
        struct err e = { 0 };
        int sockets[2], r;
        unsigned before;

        set_up_once();
        before = count_fds();
        CLAIM(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0);
        s.socket = sockets[0];
        s.type = input_u8(&in) % _VIRTIO_TYPE_MAX;
        s.queues = 1 + input_u8(&in) % virtio_types[s.type].queues_most;
        back_end.socket = sockets[1];
        back_end.in = &in;
        back_end.protocol = 0;
        back_end.num_late = 0;
        back_end.waited_in_vain = false;
        r = vhost_user_new(&s, &d, &e);
        CLAIM(r <= 0 && (r == 0) == (d != NULL));
        if (r < 0) {
                CLAIM(e.text[0] != '\0');
                close(sockets[0]);
        } else {
                claim_offer(d, s.type);
                serve(d, &in);
                virtio_device_free(d);
        }
        close(sockets[1]);
        CLAIM(count_fds() == before);
        return 0;
}
