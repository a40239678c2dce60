/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines on the UART that root Linux uses as its console, too. */
#ifndef MONITOR_PRINT_H
#define MONITOR_PRINT_H

#include "types.h"

/*
 * Prints one line "monitor: …" unless KNOB_QUIET. @format knows %s (const char *), %u and %x (both uint64_t: cast
 * every argument). Any CPU.
 */
void print(const char *format, ...);

/*
 * The end: prints "MONITOR PANIC: …" whatever the knobs say, leaves the text in the control block and stops every
 * CPU for good, with the machine left as it is. Any CPU; the first one wins.
 */
void panic(const char *format, ...) __attribute__((noreturn));

/* True once a CPU has panicked: everybody else calls stop_forever(). */
bool panicked(void);
void stop_forever(void) __attribute__((noreturn));

#endif
