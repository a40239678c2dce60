/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/schema_json.h"

#include "config/words.h"

#define NAME_PATTERN "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,30}$"
#define PATH_PATTERN "^/.*[^/]$"
/* As config/value_*.c takes them. */
#define LINE_PATTERN      "^[!-~]([ -~]{0,2045}[!-~])?$"
#define PCI_PATTERN       "^00[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}:[01][0-9A-Fa-f][.][0-7]$"
#define TAG_PATTERN       "^[!-~]{1,36}$"
#define INTERFACE_PATTERN "^(?!\\.{1,2}$)[^ \\t/:%\"']{1,15}$"
#define SERIAL_PATTERN    "^[!-~]{1,20}$"
#define PERCENT_PATTERN   "^([1-9][0-9]{0,3}|10000)%$"
#define MAC_PATTERN       "^(?!00(:00){5}$)[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$"

static json_t *number_schema(const struct key_schema *k) {
        json_t *j = json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum", (json_int_t) k->min, "maximum",
                              (json_int_t) k->max);

        if (k->align > 1)
                json_object_set_new(j, "multipleOf", json_integer((json_int_t) k->align));
        return j;
}

static json_t *list_schema(json_t *items) {
        return json_pack("{s:s, s:o, s:b, s:i}", "type", "array", "items", items, "uniqueItems", 1, "minItems", 1);
}

/* Of a region's size: as its base, but not 0. */
static json_t *region_schema(const struct key_schema *k) {
        json_t *size = number_schema(k);

        json_object_set_new(size, "minimum", json_integer((json_int_t) k->align));
        return json_pack("{s:s, s:{s:o, s:o}, s:[s, s], s:b}", "type", "object", "properties", "Base", number_schema(k),
                         "Size", size, "required", "Base", "Size", "additionalProperties", 0);
}

static json_t *words_schema(const struct words *words) {
        json_t *list = json_array();
        const char *word;

        for (unsigned i = 0; (word = words->to_string(i)); i++)
                json_array_append_new(list, json_string(word));
        return json_pack("{s:o}", "enum", list);
}

static json_t *value_schema(const struct key_schema *k) {
        json_t *j;

        switch (k->type) {
        case VALUE_NUMBER:
        case VALUE_ADDRESS:
        case VALUE_PLACE:
        case VALUE_SIZE:
                return number_schema(k);
        case VALUE_PERCENT:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", PERCENT_PATTERN);
        case VALUE_CPUS:
        case VALUE_INTERRUPTS:
                return list_schema(number_schema(k));
        case VALUE_PATH:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", PATH_PATTERN);
        case VALUE_PATH_OR_AUTO:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", "^(/.*[^/]|" DEVICE_TREE_AUTO ")$");
        case VALUE_LINE:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", LINE_PATTERN);
        case VALUE_NAME:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", NAME_PATTERN);
        case VALUE_INTERFACE:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", INTERFACE_PATTERN);
        case VALUE_MAC:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", MAC_PATTERN);
        case VALUE_YES_NO:
                return json_pack("{s:s}", "type", "boolean");
        case VALUE_SERIAL:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", SERIAL_PATTERN);
        case VALUE_RESTART:
        case VALUE_ON_CHANGE:
        case VALUE_CACHE:
        case VALUE_ACCELERATOR:
        case VALUE_OUTPUT_LOG:
        case VALUE_VIRTIO_TYPE:
        case VALUE_ARCHITECTURE:
        case VALUE_PCI_DEVICE_TYPE:
                return words_schema(value_words(k->type));
        case VALUE_PCI_ADDRESS:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", PCI_PATTERN);
        case VALUE_TAG:
                return json_pack("{s:s, s:s}", "type", "string", "pattern", TAG_PATTERN);
        case VALUE_AFFINITIES:
                j = list_schema(number_schema(k));
                json_object_set_new(j, "maxItems", json_integer(CPUS_MAX));
                return j;
        case VALUE_REGIONS:
                j = list_schema(region_schema(k));
                json_object_set_new(j, "maxItems", json_integer(BOARD_MEMORY_MAX));
                return j;
        case VALUE_LOG_LEVEL:
        case VALUE_TIME:
                return json_pack("{s:s}", "type", "string"); /* of hvisor.conf, which has no JSON form */
        case _VALUE_TYPE_MAX:
                break;
        }
        abort();
}

/* "=Key" is no value of its own; the help says it. */
static json_t *default_value(const struct key_schema *k) {
        const char *text = k->default_value;

        if (!text || text[0] == '=')
                return NULL;
        if (k->type == VALUE_YES_NO)
                return json_boolean(text[0] == 'y');
        return k->type == VALUE_NUMBER ? json_integer(atoll(text)) : json_string(text);
}

static void add_key(const struct key_schema *k, json_t *properties, json_t *required, json_t *together) {
        json_t *j = value_schema(k), *value = default_value(k);

        json_object_set_new(j, "description", json_string(k->help));
        if (value)
                json_object_set_new(j, "default", value);
        json_object_set_new(properties, k->name, j);
        if (k->presence != PRESENCE_OPTIONAL)
                json_array_append_new(required, json_string(k->name));
        if (k->with)
                json_object_set_new(together, k->name, json_pack("[s]", k->with));
}

static json_t *section_schema_json(const struct section_schema *s) {
        json_t *properties = json_object(), *required = json_array(), *together = json_object();

        for (size_t i = 0; i < schema_num_keys; i++)
                if (schema_keys[i].section == s->id)
                        add_key(&schema_keys[i], properties, required, together);
        return json_pack("{s:s, s:s, s:o, s:o, s:o, s:b}", "description", s->help, "type", "object", "properties",
                         properties, "required", required, "dependentRequired", together, "additionalProperties", 0);
}

/* How the section stands in its file: once, or by names. */
static json_t *section_place(const struct section_schema *s) {
        json_t *one;
        char reference[64];

        (void) snprintf(reference, sizeof(reference), "#/$defs/%s", s->name);
        one = json_pack("{s:s}", "$ref", reference);
        if (!s->named)
                return one;
        return json_pack("{s:s, s:{s:s}, s:o, s:i, s:i}", "type", "object", "propertyNames", "pattern", NAME_PATTERN,
                         "additionalProperties", one, "minProperties", (int) s->min, "maxProperties", (int) s->max);
}

json_t *schema_to_json(enum file_kind kind) {
        json_t *definitions = json_object(), *properties = json_object(), *required = json_array();

        for (size_t i = 0; i < _SECTION_MAX; i++) {
                const struct section_schema *s = &schema_sections[i];

                if (!(s->files & kind))
                        continue;
                json_object_set_new(definitions, s->name, section_schema_json(s));
                json_object_set_new(properties, s->name, section_place(s));
                if (s->min > 0)
                        json_array_append_new(required, json_string(s->name));
        }
        return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:o}", "$schema",
                         "https://json-schema.org/draft/2020-12/schema", "$id",
                         kind == ZONE_FILE ? "hvisor.zone.schema.json" : "hvisor.board.schema.json", "title",
                         kind == ZONE_FILE ? "A zone's file of hvisor, in JSON" : "hvisor's board.conf, in JSON",
                         "type", "object", "properties", properties, "required", required, "additionalProperties", 0,
                         "$defs", definitions);
}

int schema_write(enum file_kind kind, FILE *f) {
        json_t *j = schema_to_json(kind);
        int r = j ? json_dumpf(j, f, JSON_INDENT(2)) : -1;

        json_decref(j);
        return r == 0 && fputc('\n', f) != EOF ? 0 : -1;
}
