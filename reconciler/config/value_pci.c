/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of PCI devices, as lspci -D and root Linux's messages write them. */
#include <string.h>

#include "config/spec.h"
#include "config/value_ops.h"

/* DDDD:BB:DD.F in hex digits; the hypervisor knows 256 domains. */
static const struct part {
        const char *what;
        size_t offset, digits;
        char end; /* what follows it */
        unsigned max;
} parts[] = {
        { "domain", 0, 4, ':', 0xff },
        { "bus", 5, 2, ':', 0xff },
        { "device", 8, 2, '.', 0x1f },
        { "function", 11, 1, '\0', 7 },
};

#define ADDRESS_LENGTH 12

static int digit_value(char c) {
        static const char digits[] = "0123456789abcdef";
        const char *found = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c | ' ' : c) : NULL;

        return found ? (int) (found - digits) : -1;
}

/* -1: it is not made of digits. */
static int part_value(const struct part *p, struct slice v) {
        int n = 0;

        for (size_t i = 0; i < p->digits; i++) {
                int digit = digit_value(v.text[p->offset + i]);

                if (digit < 0)
                        return -1;
                n = n * 16 + digit;
        }
        return p->end == '\0' || v.text[p->offset + p->digits] == p->end ? n : -1;
}

static int parse_pci_address(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        uint8_t values[ELEMENTSOF(parts)];

        for (size_t i = 0; i < ELEMENTSOF(parts); i++) {
                int n = v.size == ADDRESS_LENGTH ? part_value(&parts[i], v) : -1;

                if (n < 0)
                        return value_fail(e, v, "\"%.*s\" is not a PCI address as 0000:01:00.0", SLICE_ARGS(v));
                if ((unsigned) n > parts[i].max)
                        return value_fail(e, (struct slice){ v.text + parts[i].offset, parts[i].digits },
                                          "%s 0x%x: 0x%x is the largest", parts[i].what, (unsigned) n, parts[i].max);
                values[i] = (uint8_t) n;
        }
        *(struct pci_address *) field = (struct pci_address){ true, values[0], values[1], values[2], values[3] };
        return 0;
}

static void write_pci_address(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        const struct pci_address *a = field;

        sink_print(to, "%04x:%02x:%02x.%x", a->domain, a->bus, a->device, a->function);
}

static bool is_no_pci_address(const void *field) {
        return !((const struct pci_address *) field)->given;
}

const struct value_ops value_pci_address = { parse_pci_address, write_pci_address, is_no_pci_address, 0 };
