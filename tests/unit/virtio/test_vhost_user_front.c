/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The back-end is a thread here, which does what the protocol wants, or one thing otherwise. */
#include <errno.h>
#include <linux/virtio_config.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include "virtio/fake_guest.h"
#include "virtio/fake_peer.h"
#include "virtio/vhost_user_front.h"

#define QUEUE_SIZE 16
#define FEATURES                                                                                                       \
        (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES) |                         \
         VIRTIO_FEATURE(VIRTIO_F_RING_PACKED) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_FEATURE(5))
#define PROTOCOL                                                                                                       \
        (VHOST_USER_PROTOCOL(MQ) | VHOST_USER_PROTOCOL(REPLY_ACK) | VHOST_USER_PROTOCOL(CONFIG) |                      \
         VHOST_USER_PROTOCOL(INFLIGHT_SHMFD) | VHOST_USER_PROTOCOL(STATUS))

enum misdeed {
        GOOD,
        CLOSES,        /* instead of an answer */
        REFUSES,       /* an answer that says no */
        OTHER_REQUEST, /* answers something else */
        NO_REPLY_FLAG,
        TOO_SHORT,
        TOO_LONG, /* larger than any message */
        WITH_FDS,
        HALF, /* a part of the answer, then closes */
        GARBAGE,
        _MISDEED_MAX,
};

struct back_end {
        int socket;
        pthread_t thread;
        uint64_t features, protocol, queues;
        enum misdeed misdeed;
        uint32_t at; /* request that it does it on */
        uint64_t seed;

        /* What it was told. */
        uint64_t set_features, set_protocol;
        struct vhost_user_memory memory;
        struct vhost_user_inflight inflight;
        size_t memory_fds;
        struct {
                uint32_t size, base, enabled;
                struct vhost_user_vring_address address;
                bool call, kick, error;
        } rings[2];
        unsigned requests;
};

static bool misbehave(struct back_end *b, const struct vhost_user_message *request, struct vhost_user_message *reply) {
        uint8_t garbage[64];

        switch (b->misdeed) {
        case CLOSES:
                return true;
        case REFUSES:
                reply->payload.u64 = 1;
                break;
        case OTHER_REQUEST:
                reply->header.request++;
                break;
        case NO_REPLY_FLAG:
                reply->header.flags &= ~VHOST_USER_FLAG_REPLY;
                break;
        case TOO_SHORT:
                reply->header.size = 4;
                break;
        case TOO_LONG:
                reply->header.size = UINT32_MAX;
                break;
        case WITH_FDS:
                (void) send_bytes(b->socket, reply, sizeof(reply->header) + reply->header.size, b->socket, 3);
                return false;
        case HALF:
                (void) send_bytes(b->socket, reply, sizeof(reply->header) + reply->header.size - 1, -1, 0);
                return true;
        case GARBAGE:
                for (size_t i = 0; i < sizeof(garbage); i++)
                        garbage[i] = (uint8_t) next_random(&b->seed);
                /* what looks like an answer, now and then */
                if (next_random(&b->seed) % 2)
                        memcpy(garbage, &reply->header, sizeof(reply->header) - next_random(&b->seed) % 8);
                (void) send_bytes(b->socket, garbage, 1 + next_random(&b->seed) % sizeof(garbage), -1, 0);
                return true;
        case GOOD:
        case _MISDEED_MAX:
                break;
        }
        (void) request;
        (void) send_bytes(b->socket, reply, sizeof(reply->header) + MIN(reply->header.size, 8U), -1, 0);
        return reply->header.size > 8;
}

static void note(struct back_end *b, struct vhost_user_message *m) {
        const union vhost_user_payload *p = &m->payload;
        unsigned queue = (m->header.size == 8 ? p->u64 & 0xff : p->address.index) & 1;

        b->requests++;
        switch (m->header.request) {
        case VHOST_USER_SET_FEATURES:
                b->set_features = p->u64;
                break;
        case VHOST_USER_SET_PROTOCOL_FEATURES:
                b->set_protocol = p->u64;
                break;
        case VHOST_USER_SET_MEM_TABLE:
                b->memory = p->memory;
                b->memory_fds = m->num_fds;
                break;
        case VHOST_USER_SET_INFLIGHT_FD:
                b->inflight = p->inflight;
                break;
        case VHOST_USER_SET_VRING_NUM:
                b->rings[queue].size = p->state.value;
                break;
        case VHOST_USER_SET_VRING_BASE:
                b->rings[queue].base = p->state.value;
                break;
        case VHOST_USER_SET_VRING_ADDR:
                b->rings[queue].address = p->address;
                break;
        case VHOST_USER_SET_VRING_CALL:
                b->rings[queue].call = m->num_fds == 1;
                break;
        case VHOST_USER_SET_VRING_KICK:
                b->rings[queue].kick = m->num_fds == 1;
                break;
        case VHOST_USER_SET_VRING_ERR:
                b->rings[queue].error = m->num_fds == 1;
                break;
        case VHOST_USER_SET_VRING_ENABLE:
                b->rings[queue].enabled = p->state.value;
                break;
        }
}

