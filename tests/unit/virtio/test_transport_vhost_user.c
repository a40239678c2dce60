/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The test is a vhost-user front-end that does what it should. */
#include "virtio/fake_front_end.h"

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

int main(void) {
        const struct CMUnitTest tests[] = {
                FRONT_END_TEST(test_requests_are_served_and_each_queue_has_its_call),
                FRONT_END_TEST(test_a_ring_runs_once_it_is_whole_and_enabled),
                FRONT_END_TEST(test_a_stopped_ring_says_where_it_is_and_is_left_alone),
                FRONT_END_TEST(test_memory_is_exchanged_under_running_queues),
                FRONT_END_TEST(test_configuration_is_read_and_its_change_is_told),
                FRONT_END_TEST(test_front_ends_come_one_after_the_other),
                FRONT_END_TEST(test_device_reset_stops_all),
                FRONT_END_TEST(test_a_socket_in_use_is_not_taken_over_and_one_left_over_is),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
