/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A peer of the zone's first IVC. Its own section begins with a struct letter; another's is read by who is notified.
 *
 * Mode 0: as peer 0 it asks peer 1, ROUNDS times, each with an interrupt there and one back; as another peer it answers
 * whoever asks. Mode 1: does all to the control table and to the peers' sections that it should not, then as mode 0.
 */
#include "console.h"

#define HYPERCALL_IVC_INFO 5
#define ROUNDS 100
#define GREETING 0x68656c6c             /* in a section: its peer is there */

enum {
        TABLE_ID = 0x00,
        TABLE_MAX_PEERS = 0x04,
        TABLE_RW_SIZE = 0x08,
        TABLE_OUT_SIZE = 0x0c,
        TABLE_PEER = 0x10,
        TABLE_NOTIFY = 0x14,
};

struct ivc_info {
        uint64_t len;
        uint64_t tables[2];
        uint64_t memories[2];
        uint32_t ids[2];
        uint32_t interrupts[2];
};

struct letter {
        volatile uint32_t greeting;
        volatile uint32_t number;       /* counts up; an answer has that of its question */
        volatile char text[56];
};

static struct ivc_info info;
static uint64_t table;
static uint32_t peer, max_peers;
static volatile uint32_t notified;

static void on_ivc_interrupt(void) {
        notified = 1;
}

static bool ask_hypervisor(void) {
        register uint64_t x0 __asm__("x0") = HYPERCALL_IVC_INFO;
        register uint64_t x1 __asm__("x1") = (uint64_t) &info;
        register uint64_t x2 __asm__("x2") = sizeof(info);

        __asm__ volatile("hvc #0x4856" : "+r"(x0), "+r"(x1), "+r"(x2) :: "x3", "memory");
        return x0 == 0 && info.len > 0;
}

static struct letter *section(uint32_t of) {
        return (struct letter *) (info.memories[0] + read32(table + TABLE_RW_SIZE) + of * (uint64_t) read32(table + TABLE_OUT_SIZE));
}

static void write_letter(uint32_t number, const char *text) {
        struct letter *own = section(peer);
        size_t i = 0;

        do
                own->text[i] = text[i];
        while (text[i++] && i < sizeof(own->text));
        dsb();
        own->number = number;
        own->greeting = GREETING;
        dsb();
}

static void notify(uint32_t other) {
        write32(table + TABLE_NOTIFY, other);
}

static void wait_for_greeting(const struct letter *other) {
        while (other->greeting != GREETING)
                sleep_ms(1);
}

static bool ask(uint32_t other, uint32_t number) {
        const struct letter *theirs = section(other);

        write_letter(number, "a question");
        notify(other);
        /* The console's interrupts come, too, wanted or not. */
        do
                interrupts_wait(&notified);
        while (theirs->number != number);
        return theirs->text[0] == 'a' && theirs->text[3] == 'a';
}

static void ask_all(uint32_t other) {
        unsigned int right = 0;

        for (uint32_t n = 1; n <= ROUNDS; n++)
                right += ask(other, n);
        say("ivc: %u of %u questions were answered", (uint64_t) right, (uint64_t) ROUNDS);
}

/* Whoever has asked since the last look. */
static void answer_all(void) {
        static uint32_t answered[16];

        for (uint32_t other = 0; other < max_peers && other < 16; other++) {
                const struct letter *theirs = section(other);

                if (other == peer || theirs->greeting != GREETING || theirs->number == answered[other])
                        continue;
                answered[other] = theirs->number;
                write_letter(theirs->number, "an answer");
                notify(other);
        }
}

static void write_where_only_others_may(void) {
        for (uint32_t other = 0; other < max_peers; other++)
                for (uint64_t at = 0; other != peer && at < read32(table + TABLE_OUT_SIZE); at += 512)
                        write64((uint64_t) section(other) + at, 0x6576696c6576696c);
}

static void misuse_table(void) {
        for (uint64_t at = 0; at < 0x30; at++) {
                write8(table + at, 0xff);
                read8(table + at);
        }
        for (uint64_t at = 0; at < 0x1000; at += at < 0x40 ? 4 : 252) {
                write32(table + at, 0xffffffff);
                write64(table + at, UINT64_MAX);
                read32(table + at);
                read64(table + at);
        }
        for (uint32_t other = max_peers; other < max_peers + 40; other++)
                notify(other);
}

static void misbehave(void) {
        uint32_t id = read32(table + TABLE_ID);

        write_where_only_others_may();
        misuse_table();
        if (read32(table + TABLE_ID) == id && read32(table + TABLE_PEER) == peer)
                say("ivc: the control table tells the same");
        else
                say("ivc: the control table has changed");
}

void payload_main(void) {
        console_open();
        if (!ask_hypervisor()) {
                say("ivc: there is none");
                return;
        }
        table = info.tables[0];
        peer = read32(table + TABLE_PEER);
        max_peers = read32(table + TABLE_MAX_PEERS);
        say("ivc: %u, peer %u of %u", (uint64_t) read32(table + TABLE_ID), (uint64_t) peer, (uint64_t) max_peers);
        if (parameters.mode == 1)
                misbehave();
        interrupts_enable(info.interrupts[0], on_ivc_interrupt);
        write_letter(0, "here");
        if (peer == 0) {
                wait_for_greeting(section(1));
                ask_all(1);
        }
        for (;;) {
                answer_all();
                interrupts_wait(&notified);
        }
}
