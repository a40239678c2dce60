/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdio.h>

#include "hypervisor/hypervisor.h"

/** zone_list_print() - in the columns of hvisor-tool, which scripts take apart */
void zone_list_print(const struct zone_listed *zones, size_t count, FILE *f);
