/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtio console: lines out, bytes in. Without one (parameters.console is 0, or no device there) all is silence. */
#ifndef PAYLOAD_CONSOLE_H
#define PAYLOAD_CONSOLE_H

#include "payload.h"

/* Makes the console work, also after somebody has reset the device. Return: false if there is none. */
bool console_open(void);

/* As console_open(); the console's queues are then waited for by interrupt, not by polling. */
bool console_open_with_interrupts(void);

/* Prints "payload: …" with a line feed. Knows %s, %u (uint64_t) and %x (uint64_t). Waits until the device has it. */
void say(const char *format, ...);

/* Waits for input. Return: how many bytes are in @buffer now, at least 1. */
size_t console_read(char *buffer, size_t size);

/* Prints the bytes as they are. */
void console_write(const char *bytes, size_t size);

#endif
