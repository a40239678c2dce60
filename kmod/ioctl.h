/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HVISOR_IOCTL_H
#define HVISOR_IOCTL_H

#include <linux/types.h>

/*
 * One call of a descriptor. The number holds size and direction: @fn gets the
 * caller's struct in kernel memory (zeroed where the call only writes; NULL if
 * there is none), and what it left there is copied back if it returns >= 0.
 */
struct ioctl_row {
	unsigned int number;
	long (*fn)(void *object, void *argument);
};

/**
 * ioctl_dispatch() - finds the row of exactly this number and calls it
 *
 * Return: what the row's function does; -ENOTTY, -EFAULT, -ENOMEM.
 */
long ioctl_dispatch(const struct ioctl_row *rows, size_t num_rows, void *object,
		    unsigned int number, unsigned long argument);

#endif
