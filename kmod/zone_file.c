// SPDX-License-Identifier: GPL-2.0-only
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "device.h"
#include "ioctl.h"
#include "zone.h"
#include "zone_check.h"

struct zone_file {
	struct hv_zone *zone;
	u64 seen;	/* events at its last HVISOR_ZONE_INFO */
};

static long do_info(void *object, void *argument)
{
	struct zone_file *file = object;
	struct hvisor_zone_info *info = argument;

	if (READ_ONCE(file->zone->is_destroyed))
		return -ESTALE;
	zone_fill_info(file->zone, info);
	WRITE_ONCE(file->seen, info->events);
	return 0;
}

static long do_device_create(void *object, void *wanted)
{
	struct zone_file *zone_file = object;
	struct hv_device *device = device_new(zone_file->zone, wanted);
	struct file *file;
	int fd, r;

	if (!device)
		return -ENOMEM;
	fd = device_file_open(device, &file);
	if (fd < 0)
		goto out;
	r = zone_add(zone_file->zone, wanted, device);
	if (r < 0) {
		put_unused_fd(fd);
		fput(file);
		fd = r;
		goto out;
	}
	fd_install(fd, file);
out:
	device_put(device);
	return fd;
}

static struct hv_device *get_device(const struct hv_zone *zone, const char *name)
{
	struct hv_device *device;

	rcu_read_lock();
	device = zone_find_device(zone, name);
	if (device)
		kref_get(&device->references);
	rcu_read_unlock();
	return device;
}

static long do_device_open(void *object, void *argument)
{
	const struct hvisor_device_open *open = argument;
	struct zone_file *zone_file = object;
	struct hv_device *device;
	struct file *file;
	int fd;

	if (!zone_name_is_valid(open->name))
		return -EINVAL;
	if (READ_ONCE(zone_file->zone->is_destroyed))
		return -ESTALE;
	device = get_device(zone_file->zone, open->name);
	if (!device)
		return -ENOENT;
	fd = device_file_open(device, &file);
	if (fd >= 0)
		fd_install(fd, file);
	device_put(device);
	return fd;
}

static long do_device_list(void *object, void *argument)
{
	struct hvisor_device_info infos[HVISOR_DEVICES_MAX];
	struct hvisor_device_list *list = argument;
	struct zone_file *zone_file = object;
	struct hv_zone *zone = zone_file->zone;
	u32 i, n, written;

	if (list->reserved)
		return -EINVAL;
	if (READ_ONCE(zone->is_destroyed))
		return -ESTALE;
	rcu_read_lock();
	n = zone_num_devices(zone);
	for (i = 0; i < n; i++)
		device_fill_info(zone->devices[i], &infos[i]);
	rcu_read_unlock();

	written = min(n, list->count);
	list->count = n;
	if (copy_to_user(u64_to_user_ptr(list->devices), infos, written * sizeof(*infos)))
		return -EFAULT;
	return 0;
}

static long do_load(void *object, void *load)
{
	return zone_load(((struct zone_file *)object)->zone, load);
}

static long do_start(void *object, void *unused)
{
	return zone_start(((struct zone_file *)object)->zone);
}

static long do_stop(void *object, void *unused)
{
	return zone_stop(((struct zone_file *)object)->zone);
}

static long do_destroy(void *object, void *unused)
{
	return zone_destroy(((struct zone_file *)object)->zone);
}

static const struct ioctl_row rows[] = {
	{ HVISOR_ZONE_INFO, do_info },
	{ HVISOR_DEVICE_CREATE, do_device_create },
	{ HVISOR_DEVICE_OPEN, do_device_open },
	{ HVISOR_DEVICE_LIST, do_device_list },
	{ HVISOR_ZONE_LOAD, do_load },
	{ HVISOR_ZONE_START, do_start },
	{ HVISOR_ZONE_STOP, do_stop },
	{ HVISOR_ZONE_DESTROY, do_destroy },
};

static long zone_file_ioctl(struct file *file, unsigned int number, unsigned long argument)
{
	return ioctl_dispatch(rows, ARRAY_SIZE(rows), file->private_data, number, argument);
}

static __poll_t zone_file_poll(struct file *file, poll_table *table)
{
	struct zone_file *zone_file = file->private_data;
	struct hv_zone *zone = zone_file->zone;

	poll_wait(file, &zone->wait, table);
	if (READ_ONCE(zone->is_destroyed))
		return EPOLLHUP;
	return atomic64_read(&zone->events) != READ_ONCE(zone_file->seen) ?
	       EPOLLIN | EPOLLRDNORM : 0;
}

static int zone_file_release(struct inode *inode, struct file *file)
{
	struct zone_file *zone_file = file->private_data;

	zone_put(zone_file->zone);
	kfree(zone_file);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = zone_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = zone_file_poll,
	.release = zone_file_release,
	.llseek = noop_llseek,
};

int zone_file_open(struct hv_zone *zone, struct file **ret)
{
	struct zone_file *zone_file = kzalloc(sizeof(*zone_file), GFP_KERNEL);
	struct file *file;
	int fd;

	if (!zone_file)
		return -ENOMEM;
	zone_file->zone = zone;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto err_zone_file;
	file = anon_inode_getfile("[hvisor-zone]", &operations, zone_file, O_RDWR | O_CLOEXEC);
	if (IS_ERR(file))
		goto err_fd;
	kref_get(&zone->references);
	*ret = file;
	return fd;

err_fd:
	put_unused_fd(fd);
	fd = PTR_ERR(file);
err_zone_file:
	kfree(zone_file);
	return fd;
}
