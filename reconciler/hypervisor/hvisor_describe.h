/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone as hvisor.ko is told of it. Pure. */
#pragma once

#include <hvisor.h>

#include "hypervisor/hypervisor.h"

/** hvisor_describe() - all of @ret but where messages go; zeroed before */
void hvisor_describe(const struct zone_making *m, struct hvisor_zone_create *ret);
