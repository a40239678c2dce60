// wrap: tap_set_offloads tap_identify tap_queue_enable
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every device model against a driver that writes at random into rings, descriptors and requests, and goes on
 * while they are read. Whatever it does: no byte outside the guest's RAM is touched (the sanitizer tells), the worker
 * goes on, and after a reset the device works. SEED= repeats a run, ROUNDS= makes it longer.
 */
#include <fcntl.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_net.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "base/tap.h"
#include "base/worker.h"
#include "device/block.h"
#include "device/console.h"
#include "device/net.h"
#include "device/rng.h"
#include "virtio/fake_transport.h"

#define QUEUE_SIZE 64
#define ROUNDS     400
#define SECTORS    64
#define RINGS_SIZE (FAKE_QUEUES * QUEUE_SPACE)
#define COMMANDS   4                              /* the queue of a card with two pairs before it */
#define PROBE      (RAM_BASE + RAM_SIZE - 0x2000) /* where the valid request is */

struct fixture {
        struct fake_transport t;
        struct virtio_device *device;
        int outside; /* the other side of what the device is about, to be drained; -1: none */
        int more[2]; /* others that the test holds */
        uint64_t random;
};

/* ---- chance (xorshift64*) ----------------------------------------------------------------------------- */

static uint64_t chance(uint64_t *state) {
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        return *state * UINT64_C(2685821657736338717);
}

static uint32_t below(struct fixture *f, uint32_t limit) {
        return (uint32_t) (chance(&f->random) >> 32) % limit;
}

static bool one_in(struct fixture *f, uint32_t n) {
        return below(f, n) == 0;
}

/* Values at which sums and comparisons go wrong. */
static uint64_t edge(struct fixture *f) {
        static const uint64_t values[] = { 0,
                                           1,
                                           0xfff,
                                           0x10000,
                                           INT32_MAX,
                                           UINT32_MAX,
                                           RAM_BASE,
                                           RAM_BASE - 1,
                                           RAM_BASE + RAM_SIZE,
                                           UINT64_MAX,
                                           1UL << 63,
                                           UINT64_MAX - 15,
                                           RAM_BASE + RAM_SIZE - 1 };

        return values[below(f, ELEMENTSOF(values))] + below(f, 3) - 1;
}

/* ---- the models --------------------------------------------------------------------------------------- */

static int temporary(uint64_t size) {
        int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, (off_t) size), 0);
        return fd;
}

static void pair(int ret[static 2], int type) {
        assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ret), 0);
}

static void make_disk(struct fixture *f, bool threads) {
        struct block_options o = { .image_fd = temporary(SECTORS * 512),
                                   .image_events_fd = -1,
                                   .serial = "hostile",
                                   .num_queues = 2,
                                   .discard = true };

        if (threads)
                assert_int_equal(block_io_threads_new(o.image_fd, BLOCK_IO_THREADS, &o.io), 0);
        assert_int_equal(block_new(&o, &f->device, NULL), 0);
}

static void make_disk_with_ring(struct fixture *f) {
        make_disk(f, false);
}

static void make_disk_with_threads(struct fixture *f) {
        make_disk(f, true);
}

static void make_console(struct fixture *f) {
        char slave[64];
        int fifo[2], journal[2];
        struct console_fds fds;

        fds.pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        assert_int_equal(unlockpt(fds.pty), 0);
        assert_int_equal(ptsname_r(fds.pty, slave, sizeof(slave)), 0);
        fds.events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        fds.history = temporary(WORKER_HISTORY_SIZE);
        assert_int_equal(pipe2(fifo, O_CLOEXEC), 0);
        fds.input = fifo[0];
        f->more[0] = fifo[1];
        f->more[1] = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        pair(journal, SOCK_DGRAM);
        fds.journal = journal[0];
        f->outside = journal[1];
        assert_int_equal(console_new(&fds, "zone", "hostile", &f->device, NULL), 0);
}

/* A tap's queue is a pair of sockets. */
int __wrap_tap_identify(int fd, struct tap_identity *ret);
int __wrap_tap_identify(int fd, struct tap_identity *ret) {
        (void) fd;
        *ret = (struct tap_identity){ .name = "tap", .multi_queue = true };
        return 0;
}

int __wrap_tap_queue_enable(int fd, bool on);
int __wrap_tap_queue_enable(int fd, bool on) {
        (void) fd;
        (void) on;
        return 0;
}

