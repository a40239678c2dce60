// SPDX-License-Identifier: GPL-2.0-only
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/pfn.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat.h"
#include "device.h"
#include "zone.h"
#include "zone_check.h"

/*
 * A part of what a worker may map, for another process. It shares the worker's
 * mapping: what takes the worker's pages away takes these away, too. The other
 * process is somebody's who does not know of that, so that it then finds a page
 * of nothing where it looks.
 */
struct memory_file {
	struct hv_worker *worker;	/* a reference */
	u64 start;			/* guest, or HVISOR_INFLIGHT_OFFSET */
	u64 size;
};

/* With worker->memory_lock held, and the worker's device alive. */
static unsigned long find_pfn(const struct file *file, u64 offset)
{
	const struct memory_file *part = file->private_data;
	const struct hv_device *device = part->worker->device;
	const struct hvisor_region *region;
	u64 guest = part->start + offset;

	if (worker_check(part->worker))
		return page_to_pfn(part->worker->nothing);
	if (part->start == HVISOR_INFLIGHT_OFFSET)
		return vmalloc_to_pfn(device->inflight + offset);
	region = zone_find_ram(&device->zone->description, false, guest, PAGE_SIZE);
	if (!region)
		return page_to_pfn(part->worker->nothing);
	return PHYS_PFN(region->physical + (guest - region->guest));
}

static vm_fault_t fault(struct vm_fault *vmf)
{
	struct memory_file *part = vmf->vma->vm_file->private_data;
	struct hv_worker *worker = part->worker;
	vm_fault_t r;

	/* As with the worker's own pages: whoever saw it unrevoked is out before they are taken. */
	down_read(&worker->memory_lock);
	r = memory_insert(vmf, find_pfn);
	up_read(&worker->memory_lock);
	return r;
}

static const struct vm_operations_struct memory_ops = {
	.fault = fault,
	.mremap = memory_vma_refuse_move,
};

static int memory_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct memory_file *part = file->private_data;
	u64 pages = part->size >> PAGE_SHIFT;
	int r;

	r = memory_vma_check(vma);
	if (r < 0)
		return r;
	if (vma->vm_pgoff > pages || vma_pages(vma) > pages - vma->vm_pgoff)
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP);
	vma->vm_ops = &memory_ops;
	return 0;
}

static int memory_file_release(struct inode *inode, struct file *file)
{
	struct memory_file *part = file->private_data;

	worker_put(part->worker);
	kfree(part);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.mmap = memory_file_mmap,
	.release = memory_file_release,
	.llseek = noop_llseek,
};

/* RAM all the way, though maybe in several regions. */
static bool is_ram(const struct hv_worker *worker, u64 start, u64 size)
{
	const struct zone_description *zone = &worker->device->zone->description;
	u64 done = 0;

	while (done < size) {
		const struct hvisor_region *region = zone_find_ram(zone, false, start + done, PAGE_SIZE);

		/* With larger pages than the hypervisor's a region may not be mappable. */
		if (!region || !PAGE_ALIGNED(region->physical - region->guest))
			return false;
		done = region->guest + region->size - start;
	}
	return true;
}

static bool is_sound(const struct hv_worker *worker, const struct hvisor_memory_region *part)
{
	if (!part->size || !PAGE_ALIGNED(part->guest) || !PAGE_ALIGNED(part->size) ||
	    part->size > HVISOR_INFLIGHT_OFFSET || part->guest > HVISOR_INFLIGHT_OFFSET)
		return false;
	if (part->guest == HVISOR_INFLIGHT_OFFSET)
		return part->size <= inflight_size(worker->device->registers.model.num_queues);
	return is_ram(worker, part->guest, part->size);
}

static int provide_nothing(struct hv_worker *worker)
{
	int r = 0;

	mutex_lock(&worker->lock);
	if (!worker->nothing)
		worker->nothing = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!worker->nothing)
		r = -ENOMEM;
	mutex_unlock(&worker->lock);
	return r;
}

static int install(struct memory_file *part)
{
	struct file *file;
	int fd;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = anon_inode_getfile("[hvisor-memory]", &operations, part, O_RDWR | O_CLOEXEC);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	file->f_mapping = &part->worker->mapping;
	kref_get(&part->worker->references);
	fd_install(fd, file);
	return fd;
}

int memory_file_open(struct hv_worker *worker, const struct hvisor_memory_region *wanted)
{
	struct memory_file *part;
	int r;

	r = worker_check(worker);
	if (r < 0)
		return r;
	if (!is_sound(worker, wanted))
		return -EINVAL;
	r = provide_nothing(worker);
	if (r < 0)
		return r;
	part = kzalloc(sizeof(*part), GFP_KERNEL_ACCOUNT);
	if (!part)
		return -ENOMEM;
	part->worker = worker;
	part->start = wanted->guest;
	part->size = wanted->size;
	r = install(part);
	if (r < 0)
		kfree(part);
	return r;
}
