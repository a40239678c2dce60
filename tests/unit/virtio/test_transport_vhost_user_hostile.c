/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test is a vhost-user front-end that does what it likes. */
#include <linux/memfd.h>

#include "virtio/fake_front_end.h"

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

/* ---- malformed requests ------------------------------------------------------------------------------- */

enum malformation {
        TOO_SHORT,
        TOO_LONG,
        TOO_FEW_FDS,
        TOO_MANY_FDS,
        NO_VERSION,
        OTHER_VERSION,
        AN_ANSWER,
        UNKNOWN_FLAG,
        _MALFORMATION_MAX,
};

/* Return: false if @m cannot be wrong in that way. */
static bool malform(struct vhost_user_message *m, const struct vhost_user_rule *rule, enum malformation what) {
        switch (what) {
        case TOO_SHORT:
                m->header.size = rule->size_min - 1U;
                return rule->size_min > 0;
        case TOO_LONG:
                m->header.size = rule->size_max + 1U;
                return true;
        case TOO_FEW_FDS:
                m->num_fds = rule->fds_min - 1U;
                return rule->fds_min > 0;
        case TOO_MANY_FDS:
                m->num_fds = rule->fds_max + 1U;
                return true;
        case NO_VERSION:
                m->header.flags = 0;
                return true;
        case OTHER_VERSION:
                m->header.flags = 2;
                return true;
        case AN_ANSWER:
                m->header.flags |= VHOST_USER_FLAG_REPLY;
                return true;
        case UNKNOWN_FLAG:
                m->header.flags |= VHOST_USER_FLAG_NEED_REPLY | 0x100;
                return true;
        case _MALFORMATION_MAX:
                break;
        }
        return false;
}

/* As no codec would. */
static void send_as_it_is(struct fixture *f, const struct vhost_user_message *m) {
        size_t size = MIN((size_t) m->header.size, sizeof(m->payload));
        uint8_t bytes[sizeof(m->header) + sizeof(m->payload)];

        memcpy(bytes, &m->header, sizeof(m->header));
        memcpy(bytes + sizeof(m->header), &m->payload, size);
        size += sizeof(m->header);
        assert_int_equal(send_bytes(f->socket, bytes, size, f->ram_fd, m->num_fds), size);
        settle(f);
}

static void test_every_malformed_request_ends_the_connection(void **state) {
        struct fixture *f = *state;
        unsigned tried = 0;

        for (uint32_t request = 0; request < _VHOST_USER_REQUEST_MAX; request++) {
                const struct vhost_user_rule *rule = vhost_user_rule(request);

                for (unsigned what = 0; rule && what < _MALFORMATION_MAX; what++) {
                        struct vhost_user_message m = make_request(request, rule->size_min), reply;

                        m.num_fds = rule->fds_min;
                        if (!malform(&m, rule, (enum malformation) what))
                                continue;
                        front_end_connect(f);
                        settle(f);
                        negotiate(f);
                        send_as_it_is(f, &m);
                        assert_int_equal(receive_reply(f, &reply), -ECONNRESET);
                        close(f->socket);
                        f->socket = -1;
                        settle(f);
                        tried++;
                }
        }
        assert_true(tried > 150);
        front_end_up(f);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 1);
}

/* What it asks for is of the device's measure, or is not made. */
static void test_records_without_measure_are_not_made(void **state) {
        static const struct {
                uint16_t queues, size;
        } rows[] = { { 0, QUEUE_SIZE },
                     { 1, 0 },
                     { QUEUES + 1, QUEUE_SIZE },
                     { UINT16_MAX, UINT16_MAX },
                     { 1, VIRTQUEUE_SIZE_MAX + 1 } };
        struct fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                struct vhost_user_message m = make_request(VHOST_USER_GET_INFLIGHT_FD, 24), reply;

                m.payload.inflight.num_queues = rows[i].queues;
                m.payload.inflight.queue_size = rows[i].size;
                m.payload.inflight.size = m.payload.inflight.offset = UINT64_MAX; /* means nothing here */
                front_end_up(f);
                send_request(f, &m, -1);
                assert_int_equal(receive_reply(f, &reply), -ECONNRESET);
                close(f->socket);
        }
        f->socket = -1;
}

/* ---- memory that cannot be ----------------------------------------------------------------------------- */

