/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk's worker gets its image. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/worker.h"
#include "engine/prepare.h"

/*
 * A description of its own for every worker: the OFD lock that fences off a
 * killed predecessor belongs to the description (fcntl(2), F_OFD_SETLK).
 */
static int block_open(const struct device_spec *d, int *ret_fd, struct err *e) {
        int fd = open(d->image, (d->read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0)
                return err_set(e, -errno, "%s: %s", d->image, strerror(errno));
        *ret_fd = fd;
        return 0;
}

static int block_prepare(struct launcher_stock *s _unused_, const struct launch_request *q, struct command *c,
                         struct err *e _unused_) {
        command_add_fd(c, WORKER_OPTION_IMAGE_FD, q->image_fd);
        if (q->device->read_only)
                command_add_argument(c, "--%s", WORKER_OPTION_READ_ONLY);
        return 0;
}

const struct device_preparation block_preparation = {
        .open = block_open,
        .prepare = block_prepare,
};
