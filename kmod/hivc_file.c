// SPDX-License-Identifier: GPL-2.0-only
/* /dev/hivcN. */
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat.h"
#include "hivc_channel.h"
#include "ivc_peers.h"

/* A descriptor. */
struct hivc_reader {
	struct hivc_channel *channel;
	u64 taken;	/* of the channel's interrupts, by read(); under its lock */
	u64 told;	/* of them, by poll() while nobody has read; likewise */
	bool reads;	/* poll() leaves them to read() */
};

irqreturn_t hivc_on_interrupt(int irq, void *data)
{
	struct hivc_channel *channel = data;
	unsigned long flags;

	spin_lock_irqsave(&channel->lock, flags);
	channel->interrupts++;
	if (!channel->is_masked) {
		channel->is_masked = true;
		disable_irq_nosync(irq);
	}
	spin_unlock_irqrestore(&channel->lock, flags);
	wake_up_interruptible_poll(&channel->readers, EPOLLIN | EPOLLRDNORM);
	return IRQ_HANDLED;
}

/*
 * Another one that came meanwhile comes now. What poll() has told of is still
 * there for a first read(). Return: how many are new to @seen, which is then up to date.
 */
static u64 take(struct hivc_reader *reader, u64 *seen)
{
	struct hivc_channel *channel = reader->channel;
	unsigned long flags;
	u64 n;

	spin_lock_irqsave(&channel->lock, flags);
	n = channel->interrupts - *seen;
	*seen = channel->taken = channel->interrupts;
	if (n && channel->is_masked) {
		channel->is_masked = false;
		enable_irq(channel->irq);
	}
	spin_unlock_irqrestore(&channel->lock, flags);
	return n;
}

static bool is_any(struct hivc_reader *reader)
{
	return READ_ONCE(reader->channel->interrupts) != READ_ONCE(reader->taken);
}

/* What nobody has taken yet is the new one's, too. */
static int hivc_open(struct inode *inode, struct file *file)
{
	struct hivc_channel *channel = container_of(file->private_data, struct hivc_channel, misc);
	struct hivc_reader *reader;

	if (!hivc_is_ready())
		return -ENODEV;
	reader = kzalloc(sizeof(*reader), GFP_KERNEL_ACCOUNT);
	if (!reader)
		return -ENOMEM;
	reader->channel = channel;
	spin_lock_irq(&channel->lock);
	reader->taken = reader->told = channel->taken;
	spin_unlock_irq(&channel->lock);
	file->private_data = reader;
	return nonseekable_open(inode, file);
}

static int hivc_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static ssize_t hivc_read(struct file *file, char __user *buffer, size_t size, loff_t *position)
{
	struct hivc_reader *reader = file->private_data;
	u64 n;
	int r;

	if (size < sizeof(n))
		return -EINVAL;
	WRITE_ONCE(reader->reads, true);
	while (!(n = take(reader, &reader->taken))) {
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		r = wait_event_interruptible(reader->channel->readers, is_any(reader));
		if (r < 0)
			return r;
	}
	return copy_to_user(buffer, &n, sizeof(n)) ? -EFAULT : sizeof(n);
}

static __poll_t hivc_poll(struct file *file, poll_table *table)
{
	struct hivc_reader *reader = file->private_data;
	bool any;

	poll_wait(file, &reader->channel->readers, table);
	any = READ_ONCE(reader->reads) ? is_any(reader) : take(reader, &reader->told) > 0;
	return any ? EPOLLIN | EPOLLRDNORM : 0;
}

/*
 * The hypervisor lets nobody write elsewhere, and a zone that tries is in error,
 * root Linux the end of the board; a CPU that tries to execute any of it is lost.
 */
static int hivc_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct hivc_reader *reader = file->private_data;
	const struct hivc_channel *channel = reader->channel;
	u64 size = vma->vm_end - vma->vm_start;
	struct hivc_range range;

	if (!(vma->vm_flags & VM_MAYSHARE))
		return -EINVAL;
	if (vma->vm_pgoff > U64_MAX >> PAGE_SHIFT ||
	    !hivc_layout_find(&channel->layout, (u64)vma->vm_pgoff << PAGE_SHIFT, size, &range))
		return -EINVAL;
	if (range.is_table && channel->is_root && !capable(CAP_SYS_RAWIO))
		return -EPERM;
	if (vma->vm_flags & VM_EXEC || (vma->vm_flags & VM_WRITE && !range.is_writable))
		return -EACCES;
	vm_flags_clear(vma, range.is_writable ? VM_MAYEXEC : VM_MAYEXEC | VM_MAYWRITE);
	if (range.is_table)
		vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	return remap_pfn_range(vma, vma->vm_start, range.address >> PAGE_SHIFT, size,
			       vma->vm_page_prot);
}

/* hvisor.ko knows which zones it has started; without it, nobody does. */
static bool has_joined(u32 id, u32 peer)
{
	bool (*ask)(u32 id, u32 peer) = symbol_get(ivc_peer_has_joined);
	bool answer;

	if (!ask)
		return false;
	answer = ask(id, peer);
	symbol_put(ivc_peer_has_joined);
	return answer;
}

static int notify(struct hivc_channel *channel, unsigned long peer)
{
	const struct hivc_info *info = &channel->layout.info;

	if (peer >= info->max_peers)
		return -EINVAL;
	if (channel->is_root && peer != info->peer && !has_joined(info->id, peer))
		return -ENOTCONN;
	writel(peer, channel->table + offsetof(struct hivc_table, notify));
	return 0;
}

static int tell_numbers(struct hivc_user_info __user *user)
{
	struct hivc_user_info info = { 0 };
	u32 ids[HIVC_ZONE_MAX];
	u32 i;

	info.len = hivc_numbers(ids);
	for (i = 0; i < info.len; i++)
		info.ids[i] = ids[i];
	return copy_to_user(user, &info, sizeof(info)) ? -EFAULT : 0;
}

static long hivc_ioctl(struct file *file, unsigned int number, unsigned long argument)
{
	const struct hivc_reader *reader = file->private_data;
	const struct hivc_info *info = &reader->channel->layout.info;

	switch (number) {
	case HIVC_INFO:
		return copy_to_user((void __user *)argument, info, sizeof(*info)) ? -EFAULT : 0;
	case HIVC_NOTIFY:
		return file->f_mode & FMODE_WRITE ? notify(reader->channel, argument) : -EBADF;
	case HIVC_USER_INFO:
		return tell_numbers((void __user *)argument);
	default:
		return -ENOTTY;
	}
}

const struct file_operations hivc_operations = {
	.owner = THIS_MODULE,
	.open = hivc_open,
	.release = hivc_release,
	.read = hivc_read,
	.poll = hivc_poll,
	.mmap = hivc_mmap,
	.unlocked_ioctl = hivc_ioctl,
};
