// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include "load.h"

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "arch.h"
#include "compat.h"
#include "zone.h"
#include "zone_check.h"

#define CHUNK		SZ_1M
#define BOUNCE_SIZE	SZ_64K

/* Fills @size bytes at @to, the @position-th of the image. Return: 0 or -errno. */
struct source {
	int (*fill)(struct source *source, void *to, size_t size, u64 position);
	struct file *file;
	u64 offset;
	void *bounce;		/* NULL: the file system may write into zone RAM itself */
	const void __user *user;
};

static int load(u64 address, u64 size, struct source *source)
{
	void *ram = memremap(address, size, MEMREMAP_WB);
	u64 done = 0;
	int r = 0;

	if (!ram)
		return -ENOMEM;
	while (!r && done < size) {
		size_t n = min_t(u64, size - done, CHUNK);

		r = source->fill(source, ram + done, n, done);
		if (!r)
			arch_clean_to_memory(ram + done, n);
		done += n;
		if (fatal_signal_pending(current))
			r = -EINTR;
		cond_resched();
	}
	memunmap(ram);
	return r;
}

static int read_fully(struct file *file, void *to, size_t size, loff_t position)
{
	while (size) {
		ssize_t n = kernel_read(file, to, size, &position);

		if (n <= 0)
			return n < 0 ? n : -ENODATA;
		to += n;
		size -= n;
	}
	return 0;
}

static int fill_from_file(struct source *source, void *to, size_t size, u64 position)
{
	u64 from = source->offset + position;
	int r = 0;

	if (!source->bounce)
		return read_fully(source->file, to, size, from);
	while (!r && size) {
		size_t n = min_t(size_t, size, BOUNCE_SIZE);

		r = read_fully(source->file, source->bounce, n, from);
		if (!r)
			memcpy(to, source->bounce, n);
		to += n;
		from += n;
		size -= n;
	}
	return r;
}

static int fill_from_user(struct source *source, void *to, size_t size, u64 position)
{
	return copy_from_user(to, source->user + position, size) ? -EFAULT : 0;
}

int load_from_user(u64 address, const void __user *from, u64 size)
{
	struct source source = { .fill = fill_from_user, .user = from };

	return load(address, size, &source);
}

/*
 * File systems on a block device or in memory copy out of the page cache. Some
 * others look for the struct pages behind a kernel buffer: zone RAM has none.
 */
static bool reads_by_copy(const struct file *file)
{
	const struct super_block *sb = file_inode(file)->i_sb;

	return sb->s_bdev || sb->s_magic == TMPFS_MAGIC || sb->s_magic == RAMFS_MAGIC;
}

static int load_file(struct file *file, const struct hvisor_zone_load *load_from)
{
	struct source source = {
		.fill = fill_from_file,
		.file = file,
		.offset = load_from->offset,
	};
	int r;

	if (!S_ISREG(file_inode(file)->i_mode) || (file->f_flags & O_DIRECT) ||
	    !(file->f_mode & FMODE_READ))
		return -EINVAL;
	if (!reads_by_copy(file)) {
		source.bounce = kvmalloc(BOUNCE_SIZE, GFP_KERNEL);
		if (!source.bounce)
			return -ENOMEM;
	}
	r = load(load_from->address, load_from->size, &source);
	kvfree(source.bounce);
	return r;
}

int zone_load(struct hv_zone *zone, const struct hvisor_zone_load *load_from)
{
	struct fd f;
	int r;

	if (load_from->reserved || !load_from->size ||
	    !range_holds(0, LLONG_MAX, load_from->offset, load_from->size))
		return -EINVAL;
	if (!zone_find_ram(&zone->description, true, load_from->address, load_from->size))
		return -EFAULT;
	f = fdget(load_from->fd);
	if (fd_empty(f))
		return -EBADF;

	r = mutex_lock_killable(&zone->lock);
	if (r < 0)
		goto out;
	if (zone->is_destroyed)
		r = -ESTALE;
	else if (zone->state != HVISOR_ZONE_CREATED)
		r = -EPERM;
	else
		r = load_file(fd_file(f), load_from);
	mutex_unlock(&zone->lock);
out:
	fdput(f);
	return r;
}
