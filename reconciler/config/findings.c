/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "config/findings.h"

void finding(struct findings *f, unsigned line, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;
        int n, r;

        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                text = NULL;
        r = diagnostics_add(f->d, SEVERITY_ERROR, f->zone->path, line, 0, 0, NULL, 0, "%s",
                            text ? text : "out of memory");
        if (r < 0 || !text)
                f->r = -ENOMEM;
        else if (f->r == 0)
                f->r = -EBADMSG;
}
