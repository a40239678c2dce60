/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Split virtqueues of a hostile driver, behind the server as workers have them: any descriptors, rings that change
 * while they are served, queues that come, go and overlap, workers that die with requests in their hands, and a record
 * of those that somebody writes to. No byte outside the guest's RAM is touched, nor one of it while no queue
 * runs; a request is given back once, and only what was fetched; who breaks the protocol loses the queue.
 */
#include "fuzz/ring_worker.h"

#define TABLE     (LOW_BASE + QUEUES * QUEUE_SPACE) /* indirect descriptors */
#define DATA      (TABLE + 0x1000)
#define STEPS_MAX 400

enum step {
        STEP_DESCRIPTOR,
        STEP_TABLE,  /* a descriptor of the indirect table */
        STEP_OFFER,  /* a head is published */
        STEP_POKE,   /* anything, anywhere */
        STEP_KICK,   /* the worker looks */
        STEP_RETURN, /* one of those that it holds */
        STEP_RETURN_ALL,
        STEP_HABIT, /* what the device does with requests from now on */
        STEP_LAYOUT,
        STEP_QUEUE, /* is made ready, or taken away */
        STEP_RESET,
        STEP_FEATURES,
        STEP_WORKER, /* dies, and has a successor */
        STEP_RECORD, /* of what is in flight: somebody writes to it */
        _STEP_MAX,
};

/* ---- the driver --------------------------------------------------------------------------------------- */

static void poke(uint64_t gpa, const void *data, size_t size) {
        if (gpa >= LOW_BASE && gpa - LOW_BASE <= LOW_SIZE - size)
                memcpy(guest.low.driver + (gpa - LOW_BASE), data, size);
        else if (gpa >= HIGH_BASE && gpa - HIGH_BASE <= HIGH_SIZE - size)
                memcpy(guest.high.driver + (gpa - HIGH_BASE), data, size);
}

static uint16_t peek_u16(uint64_t gpa) {
        uint16_t v = 0;

        if (gpa >= LOW_BASE && gpa - LOW_BASE <= LOW_SIZE - sizeof(v))
                memcpy(&v, guest.low.driver + (gpa - LOW_BASE), sizeof(v));
        return le16toh(v);
}

/* Addresses near those at which something begins or ends. */
static uint64_t address(struct input *in) {
        static const uint64_t places[] = { DATA,      LOW_BASE,   LOW_BASE + LOW_SIZE,   TABLE, LOW_BASE + QUEUE_SPACE,
                                           HIGH_BASE, UINT64_MAX, HIGH_BASE + HIGH_SIZE, 0,     DATA + 0x800 };
        uint8_t kind = input_u8(in);

        return places[kind % ELEMENTSOF(places)] + (uint64_t) (int64_t) (int8_t) input_u8(in);
}

static void write_descriptor(struct input *in, uint64_t table) {
        static const uint32_t lengths[] = { 4, 16, 32, 64, 128, 512, 0x1000, 0x8000, 0, 1, 0x10000, UINT32_MAX };
        uint8_t at = input_u8(in), length, flags;
        struct vring_desc d;

        d.addr = htole64(address(in));
        length = input_u8(in);
        d.len = htole32(length & 0x80 ? length & 0x7fU : lengths[length % ELEMENTSOF(lengths)]);
        flags = input_u8(in);
        d.flags = htole16(flags & 0x07);
        d.next = htole16(flags & 0x80 ? input_u16(in) : input_u8(in));
        poke(table + at % 32 * sizeof(d), &d, sizeof(d));
}

static void offer(struct input *in, unsigned q) {
        const struct virtqueue_layout *l = &guest.state.queues[q].layout;
        uint16_t idx = peek_u16(l->available + 2), next = htole16(idx + 1);
        uint16_t head = htole16(input_u8(in));

        poke(l->available + 4 + 2 * (uint64_t) (l->size ? idx % l->size : 0), &head, sizeof(head));
        poke(l->available + 2, &next, sizeof(next));
}

static void poke_anything(struct input *in) {
        uint64_t gpa = LOW_BASE + input_u16(in), value = input_u64(in);

        poke(gpa, &value, 1 + input_u8(in) % sizeof(value));
}

static struct virtqueue_layout usual_layout(unsigned q, uint16_t size) {
        uint64_t base = LOW_BASE + q * QUEUE_SPACE;

        return (struct virtqueue_layout){
                .descriptors = base, .available = base + 0x1000, .used = base + 0x1400, .size = size
        };
}

static void set_layout(struct input *in, unsigned q) {
        static const uint16_t sizes[] = { 8, 4, 1, 2, 16, 32, 64, 256, 512, 1024, 0, 3, 2048, UINT16_MAX };
        struct virtqueue_layout *l = &guest.state.queues[q].layout;
        uint8_t which;

        *l = usual_layout(q, sizes[input_u8(in) % ELEMENTSOF(sizes)]);
        which = input_u8(in);
        if (which & 1)
                l->descriptors = address(in);
        if (which & 2)
                l->available = address(in);
        if (which & 4)
                l->used = address(in);
}

