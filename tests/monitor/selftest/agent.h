/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The self-test's zone guest does what root writes into this mailbox, somewhere in the zone's RAM. */
#ifndef SELFTEST_AGENT_H
#define SELFTEST_AGENT_H

#include <stdint.h>

enum agent_command {
        AGENT_NONE,
        AGENT_READ32,           /* result = *(u32 *) args[0]; the register holds AGENT_MARKER before */
        AGENT_WRITE32,          /* *(u32 *) args[0] = args[1] */
        AGENT_READ64,
        AGENT_SMC,              /* result = smc(args[0], args[1], args[2]) */
        AGENT_HVC,
        AGENT_INTERRUPTS_ON,    /* takes interrupts; enables number args[0] at the distributor */
        AGENT_JUMP,             /* to args[0] */
        AGENT_SECONDARY,        /* result = PSCI CPU_ON of args[0], which then sets secondary */
};

#define AGENT_MARKER 0x6d61726b6572UL

struct mailbox {
        volatile uint32_t command;      /* root writes it last; the agent sets AGENT_NONE when done */
        volatile uint32_t alive;        /* 1 once the agent runs */
        volatile uint64_t args[3];
        volatile uint64_t result;
        volatile uint32_t interrupts;   /* taken so far */
        volatile uint32_t hold_eoi;     /* while 1 the handler does not end, i.e. the interrupt stays active */
        volatile uint32_t secondary;
        volatile uint32_t pad;
};
_Static_assert(__builtin_offsetof(struct mailbox, secondary) == 48, "agent.c stores there");

#endif