static void answer(const struct back_end *b, const struct vhost_user_message *m, struct vhost_user_message *reply) {
        switch (m->header.request) {
        case VHOST_USER_GET_FEATURES:
                vhost_user_reply_u64(reply, &m->header, b->features);
                break;
        case VHOST_USER_GET_PROTOCOL_FEATURES:
                vhost_user_reply_u64(reply, &m->header, b->protocol);
                break;
        case VHOST_USER_GET_QUEUE_NUM:
                vhost_user_reply_u64(reply, &m->header, b->queues);
                break;
        case VHOST_USER_GET_VRING_BASE:
                vhost_user_reply(reply, &m->header);
                reply->header.size = sizeof(reply->payload.state);
                reply->payload.state = m->payload.state;
                break;
        case VHOST_USER_GET_CONFIG:
                vhost_user_reply(reply, &m->header);
                reply->header.size = m->header.size;
                reply->payload.config = m->payload.config;
                memset(reply->payload.config.data, 0xc0, m->payload.config.size);
                break;
        default:
                vhost_user_reply_u64(reply, &m->header, 0);
        }
}

static void *serve(void *userdata) {
        struct vhost_user_receiver receiver = { 0 };
        struct back_end *b = userdata;
        struct err e = { 0 };

        for (;;) {
                struct pollfd p = { .fd = b->socket, .events = POLLIN };
                const struct vhost_user_rule *rule;
                struct vhost_user_message reply = { 0 };
                int r = vhost_user_receive(&receiver, b->socket, &e);

                if (r < 0)
                        break;
                if (r == 0) {
                        (void) poll(&p, 1, -1);
                        continue;
                }
                rule = vhost_user_rule(receiver.message.header.request);
                if (vhost_user_check(rule, &receiver.message, b->set_protocol, &e) < 0)
                        break;
                note(b, &receiver.message);
                answer(b, &receiver.message, &reply);
                if (b->misdeed != GOOD && receiver.message.header.request == b->at) {
                        if (misbehave(b, &receiver.message, &reply))
                                break;
                } else if (vhost_user_replies(rule, &receiver.message.header))
                        (void) vhost_user_send(b->socket, &reply);
        }
        vhost_user_receiver_done(&receiver);
        close(b->socket);
        return NULL;
}

struct fixture {
        struct back_end back_end;
        struct fake_guest guest;
        struct fake_queue queues[2];
        struct inflight_region record;
        struct virtio_device device;
        struct vhost_user_front *front;
        int socket;
};

static void begin(struct fixture *f, struct back_end b) {
        int pair[2];

        *f = (struct fixture){ .back_end = b };
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        f->socket = pair[0];
        f->back_end.socket = pair[1];
        assert_int_equal(pthread_create(&f->back_end.thread, NULL, serve, &f->back_end), 0);
        fake_guest_init(&f->guest);
        guest_memory_share(f->guest.memory, 0, eventfd(0, EFD_CLOEXEC));
        f->device.num_queues = 2;
        f->device.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        f->record = (struct inflight_region){ .queue_size = 1024, .num_queues = 2 };
        f->device.record = &f->record;
        f->device.record_fd = f->device.call_fd;
        f->device.recorded_elsewhere = true;
        f->device.driver_features = VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
        for (unsigned q = 0; q < 2; q++) {
                fake_queue_init(&f->queues[q], &f->guest, q, QUEUE_SIZE);
                f->queues[q].used->idx = htole16(q * 3);
                f->device.kick_fds[q] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                assert_int_equal(virtqueue_start(&f->device.queues[q], f->guest.memory, &f->queues[q].layout,
                                                 f->device.driver_features, NULL),
                                 0);
        }
}

static int meet(struct fixture *f, struct err *e) {
        return vhost_user_front_new(f->socket, 2, &f->front, e);
}

static void end(struct fixture *f) {
        if (f->front)
                vhost_user_front_free(f->front);
        else
                close(f->socket);
        assert_int_equal(pthread_join(f->back_end.thread, NULL), 0);
        for (unsigned q = 0; q < 2; q++)
                close(f->device.kick_fds[q]);
        close(f->device.call_fd);
        fake_guest_done(&f->guest);
}

