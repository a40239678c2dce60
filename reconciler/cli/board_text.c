/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/board_text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cli/diagnostics_json.h"
#include "cli/table.h"
#include "config/intervals.h"
#include "config/printable.h"
#include "config/sections.h"
#include "config/value.h"

/* ---- the board's values ----------------------------------------------------------------------------- */

/* One key that has a value. */
struct board_value {
        const struct key_schema *key;
        char *text; /* as in a file */
        struct board_origin origin;
};

static void board_value_clear(struct board_value *v) {
        free(v->text);
}

/* Return: 1; 0: the key has no value; -ENOMEM. */
static int board_value_of(const struct board_spec *b, const struct spec_section *s, size_t key,
                          struct board_value *ret) {
        const struct key_schema *k = &schema_keys[key];
        char *text;

        if (k->section != s->id || !value_present(k, s->object))
                return 0;
        text = value_text(k, s->object);
        if (!text)
                return -ENOMEM;
        *ret = (struct board_value){ k, text, board_origin(b, s->object, k->name) };
        return 1;
}

typedef int (*board_value_fn)(const struct board_value *v, void *to);

static int each_value(const struct board_spec *b, board_value_fn fn, void *to) {
        struct spec_section sections[SPEC_SECTIONS_MAX];
        size_t n = board_spec_sections(b, sections);

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < schema_num_keys; k++) {
                        _cleanup_(board_value_clear) struct board_value v = {};
                        int r = board_value_of(b, &sections[i], k, &v);

                        if (r > 0)
                                r = fn(&v, to);
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* ---- for people ------------------------------------------------------------------------------------- */

static int add_row(const struct board_value *v, void *to) {
        struct table *t = to;

        table_cell(t, COLOUR_NONE, "[%s]", schema_sections[v->key->section].name);
        table_cell(t, COLOUR_NONE, "%s", v->key->name);
        table_cell(t, COLOUR_NONE, "%s", v->text);
        if (v->origin.path)
                table_cell(t, COLOUR_DIM, "%s:%u", v->origin.path, v->origin.spot.line);
        else
                table_cell(t, COLOUR_DIM, "default");
        return 0;
}

static int write_values(const struct board_spec *b, FILE *f, bool colour) {
        static const struct column columns[] = {
                { "SECTION", false }, { "KEY", false }, { "VALUE", false }, { "FROM", false }
        };
        _cleanup_(table_clear) struct table t = { .columns = columns, .num_columns = ELEMENTSOF(columns) };
        int r = each_value(b, add_row, &t);

        return r < 0 ? r : table_print(&t, f, colour);
}

static void add_seen(struct table *t, const char *what, const char *path) {
        table_cell(t, COLOUR_NONE, "%s", what);
        table_cell(t, COLOUR_DIM, "%s", path);
}

static void add_controller(struct table *t, const struct root_controller *c) {
        char text[256];
        size_t used;

        if (c->kind == CONTROLLER_NONE)
                return;
        used = (size_t) snprintf(text, sizeof(text), "%s", controller_kind_to_string(c->kind));
        for (size_t i = 0; i < c->num_registers && used < sizeof(text); i++)
                used += (size_t) snprintf(text + used, sizeof(text) - used, " 0x%" PRIx64 "+0x%" PRIx64,
                                          c->registers[i].base, c->registers[i].size);
        table_cell(t, COLOUR_NONE, "interrupt controller");
        add_seen(t, text, c->path);
}

static void add_range(struct table *t, const char *what, struct range r, const char *path) {
        char text[64];

        (void) snprintf(text, sizeof(text), "0x%" PRIx64 "+0x%" PRIx64, r.base, r.size);
        table_cell(t, COLOUR_NONE, "%s", what);
        add_seen(t, text, path);
}

static void add_number(struct table *t, const char *what, const char *format, uint32_t number, const char *path) {
        char text[64];

        (void) snprintf(text, sizeof(text), "%s%" PRIu32, format, number);
        table_cell(t, COLOUR_NONE, "%s", what);
        add_seen(t, text, path);
}

static int write_view(const struct board_report *r, FILE *f, bool colour) {
        static const struct column columns[] = { { "ROOT LINUX SEES", false }, { "VALUE", false }, { "IN", false } };
        _cleanup_(table_clear) struct table t = { .columns = columns, .num_columns = ELEMENTSOF(columns) };
        const struct board_view *v = r->view;
        char cpus[CPUS_TEXT_SIZE];

        if (r->magic != 0) {
                table_cell(&t, COLOUR_NONE, "zone_config");
                table_cell(&t, COLOUR_NONE, "version 0x%" PRIx32, r->magic);
                table_cell(&t, COLOUR_DIM, "hvisor.ko");
        }
        if (v->root.cpus != 0) {
                table_cell(&t, COLOUR_NONE, "CPUs of its own");
                add_seen(&t, cpus_format(v->root.cpus, cpus, sizeof(cpus)), "hvisor.ko");
        }
        add_number(&t, "CPUs online", "", v->online, "/sys/devices/system/cpu");
        for (size_t i = 0; i < v->root.num_system_ram; i++)
                add_range(&t, "System RAM", v->root.system_ram[i], "/proc/iomem");
        for (size_t i = 0; i < v->tree.num_reserved; i++)
                add_range(&t, "reserved RAM", v->tree.reserved[i].range, v->tree.reserved[i].path);
        add_controller(&t, &v->tree.controller);
        if (v->tree.wakeup_interrupt != 0)
                add_number(&t, "wake-up interrupt", "", v->tree.wakeup_interrupt, v->tree.hvisor);
        return table_print(&t, f, colour);
}

int board_write_text(const struct board_report *r, FILE *f, bool colour) {
        int e = write_values(r->board, f, colour);

        if (e < 0)
                return e;
        fputc('\n', f);
        return write_view(r, f, colour);
}

/* ---- for programs ----------------------------------------------------------------------------------- */

static int add_json(const struct board_value *v, void *to) {
        _cleanup_free_ char *path = v->origin.path ? utf8_printable_copy(v->origin.path, strlen(v->origin.path)) : NULL;

        return json_array_append_new(to, json_pack("{s:s, s:s, s:s, s:s?, s:i}", "section",
                                                   schema_sections[v->key->section].name, "key", v->key->name, "value",
                                                   v->text, "file", path, "line", (int) v->origin.spot.line)) == 0
                       ? 0
                       : -ENOMEM;
}

static json_t *range_to_json(struct range r, const char *path) {
        return json_pack("{s:I, s:I, s:s*}", "base", (json_int_t) r.base, "size", (json_int_t) r.size, "node", path);
}

static json_t *cpus_to_json(uint64_t cpus) {
        json_t *j = json_array();

        for (unsigned i = 0; i < CPUS_MAX; i++)
                if (cpus >> i & 1)
                        json_array_append_new(j, json_integer(i));
        return j;
}

static json_t *controller_to_json(const struct root_controller *c) {
        json_t *registers = json_array();

        if (c->kind == CONTROLLER_NONE) {
                json_decref(registers);
                return json_null();
        }
        for (size_t i = 0; i < c->num_registers; i++)
                json_array_append_new(registers, range_to_json(c->registers[i], NULL));
        return json_pack("{s:s, s:s, s:o}", "kind", controller_kind_to_string(c->kind), "node", c->path, "registers",
                         registers);
}

static json_t *view_to_json(const struct board_report *r) {
        const struct board_view *v = r->view;
        json_t *ram = json_array(), *reserved = json_array();

        for (size_t i = 0; i < v->root.num_system_ram; i++)
                json_array_append_new(ram, range_to_json(v->root.system_ram[i], NULL));
        for (size_t i = 0; i < v->tree.num_reserved; i++)
                json_array_append_new(reserved, range_to_json(v->tree.reserved[i].range, v->tree.reserved[i].path));
        return json_pack("{s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "magic",
                         r->magic != 0 ? json_integer(r->magic) : json_null(), "cpus", cpus_to_json(v->root.cpus),
                         "cpus_online", (int) v->online, "system_ram", ram, "reserved", reserved,
                         "interrupt_controller", controller_to_json(&v->tree.controller), "hvisor_node",
                         v->tree.hvisor[0] != '\0' ? json_string(v->tree.hvisor) : json_null(), "wakeup_interrupt",
                         v->tree.wakeup_interrupt != 0 ? json_integer(v->tree.wakeup_interrupt) : json_null());
}

json_t *board_to_json(const struct board_report *r) {
        json_t *values = json_array();

        if (each_value(r->board, add_json, values) < 0) {
                json_decref(values);
                return NULL;
        }
        return json_pack("{s:s, s:s?, s:o, s:o, s:o, s:o}", "file", r->board->path, "description",
                         r->board->description_path, "values", values, "root", view_to_json(r), "diagnostics",
                         diagnostics_to_json(r->diagnostics), "differences",
                         r->compared ? json_integer((json_int_t) r->differences) : json_null());
}
