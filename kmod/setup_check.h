/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HVISOR_SETUP_CHECK_H
#define HVISOR_SETUP_CHECK_H

struct zone_description;

/**
 * setup_check() - is the setup code that was loaded one that the hypervisor takes?
 * @zone: checked
 *
 * Of x86_64 zones, whose boot parameters the hypervisor fills in: it panics on
 * those of a kernel that is too old. Process context.
 *
 * Return: 0 (also where there is none), -ENOEXEC, -ENOMEM.
 */
int setup_check(const struct zone_description *zone);

#endif