int __wrap_tap_set_offloads(int fd, unsigned flags);
int __wrap_tap_set_offloads(int fd, unsigned flags) {
        (void) fd;
        (void) flags;
        return 0;
}

static void make_card_of(struct fixture *f, unsigned pairs) {
        struct net_settings s = {
                .name = "hostile", .num_taps = pairs, .pairs = pairs, .link_fd = -1, .mac = { 2 }, .offload = true
        };
        int ends[2];

        for (unsigned i = pairs; i-- > 0;) {
                pair(ends, SOCK_SEQPACKET);
                s.taps[i] = ends[0];
                f->outside = ends[1];
        }
        assert_int_equal(net_new(&s, &f->device, NULL), 0);
}

static void make_card(struct fixture *f) {
        make_card_of(f, 1);
}

/* With a queue of commands behind the others. */
static void make_card_of_several(struct fixture *f) {
        make_card_of(f, COMMANDS / 2);
}

static void make_rng(struct fixture *f) {
        assert_int_equal(rng_new(&f->device, NULL), 0);
}

/* A valid request of one to three buffers, in descriptors 0 to 2. */
static void ask_disk(struct fixture *f) {
        const struct virtio_blk_outhdr h = { .type = htole32(VIRTIO_BLK_T_IN) };

        memcpy(fake_at(&f->t.guest, PROBE), &h, sizeof(h));
        fake_desc(&f->t.queues[0], 0, PROBE, sizeof(h), D_NEXT, 1);
        fake_desc(&f->t.queues[0], 1, PROBE + 0x200, 512, D_NEXT | D_WRITE, 2);
        fake_desc(&f->t.queues[0], 2, PROBE + 0x400, 1, D_WRITE, 0);
}

static void ask_console(struct fixture *f) {
        fake_desc(&f->t.queues[1], 0, PROBE, 16, 0, 0);
}

static void ask_card(struct fixture *f) {
        memset(fake_at(&f->t.guest, PROBE), 0, sizeof(struct virtio_net_hdr_v1) + 64);
        fake_desc(&f->t.queues[1], 0, PROBE, sizeof(struct virtio_net_hdr_v1) + 64, 0, 0);
}

static void ask_card_of_several(struct fixture *f) {
        static const struct {
                struct virtio_net_ctrl_hdr header;
                struct virtio_net_ctrl_mq mq;
        } command = { { VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET }, { 2 } };
        struct fake_queue *q = &f->t.queues[COMMANDS];

        memcpy(fake_at(&f->t.guest, PROBE), &command, sizeof(command));
        fake_desc(q, 0, PROBE, sizeof(command), D_NEXT, 1);
        fake_desc(q, 1, PROBE + 16, 1, D_WRITE, 0);
}

static void ask_rng(struct fixture *f) {
        fake_desc(&f->t.queues[0], 0, PROBE, 16, D_WRITE, 0);
}

static const struct model {
        const char *name;
        void (*make)(struct fixture *f);
        unsigned queue; /* of the valid request */
        void (*ask)(struct fixture *f);
} models[] = {
        { "disk on an io_uring", make_disk_with_ring, 0, ask_disk },
        { "disk on threads", make_disk_with_threads, 0, ask_disk },
        { "console", make_console, 1, ask_console },
        { "network card", make_card, 1, ask_card },
        { "network card with several queues", make_card_of_several, COMMANDS, ask_card_of_several },
        { "entropy", make_rng, 0, ask_rng },
};

/* ---- the driver --------------------------------------------------------------------------------------- */

/* Mostly what could be a request, so that what lies behind the first check is reached, too. */
static void write_descriptor(struct fixture *f, struct vring_desc *d, uint16_t size) {
        uint64_t address = RAM_BASE + below(f, RAM_SIZE);
        uint32_t length = below(f, 4) ? below(f, 64) : below(f, 0x3000);
        uint16_t flags = (uint16_t) below(f, 4);

        if (one_in(f, 30))
                address = edge(f);
        if (one_in(f, 30))
                length = (uint32_t) edge(f);
        if (one_in(f, 12))
                flags |= D_INDIRECT, length &= one_in(f, 4) ? UINT32_MAX : 0xff0U;
        if (one_in(f, 100))
                flags = (uint16_t) chance(&f->random);
        fake_write_desc(d, address, length, flags, (uint16_t) (one_in(f, 50) ? edge(f) : below(f, size)));
}

