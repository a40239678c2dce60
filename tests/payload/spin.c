/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does nothing, with interrupts masked. Mode 0: busy. Mode 1: sleeping. Neither touches a device. */
#include "payload.h"

void payload_main(void) {
        while (parameters.mode == 0)
                __asm__ volatile("");
}
