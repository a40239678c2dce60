/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lines "[Section name]": which part of the spec the keys below write to. */
#include <string.h>

#include "config/parser.h"
#include "config/settings.h"

static struct section_use *use_find(struct parser *p, enum section_id id, const char *name) {
        for (size_t i = 0; i < p->num_uses; i++)
                if (p->uses[i].schema->id == id && strcmp(p->uses[i].name, name) == 0)
                        return &p->uses[i];
        return NULL;
}

unsigned parser_count(const struct parser *p, enum section_id id) {
        unsigned n = 0;

        for (size_t i = 0; i < p->num_uses; i++)
                n += p->uses[i].schema->id == id;
        return n;
}

/* One more of a list that the schema's max keeps within its array; its name comes first in each. */
static void *list_new(void *list, size_t size, size_t *count, const char *name) {
        _Static_assert(offsetof(struct memory_spec, name) == 0 && offsetof(struct module_spec, name) == 0 &&
                               offsetof(struct pci_spec, name) == 0 && offsetof(struct ivc_spec, name) == 0 &&
                               offsetof(struct pci_device_spec, name) == 0,
                       "each begins with its name");

        return strcpy((char *) list + size * (*count)++, name);
}

#define LIST_NEW(list, count, name) list_new(list, sizeof((list)[0]), &(count), name)

static struct device_spec *device_new(struct zone_spec *z, enum device_type type, const char *name) {
        struct device_spec *d;

        if (z->num_devices == ZONE_DEVICES_MAX)
                return NULL;
        d = &z->devices[z->num_devices++];
        d->type = type;
        strcpy(d->name, name);
        return d;
}

/* The part of the spec that a section's keys write to; NULL: no room for more devices. */
static void *section_object(struct parser *p, enum section_id id, const char *name) {
        switch (id) {
        case SECTION_ZONE:
                return p->zone;
        case SECTION_MEMORY:
                return LIST_NEW(p->zone->memory, p->zone->num_memory, name);
        case SECTION_IO:
                return LIST_NEW(p->zone->io, p->zone->num_io, name);
        case SECTION_IVC:
                return LIST_NEW(p->zone->ivcs, p->zone->num_ivcs, name);
        case SECTION_BOARD:
                return p->board;
        case SECTION_GIC:
                return p->zone ? &p->zone->gic : &p->board->gic;
        case SECTION_PLIC:
                return p->zone ? &p->zone->plic : &p->board->plic;
        case SECTION_APLIC:
                return p->zone ? &p->zone->aplic : &p->board->aplic;
        case SECTION_UEFI:
                return &p->zone->uefi;
        case SECTION_X86:
                return &p->zone->x86;
        case SECTION_MODULE:
                return LIST_NEW(p->zone->modules, p->zone->num_modules, name);
        case SECTION_PCI:
                return LIST_NEW(p->zone->pci, p->zone->num_pci, name);
        case SECTION_PCI_DEVICE:
                return LIST_NEW(p->zone->pci_devices, p->zone->num_pci_devices, name);
        case SECTION_RECONCILER:
                return p->settings;
#define SECTION(...)
#define KEY(...)
#define DEVICE(id, ...)                                                                                                \
        case SECTION_##id:                                                                                             \
                return device_new(p->zone, DEVICE_##id, name);
#include "schema/keys.def"
        case _SECTION_MAX:
                break;
        }
        abort();
}

/* The kind of file that has such a section; NULL: none. */
static const char *file_of_section(struct slice name) {
        static const struct {
                enum file_kind kind;
                const char *file;
        } files[] = { { ZONE_FILE, "a zone's file" }, { BOARD_FILE, "board.conf" }, { SETTINGS_FILE, "hvisor.conf" } };

        for (size_t i = 0; i < ELEMENTSOF(files); i++)
                if (schema_find_section(files[i].kind, name.text, name.size))
                        return files[i].file;
        return NULL;
}

static bool section_known(struct parser *p, const struct line *l, const struct section_schema **ret) {
        const struct place at = place_of(&l->place, l->name);
        const char *its_file = file_of_section(l->name);
        const char *near;

        *ret = schema_find_section(p->kind, l->name.text, l->name.size);
        if (*ret)
                return true;
        near = schema_suggest_section(p->kind, l->name.text, l->name.size);
        if (near)
                source_error(&p->source, &at, "unknown section [%.*s]; did you mean [%s]?", SLICE_ARGS(l->name), near);
        else if (its_file)
                source_error(&p->source, &at, "[%.*s] belongs into %s, not here%s", SLICE_ARGS(l->name), its_file,
                             strcmp(its_file, "board.conf") == 0
                                     ? "; a board's file is called board.conf, or is below boards/"
                                     : "");
        else
                source_error(&p->source, &at, "unknown section [%.*s]", SLICE_ARGS(l->name));
        return false;
}

/* "[Memory ram]" needs its name, "[Zone]" must not have one. */
static bool section_name(struct parser *p, const struct line *l, const struct section_schema *s, char *ret) {
        const struct place name = place_of(&l->place, l->value);

        ret[0] = '\0';
        if (!s->named && l->value.size > 0) {
                source_error(&p->source, &name, "[%s] has no name", s->name);
                return false;
        }
        if (s->named && l->value.size == 0) {
                source_error(&p->source, &l->place, "[%s] needs a name, as in [%s main]", s->name, s->name);
                return false;
        }
        if (l->value.size < NAME_SIZE) {
                memcpy(ret, l->value.text, l->value.size);
                ret[l->value.size] = '\0';
        }
        if (s->named && !zone_name_valid(ret)) {
                source_error(&p->source, &name, "\"%.*s\" is not a name: 1 to %d of A-Z a-z 0-9 . _ -, no dot first",
                             SLICE_ARGS(l->value), NAME_SIZE - 1);
                return false;
        }
        return true;
}

static bool section_free_to_use(struct parser *p, const struct line *l, const struct section_schema *s) {
        if (parser_count(p, s->id) >= s->max) {
                source_error(&p->source, &l->place, "more than %u [%s]", s->max, s->name);
                return false;
        }
        return true;
}

/* A file has each once; what a later one says goes on with what an earlier one has begun. */
static struct section_use *section_go_on(struct parser *p, const struct line *l, struct section_use *u) {
        if (u->again.path == l->place.path) {
                source_error(&p->source, &l->place, "[%s%s%s] is there already, on line %u", u->schema->name,
                             u->name[0] ? " " : "", u->name, u->again.line);
                return NULL;
        }
        u->again = l->place;
        return u;
}

/* The section's use, or NULL: said what is wrong with it. */
static struct section_use *section_open(struct parser *p, const struct line *l) {
        const struct section_schema *s;
        char name[NAME_SIZE];
        struct section_use *u;
        void *object;

        if (l->name.size == 0 || !section_known(p, l, &s) || !section_name(p, l, s, name))
                return NULL;
        u = use_find(p, s->id, name);
        if (u)
                return section_go_on(p, l, u);
        if (!section_free_to_use(p, l, s))
                return NULL;
        object = section_object(p, s->id, name);
        if (!object) {
                source_error(&p->source, &l->place, "more than %d devices: the hypervisor panics with more",
                             ZONE_DEVICES_MAX);
                return NULL;
        }
        u = &p->uses[p->num_uses++];
        *u = (struct section_use){ .schema = s, .header = l->place, .again = l->place, .object = object };
        strcpy(u->name, name);
        return u;
}

void parser_section(struct parser *p, const struct line *l) {
        p->current = section_open(p, l);
        p->skipping = !p->current;
        p->bad_sections |= p->skipping;
}
