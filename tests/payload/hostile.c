/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Misuses a device in every way that a driver can, one after the other: the one whose window is at parameters.address (AIMED),
 * or the console. After each it is reset, and must work (which a console shows by the very next line): "hostile NAME: status S",
 * S being what it said of itself before the reset (NEEDS_RESET is 0x40; "UNNOTICED" if it should have said so, "DEAD" if it
 * does not work any more). A console whose back-end hung or died never gets to "hostile done".
 * Mode: ALL, or the number of the one attack to make (its place in ATTACKS); with STAY the guest leaves it at that. With
 * COMMANDS it is about the queue of commands of a network card that has several pairs of queues.
 */
#include "console.h"
#include "virtio.h"

#define ALL 0xff
#define STAY 0x100
#define AIMED 0x200
#define COMMANDS 0x400
#define STORM 20000
#define SETTLE_MS 20
#define BREAK_MS 5000                   /* a loaded machine's worker is not hung yet */
#define FAR_AWAY 0xffffffff00000000UL
#define ROOT_RAM 0xa0000000UL
#define RAM_SIZE 0x18000000UL           /* of each of two zones; loaded 4 MiB above its beginning */
#define WINDOW 0x200

static struct queue queue;
static uint32_t id;                     /* the device's */
static uint16_t number;                 /* of the queue that takes requests */
static char bytes[] = { '.', '\n' };  /* what comes out of a console where an attack is a valid request */
static struct descriptor table[4];

static uint64_t device(void) {
        return parameters.mode & AIMED ? parameters.address : parameters.console;
}

static uint64_t features(void) {
        return parameters.mode & COMMANDS ? FEATURE_NET_CONTROL | FEATURE_NET_PAIRS : 0;
}

static uint64_t ram_end(void) {
        return ((uint64_t) &parameters & ~0x3fffffUL) - 0x400000 + RAM_SIZE;
}

/* Up to DRIVER_OK with a queue whose descriptors are all good: each attack spoils one thing. */
static void prepare(void) {
        virtio_begin(device(), id, FEATURE_INDIRECT | features());
        queue_setup(&queue, device(), number);
        virtio_ready(device());
        for (uint16_t i = 0; i < QUEUE_SIZE; i++)
                queue.desc[i] = (struct descriptor) { (uint64_t) bytes, sizeof(bytes), 0, 0 };
}

static void descriptor_loop(void) {
        queue.desc[0].flags = DESC_NEXT;
        queue_offer(&queue, 0);
}

static void long_loop(void) {
        for (uint16_t i = 0; i < QUEUE_SIZE; i++) {
                queue.desc[i].flags = DESC_NEXT;
                queue.desc[i].next = (uint16_t) ((i + 1) % QUEUE_SIZE);
        }
        queue_offer(&queue, 0);
}

static void address_far_away(void) {
        queue.desc[0].address = FAR_AWAY;
        queue_offer(&queue, 0);
}

static void address_of_root(void) {
        queue.desc[0].address = ROOT_RAM;
        queue_offer(&queue, 0);
}

static void address_across_the_end(void) {
        queue.desc[0].address = ram_end() - 1;
        queue_offer(&queue, 0);
}

static void length_wraps(void) {
        queue.desc[0].address = UINT64_MAX - 15;
        queue_offer(&queue, 0);
}

static void length_huge(void) {
        queue.desc[0].length = UINT32_MAX;
        queue_offer(&queue, 0);
}

static void length_zero(void) {
        queue.desc[0].length = 0;
        queue_offer(&queue, 0);
}

static void head_out_of_range(void) {
        queue_offer(&queue, QUEUE_SIZE);
        queue_offer(&queue, UINT16_MAX);
}

static void next_out_of_range(void) {
        queue.desc[0].flags = DESC_NEXT;
        queue.desc[0].next = QUEUE_SIZE + 1000;
        queue_offer(&queue, 0);
}

static void writable_transmit(void) {
        queue.desc[0].flags = DESC_WRITE;
        queue_offer(&queue, 0);
}

static void index_jumps(void) {
        queue.avail.index = (uint16_t) (queue.avail.index + 1000);
        queue_offer(&queue, 0);
}

