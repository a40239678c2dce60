/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pair of sockets that keep messages apart stands for the tap: the test holds the network's end. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/tap.h"
#include "device/net_header.h"
#include "device/net.h"
#include "virtio/fake_transport.h"

#define RX         NET_QUEUE_RECEIVE
#define TX         NET_QUEUE_TRANSMIT
#define QUEUE_SIZE 64

#define HEADER sizeof(struct virtio_net_hdr_v1)
#define FRAME  100 /* bytes, where it does not matter */
#define BUFFER 1530

#define MERGEABLE VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF)
#define PLAIN     (NO_EVENT_IDX & ~(NET_OFFLOAD_FEATURES | MERGEABLE)) /* a driver that takes neither */

struct fixture {
        struct fake_transport t;
        struct virtio_device *device;
        int tap;     /* the worker's end, the test's own descriptor of it */
        int network; /* the other one */
        int link;    /* what the worker watches; -1: nothing */
};

/* What is known of the tap's queues, by the order in which they are asked for. */
static struct {
        int fds[NET_PAIRS_MAX];
        bool on[NET_PAIRS_MAX];
        unsigned count;
} tap_queues;

static unsigned tap_queue(int fd) {
        for (unsigned i = 0; i < tap_queues.count; i++)
                if (tap_queues.fds[i] == fd)
                        return i;
        fail_msg("descriptor %d is no queue of the tap", fd);
        return 0;
}

int tap_identify(int fd, struct tap_identity *ret) {
        *ret = (struct tap_identity){ .multi_queue = true, .on = tap_queues.on[tap_queue(fd)] };
        return 0;
}

int tap_queue_enable(int fd, bool on) {
        assert_int_equal(tap_queues.on[tap_queue(fd)], !on); /* the kernel takes it for an error */
        tap_queues.on[tap_queue(fd)] = on;
        return 0;
}

static int tap_offloads; /* as the tap was told last; -1: not told */
static int tap_refuses;  /* an errno for it, 0: none */

bool tap_is_gone(int fd _unused_) {
        return false;
}

int tap_set_offloads(int fd, unsigned offloads) {
        assert_true(fd >= 0);
        tap_offloads = (int) offloads;
        return -tap_refuses;
}

/* No test names a tap. */
int tap_open(const char *name, unsigned queues _unused_, struct tap *ret, struct err *e) {
        (void) name;
        (void) ret;
        (void) e;
        return -ENODEV;
}

static void start_worker(struct fixture *f) {
        const struct net_settings s = {
                .name = "zone test, device lan",
                .taps = { dup(f->tap) },
                .num_taps = 1,
                .pairs = 1,
                .link_fd = f->link >= 0 ? dup(f->link) : -1,
                .mac = { 0x02, 0x00, 0x5e, 0x10, 0x00, 0x01 },
                .offload = true,
        };
        struct err e = { 0 };

        assert_int_equal(net_new(&s, &f->device, &e), 0);
        fake_serve(&f->t, f->device);
}

static void end_worker(struct fixture *f) {
        fake_detach(&f->t);
        virtio_device_free(f->device);
        f->device = NULL;
}

static int set_up(void **state) {
        struct fixture *f = calloc(1, sizeof(*f));
        int pair[2];

        log_set_level(LOG_ERR);
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        f->tap = pair[0];
        f->link = -1;
        f->network = pair[1];
        fake_init(&f->t, QUEUE_SIZE);
        tap_offloads = -1;
        tap_refuses = 0;
        start_worker(f);
        fake_driver_up(&f->t, PLAIN);
        fake_settle(&f->t, 0);
        *state = f;
        return 0;
}

static int tear_down(void **state) {
        struct fixture *f = *state;

        end_worker(f);
        fake_done(&f->t);
        close(f->tap);
        if (f->network >= 0)
                close(f->network);
        free(f);
        return 0;
}

/* ---- what either side does ---------------------------------------------------------------------------- */

static void fill(uint8_t *data, size_t size, unsigned n) {
        for (size_t i = 0; i < size; i++)
                data[i] = (uint8_t) (n * 31 + i * 7 + (i >> 8));
}

static void assert_filled(const uint8_t *data, size_t size, unsigned n) {
        for (size_t i = 0; i < size; i++)
                if (data[i] != (uint8_t) (n * 31 + i * 7 + (i >> 8)))
                        fail_msg("frame %u differs at %zu", n, i);
}

/* A frame comes in from the network. False: the tap is full. */
static bool network_sends_under(struct fixture *f, const struct virtio_net_hdr_v1 *h, size_t size, unsigned n) {
        static uint8_t message[HEADER + NET_FRAME_MAX + 1];

        memcpy(message, h, HEADER);
        fill(message + HEADER, size, n);
        if (send(f->network, message, HEADER + size, 0) == (ssize_t) (HEADER + size))
                return true;
        assert_int_equal(errno, EAGAIN);
        return false;
}

static bool network_sends(struct fixture *f, size_t size, unsigned n) {
        static const struct virtio_net_hdr_v1 nothing;

        return network_sends_under(f, &nothing, size, n);
}

/* Takes a frame that the guest sent; its header has to be all zero. Return: its size, -1: there is none. */
static ssize_t network_takes(struct fixture *f, unsigned n) {
        static const uint8_t zero[HEADER];
        static uint8_t message[HEADER + NET_FRAME_MAX + 1];
        ssize_t size = recv(f->network, message, sizeof(message), 0);

        if (size < 0) {
                assert_int_equal(errno, EAGAIN);
                return -1;
        }
        assert_true((size_t) size >= HEADER);
        assert_memory_equal(message, zero, HEADER);
        assert_filled(message + HEADER, (size_t) size - HEADER, n);
        return size - (ssize_t) HEADER;
}

