/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A console as others find it, whether or not the daemon and its worker are there:
 * a directory RUN_CONSOLES_DIR/ZONE/DEVICE with
 *
 *   tty      a link to the terminal (/dev/pts/N), for screen(1) and the like: one program at a time
 *   history  the recent output, see base/history.h: any number may follow it
 *   input    a FIFO: what one client types. Who has it locked for writing (fcntl(2), F_SETLK, the
 *            whole file) is that client; what is typed at the terminal meanwhile is thrown away
 *
 * The terminal's window size (TIOCSWINSZ) is the console's: the worker looks at it whenever
 * the terminal was opened or closed.
 */
#pragma once

#define CONSOLE_TTY     "tty"
#define CONSOLE_HISTORY "history"
#define CONSOLE_INPUT   "input"

/* What the FIFO holds before a client has to wait for the guest, as much as a terminal does. */
#define CONSOLE_INPUT_SIZE 4096
