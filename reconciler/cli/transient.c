/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/transient.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "import/import.h"
#include "cli/transient_devices.h"
#include "config/file_name.h"
#include "config/parse.h"

static int tell(struct diagnostics *d, const char *path, int r) {
        (void) diagnostics_add(d, SEVERITY_ERROR, path, 0, 0, 0, NULL, 0, "cannot be written: %s", strerror(-r));
        return r;
}

/* ---- one at a time ---------------------------------------------------------------------------------- */

int transient_open(const char *directory, const char *zones, struct transient *ret, struct err *e) {
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];
        int r;

        (void) snprintf(path, sizeof(path), "%s/lock", directory);
        r = mkdir_parents(path);
        if (r >= 0)
                fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (r >= 0 && (fd < 0 || flock(fd, LOCK_EX) < 0))
                r = -errno;
        if (r < 0)
                return err_set(e, r, "%s: %s%s", directory, strerror(-r), r == -EACCES ? "; become root (sudo)" : "");
        *ret = (struct transient){ .directory = directory, .zones = zones, .lock = TAKE_FD(fd) };
        return 0;
}

void transient_close(struct transient *t) {
        t->lock = fd_close(t->lock);
}

/* ---- where things are ------------------------------------------------------------------------------- */

static void folder_of(const struct transient *t, uint32_t id, char path[static PATH_MAX]) {
        (void) snprintf(path, PATH_MAX, "%s/%" PRIu32, t->directory, id);
}

static void file_of(const struct transient *t, const char *name, char path[static PATH_MAX]) {
        (void) snprintf(path, PATH_MAX, "%s/%s.conf", t->zones, name);
}

static void base_of(const struct transient *t, uint32_t id, const char *name, char path[static PATH_MAX]) {
        (void) snprintf(path, PATH_MAX, "%s/%" PRIu32 "/%s.conf", t->directory, id, name);
}

static bool find_base(const struct transient *t, uint32_t id, char name[NAME_SIZE]) {
        _cleanup_(closedirp) DIR *dir = NULL;
        const struct dirent *entry;
        char path[PATH_MAX];

        folder_of(t, id, path);
        dir = opendir(path);
        while (dir && (entry = readdir(dir))) {
                size_t length = zone_file_stem(entry->d_name);

                if (length == 0 || length >= NAME_SIZE)
                        continue;
                (void) snprintf(name, NAME_SIZE, "%.*s", (int) length, entry->d_name);
                return zone_name_valid(name);
        }
        return false;
}

bool transient_zone_name(const struct transient *t, uint32_t id, char ret[NAME_SIZE]) {
        char path[PATH_MAX], name[NAME_SIZE];

        if (!find_base(t, id, name))
                return false;
        file_of(t, name, path);
        if (access(path, F_OK) < 0)
                return false;
        memcpy(ret, name, NAME_SIZE);
        return true;
}

/* ---- the zone's file -------------------------------------------------------------------------------- */

static int write_file(const char *path, const char *text, struct diagnostics *d) {
        int r = mkdir_parents(path);

        if (r >= 0)
                r = file_write_atomic(path, text, strlen(text));
        return r < 0 ? tell(d, path, r) : 0;
}

static int add_devices(const struct transient *t, struct import *i) {
        char folder[PATH_MAX], what[64];
        json_t *root;
        int r;

        folder_of(t, i->zone->id, folder);
        root = transient_devices_merge(folder, i->zone->id);
        if (!root)
                return -ENOMEM;
        (void) snprintf(what, sizeof(what), "virtio devices of zone %" PRIu32, i->zone->id);
        r = import_devices(i, what, root);
        json_decref(root);
        return r;
}

/* Each section after an empty line. */
static int write_text(const struct zone_spec *z, const char *plain, char **ret) {
        size_t size;
        FILE *f = open_memstream(ret, &size);

        if (!f)
                return -ENOMEM;
        fprintf(f,
                "# Made by `hvisor zone start` and `hvisor virtio start`; it goes with `hvisor zone shutdown -id "
                "%" PRIu32 "`.\n"
                "# `hvisor import` makes one that stays, for " ZONES_DIR ".\n",
                z->id);
        for (const char *line = plain, *end; *line; line = end) {
                end = strchr(line, '\n') + 1;
                fprintf(f, "%s%.*s", *line == '[' ? "\n" : "", (int) (end - line), line);
        }
        if (fclose(f) == 0)
                return 0;
        free(*ret);
        *ret = NULL;
        return -ENOMEM;
}

/* What it says is read again, as the reconciler will. */
static int compose(const struct import *i, const char *path, char **ret) {
        _cleanup_(zone_spec_freep) struct zone_spec *parsed = NULL;
        _cleanup_free_ char *plain = NULL, *text = NULL;
        int r = zone_spec_format(i->zone, &plain);

        if (r >= 0)
                r = write_text(i->zone, plain, &text);
        if (r < 0)
                return r;
        r = zone_spec_parse(i->zone->name, path, text, strlen(text), i->d, &parsed);
        if (r >= 0)
                *ret = TAKE_PTR(text);
        return r;
}