static uint64_t place(unsigned queue, unsigned slot) {
        return DATA + queue * 0x30000 + slot * 2048;
}

/* A receive buffer of one piece. */
static void offer_buffer(struct fixture *f, unsigned slot, uint32_t size) {
        memset(fake_at(&f->t.guest, place(RX, slot)), 0xee, 2048);
        fake_desc(&f->t.queues[RX], slot, place(RX, slot), size, D_WRITE, 0);
        fake_offer(&f->t.queues[RX], (uint16_t) slot);
}

/* The guest sends a frame of one piece, under a header full of nonsense. */
static void offer_frame(struct fixture *f, unsigned slot, size_t size, unsigned n) {
        uint8_t *at = fake_at(&f->t.guest, place(TX, slot));

        memset(at, 0xff, HEADER);
        fill(at + HEADER, size, n);
        fake_desc(&f->t.queues[TX], slot, place(TX, slot), (uint32_t) (HEADER + size), 0, 0);
        fake_offer(&f->t.queues[TX], (uint16_t) slot);
}

static void kick(struct fixture *f, unsigned queue) {
        fake_kick(&f->t, queue);
        fake_settle(&f->t, 0);
}

/* 5.1.6.4.1: all of the header is 0 but num_buffers, 1. */
static void assert_received(struct fixture *f, unsigned slot, size_t size, unsigned n) {
        const uint8_t *at = fake_at(&f->t.guest, place(RX, slot));
        const struct virtio_net_hdr_v1 want = { .num_buffers = htole16(1) };
        uint32_t head, length;

        assert_true(fake_take_used(&f->t.queues[RX], &head, &length));
        assert_int_equal(head, slot);
        assert_int_equal(length, HEADER + size);
        assert_memory_equal(at, &want, sizeof(want));
        assert_filled(at + HEADER, size, n);
        for (size_t i = HEADER + size; i < 2048; i++)
                assert_int_equal(at[i], 0xee); /* nothing behind it was touched */
}

static bool kicks_suppressed(struct fixture *f, unsigned queue) {
        return le16toh(f->t.queues[queue].used->flags) & VRING_USED_F_NO_NOTIFY;
}

/* A driver that takes what is offered but for what is left out; the queues begin anew. */
static void driver_again(struct fixture *f, uint64_t features) {
        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        fake_queue_init(&f->t.queues[RX], &f->t.guest, RX, QUEUE_SIZE);
        fake_queue_init(&f->t.queues[TX], &f->t.guest, TX, QUEUE_SIZE);
        fake_driver_up(&f->t, features);
        fake_settle(&f->t, 0);
}

/* ---- what is offered ---------------------------------------------------------------------------------- */

static void test_net_offers_what_works_and_no_more(void **state) {
        static const uint8_t config[] = { 0x02, 0x00, 0x5e, 0x10, 0x00, 0x01, VIRTIO_NET_S_LINK_UP, 0, 0, 0, 0, 0 };
        static const uint64_t plain = VIRTIO_QUEUE_FEATURES | VIRTIO_FEATURE(VIRTIO_NET_F_MAC) |
                                      VIRTIO_FEATURE(VIRTIO_NET_F_STATUS) | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF);
        struct fixture *f = *state;
        struct net_settings s = { .name = "", .taps = { dup(f->tap) }, .num_taps = 1, .pairs = 1, .link_fd = -1 };
        struct virtio_device *without;
        struct err e = { 0 };

        assert_true(f->device->features == (plain | NET_OFFLOAD_FEATURES));
        assert_int_equal(f->device->num_queues, 2);
        assert_int_equal(f->device->config_size, sizeof(config));
        assert_memory_equal(f->device->config, config, sizeof(config));
        assert_int_equal(net_new(&s, &without, &e), 0);
        assert_true(without->features == plain);
        virtio_device_free(without);

        /* Whoever attaches it tells the guest of these: it is not asked for them, and does not change them. */
        s.taps[0] = dup(f->tap);
        s.no_config = true;
        s.mtu = 1400;
        assert_int_equal(net_new(&s, &without, &e), 0);
        assert_int_equal(without->config_size, 0);
        assert_true(without->features == (VIRTIO_QUEUE_FEATURES | VIRTIO_FEATURE(VIRTIO_NET_F_MRG_RXBUF)));
        virtio_device_free(without);
}

static void test_net_has_the_tap_do_what_the_driver_takes(void **state) {
#define BIT_OF(name) VIRTIO_FEATURE(VIRTIO_NET_F_##name)
        static const struct {
                uint64_t features;
                int want;
        } rows[] = {
                { UINT64_MAX, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN },
                { PLAIN, 0 },
                { PLAIN | BIT_OF(GUEST_CSUM), TUN_F_CSUM },
                { PLAIN | BIT_OF(GUEST_CSUM) | BIT_OF(GUEST_TSO6), TUN_F_CSUM | TUN_F_TSO6 },
                { PLAIN | BIT_OF(GUEST_TSO4) | BIT_OF(GUEST_TSO6) | BIT_OF(GUEST_ECN), 0 }, /* 5.1.3.1: not alone */
                { PLAIN | BIT_OF(GUEST_CSUM) | BIT_OF(GUEST_ECN), TUN_F_CSUM },
                { PLAIN | BIT_OF(CSUM) | BIT_OF(HOST_TSO4), 0 }, /* the other direction */
        };
        struct fixture *f = *state;

        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                tap_offloads = -1;
                driver_again(f, rows[i].features);
                assert_int_equal(tap_offloads, rows[i].want);
        }
        /* a successor tells it again: the tap may be another one */
        tap_offloads = -1;
        end_worker(f);
        start_worker(f);
        fake_settle(&f->t, 0);
        assert_int_equal(tap_offloads, 0);
}

