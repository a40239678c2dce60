/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a board's description is that of the machine that root Linux sees. */
#pragma once

#include "check/check.h"
#include "check/root_tree.h"

/* What root Linux sees of the board. */
struct board_view {
        struct root_facts root; /* its RAM; its CPUs as the hypervisor numbers them, 0: not known */
        uint32_t online;        /* how many CPUs root Linux has online; 0: not known */
        struct root_tree tree;
};

/** board_view_read() - on this machine; @ret's CPUs are filled in by the caller who knows (hypervisor) */
int board_view_read(struct board_view *ret, struct err *e);

/**
 * board_check_root() - every difference is a warning that names both sides; what cannot be told is a note
 *
 * Pure. Return: how many differences there are.
 */
size_t board_check_root(const struct board_spec *b, const struct board_view *v, struct diagnostics *d);
