/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each type of device needs of root Linux before its worker can run. The
 * launcher knows no type: one that needs more than its device object has a file
 * prepare_TYPE.c with a struct device_preparation, and a row in prepare.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/macros.h"
#include "engine/console.h"
#include "engine/launcher.h"
#include "engine/taps.h"
#include "engine/watches.h"

#define COMMAND_ARGUMENTS_MAX   48
#define COMMAND_DESCRIPTORS_MAX 32

/* A worker's command line being put together, with the descriptors in it: base/worker.h says what it looks like. */
struct command {
        char *arguments[COMMAND_ARGUMENTS_MAX + 1]; /* closed by NULL */
        size_t num_arguments;
        int fds[COMMAND_DESCRIPTORS_MAX];
        size_t num_fds;
        int owned[COMMAND_DESCRIPTORS_MAX]; /* those to be closed here afterwards */
        size_t num_owned;
        int error_fd; /* its stderr, owned; -1: none yet */
        int error;    /* the first that adding something met, else 0 */
};

/** command_add_argument() - a failure shows in command_check() */
void command_add_argument(struct command *c, const char *format, ...) _printf_(2, 3);

/** command_add_fd() - "--OPTION=N"; @fd is borrowed until the worker was forked */
void command_add_fd(struct command *c, const char *option, int fd);

/** command_add_owned_fd() - the same; @fd is the command's now, whatever happens */
void command_add_owned_fd(struct command *c, const char *option, int fd);

/** command_own_fd() - @fd is the command's now, whatever happens; it is not told to the worker by this */
void command_own_fd(struct command *c, int fd);

/** command_add_fds() - "--OPTION=N,N…", borrowed as well */
void command_add_fds(struct command *c, const char *option, const int *fds, unsigned count);

/** command_check() - 0; -ENOMEM, -E2BIG if not all that was added is there */
int command_check(const struct command *c, struct err *e);

void command_clear(struct command *c);

/* What the launcher keeps for the types whose things outlive a worker. */
struct launcher_stock {
        struct consoles *consoles;
        struct taps *taps;
        struct watches *watches;
};

/** command_add_watch() - as command_add_owned_fd(), for an inotify: @s keeps it (engine/watches.h) */
void command_add_watch(struct command *c, const char *option, struct launcher_stock *s, const struct launch_request *q,
                       int fd);

/* All may be NULL. All but open() run in the daemon's loop and do not block. */
struct device_preparation {
        /* What it needs of the file system, which may block for long: runs in a job. @ret_fd becomes the
         * launch request's image_fd. Return: 0, -ENOTCONN (somebody else is to start what it needs, and may do so
         * at any moment), -errno; with @e. */
        int (*open)(const struct device_spec *d, int *ret_fd, struct err *e);
        /* Opens the rest and adds it to the command. Return: 0, -errno with @e. */
        int (*prepare)(struct launcher_stock *s, const struct launch_request *q, struct command *c, struct err *e);
        /* A worker of an earlier daemon runs, of this type or another: take back what it alone has. */
        void (*adopt)(struct launcher_stock *s, const struct adopted_worker *w);
        /* The zone is gone for good, and with it what was kept for it; but for devices that are in @keep, which
         * it has in its next life. NULL: there is none. */
        void (*forget)(struct launcher_stock *s, const char *zone, const struct zone_spec *keep);
};

extern const struct device_preparation block_preparation;
extern const struct device_preparation console_preparation;
extern const struct device_preparation net_preparation;
extern const struct device_preparation vhost_user_preparation;

/** device_preparation() - of that type; of one that needs nothing all is NULL */
const struct device_preparation *device_preparation(enum device_type type);

/** device_adopt(), device_forget() - of all types */
void device_adopt(struct launcher_stock *s, const struct adopted_worker *w);
void device_forget(struct launcher_stock *s, const char *zone, const struct zone_spec *keep);
