/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "cli/bring.h"
#include "import/import.h"
#include "import/old_device.h"
#include "import/old_json.h"
#include "check/check.h"

static json_t *read_devices(const struct arguments *a, struct diagnostics *d) {
        json_t *root;

        if (a->num_words + (a->num_values > 0) != 1) {
                log_error("either a virtio file, or --device=…, is wanted");
                return NULL;
        }
        if (a->num_words == 0)
                return old_devices_parse(a->values, a->num_values, d);
        root = old_json_read(a->words[0], d);
        if (!root || import_is_devices(root))
                return root;
        (void) diagnostics_add(d, SEVERITY_ERROR, a->words[0], 0, 0, 0, NULL, 0,
                               "has no \"zones\": it is no virtio file");
        json_decref(root);
        return NULL;
}

/* Files are found later, too, and elsewhere. */
static bool make_absolute(json_t *zone, const char *file, struct diagnostics *d) {
        json_t *devices = json_object_get(zone, "devices"), *device;
        size_t i;

        json_array_foreach(devices, i, device) {
                const char *image = json_string_value(json_object_get(device, "img"));
                _cleanup_free_ char *path = image ? import_path(file, image) : NULL;

                if (!image || (path && json_object_set_new(device, "img", json_string(path)) == 0))
                        continue;
                (void) diagnostics_add(d, SEVERITY_ERROR, file, 0, 0, 0, NULL, 0, "%s: its path is no text in UTF-8",
                                       image);
                return false;
        }
        return true;
}

bool bring_has(const struct bring *b, uint64_t address) {
        for (size_t i = 0; i < b->count; i++)
                if (b->addresses[i] == address)
                        return true;
        return false;
}

static void check_device(struct bring *b, const struct zone_spec *z, const struct device_spec *s, struct terminals *t,
                         struct diagnostics *d) {
        if (bring_has(b, s->address))
                (void) diagnostics_add(d, SEVERITY_ERROR, z->path, 0, 0, 0, NULL, 0,
                                       "zone %" PRIu32 " has two devices at 0x%" PRIx64, b->id, s->address);
        b->addresses[b->count++] = s->address;
        if (s->enabled)
                (void) zone_check_device(z, s, d);
        if (s->type == DEVICE_CONSOLE)
                terminals_add(t, b->id, s->address);
}

/* As import will take them, whatever the zone is like. What a zone's RAM is compared with comes then. */
static bool check_devices(struct bring *b, const char *file, struct terminals *t, struct diagnostics *d) {
        _cleanup_(import_clear) struct import i = { .zone = calloc(1, sizeof(*i.zone)), .d = d };
        json_t *copy = json_deep_copy(b->zone), *root = json_pack("{s:[o]}", "zones", copy);
        size_t errors = d->errors;

        if (!i.zone || !root || !(i.zone->path = strdup(file)))
                return false;
        i.zone->id = b->id;
        json_object_del(copy, "memory_region");
        if (import_devices(&i, file, root) >= 0)
                for (size_t n = 0; n < i.zone->num_devices; n++)
                        check_device(b, i.zone, &i.zone->devices[n], t, d);
        json_decref(root);
        return d->errors == errors;
}

static bool add_bring(struct brings *l, json_t *zone, const char *file, struct terminals *t, struct diagnostics *d) {
        struct bring *b = &l->list[l->count];
        uint64_t id;

        if (!old_json_value(json_object_get(zone, "id"), UINT32_MAX, &id) || id == 0) {
                (void) diagnostics_add(d, SEVERITY_ERROR, file, 0, 0, 0, NULL, 0,
                                       "zones[%zu].id is no number of a zone", l->count);
                return false;
        }
        if (l->count == BRINGS_MAX) {
                (void) diagnostics_add(d, SEVERITY_ERROR, file, 0, 0, 0, NULL, 0, "has more than %d zones", BRINGS_MAX);
                return false;
        }
        for (size_t i = 0; i < l->count; i++)
                if (l->list[i].id == id) {
                        (void) diagnostics_add(d, SEVERITY_ERROR, file, 0, 0, 0, NULL, 0,
                                               "zones[%zu].id is that of zones[%zu], too", l->count, i);
                        return false;
                }
        *b = (struct bring){ .id = (uint32_t) id, .zone = json_incref(zone), .fd = -1 };
        l->count++;
        return make_absolute(zone, file, d) && check_devices(b, file, t, d);
}

bool brings_read(struct brings *l, const struct arguments *a, struct terminals *t, struct diagnostics *d) {
        const char *file = a->num_words > 0 ? a->words[0] : OLD_DEVICE_OPTION;
        json_t *root = read_devices(a, d), *zone;
        bool good = root;
        size_t i;

        json_array_foreach(json_object_get(root, "zones"), i, zone) good &= add_bring(l, zone, file, t, d);
        if (good && l->count == 0) {
                (void) diagnostics_add(d, SEVERITY_ERROR, file, 0, 0, 0, NULL, 0, "has no zone with devices in it");
                good = false;
        }
        json_decref(root);
        return good;
}
