/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The RAM of one zone as a worker sees it: where a guest-physical address is in
 * this process. It is not changed while a queue holds pointers into it; so
 * lookups need no lock and may run on any thread.
 *
 * Everything behind these pointers is shared with a hostile guest: it may change
 * between any two reads. Read each value once (virtqueue.c shows how).
 */
#pragma once

#include <sys/types.h>

#include "base/macros.h"

#define GUEST_MEMORY_REGIONS_MAX 64

struct guest_memory;

/**
 * guest_memory_new() - an address space without RAM
 * @ret: owned by the caller, guest_memory_free()
 *
 * Return: 0 or -ENOMEM.
 */
int guest_memory_new(struct guest_memory **ret);

/**
 * guest_memory_free() - lets go of every region and unmaps what was mapped here
 *
 * Every pointer that guest_memory_translate() gave becomes invalid.
 */
void guest_memory_free(struct guest_memory *m);
DEFINE_CLEANUP(struct guest_memory *, guest_memory_free);

/** guest_memory_clear() - an address space without RAM again; as guest_memory_free(), but @m can be filled anew */
void guest_memory_clear(struct guest_memory *m);

/**
 * guest_memory_add() - adds RAM that is in this process already
 * @gpa: guest-physical address of its first byte
 * @size: bytes, > 0
 * @host: where it is here; borrowed, must outlive @m
 *
 * Return: 0, -EINVAL (empty, or beyond 2^64), -EEXIST (overlaps a region that
 * is there), -E2BIG (more than GUEST_MEMORY_REGIONS_MAX).
 */
int guest_memory_add(struct guest_memory *m, uint64_t gpa, uint64_t size, void *host);

/* One piece of RAM, to be mapped from a descriptor. */
struct guest_memory_piece {
        uint64_t gpa;
        uint64_t size;
        uint64_t offset; /* in @fd */
        int fd;          /* borrowed, only during the call */
        uint64_t page;   /* bytes of one of its pages, a power of two; 0: an ordinary one */
};

/**
 * guest_memory_map() - maps RAM, shared, from descriptors
 * @pieces: sorted in place by address; aligned to their pages, all three
 *
 * Pieces that adjoin for the guest adjoin here, too, and become one region: a
 * guest may place a buffer across the border. Pages are faulted in on use; once
 * the descriptor's owner takes them away again an access raises SIGBUS.
 *
 * Return: 0, -E2BIG, -EINVAL or -EEXIST (as guest_memory_add()), -errno of
 * mmap(2). After an error @m holds the regions added before it.
 */
int guest_memory_map(struct guest_memory *m, struct guest_memory_piece *pieces, size_t count);

/**
 * guest_memory_share() - another process may map the @i-th region by this descriptor, from offset 0 on
 * @fd: owned by @m
 */
void guest_memory_share(struct guest_memory *m, size_t i, int fd);

/**
 * guest_memory_region() - lists it, for who is to translate by himself
 * @i: from 0
 * @ret_piece: written if there is an @i-th region, as @ret_host is; fd is that of guest_memory_share(), -1: none
 *
 * Return: false beyond the last one.
 */
bool guest_memory_region(const struct guest_memory *m, size_t i, struct guest_memory_piece *ret_piece, void **ret_host);

/**
 * guest_memory_translate() - host pointer for a guest-physical range
 * @gpa: guest-physical address, bytes
 * @len: length, bytes; > 0, inside one region
 * @ret: borrowed; valid until guest_memory_free(); untouched on error
 *
 * Any thread; never logs. Return: 0, -EINVAL (@len is 0), -EFAULT (outside RAM).
 */
int guest_memory_translate(const struct guest_memory *m, uint64_t gpa, uint64_t len, void **ret);
