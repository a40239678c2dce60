/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two zones both claim. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "check/conflict.h"

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

static void set_bit(uint32_t *bits, uint32_t i) {
        bits[i / 32] |= UINT32_C(1) << i % 32;
}

/* The zone's interrupts: those at the real controller (passed through, or an IVC's), and with its devices' all. */
static void list_interrupts(const struct zone_spec *z, uint32_t *ret_real, uint32_t *ret_all) {
        memcpy(ret_real, z->interrupts, sizeof(z->interrupts));
        for (size_t i = 0; i < z->num_ivcs; i++)
                set_bit(ret_real, z->ivcs[i].interrupt);
        memcpy(ret_all, ret_real, sizeof(z->interrupts));
        for (size_t i = 0; i < z->num_devices; i++)
                set_bit(ret_all, z->devices[i].interrupt);
}

/* One that both have, and one of them really; 0: none. */
static uint32_t find_shared_interrupt(const struct zone_spec *z, const struct zone_spec *other) {
        uint32_t real[2][INTERRUPTS_MAX / 32], all[2][INTERRUPTS_MAX / 32];

        list_interrupts(z, real[0], all[0]);
        list_interrupts(other, real[1], all[1]);
        for (uint32_t i = 0; i < INTERRUPTS_MAX / 32; i++) {
                uint32_t both = (real[0][i] & all[1][i]) | (all[0][i] & real[1][i]);

                if (both)
                        return i * 32 + (uint32_t) __builtin_ctz(both);
        }
        return 0;
}

/* What of the zone has the interrupt, and by which key. */
static void find_holder(const struct zone_spec *z, uint32_t interrupt, const void **ret_object, const char **ret_key) {
        *ret_key = "Interrupt";
        for (size_t i = 0; i < z->num_devices; i++)
                if (z->devices[i].interrupt == interrupt) {
                        *ret_object = &z->devices[i];
                        return;
                }
        for (size_t i = 0; i < z->num_ivcs; i++)
                if (z->ivcs[i].interrupt == interrupt) {
                        *ret_object = &z->ivcs[i];
                        return;
                }
        *ret_object = z;
        *ret_key = "Interrupts";
}

/*
 * The hypervisor lets every zone enable and disable its interrupts at the real
 * controller, those of virtio devices too, and does so itself when the zone is
 * shut down. Two zones' virtio devices may have the same: there is none behind.
 */
static bool shared_interrupt(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        uint32_t interrupt = find_shared_interrupt(z, other);

        if (interrupt == 0)
                return false;
        find_holder(z, interrupt, &c->object, &c->key);
        find_holder(other, interrupt, &c->other_object, &c->other_key);
        c->advice =
                "a real interrupt belongs to one zone only, and a virtio device of another must not have its number";
        return conflict(c, "interrupt %" PRIu32 " belongs to zone %s", interrupt, other->name);
}

/* The key that two ends of one IVC do not agree on; NULL: they do. */
static const char *ivc_difference(const struct ivc_spec *a, const struct ivc_spec *b) {
        if (a->max_peers != b->max_peers)
                return "MaxPeers";
        if (a->read_write_size != b->read_write_size)
                return "ReadWriteSize";
        return a->output_size != b->output_size ? "OutputSize" : NULL;
}

static bool ivc_ends_clash(const struct ivc_spec *a, const struct ivc_spec *b, const struct zone_spec *other,
                           struct conflict *c) {
        const char *key = ivc_difference(a, b);

        if (a->id != b->id)
                return false;
        if (key) {
                *c = (struct conflict){ .object = a, .other_object = b, .key = key, .other_key = key };
                c->advice = "the ends of an IVC have the same sizes and MaxPeers=";
                return conflict(c, "[IVC %s]: zone %s, which shares IVC %" PRIu32 ", has another %s=", a->name,
                                other->name, a->id, key);
        }
        if (a->peer != b->peer)
                return false;
        *c = (struct conflict){ .object = a, .other_object = b, .key = "Peer", .other_key = "Peer" };
        c->advice = "each zone of an IVC has a Peer= of its own";
        return conflict(c, "[IVC %s]: peer %" PRIu32 " of IVC %" PRIu32 " is zone %s", a->name, a->peer, a->id,
                        other->name);
}

