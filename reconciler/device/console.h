/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-console (virtio 1.2, 5.3), one port.
 *
 * What the guest writes goes into the history and never waits for anybody. Clients
 * follow that file by themselves (base/history.h). Beside them there is a pty:
 * while a program has its slave open a cursor runs through the history and feeds
 * it, the recent output first, then what comes. Who is slower than a whole ring
 * misses what lies between; the guest never notices.
 *
 * One client writes, into a FIFO that it has locked; else whoever has the pty. What
 * was typed waits there until the guest has a buffer for it. The pty's window
 * size is the console's (VIRTIO_CONSOLE_F_SIZE).
 */
#pragma once

#include "base/err.h"
#include "virtio/device_model.h"

#define CONSOLE_QUEUE_SIZE 64

struct console_fds {
        int pty;     /* the master; a daemon that lost its own copies it from the worker */
        int events;  /* an inotify fd on the slave's node, IN_OPEN and IN_CLOSE: Linux tells a master's poller
                      * that the last slave was closed, but not that one was opened */
        int history; /* see base/history.h */
        int input;   /* the FIFO, see base/console_dir.h */
        int journal; /* see console_log.h; -1: none */
};

/**
 * console_new() - a console
 * @fds: owned by the console on success, all but the history become non-blocking
 * @zone, @device: whose output it is, for the journal
 * @ret: owned by the caller, virtio_device_free()
 *
 * Return: 0 or -errno with @e.
 */
int console_new(const struct console_fds *fds, const char *zone, const char *device, struct virtio_device **ret,
                struct err *e);
