/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CPU that had a zone forgets it before it has another: in the background once
 * the zone has ended, or, where it has not come to that, when the next is started.
 *
 * All between hypervisor_call_begin() and hypervisor_call_end().
 */
#ifndef HVISOR_CLEAN_CPUS_H
#define HVISOR_CLEAN_CPUS_H

#include <linux/types.h>

struct zone_description;

/* They are a zone's now. */
void clean_cpus_note_use(u64 cpus);

/**
 * clean_cpus_of() - cleans what is to be cleaned of a zone's CPUs
 * @zone: about to be started; neither its id nor its CPUs are listed
 *
 * Return: 0, also where a CPU did not get to it (which is logged); the
 * hypervisor's errno, after which that CPU is lost.
 */
int clean_cpus_of(const struct zone_description *zone);

/**
 * clean_cpus_later() - the same, soon and by itself
 * @zone: has ended, and its CPUs are off; copied
 *
 * Leaves them to the next start where there is no memory for it, or where its id
 * is listed again by then.
 */
void clean_cpus_later(const struct zone_description *zone);

#endif
