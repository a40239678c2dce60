/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-console (virtio 1.2, 5.3), one port, on a pty.
 *
 * What the guest writes goes into the history first and never waits for anybody.
 * While a client has the pty's slave open a cursor runs through the history and
 * feeds it: the recent output, then what comes. A client that is slower than a
 * whole ring of history misses what lies between; the guest never notices.
 *
 * What the client types waits in the pty until the guest has a buffer for it.
 */
#pragma once

#include "base/err.h"
#include "virtio/device_model.h"

#define CONSOLE_QUEUE_SIZE 64

/**
 * console_new() - a console
 * @pty_fd: the pty's master
 * @events_fd: an inotify fd on the slave's node, IN_OPEN and IN_CLOSE. Linux tells a master's poller
 *      that the last slave was closed, but not that one was opened
 * @history_fd: see history.h
 * @ret: owned by the caller, virtio_device_free()
 *
 * All three descriptors are owned by the console on success, and stay open under their numbers: a
 * daemon that lost its own copies them from here. The first two become non-blocking.
 * Return: 0 or -errno with @e.
 */
int console_new(int pty_fd, int events_fd, int history_fd, struct virtio_device **ret, struct err *e);
