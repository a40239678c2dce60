/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <sys/epoll.h>

#include "base/log.h"
#include "virtio/fake_transport.h"

/* A device that returns every chain at once, @limit in one go, and counts what it is told. */
struct echo {
        struct virtio_device base;
        unsigned started, stopped, notified, served, limit, sources;
        int refuse;     /* what to answer instead */
        bool announces; /* its config says how often its source was ready */
        struct virtqueue_chain chain;
};

static int echo_queue_started(struct virtio_device *d, unsigned queue) {
        (void) queue;
        ((struct echo *) d)->started++;
        return 0;
}

static void echo_queue_stopping(struct virtio_device *d, unsigned queue) {
        (void) queue;
        ((struct echo *) d)->stopped++;
}

static int echo_queue_notify(struct virtio_device *d, unsigned queue) {
        struct echo *echo = (struct echo *) d;
        int r;

        echo->notified++;
        for (unsigned n = 0; n < echo->limit; n++) {
                r = virtqueue_next(&d->queues[queue], &echo->chain);
                if (r <= 0)
                        return r;
                if (echo->refuse)
                        return virtqueue_refuse(&d->queues[queue], "not to my taste");
                virtqueue_return(&d->queues[queue], echo->chain.head, 0);
                echo->served++;
        }
        return 1;
}

static int echo_source_ready(struct virtio_device *d, unsigned source, uint32_t events) {
        eventfd_t n;

        (void) events;
        assert_int_equal(eventfd_read(d->sources[source].fd, &n), 0);
        ((struct echo *) d)->sources += (unsigned) n;
        if (((struct echo *) d)->announces) {
                d->config[3] = (uint8_t) ((struct echo *) d)->sources;
                d->config_changed = true;
        }
        return 0;
}

static const struct virtio_device_ops echo_ops = {
        .queue_started = echo_queue_started,
        .queue_stopping = echo_queue_stopping,
        .queue_notify = echo_queue_notify,
        .source_ready = echo_source_ready,
};

struct fixture {
        struct fake_transport t;
        struct echo echo;
};

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        log_set_level(LOG_ERR);
        fake_init(&f->t, 16);
        f->echo.base = (struct virtio_device){
                .ops = &echo_ops,
                .features = VIRTIO_FEATURE(VIRTIO_F_VERSION_1),
                .num_queues = 2,
                .queue_size_max = { 16, 16 },
                .num_sources = 1,
                .sources = { { eventfd(0, EFD_CLOEXEC), EPOLLIN } },
        };
        f->echo.limit = 100;
        fake_serve(&f->t, &f->echo.base);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        close(f->echo.base.sources[0].fd);
        fake_done(&f->t);
        free(f);
        return 0;
}

static void offer(struct fixture *f, unsigned queue, unsigned count) {
        for (unsigned i = 0; i < count; i++) {
                fake_desc(&f->t.queues[queue], i, DATA, 4, D_WRITE, 0);
                fake_offer(&f->t.queues[queue], (uint16_t) i);
        }
}

static void test_server_serves_only_after_driver_ok(void **state) {
        struct fixture *f = *state;

        offer(f, 0, 1);
        f->t.state.queues[0].ready = true;
        f->t.state.status = STATUS_OK & ~VIRTIO_CONFIG_S_DRIVER_OK;
        fake_changed(&f->t);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.served, 0);
        assert_int_equal(f->t.acknowledged, f->t.state.sequence);
        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.served, 1);
        assert_int_equal(f->echo.started, 2);
        assert_int_equal(f->t.cookie, 0xc00c1e);
}

static void test_server_calls_once_a_batch(void **state) {
        struct fixture *f = *state;

        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.calls, 0);
        offer(f, 0, 10);
        offer(f, 1, 5);
        fake_kick(&f->t, 0);
        fake_kick(&f->t, 1);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.served, 15);
        assert_int_equal(f->t.calls, 1);
        assert_int_equal(f->t.called, 3);
}

static void test_server_calls_for_the_queues_that_were_used(void **state) {
        struct fixture *f = *state;

        fake_driver_up(&f->t, UINT64_MAX);
        offer(f, 1, 5);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.called, 2);
}

/* As a transport does that changes memory under running queues: gone, acknowledged, there again. */
static void test_server_looks_again_when_the_transport_says_so(void **state) {
        struct fixture *f = *state;

        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        f->t.again = true;
        for (unsigned q = 0; q < 2; q++)
                f->t.state.queues[q].ready = false;
        fake_changed(&f->t);
        offer(f, 1, 1);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.stopped, 2);
        assert_int_equal(f->echo.started, 4);
        assert_int_equal(f->echo.served, 1);
        fake_kick(&f->t, 0); /* and its kicks arrive */
        offer(f, 0, 1);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.served, 2);
}

/* A model's queue that stops may have been the one that something of another was left to. */
static void test_server_notifies_the_others_when_a_queue_stops(void **state) {
        struct fixture *f = *state;

        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        offer(f, 1, 1); /* nobody kicks */
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.served, 0);
        f->t.state.queues[0].ready = false;
        fake_changed(&f->t);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.stopped, 1);
        assert_int_equal(f->echo.served, 1);
}

static void test_server_comes_back_to_what_was_left(void **state) {
        struct fixture *f = *state;

        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        f->echo.limit = 3;
        offer(f, 0, 10);
        fake_kick(&f->t, 0);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.served, 10);
}

static void test_server_sleeps_when_idle(void **state) {
        struct fixture *f = *state;
        unsigned notified;

        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        notified = f->echo.notified;
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.notified, notified);
        fake_kick(&f->t, 1); /* each kick is an edge, though the counter is never read */
        fake_settle(&f->t, 0);
        fake_kick(&f->t, 1);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.notified, notified + 2);
}

