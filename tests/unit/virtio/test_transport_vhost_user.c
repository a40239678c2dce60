/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test is a vhost-user front-end, well behaved or not, of a device that returns whatever it is given. */
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
        struct virtqueue_chain chain;
};

static int echo_queue_notify(struct virtio_device *d, unsigned queue) {
        struct echo *echo = (struct echo *) d;
        int r;

        while ((r = virtqueue_next(&d->queues[queue], &echo->chain)) > 0) {
                if (echo->holds)
                        continue;
                virtqueue_return(&d->queues[queue], echo->chain.head, 0);
                echo->served++;
        }
        return r;
}

static int echo_source_ready(struct virtio_device *d, unsigned source, uint32_t events) {
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

static void back_end_up(struct fixture *f) {
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

static void back_end_down(struct fixture *f) {
        server_free(f->server);
        transport_free(f->transport);
}

static void settle(struct fixture *f) {
        for (int i = 0; i < 20; i++)
                assert_int_equal(server_step(f->server, 0), 1);
}

/* ---- the front-end ------------------------------------------------------------------------------------ */

static void front_end_connect(struct fixture *f) {
        struct sockaddr_un a = { .sun_family = AF_UNIX };

        strcpy(a.sun_path, f->path);
        f->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(f->socket, (struct sockaddr *) &a, sizeof(a)), 0);
}

static int new_ram(uint8_t **ret) {
        int fd = memfd_create("ram", MFD_CLOEXEC);

        assert_int_equal(ftruncate(fd, RAM_SIZE), 0);
        *ret = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(*ret, MAP_FAILED);
        return fd;
}

static void send_request(struct fixture *f, struct vhost_user_message *m, int fd) {
        m->num_fds = fd >= 0;
        m->fds[0] = fd;
        assert_int_equal(vhost_user_send(f->socket, m), 0);
        settle(f);
}

/* Return: 1 with the answer, 0 if there is none, -ECONNRESET: the back-end has closed the connection. */
static int receive_reply(struct fixture *f, struct vhost_user_message *ret) {
        struct vhost_user_receiver r = { 0 };
        int n = vhost_user_receive(&r, f->socket, NULL);

        *ret = r.message;
        return n;
}

/* Asks for an answer, whatever it is. */
static uint64_t ask(struct fixture *f, struct vhost_user_message *m, int fd) {
        struct vhost_user_message reply;

        m->header.flags |= VHOST_USER_FLAG_NEED_REPLY;
        send_request(f, m, fd);
        assert_int_equal(receive_reply(f, &reply), 1);
        assert_int_equal(reply.header.request, m->header.request);
        assert_int_equal(reply.header.flags, VHOST_USER_VERSION | VHOST_USER_FLAG_REPLY);
        return reply.payload.u64;
}

static uint64_t ask_u64(struct fixture *f, uint32_t request, uint64_t value) {
        struct vhost_user_message m = make_request(request, 8);

        m.payload.u64 = value;
        return ask(f, &m, -1);
}

static uint64_t ask_state(struct fixture *f, uint32_t request, uint32_t index, uint32_t value) {
        struct vhost_user_message m = make_request(request, 8);

        m.payload.state = (struct vhost_user_vring_state){ index, value };
        return ask(f, &m, -1);
}

static uint64_t ask_fd(struct fixture *f, uint32_t request, uint64_t value, int fd) {
        struct vhost_user_message m = make_request(request, 8);

        m.payload.u64 = value;
        return ask(f, &m, fd);
}

static uint64_t get_u64(struct fixture *f, uint32_t request) {
        struct vhost_user_message m = make_request(request, 0);

        return ask(f, &m, -1);
}

static uint64_t set_memory(struct fixture *f, int fd, uint64_t size) {
        struct vhost_user_message m = make_request(VHOST_USER_SET_MEM_TABLE, 40);

        m.payload.memory.count = 1;
        m.payload.memory.regions[0] = (struct vhost_user_region){ RAM_BASE, size, USER_BASE, 0 };
        return ask(f, &m, fd);
}

static void negotiate(struct fixture *f) {
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

static uint64_t set_address(struct fixture *f, unsigned q) {
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

static void queue_up(struct fixture *f, unsigned q) {
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_NUM, q, QUEUE_SIZE), 0);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_BASE, q, 0), 0);
        assert_int_equal(set_address(f, q), 0);
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_CALL, q, f->call_fds[q]), 0);
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_KICK, q, f->kick_fds[q]), 0);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_ENABLE, q, 1), 0);
}

