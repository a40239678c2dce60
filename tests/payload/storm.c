/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Resets the console's device over and over, whether or not somebody serves it. In each round the device is set up anew
 * and gets the line "payload: storm round N, longest reset T us", which is waited for no longer than PATIENCE_MS; then it
 * is reset, and the time until the device says that it is done is measured.
 * Mode: milliseconds between a line and the reset; 0: the reset comes while the line is under way.
 */
#include "console.h"
#include "virtio.h"

#define TRANSMIT_QUEUE 1
#define PATIENCE_MS 100

static struct queue queue;
static char line[80];

static uint32_t append(uint32_t at, const char *text) {
        while (*text)
                line[at++] = *text++;
        return at;
}

static uint32_t append_number(uint32_t at, uint64_t value) {
        char digits[20];
        uint32_t n = 0;

        do
                digits[n++] = (char) ('0' + value % 10);
        while (value /= 10);
        while (n)
                line[at++] = digits[--n];
        return at;
}

/* Offers the line and gives the device some time for it. */
static void tell(uint64_t round, uint64_t longest) {
        uint32_t length = append(0, "payload: storm round "), used;
        uint16_t head;

        length = append(append_number(length, round), ", longest reset ");
        length = append(append_number(length, longest), " us\n");
        queue.desc[0] = (struct descriptor) { (uint64_t) line, length, 0, 0 };
        queue_offer(&queue, 0);
        if (parameters.mode == 0)
                return;
        for (unsigned int waited = 0; waited < PATIENCE_MS && !queue_take(&queue, &head, &used); waited++)
                sleep_ms(1);
        sleep_ms(parameters.mode);
}

static uint64_t reset(void) {
        uint64_t before = microseconds();

        write32(parameters.console + VIRTIO_STATUS, 0);
        while (read32(parameters.console + VIRTIO_STATUS) != 0)
                ;
        return microseconds() - before;
}

void payload_main(void) {
        uint64_t longest = 0;

        for (uint64_t round = 1;; round++) {
                uint64_t took;

                if (!virtio_begin(parameters.console, VIRTIO_ID_CONSOLE, 0))
                        continue;
                queue_setup(&queue, parameters.console, TRANSMIT_QUEUE);
                virtio_ready(parameters.console);
                tell(round, longest);
                took = reset();
                if (took > longest)
                        longest = took;
        }
}
