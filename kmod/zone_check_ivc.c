// SPDX-License-Identifier: GPL-2.0-only
#include "ivc_record.h"
#include "zone_check_parts.h"

#define SECTION_MAX (16ULL << 20) /* the hypervisor takes it out of its own memory, for good */
#define INTERRUPT_FIRST 32
#define INTERRUPT_END 1020

static bool overlaps(const struct hvisor_ivc *ivc, u64 base, u64 size)
{
	return ranges_overlap(ivc->control_table, PAGE, base, size) ||
	       ranges_overlap(ivc->shared_memory, ivc_size(ivc), base, size);
}

bool zone_overlaps_ivcs(const struct zone_description *zone, u64 base, u64 size)
{
	u32 i;

	for (i = 0; i < zone->num_ivcs; i++)
		if (overlaps(&zone->ivcs[i], base, size))
			return true;
	return false;
}

/* Regions and windows are compared with IVCs when it is their turn. */
static bool is_elsewhere(const struct zone_description *zone, u64 base, u64 size)
{
	return zone_arch_rules(zone->arch)->overlaps_controller(zone, base, size) ||
	       zone_overlaps_pci(zone, base, size);
}

static int check_section(const struct zone_description *zone, u32 i, struct zone_problem *problem)
{
	const struct hvisor_ivc *ivc = &zone->ivcs[i];

	if (!ivc->max_peers || ivc->max_peers > IVC_PEERS_MAX || ivc->peer >= ivc->max_peers)
		return problem_is(problem, -EINVAL, "IVC peer", i);
	if (!ivc_size(ivc) || ivc_size(ivc) > SECTION_MAX ||
	    (ivc->rw_size | ivc->out_size) % PAGE)
		return problem_is(problem, -EINVAL, "IVC section size", i);
	if (ivc->control_table % PAGE || !is_inside_guest_space(zone, ivc->control_table, PAGE))
		return problem_is(problem, -EINVAL, "IVC control table", i);
	if (ivc->shared_memory % PAGE ||
	    !is_inside_guest_space(zone, ivc->shared_memory, ivc_size(ivc)))
		return problem_is(problem, -EINVAL, "IVC shared memory", i);
	if (ranges_overlap(ivc->shared_memory, ivc_size(ivc), ivc->control_table, PAGE))
		return problem_is(problem, -EINVAL, "IVC shared memory (on its control table)", i);
	if (is_elsewhere(zone, ivc->control_table, PAGE))
		return problem_is(problem, -EINVAL, "IVC control table (on the GIC or PCI)", i);
	if (is_elsewhere(zone, ivc->shared_memory, ivc_size(ivc)))
		return problem_is(problem, -EINVAL, "IVC shared memory (on the GIC or PCI)", i);
	if (ivc->interrupt < INTERRUPT_FIRST || ivc->interrupt >= INTERRUPT_END ||
	    !zone_has_interrupt(zone, ivc->interrupt))
		return problem_is(problem, -EINVAL, "IVC interrupt", i);
	return 0;
}

static int check_apart(const struct hvisor_ivc *a, const struct hvisor_ivc *b, u32 i,
		       struct zone_problem *problem)
{
	if (a->id == b->id)
		return problem_is(problem, -EINVAL, "IVC id", i);
	if (a->interrupt == b->interrupt)
		return problem_is(problem, -EINVAL, "IVC interrupt", i);
	if (overlaps(a, b->control_table, PAGE) || overlaps(a, b->shared_memory, ivc_size(b)))
		return problem_is(problem, -EINVAL, "IVC section (on the other)", i);
	return 0;
}

int zone_check_ivcs(const struct zone_description *zone, struct zone_problem *problem)
{
	u32 i, j;
	int r = 0;

	if (zone->num_ivcs > HVISOR_IVCS_MAX)
		return problem_is(problem, -E2BIG, "num_ivcs", 0);
	if (zone->num_ivcs && zone->arch != HVISOR_ARCH_ARM64)
		return problem_is(problem, -EINVAL, "IVC (arm64 only)", 0);
	for (i = 0; i < zone->num_ivcs && !r; i++) {
		r = check_section(zone, i, problem);
		for (j = 0; j < i && !r; j++)
			r = check_apart(&zone->ivcs[j], &zone->ivcs[i], i, problem);
	}
	return r;
}

bool zone_has_ivc_interrupt(const struct zone_description *zone, u32 interrupt)
{
	u32 i;

	for (i = 0; i < zone->num_ivcs; i++)
		if (zone->ivcs[i].interrupt == interrupt)
			return true;
	return false;
}

/*
 * A peer sets it pending at the board's interrupt controller, and the end of a zone that has
 * it, too, switches it off.
 */
static bool has_interrupt_of_ivc(const struct zone_description *zone,
				 const struct zone_description *other, u32 *ret)
{
	u32 i;

	for (i = 0; i < other->num_ivcs; i++) {
		*ret = other->ivcs[i].interrupt;
		if (zone_has_interrupt(zone, *ret))
			return true;
	}
	return false;
}

/* Sections of one id are one: the hypervisor gives up in the middle of a start if they differ. */
int zone_check_ivcs_apart(const struct zone_description *a, const struct zone_description *b,
			  struct zone_problem *problem)
{
	u32 i, j;

	if (has_interrupt_of_ivc(a, b, &i) || has_interrupt_of_ivc(b, a, &i))
		return problem_is(problem, -EBUSY, "interrupt (of one's IVC, and the other's)", i);
	for (i = 0; i < a->num_ivcs; i++)
		for (j = 0; j < b->num_ivcs; j++) {
			const struct hvisor_ivc *one = &a->ivcs[i], *other = &b->ivcs[j];

			if (one->id != other->id)
				continue;
			if (one->rw_size != other->rw_size || one->out_size != other->out_size ||
			    one->max_peers != other->max_peers)
				return problem_is(problem, -EBUSY, "IVC section (sizes)", i);
			if (one->peer == other->peer)
				return problem_is(problem, -EBUSY, "IVC peer", i);
		}
	return 0;
}