static void front_end_up(struct fixture *f) {
        front_end_connect(f);
        settle(f);
        negotiate(f);
        assert_int_equal(set_memory(f, f->ram_fd, RAM_SIZE), 0);
        for (unsigned q = 0; q < QUEUES; q++)
                queue_up(f, q);
}

static void offer(struct fixture *f, unsigned queue) {
        struct fake_queue *q = &f->queues[queue];
        unsigned i = le16toh(q->avail->idx) % QUEUE_SIZE;

        fake_desc(q, i, DATA, 4, D_WRITE, 0);
        fake_offer(q, (uint16_t) i);
}

static void kick(struct fixture *f, unsigned queue) {
        assert_int_equal(eventfd_write(f->kick_fds[queue], 1), 0);
        settle(f);
}

static unsigned take_calls(struct fixture *f, unsigned queue) {
        eventfd_t n = 0;

        (void) eventfd_read(f->call_fds[queue], &n);
        return (unsigned) n;
}

/* ---- fixture ------------------------------------------------------------------------------------------ */

static int set_up(void **state) {
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

static int tear_down(void **state) {
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

/* ---- what it is for ----------------------------------------------------------------------------------- */

static void test_requests_are_served_and_each_queue_has_its_call(void **state) {
        struct fixture *f = *state;

        front_end_up(f);
        (void) take_calls(f, 0);
        (void) take_calls(f, 1);
        offer(f, 1);
        kick(f, 1);
        assert_int_equal(f->echo.served, 1);
        assert_int_equal(take_calls(f, 0), 0);
        assert_int_equal(take_calls(f, 1), 1);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(le16toh(f->queues[0].used->idx), 1);
        assert_int_equal(take_calls(f, 0), 1);
}

static void test_a_ring_runs_once_it_is_whole_and_enabled(void **state) {
        struct fixture *f = *state;

        front_end_up(f);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 0), 0);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 0);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 1), 0);
        settle(f);
        assert_int_equal(f->echo.served, 1);
}

static void test_a_stopped_ring_says_where_it_is_and_is_left_alone(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_GET_VRING_BASE, 8), reply;

        front_end_up(f);
        for (int i = 0; i < 3; i++)
                offer(f, 0);
        kick(f, 0);
        send_request(f, &m, -1);
        assert_int_equal(receive_reply(f, &reply), 1);
        assert_int_equal(reply.payload.state.value, 3);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 3);
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_KICK, 0, f->kick_fds[0]), 0);
        settle(f);
        assert_int_equal(f->echo.served, 4);
}

/* The table comes while queues run: once it is answered the old memory is never touched again. */
static void test_memory_is_exchanged_under_running_queues(void **state) {
        struct fixture *f = *state;
        uint8_t *other;
        int fd = new_ram(&other);

        front_end_up(f);
        offer(f, 0);
        kick(f, 0);
        memcpy(other, f->guest.ram, RAM_SIZE);
        assert_int_equal(set_memory(f, fd, RAM_SIZE), 0);
        offer(f, 0); /* in the old one: nobody looks there */
        kick(f, 0);
        assert_int_equal(f->echo.served, 1);
        assert_int_equal(le16toh(f->queues[0].used->idx), 1);
        memcpy(other, f->guest.ram, RAM_SIZE);
        kick(f, 0);
        assert_int_equal(f->echo.served, 2);
        assert_int_equal(le16toh(f->queues[0].used->idx), 1);
        munmap(other, RAM_SIZE);
        close(fd);
}

static void test_configuration_is_read_and_its_change_is_told(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_GET_CONFIG, 12 + 4), reply;
        int channel[2];

        front_end_up(f);
        m.payload.config.offset = 2;
        m.payload.config.size = 4;
        send_request(f, &m, -1);
        assert_int_equal(receive_reply(f, &reply), 1);
        assert_int_equal(reply.header.size, 16);
        assert_memory_equal(reply.payload.config.data, "\3\4\5\6", 4);
        m.header.request = VHOST_USER_SET_CONFIG;
        assert_int_equal(ask(f, &m, -1), 1);
        m.header.flags = VHOST_USER_VERSION;
        send_request(f, &m, -1); /* refused, but the connection stays */
        assert_int_equal(receive_reply(f, &reply), 0);

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel), 0);
        m = make_request(VHOST_USER_SET_BACKEND_REQ_FD, 0);
        assert_int_equal(ask(f, &m, channel[1]), 0);
        assert_int_equal(eventfd_write(f->source_fd, 1), 0);
        settle(f);
        close(f->socket);
        f->socket = channel[0];
        assert_int_equal(receive_reply(f, &reply), 1);
        assert_int_equal(reply.header.request, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG);
        close(channel[1]);
}