static void test_net_ends_when_the_tap_refuses(void **state) {
        struct fixture *f = *state;

        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        tap_refuses = EINVAL;
        fake_driver_up(&f->t, UINT64_MAX);
        assert_int_equal(server_step(f->t.server, 1000), -EINVAL);
        assert_non_null(f->device->failure);
}

/* ---- guest to network --------------------------------------------------------------------------------- */

static void test_net_sends_frames_under_a_clean_header(void **state) {
        static const size_t sizes[] = { 14, 60, 1514, 1518 };
        struct fixture *f = *state;
        uint32_t head, length;

        for (unsigned i = 0; i < ELEMENTSOF(sizes); i++)
                offer_frame(f, i, sizes[i], i);
        kick(f, TX);
        for (unsigned i = 0; i < ELEMENTSOF(sizes); i++) {
                assert_int_equal(network_takes(f, i), sizes[i]);
                assert_true(fake_take_used(&f->t.queues[TX], &head, &length));
                assert_int_equal(head, i);
                assert_int_equal(length, 0);
        }
        assert_int_equal(network_takes(f, 0), -1);
        assert_int_equal(f->t.calls, 1);
        assert_false(kicks_suppressed(f, TX));
}

/* 2.7.4: wherever the driver cuts header and frame. */
static void test_net_sends_any_layout(void **state) {
        static const uint32_t rows[][4] = {
                { 12, FRAME, 0, 0 }, { 11, 1 + FRAME, 0, 0 }, { 5, 7, FRAME, 0 }, { 13, 1, 98, 0 },
                { 3, 4, 5, FRAME },  { 12, 1, 1, 98 },        { 1, 1, 110, 0 },   { 12 + FRAME - 1, 1, 0, 0 },
        };
        struct fixture *f = *state;
        uint8_t *at = fake_at(&f->t.guest, place(TX, 0));

        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t from = place(TX, 0);

                memset(at, 0xff, HEADER);
                fill(at + HEADER, FRAME, i);
                for (unsigned n = 0; n < 4 && rows[i][n] > 0; n++) {
                        bool more = n < 3 && rows[i][n + 1] > 0;

                        fake_desc(&f->t.queues[TX], n, from, rows[i][n], more ? D_NEXT : 0, (uint16_t) (n + 1));
                        from += rows[i][n];
                }
                fake_offer(&f->t.queues[TX], 0);
                kick(f, TX);
                assert_int_equal(network_takes(f, i), FRAME);
        }
}

/* What was agreed on is passed on; the rest of the header is ours. */
static void test_net_sends_what_the_tap_is_to_finish(void **state) {
        static const struct {
                uint64_t features;
                struct virtio_net_hdr_v1 from, want;
                bool sent;
        } rows[] = {
                { BIT_OF(CSUM),
                  { .flags = 7, .csum_start = 34, .csum_offset = 16, .hdr_len = 9, .num_buffers = 3 },
                  { .flags = 1, .csum_start = 34, .csum_offset = 16 },
                  true },
                { BIT_OF(CSUM), { .flags = 2, .csum_start = 34 }, {}, true },
                { 0, { .flags = 1, .gso_type = 1, .csum_start = 34 }, {}, true },
                { BIT_OF(CSUM), { .flags = 1, .csum_start = FRAME - 17, .csum_offset = 16 }, {}, false },
                { BIT_OF(CSUM), { .flags = 1, .gso_type = 1, .gso_size = 8, .csum_start = 34 }, {}, false },
                { BIT_OF(CSUM) | BIT_OF(HOST_TSO4),
                  { .flags = 1, .gso_type = 1, .gso_size = 8, .hdr_len = 54, .csum_start = 34, .csum_offset = 16 },
                  { .flags = 1, .gso_type = 1, .gso_size = 8, .hdr_len = 54, .csum_start = 34, .csum_offset = 16 },
                  true },
        };
        struct fixture *f = *state;
        uint8_t message[HEADER + FRAME];

        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                driver_again(f, PLAIN | rows[i].features);
                offer_frame(f, 0, FRAME, i);
                memcpy(fake_at(&f->t.guest, place(TX, 0)), &rows[i].from, HEADER);
                kick(f, TX);
                assert_int_equal(le16toh(f->t.queues[TX].used->idx), 1);
                if (!rows[i].sent) {
                        assert_int_equal(network_takes(f, i), -1);
                        continue;
                }
                assert_int_equal(recv(f->network, message, sizeof(message), 0), sizeof(message));
                assert_memory_equal(message, &rows[i].want, HEADER);
                assert_filled(message + HEADER, FRAME, i);
        }
        assert_int_equal(f->t.breaks, 0);
}

static void test_net_drops_what_is_no_frame_and_goes_on(void **state) {
        const uint64_t table = RAM_BASE + 0x70000;
        struct fixture *f = *state;
        struct vring_desc *t = fake_at(&f->t.guest, table);

        /* More than any MTU: 64 pieces of 2000 bytes, in an indirect table. */
        for (unsigned i = 0; i < QUEUE_SIZE; i++)
                fake_write_desc(&t[i], place(TX, i), 2000, i + 1 < QUEUE_SIZE ? D_NEXT : 0, (uint16_t) (i + 1));
        fake_desc(&f->t.queues[TX], 0, table, QUEUE_SIZE * 16, D_INDIRECT, 0);
        fake_offer(&f->t.queues[TX], 0);
        kick(f, TX);
        assert_int_equal(network_takes(f, 0), -1);
        assert_int_equal(le16toh(f->t.queues[TX].used->idx), 1);
        offer_frame(f, 1, FRAME, 1);
        kick(f, TX);
        assert_int_equal(network_takes(f, 1), FRAME);
        assert_int_equal(f->t.breaks, 0);
}

