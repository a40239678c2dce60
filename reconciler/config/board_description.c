/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/board_description.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/hash.h"
#include "config/file_name.h"
#include "config/parse.h"

size_t board_directories(const char *ret[BOARD_DIRECTORIES_MAX]) {
        const char *other = getenv("HVISOR_BOARDS");

        ret[0] = other && other[0] ? other : OWN_BOARDS_DIR;
        ret[1] = BOARDS_DIR;
        return other && other[0] ? 1 : 2;
}

int board_description_load(const char *name, char **ret_path, char **ret, size_t *ret_size) {
        const char *where[BOARD_DIRECTORIES_MAX];
        size_t n = board_directories(where);
        int r = -ENOENT;

        *ret_path = NULL;
        for (size_t i = 0; i < n && r == -ENOENT; i++) {
                _cleanup_free_ char *path = NULL;

                if (asprintf(&path, "%s/%s.conf", where[i], name) < 0) {
                        path = NULL;
                        return -ENOMEM;
                }
                r = file_read(AT_FDCWD, path, CONFIG_FILE_MAX, ret, ret_size);
                if (r != -ENOENT)
                        *ret_path = TAKE_PTR(path);
        }
        return r;
}

bool board_description_is_current(const struct board_spec *b) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t size;

        if (b->description[0] == '\0')
                return true;
        return board_description_load(b->description, &path, &text, &size) >= 0 &&
               strcmp(path, b->description_path) == 0 && hash_bytes(HASH_INIT, text, size) == b->description_hash;
}

/* ---- which there are -------------------------------------------------------------------------------- */

void board_names_clear(struct board_names *n) {
        for (size_t i = 0; i < n->count; i++) {
                free(n->names[i]);
                free(n->paths[i]);
        }
        free(n->names);
        free(n->paths);
        *n = (struct board_names){};
}

/* Where it is, or belongs. */
static size_t place_of_name(const struct board_names *n, const char *name) {
        size_t i = 0;

        while (i < n->count && strcmp(n->names[i], name) < 0)
                i++;
        return i;
}

static void make_room(char **list, size_t count, size_t at, char *item) {
        memmove(&list[at + 1], &list[at], (count - at) * sizeof(*list));
        list[at] = item;
}

static bool grow(char ***list, size_t count) {
        char **grown = reallocarray(*list, count + 1, sizeof(*grown));

        if (grown)
                *list = grown;
        return grown;
}

static int add_name(struct board_names *n, const char *directory, const char *file, size_t stem) {
        _cleanup_free_ char *name = strndup(file, stem), *path = NULL;
        size_t at;

        if (!name || asprintf(&path, "%s/%s", directory, file) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        at = place_of_name(n, name);
        if (at < n->count && strcmp(n->names[at], name) == 0)
                return 0; /* of a directory that comes first */
        if (!grow(&n->names, n->count) || !grow(&n->paths, n->count))
                return -ENOMEM;
        make_room(n->names, n->count, at, TAKE_PTR(name));
        make_room(n->paths, n->count, at, TAKE_PTR(path));
        n->count++;
        return 0;
}

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

static int read_directory(struct board_names *n, const char *path) {
        _cleanup_(closedirp) DIR *d = opendir(path);
        const struct dirent *entry;
        int r = 0;

        while (d && r == 0 && (entry = readdir(d))) {
                size_t stem = zone_file_stem(entry->d_name);

                if (stem > 0)
                        r = add_name(n, path, entry->d_name, stem);
        }
        return r;
}

int board_names_read(struct board_names *ret) {
        const char *where[BOARD_DIRECTORIES_MAX];
        size_t n = board_directories(where);
        int r = 0;

        for (size_t i = 0; r == 0 && i < n; i++)
                r = read_directory(ret, where[i]);
        if (r < 0)
                board_names_clear(ret);
        return r;
}

const char *board_names_find(const struct board_names *n, const char *name) {
        for (size_t i = 0; i < n->count; i++)
                if (strcmp(n->names[i], name) == 0)
                        return n->paths[i];
        return NULL;
}
