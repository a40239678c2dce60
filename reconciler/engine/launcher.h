/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who starts workers: the engine asks, a launcher does. The real one
 * (launcher_system_new()) opens what the worker needs, forks, and has systemd
 * put it into a scope; tests have their own.
 */
#pragma once

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/err.h"
#include "config/spec.h"
#include "engine/record.h"

struct launcher;

struct launch_request {
        const char *zone;
        uint32_t zone_id;
        const struct device_spec *device;
        uint64_t cookie; /* device_spec_cookie() */
        int device_fd;   /* borrowed, as is: the worker gets copies */
        int image_fd;    /* what the open() of its type opened (engine/prepare.h); -1: nothing */
        bool urgent;     /* a driver may wait for it: it serves before it is in its scope */
};

/* A worker of an earlier daemon. All is borrowed. */
struct adopted_worker {
        const char *zone, *device;
        const struct device_spec *settings; /* applied last; NULL: not known */
        pid_t pid;
        int pidfd;
};

struct launcher_ops {
        void (*free)(struct launcher *l);
        int (*launch)(struct launcher *l, const struct launch_request *q, pid_t *ret_pid, int *ret_pidfd,
                      struct err *e);
        void (*adopt)(struct launcher *l, const struct adopted_worker *w);
        void (*forget)(struct launcher *l, const char *zone, const struct zone_spec *keep);
        bool (*is_current)(struct launcher *l, pid_t pid);
};

struct launcher {
        const struct launcher_ops *ops;
};

/** launcher_system_new() - takes over what systemd's fd store kept (call once, early); @record gets what
 * workers say */
int launcher_system_new(sd_event *event, const char *worker_binary, void (*record)(const struct record *r),
                        struct launcher **ret, struct err *e);

struct launcher *launcher_free(struct launcher *l);

/**
 * launcher_launch() - starts a worker; whether it works shows when it attaches
 * @ret_pidfd: owned by the caller; readable when the worker ended
 *
 * Does not wait. Return: 0, -errno.
 */
int launcher_launch(struct launcher *l, const struct launch_request *q, pid_t *ret_pid, int *ret_pidfd, struct err *e);

/** launcher_adopt() - it runs: keep what belongs to it */
void launcher_adopt(struct launcher *l, const struct adopted_worker *w);

/** launcher_is_current() - false: the worker runs another program than one that was launched now would; true also
 * where that cannot be told */
bool launcher_is_current(struct launcher *l, pid_t pid);

/** launcher_forget() - the zone is gone: what is kept for it may go, too, but for devices in @keep; NULL: all */
void launcher_forget(struct launcher *l, const char *zone, const struct zone_spec *keep);