/* A back-end that dies with requests in hand: its successor has them from the front-end's region, each once. */
static void test_what_is_in_flight_outlives_the_back_end(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message get = make_request(VHOST_USER_GET_INFLIGHT_FD, 24), reply;
        struct vhost_user_message set;
        int fd;

        front_end_connect(f);
        settle(f);
        negotiate(f);
        get.payload.inflight.num_queues = QUEUES;
        get.payload.inflight.queue_size = QUEUE_SIZE;
        send_request(f, &get, -1);
        assert_int_equal(receive_reply(f, &reply), 1);
        assert_int_equal(reply.num_fds, 1);
        fd = reply.fds[0];
        set = make_request(VHOST_USER_SET_INFLIGHT_FD, 24);
        set.payload.inflight = reply.payload.inflight;

        for (int life = 0; life < 3; life++) {
                f->echo.holds = life < 2;
                if (life > 0) {
                        front_end_connect(f);
                        settle(f);
                        negotiate(f);
                }
                assert_int_equal(ask(f, &set, fd), 0);
                assert_int_equal(set_memory(f, f->ram_fd, RAM_SIZE), 0);
                queue_up(f, 0);
                offer(f, 0);
                kick(f, 0);
                if (life == 2)
                        break;
                back_end_down(f);
                close(f->socket);
                back_end_up(f);
        }
        assert_int_equal(f->echo.served, 3);
        assert_int_equal(le16toh(f->queues[0].used->idx), 3);
        close(fd);
}

static void test_front_ends_come_one_after_the_other(void **state) {
        struct fixture *f = *state;
        int first;

        front_end_up(f);
        first = f->socket;
        front_end_connect(f); /* waits */
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 1);
        close(first);
        settle(f);
        offer(f, 0);
        kick(f, 0); /* nobody's any more */
        assert_int_equal(f->echo.served, 1);
        negotiate(f);
        assert_int_equal(set_memory(f, f->ram_fd, RAM_SIZE), 0);
        queue_up(f, 0);
        assert_int_equal(f->echo.served, 2);
}

static void test_device_reset_stops_all(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_RESET_DEVICE, 0);

        front_end_up(f);
        assert_int_equal(ask(f, &m, -1), 0);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 0);
}

static void test_a_socket_in_use_is_not_taken_over_and_one_left_over_is(void **state) {
        struct fixture *f = *state;
        struct transport *t;
        struct err e = { 0 };
        char file[64];

        assert_int_equal(transport_vhost_user_new(f->path, "test", &t, &e), -EADDRINUSE);
        back_end_down(f); /* leaves it behind, as one that is killed does */
        back_end_up(f);
        front_end_up(f);
        (void) snprintf(file, sizeof(file), "%s/file", f->folder);
        close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        assert_int_equal(transport_vhost_user_new(file, "test", &t, &e), -EEXIST);
        assert_int_equal(unlink(file), 0);
}

/* ---- what is refused ---------------------------------------------------------------------------------- */

