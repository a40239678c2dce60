/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What boots a zone of x86_64: a few instructions, the kernel's setup code and command line, tables in regions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "import/import.h"
#include "import/old_json.h"

static bool has_text(struct old_json *arch, const char *field) {
        const char *text = json_string_value(json_object_get(arch->object, field));

        if (text && text[0])
                return true;
        old_json_drop(arch, field);
        return false;
}

/* What lies at a physical address: the guest's address of it follows from the region, and is given as well. */
static void check_guest_address(struct old_json *arch, const struct zone_spec *z, const char *field,
                                uint64_t physical) {
        uint64_t guest;

        if (!old_json_has(arch, field) || !old_json_number(arch, field, UINT64_MAX, &guest))
                return;
        for (size_t i = 0; i < z->num_memory; i++) {
                const struct memory_spec *m = &z->memory[i];

                if (physical - m->physical < m->size && physical - m->physical + m->guest != guest)
                        old_json_tell(arch, SEVERITY_ERROR, field,
                                      "is 0x%" PRIx64 ", and what lies at 0x%" PRIx64 " is at 0x%" PRIx64
                                      " for the guest",
                                      guest, physical, physical - m->physical + m->guest);
        }
}

static bool take_image(struct old_json *arch, const char *file, const char *address, struct image_spec *ret) {
        _cleanup_free_ char *text = NULL;

        if (!old_json_text(arch, file, &text) || !old_json_number(arch, address, UINT64_MAX, &ret->address))
                return false;
        ret->path = import_path(arch->file, text);
        return ret->path;
}

/* A region's number among all of them becomes the name of its [Memory]. */
static void take_region_name(struct import *i, struct old_json *arch, const char *field, char name[NAME_SIZE]) {
        uint64_t n;

        if (!old_json_has(arch, field) || !old_json_number(arch, field, UINT64_MAX, &n))
                return;
        if (n < ELEMENTSOF(i->regions) && i->regions[n])
                (void) snprintf(name, NAME_SIZE, "%s", i->regions[n]->name);
        else
                old_json_tell(arch, SEVERITY_ERROR, field,
                              "is %" PRIu64 ": there is no region of memory with that number", n);
}

/* Where the zone begins: it brings the kernel up. */
static void take_boot(struct old_json *arch, struct zone_spec *z) {
        struct module_spec *m = &z->modules[z->num_modules];

        if (!has_text(arch, "boot_filepath") || !take_image(arch, "boot_filepath", "boot_load_paddr", &m->image))
                return;
        (void) snprintf(m->name, sizeof(m->name), "boot");
        z->num_modules++;
}

static void take_command_line(struct old_json *arch, struct zone_spec *z) {
        struct x86_spec *x86 = &z->x86;

        if (!has_text(arch, "cmdline")) {
                old_json_drop(arch, "cmdline_load_hpa");
                old_json_drop(arch, "cmdline_load_gpa");
                return;
        }
        (void) old_json_text(arch, "cmdline", &x86->command_line);
        if (old_json_number(arch, "cmdline_load_hpa", UINT64_MAX, &x86->command_line_address))
                check_guest_address(arch, z, "cmdline_load_gpa", x86->command_line_address);
}

void import_x86(struct import *i, struct old_json *arch) {
        struct zone_spec *z = i->zone;
        struct x86_spec *x86 = &z->x86;

        (void) old_json_number(arch, "ioapic_base", UINT64_MAX, &x86->ioapic);
        (void) old_json_number(arch, "ioapic_size", UINT64_MAX, &x86->ioapic_size);
        (void) old_json_number(arch, "kernel_entry_gpa", UINT64_MAX, &x86->kernel_entry);
        if (take_image(arch, "setup_filepath", "setup_load_hpa", &x86->setup))
                check_guest_address(arch, z, "setup_load_gpa", x86->setup.address);
        if (has_text(arch, "initrd_filepath") && take_image(arch, "initrd_filepath", "initrd_load_hpa", &z->initrd))
                check_guest_address(arch, z, "initrd_load_gpa", z->initrd.address);
        take_boot(arch, z);
        take_command_line(arch, z);
        take_region_name(i, arch, "rsdp_memory_region_id", x86->rsdp);
        take_region_name(i, arch, "acpi_memory_region_id", x86->acpi);
        take_region_name(i, arch, "uefi_memory_region_id", x86->uefi);
        if (old_json_has(arch, "screen_base"))
                (void) old_json_number(arch, "screen_base", UINT64_MAX, &x86->screen);
}
