/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/file_name.h"

#include <string.h>

#include "config/zone_sources.h"

#define SUFFIX ".conf"

size_t zone_file_stem(const char *file) {
        size_t length = strlen(file);

        if (file[0] == '.' || file[0] == '#' || length <= strlen(SUFFIX))
                return 0;
        length -= strlen(SUFFIX);
        return strcmp(file + length, SUFFIX) == 0 ? length : 0;
}

size_t zone_file_length(const char *entry) {
        size_t stem = zone_file_stem(entry), length = strlen(entry), suffix = strlen(SUFFIX ZONE_DROP_IN_SUFFIX);

        if (stem > 0)
                return length;
        if (entry[0] == '.' || entry[0] == '#' || length <= suffix ||
            strcmp(entry + length - suffix, SUFFIX ZONE_DROP_IN_SUFFIX) != 0)
                return 0;
        return length - strlen(ZONE_DROP_IN_SUFFIX);
}

bool zone_file_name(const char *file, char name[NAME_SIZE]) {
        size_t length = zone_file_stem(file);

        if (length == 0 || length >= NAME_SIZE)
                return false;
        memcpy(name, file, length);
        name[length] = '\0';
        return zone_name_valid(name);
}

void zone_file_show_name(const char *file, char name[NAME_SIZE]) {
        size_t length = MIN(zone_file_stem(file), (size_t) NAME_SIZE - 1);

        for (size_t i = 0; i < length; i++) {
                char one[] = { file[i], '\0' };

                name[i] = i == 0 || zone_name_valid(one) || file[i] == '.' ? file[i] : '_';
        }
        if (length > 0 && !zone_name_valid((char[]){ name[0], '\0' }))
                name[0] = '_';
        name[length] = '\0';
}
