/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside the driver for hvisor.ko: kmod/uapi/hvisor.h, call by call. */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "hvisor.h"
#include "hypervisor/hypervisor.h"

#define HVISOR_ZONES_MAX 256U /* more than CPUs can there be no zones */

struct hvisor {
        struct hypervisor hypervisor;
        int control; /* /dev/hvisor */
        uint32_t magic;
};

static inline struct hvisor *to_hvisor(struct hypervisor *h) {
        return (struct hvisor *) h;
}

static inline int call(int fd, unsigned long number, void *argument) {
        int r = ioctl(fd, number, argument);

        return r < 0 ? -errno : r;
}

static inline void copy_name(char to[NAME_SIZE], const char *from) {
        snprintf(to, NAME_SIZE, "%.*s", NAME_SIZE - 1, from);
}

/* ---- hvisor_observe.c ------------------------------------------------------------------------------- */
int hvisor_observe(struct hypervisor *h, struct live *ret, struct err *e);
int hvisor_observe_listed(struct hypervisor *h, struct live *ret, struct err *e);
int hvisor_list(struct hypervisor *h, struct zone_listed **ret, struct err *e);
/* The hypervisor's own list, root Linux included, into HVISOR_ZONES_MAX elements. Return: how many, -errno.
 */
int hvisor_zone_list(struct hvisor *h, struct hvisor_old_zone_info *zones, struct err *e);
