/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with a zone beyond its text: said about its file, at one of its lines. For the checks only.
 */
#pragma once

#include "config/diagnostics.h"
#include "config/spec.h"

struct findings {
        const struct zone_spec *zone;
        struct diagnostics *d;
        bool elsewhere; /* this machine is not the zone's: what it lacks is no mistake */
        int r;          /* 0, -EBADMSG after the first error, -ENOMEM if a finding was lost */
};

/** finding() - @line of the zone's file; 0: the file as a whole */
void finding(struct findings *f, unsigned line, const char *format, ...) _printf_(3, 4);

/** finding_no_file() - a file could not be opened, for the reason that errno tells */
void finding_no_file(struct findings *f, unsigned line, const char *what, const char *path);
