/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "device/history.h"

_Static_assert(sizeof(struct history_header) == 40, "the layout is kept across versions of the worker");
_Static_assert(sizeof(struct history_header) <= WORKER_HISTORY_HEADER, "the header fits its page");

static bool header_valid(const struct history_header *h) {
        return h->magic == HISTORY_MAGIC && h->version == HISTORY_VERSION && h->ring_size == WORKER_HISTORY_RING &&
               h->shown <= h->written;
}

int history_open(struct history *h, int fd, struct err *e) {
        struct stat st;
        uint8_t *p;

        if (fstat(fd, &st) < 0)
                return err_set(e, -errno, "history: %s", strerror(errno));
        if (st.st_size < WORKER_HISTORY_SIZE)
                return err_set(e, -EINVAL, "history is smaller than %d bytes", WORKER_HISTORY_SIZE);
        p = mmap(NULL, WORKER_HISTORY_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return err_set(e, -errno, "history cannot be mapped: %s", strerror(errno));
        h->header = (struct history_header *) p;
        h->ring = p + WORKER_HISTORY_HEADER;
        if (!header_valid(h->header))
                *h->header = (struct history_header){ .magic = HISTORY_MAGIC,
                                                      .version = HISTORY_VERSION,
                                                      .ring_size = WORKER_HISTORY_RING };
        return 0;
}

void history_close(struct history *h) {
        if (h->header)
                (void) munmap(h->header, WORKER_HISTORY_SIZE);
        *h = (struct history){ 0 };
}

void history_append(struct history *h, const void *data, size_t size) {
        size_t kept = MIN(size, (size_t) WORKER_HISTORY_RING);
        const uint8_t *p = (const uint8_t *) data + (size - kept);
        uint64_t written = h->header->written + size;
        size_t offset = (written - kept) % WORKER_HISTORY_RING;
        size_t n = MIN(kept, WORKER_HISTORY_RING - offset);

        memcpy(h->ring + offset, p, n);
        memcpy(h->ring, p + n, kept - n);
        /* Counted only once they are there: a worker killed in between leaves no garbage behind. */
        __atomic_store_n(&h->header->written, written, __ATOMIC_RELEASE);
}

uint64_t history_oldest(const struct history *h) {
        uint64_t written = h->header->written;

        return written > WORKER_HISTORY_RING ? written - WORKER_HISTORY_RING : 0;
}

int history_pieces(const struct history *h, uint64_t position, struct iovec ret[static 2]) {
        size_t size = h->header->written - position;
        size_t offset = position % WORKER_HISTORY_RING;
        size_t n = MIN(size, WORKER_HISTORY_RING - offset);

        ret[0] = (struct iovec){ .iov_base = h->ring + offset, .iov_len = n };
        ret[1] = (struct iovec){ .iov_base = h->ring, .iov_len = size - n };
        return (n > 0) + (size - n > 0);
}

uint64_t history_first_line(const struct history *h) {
        uint64_t oldest = history_oldest(h), position = oldest;
        struct iovec pieces[2];
        int count;

        if (oldest == 0)
                return 0;
        count = history_pieces(h, oldest, pieces);
        for (int i = 0; i < count; i++) {
                const uint8_t *newline = memchr(pieces[i].iov_base, '\n', pieces[i].iov_len);

                if (newline)
                        return position + (uint64_t) (newline - (uint8_t *) pieces[i].iov_base) + 1;
                position += pieces[i].iov_len;
        }
        return oldest;
}
