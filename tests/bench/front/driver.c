// SPDX-License-Identifier: GPL-2.0-or-later
#include "driver.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define GUEST       0x40000000u /* where the memory begins for the device */
#define PAGE        4096
#define QUEUE_SPACE 0x40000
#define TABLES      0x8000 /* in it */
#define PATIENCE_S  10     /* for a back-end to listen */

_Static_assert(TABLES + DRIVER_QUEUE_SIZE * DRIVER_TABLE_SIZE * sizeof(struct vring_desc) <= QUEUE_SPACE,
               "a queue's tables fit behind its rings");

noreturn void driver_die(const char *what) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static noreturn void die_of(const char *what, int r, const struct err *e) {
        fprintf(stderr, "%s: %s\n", what, err_text(e, r));
        exit(EXIT_FAILURE);
}

/* ---- time --------------------------------------------------------------------------------------------- */

static uint64_t read_clock(clockid_t clock) {
        struct timespec t;

        if (clock_gettime(clock, &t) < 0)
                driver_die("clock");
        return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

uint64_t driver_now(void) {
        return read_clock(CLOCK_MONOTONIC);
}

void driver_clock_start(struct driver_clock *c, pid_t process) {
        errno = clock_getcpuclockid(process, &c->process);
        if (errno != 0)
                driver_die("the back-end's process");
        c->begin_cpu = read_clock(c->process);
        c->begin = driver_now();
}

uint64_t driver_clock_elapsed(const struct driver_clock *c) {
        return driver_now() - c->begin;
}

uint64_t driver_clock_cpu(const struct driver_clock *c) {
        return read_clock(c->process) - c->begin_cpu;
}

/* ---- set-up ------------------------------------------------------------------------------------------- */

static int memory_file(const char *name, size_t size) {
        int fd = memfd_create(name, MFD_CLOEXEC);

        if (fd < 0 || ftruncate(fd, (off_t) size) < 0)
                driver_die("memory");
        return fd;
}

/* Return: where it is here. */
static uint8_t *make_memory(struct guest_memory **ret, size_t size) {
        struct guest_memory_piece piece = { .gpa = GUEST, .size = size, .fd = memory_file("ram", size) };
        void *host = NULL;

        if (guest_memory_new(ret) < 0 || guest_memory_map(*ret, &piece, 1) < 0 ||
            guest_memory_translate(*ret, GUEST, size, &host) < 0)
                driver_die("memory");
        guest_memory_share(*ret, 0, piece.fd);
        memset(host, 0, size); /* so that no page fault is measured */
        return host;
}

/* The record of what is in flight is the back-end's to keep, in our memory. */
static struct inflight_region *make_record(struct virtio_device *d) {
        size_t size = inflight_part_size(DRIVER_QUEUE_SIZE) * d->num_queues;
        struct inflight_region *r = calloc(1, sizeof(*r));
        void *base;

        size = (size + PAGE - 1) / PAGE * PAGE;
        d->record_fd = memory_file("record", size);
        base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, d->record_fd, 0);
        if (!r || base == MAP_FAILED || inflight_region_attach(r, base, size, d->num_queues, DRIVER_QUEUE_SIZE) < 0)
                driver_die("record");
        return r;
}

static int reach(const char *path) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (snprintf(address.sun_path, sizeof(address.sun_path), "%s", path) >= (int) sizeof(address.sun_path))
                driver_die(path);
        for (int ms = 0; connect(s, (struct sockaddr *) &address, sizeof(address)) < 0; ms++) {
                if (ms == PATIENCE_S * 1000)
                        driver_die(path);
                usleep(1000);
        }
        return fcntl(s, F_SETFL, O_NONBLOCK) < 0 ? -1 : s;
}

static void start_queue(struct driver *d, unsigned i, struct guest_memory *memory, uint8_t *space) {
        struct driver_queue *q = &d->queues[i];
        struct virtqueue_layout layout = { .size = DRIVER_QUEUE_SIZE };
        struct err e;
        int r;

        vring_init(&q->ring, DRIVER_QUEUE_SIZE, space, PAGE);
        q->tables = (struct vring_desc *) (space + TABLES);
        layout.descriptors = GUEST + (uint64_t) i * QUEUE_SPACE;
        layout.available = layout.descriptors + (uint64_t) ((uint8_t *) q->ring.avail - space);
        layout.used = layout.descriptors + (uint64_t) ((uint8_t *) q->ring.used - space);
        d->device.kick_fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = virtqueue_start(&d->device.queues[i], memory, &layout, d->device.driver_features, NULL);
        if (r >= 0)
                r = vhost_user_front_start(d->front, &d->device, i, &e);
        if (r < 0)
                die_of("queue", r, &e);
}

