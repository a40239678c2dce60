/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "selftest.h"

#define UART 0x9000000UL
#define MAILBOX_OFFSET 0x100000
#define AGENT_OFFSET 0x400000
#define PARAMETERS_OFFSET 0x10
#define PATIENCE_MS 2000

const struct place lower = { 0x4, 0x50000000, 0x18000000, 0xa003800 };
const struct place upper = { 0x8, 0x68000000, 0x18000000, 0xa003400 };
const struct place both = { 0xc, 0x50000000, 0x30000000, 0xa003800 };

struct bridge_page bridge __attribute__((aligned(4096)));
volatile uint32_t wakeups, hold_wakeup;

static struct zone_config config __attribute__((aligned(4096)));
static unsigned int passed, failed;

extern const uint8_t agent_image[], agent_image_end[];

static void uart_char(char c) {
        while (read32(UART + 0x18) & 0x20)
                ;
        write32(UART, (uint8_t) c);
}

void uart_print(const char *s) {
        while (*s)
                uart_char(*s++);
}

static void uart_number(int64_t value) {
        uint64_t v = value < 0 ? -(uint64_t) value : (uint64_t) value;
        char digits[21];
        size_t n = 0;

        do
                digits[n++] = (char) ('0' + v % 10);
        while (v /= 10);
        if (value < 0)
                uart_char('-');
        while (n)
                uart_char(digits[--n]);
}

static void verdict(bool ok, const char *what) {
        *(ok ? &passed : &failed) += 1;
        uart_print(ok ? "PASS " : "FAIL ");
        uart_print(what);
}

void check(bool ok, const char *what) {
        verdict(ok, what);
        uart_print("\r\n");
}

void check_equal(int64_t have, int64_t want, const char *what) {
        verdict(have == want, what);
        if (have != want) {
                uart_print(": got ");
                uart_number(have);
                uart_print(", not ");
                uart_number(want);
        }
        uart_print("\r\n");
}

void finish(void) {
        uart_print("SELFTEST ");
        uart_number(passed);
        uart_print(" passed, ");
        uart_number(failed);
        uart_print(" failed\r\n");
        smc(PSCI_SYSTEM_OFF, 0, 0);
        for (;;)
                ;
}

struct zone_config *config_for(const struct place *p, uint32_t id) {
        struct zone_config *c = &config;

        for (size_t i = 0; i < sizeof(*c); i++)
                ((volatile uint8_t *) c)[i] = 0;
        c->zone_id = id;
        c->cpus = p->cpus;
        c->num_memory_regions = 2;
        c->memory_regions[0] = (struct memory_region) { REGION_RAM, 0, p->ram, p->ram, p->ram_size };
        c->memory_regions[1] = (struct memory_region) { REGION_VIRTIO, 0, p->device, p->device, 0x200 };
        c->interrupts_bitmap[2] = 1U << (76 - 64) | 1U << (78 - 64);
        c->entry_point = c->kernel_load_paddr = p->ram + AGENT_OFFSET;
        c->dtb_load_paddr = p->ram + MAILBOX_OFFSET;
        c->name[0] = 'z';
        c->name[1] = (char) ('0' + id % 10);
        c->arch.gic_version = GIC_V3;
        c->arch.gicd_base = 0x8000000;
        c->arch.gicd_size = 0x10000;
        c->arch.gicr_base = 0x80a0000;
        c->arch.gicr_size = 0xf60000;
        return c;
}

struct mailbox *mailbox_of(const struct place *p) {
        return (struct mailbox *) (p->ram + MAILBOX_OFFSET);
}

void load_agent(const struct place *p) {
        volatile uint8_t *to = (volatile uint8_t *) (p->ram + AGENT_OFFSET);
        volatile uint8_t *mail = (volatile uint8_t *) mailbox_of(p);

        for (const uint8_t *from = agent_image; from < agent_image_end; from++)
                *to++ = *from;
        ((struct parameters *) (p->ram + AGENT_OFFSET + PARAMETERS_OFFSET))->address = (uint64_t) mail;
        for (size_t i = 0; i < sizeof(struct mailbox); i++)
                mail[i] = 0;
        dsb();
}

