/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "config/spec.h"

static const struct {
        const char *word;
        uint32_t virtio_id;
} device_types[_DEVICE_TYPE_MAX] = {
#define SECTION(...)
#define KEY(...)
#define DEVICE(id, name, word, virtio, ...) [DEVICE_##id] = { #word, virtio },
#include "schema/keys.def"
};

static const char *const restart_policies[_RESTART_POLICY_MAX] = {
        [RESTART_NO] = "no",
        [RESTART_ON_FAILURE] = "on-failure",
        [RESTART_ALWAYS] = "always",
};

static const char *const change_policies[_CHANGE_POLICY_MAX] = {
        [CHANGE_RESTART] = "restart",
        [CHANGE_HOLD] = "hold",
};

static const char *const accelerators[_ACCELERATOR_MAX] = {
        [ACCELERATOR_AUTO] = "auto",
        [ACCELERATOR_VHOST] = "vhost",
        [ACCELERATOR_NONE] = "none",
};

static const char *const output_logs[_OUTPUT_LOG_MAX] = {
        [OUTPUT_LOG_NO] = "no",
        [OUTPUT_LOG_JOURNAL] = "journal",
};

static const char *const architectures[_ARCHITECTURE_MAX] = {
        [ARCHITECTURE_ARM64] = "arm64",
        [ARCHITECTURE_RISCV64] = "riscv64",
        [ARCHITECTURE_LOONGARCH64] = "loongarch64",
        [ARCHITECTURE_X86_64] = "x86_64",
};

static const char *const pci_device_types[_PCI_DEVICE_TYPE_MAX] = {
        [PCI_DEVICE_PHYSICAL] = "physical",
        [PCI_DEVICE_VIRTUAL] = "virtual",
};

const char *architecture_to_string(enum architecture architecture) {
        return architecture < _ARCHITECTURE_MAX ? architectures[architecture] : NULL;
}

const char *pci_device_type_to_string(enum pci_device_type type) {
        return type < _PCI_DEVICE_TYPE_MAX ? pci_device_types[type] : NULL;
}

const char *device_type_to_string(enum device_type type) {
        return type < _DEVICE_TYPE_MAX ? device_types[type].word : NULL;
}

static const char *const cache_modes[_CACHE_MODE_MAX] = {
        [CACHE_WRITEBACK] = "writeback",
        [CACHE_NONE] = "none",
};

const char *restart_policy_to_string(enum restart_policy policy) {
        return policy < _RESTART_POLICY_MAX ? restart_policies[policy] : NULL;
}

const char *change_policy_to_string(enum change_policy policy) {
        return policy < _CHANGE_POLICY_MAX ? change_policies[policy] : NULL;
}

const char *cache_mode_to_string(enum cache_mode mode) {
        return mode < _CACHE_MODE_MAX ? cache_modes[mode] : NULL;
}

uint32_t device_queues(const struct device_spec *d) {
        uint32_t cpus = MIN(d->zone_cpus, (uint32_t) DEVICE_QUEUES_MAX);

        return d->queues ?: MAX(cpus, UINT32_C(1));
}

const char *accelerator_to_string(enum accelerator accelerator) {
        return accelerator < _ACCELERATOR_MAX ? accelerators[accelerator] : NULL;
}

const char *output_log_to_string(enum output_log log) {
        return log < _OUTPUT_LOG_MAX ? output_logs[log] : NULL;
}

uint32_t device_virtio_id(const struct device_spec *d) {
        return d->type == DEVICE_VHOST_USER ? virtio_types[d->virtio_type].id : device_types[d->type].virtio_id;
}

const char *virtio_id_to_string(uint32_t id) {
        for (size_t i = 0; i < ELEMENTSOF(device_types); i++)
                if (device_types[i].virtio_id == id)
                        return device_types[i].word;
        for (size_t i = 0; i < ELEMENTSOF(virtio_types); i++)
                if (virtio_types[i].id == id)
                        return virtio_types[i].name;
        return "unknown";
}

bool zone_name_valid(const char *name) {
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
        size_t length = strlen(name);

        return length > 0 && length < NAME_SIZE && name[0] != '.' && strspn(name, allowed) == length;
}

uint32_t board_cpu_affinity(const struct board_spec *b, unsigned cpu) {
        return b && cpu < b->affinities.count ? b->affinities.of[cpu] : cpu;
}

struct zone_spec *zone_spec_free(struct zone_spec *z) {
        if (!z)
                return NULL;
        free(z->path);
        for (size_t i = 0; i < z->num_drop_ins; i++)
                free(z->drop_ins[i]);
        free(z->drop_ins);
        free(z->kernel.path);
        free(z->device_tree.path);
        free(z->initrd.path);
        free(z->command_line);
        free(z->x86.setup.path);
        free(z->x86.command_line);
        for (size_t i = 0; i < z->num_modules; i++)
                free(z->modules[i].image.path);
        for (size_t i = 0; i < z->num_devices; i++) {
                free(z->devices[i].image);
                free(z->devices[i].socket);
        }
        free(z->spots.entries);
        free(z);
        return NULL;
}

