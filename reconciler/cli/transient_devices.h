/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The devices that wait for a zone, or that it has: PID.json in its folder, one for each `virtio start`
 * (PID-N.json: of one that was killed before another got its pid). Called with
 * exclusive access (cli/transient.h). What cannot be read is none.
 */
#pragma once

#include <dirent.h>
#include <jansson.h>

#include "base/range.h"
#include "config/diagnostics.h"

static inline void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

/** transient_devices_merge() - all of them, by their addresses, as a virtio file; of two at one address that whose
 * process lives. Return: json_decref(); NULL: out of memory. */
json_t *transient_devices_merge(const char *folder, uint32_t id);

/** transient_devices_cover() - one whose process lives has its window in @window */
bool transient_devices_cover(const char *folder, const struct range *window);

/** transient_devices_claim() - -EBUSY: a process that lives has one of those of @zone, said so */
int transient_devices_claim(const char *folder, uint32_t id, const json_t *zone, struct diagnostics *d);

/** transient_devices_write() - those of this process; @ret_fd: keeps them its own. Return: 0, -errno. */
int transient_devices_write(const char *folder, const json_t *zone, int *ret_fd);

/** transient_devices_disable() - those of this process stay, with nobody who serves them. Return: 0, -errno. */
int transient_devices_disable(const char *folder);

/** transient_devices_remove() - those of this process */
void transient_devices_remove(const char *folder);

/** transient_devices_take_over() - whoever ended and had one of @zone's has it no more */
void transient_devices_take_over(const char *folder, const json_t *zone);

/** transient_devices_forget() - those of processes that ended */
void transient_devices_forget(const char *folder);
