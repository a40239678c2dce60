/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hypervisor/hvisor_describe.h"

#include <string.h>

#include "hypervisor/hvisor_driver.h"

_Static_assert(NAME_SIZE == HVISOR_NAME_SIZE, "names are as long here as there");
_Static_assert(INTERRUPTS_MAX == HVISOR_INTERRUPTS_MAX, "as many interrupts here as there");
_Static_assert(ZONE_REGIONS_MAX == HVISOR_REGIONS_MAX, "as many regions here as there");
_Static_assert(ZONE_MEMORY_MAX + ZONE_IO_MAX <= HVISOR_REGIONS_MAX, "every spec fits");
_Static_assert(ZONE_IVCS_MAX == HVISOR_IVCS_MAX, "as many IVCs here as there");
_Static_assert(ZONE_PCI_MAX == HVISOR_PCI_BUSES_MAX && ZONE_PCI_DEVICES_MAX == HVISOR_PCI_DEVICES_MAX,
               "as much PCI here as there");
_Static_assert((int) ARCHITECTURE_ARM64 == (int) HVISOR_ARCH_ARM64 &&
                       (int) ARCHITECTURE_RISCV64 == (int) HVISOR_ARCH_RISCV64 &&
                       (int) ARCHITECTURE_LOONGARCH64 == (int) HVISOR_ARCH_LOONGARCH64 &&
                       (int) ARCHITECTURE_X86_64 == (int) HVISOR_ARCH_X86_64,
               "architectures have the same numbers here and there");
_Static_assert((int) PCI_DEVICE_PHYSICAL == (int) HVISOR_PCI_PHYSICAL &&
                       (int) PCI_DEVICE_VIRTUAL == (int) HVISOR_PCI_VIRTUAL,
               "and so have types of PCI devices");

/* Where a CPU of loongarch64 that begins sees memory, cached. */
#define DIRECT_MAPPED_WINDOW UINT64_C(0x9000000000000000)

static void add_regions(struct hvisor_zone_create *c, enum hvisor_region_type type, const struct memory_spec *list,
                        size_t count) {
        for (size_t i = 0; i < count; i++)
                c->regions[c->num_regions++] = (struct hvisor_region){
                        .type = list[i].reserved ? HVISOR_REGION_RESERVED : type,
                        .physical = list[i].physical,
                        .guest = list[i].guest,
                        .size = list[i].size,
                };
}

/* ---- by architecture -------------------------------------------------------------------------------- */

static struct hvisor_gic describe_gic(const struct gic_spec *g) {
        if (g->version == 2)
                return (struct hvisor_gic){
                        .version = 2,
                        .distributor = g->distributor,
                        .distributor_size = g->distributor_size,
                        .cpu_interface = g->cpu_interface,
                        .cpu_interface_size = g->cpu_interface_size,
                        .cpu_interface_offset = g->cpu_interface_offset,
                        .hypervisor = g->hypervisor,
                        .hypervisor_size = g->hypervisor_size,
                        .virtual_cpu = g->virtual_cpu,
                        .virtual_cpu_size = g->virtual_cpu_size,
                };
        return (struct hvisor_gic){
                .version = g->version,
                .distributor = g->distributor,
                .distributor_size = g->distributor_size,
                .redistributor = g->redistributor,
                .redistributor_size = g->redistributor_size,
                .its = g->its,
                .its_size = g->its_size,
        };
}

static struct hvisor_arm64 describe_arm64(const struct zone_spec *z, const struct zone_controllers *controllers) {
        struct hvisor_arm64 arm64 = { .flags = z->aarch32 ? HVISOR_ARM64_AARCH32 : 0 };

        if (controllers->gic)
                arm64.gic = describe_gic(controllers->gic);
        if (z->uefi.memory_map_size != 0) {
                arm64.flags |= HVISOR_ARM64_UEFI;
                arm64.uefi_memory_map = z->uefi.memory_map;
                arm64.uefi_memory_map_size = z->uefi.memory_map_size;
                arm64.uefi_system_table = z->uefi.system_table;
        }
        return arm64;
}

static struct hvisor_riscv64 describe_riscv64(const struct zone_controllers *controllers) {
        struct hvisor_riscv64 riscv64 = {};

        if (controllers->plic) {
                riscv64.plic = controllers->plic->address;
                riscv64.plic_size = controllers->plic->size;
        }
        if (controllers->aplic) {
                riscv64.aplic = controllers->aplic->address;
                riscv64.aplic_size = controllers->aplic->size;
        }
        return riscv64;
}

/* The hypervisor knows regions by their place in the list, where RAM comes first. */
static uint64_t region_number(const struct zone_spec *z, const char *name) {
        for (size_t i = 0; i < z->num_memory; i++)
                if (strcmp(z->memory[i].name, name) == 0)
                        return i;
        return HVISOR_REGION_NONE;
}

