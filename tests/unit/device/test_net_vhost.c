/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's side is here, behind ioctl(2): it keeps what it is told, and refuses what the real one would. */
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/vhost.h>
#include <linux/virtio_net.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/log.h"
#include "device/net.h"
#include "virtio/fake_transport.h"

#define RX         NET_QUEUE_RECEIVE
#define TX         NET_QUEUE_TRANSMIT
#define QUEUE_SIZE 64

#define PAIRS 2

/* One for each pair of queues. */
static struct kernel {
        int fd;
        bool owned;
        uint64_t can, features;
        unsigned calls, fail_at; /* the how manieth call fails; 0: none */
        struct vhost_memory_region memory[2];
        uint32_t num_regions;
        struct half {
                unsigned num, base;
                struct vhost_vring_addr addresses;
                int kick, call, error, backend;
        } rings[2];
} kernels[PAIRS];

static struct {
        int fds[PAIRS]; /* its queues */
        bool off[PAIRS], gone;
        unsigned offloads;
} tap;

static int refuse(int error) {
        errno = error;
        return -1;
}

static int set_file(struct kernel *k, unsigned long request, const struct vhost_vring_file *file) {
        struct half *ring = &k->rings[file->index];

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
                assert_true(file->fd == tap.fds[k - kernels] || file->fd == tap.fds[0] || file->fd == -1);
                assert_true(file->fd == -1 || (k->num_regions > 0 && ring->num > 0));
                ring->backend = file->fd;
                return 0;
        default:
                return refuse(ENOTTY);
        }
}

static int set_state(struct kernel *k, unsigned long request, const struct vhost_vring_state *state) {
        struct half *ring = &k->rings[state->index];

        assert_true(state->index < 2);
        if (ring->backend >= 0)
                return refuse(EBUSY);
        if (request == VHOST_SET_VRING_NUM)
                ring->num = state->num;
        else
                ring->base = state->num;
        return 0;
}

static int set_memory(struct kernel *k, const struct vhost_memory *m) {
        assert_true(m->nregions <= ELEMENTSOF(k->memory) && m->padding == 0);
        memcpy(k->memory, m->regions, m->nregions * sizeof(m->regions[0]));
        k->num_regions = m->nregions;
        return 0;
}

static int vhost_ioctl(struct kernel *k, unsigned long request, void *argument) {
        if (request != VHOST_SET_OWNER && !k->owned)
                return refuse(EPERM);
        if (++k->calls == k->fail_at)
                return refuse(ENOBUFS);
        switch (request) {
        case VHOST_SET_OWNER:
                k->owned = true;
                return 0;
        case VHOST_GET_FEATURES:
                *(uint64_t *) argument = k->can;
                return 0;
        case VHOST_SET_FEATURES:
                k->features = *(uint64_t *) argument;
                return k->features & ~k->can ? refuse(EOPNOTSUPP) : 0;
        case VHOST_SET_MEM_TABLE:
                return set_memory(k, argument);
        case VHOST_SET_VRING_NUM:
        case VHOST_SET_VRING_BASE:
                return set_state(k, request, argument);
        case VHOST_SET_VRING_ADDR:
                k->rings[((struct vhost_vring_addr *) argument)->index].addresses =
                        *(struct vhost_vring_addr *) argument;
                return 0;
        default:
                return set_file(k, request, argument);
        }
}

static int tap_ioctl(unsigned queue, unsigned long request, void *argument) {
        switch (request) {
        case TUNSETOFFLOAD:
                tap.offloads = (unsigned) (uintptr_t) argument;
                break;
        case TUNSETQUEUE:
                tap.off[queue] = ((struct ifreq *) argument)->ifr_flags & IFF_DETACH_QUEUE;
                break;
        case TUNGETIFF:
                ((struct ifreq *) argument)->ifr_flags =
                        (short) (IFF_MULTI_QUEUE | (tap.off[queue] ? IFF_DETACH_QUEUE : 0));
                break;
        default:
                return refuse(ENOTTY);
        }
        return tap.gone ? refuse(EBADFD) : 0;
}

