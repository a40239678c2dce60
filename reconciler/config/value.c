/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/value.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/value_ops.h"

static const struct value_ops *const types[_VALUE_TYPE_MAX] = {
        [VALUE_NUMBER] = &value_number,
        [VALUE_ADDRESS] = &value_address,
        [VALUE_SIZE] = &value_size,
        [VALUE_PERCENT] = &value_percent,
        [VALUE_CPUS] = &value_cpus,
        [VALUE_INTERRUPTS] = &value_interrupts,
        [VALUE_PLACE] = &value_place,
        [VALUE_PATH_OR_AUTO] = &value_path_or_auto,
        [VALUE_LINE] = &value_line,
        [VALUE_PATH] = &value_path,
        [VALUE_NAME] = &value_name,
        [VALUE_INTERFACE] = &value_interface,
        [VALUE_MAC] = &value_mac,
        [VALUE_YES_NO] = &value_yes_no,
        [VALUE_RESTART] = &value_word,
        [VALUE_ON_CHANGE] = &value_word,
        [VALUE_CACHE] = &value_word,
        [VALUE_SERIAL] = &value_serial,
        [VALUE_ACCELERATOR] = &value_word,
        [VALUE_OUTPUT_LOG] = &value_word,
        [VALUE_VIRTIO_TYPE] = &value_word,
        [VALUE_TAG] = &value_tag,
        [VALUE_REGIONS] = &value_regions,
        [VALUE_AFFINITIES] = &value_affinities,
        [VALUE_LOG_LEVEL] = &value_log_level,
        [VALUE_TIME] = &value_time,
        [VALUE_ARCHITECTURE] = &value_word,
        [VALUE_PCI_ADDRESS] = &value_pci_address,
        [VALUE_PCI_DEVICE_TYPE] = &value_word,
};

int value_fail(struct value_error *e, struct slice part, const char *format, ...) {
        va_list ap;

        e->part = part;
        va_start(ap, format);
        (void) vsnprintf(e->text, sizeof(e->text), format, ap);
        va_end(ap);
        return -EINVAL;
}

int value_parse(const struct key_schema *k, struct slice value, void *object, struct value_error *e) {
        if (value.size == 0)
                return value_fail(e, value, "no value%s",
                                  k->presence != PRESENCE_OPTIONAL ? "" : "; leave the line out for the default");
        return types[k->type]->parse(k, value, schema_field(k, object), e);
}

static bool is_owned(enum value_type type) {
        return type == VALUE_PATH || type == VALUE_PATH_OR_AUTO || type == VALUE_LINE;
}

void value_clear(const struct key_schema *k, void *object) {
        void *field = schema_field(k, object);

        if (is_owned(k->type))
                free(*(char **) field);
        memset(field, 0, k->size);
}

void value_write(const struct key_schema *k, const void *object, struct sink *to) {
        if (value_present(k, object))
                types[k->type]->write(k, schema_field_const(k, object), to);
}

char *value_text(const struct key_schema *k, const void *object) {
        struct sink s = SINK_TEXT;

        value_write(k, object, &s);
        return sink_take(&s);
}

bool value_present(const struct key_schema *k, const void *object) {
        const struct value_ops *type = types[k->type];

        if (type->is_none)
                return !type->is_none(schema_field_const(k, object));
        return true;
}

bool value_is_default(const struct key_schema *k, const void *object) {
        union {
                uint64_t number; /* larger than any type that has a default, see test_schema */
                unsigned char bytes[sizeof(uint64_t)];
        } value = {};
        struct value_error e;

        if (!k->default_value || k->default_value[0] == '=')
                return false;
        if (types[k->type]->parse(k, (struct slice){ k->default_value, strlen(k->default_value) }, &value, &e) < 0)
                return false;
        return memcmp(value.bytes, schema_field_const(k, object), types[k->type]->default_size) == 0;
}

void section_defaults(enum section_id section, void *object) {
        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct key_schema *k = &schema_keys[i];
                struct value_error e;

                if (k->section == section && k->default_value && k->default_value[0] != '=')
                        (void) value_parse(k, (struct slice){ k->default_value, strlen(k->default_value) }, object, &e);
        }
}
