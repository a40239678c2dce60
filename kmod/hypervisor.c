// SPDX-License-Identifier: GPL-2.0-only
#include "hypervisor.h"

#include <linux/delay.h>
#include <linux/ktime.h>

#include "clean_cpus.h"
#include "hypervisor_call.h"
#include "ivc_peers.h"
#include "setup_check.h"
#include "zone_config.h"

/*
 * A guest's power-off takes its zone off the hypervisor's list before its CPU is
 * off; a start in that moment would be refused and cost the CPU. By then it is.
 */
#define POWER_OFF_MS	100

/* After more than a second the hypervisor gives up on a CPU, and does not say so. */
#define GIVEN_UP_MS	1000

static int check_free(const struct zone_description *zone)
{
	if (hypervisor_call_lists(zone->id))
		return -EEXIST;
	return hypervisor_call_listed_cpus() & zone->cpus ? -EBUSY : 0;
}

static int start_free(const struct zone_description *zone, const u8 *config)
{
	int r = clean_cpus_of(zone);

	if (!r)
		r = config ? hypervisor_call_start_config(config) : hypervisor_call_start(zone);
	if (r)
		return r;
	clean_cpus_note_use(zone->cpus);
	ivc_peers_join(zone);
	return 0;
}

int hypervisor_start(const struct zone_description *zone, const u8 *config)
{
	int r = hypervisor_call_begin();

	if (r < 0)
		return r;
	r = check_free(zone);
	if (!r)
		r = ivc_peers_check(zone);
	if (!r)
		r = setup_check(zone);
	if (!r)
		r = start_free(zone, config);
	hypervisor_call_end();
	return r;
}

static int shut_down_listed(const struct zone_description *zone, void (*before)(void *argument),
			    void *argument)
{
	ktime_t given_up = ktime_add_ms(ktime_get(), GIVEN_UP_MS);
	int r;

	/* Also those of a zone that was there before this module. */
	clean_cpus_note_use(hypervisor_call_cpus_of(zone->id));
	r = hypervisor_call_shutdown(zone->id, before, argument);
	/* A CPU that is late may come off yet: one that is asked for before is lost. */
	if (!r && ktime_before(ktime_get(), given_up))
		clean_cpus_later(zone);
	return r;
}

int hypervisor_shutdown(const struct zone_description *zone, void (*before)(void *argument),
			void *argument)
{
	int r = hypervisor_call_begin();
	bool has_ended = false;

	if (r < 0)
		return r;
	if (hypervisor_call_lists(zone->id))
		r = shut_down_listed(zone, before, argument);
	else
		has_ended = true;
	/* Its guest may have powered off just now. */
	if (r == -EINVAL && !hypervisor_call_lists_still(zone->id))
		has_ended = true;
	hypervisor_call_end();
	if (!has_ended)
		return r;
	hypervisor_note_end(zone);
	return 0;
}

void hypervisor_note_end(const struct zone_description *zone)
{
	msleep(POWER_OFF_MS);
	if (hypervisor_call_begin() < 0)
		return;
	clean_cpus_later(zone);
	hypervisor_call_end();
}
