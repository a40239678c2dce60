/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fd.h"
#include "config/file_name.h"
#include "config/settings.h"
#include "config/zone_listing.h"

static void add(struct diagnostics *d, enum severity severity, const char *path, const char *text) {
        (void) diagnostics_add(d, severity, path, 0, 0, 0, NULL, 0, "%s", text);
}

/* @folder with its slash, the last one of the first @size bytes of the path. */
static bool is_in_folder(const char *path, size_t size, const char *folder) {
        size_t length = strlen(folder);

        return size >= length && strncmp(path + size - length, folder, length) == 0 &&
               (size == length || path[size - length - 1] == '/');
}

/* By name: a copy, or a board's file system on another machine, is checked like the file in its place. */
static enum file_kind kind_of(const char *path) {
        static const struct {
                const char *name;
                enum file_kind kind;
        } names[] = {
                { "board.conf", BOARD_FILE },
                { "board.conf.example", BOARD_FILE },
                { "hvisor.conf", SETTINGS_FILE },
        };
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

        /* Every NAME.conf there is one, whatever it is called. */
        if (zone_file_stem(base) > 0 && is_in_folder(path, (size_t) (base - path), "zones.d/"))
                return ZONE_FILE;
        if (zone_file_stem(base) > 0 && is_in_folder(path, (size_t) (base - path), "boards/"))
                return BOARD_FILE;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (strcmp(base, names[i].name) == 0)
                        return names[i].kind;
        return ZONE_FILE;
}

static void parse(struct check_file *file, struct diagnostics *d) {
        char name[NAME_SIZE * 2];
        struct settings settings;

        if (file->kind == SETTINGS_FILE) {
                (void) settings_parse(file->path, file->text, file->size, d, &settings);
                return;
        }
        if (file->kind == BOARD_FILE) {
                (void) board_spec_parse(file->path, file->text, file->size, d, &file->board);
                return;
        }
        zone_name_of_path(file->path, name, sizeof(name));
        if (zone_spec_parse(name, file->path, file->text, file->size, d, &file->zone) >= 0)
                zone_spec_identify(file->zone);
}

void check_files_read_one(struct check_files *l, enum file_kind kind, const char *path, struct diagnostics *d) {
        struct check_file *items = reallocarray(l->items, l->count + 1, sizeof(*items));
        struct check_file file = { .path = strdup(path), .kind = kind };

        if (items)
                l->items = items;
        if (!items || !file.path) {
                free(file.path);
                add(d, SEVERITY_ERROR, path, "out of memory");
                return;
        }
        if (config_text_load(path, d, &file.text, &file.size) >= 0)
                parse(&file, d);
        l->items[l->count++] = file;
}

static int is_zone_file(const struct dirent *entry) {
        return zone_file_stem(entry->d_name) > 0;
}

void check_files_read_directory(struct check_files *l, const char *path, struct diagnostics *d) {
        struct dirent **entries = NULL;
        int n = scandir(path, &entries, is_zone_file, alphasort);

        if (n < 0)
                add(d, SEVERITY_ERROR, path, strerror(errno));
        if (n == 0)
                add(d, SEVERITY_NOTE, path, "no NAME.conf in it");
        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *file = NULL;

                if (asprintf(&file, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", entries[i]->d_name) < 0)
                        file = NULL;
                free(entries[i]);
                if (file)
                        check_files_read_one(l, kind_of(file), file, d);
                else
                        add(d, SEVERITY_ERROR, path, "out of memory");
        }
        free(entries);
}

/* Return: false if there is no such directory. */
static bool list_directory(struct zone_listing *list, const char *path, unsigned level, struct diagnostics *d) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        int r = fd < 0 ? -errno : zone_listing_add(list, fd, level);

        if (r < 0 && r != -ENOENT)
                add(d, SEVERITY_ERROR, path, strerror(-r));
        return r != -ENOENT;
}

static void read_entry(struct check_files *l, const struct zone_dirs *dirs, const struct zone_entry *e,
                       struct diagnostics *d) {
        const char *directory = dirs->paths[__builtin_ctz(e->levels)];
        _cleanup_free_ char *path = NULL;
        struct stat st;

        if (asprintf(&path, "%s/%s", directory, e->file) < 0) {
                path = NULL;
                add(d, SEVERITY_ERROR, directory, "out of memory");
        } else if (stat(path, &st) == 0 && zone_file_masks(&st))
                add(d, SEVERITY_NOTE, path, "masks the zone: there is none");
        else
                check_files_read_one(l, ZONE_FILE, path, d);
}

void check_files_read_zones(struct check_files *l, const struct zone_dirs *dirs, struct diagnostics *d) {
        _cleanup_(zone_listing_clear) struct zone_listing list = {};
        bool any = false;

        for (unsigned i = 0; dirs->paths[i]; i++)
                any |= list_directory(&list, dirs->paths[i], i, d);
        zone_listing_merge(&list);
        for (size_t i = 0; i < list.count; i++)
                read_entry(l, dirs, &list.entries[i], d);
        if (!any)
                add(d, SEVERITY_ERROR, dirs->paths[0], strerror(ENOENT));
        else if (list.count == 0)
                add(d, SEVERITY_NOTE, dirs->paths[0], "no NAME.conf in it");
}

void check_files_read(struct check_files *l, const char *path, struct diagnostics *d) {
        struct stat st;

        if (path[0] != '\0' && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                check_files_read_directory(l, path, d);
        else
                check_files_read_one(l, kind_of(path), path, d);
}

void check_files_clear(struct check_files *l) {
        for (size_t i = 0; i < l->count; i++) {
                free(l->items[i].path);
                free(l->items[i].text);
                zone_spec_free(l->items[i].zone);
                board_spec_free(l->items[i].board);
        }
        free(l->items);
        *l = (struct check_files){};
}