static const struct back_end good = { .features = FEATURES, .protocol = PROTOCOL, .queues = 2 };

static void test_front_agrees_on_what_both_have(void **state) {
        uint8_t config[60] = { 0 };
        struct fixture f;
        struct err e = { 0 };

        (void) state;
        begin(&f, good);
        assert_int_equal(meet(&f, &e), 0);
        assert_true(f.back_end.set_protocol == (PROTOCOL & ~VHOST_USER_PROTOCOL(STATUS)));
        assert_true(
                vhost_user_front_features(f.front) ==
                (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) | VIRTIO_FEATURE(5)));
        assert_true(vhost_user_front_keeps_record(f.front));
        assert_int_equal(vhost_user_front_config(f.front, config, sizeof(config), &e), 0);
        assert_int_equal(config[0], 0xc0);
        assert_int_equal(config[59], 0xc0);
        end(&f);
}

static void test_front_gives_queues_and_has_them_back(void **state) {
        struct fixture f;
        struct err e = { 0 };
        eventfd_t n;

        (void) state;
        begin(&f, good);
        assert_int_equal(meet(&f, &e), 0);
        for (unsigned q = 0; q < 2; q++)
                assert_int_equal(vhost_user_front_start(f.front, &f.device, q, &e), 0);
        assert_true(f.back_end.set_features ==
                    (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES)));
        assert_int_equal(f.back_end.memory.count, 1);
        assert_int_equal(f.back_end.memory_fds, 1);
        assert_int_equal(f.back_end.memory.regions[0].guest, RAM_BASE);
        assert_int_equal(f.back_end.memory.regions[0].size, RAM_SIZE);
        assert_int_equal(f.back_end.memory.regions[0].offset, 0);
        assert_true(f.back_end.memory.regions[0].user == (uintptr_t) f.guest.ram);
        assert_int_equal(f.back_end.inflight.num_queues, 2);
        assert_int_equal(f.back_end.inflight.queue_size, 1024);
        assert_int_equal(f.back_end.inflight.size, 2 * 0x4040);
        for (unsigned q = 0; q < 2; q++) {
                assert_int_equal(f.back_end.rings[q].size, QUEUE_SIZE);
                assert_int_equal(f.back_end.rings[q].base, q * 3);
                assert_true(f.back_end.rings[q].address.descriptors == (uintptr_t) f.queues[q].desc);
                assert_true(f.back_end.rings[q].address.available == (uintptr_t) f.queues[q].avail);
                assert_true(f.back_end.rings[q].address.used == (uintptr_t) f.queues[q].used);
                assert_true(f.back_end.rings[q].call && f.back_end.rings[q].kick && f.back_end.rings[q].error);
                assert_int_equal(f.back_end.rings[q].enabled, 1);
                assert_int_equal(eventfd_read(f.device.kick_fds[q], &n), 0);
        }
        for (unsigned q = 0; q < 2; q++)
                assert_int_equal(vhost_user_front_stop(f.front, q, &e), 0);
        assert_int_equal(f.back_end.rings[1].enabled, 0);
        end(&f);
}

