/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvisor check: everything that can be told of files without changing anything.
 * What this machine cannot tell (it is not under hvisor, has no board.conf,
 * lacks an image) is named as not checked.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/log.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "config/check.h"
#include "config/file_name.h"
#include "config/parse.h"
#include "hypervisor/hypervisor.h"

struct check {
        struct diagnostics d;
        struct board_spec *board;
        struct root_facts root;
        bool under_hvisor; /* this machine is one that zones run on */
        struct zone_spec **zones;
        size_t num_zones;
        size_t num_files;
        bool board_given; /* a board file was named, right or wrong */
};

static void check_done(struct check *c) {
        diagnostics_clear(&c->d);
        board_spec_free(c->board);
        for (size_t i = 0; i < c->num_zones; i++)
                zone_spec_free(c->zones[i]);
        free(c->zones);
}

static void add(struct check *c, enum severity severity, const char *file, const char *text) {
        (void) diagnostics_add(&c->d, severity, file, 0, 0, 0, NULL, 0, "%s", text);
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static bool is_board_file(const char *path) {
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

        return strcmp(base, "board.conf") == 0 || strcmp(base, "board.conf.example") == 0;
}

static void read_board(struct check *c, const char *path) {
        struct board_spec *b = NULL;

        c->num_files++;
        c->board_given = true;
        if (board_spec_load(path, &c->d, &b) < 0)
                return;
        board_spec_free(c->board);
        c->board = b;
}

static void read_zone(struct check *c, const char *path) {
        struct zone_spec *z = NULL, **grown;

        c->num_files++;
        if (zone_spec_load(path, &c->d, &z) < 0)
                return;
        grown = reallocarray(c->zones, c->num_zones + 1, sizeof(*grown));
        if (!grown) {
                zone_spec_free(z);
                add(c, SEVERITY_ERROR, path, "out of memory");
                return;
        }
        c->zones = grown;
        c->zones[c->num_zones++] = z;
}

static int is_zone_file(const struct dirent *entry) {
        return zone_file_stem(entry->d_name) > 0;
}

static void read_directory(struct check *c, const char *path) {
        struct dirent **entries = NULL;
        int n = scandir(path, &entries, is_zone_file, alphasort);

        if (n < 0)
                add(c, SEVERITY_ERROR, path, strerror(errno));
        if (n == 0)
                add(c, SEVERITY_NOTE, path, "no NAME.conf in it");
        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *file = NULL;

                if (asprintf(&file, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", entries[i]->d_name) < 0)
                        file = NULL;
                free(entries[i]);
                if (!file)
                        add(c, SEVERITY_ERROR, path, "out of memory");
                else if (is_board_file(file))
                        read_board(c, file);
                else
                        read_zone(c, file);
        }
        free(entries);
}

static void read_path(struct check *c, const char *path) {
        struct stat st;

        if (path[0] != '\0' && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                read_directory(c, path);
        else if (is_board_file(path))
                read_board(c, path);
        else
                read_zone(c, path);
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

static void look_at_board(struct check *c, const char *option) {
        if (option)
                read_board(c, option);
        else if (!c->board_given && access(BOARD_CONF, F_OK) == 0)
                read_board(c, BOARD_CONF);
        if (!c->board_given)
                add(c, SEVERITY_NOTE, BOARD_CONF,
                    "is not there: not checked against the board's CPUs, RAM and GIC (--board=FILE)");
}

/* ---- between zones ---------------------------------------------------------------------------------- */

static void check_pair(struct check *c, const struct zone_spec *z, const struct zone_spec *other) {
        char text[256];

        if (zone_conflict(z, other, text, sizeof(text)))
                (void) diagnostics_add(&c->d, SEVERITY_ERROR, z->path, 0, 0, 0, NULL, 0, "%s (%s)", text, other->path);
}

static bool is_checked(const struct check *c, const char *name) {
        for (size_t i = 0; i < c->num_zones; i++)
                if (strcmp(c->zones[i]->name, name) == 0)
                        return true;
        return false;
}

/* Zones that are installed and would stay beside the new ones; their own mistakes are not asked for. */
static void check_against_installed(struct check *c) {
        _cleanup_(check_done) struct check installed = {};

        if (access(ZONES_DIR, R_OK | X_OK) < 0)
                return;
        read_directory(&installed, ZONES_DIR);
        for (size_t i = 0; i < installed.num_zones; i++)
                for (size_t j = 0; j < c->num_zones && !is_checked(c, installed.zones[i]->name); j++)
                        check_pair(c, c->zones[j], installed.zones[i]);
}

static void check_zones(struct check *c) {
        for (size_t i = 0; i < c->num_zones; i++) {
                const struct zone_spec *z = c->zones[i];

                if (c->board)
                        (void) zone_check_board(z, c->board, &c->root, &c->d);
                if (c->under_hvisor)
                        (void) zone_check_images(z, &c->d);
                else
                        (void) zone_check_images_elsewhere(z, &c->d);
                for (size_t j = 0; j < i; j++)
                        check_pair(c, z, c->zones[j]);
        }
        check_against_installed(c);
}

int verb_check(const struct arguments *a) {
        _cleanup_(check_done) struct check c = {};

        for (size_t i = 0; i < a->num_words; i++)
                read_path(&c, a->words[i]);
        if (a->num_words == 0)
                read_directory(&c, ZONES_DIR);
        look_at_board(&c, a->options[CHECK_BOARD]);
        if (c.num_zones > 0) {
                look_at_root(&c);
                check_zones(&c);
        }
        fflush(stdout);
        diagnostics_print(&c.d, stderr, colour_wanted(stderr));
        printf("%zu file%s, %zu error%s\n", c.num_files, c.num_files == 1 ? "" : "s", c.d.errors,
               c.d.errors == 1 ? "" : "s");
        return c.d.errors > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