static void test_what_cannot_be_is_refused_and_said(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_SET_MEM_TABLE, 72), inflight;

        front_end_up(f);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_NUM, QUEUES, 8), 1);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_NUM, 0, 3), 1);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_NUM, 0, 2 * QUEUE_SIZE), 1);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_BASE, 0, 0x10000), 1);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_ENABLE, 0, 2), 1);
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_KICK, 0, f->ram_fd), 1);               /* no eventfd */
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_KICK, VHOST_USER_VRING_NO_FD, -1), 1); /* to be polled */
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_CALL, 200, f->call_fds[0]), 1);
        assert_int_equal(ask_u64(f, VHOST_USER_SET_FEATURES, FEATURES | 1), 1);
        assert_int_equal(ask_u64(f, VHOST_USER_SET_PROTOCOL_FEATURES, UINT64_C(1) << 40), 1);

        assert_int_equal(set_memory(f, f->ram_fd, RAM_SIZE + 4096), 1); /* more than there is */
        assert_int_equal(set_memory(f, f->ram_fd, 100), 1);
        assert_int_equal(set_memory(f, f->ram_fd, 0), 1);
        assert_int_equal(set_memory(f, f->socket, RAM_SIZE), 1);
        m.payload.memory.count = 2;
        m.payload.memory.regions[0] = (struct vhost_user_region){ RAM_BASE, 8192, USER_BASE, 0 };
        m.payload.memory.regions[1] = (struct vhost_user_region){ RAM_BASE + 4096, 8192, USER_BASE + 8192, 0 };
        m.header.flags |= VHOST_USER_FLAG_NEED_REPLY;
        m.num_fds = 2;
        m.fds[0] = m.fds[1] = f->ram_fd;
        assert_int_equal(vhost_user_send(f->socket, &m), 0);
        settle(f);
        assert_int_equal(receive_reply(f, &m), 1);
        assert_int_equal(m.payload.u64, 1);

        inflight = make_request(VHOST_USER_SET_INFLIGHT_FD, 24);
        inflight.payload.inflight = (struct vhost_user_inflight){ RAM_SIZE, 0, QUEUES + 1, QUEUE_SIZE, 0 };
        assert_int_equal(ask(f, &inflight, f->ram_fd), 1);
        inflight.payload.inflight = (struct vhost_user_inflight){ 64, 0, QUEUES, QUEUE_SIZE, 0 };
        assert_int_equal(ask(f, &inflight, f->ram_fd), 1);
        inflight.payload.inflight = (struct vhost_user_inflight){ 4096, RAM_SIZE, QUEUES, QUEUE_SIZE, 0 };
        assert_int_equal(ask(f, &inflight, f->ram_fd), 1);

        /* Nothing has changed by all that. */
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 1);
}

/* No answer was asked for: the only way to tell is to close. And the next front-end is served. */
static void test_what_cannot_be_told_ends_the_connection_and_only_that(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message bad[] = {
                make_request(VHOST_USER_SET_VRING_NUM, 8),
                make_request(VHOST_USER_SET_VRING_NUM, 4),
                make_request(99, 0),
                make_request(VHOST_USER_GET_INFLIGHT_FD, 24),
                make_request(VHOST_USER_SET_STATUS, 8),
        };
        struct vhost_user_message reply;

        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                front_end_up(f);
                send_request(f, &bad[i], -1);
                assert_int_equal(receive_reply(f, &reply), -ECONNRESET);
                close(f->socket);
        }
        front_end_up(f);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 1);
}

static void test_rings_outside_memory_break_that_queue_and_signal_its_error(void **state) {
        struct fixture *f = *state;
        int error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        eventfd_t n = 0;

        front_end_up(f);
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_ERR, 0, error_fd), 0);
        f->queues[0].layout.used = RAM_BASE + RAM_SIZE;
        assert_int_equal(set_address(f, 0), 0);
        settle(f);
        assert_int_equal(eventfd_read(error_fd, &n), 0);
        offer(f, 1);
        kick(f, 1);
        assert_int_equal(f->echo.served, 1);
        close(error_fd);
}

/* ---- anything ----------------------------------------------------------------------------------------- */

#define ROUNDS      6000
#define NOT_OFFERED (VHOST_USER_PROTOCOL(CONFIGURE_MEM_SLOTS) | VHOST_USER_PROTOCOL(STATUS))

/* A number that some check lets through, more often than chance would. */
static uint64_t likely(uint64_t *seed) {
        static const uint64_t values[] = {
                0,          1,        2, 8, 16, 0xff, 0x100, 4096, RAM_SIZE, RAM_BASE, USER_BASE, USER_BASE + 0x5000,
                UINT64_MAX, FEATURES,
        };
        uint64_t v = values[next_random(seed) % ELEMENTSOF(values)];

        return next_random(seed) % 8 ? v : v + next_random(seed);
}

/* Rarely one that is not known: it ends the connection, and with it what others could have done. */
static uint32_t next_request(uint64_t *seed) {
        uint32_t request;

        do
                request = next_random(seed) % _VHOST_USER_REQUEST_MAX;
        while ((!vhost_user_rule(request) || (vhost_user_rule(request)->needs & NOT_OFFERED)) &&
               next_random(seed) % 32);
        return request;
}

