// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "control.h"

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "bridge.h"
#include "hypervisor.h"
#include "ioctl.h"
#include "old_ioctl.h"
#include "zone.h"
#include "zone_config.h"

#define ZONES_MAX 64	/* each has a CPU of its own */

static long do_info(void *unused, void *argument)
{
	struct hvisor_info *info = argument;

	info->abi_version = HVISOR_ABI_VERSION;
	info->magic = hypervisor_layout()->magic;
	info->config_size = hypervisor_layout()->size;
	info->arch = hypervisor_layout()->arch;
	info->root_cpus = hypervisor_root_cpus();
	info->requests = bridge_requests();
	info->wakeups = bridge_wakeups();
	return 0;
}

/* In words; whether they arrive is the caller's affair. */
static void tell_problem(const struct hvisor_zone_create *wanted,
			 const struct zone_problem *problem, int error)
{
	const struct zone_layout *layout = hypervisor_layout();
	char text[160];
	size_t n;

	if (!wanted->message || !wanted->message_size)
		return;
	n = scnprintf(text, sizeof(text), "%s (%u)", problem->field, problem->index);
	if (error == -EOPNOTSUPP)
		n += scnprintf(text + n, sizeof(text) - n,
			       ": the hypervisor's zone_config 0x%x of %u bytes has no place for it",
			       layout->magic, layout->size);
	n = min_t(size_t, n, wanted->message_size - 1);
	text[n] = '\0';
	if (copy_to_user(u64_to_user_ptr(wanted->message), text, n + 1))
		pr_debug("%s\n", text);
}

static long do_zone_create(void *unused, void *argument)
{
	const struct hvisor_zone_create *wanted = argument;
	struct zone_problem problem = { NULL };
	struct hv_zone *zone;
	struct file *file;
	int r, fd;

	r = zone_create(wanted, &problem, &zone);
	if (r < 0 && problem.field)
		tell_problem(wanted, &problem, r);
	if (r < 0)
		return r;
	fd = zone_file_open(zone, &file);
	if (fd < 0)
		zone_destroy(zone);
	else
		fd_install(fd, file);
	zone_put(zone);
	return fd;
}

static long do_zone_open(void *unused, void *argument)
{
	const struct hvisor_zone_open *open = argument;
	struct hv_zone *zone;
	struct file *file;
	int fd;

	if (open->reserved)
		return -EINVAL;
	zone = zone_open(open->id);
	if (!zone)
		return -ENOENT;
	fd = zone_file_open(zone, &file);
	if (fd >= 0)
		fd_install(fd, file);
	zone_put(zone);
	return fd;
}

static long do_zone_list(void *unused, void *argument)
{
	struct hvisor_zone_list *list = argument;
	struct hvisor_zone_info *infos;
	u32 n, max = min_t(u32, list->count, ZONES_MAX);
	long r = 0;

	if (list->reserved)
		return -EINVAL;
	infos = kcalloc(ZONES_MAX, sizeof(*infos), GFP_KERNEL);
	if (!infos)
		return -ENOMEM;
	n = zone_list(infos, max);
	list->count = n;
	if (copy_to_user(u64_to_user_ptr(list->zones), infos, min(n, max) * sizeof(*infos)))
		r = -EFAULT;
	kfree(infos);
	return r;
}

static const struct ioctl_row rows[] = {
	{ HVISOR_INFO, do_info },
	{ HVISOR_ZONE_CREATE, do_zone_create },
	{ HVISOR_ZONE_OPEN, do_zone_open },
	{ HVISOR_ZONE_LIST, do_zone_list },
};

static long control_ioctl(struct file *file, unsigned int number, unsigned long argument)
{
	if (_IOC_TYPE(number) == HVISOR_OLD_TYPE)
		return old_ioctl(number, argument);
	return ioctl_dispatch(rows, ARRAY_SIZE(rows), NULL, number, argument);
}

/* The older module mapped the bridge page here, and any physical address. */
static int control_mmap(struct file *file, struct vm_area_struct *vma)
{
	pr_warn_ratelimited("%s wants to map physical memory: a device fd maps its own zone's RAM only\n",
			    current->comm);
	return -EPERM;
}

static bool is_enabled;

static int control_open(struct inode *inode, struct file *file)
{
	return smp_load_acquire(&is_enabled) ? 0 : -ENODEV;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = control_open,
	.unlocked_ioctl = control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = control_mmap,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "hvisor",
	.fops = &operations,
	.mode = 0600,
};

int control_register(void)
{
	return misc_register(&device);
}

void control_enable(void)
{
	smp_store_release(&is_enabled, true);
}

void control_unregister(void)
{
	misc_deregister(&device);
}
