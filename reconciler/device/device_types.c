/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "device/device_type.h"

const struct device_type *const device_types[] = {
#define SECTION(...)
#define KEY(...)
#define DEVICE(id, name, word, ...) &word##_device_type,
#include "schema/keys.def"
        NULL,
};

const struct device_type *device_type_find(const char *name) {
        for (const struct device_type *const *t = device_types; *t; t++)
                if (strcmp((*t)->name, name) == 0)
                        return *t;
        return NULL;
}
