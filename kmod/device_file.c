// SPDX-License-Identifier: GPL-2.0-only
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "device.h"
#include "ioctl.h"

static long do_attach(void *worker, void *attach)
{
	return worker_attach(worker, attach);
}

static long do_state(void *object, void *state)
{
	struct hv_worker *worker = object;
	int r = worker_check(worker);

	if (!r)
		device_fill_state(worker->device, state);
	return r;
}

static long do_acknowledge(void *worker, void *sequence)
{
	return worker_acknowledge(worker, *(u64 *)sequence);
}

static long do_break(void *worker, void *unused)
{
	return worker_break(worker);
}

static long do_configure(void *worker, void *config)
{
	return worker_configure(worker, config);
}

static long do_memory(void *object, void *memory)
{
	struct hv_worker *worker = object;
	int r = worker_check(worker);

	if (!r)
		device_list_memory(worker->device, memory);
	return r;
}

static long do_memory_fd(void *worker, void *part)
{
	return memory_file_open(worker, part);
}

static long do_withdraw(void *worker, void *unused)
{
	return device_withdraw(((struct hv_worker *)worker)->device);
}

static const struct ioctl_row rows[] = {
	{ HVISOR_DEVICE_ATTACH, do_attach },
	{ HVISOR_DEVICE_STATE, do_state },
	{ HVISOR_DEVICE_ACK, do_acknowledge },
	{ HVISOR_DEVICE_BREAK, do_break },
	{ HVISOR_DEVICE_MEMORY, do_memory },
	{ HVISOR_DEVICE_MEMORY_FD, do_memory_fd },
	{ HVISOR_DEVICE_CONFIG, do_configure },
	{ HVISOR_DEVICE_WITHDRAW, do_withdraw },
};

static long device_file_ioctl(struct file *file, unsigned int number, unsigned long argument)
{
	return ioctl_dispatch(rows, ARRAY_SIZE(rows), file->private_data, number, argument);
}

static __poll_t device_file_poll(struct file *file, poll_table *table)
{
	struct hv_worker *worker = file->private_data;
	struct hv_device *device = worker->device;
	__poll_t events = 0;
	unsigned long flags;

	poll_wait(file, &device->wait, table);
	spin_lock_irqsave(&device->lock, flags);
	if (worker->is_revoked || device->is_gone)
		events = EPOLLHUP;
	else if (worker->is_attached && device->acknowledged < device->sequence)
		events = EPOLLIN | EPOLLRDNORM;
	spin_unlock_irqrestore(&device->lock, flags);
	return events;
}

static int device_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	return worker_map_memory(file->private_data, vma);
}

static void free_worker(struct kref *references)
{
	struct hv_worker *worker = container_of(references, struct hv_worker, references);

	device_put(worker->device);
	mutex_destroy(&worker->lock);
	if (worker->nothing)
		__free_page(worker->nothing);
	kfree(worker);
}

void worker_put(struct hv_worker *worker)
{
	kref_put(&worker->references, free_worker);
}

static int device_file_release(struct inode *inode, struct file *file)
{
	struct hv_worker *worker = file->private_data;

	worker_release(worker);
	worker_put(worker);
	return 0;
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = device_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.poll = device_file_poll,
	.mmap = device_file_mmap,
	.release = device_file_release,
	.llseek = noop_llseek,
};

int device_file_open(struct hv_device *device, struct file **ret)
{
	struct hv_worker *worker = kzalloc(sizeof(*worker), GFP_KERNEL);
	struct file *file;
	int fd;

	if (!worker)
		return -ENOMEM;
	worker->device = device;
	kref_init(&worker->references);
	mutex_init(&worker->lock);

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		goto err_worker;
	file = anon_inode_getfile("[hvisor-device]", &operations, worker, O_RDWR | O_CLOEXEC);
	if (IS_ERR(file))
		goto err_fd;
	kref_get(&device->references);
	worker_init_memory(worker, file);
	*ret = file;
	return fd;

err_fd:
	put_unused_fd(fd);
	fd = PTR_ERR(file);
err_worker:
	kfree(worker);
	return fd;
}
