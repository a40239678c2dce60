/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HVISOR_SLEEP_H
#define HVISOR_SLEEP_H

/**
 * sleep_forbid() - root Linux goes neither to sleep nor into hibernation from now on
 * sleep_allow() - undoes it
 *
 * Zones do not sleep with it: their devices would give no answers, nor wake it.
 *
 * Return: 0 or -errno.
 */
int sleep_forbid(void);
void sleep_allow(void);

#endif
