/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Says hello on the virtio console, then answers every input with "echo: " and the same in capitals, for ever.
 * Mode 0: polls the rings. Mode 1: sleeps until the device's interrupt comes through the GIC.
 */
#include "console.h"

static char capital(char c) {
        return (char) (c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

void payload_main(void) {
        char text[128];

        if (!(parameters.mode == 1 ? console_open_with_interrupts() : console_open()))
                return;
        say("hello from zone %u", (uint64_t) parameters.zone);
        for (;;) {
                size_t n = console_read(text, sizeof(text));

                for (size_t i = 0; i < n; i++)
                        text[i] = capital(text[i]);
                console_write("echo: ", 6);
                console_write(text, n);
                console_write("\n", 1);
        }
}
