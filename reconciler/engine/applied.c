/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/applied.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"

static void path_of(const char *directory, const char *zone, char buffer[PATH_MAX]) {
        snprintf(buffer, PATH_MAX, "%s/%s.conf", directory, zone);
}

int applied_write(const char *directory, const struct zone_spec *z, struct err *e) {
        _cleanup_free_ char *text = NULL;
        char path[PATH_MAX];
        int r = zone_spec_format(z, &text);

        if (r < 0)
                return r;
        path_of(directory, z->name, path);
        r = mkdir_parents(path);
        if (r == 0)
                r = file_write_atomic(path, text, strlen(text));
        return r < 0 ? err_set(e, r, "%s: %s", path, strerror(-r)) : 0;
}

void applied_remove(const char *directory, const char *zone) {
        char path[PATH_MAX];

        path_of(directory, zone, path);
        (void) unlink(path);
        strncat(path, ".new", sizeof(path) - strlen(path) - 1); /* of a daemon that died while it wrote */
        (void) unlink(path);
}