int ioctl(int fd, unsigned long request, ...) {
        va_list ap;
        void *argument;

        va_start(ap, request);
        argument = va_arg(ap, void *);
        va_end(ap);
        for (unsigned i = 0; i < PAIRS; i++) {
                if (fd == kernels[i].fd)
                        return vhost_ioctl(&kernels[i], request, argument);
                if (fd == tap.fds[i])
                        return tap_ioctl(i, request, argument);
        }
        fail_msg("ioctl of descriptor %d", fd);
        return -1;
}

struct fixture {
        struct fake_transport t;
        struct virtio_device *device;
        int link; /* the test's end */
};

/* A kernel without any state, but that of the tap. */
static void new_kernels(uint64_t can) {
        for (unsigned i = 0; i < PAIRS; i++)
                kernels[i] = (struct kernel){ .fd = -1, .can = can };
}

static void start_worker_of(struct fixture *f, unsigned pairs, unsigned taps) {
        struct net_settings s = { .name = "zone test, device lan", .offload = true, .pairs = pairs, .num_taps = taps };
        struct err e = { 0 };
        int fds[PAIRS], link[2];

        for (unsigned i = 0; i < PAIRS; i++) {
                tap.fds[i] = i < taps ? eventfd(0, EFD_CLOEXEC) : -1;
                s.taps[i] = tap.fds[i];
                fds[i] = kernels[i].fd = i < pairs ? eventfd(0, EFD_CLOEXEC) : -1;
                kernels[i].rings[0].backend = kernels[i].rings[1].backend = -1;
        }
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, link), 0);
        f->link = link[1];
        s.link_fd = link[0];
        assert_int_equal(net_new(&s, &f->device, &e), 0);
        assert_int_equal(net_accelerate(f->device, fds, &e), 0);
        fake_serve(&f->t, f->device);
}

static void start_worker(struct fixture *f) {
        start_worker_of(f, 1, 1);
}

static void end_worker(struct fixture *f) {
        fake_detach(&f->t);
        virtio_device_free(f->device);
        close(f->link);
        f->device = NULL;
}

static void tell_link(const struct fixture *f, uint16_t type, unsigned flags) {
        struct {
                struct nlmsghdr header;
                struct ifinfomsg link;
        } m = { .header.nlmsg_type = type, .link.ifi_flags = flags };

        assert_int_equal(send(f->link, &m, sizeof(m), 0), sizeof(m));
}

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));

        log_set_level(LOG_CRIT);
        new_kernels(UINT64_MAX);
        memset(&tap, 0, sizeof(tap));
        fake_init(&f->t, QUEUE_SIZE);
        f->t.base.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        start_worker(f);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        end_worker(f);
        close(f->t.base.call_fd);
        fake_done(&f->t);
        free(f);
        return 0;
}

static void driver_up(struct fixture *f) {
        fake_driver_up(&f->t, UINT64_MAX);
        fake_settle(&f->t, 0);
}

/* With its own queue of the tap. */
static void assert_runs(const struct fixture *f, unsigned queue, unsigned base) {
        const struct half *ring = &kernels[queue / 2].rings[queue % 2];
        const struct fake_queue *q = &f->t.queues[queue];

        assert_int_equal(ring->backend, tap.fds[queue / 2]);
        assert_int_equal(ring->num, QUEUE_SIZE);
        assert_int_equal(ring->base, base);
        assert_true(ring->addresses.desc_user_addr == (uintptr_t) q->desc);
        assert_true(ring->addresses.avail_user_addr == (uintptr_t) q->avail);
        assert_true(ring->addresses.used_user_addr == (uintptr_t) q->used);
        assert_int_equal(ring->addresses.flags, 0);
        assert_int_equal(ring->kick, f->t.base.kick_fds[queue]);
        assert_int_equal(ring->call, f->t.base.call_fd);
        assert_int_equal(ring->error, f->device->sources[queue / 2].fd);
}

static void assert_stopped(void) {
        for (unsigned i = 0; i < PAIRS; i++) {
                assert_int_equal(kernels[i].rings[RX].backend, -1);
                assert_int_equal(kernels[i].rings[TX].backend, -1);
        }
}

