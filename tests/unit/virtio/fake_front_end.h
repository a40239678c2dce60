/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For tests of transport_vhost_user.c: a front-end, well behaved or not, of a device that returns whatever it is given. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/un.h>

#include "base/log.h"
#include "virtio/fake_guest.h"
#include "virtio/fake_peer.h"
#include "virtio/server.h"
#include "virtio/transport_vhost_user.h"

#define QUEUES     2
#define QUEUE_SIZE 16
#define USER_BASE  UINT64_C(0x7f0000000000) /* where the front-end has the guest's memory */
#define FEATURES   (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | UINT64_C(1) << VHOST_USER_F_PROTOCOL_FEATURES)

struct echo {
        struct virtio_device base;
        bool holds; /* fetches and returns nothing */
        unsigned served;
        unsigned num_fetched;
        uint16_t fetched[64]; /* heads, in their order */
        struct virtqueue_chain chain;
};

static inline int echo_queue_notify(struct virtio_device *d, unsigned queue) {
        struct echo *echo = (struct echo *) d;
        int r;

        while ((r = virtqueue_next(&d->queues[queue], &echo->chain)) > 0) {
                echo->fetched[echo->num_fetched++ % ELEMENTSOF(echo->fetched)] = echo->chain.head;
                if (echo->holds)
                        continue;
                virtqueue_return(&d->queues[queue], echo->chain.head, 0);
                echo->served++;
        }
        return r;
}

static inline int echo_source_ready(struct virtio_device *d, unsigned source, uint32_t events) {
        eventfd_t n;

        (void) events;
        assert_int_equal(eventfd_read(d->sources[source].fd, &n), 0);
        d->config[2]++;
        d->config_changed = true;
        return 0;
}

static const struct virtio_device_ops echo_ops = {
        .queue_notify = echo_queue_notify,
        .source_ready = echo_source_ready,
};

struct fixture {
        unsigned fds; /* that were open before */
        char folder[32], path[64];
        struct echo echo;
        struct transport *transport;
        struct server *server;
        int stop_fd, source_fd;

        int socket; /* the front-end's end */
        int ram_fd;
        struct fake_guest guest;
        struct fake_queue queues[QUEUES];
        int kick_fds[QUEUES], call_fds[QUEUES];
};

/* ---- the back-end ------------------------------------------------------------------------------------- */

static inline void back_end_up(struct fixture *f) {
        struct err e = { 0 };

        f->echo.base = (struct virtio_device){
                .ops = &echo_ops,
                .features = VIRTIO_FEATURE(VIRTIO_F_VERSION_1),
                .num_queues = QUEUES,
                .queue_size_max = { QUEUE_SIZE, QUEUE_SIZE },
                .config_size = 8,
                .config = { 1, 2, 3, 4, 5, 6, 7, 8 },
                .num_sources = 1,
                .sources = { { f->source_fd, EPOLLIN } },
        };
        assert_int_equal(transport_vhost_user_new(f->path, "test", &f->transport, &e), 0);
        assert_int_equal(server_new(&f->echo.base, f->transport, "test", 0, f->stop_fd, &f->server, &e), 0);
}

static inline void back_end_down(struct fixture *f) {
        server_free(f->server);
        transport_free(f->transport);
}

static inline void settle(struct fixture *f) {
        for (int i = 0; i < 20; i++)
                assert_int_equal(server_step(f->server, 0), 1);
}

/* ---- the front-end ------------------------------------------------------------------------------------ */

static inline void front_end_connect(struct fixture *f) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        strcpy(a.sun_path, f->path);
        f->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(f->socket, (struct sockaddr *) &a, sizeof(a)), 0);
}

static inline int new_ram(uint8_t **ret) {
        int fd = memfd_create("ram", MFD_CLOEXEC);

        assert_int_equal(ftruncate(fd, RAM_SIZE), 0);
        *ret = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(*ret, MAP_FAILED);
        return fd;
}

static inline void send_request(struct fixture *f, struct vhost_user_message *m, int fd) {
        m->num_fds = fd >= 0;
        m->fds[0] = fd;
        assert_int_equal(vhost_user_send(f->socket, m), 0);
        settle(f);
}

/* Return: 1 with the answer, 0 if there is none, -ECONNRESET: the back-end has closed the connection. */
static inline int receive_reply(struct fixture *f, struct vhost_user_message *ret) {
        struct vhost_user_receiver r = { 0 };
        int n = vhost_user_receive(&r, f->socket, NULL);

        *ret = r.message;
        return n;
}

/* Asks for an answer, whatever it is. */
static inline uint64_t ask(struct fixture *f, struct vhost_user_message *m, int fd) {
        struct vhost_user_message reply;

        m->header.flags |= VHOST_USER_FLAG_NEED_REPLY;
        send_request(f, m, fd);
        assert_int_equal(receive_reply(f, &reply), 1);
        assert_int_equal(reply.header.request, m->header.request);
        assert_int_equal(reply.header.flags, VHOST_USER_VERSION | VHOST_USER_FLAG_REPLY);
        return reply.payload.u64;
}

static inline uint64_t ask_u64(struct fixture *f, uint32_t request, uint64_t value) {
        struct vhost_user_message m = make_request(request, 8);

        m.payload.u64 = value;
        return ask(f, &m, -1);
}

