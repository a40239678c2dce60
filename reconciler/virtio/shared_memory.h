/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a vhost-user back-end does with a front-end's descriptors: maps memory,
 * and tells what can be signalled. All numbers are the peer's: nothing is mapped
 * that a descriptor does not have, and nothing that is a program.
 */
#pragma once

#include "virtio/guest_memory.h"
#include "virtio/inflight.h"
#include "virtio/vhost_user.h"

/**
 * shared_memory_map_guest() - exchanges the guest's memory for what a table says
 * @fds: one for each region; borrowed, only during the call
 *
 * If the table cannot be, @m stays as it was; if a region cannot be mapped, it is empty.
 * Return: 0, or -errno with @e.
 */
int shared_memory_map_guest(struct guest_memory *m, const struct vhost_user_memory *table, const int *fds,
                            struct err *e);

/**
 * shared_memory_make_inflight() - makes memory for a record of requests in flight
 * @asked: for how many queues, and of which size
 * @ret_fd: owned by the caller
 *
 * Return: 0, or -errno with @e.
 */
int shared_memory_make_inflight(const struct vhost_user_inflight *asked, struct vhost_user_inflight *ret, int *ret_fd,
                                struct err *e);

/**
 * shared_memory_map_inflight() - maps such memory
 * @i: its numbers of queues and their size are checked already; the rest is hostile
 * @fd: borrowed, only during the call
 * @ret: shared_memory_unmap_inflight()
 *
 * Return: 0, or -errno with @e.
 */
int shared_memory_map_inflight(const struct vhost_user_inflight *i, int fd, struct inflight_region *ret, struct err *e);
void shared_memory_unmap_inflight(struct inflight_region *r);

/* A peer's eventfd. The mode is the peer's, who may wait in read(2): it is not changed. */
struct shared_eventfd {
        int fd;     /* owned; -1: none */
        bool waits; /* write(2) would, for a reader, where the counter is full */
};

/**
 * shared_is_eventfd() - tells whether @fd can be one
 * @ret_waits: for struct shared_eventfd
 *
 * No eventfd can be told from the others of its kind (signalfd, timerfd); those cannot be written to.
 */
bool shared_is_eventfd(int fd, bool *ret_waits);

/**
 * shared_eventfd_signal() - tells the peer, if there is one; never waits
 *
 * A full counter is pending anyway. Any other failure is the peer's loss.
 */
void shared_eventfd_signal(const struct shared_eventfd *s);
