/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our devices, each with what is behind it, for fuzz_device.c. */
#pragma once

#include "device/rng.h"
#include "fuzz/device_card.h"
#include "fuzz/device_console.h"
#include "fuzz/device_disk.h"

/* ---- entropy ------------------------------------------------------------------------------------------ */

static struct virtio_device *make_rng(uint8_t how _unused_, struct input *in _unused_) {
        struct virtio_device *d = NULL;

        CLAIM(rng_new(&d, NULL) == 0);
        return d;
}

static void ask_rng(struct input *in _unused_, unsigned q _unused_, unsigned nth _unused_, uint8_t *to, size_t size) {
        memset(to, 0, size);
}

static void disturb_rng(struct input *in _unused_) {
}

/* ---- all of them -------------------------------------------------------------------------------------- */

static const struct model {
        struct virtio_device *(*make)(uint8_t how, struct input *in);
        /* What a driver puts into the @nth buffer that the device is to read. */
        void (*ask)(struct input *in, unsigned q, unsigned nth, uint8_t *to, size_t size);
        void (*disturb)(struct input *in);
        void (*claim_output)(int fd); /* NULL: it has none */
} models[] = {
        { make_disk, ask_disk, disturb_disk, NULL },
        { make_card, ask_card, disturb_card, claim_frames },
        { make_console, ask_console, disturb_console, claim_records },
        { make_rng, ask_rng, disturb_rng, NULL },
};

static void outside_drain(const struct model *m) {
        char bytes[4096];

        for (unsigned i = 0; m->claim_output && i < ELEMENTSOF(outside.peer); i++)
                if (outside.peer[i] >= 0)
                        m->claim_output(outside.peer[i]);
        while (outside.slave >= 0 && read(outside.slave, bytes, sizeof(bytes)) > 0)
                ;
}

static void outside_close(void) {
        outside.image = fd_close(outside.image);
        outside.tell = fd_close(outside.tell);
        outside.peer[0] = fd_close(outside.peer[0]);
        outside.peer[1] = fd_close(outside.peer[1]);
        outside.input = fd_close(outside.input);
        outside.slave = fd_close(outside.slave);
        outside.history = fd_close(outside.history);
        outside.deaf = false;
}
