/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest that leaves a CPU clean. The hypervisor starts a zone's CPU with the
 * list registers, active priorities and waiting interrupts of whoever had it
 * before: an interrupt that was active then never comes again, and a Linux
 * whose timer's it is, or whose console's, says nothing for good. Only what
 * runs on that CPU at EL1 can end them, so this does, between two zones.
 *
 * One at a time; process context.
 */
#ifndef HVISOR_CLEAN_GUEST_H
#define HVISOR_CLEAN_GUEST_H

#include <linux/types.h>

struct zone_description;

/**
 * clean_guest_make() - a zone of this guest, in a page of root Linux's own
 * @zone: whose place it takes: its id, name and GIC
 * @cpu: the one to be cleaned
 * @ret: kmalloc()ed; to be freed by the caller
 *
 * The page is its zone's until that is shut down.
 *
 * Return: 0 or -ENOMEM.
 */
int clean_guest_make(const struct zone_description *zone, unsigned int cpu,
		     struct zone_description **ret);

/* Waits until the guest of the zone that was made last is done. Return: false if it was not within @limit_ms. */
bool clean_guest_wait(unsigned int limit_ms);

#endif