static void test_net_breaks_on_a_frame_without_a_header(void **state) {
        struct fixture *f = *state;

        fake_desc(&f->t.queues[TX], 0, place(TX, 0), HEADER - 1, 0, 0);
        fake_offer(&f->t.queues[TX], 0);
        kick(f, TX);
        assert_int_equal(f->t.breaks, 1);
        assert_int_equal(f->t.queues[TX].used->idx, 0);
        /* the other queue goes on */
        offer_buffer(f, 0, BUFFER);
        assert_true(network_sends(f, FRAME, 5));
        fake_settle(&f->t, 0);
        assert_received(f, 0, FRAME, 5);
}

/* A full tap holds the guest up; no frame is lost or sent twice. */
static void test_net_waits_for_a_full_tap(void **state) {
        struct fixture *f = *state;
        unsigned filled = 0, sent = 0, taken = 0;
        uint8_t noise[HEADER + FRAME] = { 0 };
        int size = 4096;

        assert_int_equal(setsockopt(f->tap, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
        while (send(f->tap, noise, sizeof(noise), 0) > 0)
                filled++;
        for (; sent < 8; sent++)
                offer_frame(f, sent, FRAME, sent);
        kick(f, TX);
        assert_int_equal(f->t.queues[TX].used->idx, 0);
        assert_true(kicks_suppressed(f, TX)); /* of no use while nothing can be sent */
        for (unsigned i = 0; i < filled; i++)
                assert_int_equal(recv(f->network, noise, sizeof(noise), 0), sizeof(noise));
        while (taken < sent) {
                fake_settle(&f->t, 0);
                assert_int_equal(network_takes(f, taken), FRAME);
                taken++;
        }
        fake_settle(&f->t, 0);
        assert_int_equal(network_takes(f, taken), -1);
        assert_int_equal(le16toh(f->t.queues[TX].used->idx), sent);
        assert_false(kicks_suppressed(f, TX));
}

/* At least once: what a worker had not returned is its successor's to send. */
static void test_net_successor_sends_on(void **state) {
        struct fixture *f = *state;

        offer_frame(f, 0, FRAME, 0);
        kick(f, TX);
        assert_int_equal(network_takes(f, 0), FRAME);
        offer_frame(f, 1, FRAME, 1);
        end_worker(f);
        start_worker(f);
        fake_settle(&f->t, 0);
        assert_int_equal(network_takes(f, 1), FRAME);
        assert_int_equal(network_takes(f, 1), -1);
        assert_int_equal(le16toh(f->t.queues[TX].used->idx), 2);
}

/* ---- network to guest --------------------------------------------------------------------------------- */

static void test_net_receives_frames_under_a_clean_header(void **state) {
        static const size_t sizes[] = { 1, 60, 1514, 1518 };
        struct fixture *f = *state;

        for (unsigned i = 0; i <= ELEMENTSOF(sizes); i++)
                offer_buffer(f, i, BUFFER);
        for (unsigned i = 0; i < ELEMENTSOF(sizes); i++)
                assert_true(network_sends(f, sizes[i], i));
        fake_settle(&f->t, 0);
        for (unsigned i = 0; i < ELEMENTSOF(sizes); i++)
                assert_received(f, i, sizes[i], i);
        assert_int_equal(f->t.calls, 1);
        assert_true(kicks_suppressed(f, RX)); /* more buffers are no news: no trap for the guest */
}

static void test_net_receives_into_any_layout(void **state) {
        static const uint32_t rows[][4] = {
                { 12, FRAME, 0, 0 }, { 11, 1 + FRAME, 0, 0 }, { 5, 7, FRAME, 0 },
                { 13, 1, 98, 0 },    { 1, 1, 10, FRAME },     { 12, 1, 1, 98 },
        };
        struct fixture *f = *state;

        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                uint64_t to = place(RX, 0);

                memset(fake_at(&f->t.guest, to), 0xee, 2048);
                for (unsigned n = 0; n < 4 && rows[i][n] > 0; n++) {
                        bool more = n < 3 && rows[i][n + 1] > 0;

                        fake_desc(&f->t.queues[RX], n, to, rows[i][n], D_WRITE | (more ? D_NEXT : 0),
                                  (uint16_t) (n + 1));
                        to += rows[i][n];
                }
                fake_offer(&f->t.queues[RX], 0);
                assert_true(network_sends(f, FRAME, i));
                fake_settle(&f->t, 0);
                assert_received(f, 0, FRAME, i);
        }
}

/* What the guest has no buffers for stays in the tap, in order. */
static void test_net_waits_for_buffers(void **state) {
        struct fixture *f = *state;
        unsigned sent = 0;

        while (sent < 32 && network_sends(f, FRAME, sent))
                sent++;
        assert_true(sent > 8);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.queues[RX].used->idx, 0);
        assert_false(kicks_suppressed(f, RX));
        for (unsigned i = 0; i < sent; i += 4) {
                for (unsigned n = i; n < i + 4; n++)
                        offer_buffer(f, n, BUFFER);
                kick(f, RX);
                for (unsigned n = i; n < i + 4 && n < sent; n++)
                        assert_received(f, n, FRAME, n);
        }
}

