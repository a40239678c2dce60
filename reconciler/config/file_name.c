/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/file_name.h"

#include <string.h>

#define SUFFIX ".conf"

size_t zone_file_stem(const char *file) {
        size_t length = strlen(file);

        if (file[0] == '.' || file[0] == '#' || length <= strlen(SUFFIX))
                return 0;
        length -= strlen(SUFFIX);
        return strcmp(file + length, SUFFIX) == 0 ? length : 0;
}