/* A disk's request needs a type that there is, a card's frame or command a header that is none of chance's. */
static void write_requests(struct fixture *f, const struct fake_queue *q) {
        for (unsigned i = 0; i < q->layout.size; i++) {
                uint64_t address = le64toh(q->desc[i].addr);
                const struct virtio_blk_outhdr h = { .type = htole32(below(f, 16)), .sector = htole64(below(f, 80)) };

                const uint8_t command[] = { VIRTIO_NET_CTRL_MQ, (uint8_t) below(f, 2), (uint8_t) below(f, 4), 0 };

                if (address < RAM_BASE + RINGS_SIZE || address - RAM_BASE > RAM_SIZE - sizeof(h) || one_in(f, 4))
                        continue;
                if (q == &f->t.queues[COMMANDS])
                        memcpy(fake_at(&f->t.guest, address), command, sizeof(command));
                else
                        memcpy(fake_at(&f->t.guest, address), &h, sizeof(h));
        }
}

static void choose_layout(struct fixture *f, unsigned n) {
        static const uint16_t odd_sizes[] = { 0, 1, 2, 3, 7, 65, 1024, 1025, 2048, 0x8000, UINT16_MAX };
        struct virtqueue_layout *l = &f->t.state.queues[n].layout;

        *l = f->t.queues[n].layout;
        if (one_in(f, 12))
                l->size = odd_sizes[below(f, ELEMENTSOF(odd_sizes))];
        if (one_in(f, 20))
                l->descriptors = one_in(f, 2) ? edge(f) : RAM_BASE + below(f, RAM_SIZE);
        if (one_in(f, 20))
                l->available = one_in(f, 2) ? edge(f) : RAM_BASE + below(f, RAM_SIZE) / 2 * 2;
        if (one_in(f, 20))
                l->used = one_in(f, 2) ? edge(f) : RAM_BASE + below(f, RAM_SIZE) / 4 * 4;
}

static void fill_queue(struct fixture *f, unsigned n) {
        struct fake_queue *q = &f->t.queues[n];

        fake_queue_init(q, &f->t.guest, n, QUEUE_SIZE);
        for (unsigned i = 0; i < q->layout.size; i++)
                write_descriptor(f, &q->desc[i], q->layout.size);
        write_requests(f, q);
        for (unsigned i = 0; i < below(f, QUEUE_SIZE); i++)
                fake_offer(q, (uint16_t) (one_in(f, 60) ? edge(f) : below(f, QUEUE_SIZE)));
        choose_layout(f, n);
}

/* Bytes of rings and descriptors, here and there, while the device reads them. */
struct meddler {
        const struct fixture *f;
        uint64_t random;
        atomic_bool end;
};

/* Not the sanitizer's business: that is what hostile memory is. */
static void *meddle(void *argument) {
        struct meddler *m = argument;

        while (!atomic_load_explicit(&m->end, memory_order_relaxed)) {
                static const struct timespec moment = { .tv_nsec = 20 * 1000 };
                uint64_t r = chance(&m->random);

                __atomic_store_n(m->f->t.guest.ram + r % RINGS_SIZE, (uint8_t) (r >> 56), __ATOMIC_RELAXED);
                (void) nanosleep(&moment, NULL);
        }
        return NULL;
}

static void drain(struct fixture *f) {
        static char bytes[NET_FRAME_MAX + 64];

        while (f->outside >= 0 && recv(f->outside, bytes, sizeof(bytes), 0) > 0)
                ;
        while (f->more[1] >= 0 && read(f->more[1], bytes, sizeof(bytes)) > 0)
                ;
}

/* From the other side of the device: a frame, something typed. */
static void feed(struct fixture *f) {
        static char bytes[1526];

        memset(bytes, 0, sizeof(struct virtio_net_hdr_v1));
        if (f->more[0] >= 0)
                (void) !write(f->more[0], bytes, below(f, 100) + 1);
        else if (f->outside >= 0)
                (void) send(f->outside, bytes, 60 + below(f, 1400), 0);
}

static void steps(struct fixture *f, unsigned count) {
        for (unsigned i = 0; i < count; i++) {
                drain(f);
                assert_int_equal(server_step(f->t.server, 0), 1);
        }
}

