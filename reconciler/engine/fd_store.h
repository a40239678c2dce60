/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd's fd store: descriptors that outlive the daemon until its unit is
 * stopped. Each belongs to a device of a zone, as one of a few kinds. Without
 * systemd nothing is kept, and nobody is told.
 */
#pragma once

#include "config/spec.h"

enum fd_kind {
        FD_PTY, /* a console's master */
        FD_TAP, /* a network card's tap; one for each of its queues */
        FD_LOG, /* the daemon's end of a worker's stderr */
        _FD_KIND_MAX,
};

struct stored_fd {
        enum fd_kind kind;
        char zone[NAME_SIZE], device[NAME_SIZE];
        int fd; /* whose it is takes it by TAKE_FD() */
};

struct stored_fds {
        struct stored_fd *list;
        size_t count;
};

/** fd_store_add() - keeps a copy of @fd, beside others of that kind and device */
void fd_store_add(enum fd_kind kind, const char *zone, const char *device, int fd);

/** fd_store_remove() - all of that kind and device */
void fd_store_remove(enum fd_kind kind, const char *zone, const char *device);

/**
 * fd_store_take() - what an earlier daemon left there; call once
 * @ret: stored_fds_clear(); descriptors of other names are left alone
 *
 * They stay in the store, too, until they are removed. Return: 0, -ENOMEM.
 */
int fd_store_take(struct stored_fds *ret);

/**
 * fd_store_hand_over() - to the program that this process executes next: as systemd hands them to a new process
 *
 * Whatever else is open is closed or overwritten: nothing may follow but execve(2). Return: 0, -errno.
 */
int fd_store_hand_over(void);

/** stored_fds_clear() - closes those that nobody took */
void stored_fds_clear(struct stored_fds *s);

/** fd_store_name() - "KIND/ZONE/DEVICE": "/" is in no zone's or device's name, so there is no mistaking */
#define FD_STORE_NAME_SIZE (2 * NAME_SIZE + 16)
void fd_store_name(enum fd_kind kind, const char *zone, const char *device, char name[static FD_STORE_NAME_SIZE]);

/** fd_store_parse_name() - the same backwards; false: not one of ours, @ret is untouched */
bool fd_store_parse_name(const char *name, struct stored_fd *ret);