static void test_vhost_gets_the_queues_and_nobody_here_looks_at_them(void **state) {
        struct fixture *f = *state;
        unsigned calls;

        assert_stopped();
        driver_up(f);
        assert_runs(f, RX, 0);
        assert_runs(f, TX, 0);
        assert_true(tap.offloads & TUN_F_CSUM);
        assert_int_equal(kernels[0].num_regions, 1);
        assert_int_equal(kernels[0].memory[0].guest_phys_addr, RAM_BASE);
        assert_int_equal(kernels[0].memory[0].memory_size, RAM_SIZE);
        assert_true(kernels[0].memory[0].userspace_addr == (uintptr_t) f->t.guest.ram);

        calls = kernels[0].calls;
        fake_desc(&f->t.queues[TX], 0, DATA, 4096, D_WRITE, 0); /* nonsense, for a card */
        fake_offer(&f->t.queues[TX], 0);
        fake_kick(&f->t, TX);
        fake_settle(&f->t, 0);
        assert_int_equal(kernels[0].calls, calls);
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
        assert_true(kernels[0].features ==
                    (f->device->features &
                     (VIRTIO_FEATURE(VIRTIO_F_VERSION_1) | VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC) |
                      VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX) | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF))));
        assert_true(kernels[0].features & VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
}

static void test_vhost_is_not_promised_what_it_cannot(void **state) {
        struct fixture *f = *state;
        uint64_t offered = f->device->features;

        end_worker(f);
        new_kernels(VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
        start_worker(f);
        assert_true(offered & VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC));
        assert_false(f->device->features & VIRTIO_FEATURE(VIRTIO_RING_F_INDIRECT_DESC));
        assert_true(f->device->features & VIRTIO_FEATURE(VIRTIO_NET_F_MAC));
        driver_up(f);
        assert_true(kernels[0].features == VIRTIO_FEATURE(VIRTIO_F_VERSION_1));
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
        assert_int_equal(eventfd_write(kernels[0].rings[TX].error, 1), 0);
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

static void test_vhost_worker_follows_the_link_and_ends_when_its_tap_goes(void **state) {
        struct fixture *f = *state;

        driver_up(f);
        tell_link(f, RTM_NEWLINK, IFF_UP);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.config_changes, 1);
        assert_int_equal(((const struct virtio_net_config *) f->t.config)->status, 0);
        tell_link(f, RTM_DELLINK, 0);
        assert_int_equal(server_step(f->t.server, 0), -ENODEV);
        assert_string_equal(f->device->failure, "its tap interface was removed");
}

static void test_vhost_error_without_a_tap_is_not_the_guests(void **state) {
        struct fixture *f = *state;

        driver_up(f);
        tap.gone = true;
        assert_int_equal(eventfd_write(kernels[0].rings[TX].error, 1), 0);
        assert_int_equal(server_step(f->t.server, 0), -ENODEV);
        assert_int_equal(f->t.breaks, 0);
}

/* Whatever fails, the worker ends with it, and leaves nothing running. */
static void test_vhost_failures_end_the_worker(void **state) {
        struct fixture *f = *state;
        unsigned before = kernels[0].calls, all;

        driver_up(f);
        all = kernels[0].calls - before;
        assert_in_range(all, 2 + 2 * 6, 2 + 2 * 8);
        for (unsigned n = 1; n <= all; n++) {
                int r = 1;

                end_worker(f);
                new_kernels(UINT64_MAX);
                start_worker(f);
                kernels[0].fail_at = kernels[0].calls + n;
                f->t.state.sequence++;
                for (unsigned i = 0; i < 5 && r > 0; i++)
                        r = server_step(f->t.server, 0);
                assert_int_equal(r, -ENOBUFS);
                fake_detach(&f->t);
                assert_stopped();
        }
}

/* ---- several pairs ------------------------------------------------------------------------------------ */

#define CONTROL (2 * PAIRS)

static void start_pairs(struct fixture *f, unsigned taps) {
        end_worker(f);
        fake_reset(&f->t);
        new_kernels(UINT64_MAX);
        for (unsigned i = 0; i < PAIRS; i++)
                tap.off[i] = i > 0;
        start_worker_of(f, PAIRS, taps);
        for (unsigned q = 0; q <= CONTROL; q++)
                fake_queue_init(&f->t.queues[q], &f->t.guest, q, QUEUE_SIZE);
}

