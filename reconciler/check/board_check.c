/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "check/board_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "config/intervals.h"

struct comparison {
        const struct board_spec *board;
        const struct board_view *view;
        struct diagnostics *d;
        size_t differences;
};

/* ---- telling ---------------------------------------------------------------------------------------- */

static void tell(struct comparison *c, enum severity severity, const void *object, const char *key, const char *format,
                 va_list ap) {
        struct board_origin o = key ? board_origin(c->board, object, key) : (struct board_origin){};
        char text[512];

        (void) vsnprintf(text, sizeof(text), format, ap);
        (void) diagnostics_add(c->d, severity, o.path ?: c->board->path, o.spot.line, o.spot.column, o.spot.length,
                               NULL, 0, "%s", text);
}

/* @key: of @object, a part of the board; NULL: the file as a whole */
static void differ(struct comparison *c, const void *object, const char *key, const char *format, ...) _printf_(4, 5);
static void differ(struct comparison *c, const void *object, const char *key, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        tell(c, SEVERITY_WARNING, object, key, format, ap);
        va_end(ap);
        c->differences++;
}

static void note(struct comparison *c, const char *format, ...) _printf_(2, 3);
static void note(struct comparison *c, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        tell(c, SEVERITY_NOTE, NULL, NULL, format, ap);
        va_end(ap);
}

#define RANGE_FORMAT  "0x%" PRIx64 "+0x%" PRIx64
#define RANGE_ARGS(r) (r).base, (r).size

/* ---- CPUs ------------------------------------------------------------------------------------------- */

static void compare_cpus(struct comparison *c) {
        const struct board_spec *b = c->board;
        uint64_t root = c->view->root.cpus, missing = root & ~b->cpus;
        char text[CPUS_TEXT_SIZE], all[CPUS_TEXT_SIZE];
        unsigned count = (unsigned) __builtin_popcountll(root);

        cpus_format(b->cpus, all, sizeof(all));
        if (root == 0) {
                note(c, "CPUs=: which of %s are root Linux's only hvisor.ko can tell", all);
                if (c->view->online > (unsigned) __builtin_popcountll(b->cpus))
                        differ(c, b, "CPUs", "CPUs=: %s, but root Linux alone has %" PRIu32 " CPUs online", all,
                               c->view->online);
                return;
        }
        if (missing != 0)
                differ(c, b, "CPUs", "CPUs=: %s, but root Linux runs on CPU %s", all,
                       cpus_format(missing, text, sizeof(text)));
        else if (root == b->cpus)
                differ(c, b, "CPUs", "CPUs=: %s, and root Linux runs on all of them: none is left for a zone", all);
        if (c->view->online != 0 && c->view->online != count)
                differ(c, NULL, NULL, "root Linux has %" PRIu32 " CPUs online, but the hypervisor has given it CPU %s",
                       c->view->online, cpus_format(root, text, sizeof(text)));
}

/* ---- memory ----------------------------------------------------------------------------------------- */

/* How much of a range Memory= has. */
static uint64_t covered(const struct board_spec *b, struct range r) {
        uint64_t sum = 0;

        for (size_t i = 0; i < b->num_memory; i++) {
                struct range m = b->memory[i];
                uint64_t first = MAX(m.base, r.base);
                uint64_t last = MIN(m.base + (m.size - 1), r.base + (r.size - 1));

                if (range_overlaps(m.base, m.size, r.base, r.size))
                        sum += last - first + 1;
        }
        return sum;
}

/* All of it, or nothing: then it is no business of a zone's. */
static void compare_range(struct comparison *c, struct range r, const char *what, const char *path) {
        uint64_t n = r.size > 0 ? covered(c->board, r) : 0;

        if (n > 0 && n < r.size)
                differ(c, c->board, "Memory",
                       "Memory=: has 0x%" PRIx64 " bytes of " RANGE_FORMAT ", but all of it is %s%s", n, RANGE_ARGS(r),
                       what, path);
}

/* RAM of Memory= that root Linux does not use, in bytes. */
static uint64_t room_for_zones(const struct comparison *c) {
        const struct root_facts *root = &c->view->root;
        uint64_t all = 0, used = 0;

        for (size_t i = 0; i < c->board->num_memory; i++)
                all += c->board->memory[i].size;
        for (size_t i = 0; i < root->num_system_ram; i++)
                used += covered(c->board, root->system_ram[i]);
        return all - MIN(all, used);
}