/* The pages of @fd are as large as they are: the rest of one would be mapped over what is behind. */
static void test_memory_is_of_whole_pages_however_large(void **state) {
        struct fixture *f = *state;
        int fd = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB | MFD_HUGE_2MB);
        void *page;

        if (fd < 0)
                skip(); /* a kernel without */
        assert_int_equal(ftruncate(fd, 4 << 20), 0);
        front_end_up(f);
        assert_int_equal(set_memory(f, fd, 4096), 1);
        assert_int_equal(set_memory(f, fd, (2 << 20) + 4096), 1);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 1);
        page = mmap(NULL, 2 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) { /* there are some (vm.nr_hugepages) */
                munmap(page, 2 << 20);
                assert_int_equal(set_memory(f, fd, 2 << 20), 0);
        }
        close(fd);
}

static uint64_t set_regions(struct fixture *f, const struct vhost_user_region *regions, uint32_t count) {
        struct vhost_user_message m = make_request(VHOST_USER_SET_MEM_TABLE, 8 + 32 * count), reply;

        m.header.flags |= VHOST_USER_FLAG_NEED_REPLY;
        m.payload.memory.count = count;
        for (uint32_t i = 0; i < count; i++) {
                m.payload.memory.regions[i] = regions[i];
                m.fds[m.num_fds++] = f->ram_fd;
        }
        assert_int_equal(vhost_user_send(f->socket, &m), 0);
        settle(f);
        assert_int_equal(receive_reply(f, &reply), 1);
        return reply.payload.u64;
}

static void test_regions_that_overlap_or_wrap_are_refused(void **state) {
#define PAGE UINT64_C(4096)
#define END  (UINT64_MAX - PAGE + 1)
        static const struct {
                struct vhost_user_region regions[2];
                uint64_t refused;
        } rows[] = {
                { { { RAM_BASE, PAGE, USER_BASE, 0 }, { RAM_BASE + PAGE, PAGE, USER_BASE + PAGE, 0 } }, 0 },
                { { { RAM_BASE, 2 * PAGE, USER_BASE, 0 }, { RAM_BASE + PAGE, PAGE, USER_BASE + 2 * PAGE, 0 } }, 1 },
                { { { RAM_BASE, 2 * PAGE, USER_BASE, 0 }, { RAM_BASE + 2 * PAGE, PAGE, USER_BASE + PAGE, 0 } }, 1 },
                { { { RAM_BASE, PAGE, USER_BASE, 0 }, { RAM_BASE, PAGE, USER_BASE, 0 } }, 1 },
                { { { 0, PAGE, USER_BASE, 0 }, { END, 2 * PAGE, USER_BASE + PAGE, 0 } }, 1 },
                { { { 0, PAGE, USER_BASE, 0 }, { PAGE, 2 * PAGE, END, 0 } }, 1 },
                { { { 0, PAGE, USER_BASE, 0 }, { PAGE, PAGE, USER_BASE + PAGE, END } }, 1 },
                { { { 0, PAGE, USER_BASE, 0 }, { PAGE, END, USER_BASE + PAGE, 0 } }, 1 },
                { { { 0, PAGE, USER_BASE, 0 }, { PAGE, PAGE, USER_BASE + PAGE, RAM_SIZE } }, 1 },
                { { { 0, PAGE, USER_BASE, 0 }, { PAGE, PAGE, USER_BASE + PAGE, 1 } }, 1 },
                { { { 0, PAGE, USER_BASE, 0 }, { PAGE + 1, PAGE, USER_BASE + PAGE, 0 } }, 1 },
        };
        struct fixture *f = *state;

        front_end_up(f);
        for (size_t i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(set_regions(f, rows[i].regions, 2), rows[i].refused);
}

/* A table that the rings are not in breaks them; the next one with them in it has them served again. */
static void test_memory_that_leaves_running_rings_outside_breaks_them_until_the_next(void **state) {
        const struct vhost_user_region elsewhere = { RAM_BASE, RAM_SIZE, USER_BASE + RAM_SIZE, 0 };
        struct fixture *f = *state;
        int error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        eventfd_t n = 0;

        front_end_up(f);
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_ERR, 0, error_fd), 0);
        assert_int_equal(set_regions(f, &elsewhere, 1), 0);
        settle(f);
        assert_int_equal(eventfd_read(error_fd, &n), 0);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 0);
        assert_int_equal(set_memory(f, f->ram_fd, RAM_SIZE), 0);
        settle(f);
        assert_int_equal(f->echo.served, 1);
        close(error_fd);
}

