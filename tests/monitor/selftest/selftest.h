/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the self-test's files share: reports, hypercalls, the two zones, the back-end's side of the bridge. */
#ifndef SELFTEST_H
#define SELFTEST_H

#include "abi.h"
#include "agent.h"
#include "control.h"
#include "payload.h"

#define WAIT_MS 600                     /* KNOB_SHUTDOWN_WAIT_MS for the tests */
#define SETTLE_MS 200                   /* a CPU has long handled its events by then */
#define ANSWER_BASE 0xabc00000U         /* a read of register r is answered with ANSWER_BASE + r */

/* Two zones at once, as the rig has them, and one with both CPUs. */
struct place {
        uint64_t cpus;
        uint64_t ram, ram_size;
        uint64_t device;                /* a virtio region of 0x200 */
};
extern const struct place lower, upper, both;

/* Reports. check() prints one PASS or FAIL line; a test goes on after a FAIL. */
void check(bool ok, const char *what);
void check_equal(int64_t have, int64_t want, const char *what);
void uart_print(const char *s);
void finish(void) __attribute__((noreturn));

/* root.S */
int64_t hypercall(uint64_t code, uint64_t a1, uint64_t a2);
uint64_t smc(uint64_t function, uint64_t a1, uint64_t a2);
void root_secondary_entry(void);

/* A good config for a zone at @p; the caller may spoil it. The same buffer every time. */
struct zone_config *config_for(const struct place *p, uint32_t id);

/* Loads the agent into @p; starts what config_for() and its caller have made, with the first so many IVCs of it. */
void load_agent(const struct place *p);
int64_t start_config(uint32_t num_ivcs);

/* Both at once; the mailbox is in mailbox_of(@p). Return: what ZONE_START said. */
int64_t start(const struct place *p, uint32_t id);
struct mailbox *mailbox_of(const struct place *p);

/* As start(), then waits until the agent runs; checks both. */
void start_and_check(const struct place *p, uint32_t id);
bool agent_alive(const struct place *p);

/* Tells the agent what to do; agent_do() waits for the end of it, meanwhile answering the bridge. */
void agent_tell(const struct place *p, enum agent_command c, uint64_t a0, uint64_t a1, uint64_t a2);
bool agent_done(const struct place *p);
bool agent_done_unanswered(const struct place *p);
uint64_t agent_do(const struct place *p, enum agent_command c, uint64_t a0, uint64_t a1, uint64_t a2);

/* The list. Return: the number of zones. */
int64_t list(struct zone_info *infos, uint64_t count);

/*
 * The back-end. bridge_pending() waits until there is a request; bridge_answer() takes one, answers it if it is to be,
 * and copies it. False if there is none.
 */
extern struct bridge_page bridge;
bool bridge_pending(void);
bool bridge_answer(struct device_request *ret);
void bridge_result(uint32_t zone, uint32_t irq);

/* Waits until the agent has taken that many, and is out of its handler unless hold_eoi keeps it there. */
bool wait_for_interrupts(const struct place *p, uint32_t count);

/* The wake-up interrupt at root. */
extern volatile uint32_t wakeups, hold_wakeup;

/* The tests. */
void test_calls(void);
void test_start_errors(void);
void test_bridge(void);
void test_interrupts(void);
void test_psci(void);
void test_isolation(void);
void test_ivc(void);
void test_lifecycle(void);
void test_lost_cpus(void);
void test_before_init(void);
void test_knobs(void);
void provoke_panic(uint64_t number);

/* Panics about IVC. Return: false if @number is none of these. */
bool spoil_ivc(struct zone_config *c, uint64_t number);
void root_invokes_nobody(void);

#endif