static bool shared_ivc(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        for (size_t i = 0; i < z->num_ivcs; i++)
                for (size_t j = 0; j < other->num_ivcs; j++)
                        if (ivc_ends_clash(&z->ivcs[i], &other->ivcs[j], other, c))
                                return true;
        return false;
}

static bool same_pci_address(const struct pci_address *a, const struct pci_address *b) {
        return a->domain == b->domain && a->bus == b->bus && a->device == b->device && a->function == b->function;
}

/* The hypervisor shows every zone of a bus its host bridge; what is one for both zones. */
static bool is_host_bridge(const struct zone_spec *z, const struct pci_address *a) {
        for (size_t i = 0; i < z->num_pci; i++)
                if (z->pci[i].domain == a->domain)
                        return a->bus == z->pci[i].first_bus && a->device == 0 && a->function == 0;
        return false;
}

static bool shared_pci_device(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        for (size_t i = 0; i < z->num_pci_devices; i++)
                for (size_t j = 0; j < other->num_pci_devices; j++) {
                        const struct pci_device_spec *a = &z->pci_devices[i], *b = &other->pci_devices[j];

                        if (a->type != PCI_DEVICE_PHYSICAL || b->type != PCI_DEVICE_PHYSICAL ||
                            !same_pci_address(&a->address, &b->address) ||
                            (is_host_bridge(z, &a->address) && is_host_bridge(other, &b->address)))
                                continue;
                        *c = (struct conflict){
                                .object = a, .other_object = b, .key = "Address", .other_key = "Address"
                        };
                        c->advice = "a device belongs to one zone only";
                        return conflict(c, "[PCIDevice %s]: PCI device %04x:%02x:%02x.%x of zone %s", a->name,
                                        a->address.domain, a->address.bus, a->address.device, a->address.function,
                                        other->name);
                }
        return false;
}

/* One of @z's RAM where @other has a window of a host bridge. */
static bool ram_in_window(const struct zone_spec *z, const struct zone_spec *other, const struct memory_spec **ret_ram,
                          const struct pci_spec **ret_pci) {
        for (size_t i = 0; i < z->num_memory; i++)
                for (size_t j = 0; j < other->num_pci; j++) {
                        const struct memory_spec *m = &z->memory[i];
                        const struct pci_spec *p = &other->pci[j];

                        *ret_ram = m;
                        *ret_pci = p;
                        if (range_overlaps(p->ecam, p->ecam_size, m->physical, m->size) ||
                            range_overlaps(p->io.address, p->io.size, m->physical, m->size) ||
                            range_overlaps(p->memory32.address, p->memory32.size, m->physical, m->size) ||
                            range_overlaps(p->memory64.address, p->memory64.size, m->physical, m->size))
                                return true;
                }
        return false;
}

static bool shared_pci_window(const struct zone_spec *z, const struct zone_spec *other, struct conflict *c) {
        const struct memory_spec *ram;
        const struct pci_spec *pci;

        c->advice = "RAM and what a host bridge has cannot be the same: one of the addresses is wrong";
        if (ram_in_window(z, other, &ram, &pci)) {
                c->object = ram;
                c->key = "PhysicalAddress";
                c->other_object = pci;
                return conflict(c, "[Memory %s]: [PCI %s] of zone %s", ram->name, pci->name, other->name);
        }
        if (!ram_in_window(other, z, &ram, &pci))
                return false;
        c->object = pci;
        c->other_object = ram;
        c->other_key = "PhysicalAddress";
        return conflict(c, "[PCI %s]: RAM of zone %s", pci->name, other->name);
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
                shared_name, shared_id,    shared_cpu, shared_memory,     shared_io,         shared_interrupt,
                shared_ivc,  shared_image, shared_tap, shared_pci_device, shared_pci_window,
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
