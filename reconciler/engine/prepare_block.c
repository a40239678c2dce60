/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk's worker gets its image, and hears when somebody else has changed it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/image_events.h"
#include "base/log.h"
#include "base/worker.h"
#include "engine/prepare.h"

/*
 * A description of its own for every worker: the OFD lock that fences off a
 * killed predecessor belongs to the description (fcntl(2), F_OFD_SETLK).
 */
static int block_open(const struct device_spec *d, int *ret_fd, struct err *e) {
        int mode = d->read_only ? O_RDONLY : O_RDWR, direct = d->cache == CACHE_NONE ? O_DIRECT : 0;
        int fd = open(d->image, mode | direct | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0 && errno == EINVAL && direct)
                return err_set(e, -EINVAL, "%s: its file system has no direct I/O, which Cache=none wants", d->image);
        if (fd < 0)
                return err_set(e, -errno, "%s: %s", d->image, strerror(errno));
        *ret_fd = fd;
        return 0;
}

static int block_prepare(struct launcher_stock *s, const struct launch_request *q, struct command *c,
                         struct err *e _unused_) {
        const struct device_spec *d = q->device;
        int events = image_events_open(q->image_fd);

        command_add_fd(c, WORKER_OPTION_IMAGE_FD, q->image_fd);
        if (events >= 0)
                command_add_watch(c, WORKER_OPTION_IMAGE_EVENTS, s, q, events);
        else
                log_warning("zone %s, device %s: %s cannot be watched (%s): the guest will not hear when it grows",
                            q->zone, d->name, d->image, strerror(-events));
        if (d->read_only)
                command_add_argument(c, "--%s", WORKER_OPTION_READ_ONLY);
        if (d->cache == CACHE_NONE)
                command_add_argument(c, "--%s", WORKER_OPTION_DIRECT);
        if (d->discard)
                command_add_argument(c, "--%s", WORKER_OPTION_DISCARD);
        command_add_argument(c, "--%s=%u", WORKER_OPTION_BLOCK_SIZE, d->block_size);
        command_add_argument(c, "--%s=%u", WORKER_OPTION_QUEUES, device_queues(d));
        command_add_argument(c, "--%s=%s", WORKER_OPTION_SERIAL, d->serial);
        return 0;
}

const struct device_preparation block_preparation = {
        .open = block_open,
        .prepare = block_prepare,
};