static void test_net_receives_before_the_driver_is_there(void **state) {
        struct fixture *f = *state;

        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        assert_true(network_sends(f, FRAME, 3));
        fake_settle(&f->t, 0);
        fake_queue_init(&f->t.queues[RX], &f->t.guest, RX, QUEUE_SIZE);
        offer_buffer(f, 0, BUFFER);
        fake_driver_up(&f->t, PLAIN);
        fake_settle(&f->t, 0);
        assert_received(f, 0, FRAME, 3);
}

/* One byte more than there is room for: never a cut frame, and the buffer stays good for the next. */
static void test_net_drops_a_frame_that_does_not_fit(void **state) {
        struct fixture *f = *state;

        offer_buffer(f, 0, HEADER + FRAME);
        offer_buffer(f, 1, BUFFER);
        assert_true(network_sends(f, FRAME + 1, 0));
        assert_true(network_sends(f, 4000, 1));
        assert_true(network_sends(f, FRAME, 2));
        assert_true(network_sends(f, FRAME + 1, 3));
        log_set_level(LOG_CRIT);
        fake_settle(&f->t, 0);
        assert_int_equal(le16toh(f->t.queues[RX].used->idx), 2);
        assert_received(f, 0, FRAME, 2);
        assert_received(f, 1, FRAME + 1, 3);
        assert_int_equal(f->t.breaks, 0);
}

static void test_net_receives_what_the_guest_is_to_finish(void **state) {
        static const struct virtio_net_hdr_v1 left_to_do = { .flags = 1, .csum_start = 34, .csum_offset = 16 },
                                              checked = { .flags = 2 };
        struct fixture *f = *state;
        struct virtio_net_hdr_v1 want = left_to_do;
        uint32_t head, length;

        want.num_buffers = htole16(1);
        driver_again(f, PLAIN | BIT_OF(GUEST_CSUM));
        offer_buffer(f, 0, BUFFER);
        assert_true(network_sends_under(f, &left_to_do, FRAME, 0));
        fake_settle(&f->t, 0);
        assert_true(fake_take_used(&f->t.queues[RX], &head, &length));
        assert_memory_equal(fake_at(&f->t.guest, place(RX, 0)), &want, HEADER);

        /* one that was queued for a driver which took more than this one does */
        driver_again(f, PLAIN);
        offer_buffer(f, 0, BUFFER);
        assert_true(network_sends_under(f, &left_to_do, FRAME, 1));
        assert_true(network_sends_under(f, &checked, FRAME, 2));
        fake_settle(&f->t, 0);
        assert_received(f, 0, FRAME, 2);
}

/* ---- network to guest, in several buffers ------------------------------------------------------------- */

/* Takes a frame out of all the buffers that it came in, which begin with that of @slot. Return: how many. */
static unsigned take_merged(struct fixture *f, unsigned slot, size_t size, unsigned n) {
        static uint8_t frame[HEADER + NET_FRAME_MAX];
        struct virtio_net_hdr_v1 header;
        uint32_t head, length;
        unsigned count = 0;
        size_t got = 0;

        do {
                assert_true(fake_take_used(&f->t.queues[RX], &head, &length));
                assert_int_equal(head, (slot + count) % QUEUE_SIZE);
                memcpy(frame + got, fake_at(&f->t.guest, place(RX, head)), length);
                got += length;
                memcpy(&header, frame, HEADER);
        } while (++count < le16toh(header.num_buffers));
        assert_int_equal(got, HEADER + size);
        assert_int_equal(header.gso_type, 0);
        assert_filled(frame + HEADER, size, n);
        return count;
}

static void test_net_merges_buffers(void **state) {
        static const struct {
                uint32_t buffer; /* size of each */
                size_t frame;
                unsigned want; /* buffers */
        } rows[] = {
                { 1500, 1, 1 },
                { 1500, 1500 - HEADER, 1 },
                { 1500, 1501 - HEADER, 2 },
                { 1500, 3000 - HEADER, 2 },
                { 1500, NET_FRAME_MAX, 44 },
                { HEADER, 1, 2 }, /* room for a header, and no more */
                { HEADER + 1, 27, 3 },
        };
        struct fixture *f = *state;

        driver_again(f, PLAIN | MERGEABLE);
        for (unsigned i = 0, slot = 0; i < ELEMENTSOF(rows); i++) {
                /* twice: the second finds buffers that are held for it */
                for (unsigned again = 0; again < 2; again++, slot += rows[i].want) {
                        for (unsigned n = 0; n < rows[i].want; n++)
                                offer_buffer(f, (slot + n) % QUEUE_SIZE, rows[i].buffer);
                        assert_true(network_sends(f, rows[i].frame, i));
                        fake_settle(&f->t, 0);
                        assert_int_equal(take_merged(f, slot % QUEUE_SIZE, rows[i].frame, i), rows[i].want);
                        assert_int_equal(le16toh(f->t.queues[RX].used->idx), slot + rows[i].want);
                }
        }
}

/* A frame that has not all of its buffers yet waits, whole, and those behind it do. */
static void test_net_waits_for_all_buffers_of_a_frame(void **state) {
        struct fixture *f = *state;

        driver_again(f, PLAIN | MERGEABLE);
        assert_true(network_sends(f, 2500, 0));
        assert_true(network_sends(f, FRAME, 1));
        for (unsigned i = 0; i < 3; i++) {
                offer_buffer(f, i, 1000);
                assert_false(kicks_suppressed(f, RX));
                kick(f, RX);
                assert_int_equal(le16toh(f->t.queues[RX].used->idx), i < 2 ? 0 : 3);
        }
        assert_int_equal(take_merged(f, 0, 2500, 0), 3);
        offer_buffer(f, 3, 1000);
        kick(f, RX);
        assert_int_equal(take_merged(f, 3, FRAME, 1), 1);
}

