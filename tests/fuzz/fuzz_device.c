// wrap: block_image_block_size virtqueue_start virtqueue_next virtqueue_put_back virtqueue_return virtqueue_return_all tap_identify tap_queue_enable tap_set_offloads pwritev2 preadv2 clock_gettime
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Our devices and a hostile driver: requests as they should be but for some of their bytes, descriptors that are none,
 * queues that come and go, while what is behind the device is slow, fails, shrinks or speaks. No byte outside of the
 * guest's RAM is touched, nor one of it while no queue runs; each request is given back once, with no more
 * written than it had room for; of a disk's image nothing is asked that it does not have; what comes out of a card
 * or a console is in form. (Rings as such are fuzz_ring.c's.)
 */
#include "fuzz/device_models.h"

#define STEPS_MAX 200

enum step {
        STEP_REQUEST, /* is made, offered and told of */
        STEP_QUIET,   /* the same, nobody is told */
        STEP_KICK,
        STEP_DISTURB, /* what is behind the device */
        STEP_DESCRIPTOR,
        STEP_OFFER, /* any head */
        STEP_POKE,
        STEP_QUEUE, /* is made ready, or taken away */
        STEP_RESET,
        STEP_DEAF,
        _STEP_MAX,
};

/* ---- the driver --------------------------------------------------------------------------------------- */

static const struct model *model;
static uint64_t next_data;

static void *driver_at(uint64_t gpa) {
        return guest.ram.driver + (gpa - RAM_BASE);
}

static void kick(unsigned q) {
        CLAIM(eventfd_write(guest.transport.kick_fds[q], 1) == 0);
        run();
}

static uint16_t peek_u16(uint64_t gpa) {
        uint16_t v;

        memcpy(&v, driver_at(gpa), sizeof(v));
        return le16toh(v);
}

static void offer(unsigned q, uint16_t head) {
        struct virtqueue_layout l = usual_layout(q);
        uint16_t idx = peek_u16(l.available + 2), next = htole16((uint16_t) (idx + 1)), h = htole16(head);

        memcpy(driver_at(l.available + 4 + 2 * (uint64_t) (idx % QUEUE_SIZE)), &h, sizeof(h));
        memcpy(driver_at(l.available + 2), &next, sizeof(next));
}

static void put_descriptor(unsigned q, unsigned n, const struct vring_desc *d) {
        memcpy(driver_at(usual_layout(q).descriptors + n % QUEUE_SIZE * sizeof(*d)), d, sizeof(*d));
}

/* One after the other, and from the beginning again. */
static uint64_t take_data(uint32_t size) {
        uint64_t at;

        if (size > RAM_SIZE - (next_data - RAM_BASE))
                next_data = DATA;
        at = next_data;
        next_data += size;
        return at;
}

/* A byte for each buffer: bit 0: the device writes; bits 1 to 4: its size; bit 7: it is the last one. */
static void make_request(struct input *in, unsigned q) {
        static const uint32_t sizes[] = { 16, 1, 512, 12, 4096, 32, 64, 20, 0x1000, 13, 24, 1526, 8, 4, 2, 0x8000 };
        unsigned head = input_u8(in) % QUEUE_SIZE, nth = 0;

        for (unsigned n = 0; n < QUEUE_SIZE; n++) {
                uint8_t how = input_u8(in);
                uint32_t size = sizes[(how >> 1) % ELEMENTSOF(sizes)];
                bool last = (how & 0x80) || n == QUEUE_SIZE - 1 || input_left(in) == 0;
                struct vring_desc d = { .addr = htole64(take_data(size)),
                                        .len = htole32(size),
                                        .flags = htole16((how & 1 ? VRING_DESC_F_WRITE : 0) |
                                                         (last ? 0 : VRING_DESC_F_NEXT)),
                                        .next = htole16((head + n + 1) % QUEUE_SIZE) };

                if (!(how & 1))
                        model->ask(in, q, nth++, driver_at(le64toh(d.addr)), size);
                put_descriptor(q, head + n, &d);
                if (last)
                        break;
        }
        offer(q, (uint16_t) head);
}

static void make_descriptor(struct input *in, unsigned q) {
        static const uint64_t places[] = { DATA, RAM_BASE,       RAM_BASE + RAM_SIZE - 1, UINT64_MAX,
                                           0,    DATA + 0x10000, RAM_BASE + RAM_SIZE };
        struct vring_desc d;
        uint8_t at = input_u8(in), place = input_u8(in);

        d.addr = htole64(places[place % ELEMENTSOF(places)] + place);
        d.len = htole32(place & 0x80 ? input_u32(in) : input_u8(in));
        d.flags = htole16(input_u8(in) & 7);
        d.next = htole16(input_u8(in));
        put_descriptor(q, at, &d);
}

static void poke(struct input *in) {
        uint64_t value = input_u64(in);

        memcpy(guest.ram.driver + input_u16(in), &value, sizeof(value));
}

/* The same again, so that a device that was broken goes on. */
static void come_up_again(struct input *in) {
        guest_reset();
        guest_up(~((uint64_t) input_u8(in) << 28 | input_u32(in)));
}

/* ---- one input ---------------------------------------------------------------------------------------- */

static void one_step(struct input *in) {
        uint8_t byte = input_u8(in);
        unsigned q = (byte >> 4) % guest.device->num_queues;

        switch ((enum step)(byte % 16 % _STEP_MAX)) {
        case STEP_REQUEST:
                make_request(in, q);
                kick(q);
                break;
        case STEP_QUIET:
                make_request(in, q);
                break;
        case STEP_KICK:
                kick(q);
                break;
        case STEP_DISTURB:
                model->disturb(in);
                break;
        case STEP_DESCRIPTOR:
                make_descriptor(in, q);
                break;
        case STEP_OFFER:
                offer(q, input_u8(in));
                break;
        case STEP_POKE:
                poke(in);
                break;
        case STEP_QUEUE:
                guest.state.queues[q].ready = !guest.state.queues[q].ready;
                tell_state();
                break;
        case STEP_RESET:
                come_up_again(in);
                break;
        case STEP_DEAF:
                outside.deaf = !outside.deaf;
                break;
        case _STEP_MAX:
                break;
        }
        if (!outside.deaf)
                outside_drain(model);
}

/* The first byte says which device, the second one how it is made. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input in = { data, data + size };
        unsigned before;
        uint8_t how;

        guest_set_up_once();
        before = count_fds();
        model = &models[input_u8(&in) % ELEMENTSOF(models)];
        how = input_u8(&in);
        next_data = DATA;
        guest_serve(model->make(how, &in));
        guest_up(UINT64_MAX);
        for (unsigned n = 0; n < STEPS_MAX && input_left(&in) > 0; n++)
                one_step(&in);
        guest_reset(); /* whatever happened, the driver gets its memory back */
        outside_drain(model);
        guest_done();
        outside_close();
        CLAIM(count_fds() == before);
        return 0;
}
