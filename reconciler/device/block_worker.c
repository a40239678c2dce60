/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A disk as a worker: its command line, its system calls. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/image_events.h"
#include "base/log.h"
#include "device/block.h"
#include "device/block_image.h"
#include "device/block_io.h"
#include "device/device_type.h"

/* How long a killed predecessor may take to let go of the image; less than the daemon waits for the worker to serve. */
#define LOCK_PATIENCE_MS 5000

#define WORKER_NAME_SIZE 80

enum {
        ARGUMENT_IMAGE,
        ARGUMENT_IMAGE_EVENTS,
        ARGUMENT_READ_ONLY,
        ARGUMENT_DIRECT,
        ARGUMENT_DISCARD,
        ARGUMENT_BLOCK_SIZE,
        ARGUMENT_QUEUES,
        ARGUMENT_SERIAL,
};

/* Not blocking: a FIFO is no image, and is told so. */
static int open_image(const struct device_arguments *a, const char *path, int *ret, struct err *e) {
        int mode = a->values[ARGUMENT_READ_ONLY] ? O_RDONLY : O_RDWR;
        int direct = a->values[ARGUMENT_DIRECT] ? O_DIRECT : 0;
        int fd = open(path, mode | direct | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0)
                return err_set(e, -errno, "cannot open %s: %s", path, strerror(errno));
        *ret = fd;
        return 0;
}

/* Without it the disk works as well, but for this. */
static int open_image_events(const struct device_arguments *a, const char *text _unused_, int *ret,
                             struct err *e _unused_) {
        int fd = image_events_open(a->values[ARGUMENT_IMAGE]);

        if (fd < 0)
                log_warning("the image cannot be watched (%s): the guest will not hear when it grows", strerror(-fd));
        *ret = MAX(fd, -1);
        return 0;
}

static const struct device_option block_options[] = {
        [ARGUMENT_IMAGE] = { .name = WORKER_OPTION_IMAGE_FD,
                             .kind = DEVICE_OPTION_FD,
                             .by_name = WORKER_OPTION_IMAGE,
                             .open = open_image },
        [ARGUMENT_IMAGE_EVENTS] = { .name = WORKER_OPTION_IMAGE_EVENTS,
                                    .kind = DEVICE_OPTION_MAY_FD,
                                    .open = open_image_events },
        [ARGUMENT_READ_ONLY] = { .name = WORKER_OPTION_READ_ONLY, .kind = DEVICE_OPTION_FLAG },
        [ARGUMENT_DIRECT] = { .name = WORKER_OPTION_DIRECT, .kind = DEVICE_OPTION_FLAG },
        [ARGUMENT_DISCARD] = { .name = WORKER_OPTION_DISCARD, .kind = DEVICE_OPTION_FLAG },
        [ARGUMENT_BLOCK_SIZE] = { .name = WORKER_OPTION_BLOCK_SIZE, .kind = DEVICE_OPTION_NUMBER, .assumed = "0" },
        [ARGUMENT_QUEUES] = { .name = WORKER_OPTION_QUEUES, .kind = DEVICE_OPTION_NUMBER, .assumed = "1" },
        [ARGUMENT_SERIAL] = { .name = WORKER_OPTION_SERIAL, .kind = DEVICE_OPTION_TEXT, .assumed = "" },
        { 0 },
};

/* A ring and a thread, or a few threads; what either needs is not worth a list of its own. */
static const struct cage_rule block_rules[] = {
        { __NR_io_uring_enter, false, 0 },
        { __NR_preadv2, false, 0 },
        { __NR_pwritev2, false, 0 },
        { __NR_fdatasync, false, 0 },
        { __NR_fallocate, true, BLOCK_IO_PUNCH },
        { __NR_fallocate, true, BLOCK_IO_DISCARD },
        { __NR_fallocate, true, BLOCK_IO_ZERO },
        { __NR_futex, false, 0 },
        { __NR_read, false, 0 },  /* of the events of image and threads */
        { __NR_lseek, false, 0 }, /* tells the image's size */
        /* The end of a thread. */
        { __NR_rt_sigprocmask, false, 0 },
        { __NR_madvise, false, 0 },
        { __NR_exit, false, 0 },
};

/* cage_restrict() keeps a file at the size that it has; a block device has no such limit. */
static bool is_fixed(const struct device_arguments *a, const struct block_options *o) {
        struct stat st;

        return a->followed && !o->read_only && fstat(o->image_fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int block_create(const struct device_arguments *a, struct virtio_device **ret, struct err *e) {
        char name[WORKER_NAME_SIZE];
        struct block_options o = {
                .name = name,
                .image_fd = a->values[ARGUMENT_IMAGE],
                .image_events_fd = a->values[ARGUMENT_IMAGE_EVENTS],
                .serial = a->texts[ARGUMENT_SERIAL],
                .num_queues = (unsigned) a->values[ARGUMENT_QUEUES],
                .block_size = (unsigned) a->values[ARGUMENT_BLOCK_SIZE],
                .read_only = a->values[ARGUMENT_READ_ONLY],
                .direct = a->values[ARGUMENT_DIRECT],
                .discard = a->values[ARGUMENT_DISCARD],
        };
        char serial[BLOCK_SERIAL_SIZE];
        int r;

        (void) snprintf(name, sizeof(name), WORKER_NAME_FORMAT, a->zone, a->device);
        r = block_image_lock(o.image_fd, o.read_only, LOCK_PATIENCE_MS, e);
        if (r < 0)
                return r;
        if (o.serial[0] == '\0') {
                block_serial(a->zone, a->device, serial);
                o.serial = serial;
        }
        o.fixed_size = is_fixed(a, &o);
        return block_new(&o, ret, e);
}

const struct device_type block_device_type = {
        .name = "block",
        .comm = "virtio-block",
        .options = block_options,
        .rules = block_rules,
        .num_rules = ELEMENTSOF(block_rules),
        .create = block_create,
};
