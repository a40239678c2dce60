/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the reconciler makes of a file that was put in place or removed, waited for at its control socket. Who
 * waits longer than two seconds is told on stderr what for. A reconciler that restarts meanwhile is waited for, too.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

/**
 * zone_wait() - until @done
 * @done: looks at the zone's part of the status, NULL where there is none: true ends the wait
 * @what: for the progress, e.g. "zone linux2"
 * @timeout_ms: 0: none
 * @ret: what @done has seen last, json_decref(); NULL: no such zone
 *
 * Return: 0; -ETIMEDOUT; -ENOTCONN, -EACCES, -errno: the reconciler is not to be had any more, @e says so.
 */
int zone_wait(const char *name, bool (*done)(const json_t *zone, void *userdata), void *userdata, unsigned timeout_ms,
              json_t **ret, struct err *e);
