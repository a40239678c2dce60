/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "config/schema.h"
#include "config/settings.h"
#include "config/spec.h"
#include "config/suggest.h"

#define NAMED  true
#define SINGLE false

const struct section_schema schema_sections[_SECTION_MAX] = {
#define SECTION(id_, name_, named_, files_, min_, max_, help_)                                                         \
        [SECTION_##id_] = { SECTION_##id_, name_, named_, files_, min_, max_, help_ },
#define KEY(...)
#include "schema/keys.def"
};

/* The struct that a section's keys are stored in; as typedefs, because a macro can make those. */
typedef struct zone_spec OBJECT_ZONE;
typedef struct memory_spec OBJECT_MEMORY, OBJECT_IO;
typedef struct ivc_spec OBJECT_IVC;
typedef struct module_spec OBJECT_MODULE;
typedef struct pci_spec OBJECT_PCI;
typedef struct pci_device_spec OBJECT_PCI_DEVICE;
typedef struct uefi_spec OBJECT_UEFI;
typedef struct x86_spec OBJECT_X86;
typedef struct controller_spec OBJECT_PLIC, OBJECT_APLIC;
typedef struct board_spec OBJECT_BOARD;
typedef struct gic_spec OBJECT_GIC;
typedef struct settings OBJECT_RECONCILER;
#define SECTION(...)
#define KEY(...)
#define DEVICE(id, ...) typedef struct device_spec OBJECT_##id;
#include "schema/keys.def"

const struct key_schema schema_keys[] = {
#define SECTION(...)
#define KEY(section_, name_, field_, type_, min_, max_, align_, presence_, with_, default_, cost_, help_)              \
        { SECTION_##section_,                                                                                          \
          name_,                                                                                                       \
          offsetof(OBJECT_##section_, field_),                                                                         \
          sizeof(((OBJECT_##section_ *) NULL)->field_),                                                                \
          VALUE_##type_,                                                                                               \
          min_,                                                                                                        \
          max_,                                                                                                        \
          align_,                                                                                                      \
          PRESENCE_##presence_,                                                                                        \
          with_,                                                                                                       \
          default_,                                                                                                    \
          COST_##cost_,                                                                                                \
          help_ },
#include "schema/keys.def"
};

const size_t schema_num_keys = ELEMENTSOF(schema_keys);
_Static_assert(ELEMENTSOF(schema_keys) <= SCHEMA_KEYS_MAX, "SCHEMA_KEYS_MAX is too small");

/* A row's type must be the field's own: the parsers write through void pointers. */
#define C_TYPE_NUMBER          uint32_t
#define C_TYPE_ADDRESS         uint64_t
#define C_TYPE_PLACE           uint64_t
#define C_TYPE_SIZE            uint64_t
#define C_TYPE_PERCENT         uint32_t
#define C_TYPE_CPUS            uint64_t
#define C_TYPE_INTERRUPTS      uint32_t[INTERRUPTS_MAX / 32]
#define C_TYPE_PATH            char *
#define C_TYPE_PATH_OR_AUTO    char *
#define C_TYPE_LINE            char *
#define C_TYPE_NAME            char[NAME_SIZE]
#define C_TYPE_INTERFACE       char[INTERFACE_NAME_SIZE]
#define C_TYPE_MAC             uint8_t[MAC_SIZE]
#define C_TYPE_YES_NO          bool
#define C_TYPE_RESTART         enum restart_policy
#define C_TYPE_ON_CHANGE       enum change_policy
#define C_TYPE_CACHE           enum cache_mode
#define C_TYPE_SERIAL          char[SERIAL_SIZE]
#define C_TYPE_VIRTIO_TYPE     enum virtio_type
#define C_TYPE_ARCHITECTURE    enum architecture
#define C_TYPE_PCI_ADDRESS     struct pci_address
#define C_TYPE_PCI_DEVICE_TYPE enum pci_device_type
#define C_TYPE_AFFINITIES      struct cpu_affinities
#define C_TYPE_TAG             char[VIRTIO_FS_TAG_MAX + 1]
#define C_TYPE_LOG_LEVEL       int
#define C_TYPE_TIME            uint64_t
#define C_TYPE_REGIONS         struct range[BOARD_MEMORY_MAX]
#define C_TYPE_ACCELERATOR     enum accelerator
#define C_TYPE_OUTPUT_LOG      enum output_log
#define SECTION(...)
#define KEY(section_, name_, field_, type_, ...)                                                                       \
        _Static_assert(__builtin_types_compatible_p(__typeof__(((OBJECT_##section_ *) NULL)->field_), C_TYPE_##type_), \
                       "the field of " name_ " has another type");
#include "schema/keys.def"

enum section_id device_section(const struct device_spec *d) {
        static const enum section_id sections[_DEVICE_TYPE_MAX] = {
#define SECTION(...)
#define KEY(...)
#define DEVICE(id, ...) [DEVICE_##id] = SECTION_##id,
#include "schema/keys.def"
        };

        return sections[d->type];
}

static bool name_is(const char *candidate, const char *name, size_t size) {
        return strlen(candidate) == size && memcmp(candidate, name, size) == 0;
}

const struct section_schema *schema_find_section(enum file_kind kind, const char *name, size_t size) {
        for (size_t i = 0; i < _SECTION_MAX; i++)
                if ((schema_sections[i].files & kind) && name_is(schema_sections[i].name, name, size))
                        return &schema_sections[i];
        return NULL;
}

const struct key_schema *schema_find_key(enum section_id section, const char *name, size_t size) {
        for (size_t i = 0; i < schema_num_keys; i++)
                if (schema_keys[i].section == section && name_is(schema_keys[i].name, name, size))
                        return &schema_keys[i];
        return NULL;
}

const char *schema_suggest_section(enum file_kind kind, const char *name, size_t size) {
        struct suggestion s = {};

        for (size_t i = 0; i < _SECTION_MAX; i++)
                if (schema_sections[i].files & kind)
                        suggestion_offer(&s, name, size, schema_sections[i].name);
        return s.word;
}

const char *schema_suggest_key(enum section_id section, const char *name, size_t size) {
        struct suggestion s = {};

        for (size_t i = 0; i < schema_num_keys; i++)
                if (schema_keys[i].section == section)
                        suggestion_offer(&s, name, size, schema_keys[i].name);
        return s.word;
}

const struct section_schema *schema_elsewhere(enum file_kind kind, const char *key, size_t size) {
        for (size_t i = 0; i < schema_num_keys; i++) {
                const struct section_schema *s = &schema_sections[schema_keys[i].section];

                if ((s->files & kind) && name_is(schema_keys[i].name, key, size))
                        return s;
        }
        return NULL;
}
