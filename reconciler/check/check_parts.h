/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside of zone_check_board(): check.c and check_arch.c. */
#pragma once

#include "check/check.h"
#include "check/findings.h"

void check_architecture(struct findings *f, const struct board_spec *b);