void driver_connect(struct driver *d, const char *path, unsigned num_queues, uint64_t features, size_t data_size) {
        struct guest_memory *memory;
        uint8_t *base;
        struct err e;
        int r;

        *d = (struct driver){ .device.num_queues = num_queues };
        r = vhost_user_front_new(reach(path), num_queues, &d->front, &e);
        if (r < 0)
                die_of(path, r, &e);
        d->device.driver_features = vhost_user_front_features(d->front) & (features | VIRTIO_QUEUE_FEATURES);
        d->device.recorded_elsewhere = vhost_user_front_keeps_record(d->front);
        d->device.record = make_record(&d->device);
        d->device.call_fd = d->call_read_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        base = make_memory(&memory, num_queues * QUEUE_SPACE + (data_size + PAGE - 1) / PAGE * PAGE);
        d->data = base + num_queues * QUEUE_SPACE;
        for (unsigned i = 0; i < num_queues; i++)
                start_queue(d, i, memory, base + i * QUEUE_SPACE);
}

void driver_done(struct driver *d) {
        struct err e;

        for (unsigned i = 0; i < d->device.num_queues; i++)
                if (vhost_user_front_stop(d->front, i, &e) < 0)
                        die_of("queue", -EIO, &e);
        vhost_user_front_free(d->front);
}

/* ---- requests ----------------------------------------------------------------------------------------- */

void driver_describe(struct driver *d, unsigned queue, uint16_t id, unsigned i, void *host, uint32_t size,
                     bool writable, bool last) {
        uint8_t *base = d->data - d->device.num_queues * QUEUE_SPACE;

        d->queues[queue].tables[id * DRIVER_TABLE_SIZE + i] = (struct vring_desc){
                .addr = htole64(GUEST + (uint64_t) ((uint8_t *) host - base)),
                .len = htole32(size),
                .flags = htole16((writable ? VRING_DESC_F_WRITE : 0) | (last ? 0 : VRING_DESC_F_NEXT)),
                .next = htole16((uint16_t) (i + 1)),
        };
}

void driver_offer(struct driver *d, unsigned queue, uint16_t id, unsigned count) {
        struct driver_queue *q = &d->queues[queue];
        uint64_t table = GUEST + (uint64_t) queue * QUEUE_SPACE + TABLES + id * DRIVER_TABLE_SIZE * sizeof(*q->tables);

        q->ring.desc[id] = (struct vring_desc){
                .addr = htole64(table),
                .len = htole32((uint32_t) (count * sizeof(*q->tables))),
                .flags = htole16(VRING_DESC_F_INDIRECT),
        };
        q->ring.avail->ring[q->offered++ % DRIVER_QUEUE_SIZE] = htole16(id);
}

void driver_publish(struct driver *d, unsigned queue) {
        struct driver_queue *q = &d->queues[queue];
        uint16_t before = q->told;
        bool wanted;

        if (q->offered == before)
                return;
        q->told = q->offered;
        __atomic_store_n(&q->ring.avail->idx, htole16(q->offered), __ATOMIC_RELEASE);
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* 2.7.13.3: idx before what the device wants to be told */
        if (d->device.driver_features & VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX))
                wanted = vring_need_event(le16toh(__atomic_load_n(&vring_avail_event(&q->ring), __ATOMIC_RELAXED)),
                                          q->offered, before);
        else
                wanted = !(le16toh(__atomic_load_n(&q->ring.used->flags, __ATOMIC_RELAXED)) & VRING_USED_F_NO_NOTIFY);
        if (wanted && eventfd_write(d->device.kick_fds[queue], 1) < 0)
                driver_die("kick");
}

/* Return: true if something is there after all. */
static bool allow_calls(struct driver_queue *q) {
        __atomic_store_n(&vring_used_event(&q->ring), htole16(q->reaped), __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return le16toh(__atomic_load_n(&q->ring.used->idx, __ATOMIC_ACQUIRE)) != q->reaped;
}

int driver_reap(struct driver *d, unsigned queue, uint32_t *ret_written) {
        struct driver_queue *q = &d->queues[queue];
        const vring_used_elem_t *u;

        if (le16toh(__atomic_load_n(&q->ring.used->idx, __ATOMIC_ACQUIRE)) == q->reaped && !allow_calls(q))
                return -1;
        u = &q->ring.used->ring[q->reaped++ % DRIVER_QUEUE_SIZE];
        *ret_written = le32toh(u->len);
        return (int) (le32toh(u->id) % DRIVER_QUEUE_SIZE);
}

bool driver_wait(struct driver *d, int timeout_ms) {
        struct pollfd p = { .fd = d->call_read_fd, .events = POLLIN };
        eventfd_t n;

        if (poll(&p, 1, timeout_ms) < 0)
                driver_die("poll");
        return p.revents && eventfd_read(d->call_read_fd, &n) == 0;
}
