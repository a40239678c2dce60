/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/zone_files.h"
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
        const struct zone_source *text = &file->sources.items[0];
        char name[NAME_SIZE * 2];
        struct settings settings;

        switch (file->kind) {
        case SETTINGS_FILE:
                (void) settings_parse(file->path, text->text, text->size, d, &settings);
                break;
        case BOARD_FILE:
                (void) board_spec_parse(file->path, text->text, text->size, d, &file->board);
                break;
        case ZONE_FILE:
                zone_name_of_path(file->path, name, sizeof(name));
                if (zone_spec_merge(name, file->sources.items, file->sources.count, d, &file->zone) >= 0)
                        zone_spec_identify(file->zone);
                break;
        }
}

/* Takes @file over, and parses it where all of it could be read. */
static void keep(struct check_files *l, struct check_file *file, int r, struct diagnostics *d) {
        struct check_file *items = reallocarray(l->items, l->count + 1, sizeof(*items));

        if (items)
                l->items = items;
        if (!items || !file->path || r == -ENOMEM) {
                add(d, SEVERITY_ERROR, file->path ?: "", "out of memory");
                zone_sources_clear(&file->sources);
                free(file->path);
                return;
        }
        if (r >= 0)
                parse(file, d);
        l->items[l->count++] = *file;
}

/* What was asked for without a folder is told without one. */
static void drop_dot(char *path) {
        if (strncmp(path, "./", 2) == 0)
                memmove(path, path + 2, strlen(path) - 1);
}

/* @ret_path: of the zone's file, whatever it is */
static bool is_mask(const char *directory, const char *file, char ret_path[static PATH_MAX]) {
        struct stat st;

        (void) snprintf(ret_path, PATH_MAX, "%s/%s", directory, file);
        return stat(ret_path, &st) == 0 && zone_file_masks(&st);
}

void check_files_read_zone(struct check_files *l, const struct zone_dirs *dirs, unsigned level, const char *file,
                           struct diagnostics *d) {
        struct check_file f = { .kind = ZONE_FILE };
        size_t before = d->count;
        char path[PATH_MAX];
        int r;

        if (is_mask(dirs->paths[level], file, path)) {
                drop_dot(path);
                add(d, SEVERITY_NOTE, path, "masks the zone: there is none");
                return;
        }
        r = zone_files_read(dirs, file, level, &f.sources, d);
        for (size_t i = 0; i < f.sources.count; i++)
                drop_dot(f.sources.items[i].path);
        for (size_t i = before; i < d->count; i++)
                drop_dot(d->items[i].file);
        f.path = f.sources.count > 0 ? strdup(f.sources.items[0].path) : NULL;
        keep(l, &f, r, d);
}

static void read_alone(struct check_files *l, enum file_kind kind, const char *path, struct diagnostics *d) {
        struct check_file f = { .path = strdup(path), .kind = kind };
        int r = -ENOMEM;

        f.sources.items = calloc(1, sizeof(*f.sources.items));
        if (f.sources.items) {
                f.sources.count = 1;
                f.sources.items[0].path = strdup(path);
                r = f.sources.items[0].path
                            ? config_text_load(path, d, &f.sources.items[0].text, &f.sources.items[0].size)
                            : -ENOMEM;
        }
        keep(l, &f, r, d);
}

/* The directories that count for what is in the folder, and which of them it is. */
static struct zone_dirs dirs_of(const char *folder, unsigned *ret_level) {
        for (unsigned i = 0; zone_dirs_default.paths[i]; i++)
                if (strcmp(zone_dirs_default.paths[i], folder) == 0) {
                        *ret_level = i;
                        return zone_dirs_default;
                }
        *ret_level = 0;
        return (struct zone_dirs){ { folder } };
}

/* The folder of a path, without a slash behind it; free(). */
static char *folder_of(const char *path) {
        const char *slash = strrchr(path, '/');

        return slash ? strndup(path, slash == path ? 1 : (size_t) (slash - path)) : strdup(".");
}

void check_files_read_one(struct check_files *l, enum file_kind kind, const char *path, struct diagnostics *d) {
        _cleanup_free_ char *folder = folder_of(path);
        const char *slash = strrchr(path, '/');
        struct zone_dirs dirs;
        unsigned level;

        if (kind != ZONE_FILE || !folder) {
                read_alone(l, kind, path, d);
                return;
        }
        dirs = dirs_of(folder, &level);
        check_files_read_zone(l, &dirs, level, slash ? slash + 1 : path, d);
}

static void tell_orphaned(const struct zone_dirs *dirs, unsigned drop_levels, const char *file, struct diagnostics *d) {
        char path[PATH_MAX];

        for (unsigned i = 0; dirs->paths[i]; i++) {
                if (!(drop_levels & BIT(i)))
                        continue;
                (void) snprintf(path, sizeof(path), "%s/%s" ZONE_DROP_IN_SUFFIX, dirs->paths[i], file);
                (void) diagnostics_add(d, SEVERITY_WARNING, path, 0, 0, 0, NULL, 0,
                                       "drop-ins for no zone: there is no %s", file);
        }
}

static int is_drop_ins(const struct dirent *entry) {
        size_t length = zone_file_length(entry->d_name);

        return length > 0 && entry->d_name[length] != '\0';
}

