/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>

#include "arch.h"
#include "control.h"
#include "gic.h"
#include "lock.h"
#include "print.h"

#define UART_DATA (BOARD_UART + 0x00)
#define UART_FLAGS (BOARD_UART + 0x18)
#define UART_FLAGS_TX_FULL BIT(5)

struct line {
        char text[120];
        size_t length;
};

static struct spinlock uart_lock;
static uint32_t panicking;

static void line_char(struct line *l, char c) {
        if (l->length < sizeof(l->text) - 1)
                l->text[l->length++] = c;
        l->text[l->length] = 0;
}

static void line_string(struct line *l, const char *s) {
        while (*s)
                line_char(l, *s++);
}

static void line_number(struct line *l, uint64_t value, unsigned int base) {
        char digits[21];
        size_t n = 0;

        do {
                digits[n++] = "0123456789abcdef"[value % base];
                value /= base;
        } while (value);
        if (base == 16)
                line_string(l, "0x");
        while (n)
                line_char(l, digits[--n]);
}

static void line_format(struct line *l, const char *format, va_list ap) {
        for (; *format; format++) {
                if (*format != '%') {
                        line_char(l, *format);
                        continue;
                }
                format++;
                if (*format == 's')
                        line_string(l, va_arg(ap, const char *));
                else
                        line_number(l, va_arg(ap, uint64_t), *format == 'x' ? 16 : 10);
        }
}

static void uart_puts(const char *s) {
        for (; *s; s++) {
                while (mmio_read32(UART_FLAGS) & UART_FLAGS_TX_FULL)
                        ;
                mmio_write32(UART_DATA, (uint8_t) *s);
        }
}

void print(const char *format, ...) {
        struct line l = { .length = 0 };
        va_list ap;

        if (knob_get(KNOB_QUIET))
                return;
        va_start(ap, format);
        line_format(&l, format, ap);
        va_end(ap);
        spin_lock(&uart_lock);
        uart_puts("monitor: ");
        uart_puts(l.text);
        uart_puts("\r\n");
        spin_unlock(&uart_lock);
}

bool panicked(void) {
        return __atomic_load_n(&panicking, __ATOMIC_RELAXED);
}

void stop_forever(void) {
        gic_cpu_silence();
        for (;;)
                wfi();
}

/* The UART's lock is not taken: its holder may be the CPU that panics. */
void panic(const char *format, ...) {
        struct line l = { .length = 0 };
        va_list ap;

        if (__atomic_exchange_n(&panicking, 1, __ATOMIC_SEQ_CST))
                stop_forever();
        gic_kick_others();
        va_start(ap, format);
        line_format(&l, format, ap);
        va_end(ap);
        for (size_t i = 0; i <= l.length; i++)
                control()->message[i] = l.text[i];
        control()->panicked = 1;
        uart_puts("\r\nMONITOR PANIC: ");
        uart_puts(l.text);
        uart_puts("\r\n");
        stop_forever();
}

void cpu_relax(void) {
        if (panicked())
                stop_forever();
        __asm__ volatile("yield" ::: "memory");
}
