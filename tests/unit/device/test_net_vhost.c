// sources: reconciler/device/net*.c reconciler/virtio/server.c reconciler/virtio/virtqueue.c reconciler/virtio/inflight.c reconciler/virtio/guest_memory.c reconciler/virtio/iov.c reconciler/base/log.c reconciler/base/err.c reconciler/base/fd.c reconciler/base/mac.c reconciler/base/tap.c
/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's side is here, behind ioctl(2): it keeps what it is told, and refuses what the real one would. */
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/log.h"
#include "device/net.h"
#include "virtio/fake_transport.h"

#define RX         NET_QUEUE_RECEIVE
#define TX         NET_QUEUE_TRANSMIT
#define QUEUE_SIZE 64

static struct kernel {
        int fd, tap;
        bool owned, tap_gone;
        uint64_t can, features;
        unsigned offloads, calls, fail_at; /* the how manieth call fails; 0: none */
        struct vhost_memory_region memory[2];
        uint32_t num_regions;
        struct half {
                unsigned num, base;
                struct vhost_vring_addr addresses;
                int kick, call, error, backend;
        } rings[2];
} kernel;

static int refuse(int error) {
        errno = error;
        return -1;
}

static int set_file(unsigned long request, const struct vhost_vring_file *file) {
        struct half *ring = &kernel.rings[file->index];

        assert_true(file->index < 2);
        switch (request) {
        case VHOST_SET_VRING_KICK:
                ring->kick = file->fd;
                return 0;
        case VHOST_SET_VRING_CALL:
                ring->call = file->fd;
                return 0;
        case VHOST_SET_VRING_ERR:
                ring->error = file->fd;
                return 0;
        case VHOST_NET_SET_BACKEND:
                assert_true(file->fd == kernel.tap || file->fd == -1);
                assert_true(file->fd == -1 || (kernel.num_regions > 0 && ring->num > 0));
                ring->backend = file->fd;
                return 0;
        default:
                return refuse(ENOTTY);
        }
}

static int set_state(unsigned long request, const struct vhost_vring_state *state) {
        struct half *ring = &kernel.rings[state->index];

        assert_true(state->index < 2);
        if (ring->backend >= 0)
                return refuse(EBUSY);
        if (request == VHOST_SET_VRING_NUM)
                ring->num = state->num;
        else
                ring->base = state->num;
        return 0;
}

static int set_memory(const struct vhost_memory *m) {
        assert_true(m->nregions <= ELEMENTSOF(kernel.memory) && m->padding == 0);
        memcpy(kernel.memory, m->regions, m->nregions * sizeof(m->regions[0]));
        kernel.num_regions = m->nregions;
        return 0;
}

static int vhost_ioctl(unsigned long request, void *argument) {
        if (request != VHOST_SET_OWNER && !kernel.owned)
                return refuse(EPERM);
        if (++kernel.calls == kernel.fail_at)
                return refuse(ENOBUFS);
        switch (request) {
        case VHOST_SET_OWNER:
                kernel.owned = true;
                return 0;
        case VHOST_GET_FEATURES:
                *(uint64_t *) argument = kernel.can;
                return 0;
        case VHOST_SET_FEATURES:
                kernel.features = *(uint64_t *) argument;
                return kernel.features & ~kernel.can ? refuse(EOPNOTSUPP) : 0;
        case VHOST_SET_MEM_TABLE:
                return set_memory(argument);
        case VHOST_SET_VRING_NUM:
        case VHOST_SET_VRING_BASE:
                return set_state(request, argument);
        case VHOST_SET_VRING_ADDR:
                kernel.rings[((struct vhost_vring_addr *) argument)->index].addresses =
                        *(struct vhost_vring_addr *) argument;
                return 0;
        default:
                return set_file(request, argument);
        }
}

int ioctl(int fd, unsigned long request, ...) {
        va_list ap;
        void *argument;

        va_start(ap, request);
        argument = va_arg(ap, void *);
        va_end(ap);
        if (fd == kernel.fd)
                return vhost_ioctl(request, argument);
        assert_int_equal(fd, kernel.tap);
        if (request == TUNSETOFFLOAD)
                kernel.offloads = (unsigned) (uintptr_t) argument;
        else
                assert_int_equal(request, TUNGETIFF);
        return kernel.tap_gone ? refuse(EBADFD) : 0;
}

struct fixture {
        struct fake_transport t;
        struct virtio_device *device;
        int links;
};