static void index_goes_back(void) {
        queue_offer(&queue, 0);
        queue.avail.index = (uint16_t) (queue.avail.index - 3);
        write32(device() + VIRTIO_QUEUE_NOTIFY, number);
}

static void indirect_loop(void) {
        table[0] = (struct descriptor) { (uint64_t) bytes, sizeof(bytes), DESC_NEXT, 0 };
        queue.desc[0] = (struct descriptor) { (uint64_t) table, sizeof(table), DESC_INDIRECT, 0 };
        queue_offer(&queue, 0);
}

static void indirect_nested(void) {
        table[0] = (struct descriptor) { (uint64_t) table, sizeof(table), DESC_INDIRECT, 0 };
        queue.desc[0] = (struct descriptor) { (uint64_t) table, sizeof(table), DESC_INDIRECT, 0 };
        queue_offer(&queue, 0);
}

static void indirect_odd_size(void) {
        queue.desc[0] = (struct descriptor) { (uint64_t) table, 17, DESC_INDIRECT, 0 };
        queue_offer(&queue, 0);
        queue.desc[1] = (struct descriptor) { (uint64_t) table, 0xfffffff0, DESC_INDIRECT, 0 };
        queue_offer(&queue, 1);
}

static void place_part(uint32_t part, uint64_t address) {
        write32(device() + part, (uint32_t) address);
        write32(device() + part + 4, (uint32_t) (address >> 32));
}

/* Where the parts of the queue are good, but for one of them. @part: VIRTIO_QUEUE_DESC, …; 0: all three are there. */
static void setup_with(uint32_t size, uint32_t part, uint64_t address) {
        virtio_begin(device(), id, features());
        write32(device() + VIRTIO_QUEUE_SEL, number);
        write32(device() + VIRTIO_QUEUE_NUM, size);
        place_part(VIRTIO_QUEUE_DESC, part ? (uint64_t) queue.desc : address);
        place_part(VIRTIO_QUEUE_DRIVER, part ? (uint64_t) &queue.avail : address);
        place_part(VIRTIO_QUEUE_DEVICE, part ? (uint64_t) &queue.used : address);
        if (part)
                place_part(part, address);
        write32(device() + VIRTIO_QUEUE_READY, 1);
        virtio_ready(device());
        write32(device() + VIRTIO_QUEUE_NOTIFY, number);
}

static void queue_size_odd(void) {
        setup_with(7, 0, (uint64_t) &queue);
}

static void queue_size_zero(void) {
        setup_with(0, 0, (uint64_t) &queue);
}

static void queue_size_huge(void) {
        setup_with(0x80000000, 0, (uint64_t) &queue);
}

static void rings_far_away(void) {
        setup_with(QUEUE_SIZE, 0, FAR_AWAY);
}

static void rings_of_root(void) {
        setup_with(QUEUE_SIZE, 0, ROOT_RAM);
}

static void descriptors_of_root(void) {
        setup_with(QUEUE_SIZE, VIRTIO_QUEUE_DESC, ROOT_RAM);
}

static void available_of_root(void) {
        setup_with(QUEUE_SIZE, VIRTIO_QUEUE_DRIVER, ROOT_RAM);
}

static void used_of_root(void) {
        setup_with(QUEUE_SIZE, VIRTIO_QUEUE_DEVICE, ROOT_RAM);
}

static void descriptors_across_the_end(void) {
        setup_with(QUEUE_SIZE, VIRTIO_QUEUE_DESC, ram_end() - 16);
}

static void used_across_the_end(void) {
        setup_with(QUEUE_SIZE, VIRTIO_QUEUE_DEVICE, ram_end() - 8);
}

/* To a ready queue it is not to be heard, to one that was stopped it is: the device goes by the new place. */
static void ready_queue_moved(void) {
        write32(device() + VIRTIO_QUEUE_SEL, number);
        place_part(VIRTIO_QUEUE_DESC, ROOT_RAM);
        place_part(VIRTIO_QUEUE_DEVICE, ROOT_RAM);
        write32(device() + VIRTIO_QUEUE_NUM, 1);
        queue_offer(&queue, 0);
}

