/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A board for people and for programs: each value with its origin, and what root Linux sees. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "check/board_check.h"

/* What is told. */
struct board_report {
        const struct board_spec *board;
        const struct board_view *view;
        uint32_t magic; /* the hypervisor's zone_config version; 0: hvisor.ko could not be asked */
        const struct diagnostics *diagnostics;
        bool compared; /* with root Linux: it is under hvisor */
        size_t differences;
};

/** board_write_text() - 0, -ENOMEM */
int board_write_text(const struct board_report *r, FILE *f, bool colour);

/** board_to_json() - NULL: out of memory */
json_t *board_to_json(const struct board_report *r);
