/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two zones both claim. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/conflict.h"

static bool conflict(struct conflict *c, const char *format, ...) _printf_(2, 3);

static bool conflict(struct conflict *c, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(c->text, sizeof(c->text), format, ap);
        va_end(ap);
        return true;
}

static bool shared_name(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        if (strcmp(z->name, other->name) != 0)
                return false;
        c->advice = "rename one of the files";
        return conflict(c, "%s is a zone of the same name", other->path);
}

static bool shared_id(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        if (z->id != other->id)
                return false;
        *c = (struct conflict){ .object = z, .other_object = other, .key = "Id", .other_key = "Id" };
        c->advice = "take an Id= that no other zone has";
        return conflict(c, "Id %" PRIu32 " belongs to zone %s", z->id, other->name);
}

static bool shared_cpu(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        uint64_t both = z->cpus & other->cpus;

        if (both == 0)
                return false;
        *c = (struct conflict){ .object = z, .other_object = other, .key = "CPUs", .other_key = "CPUs" };
        c->advice = "a CPU belongs to one zone only: take others";
        return conflict(c, "CPU %d belongs to zone %s", __builtin_ctzll(both), other->name);
}

/* Two lists of physical memory, RAM or I/O. */
struct regions {
        const struct memory_spec *items;
        size_t count;
};

static bool shared_region(struct regions mine, struct regions others, struct conflict *c) {
        for (size_t i = 0; i < mine.count; i++)
                for (size_t j = 0; j < others.count; j++) {
                        const struct memory_spec *a = &mine.items[i], *b = &others.items[j];

                        if (!range_overlaps(a->physical, a->size, b->physical, b->size))
                                continue;
                        *c = (struct conflict){
                                .object = a, .other_object = b, .key = "PhysicalAddress", .other_key = "PhysicalAddress"
                        };
                        return true;
                }
        return false;
}

static struct regions ram_of(const struct zone_spec *z) {
        return (struct regions){ z->memory, z->num_memory };
}

static struct regions io_of(const struct zone_spec *z) {
        return (struct regions){ z->io, z->num_io };
}

static const char *name_of(const struct conflict *c) {
        return ((const struct memory_spec *) c->object)->name;
}

static bool shared_memory(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        if (!shared_region(ram_of(z), ram_of(other), c))
                return false;
        c->advice = "move it, or make one of them smaller";
        return conflict(c, "[Memory %s]: RAM of zone %s", name_of(c), other->name);
}

static bool shared_io(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        const char *what = "I/O";

        if (!shared_region(io_of(z), io_of(other), c)) {
                if (shared_region(ram_of(z), io_of(other), c)) {
                        c->advice =
                                "RAM and the registers of a device cannot be the same: one of the addresses is wrong";
                        return conflict(c, "[Memory %s]: I/O of zone %s", name_of(c), other->name);
                }
                if (!shared_region(io_of(z), ram_of(other), c))
                        return false;
                what = "RAM";
        }
        c->advice = "a device belongs to one zone only";
        return conflict(c, "[IO %s]: %s of zone %s", name_of(c), what, other->name);
}

static bool passes_through(const struct zone_spec *z, uint32_t interrupt) {
        return z->interrupts[interrupt / 32] & BIT(interrupt % 32);
}

/* One of @z's devices with an interrupt that @other has from a real one. */
static const struct device_spec *device_on_passed_through(const struct zone_spec *z, const struct zone_spec *other) {
        for (size_t i = 0; i < z->num_devices; i++)
                if (passes_through(other, z->devices[i].interrupt))
                        return &z->devices[i];
        return NULL;
}

/*
 * The hypervisor lets every zone enable and disable its interrupts at the real
 * controller, those of virtio devices too, and does so itself when the zone is
 * shut down. Two zones' virtio devices may have the same: there is none behind.
 */
static bool shared_interrupt(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        const struct device_spec *d;
        uint32_t both;

        *c = (struct conflict){ .object = z, .other_object = other, .key = "Interrupts", .other_key = "Interrupts" };
        c->advice =
                "a real interrupt belongs to one zone only, and a virtio device of another must not have its number";
        for (uint32_t i = 0; i < INTERRUPTS_MAX / 32; i++) {
                both = z->interrupts[i] & other->interrupts[i];
                if (both)
                        return conflict(c, "interrupt %" PRIu32 " belongs to zone %s",
                                        i * 32 + (uint32_t) __builtin_ctz(both), other->name);
        }
        d = device_on_passed_through(z, other);
        if (d) {
                c->object = d;
                c->key = "Interrupt";
                return conflict(c, "interrupt %" PRIu32 " belongs to zone %s", d->interrupt, other->name);
        }
        d = device_on_passed_through(other, z);
        if (!d)
                return false;
        c->other_object = d;
        c->other_key = "Interrupt";
        return conflict(c, "interrupt %" PRIu32 " belongs to zone %s", d->interrupt, other->name);
}