static void test_server_lets_go_before_it_acknowledges(void **state) {
        struct fixture *f = *state;

        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        fake_reset(&f->t);
        offer(f, 0, 1);
        fake_kick(&f->t, 0);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.acknowledged, f->t.state.sequence);
        assert_int_equal(f->echo.stopped, 2);
        assert_int_equal(f->echo.served, 0);
        assert_false(virtqueue_running(&f->echo.base.queues[0]));
}

static void test_server_restarts_a_queue_that_moved(void **state) {
        struct fixture *f = *state;
        struct fake_queue moved;

        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        fake_queue_init(&moved, &f->t.guest, 4, 8);
        f->t.state.queues[1].layout = moved.layout;
        fake_enable(&f->t, 1);
        fake_changed(&f->t);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.stopped, 1);
        assert_int_equal(f->echo.started, 3);
        assert_int_equal(f->echo.base.queues[1].size, 8);
}

static void test_server_breaks_one_queue_until_reset(void **state) {
        struct fixture *f = *state;

        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        fake_offer(&f->t.queues[0], 99);
        fake_kick(&f->t, 0);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.breaks, 1);
        assert_int_equal(f->echo.stopped, 1);

        /* The state says NEEDS_RESET now; the other queue goes on, this one does not. */
        f->t.state.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
        fake_changed(&f->t);
        offer(f, 1, 1);
        fake_kick(&f->t, 0);
        fake_kick(&f->t, 1);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.served, 1);
        assert_int_equal(f->t.breaks, 1);

        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        fake_queue_init(&f->t.queues[0], &f->t.guest, 0, 16);
        fake_queue_init(&f->t.queues[1], &f->t.guest, 1, 16);
        offer(f, 0, 1);
        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.served, 2);
}

static void test_server_breaks_a_queue_set_up_outside_ram(void **state) {
        struct fixture *f = *state;

        f->t.state.queues[0].layout.used = RAM_BASE + RAM_SIZE;
        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.breaks, 1);
        assert_int_equal(f->echo.started, 1);
        fake_changed(&f->t); /* not tried again and again */
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.breaks, 1);
}

static void test_server_breaks_a_queue_whose_request_the_model_refuses(void **state) {
        struct fixture *f = *state;

        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        f->echo.refuse = true;
        offer(f, 1, 1);
        fake_kick(&f->t, 1);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.breaks, 1);
        assert_true(virtqueue_running(&f->echo.base.queues[0]));
        assert_false(virtqueue_running(&f->echo.base.queues[1]));
}

static void test_server_resumes_where_another_worker_stopped(void **state) {
        struct fixture *f = *state;

        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
        offer(f, 0, 3);
        fake_kick(&f->t, 0);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.calls, 1);
        fake_detach(&f->t);
        offer(f, 0, 2); /* while nobody is there */
        fake_serve(&f->t, &f->echo.base);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.served, 5);
        assert_int_equal(le16toh(f->t.queues[0].used->idx), 5);
        assert_int_equal(f->t.calls, 2);
}

static void test_server_watches_the_models_own_descriptors(void **state) {
        struct fixture *f = *state;

        assert_int_equal(eventfd_write(f->echo.base.sources[0].fd, 7), 0);
        fake_settle(&f->t, 0);
        assert_int_equal(f->echo.sources, 7);
}

static void test_server_tells_a_changed_config_once(void **state) {
        struct fixture *f = *state;

        assert_int_equal(eventfd_write(f->echo.base.sources[0].fd, 1), 0);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.config_changes, 0);
        f->echo.announces = true;
        for (unsigned i = 1; i < 3; i++) {
                assert_int_equal(eventfd_write(f->echo.base.sources[0].fd, 5), 0);
                fake_settle(&f->t, 0);
                assert_int_equal(f->t.config_changes, i);
                assert_int_equal(f->t.config[3], 1 + 5 * i);
        }
        assert_int_equal(f->t.calls, 0);
        f->t.stale = true;
        assert_int_equal(eventfd_write(f->echo.base.sources[0].fd, 1), 0);
        assert_int_equal(server_run(f->t.server), 0);
}

static void test_server_leaves_on_a_signal_or_when_revoked(void **state) {
        struct fixture *f = *state;

        fake_settle(&f->t, 0);
        assert_int_equal(eventfd_write(f->t.signal_fd, 1), 0);
        assert_int_equal(server_run(f->t.server), 0);
        fake_detach(&f->t);
        fake_serve(&f->t, &f->echo.base);
        f->t.stale = true;
        assert_int_equal(server_run(f->t.server), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_server_serves_only_after_driver_ok),
                TEST(test_server_calls_once_a_batch),
                TEST(test_server_calls_for_the_queues_that_were_used),
                TEST(test_server_looks_again_when_the_transport_says_so),
                TEST(test_server_notifies_the_others_when_a_queue_stops),
                TEST(test_server_comes_back_to_what_was_left),
                TEST(test_server_sleeps_when_idle),
                TEST(test_server_lets_go_before_it_acknowledges),
                TEST(test_server_restarts_a_queue_that_moved),
                TEST(test_server_breaks_one_queue_until_reset),
                TEST(test_server_breaks_a_queue_set_up_outside_ram),
                TEST(test_server_breaks_a_queue_whose_request_the_model_refuses),
                TEST(test_server_resumes_where_another_worker_stopped),
                TEST(test_server_watches_the_models_own_descriptors),
                TEST(test_server_tells_a_changed_config_once),
                TEST(test_server_leaves_on_a_signal_or_when_revoked),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
