/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the kernels from 5.10 on differ in what this module uses of them: all of
 * it is here, and all other files are written for the newest. Each is a macro,
 * for it may stand beside a function that an older kernel got since.
 */
#ifndef HVISOR_COMPAT_H
#define HVISOR_COMPAT_H

#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/version.h>

/* Where cpuid() is: in 6.4 and 6.16 it moved. sparse cannot read the inner conditions. */
#ifdef CONFIG_X86
#if __has_include(<asm/cpuid/api.h>)
#include <asm/cpuid/api.h>
#elif __has_include(<asm/cpuid.h>)
#include <asm/cpuid.h>
#else
#include <asm/processor.h>
#endif
#endif

/* 5.14: by its own name, so that nobody reads it by the way. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(5, 14, 0)
#define task_state_of(task)	READ_ONCE((task)->state)
#else
#define task_state_of(task)	READ_ONCE((task)->__state)
#endif

/* 6.3: who changes them holds the lock that this takes. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
#define vm_flags_set(vma, flags)	((void)((vma)->vm_flags |= (flags)))
#define vm_flags_clear(vma, flags)	((void)((vma)->vm_flags &= ~(flags)))
#endif

/* 6.8: without a count, which nobody made use of. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define eventfd_signal(context)	eventfd_signal(context, 1)
#endif

/* 6.12: a pointer with flags in it. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
#undef fd_file
#undef fd_empty
#define fd_file(f)	((f).file)
#define fd_empty(f)	(!(f).file)
#endif

/* 6.13: with its function at once. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define hrtimer_setup(timer, callback, clock, mode)				\
	do {									\
		hrtimer_init(timer, clock, mode);				\
		(timer)->function = (callback);					\
	} while (0)
#define hrtimer_setup_on_stack(timer, callback, clock, mode)			\
	do {									\
		hrtimer_init_on_stack(timer, clock, mode);			\
		(timer)->function = (callback);					\
	} while (0)
#endif

#endif
