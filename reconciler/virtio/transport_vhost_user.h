/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transport over a vhost-user socket: this process is the back-end, and
 * whoever connects is the front-end, QEMU for one. One front-end is served at a
 * time; when it goes, the next one is waited for.
 */
#pragma once

#include "virtio/transport.h"

/**
 * transport_vhost_user_new() - listens on a socket
 * @path: made anew; a socket that nobody listens on any more is replaced
 * @name: who this is, in log lines; borrowed
 * @ret: owned by the caller, transport_free()
 *
 * Return: 0 or -errno with @e.
 */
int transport_vhost_user_new(const char *path, const char *name, struct transport **ret, struct err *e);
