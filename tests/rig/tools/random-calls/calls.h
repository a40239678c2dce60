/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of random-calls. Every call of them is something random; it returns what a system call does. */
#ifndef RIG_TOOLS_RANDOM_CALLS_H
#define RIG_TOOLS_RANDOM_CALLS_H

#include <stdint.h>
#include <sys/types.h>

#define ZONES 3
#define DESCRIPTORS 32
#define EVENTS 4
#define BYSTANDER_ID 2                  /* somebody else's, who is there and has CPU 3 */
#define BYSTANDER_RAM 0x68000000UL

enum kind { ZONE, DEVICE, OTHER };

extern const uint32_t zone_ids[ZONES];

/* Of a process. */
extern int control, descriptors[DESCRIPTORS], events[EVENTS], file;
extern enum kind kinds[DESCRIPTORS];
extern int image;                       /* a payload for the first of the zones; -1: none is started */
extern off_t image_size;

extern int mail[2];                     /* a socket pair of all processes: descriptors under way */

/* A place among the descriptors. */
unsigned pick(void);

/* One of the descriptors, mostly of this kind, if there is one. */
int any(enum kind kind);

/* Puts it in place of another one, if it is a descriptor at all. Return: @fd. */
long keep(long fd, enum kind kind);

/* random-calls.c: something was given that is another's. */
void note_theft(void);

/* For SIGBUS. */
void on_bus_error(int signal);

/* calls.c: before any of these. */
void prepare_answers(void);
long info(void);
long create_zone(void);
long open_zone(void);
long list_zones(void);
long zone_info(void);
long create_device(void);
long open_device(void);
long list_devices(void);
long load(void);
long start(void);
long stop(void);
long destroy(void);
long attach(void);
long get_state(void);
long acknowledge(void);
long break_device(void);
long withdraw(void);
long list_memory(void);
long configure(void);
long old_list(void);
long old_shutdown(void);
long old_load(void);
long any_number(void);
long map_and_touch(void);

/* descriptors.c */
long poll_all(void);
long watch(void);
long put_away(void);
long duplicate(void);
long signal_event(void);
long renew_event(void);
long send_one(void);
long receive_one(void);

#endif
