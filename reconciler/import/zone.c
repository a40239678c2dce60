/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "import/old_json.h"
#include "config/value.h"

/* What of an entry point of loongarch64 is an address: the rest names the CPU's window. */
#define DIRECT_MAPPED_ADDRESS UINT64_C(0xffffffffffff)

void import_clear(struct import *i) {
        i->zone = zone_spec_free(i->zone);
}

/* ---- the files it names ----------------------------------------------------------------------------- */

char *import_path(const char *file, const char *text) {
        _cleanup_free_ char *here = realpath(text, NULL), *folder = NULL, *absolute = NULL;
        char *slash, *path;

        if (text[0] == '/')
                return strdup(text);
        if (here)
                return TAKE_PTR(here);
        folder = strdup(file);
        if (!folder)
                return NULL;
        slash = strrchr(folder, '/');
        if (slash)
                slash[1] = '\0';
        absolute = realpath(slash ? folder : ".", NULL);
        while (strncmp(text, "./", 2) == 0)
                text += 2;
        return asprintf(&path, "%s/%s", absolute ? absolute : "", text) < 0 ? NULL : path;
}

static bool take_path(struct old_json *j, const char *field, char **ret) {
        _cleanup_free_ char *text = NULL;

        if (!old_json_text(j, field, &text))
                return false;
        *ret = import_path(j->file, text);
        return *ret;
}

/* ---- its parts -------------------------------------------------------------------------------------- */

static void take_name(struct old_json *j, struct zone_spec *z) {
        _cleanup_free_ char *text = NULL;

        if (!old_json_has(j, "name") || !old_json_text(j, "name", &text) || text[0] == '\0') {
                (void) snprintf(z->name, sizeof(z->name), "zone%" PRIu32, z->id);
                return;
        }
        (void) snprintf(z->name, sizeof(z->name), "%s", text);
        for (char *c = z->name; *c; c++)
                if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", *c))
                        *c = '_';
        if (z->name[0] == '.')
                z->name[0] = '_';
        if (strcmp(z->name, text) != 0)
                old_json_tell(j, SEVERITY_WARNING, "name", "\"%s\" is no name of a zone's file; it becomes \"%s\"",
                              text, z->name);
}

static enum architecture take_arch(struct old_json *j) {
        static const struct {
                const char *word;
                enum architecture architecture;
        } words[] = { { "arm64", ARCHITECTURE_ARM64 },
                      { "riscv", ARCHITECTURE_RISCV64 },
                      { "riscv64", ARCHITECTURE_RISCV64 },
                      { "loongarch64", ARCHITECTURE_LOONGARCH64 },
                      { "x86_64", ARCHITECTURE_X86_64 } };
        _cleanup_free_ char *arch = NULL;
        const char *name;

        /* what is older than the field is of arm64 */
        if (!old_json_has(j, "arch") || !old_json_text(j, "arch", &arch))
                return ARCHITECTURE_ARM64;
        for (size_t i = 0; i < ELEMENTSOF(words); i++) {
                if (strcmp(arch, words[i].word) != 0)
                        continue;
                name = architecture_to_string(words[i].architecture);
                if (words[i].architecture != ARCHITECTURE_ARM64)
                        old_json_tell(j, SEVERITY_WARNING, "arch", "is %s: board.conf has to say Architecture=%s", arch,
                                      name);
                return words[i].architecture;
        }
        old_json_tell(j, SEVERITY_ERROR, "arch", "is %s: arm64, riscv64, loongarch64 and x86_64 are known", arch);
        return ARCHITECTURE_ARM64;
}

/* A list of numbers below @count. */
static void take_bits(struct old_json *j, const char *field, const char *what, unsigned count, uint32_t *bits) {
        json_t *list = old_json_list(j, field), *value;
        size_t i;

        json_array_foreach(list, i, value) {
                uint64_t n;

                if (old_json_value(value, count - 1, &n))
                        bits[n / 32] |= UINT32_C(1) << n % 32;
                else
                        old_json_tell(j, SEVERITY_ERROR, field, "has at %zu what is no %s from 0 to %u", i, what,
                                      count - 1);
        }
        json_decref(list);
}

static void take_cpus(struct old_json *j, struct zone_spec *z) {
        uint32_t bits[CPUS_MAX / 32] = {};

        take_bits(j, "cpus", "CPU", CPUS_MAX, bits);
        z->cpus = bits[0] | (uint64_t) bits[1] << 32;
}

static struct memory_spec *add_region(struct memory_spec *list, size_t *count, size_t max, const char *kind) {
        struct memory_spec *m = *count < max ? &list[*count] : NULL;

        if (m)
                (void) snprintf(m->name, sizeof(m->name), "%s%zu", kind, (*count)++);
        return m;
}