static void compare_memory(struct comparison *c) {
        const struct board_view *v = c->view;

        if (!v->root.known)
                note(c, "Memory=: /proc/iomem tells root Linux's RAM to root only: not compared");
        for (size_t i = 0; i < v->root.num_system_ram; i++)
                compare_range(c, v->root.system_ram[i], "root Linux's System RAM (/proc/iomem)", "");
        for (size_t i = 0; i < v->tree.num_reserved; i++)
                compare_range(c, v->tree.reserved[i].range, "reserved by ", v->tree.reserved[i].path);
        if (v->root.known && room_for_zones(c) == 0)
                differ(c, c->board, "Memory",
                       "Memory=: all of it is root Linux's System RAM: none is left for a zone; reserve some in "
                       "root's device tree (no-map)");
}

/* ---- the interrupt controller ----------------------------------------------------------------------- */

static void compare_registers(struct comparison *c, size_t n, const char *address_key, uint64_t address,
                              const char *size_key, uint64_t size) {
        const struct root_controller *seen = &c->view->tree.controller;
        const struct gic_spec *g = &c->board->gic;
        const struct range *r = &seen->registers[n];

        if (n >= seen->num_registers)
                return;
        if (address != r->base)
                differ(c, g, address_key, "%s=: 0x%" PRIx64 ", but in root Linux's device tree 0x%" PRIx64 " (%s)",
                       address_key, address, r->base, seen->path);
        if (size != r->size)
                differ(c, g, size_key, "%s=: 0x%" PRIx64 ", but in root Linux's device tree 0x%" PRIx64 " (%s)",
                       size_key, size, r->size, seen->path);
}

static uint32_t gic_version(const struct root_controller *seen) {
        return seen->kind == CONTROLLER_GICV3 ? 3 : seen->kind == CONTROLLER_GICV2 ? 2 : 0;
}

static void compare_gic(struct comparison *c) {
        const struct root_controller *seen = &c->view->tree.controller;
        const struct gic_spec *g = &c->board->gic;
        uint32_t version = gic_version(seen);

        if (g->version == 0 && version != 0)
                differ(c, NULL, NULL, "no [GIC], but root Linux's device tree has a GICv%" PRIu32 " (%s)", version,
                       seen->path);
        if (g->version == 0)
                return;
        if (version == 0)
                differ(c, g, "Version", "[GIC]: version %" PRIu32 ", but root Linux's device tree has no GIC",
                       g->version);
        else if (version != g->version)
                differ(c, g, "Version",
                       "[GIC]: version %" PRIu32 ", but root Linux's device tree has a GICv%" PRIu32 " (%s)",
                       g->version, version, seen->path);
        else {
                compare_registers(c, 0, "DistributorAddress", g->distributor, "DistributorSize", g->distributor_size);
                if (version == 3)
                        compare_registers(c, 1, "RedistributorAddress", g->redistributor, "RedistributorSize",
                                          g->redistributor_size);
                else
                        compare_registers(c, 1, "CPUInterfaceAddress", g->cpu_interface, "CPUInterfaceSize",
                                          g->cpu_interface_size);
        }
}

/* ---- the hypervisor's node -------------------------------------------------------------------------- */

static void compare_wakeup(struct comparison *c) {
        const struct root_tree *t = &c->view->tree;
        uint32_t wanted = c->board->wakeup_interrupt;

        if (t->hvisor[0] == '\0')
                differ(c, NULL, NULL,
                       "root Linux's device tree has no node compatible with \"hvisor\": hvisor.ko does not load "
                       "without");
        else if (t->wakeup_interrupt == 0)
                differ(c, NULL, NULL,
                       "%s of root Linux's device tree has no interrupt: hvisor.ko does not load without", t->hvisor);
        else if (wanted != 0 && wanted != t->wakeup_interrupt)
                differ(c, c->board, "WakeupInterrupt",
                       "WakeupInterrupt=: %" PRIu32 ", but %s of root Linux's device tree has %" PRIu32, wanted,
                       t->hvisor, t->wakeup_interrupt);
}

size_t board_check_root(const struct board_spec *b, const struct board_view *v, struct diagnostics *d) {
        struct comparison c = { .board = b, .view = v, .d = d };

        compare_cpus(&c);
        compare_memory(&c);
        if (v->tree.known) {
                compare_gic(&c);
                compare_wakeup(&c);
        } else {
                note(&c, "root Linux has no device tree: interrupt controller and wake-up interrupt not compared");
        }
        return c.differences;
}