int64_t start(const struct place *p, uint32_t id) {
        load_agent(p);
        config_for(p, id);
        return start_config(0);
}

int64_t start_config(uint32_t num_ivcs) {
        config.num_ivc_configs = num_ivcs;
        return hypercall(HYPERCALL_ZONE_START, (uint64_t) &config, sizeof(config));
}

bool agent_alive(const struct place *p) {
        for (unsigned int ms = 0; ms < PATIENCE_MS / 2 && !mailbox_of(p)->alive; ms++)
                sleep_ms(1);
        return mailbox_of(p)->alive;
}

void start_and_check(const struct place *p, uint32_t id) {
        check_equal(start(p, id), 0, "ZONE_START");
        check(agent_alive(p), "the zone's guest runs");
}

void agent_tell(const struct place *p, enum agent_command c, uint64_t a0, uint64_t a1, uint64_t a2) {
        struct mailbox *m = mailbox_of(p);

        m->args[0] = a0;
        m->args[1] = a1;
        m->args[2] = a2;
        dsb();
        m->command = c;
        dsb();
}

bool agent_done(const struct place *p) {
        for (unsigned int ms = 0; ms < PATIENCE_MS && mailbox_of(p)->command != AGENT_NONE; ms++) {
                struct device_request r;

                while (bridge_answer(&r))
                        ;
                sleep_ms(1);
        }
        return mailbox_of(p)->command == AGENT_NONE;
}

bool agent_done_unanswered(const struct place *p) {
        for (unsigned int ms = 0; ms < PATIENCE_MS && mailbox_of(p)->command != AGENT_NONE; ms++)
                sleep_ms(1);
        return mailbox_of(p)->command == AGENT_NONE;
}

uint64_t agent_do(const struct place *p, enum agent_command c, uint64_t a0, uint64_t a1, uint64_t a2) {
        agent_tell(p, c, a0, a1, a2);
        if (!agent_done(p))
                check(false, "the guest obeys");
        return mailbox_of(p)->result;
}

int64_t list(struct zone_info *infos, uint64_t count) {
        return hypercall(HYPERCALL_ZONE_LIST, (uint64_t) infos, count);
}

bool bridge_pending(void) {
        volatile struct bridge_page *b = &bridge;

        for (unsigned int ms = 0; ms < PATIENCE_MS && b->req_front == b->req_rear; ms++)
                sleep_ms(1);
        return b->req_front != b->req_rear;
}

bool bridge_answer(struct device_request *ret) {
        volatile struct bridge_page *b = &bridge;

        if (b->req_front == b->req_rear)
                return false;
        dsb();
        *ret = bridge.req_list[b->req_front];
        b->req_front = (b->req_front + 1) % BRIDGE_RING;
        if (!ret->need_interrupt) {
                b->cfg_values[ret->src_cpu] = ANSWER_BASE + (ret->address & 0x1ff);
                dsb();
                b->cfg_flags[ret->src_cpu]++;
        }
        return true;
}

void bridge_result(uint32_t zone, uint32_t irq) {
        volatile struct bridge_page *b = &bridge;

        b->res_list[b->res_rear].target_zone = zone;
        b->res_list[b->res_rear].irq_id = irq;
        dsb();
        b->res_rear = (b->res_rear + 1) % BRIDGE_RING;
}

/* What the agent does outside its handler comes after the EOI. */
bool wait_for_interrupts(const struct place *p, uint32_t count) {
        for (unsigned int ms = 0; ms < PATIENCE_MS && mailbox_of(p)->interrupts < count; ms++)
                sleep_ms(1);
        sleep_ms(5);
        if (!mailbox_of(p)->hold_eoi)
                agent_do(p, AGENT_READ64, (uint64_t) mailbox_of(p), 0, 0);
        return mailbox_of(p)->interrupts == count;
}
