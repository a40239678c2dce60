/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

int err_set(struct err *e, int code, const char *format, ...) {
        va_list ap;

        if (!e)
                return code;
        e->code = code;
        va_start(ap, format);
        (void) vsnprintf(e->text, sizeof(e->text), format, ap);
        va_end(ap);
        return code;
}

int err_add(struct err *e, int code, const char *format, ...) {
        char context[ERR_TEXT_SIZE], old[ERR_TEXT_SIZE];
        va_list ap;

        if (!e)
                return code;
        va_start(ap, format);
        (void) vsnprintf(context, sizeof(context), format, ap);
        va_end(ap);
        (void) snprintf(old, sizeof(old), "%s", err_text(e, code));
        e->code = code;
        if (snprintf(e->text, sizeof(e->text), "%s: %s", context, old) >= (int) sizeof(e->text))
                memcpy(e->text + sizeof(e->text) - sizeof("…"), "…", sizeof("…"));
        return code;
}

const char *err_text(const struct err *e, int code) {
        if (e && e->text[0] != '\0')
                return e->text;
        return strerror(code < 0 ? -code : code);
}

bool error_is_lack(int r) {
        return r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -EINTR;
}

bool error_is_of_medium(int r) {
        return r == -EIO || r == -ESTALE || r == -ETIMEDOUT || r == -EREMOTEIO || r == -EHOSTDOWN ||
               r == -EHOSTUNREACH || r == -ENODEV;
}