static void mutate(struct vhost_user_message *m, uint64_t *seed) {
        uint64_t words[sizeof(m->payload) / 8];

        if (next_random(seed) % 3)
                return;
        memcpy(words, &m->payload, sizeof(words));
        for (unsigned n = 1 + next_random(seed) % 3; n > 0; n--)
                words[next_random(seed) % 6] = likely(seed);
        memcpy(&m->payload, words, sizeof(words));
        if (next_random(seed) % 8 == 0)
                m->header.size = next_random(seed) % 64;
        if (next_random(seed) % 16 == 0)
                m->header.flags ^= 1U << next_random(seed) % 6;
}

/* Whole messages in any order, wrong in a place or two, on rings full of rubbish: it serves on, and nothing stays open. */
static void test_any_messages_in_any_order_do_no_harm(void **state) {
        struct fixture *f = *state;
        uint64_t seed = (uint64_t) getpid();
        unsigned connections = 0;
        uint8_t *ram;
        int ram_fd = new_ram(&ram);
        const int fds[] = { ram_fd, f->kick_fds[0], f->call_fds[1], f->stop_fd };

        print_message("# seed %llu\n", (unsigned long long) seed);
        for (unsigned i = 0; i < ROUNDS; i++) {
                struct vhost_user_message m = make_request(next_request(&seed), 0), reply;
                const struct vhost_user_rule *rule = vhost_user_rule(m.header.request);
                unsigned index = next_random(&seed) % 8 ? next_random(&seed) % QUEUES : next_random(&seed);

                if (f->socket < 0) {
                        front_end_up(f);
                        connections++;
                }
                m.header.size = rule ? rule->size_max : 0;
                if (next_random(&seed) % 8)
                        m.header.flags |= VHOST_USER_FLAG_NEED_REPLY;
                m.payload.state = (struct vhost_user_vring_state){ index, next_random(&seed) % 20 };
                m.num_fds = rule ? rule->fds_max : 0;
                if (m.header.request == VHOST_USER_SET_MEM_TABLE) {
                        m.payload.memory.count = m.num_fds = 1;
                        m.header.size = 40;
                        m.payload.memory.regions[0] = (struct vhost_user_region){ RAM_BASE, RAM_SIZE, USER_BASE, 0 };
                }
                if (m.header.request == VHOST_USER_SET_VRING_ADDR)
                        m.payload.address = (struct vhost_user_vring_address){
                                .index = index % QUEUES,
                                .descriptors = USER_BASE,
                                .available = USER_BASE + 0x5000,
                                .used = USER_BASE + 0x8000,
                        };
                mutate(&m, &seed);
                for (size_t n = 0; n < m.num_fds; n++)
                        m.fds[n] = fds[next_random(&seed) % 3];
                for (unsigned n = 0; n < 8; n++)
                        f->guest.ram[next_random(&seed) % 0x9000] = (uint8_t) next_random(&seed);
                memcpy(ram, f->guest.ram, 0x9000);
                (void) eventfd_write(f->kick_fds[index % QUEUES], 1);
                if (m.header.size > sizeof(m.payload))
                        m.header.size = sizeof(m.payload);
                if (vhost_user_send(f->socket, &m) < 0)
                        fail();
                settle(f);
                if (receive_reply(f, &reply) < 0 || next_random(&seed) % 64 == 0) {
                        close(f->socket);
                        f->socket = -1;
                        settle(f);
                        for (unsigned q = 0; q < QUEUES; q++)
                                fake_queue_init(&f->queues[q], &f->guest, q, QUEUE_SIZE);
                }
                for (size_t n = 0; n < reply.num_fds; n++)
                        close(reply.fds[n]);
        }
        assert_true(connections > ROUNDS / 100 && connections < ROUNDS / 2);
        munmap(ram, RAM_SIZE);
        close(ram_fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_requests_are_served_and_each_queue_has_its_call),
                TEST(test_a_ring_runs_once_it_is_whole_and_enabled),
                TEST(test_a_stopped_ring_says_where_it_is_and_is_left_alone),
                TEST(test_memory_is_exchanged_under_running_queues),
                TEST(test_configuration_is_read_and_its_change_is_told),
                TEST(test_what_is_in_flight_outlives_the_back_end),
                TEST(test_front_ends_come_one_after_the_other),
                TEST(test_device_reset_stops_all),
                TEST(test_a_socket_in_use_is_not_taken_over_and_one_left_over_is),
                TEST(test_what_cannot_be_is_refused_and_said),
                TEST(test_what_cannot_be_told_ends_the_connection_and_only_that),
                TEST(test_rings_outside_memory_break_that_queue_and_signal_its_error),
                TEST(test_any_messages_in_any_order_do_no_harm),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
