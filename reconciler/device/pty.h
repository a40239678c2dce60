/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pty seen from its master, which is all that a worker has. No descriptor is
 * opened, nothing blocks.
 */
#pragma once

#include <asm/ioctls.h>

#include "base/macros.h"

/* The ioctls made here, for the worker's cage. */
#define PTY_IOCTL_GET       TCGETS
#define PTY_IOCTL_SET_FLUSH TCSETSF
#define PTY_IOCTL_FLUSH     TCFLSH

/** pty_has_client() - true while somebody has the slave open; false also before anybody ever had */
bool pty_has_client(int master_fd);

/**
 * pty_renew() - makes the slave as new for its next client
 *
 * Throws away what was written to the master and not read by the last client, and
 * makes the slave raw again: with an ECHO left behind the guest's output would come
 * back as its input. What that client typed stays. Return: 0 or -errno.
 */
int pty_renew(int master_fd);

/**
 * pty_count_clients() - reads all events of an inotify fd on the slave's node (IN_OPEN, IN_CLOSE)
 * @events_fd: non-blocking
 * @clients: in: how many there are; out: how many there are then
 *
 * Return: 1 if there was a moment with none in between (or events were lost), 0 if not.
 */
int pty_count_clients(int events_fd, uint32_t *clients);
