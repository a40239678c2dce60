/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console as a worker: its command line and its cage. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "device/console.h"
#include "device/device_type.h"
#include "device/pty.h"

enum {
        ARGUMENT_PTY,
        ARGUMENT_EVENTS,
        ARGUMENT_HISTORY,
        ARGUMENT_INPUT,
        ARGUMENT_JOURNAL,
};

static const struct device_option console_options[] = {
        [ARGUMENT_PTY] = { .name = WORKER_OPTION_PTY_FD, .kind = DEVICE_OPTION_FD, .zones_only = true },
        [ARGUMENT_EVENTS] = { .name = WORKER_OPTION_PTY_EVENTS_FD, .kind = DEVICE_OPTION_FD },
        [ARGUMENT_HISTORY] = { .name = WORKER_OPTION_HISTORY_FD, .kind = DEVICE_OPTION_FD },
        [ARGUMENT_INPUT] = { .name = WORKER_OPTION_INPUT_FD, .kind = DEVICE_OPTION_FD },
        [ARGUMENT_JOURNAL] = { .name = WORKER_OPTION_JOURNAL_FD, .kind = DEVICE_OPTION_MAY_FD },
        { 0 },
};

static const struct cage_rule console_rules[] = {
        { __NR_read, false, 0 },
        { __NR_readv, false, 0 },
        { __NR_writev, false, 0 },
        { __NR_pwrite64, false, 0 },
        { __NR_fcntl, true, F_GETLK },
#ifdef __NR_poll
        { __NR_poll, false, 0 },
#endif
        { __NR_ppoll, false, 0 },
        { __NR_ioctl, true, PTY_IOCTL_GET },
        { __NR_ioctl, true, PTY_IOCTL_SET_FLUSH },
        { __NR_ioctl, true, PTY_IOCTL_FLUSH },
        { __NR_ioctl, true, TIOCGWINSZ },
};

static int console_create(const struct device_arguments *a, struct virtio_device **ret, struct err *e) {
        const struct console_fds fds = {
                .pty = a->values[ARGUMENT_PTY],
                .events = a->values[ARGUMENT_EVENTS],
                .history = a->values[ARGUMENT_HISTORY],
                .input = a->values[ARGUMENT_INPUT],
                .journal = a->values[ARGUMENT_JOURNAL],
        };

        return console_new(&fds, a->zone, a->device, ret, e);
}

const struct device_type console_device_type = {
        .name = "console",
        .comm = "virtio-console",
        .options = console_options,
        .rules = console_rules,
        .num_rules = ELEMENTSOF(console_rules),
        .create = console_create,
};
