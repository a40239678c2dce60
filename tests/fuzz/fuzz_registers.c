/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The register file of hvisor.ko, compiled for user space: any sequence of a guest's accesses, with workers that
 * offer, change and withdraw the device in between. After each step everything must hold that the driver and the
 * module rely on (virtio 1.2, 2.1 and 4.2.2), and what a write says it did must be what it did.
 */
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "fuzz/fuzz.h"
#include "register_file.h"

enum step {
        STEP_WRITE,       /* a register, four bytes */
        STEP_WRITE_EDGE,  /* the same with a value that some check lets through */
        STEP_WRITE_WORD,  /* any place, size and value */
        STEP_READ,        /* any place and size */
        STEP_OFFER,       /* a worker comes */
        STEP_OFFER_OTHER, /* one with a model that may not suit */
        STEP_CONFIGURE,
        STEP_WITHDRAW,
        STEP_RAISE,
        STEP_BREAK,
        STEP_RESET, /* of the zone, not the driver's */
        _STEP_MAX,
};

#define STATUS_READY                                                                                                   \
        (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

static const uint32_t edges[] = {
        0,      1,      2,          4,          16,
        64,     256,    1024,       0x1000,     STATUS_READY & 3,
        11,     15,     UINT32_MAX, 0x80000000, VIRTIO_CONFIG_S_NEEDS_RESET,
        0x3ff0, 0x3ffe, 0x3ffc,
};

/* ---- what must hold ----------------------------------------------------------------------------------- */

static uint32_t ready_queues(const struct register_file *f) {
        uint32_t mask = 0;

        for (unsigned q = 0; q < HVISOR_QUEUES_MAX; q++)
                mask |= (uint32_t) f->queues[q].ready << q;
        return mask;
}

/* What the module hands to a worker as ready is one: 2.7, and 4.2.3.2 for its order. */
static void claim_queues(const struct register_file *f) {
        for (unsigned q = 0; q < HVISOR_QUEUES_MAX; q++) {
                const struct register_queue *r = &f->queues[q];

                if (!r->ready)
                        continue;
                CLAIM(q < f->model.num_queues);
                CLAIM(r->size > 0 && (r->size & (r->size - 1)) == 0 && r->size <= f->model.queue_size_max[q]);
                CLAIM(r->descriptors % 16 == 0 && r->available % 2 == 0 && r->used % 4 == 0);
                CLAIM(f->status & VIRTIO_CONFIG_S_FEATURES_OK);
        }
}

static void claim_status(const struct register_file *f) {
        if (f->status & (VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET))
                CLAIM(f->status & VIRTIO_CONFIG_S_FEATURES_OK);
        if (f->status & VIRTIO_CONFIG_S_FEATURES_OK) {
                CLAIM((f->driver_features & ~f->model.features) == 0);
                CLAIM(f->driver_features & (UINT64_C(1) << VIRTIO_F_VERSION_1));
                CLAIM(f->driver_features_beyond == 0);
        }
        if (!(f->status & VIRTIO_CONFIG_S_DRIVER_OK))
                CLAIM(f->interrupt_status == 0); /* 3.1.1: nobody is interrupted before */
        CLAIM((f->interrupt_status & ~(uint32_t) (VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG)) == 0);
}

static void claim_model(const struct register_file *f) {
        const char *what;

        if (f->device_id != 0)
                CLAIM(register_model_check(&f->model, &what) == 0);
        else
                CLAIM(f->model.num_queues == 0 && f->model.config_size == 0 && ready_queues(f) == 0);
}

static void claim_all(const struct register_file *f) {
        claim_queues(f);
        claim_status(f);
        claim_model(f);
}

/* ---- a driver ----------------------------------------------------------------------------------------- */

/* Reading changes nothing, and gives no more than was asked for. */
static void read_once(const struct register_file *f, uint64_t offset, uint64_t size) {
        const struct register_file before = *f;
        uint64_t value = register_file_read(f, offset, size);

        CLAIM(memcmp(f, &before, sizeof(before)) == 0);
        if (size < sizeof(value))
                CLAIM(value >> 8 * size == 0);
        if (offset < VIRTIO_MMIO_CONFIG && (offset % 4 != 0 || size != 4))
                CLAIM(value == 0);
        if (offset >= VIRTIO_MMIO_CONFIG + (uint64_t) f->model.config_size)
                CLAIM(value == 0);
}

static uint32_t get(const struct register_file *f, uint64_t offset) {
        read_once(f, offset, 4);
        return (uint32_t) register_file_read(f, offset, 4);
}

/* 2.1.2, 4.2.2.1: as new. */
static void claim_reset(const struct register_file *f) {
        CLAIM(get(f, VIRTIO_MMIO_STATUS) == 0);
        CLAIM(get(f, VIRTIO_MMIO_INTERRUPT_STATUS) == 0);
        CLAIM(ready_queues(f) == 0 && f->driver_features == 0);
        CLAIM(!f->is_withdrawn || get(f, VIRTIO_MMIO_DEVICE_ID) == 0);
}

static void claim_effects(const struct register_file *before, const struct register_file *f, uint32_t effects,
                          uint32_t queue) {
        uint32_t had = ready_queues(before), has = ready_queues(f);
        bool changed = had != has || before->status != f->status;

        CLAIM(!changed || (effects & REGISTER_CHANGED));
        CLAIM(!(effects & REGISTER_CHANGED) || changed);
        CLAIM(!!(effects & REGISTER_RINGS_LOST) == ((had & ~has) != 0));
        CLAIM(!(effects & REGISTER_RINGS_LOST) || (effects & REGISTER_MUST_WAIT));
        CLAIM(!!(effects & REGISTER_RING_GAINED) == ((has & ~had) != 0));
        CLAIM(!!(effects & REGISTER_DRIVER_UP) == !!(f->status & ~before->status & VIRTIO_CONFIG_S_DRIVER_OK));
        CLAIM(!(effects & REGISTER_QUIET) || f->interrupt_status == 0);
        CLAIM(before->interrupt_status == 0 || f->interrupt_status != 0 || (effects & REGISTER_QUIET));
        if (effects & REGISTER_RING_GAINED)
                CLAIM((has & ~had) == UINT32_C(1) << queue);
        if (effects & REGISTER_NOTIFIED)
                CLAIM(queue < f->model.num_queues && f->queues[queue].ready && (f->status & VIRTIO_CONFIG_S_DRIVER_OK));
        if (!(effects & (REGISTER_RING_GAINED | REGISTER_NOTIFIED)))
                CLAIM(queue == UINT32_MAX);
}

static void write_once(struct register_file *f, uint64_t offset, uint64_t size, uint64_t value) {
        const struct register_file before = *f;
        uint32_t queue = UINT32_MAX;
        uint32_t effects = register_file_write(f, offset, size, value, &queue);
        bool reset = offset == VIRTIO_MMIO_STATUS && size == 4 && (uint32_t) value == 0;

        claim_effects(&before, f, effects, queue);
        if (reset)
                claim_reset(f);
        else {
                CLAIM((before.status & ~f->status) == 0);                             /* 2.1.1: bits are added only */
                CLAIM(!((f->status & ~before.status) & VIRTIO_CONFIG_S_NEEDS_RESET)); /* the device's own */
        }
        if (offset >= VIRTIO_MMIO_CONFIG || offset % 4 != 0 || size != 4)
                CLAIM(effects == 0 && memcmp(f, &before, sizeof(before)) == 0);
        /* the model is its worker's, unless a reset ends it */
        if (!reset)
                CLAIM(f->device_id == before.device_id && memcmp(&f->model, &before.model, sizeof(f->model)) == 0);
        for (unsigned q = 0; q < HVISOR_QUEUES_MAX; q++) /* 4.2.2.2: a ready queue stays where it is */
                if (before.queues[q].ready && f->queues[q].ready)
                        CLAIM(memcmp(&before.queues[q], &f->queues[q], sizeof(before.queues[q])) == 0);
}

/* ---- workers ------------------------------------------------------------------------------------------ */

static struct register_model usual_model(struct input *in) {
        return (struct register_model){
                .features = UINT64_C(1) << VIRTIO_F_VERSION_1 | UINT64_C(1) << 28 | input_u8(in),
                .num_queues = 2,
                .config_size = 8,
                .queue_size_max = { 256, 64 },
                .config = { input_u8(in), 2, 3, 4 },
        };
}

static struct register_model other_model(struct input *in) {
        struct register_model m = usual_model(in);

        m.features ^= input_u64(in);
        m.num_queues = input_u8(in) % (HVISOR_QUEUES_MAX + 2);
        m.config_size = input_u16(in);
        for (unsigned q = 0; q < m.num_queues && q < HVISOR_QUEUES_MAX; q++) {
                uint16_t size = input_u8(in);

                m.queue_size_max[q] = (uint16_t) (size < 11 ? 1U << size : size);
        }
        return m;
}

/* What a driver relies on does not change under it. */
static void offer(struct register_file *f, uint32_t id, const struct register_model *m) {
        const struct register_file before = *f;
        const char *what;
        int r;

        if (register_model_check(m, &what) < 0)
                return;
        r = register_file_offer(f, id, m, &what);
        if (r < 0) {
                CLAIM(memcmp(f, &before, sizeof(before)) == 0);
                return;
        }
        CLAIM(f->status == before.status && ready_queues(f) == ready_queues(&before));
        CLAIM(f->device_id == (before.device_id ?: id));
        CLAIM(r == (f->interrupt_status != before.interrupt_status));
        if (before.device_id != 0)
                CLAIM((f->config_generation != before.config_generation) ==
                      (memcmp(f->model.config, before.model.config, sizeof(m->config)) != 0));
}

static void configure(struct register_file *f, struct input *in) {
        const struct register_file before = *f;
        uint8_t config[HVISOR_CONFIG_SIZE] = { 0 };
        bool told;

        input_take(in, config, input_u8(in));
        if (!register_config_fits(&f->model, config))
                return;
        told = register_file_configure(f, config);
        CLAIM(told == (f->interrupt_status != before.interrupt_status));
        CLAIM((f->config_generation != before.config_generation) ==
              (memcmp(config, before.model.config, sizeof(config)) != 0));
}

/* No interrupt without one who waits for it. */
static void raise_once(struct register_file *f, struct input *in) {
        const struct register_file before = *f;
        bool told = register_file_raise(f, 1 + input_u8(in) % 3);

        CLAIM(told == (f->interrupt_status != before.interrupt_status));
        CLAIM((f->status & VIRTIO_CONFIG_S_DRIVER_OK) || !told);
}

static void break_once(struct register_file *f) {
        bool was_up = f->status & VIRTIO_CONFIG_S_DRIVER_OK;
        bool told = register_file_break(f);

        CLAIM(!!(f->status & VIRTIO_CONFIG_S_NEEDS_RESET) == was_up);
        CLAIM(was_up || !told);
}

static void one_step(struct register_file *f, struct input *in) {
        struct register_model m;
        uint64_t offset, size;

        switch (input_u8(in) % _STEP_MAX) {
        case STEP_WRITE:
                offset = (uint64_t) input_u8(in) / 4 * 4;
                write_once(f, offset, 4, input_u32(in));
                break;
        case STEP_WRITE_EDGE:
                offset = (uint64_t) input_u8(in) / 4 * 4;
                write_once(f, offset, 4, edges[input_u8(in) % ARRAY_SIZE(edges)]);
                break;
        case STEP_WRITE_WORD:
                offset = input_u64(in);
                size = input_u8(in);
                write_once(f, offset, size, input_u64(in));
                break;
        case STEP_READ:
                offset = input_u16(in);
                read_once(f, offset, input_u8(in));
                break;
        case STEP_OFFER:
                m = usual_model(in);
                offer(f, 2, &m);
                break;
        case STEP_OFFER_OTHER:
                m = other_model(in);
                offer(f, 1 + input_u8(in), &m);
                break;
        case STEP_CONFIGURE:
                configure(f, in);
                break;
        case STEP_WITHDRAW:
                register_file_withdraw(f);
                break;
        case STEP_RAISE:
                raise_once(f, in);
                break;
        case STEP_BREAK:
                break_once(f);
                break;
        case STEP_RESET:
                (void) register_file_reset(f);
                claim_reset(f);
                break;
        }
        claim_all(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        struct input in = { data, data + size };
        struct register_file f;

        memset(&f, 0, sizeof(f));
        claim_all(&f);
        while (input_left(&in) > 0)
                one_step(&f, &in);
        return 0;
}
