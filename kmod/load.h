/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HVISOR_LOAD_H
#define HVISOR_LOAD_H

#include <linux/types.h>

/**
 * load_from_user() - copies user memory into zone RAM, clean to memory
 * @address: physical; [address, address+size) was checked to be zone RAM
 *
 * Return: 0, -EFAULT, -ENOMEM, -EINTR (a fatal signal).
 */
int load_from_user(u64 address, const void __user *from, u64 size);

#endif
