/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kind of device that a worker can be. A new one is a row in schema/keys.def, DEVICE(),
 * and one file here with its struct device_type.
 */
#pragma once

#include "base/err.h"
#include "base/worker.h"
#include "virtio/device_model.h"

#define DEVICE_OPTIONS_MAX 8
#define DEVICE_FDS_MAX     8

enum device_option_kind {
        DEVICE_OPTION_END = 0,
        DEVICE_OPTION_FD,      /* --name=N, required: an open descriptor */
        DEVICE_OPTION_MAY_FD,  /* --name=N, an open descriptor, may be left out: then it is -1 */
        DEVICE_OPTION_FDS,     /* --name=N,N…, required: open descriptors, up to DEVICE_FDS_MAX */
        DEVICE_OPTION_MAY_FDS, /* the same, may be left out: then there are none */
        DEVICE_OPTION_NUMBER,  /* --name=N, required: decimal, below 2^31 */
        DEVICE_OPTION_FLAG,    /* --name, may be left out */
        DEVICE_OPTION_TEXT,    /* --name=TEXT, required */
};

static inline bool device_option_may_be_left_out(enum device_option_kind kind) {
        return kind == DEVICE_OPTION_FLAG || kind == DEVICE_OPTION_MAY_FD || kind == DEVICE_OPTION_MAY_FDS;
}

struct device_fds {
        int fds[DEVICE_FDS_MAX];
        unsigned count;
};

/* The command line of a worker, checked. Strings are borrowed from it. */
struct device_arguments {
        const char *zone;
        const char *device;
        bool followed;                  /* by another worker, when this one ends: a daemon sees to it */
        int values[DEVICE_OPTIONS_MAX]; /* by place in the type's options: descriptor, number, or 0/1 */
        const char *texts[DEVICE_OPTIONS_MAX];
        struct device_fds lists[DEVICE_OPTIONS_MAX]; /* of options that take several descriptors */
};

struct device_option {
        const char *name;
        enum device_option_kind kind;
        /*
         * Of a descriptor that a worker without a daemon opens itself: what to call it by, and how. Of one that may
         * be left out how alone will do: with @text NULL, after those that have names. *ret is owned by the caller.
         * Return: 0 or -errno with @e.
         */
        const char *by_name;
        int (*open)(const struct device_arguments *a, const char *text, int *ret, struct err *e);
        const char *assumed; /* without a daemon, where it is left out; NULL: required there, too */
        bool zones_only;     /* there is no such thing without hvisor.ko */
};

/* One system call that a caged worker may make. */
struct cage_rule {
        int syscall;     /* __NR_…, on this architecture */
        bool restricted; /* only with @request as its second argument: of ioctl(2), or fallocate(2)'s mode */
        unsigned long request;
};

struct device_type {
        const char *name;                    /* on the command line: the row's word */
        const char *comm;                    /* process name: "virtio-" and that */
        const struct device_option *options; /* closed by DEVICE_OPTION_END */
        const struct cage_rule *rules;       /* what it needs while it serves, besides what every worker does */
        size_t num_rules;

        /* Takes the descriptors of @a over on success. Runs isolated (cage.h), but may make what it needs: threads, rings. */
        int (*create)(const struct device_arguments *a, struct virtio_device **ret, struct err *e);
};

#define SECTION(...)
#define KEY(...)
#define DEVICE(id, name, word, ...) extern const struct device_type word##_device_type;
#include "schema/keys.def"

/* Every type there is, closed by NULL. */
extern const struct device_type *const device_types[];

/** device_type_find() - the type of that name, NULL if there is none */
const struct device_type *device_type_find(const char *name);
