/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor's hypercalls: hvc with the code in x0, arguments in x1 and x2, the result in x0. */
#ifndef MONITOR_HYPERCALL_H
#define MONITOR_HYPERCALL_H

#include "cpu.h"

/* Handles an HVC. Addresses in it are physical and taken as they are, as hvisor takes them. */
void hypercall_handle(struct guest_frame *f);

#endif