/* Drop-ins in the directory whose zone is neither there nor in another that counts. */
static void tell_all_orphaned(const char *path, struct diagnostics *d) {
        _cleanup_free_ char *folder = strdup(path);
        struct dirent **entries = NULL;
        int n = scandir(path, &entries, is_drop_ins, alphasort);
        struct zone_dirs dirs;
        unsigned level;

        for (size_t size = folder ? strlen(folder) : 0; size > 1 && folder[size - 1] == '/';)
                folder[--size] = '\0';
        dirs = dirs_of(folder ?: path, &level);

        for (int i = 0; i < n; i++) {
                char *file = entries[i]->d_name;

                file[zone_file_length(file)] = '\0';
                if (zone_files_levels(&dirs, file) == 0)
                        tell_orphaned(&dirs, BIT(level), file, d);
                free(entries[i]);
        }
        free(entries);
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
        tell_all_orphaned(path, d);
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
        if (e->levels == 0)
                tell_orphaned(dirs, e->drop_levels, e->file, d);
        else
                check_files_read_zone(l, dirs, (unsigned) __builtin_ctz(e->levels), e->file, d);
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

static bool is_read(const struct check_files *l, const char *path) {
        for (size_t i = 0; i < l->count; i++)
                for (size_t j = 0; j < l->items[i].sources.count; j++)
                        if (strcmp(l->items[i].sources.items[j].path, path) == 0)
                                return true;
        return false;
}

/* Once, for all drop-ins of it that are named; @path: the one that is, NULL: their directory. */
static void read_zone_of(struct check_files *l, const char *above, const char *file, const char *path,
                         struct diagnostics *d) {
        unsigned level, levels;
        struct zone_dirs dirs = dirs_of(above, &level);
        char zone[PATH_MAX];

        levels = zone_files_levels(&dirs, file);
        if (levels == 0) {
                tell_orphaned(&dirs, BIT(level), file, d);
                return;
        }
        level = (unsigned) __builtin_ctz(levels);
        (void) snprintf(zone, sizeof(zone), "%s/%s", dirs.paths[level], file);
        if (!is_read(l, strncmp(zone, "./", 2) == 0 ? zone + 2 : zone))
                check_files_read_zone(l, &dirs, level, file, d);
        if (path && !is_read(l, path))
                add(d, SEVERITY_NOTE, path, "does not count: it is masked, hidden, or no NAME.conf");
}

/* @folder: NAME.conf.d; @path: in it, or NULL */
static void read_drop_in(struct check_files *l, const char *path, const char *folder, struct diagnostics *d) {
        _cleanup_free_ char *above = folder_of(folder), *file = NULL;
        const char *slash = strrchr(folder, '/'), *name = slash ? slash + 1 : folder;

        file = strndup(name, zone_file_length(name));
        if (above && file)
                read_zone_of(l, above, file, path, d);
        else
                add(d, SEVERITY_ERROR, folder, "out of memory");
}

/* Return: the length of NAME.conf, 0: it is no directory of drop-ins. */
static size_t drop_ins_length(const char *folder) {
        const char *slash = strrchr(folder, '/'), *name = slash ? slash + 1 : folder;
        size_t length = zone_file_length(name);

        return name[length] != '\0' ? length : 0;
}

/* The whole path of a file that is named without a folder, if the folder is one of drop-ins; else NULL. */
static char *path_from_here(const char *path) {
        _cleanup_free_ char *here = strchr(path, '/') ? NULL : getcwd(NULL, 0);
        char *whole;

        if (!here || drop_ins_length(here) == 0 || asprintf(&whole, "%s/%s", here, path) < 0)
                return NULL;
        return whole;
}

static void read_named(struct check_files *l, const char *path, struct diagnostics *d) {
        const char *slash = strrchr(path, '/');
        enum file_kind kind = kind_of(path);

        if (kind == ZONE_FILE && zone_file_stem(slash ? slash + 1 : path) == 0)
                add(d, SEVERITY_NOTE, path, "the reconciler reads only what is called NAME.conf");
        check_files_read_one(l, kind, path, d);
}

void check_files_read(struct check_files *l, const char *path, struct diagnostics *d) {
        _cleanup_free_ char *whole = path_from_here(path), *folder = folder_of(whole ?: path);
        struct stat st;

        if (folder && drop_ins_length(folder) > 0)
                read_drop_in(l, whole ?: path, folder, d);
        else if (path[0] != '\0' && stat(path, &st) == 0 && S_ISDIR(st.st_mode) && drop_ins_length(path) > 0)
                read_drop_in(l, NULL, path, d);
        else if (path[0] != '\0' && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
                check_files_read_directory(l, path, d);
        else if (!is_read(l, path))
                read_named(l, path, d);
}

void check_files_quote(const struct check_files *l, struct diagnostics *d) {
        for (size_t i = 0; i < l->count; i++) {
                const struct zone_sources *s = &l->items[i].sources;

                for (size_t j = 0; j < s->count; j++)
                        diagnostics_quote(d, s->items[j].path, s->items[j].text, s->items[j].size);
        }
}

void check_files_clear(struct check_files *l) {
        for (size_t i = 0; i < l->count; i++) {
                free(l->items[i].path);
                zone_sources_clear(&l->items[i].sources);
                zone_spec_free(l->items[i].zone);
                board_spec_free(l->items[i].board);
        }
        free(l->items);
        *l = (struct check_files){};
}
