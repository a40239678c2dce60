/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks for something without end, and never waits for anything. Says "flood begins" first.
 * Mode 0: notifies the console's and the disk's queues. Mode 1: reads and writes registers of both, all but the one that
 * would reset them.
 */
#include "console.h"
#include "virtio.h"

#define WINDOW 0x200

static void notify(uint64_t device) {
        for (uint32_t queue = 0; queue < 4; queue++)
                write32(device + VIRTIO_QUEUE_NOTIFY, queue);
}

static void touch_all(uint64_t device) {
        for (uint64_t offset = 0; offset < WINDOW; offset += 4) {
                (void) read32(device + offset);
                if (offset != VIRTIO_STATUS)
                        write32(device + offset, (uint32_t) offset);
        }
}

void payload_main(void) {
        console_open();
        say("flood begins");
        for (;;) {
                uint64_t device;

                for (unsigned int i = 0; i < 2; i++) {
                        device = i ? parameters.disk : parameters.console;
                        if (parameters.mode == 0)
                                notify(device);
                        else
                                touch_all(device);
                }
        }
}
