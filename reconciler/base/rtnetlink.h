/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Network interfaces, by rtnetlink(7): as much as a tap needs. Each call opens a socket of its own, in this process's
 * network namespace; the kernel answers before it returns.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define LINK_NO_MASTER (-1) /* out of whatever it is a part of */

/* What is to become of an interface; 0: it stays as it is. */
struct link_change {
        bool up;
        uint32_t mtu; /* bytes */
        int master;   /* index of a bridge, or LINK_NO_MASTER */
};

/** link_set() - all of it in one go; wants CAP_NET_ADMIN. Return: 0, -ENODEV (no such interface), -errno. */
int link_set(int index, const struct link_change *c);

/** link_remove() - wants CAP_NET_ADMIN. Return: 0, -ENODEV (no such interface), -errno. */
int link_remove(int index);

/**
 * link_watch() - follows one interface from now on
 * @index: of the interface
 * @ret: owned by the caller; a netlink socket, non-blocking
 *
 * Readable when something may have changed; the first message, already there, tells how it is now. The socket takes
 * nothing in but what the kernel says of this one interface, and that cannot be undone: whoever holds it learns of no
 * other, whatever he asks for through it. Return: 0, -errno.
 */
int link_watch(int index, int *ret);

/**
 * link_listen() - hears that something has become of some interface
 * @ret: owned by the caller; readable then; non-blocking
 *
 * Return: 0, -errno.
 */
int link_listen(int *ret);

/** link_hear() - what there was to hear is dealt with; may be nothing, or more than one thing */
void link_hear(int fd);

enum link_state {
        LINK_GONE,
        LINK_DOWN, /* switched off, or without a carrier */
        LINK_UP,
};

/**
 * link_watch_read() - what a socket of link_watch() has to say
 * @ret: untouched where there is nothing new
 *
 * By readv(2) alone. Return: 1 (@ret tells), 0 (nothing more), -ENOBUFS (something was lost), -errno.
 */
int link_watch_read(int fd, enum link_state *ret);
