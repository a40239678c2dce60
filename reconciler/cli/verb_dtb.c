/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor dtb: the device tree that a zone's guest gets, and what root Linux' own has to have for the zones. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/fd.h"
#include "base/log.h"
#include "boot/boot.h"
#include "boot/tree_text.h"
#include "cli/look.h"
#include "cli/root_nodes.h"
#include "cli/verb.h"
#include "cli/zone_lookup.h"

static int failed(int r) {
        if (r == -ENOMEM)
                log_error("out of memory");
        return EXIT_FAILURE;
}

/* ---- of a zone -------------------------------------------------------------------------------------- */

static bool is_file(const char *word) {
        size_t size = strlen(word);

        return strchr(word, '/') || (size > 5 && strcmp(word + size - 5, ".conf") == 0);
}

static const struct zone_spec *find_zone(struct look *l, const char *word) {
        const struct zone_spec *z;
        struct zone_paths paths;
        struct err e = {};
        struct stat st;

        if (stat(word, &st) == 0 && S_ISDIR(st.st_mode)) {
                log_error("%s is a directory; one zone has one device tree: hvisor dtb FILE, or --root for all", word);
                return NULL;
        }
        if (is_file(word)) {
                check_files_read(&l->files, word, &l->d);
                return l->files.count > 0 ? l->files.items[l->files.count - 1].zone : NULL;
        }
        if (zone_lookup(&zone_dirs_default, word, &paths, &e) < 0) {
                log_error("%s", err_text(&e, -EINVAL));
                return NULL;
        }
        if (paths.levels == 0) {
                zone_say_none(&zone_dirs_default, &paths, word);
                return NULL;
        }
        if (paths.masked) {
                log_error("zone %s is masked by %s", word, paths.path);
                return NULL;
        }
        look_at_zones(l);
        z = look_find_zone(l, word);
        if (!z)
                log_error("there is no zone %s whose file is right; hvisor check tells what is wrong with one", word);
        return z;
}

/* A pipe or a device is written to; a file is replaced, and a symlink stays one. */
static int write_blob(const struct tree *t, const char *path) {
        const bool is_stdout = strcmp(path, "-") == 0;
        _cleanup_free_ char *real = NULL;
        struct stat st;
        FILE *f;
        int r;

        if (!is_stdout && (stat(path, &st) < 0 || S_ISREG(st.st_mode))) {
                real = realpath(path, NULL);
                return file_write_atomic(real ?: path, t->blob, t->size);
        }
        f = is_stdout ? stdout : fopen(path, "we");
        if (!f)
                return -errno;
        r = fwrite(t->blob, 1, t->size, f) == t->size && fflush(f) == 0 ? 0 : -errno;
        if (!is_stdout)
                fclose(f);
        return r;
}

static int write_tree(const struct tree *t, const char *path) {
        int r;

        if (!path) {
                tree_write_text(t, stdout);
                return EXIT_SUCCESS;
        }
        r = write_blob(t, path);
        if (r < 0)
                log_error("%s cannot be written: %s", path, strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int show_zone(struct look *l, const struct zone_spec *z, const char *output) {
        const bool elsewhere = access(DEVICE_NODE, F_OK) < 0;
        _cleanup_(boot_close) struct boot boot = BOOT_NONE;
        _cleanup_(tree_clear) struct tree tree = {};
        const struct boot_file *file = &boot.parts[BOOT_DEVICE_TREE];
        const char *why = NULL;
        int r;

        if (!z->device_tree.path) {
                log_error("%s has no DeviceTree=; DeviceTree=auto would make one", z->path);
                return EXIT_FAILURE;
        }
        r = boot_check(z, l->board, elsewhere, &l->d, &boot);
        look_tell(l);
        if (r < 0 || file->fd < 0)
                return failed(r);
        r = tree_load(file->fd, file->size, z->device_tree.path, &tree, &why);
        if (r < 0) {
                log_error("%s %s", z->device_tree.path, why ?: strerror(-r));
                return EXIT_FAILURE;
        }
        return write_tree(&tree, output);
}

/* ---- of root Linux ---------------------------------------------------------------------------------- */

static bool has_zone(const struct look *l) {
        for (size_t i = 0; i < l->files.count; i++)
                if (l->files.items[i].zone)
                        return true;
        return false;
}

/* @path: NULL: of the zones that are installed */
static int show_root(struct look *l, const char *path) {
        _cleanup_(root_nodes_freep) struct root_nodes *nodes = root_nodes_new();
        struct root_tree tree = {};
        struct err e = {};
        bool whole;
        int r;

        if (path)
                check_files_read(&l->files, path, &l->d);
        else
                check_files_read_zones(&l->files, &zone_dirs_default, &l->d);
        look_tell(l);
        if (path && l->d.errors > 0 && !has_zone(l))
                return EXIT_FAILURE;
        for (size_t i = 0; i < l->files.count; i++)
                if (!nodes || (l->files.items[i].zone && root_nodes_add(nodes, l->files.items[i].zone) < 0))
                        return failed(-ENOMEM);
        if (!nodes)
                return failed(-ENOMEM);
        r = root_tree_read(ROOT_TREE, &tree, &e);
        if (r < 0)
                log_warning("%s is not compared: %s", ROOT_TREE, err_text(&e, r));
        whole = root_nodes_write(nodes, l->board, &tree, stdout);
        fflush(stdout);
        if (!whole)
                log_warning("the node lacks its interrupt: hvisor.ko will not load; set WakeupInterrupt= (or Board=) "
                            "in board.conf");
        if (r >= 0 && tree.known && root_nodes_compare(nodes, l->board, &tree, stderr) == 0)
                fputs("root Linux' device tree has all of it\n", stderr);
        return l->d.errors > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int verb_dtb(const struct arguments *a) {
        _cleanup_(look_done) struct look l = {};
        const struct zone_spec *z;

        if (a->options[DTB_ROOT] ? a->options[DTB_OUTPUT] != NULL : a->num_words == 0) {
                log_error("either of a zone, hvisor dtb ZONE [--output=FILE], or of root Linux, hvisor dtb --root "
                          "[FILE|DIRECTORY]");
                return EXIT_FAILURE;
        }
        look_at_board(&l, a->options[DTB_BOARD]);
        if (a->options[DTB_ROOT])
                return show_root(&l, a->num_words > 0 ? a->words[0] : NULL);
        z = find_zone(&l, a->words[0]);
        if (z)
                return show_zone(&l, z, a->options[DTB_OUTPUT]);
        look_tell(&l);
        return EXIT_FAILURE;
}
