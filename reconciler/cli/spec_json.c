/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "cli/schema_json.h"
#include "config/sections.h"
#include "config/value.h"

static json_t *bits_to_json(const uint32_t *bits, size_t size) {
        json_t *j = json_array();

        for (size_t i = 0; i < size; i++)
                if (bits[i / 32] & BIT(i % 32))
                        json_array_append_new(j, json_integer((json_int_t) i));
        return j;
}

static json_t *cpus_to_json(uint64_t cpus) {
        const uint32_t bits[] = { (uint32_t) cpus, (uint32_t) (cpus >> 32) };

        return bits_to_json(bits, CPUS_MAX);
}

static json_t *affinities_to_json(const struct cpu_affinities *all) {
        json_t *j = json_array();

        for (uint32_t i = 0; i < all->count; i++)
                json_array_append_new(j, json_integer(all->of[i]));
        return j;
}

static json_t *board_memory_to_json(const struct board_spec *b) {
        json_t *j = json_array();

        for (size_t i = 0; i < b->num_memory; i++)
                json_array_append_new(j, json_pack("{s:I, s:I}", "Base", (json_int_t) b->memory[i].base, "Size",
                                                   (json_int_t) b->memory[i].size));
        return j;
}

/* As in the file. */
static json_t *text_to_json(const struct key_schema *k, const void *object) {
        _cleanup_free_ char *text = value_text(k, object);

        return text ? json_string(text) : NULL;
}

static json_t *value_to_json(const struct key_schema *k, const void *object) {
        const void *field = schema_field_const(k, object);

        switch (k->type) {
        case VALUE_NUMBER:
                return json_integer(*(const uint32_t *) field);
        case VALUE_ADDRESS:
        case VALUE_PLACE:
        case VALUE_SIZE:
                return json_integer((json_int_t) * (const uint64_t *) field);
        case VALUE_CPUS:
                return cpus_to_json(*(const uint64_t *) field);
        case VALUE_INTERRUPTS:
                return bits_to_json(field, INTERRUPTS_MAX);
        case VALUE_YES_NO:
                return json_boolean(*(const bool *) field);
        case VALUE_AFFINITIES:
                return affinities_to_json(field);
        case VALUE_REGIONS:
                return board_memory_to_json(object);
        case VALUE_PERCENT:
        case VALUE_PATH:
        case VALUE_PATH_OR_AUTO:
        case VALUE_LINE:
        case VALUE_NAME:
        case VALUE_INTERFACE:
        case VALUE_MAC:
        case VALUE_RESTART:
        case VALUE_ON_CHANGE:
        case VALUE_CACHE:
        case VALUE_SERIAL:
        case VALUE_ACCELERATOR:
        case VALUE_OUTPUT_LOG:
        case VALUE_VIRTIO_TYPE:
        case VALUE_ARCHITECTURE:
        case VALUE_PCI_ADDRESS:
        case VALUE_PCI_DEVICE_TYPE:
        case VALUE_TAG:
        case VALUE_LOG_LEVEL:
        case VALUE_TIME:
                return text_to_json(k, object);
        case _VALUE_TYPE_MAX:
                break;
        }
        abort();
}

static json_t *section_to_json(enum section_id id, const void *object) {
        json_t *j = json_object();

        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct key_schema *k = &schema_keys[i];

                if (k->section == id && value_present(k, object))
                        json_object_set_new(j, k->name, value_to_json(k, object));
        }
        return j;
}

static void add_section(json_t *file, const struct spec_section *s) {
        const struct section_schema *schema = &schema_sections[s->id];
        json_t *all = file; /* of those that have names */

        if (schema->named) {
                all = json_object_get(file, schema->name);
                if (!all) {
                        all = json_object();
                        json_object_set_new(file, schema->name, all);
                }
        }
        json_object_set_new(all, schema->named ? s->name : schema->name, section_to_json(s->id, s->object));
}

static json_t *sections_to_json(const struct spec_section *sections, size_t n) {
        json_t *j = json_object();

        for (size_t i = 0; i < n; i++)
                add_section(j, &sections[i]);
        return j;
}

json_t *zone_spec_to_json(const struct zone_spec *z) {
        struct spec_section sections[SPEC_SECTIONS_MAX];

        return sections_to_json(sections, zone_spec_sections(z, sections));
}

json_t *board_spec_to_json(const struct board_spec *b) {
        struct spec_section sections[SPEC_SECTIONS_MAX];

        return sections_to_json(sections, board_spec_sections(b, sections));
}