static void start_worker(struct fixture *f) {
        struct net_settings s = { .name = "zone test, device lan", .offload = true };
        struct err e = { 0 };

        kernel.fd = eventfd(0, EFD_CLOEXEC);
        kernel.tap = eventfd(0, EFD_CLOEXEC);
        kernel.rings[0].backend = kernel.rings[1].backend = -1;
        s.tap_fd = kernel.tap;
        f->links = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_int_equal(net_new(&s, &f->device, &e), 0);
        assert_int_equal(net_accelerate(f->device, kernel.fd, f->links, &e), 0);
        fake_serve(&f->t, f->device);
}

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        log_set_level(LOG_CRIT);
        kernel = (struct kernel){ .can = UINT64_MAX };
        fake_init(&f->t, QUEUE_SIZE);
        f->t.base.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        start_worker(f);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        fake_detach(&f->t);
        virtio_device_free(f->device);
        close(f->t.base.call_fd);
        fake_done(&f->t);
        free(f);
        return 0;
}

static void driver_up(struct fixture *f) {
        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
}

static void assert_runs(const struct fixture *f, unsigned queue, unsigned base) {
        const struct half *ring = &kernel.rings[queue];
        const struct fake_queue *q = &f->t.queues[queue];

        assert_int_equal(ring->backend, kernel.tap);
        assert_int_equal(ring->num, QUEUE_SIZE);
        assert_int_equal(ring->base, base);
        assert_true(ring->addresses.desc_user_addr == (uintptr_t) q->desc);
        assert_true(ring->addresses.avail_user_addr == (uintptr_t) q->avail);
        assert_true(ring->addresses.used_user_addr == (uintptr_t) q->used);
        assert_int_equal(ring->addresses.flags, 0);
        assert_int_equal(ring->kick, f->t.base.kick_fds[queue]);
        assert_int_equal(ring->call, f->t.base.call_fd);
        assert_int_equal(ring->error, f->device->sources[0].fd);
}

static void assert_stopped(void) {
        assert_int_equal(kernel.rings[RX].backend, -1);
        assert_int_equal(kernel.rings[TX].backend, -1);
}

static void test_vhost_gets_the_queues_and_nobody_here_looks_at_them(void **state) {
        struct fixture *f = *state;
        unsigned calls;

        assert_stopped();
        driver_up(f);
        assert_runs(f, RX, 0);
        assert_runs(f, TX, 0);
        assert_true(kernel.offloads & TUN_F_CSUM);
        assert_int_equal(kernel.num_regions, 1);
        assert_int_equal(kernel.memory[0].guest_phys_addr, RAM_BASE);
        assert_int_equal(kernel.memory[0].memory_size, RAM_SIZE);
        assert_true(kernel.memory[0].userspace_addr == (uintptr_t) f->t.guest.ram);

        calls = kernel.calls;
        fake_desc(&f->t.queues[TX], 0, DATA, 4096, D_WRITE, 0); /* nonsense, for a card */
        fake_offer(&f->t.queues[TX], 0);
        fake_kick(&f->t, TX);
        fake_settle(&f->t, 0);
        assert_int_equal(kernel.calls, calls);
        assert_int_equal(f->t.calls, 1); /* an earlier worker may have owed it */
        assert_int_equal(f->t.breaks, 0);
}

static void test_vhost_is_kicked_once_the_tap_is_there(void **state) {
        struct fixture *f = *state;
        eventfd_t n;

        for (unsigned q = 0; q < 2; q++)
                assert_int_equal(eventfd_read(f->t.base.kick_fds[q], &n), 0);
        driver_up(f);
        for (unsigned q = 0; q < 2; q++)
                assert_int_equal(eventfd_read(f->t.base.kick_fds[q], &n), 0);
}

static void test_vhost_goes_on_where_the_used_ring_stands(void **state) {
        struct fixture *f = *state;

        f->t.queues[RX].used->idx = htole16(7);
        f->t.queues[TX].used->idx = htole16(65535);
        driver_up(f);
        assert_runs(f, RX, 7);
        assert_runs(f, TX, 65535);
        /* the predecessor may have died right before its call */
        assert_int_equal(f->t.calls, 1);
}

static void test_vhost_takes_only_features_that_concern_it(void **state) {
        struct fixture *f = *state;

        driver_up(f);
        assert_true(kernel.features ==
                    (f->device->features &
                     (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
                      VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX) | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF))));
        assert_true(kernel.features & VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
}