bool zone_spec_makes_tree(const struct zone_spec *z) {
        return z->device_tree.path && strcmp(z->device_tree.path, DEVICE_TREE_AUTO) == 0;
}

bool zone_spec_same_files(const struct zone_spec *a, const struct zone_spec *b) {
        bool same = strcmp(a->path, b->path) == 0 && a->num_drop_ins == b->num_drop_ins;

        for (size_t i = 0; same && i < a->num_drop_ins; i++)
                same = strcmp(a->drop_ins[i], b->drop_ins[i]) == 0;
        return same;
}

const struct device_spec *zone_spec_find_device(const struct zone_spec *z, const char *name) {
        for (size_t i = 0; i < z->num_devices; i++)
                if (strcmp(z->devices[i].name, name) == 0)
                        return &z->devices[i];
        return NULL;
}

/* In a copied struct: the string becomes the copy's own. */
static bool own(char **s) {
        if (!*s)
                return true;
        *s = strdup(*s);
        return *s;
}

static bool own_drop_ins(struct zone_spec *z) {
        char **from = z->drop_ins;
        size_t count = z->num_drop_ins;
        bool good = true;

        z->num_drop_ins = 0;
        z->drop_ins = count > 0 ? calloc(count, sizeof(*z->drop_ins)) : NULL;
        if (!z->drop_ins)
                return count == 0;
        for (; z->num_drop_ins < count; z->num_drop_ins++) {
                z->drop_ins[z->num_drop_ins] = strdup(from[z->num_drop_ins]);
                good &= z->drop_ins[z->num_drop_ins] != NULL;
        }
        return good;
}

static bool own_spots(struct spots *s) {
        struct spot_entry *entries = s->count > 0 ? malloc(s->count * sizeof(*entries)) : NULL;
        bool good = entries || s->count == 0;

        if (entries)
                memcpy(entries, s->entries, s->count * sizeof(*entries));
        s->entries = entries;
        return good;
}

struct zone_spec *zone_spec_copy(const struct zone_spec *z) {
        struct zone_spec *copy = malloc(sizeof(*copy));
        bool good;

        if (!copy)
                return NULL;
        *copy = *z;
        good = own(&copy->path);
        good &= own_drop_ins(copy);
        good &= own(&copy->kernel.path);
        good &= own(&copy->device_tree.path);
        good &= own(&copy->initrd.path);
        good &= own(&copy->command_line);
        good &= own(&copy->x86.setup.path);
        good &= own(&copy->x86.command_line);
        for (size_t i = 0; i < z->num_modules; i++)
                good &= own(&copy->modules[i].image.path);
        for (size_t i = 0; i < z->num_devices; i++) {
                good &= own(&copy->devices[i].image);
                good &= own(&copy->devices[i].socket);
        }
        good &= own_spots(&copy->spots);
        return good ? copy : zone_spec_free(copy);
}

uint64_t zone_guest_address(const struct zone_spec *z, uint64_t physical) {
        for (size_t i = 0; i < z->num_memory; i++)
                if (range_contains(z->memory[i].physical, z->memory[i].size, physical, 1))
                        return z->memory[i].guest + (physical - z->memory[i].physical);
        return physical;
}

bool zone_has_guest_ram(const struct zone_spec *z, uint64_t address, uint64_t size) {
        for (size_t i = 0; i < z->num_memory; i++)
                if (range_contains(z->memory[i].guest, z->memory[i].size, address, size))
                        return true;
        return false;
}

struct zone_controllers zone_controllers(const struct zone_spec *z, const struct board_spec *b) {
        bool own = z->plic.size != 0 || z->aplic.size != 0;
        const struct gic_spec *gic = z->gic.version != 0 ? &z->gic : b ? &b->gic : NULL;
        const struct controller_spec *plic = own ? &z->plic : b ? &b->plic : NULL;
        const struct controller_spec *aplic = own ? &z->aplic : b ? &b->aplic : NULL;

        return (struct zone_controllers){
                .gic = gic && gic->version != 0 ? gic : NULL,
                .plic = plic && plic->size != 0 ? plic : NULL,
                .aplic = aplic && aplic->size != 0 ? aplic : NULL,
        };
}

struct board_spec *board_spec_free(struct board_spec *b) {
        if (!b)
                return NULL;
        free(b->path);
        free(b->description_path);
        free(b->spots.entries);
        free(b->described.entries);
        free(b);
        return NULL;
}
