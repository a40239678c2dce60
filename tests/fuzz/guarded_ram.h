/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RAM of a guest, twice in this process: as the device has it, with a page before and behind that nobody may touch,
 * and as the driver has it. The device's can be locked as a whole: not even reading it is forgiven then.
 */
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

struct guarded_ram {
        uint8_t *device, *driver;
        size_t size; /* whole pages */
        bool locked;
};

#define GUARD 0x10000

static inline void guarded_ram_new(struct guarded_ram *ret, size_t size) {
        int fd = memfd_create("ram", MFD_CLOEXEC);
        uint8_t *space = mmap(NULL, size + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        CLAIM(fd >= 0 && ftruncate(fd, (off_t) size) == 0);
        CLAIM(space != MAP_FAILED);
        *ret = (struct guarded_ram){ .size = size };
        ret->device = mmap(space + GUARD, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
        ret->driver = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        CLAIM(ret->device != MAP_FAILED && ret->driver != MAP_FAILED);
        close(fd);
}

static inline void guarded_ram_lock(struct guarded_ram *r, bool on) {
        if (r->locked != on)
                CLAIM(mprotect(r->device, r->size, on ? PROT_NONE : PROT_READ | PROT_WRITE) == 0);
        r->locked = on;
}

static inline bool guarded_ram_has(const struct guarded_ram *r, const void *p, size_t size) {
        const uint8_t *at = p;

        return at >= r->device && size <= r->size && (size_t) (at - r->device) <= r->size - size;
}