static void stopped_queue_moved(void) {
        for (uint16_t i = 0; i < QUEUE_SIZE; i++)
                queue_offer(&queue, i);
        write32(device() + VIRTIO_QUEUE_SEL, number);
        write32(device() + VIRTIO_QUEUE_READY, 0);
        place_part(VIRTIO_QUEUE_DEVICE, ROOT_RAM);
        write32(device() + VIRTIO_QUEUE_READY, 1);
        write32(device() + VIRTIO_QUEUE_NOTIFY, number);
}

static void rings_misaligned(void) {
        setup_with(QUEUE_SIZE, 0, (uint64_t) &queue + 1);
}

static void queue_number_huge(void) {
        write32(device() + VIRTIO_QUEUE_SEL, UINT32_MAX);
        write32(device() + VIRTIO_QUEUE_NUM, QUEUE_SIZE);
        write32(device() + VIRTIO_QUEUE_READY, 1);
        write32(device() + VIRTIO_QUEUE_NOTIFY, UINT32_MAX);
        write32(device() + VIRTIO_QUEUE_NOTIFY, 77);
}

static void reset_storm(void) {
        for (unsigned int i = 0; i < 200; i++) {
                prepare();
                queue_offer(&queue, 0);
                write32(device() + VIRTIO_STATUS, 0);
        }
}

static void notify_storm(void) {
        for (unsigned int i = 0; i < STORM; i++)
                write32(device() + VIRTIO_QUEUE_NOTIFY, i % 4);
}

static void register_storm(void) {
        for (uint64_t offset = 0; offset < 0x200; offset += 4) {
                if (offset == VIRTIO_STATUS)
                        continue;
                read32(device() + offset);
                write32(device() + offset, UINT32_MAX);
        }
}

/* Of every size at every place (an unaligned one is a fault of the guest's own), but for the registers as they are meant. */
static void every_access(void) {
        for (uint64_t at = device(); at < device() + WINDOW; at++) {
                (void) read8(at);
                write8(at, UINT8_MAX);
                if (at % 2 == 0) {
                        (void) read16(at);
                        write16(at, UINT16_MAX);
                }
                if (at % 4 == 0)
                        (void) read32(at);
                if (at % 4 == 0 && at >= device() + VIRTIO_CONFIG)
                        write32(at, UINT32_MAX);
                if (at % 8 == 0) {
                        (void) read64(at);
                        write64(at, UINT64_MAX);
                }
        }
}

