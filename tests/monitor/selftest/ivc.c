/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inter-VM communication: two zones and root talk, and what becomes of an IVC when its zones come and go. */
#include "board.h"
#include "selftest.h"

#define TABLE 0xd0000000UL              /* where everybody has it here, root (ROOT_IVC in board.h) included */
#define SHARED 0xd0001000UL
#define OUT(peer) (SHARED + 0x1000 + (peer) * 0x1000UL)
#define IVC_ID 0x00
#define PEER_ID 0x10
#define IPI_INVOKE 0x14
#define LOWER_IRQ 76                    /* of those that config_for() gives */
#define UPPER_IRQ 78

static volatile uint32_t root_interrupts;

static void on_root_interrupt(void) {
        root_interrupts++;
}

static struct ivc_config ivc_for(uint32_t id, uint32_t peer, uint32_t interrupt, uint32_t max_peers) {
        return (struct ivc_config) {
                .ivc_id = id, .peer_id = peer, .control_table_ipa = TABLE, .shared_mem_ipa = SHARED,
                .rw_sec_size = 0x1000, .out_sec_size = 0x1000, .interrupt_num = interrupt, .max_peers = max_peers,
        };
}

static void start_peer(const struct place *p, uint32_t zone, struct ivc_config ivc) {
        load_agent(p);
        config_for(p, zone)->ivc_configs[0] = ivc;
        check_equal(start_config(1), 0, "ZONE_START of a peer");
        check(agent_alive(p), "the peer's guest runs");
}

static int64_t peek(const struct place *p, uint64_t address) {
        return (int64_t) agent_do(p, AGENT_READ32, address, 0, 0);
}

static void poke(const struct place *p, uint64_t address, uint32_t value) {
        agent_do(p, AGENT_WRITE32, address, value, 0);
}

static bool any_error(void) {
        static struct zone_info infos[4];
        bool error = false;

        for (int64_t n = list(infos, 4); n > 0; n--)
                error |= infos[n - 1].is_err;
        return error;
}

static void test_sections(void) {
        poke(&lower, SHARED, 11);
        check_equal(peek(&upper, SHARED), 11, "the section of all: written by one, read by the other");
        poke(&upper, SHARED, 12);
        check_equal(peek(&lower, SHARED), 12, "... and the other way");
        poke(&lower, OUT(0), 21);
        poke(&upper, OUT(1), 22);
        check_equal(peek(&upper, OUT(0)), 21, "a peer's own section is read by the other");
        check_equal(peek(&lower, OUT(1)), 22, "... and the other way");
        check(!any_error(), "no zone is in error");
        poke(&upper, OUT(0), 23);
        check_equal(peek(&lower, OUT(0)), 21, "a write to the other's section");
        check(any_error(), "... is an error");
}

static void test_table(void) {
        struct ivc_info *info = (struct ivc_info *) (lower.ram + 0x200000);

        check_equal(peek(&lower, TABLE + IVC_ID), 7, "the control table: the IVC's number");
        check_equal(peek(&lower, TABLE + 0x04), 3, "how many peers");
        check_equal(peek(&lower, TABLE + 0x08), 0x1000, "size of the section of all");
        check_equal(peek(&lower, TABLE + 0x0c), 0x1000, "size of a peer's section");
        check(peek(&lower, TABLE + PEER_ID) == 0 && peek(&upper, TABLE + PEER_ID) == 1, "the peer's own number");
        poke(&lower, TABLE + PEER_ID, 1);
        check_equal(peek(&lower, TABLE + PEER_ID), 0, "... cannot be written");
        check(!any_error(), "... but that is no error");
        check_equal((int64_t) agent_do(&lower, AGENT_HVC, HYPERCALL_IVC_INFO, (uint64_t) info, 0), 0, "IVC_INFO");
        check(info->len == 1 && info->control_table_ipas[0] == TABLE && info->shared_mem_ipas[0] == SHARED &&
                      info->ids[0] == 7 && info->interrupts[0] == LOWER_IRQ,
              "IVC_INFO: what the zone's config said");
}

static void test_invoke(void) {
        agent_do(&lower, AGENT_INTERRUPTS_ON, LOWER_IRQ, 0, 0);
        agent_do(&upper, AGENT_INTERRUPTS_ON, UPPER_IRQ, 0, 0);
        poke(&lower, TABLE + IPI_INVOKE, 1);
        check(wait_for_interrupts(&upper, 1) && mailbox_of(&lower)->interrupts == 0, "a peer interrupts the other");
        poke(&upper, TABLE + IPI_INVOKE, 0);
        check(wait_for_interrupts(&lower, 1), "... and is interrupted");
        poke(&lower, TABLE + IPI_INVOKE, 0);
        check(wait_for_interrupts(&lower, 2), "... and interrupts itself");
        check(!any_error(), "no zone is in error");
        poke(&lower, TABLE + IPI_INVOKE, 2);
        check(any_error(), "a peer that has not joined is an error");
}

