/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/import.h"
#include "cli/old_json.h"
#include "config/value.h"

static const char no_key[] = "is not carried over: this version has no key for it";

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

static void take_arch(struct old_json *j) {
        _cleanup_free_ char *arch = NULL;

        /* what is older than the field is of arm64 */
        if (old_json_has(j, "arch") && old_json_text(j, "arch", &arch) && strcmp(arch, "arm64") != 0)
                old_json_tell(j, SEVERITY_ERROR, "arch", "is %s: this version starts zones on arm64 only", arch);
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

static void take_region(struct import *i, struct old_json *j) {
        _cleanup_free_ char *type = NULL;
        struct memory_spec got = {}, *m = NULL;
        struct zone_spec *z = i->zone;

        if (!old_json_text(j, "type", &type) || !old_json_number(j, "physical_start", UINT64_MAX, &got.physical) ||
            !old_json_number(j, "virtual_start", UINT64_MAX, &got.guest) ||
            !old_json_number(j, "size", UINT64_MAX, &got.size))
                return;
        if (strcmp(type, "virtio") == 0) {
                if (i->num_windows < ELEMENTSOF(i->windows))
                        i->windows[i->num_windows++] = (struct range){ got.guest, got.size };
                return;
        }
        if (strcmp(type, "ram") == 0)
                m = add_region(z->memory, &z->num_memory, ELEMENTSOF(z->memory), "ram");
        else if (strcmp(type, "io") == 0)
                m = add_region(z->io, &z->num_io, ELEMENTSOF(z->io), "io");
        else
                old_json_tell(j, SEVERITY_ERROR, "type", "is \"%s\"; ram, io and virtio are known", type);
        if (m) {
                m->physical = got.physical;
                m->guest = got.guest;
                m->size = got.size;
        } else if (strcmp(type, "ram") == 0 || strcmp(type, "io") == 0)
                old_json_tell(j, SEVERITY_ERROR, NULL, "is one %s region more than a zone may have", type);
}

static void take_regions(struct import *i, struct old_json *j) {
        json_t *list = old_json_list(j, "memory_regions"), *value;
        struct old_json region;
        size_t n;

        json_array_foreach(list, n, value) if (old_json_item(j, "memory_regions", (int) n, value, &region)) {
                take_region(i, &region);
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
        if (gic->version != 3)
                old_json_tell(arch, SEVERITY_ERROR, "gic_version",
                              "is %" PRIu32 ": this version gives a GICv3 to its zones", gic->version);
}

static void take_its(struct old_json *arch) {
        uint64_t base = 0, size = 0;

        if (old_json_has(arch, "gits_base"))
                (void) old_json_number(arch, "gits_base", UINT64_MAX, &base);
        if (old_json_has(arch, "gits_size"))
                (void) old_json_number(arch, "gits_size", UINT64_MAX, &size);
        if (base != 0 && size != 0)
                old_json_tell(
                        arch, SEVERITY_WARNING, "gits_base",
                        "is not carried over: a zone with an ITS hangs its CPU when it is started again; take the "
                        "ITS's node out of its device tree");
}

static void take_arch_config(struct old_json *j, struct gic_spec *gic) {
        json_t *value = json_object_get(j->object, "arch_config");
        struct old_json arch;
        uint64_t aarch32 = 0;

        if (!value || !old_json_item(j, "arch_config", -1, value, &arch))
                return;
        if (json_is_boolean(json_object_get(value, "is_aarch32"))) {
                aarch32 = json_is_true(json_object_get(value, "is_aarch32"));
                old_json_drop(&arch, "is_aarch32");
        } else if (old_json_has(&arch, "is_aarch32"))
                (void) old_json_number(&arch, "is_aarch32", 1, &aarch32);
        if (aarch32)
                old_json_tell(&arch, SEVERITY_ERROR, "is_aarch32",
                              "is true: this version starts zones in AArch64 only");
        take_gic_version(&arch, gic);
        if (gic->version == 3) {
                (void) old_json_number(&arch, "gicd_base", UINT64_MAX, &gic->distributor);
                (void) old_json_number(&arch, "gicd_size", UINT64_MAX, &gic->distributor_size);
                (void) old_json_number(&arch, "gicr_base", UINT64_MAX, &gic->redistributor);
                (void) old_json_number(&arch, "gicr_size", UINT64_MAX, &gic->redistributor_size);
                take_its(&arch);
                old_json_rest(&arch);
        }
        old_json_drop(j, "arch_config");
}

/* ---- what there is no key for ----------------------------------------------------------------------- */

static void name_list(struct old_json *j, const char *field) {
        json_t *list = old_json_list(j, field);

        if (json_array_size(list) > 0)
                old_json_tell(j, SEVERITY_WARNING, field, "%s", no_key);
        json_decref(list);
}

static void name_pci(struct old_json *j) {
        json_t *config = json_object_get(j->object, "pci_config");
        uint64_t n = 0;

        if (json_array_size(config) > 0 || json_object_size(config) > 0)
                old_json_tell(j, SEVERITY_WARNING, "pci_config", "%s", no_key);
        old_json_drop(j, "pci_config");
        if (old_json_has(j, "num_pci_devs") && old_json_number(j, "num_pci_devs", UINT32_MAX, &n) && n > 0)
                old_json_tell(j, SEVERITY_WARNING, "alloc_pci_devs", "%s", no_key);
        old_json_drop(j, "alloc_pci_devs");
}

/* ---- all of it -------------------------------------------------------------------------------------- */

static void take_images(struct old_json *j, struct zone_spec *z) {
        (void) take_path(j, "kernel_filepath", &z->kernel.path);
        (void) old_json_number(j, "kernel_load_paddr", UINT64_MAX, &z->kernel.address);
        (void) old_json_number(j, "entry_point", UINT64_MAX, &z->entry_point);
        if (!old_json_has(j, "dtb_filepath")) {
                old_json_drop(j, "dtb_load_paddr");
                return;
        }
        (void) take_path(j, "dtb_filepath", &z->device_tree.path);
        (void) old_json_number(j, "dtb_load_paddr", UINT64_MAX, &z->device_tree.address);
}

int import_zone(struct import *i, const char *path, json_t *root) {
        struct old_json j = { .object = root, .file = path, .d = i->d };
        size_t errors = i->d->errors;
        uint64_t id;

        i->zone = calloc(1, sizeof(*i->zone));
        if (!i->zone)
                return -ENOMEM;
        section_defaults(SECTION_ZONE, i->zone);
        if (old_json_number(&j, "zone_id", UINT32_MAX, &id))
                i->zone->id = (uint32_t) id;
        take_name(&j, i->zone);
        take_arch(&j);
        take_cpus(&j, i->zone);
        take_images(&j, i->zone);
        take_regions(i, &j);
        take_bits(&j, "interrupts", "interrupt", INTERRUPTS_MAX, i->zone->interrupts);
        take_arch_config(&j, &i->zone->gic);
        import_ivcs(&j, i->zone);
        name_list(&j, "modules");
        name_pci(&j);
        old_json_rest(&j);
        return i->d->errors > errors ? -EBADMSG : 0;
}
