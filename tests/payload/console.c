/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>

#include "console.h"
#include "virtio.h"

#define RECEIVE_QUEUE 0
#define TRANSMIT_QUEUE 1
#define BUFFER_SIZE 128

static struct queue receive, transmit;
static char receive_buffers[QUEUE_SIZE][BUFFER_SIZE];
static char transmit_buffer[BUFFER_SIZE];
static bool is_open, by_interrupt;
static volatile uint32_t interrupted;

static void on_console_interrupt(void) {
        if (virtio_acknowledge(parameters.console))
                interrupted = 1;
}

static void offer_receive_buffer(uint16_t i) {
        receive.desc[i] = (struct descriptor) {
                .address = (uint64_t) receive_buffers[i],
                .length = BUFFER_SIZE,
                .flags = DESC_WRITE,
        };
        queue_offer(&receive, i);
}

bool console_open(void) {
        is_open = virtio_begin(parameters.console, VIRTIO_ID_CONSOLE, 0) != 0;
        if (!is_open)
                return false;
        queue_setup(&receive, parameters.console, RECEIVE_QUEUE);
        queue_setup(&transmit, parameters.console, TRANSMIT_QUEUE);
        virtio_ready(parameters.console);
        for (uint16_t i = 0; i < QUEUE_SIZE; i++)
                offer_receive_buffer(i);
        return true;
}

bool console_open_with_interrupts(void) {
        by_interrupt = true;
        interrupts_enable(parameters.console_irq, on_console_interrupt);
        return console_open();
}

/* A look comes first in either way: what an earlier interrupt told of may still be there. */
static void wait_for(struct queue *q, uint16_t *ret_head, uint32_t *ret_length) {
        while (!queue_take(q, ret_head, ret_length)) {
                if (by_interrupt)
                        interrupts_wait(&interrupted);
                else
                        virtio_acknowledge(parameters.console);
        }
}

void console_write(const char *bytes, size_t size) {
        uint16_t head;
        uint32_t length;

        if (!is_open)
                return;
        while (size) {
                size_t n = size < BUFFER_SIZE ? size : BUFFER_SIZE;

                for (size_t i = 0; i < n; i++)
                        transmit_buffer[i] = bytes[i];
                transmit.desc[0] = (struct descriptor) { (uint64_t) transmit_buffer, (uint32_t) n, 0, 0 };
                queue_offer(&transmit, 0);
                wait_for(&transmit, &head, &length);
                bytes += n;
                size -= n;
        }
}

size_t console_read(char *buffer, size_t size) {
        uint16_t head;
        uint32_t length;

        do {
                wait_for(&receive, &head, &length);
                for (uint32_t i = 0; i < length && i < size; i++)
                        buffer[i] = receive_buffers[head % QUEUE_SIZE][i];
                offer_receive_buffer(head % QUEUE_SIZE);
        } while (length == 0);
        return length < size ? length : size;
}

struct line {
        char text[160];
        size_t length;
};

static void add_char(struct line *l, char c) {
        if (l->length < sizeof(l->text))
                l->text[l->length++] = c;
}

static void add_string(struct line *l, const char *s) {
        while (*s)
                add_char(l, *s++);
}

static void add_number(struct line *l, uint64_t value, unsigned int base) {
        char digits[20];
        size_t n = 0;

        do {
                unsigned int digit = value % base;

                digits[n++] = (char) (digit < 10 ? '0' + digit : 'a' + digit - 10);
                value /= base;
        } while (value);
        if (base == 16)
                add_string(l, "0x");
        while (n)
                add_char(l, digits[--n]);
}

void say(const char *format, ...) {
        struct line l;
        va_list ap;

        l.length = 0;
        add_string(&l, "payload: ");
        va_start(ap, format);
        for (; *format; format++) {
                if (*format != '%')
                        add_char(&l, *format);
                else if (*++format == 's')
                        add_string(&l, va_arg(ap, const char *));
                else
                        add_number(&l, va_arg(ap, uint64_t), *format == 'x' ? 16 : 10);
        }
        va_end(ap);
        add_char(&l, '\n');
        console_write(l.text, l.length);
}