/* Zone 1 comes again as long as there is room; then it is there, but not in the IVC. */
static void test_coming_again(void) {
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 2, 0);
        start_peer(&lower, 1, ivc_for(7, 0, LOWER_IRQ, 3));
        check_equal(peek(&lower, OUT(1)), 22, "what a peer wrote outlives the other's zone");
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
        start_peer(&lower, 1, ivc_for(7, 2, LOWER_IRQ, 3));
        check_equal(peek(&lower, TABLE + PEER_ID), 0, "the lowest number that the zone ever had is its own");
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
        start_peer(&lower, 1, ivc_for(7, 0, LOWER_IRQ, 3));
        check(!any_error(), "no zone is in error");
        check_equal(peek(&lower, TABLE + IVC_ID), AGENT_MARKER, "nobody joins once it is full");
        check(any_error(), "... and to use it then is an error");
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
        start_peer(&lower, 1, ivc_for(8, 0, LOWER_IRQ, 2));
        check_equal(peek(&lower, TABLE + IVC_ID), 8, "another one can be made");
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
        start_peer(&lower, 1, ivc_for(8, 0, LOWER_IRQ, 3));
        check_equal(peek(&lower, TABLE + IVC_ID), AGENT_MARKER, "who wants other sizes is not let in");
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
}

static void give_root_its_ivc(void) {
        static struct ivc_info info;

        hypercall(HYPERCALL_KNOB, KNOB_ROOT_IVC, 1);
        check_equal(hypercall(HYPERCALL_IVC_INFO, (uint64_t) &info, 0), 0, "IVC_INFO");
        check(info.len == 1 && info.control_table_ipas[0] == TABLE, "an IVC for root");
}

static void test_root(void) {
        give_root_its_ivc();
        start_peer(&lower, 1, ivc_for(0, 1, LOWER_IRQ, 3));
        interrupts_enable(65, on_root_interrupt);
        agent_do(&lower, AGENT_INTERRUPTS_ON, LOWER_IRQ, 0, 0);
        check(read32(TABLE + PEER_ID) == 0 && peek(&lower, TABLE + PEER_ID) == 1, "root and a zone are its peers");
        write32(OUT(0), 33);
        check_equal(peek(&lower, OUT(0)), 33, "root's section");
        write32(TABLE + IPI_INVOKE, 1);
        check(wait_for_interrupts(&lower, 1), "root interrupts the zone");
        poke(&lower, TABLE + IPI_INVOKE, 0);
        sleep_ms(SETTLE_MS);
        check_equal(root_interrupts, 1, "the zone interrupts root");
        __asm__ volatile("msr daifset, #2");
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
}

void test_ivc(void) {
        start_peer(&lower, 1, ivc_for(7, 0, LOWER_IRQ, 3));
        start_peer(&upper, 2, ivc_for(7, 1, UPPER_IRQ, 3));
        test_table();
        test_invoke();
        hypercall(HYPERCALL_ZONE_SHUTDOWN, 1, 0);
        start_peer(&lower, 1, ivc_for(7, 0, LOWER_IRQ, 3));
        test_sections();
        test_coming_again();
        test_root();
}

/* run.py has the messages. */
bool spoil_ivc(struct zone_config *c, uint64_t number) {
        c->num_ivc_configs = 1;
        c->ivc_configs[0] = ivc_for(7, 0, LOWER_IRQ, 2);
        switch (number) {
        case 15:
                c->num_ivc_configs = 3;
                return true;
        case 16:
                c->ivc_configs[0].shared_mem_ipa = lower.ram;
                return true;
        case 17:
                c->ivc_configs[0].shared_mem_ipa += 0x200;
                return true;
        case 18:
                c->ivc_configs[0].out_sec_size = BOARD_IVC_POOL_SIZE;
                return true;
        case 19:
                c->num_ivc_configs = 2;
                c->ivc_configs[1] = ivc_for(8, 0, UPPER_IRQ, 2);
                return true;
        default:
                c->num_ivc_configs = 0;
                return false;
        }
}

void root_invokes_nobody(void) {
        give_root_its_ivc();
        write32(TABLE + IPI_INVOKE, 1);
}