/* All the buffers that the queue can hold are not enough: nothing to wait for. */
static void test_net_drops_a_frame_that_no_buffers_can_take(void **state) {
        struct fixture *f = *state;

        driver_again(f, PLAIN | MERGEABLE);
        for (unsigned i = 0; i < QUEUE_SIZE; i++)
                offer_buffer(f, i, 1000);
        log_set_level(LOG_CRIT);
        assert_true(network_sends(f, 64000, 0));
        assert_true(network_sends(f, NET_FRAME_MAX + 1, 1)); /* no frame */
        assert_true(network_sends(f, 63900, 2));
        fake_settle(&f->t, 0);
        assert_int_equal(take_merged(f, 0, 63900, 2), QUEUE_SIZE);
        assert_int_equal(f->t.breaks, 0);
}

/* Any frames into any buffers, which come when they like. */
static void test_net_merges_whatever_comes(void **state) {
        struct fixture *f = *state;
        struct fake_queue *q = &f->t.queues[RX];
        unsigned offered = 0, sent = 0, taken = 0, slot = 0;
        size_t sizes[8];

        driver_again(f, PLAIN | MERGEABLE);
        srand(1);
        while (taken < 2000) {
                unsigned more = (unsigned) rand() % (QUEUE_SIZE / 4);

                while (offered - q->seen < QUEUE_SIZE && more-- > 0) {
                        uint32_t size = rand() % 4 ? 2048 : HEADER + (uint32_t) rand() % 2000,
                                 cut = 1 + rand() % (size - 1);
                        unsigned i = offered++ % QUEUE_SIZE;

                        if (cut % 2) /* the second piece is in an indirect table */
                                fake_desc(q, i, place(RX, i), size, D_WRITE, 0);
                        else {
                                struct vring_desc *t = fake_at(&f->t.guest, RAM_BASE + 0x70000 + i * 32);

                                fake_write_desc(&t[0], place(RX, i), cut, D_WRITE | D_NEXT, 1);
                                fake_write_desc(&t[1], place(RX, i) + cut, size - cut, D_WRITE, 0);
                                fake_desc(q, i, RAM_BASE + 0x70000 + i * 32, 32, D_INDIRECT, 0);
                        }
                        fake_offer(q, (uint16_t) i);
                }
                while (sent - taken < ELEMENTSOF(sizes) && rand() % 3) {
                        size_t size = rand() % 3 ? 1 + (size_t) rand() % 1514 : 1 + (size_t) rand() % 30000;

                        if (!network_sends(f, size, sent))
                                break;
                        sizes[sent++ % ELEMENTSOF(sizes)] = size;
                }
                kick(f, RX);
                while (le16toh(q->used->idx) != q->seen) {
                        slot += take_merged(f, slot % QUEUE_SIZE, sizes[taken % ELEMENTSOF(sizes)], taken);
                        taken++;
                }
        }
        assert_int_equal(f->t.breaks, 0);
}

static void test_net_breaks_on_a_buffer_without_room_for_a_header(void **state) {
        static const struct {
                uint32_t size;
                uint16_t flags;
        } rows[] = { { HEADER - 1, D_WRITE }, { BUFFER, 0 } };
        struct fixture *f = *state;

        for (unsigned i = 0; i < ELEMENTSOF(rows); i++) {
                fake_desc(&f->t.queues[RX], 0, place(RX, 0), rows[i].size, rows[i].flags, 0);
                fake_offer(&f->t.queues[RX], 0);
                assert_true(network_sends(f, FRAME, i));
                fake_settle(&f->t, 0);
                assert_int_equal(f->t.breaks, i + 1);
                assert_int_equal(f->t.queues[RX].used->idx, 0);

                fake_reset(&f->t);
                fake_settle(&f->t, 0);
                fake_queue_init(&f->t.queues[RX], &f->t.guest, RX, QUEUE_SIZE);
                fake_queue_init(&f->t.queues[TX], &f->t.guest, TX, QUEUE_SIZE);
                fake_driver_up(&f->t, PLAIN);
                fake_settle(&f->t, 0);
        }
        /* the frames that were there are the guest's once it does it right */
        offer_buffer(f, 0, BUFFER);
        kick(f, RX);
        assert_received(f, 0, FRAME, 0);
}

/* ---- the link ----------------------------------------------------------------------------------------- */

static void tell_link(int fd, uint16_t type, unsigned flags) {
        struct {
                struct nlmsghdr header;
                struct ifinfomsg link;
                uint8_t more[100];
        } m = { .header.nlmsg_type = type, .link.ifi_flags = flags };

        assert_int_equal(send(fd, &m, sizeof(m), 0), sizeof(m));
}

static uint16_t status_of(const uint8_t *config) {
        return le16toh(((const struct virtio_net_config *) config)->status);
}

static void test_net_follows_the_link(void **state) {
        struct fixture *f = *state;
        int pair[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        end_worker(f);
        f->link = pair[0];
        tell_link(pair[1], RTM_NEWLINK, IFF_UP);
        start_worker(f);
        assert_int_equal(status_of(f->device->config), 0); /* no carrier: so it begins */
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.config_changes, 0);

        tell_link(pair[1], RTM_NEWLINK, IFF_UP | IFF_LOWER_UP);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.config_changes, 1);
        assert_int_equal(status_of(f->t.config), VIRTIO_NET_S_LINK_UP);
        tell_link(pair[1], RTM_NEWLINK, IFF_UP | IFF_LOWER_UP | IFF_PROMISC); /* no news */
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.config_changes, 1);
        tell_link(pair[1], RTM_NEWLINK, IFF_UP | IFF_LOWER_UP);
        tell_link(pair[1], RTM_NEWLINK, 0);
        fake_settle(&f->t, 0);
        assert_int_equal(f->t.config_changes, 2);
        assert_int_equal(status_of(f->t.config), 0);
        tell_link(pair[1], RTM_DELLINK, 0);
        assert_int_equal(server_step(f->t.server, 1000), -ENODEV);
        close(pair[0]);
        close(pair[1]);
}

