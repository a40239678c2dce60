/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvisor check: everything that can be told of files without changing anything.
 * What this machine cannot tell (it is not under hvisor, has no board.conf,
 * lacks an image) is named as not checked.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/log.h"
#include "boot/boot.h"
#include "cli/check_files.h"
#include "cli/diagnostics_json.h"
#include "cli/schema_json.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "config/check.h"
#include "config/claims.h"
#include "config/printable.h"
#include "hypervisor/hypervisor.h"

struct check {
        struct diagnostics d;
        struct check_files files;
        const struct board_spec *board; /* of the last of the files that is one; NULL: none, or a bad one */
        struct root_facts root;
        bool under_hvisor; /* this machine is one that zones run on */
};

static void check_done(struct check *c) {
        diagnostics_clear(&c->d);
        check_files_clear(&c->files);
}

static void add(struct check *c, enum severity severity, const char *file, const char *text) {
        (void) diagnostics_add(&c->d, severity, file, 0, 0, 0, NULL, 0, "%s", text);
}

/* ---- the machine ------------------------------------------------------------------------------------ */

static void look_at_root(struct check *c) {
        _cleanup_(hypervisor_closep) struct hypervisor *h = NULL;
        _cleanup_(live_clear) struct live live = {};
        struct err e = {};
        int r;

        c->under_hvisor = access(DEVICE_NODE, F_OK) == 0 ||
                          access("/proc/device-tree/hvisor_virtio_device", F_OK) == 0 ||
                          access("/proc/device-tree/hvisor_device", F_OK) == 0;
        if (!c->under_hvisor) {
                add(c, SEVERITY_NOTE, "root Linux",
                    "this machine is not under hvisor: not checked against root's own CPUs and RAM");
                return;
        }
        r = hypervisor_hvisor_open(&h, &e);
        if (r >= 0)
                r = hypervisor_observe(h, &live, &e);
        if (r >= 0 && live.root.known) {
                c->root = live.root;
                return;
        }
        (void) diagnostics_add(&c->d, SEVERITY_NOTE, "root Linux", 0, 0, 0, NULL, 0,
                               "not checked against its own CPUs and RAM: %s",
                               r < 0 ? err_text(&e, r) : "/proc/iomem tells its RAM to root only");
}

static bool has_board_file(const struct check *c) {
        for (size_t i = 0; i < c->files.count; i++)
                if (c->files.items[i].kind == BOARD_FILE)
                        return true;
        return false;
}

static bool has_zone(const struct check *c) {
        for (size_t i = 0; i < c->files.count; i++)
                if (c->files.items[i].zone)
                        return true;
        return false;
}

static void look_at_board(struct check *c, const char *option) {
        if (option)
                check_files_read_one(&c->files, BOARD_FILE, option, &c->d);
        else if (!has_board_file(c) && access(BOARD_CONF, F_OK) == 0)
                check_files_read_one(&c->files, BOARD_FILE, BOARD_CONF, &c->d);
        if (!has_board_file(c))
                add(c, SEVERITY_NOTE, BOARD_CONF,
                    "is not there: not checked against the board's CPUs, RAM and GIC (--board=FILE)");
        for (size_t i = 0; i < c->files.count; i++)
                if (c->files.items[i].board)
                        c->board = c->files.items[i].board;
}

/* ---- between zones ---------------------------------------------------------------------------------- */

static void tell_conflict(struct check *c, const struct zone_spec *z, const struct zone_spec *holder) {
        char text[512];
        struct conflict conflict;
        struct spot at;

        if (!zone_conflict_find(z, holder, &conflict))
                return;
        at = zone_spot(z, conflict.object, conflict.key);
        zone_conflict_explain(&conflict, z, holder, text, sizeof(text));
        (void) diagnostics_add(&c->d, SEVERITY_ERROR, at.path, at.line, at.column, at.length, NULL, 0, "%s", text);
}

/* As the daemon would settle it: who comes first has its place, whoever else claims it is told of that one. */
static void check_place(struct check *c, struct claims *claims, const struct zone_spec *z) {
        const struct zone_spec *holder = claims_find(claims, z);

        if (holder)
                tell_conflict(c, z, holder);
        else if (claims_add(claims, z) < 0)
                add(c, SEVERITY_ERROR, z->path, "out of memory");
}

