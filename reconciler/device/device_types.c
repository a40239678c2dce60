/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "device/device_type.h"

const struct device_type *const device_types[] = {
        &block_device_type,
        &console_device_type,
        &net_device_type,
        NULL,
};

const struct device_type *device_type_find(const char *name) {
        for (const struct device_type *const *t = device_types; *t; t++)
                if (strcmp((*t)->name, name) == 0)
                        return *t;
        return NULL;
}