static void test_a_used_ring_between_addresses_is_not_read(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_GET_VRING_BASE, 8), reply;

        front_end_up(f);
        assert_int_equal(ask_state(f, VHOST_USER_SET_VRING_BASE, 0, 7), 0);
        f->queues[0].layout.used += 1;
        assert_int_equal(set_address(f, 0), 0);
        send_request(f, &m, -1);
        assert_int_equal(receive_reply(f, &reply), 1);
        assert_int_equal(reply.payload.state.value, 7); /* as it was told */
}

/* ---- peers that hold up --------------------------------------------------------------------------------- */

static void test_half_a_message_keeps_nobody_waiting(void **state) {
        struct fixture *f = *state;
        struct vhost_user_message m = make_request(VHOST_USER_GET_FEATURES, 0), reply;

        front_end_up(f);
        assert_int_equal(send_bytes(f->socket, &m.header, 6, -1, 0), 6);
        settle(f);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 1);
        assert_int_equal(receive_reply(f, &reply), 0);
        assert_int_equal(send_bytes(f->socket, (uint8_t *) &m.header + 6, 6, -1, 0), 6);
        settle(f);
        assert_int_equal(receive_reply(f, &reply), 1);
}

/* Its counter is full, and who writes to it would wait. */
static void test_a_call_that_nobody_takes_keeps_nobody_waiting(void **state) {
        struct fixture *f = *state;
        int call_fd = eventfd(0, EFD_CLOEXEC);
        eventfd_t n;

        (void) alarm(60);
        front_end_up(f);
        assert_int_equal(ask_fd(f, VHOST_USER_SET_VRING_CALL, 0, call_fd), 0);
        assert_int_equal(eventfd_write(call_fd, UINT64_MAX - 1), 0);
        for (unsigned i = 1; i <= 3; i++) {
                offer(f, 0);
                kick(f, 0);
                assert_int_equal(f->echo.served, i);
        }
        assert_int_equal(eventfd_read(call_fd, &n), 0);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(eventfd_read(call_fd, &n), 0);
        assert_int_equal(n, 1);
        (void) alarm(0);
        close(call_fd);
}

static void test_an_answer_that_is_asked_for_comes_whatever_was_negotiated(void **state) {
        struct fixture *f = *state;

        front_end_connect(f);
        settle(f);
        assert_int_equal(ask_u64(f, VHOST_USER_SET_FEATURES, FEATURES), 0);
        assert_int_equal(set_memory(f, f->ram_fd, RAM_SIZE), 0);
        queue_up(f, 0);
        offer(f, 0);
        kick(f, 0);
        assert_int_equal(f->echo.served, 1);
}

static void test_several_queues_are_offered_where_there_are(void **state) {
        struct fixture *f = *state;

        front_end_connect(f);
        settle(f);
        assert_true(get_u64(f, VHOST_USER_GET_PROTOCOL_FEATURES) & VHOST_USER_PROTOCOL(MQ));
        f->echo.base.num_queues = 1;
        assert_false(get_u64(f, VHOST_USER_GET_PROTOCOL_FEATURES) & VHOST_USER_PROTOCOL(MQ));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                FRONT_END_TEST(test_what_cannot_be_is_refused_and_said),
                FRONT_END_TEST(test_what_cannot_be_told_ends_the_connection_and_only_that),
                FRONT_END_TEST(test_rings_outside_memory_break_that_queue_and_signal_its_error),
                FRONT_END_TEST(test_every_malformed_request_ends_the_connection),
                FRONT_END_TEST(test_records_without_measure_are_not_made),
                FRONT_END_TEST(test_memory_is_of_whole_pages_however_large),
                FRONT_END_TEST(test_regions_that_overlap_or_wrap_are_refused),
                FRONT_END_TEST(test_memory_that_leaves_running_rings_outside_breaks_them_until_the_next),
                FRONT_END_TEST(test_a_used_ring_between_addresses_is_not_read),
                FRONT_END_TEST(test_half_a_message_keeps_nobody_waiting),
                FRONT_END_TEST(test_a_call_that_nobody_takes_keeps_nobody_waiting),
                FRONT_END_TEST(test_an_answer_that_is_asked_for_comes_whatever_was_negotiated),
                FRONT_END_TEST(test_several_queues_are_offered_where_there_are),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
