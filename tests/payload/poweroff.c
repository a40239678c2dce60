/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ends the zone by PSCI. Mode 0: SYSTEM_OFF at once. Mode 1: says so, waits for input, then SYSTEM_OFF. Mode 2:
 * SYSTEM_RESET, which hvisor ignores.
 */
#include "console.h"

void payload_main(void) {
        char c;

        if (parameters.mode == 1) {
                console_open();
                say("zone %u powers off on input", (uint64_t) parameters.zone);
                console_read(&c, 1);
        }
        psci(parameters.mode == 2 ? PSCI_SYSTEM_RESET : PSCI_SYSTEM_OFF);
        console_open();
        say("zone %u is still here", (uint64_t) parameters.zone);
}
