/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/findings.h"

static void add(struct findings *f, enum severity severity, struct spot at, const char *text) {
        int r = diagnostics_add(f->d, severity, at.path, at.line, at.column, at.length, NULL, 0, "%s",
                                text ? text : "out of memory");

        if (r < 0 || !text)
                f->r = -ENOMEM;
        else if (f->r == 0 && severity == SEVERITY_ERROR)
                f->r = -EBADMSG;
}

static _printf_(5, 0) void add_formatted(struct findings *f, enum severity severity, const void *object,
                                         const char *key, const char *format, va_list ap) {
        _cleanup_free_ char *text = NULL;

        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        add(f, severity, zone_spot(f->zone, object, key), text);
}

void finding(struct findings *f, const void *object, const char *key, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        add_formatted(f, SEVERITY_ERROR, object, key, format, ap);
        va_end(ap);
}

void finding_warning(struct findings *f, const void *object, const char *key, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        add_formatted(f, SEVERITY_WARNING, object, key, format, ap);
        va_end(ap);
}

void finding_no_file(struct findings *f, const void *object, const char *key, const char *what, const char *path) {
        int error = errno;
        _cleanup_free_ char *text = NULL;

        if (f->elsewhere && error == ENOENT) {
                if (asprintf(&text, "%s: %s is not on this machine: not checked", what, path) < 0)
                        text = NULL;
                add(f, SEVERITY_NOTE, zone_spot(f->zone, object, key), text);
        } else
                finding(f, object, key, "%s: %s: %s%s", what, path, strerror(error),
                        error == EROFS ? "; ReadOnly=yes would do" : "");
}
