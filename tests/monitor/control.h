/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The monitor's side door for tests: a block at physical 0x403ff000 (BOARD_CONTROL), below the image.
 *
 * Knobs (u64 each, little endian) are put there by QEMU before the start, e.g.
 *      -device loader,addr=0x403ff000,data=0x31424e4b4e4f4d48,data-len=8   (the magic: without it all are default)
 *      -device loader,addr=0x403ff008,data=3264,data-len=8                 (config_size)
 * or changed by root Linux at run time: hypercall HYPERCALL_KNOB, x1 = the knob's index, x2 = its new value; the
 * monitor answers KNOB_ACCEPTED. A real hvisor answers 0 to a code it does not know, so the call tells the two apart.
 *
 * Status: after a panic `panicked` is 1 and `message` holds the text that the UART got as "MONITOR PANIC: <message>".
 * QMP: {"execute": "human-monitor-command", "arguments": {"command-line": "xp /1gx 0x403ff208"}}.
 */
#ifndef MONITOR_CONTROL_H
#define MONITOR_CONTROL_H

#include "board.h"
#include "types.h"

#define CONTROL_MAGIC 0x31424e4b4e4f4d48UL      /* "HMONKNB1" */
#define HYPERCALL_KNOB 0x4b4e4f42               /* "BONK": outside every code that hvisor defines */
#define KNOB_ACCEPTED 1

enum knob {
        KNOB_CONFIG_SIZE,       /* sizeof(zone_config) that ZONE_START accepts; 0: 3136 */
        KNOB_CONFIG_MAGIC,      /* what CONFIG_CHECK tells; 0: 0x5 */
        KNOB_CPUS_ALREADY_ON,   /* bitmap of CPUs that ZONE_START finds "already on" (makes a ghost) */
        KNOB_SHUTDOWN_WAIT_MS,  /* how long ZONE_SHUTDOWN waits for a CPU; 0: 7500, as measured on hvisor */
        KNOB_DRAIN_EVENTS,      /* 1: one SGI handles every queued event, not one (hvisor: 0) */
        KNOB_QUIET,             /* 1: only panics are printed */
        KNOB_ROOT_IVC,          /* 1: IVC_INFO finds that this was built with an IVC for root Linux (ROOT_IVC in board.h) */
        _KNOB_MAX,
};

struct control {
        uint64_t magic;
        uint64_t knobs[_KNOB_MAX];
        uint8_t pad[0x200 - 8 - 8 * _KNOB_MAX];
        uint64_t running;               /* CONTROL_MAGIC once the monitor is up */
        uint64_t panicked;
        char message[128];
        uint64_t events[BOARD_CPUS];    /* queued for each CPU right now: what stays there was left behind */
};
_Static_assert(offsetof(struct control, panicked) == 0x208, "the address that the header tells");
_Static_assert(offsetof(struct control, events) == 0x290, "as tests/cases/load.py reads it");

/* Any CPU, any time. */
static inline volatile struct control *control(void) {
        return (volatile struct control *) BOARD_CONTROL;
}

/* Clears all knobs unless the loader has set them. CPU 0, before the other CPUs run. */
void control_init(void);

/* A knob's value; its default where it is 0. */
uint64_t knob_get(enum knob k);

/* Root's HYPERCALL_KNOB. Return: KNOB_ACCEPTED, or 0 for an unknown knob. */
uint64_t knob_set(uint64_t k, uint64_t value);

#endif