static void features_unknown(void) {
        write32(device() + VIRTIO_STATUS, 0);
        write32(device() + VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
        for (uint32_t i = 0; i < 4; i++) {
                write32(device() + VIRTIO_DRIVER_FEATURES_SEL, i);
                write32(device() + VIRTIO_DRIVER_FEATURES, UINT32_MAX);
        }
        write32(device() + VIRTIO_STATUS, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
}

static void status_out_of_order(void) {
        write32(device() + VIRTIO_STATUS, 0);
        write32(device() + VIRTIO_STATUS, STATUS_DRIVER_OK);
        write32(device() + VIRTIO_QUEUE_NOTIFY, number);
        write32(device() + VIRTIO_STATUS, UINT32_MAX);
}

/*
 * A list, not a table: pointers in a table would be absolute addresses. After BREAKS the device must say that it needs a
 * reset, after OTHER it may take it as it is.
 */
#define ATTACKS(BREAKS, OTHER) \
        BREAKS(descriptor_loop) BREAKS(long_loop) BREAKS(address_far_away) BREAKS(address_of_root) BREAKS(length_wraps) \
        BREAKS(length_huge) OTHER(length_zero) BREAKS(head_out_of_range) BREAKS(next_out_of_range) \
        OTHER(writable_transmit) BREAKS(index_jumps) BREAKS(index_goes_back) BREAKS(indirect_loop) \
        BREAKS(indirect_nested) BREAKS(indirect_odd_size) OTHER(queue_size_odd) OTHER(queue_size_zero) \
        OTHER(queue_size_huge) BREAKS(rings_far_away) BREAKS(rings_of_root) OTHER(rings_misaligned) \
        BREAKS(address_across_the_end) BREAKS(descriptors_of_root) BREAKS(available_of_root) BREAKS(used_of_root) \
        BREAKS(descriptors_across_the_end) BREAKS(used_across_the_end) OTHER(ready_queue_moved) \
        BREAKS(stopped_queue_moved) OTHER(queue_number_huge) OTHER(reset_storm) OTHER(notify_storm) OTHER(register_storm) OTHER(every_access) \
        OTHER(features_unknown) OTHER(status_out_of_order)

/* A request that the device must answer, by its kind. */
static void ask(void) {
        static struct {
                uint32_t type, reserved;
                uint64_t sector;
                char frame[64];
        } request;
        static char answer[32];
        static const uint8_t one_pair[] = { 4, 0, 1, 0 };       /* 5.1.6.5.5 */

        request.type = id == VIRTIO_ID_BLOCK ? REQUEST_GET_ID : 0;
        queue.desc[0] = (struct descriptor) { (uint64_t) &request, id == VIRTIO_ID_BLOCK ? 16 : sizeof(request), 0, 1 };
        queue.desc[1] = (struct descriptor) { (uint64_t) answer, 20, DESC_WRITE | DESC_NEXT, 2 };
        queue.desc[2] = (struct descriptor) { (uint64_t) answer + 20, 1, DESC_WRITE, 0 };
        if (id == VIRTIO_ID_BLOCK)
                queue.desc[0].flags = DESC_NEXT;
        if (id == VIRTIO_ID_RNG)
                queue.desc[0] = queue.desc[2];
        if (parameters.mode & COMMANDS) {
                queue.desc[0] = (struct descriptor) { (uint64_t) one_pair, sizeof(one_pair), DESC_NEXT, 2 };
                answer[20] = 1;
        }
        queue_offer(&queue, 0);
}

/* Resets it, and uses it as it is meant to be used. */
static bool works(void) {
        uint32_t length;
        uint16_t head;

        if (!(parameters.mode & AIMED))
                return console_open();
        if (!virtio_begin(device(), id, features()))
                return false;
        queue_setup(&queue, device(), number);
        virtio_ready(device());
        ask();
        for (unsigned int waited = 0; waited < BREAK_MS; waited++) {
                if (queue_take(&queue, &head, &length))
                        return true;
                sleep_ms(1);
        }
        return false;
}

static uint32_t status_after(uint32_t wanted) {
        uint32_t status;

        for (unsigned int waited = 0;; waited++) {
                status = read32(device() + VIRTIO_STATUS);
                if (waited >= (wanted ? BREAK_MS : SETTLE_MS) || (wanted && (status & wanted)))
                        return status;
                sleep_ms(1);
        }
}

static void attack(uint32_t place, const char *name, void (*run)(void), uint32_t wanted) {
        bool alive;
        uint32_t status;

        if ((parameters.mode & ALL) != ALL && (parameters.mode & ALL) != place)
                return;
        prepare();
        run();
        if (parameters.mode & STAY)
                for (;;)
                        sleep_ms(1000);
        status = status_after(wanted);
        alive = works();
        if (alive || parameters.mode & AIMED)
                say("hostile %s: status %x%s%s", name, (uint64_t) status, wanted && !(status & wanted) ? " UNNOTICED" : "",
                    alive ? "" : " DEAD");
}

void payload_main(void) {
        uint32_t place = 0;

        if (!console_open())
                return;
        id = read32(device() + VIRTIO_DEVICE_ID);
        number = id == VIRTIO_ID_CONSOLE || id == VIRTIO_ID_NET;        /* their transmit queue; else the only one */
        if (parameters.mode & COMMANDS)
                number = 2 * read16(device() + VIRTIO_CONFIG + CONFIG_NET_PAIRS);
        say("hostile starts");
#define BREAKS(name) attack(place++, #name, name, STATUS_NEEDS_RESET);
#define OTHER(name) attack(place++, #name, name, 0);
        ATTACKS(BREAKS, OTHER)
#undef BREAKS
#undef OTHER
        say("hostile done, %u faults", (uint64_t) faults);
}
