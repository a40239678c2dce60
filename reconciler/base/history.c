/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/history.h"

_Static_assert(sizeof(struct history_header) == 56, "the layout is kept across versions of the worker");
_Static_assert(sizeof(struct history_header) <= WORKER_HISTORY_HEADER, "the header fits its page");

static bool layout_known(const struct history_header *h) {
        return h->magic == HISTORY_MAGIC && h->version == HISTORY_VERSION && h->ring_size == WORKER_HISTORY_RING;
}

static int map(struct history *h, int fd, int protection, struct err *e) {
        struct stat st;
        uint8_t *p;

        if (fstat(fd, &st) < 0)
                return err_set(e, -errno, "history: %s", strerror(errno));
        if (st.st_size < WORKER_HISTORY_SIZE)
                return err_set(e, -EINVAL, "history is smaller than %d bytes", WORKER_HISTORY_SIZE);
        p = mmap(NULL, WORKER_HISTORY_SIZE, protection, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return err_set(e, -errno, "history cannot be mapped: %s", strerror(errno));
        *h = (struct history){ .header = (struct history_header *) p, .ring = p + WORKER_HISTORY_HEADER, .fd = fd };
        return 0;
}

void history_close(struct history *h) {
        if (h->header)
                (void) munmap(h->header, WORKER_HISTORY_SIZE);
        *h = (struct history){ 0 };
}

/* ---- the worker's side -------------------------------------------------------------------------------- */

int history_open(struct history *h, int fd, struct err *e) {
        int r = map(h, fd, PROT_READ | PROT_WRITE, e);
        struct history_header *header = h->header;

        if (r < 0)
                return r;
        if (!layout_known(header) || header->shown > header->written || header->logged > header->written)
                *header = (struct history_header){ .magic = HISTORY_MAGIC,
                                                   .version = HISTORY_VERSION,
                                                   .ring_size = WORKER_HISTORY_RING };
        header->claimed = header->written; /* a predecessor was killed while it wrote */
        return 0;
}

void history_append(struct history *h, const void *data, size_t size) {
        size_t kept = MIN(size, (size_t) WORKER_HISTORY_RING);
        const uint8_t *p = (const uint8_t *) data + (size - kept);
        uint64_t written = h->header->written + size;
        size_t offset = (written - kept) % WORKER_HISTORY_RING;
        size_t n = MIN(kept, WORKER_HISTORY_RING - offset);

        /* Before the first byte of it: pairs with the fence in history_view_read(). */
        __atomic_store_n(&h->header->claimed, written, __ATOMIC_RELAXED);
        __atomic_thread_fence(__ATOMIC_RELEASE);
        memcpy(h->ring + offset, p, n);
        memcpy(h->ring, p + n, kept - n);
        /* Counted only once they are there: a worker killed in between leaves no garbage behind. */
        __atomic_store_n(&h->header->written, written, __ATOMIC_RELEASE);
}

void history_publish(const struct history *h) {
        uint64_t written = h->header->written;

        /* What is there already: a store tells nobody, a write(2) does. */
        (void) !pwrite(h->fd, &written, sizeof(written), offsetof(struct history_header, written));
}

uint64_t history_oldest(const struct history *h) {
        uint64_t written = h->header->written;

        return written > WORKER_HISTORY_RING ? written - WORKER_HISTORY_RING : 0;
}

/* The bytes from @position to @end, at most a ring of them. */
static int pieces(const struct history *h, uint64_t position, uint64_t end, struct iovec ret[static 2]) {
        size_t size = end - position;
        size_t offset = position % WORKER_HISTORY_RING;
        size_t n = MIN(size, WORKER_HISTORY_RING - offset);

        ret[0] = (struct iovec){ .iov_base = h->ring + offset, .iov_len = n };
        ret[1] = (struct iovec){ .iov_base = h->ring, .iov_len = size - n };
        return (n > 0) + (size - n > 0);
}

int history_pieces(const struct history *h, uint64_t position, struct iovec ret[static 2]) {
        return pieces(h, position, h->header->written, ret);
}

static uint64_t first_line(const struct history *h, uint64_t oldest, uint64_t end) {
        uint64_t position = oldest;
        struct iovec part[2];
        int count;

        if (oldest == 0)
                return 0;
        count = pieces(h, oldest, end, part);
        for (int i = 0; i < count; i++) {
                const uint8_t *newline = memchr(part[i].iov_base, '\n', part[i].iov_len);

                if (newline)
                        return position + (uint64_t) (newline - (uint8_t *) part[i].iov_base) + 1;
                position += part[i].iov_len;
        }
        return oldest;
}

uint64_t history_first_line(const struct history *h) {
        return first_line(h, history_oldest(h), h->header->written);
}

/* ---- a client's side ---------------------------------------------------------------------------------- */

int history_view(struct history *h, int fd, struct err *e) {
        return map(h, fd, PROT_READ, e);
}

/* Before the first worker has started one: nothing. */
static uint64_t newest(const struct history *h) {
        return layout_known(h->header) ? __atomic_load_n(&h->header->written, __ATOMIC_ACQUIRE) : 0;
}

uint64_t history_view_start(const struct history *h) {
        uint64_t end = newest(h);

        return first_line(h, end > WORKER_HISTORY_RING ? end - WORKER_HISTORY_RING : 0, end);
}

/* Is what stood at @position still there? Asked after it was copied. */
static bool intact(const struct history *h, uint64_t position) {
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        return __atomic_load_n(&h->header->claimed, __ATOMIC_RELAXED) - position <= WORKER_HISTORY_RING;
}

size_t history_view_read(const struct history *h, uint64_t *position, void *ret, size_t size) {
        /* A worker that writes faster than this is read is not waited for. */
        for (unsigned tries = 0; tries < 8; tries++) {
                uint64_t end = newest(h), oldest = end > WORKER_HISTORY_RING ? end - WORKER_HISTORY_RING : 0;
                struct iovec part[2];
                size_t wanted, n;

                if (*position < oldest || *position > end)
                        *position = oldest;
                wanted = MIN(end - *position, (uint64_t) size);
                (void) pieces(h, *position, *position + wanted, part);
                n = part[0].iov_len;
                memcpy(ret, part[0].iov_base, n);
                memcpy((uint8_t *) ret + n, part[1].iov_base, part[1].iov_len);
                if (wanted == 0 || intact(h, *position)) {
                        *position += wanted;
                        return wanted;
                }
        }
        return 0;
}

uint32_t history_view_clients(const struct history *h) {
        return layout_known(h->header) ? __atomic_load_n(&h->header->clients, __ATOMIC_RELAXED) : 0;
}
