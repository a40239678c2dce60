/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The front-end's side of a vhost-user connection: another process, whoever
 * made it, serves the queues of our device. Kicks and calls are eventfds that it
 * gets; over the socket goes only what changes the set-up.
 *
 * The back-end is not trusted: what it says is checked by its form
 * (vhost_user.h), answers are waited for only so long, and all that it gets of
 * the guest is its memory, by descriptors that can be taken away.
 *
 * Where a queue stands a back-end tells from the record of requests in flight,
 * if it keeps one (INFLIGHT_SHMFD): the memory for it is the transport's, and
 * outlives both sides. From one that keeps none the queue is taken up at the used
 * ring's index, which is right if it returns requests in order.
 *
 * One thread. Functions that wait do so for VHOST_USER_FRONT_WAIT_MS at most; after an
 * error the connection is good for nothing but vhost_user_front_free().
 */
#pragma once

#include "base/err.h"
#include "virtio/device_model.h"

#define VHOST_USER_FRONT_WAIT_MS 5000

struct vhost_user_front;

/**
 * vhost_user_front_new() - agrees with the back-end on the protocol
 * @socket: connected, stream; owned on success
 * @num_queues: that it has to have
 * @ret: owned by the caller, vhost_user_front_free()
 *
 * Return: 0 or -errno with @e: -EPROTO (what it says is no vhost-user), -EOPNOTSUPP (no VERSION_1, too few queues),
 * -ETIMEDOUT, -ECONNRESET.
 */
int vhost_user_front_new(int socket, unsigned num_queues, struct vhost_user_front **ret, struct err *e);
void vhost_user_front_free(struct vhost_user_front *f);
DEFINE_CLEANUP(struct vhost_user_front *, vhost_user_front_free);

/** vhost_user_front_features() - virtio features that the back-end offers, those of vhost-user itself left out */
uint64_t vhost_user_front_features(const struct vhost_user_front *f);

/** vhost_user_front_keeps_record() - true if it keeps what is in flight in memory that it is given */
bool vhost_user_front_keeps_record(const struct vhost_user_front *f);

/**
 * vhost_user_front_config() - reads @size bytes of its configuration space
 *
 * Return: 0, -EOPNOTSUPP (it tells none), -errno with @e.
 */
int vhost_user_front_config(struct vhost_user_front *f, uint8_t *ret, uint32_t size, struct err *e);

/**
 * vhost_user_front_start() - gives @queue of @d away, to be called by queue_started()
 *
 * The first one after a set-up by the driver tells features and memory as well. Return: 0, -errno with @e.
 */
int vhost_user_front_start(struct vhost_user_front *f, const struct virtio_device *d, unsigned queue, struct err *e);

/**
 * vhost_user_front_stop() - has it back; after an error that can only be hoped
 *
 * Does nothing, and waits for nothing, once the connection has failed. Return: 0, -errno with @e.
 */
int vhost_user_front_stop(struct vhost_user_front *f, unsigned queue, struct err *e);

/** vhost_user_front_socket(), vhost_user_front_error_fd() - to be watched: it spoke unasked or went; it met an error */
int vhost_user_front_socket(const struct vhost_user_front *f);
int vhost_user_front_error_fd(const struct vhost_user_front *f);
