// SPDX-License-Identifier: GPL-2.0-only
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pfn.h>
#include <linux/sizes.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "device.h"
#include "zone.h"
#include "zone_check.h"

/*
 * A worker sees its zone's RAM at the guest's addresses, and its device's record
 * of requests in flight beyond all of them. Pages go in by faults and come out all
 * at once when the worker is revoked, so every descriptor has a mapping of its own.
 * The RAM has no struct pages: nothing can pin it, and no reference outlives the
 * page tables.
 */

/* Whoever touches a page touches its neighbours soon: so many go in by one fault. */
#define FAULT_AROUND (PAGE_SIZE < SZ_64K ? SZ_64K >> PAGE_SHIFT : 1)

static const struct hvisor_region *find_memory(const struct hv_worker *worker, u64 guest, u64 size)
{
	return zone_find_ram(&worker->device->zone->description, false, guest, size);
}

static unsigned long find_pfn(const struct file *file, u64 guest)
{
	const struct hvisor_region *region = find_memory(file->private_data, guest, PAGE_SIZE);

	return region ? PHYS_PFN(region->physical + (guest - region->guest)) : MEMORY_NO_PFN;
}

/*
 * As if it had been written to: else the first write is a second fault, where the
 * CPU sets no dirty bits by itself. Nobody asks for these.
 */
static pgprot_t protection(const struct vm_area_struct *vma)
{
	pte_t pte = pfn_pte(0, vma->vm_page_prot);

	return vma->vm_flags & VM_WRITE ? __pgprot(pte_val(pte_mkdirty(pte))) : vma->vm_page_prot;
}

static vm_fault_t insert_page(struct vm_area_struct *vma, pgoff_t page,
			      unsigned long (*find)(const struct file *file, u64 offset))
{
	unsigned long pfn = find(vma->vm_file, (u64)page << PAGE_SHIFT);

	if (pfn == MEMORY_NO_PFN)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn_prot(vma, vma->vm_start + ((page - vma->vm_pgoff) << PAGE_SHIFT), pfn,
				   protection(vma));
}

/* Neighbours that are there stay as they are; that one cannot be is no error. */
vm_fault_t memory_insert(struct vm_fault *vmf,
			 unsigned long (*find)(const struct file *file, u64 offset))
{
	struct vm_area_struct *vma = vmf->vma;
	pgoff_t first = round_down(vmf->pgoff, FAULT_AROUND), page;
	pgoff_t end = min(first + FAULT_AROUND, vma->vm_pgoff + vma_pages(vma));
	vm_fault_t r = insert_page(vma, vmf->pgoff, find);

	for (page = max(first, vma->vm_pgoff); r == VM_FAULT_NOPAGE && page < end; page++)
		if (page != vmf->pgoff && insert_page(vma, page, find) != VM_FAULT_NOPAGE)
			break;
	return r;
}

static vm_fault_t fault(struct vm_fault *vmf)
{
	struct hv_worker *worker = vmf->vma->vm_file->private_data;
	vm_fault_t r = VM_FAULT_SIGBUS;

	/* Whoever saw the worker unrevoked is out again before its pages are taken. */
	down_read(&worker->memory_lock);
	if (!worker_check(worker))
		r = memory_insert(vmf, find_pfn);
	up_read(&worker->memory_lock);
	return r;
}

int memory_vma_refuse_move(struct vm_area_struct *vma)
{
	return -EPERM;
}

int memory_vma_check(struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED) || (vma->vm_flags & VM_EXEC))
		return -EINVAL;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY);
	vm_flags_clear(vma, VM_MAYEXEC);
	return 0;
}

static const struct vm_operations_struct memory_ops = {
	.fault = fault,
	.mremap = memory_vma_refuse_move,
};

/* ------------------------------------------------------------------------ */
/* What is in flight                                                         */

size_t inflight_size(u32 num_queues)
{
	return PAGE_ALIGN((size_t)num_queues * HVISOR_INFLIGHT_QUEUE_SIZE);
}

static u64 inflight_offset(unsigned long page)
{
	return ((u64)page << PAGE_SHIFT) - HVISOR_INFLIGHT_OFFSET;
}

static vm_fault_t fault_inflight(struct vm_fault *vmf)
{
	struct hv_worker *worker = vmf->vma->vm_file->private_data;
	u64 offset = inflight_offset(vmf->pgoff);
	vm_fault_t r = VM_FAULT_SIGBUS;

	/* As with RAM; that much is there, it was checked when it was mapped. */
	down_read(&worker->memory_lock);
	if (!worker_check(worker))
		r = vmf_insert_page(vmf->vma, vmf->address,
				    vmalloc_to_page(worker->device->inflight + offset));
	up_read(&worker->memory_lock);
	return r;
}

static const struct vm_operations_struct inflight_ops = {
	.fault = fault_inflight,
	.mremap = memory_vma_refuse_move,
};

static int map_inflight(const struct hv_worker *worker, struct vm_area_struct *vma)
{
	const struct hv_device *device = worker->device;

	/* An attached worker's device has its record, and its number of queues for good. */
	if (!range_holds(0, inflight_size(device->registers.model.num_queues),
			    inflight_offset(vma->vm_pgoff), vma->vm_end - vma->vm_start))
		return -EINVAL;
	vm_flags_set(vma, VM_MIXEDMAP);
	vma->vm_ops = &inflight_ops;
	return 0;
}

/* ------------------------------------------------------------------------ */

void worker_init_memory(struct hv_worker *worker, struct file *file)
{
	struct address_space *mapping = &worker->mapping;

	init_rwsem(&worker->memory_lock);
	address_space_init_once(mapping);
	mapping->host = file_inode(file);
	mapping->a_ops = &empty_aops;
	mapping_set_gfp_mask(mapping, GFP_USER);
	file->f_mapping = mapping;
}

int worker_map_memory(struct hv_worker *worker, struct vm_area_struct *vma)
{
	u64 guest = (u64)vma->vm_pgoff << PAGE_SHIFT;
	const struct hvisor_region *region;
	int r;

	r = worker_check(worker);
	if (r < 0)
		return r;
	r = memory_vma_check(vma);
	if (r < 0)
		return r;
	if (vma->vm_pgoff > U64_MAX >> PAGE_SHIFT)
		return -EINVAL;
	if (guest >= HVISOR_INFLIGHT_OFFSET)
		return map_inflight(worker, vma);
	region = find_memory(worker, guest, vma->vm_end - vma->vm_start);
	/* With larger pages than the hypervisor's a region may not be mappable. */
	if (!region || !PAGE_ALIGNED(region->physical - region->guest))
		return -EINVAL;

	vm_flags_set(vma, VM_PFNMAP);
	vma->vm_ops = &memory_ops;
	return 0;
}

/* The caller has set is_revoked. */
void worker_revoke_memory(struct hv_worker *worker)
{
	down_write(&worker->memory_lock);
	up_write(&worker->memory_lock);
	unmap_mapping_range(&worker->mapping, 0, 0, 1);
}

void device_list_memory(const struct hv_device *device, struct hvisor_memory *memory)
{
	const struct zone_description *zone = &device->zone->description;
	u32 i;

	for (i = 0; i < zone->num_regions; i++) {
		const struct hvisor_region *region = &zone->regions[i];

		if (region->type == HVISOR_REGION_RAM)
			memory->regions[memory->num_regions++] = (struct hvisor_memory_region){
				.guest = region->guest,
				.size = region->size,
			};
	}
}