/* From what was asked for to what the reconciler sees. */
static int make_file(const struct transient *t, uint32_t id, const char *name, struct diagnostics *d) {
        _cleanup_(import_clear) struct import i = { .d = d };
        char path[PATH_MAX], base[PATH_MAX];
        _cleanup_free_ char *text = NULL;
        int r;

        base_of(t, id, name, base);
        file_of(t, name, path);
        r = zone_spec_load(base, d, &i.zone);
        if (r >= 0)
                r = add_devices(t, &i);
        if (r >= 0)
                r = compose(&i, path, &text);
        return r < 0 ? r : write_file(path, text, d);
}

/* Without devices, which come later, it has to be a zone as well. */
static int check_zone(const struct zone_spec *z, const char *plain, struct diagnostics *d) {
        _cleanup_(zone_spec_freep) struct zone_spec *parsed = NULL;
        char name[NAME_SIZE + sizeof(".conf")];

        (void) snprintf(name, sizeof(name), "%s.conf", z->name);
        return zone_spec_parse(z->name, name, plain, strlen(plain), d, &parsed);
}

/* A zone's name is one zone's only: what another id had it for is over. */
static void forget_namesakes(const struct transient *t, const struct zone_spec *z) {
        _cleanup_(closedirp) DIR *dir = opendir(t->directory);
        const struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                char path[PATH_MAX], *end;
                unsigned long id = strtoul(entry->d_name, &end, 10);

                if (*end != '\0' || end == entry->d_name || id > UINT32_MAX || id == z->id)
                        continue;
                base_of(t, (uint32_t) id, z->name, path);
                (void) unlink(path);
        }
}

int transient_put_zone(struct transient *t, const struct zone_spec *z, struct diagnostics *d) {
        _cleanup_free_ char *plain = NULL;
        char base[PATH_MAX];
        int r = zone_spec_format(z, &plain);

        if (r >= 0)
                r = check_zone(z, plain, d);
        if (r < 0)
                return r;
        (void) transient_drop_zone(t, z->id);
        transient_forget_devices(t, z->id);
        forget_namesakes(t, z);
        base_of(t, z->id, z->name, base);
        r = write_file(base, plain, d);
        if (r >= 0)
                r = make_file(t, z->id, z->name, d);
        if (r < 0)
                (void) unlink(base);
        return r;
}

int transient_drop_zone(struct transient *t, uint32_t id) {
        char path[PATH_MAX], name[NAME_SIZE];
        int r = 0;

        while (r == 0 && find_base(t, id, name)) {
                file_of(t, name, path);
                if (unlink(path) < 0 && errno != ENOENT)
                        return -errno;
                base_of(t, id, name, path);
                r = unlink(path) < 0 ? -errno : 0;
        }
        return r;
}

/* ---- devices ---------------------------------------------------------------------------------------- */

void transient_forget_devices(struct transient *t, uint32_t id) {
        char folder[PATH_MAX];

        folder_of(t, id, folder);
        transient_devices_forget(folder);
        (void) rmdir(folder); /* others wait, or the zone is there: not empty */
}

const struct range *transient_lacks(const struct transient *t, uint32_t id, const struct range *windows, size_t count) {
        char folder[PATH_MAX];

        folder_of(t, id, folder);
        for (size_t i = 0; i < count; i++)
                if (!transient_devices_cover(folder, &windows[i]))
                        return &windows[i];
        return NULL;
}

int transient_add_devices(struct transient *t, uint32_t id, json_t *zone, int *ret_fd, struct diagnostics *d) {
        char folder[PATH_MAX], name[NAME_SIZE];
        bool there = transient_zone_name(t, id, name);
        int fd, r;

        folder_of(t, id, folder);
        if (!there)
                transient_devices_forget(folder);
        r = transient_devices_claim(folder, id, zone, d);
        if (r < 0)
                return r;
        r = transient_devices_write(folder, zone, &fd);
        if (r < 0)
                return tell(d, folder, r);
        if (there)
                r = make_file(t, id, name, d);
        if (r < 0) {
                transient_devices_remove(folder);
                close(fd);
                return r;
        }
        transient_devices_take_over(folder, zone);
        *ret_fd = fd;
        return 0;
}

int transient_end_devices(struct transient *t, uint32_t id, int fd, struct diagnostics *d) {
        char folder[PATH_MAX], name[NAME_SIZE];
        int r = 0;

        folder_of(t, id, folder);
        if (transient_zone_name(t, id, name)) {
                r = transient_devices_disable(folder);
                r = r < 0 ? tell(d, folder, r) : make_file(t, id, name, d);
        } else {
                transient_devices_remove(folder);
                (void) rmdir(folder);
        }
        close(fd);
        return r;
}
