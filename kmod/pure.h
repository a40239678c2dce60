/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the freestanding files (register_*.c, zone_check*.c, zone_config*.c) need
 * from the world around them, inside the kernel and outside of it: they are compiled into the module, into unit tests and into user-space tools.
 * Nothing in them sleeps, allocates, locks or logs.
 */
#ifndef HVISOR_PURE_H
#define HVISOR_PURE_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/types.h>
#else
#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define __always_unused __attribute__((__unused__))
#define static_assert(expression) _Static_assert(expression, #expression)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))
#endif

/* True if [address, address+length) lies inside [base, base+size). */
static inline bool range_holds(u64 base, u64 size, u64 address, u64 length)
{
	return address >= base && address - base <= size && length <= size - (address - base);
}

/* True if the two ranges share a byte. Neither may wrap around. */
static inline bool ranges_overlap(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a_size && b_size && (a < b ? b - a < a_size : a - b < b_size);
}

static inline bool is_power_of_two(u32 n)
{
	return n && !(n & (n - 1));
}

/* True if every byte of an array is 0: reserved fields must be. */
static inline bool is_zeroed(const void *bytes, size_t size)
{
	const u8 *p = bytes;

	while (size--)
		if (*p++)
			return false;
	return true;
}

#endif