/* ---- pairs -------------------------------------------------------------------------------------------- */

#define CONTROL 4 /* of two pairs */

struct pairs {
        int taps[2], networks[2];
};

static void start_pairs(struct fixture *f, const struct pairs *p) {
        struct net_settings s = { .name = "", .num_taps = 2, .pairs = 2, .link_fd = -1 };
        struct err e = { 0 };

        tap_queues.count = 2;
        for (unsigned i = 0; i < 2; i++)
                s.taps[i] = tap_queues.fds[i] = dup(p->taps[i]);
        assert_int_equal(net_new(&s, &f->device, &e), 0);
        fake_serve(&f->t, f->device);
}

static void set_up_pairs(struct fixture *f, struct pairs *p) {
        int pair[2];

        end_worker(f);
        fake_reset(&f->t);
        for (unsigned i = 0; i < 2; i++) {
                assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
                p->taps[i] = pair[0];
                p->networks[i] = pair[1];
                tap_queues.on[i] = i == 0;
        }
        start_pairs(f, p);
        fake_settle(&f->t, 0);
}

static void close_pairs(struct pairs *p) {
        for (unsigned i = 0; i < 2; i++) {
                close(p->taps[i]);
                close(p->networks[i]);
        }
}

static void pairs_driver_up(struct fixture *f, uint64_t features) {
        for (unsigned q = 0; q < 5; q++)
                fake_queue_init(&f->t.queues[q], &f->t.guest, q, QUEUE_SIZE);
        fake_driver_up(&f->t, features);
        fake_settle(&f->t, 0);
}

/* Return: what the device answers. */
static uint8_t command(struct fixture *f, unsigned queue, const void *data, uint32_t size) {
        uint8_t *at = fake_at(&f->t.guest, DATA + 0x60000);
        uint32_t head, length;

        memcpy(at, data, size);
        at[64] = 0xee;
        fake_desc(&f->t.queues[queue], 0, DATA + 0x60000, size, D_NEXT, 1);
        fake_desc(&f->t.queues[queue], 1, DATA + 0x60000 + 64, 1, D_WRITE, 0);
        fake_offer(&f->t.queues[queue], 0);
        kick(f, queue);
        assert_true(fake_take_used(&f->t.queues[queue], &head, &length));
        assert_int_equal(length, 1);
        return at[64];
}

static uint8_t use_pairs(struct fixture *f, uint8_t pairs) {
        return command(f, CONTROL, (uint8_t[]){ VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, pairs, 0 }, 4);
}

static void test_net_uses_as_many_pairs_as_the_driver_says(void **state) {
        struct fixture *f = *state;
        struct pairs p;

        set_up_pairs(f, &p);
        assert_int_equal(f->device->num_queues, 5);
        assert_int_equal(le16toh(((struct virtio_net_config *) f->device->config)->max_virtqueue_pairs), 2);
        pairs_driver_up(f, PLAIN);
        assert_false(tap_queues.on[1]);
        assert_int_equal(use_pairs(f, 2), VIRTIO_NET_OK);
        assert_true(tap_queues.on[0] && tap_queues.on[1]);

        /* each pair has its queue of the tap */
        for (unsigned i = 0; i < 2; i++) {
                struct fake_queue *rx = &f->t.queues[2 * i], *tx = &f->t.queues[2 * i + 1];
                uint8_t message[HEADER + FRAME] = { 0 };
                uint32_t head, length;

                memset(message + HEADER, 'a' + (int) i, FRAME);
                fake_desc(rx, 0, place(RX, i), BUFFER, D_WRITE, 0);
                fake_offer(rx, 0);
                assert_int_equal(send(p.networks[i], message, sizeof(message), 0), sizeof(message));
                fake_settle(&f->t, 0);
                assert_true(fake_take_used(rx, &head, &length));
                assert_int_equal(*((uint8_t *) fake_at(&f->t.guest, place(RX, i)) + HEADER), 'a' + (int) i);
                memcpy(fake_at(&f->t.guest, place(TX, i)), message, sizeof(message));
                fake_desc(tx, 0, place(TX, i), sizeof(message), 0, 0);
                fake_offer(tx, 0);
                kick(f, 2 * i + 1);
                assert_int_equal(recv(p.networks[i], message, sizeof(message), 0), sizeof(message));
                assert_int_equal(message[HEADER], 'a' + (int) i);
        }

        /* a successor goes on with them; whichever descriptor comes first */
        end_worker(f);
        start_pairs(f, &p);
        fake_settle(&f->t, 0);
        assert_true(tap_queues.on[0] && tap_queues.on[1]);
        /* a driver that begins anew does not, nor one that has no control queue to say it by */
        for (unsigned i = 0; i < 2; i++) {
                fake_reset(&f->t);
                fake_settle(&f->t, 0);
                pairs_driver_up(f, i == 0 ? PLAIN : PLAIN & ~BIT_OF(CTRL_VQ));
                assert_true(tap_queues.on[0] && !tap_queues.on[1]);
                if (i == 0)
                        assert_int_equal(use_pairs(f, 2), VIRTIO_NET_OK);
        }
        close_pairs(&p);
}

