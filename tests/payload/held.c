/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes its console's interrupt and is never done with it: its CPU keeps an active interrupt for as long as it lives. */
#include "console.h"

static void on_interrupt_for_good(void) {
        say("holds its interrupt");
        for (;;)
                __asm__ volatile("wfi");
}

void payload_main(void) {
        char text[128];

        if (!console_open())
                return;
        say("takes interrupts");
        interrupts_enable(parameters.console_irq, on_interrupt_for_good);
        for (;;)
                console_read(text, sizeof(text));
}
