/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HVISOR_CONTROL_H
#define HVISOR_CONTROL_H

/*
 * /dev/hvisor: opening it gives ENODEV until control_enable(). A zone that was
 * started before the hypervisor has the bridge page would take the board down.
 */
int control_register(void);
void control_enable(void);
void control_unregister(void);

#endif