static bool is_checked(const struct check *c, const char *name) {
        for (size_t i = 0; i < c->files.count; i++)
                if (c->files.items[i].zone && strcmp(c->files.items[i].zone->name, name) == 0)
                        return true;
        return false;
}

/* Zones that are installed and would stay beside the new ones; their own mistakes are not asked for. */
static void check_against_installed(struct check *c) {
        _cleanup_(check_done) struct check installed = {};
        _cleanup_(claims_clear) struct claims claims = {};

        check_files_read_zones(&installed.files, &zone_dirs_default, &installed.d);
        for (size_t i = 0; i < installed.files.count; i++) {
                const struct zone_spec *z = installed.files.items[i].zone;

                if (z && !is_checked(c, z->name))
                        check_place(&installed, &claims, z);
        }
        for (size_t i = 0; i < c->files.count; i++) {
                const struct zone_spec *z = c->files.items[i].zone, *holder = z ? claims_find(&claims, z) : NULL;

                if (holder)
                        tell_conflict(c, z, holder);
        }
}

static void check_zones(struct check *c) {
        _cleanup_(claims_clear) struct claims claims = {};

        for (size_t i = 0; i < c->files.count; i++) {
                const struct zone_spec *z = c->files.items[i].zone;

                if (!z)
                        continue;
                if (c->board)
                        (void) zone_check_board(z, c->board, &c->root, &c->d);
                (void) boot_check(z, c->board, !c->under_hvisor, &c->d, NULL);
                if (c->under_hvisor)
                        (void) zone_check_devices(z, &c->d);
                else
                        (void) zone_check_devices_elsewhere(z, &c->d);
                check_place(c, &claims, z);
        }
        check_against_installed(c);
}

/* ---- telling ---------------------------------------------------------------------------------------- */

static void print_text(const struct check *c) {
        size_t count = 0;

        for (size_t i = 0; i < c->files.count; i++)
                count += c->files.items[i].sources.count;
        fflush(stdout);
        diagnostics_print(&c->d, stderr, colour_wanted(stderr));
        printf("%zu file%s, %zu error%s\n", count, count == 1 ? "" : "s", c->d.errors, c->d.errors == 1 ? "" : "s");
}

static json_t *drop_ins_to_json(const struct check_file *f) {
        json_t *list = json_array();

        for (size_t i = 1; i < f->sources.count; i++) {
                const char *path = f->sources.items[i].path;
                _cleanup_free_ char *printable = utf8_printable_copy(path, strlen(path));

                json_array_append_new(list, json_string(printable ?: ""));
        }
        return list;
}

static json_t *file_to_json(const struct check_file *f) {
        json_t *settings = f->zone ? zone_spec_to_json(f->zone) : f->board ? board_spec_to_json(f->board) : NULL;
        _cleanup_free_ char *path = utf8_printable_copy(f->path, strlen(f->path));

        return json_pack("{s:s?, s:o, s:s, s:o}", "file", path, "drop_ins", drop_ins_to_json(f), "kind",
                         f->kind == ZONE_FILE    ? "zone"
                         : f->kind == BOARD_FILE ? "board"
                                                 : "reconciler",
                         "settings", settings ? settings : json_null());
}

static int print_json(const struct check *c) {
        json_t *files = json_array(), *all;
        int r;

        for (size_t i = 0; i < c->files.count; i++)
                json_array_append_new(files, file_to_json(&c->files.items[i]));
        all = json_pack("{s:o, s:o, s:i}", "files", files, "diagnostics", diagnostics_to_json(&c->d), "errors",
                        (int) c->d.errors);
        r = all ? json_dumpf(all, stdout, JSON_INDENT(2)) : -1;
        json_decref(all);
        if (r < 0)
                log_error("out of memory");
        else
                putchar('\n');
        return r;
}

int verb_check(const struct arguments *a) {
        _cleanup_(check_done) struct check c = {};

        for (size_t i = 0; i < a->num_words; i++)
                check_files_read(&c.files, a->words[i], &c.d);
        if (a->num_words == 0)
                check_files_read_zones(&c.files, &zone_dirs_default, &c.d);
        look_at_board(&c, a->options[CHECK_BOARD]);
        if (has_zone(&c)) {
                look_at_root(&c);
                check_zones(&c);
        }
        check_files_quote(&c.files, &c.d);
        if (!a->options[CHECK_JSON])
                print_text(&c);
        else if (print_json(&c) < 0)
                return EXIT_FAILURE;
        return c.d.errors > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
