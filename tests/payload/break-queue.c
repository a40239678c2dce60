/* SPDX-License-Identifier: GPL-2.0-or-later */
/* At every input it breaks the console's transmit queue, resets the device and says which time that was, for ever. */
#include "console.h"
#include "virtio.h"

#define TRANSMIT_QUEUE 1
#define CALM 200 /* ms, before each reset: a worker that is busy elsewhere just then would be replaced */

static struct queue queue;

/* A descriptor that the table does not have (virtio 1.2, 2.7.13). */
static void break_queue(void) {
        sleep_ms(CALM);
        virtio_begin(parameters.console, VIRTIO_ID_CONSOLE, 0);
        queue_setup(&queue, parameters.console, TRANSMIT_QUEUE);
        virtio_ready(parameters.console);
        queue_offer(&queue, QUEUE_SIZE);
        sleep_ms(CALM);
}

void payload_main(void) {
        uint64_t times = 0;
        char c;

        if (!console_open())
                return;
        say("breaks a queue on input");
        while (console_read(&c, 1) > 0) {
                break_queue();
                if (!console_open())
                        return;
                say("broke it, %u", ++times);
        }
}
