// SPDX-License-Identifier: GPL-2.0-only
#include "ioctl.h"

#include <linux/ioctl.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

static const struct ioctl_row *find_row(const struct ioctl_row *rows, size_t num_rows,
					unsigned int number)
{
	while (num_rows--)
		if (rows[num_rows].number == number)
			return &rows[num_rows];
	return NULL;
}

long ioctl_dispatch(const struct ioctl_row *rows, size_t num_rows, void *object,
		    unsigned int number, unsigned long argument)
{
	const struct ioctl_row *row = find_row(rows, num_rows, number);
	void __user *user = (void __user *)argument;
	size_t size = _IOC_SIZE(number);
	void *copy;
	long r;

	if (!row)
		return -ENOTTY;
	if (!size)
		return row->fn(object, NULL);

	copy = kzalloc(size, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	r = -EFAULT;
	if ((_IOC_DIR(number) & _IOC_WRITE) && copy_from_user(copy, user, size))
		goto out;
	r = row->fn(object, copy);
	if (r >= 0 && (_IOC_DIR(number) & _IOC_READ) && copy_to_user(user, copy, size))
		r = -EFAULT;
out:
	kfree(copy);
	return r;
}
