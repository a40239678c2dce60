/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/fd.h"
#include "config/parse.h"
#include "config/settings.h"

int config_text_load(const char *path, struct diagnostics *d, char **ret, size_t *ret_size) {
        int r = file_read(AT_FDCWD, path, CONFIG_FILE_MAX, ret, ret_size);

        if (r == -EFBIG)
                (void) diagnostics_add(d, SEVERITY_ERROR, path, 0, 0, 0, NULL, 0, "larger than %d bytes",
                                       CONFIG_FILE_MAX);
        else if (r == -EINVAL)
                (void) diagnostics_add(d, SEVERITY_ERROR, path, 0, 0, 0, NULL, 0, "not a regular file");
        else if (r < 0)
                (void) diagnostics_add(d, SEVERITY_ERROR, path, 0, 0, 0, NULL, 0, "cannot be read: %s", strerror(-r));
        return r;
}

void zone_name_of_path(const char *path, char *ret, size_t size) {
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
        size_t length = strlen(base);

        if (length > 5 && strcmp(base + length - 5, ".conf") == 0)
                length -= 5;
        (void) snprintf(ret, size, "%.*s", (int) length, base);
}

int zone_spec_load(const char *path, struct diagnostics *d, struct zone_spec **ret) {
        _cleanup_free_ char *text = NULL;
        char name[NAME_SIZE * 2];
        size_t size;
        int r = config_text_load(path, d, &text, &size);

        if (r < 0)
                return r;
        zone_name_of_path(path, name, sizeof(name));
        r = zone_spec_parse(name, path, text, size, d, ret);
        if (r >= 0)
                zone_spec_identify(*ret);
        return r;
}

int settings_load(const char *path, struct diagnostics *d, struct settings *ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (access(path, F_OK) < 0 && errno == ENOENT) {
                settings_default(ret);
                return 0;
        }
        r = config_text_load(path, d, &text, &size);
        return r < 0 ? r : settings_parse(path, text, size, d, ret);
}
