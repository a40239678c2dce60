/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that a foreign vhost-user back-end serves (virtio/vhost_user_front.h). This process tells it what the driver
 * sets up, and sleeps otherwise.
 *
 * When the back-end goes, the worker does, too: its successor comes with a new connection, and the guest waits. The
 * other way round the back-end finds its connection closed and nothing in the guest's memory.
 */
#pragma once

#include "base/err.h"
#include "base/virtio_types.h"
#include "virtio/device_model.h"

#define VHOST_USER_QUEUE_SIZE 128

struct vhost_user_settings {
        const char *name; /* who this is, in log lines; copied */
        enum virtio_type type;
        unsigned queues; /* as Queues= has it, 1 … queues_most */
        const char *tag; /* fs; NULL: none */
        int socket;      /* connected; owned by the device on success */
};

/**
 * vhost_user_new() - agrees with the back-end on what the device is
 * @ret: owned by the caller, virtio_device_free()
 *
 * Waits for the back-end, but not for ever. Return: 0 or -errno with @e.
 */
int vhost_user_new(const struct vhost_user_settings *s, struct virtio_device **ret, struct err *e);
