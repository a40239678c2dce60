/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with a zone beyond its text: said about its file, at one of its lines. For the checks only.
 */
#pragma once

#include "config/diagnostics.h"
#include "config/spec.h"

struct findings {
        const struct zone_spec *zone;
        struct diagnostics *d;
        int r; /* 0, -EBADMSG after the first finding, -ENOMEM if one was lost */
};

/** finding() - @line of the zone's file; 0: the file as a whole */
void finding(struct findings *f, unsigned line, const char *format, ...) _printf_(3, 4);