/* The guest says how many pairs it uses, to that queue. */
static void use_pairs(struct fixture *f, unsigned queue, unsigned pairs) {
        const struct {
                struct virtio_net_ctrl_hdr header;
                uint8_t pairs[2];
        } command = { { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET }, { (uint8_t) pairs } };
        struct fake_queue *q = &f->t.queues[queue];
        uint16_t used = le16toh(q->used->idx);

        memcpy(fake_at(&f->t.guest, DATA), &command, sizeof(command));
        fake_desc(q, 0, DATA, sizeof(command), D_NEXT, 1);
        fake_desc(q, 1, DATA + 64, 1, D_WRITE, 0);
        *(uint8_t *) fake_at(&f->t.guest, DATA + 64) = 0xee;
        fake_offer(q, 0);
        fake_kick(&f->t, queue);
        fake_settle(&f->t, 0);
        assert_int_equal((uint16_t) (le16toh(q->used->idx) - used), 1);
}

static uint8_t answer(struct fixture *f) {
        return *(uint8_t *) fake_at(&f->t.guest, DATA + 64);
}

static void test_vhost_serves_each_pair_and_the_worker_the_control_queue(void **state) {
        struct fixture *f = *state;

        start_pairs(f, PAIRS);
        assert_int_equal(f->device->num_queues, CONTROL + 1);
        driver_up(f);
        for (unsigned q = 0; q < CONTROL; q++)
                assert_runs(f, q, 0);
        assert_false(tap.off[0]);
        assert_true(tap.off[1]);
        use_pairs(f, CONTROL, 2);
        assert_int_equal(answer(f), VIRTIO_NET_OK);
        assert_false(tap.off[1]);

        /* the successor goes on with what the driver said */
        end_worker(f);
        new_kernels(UINT64_MAX);
        start_worker_of(f, PAIRS, PAIRS);
        f->t.state.sequence++;
        fake_settle(&f->t, 0);
        assert_false(tap.off[1]);
        use_pairs(f, CONTROL, 1);
        assert_int_equal(answer(f), VIRTIO_NET_OK);
        assert_true(tap.off[1]);
        use_pairs(f, CONTROL, 3);
        assert_int_equal(answer(f), VIRTIO_NET_ERR);
        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        assert_stopped();
}

static void test_vhost_control_queue_is_where_the_driver_has_it(void **state) {
        struct fixture *f = *state;

        start_pairs(f, PAIRS);
        fake_driver_up(&f->t, ~VIRTIO_FEATURE(VIRTIO_NET_F_MQ));
        fake_settle(&f->t, 0);
        assert_runs(f, RX, 0);
        assert_runs(f, TX, 0);
        assert_int_equal(kernels[1].rings[RX].backend, -1);
        use_pairs(f, 2, 2);
        assert_int_equal(answer(f), VIRTIO_NET_ERR);
        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        assert_stopped();
}

static void test_vhost_pairs_send_by_a_tap_of_one_queue(void **state) {
        struct fixture *f = *state;

        start_pairs(f, 1);
        driver_up(f);
        assert_runs(f, RX, 0);
        assert_runs(f, TX, 0);
        assert_int_equal(kernels[1].rings[RX].backend, -1);
        assert_int_equal(kernels[1].rings[TX].backend, tap.fds[0]);
        use_pairs(f, CONTROL, 2);
        assert_int_equal(answer(f), VIRTIO_NET_OK);
}

static void test_vhost_error_is_of_one_pair(void **state) {
        struct fixture *f = *state;

        start_pairs(f, PAIRS);
        driver_up(f);
        assert_int_equal(eventfd_write(kernels[1].rings[TX].error, 1), 0);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.breaks, 2);
        assert_int_equal(kernels[1].rings[TX].backend, -1);
        assert_runs(f, RX, 0);
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
                vhost_test(test_vhost_worker_follows_the_link_and_ends_when_its_tap_goes),
                vhost_test(test_vhost_error_without_a_tap_is_not_the_guests),
                vhost_test(test_vhost_failures_end_the_worker),
                vhost_test(test_vhost_serves_each_pair_and_the_worker_the_control_queue),
                vhost_test(test_vhost_control_queue_is_where_the_driver_has_it),
                vhost_test(test_vhost_pairs_send_by_a_tap_of_one_queue),
                vhost_test(test_vhost_error_is_of_one_pair),
        };
        return cmocka_run_group_tests_name("net_vhost", tests, NULL, NULL);
}