/* What a transport sees to: a queue that begins anew has a new record. */
static void make_ready(unsigned q, bool ready) {
        struct inflight_queue *part = inflight_region_queue(&guest.transport.inflight, q, 0);

        if (part && ready && !guest.state.queues[q].ready)
                memset(part, 0, inflight_part_size(VIRTQUEUE_SIZE_MAX));
        guest.state.queues[q].ready = ready;
        tell_state();
        if (!ready)
                guest.rings[q].broken &= guest.has_status;
}

static void reset(void) {
        for (unsigned q = 0; q < QUEUES; q++)
                guest.state.queues[q].ready = false;
        guest.state.status = 0;
        tell_state();
        for (unsigned q = 0; q < QUEUES; q++)
                guest.rings[q].broken = false;
        guest.state.status = STATUS_OK;
}

/* Its head and first entries, mostly. */
static void write_record(struct input *in, unsigned q) {
        uint64_t value = input_u64(in);
        uint8_t how = input_u8(in);
        size_t at = how & 0x80 ? input_u16(in) % (QUEUES * RECORD_PART - sizeof(value)) : q * RECORD_PART + how;

        memcpy(guest.record.driver + RECORD_AT + at, &value, 1 + input_u8(in) % sizeof(value));
}

/* ---- one input ---------------------------------------------------------------------------------------- */

static void one_step(struct input *in) {
        uint8_t byte = input_u8(in);
        unsigned q = byte >> 7, n;

        switch ((enum step)(byte % 0x80 % _STEP_MAX)) {
        case STEP_DESCRIPTOR:
                write_descriptor(in, guest.state.queues[q].layout.descriptors);
                break;
        case STEP_TABLE:
                write_descriptor(in, TABLE);
                break;
        case STEP_OFFER:
                offer(in, q);
                break;
        case STEP_POKE:
                poke_anything(in);
                break;
        case STEP_KICK:
                CLAIM(eventfd_write(guest.transport.kick_fds[q], 1) == 0);
                run();
                break;
        case STEP_RETURN:
                return_held(q, input_u8(in), 1);
                break;
        case STEP_RETURN_ALL:
                n = input_u8(in);
                return_held(q, n, n);
                break;
        case STEP_HABIT:
                guest.habit = input_u8(in) % _HABIT_MAX;
                break;
        case STEP_LAYOUT:
                set_layout(in, q);
                tell_state();
                break;
        case STEP_QUEUE:
                make_ready(q, input_u8(in) & 1);
                break;
        case STEP_RESET:
                reset();
                break;
        case STEP_FEATURES:
                guest.state.features = (uint64_t) input_u8(in) << 28 | VIRTIO_FEATURE(VIRTIO_F_VERSION_1);
                tell_state();
                break;
        case STEP_WORKER:
                worker_goes();
                worker_comes();
                break;
        case STEP_RECORD:
                write_record(in, q);
                break;
        case _STEP_MAX:
                break;
        }
}

/* The first byte: with a record of what is in flight or without, which features and transport, both queues ready or none. */
static void begin(uint8_t how) {
        guest.has_status = !(how & 8);
        memset(guest.low.driver, 0, LOW_SIZE);
        memset(guest.high.driver, 0, HIGH_SIZE);
        memset(guest.record.driver, 0, RECORD_SIZE);
        memset(guest.rings, 0, sizeof(guest.rings));
        guest.habit = HABIT_RETURN;
        guest.turn = 0;
        guest.transport.inflight = (struct inflight_region){ 0 };
        if (how & 1)
                CLAIM(inflight_region_attach(&guest.transport.inflight, guest.record.device + RECORD_AT,
                                             QUEUES * RECORD_PART, QUEUES, VIRTQUEUE_SIZE_MAX) == 0);
        guest.state = (struct transport_state){ .features = VIRTIO_QUEUE_FEATURES, .status = STATUS_OK };
        if (how & 2)
                guest.state.features &= ~VIRTIO_FEATURE(VIRTIO_RING_F_EVENT_IDX);
        for (unsigned q = 0; q < QUEUES; q++) {
                guest.state.queues[q].layout = usual_layout(q, 8);
                guest.state.queues[q].ready = !(how & 4);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input in = { data, data + size };

        set_up_once();
        begin(input_u8(&in));
        worker_comes();
        for (unsigned n = 0; n < STEPS_MAX && input_left(&in) > 0; n++)
                one_step(&in);
        reset(); /* whatever happened, the driver gets its memory back */
        CLAIM(!any_running() && guest.low.locked && guest.high.locked);
        worker_goes();
        return 0;
}
