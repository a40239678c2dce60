/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transport over a device object of hvisor.ko (kmod/uapi/hvisor.h). */
#pragma once

#include "virtio/transport.h"

/**
 * transport_hvisor_new() - a transport over a device fd
 * @device_fd: of a device object without a worker; owned by the transport on success
 * @ret: owned by the caller, transport_free()
 *
 * Return: 0 or -ENOMEM.
 */
int transport_hvisor_new(int device_fd, struct transport **ret);

/* The ioctls that are still made once it is attached: all that the worker's cage has to let through. */
#define TRANSPORT_HVISOR_IOCTLS 4
extern const unsigned long transport_hvisor_ioctls[TRANSPORT_HVISOR_IOCTLS];