/* The hypervisor takes a virtio window's address from physical_start, whatever virtual_start says. */
static void take_region(struct import *i, struct old_json *j, size_t index) {
        _cleanup_free_ char *type = NULL;
        struct memory_spec got = {}, *m = NULL;
        struct zone_spec *z = i->zone;

        if (!old_json_text(j, "type", &type) || !old_json_number(j, "physical_start", UINT64_MAX, &got.physical) ||
            !old_json_number(j, "virtual_start", UINT64_MAX, &got.guest) ||
            !old_json_number(j, "size", UINT64_MAX, &got.size))
                return;
        if (strcmp(type, "virtio") == 0) {
                if (i->num_windows < ELEMENTSOF(i->windows))
                        i->windows[i->num_windows++] = (struct range){ got.physical, got.size };
                return;
        }
        got.reserved = strcmp(type, "reserved") == 0;
        if (strcmp(type, "ram") == 0 || got.reserved)
                m = add_region(z->memory, &z->num_memory, ELEMENTSOF(z->memory), "ram");
        else if (strcmp(type, "io") == 0)
                m = add_region(z->io, &z->num_io, ELEMENTSOF(z->io), "io");
        else
                old_json_tell(j, SEVERITY_ERROR, "type", "is \"%s\"; ram, reserved, io and virtio are known", type);
        if (m) {
                m->physical = got.physical;
                m->guest = got.guest;
                m->size = got.size;
                m->reserved = got.reserved;
                if (index < ELEMENTSOF(i->regions) && strcmp(type, "io") != 0)
                        i->regions[index] = m;
        } else if (strcmp(type, "ram") == 0 || got.reserved || strcmp(type, "io") == 0)
                old_json_tell(j, SEVERITY_ERROR, NULL, "is one %s region more than a zone may have", type);
}

static void take_regions(struct import *i, struct old_json *j) {
        json_t *list = old_json_list(j, "memory_regions"), *value;
        struct old_json region;
        size_t n;

        json_array_foreach(list, n, value) if (old_json_item(j, "memory_regions", (int) n, value, &region)) {
                take_region(i, &region, n);
                old_json_rest(&region);
        }
        json_decref(list);
}

/* ---- what its architecture has ---------------------------------------------------------------------- */

static void take_gic_version(struct old_json *arch, struct gic_spec *gic) {
        _cleanup_free_ char *text = NULL;

        gic->version = old_json_has(arch, "gicr_base") ? 3 : 2; /* older files do not say */
        if (json_is_integer(json_object_get(arch->object, "gic_version"))) {
                uint64_t n;

                if (old_json_number(arch, "gic_version", 4, &n))
                        gic->version = (uint32_t) n;
        } else if (old_json_has(arch, "gic_version") && old_json_text(arch, "gic_version", &text))
                gic->version = (uint32_t) strtoul(text + strcspn(text, "0123456789"), NULL, 10);
        if (gic->version != 2 && gic->version != 3)
                old_json_tell(arch, SEVERITY_ERROR, "gic_version", "is %" PRIu32 ": 2 and 3 are known", gic->version);
}

static void take_numbers(struct old_json *arch, const char *const *fields, uint64_t *const *to, size_t count) {
        for (size_t n = 0; n < count; n++)
                (void) old_json_number(arch, fields[n], UINT64_MAX, to[n]);
}

static void take_gicv2(struct old_json *arch, struct gic_spec *gic) {
        static const char *const fields[] = { "gicd_base", "gicd_size", "gicc_base", "gicc_size", "gicc_offset",
                                              "gich_base", "gich_size", "gicv_base", "gicv_size" };
        uint64_t *const to[] = { &gic->distributor,        &gic->distributor_size,     &gic->cpu_interface,
                                 &gic->cpu_interface_size, &gic->cpu_interface_offset, &gic->hypervisor,
                                 &gic->hypervisor_size,    &gic->virtual_cpu,          &gic->virtual_cpu_size };

        take_numbers(arch, fields, to, ELEMENTSOF(fields));
}

static void take_uefi(struct old_json *arch, struct uefi_spec *uefi) {
        static const char *const fields[] = { "memory_map_addr", "memory_map_size", "sys_map_addr" };
        uint64_t *const to[] = { &uefi->memory_map, &uefi->memory_map_size, &uefi->system_table };

        if (old_json_has(arch, "memory_map_addr"))
                take_numbers(arch, fields, to, ELEMENTSOF(fields));
}

/* Fields of the other version are there, too, and 0. */
static void drop_zeroes(struct old_json *arch) {
        static const char *const fields[] = { "gicc_base", "gicc_size", "gicc_offset", "gich_base", "gich_size",
                                              "gicv_base", "gicv_size", "gicr_base",   "gicr_size" };
        uint64_t n;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (old_json_has(arch, fields[i]) &&
                    old_json_value(json_object_get(arch->object, fields[i]), UINT64_MAX, &n) && n == 0)
                        old_json_drop(arch, fields[i]);
}

