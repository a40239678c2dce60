/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker's command line; base/worker.h says what it looks like. */
#pragma once

#include "device/device_type.h"

enum worker_options_result {
        WORKER_OPTIONS_SERVE = 0,
        WORKER_OPTIONS_HELP,    /* --help was given: worker_options_help(), exit 0 */
        WORKER_OPTIONS_VERSION, /* --version was given */
};

/* The common descriptors, and of each option of the type as many as it may have. */
#define WORKER_FDS_MAX (2 + DEVICE_OPTIONS_MAX * DEVICE_FDS_MAX)

struct worker_options {
        const struct device_type *type;
        uint64_t cookie;
        uid_t uid;              /* not 0 */
        int device_fd;          /* -1: there is no device of hvisor.ko, but … */
        const char *vhost_user; /* … a socket to listen on; else NULL */
        int log_fd;             /* -1: none */
        struct device_arguments arguments;
        const char *names[DEVICE_OPTIONS_MAX]; /* of descriptors to open, by place in the type's options; else NULL */
};

/**
 * worker_options_parse() - reads and checks the whole command line
 * @ret: borrows from @argv; untouched unless WORKER_OPTIONS_SERVE is returned
 *
 * Every descriptor named is open, beyond stderr, and named once. Uses getopt's globals: one
 * thread. Return: enum worker_options_result, or -EINVAL with @e.
 */
int worker_options_parse(int argc, char **argv, struct worker_options *ret, struct err *e);

/**
 * worker_options_open() - opens what was named and not handed over, into @o->arguments
 *
 * Before the cage closes. Descriptors are as if they had been handed over. Return: 0 or -errno with @e.
 */
int worker_options_open(struct worker_options *o, struct err *e);

/** worker_options_help() - writes the help text to stdout */
void worker_options_help(void);

/**
 * worker_options_fds() - every descriptor that was handed over, or opened since
 *
 * Return: how many of @ret are filled in.
 */
size_t worker_options_fds(const struct worker_options *o, int ret[static WORKER_FDS_MAX]);