/* One from before protocol features: no answers but to what is asked for, and queues that a kick enables. */
static void test_front_does_with_a_plain_back_end(void **state) {
        const struct back_end plain = { .features = VIRTIO_FEATURE(VIRTIO_F_VERSION_1) };
        uint8_t config[12];
        struct fixture f;
        struct err e = { 0 };

        (void) state;
        begin(&f, plain);
        assert_int_equal(meet(&f, &e), 0);
        assert_false(vhost_user_front_keeps_record(f.front));
        assert_int_equal(vhost_user_front_config(f.front, config, sizeof(config), &e), -EOPNOTSUPP);
        f.device.recorded_elsewhere = false;
        assert_int_equal(vhost_user_front_start(f.front, &f.device, 1, &e), 0);
        assert_int_equal(vhost_user_front_stop(f.front, 1, &e), 0);
        assert_true(f.back_end.set_features == VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
        assert_int_equal(f.back_end.rings[1].base, 3);
        end(&f);
}

static void test_front_refuses_who_has_too_little(void **state) {
        static const struct {
                uint64_t features, queues;
                const char *says;
        } rows[] = {
                { VIRTIO_FEATURE(VHOST_USER_F_PROTOCOL_FEATURES), 2, "virtio 1.0" },
                { FEATURES, 1, "has 1 queues" },
                { FEATURES, 0, "has 0 queues" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct back_end b = good;
                struct fixture f;
                struct err e = { 0 };

                b.features = rows[i].features;
                b.queues = rows[i].queues;
                begin(&f, b);
                assert_int_equal(meet(&f, &e), -EOPNOTSUPP);
                assert_non_null(strstr(err_text(&e, 0), rows[i].says));
                end(&f);
        }
}

/* Goes through a whole life. Return: the first error. */
static int live(struct fixture *f) {
        uint8_t config[60];
        struct err e = { 0 };
        int r = meet(f, &e);

        if (r >= 0)
                r = vhost_user_front_config(f->front, config, sizeof(config), &e);
        for (unsigned q = 0; r >= 0 && q < 2; q++)
                r = vhost_user_front_start(f->front, &f->device, q, &e);
        for (unsigned q = 0; r >= 0 && q < 2; q++)
                r = vhost_user_front_stop(f->front, q, &e);
        if (r < 0)
                assert_true(err_text(&e, r)[0] != '\0');
        return r;
}

static const uint32_t answered[] = {
        VHOST_USER_GET_FEATURES,     VHOST_USER_GET_PROTOCOL_FEATURES, VHOST_USER_GET_QUEUE_NUM,
        VHOST_USER_GET_CONFIG,       VHOST_USER_GET_VRING_BASE,        VHOST_USER_SET_OWNER,
        VHOST_USER_SET_FEATURES,     VHOST_USER_SET_MEM_TABLE,         VHOST_USER_SET_INFLIGHT_FD,
        VHOST_USER_SET_VRING_NUM,    VHOST_USER_SET_VRING_BASE,        VHOST_USER_SET_VRING_ADDR,
        VHOST_USER_SET_VRING_CALL,   VHOST_USER_SET_VRING_KICK,        VHOST_USER_SET_VRING_ERR,
        VHOST_USER_SET_VRING_ENABLE,
};

static bool is_get(uint32_t request) {
        return vhost_user_rule(request)->replies;
}

static void test_front_survives_every_misdeed_at_every_request(void **state) {
        (void) state;
        for (enum misdeed m = CLOSES; m < GARBAGE; m++)
                for (size_t i = 0; i < ELEMENTSOF(answered); i++) {
                        unsigned before = count_fds();
                        struct back_end b = good;
                        struct fixture f;

                        if (m == REFUSES && is_get(answered[i]))
                                continue;
                        b.misdeed = m;
                        b.at = answered[i];
                        begin(&f, b);
                        if (live(&f) >= 0)
                                fail_msg("misdeed %d at %s was not noticed", (int) m,
                                         vhost_user_rule(answered[i])->name);
                        end(&f);
                        assert_int_equal(count_fds(), before);
                }
}

/* What is stopped then waits for nobody: a worker that ends does not take five seconds for each of its queues. */
static void test_front_says_nothing_on_a_connection_that_failed(void **state) {
        struct back_end b = good;
        struct err e = { 0 };
        struct fixture f;
        unsigned requests;

        (void) state;
        begin(&f, b);
        assert_int_equal(meet(&f, &e), 0);
        assert_int_equal(vhost_user_front_start(f.front, &f.device, 0, &e), 0);
        f.back_end.at = VHOST_USER_SET_VRING_NUM;
        f.back_end.misdeed = OTHER_REQUEST;
        assert_int_equal(vhost_user_front_start(f.front, &f.device, 1, &e), -EPROTO);
        requests = f.back_end.requests;
        assert_int_equal(vhost_user_front_stop(f.front, 0, &e), 0);
        assert_int_equal(vhost_user_front_start(f.front, &f.device, 1, &e), -ECONNRESET);
        end(&f);
        assert_int_equal(f.back_end.requests, requests);
}

static void test_front_survives_garbage(void **state) {
        (void) state;
        for (uint64_t seed = 1; seed <= 300; seed++) {
                struct back_end b = good;
                struct fixture f;

                b.misdeed = GARBAGE;
                b.seed = seed;
                b.at = answered[seed % ELEMENTSOF(answered)];
                begin(&f, b);
                (void) live(&f);
                end(&f);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_front_agrees_on_what_both_have),
                cmocka_unit_test(test_front_gives_queues_and_has_them_back),
                cmocka_unit_test(test_front_does_with_a_plain_back_end),
                cmocka_unit_test(test_front_refuses_who_has_too_little),
                cmocka_unit_test(test_front_survives_every_misdeed_at_every_request),
                cmocka_unit_test(test_front_says_nothing_on_a_connection_that_failed),
                cmocka_unit_test(test_front_survives_garbage),
        };
        return cmocka_run_group_tests_name("vhost_user_front", tests, NULL, NULL);
}
