/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The readable copy of the spec that a zone was last started with,
 * DIR/NAME.conf: what it keeps while its file is bad, also after the daemon
 * was restarted. It is no truth: whether it fits what runs, the cookie tells.
 */
#pragma once

#include "base/err.h"
#include "config/spec.h"

int applied_write(const char *directory, const struct zone_spec *z, struct err *e);
void applied_remove(const char *directory, const char *zone);
