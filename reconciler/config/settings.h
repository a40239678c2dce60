/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The reconciler's own settings, from hvisor.conf: what concerns no single
 * zone. The file may be missing.
 */
#pragma once

#include "config/diagnostics.h"

struct settings {
        int log_level;   /* base/log.h's; 0: not given */
        uint64_t settle; /* µs without another event until a file that was written is read */
};

/** settings_default() - what holds where nothing is given */
void settings_default(struct settings *ret);

/**
 * settings_parse() - from the file's text
 * @ret: untouched on failure
 *
 * Return: 0, -EBADMSG (@d says all that is wrong), -ENOMEM.
 */
int settings_parse(const char *path, const char *text, size_t size, struct diagnostics *d, struct settings *ret);

/** settings_load() - the same from a file; the defaults if there is none; -errno if it cannot be read (@d says so too) */
int settings_load(const char *path, struct diagnostics *d, struct settings *ret);
