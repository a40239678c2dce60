/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two zones both claim. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/check.h"

static bool conflict(char *text, size_t size, const char *format, ...) _printf_(3, 4);

static bool conflict(char *text, size_t size, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, size, format, ap);
        va_end(ap);
        return true;
}

static const struct memory_spec *shared_memory(const struct zone_spec *z, const struct zone_spec *other) {
        for (size_t i = 0; i < z->num_memory; i++)
                for (size_t j = 0; j < other->num_memory; j++)
                        if (range_overlaps(z->memory[i].physical, z->memory[i].size, other->memory[j].physical,
                                           other->memory[j].size))
                                return &z->memory[i];
        return NULL;
}

/* 0 if there is none: passed-through interrupts begin with 32. */
static uint32_t shared_interrupt(const struct zone_spec *z, const struct zone_spec *other) {
        for (uint32_t i = 0; i < INTERRUPTS_MAX; i++)
                if (z->interrupts[i / 32] & other->interrupts[i / 32] & BIT(i % 32))
                        return i;
        return 0;
}

/* An image may be read by many, or written by one. */
static const char *shared_image(const struct zone_spec *z, const struct zone_spec *other) {
        for (size_t i = 0; i < z->num_devices; i++)
                for (size_t j = 0; j < other->num_devices; j++) {
                        const struct device_spec *a = &z->devices[i], *b = &other->devices[j];

                        if (a->image && b->image && !(a->read_only && b->read_only) && strcmp(a->image, b->image) == 0)
                                return a->image;
                }
        return NULL;
}

bool zone_conflict(const struct zone_spec *z, const struct zone_spec *other, char *text, size_t size) {
        uint64_t cpus = z->cpus & other->cpus;
        const struct memory_spec *memory = shared_memory(z, other);
        uint32_t interrupt = shared_interrupt(z, other);
        const char *image = shared_image(z, other);

        if (strcmp(z->name, other->name) == 0)
                return conflict(text, size, "%s is a zone of the same name", other->path);
        if (z->id == other->id)
                return conflict(text, size, "Id %" PRIu32 " belongs to zone %s", z->id, other->name);
        if (cpus != 0)
                return conflict(text, size, "CPU %d belongs to zone %s", __builtin_ctzll(cpus), other->name);
        if (memory)
                return conflict(text, size, "[Memory %s]: RAM of zone %s", memory->name, other->name);
        if (interrupt != 0)
                return conflict(text, size, "interrupt %" PRIu32 " belongs to zone %s", interrupt, other->name);
        if (image)
                return conflict(text, size, "zone %s uses the image %s", other->name, image);
        return false;
}