static struct hvisor_x86_64 describe_x86_64(const struct zone_making *m) {
        const struct zone_spec *z = m->spec;
        const struct x86_spec *x = &z->x86;
        const struct boot_file *initrd = &m->boot->parts[BOOT_INITRD];
        struct hvisor_x86_64 x86_64 = {
                .ioapic = x->ioapic,
                .ioapic_size = x->ioapic_size,
                .kernel_entry = x->kernel_entry,
                .setup = zone_guest_address(z, x->setup.address),
                .rsdp_region = region_number(z, x->rsdp),
                .acpi_region = region_number(z, x->acpi),
                .uefi_region = region_number(z, x->uefi),
                .screen = x->screen,
        };

        if (x->command_line)
                x86_64.command_line = zone_guest_address(z, x->command_line_address);
        if (initrd->size != 0) {
                x86_64.initrd = zone_guest_address(z, initrd->address);
                x86_64.initrd_size = initrd->size;
        }
        return x86_64;
}

static void describe_architecture(const struct zone_making *m, struct hvisor_zone_create *c) {
        const struct zone_controllers controllers = zone_controllers(m->spec, m->board);

        c->arch = m->board->architecture;
        switch (m->board->architecture) {
        case ARCHITECTURE_ARM64:
                c->arm64 = describe_arm64(m->spec, &controllers);
                break;
        case ARCHITECTURE_RISCV64:
                c->riscv64 = describe_riscv64(&controllers);
                break;
        case ARCHITECTURE_X86_64:
                c->x86_64 = describe_x86_64(m);
                break;
        case ARCHITECTURE_LOONGARCH64:
        case _ARCHITECTURE_MAX:
                break;
        }
}

/* ---- PCI -------------------------------------------------------------------------------------------- */

static struct hvisor_pci_bus describe_bridge(const struct pci_spec *p) {
        return (struct hvisor_pci_bus){
                .ecam = p->ecam,
                .ecam_size = p->ecam_size,
                .io = p->io.address,
                .io_size = p->io.size,
                .pci_io = p->io.bus_address,
                .mem32 = p->memory32.address,
                .mem32_size = p->memory32.size,
                .pci_mem32 = p->memory32.bus_address,
                .mem64 = p->memory64.address,
                .mem64_size = p->memory64.size,
                .pci_mem64 = p->memory64.bus_address,
                .bus_begin = p->first_bus,
                .bus_end = p->last_bus,
                .domain = p->domain,
        };
}

static struct hvisor_pci_device describe_device(const struct pci_device_spec *d) {
        return (struct hvisor_pci_device){
                .domain = d->address.domain,
                .bus = d->address.bus,
                .device = d->address.device,
                .function = d->address.function,
                .guest_bus = d->guest.bus,
                .guest_device = d->guest.device,
                .guest_function = d->guest.function,
                .flags = d->guest.given ? HVISOR_PCI_GUEST_ADDRESS : 0,
                .type = d->type,
        };
}

/* An IVC's interrupt is a real one. */
static void add_ivc(struct hvisor_zone_create *c, const struct ivc_spec *v) {
        c->ivcs[c->num_ivcs++] = (struct hvisor_ivc){
                .id = v->id,
                .peer = v->peer,
                .control_table = v->control_table,
                .shared_memory = v->shared_memory,
                .rw_size = (uint32_t) v->read_write_size,
                .out_size = (uint32_t) v->output_size,
                .interrupt = v->interrupt,
                .max_peers = v->max_peers,
        };
        c->interrupts[v->interrupt / 32] |= UINT32_C(1) << v->interrupt % 32;
}

void hvisor_describe(const struct zone_making *m, struct hvisor_zone_create *ret) {
        const struct boot_file *kernel = &m->boot->parts[BOOT_KERNEL], *tree = &m->boot->parts[BOOT_DEVICE_TREE];
        const struct zone_spec *z = m->spec;

        ret->id = z->id;
        ret->cpus = z->cpus;
        copy_name(ret->name, z->name);
        ret->cookie[0] = m->owner_cookie;
        ret->cookie[1] = m->spec_cookie;
        ret->entry_point = z->entry_point;
        if (m->board->architecture == ARCHITECTURE_LOONGARCH64)
                ret->entry_point |= DIRECT_MAPPED_WINDOW;
        ret->kernel_address = kernel->address;
        ret->kernel_size = kernel->size;
        ret->dtb_address = tree->address;
        ret->dtb_size = tree->size;
        memcpy(ret->interrupts, z->interrupts, sizeof(ret->interrupts));
        describe_architecture(m, ret);
        for (size_t i = 0; i < z->num_pci; i++)
                ret->pci_buses[ret->num_pci_buses++] = describe_bridge(&z->pci[i]);
        for (size_t i = 0; i < z->num_pci_devices; i++)
                ret->pci_devices[ret->num_pci_devices++] = describe_device(&z->pci_devices[i]);
        add_regions(ret, HVISOR_REGION_RAM, z->memory, z->num_memory);
        add_regions(ret, HVISOR_REGION_IO, z->io, z->num_io);
        for (size_t i = 0; i < z->num_ivcs; i++)
                add_ivc(ret, &z->ivcs[i]);
}