bool device_image_shared(const struct device_spec *a, const struct device_spec *b) {
        if (!a->image || !b->image || (a->read_only && b->read_only))
                return false;
        return strcmp(a->image, b->image) == 0 || file_identity_equal(&a->image_identity, &b->image_identity);
}

/* An image may be read by many, or written by one. */
static bool shared_image(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        for (size_t i = 0; i < z->num_devices; i++)
                for (size_t j = 0; j < other->num_devices; j++) {
                        const struct device_spec *a = &z->devices[i], *b = &other->devices[j];

                        if (!device_image_shared(a, b))
                                continue;
                        *c = (struct conflict){ .object = a, .other_object = b, .key = "Image", .other_key = "Image" };
                        c->advice = "give each its own copy, or ReadOnly=yes to both";
                        if (strcmp(a->image, b->image) == 0)
                                return conflict(c, "zone %s uses the image %s", other->name, a->image);
                        return conflict(c, "zone %s uses the image %s, as %s", other->name, a->image, b->image);
                }
        return false;
}

/* A tap has one process at its end. */
static bool shared_tap(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        for (size_t i = 0; i < z->num_devices; i++)
                for (size_t j = 0; j < other->num_devices; j++) {
                        const struct device_spec *a = &z->devices[i], *b = &other->devices[j];

                        if (a->tap[0] == '\0' || strcmp(a->tap, b->tap) != 0 || strcmp(a->tap, TAP_AUTO) == 0)
                                continue;
                        *c = (struct conflict){ .object = a, .other_object = b, .key = "Tap", .other_key = "Tap" };
                        c->advice = "make a tap for each; a bridge connects them";
                        return conflict(c, "zone %s uses the tap %s", other->name, a->tap);
                }
        return false;
}

bool zone_conflict_find(const struct zone_spec *z, const struct zone_spec *other, struct conflict *ret) {
        static bool (*const claims[])(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) = {
                shared_name, shared_id,        shared_cpu,   shared_memory,
                shared_io,   shared_interrupt, shared_image, shared_tap,
        };

        for (size_t i = 0; i < ELEMENTSOF(claims); i++) {
                *ret = (struct conflict){};
                if (claims[i](z, other, ret))
                        return true;
        }
        return false;
}

bool zone_conflict(const struct zone_spec *z, const struct zone_spec *other, char *text, size_t size) {
        struct conflict c;

        if (!zone_conflict_find(z, other, &c))
                return false;
        (void) snprintf(text, size, "%s", c.text);
        return true;
}

static void place_format(struct spot at, char *buffer, size_t size) {
        if (at.line > 0)
                (void) snprintf(buffer, size, "%s:%u:%u", at.path, at.line, at.column);
        else
                (void) snprintf(buffer, size, "%s", at.path);
}

/* A file beside another one is named without its directory. */
static const char *path_seen_from(const char *path, const char *here) {
        const char *slash = strrchr(here, '/');
        size_t directory = slash ? (size_t) (slash - here) + 1 : 0;

        return strncmp(path, here, directory) == 0 && !strchr(path + directory, '/') ? path + directory : path;
}

void zone_conflict_explain(const struct conflict *c, const struct zone_spec *z, const struct zone_spec *other,
                           char *text, size_t size) {
        struct spot at = zone_spot(other, c->other_object, c->other_key);
        char there[256];

        at.path = path_seen_from(at.path, zone_spot(z, c->object, c->key).path);
        place_format(at, there, sizeof(there));
        (void) snprintf(text, size, "%s (%s); %s", c->text, there, c->advice);
}

bool zone_conflict_tell(const struct zone_spec *z, const struct zone_spec *other, char *text, size_t size) {
        char here[256], why[768];
        struct conflict c;

        if (!zone_conflict_find(z, other, &c))
                return false;
        place_format(zone_spot(z, c.object, c.key), here, sizeof(here));
        zone_conflict_explain(&c, z, other, why, sizeof(why));
        (void) snprintf(text, size, "%s: %s", here, why);
        return true;
}