static void test_vhost_is_not_promised_what_it_cannot(void **state) {
        struct fixture *f = *state;
        uint64_t offered = f->device->features;

        fake_detach(&f->t);
        virtio_device_free(f->device);
        kernel = (struct kernel){ .can = VIRTIO_FEATURE(VIRTIO_F_VERSION_1) };
        start_worker(f);
        assert_true(offered & VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC));
        assert_false(f->device->features & VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC));
        assert_true(f->device->features & VIRTIO_FEATURE(VIRTIO_NET_F_MAC));
        driver_up(f);
        assert_true(kernel.features == VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
}

static void test_vhost_lets_go_for_a_reset_and_takes_up_again(void **state) {
        struct fixture *f = *state;

        driver_up(f);
        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        assert_stopped();
        assert_int_equal(f->t.acknowledged, f->t.state.sequence);
        driver_up(f);
        assert_runs(f, RX, 0);
        assert_runs(f, TX, 0);
        fake_detach(&f->t);
        assert_stopped();
}

static void test_vhost_error_breaks_the_device_until_its_reset(void **state) {
        struct fixture *f = *state;

        driver_up(f);
        assert_int_equal(eventfd_write(kernel.rings[TX].error, 1), 0);
        fake_settle(&f->t, 0);
        assert_stopped();
        assert_true(f->t.breaks > 0);
        f->t.state.status |= VIRTIO_CONFIG_S_NEEDS_RESET;
        fake_changed(&f->t);
        fake_settle(&f->t, 0);
        assert_stopped();
        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        driver_up(f);
        assert_runs(f, TX, 0);
}

static void test_vhost_worker_ends_when_its_tap_goes(void **state) {
        struct fixture *f = *state;

        driver_up(f);
        assert_int_equal(eventfd_write(f->links, 1), 0); /* some interface changed */
        fake_settle(&f->t, 0);
        kernel.tap_gone = true;
        assert_int_equal(eventfd_write(f->links, 1), 0);
        assert_int_equal(server_step(f->t.server, 0), -ENODEV);
        assert_string_equal(f->device->failure, "its tap interface was removed");
}

static void test_vhost_error_without_a_tap_is_not_the_guests(void **state) {
        struct fixture *f = *state;

        driver_up(f);
        kernel.tap_gone = true;
        assert_int_equal(eventfd_write(kernel.rings[TX].error, 1), 0);
        assert_int_equal(server_step(f->t.server, 0), -ENODEV);
        assert_int_equal(f->t.breaks, 0);
}

/* Whatever fails, the worker ends with it, and leaves nothing running. */
static void test_vhost_failures_end_the_worker(void **state) {
        struct fixture *f = *state;
        unsigned before = kernel.calls, all;

        driver_up(f);
        all = kernel.calls - before;
        assert_in_range(all, 2 + 2 * 6, 2 + 2 * 8);
        for (unsigned n = 1; n <= all; n++) {
                int r = 1;

                fake_detach(&f->t);
                virtio_device_free(f->device);
                kernel = (struct kernel){ .can = UINT64_MAX };
                start_worker(f);
                kernel.fail_at = kernel.calls + n;
                f->t.state.sequence++;
                for (unsigned i = 0; i < 5 && r > 0; i++)
                        r = server_step(f->t.server, 0);
                assert_int_equal(r, -ENOBUFS);
                fake_detach(&f->t);
                assert_stopped();
        }
}

int main(void) {
#define vhost_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        const struct CMUnitTest tests[] = {
                vhost_test(test_vhost_gets_the_queues_and_nobody_here_looks_at_them),
                vhost_test(test_vhost_is_kicked_once_the_tap_is_there),
                vhost_test(test_vhost_goes_on_where_the_used_ring_stands),
                vhost_test(test_vhost_takes_only_features_that_concern_it),
                vhost_test(test_vhost_is_not_promised_what_it_cannot),
                vhost_test(test_vhost_lets_go_for_a_reset_and_takes_up_again),
                vhost_test(test_vhost_error_breaks_the_device_until_its_reset),
                vhost_test(test_vhost_worker_ends_when_its_tap_goes),
                vhost_test(test_vhost_error_without_a_tap_is_not_the_guests),
                vhost_test(test_vhost_failures_end_the_worker),
        };
        return cmocka_run_group_tests_name("net_vhost", tests, NULL, NULL);
}
