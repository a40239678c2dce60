/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "import/old_device.h"

#include <inttypes.h>
#include <string.h>

#include "import/old_json.h"
#include "config/suggest.h"

/* What each means, and which a type needs, is the virtio file's business. */
static const char *const fields[] = { "addr", "len", "irq", "zone_id", "img", "tap" };

static void _printf_(3, 4) tell(struct diagnostics *d, const char *text, const char *format, ...) {
        char message[256];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        (void) diagnostics_add(d, SEVERITY_ERROR, OLD_DEVICE_OPTION, 0, 0, 0, NULL, 0, "\"%s\": %s", text, message);
}

static bool is_field(const char *name, size_t size, struct diagnostics *d, const char *text) {
        struct suggestion s = {};

        for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
                if (strlen(fields[i]) == size && memcmp(fields[i], name, size) == 0)
                        return true;
                suggestion_offer(&s, name, size, fields[i]);
        }
        if (s.word)
                tell(d, text, "%.*s= is not known; did you mean %s=?", (int) size, name, s.word);
        else
                tell(d, text, "%.*s= is not known; addr, len, irq, zone_id, img and tap are", (int) size, name);
        return false;
}

/* "addr=0xa003c00"; numbers stay text, as they may in the file. */
static bool take_field(json_t *device, const char *field, size_t size, struct diagnostics *d, const char *text) {
        const char *equals = memchr(field, '=', size);
        _cleanup_free_ char *name = NULL;
        json_t *value;

        if (!equals) {
                tell(d, text, "\"%.*s\" is no NAME=VALUE", (int) size, field);
                return false;
        }
        if (!is_field(field, (size_t) (equals - field), d, text))
                return false;
        name = strndup(field, (size_t) (equals - field));
        if (name && json_object_get(device, name)) {
                tell(d, text, "%s= is given twice", name);
                return false;
        }
        value = json_stringn(equals + 1, size - (size_t) (equals + 1 - field));
        if (value && name && json_object_set_new(device, name, value) == 0)
                return true;
        tell(d, text, "%.*s is no text in UTF-8", (int) size, field);
        return false;
}

static bool take_fields(json_t *device, const char *text, struct diagnostics *d) {
        size_t size = strcspn(text, ",");

        if (json_object_set_new(device, "type", json_stringn(text, size)) < 0) {
                tell(d, text, "the type of a device is no text in UTF-8");
                return false;
        }
        for (const char *field = text + size; *field; field += size) {
                field++;
                size = strcspn(field, ",");
                if (!take_field(device, field, size, d, text))
                        return false;
        }
        return true;
}

/* Among @zones; made if need be. Borrowed. */
static json_t *devices_of(json_t *zones, uint64_t id) {
        json_t *zone, *devices;
        size_t i;

        json_array_foreach(zones, i, zone) if ((uint64_t) json_integer_value(json_object_get(zone, "id")) ==
                                               id) return json_object_get(zone, "devices");
        devices = json_array();
        zone = json_pack("{s:I, s:o}", "id", (json_int_t) id, "devices", devices);
        return json_array_append_new(zones, zone) < 0 ? NULL : devices;
}

static bool add_device(json_t *zones, const char *text, struct diagnostics *d) {
        json_t *device = json_object();
        struct old_json j = { .object = device, .file = OLD_DEVICE_OPTION, .d = d };
        bool good = take_fields(device, text, d);
        uint64_t id;

        if (good && !old_json_value(json_object_get(device, "zone_id"), UINT32_MAX, &id)) {
                tell(d, text, "zone_id=N is wanted: whose device it is");
                good = false;
        }
        old_json_drop(&j, "zone_id");
        return json_array_append_new(good ? devices_of(zones, id) : NULL, device) == 0;
}

json_t *old_devices_parse(const char *const *texts, size_t count, struct diagnostics *d) {
        json_t *zones = json_array();
        bool good = true;

        for (size_t i = 0; i < count; i++)
                good &= add_device(zones, texts[i], d);
        if (good)
                return json_pack("{s:o}", "zones", zones);
        json_decref(zones);
        return NULL;
}