static void test_net_refuses_commands_that_make_no_sense(void **state) {
        static const struct {
                uint8_t data[8];
                uint32_t size;
        } rows[] = {
                { { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 0, 0 }, 4 },
                { { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 3, 0 }, 4 },
                { { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2, 1 }, 4 },
                { { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2 }, 3 },
                { { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, 2, 0, 0 }, 5 },
                { { VIRTIO_NET_CTRL_MQ, 1, 2, 0 }, 4 },
                { { VIRTIO_NET_CTRL_RX, 0, 2, 0 }, 4 },
                { { VIRTIO_NET_CTRL_MQ }, 1 },
        };
        struct fixture *f = *state;
        struct pairs p;

        set_up_pairs(f, &p);
        pairs_driver_up(f, PLAIN);
        for (unsigned i = 0; i < ELEMENTSOF(rows); i++)
                assert_int_equal(command(f, CONTROL, rows[i].data, rows[i].size), VIRTIO_NET_ERR);
        assert_false(tap_queues.on[1]);
        /* without MQ it stands behind the first pair (5.1.2), and has nothing to say of pairs */
        fake_reset(&f->t);
        fake_settle(&f->t, 0);
        pairs_driver_up(f, PLAIN & ~BIT_OF(MQ));
        assert_int_equal(command(f, 2, (uint8_t[]){ VIRTIO_NET_CTRL_MQ, 0, 2, 0 }, 4), VIRTIO_NET_ERR);
        assert_int_equal(f->t.breaks, 0);
        fake_desc(&f->t.queues[2], 0, DATA, 4, 0, 0); /* no room for an answer */
        fake_offer(&f->t.queues[2], 0);
        kick(f, 2);
        assert_int_equal(f->t.breaks, 1);
        close_pairs(&p);
}

/* ---- at any moment ------------------------------------------------------------------------------------ */

#define FRAMES 20000

/* A network and a driver on a CPU of their own; each heeds what it has to, and waits for ever if it is not told. */
static void *drive(void *argument) {
        struct fixture *f = argument;
        struct fake_queue *q = &f->t.queues[RX];
        uint32_t head, length;

        for (unsigned i = 0; i < FRAMES; i++) {
                unsigned order = i % 2;

                for (unsigned step = 0; step < 2; step++) {
                        if (step == order) {
                                while (!network_sends(f, FRAME, i))
                                        (void) sched_yield();
                                continue;
                        }
                        fake_desc(q, 0, place(RX, 0), BUFFER, D_WRITE, 0);
                        fake_offer(q, 0);
                        /* 2.7.13.3: idx before flags */
                        __atomic_thread_fence(__ATOMIC_SEQ_CST);
                        if (!(le16toh(__atomic_load_n(&q->used->flags, __ATOMIC_RELAXED)) & VRING_USED_F_NO_NOTIFY))
                                fake_kick(&f->t, RX);
                        if (i % 64 == 63)
                                (void) usleep(50); /* lets the worker fall asleep */
                }
                for (unsigned spins = 0; !fake_take_used(q, &head, &length); spins++)
                        if (spins % 1024 == 1023)
                                (void) sched_yield();
        }
        assert_int_equal(eventfd_write(f->t.signal_fd, 1), 0);
        return NULL;
}

static void test_net_loses_no_kick_and_no_frame(void **state) {
        struct fixture *f = *state;
        pthread_t driver;

        assert_int_equal(pthread_create(&driver, NULL, drive, f), 0);
        alarm(60); /* a lost kick ends here */
        assert_int_equal(server_run(f->t.server), 0);
        alarm(0);
        assert_int_equal(pthread_join(driver, NULL), 0);
        assert_int_equal(le16toh(f->t.queues[RX].used->idx), FRAMES);
        assert_filled((uint8_t *) fake_at(&f->t.guest, place(RX, 0)) + HEADER, FRAME, FRAMES - 1);
}

static void test_net_ends_when_its_tap_is_removed(void **state) {
        struct fixture *f = *state;

        close(f->network);
        f->network = -1;
        assert_int_equal(server_step(f->t.server, 1000), -ENODEV);
        assert_string_equal(f->device->failure, "its tap interface was removed");
        assert_int_equal(f->t.breaks, 0); /* nothing of it is the guest's fault */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                TEST(test_net_offers_what_works_and_no_more),
                TEST(test_net_has_the_tap_do_what_the_driver_takes),
                TEST(test_net_ends_when_the_tap_refuses),
                TEST(test_net_sends_frames_under_a_clean_header),
                TEST(test_net_sends_any_layout),
                TEST(test_net_sends_what_the_tap_is_to_finish),
                TEST(test_net_drops_what_is_no_frame_and_goes_on),
                TEST(test_net_breaks_on_a_frame_without_a_header),
                TEST(test_net_waits_for_a_full_tap),
                TEST(test_net_successor_sends_on),
                TEST(test_net_receives_frames_under_a_clean_header),
                TEST(test_net_receives_into_any_layout),
                TEST(test_net_waits_for_buffers),
                TEST(test_net_receives_before_the_driver_is_there),
                TEST(test_net_drops_a_frame_that_does_not_fit),
                TEST(test_net_receives_what_the_guest_is_to_finish),
                TEST(test_net_merges_buffers),
                TEST(test_net_waits_for_all_buffers_of_a_frame),
                TEST(test_net_drops_a_frame_that_no_buffers_can_take),
                TEST(test_net_merges_whatever_comes),
                TEST(test_net_breaks_on_a_buffer_without_room_for_a_header),
                TEST(test_net_follows_the_link),
                TEST(test_net_uses_as_many_pairs_as_the_driver_says),
                TEST(test_net_refuses_commands_that_make_no_sense),
                TEST(test_net_loses_no_kick_and_no_frame),
                TEST(test_net_ends_when_its_tap_is_removed),
        };
        return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
