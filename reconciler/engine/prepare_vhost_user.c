/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The worker of a foreign back-end's device gets a connection to it. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/fd.h"
#include "base/worker.h"
#include "engine/prepare.h"

static int vhost_user_open(const struct device_spec *d, int *ret_fd, struct err *e) {
        _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        if (fd < 0)
                return err_set(e, -errno, "a socket: %s", strerror(errno));
        if (strlen(d->socket) >= sizeof(address.sun_path))
                return err_set(e, -ENAMETOOLONG, "%s: longer than a socket's path can be", d->socket);
        memcpy(address.sun_path, d->socket, strlen(d->socket));
        if (connect(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return err_set(e, errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN ? -ENOTCONN : -errno,
                               "%s: %s; the vhost-user back-end that listens there has to be started", d->socket,
                               strerror(errno));
        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int vhost_user_prepare(struct launcher_stock *s _unused_, const struct launch_request *q, struct command *c,
                              struct err *e _unused_) {
        command_add_fd(c, WORKER_OPTION_SOCKET_FD, q->image_fd);
        command_add_argument(c, "--%s=%s", WORKER_OPTION_VIRTIO_TYPE, virtio_type_to_string(q->device->virtio_type));
        command_add_argument(c, "--%s=%u", WORKER_OPTION_QUEUES, device_queues(q->device));
        command_add_argument(c, "--%s=%s", WORKER_OPTION_TAG, q->device->tag);
        return 0;
}

const struct device_preparation vhost_user_preparation = {
        .open = vhost_user_open,
        .prepare = vhost_user_prepare,
};
