/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema/keys.def as C tables: which sections and keys there are, what they
 * mean, where their values go. Constant data; no allocation, any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

enum section_id {
#define SECTION(id, ...) SECTION_##id,
#define KEY(...)
#include "schema/keys.def"
        _SECTION_MAX,
};

/* How a value is written; config/value.c names what parses and writes each. */
enum value_type {
        VALUE_NUMBER,          /* uint32_t: decimal or 0x hex */
        VALUE_ADDRESS,         /* uint64_t: the same, written in hex */
        VALUE_PLACE,           /* uint64_t: as VALUE_ADDRESS; 0: none is given */
        VALUE_SIZE,            /* uint64_t: bytes, or with K, M, G (1024) */
        VALUE_PERCENT,         /* uint32_t: as 20%; 0: none */
        VALUE_CPUS,            /* uint64_t: bitmap, as 2-3,5 */
        VALUE_INTERRUPTS,      /* uint32_t[INTERRUPTS_MAX / 32]: bitmap, as 40,44-46 */
        VALUE_PATH,            /* char *: absolute, owned */
        VALUE_PATH_OR_AUTO,    /* char *: the same, or "auto" */
        VALUE_LINE,            /* char *: printable, to the end of the line, owned */
        VALUE_NAME,            /* char[NAME_SIZE]: as a zone's */
        VALUE_INTERFACE,       /* char[INTERFACE_NAME_SIZE]: a network interface */
        VALUE_MAC,             /* uint8_t[MAC_SIZE]: as 02:00:5e:10:00:01; all 0: none */
        VALUE_YES_NO,          /* bool: yes/no, true/false, on/off, 1/0 */
        VALUE_RESTART,         /* enum restart_policy */
        VALUE_ON_CHANGE,       /* enum change_policy */
        VALUE_CACHE,           /* enum cache_mode */
        VALUE_SERIAL,          /* char[SERIAL_SIZE]: printable, without blanks */
        VALUE_ACCELERATOR,     /* enum accelerator */
        VALUE_OUTPUT_LOG,      /* enum output_log */
        VALUE_VIRTIO_TYPE,     /* enum virtio_type */
        VALUE_ARCHITECTURE,    /* enum architecture */
        VALUE_PCI_ADDRESS,     /* struct pci_address: as 0000:01:00.0 */
        VALUE_PCI_DEVICE_TYPE, /* enum pci_device_type */
        VALUE_TAG,             /* char[VIRTIO_FS_TAG_MAX + 1] */
        VALUE_AFFINITIES,      /* struct cpu_affinities: as 0x0,0x100 */
        VALUE_REGIONS,         /* struct range[BOARD_MEMORY_MAX], its count beside it: BASE+SIZE … */
        VALUE_LOG_LEVEL,       /* int: base/log.h */
        VALUE_TIME,            /* uint64_t: µs, as 2s or 50ms */
        _VALUE_TYPE_MAX,
};

enum presence {
        PRESENCE_REQUIRED,
        PRESENCE_OPTIONAL,
        PRESENCE_LIST, /* required; several lines add up */
};

enum change_cost {
        COST_NOTHING,
        COST_WORKER,
        COST_ZONE,
        _CHANGE_COST_MAX,
};

enum file_kind {
        ZONE_FILE = 1 << 0,
        BOARD_FILE = 1 << 1,
        SETTINGS_FILE = 1 << 2,
};

struct section_schema {
        enum section_id id;
        const char *name;
        bool named;     /* [Memory NAME] */
        unsigned files; /* enum file_kind, or'ed */
        unsigned min, max;
        const char *help;
};

struct key_schema {
        enum section_id section;
        const char *name;
        size_t offset; /* of its field in the section's struct */
        size_t size;   /* of the field, bytes */
        enum value_type type;
        uint64_t min, max, align;
        enum presence presence;
        const char *with;          /* a key that must be given, too; or NULL */
        const char *default_value; /* as written; "=Key": that key's value; or NULL */
        enum change_cost cost;
        const char *help;
};

extern const struct section_schema schema_sections[_SECTION_MAX];
extern const struct key_schema schema_keys[];
extern const size_t schema_num_keys;

#define SCHEMA_KEYS_MAX 192 /* of all sections together; schema.c asserts it */

/** schema_find_section() - by its exact name, among those of files of @kind; NULL if there is none */
const struct section_schema *schema_find_section(enum file_kind kind, const char *name, size_t size);
const struct key_schema *schema_find_key(enum section_id section, const char *name, size_t size);

/* What was meant, perhaps: the nearest name, or NULL if none is near. */
const char *schema_suggest_section(enum file_kind kind, const char *name, size_t size);
const char *schema_suggest_key(enum section_id section, const char *name, size_t size);

/** schema_elsewhere() - the first section that has a key of exactly this name; NULL if none has */
const struct section_schema *schema_elsewhere(enum file_kind kind, const char *key, size_t size);

struct device_spec;
/** device_section() - the section that the device is written as */
enum section_id device_section(const struct device_spec *d);

/* The field of @k in an object of its section. */
static inline void *schema_field(const struct key_schema *k, void *object) {
        return (char *) object + k->offset;
}
static inline const void *schema_field_const(const struct key_schema *k, const void *object) {
        return (const char *) object + k->offset;
}
