/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serves one device: binds a model to a transport with an event loop of one
 * thread. It sleeps in epoll_wait() whenever there is nothing to do, starts and
 * stops the queues as the driver says, and interrupts the guest once a batch.
 */
#pragma once

#include "virtio/transport.h"

struct server;

/**
 * server_new() - attaches and gets everything ready that needs descriptors
 * @device, @transport: borrowed, must outlive the server
 * @name: who this is, in log lines; borrowed
 * @cookie: handed to the manager, see struct transport_ops
 * @signal_fd: a signalfd; a signal ends server_run(). Borrowed
 * @ret: owned by the caller, server_free()
 *
 * After it, server_run() opens nothing and allocates nothing: the process can be
 * locked up in between. Return: 0 or -errno with @e.
 */
int server_new(struct virtio_device *device, struct transport *transport, const char *name, uint64_t cookie,
               int signal_fd, struct server **ret, struct err *e);

/** server_free() - stops every queue */
void server_free(struct server *s);
DEFINE_CLEANUP(struct server *, server_free);

/**
 * server_step() - waits for events and handles what has come
 * @timeout_ms: longest wait, -1 for ever; not waited at all while work is left over
 *
 * Return: 1 (go on), 0 (a signal came, or this worker was revoked), -errno (a failure of ours).
 */
int server_step(struct server *s, int timeout_ms);

/** server_run() - server_step() until it says something else than 1; returns that */
int server_run(struct server *s);
