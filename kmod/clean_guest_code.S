/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a CPU runs between two zones, see clean_cpus.h: it forgets the interrupts
 * of the one before, says that it has, and sleeps. It runs as a zone's guest,
 * with its MMU off and at any address.
 */
#include <linux/linkage.h>

	.section .rodata, "a"
	.balign	8
SYM_DATA_START(clean_guest)

#if defined(CONFIG_ARM64)

#include <asm/sysreg.h>

/* GICv3's CPU interface; of a guest's, each is the virtual one. */
#define ICC_AP1R(n)	sys_reg(3, 0, 12, 9, n)
#define CTLR_EOIMODE	2		/* EOIR drops the priority, DIR deactivates */
#define SPECIAL		1020		/* from here on: no interrupt */
#define LOOKS		64		/* the hypervisor refills the list registers in between */

	/* A GICv2's is memory, and unknown here: its CPUs are left as they are. */
	mrs	x0, id_aa64pfr0_el1
	ubfx	x0, x0, #24, #4
	cbz	x0, .Ldone
	mov	x0, #1
	msr_s	SYS_ICC_SRE_EL1, x0
	isb
	mrs_s	x0, SYS_ICC_SRE_EL1
	tbz	x0, #0, .Ldone

	/* Every interrupt gets through, whatever the guest was busy with. */
	mrs_s	x0, SYS_ICC_CTLR_EL1
	ubfx	x0, x0, #8, #3		/* priority bits, less one */
	msr_s	ICC_AP1R(0), xzr
	cmp	x0, #5
	b.lo	1f
	msr_s	ICC_AP1R(1), xzr
	b.eq	1f
	msr_s	ICC_AP1R(2), xzr
	msr_s	ICC_AP1R(3), xzr
1:	mov	x0, #CTLR_EOIMODE
	msr_s	SYS_ICC_CTLR_EL1, x0
	mov	x0, #0xff
	msr_s	SYS_ICC_PMR_EL1, x0
	mov	x0, #1
	msr_s	SYS_ICC_IGRPEN1_EL1, x0
	isb

	/* Those that it had begun and will not end. */
	mov	x0, #SPECIAL
2:	sub	x0, x0, #1
	msr_s	SYS_ICC_DIR_EL1, x0
	cbnz	x0, 2b
	isb

	/* Those that were waiting for it. */
	mov	x1, #LOOKS
3:	mrs_s	x0, SYS_ICC_IAR1_EL1
	dsb	sy
	cmp	x0, #SPECIAL
	b.hs	4f
	msr_s	SYS_ICC_EOIR1_EL1, x0
	msr_s	SYS_ICC_DIR_EL1, x0
	isb
	b	3b
4:	subs	x1, x1, #1
	b.ne	3b

	msr_s	SYS_ICC_IGRPEN1_EL1, xzr
	msr_s	SYS_ICC_PMR_EL1, xzr
	msr_s	SYS_ICC_CTLR_EL1, xzr
	isb

.Ldone:	adr	x0, clean_guest_done
	mov	w1, #1
	str	w1, [x0]
	dsb	sy
5:	wfi
	b	5b

#elif defined(CONFIG_RISCV)

	/* The hypervisor itself resets a hart's interrupts. */
	li	t1, 1
1:	auipc	t0, %pcrel_hi(clean_guest_done)
	sw	t1, %pcrel_lo(1b)(t0)
	fence
2:	wfi
	j	2b

#elif defined(CONFIG_LOONGARCH)

	/* Nothing but sleep: it says nothing. */
1:	idle	0
	b	1b

#elif defined(CONFIG_X86_64)

	/* hlt; jmp: the same in each of a CPU's modes, of which none is known. It says nothing. */
1:	.byte	0xf4, 0xeb, 0xfd

#endif

	.balign	4
SYM_DATA_START_LOCAL(clean_guest_done)
	.word	0
SYM_DATA_END(clean_guest_done)
SYM_DATA_END(clean_guest)
SYM_DATA(clean_guest_end, )
