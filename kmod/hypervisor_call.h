/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One call about zones at a time, and what it does there; for hypervisor.c and
 * clean_cpus.c only. Process context.
 */
#ifndef HVISOR_HYPERVISOR_CALL_H
#define HVISOR_HYPERVISOR_CALL_H

#include <linux/types.h>

struct zone_description;

/**
 * hypervisor_call_begin() - from here on no other start, stop or cleaning
 *
 * Until hypervisor_call_end() hypervisor_list() tells what is listed now. All
 * of the functions below are for the time between the two.
 *
 * Return: 0, -EINTR (a fatal signal while waiting), -ENOMEM, or the hypervisor's errno.
 */
int hypervisor_call_begin(void);
void hypervisor_call_end(void);

/* What was listed when the call began: is a zone of this id, which CPUs do all zones have, and which this one (0: not listed)? */
bool hypervisor_call_lists(u32 id);
u64 hypervisor_call_listed_cpus(void);
u64 hypervisor_call_cpus_of(u32 id);

/* Is it listed at this very moment? True where that cannot be told. */
bool hypervisor_call_lists_still(u32 id);

/* The hypervisor's calls, which check next to nothing. Return: 0 or its errno; -ENOMEM. */
int hypervisor_call_start(const struct zone_description *zone);
int hypervisor_call_start_config(const u8 *config);
int hypervisor_call_shutdown(u32 id, void (*before)(void *argument), void *argument);

/* The shutdown just made did wait for its CPU, which was seen running: the next start need not be put off. */
void hypervisor_call_shutdown_was_seen(void);

#endif
