/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/dirs.h"
#include "boot/boot.h"
#include "check/claims.h"
#include "hypervisor/hypervisor.h"

void check_done(struct check *c) {
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
                add(c, SEVERITY_NOTE, BOARD_CONF, "is not there: not checked against the board's CPUs, RAM and GIC");
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

void check_all(struct check *c, const char *board) {
        look_at_board(c, board);
        if (has_zone(c)) {
                look_at_root(c);
                check_zones(c);
        }
        check_files_quote(&c->files, &c->d);
}
