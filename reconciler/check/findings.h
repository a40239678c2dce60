/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with a zone beyond its text: said about its file, at one of its settings. For the checks only. */
#pragma once

#include "config/diagnostics.h"
#include "config/spec.h"

struct findings {
        const struct zone_spec *zone;
        struct diagnostics *d;
        bool elsewhere; /* this machine is not the zone's: what it lacks is no mistake */
        int r;          /* 0, -EBADMSG after the first error, -ENOMEM if a finding was lost */
};

/** finding() - about a setting of the zone; @object and @key as of zone_spot() */
void finding(struct findings *f, const void *object, const char *key, const char *format, ...) _printf_(4, 5);

/** finding_warning() - the same of what can be, but is hardly meant */
void finding_warning(struct findings *f, const void *object, const char *key, const char *format, ...) _printf_(4, 5);

/** finding_no_file() - a file could not be opened, for the reason that errno tells */
void finding_no_file(struct findings *f, const void *object, const char *key, const char *what, const char *path);
