/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "import/import.h"
#include "import/old_json.h"
#include "config/value.h"

bool import_is_devices(const json_t *root) {
        return json_is_array(json_object_get(root, "zones"));
}

/* ---- what the types have of their own --------------------------------------------------------------- */

static void take_disk(struct old_json *j, struct device_spec *d) {
        _cleanup_free_ char *text = NULL;

        if (old_json_text(j, "img", &text))
                d->image = import_path(j->file, text);
}

static void take_mac(struct old_json *j, struct device_spec *d) {
        json_t *list = old_json_list(j, "mac"), *value;
        bool good = json_array_size(list) == MAC_SIZE;
        size_t i;

        json_array_foreach(list, i, value) {
                uint64_t n;

                if (good && (good = old_json_value(value, 0xff, &n)))
                        d->mac[i] = (uint8_t) n;
        }
        if (!good)
                old_json_tell(j, SEVERITY_ERROR, "mac", "is no list of six bytes");
        json_decref(list);
}

static void take_card(struct old_json *j, struct device_spec *d) {
        _cleanup_free_ char *text = NULL;

        if (old_json_text(j, "tap", &text) && strlen(text) < sizeof(d->tap))
                strcpy(d->tap, text);
        else if (text)
                old_json_tell(j, SEVERITY_ERROR, "tap", "\"%s\" is too long for a network interface", text);
        if (old_json_has(j, "mac"))
                take_mac(j, d);
}

static const struct {
        const char *old, *name;
        enum device_type type;
        void (*take)(struct old_json *j, struct device_spec *d);
} types[] = {
        { "blk", "disk", DEVICE_BLOCK, take_disk },
        { "net", "net", DEVICE_NET, take_card },
        { "console", "console", DEVICE_CONSOLE, NULL },
};

/* ---- one device ------------------------------------------------------------------------------------- */

static void name_device(const struct zone_spec *z, struct device_spec *d, const char *name) {
        unsigned n = 0;

        for (size_t i = 0; i < z->num_devices; i++)
                n += z->devices[i].type == d->type;
        (void) snprintf(d->name, sizeof(d->name), "%s%u", name, n);
}

static void take_status(struct old_json *j, struct device_spec *d) {
        _cleanup_free_ char *text = NULL;

        if (!old_json_has(j, "status") || !old_json_text(j, "status", &text))
                return;
        if (strcmp(text, "disable") == 0 || strcmp(text, "disabled") == 0)
                d->enabled = false;
        else if (strcmp(text, "enable") != 0 && strcmp(text, "enabled") != 0)
                old_json_tell(j, SEVERITY_ERROR, "status", "is \"%s\"; enable and disable are known", text);
}

static void take_window(struct old_json *j, struct zone_spec *z, struct device_spec *d) {
        uint64_t irq, size = DEVICE_WINDOW_SIZE;

        (void) old_json_number(j, "addr", UINT64_MAX, &d->address);
        if (old_json_has(j, "len") && old_json_number(j, "len", UINT64_MAX, &size) && size != DEVICE_WINDOW_SIZE)
                old_json_tell(j, SEVERITY_WARNING, "len", "is 0x%" PRIx64 "; every device's window is 0x%x here", size,
                              DEVICE_WINDOW_SIZE);
        if (!old_json_number(j, "irq", INTERRUPTS_MAX - 1, &irq))
                return;
        d->interrupt = (uint32_t) irq;
        z->interrupts[irq / 32] &= ~(UINT32_C(1) << irq % 32); /* passed through are those of real devices only */
}

static void take_device(struct old_json *j, struct zone_spec *z) {
        _cleanup_free_ char *type = NULL;
        struct device_spec *d = &z->devices[z->num_devices];
        size_t t = 0;

        if (!old_json_text(j, "type", &type))
                return;
        while (t < ELEMENTSOF(types) && strcmp(type, types[t].old) != 0)
                t++;
        if (t == ELEMENTSOF(types)) {
                old_json_tell(j, SEVERITY_WARNING, "type",
                              "is \"%s\": there is no such device here, it is not carried over", type);
                (void) json_object_clear(j->object);
                return;
        }
        if (z->num_devices == ELEMENTSOF(z->devices)) {
                old_json_tell(j, SEVERITY_ERROR, NULL, "is one device more than a zone may have");
                (void) json_object_clear(j->object);
                return;
        }
        d->type = types[t].type;
        section_defaults(device_section(d), d);
        name_device(z, d, types[t].name);
        take_status(j, d);
        take_window(j, z, d);
        if (types[t].take)
                types[t].take(j, d);
        z->num_devices++;
}

/* ---- its zone --------------------------------------------------------------------------------------- */

/* The workers reach the zone's RAM by what [Memory] says; the old file says it a second time. */
static void compare_memory(struct old_json *j, const struct zone_spec *z) {
        uint64_t root, guest, size;

        if (!old_json_number(j, "zone0_ipa", UINT64_MAX, &root) ||
            !old_json_number(j, "zonex_ipa", UINT64_MAX, &guest) || !old_json_number(j, "size", UINT64_MAX, &size))
                return;
        for (size_t i = 0; i < z->num_memory; i++)
                if (range_contains(z->memory[i].guest, z->memory[i].size, guest, size) &&
                    root - z->memory[i].physical == guest - z->memory[i].guest)
                        return;
        old_json_tell(j, SEVERITY_WARNING, NULL, "is no RAM of the zone file; [Memory] counts");
}

static void take_zone(struct old_json *j, struct zone_spec *z) {
        json_t *regions = old_json_list(j, "memory_region"), *devices = old_json_list(j, "devices"), *value;
        struct old_json item;
        size_t n;

        json_array_foreach(regions, n, value) if (old_json_item(j, "memory_region", (int) n, value, &item)) {
                compare_memory(&item, z);
                old_json_rest(&item);
        }
        json_array_foreach(devices, n, value) if (old_json_item(j, "devices", (int) n, value, &item)) {
                take_device(&item, z);
                old_json_rest(&item);
        }
        json_decref(regions);
        json_decref(devices);
        old_json_rest(j);
}

int import_devices(struct import *i, const char *path, json_t *root) {
        struct old_json j = { .object = root, .file = path, .d = i->d }, zone;
        json_t *zones = old_json_list(&j, "zones"), *value;
        size_t errors = i->d->errors, n;
        bool found = false;

        json_array_foreach(zones, n, value) {
                uint64_t id;

                if (!old_json_item(&j, "zones", (int) n, value, &zone) ||
                    !old_json_number(&zone, "id", UINT32_MAX, &id))
                        continue;
                if (id == i->zone->id) {
                        take_zone(&zone, i->zone);
                        found = true;
                } else
                        old_json_tell(&zone, SEVERITY_NOTE, "id", "is %" PRIu64 ": of another zone, see its own file",
                                      id);
        }
        json_decref(zones);
        old_json_rest(&j);
        if (!found)
                old_json_tell(&j, SEVERITY_ERROR, "zones", "has no zone with id %" PRIu32, i->zone->id);
        return i->d->errors > errors ? -EBADMSG : 0;
}