static void misbehave(struct fixture *f) {
        for (unsigned n = 0; n < f->device->num_queues; n++)
                fill_queue(f, n);
        fake_driver_up(&f->t, one_in(f, 3) ? chance(&f->random) | VIRTIO_FEATURE(VIRTIO_F_VERSION_1) : UINT64_MAX);
        for (unsigned i = below(f, 12); i > 0; i--) {
                unsigned n = below(f, f->device->num_queues);

                switch (below(f, 8)) {
                case 0: /* another place for a queue that runs */
                        choose_layout(f, n);
                        fake_changed(&f->t);
                        break;
                case 1: /* it comes and goes */
                        f->t.state.queues[n].ready = !f->t.state.queues[n].ready;
                        fake_changed(&f->t);
                        break;
                case 2:
                        f->t.queues[n].avail->idx = (uint16_t) chance(&f->random);
                        break;
                case 3:
                        write_descriptor(f, &f->t.queues[n].desc[below(f, QUEUE_SIZE)], QUEUE_SIZE);
                        break;
                case 4:
                        feed(f);
                        break;
                default:
                        fake_offer(&f->t.queues[n], (uint16_t) below(f, QUEUE_SIZE));
                        fake_kick(&f->t, n);
                }
                steps(f, 1 + below(f, 3));
        }
        steps(f, 4);
}

/* What a driver does that means well. */
static void assert_works_after_reset(struct fixture *f, const struct model *m, uint64_t seed, unsigned round) {
        struct fake_queue *q = &f->t.queues[m->queue];
        uint32_t head, length;

        fake_reset(&f->t);
        for (unsigned i = 0; i < 5000 && f->t.acknowledged != f->t.state.sequence; i++) {
                drain(f);
                assert_int_equal(server_step(f->t.server, 1), 1);
        }
        assert_int_equal(f->t.acknowledged, f->t.state.sequence);
        for (unsigned n = 0; n < f->device->num_queues; n++) {
                fake_queue_init(&f->t.queues[n], &f->t.guest, n, QUEUE_SIZE);
                f->t.state.queues[n].layout = f->t.queues[n].layout;
        }
        m->ask(f);
        fake_driver_up(&f->t, UINT64_MAX);
        fake_offer(q, 0);
        fake_kick(&f->t, m->queue);
        for (unsigned i = 0; i < 5000; i++) {
                drain(f);
                assert_int_equal(server_step(f->t.server, 1), 1);
                if (fake_take_used(q, &head, &length)) {
                        assert_int_equal(head, 0);
                        fake_reset(&f->t);
                        return;
                }
        }
        fail_msg("%s: no answer after round %u of SEED=%llu", m->name, round, (unsigned long long) seed);
}

static uint64_t number_from(const char *variable, uint64_t otherwise) {
        const char *text = getenv(variable);

        return text ? strtoull(text, NULL, 0) : otherwise;
}

static void run(const struct model *m, uint64_t seed, unsigned rounds) {
        struct fixture *f = calloc(1, sizeof(*f));
        struct meddler meddler = { .f = f, .random = seed ^ 0x5eed };
        pthread_t thread;

        f->outside = f->more[0] = f->more[1] = -1;
        f->random = seed;
        fake_init(&f->t, QUEUE_SIZE);
        m->make(f);
        fake_serve(&f->t, f->device);
        for (unsigned round = 0; round < rounds; round++) {
                bool meddled = round % 2;

                atomic_store(&meddler.end, false);
                if (meddled)
                        assert_int_equal(pthread_create(&thread, NULL, meddle, &meddler), 0);
                misbehave(f);
                atomic_store(&meddler.end, true);
                if (meddled)
                        assert_int_equal(pthread_join(thread, NULL), 0);
                assert_works_after_reset(f, m, seed, round);
        }
        fake_detach(&f->t);
        virtio_device_free(f->device);
        fake_done(&f->t);
        for (unsigned i = 0; i < ELEMENTSOF(f->more); i++)
                if (f->more[i] >= 0)
                        close(f->more[i]);
        if (f->outside >= 0)
                close(f->outside);
        free(f);
}

static void test_hostile_driver_breaks_no_device(void **state) {
        struct timespec now;
        uint64_t seed;

        (void) state;
        (void) clock_gettime(CLOCK_REALTIME, &now);
        seed = number_from("SEED", (uint64_t) now.tv_nsec << 20 ^ (uint64_t) now.tv_sec) ?: 1;
        printf("SEED=%llu\n", (unsigned long long) seed);
        fflush(stdout);
        log_set_level(LOG_CRIT);
        for (size_t i = 0; i < ELEMENTSOF(models); i++)
                run(&models[i], seed + i, (unsigned) number_from("ROUNDS", ROUNDS));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hostile_driver_breaks_no_device),
        };
        return cmocka_run_group_tests(tests, NULL, NULL);
}