static inline uint64_t ask_state(struct fixture *f, uint32_t request, uint32_t index, uint32_t value) {
        struct vhost_user_message m = make_request(request, 8);

        m.payload.state = (struct vhost_user_vring_state){ index, value };
        return ask(f, &m, -1);
}

static inline uint64_t ask_fd(struct fixture *f, uint32_t request, uint64_t value, int fd) {
        struct vhost_user_message m = make_request(request, 8);

        m.payload.u64 = value;
        return ask(f, &m, fd);
}

static inline uint64_t get_u64(struct fixture *f, uint32_t request) {
        struct vhost_user_message m = make_request(request, 0);

        return ask(f, &m, -1);
}

static inline uint64_t set_memory(struct fixture *f, int fd, uint64_t size) {
        struct vhost_user_message m = make_request(VHOST_USER_SET_MEM_TABLE, 40);

        m.payload.memory.count = 1;
        m.payload.memory.regions[0] = (struct vhost_user_region){ RAM_BASE, size, USER_BASE, 0 };
        return ask(f, &m, fd);
}

static inline void negotiate(struct fixture *f) {
        struct vhost_user_message m = make_request(VHOST_USER_SET_FEATURES, 8);
        uint64_t protocol;

        assert_int_equal(get_u64(f, VHOST_USER_GET_FEATURES), FEATURES);
        m.payload.u64 = FEATURES;
        send_request(f, &m, -1); /* REPLY_ACK is not there yet */
        protocol = get_u64(f, VHOST_USER_GET_PROTOCOL_FEATURES);
        m = make_request(VHOST_USER_SET_PROTOCOL_FEATURES, 8);
        m.payload.u64 = protocol;
        send_request(f, &m, -1);
        assert_int_equal(get_u64(f, VHOST_USER_GET_QUEUE_NUM), QUEUES);
}

static inline uint64_t set_address(struct fixture *f, unsigned q) {
        struct vhost_user_message m = make_request(VHOST_USER_SET_VRING_ADDR, 40);
        const struct virtqueue_layout *l = &f->queues[q].layout;

        m.payload.address = (struct vhost_user_vring_address){
                .index = q,
                .descriptors = l->descriptors - RAM_BASE + USER_BASE,
                .used = l->used - RAM_BASE + USER_BASE,
                .available = l->available - RAM_BASE + USER_BASE,
        };
        return ask(f, &m, -1);
}

static inline void queue_up(struct fixture *f, unsigned q) {
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_NUM, q, QUEUE_SIZE), 0);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_BASE, q, 0), 0);
        assert_int_equal(set_address(f, q), 0);
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_CALL, q, f->call_fds[q]), 0);
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_KICK, q, f->kick_fds[q]), 0);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_ENABLE, q, 1), 0);
}

static inline void front_end_up(struct fixture *f) {
        front_end_connect(f);
        settle(f);
        negotiate(f);
        assert_int_equal(set_memory(f, f->ram_fd, RAM_SIZE), 0);
        for (unsigned q = 0; q < QUEUES; q++)
                queue_up(f, q);
}

static inline void offer(struct fixture *f, unsigned queue) {
        struct fake_queue *q = &f->queues[queue];
        unsigned i = le16toh(q->avail->idx) % QUEUE_SIZE;

        fake_desc(q, i, DATA, 4, D_WRITE, 0);
        fake_offer(q, (uint16_t) i);
}

static inline void kick(struct fixture *f, unsigned queue) {
        assert_int_equal(eventfd_write(f->kick_fds[queue], 1), 0);
        settle(f);
}

static inline unsigned take_calls(struct fixture *f, unsigned queue) {
        eventfd_t n = 0;

        (void) eventfd_read(f->call_fds[queue], &n);
        return (unsigned) n;
}

/* ---- fixture ------------------------------------------------------------------------------------------ */

static inline int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        f->fds = count_fds();
        log_set_level(LOG_CRIT);
        strcpy(f->folder, "/tmp/test-XXXXXX");
        assert_non_null(mkdtemp(f->folder));
        (void) snprintf(f->path, sizeof(f->path), "%s/socket", f->folder);
        f->stop_fd = eventfd(0, EFD_CLOEXEC);
        f->source_fd = eventfd(0, EFD_CLOEXEC);
        f->socket = -1;
        f->ram_fd = new_ram(&f->guest.ram);
        for (unsigned q = 0; q < QUEUES; q++) {
                fake_queue_init(&f->queues[q], &f->guest, q, QUEUE_SIZE);
                f->kick_fds[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                f->call_fds[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        }
        back_end_up(f);
        *state = f;
        return 0;
}

static inline int tear_down(void **state) {
        struct fixture *f = *state;

        back_end_down(f);
        if (f->socket >= 0)
                close(f->socket);
        for (unsigned q = 0; q < QUEUES; q++) {
                close(f->kick_fds[q]);
                close(f->call_fds[q]);
        }
        munmap(f->guest.ram, RAM_SIZE);
        close(f->ram_fd);
        close(f->stop_fd);
        close(f->source_fd);
        unlink(f->path);
        rmdir(f->folder);
        assert_int_equal(count_fds(), f->fds);
        free(f);
        return 0;
}

#define FRONT_END_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
