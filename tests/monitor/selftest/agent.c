/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Built as a payload (tests/payload): parameters.address is where the mailbox is. */
#include "agent.h"
#include "payload.h"

#define PSCI_CPU_ON 0xc4000003

/* hvisor hands every CPU the device tree's address in x0; root makes that the mailbox. */
__asm__(".text\n"
        "secondary_entry:\n"
        "       mov     w1, #1\n"
        "       str     w1, [x0, #48]\n"
        "1:     wfi\n"
        "       b       1b\n");
void secondary_entry(void);

static struct mailbox *mailbox(void) {
        return (struct mailbox *) parameters.address;
}

static void on_agent_interrupt(void) {
        mailbox()->interrupts++;
        while (mailbox()->hold_eoi)
                ;
}

#define CALL(instruction, a0, a1, a2) ({                                                        \
        register uint64_t x0_ __asm__("x0") = (a0);                                             \
        register uint64_t x1_ __asm__("x1") = (a1);                                             \
        register uint64_t x2_ __asm__("x2") = (a2);                                             \
        __asm__ volatile(instruction : "+r"(x0_) : "r"(x1_), "r"(x2_) : "x3", "memory");        \
        x0_;                                                                                    \
})

static uint64_t load(uint64_t address, bool wide) {
        uint64_t value = AGENT_MARKER;

        if (wide)
                __asm__ volatile("ldr %0, [%1]" : "+r"(value) : "r"(address) : "memory");
        else
                __asm__ volatile("ldr %w0, [%1]" : "+r"(value) : "r"(address) : "memory");
        return value;
}

static uint64_t obey(const struct mailbox *m) {
        uint64_t a0 = m->args[0], a1 = m->args[1], a2 = m->args[2];

        switch ((enum agent_command) m->command) {
        case AGENT_NONE:
                return 0;
        case AGENT_READ32:
        case AGENT_READ64:
                return load(a0, m->command == AGENT_READ64);
        case AGENT_WRITE32:
                write32(a0, (uint32_t) a1);
                return 0;
        case AGENT_SMC:
                return CALL("smc #0", a0, a1, a2);
        case AGENT_HVC:
                return CALL("hvc #0x4856", a0, a1, a2);
        case AGENT_INTERRUPTS_ON:
                interrupts_enable((uint32_t) a0, on_agent_interrupt);
                return 0;
        case AGENT_JUMP:
                ((void (*)(void)) a0)();
                return 0;
        case AGENT_SECONDARY:
                return CALL("smc #0", PSCI_CPU_ON, a0, (uint64_t) secondary_entry);
        }
        return 0;
}

void payload_main(void) {
        struct mailbox *m = mailbox();

        m->alive = 1;
        for (;;) {
                while (m->command == AGENT_NONE)
                        ;
                dsb();
                m->result = obey(m);
                dsb();
                m->command = AGENT_NONE;
        }
}