static void take_its(struct old_json *arch) {
        uint64_t base = 0, size = 0;

        if (old_json_has(arch, "gits_base"))
                (void) old_json_number(arch, "gits_base", UINT64_MAX, &base);
        if (old_json_has(arch, "gits_size"))
                (void) old_json_number(arch, "gits_size", UINT64_MAX, &size);
        if (base != 0 && size != 0)
                old_json_tell(arch, SEVERITY_WARNING, "gits_base",
                              "is not carried over, though ITSAddress= could say it: a zone with an ITS hangs its CPU "
                              "when it is "
                              "started again; take the ITS's node out of its device tree");
}

static void take_arm64(struct old_json *arch, struct zone_spec *z) {
        json_t *aarch32 = json_object_get(arch->object, "is_aarch32");
        uint64_t n = 0;

        if (json_is_boolean(aarch32)) {
                n = json_is_true(aarch32);
                old_json_drop(arch, "is_aarch32");
        } else if (aarch32)
                (void) old_json_number(arch, "is_aarch32", 1, &n);
        z->aarch32 = n != 0;
        take_gic_version(arch, &z->gic);
        if (z->gic.version == 2)
                take_gicv2(arch, &z->gic);
        if (z->gic.version == 3) {
                (void) old_json_number(arch, "gicd_base", UINT64_MAX, &z->gic.distributor);
                (void) old_json_number(arch, "gicd_size", UINT64_MAX, &z->gic.distributor_size);
                (void) old_json_number(arch, "gicr_base", UINT64_MAX, &z->gic.redistributor);
                (void) old_json_number(arch, "gicr_size", UINT64_MAX, &z->gic.redistributor_size);
        }
        take_its(arch);
        take_uefi(arch, &z->uefi);
        drop_zeroes(arch);
}

static void take_riscv64(struct old_json *arch, struct zone_spec *z) {
        static const char *const fields[] = { "plic_base", "plic_size", "aplic_base", "aplic_size" };
        uint64_t *const to[] = { &z->plic.address, &z->plic.size, &z->aplic.address, &z->aplic.size };

        take_numbers(arch, fields, to, ELEMENTSOF(fields));
}

static void take_arch_config(struct import *i, struct old_json *j, enum architecture architecture) {
        struct zone_spec *z = i->zone;
        json_t *value = json_object_get(j->object, "arch_config");
        struct old_json arch;

        if (!value || !old_json_item(j, "arch_config", -1, value, &arch))
                return;
        if (architecture == ARCHITECTURE_ARM64)
                take_arm64(&arch, z);
        if (architecture == ARCHITECTURE_RISCV64)
                take_riscv64(&arch, z);
        if (architecture == ARCHITECTURE_LOONGARCH64)
                old_json_drop(&arch, "dummy"); /* the hypervisor does not look at it */
        if (architecture == ARCHITECTURE_X86_64)
                import_x86(i, &arch);
        old_json_rest(&arch);
        old_json_drop(j, "arch_config");
}

/* ---- all of it -------------------------------------------------------------------------------------- */

static void take_images(struct old_json *j, struct zone_spec *z) {
        (void) take_path(j, "kernel_filepath", &z->kernel.path);
        (void) old_json_number(j, "kernel_load_paddr", UINT64_MAX, &z->kernel.address);
        (void) old_json_number(j, "entry_point", UINT64_MAX, &z->entry_point);
        if (json_string_length(json_object_get(j->object, "dtb_filepath")) == 0) {
                uint64_t place = 0;

                old_json_drop(j, "dtb_filepath");
                if (old_json_has(j, "dtb_load_paddr") && old_json_number(j, "dtb_load_paddr", UINT64_MAX, &place) &&
                    place != 0)
                        old_json_tell(j, SEVERITY_WARNING, "dtb_load_paddr",
                                      "is not carried over: there is no dtb_filepath that would go there");
                return;
        }
        (void) take_path(j, "dtb_filepath", &z->device_tree.path);
        (void) old_json_number(j, "dtb_load_paddr", UINT64_MAX, &z->device_tree.address);
}

int import_zone(struct import *i, const char *path, json_t *root) {
        struct old_json j = { .object = root, .file = path, .d = i->d };
        size_t errors = i->d->errors;
        enum architecture architecture;
        uint64_t id;

        i->zone = calloc(1, sizeof(*i->zone));
        if (!i->zone)
                return -ENOMEM;
        section_defaults(SECTION_ZONE, i->zone);
        if (old_json_number(&j, "zone_id", UINT32_MAX, &id))
                i->zone->id = (uint32_t) id;
        take_name(&j, i->zone);
        architecture = take_arch(&j);
        take_cpus(&j, i->zone);
        take_images(&j, i->zone);
        take_regions(i, &j);
        take_bits(&j, "interrupts", "interrupt", INTERRUPTS_MAX, i->zone->interrupts);
        take_arch_config(i, &j, architecture);
        if (architecture == ARCHITECTURE_LOONGARCH64)
                i->zone->entry_point &= DIRECT_MAPPED_ADDRESS;
        import_ivcs(&j, i->zone);
        import_modules(&j, i->zone);
        import_pci(&j, i->zone);
        old_json_rest(&j);
        return i->d->errors > errors ? -EBADMSG : 0;
}
