/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's hold on taps. It keeps a copy of each device's descriptors, and systemd's fd store another: while a
 * worker is replaced the interface has its carrier, and frames wait in it. A tap of our own (Tap=auto) is one that
 * ends with the last of its descriptors: with the zone or device that it was made for, whoever dies before.
 *
 * What Bridge= names is the tap's bridge for as long as the device has it: one that was removed and made again gets its
 * port back, as does one that lost it otherwise.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/tap.h"
#include "engine/fd_store.h"

struct taps; /* all of them */

/** taps_new() - with what the fd store kept of them, which is taken over */
int taps_new(sd_event *event, struct stored_fds *stored, struct taps **ret);
struct taps *taps_free(struct taps *t);

/**
 * taps_get() - the device's tap, as its settings want it; opened or made if need be
 * @queues: 1 … TAP_QUEUES_MAX; a tap that exists may have one alone
 * @ret: borrowed until taps_drop() or the next taps_get() for the device
 *
 * Return: 0, -errno with @e, which tells what to do.
 */
int taps_get(struct taps *l, const char *zone, const struct device_spec *d, unsigned queues, const struct tap **ret,
             struct err *e);

/**
 * taps_regain() - the device's worker runs: takes copies of its descriptors where there are none yet
 * @d: what it was started with; NULL: not known
 */
void taps_regain(struct taps *l, const char *zone, const char *device, const struct device_spec *d, pid_t worker,
                 int pidfd);

/** taps_drop() - closes those of the zone's devices that are not in @keep (NULL: of all) */
void taps_drop(struct taps *l, const char *zone, const struct zone_spec *keep);

/** tap_name_of() - the interface that a device wants */
void tap_name_of(const char *zone, const struct device_spec *d, char ret[static TAP_NAME_SIZE]);
