/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/mman.h>

#include "base/fd.h"
#include "base/range.h"
#include "virtio/guest_memory.h"

struct region {
        uint64_t gpa;
        uint64_t size;
        uint8_t *host;
        bool mapped; /* by us: munmap() */
        int shared;  /* owned; -1: none */
};

struct guest_memory {
        size_t count;
        struct region regions[GUEST_MEMORY_REGIONS_MAX];
};

int guest_memory_new(struct guest_memory **ret) {
        struct guest_memory *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        *ret = m;
        return 0;
}

void guest_memory_clear(struct guest_memory *m) {
        for (size_t i = 0; i < m->count; i++) {
                if (m->regions[i].mapped)
                        (void) munmap(m->regions[i].host, m->regions[i].size);
                fd_close(m->regions[i].shared);
        }
        m->count = 0;
}

void guest_memory_free(struct guest_memory *m) {
        if (!m)
                return;
        guest_memory_clear(m);
        free(m);
}

static int check_room(const struct guest_memory *m, uint64_t gpa, uint64_t size) {
        if (size == 0 || size > SIZE_MAX || !range_valid(gpa, size))
                return -EINVAL;
        for (size_t i = 0; i < m->count; i++)
                if (range_overlaps(m->regions[i].gpa, m->regions[i].size, gpa, size))
                        return -EEXIST;
        if (m->count == GUEST_MEMORY_REGIONS_MAX)
                return -E2BIG;
        return 0;
}

int guest_memory_add(struct guest_memory *m, uint64_t gpa, uint64_t size, void *host) {
        int r = check_room(m, gpa, size);

        if (r < 0)
                return r;
        m->regions[m->count++] = (struct region){ .gpa = gpa, .size = size, .host = host, .shared = -1 };
        return 0;
}

static int compare_pieces(const void *a, const void *b) {
        const struct guest_memory_piece *x = a, *y = b;

        return (x->gpa > y->gpa) - (x->gpa < y->gpa);
}

/* Length of the run of adjoining pieces at the start of @pieces; *ret_size is its size in bytes. */
static int measure_run(const struct guest_memory_piece *pieces, size_t count, size_t *ret, uint64_t *ret_size) {
        uint64_t size = 0;
        size_t n = 0;

        while (n < count && pieces[n].gpa == pieces[0].gpa + size) {
                if (pieces[n].size == 0 || !range_valid(pieces[n].gpa, pieces[n].size))
                        return -EINVAL;
                size += pieces[n++].size;
        }
        *ret = n;
        *ret_size = size;
        return 0;
}

static uint64_t largest_page(const struct guest_memory_piece *pieces, size_t count) {
        uint64_t page = 1;

        for (size_t i = 0; i < count; i++)
                page = MAX(page, pieces[i].page);
        return page;
}

/* A range of addresses that @gpa could begin: huge pages are mapped at multiples of their size alone. */
static void *reserve(uint64_t gpa, uint64_t size, uint64_t page) {
        uint64_t whole, skipped;
        uint8_t *base;

        if (__builtin_add_overflow(size, page, &whole)) {
                errno = ENOMEM;
                return MAP_FAILED;
        }
        base = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (base == MAP_FAILED)
                return base;
        skipped = (gpa - (uintptr_t) base) & (page - 1);
        if (skipped > 0)
                (void) munmap(base, skipped);
        (void) munmap(base + skipped + size, page - skipped);
        return base + skipped;
}

/* Reserves one range of addresses for the run, then puts each piece into its place. */
static int map_run(struct guest_memory *m, const struct guest_memory_piece *pieces, size_t count, uint64_t size) {
        uint64_t gpa = pieces[0].gpa;
        uint8_t *base;
        int r;

        r = check_room(m, gpa, size);
        if (r < 0)
                return r;
        base = reserve(gpa, size, largest_page(pieces, count));
        if (base == MAP_FAILED)
                return -errno;
        for (size_t i = 0; i < count; i++) {
                void *p = mmap(base + (pieces[i].gpa - gpa), pieces[i].size, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_FIXED, pieces[i].fd, (off_t) pieces[i].offset);
                if (p == MAP_FAILED) {
                        r = -errno;
                        (void) munmap(base, size);
                        return r;
                }
        }
        m->regions[m->count++] =
                (struct region){ .gpa = gpa, .size = size, .host = base, .mapped = true, .shared = -1 };
        return 0;
}

int guest_memory_map(struct guest_memory *m, struct guest_memory_piece *pieces, size_t count) {
        if (count > GUEST_MEMORY_REGIONS_MAX)
                return -E2BIG;
        qsort(pieces, count, sizeof(*pieces), compare_pieces);
        while (count > 0) {
                uint64_t size;
                size_t n;
                int r;

                r = measure_run(pieces, count, &n, &size);
                if (r < 0)
                        return r;
                r = map_run(m, pieces, n, size);
                if (r < 0)
                        return r;
                pieces += n;
                count -= n;
        }
        return 0;
}

void guest_memory_share(struct guest_memory *m, size_t i, int fd) {
        fd_close(m->regions[i].shared);
        m->regions[i].shared = fd;
}

bool guest_memory_region(const struct guest_memory *m, size_t i, struct guest_memory_piece *ret_piece,
                         void **ret_host) {
        if (i >= m->count)
                return false;
        *ret_piece = (struct guest_memory_piece){
                .gpa = m->regions[i].gpa,
                .size = m->regions[i].size,
                .fd = m->regions[i].shared,
        };
        *ret_host = m->regions[i].host;
        return true;
}

int guest_memory_translate(const struct guest_memory *m, uint64_t gpa, uint64_t len, void **ret) {
        if (len == 0)
                return -EINVAL;
        for (size_t i = 0; i < m->count; i++) {
                const struct region *r = &m->regions[i];

                if (range_contains(r->gpa, r->size, gpa, len)) {
                        *ret = r->host + (gpa - r->gpa);
                        return 0;
                }
        }
        return -EFAULT;
}
