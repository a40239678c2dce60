/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef IMPORT_BYTES_H
#define IMPORT_BYTES_H

#include <stdint.h>

#include <hvisor.h>

#define IMPORT_BYTES_MAX 4096

/* What hvisor.ko gives a hypervisor of that layout for @c; -1: it refuses that. A file of its own: headers do not mix. */
int zone_config_of(const struct hvisor_zone_create *c, uint32_t magic, unsigned size, uint8_t bytes[IMPORT_BYTES_MAX]);

#endif
