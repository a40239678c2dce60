/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/range.h"
#include "virtio/shared_memory.h"

/* As fstat(2), but by the call that needs no path, and that a cage may thus let through. */
static int describe_fd(int fd, struct stat *ret) {
        return syscall(__NR_fstat, fd, ret) < 0 ? -errno : 0;
}

/* The kernel rounds what it maps up to whole pages, beyond what was reserved: nothing is mapped in parts of one. */
static int page_size(int fd, uint64_t *ret) {
        struct statfs fs;

        if (fstatfs(fd, &fs) < 0)
                return -errno;
        *ret = fs.f_type == HUGETLBFS_MAGIC ? (uint64_t) fs.f_bsize : (uint64_t) sysconf(_SC_PAGESIZE);
        return 0;
}

/* What is mapped is there: beyond the end of a file each access would be a SIGBUS. */
static int check_file(int fd, uint64_t offset, uint64_t size, uint64_t *ret_page, struct err *e) {
        struct stat st;
        int r = describe_fd(fd, &st);

        if (r >= 0)
                r = page_size(fd, ret_page);
        if (r < 0)
                return err_set(e, r, "cannot look at the descriptor of shared memory: %s", strerror(-r));
        if (!S_ISREG(st.st_mode) || !range_contains(0, (uint64_t) st.st_size, offset, size))
                return err_set(e, -EINVAL, "shared memory of 0x%llx bytes at 0x%llx is more than its descriptor has",
                               (unsigned long long) size, (unsigned long long) offset);
        return 0;
}

static int check_region(const struct vhost_user_memory *t, unsigned i, int fd, uint64_t *ret_page, struct err *e) {
        const struct vhost_user_region *r = &t->regions[i];
        int error;

        if (!range_valid(r->guest, r->size) || !range_valid(r->user, r->size))
                return err_set(e, -EINVAL, "memory region %u goes beyond the end of all addresses", i);
        for (unsigned j = 0; j < i; j++)
                if (range_overlaps(t->regions[j].guest, t->regions[j].size, r->guest, r->size) ||
                    range_overlaps(t->regions[j].user, t->regions[j].size, r->user, r->size))
                        return err_set(e, -EINVAL, "memory regions %u and %u overlap", j, i);
        error = check_file(fd, r->offset, r->size, ret_page, e);
        if (error < 0)
                return error;
        if (r->size == 0 || ((r->guest | r->size | r->offset) & (*ret_page - 1)))
                return err_set(e, -EINVAL, "memory region %u is empty or does not consist of whole pages of %llu bytes",
                               i, (unsigned long long) *ret_page);
        return 0;
}

int shared_memory_map_guest(struct guest_memory *m, const struct vhost_user_memory *table, const int *fds,
                            struct err *e) {
        struct guest_memory_piece pieces[VHOST_USER_REGIONS_MAX];
        int r;

        for (unsigned i = 0; i < table->count; i++) {
                uint64_t page;

                r = check_region(table, i, fds[i], &page, e);
                if (r < 0)
                        return r;
                pieces[i] = (struct guest_memory_piece){
                        .gpa = table->regions[i].guest,
                        .size = table->regions[i].size,
                        .offset = table->regions[i].offset,
                        .fd = fds[i],
                        .page = page,
                };
        }
        guest_memory_clear(m);
        r = guest_memory_map(m, pieces, table->count);
        if (r >= 0)
                return 0;
        guest_memory_clear(m);
        return err_set(e, r, "cannot map the guest's memory: %s", strerror(-r));
}

static size_t inflight_size(const struct vhost_user_inflight *i) {
        return i->num_queues * inflight_part_size(i->queue_size);
}

int shared_memory_make_inflight(const struct vhost_user_inflight *asked, struct vhost_user_inflight *ret, int *ret_fd,
                                struct err *e) {
        size_t size = inflight_size(asked);
        _cleanup_close_ int fd = memfd_create("inflight", MFD_CLOEXEC);

        if (fd < 0 || ftruncate(fd, (off_t) size) < 0)
                return err_set(e, -errno, "cannot make memory for requests in flight: %s", strerror(errno));
        *ret = (struct vhost_user_inflight){
                .size = size,
                .num_queues = asked->num_queues,
                .queue_size = asked->queue_size,
        };
        *ret_fd = TAKE_FD(fd);
        return 0;
}

int shared_memory_map_inflight(const struct vhost_user_inflight *i, int fd, struct inflight_region *ret,
                               struct err *e) {
        size_t size = inflight_size(i);
        uint64_t page;
        void *base;
        int r;

        r = check_file(fd, i->offset, size, &page, e);
        if (r < 0)
                return r;
        if (i->size < size || i->offset % page != 0 || page != (uint64_t) sysconf(_SC_PAGESIZE))
                return err_set(e, -EINVAL,
                               "memory for requests in flight is too small, or not at the start of an ordinary page");
        base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t) i->offset);
        if (base == MAP_FAILED)
                return err_set(e, -errno, "cannot map memory for requests in flight: %s", strerror(errno));
        return inflight_region_attach(ret, base, size, i->num_queues, i->queue_size);
}

void shared_memory_unmap_inflight(struct inflight_region *r) {
        if (r->base)
                (void) munmap(r->base, r->size);
        *r = (struct inflight_region){ 0 };
}

bool shared_is_eventfd(int fd, bool *ret_waits) {
        struct stat st;
        int flags;

        if (describe_fd(fd, &st) < 0 || (st.st_mode & S_IFMT) != 0)
                return false;
        flags = fcntl(fd, F_GETFL);
        *ret_waits = flags < 0 || !(flags & O_NONBLOCK);
        return true;
}

void shared_eventfd_signal(const struct shared_eventfd *s) {
        struct pollfd p = { .fd = s->fd, .events = POLLOUT };

        if (s->fd < 0 || (s->waits && poll(&p, 1, 0) <= 0))
                return;
        (void) eventfd_write(s->fd, 1);
}
