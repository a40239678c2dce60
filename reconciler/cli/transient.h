/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Zones and devices that the commands of hvisor-tool began, until they are taken back or root Linux restarts. What
 * was asked for lies in a directory for each zone's id,
 *
 *   ID/NAME.conf  the zone that `zone start` was given, without devices
 *   ID/PID.json   the devices that one `virtio start` brings it, as in the "zones" of a virtio file: whether or not
 *                 the zone is there. That process keeps the file locked (flock(2)) as long as it lives.
 *   ID/ADDRESS.tty a link to the terminal that was told for the console there: cli/terminals.h
 *
 * and what follows from it is one zone's file for the reconciler, ZONES/NAME.conf, there from `zone start` to
 * `zone shutdown`. Devices stand in it in the order of their addresses, so that each keeps its name whoever
 * brings it. Those of a `virtio start` that has ended stay, with Enabled=no, as long as the zone does.
 *
 * One process at a time changes any of it: transient_open() waits for the others.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/range.h"
#include "config/diagnostics.h"
#include "config/spec.h"

struct transient {
        const char *directory, *zones; /* absolute; borrowed */
        int lock;
};

/** transient_open() - with exclusive access until transient_close() */
int transient_open(const char *directory, const char *zones, struct transient *ret, struct err *e);
void transient_close(struct transient *t);

/**
 * transient_put_zone() - makes the zone's file, with the devices that wait for it
 * @z: without devices; those that are given up for good are forgotten
 *
 * Return: 0; -EBADMSG, or -errno: nothing was made, @d says why.
 */
int transient_put_zone(struct transient *t, const struct zone_spec *z, struct diagnostics *d);

/** transient_drop_zone() - its file goes; the devices wait for the next. Return: 0, -errno. */
int transient_drop_zone(struct transient *t, uint32_t id);

/** transient_forget_devices() - those whose `virtio start` has ended, when no zone has them any more */
void transient_forget_devices(struct transient *t, uint32_t id);

/** transient_zone_name() - of the zone that was put and whose file is still there; false: there is none */
bool transient_zone_name(const struct transient *t, uint32_t id, char ret[NAME_SIZE]);

/** transient_lacks() - the first of @windows, guest addresses, in which no device waits; NULL: none */
const struct range *transient_lacks(const struct transient *t, uint32_t id, const struct range *windows, size_t count);

/**
 * transient_add_devices() - of this process; a zone that is there already gets them, too
 * @zone: an element of a virtio file's "zones", its paths absolute
 * @ret_fd: keeps them its own until it is closed
 *
 * Return: 0; -EBUSY (another `virtio start` that lives has one of the windows), -EBADMSG, -errno: nothing was
 * changed, @d says why.
 */
int transient_add_devices(struct transient *t, uint32_t id, json_t *zone, int *ret_fd, struct diagnostics *d);

/** transient_end_devices() - of this process: a zone that has them keeps them with Enabled=no. Closes @fd. */
int transient_end_devices(struct transient *t, uint32_t id, int fd, struct diagnostics *d);
